"""All records of a delimited text, whose blocks are read in parallel, with the faults of individual records."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.errors import SourceError
from importer.loader.assemble import RecordFault, column_names
from importer.loader.text.column_store import Body, ColumnWriter, blank_cells
from importer.loader.text.csv_blocks import (
    QUOTE_HINT,
    BadRecordError,
    Block,
    blocks,
    misplaced_quotes,
    parse,
    with_doubled_quotes,
)
from importer.loader.text.encoding import FOREIGN_MARK, check_text
from importer.records import Location, Problem, Severity
from importer.tables import Positions, SourceTable

EQUALS = r'^\s*="((?:[^"]|"")*)"\s*$'
_DAMAGE = "[\\x01-\\x08\\x0e-\\x1f\ufffd]"
_MAX_DAMAGE_PROBLEMS = 100
_FIRST = {"quote_unclosed": 0, "quote_inside": 1}  # in this order; then all other faults of records


@dataclass(frozen=True)
class CsvFormat:
    """How records are written.

    ``width``: how many cells most have. ``header``: the columns' names. ``mixed``: characters of an encoding other
    than ``encoding`` are marked in the text.
    """

    delimiter: str
    width: int
    header: Sequence[str] = ()
    encoding: str = "utf-8"
    mixed: bool = False


@dataclass(frozen=True)
class CsvRecords:
    """All records. ``damaged``: the numbers of those with control characters or a sign for a lost character."""

    body: Body
    faults: list[RecordFault]
    damaged: Positions


@dataclass(frozen=True)
class _BlockRecords:
    """The records of one block; positions count from 0 within it."""

    columns: list[pa.Array]
    widths: Positions
    faults: list[RecordFault]
    damaged: Positions
    unfinished: bool


def read_body(
    pieces: Iterator[bytes], form: CsvFormat, *, start: int, file: str, scratch: Path | None = None
) -> CsvRecords:
    """All records of a text, numbered from ``start``; their cells are in a file in ``scratch`` if it is given.

    Raises :class:`SourceError` for a record that cannot be read, naming its row, and what
    :func:`~importer.loader.text.encoding.check_text` raises.
    """
    writer = ColumnWriter(column_names(form.header, form.width), scratch)
    surplus: list[list[pa.Array]] = []  # of each block, the columns beyond the usual ones, which few records have
    widths, damaged = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    faults: list[RecordFault] = []
    unfinished, count = False, 0
    try:
        for read in _in_parallel(partial(_read_block, form=form), blocks(pieces, form.delimiter)):
            writer.add(read.columns[: form.width])
            surplus.append(read.columns[form.width :])
            widths.append(read.widths)
            faults += [replace(fault, index=fault.index + count) for fault in read.faults]
            damaged.append(read.damaged + start + count)
            unfinished = read.unfinished
            count += len(read.widths)
    except BadRecordError as error:
        raise SourceError(f"{file}:{start + count + error.index}: {error.message}", error.hint) from error
    stored = writer.finish()
    extra = max(map(len, surplus), default=0)
    padded = [
        own + [blank_cells(len(each))] * (extra - len(own)) for own, each in zip(surplus, widths[1:], strict=True)
    ]
    columns = stored.columns + [pa.chunked_array(chunks, pa.string()) for chunks in zip(*padded, strict=True)]
    numbers = np.arange(start, start + count, dtype=np.int64)
    body = Body(columns, np.concatenate(widths), numbers, unfinished, stored)
    faults.sort(key=lambda fault: _FIRST.get(fault.code, len(_FIRST)))
    return CsvRecords(body, faults, np.concatenate(damaged))


def _in_parallel(work: Callable[[Block], _BlockRecords], tasks: Iterator[Block]) -> Iterator[_BlockRecords]:
    """The results in the order of the tasks; only a few tasks are taken before they can be done."""
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[_BlockRecords]] = deque()
        for task in tasks:
            waiting.append(pool.submit(work, task))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _read_block(block: Block, form: CsvFormat) -> _BlockRecords:
    may_be_damaged = check_text(block.data)
    block = with_doubled_quotes(block, form.delimiter)
    columns, widths = parse(block, form.delimiter, form.width)
    if len(widths) != block.records:
        message = f"{len(widths):,} rows were read from here on, but the number of line breaks is {block.records:,}"
        raise BadRecordError(0, message, "Save the file again with a spreadsheet program, as CSV (UTF-8) or .xlsx.")
    faults = _quote_faults(block, form)
    if b'="' in block.data:
        columns = [_without_equals(column) for column in columns]
        faults += _open_equals(columns, form)
    if form.mixed and FOREIGN_MARK.encode() in block.data:
        faults += _foreign_characters(columns, form)
        columns = [pc.replace_substring(column, FOREIGN_MARK, "") for column in columns]
    damaged = [_matches(column, _DAMAGE) for column in columns if may_be_damaged]
    rows = np.unique(np.concatenate([np.empty(0, np.int64), *damaged]))
    return _BlockRecords(columns, widths, faults, rows, block.data[-1:] not in b"\r\n")


def _quote_faults(block: Block, form: CsvFormat) -> list[RecordFault]:
    usual = min(form.width, sum(1 for cell in form.header if cell.strip()))
    late, inside = misplaced_quotes(block, form.delimiter, usual)
    swallowed = (
        "a quotation mark opened in this row is not closed until a later row, so the rows in between are in one cell"
    )
    bare = "a cell in quotation marks contains a quotation mark, so it is not clear where the cell ends"
    return [RecordFault(index, "quote_unclosed", swallowed, QUOTE_HINT) for index in late] + [
        RecordFault(index, "quote_inside", bare, QUOTE_HINT) for index in inside
    ]


def _without_equals(column: pa.Array) -> pa.Array:
    """``="0017"``, as some programs write texts so that Excel keeps them, as ``0017``."""
    found = pc.match_substring_regex(column, EQUALS)
    if not pc.any(found).as_py():
        return column
    inner = pc.replace_substring(pc.replace_substring_regex(column, EQUALS, r"\1"), '""', '"')
    return pc.if_else(found, inner, column)


def _open_equals(columns: Sequence[pa.Array], form: CsvFormat) -> list[RecordFault]:
    """A fault for each record with a cell like ``="Smith``, of which a delimiter has cut off the rest."""
    message = (
        'a cell begins with =" but does not end with a quotation mark, so a delimiter inside the cell may have split it'
    )
    found = {
        index: place for place, column in enumerate(columns) for index in _matches(column, r'^\s*="[^"]*$').tolist()
    }
    names = dict(enumerate(form.header))
    hint = "Remove the equals sign, and make sure that the cell begins and ends with a quotation mark."
    return [
        RecordFault(index, "quote_inside", message, hint, names.get(place)) for index, place in sorted(found.items())
    ]


def _matches(column: pa.Array, pattern: str) -> Positions:
    return np.flatnonzero(pc.match_substring_regex(column, pattern).to_numpy(zero_copy_only=False))


def _foreign_characters(columns: Sequence[pa.Array], form: CsvFormat) -> list[RecordFault]:
    """A fault for each record with a marked character, at the first column that has one."""
    found: dict[int, str | None] = {}
    for place, column in enumerate(columns):
        for index in _matches(column, FOREIGN_MARK).tolist():
            found.setdefault(index, form.header[place] if place < len(form.header) else None)
    message = f"the row contains characters that are not valid {form.encoding}, the encoding of the rest of the file"
    hint = "Fix the cell and save the file as UTF-8, or specify the encoding of the whole file with --encoding."
    return [RecordFault(index, "encoding_mixed", message, hint, name) for index, name in sorted(found.items())]


def damage_problems(table: SourceTable, damaged: Positions) -> list[Problem]:
    """A warning for each row of ``damaged`` in which a visible cell is damaged; only one if they are many."""
    rows = np.flatnonzero(np.isin(table.row_numbers, damaged))
    found: dict[int, tuple[str, str]] = {}
    for name in table.frame.columns:
        cells = table.cells(name, rows)
        for index in _matches(cells, _DAMAGE).tolist():
            found.setdefault(int(rows[index]), (name, cells[index].as_py()))
    hint = "The file was damaged before it was exported or copied: export it again, or correct the cell."
    message = "the cell contains a control character, or the symbol for a lost character"
    problems = []
    for row, (name, text) in sorted(found.items()):
        place = Location(table.file, table.sheet, int(table.row_numbers[row]), name)
        problems.append(Problem(Severity.WARNING, "damaged_text", message, hint, location=place, value=text))
    if len(problems) <= _MAX_DAMAGE_PROBLEMS:
        return problems
    message = f"{len(problems):,} rows contain a control character, or the symbol for a lost character"
    first = Location(table.file, table.sheet, int(table.row_numbers[min(found)]))
    return [Problem(Severity.WARNING, "damaged_text", message, hint, location=first)]
