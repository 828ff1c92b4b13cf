"""What a sheet shows instead of its cells' bare values: number formats, error values, hidden rows and columns."""

import datetime as dt
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any, NamedTuple

_EXACT = 2**53  # every whole number up to here is exact in a workbook's floating point
_MOST_DIGITS = 1e15  # larger numbers have lost their last digits
_SMALL = 1e-6  # smaller numbers are written with an exponent
_FORMAT = re.compile(r"(?:\[\$?[^\]]*\])?((?:[0#?]|\\.|[-/ ()+.]|_.|\*.|\"[^\"]*\")+)(?:;.*)?", re.DOTALL)
_TOKEN = re.compile(r"[0#?]|\\(.)|\"([^\"]*)\"|_.|\*.|(.)", re.DOTALL)


class ShownCell(NamedTuple):
    """A cell at a place (from 0) that shows a text, or a number by a format."""

    row: int
    column: int
    text: str = ""
    number_format: str = ""


@dataclass
class SheetDisplay:
    """How a sheet looks; all places count from 0.

    ``cells``: in ascending order, those that show more than the digits of a number, or that have a text but no value,
    such as ``#N/A``. ``merged``: (first row, first column, last row, last column) of each merged block.
    """

    cells: list[ShownCell] = field(default_factory=list)
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[int] = field(default_factory=list)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)


def apply_display(columns: list[list[Any]], cells: Sequence[ShownCell], first_row: int) -> None:
    """Put what is shown in place of the values in ``columns``, the first of whose rows is ``first_row``."""
    for row, place, text, number_format in cells:
        if place >= len(columns) or row - first_row >= len(columns[place]):
            continue
        value = columns[place][row - first_row]
        is_number = type(value) in {int, float}  # a bool is not a number here
        if number_format:
            if is_number and 0 <= value < _MOST_DIGITS and value == int(value):
                columns[place][row - first_row] = format_number(int(value), number_format)
        elif is_number or value == "":
            columns[place][row - first_row] = text


@lru_cache(maxsize=100_000, typed=True)
def cell_text(value: Any) -> str:
    """A value of any type other than text as a person sees it without a format; dates as ISO 8601."""
    match value:
        case bool():
            return "TRUE" if value else "FALSE"
        case float():
            return number_text(value)
        case dt.datetime():
            return value.date().isoformat() if value.time() == dt.time() else value.isoformat(" ", "seconds")
        case dt.time():
            return value.isoformat("seconds")
        case dt.timedelta():
            minutes, seconds = divmod(round(value.total_seconds()), 60)
            return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    return str(value)


def number_text(value: float) -> str:
    """A number without format: whole ones without a decimal point, others with the 15 digits that are shown."""
    if value.is_integer() and abs(value) <= _EXACT:
        return str(int(value))
    text = f"{value:.15g}" if not value.is_integer() else repr(value)
    if "e-" in text and abs(value) >= _SMALL:
        text = f"{Decimal(text):f}"
    return text if math.isfinite(value) else ""


def shown_number(text: str, number_format: str) -> str:
    """A number written as text (``2138``, ``4.155E9``) by a number format; unchanged if it is not a number."""
    try:
        value = float(text)
    except ValueError:
        return text
    if shows_more(number_format) and value.is_integer() and 0 <= value < _MOST_DIGITS:
        return format_number(int(value), number_format)
    return text if text.isdecimal() else number_text(value)


@cache
def shows_more(number_format: str) -> bool:
    """Whether a format shows more of a whole number than its digits: leading zeros, or text between or around them.

    ``00000`` and ``"C-"0`` do; ``0.00``, ``#,##0`` and formats of money and dates don't.
    """
    match = _FORMAT.fullmatch(number_format)
    if match is None or "." in re.sub(r'\\.|"[^"]*"', "", match[1]):
        return False
    tokens = _tokens(number_format)
    digits = [text for is_digit, text in tokens if is_digit]
    has_text = any(char.isalnum() for is_digit, text in tokens if not is_digit for char in text)
    return bool(digits) and (digits.count("0") >= 2 or has_text)


@lru_cache(maxsize=100_000)
def format_number(value: int, number_format: str) -> str:
    """A whole number by a format that :func:`shows_more`: 21380001 by ``00000-0000`` is ``02138-0001``."""
    tokens = _tokens(number_format)
    places = [text for is_digit, text in tokens if is_digit]
    digits = str(value).zfill(places.count("0"))
    surplus = max(0, len(digits) - len(places))
    missing = max(0, len(places) - len(digits))
    following = iter([""] * missing + [digits[: surplus + 1], *digits[surplus + 1 :]])  # surplus digits come first
    return "".join([next(following) if is_digit else text for is_digit, text in tokens])


@cache
def _tokens(number_format: str) -> tuple[tuple[bool, str], ...]:
    """A format's first section: (True, the sign) for each digit, and (False, the text) for what is between them."""
    match = _FORMAT.fullmatch(number_format)
    assert match is not None
    return tuple(
        (True, token[0]) if token[0] in "0#?" else (False, token[1] or token[2] or token[3] or "")
        for token in _TOKEN.finditer(match[1])
    )
