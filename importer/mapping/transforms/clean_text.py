"""Text as people see it: what cannot be seen is tidied, and what was read with the wrong encoding is pointed out."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.mapping.columns import trim
from importer.mapping.transform_results import Result, failures
from importer.records import Severity

# Spaces of other widths, and marks without any: soft hyphen, zero-width space and joiners, byte order mark, directions.
_SPACE = r"[\x{00a0}\x{1680}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}]"
_NOTHING = r"[\x{00ad}\x{200b}\x{200e}\x{200f}\x{202a}-\x{202e}\x{2060}\x{2066}-\x{2069}\x{feff}]"
# Double quotes that a word processor bent. A bent apostrophe stays: it belongs to a name as often as not (O\u2019Neil).
_QUOTES = "[\u201c\u201d\u201e\u201f]"
# UTF-8 read as cp1252 or Latin-1: a lead byte's letter, then what continuation bytes become.
_BYTES = "".join(bytes([byte]).decode("cp1252", "replace") for byte in range(0x80, 0xC0)).replace("\ufffd", "")
_CONTINUATION = f"[\x80-\xbf{re.escape(_BYTES)}]"
_GARBLED = re.compile(f"[\xc2-\xdf]{_CONTINUATION}|[\xe0-\xef]{_CONTINUATION}{{2}}|[\xf0-\xf4]{_CONTINUATION}{{3}}")
_HINT = "Export it again as UTF-8, or give the right --encoding; if your system shows it like this, fix it there."


def tidy(values: pa.Array) -> Result:
    """Letters in one piece (NFC), plain spaces, straight double quotes, nothing invisible; a warning for mojibake."""
    at = np.flatnonzero(pc.invert(pc.string_is_ascii(values)).to_numpy(zero_copy_only=False))
    if not len(at):
        return Result(values)
    given = values.take(pa.array(at))
    meant = (_ungarbled(text) if _GARBLED.search(text) else None for text in given.to_pylist())
    told = [f"looks like {text!r} read with the wrong encoding" if text else None for text in meant]
    some = pc.utf8_normalize(given, form="NFC")
    for pattern, by in ((_SPACE, " "), (_NOTHING, ""), (_QUOTES, '"')):
        some = pc.replace_substring_regex(some, pattern, by)
    return Result(trim(some), failures("mojibake", told, _HINT, Severity.WARNING)).among(at, Result(values))


def _ungarbled(text: str) -> str | None:
    """What was meant, or None when the text is not UTF-8 that was read with another encoding."""
    try:
        raw = b"".join(letter.encode("latin-1" if ord(letter) < 0x100 else "cp1252") for letter in text)
        return raw.decode("utf-8")
    except UnicodeError:
        return None
