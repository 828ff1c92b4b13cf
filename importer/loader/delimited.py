"""One delimited text file to a ``SourceTable``."""

import re
from collections import Counter

import pyarrow as pa

from importer.errors import SourceError, UsageError
from importer.loader.assemble import Origin, assemble
from importer.loader.encoding import decode
from importer.loader.layout import Header, find_header, header_score
from importer.loader.options import LoadOptions
from importer.loader.parse import DELIMITERS, HeadRecord, consistency, parse, read_head
from importer.loader.quotes import swallowing_rows
from importer.records import Problem
from importer.tables import SourceTable

__all__ = ["read_delimited"]

_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\r?\n?')  # Excel's own first line, which names the delimiter
_MARKUP = re.compile(rb"\s*<(?:\?xml|!doctype|html|table|\w+:?workbook)", re.IGNORECASE)


def read_delimited(content: bytes, origin: Origin, options: LoadOptions) -> tuple[SourceTable, list[Problem]]:
    """The table of a text file's bytes, and what is wrong or worth knowing.

    Raises :class:`SourceError` for a file that is empty, binary, no table, or has a quote that is never closed;
    :class:`UsageError` for an encoding or delimiter that cannot be one.
    """
    text = decode(content, origin.file, options.encoding)
    if _MARKUP.match(text.data.slice(0, min(text.data.size, 512)).to_pybytes()):
        raise SourceError(
            f"{origin.file}: a web page or XML document, not a table",
            "Some systems save such files under a spreadsheet's name: open it in Excel and save it as .xlsx or CSV.",
        )
    delimiter, head = _choose_delimiter(text.data, options)
    rows = [record.cells for record in head]
    header = find_header(rows, options)
    if header is None:
        raise SourceError(f"{origin.file}: the file is empty", "Export the table again, with its header and rows.")
    below = text.data.slice(head[header.row - 1].end)
    width = _usual_width(rows[header.row :], header)
    body = parse(below, delimiter, width, start=header.row + 1, file=origin.file)
    swallowing = swallowing_rows(below, body, delimiter, origin.file)
    details = {**origin.details, "encoding": text.encoding, "delimiter": delimiter}
    return assemble(Origin(origin.file, origin.sheet, details), header, body, swallowing, options)


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
