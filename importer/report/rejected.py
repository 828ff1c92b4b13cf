"""``rejected/<source>.csv``: the source rows to fix, with what is wrong with them in the first column."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.records import Severity
from importer.report.cells_to_fill import parts_to_fill, with_parts
from importer.report.ranges import join_ranges, table_names, take_text
from importer.report.report_files import BLOCK, removed, write_blocks
from importer.report.report_input import ReportInput, rejected_rows
from importer.tables import IMPORT_ERRORS, TEXT, Mask, Positions, SourceTable

Words = Callable[[pd.DataFrame], pd.DataFrame]  # rewords problems
_WHY = (
    *("Customer rejected", "Customer refused by WizCommerce", "Part of this customer was left out"),
    *("No problem in this row, but it may be needed", "Row rejected"),
)
_LOST_CHILD, _ALONE = 2, len(_WHY) - 1
_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?$")
_LONGEST = 180  # bytes; file systems allow 255 and some tools add to a name


def write_rejected(folder: Path, report: ReportInput) -> list[Path]:
    """Write one file per source table that has rows to show, and return their paths in the tables' order.

    A file from an earlier report of the same sources is replaced, or removed if no rows are left to fix. Other files
    are kept. Raises :class:`OutputError`.
    """
    written = []
    shown = rows_to_fix(report)
    errors = ImportErrors.of(report, shown)
    names = rejected_names(report.sources.tables)
    places = zip(names, report.sources.tables, report.sources.offsets.tolist(), parts_to_fill(report), strict=False)
    for name, table, start, parts in places:
        rows = np.flatnonzero(shown[start : start + len(table)])
        if len(rows):
            columns = with_parts(table.headers, parts)
            write_blocks(folder / name, _blocks(table, columns, rows, start, errors), comes_back=True)
            written.append(folder / name)
        else:
            removed(folder / name)
    return written


def rejected_names(tables: Sequence[SourceTable]) -> list[str]:
    """The file name under ``rejected/`` of each table: its source's base name with ``.csv``, safe and unique.

    ``contacts.csv`` → ``contacts.csv``; ``list.xlsx`` → ``list.csv``, or ``list.<sheet>.csv`` if several were read.
    """
    sheets = Counter(table.file for table in tables)
    names: list[str] = []
    taken: set[str] = set()
    for table in tables:
        stem = re.sub(r"(?i)\.(csv|tsv|tab|txt)$", "", PurePath(table.file.replace("\\", "/")).stem)
        if sheets[table.file] > 1 and table.sheet is not None:
            stem = f"{stem}.{table.sheet}"
        stem = _safe(stem)
        name, number = f"{stem}.csv", 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{number}.csv"
        taken.add(name.casefold())
        names.append(name)
    return names


def _safe(stem: str) -> str:
    text = _UNSAFE.sub("_", stem).strip(" .") or "source"
    text = text.encode()[:_LONGEST].decode(errors="ignore")
    return f"_{text}" if _RESERVED.match(text) else text


def _blocks(
    table: SourceTable, columns: Sequence[str], rows: Positions, start: int, errors: "ImportErrors"
) -> Iterator[pd.DataFrame]:
    """Rows of a source table, in blocks, with what is wrong in the first column.

    ``columns``: those of the table, and blank ones to fill in. ``start``: the row position of the table's first row.
    """
    for first in range(0, len(rows), BLOCK):
        own = rows[first : first + BLOCK]
        blank = pa.array([""] * len(own), pa.string())
        texts = (table.cells(name, own) if name in table.frame.columns else blank for name in columns)
        cells = {name: pd.array(text, dtype=TEXT) for name, text in zip(columns, texts, strict=True)}
        yield pd.DataFrame({IMPORT_ERRORS: pd.array(errors.numbered(own + start, ": "), dtype=TEXT), **cells})


def rows_to_fix(report: ReportInput) -> Mask:
    """By row position: whether someone has to look at the row.

    These are the rows of customers that were rejected, refused by the API, or lost a child; the rows that were rejected
    alone or that the loader could not read; and the rows of customers that such a row may belong to.
    """
    wrong = report.rejected | report.refused | report.lost_child
    return rejected_rows(report.sources, report.tables, wrong | (report.related_rows >= 0))


@dataclass(frozen=True)
class ImportErrors:
    """What is wrong with rows. ``lines``: their problems, in the order of rows. ``places``: the row of each problem.

    By customer, with a last item for rows without a customer: ``kinds``, the reason why its rows are shown (an index
    into ``_WHY``), and ``causes``, the row that is the cause. By row: ``wrong`` and ``left_out``, see
    :func:`_faulty_rows`. ``words`` rewords the problems for the person who fixes them.
    """

    report: ReportInput
    lines: Positions
    places: Positions
    kinds: npt.NDArray[np.int8]
    causes: Positions
    wrong: Mask
    left_out: Mask
    words: Words

    @classmethod
    def of(cls, report: ReportInput, shown: Mask, words: Words = pd.DataFrame.copy) -> "ImportErrors":
        """Collect what is wrong with the rows that are ``shown`` (by row position); ``words`` rewords the problems."""
        place = report.located.kinds["_row"].to_numpy(np.int64)
        serious = report.located.of(Severity.ERROR, Severity.WARNING)
        lines = np.flatnonzero(serious & (place >= 0) & np.append(shown, False)[place])
        lines = lines[np.argsort(place[lines], kind="stable")]
        why = [report.rejected, report.refused, report.lost_child, report.related_rows >= 0]
        chosen = np.append(np.select(why, [0, 1, 2, 3], _ALONE), _ALONE).astype(np.int8)
        wrong, left_out = _faulty_rows(report)
        causes = np.append(_causes(report, wrong, left_out), -1)
        return cls(report, lines, place[lines], chosen, causes, wrong, left_out, words)

    def numbered(self, rows: Positions, gap: str, separator: str = " ") -> pa.Array:
        """What :meth:`texts` returns, after the number of the row in its source (``row 7``) and the ``gap``."""
        numbers = pc.cast(pa.array(self.report.sources.row_numbers(rows)), pa.string())
        texts = pc.fill_null(self.texts(rows, separator), "")
        return pc.binary_join_element_wise("row ", numbers, gap, texts, "")

    def texts(self, rows: Positions, separator: str = " ") -> pa.Array:
        """What is wrong with each of these rows: ``column: Message. Hint.`` for each problem.

        If a row is here only because of a different row, its text names that row.
        """
        low, high = np.searchsorted(self.places, rows), np.searchsorted(self.places, rows, side="right")
        counts = high - low
        ends = np.cumsum(counts)
        at = np.repeat(low - (ends - counts), counts) + np.arange(ends[-1] if len(ends) else 0)
        problems = self.report.located.lines(self.lines[at], ("column", "message", "hint", "code"))
        texts = _problem_texts(self.words(problems))
        own = join_ranges(texts, np.append(0, ends), separator)
        own = pc.if_else(pc.equal(own, ""), None, own)
        return pc.binary_join_element_wise(own, self._reasons(rows), separator, null_handling="skip")

    def _reasons(self, rows: Positions) -> pa.Array:
        """Why rows without a problem of their own are shown; null for rows that have one."""
        sources = self.report.sources
        owner = self.report.tables.row_customers[rows]
        kind, cause = self.kinds[owner], self.causes[owner]
        explained = self.wrong[rows] | (self.left_out[rows] & (kind == _LOST_CHILD))
        why = pa.array(_WHY).take(pa.array(kind))
        message = take_text(self.report.outcomes["error_message"].astype(TEXT), np.where(kind < _LOST_CHILD, owner, -1))
        bare = pc.binary_join_element_wise(why, pa.array(message), ": ", null_handling="skip")
        numbers = pc.binary_join_element_wise("row ", pc.cast(pa.array(sources.row_numbers(cause)), pa.string()), "")
        elsewhere = sources.split(cause)[0] != sources.split(rows)[0]
        names = take_text(table_names(sources), np.where(cause < 0, -1, sources.split(cause)[0]))
        full = pc.binary_join_element_wise(numbers, pa.array(names), " of ")
        because = pc.binary_join_element_wise(why, pc.if_else(pa.array(elsewhere), full, numbers), " because of ")
        text = pc.if_else(pa.array((cause < 0) | (cause == rows)), bare, because)
        return pc.if_else(pa.array(explained), None, _sentence(text))


def _problem_texts(problems: pd.DataFrame) -> pa.Array:
    """``column: Message. Hint.``; without the column or the hint if there is none."""
    column, message, hint = (pa.array(problems[name]).cast(pa.string()) for name in ("column", "message", "hint"))
    column, hint = (pc.if_else(pc.equal(part, ""), None, part) for part in (column, hint))
    text = pc.binary_join_element_wise(column, _sentence(message), ": ", null_handling="skip")
    return pc.binary_join_element_wise(text, _sentence(hint), " ", null_handling="skip")


def _sentence(text: pa.Array) -> pa.Array:
    """Add a period to the texts that do not end with a punctuation mark."""
    return pc.replace_substring_regex(text, r"([^.!?…])$", r"\1.")


def _faulty_rows(report: ReportInput) -> tuple[Mask, Mask]:
    """By row position: whether the row has an error, and whether it has one, or a warning, about a child."""
    kinds = report.located.kinds
    place = kinds["_row"].to_numpy(np.int64)
    child = kinds["entity"].isin(["address", "contact"]).to_numpy(np.bool_)
    masks = np.zeros((2, report.sources.row_count + 1), dtype=np.bool_)  # the last item is for problems without a row
    masks[0, place[report.located.of(Severity.ERROR)]] = True
    masks[1, place[child & report.located.of(Severity.ERROR, Severity.WARNING)]] = True
    return masks[0, :-1], masks[1, :-1]


def _causes(report: ReportInput, wrong: Mask, left_out: Mask) -> Positions:
    """The row position that is the cause of each customer's rejection: its first faulty row, or otherwise its first.

    For a customer that a row rejected alone may belong to, it is that row.
    """
    owner = report.tables.row_customers
    cause = np.where(report.related_rows >= 0, report.related_rows, report.tables.customers["_row"].to_numpy(np.int64))
    for concerned, fault in ((report.lost_child, left_out), (report.rejected | report.refused, wrong)):
        at = np.flatnonzero(fault & np.append(concerned, False)[owner])
        customers, firsts = np.unique(owner[at], return_index=True)
        cause[customers] = at[firsts]
    return cause
