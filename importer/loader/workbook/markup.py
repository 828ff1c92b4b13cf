"""Tables in XML and HTML: SpreadsheetML 2003 (Excel's XML, saved as .xls by many systems) and web pages.

SpreadsheetML: https://learn.microsoft.com/previous-versions/office/developer/office-xp/aa140066(v=office.10).
"""

import io
import re
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pyarrow as pa

from importer.errors import SourceError, UsageError
from importer.loader.assemble import Origin, RawTable
from importer.loader.layout import LoadOptions
from importer.loader.text.encoding import whole_text
from importer.loader.workbook.displays import SheetDisplay, shown_number
from importer.loader.workbook.workbooks import Sheet, select_sheets

_START = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*<(?:\?xml|!doctype|!--|html|head|body|meta|style|table|\w+:?workbook)", re.IGNORECASE
)
_SPREADSHEET = "urn:schemas-microsoft-com:office:spreadsheet"
_SS = f"{{{_SPREADSHEET}}}"
_CHARSET = re.compile(rb"""<meta[^>]*charset\s*=\s*["']?([\w.:-]+)""", re.IGNORECASE)
_MAX_ROWS, _MAX_COLUMNS, _MAX_CELLS = 1_048_576, 16_384, 50_000_000  # the first two are Excel's own bounds
_EXPORT = "Open it in a spreadsheet program and save it as .xlsx, or export it as CSV."


def is_markup(content: bytes) -> bool:
    """Whether the bytes start like XML or a web page."""
    return bool(_START.match(_ascii_of(content[:1024])))


def _ascii_of(start: bytes) -> bytes:
    """The start of a text, also if it is UTF-16, as far as it is ASCII."""
    return start.replace(b"\0", b"").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")


def read_markup(content: bytes, origin: Origin, options: LoadOptions) -> list[RawTable]:
    """The worksheets of SpreadsheetML, or the tables of a web page that have at least two rows.

    Raises :class:`SourceError` for broken XML and for pages and documents without such a table.
    """
    head = _ascii_of(content[:16384])
    if _SPREADSHEET.encode() in head and re.search(rb"<(?:\w+:)?Workbook[\s>]", head):
        grids = _worksheets(content, origin.file)
    else:
        grids = _tables(content, origin.file, options.encoding)
    names = select_sheets(list(grids), origin.file, options.sheet)
    tables = [
        grids[name].sheet(replace(origin, sheet=name or None)).raw_table(options) for name in names if grids[name].cells
    ]
    if not tables:
        raise SourceError(f"{origin.file}: the workbook is empty", "Export the table again, with its header and rows.")
    return tables


@dataclass
class _Grid:
    """The cells with text of a sheet, by (row, column) from 0."""

    file: str
    cells: dict[tuple[int, int], str] = field(default_factory=dict)
    display: SheetDisplay = field(default_factory=SheetDisplay)

    def put(self, row: int, column: int, text: str, down: int = 0, across: int = 0) -> None:
        """A cell, which may extend ``down`` and ``across`` over others."""
        if not (0 <= row < _MAX_ROWS and 0 <= column < _MAX_COLUMNS):
            place = f"a cell in row {row + 1:,}, column {column + 1:,}"
            raise SourceError(f"{self.file}: {place} is beyond the limits of a sheet", _EXPORT)
        if text:
            self.cells[row, column] = text
        if down > 0 or across > 0:
            self.display.merged.append((row, column, row + down, column + across))

    def sheet(self, origin: Origin) -> Sheet:
        """The whole sheet, down to the last row with a text."""
        height, width = 1 + max(row for row, _ in self.cells), 1 + max(column for _, column in self.cells)
        if height * width > _MAX_CELLS:
            raise SourceError(f"{self.file}: {height:,} rows and {width:,} columns are too many", _EXPORT)
        columns = [[""] * height for _ in range(width)]
        for (row, column), text in self.cells.items():
            columns[column][row] = text
        arrays = [pa.chunked_array([pa.array(column, pa.string())]) for column in columns]
        return Sheet(origin, arrays, self.display)


def _worksheets(content: bytes, file: str) -> dict[str, _Grid]:
    """Worksheet name → cells. Rows are dropped once they are read: as a tree they are twenty times as large."""
    sheets: dict[str, _Grid] = {}
    formats: dict[str, str] = {}
    sheet = _Worksheet(file)
    try:
        # Expat itself refuses exponential entities since 2.4.1, and ElementTree resolves no external ones.
        for event, node in ET.iterparse(io.BytesIO(content), events=("start", "end")):  # noqa: S314
            if event == "start":
                if node.tag == f"{_SS}Worksheet":
                    sheet = sheets[node.get(f"{_SS}Name", "")] = _Worksheet(file)
            elif node.tag == f"{_SS}Style":
                number = node.find(f"{_SS}NumberFormat")
                formats[node.get(f"{_SS}ID", "")] = "" if number is None else number.get(f"{_SS}Format", "")
            elif node.tag == f"{_SS}Column":
                sheet.add_column(node)
            elif node.tag == f"{_SS}Row":
                sheet.add_row(node, formats)
                node.clear()
    except (ET.ParseError, ValueError, LookupError) as error:
        raise SourceError(f"{file}: the XML workbook is broken or cut off ({error})", _EXPORT) from error
    return sheets


@dataclass
class _Worksheet(_Grid):
    """A worksheet that is being read; ``next_row``, ``next_column``: of the next element without an index."""

    next_row: int = 0
    next_column: int = 0

    def add_column(self, node: ET.Element) -> None:
        first, span = _place(node, self.next_column), _number(node, "Span")
        if _number(node, "Hidden"):
            self.display.hidden_columns += range(first, min(first + span + 1, _MAX_COLUMNS))
        self.next_column = first + span + 1

    def add_row(self, node: ET.Element, formats: dict[str, str]) -> None:
        row = _place(node, self.next_row)
        if _number(node, "Hidden"):
            self.display.hidden_rows.append(row)
        column = 0
        for cell in node.iterfind(f"{_SS}Cell"):
            column = _place(cell, column)
            down, across = _number(cell, "MergeDown"), _number(cell, "MergeAcross")
            style = cell.get(f"{_SS}StyleID") or node.get(f"{_SS}StyleID") or ""
            self.put(row, column, _cell_text(cell, formats.get(style, "")), down, across)
            column += across + 1
        self.next_row = row + _number(node, "Span") + 1


def _place(node: ET.Element, following: int) -> int:
    """The position from 0: ``ss:Index`` counts from 1 and may leave a gap; without it, the next one."""
    index = node.get(f"{_SS}Index")
    return following if index is None else int(index) - 1


def _number(node: ET.Element, name: str) -> int:
    return max(0, int(node.get(f"{_SS}{name}", "0")))


def _cell_text(cell: ET.Element, form: str) -> str:
    data = cell.find(f"{_SS}Data")
    if data is None:
        return ""
    text = "".join(data.itertext())
    match data.get(f"{_SS}Type"):
        case "Boolean":
            return {"1": "TRUE", "0": "FALSE"}.get(text.strip(), text)
        case "DateTime":
            day, _, clock = text.strip().partition("T")
            return day if not clock.strip("0:.Z") else f"{day} {clock.split('.')[0]}"
        case "Number":
            return shown_number(text.strip(), form)
    return text


class _Page(HTMLParser):
    """Collects the tables of a web page; a table within a cell is a table of its own."""

    def __init__(self, file: str) -> None:
        super().__init__(convert_charrefs=True)
        self.file = file
        self.tables: list[_HtmlTable] = []
        self.open: list[_HtmlTable] = []
        self.invisible = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "style"}:
            self.invisible += 1
        if tag == "table":
            table = _HtmlTable(self.file)
            self.tables.append(table)
            self.open.append(table)
        elif self.open and tag == "tr":
            self.open[-1].start_row()
        elif self.open and tag in {"td", "th"}:
            self.open[-1].start_cell(dict(attrs))
        elif self.open and tag in {"br", "p", "div"}:
            self.open[-1].break_line(always=tag == "br")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"script", "style"}:
            self.invisible = max(0, self.invisible - 1)
        elif self.open and tag == "table":
            self.open.pop().end_cell()
        elif self.open and tag in {"td", "th", "tr"}:
            self.open[-1].end_cell()

    def handle_data(self, data: str) -> None:
        if self.open and not self.invisible and self.open[-1].text is not None:
            self.open[-1].text += re.sub(r"[ \t\r\n]+", " ", data)


@dataclass
class _HtmlTable(_Grid):
    """A table that is being read: where the next cell goes, and the text and spans of the current one, if any."""

    row: int = -1
    column: int = 0
    text: str | None = None
    spans: tuple[int, int] = (0, 0)
    covered: set[tuple[int, int]] = field(default_factory=set)  # by a cell of a row above

    def start_row(self) -> None:
        self.end_cell()
        self.row += 1
        self.column = 0

    def start_cell(self, attributes: dict[str, str | None]) -> None:
        self.end_cell()
        self.row = max(self.row, 0)
        while (self.row, self.column) in self.covered:
            self.column += 1
        self.text = ""
        self.spans = _span(attributes.get("rowspan")), _span(attributes.get("colspan"))

    def break_line(self, *, always: bool) -> None:
        if self.text is not None and (always or self.text.strip()):
            self.text += "\n"

    def end_cell(self) -> None:
        if self.text is None:
            return
        lines = [line.strip(" ") for line in self.text.split("\n")]
        down, across = self.spans
        self.put(self.row, self.column, "\n".join(lines).strip("\n"), down, across)
        places = range(self.column, self.column + across + 1)
        self.covered |= {(self.row + below, place) for below in range(1, down + 1) for place in places}
        self.column += across + 1
        self.text = None


def _span(value: str | None) -> int:
    """How many cells more than one; browsers take no more than a thousand (HTML, 4.9.11)."""
    return min(int(value), 1000) - 1 if value is not None and value.strip().isdecimal() and int(value) > 0 else 0


def _tables(content: bytes, file: str, encoding: str | None) -> dict[str, _Grid]:
    """Table name → cells; one table alone has no name."""
    named = _CHARSET.search(content[:4096])
    if encoding is None and named is not None and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = named[1].decode()
    try:
        text = whole_text(content, file, encoding)
    except (UsageError, SourceError):
        text = whole_text(content, file)
    page = _Page(file)
    page.feed(text)
    page.close()
    while page.open:
        page.open.pop().end_cell()
    tables = [table for table in page.tables if len({row for row, _ in table.cells}) > 1]
    if not tables:
        raise SourceError(
            f"{file}: a web page or XML document, not a table",
            "Some systems save such files under a spreadsheet's name, and some send a page to sign in instead of the "
            "file: open it in Excel and save it as .xlsx or CSV.",
        )
    return {"": tables[0]} if len(tables) == 1 else {f"Table {number}": one for number, one in enumerate(tables, 1)}
