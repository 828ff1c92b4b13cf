"""What a sheet shows where its bare values say less: number formats, error values, hidden rows and columns."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from importer.loader.numbers import zero_filled

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
