"""Delimited text to columns: Arrow's reader for speed, the csv module for what Arrow cannot read."""

import csv
import io
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as arrow_csv

from importer.loader.text.blocks import Block, text_lines

__all__ = [
    "DELIMITERS",
    "HEAD_BYTES",
    "HEAD_RECORDS",
    "BadRecordError",
    "HeadRecord",
    "Records",
    "consistency",
    "nothing",
    "parse",
    "read_head",
]

DELIMITERS = (",", ";", "\t", "|")
HEAD_RECORDS = 60
HEAD_BYTES = 1024 * 1024
QUOTE_HINT = 'Close the quote ("), or double it ("") where it is part of the text.'


@dataclass(frozen=True)
class HeadRecord:
    """One of the first records, and the offset of the byte after it."""

    cells: list[str]
    end: int


@dataclass(frozen=True)
class Records:
    """The records of a block by the column.

    ``columns``: strings without nulls, all of one length; a missing cell is ``""``. ``widths``: how many cells each
    record had, None if each had as many as is usual.
    """

    columns: list[pa.Array]
    widths: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0


class BadRecordError(Exception):
    """A record that makes the file unusable: its place (from 0) in the block, what is wrong and what to do."""

    def __init__(self, index: int, message: str, hint: str) -> None:
        super().__init__(message)
        self.index = index
        self.message = message
        self.hint = hint


def read_head(start: bytes, delimiter: str) -> list[HeadRecord]:
    """The first records; none after one that the csv module cannot read or that is cut off.

    ``start``: all of a text, or more than :data:`HEAD_BYTES` of it.
    """
    text = start[:HEAD_BYTES].decode("utf-8", "ignore")
    consumed = 0

    def lines() -> Iterator[str]:
        nonlocal consumed
        for line in io.StringIO(text, newline=""):
            consumed += len(line.encode())
            yield line

    records: list[HeadRecord] = []
    try:
        for cells in csv.reader(lines(), delimiter=delimiter):
            records.append(HeadRecord(cells, consumed))
            if len(records) > HEAD_RECORDS:
                return records[:HEAD_RECORDS]
    except csv.Error:
        return records
    return records[:-1] if len(start) > HEAD_BYTES and len(records) > 1 else records


def consistency(records: list[HeadRecord]) -> float:
    """How much the records look like a table: the share of those with the usual width, times its information."""
    widths = [len(record.cells) for record in records if any(cell.strip() for cell in record.cells)]
    if not widths:
        return 0.0
    width, count = max(Counter(widths).items(), key=lambda item: (item[1] * (item[0] > 1), item[0]))
    return count / len(widths) * math.log2(width)


def parse(block: Block, delimiter: str, width: int) -> Records:
    """The records of a block, most of which have ``width`` cells; at least as many columns.

    Raises :class:`BadRecordError` for one that cannot be read.
    """
    if block.unclosed:
        return _refuse(block, delimiter)
    try:
        return Records(_read_arrow(block.data, delimiter, width, None))
    except pa.ArrowInvalid:
        return _parse_ragged(block.data, delimiter, width) or _parse_slowly(block.data, delimiter, width)


def _refuse(block: Block, delimiter: str) -> Records:
    rows = _rows(block.data, delimiter)
    raise BadRecordError(
        len(rows) - 1,
        "a quote opens in this row and is never closed",
        f"{QUOTE_HINT} If the file was cut off, export it again.",
    )


def _read_arrow(data: bytes, delimiter: str, width: int, ragged: list[arrow_csv.InvalidRow] | None) -> list[pa.Array]:
    names = [str(number) for number in range(width)]

    def set_aside(row: arrow_csv.InvalidRow) -> str:
        assert ragged is not None
        ragged.append(row)
        return "skip"

    table = arrow_csv.read_csv(
        pa.BufferReader(data),
        # One thread, because blocks are read side by side, and only a single one numbers the rows it sets aside.
        arrow_csv.ReadOptions(column_names=names, block_size=len(data) + 1, use_threads=False),
        arrow_csv.ParseOptions(
            delimiter=delimiter,
            newlines_in_values=True,
            ignore_empty_lines=False,
            invalid_row_handler=None if ragged is None else set_aside,
        ),
        arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=False,
            quoted_strings_can_be_null=False,
            check_utf8=False,  # of the whole block, that is much faster
        ),
    )
    return [_joined(column) for column in table.columns]


def _joined(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays([*column.chunks, strings([])])


def _parse_ragged(data: bytes, delimiter: str, width: int) -> Records | None:
    """Arrow sets the records of another width aside; they are read one by one and put back in their places."""
    ragged: list[arrow_csv.InvalidRow] = []
    try:
        regular = _read_arrow(data, delimiter, width, ragged)
        text = io.StringIO("\n".join(row.text for row in ragged), newline="")
        rows = list(csv.reader(text, delimiter=delimiter))
    except (pa.ArrowInvalid, csv.Error):
        return None
    if len(rows) != len(ragged):
        return None
    places = np.array([row.number - 1 for row in ragged], dtype=np.int64)
    usual = len(regular[0])
    count = usual + len(rows)
    widths = np.full(count, width, np.int64)
    widths[places] = [len(row) for row in rows]
    regular += [nothing(usual)] * (int(widths.max(initial=width)) - width)
    order = np.empty(count, np.int64)
    order[places] = np.arange(usual, count)
    order[np.isin(np.arange(count), places, invert=True)] = np.arange(usual)
    odd = _transpose(rows, len(regular))
    columns = [pa.concat_arrays(pair).take(pa.array(order)) for pair in zip(regular, odd, strict=True)]
    return Records(columns, widths)


def _parse_slowly(data: bytes, delimiter: str, width: int) -> Records:
    rows = _rows(data, delimiter)
    widths = np.array([len(row) for row in rows], dtype=np.int64)
    return Records(_transpose(rows, max(width, int(widths.max(initial=0)))), widths)


def _rows(data: bytes, delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        rows.extend(csv.reader(text_lines(data), delimiter=delimiter))
    except csv.Error as error:
        raise BadRecordError(
            len(rows),
            f"the row cannot be read ({error})",
            'Probably a quote (") that opens in this row is never closed: close it, or double it if it is text.',
        ) from error
    return rows


def _transpose(rows: list[list[str]], width: int) -> list[pa.Array]:
    columns = [strings(cells) for cells in zip_longest(*rows, fillvalue="")]
    return columns + [nothing(len(rows))] * (width - len(columns))


def strings(values: Sequence[str]) -> pa.Array:
    """An Arrow array of them."""
    return pa.array(values, pa.string())


def nothing(count: int) -> pa.Array:
    """As many blank cells, which take no memory until somebody writes them."""
    return pa.Array.from_buffers(
        pa.string(), count, [None, pa.py_buffer(np.zeros(count + 1, np.int32)), pa.py_buffer(b"")]
    )
