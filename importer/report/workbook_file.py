"""The file of a workbook of rejected rows: sheets, colors, and notes.

XlsxWriter writes everything except the rows of the sheets, because it needs a Python call for each cell. The rows are
then inserted into the finished file. They are made from whole columns, as cells with inline strings (ECMA-376 part 1,
18.3.1.4 and 18.3.1.53).

The input is plain values and Arrow columns, so that a different process can write the file.
"""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.report.cells_to_fill import CellList
from importer.report.report_files import whole_file
from importer.tables import LISTS_TITLE, Mask, Positions

GUIDE = "How to fix"
LISTS = "Lists"
LONGEST_CELL = 32_767  # UTF-16 units
_LONGEST_NOTE = 2_000
_WIDEST = 40  # maximum width of a column in characters
_REASONS_WIDTH = 48
_BLOCK = 32 << 20  # bytes of a sheet that are generated at a time
_ZIP64 = 1 << 31  # from this many bytes on, a zip file needs its 64-bit extension
# XML cannot hold these characters. They are escaped as _xHHHH_, and so is text that looks like an escape (22.9.2.19).
_NOT_XML = "[\\x00-\\x08\\x0b-\\x1f\ufffe\uffff]|_x[0-9A-Fa-f]{4}_"
_TEXT = {"num_format": "@", "valign": "top"}
_ERROR = _TEXT | {"bg_color": "#FFC7CE", "font_color": "#9C0006", "bold": True, "border": 2, "border_color": "#9C0006"}
_WARNING = _TEXT | {"bg_color": "#FFEB9C", "font_color": "#7F6000", "italic": True, "border": 3}
_HEADER = _TEXT | {"bold": True, "bg_color": "#DDE3EA", "bottom": 1}
_WRAPPED = {"text_wrap": True}
_FORMATS: dict[str, dict[str, Any]] = {
    "text": _TEXT, "error": _ERROR, "warning": _WARNING, "header": _HEADER,
    "reasons": _TEXT | _WRAPPED, "row error": _ERROR | _WRAPPED, "row warning": _WARNING | _WRAPPED,
    "title": _TEXT | {"bold": True, "font_size": 14}, "command": _TEXT | {"font_name": "Consolas", "bold": True},
    "line": _TEXT | _WRAPPED, "fill": _TEXT | {"bg_color": "#DDEBF7", "border": 1, "border_color": "#2F75B5"},
}  # fmt: skip


@dataclass(frozen=True)
class Marks:
    """The cells of one sheet that have a problem, by row and column.

    ``row`` counts from 0 below the header, ``column`` from 0, which is ``import_errors``. ``error``: True for an
    error, False for a warning. ``notes`` say what is wrong and what to do.
    """

    row: Positions
    column: Positions
    error: Mask
    notes: pa.Array


@dataclass(frozen=True)
class RejectedSheet:
    """A sheet of rejected rows: the titles of its columns, and its cells as the workbook shows them, never null.

    The first column says what is wrong with each row. ``notes``: how many of the marks may have a note. ``lists``:
    index of a column → key of the list that its cells offer. ``to_fill``: index of a column → rows of blank cells to
    fill in.
    """

    name: str
    titles: Sequence[str]
    columns: Sequence[pa.Array]
    marks: Marks
    notes: int
    lists: Mapping[int, str] = field(default_factory=dict)
    to_fill: Mapping[int, Positions] = field(default_factory=dict)


Guide = Sequence[tuple[str, tuple[str, ...]]]  # rows of cells, each with its format


def save_workbook(path: Path, guide: Guide, sheets: Sequence[RejectedSheet], lists: Mapping[str, CellList]) -> None:
    """Write a workbook. ``lists``: the lists that cells offer, by key. Raises :class:`OutputError`."""
    parts = {f"xl/worksheets/sheet{number}.xml": sheet for number, sheet in enumerate(sheets, start=2)}
    with (
        whole_file(path) as file,
        ZipFile(_without_rows(guide, sheets, lists)) as made,
        ZipFile(file, "w", ZIP_DEFLATED) as out,
    ):
        for name in made.namelist():
            sheet = parts.get(name)
            # Excel may offer to repair a file with this extension, so it is used only for a sheet that needs it.
            with out.open(name, "w", force_zip64=sheet is not None and _most_bytes(sheet) >= _ZIP64) as part:
                part.writelines([made.read(name)] if sheet is None else _with_rows(made.read(name), sheet))


def new_workbook(file: Any, title: str, **options: Any) -> Any:
    """An XlsxWriter workbook with these XlsxWriter options. It does not contain the time when it was written."""
    import xlsxwriter  # noqa: PLC0415 - most commands do not need it

    workbook = xlsxwriter.Workbook(file, options)
    workbook.set_properties({"title": title, "created": datetime(2000, 1, 1)})  # noqa: DTZ001 - a constant
    return workbook


def _without_rows(guide: Guide, sheets: Sequence[RejectedSheet], lists: Mapping[str, CellList]) -> io.BytesIO:
    """The workbook as XlsxWriter makes it. Row 2 of each sheet of rows has a cell in each of the formats."""
    file = io.BytesIO()
    workbook = new_workbook(file, GUIDE, in_memory=True)
    formats = {name: workbook.add_format(kind) for name, kind in _FORMATS.items()}
    _write_guide(workbook.add_worksheet(GUIDE), formats, guide)
    for sheet in sheets:
        own = workbook.add_worksheet(sheet.name)
        _lay_out(own, formats, sheet)
        _offer(own, sheet, lists)
    if lists:
        _write_lists(workbook.add_worksheet(LISTS), formats, lists)
    workbook.close()
    return file


def _write_lists(sheet: Any, formats: dict[str, Any], lists: Mapping[str, CellList]) -> None:
    """Write the lists that the cells of the other sheets offer, a column for each. The sheet is hidden."""
    sheet.write_string(0, 0, LISTS_TITLE, formats["title"])
    for column, cell_list in enumerate(lists.values()):
        sheet.set_column(column, column, 32)
        sheet.write_string(1, column, cell_list.title, formats["header"])
        for row, name in enumerate(cell_list.names, start=2):
            sheet.write_string(row, column, name[:LONGEST_CELL], formats["text"])
    sheet.hide()


def _offer(sheet: Any, plan: RejectedSheet, lists: Mapping[str, CellList]) -> None:
    """Add the drop-down lists to whole columns. Different texts can also be valid, so they only cause a question."""
    from xlsxwriter.utility import xl_range_abs  # noqa: PLC0415

    for place, key in plan.lists.items():
        column, last = list(lists).index(key), len(lists[key].names) + 1
        block, source = (1, place, len(plan.columns[0]), place), f"='{LISTS}'!{xl_range_abs(2, column, last, column)}"
        question = "This value is not in the list. It may still be valid, for example with a different spelling."
        offer_list(sheet, block, source, question, asks=not lists[key].open)


def offer_list(sheet: Any, block: tuple[int, int, int, int], source: str, question: str, *, asks: bool) -> None:
    """Add a drop-down list to cells. ``asks``: whether a text that is not in the list causes a question."""
    sheet.data_validation(
        *block,
        {
            "validate": "list",
            "source": source,
            "ignore_blank": True,
            "show_error": asks,
            "error_type": "warning",
            "error_title": "Not in the list",
            "error_message": question,
        },
    )


def _write_guide(sheet: Any, formats: dict[str, Any], rows: Guide) -> None:
    sheet.hide_gridlines(2)
    for column, width in enumerate((30, 30, 22, 90)):
        sheet.set_column(column, column, width)
    for number, (kind, cells) in enumerate(rows):
        for column, cell in enumerate(cells):
            sheet.write_string(number, column, cell[:LONGEST_CELL], formats[kind])


def _lay_out(sheet: Any, formats: dict[str, Any], plan: RejectedSheet) -> None:
    from xlsxwriter.utility import xl_range  # noqa: PLC0415

    last_row, last_column = len(plan.columns[0]), len(plan.titles) - 1
    sheet.set_column(0, 0, _REASONS_WIDTH, formats["reasons"])
    for place, (title, column) in enumerate(zip(plan.titles[1:], plan.columns[1:], strict=True), start=1):
        sheet.set_column(place, place, _width(title, column), formats["text"])
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, last_row, last_column)
    sheet.ignore_errors({"number_stored_as_text": xl_range(0, 0, last_row, last_column)})
    _write_notes(sheet, plan.marks, plan.notes)
    for place, kind in enumerate(formats.values()):
        sheet.write_blank(1, place, None, kind)


def _width(title: str, column: pa.Array) -> int:
    """A column's width in characters: that of its longest text, within limits that fit a screen."""
    longest = pc.max(pc.utf8_length(column)).as_py() or 0
    return int(min(max(longest, len(title) + 3, 8), _WIDEST)) + 1


def _write_notes(sheet: Any, marks: Marks, most: int) -> None:
    """Write notes on marked cells. The first column needs none, because its text says what is wrong with the row."""
    at = np.flatnonzero(marks.column > 0)[:most]
    texts = marks.notes.take(pa.array(at)).to_pylist()
    for row, column, text in zip(marks.row[at].tolist(), marks.column[at].tolist(), texts, strict=True):
        shown = text if len(text) <= _LONGEST_NOTE else f"{text[:_LONGEST_NOTE]}…"
        lines = sum(1 + len(line) // 45 for line in shown.split("\n"))
        sheet.write_comment(row + 1, column, shown, {"author": "importer", "width": 320, "height": 18 * lines + 12})


def _with_rows(xml: bytes, sheet: RejectedSheet) -> Iterator[bytes]:
    """A sheet's XML, with its rows in place of those that XlsxWriter wrote."""
    from xlsxwriter.utility import xl_range  # noqa: PLC0415

    styles = dict(zip(_FORMATS, re.findall(r'<c r="[A-Z]+2" s="(\d+)"/>', xml.decode()), strict=True))
    before, after = re.split(rb"<sheetData>.*</sheetData>", xml, flags=re.DOTALL)
    used = xl_range(0, 0, len(sheet.columns[0]), len(sheet.titles) - 1)
    yield re.sub(rb'<dimension ref="[^"]*"', f'<dimension ref="{used}"'.encode(), before) + b"<sheetData>"
    header = pa.array([styles["header"]])
    yield _rows_xml(1, [(pa.array([title]), header, "") for title in sheet.titles])
    columns = [
        (column, _cell_styles(sheet, place, styles), styles["text" if place else "reasons"])
        for place, column in enumerate(sheet.columns)
    ]
    count = len(sheet.columns[0])
    step = max(1, _BLOCK * count // max(1, _most_bytes(sheet)))
    for start in range(0, count, step):
        part = [(texts.slice(start, step), kinds.slice(start, step), usual) for texts, kinds, usual in columns]
        yield _rows_xml(start + 2, part)
    yield b"</sheetData>" + after


def _most_bytes(sheet: RejectedSheet) -> int:
    """An upper limit for the XML of the rows: 7 bytes for each byte of the columns, and 80 bytes around each text."""
    return sum(7 * column.nbytes + 80 * len(column) for column in sheet.columns)


def _cell_styles(sheet: RejectedSheet, place: int, styles: dict[str, str]) -> pa.Array:
    marks = sheet.marks
    kinds = np.full(len(sheet.columns[place]), int(styles["text" if place else "reasons"]))
    kinds[sheet.to_fill.get(place, [])] = int(styles["fill"])
    own, prefix = marks.column == place, "" if place else "row "
    for error, name in ((True, "error"), (False, "warning")):
        kinds[marks.row[own & (marks.error == error)]] = int(styles[prefix + name])
    return pa.array(kinds).cast(pa.string())


def _rows_xml(first: int, columns: Sequence[tuple[pa.Array, pa.Array, str]]) -> bytes:
    """The XML of rows. ``first``: the number of the first row. Each column has texts, styles, and its usual style."""
    from xlsxwriter.utility import xl_col_to_name  # noqa: PLC0415

    numbers = pa.array(np.arange(first, first + len(columns[0][0]))).cast(pa.string())
    cells = []
    for place, (texts, styles, usual) in enumerate(columns):
        start = [f'<c r="{xl_col_to_name(place)}', numbers, '" s="', styles]
        full = [*start, '" t="inlineStr"><is><t xml:space="preserve">', _escaped(texts), "</t></is></c>"]
        cell = pc.binary_join_element_wise(*full, "")
        blank = pc.equal(texts, "")
        if pc.any(blank).as_py():
            styled = pc.binary_join_element_wise(*start, '"/>', "")
            empty = pc.if_else(pc.equal(styles, usual), "", styled)
            cell = pc.if_else(blank, empty, cell)
        cells.append(cell)
    rows = pc.binary_join_element_wise('<row r="', numbers, '">', *cells, "</row>", "")
    return b"".join(rows.cast(pa.binary()).to_pylist())


def _escaped(texts: pa.Array) -> pa.Array:
    needy = pc.match_substring_regex(texts, _NOT_XML)
    if pc.any(needy).as_py():
        escaped = [re.sub(_NOT_XML, _by_number, text) for text in texts.filter(needy).to_pylist()]
        texts = pc.replace_with_mask(texts, needy, pa.array(escaped, texts.type))
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        texts = pc.replace_substring(texts, character, entity)
    return texts


def _by_number(match: re.Match[str]) -> str:
    text = match[0]
    return f"_x005F{text}" if text.startswith("_x") else f"_x{ord(text):04X}_"
