"""What the value of an option may be, and how it is read.

A value is text from a flag or a variable, a TOML value from a config file, JSON from a plan or a ledger, or what Python
hands in. A reader takes each of them and returns the one form that the program works with; what it returned it takes
again. It raises :class:`ValueError` or :class:`TypeError` with a sentence that says what to give.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = [
    "Reader",
    "Share",
    "choice",
    "duration",
    "flag",
    "number",
    "path",
    "pattern",
    "size",
    "text",
    "texts",
    "whole",
    "word_for_none",
]

Reader = Callable[[Any], Any]


@dataclass(frozen=True)
class Share:
    """A limit given as a number of customers (``20``) or as a share of them (``5%``)."""

    number: float
    percent: bool

    @classmethod
    def parse(cls, given: Any) -> "Share":
        """Read ``"20"`` or ``"5%"``. Raises :class:`ValueError`."""
        if isinstance(given, Share):
            return given
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(%?)\s*", _written(given), re.ASCII)
        if match is None or (not match[2] and "." in match[1]) or (match[2] and float(match[1]) > 100):
            raise ValueError("Give a number or a share, such as 20 or 5%.")
        return cls(float(match[1]), bool(match[2]))

    def passed_by(self, count: int, total: int) -> bool:
        """True when ``count`` of ``total`` is more than the limit allows."""
        return count > (self.number / 100 * total if self.percent else self.number)

    def __str__(self) -> str:
        return f"{self.number:g}{'%' if self.percent else ''}"


def _written(given: Any) -> str:
    """A number or a text as text; ``""`` for anything else, true and false included."""
    return str(given) if isinstance(given, int | float | str) and not isinstance(given, bool) else ""


def whole(most: int) -> Reader:
    """A whole number from 1 to ``most``."""

    def read(given: Any) -> int:
        match = re.fullmatch(r"\s*\+?(\d{1,18})\s*", _written(given), re.ASCII)
        if match is None or not 1 <= int(match[1]) <= most:
            raise ValueError(f"Give a whole number from 1 to {most:,}.")
        return int(match[1])

    return read


def number(most: float, unit: str, *, zero: bool = False) -> Reader:
    """A number above 0, or with ``zero`` from 0 on, up to ``most``."""

    def read(given: Any) -> float:
        try:
            found = float(_written(given))
        except ValueError:
            found = math.nan
        if not (0 < found <= most or (zero and found == 0)):
            raise ValueError(f"Give a number of {unit} {'from 0' if zero else 'above 0, up'} to {most:,.0f}.")
        return found

    return read


_DURATION = re.compile(r"\s*(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?\s*", re.ASCII)


def duration(given: Any) -> float:
    """``"90m"``, ``"2h"``, ``"1h30m"`` or a number of seconds → seconds, up to a year of them."""
    match = _DURATION.fullmatch(_written(given).lower())
    parts = zip(match.groups(), (3600.0, 60.0, 1.0), strict=True) if match else ()
    seconds = sum(float(amount) * unit for amount, unit in parts if amount)
    if not 0 < seconds <= 365 * 86_400:
        raise ValueError("Give a length of time such as 90m, 2h, 1h30m or 5400 (seconds), at most a year.")
    return seconds


def size(given: Any) -> int:
    """``"1GiB"``, ``"800 MB"`` or a number of bytes → bytes."""
    match = re.fullmatch(r"\s*(\d{1,18}(?:\.\d+)?)\s*(?:([kmgt])(i?)b?|b)?\s*", _written(given).lower(), re.ASCII)
    if match is None or not float(match[1]):
        raise ValueError("Give a size of memory such as 1GiB, 800MB or 1500000000 (bytes).")
    base = 1024 if match[3] else 1000
    return int(float(match[1]) * base ** (" kmgt".index(match[2] or " ")))


def word_for_none(word: str, reader: Reader) -> Reader:
    """What ``reader`` takes, or ``word``, which stands for None."""

    def read(given: Any) -> Any:
        if isinstance(given, str) and given.strip().lower() == word:
            return None
        try:
            return reader(given)
        except ValueError as error:
            raise ValueError(f"{str(error).rstrip('.')}, or {word}.") from None

    return read


def text(given: Any) -> str:
    """Text; a number is taken for its digits."""
    found = _written(given)
    if (not found and given != "") or "\0" in found:
        raise ValueError("Give text.")
    return found


def texts(given: Any) -> tuple[str, ...]:
    """One text or several."""
    if isinstance(given, str):
        return (text(given),)
    if not isinstance(given, list | tuple | set | frozenset):
        raise TypeError("Give a list of texts.")
    return tuple(map(text, given))


def path(given: Any) -> Path:
    """A path."""
    return given if isinstance(given, Path) else Path(text(given))


def flag(given: Any) -> bool:
    """Yes or no."""
    if not isinstance(given, bool):
        raise TypeError("Give true or false.")
    return given


def choice(*words: str) -> Reader:
    """One of these words."""

    def read(given: Any) -> str:
        word = _written(given).strip().lower()
        if word not in words:
            raise ValueError(f"Give one of {', '.join(words)}.")
        return word

    return read


def pattern(form: str, hint: str, change: Callable[[str], str] = str) -> Reader:
    """A text that is, once ``change`` was made to it, as the regular expression ``form`` wants it."""
    expression = re.compile(form, re.ASCII)

    def read(given: Any) -> str:
        found = change(given) if isinstance(given, str) else ""
        if not expression.fullmatch(found):
            raise ValueError(hint)
        return found

    return read
