"""Texts as a person reads them: without encodings, full-width forms, invisible characters, and placeholders.

HTML entities, tags, and ``%20`` are decoded; unusual spaces and invisible characters are removed from keys.
Placeholders such as ``NULL`` and ``N/A`` count as blank in fields, but never in keys and IDs.
"""

import html
import re
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from html.entities import html5
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.mapping.columns import Mask, trim
from importer.mapping.transform_results import TransformResult, failures
from importer.records import Severity

# What a spreadsheet makes of a long number. Ids are checked more strictly, in validation.schemas: 1E5 may be one.
ROUNDED = re.compile(r"\d(?:[.,]\d+)?E[+-]?\d+", re.IGNORECASE)
# Spaces of other widths, and characters without width: soft hyphen, zero-width space, byte order mark, directions.
WIDE_SPACE = r"[\x{00a0}\x{1680}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}]"
INVISIBLE = r"[\x{00ad}\x{200b}\x{200e}\x{200f}\x{202a}-\x{202e}\x{2060}\x{2066}-\x{2069}\x{feff}]"
# In keys, also characters that only some scripts use, and joiners next to an ASCII character or at either end.
_IN_KEYS = (
    (r"[\x{034f}\x{061c}\x{180e}\x{2061}-\x{2064}\x{fe00}-\x{fe0f}]", ""),
    (r"(^|[\x00-\x7f])[\x{200c}\x{200d}]+", r"\1"),
    (r"[\x{200c}\x{200d}]+($|[\x00-\x7f])", r"\1"),
)
_WIDE = r"[\x{ff01}-\x{ff5e}\x{3000}]"
_NARROW = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}


# How programs write whole numbers that they store as decimals: 17.0, and long ones, in Java, 4.155550132E9. But
# ``1,000`` is one thousand.
WHOLE = r"(?:\.0+|,00?)$"
_WITH_EXPONENT = r"^[0-9]\.[0-9]+E(?:[7-9]|1[0-9])$"
_MOST_ZEROS = 3  # at the end of such a number; with more, it may be a rounded one


def narrow(values: pa.Array) -> pa.Array:
    """Replace full-width letters, digits, and punctuation with ASCII: in codes, phones, and email addresses."""
    if pc.all(pc.string_is_ascii(values), min_count=0).as_py():
        return values
    wide = pc.fill_null(pc.match_substring_regex(values, _WIDE), False)
    texts = [text.translate(_NARROW) for text in values.filter(wide).to_pylist()]
    return pc.replace_with_mask(values, wide, pa.array(texts, pa.string()))


def whole_numbers(values: pa.Array) -> pa.Array:
    """The digits of a whole number that a program stored as a decimal, or null if the text is not one."""
    digits = pc.replace_substring_regex(values, WHOLE, "")
    found = pc.match_substring_regex(values, f"^[0-9]+{WHOLE}")
    digits = pc.if_else(found, digits, None)
    long = pc.match_substring_regex(values, _WITH_EXPONENT)
    if not pc.any(long).as_py():
        return digits
    read = [whole_number(text) for text in values.filter(long).to_pylist()]
    return pc.replace_with_mask(digits, long, pa.array(read, pa.string()))


def whole_number(text: str) -> str | None:
    """The digits of a whole number with an exponent, if all of them are there."""
    if re.match(_WITH_EXPONENT, text) is None:
        return None
    digits = f"{Decimal(text):f}"
    return digits if digits.isdecimal() and not digits.endswith("0" * (_MOST_ZEROS + 1)) else None


def comparable_keys(values: pa.Array) -> pa.Array:
    """Keys and IDs as they are compared: in NFC, with plain spaces, and without invisible characters."""
    if pc.all(pc.string_is_ascii(values), min_count=0).as_py():
        return values
    found = pc.utf8_normalize(values, form="NFC")
    for pattern, by in ((WIDE_SPACE, " "), (INVISIBLE, ""), *_IN_KEYS):
        found = pc.replace_substring_regex(found, pattern, by)
    return trim(found)


_MAYBE = r"&[#A-Za-z]|<|%[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\n|=[C-F][0-9A-F]=[89AB]|_x000[9ADad]_|^[\[{]"
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_LINES = "br|p|div|li|tr|h[1-6]|hr|ul|ol|table"
_TAG = re.compile(
    rf"</?(?P<name>{_LINES}|b|i|u|s|em|strong|span|font|a|td|th|tbody|small|big|sup|sub|center|pre|code|img|nobr)"
    r"(?:\s(?:[^<>@\"']|\"[^<>\"]*\"|'[^<>']*')*)?/?>",
    re.IGNORECASE,
)
_LINE = re.compile(rf"(?:{_LINES})", re.IGNORECASE)
_IN_WORKBOOKS = (  # how a workbook writes line breaks and tabs, in a file made of its text
    (re.compile("(?:_x000[Dd]_)?(?:\n|_x000[Aa]_)|_x000[Dd]_"), "\n"),
    (re.compile("_x0009_"), " "),
)
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_ADDRESS = re.compile(r"://|^www\.", re.IGNORECASE)  # of a web page, where %20 belongs
_REST = re.compile(
    r"&(?:amp|quot|apos|nbsp|lt|gt|#\d{2,4})(?![A-Za-z0-9;])|%(?:0A|0D|20|26|27|2C|40|[C-F][\dA-F]%[89AB][\dA-F])"
    r"|\\u[\dA-F]{4}|(?-i:.\\n|\\n.)|^[\[{]\s*[{'\"].*[\]}]$"  # of JSON
    r"|=[C-F][\dA-F]=[89AB][\dA-F]",  # of mail
    re.IGNORECASE,
)
_OTHER_TAG = re.compile(r"</[A-Z][\w:-]*\s*>|<script\b|<!--|<!\[CDATA\[", re.IGNORECASE)
_HINT = "If the text is encoded, export it as plain text. Otherwise, no action is needed."


def decode(values: pa.Array, *, tags: bool = True) -> TransformResult:
    """Decode HTML entities, tags, and percent encoding of whole values; a warning if that is not certain."""
    at = np.flatnonzero(pc.match_substring_regex(values, _MAYBE).to_numpy(zero_copy_only=False))
    if not len(at):
        return TransformResult(values)
    read = [_decoded(text, tags=tags) for text in values.take(pa.array(at)).to_pylist()]
    messages = [
        "may contain HTML, URL, or other codes; it is sent unchanged" if _is_doubtful(text, tags=tags) else None
        for text in read
    ]
    findings = failures("text_encoded", messages, _HINT, Severity.WARNING)
    return TransformResult(pa.array(read, pa.string()), findings).among(at, TransformResult(values))


def _decoded(text: str, *, tags: bool) -> str:
    for escaped, meant in _IN_WORKBOOKS:
        text = escaped.sub(meant, text)
    for _ in range(2):  # &amp;amp; was encoded twice
        text = _ENTITY.sub(lambda found: html.unescape(found[0]) if _is_known(found[0]) else found[0], text)
    if tags and _TAG.sub("", text).strip():  # a value of nothing but tags stays
        text = _TAG.sub(lambda tag: "\n" if _LINE.fullmatch(tag["name"]) else "", text)
    if "%" in text and _is_whole(text):
        text = unquote(text, errors="strict")
    return text.strip()


def _is_known(entity: str) -> bool:
    return entity[1] == "#" or entity[1:] in html5


def _is_whole(text: str) -> bool:
    """Whether a whole value is percent-encoded: it has no spaces, and decodes to real characters with a letter."""
    bare = _PERCENT.sub("", text)
    if _ADDRESS.search(text) or "%" in bare or re.search(r"\s", text):
        return False
    try:
        meant = unquote(text, errors="strict")
    except UnicodeDecodeError:
        return False
    return meant.isprintable() and (not meant.isascii() or any(map(str.isalpha, bare)))


def _is_doubtful(text: str, *, tags: bool) -> bool:
    left = _REST.search(text) or (tags and _OTHER_TAG.search(text))
    return bool(left) and not _ADDRESS.search(text)


# Lists of choices and pivot tables write these words, in the language of their user, with marks around them.
_MARKED = """
    none null n/a blank empty unassigned keine ohne leer aucun aucune vide ninguno ninguna vacío nessuno nessuna vuoto
    nenhum nenhuma vazio geen leeg
"""
_MARKS = ("({})", "<{}>", "[{}]", "-{}-", "- {} -", "--{}--", "-- {} --")
_ANY_CASE = (
    *("null", r"\n", "#n/a", "n/a", "<na>", "undefined", "-", "--", "---", "\u2013", "\u2014", "."),
    *(marks.format(word) for marks in _MARKS for word in (*_MARKED.split(), "en blanco")),
)
_AS_WRITTEN = ("nan", "NaT", "None")
_MASK, _LONGEST_MASK = r"^[()/_.\- ]+$", 24  # of an input field that was left blank: (   )   -, or __/__/____
_ONE_SIGN = r"^(?:[()]|/+|\.+|-+)$"
# Nan is a first name, and None is a town; both may also be part of a company's name.
_NOT_AS_WRITTEN = frozenset({"company_name", "display_name", "first_name", "last_name", "state", "country"})
_KEPT = frozenset({"key", "reference_id", "former id"})


@dataclass(frozen=True)
class BlankTexts:
    """Which texts count as blank. ``texts``: the mapping's own list, compared without case; None: the usual ones."""

    texts: tuple[str, ...] | None = None

    @property
    def longest(self) -> int:
        """The bytes of the longest of them; no text has more characters."""
        if self.texts is None:
            return max(_LONGEST_MASK, *(len(text.encode()) for text in (*_ANY_CASE, *_AS_WRITTEN)))
        return max((len(text.encode()) for text in self.texts), default=0)

    def among(self, values: pa.Array, field: str, meant: Collection[str] = ()) -> Mask:
        """Which values count as blank in a field. ``meant``: lowercase texts that the mapping uses."""
        mask = np.zeros(len(values), bool)
        if field in _KEPT:
            return mask
        at = np.flatnonzero(pc.less_equal(pc.utf8_length(values), self.longest))  # most texts are longer than these
        values = values.take(pa.array(at))
        listed = _ANY_CASE if self.texts is None else [text.strip().lower() for text in self.texts]
        wanted = pa.array([text for text in listed if text not in meant], pa.string())
        found = pc.is_in(pc.utf8_lower(values), value_set=wanted)
        if self.texts is None:
            is_mask = pc.and_not(pc.match_substring_regex(values, _MASK), pc.match_substring_regex(values, _ONE_SIGN))
            found = pc.or_(found, is_mask)
        if self.texts is None and field not in _NOT_AS_WRITTEN:
            exact = pa.array([text for text in _AS_WRITTEN if text.lower() not in meant], pa.string())
            found = pc.or_(found, pc.is_in(values, value_set=exact))
        mask[at] = found.to_numpy(zero_copy_only=False)
        return mask
