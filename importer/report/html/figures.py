"""The figures in ``report.html``, such as the problems by code and by column, and what the fields contain."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.catalogue import find
from importer.records import OutcomeKind, Severity
from importer.report.html.shown_customers import cut, cut_all
from importer.report.problem_list import Located, ProblemGroup, place_of, visible
from importer.report.report_input import ReportInput
from importer.report.word_counts import DECISIONS, WordDecision, summed
from importer.tables import ENTITIES, PLURALS, Positions, plain_lines

VALUES = 100  # per field
EXAMPLES = 5  # per code
COLUMNS = 8  # named per code
BARS = 15  # per chart, besides one for the rest
NOWHERE = "the whole row or file"
_SAMPLES, _SAMPLED = 3, 1_000  # sample texts shown per column, and how many rows are searched for them
_LOST = frozenset({"unused", "unclaimed"})
_WHY = {
    "skipped_row": "in skipped rows",
    "rejected_row": "in rejected rows",
    "sensitive": "sensitive, not read",
    "blank_text": "placeholders for an empty value",
    "rule": "used only as a key, type, flag, or condition",
    "left_out": "left out by a rule",
    "passed_over": "not used: another column's value was used",
    "unclaimed": "in rows where the mapping does not use the column",
    "ignored": "ignored by the mapping",
    "unused": "in a column that the mapping does not use",
}


def pending_fields(located: Located) -> frozenset[str]:
    """The fields with names that have not been looked up yet."""
    at = np.flatnonzero((located.kinds["code"] == "lookup_pending").to_numpy(np.bool_))
    return frozenset(located.lines(at, ["field"])["field"])


def inventory(report: ReportInput) -> list[dict[str, Any]]:
    """The distinct words of the fields in ``DECISIONS``, what is sent for them, and how many records have them.

    ``values``: (words of the source; what is sent, which is None for nothing and ``""`` for the words themselves; how
    many customers or addresses). All customers are counted, even rejected ones. ``pending``: the words are looked up
    when they are sent.
    """
    parts, pending = [], pending_fields(report.located)
    for decision in DECISIONS:
        counts = report.word_counts.get(decision.field)
        if counts is None:
            continue
        blank = pc.sum(counts.filter(pc.is_null(counts["words"]))["count"]).as_py() or 0
        found = _ranked(counts.filter(pc.is_valid(counts["words"])))
        if len(found):
            values = [(line["words"], line["sent"], line["count"]) for line in found.slice(0, VALUES).to_pylist()]
            parts.append(
                {
                    "title": decision.title,
                    "field": decision.field,
                    "of": PLURALS[decision.entity],
                    "columns": list(dict.fromkeys(_columns(report, decision))),
                    "values": values,
                    "more": max(len(found) - VALUES, 0),
                    "blank": blank,
                    "translated": any(text != "" for _, text, _ in values),
                    "pending": decision.field in pending,
                }
            )
    return parts


def _ranked(counts: pa.Table) -> pa.Table:
    """The counts of words, cut to what the page allows, the most frequent first."""
    shown = [cut_all(counts[name]) for name in ("words", "sent")]
    found = summed(pa.table([*shown, counts["count"]], names=["words", "sent", "count"]))
    keys = found.set_column(1, "sent", pc.fill_null(found["sent"], ""))
    return found.take(pc.sort_indices(keys, [("count", "descending"), ("words", "ascending"), ("sent", "ascending")]))


def _columns(report: ReportInput, decision: WordDecision) -> Iterator[str]:
    for entry in report.tables.entries:
        if entry.entity == decision.entity and decision.field in entry.fields.keys() - set(entry.taken_apart):
            yield from entry.fields[decision.field].columns


# Reported once for each text, at the first of the customers that have it. The message says how many customers have it.
_BY_WORD = frozenset({"lookup_pending", "word_unknown", "word_left_out", "word_not_in_table"})


def problem_groups(report: ReportInput) -> list[dict[str, Any]]:
    """The problems by severity and code, with examples and columns; the most severe and most frequent come first.

    Routine changes to whole columns are excluded: see :func:`rewritten`.
    """
    located = report.located
    routine = located.kinds["code"].isin(report.tables.changes["code"]).to_numpy(np.bool_)
    return [_group(located, group) for group in located.groups(np.flatnonzero(~routine))]


def _group(located: Located, group: ProblemGroup) -> dict[str, Any]:
    code = find(group.code)
    kinds = located.kinds.take(group.at)
    customers = kinds["_customer"].to_numpy(np.int64)
    columns = _counted(kinds["column"])
    return {
        "severity": group.severity,
        "code": group.code,
        "title": code.title if code else group.code,
        "explanation": code.explanation if code else "",
        "fix": code.fix if code else "",
        "count": len(group.at),
        "customers": 0 if group.code in _BY_WORD else len(np.unique(customers[customers >= 0])),
        "loose": group.severity == Severity.ERROR and bool((kinds["_row"] >= 0).all()),
        "columns": [(column or NOWHERE, count) for column, count in columns[:COLUMNS]],
        "more_columns": max(len(columns) - COLUMNS, 0),
        "examples": [_example(line) for line in plain_lines(_distinct(located, group.at))],
    }


def _distinct(located: Located, at: Positions) -> pd.DataFrame:
    """The first ``EXAMPLES`` problems, without repeated values; values are read only until there are enough."""
    read = 10 * EXAMPLES
    while True:
        values = located.lines(at[:read], ["value"])["value"]
        new = (values.fillna("") == "") | ~values.duplicated()
        found = np.flatnonzero(new.to_numpy(np.bool_))[:EXAMPLES]
        if len(found) == EXAMPLES or read >= len(at):
            return located.lines(at[found])
        read *= 10


def _example(line: Mapping[str, Any]) -> dict[str, str]:
    texts = {name: cut(line[name] or "") for name in ("reference_id", "value", "message", "hint")}
    return {"place": place_of(line) or "", **texts}


def _counted(values: "pd.Series[Any]") -> list[tuple[str | None, int]]:
    """Distinct values and how often they occur: the most frequent first, then in the order of their text."""
    found = values.value_counts(dropna=False, sort=False)
    pairs = [(value if isinstance(value, str) else None, int(count)) for value, count in found.items() if count]
    return sorted(pairs, key=lambda pair: (-pair[1], str(pair[0])))


def by_column(located: Located) -> list[dict[str, Any]]:
    """How many errors and warnings each source column has, the worst first, cut to what a chart can show."""
    counts: dict[str, dict[str, int]] = {}
    for severity in (Severity.ERROR, Severity.WARNING):
        for column, count in _counted(located.kinds["column"][located.of(severity)]):
            counts.setdefault(column or NOWHERE, {"error": 0, "warning": 0})[str(severity)] = count
    found: list[dict[str, Any]] = [
        {"label": column, "total": sum(own.values()), **own} for column, own in counts.items()
    ]
    found.sort(key=lambda line: (-line["error"], -line["warning"], str(line["label"])))
    return _cut(found)


def _cut(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first lines of a chart, and one for the rest."""
    rest = lines[BARS:]
    if not rest:
        return lines
    sums = {name: sum(line[name] for line in rest) for name in rest[0] if name != "label"}
    return [*lines[:BARS], {"label": f"{len(rest):,} more", **sums}]


def column_accounts(
    report: ReportInput, columns: Sequence[Mapping[str, Any]], *, lost_first: bool = True
) -> list[dict[str, Any]]:
    """What became of each column's filled cells. ``columns`` are those of the summary.

    ``lost_first``: the columns that lose the largest share come first. Otherwise, they stay in the order of the source.
    """
    tables = {table.name: table for table in report.sources.tables}
    lines = []
    for line in columns:
        counts = {name: count for name, count in line["categories"].items() if name != "used"}
        table = tables[line["source"]]
        head = table.column(line["column"]).slice(0, _SAMPLED).to_pylist()
        samples = [cut(text) for text in list(dict.fromkeys(filter(str.strip, head)))[:_SAMPLES]]
        lost = sum(counts.get(name, 0) for name in _LOST)
        used = line["categories"].get("used", 0)
        reasons = [(_WHY[name], count, "warn" if name in _LOST else "") for name, count in counts.items()]
        lines.append({**line, "used": used, "reasons": reasons, "samples": samples, "lost": lost})
    return sorted(lines, key=lambda line: -line["lost"] / line["filled"]) if lost_first else lines


def completeness(report: ReportInput) -> list[dict[str, Any]]:
    """For each entity with records: its fields, and how many of the records have a value in each."""
    parts = []
    for entity in ENTITIES:
        frame = report.tables.frame(entity)
        fields = [name for name in frame.columns if not name.startswith("_")]
        lines = [{"label": name, "filled": len(frame) - pa.array(frame[name]).null_count} for name in fields]
        if len(frame) and lines:
            parts.append({"entity": PLURALS[entity].capitalize(), "total": len(frame), "fields": lines})
    return parts


def countries(report: ReportInput) -> list[dict[str, Any]]:
    frame = report.tables.addresses
    if "country" not in frame or not len(frame):
        return []
    found = _counted(frame["country"])
    return _cut([{"label": country or "no country", "total": count} for country, count in found])


def rewritten(report: ReportInput) -> list[dict[str, Any]]:
    """The routine changes by column, each with its first example; those of the most cells come first."""
    found = plain_lines(report.tables.changes)
    for line in found:
        code = find(str(line["code"]))
        line["title"] = code.title if code else line["code"]
        line["before"], line["after"] = cut(visible(line["before"] or "")), cut(visible(line["after"] or ""))
    return sorted(found, key=lambda line: -line["count"])


def failures(report: ReportInput) -> list[dict[str, Any]]:
    """Failed customers by status and error code: how many there are, and the message of the first."""
    outcomes = report.outcomes
    failed = outcomes[outcomes["outcome"] == str(OutcomeKind.FAILED)]
    texts = failed[["reference_id", "error_code", "error_message"]].astype("string").fillna("")
    texts["status"] = failed["http_status"].astype("string").fillna("no response")
    lines: list[dict[str, Any]] = []
    for (status, code), own in texts.groupby(["status", "error_code"], sort=False):
        first, message = own["reference_id"].iloc[0], own["error_message"].iloc[0]
        line = {"status": status, "code": code, "count": len(own), "reference_id": cut(first), "message": cut(message)}
        lines.append(line)
    return sorted(lines, key=lambda line: -line["count"])
