"""Delimited text to columns: Arrow's reader for speed, the csv module for what Arrow cannot read."""

import csv
import io
import math
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as arrow_csv
from pyarrow import ipc

from importer.errors import SourceError

__all__ = ["DELIMITERS", "Body", "HeadRecord", "consistency", "parse", "read_head", "text_lines"]

DELIMITERS = (",", ";", "\t", "|")
HEAD_RECORDS = 60
_HEAD_BYTES = 1024 * 1024
# A record must fit into a block; larger blocks also mean fewer chunks for everything that comes after.
_BLOCK_BYTES = 8 * 1024 * 1024
_FEW_SPLICES = 64


@dataclass(frozen=True)
class HeadRecord:
    """One of the first records, and the offset of the byte after it."""

    cells: list[str]
    end: int


@dataclass(frozen=True)
class Body:
    """The records below the header, by the column.

    ``columns``: strings without nulls, all of one length; a missing cell is ``""``. ``widths``: how many cells each
    record had. ``numbers``: the 1-based number of each record in its source, ascending. ``unfinished``: the last
    record has no line end.
    """

    columns: list[pa.ChunkedArray]
    widths: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]
    unfinished: bool = False

    @classmethod
    def following(cls, columns: list[pa.ChunkedArray], widths: npt.NDArray[np.int64], start: int) -> "Body":
        """Records that follow one another, the first of which is number ``start``."""
        return cls(columns, widths, np.arange(start, start + len(widths), dtype=np.int64))

    def __len__(self) -> int:
        return len(self.widths)

    def row(self, index: int) -> list[str]:
        """The cells of one record."""
        return [column[index].as_py() for column in self.columns]


def text_lines(data: pa.Buffer) -> Iterator[str]:
    """The lines of UTF-8 text with their ends, split as the csv module wants them."""
    return iter(io.TextIOWrapper(pa.BufferReader(data), encoding="utf-8", newline=""))


def read_head(data: pa.Buffer, delimiter: str) -> list[HeadRecord]:
    """The first records of ``data``; none after a record that the csv module cannot read or that is cut off."""
    sample = data.slice(0, min(data.size, _HEAD_BYTES))
    text = sample.to_pybytes().decode("utf-8", "ignore")
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
    return records[:-1] if sample.size < data.size and len(records) > 1 else records


def consistency(records: list[HeadRecord]) -> float:
    """How much the records look like a table: the share of those with the usual width, times its information."""
    widths = [len(record.cells) for record in records if any(cell.strip() for cell in record.cells)]
    if not widths:
        return 0.0
    width, count = max(Counter(widths).items(), key=lambda item: (item[1] * (item[0] > 1), item[0]))
    return count / len(widths) * math.log2(width)


def parse(data: pa.Buffer, delimiter: str, width: int, *, start: int, file: str, scratch: Path | None = None) -> Body:
    """All records of ``data``, most of which have ``width`` cells; cells lie in ``scratch`` if it is given.

    Raises :class:`SourceError` for a record that cannot be read, naming its row.
    """
    if data.size == 0:
        return Body.following([_strings([]) for _ in range(width)], np.zeros(0, np.int64), start)
    try:
        table = (
            _read_arrow(data, delimiter, width, None)
            if scratch is None
            else _read_to_disk(data, delimiter, width, scratch)
        )
        body: Body | None = Body.following(table.columns, np.full(table.num_rows, width, np.int64), start)
    except pa.ArrowInvalid:
        body = _parse_ragged(data, delimiter, width, start)
    if body is None:
        body = _parse_slowly(data, delimiter, start, file)
    return replace(body, unfinished=data.slice(data.size - 1).to_pybytes() not in b"\r\n")


def _read_arrow(data: pa.Buffer, delimiter: str, width: int, ragged: list[arrow_csv.InvalidRow] | None) -> pa.Table:
    return arrow_csv.read_csv(pa.BufferReader(data), **_reading(delimiter, width, ragged))


def _read_to_disk(data: pa.Buffer, delimiter: str, width: int, scratch: Path) -> pa.Table:
    """As :func:`_read_arrow`, a block at a time into a file that is gone with the table."""
    reader = arrow_csv.open_csv(pa.BufferReader(data), **_reading(delimiter, width, None))
    with tempfile.NamedTemporaryFile(dir=scratch) as file:  # 0600
        with ipc.new_file(file.name, reader.schema) as writer:
            for batch in reader:
                writer.write_batch(batch)
        with pa.memory_map(file.name) as mapped:
            return ipc.open_file(mapped).read_all()


def _reading(delimiter: str, width: int, ragged: list[arrow_csv.InvalidRow] | None) -> dict[str, Any]:
    names = [str(number) for number in range(width)]

    def set_aside(row: arrow_csv.InvalidRow) -> str:
        assert ragged is not None
        ragged.append(row)
        return "skip"

    return {
        # Only a single thread knows the numbers of the rows it sets aside.
        "read_options": arrow_csv.ReadOptions(column_names=names, block_size=_BLOCK_BYTES, use_threads=ragged is None),
        "parse_options": arrow_csv.ParseOptions(
            delimiter=delimiter,
            newlines_in_values=True,
            ignore_empty_lines=False,
            invalid_row_handler=None if ragged is None else set_aside,
        ),
        "convert_options": arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=False,
            quoted_strings_can_be_null=False,
            check_utf8=False,  # the text was decoded or validated as a whole
        ),
    }


def _parse_ragged(data: pa.Buffer, delimiter: str, width: int, start: int) -> Body | None:
    """Arrow sets the records of another width aside; they are read one by one and put back in their places."""
    ragged: list[arrow_csv.InvalidRow] = []
    try:
        table = _read_arrow(data, delimiter, width, ragged)
        text = io.StringIO("\n".join(row.text for row in ragged), newline="")
        rows = list(csv.reader(text, delimiter=delimiter))
    except (pa.ArrowInvalid, csv.Error):
        return None
    if len(rows) != len(ragged):
        return None
    places = np.array([row.number - 1 for row in ragged], dtype=np.int64)
    count = table.num_rows + len(rows)
    widths = np.full(count, width, np.int64)
    widths[places] = [len(row) for row in rows]
    regular = table.columns
    regular += [_strings([""] * table.num_rows) for _ in range(width, int(widths.max(initial=width)))]
    odd = _transpose(rows, len(regular))
    return Body.following([_splice(*pair, places) for pair in zip(regular, odd, strict=True)], widths, start)


def _splice(regular: pa.ChunkedArray, odd: pa.ChunkedArray, places: npt.NDArray[np.int64]) -> pa.ChunkedArray:
    """Both in one, the cells of ``odd`` at ``places``."""
    count = len(regular) + len(odd)
    if len(places) > _FEW_SPLICES:
        order = np.empty(count, np.int64)
        order[places] = np.arange(len(regular), count)
        order[np.isin(np.arange(count), places, invert=True)] = np.arange(len(regular))
        return pa.chunked_array([*regular.chunks, *odd.chunks]).take(pa.array(order))
    chunks: list[pa.Array] = []
    done = 0
    for index, place in enumerate(places - np.arange(len(places))):
        chunks += regular.slice(done, place - done).chunks
        chunks += odd.slice(index, 1).chunks
        done = place
    return pa.chunked_array([*chunks, *regular.slice(done).chunks], pa.string())


def _parse_slowly(data: pa.Buffer, delimiter: str, start: int, file: str) -> Body:
    rows: list[list[str]] = []
    try:
        rows.extend(csv.reader(text_lines(data), delimiter=delimiter))
    except csv.Error as error:
        raise SourceError(
            f"{file}:{start + len(rows)}: the row cannot be read ({error})",
            'Probably a quote (") that opens in this row is never closed: close it, or double it if it is text.',
        ) from error
    widths = np.array([len(row) for row in rows], dtype=np.int64)
    return Body.following(_transpose(rows, int(widths.max(initial=0))), widths, start)


def _transpose(rows: list[list[str]], width: int) -> list[pa.ChunkedArray]:
    columns = [_strings(list(cells)) for cells in zip_longest(*rows, fillvalue="")]
    return columns + [_strings([""] * len(rows)) for _ in range(len(columns), width)]


def _strings(values: list[str]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, pa.string())])
