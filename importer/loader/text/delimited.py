"""Reads one text file: finds its delimiter and header, and reads its records as a table or as tagged sections."""

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain

import pyarrow.compute as pc

from importer.errors import NoSourceError, SourceError, UsageError
from importer.loader.assemble import Origin, RawTable
from importer.loader.content import Content
from importer.loader.layout import HEAD_RECORDS, Header, LoadOptions, find_header, header_score
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
from importer.loader.text.quoting import Dialect, are_rows_quoted, find_dialect, in_usual_dialect, without_row_quotes
from importer.loader.text.tagged_text import is_tagged, read_sections
from importer.records import Location, Problem, Severity
from importer.tables import SourceTable
from importer.wording import counted

_DELIMITERS = (",", ";", "\t", "|", "~", "^")
_HEAD_BYTES = 1024 * 1024
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\r?\n?')  # Excel's own first line, which names the delimiter
_EQUALS = re.compile(EQUALS)


def read_text(content: Content, origin: Origin, options: LoadOptions) -> list[RawTable]:
    """The table of a text file, or the sections of a tagged file.

    Raises :class:`SourceError` for a file that is empty, binary or not a table, or has a quote that is never closed;
    :class:`UsageError` for an unusable encoding or delimiter; ``OSError``.
    """
    decoded = partial(decode, content, origin.file, options.encoding, country=options.country)
    try:
        return _read(decoded(), content, origin, options)
    except NotUtf8Error:
        return _read(decoded(utf8=False), content, origin, options)


def _read(text: Text, content: Content, origin: Origin, options: LoadOptions) -> list[RawTable]:
    pieces = text.pieces()
    start = b""
    while len(start) <= _HEAD_BYTES and (piece := next(pieces, b"")):
        start += piece
    refuse_binary(start, origin.file)
    try:
        check_text(whole_characters(start))
        if are_rows_quoted(start, [options.delimiter] if options.delimiter else _DELIMITERS):
            start, pieces = without_row_quotes(chain([start], pieces)), iter(())
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
    beyond = [any(cell.strip() for cell in row[len(header.cells) :]) for row in rows]
    if not header.row and 2 * sum(beyond) > len(rows):  # the mapping names the columns
        names = counted(len(header.cells), "name")
        message = f"{file}: most rows have more cells than the {names} under `columns` in the mapping"
        raise SourceError(message, "List all columns there, in order, including those that are not used.")
    if not 0 < width <= MAX_CELLS:
        width = len(header.cells)
    return CsvFormat(delimiter, width, header.cells, text.encoding, text.mixed), header, ([0, *ends])[header.row]


def _choose_delimiter(start: bytes, options: LoadOptions) -> tuple[str, list[list[str]], list[int]]:
    """The delimiter, and the first records and where they end. ``start``: all of a text, or more than a head.

    It is the one that yields the most columns of the mapping, or otherwise the most regular table.
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
    """Warnings about damaged characters, an uncertain encoding, and a last row that may be incomplete."""
    yield from damage_problems(table, records.damaged)
    if not text.certain:
        yield Problem(
            Severity.INFO,
            "encoding_guessed",
            f"The file is not Unicode. Based on its words, its encoding is probably {text.encoding}, "
            "so it was read that way",
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
