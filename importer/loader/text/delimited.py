"""One delimited text file to a ``SourceTable``, or to the sections of which it consists."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

import pyarrow.compute as pc

from importer.errors import NoSourceError, UsageError
from importer.loader.assemble import Fault, Origin, assemble
from importer.loader.content import Content, Digest, rest_of, whole_characters
from importer.loader.layout import Header, find_header, header_score
from importer.loader.load_options import LoadOptions
from importer.loader.text.block_reader import Form, read_body
from importer.loader.text.csv_parser import DELIMITERS, HEAD_BYTES, HeadRecord, consistency, read_head
from importer.loader.text.damaged_rows import damaged_rows, misfit_faults
from importer.loader.text.encoding import (
    MISFIT,
    NotUtf8Error,
    NulByteError,
    Text,
    decode,
    is_damaged,
    nul_byte,
    refuse_binary,
)
from importer.loader.text.tagged import Section, is_tagged, read_sections
from importer.loader.text.text_cells import Body
from importer.loader.workbook.sheets import Loaded
from importer.records import Location, Problem, Severity
from importer.tables import SourceTable

__all__ = ["read_text"]

_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\r?\n?')  # Excel's own first line, which names the delimiter


def read_text(content: Content, origin: Origin, options: LoadOptions) -> Sequence[Section] | Sequence[Loaded]:
    """The table of a text file, with what is wrong or worth knowing; or the sections of a tagged file.

    Raises :class:`SourceError` for a file that is empty, binary, no table, or has a quote that is never closed;
    :class:`UsageError` for an encoding or delimiter that cannot be one; ``OSError``.
    """
    try:
        return _read(decode(content, origin.file, options.encoding), origin, options)
    except NotUtf8Error:
        return _read(decode(content, origin.file, options.encoding, utf8=False), origin, options)


def _read(text: Text, origin: Origin, options: LoadOptions) -> Sequence[Section] | Sequence[Loaded]:
    digest = Digest()
    pieces = text.pieces(digest)
    start = b""
    while len(start) <= HEAD_BYTES and (piece := next(pieces, b"")):
        start += piece
    refuse_binary(start, origin.file)
    try:
        damaged = is_damaged(whole_characters(start))
        form, header, skipped = _layout(start, text, origin.file, options)
        found = read_body(
            rest_of(chain([start], pieces), skipped),
            form,
            start=1 if header is None else header.row + 1,
            file=origin.file,
            scratch=None if header is None else options.scratch,
        )
    except NulByteError:
        raise nul_byte(text.pieces(None), origin.file) from None
    details = {**digest.details, **origin.details, "encoding": text.encoding, "delimiter": form.delimiter}
    origin = replace(origin, details=details)
    faults = [_swallowing(index) for index in found.swallowing] + misfit_faults(found.misfits, text.encoding)
    if header is None:
        return read_sections(found.body, origin, faults, options)
    table, problems = assemble(origin, header, found.body, faults, options)
    if damaged or found.damaged:
        problems += damaged_rows(table, found.body.kept.forget)
    return [(table, [*problems, *_doubts(text, found.body, table)])]


def _layout(start: bytes, text: Text, file: str, options: LoadOptions) -> tuple[Form, Header | None, int]:
    """How the records are written, the header, and how many bytes it and what stands above it take.

    Of a tagged file every record is one of the body, and there is no header.
    """
    delimiter, head = _choose_delimiter(start, options)
    rows = [[cell.replace(MISFIT, "") for cell in record.cells] if text.mixed else record.cells for record in head]
    if is_tagged(rows):
        cells = max(rows, key=len)
        return Form(delimiter, len(cells), cells, text.mixed), None, 0
    header = find_header(rows, options)
    if header is None:
        raise NoSourceError(f"{file}: the file is empty", "Export the table again, with its header and rows.")
    width = _usual_width(rows[header.row :], header)
    return Form(delimiter, width, header.cells, text.mixed), header, head[header.row - 1].end


def _swallowing(index: int) -> Fault:
    return Fault(
        index,
        "quote_unclosed",
        "a quote that opens in this row is closed only further down, and rows between are taken into the cell",
        'Close the quote ("), or double it ("") where it is part of the text.',
    )


def _doubts(text: Text, body: Body, table: SourceTable) -> Iterator[Problem]:
    """What the bytes do not say for certain: the encoding, and whether the last row is whole."""
    if not text.certain:
        others = " or ".join(text.others)
        doubt = f", but its letters may as well be {others}" if others else ""
        right = f"--encoding {text.others[0]}" if others else "--encoding"
        yield Problem(
            Severity.WARNING if others else Severity.INFO,
            "encoding_guessed",
            f"the text is not Unicode; it is read as {text.encoding}{doubt}",
            f"Look at a name with an accent; if it is wrong, give the right encoding with {right}.",
            location=Location(table.file, table.sheet),
            value=_first_beyond_ascii(table),
        )
    if body.unfinished and len(body) > 1:
        yield Problem(
            Severity.INFO,
            "no_final_line_end",
            "the last row has no line end; that is usual with some programs, and else a sign of a file cut off",
            "Compare the last row with the system it comes from.",
            location=Location(table.file, table.sheet, int(body.numbers[-1])),
        )


def _first_beyond_ascii(table: SourceTable) -> str | None:
    """The first cell with a character beyond ASCII, of the first column that has one."""
    for name in table.frame.columns:
        column = table.frame[name].array.__arrow_array__()
        at = pc.index(pc.not_equal(pc.binary_length(column), pc.utf8_length(column)), value=True).as_py()
        if at >= 0:
            return str(column[at].as_py())
    return None


def _choose_delimiter(start: bytes, options: LoadOptions) -> tuple[str, list[HeadRecord]]:
    """The delimiter, and the first records as it splits them. ``start``: all of a text, or more than a head has.

    The one that yields the most of the mapping's columns; else the one that yields the most regular table.
    """
    given = options.delimiter
    if given is None:
        line = _SEPARATOR_LINE.match(start[:16].decode("utf-8", "ignore"))
        given = line[1] if line else None
    elif len(given) != 1 or not given.isascii() or given in '\r\n"':
        raise UsageError(f"{given!r} cannot be a delimiter", "Give one character, such as ',' or ';' or a tab.")
    heads = {delimiter: read_head(start, delimiter) for delimiter in ([given] if given else DELIMITERS)}

    def evidence(delimiter: str) -> tuple[int, float]:
        head = heads[delimiter]
        return max((header_score(record.cells, options) for record in head), default=0), consistency(head)

    best = max(heads, key=evidence)
    return best, heads[best]


def _usual_width(below: list[list[str]], header: Header) -> int:
    """The number of cells that most records below the header have."""
    widths = Counter(len(row) for row in below if any(cell.strip() for cell in row))
    return max(widths, key=lambda width: (widths[width], width)) if widths else len(header.cells)
