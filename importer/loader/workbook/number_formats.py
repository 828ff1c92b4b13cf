"""Numbers of workbooks as a person sees them: leading zeros and texts that are only a format."""

import math
import re
from collections.abc import Sequence
from decimal import Decimal
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["number_text", "number_texts", "shown_number", "telling_format", "zero_filled"]

_EXACT = 2**53  # every whole number up to here is exact in a workbook's floating point
_MOST_DIGITS = 1e15
_SMALL = 1e-6  # smaller numbers are written with an exponent, as Arrow does it
_ZEROS = re.compile(r"(?:\[\$?[^\]]*\])?((?:[0#?]|\\.|[-/ ()+.]|_.|\*.|\"[^\"]*\")+)(?:;.*)?", re.DOTALL)
_PART = re.compile(r"[0#?]|\\(.)|\"([^\"]*)\"|_.|\*.|(.)", re.DOTALL)


def number_text(value: float) -> str:
    """A number without format: whole ones without a decimal point, others with the 15 digits that are shown."""
    if value.is_integer() and abs(value) <= _EXACT:
        return str(int(value))
    text = f"{value:.15g}" if not value.is_integer() else repr(value)
    if "e-" in text and abs(value) >= _SMALL:
        text = f"{Decimal(text):f}"
    return text if math.isfinite(value) else ""


def number_texts(values: Sequence[float]) -> pa.Array:
    """As :func:`number_text`, many times as fast: few numbers are not written alike by Arrow."""
    numbers = np.array(values, dtype=np.float64)
    whole = (np.abs(numbers) <= _EXACT) & (numbers == np.floor(numbers))
    texts = pc.if_else(
        pa.array(whole),
        pa.array(np.where(whole, numbers, 0).astype(np.int64)).cast(pa.string()),
        pa.array(numbers).cast(pa.string()),
    )
    if whole.all():
        return texts
    other = pc.or_(pc.greater(pc.binary_length(texts), 16), pc.match_substring_regex(texts, "[^-.0-9]"))
    unsure = other.to_numpy(zero_copy_only=False) & ~whole
    words = [number_text(values[index]) for index in np.flatnonzero(unsure).tolist()]
    return pc.replace_with_mask(texts, pa.array(unsure), pa.array(words, pa.string()))


def shown_number(text: str, form: str) -> str:
    """A number written as text (``2138``, ``4.155E9``) by a number format; as it is where it is no number."""
    try:
        value = float(text)
    except ValueError:
        return text
    if telling_format(form) and value.is_integer() and 0 <= value < _MOST_DIGITS:
        return zero_filled(int(value), form)
    return text if text.isdecimal() else number_text(value)


@cache
def telling_format(form: str) -> bool:
    """Whether a format shows more of a whole number than its digits: zeros in front, or signs between and around.

    ``00000`` and ``"C-"0`` do; ``0.00``, ``#,##0`` and formats of money and dates don't.
    """
    match = _ZEROS.fullmatch(form)
    if match is None:
        return False
    parts = _parts(form)
    if "." in re.sub(r'\\.|"[^"]*"', "", match[1]):
        return False
    zeros = sum(part == "0" for kind, part in parts if kind)
    letters = any(char.isalnum() for kind, part in parts if not kind for char in part)
    return any(kind for kind, _ in parts) and (zeros >= 2 or letters)


def zero_filled(value: int, form: str) -> str:
    """A whole number by a format of zeros: 21380001 by ``00000-0000`` is ``02138-0001``."""
    parts = _parts(form)
    places = [part for kind, part in parts if kind]
    digits = str(value).zfill(places.count("0"))
    surplus = max(0, len(digits) - len(places))
    missing = max(0, len(places) - len(digits))
    following = iter(["" for _ in range(missing)] + [digits[: surplus + 1], *digits[surplus + 1 :]])
    return "".join([next(following) if kind else part for kind, part in parts])


@cache
def _parts(form: str) -> tuple[tuple[bool, str], ...]:
    """A format's first section: (True, the sign) for each digit, and (False, the text) for what stands between."""
    match = _ZEROS.fullmatch(form)
    assert match is not None
    return tuple(
        (True, part[0]) if part[0] in "0#?" else (False, part[1] or part[2] or part[3] or "")
        for part in _PART.finditer(match[1])
    )
