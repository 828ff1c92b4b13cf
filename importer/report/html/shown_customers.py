"""The customers that ``report.html`` shows in full, as compact plain values.

To bound the size of the page, there are limits for the customers (those with problems come first) and for the rows,
problems, and bytes of each customer. The CSV files hold the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.catalogue.field_names import full_field_name
from importer.records import Location, OutcomeKind, Severity
from importer.report.plain_words import owner_words, readable
from importer.report.report_files import read_csv
from importer.report.report_input import ReportInput
from importer.report.word_counts import names_of_ids
from importer.tables import ATTRIBUTE_PREFIX, Positions, chunked

CUSTOMERS = 3_000
ROWS = 20  # per customer
PROBLEMS = 20  # per customer
CELLS = 400_000  # for all customers together: rows times columns
TEXT = 300  # characters per cell or other text
BODY = 6_000  # bytes per body
SHOWN = 20  # changes per customer
WEIGHT = 8_000_000  # bytes for all customers together
_SEVERITIES = [str(severity) for severity in Severity]
_CHANGE_COLUMNS = ("reference_id", "field", "before", "after", "place")
_PLANNED = {"create": "to create", "update": "to update", "none": "left alone"}
OWNER_OUTCOMES = {
    "valid": "ready",
    "to create": "new",
    "to update": "changes",
    "left alone": "stays as it is",
    "rejected": "to fix",
    "failed": "to fix",
    "unknown": "not known yet",
    "pending": "not sent yet",
    "exists": "already in WizCommerce",
}
_NEED_ATTENTION = {str(OutcomeKind.REJECTED), str(OutcomeKind.FAILED), str(OutcomeKind.UNKNOWN)}


@dataclass(frozen=True)
class ShownCustomers:
    """``json``: the data for the page's script, safe within HTML. It has ``listed`` of the ``total`` customers."""

    json: str
    listed: int
    total: int


def shown_customers(
    report: ReportInput, payloads: Path, changes: pa.Table | None = None, *, planned: bool = False, owner: bool = False
) -> ShownCustomers:
    """The customers to embed: those that need attention, then those with warnings or changes, then the others.

    ``payloads`` holds the bodies of all customers that are not rejected, one per line; it may be missing. ``changes``:
    what updates would change. ``planned``: nothing has been sent yet, so the planned action is shown as the outcome.
    ``owner``: use words for the owner of the data, and list the bodies field by field.
    """
    counts = _severity_counts(report)
    chosen = _chosen(report, counts, changes)
    of_row = report.tables.row_customers
    whose, at, rows_left_out = _first_of_each(report, chosen, of_row, np.arange(len(of_row)), ROWS)
    sources = _source_rows(report, chosen, whose, at)
    problems = _problems(report, chosen, owner=owner)
    bodies: list[Any] = _bodies(report, chosen, payloads)
    if owner:
        known = names_of_ids(report.word_counts)
        bodies = [readable(orjson.loads(body), known) if body else body for body in bodies]
    outcomes = report.outcomes.take(chosen)
    customers = report.tables.customers.take(chosen)
    plain = {name: _plain(outcomes[name]) for name in ("outcome", "action", "customer_id", "error_message")}
    ids = _plain(customers["reference_id"])
    names = _plain(customers["company_name"]) if "company_name" in customers else [""] * len(chosen)
    places = report.rows.text(chosen).to_pylist()
    if planned:
        ways = zip(plain["outcome"], plain["action"], strict=True)
        plain["outcome"] = [_PLANNED[action] if outcome == OutcomeKind.VALID else outcome for outcome, action in ways]
    if owner:
        plain["outcome"] = [OWNER_OUTCOMES.get(outcome, outcome) for outcome in plain["outcome"]]
        plain["error_message"] = [""] * len(chosen)
        plain["customer_id"] = [""] * len(chosen)
    differing = differences(changes, ids)
    lines = [
        [
            *(ids[n], cut(names[n]), plain["outcome"][n], int(counts[0][at]), int(counts[1][at]), cut(places[n])),
            *(plain["customer_id"][n], plain["error_message"][n], plain["action"][n]),
            *(problems[n], sources[n], bodies[n], int(rows_left_out[n])),
            *([[text if text is None else cut(text) for text in line] for line in differing[n][0]], differing[n][1]),
        ]
        for n, at in enumerate(chosen)
    ]
    kept = _within_weight(lines)
    tables = [{"name": table.name, "columns": list(table.frame.columns)} for table in report.sources.tables]
    data = f'{{"owner":{_safe(owner)},"tables":{_safe(tables)},"customers":[{",".join(kept)}]}}'
    return ShownCustomers(data, len(kept), len(report.tables.customers))


def _safe(data: Any) -> str:
    """JSON for a ``<script>`` element: it contains nothing that could end the element or a line of the script."""
    text = orjson.dumps(data).decode()
    for mark in "<>&\u2028\u2029":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text


def _within_weight(lines: list[list[Any]]) -> list[str]:
    """The first customers as JSON, as many as the page may hold."""
    kept: list[str] = []
    weight = 0
    for line in lines:
        text = _safe(line)
        weight += len(text.encode())
        if weight > WEIGHT:
            break
        kept.append(text)
    return kept


def _plain(series: "pd.Series[Any]") -> list[str]:
    return ["" if text is None else str(text) for text in pa.array(series).to_pylist()]


def cut(text: str) -> str:
    """The text, cut to the length that the page allows."""
    return text if len(text) <= TEXT else text[:TEXT] + "…"


def cut_all(texts: pa.Array) -> pa.Array:
    long = pc.greater(pc.utf8_length(texts), TEXT)
    if not pc.any(long).as_py():
        return texts
    return pc.if_else(long, pc.binary_join_element_wise(pc.utf8_slice_codeunits(texts, 0, TEXT), "…", ""), texts)


def _severity_counts(report: ReportInput) -> tuple[Positions, Positions, Positions]:
    """How many errors, warnings, and notes each customer has."""
    owner = report.located.kinds["_customer"].to_numpy(np.int64)
    count = len(report.tables.customers)
    errors, warnings, notes = (
        np.bincount(owner[(owner >= 0) & report.located.of(severity)], minlength=count) for severity in Severity
    )
    return errors, warnings, notes


def _chosen(report: ReportInput, counts: tuple[Positions, Positions, Positions], changes: pa.Table | None) -> Positions:
    """The positions of the customers to show, the most urgent first, within the limits."""
    attention = report.outcomes["outcome"].isin(_NEED_ATTENTION).to_numpy(np.bool_) | report.refused
    differs = np.zeros(len(attention), dtype=np.bool_)
    if changes is not None:
        ids = pa.array(report.tables.customers["reference_id"])
        differs = pc.is_in(ids, value_set=changes["reference_id"].combine_chunks()).to_numpy(zero_copy_only=False)
    urgency = [attention | (counts[0] > 0), report.lost_child, counts[1] > 0, differs, counts[2] > 0]
    rank = np.select(urgency, [0, 1, 2, 3, 4], 5)
    order = np.argsort(rank, kind="stable")[:CUSTOMERS]
    first = report.tables.customers["_row"].to_numpy(np.int64)[order]
    widths = np.array([len(table.frame.columns) for table in report.sources.tables] or [1])
    table = report.sources.split(np.maximum(first, 0))[0]
    owner = report.tables.row_customers
    heights = np.minimum(np.bincount(owner[owner >= 0], minlength=len(rank))[order], ROWS)
    inside = np.cumsum(heights * widths[np.minimum(table, len(widths) - 1)]) <= CELLS
    inside[:1] = True
    return order[inside].astype(np.int64)


def _first_of_each(
    report: ReportInput, chosen: Positions, owner: Positions, rank: npt.NDArray[Any], most: int
) -> tuple[Positions, Positions, Positions]:
    """The first ``most`` items of each chosen customer, by ``rank``: (index into ``chosen``, index into ``owner``).

    Also returns how many items of each customer are left out. ``owner``: the position of each item's customer (-1 for
    none).
    """
    index = np.full(len(report.tables.customers) + 1, -1, dtype=np.int64)
    index[chosen] = np.arange(len(chosen))
    at = np.flatnonzero(index[owner] >= 0)
    at = at[np.lexsort((rank[at], index[owner[at]]))]
    whose = index[owner[at]]
    kept = np.arange(len(at)) - np.searchsorted(whose, whose) < most
    return whose[kept], at[kept], np.bincount(whose[~kept], minlength=len(chosen))


def _source_rows(report: ReportInput, chosen: Positions, whose: Positions, at: Positions) -> list[list[Any]]:
    """The rows of each customer: table, row number, and the cells that are not blank, with their columns."""
    out: list[list[Any]] = [[] for _ in chosen]
    tables, local = report.sources.split(at)
    numbers = report.sources.row_numbers(at)
    cells: list[list[tuple[int, str]]] = [[] for _ in at]
    for index in np.unique(tables):
        here = np.flatnonzero(tables == index)
        source = report.sources.tables[index]
        lines = [cells[line] for line in here.tolist()]
        for column, name in enumerate(source.frame.columns):
            for line, text in zip(lines, cut_all(source.cells(name, local[here])).to_pylist(), strict=True):
                if text:
                    line.append((column, text))
    for owner, table, number, own in zip(whose.tolist(), tables.tolist(), numbers.tolist(), cells, strict=True):
        out[owner].append([table, number, own])
    return out


def _problems(report: ReportInput, chosen: Positions, *, owner: bool) -> list[list[Any]]:
    """The problems of each customer, errors first, each with its place; without notes for the ``owner``."""
    located = report.located
    ranks = located.kinds["severity"].cat.set_categories(_SEVERITIES).cat.codes.to_numpy()
    of_problem = located.kinds["_customer"].to_numpy(np.int64)
    of_problem = np.where(ranks == len(_SEVERITIES) - 1, -1, of_problem) if owner else of_problem
    whose, at, _ = _first_of_each(report, chosen, of_problem, ranks, PROBLEMS)
    lines = located.lines(at)
    rows = located.kinds["_row"].to_numpy(np.int64)[at]
    out: list[list[Any]] = [[] for _ in chosen]
    table, _ = report.sources.split(np.maximum(rows, 0))
    columns = {str(name): pa.array(lines[name]).to_pylist() for name in lines.columns}
    for number, (customer, place) in enumerate(zip(whose.tolist(), table.tolist(), strict=True)):
        known = {name: values[number] for name, values in columns.items()}
        where = Location(known["source"] or "", known["sheet"], known["row"], None)
        field = (known["field"] or "").replace(ATTRIBUTE_PREFIX, "attribute ")
        texts = [known[name] or "" for name in ("value", "message", "hint")]
        about, kind = f"{known['entity'] or ''} {field}".strip(), known["code"]
        if owner:
            kind, *texts[1:] = owner_words(known["code"], *texts[1:])
            about = full_field_name(known["entity"] or "", known["field"]) if known["field"] else ""
        line = [_SEVERITIES.index(known["severity"]), kind, about, known["column"] or "", *map(cut, texts)]
        out[customer].append([*line, str(where) if known["source"] else "", place, known["row"] or 0])
    return out


def _bodies(report: ReportInput, chosen: Positions, payloads: Path) -> list[str | None]:
    """The body of each customer as in ``payloads``: None if there is none, ``""`` if it is too long."""
    out: list[str | None] = [None] * len(chosen)
    if not payloads.is_file():
        return out
    line_of = np.cumsum(~report.rejected) - 1
    wanted = {int(line_of[at]): n for n, at in enumerate(chosen) if not report.rejected[at]}
    last = max(wanted, default=-1)
    with payloads.open("rb") as file:
        for number, line in enumerate(islice(file, last + 1)):
            if number in wanted:
                out[wanted[number]] = line.decode().rstrip("\n") if len(line) <= BODY else ""
    return out


def read_changes(path: Path) -> pa.Table | None:
    """The lines of a run's ``changes.csv``; None if there is no such file."""
    if not path.is_file():
        return None
    lines = read_csv(path)
    return pa.table({name: chunked(lines[name]) for name in _CHANGE_COLUMNS})


def differences(changes: pa.Table | None, ids: Sequence[str]) -> list[tuple[list[list[str | None]], int]]:
    """The first changes of each of these customers (field, before, after, place), and how many more there are."""
    found: dict[str, list[list[str | None]]] = {name: [] for name in ids}
    if changes is not None:
        own = changes.filter(pc.is_in(changes["reference_id"], value_set=pa.array(ids, pa.string())))
        for name, *line in zip(*(own[column].to_pylist() for column in _CHANGE_COLUMNS), strict=True):
            found[name].append(line)
    return [(found[name][:SHOWN], max(len(found[name]) - SHOWN, 0)) for name in ids]
