"""The rows of a run that someone may fix, as the source has them. Returned files are compared with them.

They are in the run's ``work/``: the rejected rows, all rows with an error or warning, and all rows with the key of such
a row.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import feather

from importer.catalogue.field_names import is_part_column
from importer.corrections.corrected_sources import uncorrected, with_cells
from importer.corrections.row_identity import key_texts
from importer.errors import OutputError, UsageError
from importer.private_files import open_private
from importer.records import Severity
from importer.report.ranges import take_text
from importer.report.rejected import rejected_names, rows_to_fix
from importer.report.rejected_workbook import sheet_names
from importer.report.report_input import ReportInput
from importer.tables import Mask, Positions, SourceTable

_FILE = "original.json"
_CELLS, _ROWS = "original-{}.arrow", "original-rows-{}.arrow"


@dataclass(frozen=True)
class OriginalTable:
    """Some rows of a source table.

    ``source``: the table as reports name it. ``table``: the mapping's name; ``key``: the headers of its key. ``list``:
    its file in ``rejected/``; ``sheet``: its sheet in ``rejected.xlsx``. ``secrets``: columns whose cells were emptied.
    ``cells``: the cells as the source has them; ``rows``: for each row, its number (``row``), ``key``, ``reference_id``
    (its customer's, or null), and whether it is in the list and in the workbook (``in_list``, ``in_workbook``).
    ``shown``: (row number, column) → the new text of cells that a correction changed before the run.
    """

    source: str
    stands_for: tuple[str, str]
    table: str
    key: tuple[str, ...]
    list: str
    sheet: str
    secrets: frozenset[str]
    cells: pd.DataFrame
    rows: pd.DataFrame
    shown: Mapping[tuple[int, str], str]

    @property
    def numbers(self) -> Positions:
        return self.rows["row"].to_numpy(np.int64)

    def as_table(self) -> SourceTable:
        nothing = pd.DataFrame({"row": np.zeros(0, np.int64), "reason": pd.Series([], dtype="str")})
        broken = np.zeros(len(self.rows), np.bool_)
        details = {"table": self.table, "key": self.key}
        return SourceTable(self.source, None, self.cells, self.numbers, nothing, broken, self.secrets, details)

    def text(self, row: int, column: str) -> str:
        """A cell as the run's reports show it; blank for a column that they add. ``row``: its position in ``rows``."""
        own = str(self.cells[column].iloc[row]) if column in self.cells else ""
        return self.shown.get((int(self.numbers[row]), column), own)

    def can_correct(self, column: str) -> bool:
        """Whether cells of a column can be corrected: the source has it, or it is for a part of an address."""
        return column in self.cells or is_part_column(column, list(map(str, self.cells.columns)))


@dataclass(frozen=True)
class Originals:
    """The saved rows of a run. ``run``: its ID."""

    run: str
    tables: tuple[OriginalTable, ...]


def save_originals(folder: Path, report: ReportInput, in_workbook: Mask) -> None:
    """Save the rows that someone may fix in a run's ``work/``. Raises :class:`OutputError`.

    ``in_workbook``: by row position, the rows that ``rejected.xlsx`` holds.
    """
    listed = rows_to_fix(report)
    flags = {"in_list": listed, "in_workbook": in_workbook}
    wanted = listed | _with_problems(report)
    tables, before = report.sources.tables, uncorrected(report.sources)
    described = []
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        names = zip(rejected_names(tables), sheet_names(tables), strict=True)
        for number, (table, (file, sheet)) in enumerate(zip(tables, names, strict=True)):
            start, end = report.sources.offsets[number : number + 2].tolist()
            own = {(row - start, name): texts for (row, name), texts in before.items() if start <= row < end}
            source = _as_in_source(table, own)
            keys = key_texts(source) if wanted[start:end].any() else pa.array([], pa.string())
            at = _with_same_key(keys, wanted[start:end])
            _write(folder / _CELLS.format(number), {name: source.cells(name, at) for name in table.headers})
            owner = report.tables.row_customers[start + at]
            rows = {
                "row": pa.array(table.row_numbers[at]),
                "key": keys.take(pa.array(at)),
                "reference_id": pa.array(take_text(report.tables.customers["reference_id"], owner)),
                **{name: pa.array(mask[start + at]) for name, mask in flags.items()},
            }
            _write(folder / _ROWS.format(number), rows)
            shown = [(int(table.row_numbers[row]), name, new) for (row, name), (_, new) in own.items()]
            described.append(_described(table, file, sheet, shown))
        with open_private(folder / _FILE) as out:
            out.write(json.dumps(described, ensure_ascii=False).encode())
    except OSError as error:
        hint = "Choose another folder with --out, or free some space on the disk."
        raise OutputError(f"{folder}: cannot be written: {error.strerror or error}", hint) from error


def _as_in_source(table: SourceTable, own: Mapping[tuple[int, str], tuple[str, str]]) -> SourceTable:
    """The table as it was before corrections."""
    changes: dict[str, dict[int, str]] = {}
    for (row, name), (old, _) in own.items():
        changes.setdefault(name, {})[row] = old
    return with_cells(table, changes)


def _described(table: SourceTable, file: str, sheet: str, shown: list[tuple[int, str, str]]) -> dict[str, Any]:
    details = table.details
    return {
        "source": table.name,
        "stands_for": list(details.get("stands_for") or (table.file, table.sheet or "")),
        "table": str(details.get("table", "")),
        "key": list(details.get("key", ())),
        "list": file,
        "sheet": sheet,
        "secrets": sorted(table.secrets),
        "shown": shown,
    }


def _with_problems(report: ReportInput) -> Mask:
    """A mask of the rows, by row position, that have an error or warning."""
    kinds = report.located.kinds
    place = kinds["_row"].to_numpy(np.int64)
    serious = (kinds["severity"] != str(Severity.INFO)).to_numpy(np.bool_) & (place >= 0)
    found = np.zeros(report.sources.row_count, np.bool_)
    found[place[serious]] = True
    return found


def _with_same_key(keys: pa.Array, wanted: Mask) -> Positions:
    """The rows that are wanted, and those with the same key as a wanted row, unless the key is blank."""
    at = np.flatnonzero(wanted)
    if not len(at):
        return at
    own = pc.unique(keys.take(pa.array(at)))
    same = pc.is_in(keys, own.filter(pc.not_equal(own, ""))).to_numpy(zero_copy_only=False)
    return np.flatnonzero(wanted | same)


def _write(path: Path, columns: Mapping[str, pa.Array]) -> None:
    open_private(path).close()
    feather.write_feather(pa.table(dict(columns)), path, compression="lz4")


def load_originals(folder: Path) -> Originals:
    """The rows that a run saved. ``folder``: the run's.

    Raises :class:`UsageError` if there are none, and :class:`OutputError` if they are incomplete.
    """
    work = folder / "work"
    again = "Check the sources again with this version; then fix the rows of that run."
    if not (work / _FILE).is_file():
        raise UsageError(f"{folder} has no rows to compare with", again)
    try:
        described = json.loads((work / _FILE).read_text(encoding="utf-8"))
        return Originals(folder.name, tuple(_tables(work, described)))
    except (OSError, ValueError, KeyError) as error:
        raise OutputError(f"{folder}: the saved rows of this run are incomplete ({error})", again) from error


def _tables(work: Path, described: list[dict[str, Any]]) -> Iterator[OriginalTable]:
    for number, one in enumerate(described):
        cells, rows = (
            feather.read_table(work / name.format(number), memory_map=False).to_pandas(types_mapper=pd.ArrowDtype)
            for name in (_CELLS, _ROWS)
        )
        shown = {(int(row), column): text for row, column, text in one["shown"]}
        lists = {"stands_for": tuple(one["stands_for"]), "key": tuple(one["key"]), "secrets": frozenset(one["secrets"])}
        yield OriginalTable(**{**one, **lists, "cells": cells, "rows": rows, "shown": shown})
