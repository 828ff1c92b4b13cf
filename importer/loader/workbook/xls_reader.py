"""Sheets of legacy .xls workbooks, read by xlrd."""

import io
from collections.abc import Callable, Iterator

import xlrd

from importer.errors import SourceError
from importer.loader.workbook.number_formats import is_rounded, moment_text, shown
from importer.loader.workbook.sheet_cells import Allowance, Note, SheetCells
from importer.loader.workbook.xlsx_reader import plain_text
from importer.loader.workbook.xlsx_styles import NO_STYLES, Font, look_of

_WHITE = frozenset({1, 9})  # in the palette
_DAMAGED = Note(
    "workbook_damaged",
    "the workbook's list of parts is damaged: rows may be missing",
    "Compare the number of rows with your system, or save the file again as .xlsx.",
)


class BrokenXlsError(SourceError):
    """A legacy workbook that cannot be read, perhaps because it is password-protected."""


def read_xls(content: bytes, file: str, wanted: Callable[[str], bool]) -> Iterator[SheetCells]:
    """The worksheets in their order; empty ones for those that are not ``wanted``."""
    allowance = Allowance.for_size(file, len(content))
    book, notes = _open(content, file)
    for place, name in enumerate(book.sheet_names()):
        cells = SheetCells(name, allowance, notes=list(notes))
        if wanted(name):
            try:
                sheet = book.sheet_by_index(place)
                cells.hidden = sheet.visibility != 0
                _read_sheet(book, sheet, cells)
            except SourceError:
                raise
            except Exception as error:  # xlrd raises anything for a damaged sheet
                raise _broken(f"{file}: the sheet {name!r}", error) from error
        yield cells


def _open(content: bytes, file: str) -> tuple[xlrd.Book, list[Note]]:
    """The workbook, and notes about it. The second and third tries are for files that some programs write."""
    tries: list[tuple[bool, bool, list[Note]]] = [
        (True, False, []),
        (True, True, [_DAMAGED]),
        (False, True, [_DAMAGED, NO_STYLES]),
    ]
    first: Exception | None = None
    for formatting, corrupted, notes in tries:
        try:
            book = xlrd.open_workbook(
                file_contents=content,
                formatting_info=formatting,
                ragged_rows=True,
                on_demand=True,
                ignore_workbook_corruption=corrupted,
                logfile=io.StringIO(),
            )
        except Exception as error:  # noqa: BLE001 - xlrd raises anything for a damaged file
            first = first or error
        else:
            return book, notes
    assert first is not None
    raise _broken(f"{file}: the workbook", first) from first


def _broken(what: str, error: Exception) -> BrokenXlsError:
    hint = "Open it in a spreadsheet program and save it again as .xlsx, or export it as CSV."
    return BrokenXlsError(f"{what} cannot be read ({str(error) or type(error).__name__})", hint)


def _look(book: xlrd.Book, style: xlrd.formatting.XF) -> tuple[str, str]:
    font = book.font_list[style.font_index]
    white_fill = style.background.fill_pattern == 0 or style.background.pattern_colour_index in _WHITE
    own = Font(bool(font.struck_out), font.colour_index in _WHITE)
    return look_of(book.format_map[style.format_key].format_str, own, white_fill=white_fill)


def _read_sheet(book: xlrd.Book, sheet: xlrd.sheet.Sheet, cells: SheetCells) -> None:
    looks = [_look(book, style) for style in book.xf_list] if book.formatting_info else []
    since_1904 = book.datemode == 1
    rows = sheet.rowinfo_map.items()
    cells.hidden_rows += [range(row, row + 1) for row, info in rows if info.hidden or info.height == 0]
    columns = sheet.colinfo_map.items()
    cells.hidden_columns += [range(column, column + 1) for column, info in columns if info.hidden or info.width == 0]
    cells.merged += [(top, left, below - 1, right - 1) for top, below, left, right in sheet.merged_cells]
    placed = ((row, column, cell) for row, own in enumerate(sheet.get_rows()) for column, cell in enumerate(own))
    for row, column, cell in placed:
        kind, value = cell.ctype, cell.value
        match kind:
            case xlrd.XL_CELL_TEXT:
                text = plain_text(value)
            case xlrd.XL_CELL_NUMBER | xlrd.XL_CELL_DATE:
                code = looks[cell.xf_index][0] if looks else ""
                is_date = kind == xlrd.XL_CELL_DATE and not looks
                text = (
                    moment_text(value, since_1904=since_1904) if is_date else shown(value, code, since_1904=since_1904)
                )
                if is_rounded(value):
                    cells.rounded.append((row, column))
            case xlrd.XL_CELL_BOOLEAN:
                text = "TRUE" if value else "FALSE"
            case xlrd.XL_CELL_ERROR:
                text = xlrd.error_text_from_code.get(value, "#ERROR")
            case _:
                text = ""
        cells.put(row, column, text)
        if text and looks and (mark := looks[cell.xf_index][1]):
            cells.mark(mark, [row])
