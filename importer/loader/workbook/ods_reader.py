"""Sheets of OpenDocument workbooks (.ods, .fods), which store the shown text beside each value."""

import re
from collections.abc import Callable

from importer.errors import SourceError
from importer.loader.workbook.number_formats import duration_text, is_rounded, number_text, percent_text
from importer.loader.workbook.sheet_cells import MAX_COLUMNS, MAX_ROWS, Allowance, SheetCells
from importer.loader.workbook.workbook_parts import (
    Attributes,
    BrokenXmlError,
    Container,
    XmlSheets,
    XmlStream,
    explained,
    local,
    whole_number,
)
from importer.loader.workbook.xlsx_styles import Font, mark_of

_SHOWN_NUMBER = re.compile(r"0\d[\d() /-]*|\+[\d() /-]+|\(?\d+[)/-][\d() /-]*|(?=.*[A-Za-z])(?=.*\d)[\w() /#+-]+")
_DURATION = re.compile(r"(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:[.,]\d*)?S)?)?")
_BLANKS = re.compile(r"[ \t\r\n]+")
# Control characters that no XML contains stand for the spaces, line breaks, and tabs that are elements.
_SPACE, _LINE_BREAK, _TAB = "\x01", "\x02", "\x03"
_AS_SHOWN = {1: " ", 2: "\n", 3: "\t"}
_WHITE = frozenset({"#ffffff", "transparent"})
# What stands in a cell or beside the sheets and is not the cell's text.
_ASIDE = ("annotation", "tracked-changes", "shapes", "frame", "ruby-text", "note", "dde-links", "custom-shape")


def read_ods(container: Container, file: str, wanted: Callable[[str], bool]) -> list[SheetCells]:
    """The sheets in their order; empty ones for those that are not ``wanted``."""
    hint = "Save a copy without the password and import that."
    if "META-INF/manifest.xml" in container:
        manifest, encrypted = XmlStream(), list[Attributes]()
        manifest.starts["encryption-data"] = encrypted.append
        with explained(file):
            manifest.read(container.open("META-INF/manifest.xml"))
        if encrypted:
            raise SourceError(f"{file}: the workbook is password-protected", hint)
    reader = OpenDocument(Allowance.for_size(file, container.size), wanted)
    with explained(file):
        reader.read(container.open("content.xml"))
    return reader.sheets


class OpenDocument(XmlSheets):
    """``content.xml``, or a workbook that is one XML document (.fods)."""

    def __init__(self, allowance: Allowance, wanted: Callable[[str], bool]) -> None:
        super().__init__(allowance, wanted)
        self.hidden_styles: set[str] = set()
        self.fonts: dict[str, Font] = {}
        self.colored: set[str] = set()  # styles whose background is not, or may not be, white
        self.style = ""
        self.rows = self.columns = range(0)  # of the current row and cell
        self.row = self.column = 0  # the next ones
        self.cell: Attributes | None = None
        self.lines: list[str] = []
        self.before = ""  # text before something that stands aside
        self.aside = self.tables = self.paragraphs = 0
        self.starts = {"style": self._start_style, "table-properties": self._table_style, "table": self._start_table}
        self.starts |= {"text-properties": self._text_style, "table-cell-properties": self._cell_style}
        self.starts |= {"table-column": self._start_column, "table-row": self._start_row, "p": self._start_line}
        self.starts |= {"table-cell": self._start_cell, "covered-table-cell": self._start_cell}
        self.starts |= {"s": self._spaces, "tab": lambda _: self.add(_TAB)}
        self.starts |= {"line-break": lambda _: self.add(_LINE_BREAK)}
        self.starts |= dict.fromkeys(_ASIDE, self._start_aside)
        self.ends = {"table": self._end_table, "table-cell": self._end_cell, "covered-table-cell": self._end_cell}
        self.ends |= {"p": self._end_line, "table-row": self._end_row, **dict.fromkeys(_ASIDE, self._end_aside)}

    def _start_style(self, attributes: Attributes) -> None:
        self.style = local(attributes, "name") or ""
        if local(attributes, "parent-style-name") not in {None, "Default"}:
            self.colored.add(self.style)

    def _cell_style(self, attributes: Attributes) -> None:
        if (color := local(attributes, "background-color")) is not None:
            (self.colored.discard if color.lower() in _WHITE else self.colored.add)(self.style)

    def _table_style(self, attributes: Attributes) -> None:
        if local(attributes, "display") == "false":
            self.hidden_styles.add(self.style)

    def _text_style(self, attributes: Attributes) -> None:
        crossed_out = (local(attributes, "text-line-through-style") or "none") != "none"
        self.fonts[self.style] = Font(crossed_out, (local(attributes, "color") or "").lower() in _WHITE)

    def _start_aside(self, _: Attributes) -> None:
        if not self.aside:
            self.before = self.text()
        self.aside += 1

    def _end_aside(self) -> None:
        self.aside -= 1
        if not self.aside:
            self.clear()
            self.add(self.before)

    def _start_table(self, attributes: Attributes) -> None:
        self.tables += 1
        if self.aside:
            return
        if self.tables > 1:
            raise BrokenXmlError("a table inside a cell")
        hidden = (local(attributes, "style-name") or "") in self.hidden_styles
        self.start_sheet(local(attributes, "name") or "", hidden=hidden)
        self.row = self.column = 0

    def _end_table(self) -> None:
        self.tables -= 1
        if not self.aside:
            self.cells = None

    def _start_column(self, attributes: Attributes) -> None:
        span = range(self.column, self.column + min(_count(attributes, "number-columns-repeated"), MAX_COLUMNS))
        if self.cells is not None and not self.aside and local(attributes, "visibility") in {"collapse", "filter"}:
            self.cells.hidden_columns.append(span)
        self.column = min(span.stop, MAX_COLUMNS)

    def _start_row(self, attributes: Attributes) -> None:
        if self.cells is None or self.aside:
            return
        self.rows = range(self.row, self.row + min(_count(attributes, "number-rows-repeated"), MAX_ROWS))
        if local(attributes, "visibility") in {"collapse", "filter"}:
            self.cells.hidden_rows.append(self.rows)
        self.column = 0

    def _end_row(self) -> None:
        if not self.aside:
            self.row = self.rows.stop

    def _start_cell(self, attributes: Attributes) -> None:
        if self.cells is None or self.aside:
            return
        if self.cell is not None:
            raise BrokenXmlError("a cell inside a cell")
        self.cell = attributes
        self.lines.clear()
        repeated = min(_count(attributes, "number-columns-repeated"), MAX_COLUMNS)
        self.columns = range(self.column, self.column + repeated)
        self.column += repeated

    def _start_line(self, _: Attributes) -> None:
        if not self.aside:
            self.paragraphs += 1
            self.clear()

    def _end_line(self) -> None:
        if not self.aside:
            self.paragraphs -= 1
            self.lines.append(_BLANKS.sub(" ", self.text()).translate(_AS_SHOWN))

    def _spaces(self, attributes: Attributes) -> None:
        if self.paragraphs and not self.aside:
            self.add(_SPACE * min(whole_number(attributes, "c", 1), 1000))

    def _end_cell(self) -> None:
        cell, cells = self.cell, self.cells
        if cell is None or cells is None or self.aside:
            return
        self.cell = None
        down = _count(cell, "number-rows-spanned") - 1
        across = _count(cell, "number-columns-spanned") - 1
        if down or across:
            top, left = self.rows.start, self.columns.start
            cells.merged.append((top, left, top + down, left + across))
        kind = local(cell, "value-type")
        shown = "\n".join(self.lines)
        if kind is None and not shown and local(cell, "formula"):
            cells.uncalculated.append((self.rows.start, self.columns.start))
        is_error = any(key.endswith(":value-type") and value == "error" for key, value in cell.items())
        text = shown if is_error else _text(kind, cell, shown)
        if kind in {"float", "currency"} and text.isdecimal() and len(text) > 15 and is_rounded(float(text)):
            cells.rounded.append((self.rows.start, self.columns.start))
        style = local(cell, "style-name") or ""
        unseen = bool(self.lines) and not shown
        mark = mark_of(self.fonts.get(style, Font()), white_fill=style not in self.colored, unseen=unseen)
        if text and mark:
            cells.mark(mark, self.rows)
        cells.put_repeated(self.rows, self.columns, text)


def _text(kind: str | None, cell: Attributes, shown: str) -> str:
    """The text of a cell: as it is shown, but for numbers without rounding, and dates as in ISO 8601."""
    match kind:
        case "float" | "currency":
            return _number(local(cell, "value") or "", shown)
        case "percentage":
            return _percentage(local(cell, "value") or "", shown)
        case "date":
            day, _, clock = (local(cell, "date-value") or "").partition("T")
            clock = clock.partition(".")[0].removesuffix("Z")
            return (day if clock in {"", "00:00:00"} else f"{day} {clock}") or shown
        case "time":
            return _time(local(cell, "time-value") or "", shown)
        case "boolean":
            return {"true": "TRUE", "false": "FALSE"}.get(local(cell, "boolean-value") or "", shown)
    return shown or local(cell, "string-value") or ""


def _number(value: str, shown: str) -> str:
    try:
        number = float(value)
    except ValueError:
        return shown
    if not number.is_integer():
        return number_text(number)
    digits = re.sub(r"\D", "", shown).lstrip("0") or "0"
    if digits == f"{abs(number):.0f}" or (abs(number) >= 1e15 and f"{float(digits):.15g}" == f"{abs(number):.15g}"):
        if shown != digits and _SHOWN_NUMBER.fullmatch(shown):
            return shown
        if abs(number) >= 1e15 and shown.isdecimal():
            return shown  # without an exponent, because its format shows all digits
    return number_text(number)


def _percentage(value: str, shown: str) -> str:
    try:
        return percent_text(float(value))
    except ValueError:
        return shown


def _time(value: str, shown: str) -> str:
    """A time of day as 09:30:00; elapsed time in hours: 27:17:54."""
    match = _DURATION.fullmatch(value)
    if match is None:
        return shown
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    return match[1] + duration_text(total).zfill(8)


def _count(attributes: Attributes, name: str) -> int:
    return max(1, whole_number(attributes, name, 1))
