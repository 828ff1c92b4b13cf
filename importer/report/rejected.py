"""``rejected/<source>.csv``: the source rows that somebody has to mend, with what is wrong with them in front."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.records import Severity
from importer.report.counts import rejected_rows
from importer.report.files import rejected_names, removed, write_csv
from importer.report.model import ReportInput
from importer.report.places import join_ranges, table_names, take_text
from importer.tables import IMPORT_ERRORS, TEXT

__all__ = ["import_errors", "rejected_frames", "rows_to_mend", "write_rejected"]

Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
_WHY = (
    *("customer rejected", "customer refused by the API", "part of this customer was left out"),
    *("nothing is wrong with it, but it may be needed", "row rejected"),
)
_JOINED = 3


def write_rejected(folder: Path, report: ReportInput) -> list[Path]:
    """Write one file per source table that has rows to show, and return their paths in the tables' order.

    A file that an earlier report of the same sources left there is replaced, or removed when it has nothing to show any
    more; other files are left alone. Raises :class:`OutputError`.
    """
    written = []
    for name, frame in rejected_frames(report):
        path = folder / name
        if len(frame):
            write_csv(path, frame, comes_back=True)
            written.append(path)
        else:
            removed(path)
    return written


def rejected_frames(report: ReportInput) -> list[tuple[str, pd.DataFrame]]:
    """For each source table its file name and its rows to mend, in the source's order (none: an empty frame).

    Columns: ``import_errors``, then the source's own.
    """
    shown = rows_to_mend(report)
    texts = import_errors(report, shown)
    frames: list[tuple[str, pd.DataFrame]] = []
    done = 0
    for index, (table, name) in enumerate(
        zip(report.sources.tables, rejected_names(report.sources.tables), strict=True)
    ):
        start, end = report.sources.offsets[index : index + 2]
        rows = np.flatnonzero(shown[start:end])
        frame = table.frame.take(rows).reset_index(drop=True)
        frame.insert(0, IMPORT_ERRORS, texts.iloc[done : done + len(rows)].reset_index(drop=True))
        done += len(rows)
        frames.append((name, frame))
    return frames


def rows_to_mend(report: ReportInput) -> Mask:
    """By row position: the rows that somebody has to look at.

    They are those of customers that were rejected, refused by the API or lost a child, rows rejected alone, rows that
    the loader could not read, and those of customers to whom such a row may belong.
    """
    wrong = report.rejected | report.refused | report.lost_child
    return rejected_rows(report.sources, report.tables, wrong | (report.companions >= 0))


def import_errors(report: ReportInput, shown: Mask, separator: str = "; ") -> "pd.Series[Any]":
    """What is wrong with each of the shown row positions: ``column: message (hint)`` for each problem (``TEXT``).

    A row that is only here because of another row of its customer names that row.
    """
    rows = np.flatnonzero(shown)
    problems = report.located
    place = problems["_row"].to_numpy(np.int64)
    serious = (problems["severity"] != str(Severity.INFO)).to_numpy(np.bool_)
    here = np.flatnonzero(serious & (place >= 0) & np.append(shown, False)[place])
    here = here[np.argsort(place[here], kind="stable")]
    own = join_ranges(
        _problem_texts(problems.take(here)), np.searchsorted(place[here], np.append(rows, len(shown))), separator
    )
    own = pc.if_else(pc.equal(own, ""), None, own)
    joined = pc.binary_join_element_wise(own, _reasons(report, rows), separator, null_handling="skip")
    return pd.Series(pd.array(joined, dtype=TEXT))


def _problem_texts(problems: pd.DataFrame) -> pa.Array:
    """``column: message (hint)``; the column and the hint are left out where there is none."""
    column, message, hint = (pa.array(problems[name]).cast(pa.string()) for name in ("column", "message", "hint"))
    column, hint = (pc.if_else(pc.equal(part, ""), None, part) for part in (column, hint))
    hint = pc.binary_join_element_wise(" (", hint, ")", "")
    text = pc.binary_join_element_wise(column, message, ": ", null_handling="skip")
    return pc.binary_join_element_wise(text, hint, "", null_handling="skip")


def _reasons(report: ReportInput, rows: Positions) -> pa.Array:
    """Why rows are shown that have no problem of their own; null for those that have."""
    owner = report.tables.rows["customer"].to_numpy(np.int64)[rows]
    joined = report.companions >= 0
    kinds = np.select([report.rejected, report.refused, report.lost_child, joined], [0, 1, 2, _JOINED], len(_WHY) - 1)
    kind = np.append(kinds, len(_WHY) - 1)[owner]
    wrong, left_out = _rows_at_fault(report)
    cause = np.append(_causes(report, wrong, left_out), -1)[owner]
    explained = wrong[rows] | (left_out[rows] & (kind == 2))
    why = pa.array(_WHY).take(pa.array(kind))
    said = take_text(report.outcomes["error_message"].astype(TEXT), np.where(kind < 2, owner, -1))
    bare = pc.binary_join_element_wise(why, pa.array(said), ": ", null_handling="skip")
    numbers = pc.binary_join_element_wise("row ", pc.cast(pa.array(report.sources.row_numbers(cause)), pa.string()), "")
    elsewhere = report.sources.split(cause)[0] != report.sources.split(rows)[0]
    names = take_text(table_names(report.sources), np.where(cause < 0, -1, report.sources.split(cause)[0]))
    full = pc.binary_join_element_wise(numbers, pa.array(names), " of ")
    because = pc.binary_join_element_wise(why, pc.if_else(pa.array(elsewhere), full, numbers), " because of ")
    text = pc.if_else(pa.array((cause < 0) | (cause == rows)), bare, because)
    return pc.if_else(pa.array(explained), None, text)


def _rows_at_fault(report: ReportInput) -> tuple[Mask, Mask]:
    """By row position: rows with an error, and rows with a warning or error about an address or a contact."""
    located = report.located
    place = located["_row"].to_numpy(np.int64)
    severity = located["severity"]
    error = (severity == str(Severity.ERROR)).to_numpy(np.bool_)
    child = (located["entity"].isin(["address", "contact"]) & (severity != str(Severity.INFO))).to_numpy(np.bool_)
    masks = np.zeros((2, report.sources.row_count + 1), dtype=np.bool_)  # the last item takes what has no row
    masks[0, place[error]] = True
    masks[1, place[child]] = True
    return masks[0, :-1], masks[1, :-1]


def _causes(report: ReportInput, wrong: Mask, left_out: Mask) -> Positions:
    """The row position that is to blame for each customer: its first row at fault, else its first row."""
    owner = report.tables.rows["customer"].to_numpy(np.int64)
    cause = np.where(report.companions >= 0, report.companions, report.tables.customers["_row"].to_numpy(np.int64))
    for concerned, fault in ((report.lost_child, left_out), (report.rejected | report.refused, wrong)):
        at = np.flatnonzero(fault & np.append(concerned, False)[owner])
        customers, firsts = np.unique(owner[at], return_index=True)
        cause[customers] = at[firsts]
    return cause
