r"""Recognizes unusual quotes: ``\"`` in a cell, single ones, ``=`` before them, or quotes around whole rows.

Such a text is rewritten with the usual quotes, so that it is read like any other.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from importer.loader.text.encoding import NotUtf8Error

_SAMPLE = 64 * 1024
_PIECE = 1024 * 1024
_QUOTED_ROW = re.compile(r'^"((?:[^"]|"")*)"[ \t]*(?=\r?$)', re.MULTILINE)
_LOOSE = re.compile(r'\s*(?:"|="(?:[^"]|"")*$)')  # a quote at the start of a cell that is not read as one in quotes


@dataclass(frozen=True)
class Dialect:
    r"""``escape``: a backslash before a quote, delimiter, or line end makes it text. ``blanks``: a quote opens a cell
    after blanks, too; ``equals``: after ``=``, as in ``="Smith, Sons"``.
    """  # noqa: D205 - one sentence per attribute

    delimiter: str
    quote: str = '"'
    escape: bool = False
    blanks: bool = False
    equals: bool = False

    @cached_property
    def cell(self) -> re.Pattern[str]:
        """One cell and what ends it; a cell in quotes is one whose closing quote is followed by that."""
        quote, delimiter = self.quote, re.escape(self.delimiter)
        blanks = "[ \t]*+" if self.delimiter != "\t" else "[ ]*+"
        inside = rf"(?:[^{quote}\\]++|{quote}{quote}|\\.)*+" if self.escape else rf"(?:[^{quote}]++|{quote}{quote})*+"
        plain = rf"(?:[^{delimiter}\r\n\\]++|\\.)*+" if self.escape else rf"[^{delimiter}\r\n]*+"
        end = rf"{delimiter}|\r\n|\r|\n|\Z"
        before = (blanks if self.blanks else "") + "=?+" * self.equals
        return re.compile(
            rf"(?:{before}{quote}(?P<quoted>{inside}){quote}{blanks}(?={end})|(?P<plain>{plain}))(?P<end>{end})",
            re.DOTALL,
        )

    @cached_property
    def escaped(self) -> re.Pattern[str]:
        r"""The text that means one character. A backslash before any other character is text: ``\N``, ``C:\new``."""
        doubled = re.escape(self.quote * 2)
        return re.compile(rf"\\([\"'\\{re.escape(self.delimiter)}]|\r\n|[\r\n])|{doubled}" if self.escape else doubled)

    def value(self, found: re.Match[str]) -> str:
        text = found["quoted"]
        if text is None:
            return self.escaped.sub(self._meant, found["plain"]) if self.escape else found["plain"]
        return self.escaped.sub(self._meant, text)

    def _meant(self, found: re.Match[str]) -> str:
        return (found.lastindex and found[1]) or self.quote


def are_rows_quoted(start: bytes, delimiters: Sequence[str]) -> bool:
    """Whether quotes enclose every row, as in ``"1,""Smith, Sons"",York"``, except perhaps the header.

    ``start``: the start of a text. Without the quotes, all rows must have as many cells as the header.
    """
    text = _whole_lines(start)
    header, _, below = text.partition("\n")
    if '"' in _QUOTED_ROW.sub("", header) or not below.strip() or _QUOTED_ROW.sub("", below).strip():
        return False
    lines = _without_row_quotes(text).splitlines(keepends=True)
    widths = [{len(row) for row in csv.reader(lines, delimiter=one) if row} for one in delimiters if one in header]
    return any(len(own) == 1 and max(own) > 1 for own in widths)


def without_row_quotes(pieces: Iterable[bytes]) -> bytes:
    """The same table without quotes around whole rows. Raises :class:`~importer.loader.text.encoding.NotUtf8Error`."""
    try:
        return _without_row_quotes(b"".join(pieces).decode()).encode()
    except UnicodeDecodeError:
        raise NotUtf8Error from None


def _without_row_quotes(text: str) -> str:
    return _QUOTED_ROW.sub(lambda row: row[1].replace('""', '"'), text)


def _whole_lines(start: bytes) -> str:
    """As many whole lines as are looked at."""
    text = start[:_SAMPLE].decode("utf-8", "ignore")
    return text[: max(text.rfind("\n"), text.rfind("\r")) + 1] if len(start) > _SAMPLE else text


def find_dialect(start: bytes, delimiter: str) -> Dialect:
    """The dialect that leaves the fewest loose quotes and odd rows at the start of a text; in doubt, the usual one."""
    text = _whole_lines(start)
    near = re.escape(delimiter)
    single = re.search(rf"(?:^|{near})[ \t]*'[^\r\n]*'[ \t]*(?:{near}|$)", text, re.MULTILINE)
    blanks = re.search(rf"(?:^|{near})[ \t]+[\"']", text, re.MULTILINE)
    # Without a delimiter or line end in it, the usual dialect reads such a cell as well, and much faster.
    equals = re.search(rf"(?:^|{near})=\"[^\"\r\n{near}]*[\r\n{near}]", text, re.MULTILINE)
    dialects = [
        Dialect(delimiter, quote, escape, blank, equal)
        for escape, quote, blank, equal in product(
            [False, True][: 1 + ("\\" in text)],
            "\"'"[: 1 + bool(single)],
            [False, True][: 1 + bool(blanks)],
            [False, True][: 1 + bool(equals)],
        )
    ]
    return min(dialects, key=lambda dialect: _oddities(text, dialect)) if len(dialects) > 1 else dialects[0]


def _oddities(text: str, dialect: Dialect) -> int:
    """How many rows have an unusual number of cells, and how many cells have quotes that are not understood."""
    widths: Counter[int] = Counter()
    loose = filled = wrapped = 0
    for record in _records(text, dialect):
        values = [dialect.value(found).strip() for found in record]
        widths[len(values)] += any(values)
        loose += sum(1 for found in record if _LOOSE.match(found["plain"] or ""))
        filled += sum(1 for value in values if value)
        wrapped += sum(1 for value in values if len(value) > 1 and value[0] == value[-1] == "'")
        loose += sum(1 for value in values if '\\"' in value or "\\'" in value)
    if dialect.quote == '"' and 2 * wrapped > filled:
        loose += wrapped
    return loose + widths.total() - max(widths.values(), default=0)


def _records(text: str, dialect: Dialect) -> Iterator[list[re.Match[str]]]:
    record: list[re.Match[str]] = []
    for found in dialect.cell.finditer(text):
        if found.start() == len(text) and not record:
            return
        record.append(found)
        if found["end"] != dialect.delimiter:
            yield record
            record = []


def in_usual_dialect(pieces: Iterable[bytes], dialect: Dialect) -> Iterator[bytes]:
    """The same table, with double quotes around each cell that needs them.

    A quote that is loose in ``dialect`` is loose in the result, too. Raises
    :class:`~importer.loader.text.encoding.NotUtf8Error`.
    """
    try:
        text = b"".join(pieces).decode()
    except UnicodeDecodeError:
        raise NotUtf8Error from None
    special = re.compile(rf"[{re.escape(dialect.delimiter)}\r\n\"]")
    lines: list[str] = []
    size = 0
    for record in _records(text, dialect):
        cells = []
        for found in record:
            value = dialect.value(found)
            if (found["plain"] or "").lstrip().startswith(dialect.quote):
                value = found["plain"].lstrip().replace(dialect.quote, '"')
            elif special.search(value):
                value = '"' + value.replace('"', '""') + '"'
            cells.append(value)
        lines.append(dialect.delimiter.join(cells) + record[-1]["end"])
        size += len(lines[-1])
        if size >= _PIECE:
            yield "".join(lines).encode()
            lines, size = [], 0
    yield "".join(lines).encode()
