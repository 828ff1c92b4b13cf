"""The text of cells and headers: what counts as filled, how headers are compared, and how formulas are marked."""

import re
import unicodedata

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

# What people see as blank: Unicode white space (NBSP included) and zero-width marks that spreadsheets leave behind.
BLANKS = (
    f" \t\r\n\v\f\u00a0\u1680{''.join(map(chr, range(0x2000, 0x200B)))}\u200b\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
)


def filled_cells(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.bool_]:
    """True for cells with something that a person can see: more than white space and zero-width marks."""
    filled = pc.and_(pc.not_equal(column, ""), pc.invert(pc.utf8_is_space(column)))
    # Zero-width marks are no white space to Arrow. Cells with them are rare, and so are cells without ASCII.
    rare = pc.and_(filled, pc.invert(pc.string_is_ascii(column)))
    mask = np.array(filled, dtype=np.bool_)
    if pc.any(rare).as_py():
        at = np.flatnonzero(np.asarray(rare))
        texts = pa.array(column.filter(rare).to_pylist(), pa.string())
        mask[at] = np.asarray(pc.not_equal(pc.utf8_trim(texts, characters=BLANKS), ""))
    return mask


_DECORATION = re.compile(r"\*|\?|\((?:req|required|optional)\.?\)|(?<=\w)_req(?=_|$)", re.IGNORECASE)


def header_key(text: str) -> str:
    r"""A header as it is compared: without case, decorations, and surplus white space.

    Decorations are ``*``, ``?``, ``(Req)``, and ``_req``; characters without width do not count either.
    ``"*Contact\u00a0Name "`` and ``"contact name"`` are the same; ``"Phone"`` and ``"Phone#2"`` are not.
    """
    plain = unicodedata.normalize("NFKC", text)
    if not plain.isascii():
        plain = "".join(letter for letter in plain if unicodedata.category(letter) != "Cf")
    return " ".join(_DECORATION.sub(" ", plain).split()).casefold()


def fold(text: str) -> str:
    """A name or word as it is compared: without case, forms of letters and surplus white space."""
    return " ".join(unicodedata.normalize("NFKC", text).split()).casefold()


# What a spreadsheet would run as a formula, or may so after dropping a line end or narrowing wide characters.
_RUNS = "[=+\\-@\\t\\r\\n＝＋－＠]"  # noqa: RUF001


def mark_formulas(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """Strings with an apostrophe before each that a spreadsheet might run as a formula, with or without apostrophes."""
    return pc.replace_substring_regex(column, rf"\A('*{_RUNS})", r"'\1")


def unmark_formulas(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """The strings as they were before :func:`mark_formulas`: one leading apostrophe fewer where it may have put one."""
    return pc.replace_substring_regex(column, rf"\A'('*{_RUNS})", r"\1")


def keep_apostrophes(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """Strings for a place where nothing can run as a formula, such that :func:`unmark_formulas` gives them back.

    Only those that begin with an apostrophe which it would take off get another one.
    """
    return pc.replace_substring_regex(column, rf"\A('+{_RUNS})", r"'\1")
