"""One delimited text file to a ``SourceTable``, or to the sections of which it consists."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from importer.errors import NoSourceError, UsageError
from importer.loader.assemble import Fault, Origin, assemble
from importer.loader.encoding import MISFIT, Text, decode
from importer.loader.layout import Header, find_header, header_score
from importer.loader.misfits import damaged_rows, without_misfits
from importer.loader.options import LoadOptions
from importer.loader.parse import DELIMITERS, Body, HeadRecord, consistency, parse, read_head
from importer.loader.quotes import swallowing_rows
from importer.loader.sheets import Loaded
from importer.loader.tagged import Section, is_tagged, read_sections
from importer.records import Location, Problem, Severity
from importer.tables import SourceTable

__all__ = ["read_text"]

_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\r?\n?')  # Excel's own first line, which names the delimiter


def read_text(content: bytes, origin: Origin, options: LoadOptions) -> Sequence[Section] | Sequence[Loaded]:
    """The table of a text file's bytes, with what is wrong or worth knowing; or the sections of a tagged file.

    Raises :class:`SourceError` for a file that is empty, binary, no table, or has a quote that is never closed;
    :class:`UsageError` for an encoding or delimiter that cannot be one.
    """
    text = decode(content, origin.file, options.encoding)
    delimiter, head = _choose_delimiter(text.data, options)
    origin = replace(origin, details={**origin.details, "encoding": text.encoding, "delimiter": delimiter})
    rows = [[cell.replace(MISFIT, "") for cell in record.cells] if text.mixed else record.cells for record in head]
    if is_tagged(rows):
        cells = max(rows, key=len)
        body, faults = _body(text, text.data, delimiter, len(cells), origin, cells, start=1)
        return read_sections(body, origin, faults, options)
    header = find_header(rows, options)
    if header is None:
        raise NoSourceError(f"{origin.file}: the file is empty", "Export the table again, with its header and rows.")
    width = _usual_width(rows[header.row :], header)
    below = text.data.slice(head[header.row - 1].end)
    body, faults = _body(
        text, below, delimiter, width, origin, header.cells, start=header.row + 1, scratch=options.scratch
    )
    table, problems = assemble(origin, header, body, faults, options)
    if text.damaged:
        problems += damaged_rows(table)
    return [(table, [*problems, *_doubts(text, body, table)])]


def _body(
    text: Text,
    data: pa.Buffer,
    delimiter: str,
    width: int,
    origin: Origin,
    header: Sequence[str],
    *,
    start: int,
    scratch: Path | None = None,
) -> tuple[Body, list[Fault]]:
    """The records of ``data``, a part of the text, and those that cannot be used."""
    body = parse(data, delimiter, width, start=start, file=origin.file, scratch=scratch)
    named = sum(1 for cell in header if cell.strip())
    swallowing = swallowing_rows(data, body, delimiter, width=min(width, named), file=origin.file)
    faults = [_swallowing(index) for index in swallowing]
    if text.mixed:
        body, misfits = without_misfits(body, header, text.encoding)
        faults += misfits
    return body, faults


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


def _choose_delimiter(data: pa.Buffer, options: LoadOptions) -> tuple[str, list[HeadRecord]]:
    """The delimiter, and the first records as it splits them.

    The one that yields the most of the mapping's columns; else the one that yields the most regular table.
    """
    given = options.delimiter
    if given is None:
        first = data.slice(0, min(data.size, 16)).to_pybytes().decode("utf-8", "ignore")
        line = _SEPARATOR_LINE.match(first)
        given = line[1] if line else None
    elif len(given) != 1 or not given.isascii() or given in '\r\n"':
        raise UsageError(f"{given!r} cannot be a delimiter", "Give one character, such as ',' or ';' or a tab.")
    heads = {delimiter: read_head(data, delimiter) for delimiter in ([given] if given else DELIMITERS)}

    def evidence(delimiter: str) -> tuple[int, float]:
        head = heads[delimiter]
        return max((header_score(record.cells, options) for record in head), default=0), consistency(head)

    best = max(heads, key=evidence)
    return best, heads[best]


def _usual_width(below: list[list[str]], header: Header) -> int:
    """The number of cells that most records below the header have."""
    widths = Counter(len(row) for row in below if any(cell.strip() for cell in row))
    return max(widths, key=lambda width: (widths[width], width)) if widths else len(header.cells)
