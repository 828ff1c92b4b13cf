"""What a sheet shows where its bare values say less: number formats, error values, hidden rows and columns."""

import itertools
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from importer.loader.workbook.number_formats import zero_filled

__all__ = ["Appearance", "apply_shown"]

_NUMBERS = (int, float)  # and no bool, which is one, too
_MOST = 1e15  # larger numbers have lost their last digits


@dataclass(frozen=True)
class Appearance:
    """All places count from 0.

    ``texts``: (row, column, text) of cells that have no value but a text, such as ``#N/A``. ``formats``: number format
    → column → rows of the cells that have it; only formats that show more than a number's digits. ``shown``: column →
    row → text, where the file itself says what a number looks like. ``merged``: (first row, first column, last row,
    last column) of each merged block, where calamine does not tell.
    """

    texts: Sequence[tuple[int, int, str]] = ()
    formats: Mapping[str, Mapping[int, Sequence[int]]] = field(default_factory=dict)
    shown: Mapping[int, Mapping[int, str]] = field(default_factory=dict)
    hidden_rows: tuple[int, ...] = ()
    hidden_columns: tuple[int, ...] = ()
    merged: tuple[tuple[int, int, int, int], ...] = ()

    def in_order(self) -> "Appearance":
        """The same, places by their rows: files may tell them in any order."""
        formats = {
            form: {place: sorted(rows) for place, rows in places.items()} for form, places in self.formats.items()
        }
        return replace(self, texts=sorted(self.texts), formats=formats)

    def within(self, start: int, end: int) -> "Appearance":
        """What cells of some rows show, as if the first of these rows were the sheet's first one; needs an order."""
        if not (self.texts or self.formats or self.shown):
            return self
        low, high = (bisect_left(self.texts, (row,)) for row in (start, end))
        return Appearance(
            texts=[(row - start, place, text) for row, place, text in self.texts[low:high]],
            formats={
                form: {
                    place: [row - start for row in rows[bisect_left(rows, start) : bisect_left(rows, end)]]
                    for place, rows in places.items()
                }
                for form, places in self.formats.items()
            },
            shown={
                place: {row - start: texts[row] for row in range(start, end) if row in texts}
                for place, texts in self.shown.items()
            },
        )


def apply_shown(columns: list[list[Any]], appearance: Appearance) -> None:
    """Put what is shown in place of the values, in ``columns`` itself; places beyond it are left alone."""
    for row, place, text in appearance.texts:
        if place < len(columns) and row < len(columns[place]) and columns[place][row] == "":
            columns[place][row] = text
    for form, places in appearance.formats.items():
        for place, rows in places.items():
            if place < len(columns):
                _format(columns[place], rows, form)
    for place, texts in appearance.shown.items():
        for row, text in texts.items() if place < len(columns) else ():
            if row < len(columns[place]) and type(columns[place][row]) in _NUMBERS:
                columns[place][row] = text


def _format(column: list[Any], rows: Sequence[int], form: str) -> None:
    """Each distinct value is put into words once."""
    inside = list(itertools.takewhile(lambda row: row < len(column), rows))
    values = {value for row in inside if type(value := column[row]) in _NUMBERS}
    texts = {value: zero_filled(int(value), form) for value in values if 0 <= value < _MOST and value == int(value)}
    for row in inside:
        value = column[row]
        if type(value) in _NUMBERS:
            column[row] = texts.get(value, value)
