"""Changes in format only, which a spreadsheet makes on its own, such as ``0017`` → ``17``."""

import re
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation

from importer.cell_text import BLANKS

_WORDS = {  # true and false as spreadsheets of several languages show them
    **dict.fromkeys(("true", "wahr", "vrai", "verdadero", "vero", "verdadeiro"), "true"),
    **dict.fromkeys(("false", "falsch", "faux", "falso"), "false"),
}
_NUMBER = re.compile(r"[+-]?\d[\d.,'\u00a0\u202f ]*(?:e[+-]?\d+)?%?", re.IGNORECASE)
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:([.,'\u00a0\u202f ])\d{3})(?:\1\d{3})*(?:[.,]\d+)?")
_NAMES = "jan feb mar apr may jun jul aug sep oct nov dec".split()  # noqa: SIM905 - as short as it gets
_DATE = re.compile(
    r"(\d{1,4}|[a-z]{3,9})[-/. ]+(\d{1,2}|[a-z]{3,9})(?:[-/., ]+(\d{2,4}))?(?:[t ]+0{1,2}:00(?::00(?:\.0+)?)?)?"
)
_FIRST_DAY = date(1899, 12, 30)  # day 0 of a spreadsheet's calendar
_DAYS = range(367, 80_000)  # 1901 to 2119 in a spreadsheet's calendar


def only_format(before: str, after: str) -> bool:
    """Whether two different texts may be the same value, reformatted by a spreadsheet.

    Spreadsheets drop zeros, plus signs, and separators; cut numbers to 15 digits or write them with an exponent; write
    true and false in capitals or in a different language; and write dates in a different order or as a number of days.
    """
    first, second = (text.strip(BLANKS).casefold() for text in (before, after))
    if not first or not second or before == after:
        return False
    if first in _WORDS and _WORDS[first] == _WORDS.get(second):
        return True
    if _numbers(first) & _numbers(second) or _rounded(first, second):
        return True
    return any(
        one[1:] == other[1:] and (one[0] == other[0] or one[0] is None)
        for one in _dates(first)
        for other in _dates(second)
    )


def loosely(text: str) -> str:
    """A text in a form that stays the same if a spreadsheet reformats the cell, and differs for different values."""
    plain = text.strip(BLANKS).casefold()
    if plain in _WORDS:
        return _WORDS[plain]
    found = _numbers(plain)
    return str(min(found)) if found else plain


def _numbers(text: str) -> set[Decimal]:
    """The numbers that a text can mean: a comma or a period may be a decimal sign or a thousands separator."""
    if not _NUMBER.fullmatch(text):
        return set()
    plain, scale = re.sub(r"['\u00a0\u202f ]", "", text.removesuffix("%")), Decimal(100 if text.endswith("%") else 1)
    forms = {plain.replace(",", "."), plain.replace(".", "").replace(",", "."), plain.replace(",", "")}
    if not _GROUPED.fullmatch(text):
        forms = {plain.replace(",", ".")}
    found = set()
    for form in forms:
        try:
            found.add((Decimal(form) / scale).normalize())
        except InvalidOperation:
            continue
    return found


def _rounded(first: str, second: str) -> bool:
    """Whether a long number lost its digits after the 15th, or is written with an exponent (``4.11111E+15``)."""
    digits = re.sub(r"\D", "", first).lstrip("0")
    if len(digits) < 11 or not re.fullmatch(r"[+\d\s.,-]+", first):
        return False
    for number in _numbers(second):
        kept = "".join(map(str, number.as_tuple().digits)).rstrip("0")
        fits = len(kept) >= 3 and number.adjusted() + 1 == len(digits)
        if fits and abs(int(digits[: len(kept)]) - int(kept)) <= 1:  # the last digit kept may be rounded
            return True
    return False


def _dates(text: str) -> set[tuple[int | None, int, int]]:
    """The days that a text can mean, as (year, month, day); the year is None if the text has none."""
    if re.fullmatch(r"\d{3,5}(?:\.0+)?", text) and int(float(text)) in _DAYS:
        counted = _FIRST_DAY + timedelta(days=int(float(text)))
        return {(counted.year, counted.month, counted.day)}
    match = _DATE.fullmatch(text)
    if match is None:
        return set()
    parts = [_part(part) for part in match.groups() if part is not None]
    found: set[tuple[int | None, int, int]] = set()
    if len(parts) == 2:  # such as 3-5, which becomes a day of this year
        return {(None, month, day) for month, day in (parts, parts[::-1]) if _is_day(2000, month, day)}
    first, second, third = parts
    for year, month, day in ((first, second, third), (third, first, second), (third, second, first)):
        full = year + (2000 if year < 30 else 1900) if year < 100 else year
        if _is_day(full, month, day):
            found.add((full, month, day))
    return found


def _part(text: str) -> int:
    return int(text) if text.isdigit() else _NAMES.index(text[:3]) + 1 if text[:3] in _NAMES else 0


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        return bool(date(year, month, day))
    except ValueError:
        return False
