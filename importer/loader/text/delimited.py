"""One text file: its delimiter and header found, its records read, as a table or as tagged sections.

In a file of tagged sections, such as QuickBooks Desktop's IIF, ``!CUST`` starts a header, and ``CUST`` starts its rows.
Each tag becomes a table with the tag as its sheet, and its rows keep their numbers in the file. The column of tags is
removed. Sections with the same tag become one table, with columns matched by name.
"""

import csv
import fnmatch
import io
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from importer.cell_text import header_key
from importer.errors import NoSourceError, SourceError, UsageError
from importer.loader.assemble import Fault, Origin, RawTable
from importer.loader.content import Content
from importer.loader.layout import HEAD_RECORDS, Header, LoadOptions, find_header, header_score
from importer.loader.text.column_store import Body, Numbers, blank_cells
from importer.loader.text.csv_blocks import MAX_CELLS, raw_records
from importer.loader.text.csv_reader import EQUALS, CsvFormat, CsvRecords, damage_problems, read_body
from importer.loader.text.encoding import (
    FOREIGN_MARK,
    NotUtf8Error,
    NulByteError,
    Text,
    check_text,
    decode,
    nul_byte_error,
    refuse_binary,
    whole_characters,
)
from importer.loader.text.quoting import Dialect, find_dialect, in_usual_dialect
from importer.records import Location, Problem, Severity
from importer.tables import SourceTable

_MOST_SECTIONS = 500  # of a tagged file; QuickBooks writes some twenty
_DELIMITERS = (",", ";", "\t", "|")
_HEAD_BYTES = 1024 * 1024
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\r?\n?')  # Excel's own first line, which names the delimiter
_EQUALS = re.compile(EQUALS)
_HEADER_TAG = re.compile(r"!([A-Za-z]\w*)")


def read_text(content: Content, origin: Origin, options: LoadOptions) -> list[RawTable]:
    """The table of a text file, or the sections of a tagged file.

    Raises :class:`SourceError` for a file that is empty, binary or not a table, or has a quote that is never closed;
    :class:`UsageError` for an unusable encoding or delimiter; ``OSError``.
    """
    try:
        return _read(decode(content, origin.file, options.encoding), content, origin, options)
    except NotUtf8Error:
        return _read(
            decode(content, origin.file, options.encoding, utf8=False, country=options.country),
            content,
            origin,
            options,
        )


def _read(text: Text, content: Content, origin: Origin, options: LoadOptions) -> list[RawTable]:
    pieces = text.pieces()
    start = b""
    while len(start) <= _HEAD_BYTES and (piece := next(pieces, b"")):
        start += piece
    refuse_binary(start, origin.file)
    try:
        check_text(whole_characters(start))
        dialect = find_dialect(start, _choose_delimiter(start, options)[0])
        if dialect != Dialect(dialect.delimiter):
            start, pieces = b"".join(in_usual_dialect(chain([start], pieces), dialect)), iter(())
        form, header, skip = _layout(start, text, origin.file, options)
        records = read_body(
            chain([start[skip:]], pieces),
            form,
            start=1 if header is None else header.row + 1,
            file=origin.file,
            scratch=None if header is None else options.scratch,
        )
    except NulByteError:
        raise nul_byte_error(text.pieces(), origin.file) from None
    details = {**content.details(), **origin.details, "encoding": text.encoding, "delimiter": form.delimiter}
    origin = replace(origin, details=details)
    if header is None:
        return read_sections(records.body, origin, records.faults, options)
    more = partial(_more_problems, text, records)
    return [RawTable(origin, header, records.body, records.faults, required=True, more_problems=more)]


def _layout(start: bytes, text: Text, file: str, options: LoadOptions) -> tuple[CsvFormat, Header | None, int]:
    """How the records are written, the header, and the size in bytes of the header and everything above it.

    In a tagged file every record belongs to the body, and there is no header.
    """
    delimiter, rows, ends = _choose_delimiter(start, options)
    rows = [[_EQUALS.sub(r"\1", cell.replace(FOREIGN_MARK, "")) for cell in row] for row in rows]
    if is_tagged(rows):
        widest = max(rows, key=len)
        return CsvFormat(delimiter, len(widest), widest, text.encoding, text.mixed), None, 0
    header = find_header(rows, options, file)
    if header is None:
        raise NoSourceError(f"{file}: the file is empty", "Export the table again, with its header and rows.")
    width = _usual_width(rows[header.row :])
    if not 0 < width <= MAX_CELLS:
        width = len(header.cells)
    return CsvFormat(delimiter, width, header.cells, text.encoding, text.mixed), header, ([0, *ends])[header.row]


def _choose_delimiter(start: bytes, options: LoadOptions) -> tuple[str, list[list[str]], list[int]]:
    """The delimiter, and the first records and where they end. ``start``: all of a text, or more than a head.

    It is the one that yields the most of the mapping's columns; else the one that yields the most regular table.
    """
    given = options.delimiter
    if given is None:
        line = _SEPARATOR_LINE.match(start[:16].decode("utf-8", "ignore"))
        given = line[1] if line else None
    elif len(given) != 1 or not given.isascii() or given in '\r\n"':
        raise UsageError(
            f"{given!r} cannot be a delimiter", "Use one character, such as a comma, a semicolon, or a tab."
        )
    heads = {delimiter: _read_head(start, delimiter) for delimiter in ([given] if given else _DELIMITERS)}

    def evidence(delimiter: str) -> tuple[int, float]:
        rows, _ = heads[delimiter]
        return max((header_score(row, options) for row in rows), default=0), _regularity(rows)

    best = max(heads, key=evidence)
    return best, *heads[best]


def _read_head(start: bytes, delimiter: str) -> tuple[list[list[str]], list[int]]:
    """The first records and where each ends, up to one that the csv module cannot read or that is cut off."""
    lines = io.StringIO(start[:_HEAD_BYTES].decode("utf-8", "ignore"), newline="")
    rows: list[list[str]] = []
    ends: list[int] = []
    try:
        for cells, text in raw_records(lines, delimiter):
            if len(rows) == HEAD_RECORDS:
                return rows, ends
            rows.append(cells)
            ends.append((ends[-1] if ends else 0) + len(text.encode()))
    except csv.Error:
        return rows, ends
    cut_off = len(start) > _HEAD_BYTES and len(rows) > 1
    return rows[: -1 if cut_off else None], ends


def _regularity(rows: Iterable[Sequence[str]]) -> float:
    """How much records look like a table: the share of those with the usual width, times its information."""
    widths = [len(row) for row in rows if any(cell.strip() for cell in row)]
    if not widths:
        return 0.0
    width, count = max(Counter(widths).items(), key=lambda item: (item[1] * (item[0] > 1), item[0]))
    return count / len(widths) * math.log2(width)


def _usual_width(rows: Iterable[Sequence[str]]) -> int:
    """How many cells most records have; 0 if all are blank."""
    widths = Counter(len(row) for row in rows if any(cell.strip() for cell in row))
    return max(widths, key=lambda width: (widths[width], width), default=0)


def _more_problems(text: Text, records: CsvRecords, table: SourceTable) -> Iterator[Problem]:
    """Damaged characters, and what the bytes leave open: the encoding, and whether the last row is complete."""
    yield from damage_problems(table, records.damaged)
    if not text.certain:
        yield Problem(
            Severity.INFO,
            "encoding_guessed",
            f"the file is not Unicode. Judging by its words, it was read as {text.encoding}",
            "Check a name with an accent. If it looks wrong, set the encoding with --encoding.",
            location=Location(table.file, table.sheet),
            value=_first_beyond_ascii(table),
        )
    if records.body.unfinished and len(records.body) > 1:
        yield Problem(
            Severity.INFO,
            "no_final_line_end",
            "the last row has no line break at its end; some programs write such files, but this one may be cut off",
            "Compare the last row with the system that it comes from.",
            location=Location(table.file, table.sheet, int(records.body.numbers[-1])),
        )


def _first_beyond_ascii(table: SourceTable) -> str | None:
    """The first cell with a character beyond ASCII, of the first column that has one."""
    for name in table.frame.columns:
        column = table.column(name)
        at = pc.index(pc.not_equal(pc.binary_length(column), pc.utf8_length(column)), value=True).as_py()
        if at >= 0:
            return str(column[at].as_py())
    return None


def is_tagged(rows: Sequence[Sequence[str]]) -> bool:
    """Whether these are the first records of a tagged file: a header comes first, and some row has a header's tag."""
    tags = [row[0].strip() for row in rows if any(cell.strip() for cell in row)]
    header_tags = {match[1] for tag in tags if (match := _HEADER_TAG.fullmatch(tag))}
    return bool(tags and _HEADER_TAG.fullmatch(tags[0])) and not header_tags.isdisjoint(tags)


def read_sections(body: Body, origin: Origin, faults: Sequence[Fault], options: LoadOptions) -> list[RawTable]:
    """The sections of a tagged file in the order of their first records.

    Blank records belong to the section above. Records with a tag that has no header become a section without names.
    """
    tags = pc.utf8_trim_whitespace(body.columns[0]).combine_chunks()
    blank = np.logical_and.reduce([pc.equal(pc.utf8_trim_whitespace(column), "").to_numpy() for column in body.columns])
    names = pc.replace_substring_regex(tags, r"^!", "").to_numpy(zero_copy_only=False).astype(object)
    filled = np.flatnonzero(~blank)
    names = names[filled[np.maximum(np.searchsorted(filled, np.arange(len(names)), side="right") - 1, 0)]]
    order = dict.fromkeys(names.tolist())
    if len(order) > _MOST_SECTIONS:
        message = f"{origin.file}: the file has {len(order):,} sections; at most {_MOST_SECTIONS} are read"
        raise SourceError(message, "The first cell of each row is read as the name of its section. Is it an IIF file?")
    mapped = {
        tag for tag in order if any(fnmatch.fnmatchcase(tag.casefold(), name.casefold()) for name in options.names)
    }
    by_row = {fault.index: fault for fault in faults}
    tables = []
    for tag in order:
        rows = np.flatnonzero(names == tag)
        is_header = pc.equal(tags.take(pa.array(rows)), f"!{tag}").to_numpy(zero_copy_only=False)
        own = [replace(by_row[row], index=at) for at, row in enumerate(rows[~is_header].tolist()) if row in by_row]
        header, section = _section(body, rows, is_header)
        section_origin = replace(origin, sheet=tag or None)
        tables.append(RawTable(section_origin, header, section, own, known=tag in mapped or not mapped))
    return tables


def _section(body: Body, rows: Numbers, is_header: npt.NDArray[np.bool_]) -> tuple[Header, Body]:
    """The records of one tag: one header for all of them, and the rows with each cell in its column."""
    data = rows[~is_header]
    headers = [
        [column[row].as_py() for column in body.columns[1 : body.widths[row]]] for row in rows[is_header].tolist()
    ]
    # Which header each row belongs to: the last one above it, or the first one for what is above all of them.
    header_of = np.maximum(np.cumsum(is_header)[~is_header] - 1, 0)
    cells, columns = _aligned(headers, header_of, [column.take(pa.array(data)) for column in body.columns[1:]])
    widths = np.maximum(body.widths[data] - 1, 0)  # without the tag
    if headers:
        header_widths = np.array([len(header) for header in headers])[header_of]
        complete = widths >= header_widths
        widths[complete] += (len(cells) - header_widths)[complete]  # as wide as its header
    numbers = body.numbers[rows[is_header]].tolist()
    header = Header(cells, numbers[0] if numbers else 0, [(row, "header") for row in numbers])
    unfinished = body.unfinished and len(data) > 0 and int(data[-1]) == len(body) - 1
    return header, Body(columns, widths, body.numbers[data], unfinished)


def _aligned(
    headers: list[list[str]], header_of: Numbers, columns: list[pa.ChunkedArray]
) -> tuple[list[str], list[pa.ChunkedArray]]:
    """The cells of one header, and its columns; if headers differ, all names, and each cell under its own name."""
    if all(cells == headers[0] for cells in headers):
        return headers[0] if headers else [], columns
    keys = [_keys(cells) for cells in headers]
    names = {key: cells[at] for cells, own in zip(headers, keys, strict=True) for key, at in own.items()}
    runs = np.flatnonzero(np.diff(header_of, prepend=-1, append=len(headers)))  # where rows of another header begin
    aligned = []
    for key in names:
        chunks: list[pa.Array] = []
        for start, end in pairwise(runs.tolist()):
            place = keys[header_of[start]].get(key)
            own = [blank_cells(end - start)] if place is None else columns[place].slice(start, end - start).chunks
            chunks += own
        aligned.append(pa.chunked_array(chunks, pa.string()))
    return list(names.values()), aligned


def _keys(cells: list[str]) -> dict[tuple[str, int], int]:
    """(Header key, how often it occurred before) → place, of the cells with a text."""
    places: dict[tuple[str, int], int] = {}
    times: Counter[str] = Counter()
    for at, cell in enumerate(cells):
        if key := header_key(cell):
            places[key, times[key]] = at
            times[key] += 1
    return places
