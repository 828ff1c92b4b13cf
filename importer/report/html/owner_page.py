"""What ``report.html`` tells the owner of the data: what is wrong, what to do, and what the list becomes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from importer.catalogue import CODES
from importer.catalogue.field_names import ADDRESS_PARTS, full_field_name
from importer.records import Location, Severity
from importer.report.cells_to_fill import parts_to_fill
from importer.report.correction_list import OWNER_TITLES, corrections_in_force
from importer.report.html.figures import inventory
from importer.report.html.shown_customers import cut
from importer.report.plain_words import owner_fix, owner_title, owner_words
from importer.report.rejected import rows_to_fix
from importer.report.report_input import Reader, ReportInput
from importer.report.word_counts import LOOKED_UP
from importer.tables import Positions, plain_lines
from importer.wording import all_of, counted

CELLS = 15  # shown per kind of problem
KINDS = 40
BRIEF = 5  # kinds named at the top of the page
MOST_CORRECTIONS = 200
_WHOLE = 4  # a column with at least this many parts of an address is called a whole address
_NOT_SENT = {
    "sensitive": "Not read: sensitive data, such as bank accounts, card numbers, tax IDs, or passwords",
    "used": "Only used to match rows to their customer",  # a key: the customer gets its ID from a different column
    "rule": "Only used to match rows to their customer, or to decide which rows to import and how",
    "ignored": "Left out on purpose",
    "unused": "Not used",
    "unclaimed": "Not used in these rows",
    "passed_over": "Not used: another column's value is used instead",
    "left_out": "Left out: none of the values can be used",
    "blank_text": "Placeholder for an empty value",
}
_RED = "Red cells are wrong."
_YELLOW = "Review the yellow cells."
_COLORS = "Hover over a colored cell to see what is wrong, and correct it. Some cells offer a list to choose from."
_NOTHING_SENT = "Its rows are not sent"
_IN_PARTS = (
    "Enter the whole address again, or fill in its parts in the blue cells next to it, at least the street and the "
    "city."
)


def owner_context(
    report: ReportInput, summary: Mapping[str, Any], accounts: Sequence[Mapping[str, Any]], reader: Reader
) -> dict[str, Any]:
    """What only the owner's template needs. ``accounts``: see ``column_accounts``."""
    wrong, doubtful = _to_fix(report)
    groups = _groups(report, wrong, "error")
    cells = _cells(report, wrong)
    rows = summary["rows"]["rejected_alone"]
    return {
        "title": _title(summary, cells, reader),
        "subtitle": _subtitle(summary),
        "brief": _brief(groups),
        "steps": _steps(summary, cells, rows, reader, yellow=_has_cells_to_review(report, doubtful)),
        "wrong": groups,
        "doubts": _groups(report, doubtful, "warning"),
        "columns": column_map(accounts),
        "inventory": [_by_name(part) for part in inventory(report)],
        "several": len({line["source"] for line in accounts}) > 1,
        "corrections": corrections_in_force(report),
        "correction_titles": OWNER_TITLES,
        "most_corrections": MOST_CORRECTIONS,
    }


def _to_fix(report: ReportInput) -> tuple[Positions, Positions]:
    """The problems in rows that keep something from being sent, and those that only need a review."""
    kinds = report.located.kinds
    placed = (kinds["_row"] >= 0).to_numpy()
    warnings = report.located.of(Severity.WARNING)
    serious = [name for name, code in CODES.items() if code.severity is Severity.ERROR]
    lost = np.append(report.lost_child, False)[kinds["_customer"].to_numpy(np.int64)]
    lost &= warnings & kinds["code"].isin(serious).to_numpy() & kinds["entity"].isin(["address", "contact"]).to_numpy()
    wrong = placed & (report.located.of(Severity.ERROR) | lost)
    return np.flatnonzero(wrong), np.flatnonzero(placed & warnings & ~lost)


def _cells(report: ReportInput, at: Positions) -> int:
    """How many cells have these problems. A row with a problem of the whole row counts as one more cell."""
    kinds = report.located.kinds.iloc[at]
    return len(kinds[["_row", "column"]].drop_duplicates())


def _groups(report: ReportInput, at: Positions, tone: str) -> list[dict[str, Any]]:
    """The problems by kind and column, each with its first cells; the most frequent come first."""
    kinds = report.located.kinds.iloc[at]
    keys = list(zip(kinds["code"].astype(str), kinds["column"].astype("string").fillna(""), strict=True))
    packed = {(parts.column, int(row)) for own in parts_to_fill(report) for parts in own for row in parts.rows}
    kind, every = pd.factorize(pd.Series(keys, dtype=object))
    order = np.argsort(-np.bincount(kind, minlength=len(every)), kind="stable")[:KINDS]
    out = []
    for number in order.tolist():
        (code, column), places = every[number], np.flatnonzero(kind == number)
        first = at[places[:CELLS]]
        lines = plain_lines(report.located.lines(first))
        rows = report.located.kinds["_row"].to_numpy(np.int64)[first].tolist()
        in_parts = tone == "error" and all((column, row) in packed for row in rows)
        out.append(
            {
                "title": "The address could not be split into its parts" if in_parts else owner_title(code),
                "column": column or "The whole row",
                "tone": tone,
                "do": _IN_PARTS if in_parts else owner_fix(code),
                "count": len(places),
                "more": len(places) - len(first),
                "cells": [_cell(report, line) for line in lines],
            }
        )
    return out


def _cell(report: ReportInput, known: Mapping[str, Any]) -> dict[str, str]:
    _, message, hint = owner_words(known["code"] or "", known["message"] or "", known["hint"] or "")
    where = f"Row {known['row']}"
    if len(report.sources.tables) > 1:
        where = f"{Location(known['source'] or '', known['sheet'], None, None)}, row {known['row']}"
    texts = {"customer": known["reference_id"] or "", "text": known["value"] or "", "message": message, "hint": hint}
    return {"where": where, **{name: cut(text) for name, text in texts.items()}}


def _by_name(part: Mapping[str, Any]) -> dict[str, Any]:
    """Values to confirm. IDs that were looked up are replaced by ``found``, because the owner knows only the names."""
    if part["field"] not in LOOKED_UP:
        return dict(part)
    values = [(words, sent if not sent else "found", count) for words, sent, count in part["values"]]
    return {**part, "values": values}


def _title(summary: Mapping[str, Any], cells: int, reader: Reader) -> dict[str, str]:
    total = summary["customers"]["read"]
    if cells:
        which = "this cell" if cells == 1 else f"these {cells:,} cells"
        to = f" to {reader.contact}" if reader.contact else ""
        return {"text": f"Fix {which} and send the workbook back{to}", "tone": "warn"}
    if summary["rows"]["rejected"] or not total:
        return {"text": "Some rows of your list need attention", "tone": "warn"}
    if summary["command"] not in {"check", "plan"}:
        return _arrived(summary["customers"])
    are = "is" if total == 1 else "are"
    return {"text": f"{all_of(total, 'customer')} {are} ready for WizCommerce", "tone": "good"}


def _arrived(customers: Mapping[str, int]) -> dict[str, str]:
    """How many of the customers are in WizCommerce after a run."""
    total, sent = customers["read"], customers.get("created", 0) + customers.get("updated", 0)
    there = sent + customers.get("unchanged", 0) + customers.get("exists", 0)
    if there < total:
        are = "is" if there == 1 else "are"
        return {"text": f"{there:,} of {counted(total, 'customer')} {are} in WizCommerce", "tone": "warn"}
    have, are = ("has", "is") if total == 1 else ("have", "are")
    done = f"{have} been imported" if sent == total else f"{are} in WizCommerce"
    return {"text": f"{all_of(total, 'customer')} {done}", "tone": "good"}


def _subtitle(summary: Mapping[str, Any]) -> str:
    customers = summary["customers"]
    rejected, total = customers.get("rejected", 0) + customers.get("failed", 0), customers["read"]
    consequence = (", which" if total == 1 else f"; {rejected:,} of them") + " cannot be imported yet"
    parts = [f"Your list has {counted(total, 'customer')}{consequence if rejected else ''}."]
    if lost := summary["lost_child"]:
        parts.append(f"{counted(lost, 'customer')} would be imported without an invalid address or contact.")
    if alone := summary["rows"]["rejected_alone"]:
        parts.append(f"{counted(alone, 'row')} could not be assigned to a customer.")
    return " ".join(parts)


def _brief(groups: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [f"{group['column']}: {group['title']} ({group['count']:,})" for group in groups[:BRIEF]]
    more = counted(len(groups) - BRIEF, "more kind of problem", "more kinds of problems")
    return [*lines, f"and {more}: see below"] if len(groups) > BRIEF else lines


def _has_cells_to_review(report: ReportInput, doubtful: Positions) -> bool:
    """Whether a row of the workbook has a cell to review."""
    return bool(rows_to_fix(report)[report.located.kinds["_row"].to_numpy(np.int64)[doubtful]].any())


def _steps(summary: Mapping[str, Any], cells: int, rows: int, reader: Reader, *, yellow: bool) -> list[str]:
    recipient = reader.contact or "the person who sent you this report"
    look = "Check below that your columns and values go where you expect"
    book = summary["workbook"]
    if not cells and not rows:
        signed = "sign-off.xlsx" in summary["files"]
        reply = "Look through the workbook sign-off.xlsx, which shows every customer, and send"
        return [f"{look}.", f"{reply if signed else 'Send'} your reply to {recipient}."]
    if book is None:
        return ["Correct the cells in your list.", f"{look}.", f"Send the list to {recipient}."]
    rest = f" It has the first {book['rows']:,} rows; you will get the rest later." if book["left_out"] else ""
    return [
        f"Open the workbook rejected.xlsx, which comes with this page.{rest}",
        " ".join([_RED, *([_YELLOW] if yellow else []), _COLORS]),
        f"{look}.",
        f"Save the workbook, and send it back to {recipient}.",
    ]


def column_map(accounts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each filled column, in the order of the list, with what it becomes, or why it is not sent."""
    lines = []
    for line in accounts:
        counts = {name: count for name, count in line["categories"].items() if name != "rejected_row"}
        why = next((text for name, text in _NOT_SENT.items() if counts.get(name)), _NOTHING_SENT)
        sent = "used" in counts or sum(counts.values()) <= line["filled"] / 2  # most of the cells are in rejected rows
        lines.append({**line, "fields": _names(line["fields"]) if sent else [], "why": why})
    return lines


def _names(fields: Sequence[str]) -> list[str]:
    """The fields in words for people. If most parts of an address are among them, these become one."""
    pairs = [_pair(field) for field in fields]
    parts = [name for entity, name in pairs if entity == "address" and name in ADDRESS_PARTS]
    whole = len(parts) >= _WHOLE
    names = ["Address (all of it)"] if whole else []
    names += [full_field_name(entity, name) for entity, name in pairs if not (whole and entity == "address")]
    return list(dict.fromkeys(names))


def _pair(field: str) -> tuple[str, str]:
    entity, _, name = field.partition(" ")
    return (entity, name) if name and entity in {"address", "contact"} else ("customer", field)
