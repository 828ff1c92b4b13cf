"""Numbers as a person sees them: Excel's number formats (ECMA-376, part 18.8.31), dates and times.

A format changes how a number is written here only if the bare number would lose something: leading zeros, a plus,
a percent sign, text between or around the digits (``00000``, ``+0``, ``0%``, ``"C-"0``). ``0.00``, ``#,##0``, and
money give the bare number, so that amounts are not rounded. Dates are written as in ISO 8601, in whatever order the
format has day and month.
"""

import datetime as dt
import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache

_EXACT = 2**53  # every whole number up to here is exact in a workbook's floating point
_MOST_DIGITS = 10**15  # a spreadsheet program keeps 15 digits
_SMALL = 1e-6  # smaller numbers are written with an exponent
_LAST_DAY = 2_958_466  # the day after 9999-12-31
_DAY = 24 * 60 * 60
_TOKEN = re.compile(
    r"""\\(?P<escaped>.) | "(?P<quoted>[^"]*)"? | [_*](?P<width>.)? | \[(?P<bracket>[^\[\]]*)\]
    | (?P<word>general|am/pm|a/p|e[+-]) | (?P<plain>.)""",
    re.DOTALL | re.VERBOSE | re.IGNORECASE,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?\d+(?:\.\d*)?(?:e[+-]?\d+)?)", re.IGNORECASE)
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "<>": operator.ne,
}
# Formats that SpreadsheetML and web pages name.
_NAMED = {
    **dict.fromkeys(("long date", "medium date", "short date"), "yyyy-mm-dd"),
    **dict.fromkeys(("long time", "medium time", "short time"), "h:mm:ss"),
    "general date": "yyyy-mm-dd h:mm",
    "general number": "General",
    "fixed": "0.00",
    "standard": "#,##0.00",
    "percent": "0.00%",
    "scientific": "0.00E+00",
    "currency": "#,##0.00",
    "euro currency": "#,##0.00",
    "yes/no": '"Yes";"Yes";"No"',
    "true/false": '"True";"True";"False"',
    "on/off": '"On";"On";"Off"',
}
_ELAPSED = re.compile(r"h+|m+|s+", re.IGNORECASE)
_PUNCTUATION = frozenset("-/():+ \u00a0")  # plain characters between the digits of IDs and phone numbers


@dataclass(frozen=True)
class _Section:
    """One of a format's sections. ``parts``: (True, the sign) for a digit, (False, the text) between them.

    ``kind``: ``general``, ``digits``, ``number`` (one with decimals, thousands, an exponent, a fraction), ``percent``,
    ``date``, ``elapsed``, ``words`` (nothing but a text, such as "Yes"), or ``text``.
    """

    kind: str
    parts: tuple[tuple[bool, str], ...]
    condition: tuple[str, float] | None

    @property
    def shows_more(self) -> bool:
        """Whether it shows more of a whole number than its digits."""
        if self.kind != "digits":
            return False
        digits = [place for place, (is_digit, _) in enumerate(self.parts) if is_digit]
        texts = [text for is_digit, text in self.parts if not is_digit]
        between = [text for is_digit, text in self.parts[digits[0] : digits[-1]] if not is_digit]
        return (
            self.parts.count((True, "0")) >= 2
            or any(char.isalnum() or char == "+" for text in texts for char in text)
            or any(text.strip() for text in between)
        )


@lru_cache(maxsize=100_000)
def shown(value: float, number_format: str, *, since_1904: bool = False) -> str:
    """A number as text by its format. ``since_1904``: the workbook's days count from 1904-01-01."""
    if not math.isfinite(value):
        return ""
    section = _section(value, number_format)
    if section.kind in {"date", "elapsed"}:
        text = _elapsed(value) if section.kind == "elapsed" else moment_text(value, since_1904=since_1904)
        return text or number_text(value)
    if section.kind in {"percent", "words"}:
        return percent_text(value) if section.kind == "percent" else "".join(text for _, text in section.parts)
    if value != int(value) or section.kind in {"general", "text"}:
        return number_text(value)
    if value >= 0 and section.shows_more:
        return _filled(_digits(value), section.parts)
    return _digits(value)


def is_rounded(value: float) -> bool:
    """Whether a whole number lost digits: a spreadsheet program keeps 15 and replaces the others with zeros."""
    if not _MOST_DIGITS <= abs(value) < math.inf or value != int(value):
        return False
    return abs(value) > _EXACT or int(float(f"{value:.15g}")) == value


def is_plain(number_format: str) -> bool:
    """Whether a format shows every number as without one."""
    return all(section.kind == "general" for section in _sections(number_format))


def is_unseen(number_format: str) -> bool:
    """Whether a format shows nothing, whatever the cell has."""
    return number_format.replace('""', "").strip() == ";;;"


def named_format(number_format: str) -> str:
    """The code of a format that may be given by its name, such as ``Short Date``."""
    return _NAMED.get(number_format.strip().casefold(), number_format)


def number_text(value: float) -> str:
    """A number without format: whole ones without a decimal point, others with the 15 digits that are shown."""
    if value.is_integer() and abs(value) <= _EXACT:
        return str(int(value))
    text = f"{value:.15g}" if not value.is_integer() else repr(float(value))
    if "e-" in text and abs(value) >= _SMALL:
        text = f"{Decimal(text):f}"
    return text if math.isfinite(value) else ""


def percent_text(value: float) -> str:
    """A share as a percentage, without rounding: 0.075 is 7.5%."""
    return f"{number_text(value * 100)}%"


def moment_text(days: float, *, since_1904: bool = False) -> str:
    """A date, a time of day, or both, by days since 1899-12-31 or 1904-01-01; blank if there is no such date.

    Less than a day is a time of day.
    """
    days += 1462 * (since_1904 and not 0 <= days < 1)
    seconds = round(days * _DAY) if 0 <= days < _LAST_DAY else _LAST_DAY * _DAY
    if seconds >= _LAST_DAY * _DAY:
        return ""
    day, second = divmod(seconds, _DAY)
    clock = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
    if day == 0:
        return clock
    # Excel counts a day that did not exist: 1900-02-29.
    date = (dt.date(1899, 12, 31 if day < 60 else 30) + dt.timedelta(days=day)).isoformat()
    return f"{date} {clock}" if second else date


def duration_text(seconds: int) -> str:
    """Elapsed time in hours, minutes, and seconds."""
    minutes, second = divmod(abs(seconds), 60)
    return f"{'-' if seconds < 0 else ''}{minutes // 60}:{minutes % 60:02}:{second:02}"


def _elapsed(days: float) -> str:
    return duration_text(round(days * _DAY)) if abs(days) < _LAST_DAY else ""


def _digits(value: float) -> str:
    """A whole number without an exponent; digits that a workbook cannot hold are zeros, as they are shown."""
    exact = abs(value) <= _EXACT
    return str(int(value)) if exact else f"{Decimal(f'{value:.15g}'):f}"


def _filled(digits: str, parts: tuple[tuple[bool, str], ...]) -> str:
    """Digits put into a format: 21380001 into ``00000-0000`` is ``02138-0001``."""
    places = [sign for is_digit, sign in parts if is_digit]
    digits = digits.zfill(places.count("0"))
    surplus = max(0, len(digits) - len(places))
    missing = max(0, len(places) - len(digits))
    following = iter([""] * missing + [digits[: surplus + 1], *digits[surplus + 1 :]])  # surplus digits come first
    return "".join([next(following) if is_digit else text for is_digit, text in parts])


def _section(value: float, number_format: str) -> _Section:
    """The section by which a number is shown."""
    sections = _sections(number_format)[:3]
    conditions = [section.condition for section in sections[:2]]
    if any(conditions):
        for section in sections[:2]:
            if section.condition and _COMPARE[section.condition[0]](value, section.condition[1]):
                return section
        return sections[2 if len(sections) == 3 and all(conditions) else min(1, len(sections) - 1)]
    if value < 0 and len(sections) > 1:
        return sections[1]
    return sections[2] if value == 0 and len(sections) > 2 else sections[0]


@cache
def _sections(number_format: str) -> tuple[_Section, ...]:
    tokens: list[list[re.Match[str]]] = [[]]
    for token in _TOKEN.finditer(number_format):
        if token["plain"] == ";":
            tokens.append([])
        else:
            tokens[-1].append(token)
    return tuple(map(_read_section, tokens))


def _read_section(tokens: list[re.Match[str]]) -> _Section:
    parts: list[tuple[bool, str]] = []
    condition = None
    signs = ""  # those that mean something
    for token in tokens:
        bracket, plain = token["bracket"], token["plain"]
        if bracket is not None:
            if limit := _CONDITION.fullmatch(bracket):
                condition = limit[1], float(limit[2])
            elif _ELAPSED.fullmatch(bracket):
                signs += "["
            elif bracket.startswith("$"):  # a currency or text, and a language: [$€-407]
                parts.append((False, bracket[1:].partition("-")[0]))
        elif plain is not None and plain in "0#?":
            parts.append((True, plain))
        elif plain is not None and plain not in _PUNCTUATION:
            signs += plain.lower()
        elif token["word"]:
            signs += {"g": "G", "a": "h", "e": "E"}[token["word"][0].lower()]
        else:
            parts.append((False, token["escaped"] or token["quoted"] or plain or ""))
    return _Section(_kind(signs, parts), tuple(parts), condition)


def _kind(signs: str, parts: list[tuple[bool, str]]) -> str:
    has_digits = any(is_digit for is_digit, _ in parts)
    if "G" in signs or not (signs or parts):
        return "general"
    if "[" in signs:
        return "elapsed"
    if any(sign in "ymdhsgeb" for sign in signs) and "E" not in signs:
        return "date"
    if "@" in signs or not has_digits:
        return "words" if any(char.isalnum() for _, text in parts for char in text) and not signs else "text"
    if "%" in signs:
        return "percent"
    is_fraction = (False, "/") in parts and (True, "?") in parts
    return "number" if signs or is_fraction else "digits"
