"""Forms of text that a person reads as the same: full-width letters and digits."""

import pyarrow as pa
import pyarrow.compute as pc

_WIDE = r"[\x{ff01}-\x{ff5e}\x{3000}]"
_NARROW = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}


def narrow(values: pa.Array) -> pa.Array:
    """Full-width letters, digits, and marks of codes, phones, and e-mail addresses as ASCII ones."""
    if pc.all(pc.string_is_ascii(values), min_count=0).as_py():
        return values
    wide = pc.fill_null(pc.match_substring_regex(values, _WIDE), False)
    return pc.replace_with_mask(values, wide, pa.array(map(narrowed, values.filter(wide).to_pylist()), pa.string()))


def narrowed(text: str) -> str:
    """One text in ASCII width."""
    return text.translate(_NARROW)
