"""Rows with characters of another encoding than the rest of the file, and with traces of damage."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from importer.loader.assemble import Fault
from importer.loader.text.encoding import MISFIT
from importer.records import Location, Problem, Severity
from importer.tables import SourceTable

__all__ = ["damaged_rows", "misfit_faults", "without_misfits"]

Places = npt.NDArray[np.int64]

_DAMAGE = "[\\x01-\\x08\\x0e-\\x1f\ufffd]"
_LOST = "\ufffd".encode()[0]
_EACH = 100
_HINT = "Mend the cell and save the file as UTF-8, or name the encoding of the whole file with --encoding."


def without_misfits(columns: Sequence[pa.Array], header: Sequence[str]) -> tuple[list[pa.Array], dict[int, str | None]]:
    """Columns without the marks before such characters; and the rows (from 0) that had one, with the column's name."""
    found: dict[int, str | None] = {}
    plain = []
    for place, column in enumerate(columns):
        marked = pc.match_substring(column, MISFIT)
        for index in np.flatnonzero(marked.to_numpy(zero_copy_only=False)).tolist():
            found.setdefault(index, header[place] if place < len(header) else None)
        plain.append(pc.replace_substring(column, MISFIT, "") if pc.any(marked).as_py() else column)
    return plain, found


def misfit_faults(rows: Mapping[int, str | None], encoding: str) -> list[Fault]:
    """A fault for each of those rows."""
    message = f"the row holds characters that are not {encoding}, the encoding of the rest of the file"
    return [Fault(index, "encoding_mixed", message, _HINT, name) for index, name in sorted(rows.items())]


def damaged_rows(table: SourceTable, forget: Callable[[], None]) -> list[Problem]:
    """A warning for each row with a control character or a sign for a lost character; one for all if they are many.

    ``forget`` is called where a column was looked at.
    """
    found: dict[int, tuple[str, str | None]] = {}
    for name in table.frame.columns:
        column = table.column(name)
        for index in _damaged(column).tolist():
            found.setdefault(index, (name, column[index].as_py()))
        forget()
    places = [
        (Location(table.file, table.sheet, int(table.row_numbers[index]), name), text)
        for index, (name, text) in sorted(found.items())
    ]
    message = "the cell holds a control character, or the sign for a character that was lost"
    if len(places) > _EACH:
        message = f"{len(places):,} rows hold a control character, or the sign for a character that was lost"
        places = [(replace(places[0][0], column=None), None)]
    hint = "The file was damaged before it came here: export it again, or correct the cell."
    return [
        Problem(Severity.WARNING, "damaged_text", message, hint, location=place, value=text) for place, text in places
    ]


def _damaged(column: pa.ChunkedArray) -> Places:
    """The cells with damage; a pattern looks only at chunks in whose bytes there may be some."""
    found, start = [np.empty(0, np.int64)], 0
    for chunk in column.chunks:
        if _may_be_damaged(chunk):
            damaged = pc.match_substring_regex(chunk, _DAMAGE).to_numpy(zero_copy_only=False)
            found.append(np.flatnonzero(damaged) + start)
        start += len(chunk)
    return np.concatenate(found)


def _may_be_damaged(cells: pa.Array) -> bool:
    _, ends, data = cells.buffers()
    if not len(cells) or data is None:
        return False
    first, last = np.frombuffer(ends, np.int32)[[cells.offset, cells.offset + len(cells)]]
    text = np.frombuffer(data, np.uint8)[first:last]
    return bool(((text < ord(" ")) & ~((text >= ord("\t")) & (text <= ord("\r"))) | (text == _LOST)).any())
