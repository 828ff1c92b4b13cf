"""Whole-column rules. Each takes a text column and gives a boolean Arrow array: True where the value may stand.

A rule about a value's *form* (phone, e-mail, code) passes values that are unprintable or too long: those have their
own rule, and one fault should give one problem.
"""

import re
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pycountry
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

__all__ = [
    "ANY_CONTROL",
    "country_codes",
    "country_names",
    "is_country",
    "is_email",
    "is_filled",
    "is_one_line",
    "is_phone",
    "is_printable",
    "is_type",
    "is_uuid",
    "is_whole_composite_id",
    "is_whole_number",
    "keeps_its_letters",
    "no_longer_than",
]

_LINE_BREAK = r"[\t\n\x0b\x0c\r\x85\x{2028}\x{2029}]"
_CONTROL = r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]"
ANY_CONTROL = f"{_LINE_BREAK}|{_CONTROL}"
_PHONE = r"^\+[1-9][0-9]{1,14}$"
_UUID = r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"
_SCIENTIFIC = r"[0-9]([.,][0-9]+)?[Ee][+-][0-9]{2,3}"

# Within 64 characters, a subset of what email-validator takes (a test holds one against the other).
_PLAIN_EMAIL = r"^[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*@([A-Za-z0-9]+(-[A-Za-z0-9]+)*\.)+"
_USUAL_ENDING = "(com|org|net|edu|gov|info|biz|[A-Za-z]{2})$"  # of no special domain, which saves most a second pattern
_ANY_ENDING = "[A-Za-z]{2,}$"
_SPECIAL_DOMAIN = rf"(?i)[@.]({'|'.join(re.escape(name) for name in SPECIAL_USE_DOMAIN_NAMES)})$"
# What email-validator never takes as long as quoted names and addresses by number are not allowed: no @ or several, a
# stray dot, a space or separator, a domain without a dot or with other marks than a hyphen. A dirty file has many.
_HOPELESS_EMAIL = r"^[^@]*$|@.*@|[ ,;]|^[@.]|[@.]$|\.[@.]|@\.|@[\x21-\x2d\x2f-\x7e]*$|@.*[!-,/:-@\[-`{-~]"
_REPLACEMENT_BYTE = 0xEF  # the first UTF-8 byte of U+FFFD
_CONTROL_BYTES = (0x7F, 0xC2, 0xE2)  # DEL, and the first UTF-8 bytes of U+0080 to U+009F and of U+2028, U+2029


def is_filled(texts: pa.Array) -> pa.Array:
    """Something other than white space."""
    return pc.not_equal(pc.utf8_trim_whitespace(texts), "")


def no_longer_than(texts: pa.Array, limit: int) -> pa.Array:
    """At most ``limit`` characters (code points, not bytes, of which there are as many or more)."""
    if (pc.max(pc.binary_length(texts)).as_py() or 0) <= limit:
        return pa.repeat(pa.scalar(True), len(texts))
    return pc.less_equal(pc.utf8_length(texts), limit)


def is_printable(texts: pa.Array) -> pa.Array:
    """No control characters apart from line breaks and tabs."""
    return pc.invert(_matches_control(texts, _CONTROL))


def is_one_line(texts: pa.Array) -> pa.Array:
    """No line breaks or tabs."""
    return pc.invert(_matches_control(texts, _LINE_BREAK))


def keeps_its_letters(texts: pa.Array) -> pa.Array:
    """No U+FFFD, the mark of a letter that was lost when text was read with the wrong encoding."""
    if not _has_byte(texts, _REPLACEMENT_BYTE):
        return pa.repeat(pa.scalar(True), len(texts))
    return pc.invert(pc.match_substring(texts, "\ufffd"))


def is_whole_number(texts: pa.Array) -> pa.Array:
    """Not a number that a spreadsheet shortened to ``1.23E+05``."""
    return _without_exponent(texts, f"^{_SCIENTIFIC}$")


def is_whole_composite_id(texts: pa.Array) -> pa.Array:
    """As :func:`is_whole_number`, for an id that may be several parts joined by ``-``."""
    return _without_exponent(texts, f"(^|-){_SCIENTIFIC}(-|$)")


def _without_exponent(texts: pa.Array, pattern: str) -> pa.Array:
    """Where a pattern of numbers with exponents does not match; most columns hold no ``E+`` nor ``e-`` at all."""
    data = np.frombuffer(texts.buffers()[2] or b"", dtype=np.uint8)
    letter, sign = (data[:-1] | 0x20) == ord("e"), data[1:]
    if not (letter & ((sign == ord("+")) | (sign == ord("-")))).any():
        return pa.repeat(pa.scalar(True), len(texts))
    return pc.invert(pc.match_substring_regex(texts, pattern))


def is_phone(texts: pa.Array) -> pa.Array:
    """E.164."""
    return _sound_or(texts, pc.match_substring_regex(texts, _PHONE))


def is_uuid(texts: pa.Array) -> pa.Array:
    """A UUID in its usual form, in either case."""
    return _sound_or(texts, pc.match_substring_regex(texts, _UUID))


def is_type(texts: pa.Array) -> pa.Array:
    """``billing`` or ``shipping``."""
    return _sound_or(texts, pc.is_in(texts, value_set=pa.array(["billing", "shipping"])))


def is_country(texts: pa.Array) -> pa.Array:
    """An ISO 3166-1 alpha-2 code in capitals."""
    return _sound_or(texts, pc.is_in(texts, value_set=country_codes()))


def is_email(texts: pa.Array) -> pa.Array:
    """What email-validator takes, without asking any server; it is asked only where a pattern cannot tell."""
    short = pc.less_equal(pc.utf8_length(texts), 64)
    passed = pc.and_(pc.match_substring_regex(texts, f"{_PLAIN_EMAIL}{_USUAL_ENDING}"), short)
    if pc.all(passed, min_count=0).as_py():
        return passed
    rest = pc.invert(passed)
    return pc.replace_with_mask(passed, rest, _is_unusual_email(texts.filter(rest)))


def _is_unusual_email(texts: pa.Array) -> pa.Array:
    special = pc.match_substring_regex(texts, _SPECIAL_DOMAIN)
    short = pc.less_equal(pc.utf8_length(texts), 64)
    plain = pc.and_(pc.match_substring_regex(texts, f"{_PLAIN_EMAIL}{_ANY_ENDING}"), pc.and_not(short, special))
    passed = _sound_or(texts, plain)
    left = texts.filter(pc.invert(passed))
    doubtful = pc.invert(
        pc.or_(pc.match_substring_regex(left, _SPECIAL_DOMAIN), pc.match_substring_regex(left, _HOPELESS_EMAIL))
    )
    asked = left.filter(doubtful).dictionary_encode()
    answers = pa.array(list(map(_is_deliverable, asked.dictionary.to_pylist())), pa.bool_()).take(asked.indices)
    verdicts = pc.replace_with_mask(pa.repeat(pa.scalar(False), len(left)), doubtful, answers)
    return pc.replace_with_mask(passed, pc.invert(passed), verdicts)


def _is_deliverable(text: str) -> bool:
    try:
        validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        return False
    return True


def _sound_or(texts: pa.Array, passed: pa.Array) -> pa.Array:
    if pc.all(passed, min_count=0).as_py():
        return passed
    unsound = pc.or_(_matches_control(texts, ANY_CONTROL), pc.greater(pc.utf8_length(texts), 255))
    return pc.or_(passed, unsound)


def _matches_control(texts: pa.Array, pattern: str) -> pa.Array:
    """Where a pattern of control characters matches; most columns have no byte that one could start with."""
    data = np.frombuffer(texts.buffers()[2] or b"\x00", dtype=np.uint8)
    if data.min() >= 0x20 and not any(_has_byte(texts, byte) for byte in _CONTROL_BYTES):
        return pa.repeat(pa.scalar(False), len(texts))
    return pc.match_substring_regex(texts, pattern)


def _has_byte(texts: pa.Array, byte: int) -> bool:
    data = np.frombuffer(texts.buffers()[2] or b"", dtype=np.uint8)
    return bool(data.max(initial=0) >= byte and (data == byte).any())  # most text has none as high


@cache
def country_codes() -> pa.Array:
    """Every ISO 3166-1 alpha-2 code."""
    return pa.array(sorted(country.alpha_2 for country in pycountry.countries))


@cache
def country_names() -> dict[str, str]:
    """Lower-case names and alpha-3 codes of countries → alpha-2 code, to suggest what was meant."""
    names: dict[str, str] = {}
    for country in pycountry.countries:
        known = (country.alpha_2, country.alpha_3, country.name, *(getattr(country, key, "") for key in _OTHER_NAMES))
        names |= {name.lower(): country.alpha_2 for name in known if name}
    return names


_OTHER_NAMES = ("official_name", "common_name")
