"""Forms of text that a person reads as the same: full-width letters, odd spaces, marks that cannot be seen."""

import pyarrow as pa
import pyarrow.compute as pc

from importer.mapping.columns import trim

# Spaces of other widths, and marks without any: soft hyphen, zero-width space and joiners, byte order mark, directions.
WIDE_SPACE = r"[\x{00a0}\x{1680}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}]"
INVISIBLE = r"[\x{00ad}\x{200b}\x{200e}\x{200f}\x{202a}-\x{202e}\x{2060}\x{2066}-\x{2069}\x{feff}]"
# In keys also what only some scripts use; joiners where there is no letter of such a script on both sides.
_IN_KEYS = (
    (r"[\x{034f}\x{061c}\x{180e}\x{2061}-\x{2064}\x{fe00}-\x{fe0f}]", ""),
    (r"(^|[\x00-\x7f])[\x{200c}\x{200d}]+", r"\1"),
    (r"[\x{200c}\x{200d}]+($|[\x00-\x7f])", r"\1"),
)
_WIDE = r"[\x{ff01}-\x{ff5e}\x{3000}]"
_NARROW = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}


def narrow(values: pa.Array) -> pa.Array:
    """Full-width letters, digits, and marks of codes, phones, and email addresses as ASCII ones."""
    if pc.all(pc.string_is_ascii(values), min_count=0).as_py():
        return values
    wide = pc.fill_null(pc.match_substring_regex(values, _WIDE), False)
    texts = [text.translate(_NARROW) for text in values.filter(wide).to_pylist()]
    return pc.replace_with_mask(values, wide, pa.array(texts, pa.string()))


def comparable(values: pa.Array) -> pa.Array:
    """Keys and ids as they are compared: in NFC, with plain spaces, and without what cannot be seen."""
    if pc.all(pc.string_is_ascii(values), min_count=0).as_py():
        return values
    found = pc.utf8_normalize(values, form="NFC")
    for pattern, by in ((WIDE_SPACE, " "), (INVISIBLE, ""), *_IN_KEYS):
        found = pc.replace_substring_regex(found, pattern, by)
    return trim(found)
