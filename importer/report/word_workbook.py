"""The value table as a workbook with drop-down lists, as CSV, and as text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from importer.report.report_files import whole_file, write_csv
from importer.report.terminal import columns_of, cut, in_columns
from importer.report.workbook_file import LONGEST_CELL, new_workbook, offer_list
from importer.tables import TEXT
from importer.wording import first_few, shortened

SHEET = "Values"
CHOICES_SHEET = "Choices"
TITLES = ("kind", "word", "count", "value", "proposal", "choices")
_WIDTHS = (26, 32, 8, 32, 32, 60)
_MOST_NAMED = 10  # existing names listed in a cell
_LONGEST_NAME = 40  # characters of each
_WIDEST = 32  # width of a column on the terminal
_VALUE = TITLES.index("value")


@dataclass(frozen=True)
class WordRow:
    """A word of the source. ``value``: ``""`` if not decided yet. ``proposal``: ``""`` for none."""

    kind: str
    word: str
    count: int
    value: str
    proposal: str


def write_words(path: Path, rows: Sequence[WordRow], exists: Mapping[str, Sequence[str]], leave_out: str) -> None:
    """Write the table, as CSV or as a workbook; only its owner can read it. Raises :class:`OutputError`.

    ``exists``: kind → what WizCommerce has, which the workbook offers in drop-down lists, together with ``leave_out``.
    """
    if path.suffix.lower() == ".csv":
        lines = [_cells(row, exists) for row in rows]
        frame = pd.DataFrame(lines, columns=list(TITLES)).astype(dict.fromkeys(TITLES, TEXT) | {"count": "int64"})
        write_csv(path, frame, comes_back=True)
        return
    with whole_file(path) as file:
        book = new_workbook(file, "Values and their WizCommerce values", in_memory=True)
        sheet, choices = book.add_worksheet(SHEET), book.add_worksheet(CHOICES_SHEET)
        text, head = book.add_format({"num_format": "@"}), book.add_format({"bold": True, "bg_color": "#DDE3EA"})
        fill = book.add_format({"num_format": "@", "bg_color": "#FFF9E5", "border": 1, "border_color": "#BFBFBF"})
        grey = book.add_format({"num_format": "@", "font_color": "#7F7F7F", "italic": True})
        _write_rows(sheet, rows, exists, (head, text, fill, grey))
        offered = {kind: (*exists.get(kind, ()), leave_out) for kind in {row.kind for row in rows}}
        _offer(sheet, choices, rows, offered, head)
        book.close()


def _write_rows(
    sheet: Any, rows: Sequence[WordRow], exists: Mapping[str, Sequence[str]], formats: Sequence[Any]
) -> None:
    head, text, fill, grey = formats
    for place, (title, width) in enumerate(zip(TITLES, _WIDTHS, strict=True)):
        sheet.set_column(place, place, width)
        sheet.write_string(0, place, title, head)
    for number, row in enumerate(rows, start=1):
        for place, cell in enumerate(_cells(row, exists)):
            if place == TITLES.index("count"):
                sheet.write_number(number, place, int(cell))
            else:
                own = fill if place == _VALUE else grey if place > _VALUE else text
                sheet.write_string(number, place, str(cell)[:LONGEST_CELL], own)
    sheet.freeze_panes(1, 2)
    sheet.autofilter(0, 0, max(len(rows), 1), len(TITLES) - 1)


def _offer(sheet: Any, choices: Any, rows: Sequence[WordRow], offered: Mapping[str, Sequence[str]], head: Any) -> None:
    """Add drop-down lists to the value cells of ``sheet``. ``offered``: kind → its list, written to ``choices``."""
    from xlsxwriter.utility import xl_range_abs  # noqa: PLC0415

    first = 1
    for column, (kind, own) in enumerate(groupby(row.kind for row in rows)):
        count, names = len(list(own)), offered[kind]
        choices.set_column(column, column, 32)
        choices.write_string(0, column, kind, head)
        for number, name in enumerate(names, start=1):
            choices.write_string(number, column, name[:LONGEST_CELL])
        # Only a warning: an email address, an ID, or several values separated by ; are also valid.
        question = "This value is not one of the known values. Use it anyway?"
        source = f"='{CHOICES_SHEET}'!{xl_range_abs(1, column, len(names), column)}"
        offer_list(sheet, (first, _VALUE, first + count - 1, _VALUE), source, question, asks=len(names) > 1)
        first += count


def _cells(row: WordRow, exists: Mapping[str, Sequence[str]]) -> tuple[str | int, ...]:
    listed = first_few(exists.get(row.kind, ()), _MOST_NAMED, text=lambda name: shortened(name, _LONGEST_NAME))
    return row.kind, row.word, row.count, row.value, row.proposal, listed


def words_text(rows: Sequence[WordRow], width: int) -> str:
    """The table for a terminal, at most ``width`` columns wide, without the choices."""
    lines = [(row.kind, row.word, f"{row.count:,}", row.value, row.proposal) for row in rows]
    table = [TITLES[:-1], *lines]
    room = [min(max(columns_of(line[place]) for line in table), _WIDEST) for place in range(len(TITLES) - 1)]
    shown = []
    for line in table:
        cells = [cut(" ".join(cell.split()), most, mark="…") for cell, most in zip(line, room, strict=True)]
        cells[2] = line[2].rjust(room[2])
        shown.append(cut(in_columns(cells, room).rstrip(), width, mark="…"))
    return "\n".join(shown)
