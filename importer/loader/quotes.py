"""Quotes that are opened and never closed: they swallow rows in silence."""

import csv
import io
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from importer.errors import SourceError
from importer.loader.parse import Body, text_lines

__all__ = ["swallowing_rows"]

_HINT = 'Close the quote ("), or double it ("") where it is part of the text.'


def swallowing_rows(data: pa.Buffer, body: Body, delimiter: str, *, width: int, file: str) -> list[int]:
    """The records (from 0) in which text follows a closing quote and a cell holds what look like further rows.

    ``width``: how many cells a row usually has.

    Raises :class:`SourceError` when a quote is open at the end of the file, naming the row where it opens. Looking
    costs little where no cell has a line break; only suspects are read again, strictly.
    """
    suspects = _suspects(data, body, delimiter, width)
    wrong = []
    try:
        for index, text in _raw_records(data, delimiter, suspects):
            try:
                list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
            except csv.Error as error:
                if "end of data" in str(error):
                    raise SourceError(
                        f"{file}:{body.numbers[index]}: a quote opens in this row and is never closed",
                        f"{_HINT} If the file was cut off, export it again.",
                    ) from error
                wrong.append(index)
    except csv.Error as error:
        raise SourceError(f"{file}: the quotes do not match ({error})", _HINT) from error
    return wrong


def _suspects(data: pa.Buffer, body: Body, delimiter: str, width: int) -> set[int]:
    content = np.frombuffer(data, dtype=np.uint8)
    suspects: set[int] = set()
    if not len(body):
        return suspects
    end = ord("\n")
    ends = _count(content, end)
    if not ends:
        end = ord("\r")
        ends = _count(content, end)
    if ends > len(body):
        for column in body.columns:
            suspects.update(_cells_like_rows(column, end, delimiter, max(1, width - 1)))
    tail = content[-65536:].tobytes().rstrip()
    quote_at_end = tail.rfind(b'"') > max(tail.rfind(b"\n"), tail.rfind(b"\r"))
    break_at_end = any(cell.endswith(("\n", "\r")) for cell in body.row(len(body) - 1))
    if (quote_at_end or break_at_end) and _count(content, ord('"')) % 2:
        suspects.add(len(body) - 1)
    return suspects


def _cells_like_rows(column: pa.ChunkedArray, end: int, delimiter: str, delimiters: int) -> list[int]:
    """Cells with a line end and as many delimiters as a row has."""
    broken = _cells_with(column, end)
    counts = pc.count_substring(column.take(pa.array(broken)), delimiter).to_numpy() if len(broken) else broken
    return [int(index) for index in broken[counts >= delimiters]]


def _cells_with(column: pa.ChunkedArray, byte: int) -> npt.NDArray[np.int64]:
    """The cells that hold a byte, found in Arrow's own buffers: ten times as fast as a pattern on each cell."""
    found = [np.empty(0, np.int64)]
    before = 0
    for chunk in column.chunks:
        _, offsets, content = chunk.buffers()
        if len(chunk) and content is not None:
            ends = np.frombuffer(offsets, dtype=np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
            places = np.flatnonzero(np.frombuffer(content, dtype=np.uint8)[ends[0] : ends[-1]] == byte) + ends[0]
            found.append(np.unique(np.searchsorted(ends, places, side="right") - 1) + before)
        before += len(chunk)
    return np.concatenate(found)


def _count(content: npt.NDArray[np.uint8], byte: int, step: int = 256 * 1024) -> int:
    return sum(int(np.count_nonzero(content[at : at + step] == byte)) for at in range(0, len(content), step))


def _raw_records(data: pa.Buffer, delimiter: str, wanted: set[int]) -> Iterator[tuple[int, str]]:
    if not wanted:
        return
    lines: list[str] = []

    def remembered() -> Iterator[str]:
        for line in text_lines(data):
            lines.append(line)
            yield line

    for index, _ in enumerate(csv.reader(remembered(), delimiter=delimiter)):
        if index in wanted:
            yield index, "".join(lines)
        lines.clear()
