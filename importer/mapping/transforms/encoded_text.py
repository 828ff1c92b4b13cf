"""Text that a web page or address encoded: HTML entities, tags, and ``%20``."""

import html
import re
from html.entities import html5
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.mapping.transform_results import TransformResult, failures
from importer.records import Severity

_MAYBE = r"&[#A-Za-z]|<|%[0-9A-Fa-f]{2}"
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_LINES = "br|p|div|li|tr|h[1-6]|hr|ul|ol|table"
_TAG = re.compile(
    rf"</?(?P<name>{_LINES}|b|i|u|s|em|strong|span|font|a|td|th|tbody|small|big|sup|sub|center|pre|code|img|nobr)"
    r"(?:\s(?:[^<>@\"']|\"[^<>\"]*\"|'[^<>']*')*)?/?>",
    re.IGNORECASE,
)
_LINE = re.compile(rf"(?:{_LINES})", re.IGNORECASE)
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_ADDRESS = re.compile(r"://|^www\.", re.IGNORECASE)  # of a web page, where %20 belongs
_REST = re.compile(
    r"&(?:amp|quot|apos|nbsp|lt|gt|#\d{2,4})(?![A-Za-z0-9;])|%(?:20|26|27|2C|40|[C-F][\dA-F]%[89AB][\dA-F])",
    re.IGNORECASE,
)
_HINT = "If the text is encoded, export it as plain text. Otherwise, no action is needed."


def decode(values: pa.Array, *, tags: bool = True) -> TransformResult:
    """Undo HTML entities, tags, and percent encoding of whole values; a warning where that is not certain."""
    at = np.flatnonzero(pc.match_substring_regex(values, _MAYBE).to_numpy(zero_copy_only=False))
    if not len(at):
        return TransformResult(values)
    read = [_decoded(text, tags=tags) for text in values.take(pa.array(at)).to_pylist()]
    told = ["may be encoded for a web page, and stays as it is" if _is_doubtful(text) else None for text in read]
    findings = failures("text_encoded", told, _HINT, Severity.WARNING)
    return TransformResult(pa.array(read, pa.string()), findings).among(at, TransformResult(values))


def _decoded(text: str, *, tags: bool) -> str:
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
    """Whether percent encoding explains a whole value: no blanks, real characters, and a letter to be read."""
    bare = _PERCENT.sub("", text)
    if _ADDRESS.search(text) or "%" in bare or re.search(r"\s", text):
        return False
    try:
        meant = unquote(text, errors="strict")
    except UnicodeDecodeError:
        return False
    return meant.isprintable() and (not meant.isascii() or any(map(str.isalpha, bare)))


def _is_doubtful(text: str) -> bool:
    return not _ADDRESS.search(text) and _REST.search(text) is not None
