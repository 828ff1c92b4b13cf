"""Splits delimited text into blocks that end where a record ends, and parses each block into columns.

Arrow's reader does the work; the csv module reads what Arrow cannot, and decides how quotes are read.
"""

import csv
import io
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from importer.loader.text.column_store import blank_cells
from importer.loader.text.encoding import whole_characters
from importer.tables import Positions

# Few enough bytes for a processor's cache; fewer would make more chunks for everything that follows.
_BLOCK_BYTES = 2 * 1024 * 1024
_LONG_RECORD = 32 * 1024 * 1024  # a record of more bytes has a quote that is never closed, or is a giant
_TOO_LONG = (
    f"the row is longer than {_LONG_RECORD // 1024**2} MB",
    "No table row is that long. Export the table again as CSV.",
)
_SPARSE, _MAX_SPARSE = 8, 1_048_576  # bytes of a row, and how many rows may be so short: as many as Excel has
_BLANK = (f"more than {_MAX_SPARSE:,} rows are blank or almost blank", "Delete them, or export the table again as CSV.")
MAX_CELLS = 16_384  # the number of columns in Excel
QUOTE_HINT = 'Add the closing quotation mark ("), or double the mark ("") where it is part of the text.'
_BOM = "\ufeff".encode()
_END_OF_DOS_FILE = re.compile(rb"\x1a[\x1a\r\n]*\Z")  # Ctrl-Z
csv.field_size_limit(2 * _LONG_RECORD)


@dataclass(frozen=True)
class Block:
    """Whole records. ``edges``: the places of the quotes that open and close cells, alternately.

    ``unusual``: why the block is not read, and what to do.
    """

    data: bytes
    edges: Positions
    unusual: tuple[str, str] | None = None

    @property
    def records(self) -> int:
        """How many records there are, by the line ends outside quotes."""
        data, count = self.data, 0
        for end, sign in ((b"\n", 1), (b"\r", 1), (b"\r\n", -1)):
            if len(self.edges) and end in data:
                found = np.flatnonzero(np.frombuffer(data, np.uint8) == end[-1])
                if len(end) > 1:
                    found = found[np.frombuffer(data, np.uint8)[found - 1] == end[0]]
                count += sign * int((np.searchsorted(self.edges, found) % 2 == 0).sum())
            else:
                count += sign * data.count(end)
        return count + int(len(self.edges) % 2 or data[-1:] not in b"\r\n")


@dataclass
class BadRecordError(Exception):
    """A record that makes the file unusable: its index in the block, what is wrong and what to do."""

    index: int
    message: str
    hint: str


def blocks(pieces: Iterator[bytes], delimiter: str) -> Iterator[Block]:
    """The text of ``pieces`` in blocks; only the last one may end within a record."""
    rest, due, sparse = b"", _BLOCK_BYTES, 0
    for piece in pieces:
        rest = rest + piece if rest else piece
        if _BOM in rest:  # files were joined
            rest = re.sub(rb"(^|[\r\n])\xef\xbb\xbf", rb"\1", rest)
        if len(rest) < due:
            continue
        edges = _quote_edges(rest, delimiter)
        end = _end_of_records(rest, edges)
        if end:
            lines = rest.count(b"\n") or rest.count(b"\r")
            sparse += lines if len(rest) < _SPARSE * lines else 0
            yield Block(rest[:end], edges[: np.searchsorted(edges, end)], _BLANK if sparse > _MAX_SPARSE else None)
            if sparse > _MAX_SPARSE:
                return
            rest, due = rest[end:], _BLOCK_BYTES
            continue
        due = 2 * len(rest)
        if len(rest) > _LONG_RECORD:
            yield Block(whole_characters(rest), edges, _TOO_LONG)
            return
    rest = _END_OF_DOS_FILE.sub(b"", rest)
    if rest:
        yield Block(rest, _quote_edges(rest, delimiter))


def _quote_edges(data: bytes, delimiter: str) -> Positions:
    """The places of the quotes that open or close a cell, alternately; a doubled quote closes and reopens it.

    A quote opens a cell only at the cell's start; elsewhere it is text, as in Arrow and the csv module.
    """
    quotes = _places_of(data, '"')
    opening = quotes[0::2]
    before = np.frombuffer(data, np.uint8)[opening - 1]
    # A quote directly after one that closed is the second of two.
    at_start = np.isin(before, np.frombuffer(f'{delimiter}\r\n"'.encode(), np.uint8)) | (opening == 0)
    return quotes if at_start.all() else np.array(list(_edges_one_by_one(data, quotes.tolist(), delimiter)), np.int64)


def _places_of(data: bytes, char: str) -> Positions:
    return np.flatnonzero(np.frombuffer(data, np.uint8) == ord(char))


def _edges_one_by_one(data: bytes, quotes: list[int], delimiter: str) -> Iterator[int]:
    starts = f"{delimiter}\r\n".encode()
    inside, doubled = False, -1
    for place in quotes:
        if place == doubled:
            continue
        if inside and data[place + 1 : place + 2] == b'"':
            doubled = place + 1
        elif inside or place == 0 or data[place - 1] in starts:
            inside = not inside
            yield place


def _end_of_records(data: bytes, edges: Positions) -> int:
    """The place after the last line end outside quotes; 0 if there is none."""
    for end, stop in ((b"\n", len(data)), (b"\r", len(data) - 1)):  # a \r at the very end may be half of a line end
        place = data.rfind(end, 0, stop)
        while place >= 0 and (before := int(np.searchsorted(edges, place))) % 2:
            place = data.rfind(end, 0, int(edges[before - 1]))
        if place >= 0:
            return place + 1
    return 0


def parse(block: Block, delimiter: str, width: int) -> tuple[list[pa.Array], Positions]:
    """The columns of a block, at least ``width`` (the usual number of cells), and how many cells each record had.

    The columns are strings without nulls; a missing cell is ``""``. Raises :class:`BadRecordError`.
    """
    if len(block.edges) % 2:  # a quote is open at the end
        raise BadRecordError(
            block.records - 1,
            "a quotation mark opened in this row is never closed",
            f"{QUOTE_HINT} If the file was cut off, export it again.",
        )
    if block.unusual is not None:
        raise BadRecordError(0, *block.unusual)
    if width > MAX_CELLS:
        raise _too_wide(-1, width)  # the header
    try:
        columns = _read_with_arrow(block.data, delimiter, width)
        return columns, np.full(len(columns[0]), width, np.int64)
    except pa.ArrowInvalid:
        return _parse_ragged(block.data, delimiter, width) or _parse_slowly(block.data, delimiter, width)


def _refuse_widest(widths: Positions) -> None:
    """Raise :class:`BadRecordError` for a record with more cells than a table has."""
    widest = int(widths.argmax()) if len(widths) else 0
    if len(widths) and widths[widest] > MAX_CELLS:
        raise _too_wide(widest, int(widths[widest]))


def _too_wide(index: int, width: int) -> BadRecordError:
    message = f"the row has {width:,} cells; a table has at most {MAX_CELLS:,} columns, as in Excel"
    return BadRecordError(index, message, "Line breaks are probably missing: export the table again as CSV.")


def _read_with_arrow(
    data: bytes, delimiter: str, width: int, on_ragged: Callable[[arrow_csv.InvalidRow], str] | None = None
) -> list[pa.Array]:
    names = [str(number) for number in range(width)]
    table = arrow_csv.read_csv(
        pa.BufferReader(data),
        # One thread, because blocks are read in parallel, and only a single thread numbers the ragged rows.
        arrow_csv.ReadOptions(column_names=names, block_size=len(data) + 1, use_threads=False),
        arrow_csv.ParseOptions(
            delimiter=delimiter, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=on_ragged
        ),
        arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=False,
            quoted_strings_can_be_null=False,
            check_utf8=False,  # the whole block has been checked, which is much faster
        ),
    )
    return [column.chunk(0) if column.num_chunks == 1 else column.combine_chunks() for column in table.columns]


def _parse_ragged(data: bytes, delimiter: str, width: int) -> tuple[list[pa.Array], Positions] | None:
    """The block, with records of a different width read by the csv module; None if that is not possible."""
    ragged: list[arrow_csv.InvalidRow] = []

    def set_aside(row: arrow_csv.InvalidRow) -> str:
        ragged.append(row)
        return "skip"

    try:
        regular = _read_with_arrow(data, delimiter, width, set_aside)
        rows = list(csv.reader(io.StringIO("\n".join(row.text for row in ragged), newline=""), delimiter=delimiter))
    except (pa.ArrowInvalid, csv.Error):
        return None
    if len(rows) != len(ragged):
        return None
    usual = len(regular[0])
    before = np.array([row.number - 1 for row in ragged], dtype=np.int64) - np.arange(len(rows))
    order = pa.array(np.insert(np.arange(usual), before, usual + np.arange(len(rows))))
    widths = np.insert(np.full(usual, width, np.int64), before, [len(row) for row in rows])
    _refuse_widest(widths)
    odd = _to_columns(rows, max(width, int(widths.max(initial=0))))
    regular += [blank_cells(usual)] * (len(odd) - width)
    return [pa.concat_arrays(pair).take(order) for pair in zip(regular, odd, strict=True)], widths


def _parse_slowly(data: bytes, delimiter: str, width: int) -> tuple[list[pa.Array], Positions]:
    rows: list[list[str]] = []
    try:
        rows.extend(csv.reader(_lines(data), delimiter=delimiter))
    except csv.Error as error:
        raise BadRecordError(
            len(rows),
            f"the row cannot be read ({error})",
            f"A quotation mark opened in this row is probably never closed. {QUOTE_HINT}",
        ) from error
    widths = np.array([len(row) for row in rows], dtype=np.int64)
    _refuse_widest(widths)
    return _to_columns(rows, max(width, int(widths.max(initial=0)))), widths


def _to_columns(rows: Sequence[list[str]], width: int) -> list[pa.Array]:
    columns = [pa.array(cells, pa.string()) for cells in zip_longest(*rows, fillvalue="")]
    return columns + [blank_cells(len(rows))] * (width - len(columns))


def _lines(data: bytes) -> Iterable[str]:
    """The lines of UTF-8 text with their ends, split as the csv module expects."""
    return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")


def raw_records(lines: Iterable[str], delimiter: str) -> Iterator[tuple[list[str], str]]:
    """Each record as cells, and the text that it was read from. Raises ``csv.Error``."""
    text: list[str] = []

    def remembered() -> Iterator[str]:
        for line in lines:
            text.append(line)
            yield line

    for cells in csv.reader(remembered(), delimiter=delimiter):
        yield cells, "".join(text)
        text.clear()


def misplaced_quotes(block: Block, delimiter: str, width: int) -> tuple[list[int], list[int]]:
    """The records (from 0) with a quote that is closed only in a later row, and those with a bare quote in a cell.

    In both, text follows a closing quote. In the former, a cell also contains what looks like further rows, which are
    lost in it. ``width``: how many cells a row usually has. Only blocks with suspects are read again.
    """
    bare = _closed_within_text(block, delimiter)
    if not bare:
        return [], []
    like_rows = _cells_like_rows(block, delimiter, max(1, width - 1))
    late: list[int] = []
    inside: list[int] = []
    start = 0
    for index, (_, text) in enumerate(raw_records(_lines(block.data), delimiter)):
        end = start + len(text.encode())
        if bisect_left(bare, start) < bisect_left(bare, end):
            swallows = bisect_left(like_rows, start) < bisect_left(like_rows, end)
            (late if swallows else inside).append(index)
        start = end
    return late, inside


def _closed_within_text(block: Block, delimiter: str) -> list[int]:
    """The places of closing quotes with text after them, other than blanks."""
    closing = block.edges[1::2]
    codes = np.frombuffer(block.data + b"\n", np.uint8)
    ends = np.frombuffer(f'{delimiter}\r\n"'.encode(), np.uint8)
    suspects = closing[~np.isin(codes[closing + 1], ends)].tolist()
    end = re.compile(rb"[ \t]*(?:%s|[\r\n]|\Z)" % re.escape(delimiter.encode()))
    return [place for place in suspects if not end.match(block.data, place + 1)]


def with_doubled_quotes(block: Block, delimiter: str) -> Block:
    """The block with a third quote around each cell like ``""Harbor Goods""``, which lacks it on both sides."""
    if b'""' not in block.data or not _closed_within_text(block, delimiter):
        return block
    end = rb"[\r\n%s]" % re.escape(delimiter.encode())
    doubled = re.compile(rb'""(?!%s)([^"\r\n]+)(?<!%s)""(?=%s|\Z)' % (end, end, end))
    opening = set(block.edges[0::2].tolist())
    data = doubled.sub(lambda found: b'"%s"' % found[0] if found.start() in opening else found[0], block.data)
    return Block(data, _quote_edges(data, delimiter), block.unusual)


def _cells_like_rows(block: Block, delimiter: str, delimiters: int) -> list[int]:
    """Where cells begin that contain a line end and as many delimiters as a row."""
    if not len(block.edges):
        return []
    opening, closing = block.edges[0::2], block.edges[1::2]
    reopened = opening[1:] == closing[:-1] + 1  # by a doubled quote, which does not end the cell
    begins, ends = opening[np.append(True, ~reopened)], closing[np.append(~reopened, True)]
    line_ends = _places_of(block.data, "\n" if b"\n" in block.data else "\r")
    with_line_end = np.searchsorted(line_ends, begins) < np.searchsorted(line_ends, ends)
    cells = zip(begins[with_line_end].tolist(), ends[with_line_end].tolist(), strict=True)
    return [begin for begin, end in cells if block.data.count(delimiter.encode(), begin, end) >= delimiters]
