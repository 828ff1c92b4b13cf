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
_MONTHS = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
MADE_A_DATE = rf"(?:[0-9]{{1,2}}-{_MONTHS}|{_MONTHS}-[0-9]{{2}})"  # what a spreadsheet makes of a text such as 10-12

Offsets = npt.NDArray[np.int32]


def filled_cells(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.bool_]:
    """True for cells with something that a person can see: more than white space and zero-width marks."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    return np.concatenate([np.zeros(0, np.bool_), *map(_filled, chunks)])


def _filled(cells: pa.Array) -> npt.NDArray[np.bool_]:
    starts, ends, letters = _bytes_of(cells)
    there = ends > starts
    filled = _visible(letters, starts, there)
    at = np.flatnonzero(there & ~filled)  # few: they begin with something unusual
    if len(at):
        odd = cells.take(pa.array(at))
        seen = pc.and_(pc.invert(pc.utf8_is_space(odd)), pc.not_equal(pc.utf8_trim(odd, characters=BLANKS), ""))
        filled[at] = np.asarray(seen.fill_null(False))
    return filled


def edges(cells: pa.Array) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """The bytes of each text, and whether it begins and ends with visible ASCII: then there is nothing to trim."""
    starts, ends, letters = _bytes_of(cells)
    there = ends > starts
    return ends - starts, _visible(letters, starts, there) & _visible(letters, ends - 1, there)


def _bytes_of(cells: pa.Array) -> tuple[Offsets, Offsets, npt.NDArray[np.uint8]]:
    """Where each text begins and ends in the bytes of all of them, and these bytes."""
    _, offsets, letters = cells.buffers()
    places = np.frombuffer(offsets or b"\0" * 4, np.int32)[cells.offset : cells.offset + len(cells) + 1]
    return places[:-1], places[1:], np.frombuffer(letters or b"\0", np.uint8)


def _visible(letters: npt.NDArray[np.uint8], at: Offsets, there: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Whether the bytes at these places are visible ASCII; False where ``there`` is."""
    found = letters[np.where(there, at, 0)]
    visible: npt.NDArray[np.bool_] = there & (found > ord(" ")) & (found <= ord("~"))
    return visible


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
_FIRST = pa.array(list("'=+-@\t\r\n＝＋－＠"))  # noqa: RUF001 - how a text begins that may need a mark


def mark_formulas(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """Strings with an apostrophe before each that a spreadsheet might run as a formula, with or without apostrophes.

    The same column where there are none.
    """
    if not pc.any(pc.is_in(pc.utf8_slice_codeunits(column, 0, 1), value_set=_FIRST)).as_py():
        return column
    return pc.replace_substring_regex(column, rf"\A('*{_RUNS})", r"'\1")


def unmark_formulas(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """The strings as they were before :func:`mark_formulas`: one leading apostrophe fewer where it may have put one."""
    return pc.replace_substring_regex(column, rf"\A'('*{_RUNS})", r"\1")


def keep_apostrophes(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """Strings for a place where nothing can run as a formula, such that :func:`unmark_formulas` gives them back.

    Only those that begin with an apostrophe which it would take off get another one.
    """
    if not pc.any(pc.starts_with(column, "'")).as_py():
        return column
    return pc.replace_substring_regex(column, rf"\A('+{_RUNS})", r"'\1")
