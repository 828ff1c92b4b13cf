"""What became of each correction that was given to a run: for ``corrections.csv`` and for pages."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from importer.report.ranges import lookup, take_text
from importer.report.report_files import write_csv
from importer.report.report_input import ReportInput
from importer.tables import CORRECTION_STATUSES, TEXT, Sources, plain_lines

COLUMNS = ("status", "reference_id", "table", "key", "column", "old", "new", "source", "sheet", "row", "reason")
OWNER_TITLES = ("Status", "Customer ID", "Column", "Was", "Corrected to", "Location")
_SHOWN = 500  # on a page
_OWNER_STATUSES = {
    "applied": "applied",
    "removable": "no longer needed: your list has the corrected value",
    "stale": "not applied: the row has changed",
}


def write_correction_list(path: Path, report: ReportInput) -> bool:
    """Write the list, if corrections were given; returns whether they were. Raises :class:`OutputError`."""
    found = _lines(report)
    if found is not None:
        write_csv(path, found)
    return found is not None


def _lines(report: ReportInput) -> pd.DataFrame | None:
    """A line for each corrected cell and for each correction that is not applied; None if none were given.

    ``row`` is a nullable integer (as a spreadsheet counts), all other columns are ``TEXT``. ``reference_id`` is the
    customer that the row belongs to now, or otherwise the one that it belonged to when the correction was recorded.
    """
    sources, tables = report.sources, report.tables
    if sources.corrections is None:
        return None
    lines = sources.corrections.lines
    row = lines["row"].to_numpy(np.int64)
    owner = lookup(tables.row_customers, row)
    place = np.where(row < 0, -1, sources.split(np.maximum(row, 0))[0])
    numbers = sources.row_numbers(row)
    names = {
        part: pd.Series([getattr(table, part) for table in sources.tables], dtype=TEXT) for part in ("file", "sheet")
    }
    found = lines.assign(
        reference_id=take_text(tables.customers["reference_id"], owner).fillna(lines["reference_id"]),
        source=take_text(names["file"], place),
        sheet=take_text(names["sheet"], place),
        row=pd.Series(pd.arrays.IntegerArray(numbers, numbers < 0)),
    )
    return found[list(COLUMNS)]


def correction_counts(sources: Sources) -> dict[str, Any] | None:
    """The file of corrections, and how many have each status; None if none were given."""
    if sources.corrections is None:
        return None
    counts = Counter(sources.corrections.lines["status"].tolist())
    return {"file": sources.corrections.file, **{status: counts[status] for status in CORRECTION_STATUSES}}


def shown_corrections(report: ReportInput) -> dict[str, Any] | None:
    """The corrections as a page shows them, stale ones first; None if none were given.

    ``lines``: at most 500, each with ``status``, ``customer``, ``column`` (``""``: the whole row), ``old``, ``new``,
    ``place``, and ``reason``. ``more``: how many corrections are not among them.
    """
    found = _lines(report)
    if found is None:
        return None
    ranks = {"stale": 0, "removable": 1, "applied": 2}
    order = np.argsort(found["status"].map(ranks).to_numpy(np.int64), kind="stable")
    lines = [_shown(line) for line in plain_lines(found.iloc[order[:_SHOWN]].astype(TEXT), "")]
    return {"lines": lines, "more": len(found) - len(lines)}


def _shown(line: dict[str, str]) -> dict[str, str]:
    place = f"{_source(line)}:{line['row']}" if line["row"] else ""
    same = {name: line[name] for name in ("status", "column", "old", "new", "reason")}
    return {**same, "customer": line["reference_id"] or line["key"], "place": place}


def corrections_in_force(report: ReportInput) -> list[tuple[str, ...]]:
    """All corrections in words for the owner of the data: one tuple per correction, with the ``OWNER_TITLES``."""
    found = _lines(report)
    if found is None:
        return []
    return [_in_force(line) for line in plain_lines(found.astype(TEXT), "")]


def _in_force(line: dict[str, str]) -> tuple[str, ...]:
    customer, place = line["reference_id"] or line["key"], f"{_source(line)}, row {line['row']}" if line["row"] else ""
    status, column = _OWNER_STATUSES[line["status"]], line["column"] or "whole row"
    return (status, customer, column, line["old"], line["new"], place)


def _source(line: dict[str, str]) -> str:
    return f"{line['source']}!{line['sheet']}" if line["sheet"] else line["source"]
