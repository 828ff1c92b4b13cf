"""Source tables and corrections for tests, without files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from importer.corrections.corrections_file import Correction, CorrectionFile
from importer.corrections.original_rows import OriginalTable
from importer.corrections.recording import NewCorrection, record
from importer.loader import skipped_frame
from importer.tables import TEXT, Sources, SourceTable

Rows = Sequence[Sequence[str]]


def source_table(
    names: Sequence[str], rows: Rows, *, key: Sequence[str] = ("Key",), file: str = "a.csv", continued: bool = False
) -> SourceTable:
    frame = pd.DataFrame([list(row) for row in rows], columns=list(names), dtype=TEXT)
    details = {"table": "customers", "key": [name for name in key if name in names], "continued": continued}
    numbers = np.arange(2, len(rows) + 2, dtype=np.int64)
    return SourceTable(file, None, frame, numbers, skipped_frame([], []), np.zeros(len(rows), bool), details=details)


def original(table: SourceTable, keys: Sequence[str] | None = None) -> OriginalTable:
    """The rows of a table as a run stores them."""
    own = [row[0] for row in table.frame[list(table.details["key"])].to_numpy().tolist()] if keys is None else keys
    rows = pd.DataFrame({"row": table.row_numbers, "key": own, "reference_id": own})
    kept = {"source": table.name, "stands_for": (table.file, ""), "list": table.file, "sheet": "a"}
    key = tuple(table.details["key"])
    return OriginalTable(
        **kept, table="customers", key=key, secrets=frozenset(), cells=table.frame, rows=rows, shown={}
    )


def recorded(table: SourceTable, *cells: tuple[int, str, str], file: CorrectionFile | None = None) -> CorrectionFile:
    """A file with corrections of ``cells``: row position, column, and new text."""
    whole = original(table)
    wanted = [NewCorrection(whole, row, column, new, f"a.csv:{row + 2}") for row, column, new in cells]
    return record(file or CorrectionFile(Path("c.csv")), wanted, run="r", recorded="2026-11-28T00:00:00Z").file


def sources_of(*tables: SourceTable) -> Sources:
    return Sources(tables)


def only(file: CorrectionFile) -> Correction:
    (one,) = file.corrections
    return one
