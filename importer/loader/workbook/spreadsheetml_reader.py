"""Sheets of SpreadsheetML 2003, Excel's XML, which many systems save as .xls.

https://learn.microsoft.com/previous-versions/office/developer/office-xp/aa140066(v=office.10)
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from importer.loader.workbook.number_formats import is_rounded, is_unseen, moment_text, named_format, shown
from importer.loader.workbook.sheet_cells import MAX_COLUMNS, Allowance, SheetCells
from importer.loader.workbook.workbook_parts import (
    Attributes,
    BrokenXmlError,
    XmlSheets,
    local,
    whole_number,
)
from importer.loader.workbook.xlsx_styles import Font, mark_of

T = TypeVar("T")
_MOMENT = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.\d*)?)?Z?)?")
_NO_DATE = dt.date(1899, 12, 31)  # up to this day, a date is a time of day
_FIRST_MARCH = dt.date(1900, 3, 1)


class SpreadsheetML(XmlSheets):
    """The whole file."""

    def __init__(self, allowance: Allowance, wanted: Callable[[str], bool]) -> None:
        super().__init__(allowance, wanted)
        self.since_1904 = False
        self.formats: dict[str, str] = {}
        self.parents: dict[str, str] = {}
        self.fonts: dict[str, Font] = {}
        self.white_fills: dict[str, bool] = {}
        self.style = self.table_style = ""
        self.row_attributes: Attributes = {}
        self.columns: dict[int, str] = {}  # their styles
        self.row = self.column = self.next_row = self.next_column = 0
        self.cell: Attributes | None = None
        self.kind: str | None = None
        self.data = ""
        self.aside = 0
        self.starts = {"Style": self._start_style, "NumberFormat": self._format, "Worksheet": self._start_sheet}
        self.starts |= {"Font": self._font, "Interior": self._interior}
        self.starts |= {"Table": self._start_table, "Column": self._start_column, "Row": self._start_row}
        self.starts |= {"Cell": self._start_cell, "Data": self._start_data, "Date1904": self._date_1904}
        self.starts |= {"Visible": lambda _: self.clear(), "Comment": self._start_aside}
        self.ends = {"Data": self._end_data, "Cell": self._end_cell, "Row": self._end_row, "Comment": self._end_aside}
        self.ends |= {"Visible": self._visible, "Worksheet": self._end_sheet}

    def _start_style(self, attributes: Attributes) -> None:
        self.style = local(attributes, "ID") or ""
        self.parents[self.style] = local(attributes, "Parent") or ("Default" if self.style != "Default" else "")

    def _format(self, attributes: Attributes) -> None:
        self.formats[self.style] = named_format(local(attributes, "Format") or "")

    def _font(self, attributes: Attributes) -> None:
        self.fonts[self.style] = Font(local(attributes, "StrikeThrough") == "1", _is_white(attributes))

    def _interior(self, attributes: Attributes) -> None:
        self.white_fills[self.style] = local(attributes, "Color") is None or _is_white(attributes)

    def _date_1904(self, _: Attributes) -> None:
        self.since_1904 = True

    def _start_sheet(self, attributes: Attributes) -> None:
        self.start_sheet(local(attributes, "Name") or "")
        self.columns = {}
        self.next_row = self.next_column = 0
        self.table_style = ""

    def _end_sheet(self) -> None:
        self.cells = None

    def _visible(self) -> None:
        if self.sheets and self.text().strip() in {"SheetHidden", "SheetVeryHidden"}:
            self.sheets[-1].hidden = True

    def _start_table(self, attributes: Attributes) -> None:
        self.table_style = local(attributes, "StyleID") or ""

    def _start_column(self, attributes: Attributes) -> None:
        first = _place(attributes, self.next_column)
        if first < self.next_column:
            raise BrokenXmlError(f"column {first + 1} is described twice")
        span = range(first, min(first + _number(attributes, "Span") + 1, MAX_COLUMNS))
        if self.cells is not None and (_number(attributes, "Hidden") or local(attributes, "Width") == "0"):
            self.cells.hidden_columns.append(span)
        if style := local(attributes, "StyleID"):
            self.columns |= dict.fromkeys(span, style)
        self.next_column = max(first + 1, span.stop)

    def _start_row(self, attributes: Attributes) -> None:
        self.row_attributes = attributes
        self.row, self.column = _place(attributes, self.next_row), 0
        self.next_row = self.row + _number(attributes, "Span") + 1
        if self.cells is not None and (_number(attributes, "Hidden") or local(attributes, "Height") == "0"):
            self.cells.hidden_rows.append(range(self.row, self.next_row))

    def _end_row(self) -> None:
        self.row_attributes = {}

    def _start_aside(self, _: Attributes) -> None:
        self.aside += 1

    def _end_aside(self) -> None:
        self.aside -= 1

    def _start_cell(self, attributes: Attributes) -> None:
        if self.cell is not None:
            raise BrokenXmlError("a cell inside a cell")
        self.cell, self.kind, self.data = attributes, None, ""
        self.column = _place(attributes, self.column)

    def _start_data(self, attributes: Attributes) -> None:
        if not self.aside:
            self.kind = local(attributes, "Type") or "String"
            self.clear()

    def _end_data(self) -> None:
        if not self.aside:
            self.data = self.text()

    def _end_cell(self) -> None:
        cell, cells = self.cell, self.cells
        self.cell = None
        if cell is None:
            return
        down, across = _number(cell, "MergeDown"), _number(cell, "MergeAcross")
        if cells is not None:
            if down or across:
                cells.merged.append((self.row, self.column, self.row + down, self.column + across))
            if self.kind is None and local(cell, "Formula"):
                cells.uncalculated.append((self.row, self.column))
            if self.data and (mark := self._mark(cell)):
                cells.mark(mark, [self.row])
            cells.put(self.row, self.column, self._shown(cell, cells))
        self.column += across + 1

    def _shown(self, cell: Attributes, cells: SheetCells) -> str:
        value = self.data.strip()
        match self.kind:
            case "Boolean":
                return {"1": "TRUE", "0": "FALSE"}.get(value, value)
            case "DateTime":
                days = _days(value, since_1904=self.since_1904)
                code = self._own(self.formats, cell, "")
                text = shown(days, code) if days is not None and "[" in code else moment_text(days or 0)
                return value if days is None else text
            case "Number":
                try:
                    number = float(value)
                except ValueError:
                    return value
                if is_rounded(number):
                    cells.rounded.append((self.row, self.column))
                return shown(number, self._own(self.formats, cell, ""), since_1904=self.since_1904)
        return self.data

    def _mark(self, cell: Attributes) -> str:
        font, white_fill = self._own(self.fonts, cell, Font()), self._own(self.white_fills, cell, default=True)
        return mark_of(font, white_fill=white_fill, unseen=is_unseen(self._own(self.formats, cell, "")))

    def _own(self, looks: Mapping[str, T], cell: Attributes, default: T) -> T:
        """A cell's number format, font, or fill: of its style, its row's, its column's, the table's, or of a parent."""
        style = local(cell, "StyleID") or local(self.row_attributes, "StyleID")
        if not style:
            style = self.columns.get(self.column) or self.table_style or "Default"
        for _ in range(10):
            if style in looks:
                return looks[style]
            style = self.parents.get(style, "")
        return default


def _is_white(attributes: Attributes) -> bool:
    return (local(attributes, "Color") or "").upper() == "#FFFFFF"


def _place(attributes: Attributes, following: int) -> int:
    """The position from 0: ``ss:Index`` counts from 1 and may leave a gap; without it, the next one."""
    return whole_number(attributes, "Index", following + 1) - 1


def _number(attributes: Attributes, name: str) -> int:
    return max(0, whole_number(attributes, name, 0))


def _days(text: str, *, since_1904: bool) -> float | None:
    """A date and time as days since 1899-12-31; None if the text is not one."""
    match = _MOMENT.fullmatch(text)
    if match is None:
        return None
    try:
        date = dt.date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None
    clock = int(match[4] or 0) * 3600 + int(match[5] or 0) * 60 + int(match[6] or 0)
    if date <= _NO_DATE or (since_1904 and date == dt.date(1904, 1, 1)):
        return clock / 86400
    return (date - _NO_DATE).days + (date >= _FIRST_MARCH) + clock / 86400
