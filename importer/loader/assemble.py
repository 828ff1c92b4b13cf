"""Header and body to a ``SourceTable``: names, skipped and broken records, sensitive columns."""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.errors import NoSourceError
from importer.loader.layout import Header, classify
from importer.loader.load_options import LoadOptions
from importer.loader.sensitive_columns import holds_card_numbers, is_secret, is_tax_number
from importer.loader.text.text_cells import NOWHERE, Body, chosen, positions
from importer.records import Location, Problem, Severity
from importer.tables import IMPORT_ERRORS, SourceTable, header_key, unmark_formulas

__all__ = ["Fault", "Origin", "assemble", "column_names", "refuse_without_rows", "skipped_frame"]

_EACH_SHORT_ROW = 10  # told one by one in any file; of a file in which they are rare, up to ten times as many
_FEW_RANGES = 64

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Origin:
    """Where a table comes from and how it was read."""

    file: str
    sheet: str | None
    details: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The table as reports name it."""
        return self.file if self.sheet is None else f"{self.file}!{self.sheet}"

    def at(self, row: int) -> Location:
        """The place of a row."""
        return Location(self.file, self.sheet, row)


@dataclass(frozen=True)
class Fault:
    """What makes one record (``index``, from 0) of a body unusable; ``column``: the header of the cell at fault."""

    index: int
    code: str
    message: str
    hint: str
    column: str | None = None


def skipped_frame(rows: npt.ArrayLike, reasons: Sequence[str]) -> pd.DataFrame:
    """``SourceTable.skipped``: columns ``row`` (int64) and ``reason`` (str), sorted by row."""
    frame = pd.DataFrame({"row": np.asarray(rows, dtype=np.int64), "reason": pd.Series(reasons, dtype="str")})
    return frame.sort_values("row", ignore_index=True)


def assemble(
    origin: Origin, header: Header, body: Body, faults: Sequence[Fault], options: LoadOptions
) -> tuple[SourceTable, list[Problem]]:
    """The table of one header and the records below it, and what is wrong with single rows."""
    reasons, doubtful = classify(body, header)
    keep = ~np.logical_or.reduce([mask for _, mask in reasons])
    unsure = [int(body.numbers[index]) for index in sorted(doubtful)]
    at_fault = body.numbers[[fault.index for fault in faults]]
    rows = np.concatenate([[row for row, _ in header.above], *(body.numbers[mask] for _, mask in reasons)])
    why = [reason for _, reason in header.above]
    why += [reason for reason, mask in reasons for _ in range(int(mask.sum()))]
    body = _only(body, keep)
    kept = body.numbers
    broken, problems = _long_rows(origin, body.columns, len(header.cells), kept)
    problems += [_fault_problem(origin, fault, number) for fault, number in zip(faults, at_fault, strict=True)]
    broken[positions(kept, at_fault)] = True
    short = (body.widths < header.width) & ~broken
    if _cut_off(body, keep, short):
        broken[-1], short[-1] = True, False
        problems.append(_cut_problem(origin, int(kept[-1]), header.width))
    problems += _short_rows(origin, kept[short], header.width, of=len(kept))
    problems += [_doubt_problem(origin, number) for number in unsure]
    data, secrets = _named(header.cells, body, options)
    stored = _path_of(data, body)
    if secrets and broken.any():
        data = _concealed(data, secrets, broken)
        problems = [replace(problem, value=None) for problem in problems]
    arrays = {name: pd.arrays.ArrowExtensionArray(column) for name, column in data.items()}
    frame = pd.DataFrame(arrays, index=pd.RangeIndex(len(kept)), copy=False)
    skipped, details = skipped_frame(rows, why), {**origin.details, "header_row": header.row}
    return SourceTable(origin.file, origin.sheet, frame, kept, skipped, broken, secrets, details, stored), problems


def column_names(header: Sequence[str], width: int) -> list[str]:
    """The names of the first ``width`` columns: the header's cells, trimmed, each a name of its own."""
    names: list[str] = []
    taken: dict[str, None] = {}
    for place in range(width):
        cell = header[place].strip() if place < len(header) else ""
        names.append(_unique(cell or f"Column {place + 1}", taken))
        taken[header_key(names[-1])] = None
    return names


def refuse_without_rows(table: SourceTable) -> None:
    """Raise :class:`SourceError` for a header without data."""
    if len(table.frame.columns) and not len(table.frame):
        raise NoSourceError(
            f"{table.name}: there is a header in row {table.details.get('header_row')} but no data row below it",
            "Export the table again with its rows, or leave this source out.",
        )


def _only(body: Body, keep: Mask) -> Body:
    """The kept records; in a file of their own where they lie on disk."""
    if keep.all():
        return body
    kept = NOWHERE if body.kept.path is None else chosen(body.kept, keep)
    columns = kept.columns + [_filtered(column, keep) for column in body.columns[len(kept.columns) :]]
    return Body(columns, body.widths[keep], body.numbers[keep], body.unfinished, kept)


def _filtered(column: pa.ChunkedArray, keep: Mask) -> pa.ChunkedArray:
    """The kept cells; without copying where they are in few runs."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], keep, [False])).astype(np.int8)))
    if len(edges) > 2 * _FEW_RANGES:
        return column.filter(pa.array(keep))
    chunks = [chunk for at, end in edges.reshape(-1, 2).tolist() for chunk in column.slice(at, end - at).chunks]
    return pa.chunked_array(chunks, pa.string())


def _has_text(column: pa.ChunkedArray) -> Mask:
    if (pc.sum(pc.binary_length(column)).as_py() or 0) == 0:
        return np.zeros(len(column), dtype=bool)
    mask: Mask = pc.not_equal(pc.utf8_trim_whitespace(column), "").to_numpy()
    return mask


def _long_rows(
    origin: Origin, columns: Sequence[pa.ChunkedArray], width: int, rows: npt.NDArray[np.int64]
) -> tuple[Mask, list[Problem]]:
    broken = np.zeros(len(rows), dtype=bool)
    for column in columns[width:]:
        broken |= _has_text(column)
    problems = []
    for index in np.flatnonzero(broken):
        beyond = [text for column in columns[width:] if (text := column[int(index)].as_py()).strip()]
        problems.append(
            Problem(
                Severity.ERROR,
                "row_too_long",
                f"the row has more cells than the header ({width})",
                "Probably a delimiter or a quote within a cell: put the cell in quotes and double the quotes in it.",
                location=origin.at(int(rows[index])),
                value=" | ".join(beyond),
            )
        )
    return broken, problems


def _short_rows(origin: Origin, rows: npt.NDArray[np.int64], width: int, *, of: int) -> list[Problem]:
    hint = "The missing cells at the end are read as blank; check that no line break stands in a cell without quotes."
    if len(rows) > (10 * _EACH_SHORT_ROW if 10 * len(rows) <= of else _EACH_SHORT_ROW):
        first = ", ".join(str(row) for row in rows[:_EACH_SHORT_ROW])
        message = f"{len(rows):,} rows have fewer cells than the header ({width}): rows {first} and more"
        return [Problem(Severity.WARNING, "row_short", message, hint, location=Location(origin.file, origin.sheet))]
    message = f"the row has fewer cells than the header ({width})"
    return [Problem(Severity.WARNING, "row_short", message, hint, location=origin.at(int(row))) for row in rows]


def _cut_off(body: Body, keep: Mask, short: Mask) -> bool:
    """Whether the last record has neither all its cells nor a line end, while all others have all their cells."""
    return body.unfinished and bool(keep[-1]) and bool(short[-1]) and int(short.sum()) == 1


def _cut_problem(origin: Origin, row: int, width: int) -> Problem:
    return Problem(
        Severity.ERROR,
        "row_cut_off",
        f"the last row has fewer cells than the header ({width}) and no line end: the file was cut off in it",
        "Export or copy the file again; rows may be missing behind this one.",
        location=origin.at(row),
    )


def _doubt_problem(origin: Origin, row: int) -> Problem:
    return Problem(
        Severity.WARNING,
        "row_like_total",
        "the row looks like a total, but may be a customer of that name: it is read as one",
        "If it is a total, delete the row or leave it out with a `skip` rule in the mapping.",
        location=origin.at(row),
    )


def _fault_problem(origin: Origin, fault: Fault, row: int) -> Problem:
    place = replace(origin.at(int(row)), column=fault.column)
    return Problem(Severity.ERROR, fault.code, fault.message, fault.hint, location=place)


def _named(
    header: Sequence[str], body: Body, options: LoadOptions
) -> tuple[dict[str, pa.ChunkedArray], frozenset[str]]:
    """Named columns, and which of them were emptied."""
    given_back = bool(header) and header_key(header[0]) == IMPORT_ERRORS
    if given_back:
        header = unmark_formulas(pa.array([cell.strip() for cell in header], pa.string())).to_pylist()
    names: dict[str, None] = {}
    data: dict[str, pa.ChunkedArray] = {}
    secrets = set()
    columns = body.columns
    empty = pa.chunked_array([pa.repeat(pa.scalar("", pa.string()), len(body))])
    for place in range(int(given_back), max(len(header), len(columns))):
        cell = header[place].strip() if place < len(header) else ""
        column = columns[place] if place < len(columns) else empty
        if not cell and not _has_text(column).any():
            continue
        name = _unique(cell or f"Column {place + 1}", names)
        names[header_key(name)] = None
        column = unmark_formulas(column) if given_back else column
        if _is_sensitive(name, column, options, body.kept.forget):
            secrets.add(name)
            column = empty
        data[name] = column
        body.kept.forget()
    return data, frozenset(secrets)


def _path_of(data: Mapping[str, pa.ChunkedArray], body: Body) -> Path | None:
    """The file that holds exactly these columns; if they are others than those of the body's file, that one goes."""
    kept = body.kept
    if list(data) == list(kept.names) and all(map(operator.is_, data.values(), kept.columns)):
        return kept.path
    if kept.path is not None:
        kept.path.unlink()  # what is mapped of it stays until nobody needs it
    return None


def _concealed(
    columns: Mapping[str, pa.ChunkedArray], secrets: frozenset[str], broken: Mask
) -> dict[str, pa.ChunkedArray]:
    """Cells of broken records emptied where a secret may have slipped to: right of its column, or into a long cell."""
    first = next(place for place, name in enumerate(columns) if name in secrets)
    at = pa.array(broken)
    data = {}
    for place, (name, column) in enumerate(columns.items()):
        slipped = at if place >= first else pc.and_(at, pc.match_substring_regex(column, r"[\r\n]"))
        data[name] = pa.chunked_array([pc.if_else(slipped, "", column)])
    return data


def _unique(name: str, taken: Mapping[str, None]) -> str:
    number = 1
    candidate = name
    while header_key(candidate) in taken:
        number += 1
        candidate = f"{name}#{number}"
    return candidate


def _is_sensitive(name: str, column: pa.ChunkedArray, options: LoadOptions, forget: Callable[[], None]) -> bool:
    if is_secret(name) or (is_tax_number(name) and header_key(name) not in options.allowed):
        return True
    return holds_card_numbers(name, column, forget)
