"""The text of cells and headers: what counts as filled, how headers are compared, and how formulas are marked."""

import re
import unicodedata
from collections.abc import Sequence

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
# The text of an address that is the same as a different one, such as SAME AS BILLING, in several languages (for RE2).
SAME_ADDRESS = (
    r"\W*(?i:same(?: as .*| address)?|(?:as|see) (?:above|billing|shipping|mailing|main|bill to|ship to)\b.*"
    r"|use (?:billing|shipping|mailing)\b.*|ditto|dito|dtto|[ií]dem(?: .*)?"
    r"|(?:siehe|wie) (?:oben|(?:rechnungs|liefer|haupt).*)|gleich(?:e adresse| .*adresse)?|identi(?:sch|que)(?: .*)?"
    r"|(?:la )?même(?: adresse| que .*)?|voir (?:ci-dessus|facturation)|come sopra|vedi sopra|ver (?:arriba|acima)"
    r"|(?:(?:la|el|lo|o|a) )?(?:misma|mismo|mesma|mesmo|stesso)(?: dirección| endereço| morada| indirizzo| que .*)?"
    r"|igual(?: (?:a|que) .*)?|(?:het)?zelfde(?: adres| als .*)?|zie (?:boven|hierboven|factuur.*)"
    r"|sam(?:ma|me)(?: adresse?| som .*)?|se (?:ovan|ovenfor|over)|sama (?:osoite|kuin .*)|ten sam(?: adres)?"
    r"|jak wyżej|viz výše|ugyanaz|lásd fent)"
)
_FEWEST_NUMBERED, _LETTERS = 3, 26  # columns

Offsets = npt.NDArray[np.int32]


def filled_cells(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.bool_]:
    """True for cells with something that a person can see: more than white space and zero-width marks."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    return np.concatenate([np.zeros(0, np.bool_), *map(_filled, chunks)])


def _filled(cells: pa.Array) -> npt.NDArray[np.bool_]:
    starts, ends, letters = _bytes_of(cells)
    there = ends > starts
    filled = _visible(letters, starts, there)
    at = np.flatnonzero(there & ~filled)  # few: these begin with an unusual character
    if len(at):
        odd = cells.take(pa.array(at))
        seen = pc.and_(pc.invert(pc.utf8_is_space(odd)), pc.not_equal(pc.utf8_trim(odd, characters=BLANKS), ""))
        filled[at] = np.asarray(seen.fill_null(False))
    return filled


def edges(cells: pa.Array) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """The length of each text in bytes, and whether it begins and ends with visible ASCII (nothing to trim)."""
    starts, ends, letters = _bytes_of(cells)
    there = ends > starts
    return ends - starts, _visible(letters, starts, there) & _visible(letters, ends - 1, there)


def _bytes_of(cells: pa.Array) -> tuple[Offsets, Offsets, npt.NDArray[np.uint8]]:
    """The start and the end of each text in the bytes of the whole array, and these bytes."""
    _, offsets, letters = cells.buffers()
    places = np.frombuffer(offsets or b"\0" * 4, np.int32)[cells.offset : cells.offset + len(cells) + 1]
    return places[:-1], places[1:], np.frombuffer(letters or b"\0", np.uint8)


def _visible(letters: npt.NDArray[np.uint8], at: Offsets, there: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Whether the bytes at the places ``at`` are visible ASCII; False if ``there`` is False."""
    found = letters[np.where(there, at, 0)]
    visible: npt.NDArray[np.bool_] = there & (found > ord(" ")) & (found <= ord("~"))
    return visible


_DECORATION = re.compile(r"\*|\?|\((?:req|required|optional)\.?\)|(?<=\w)_req(?=_|$)", re.IGNORECASE)


def header_key(text: str) -> str:
    r"""A header as it is compared: without case, decorations, and surplus white space.

    Decorations are ``*``, ``?``, ``(Req)``, and ``_req``. Zero-width characters do not count either.
    ``"*Contact\u00a0Name "`` and ``"contact name"`` are the same; ``"Phone"`` and ``"Phone#2"`` are not.
    """
    plain = unicodedata.normalize("NFKC", text)
    if not plain.isascii():
        plain = "".join(letter for letter in plain if unicodedata.category(letter) != "Cf")
    return " ".join(_DECORATION.sub(" ", plain).split()).casefold()


def fold(text: str) -> str:
    """A name or word as it is compared: without case, variant forms of letters, and surplus white space."""
    return " ".join(unicodedata.normalize("NFKC", text).split()).casefold()


# A spreadsheet runs a text that begins like this as a formula, or may do so after it drops a line end or narrows wide
# characters.
_RUNS = "[=+\\-@\\t\\r\\n＝＋－＠]"  # noqa: RUF001
_FIRST = pa.array(list("'=+-@\t\r\n＝＋－＠"))  # noqa: RUF001 - first characters of texts that may need a mark


def mark_formulas(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """Add an apostrophe before each string that a spreadsheet might run as a formula.

    Such a string gets one even if it already begins with apostrophes. Returns ``column`` itself if no string begins
    with an apostrophe or like a formula.
    """
    if not pc.any(pc.is_in(pc.utf8_slice_codeunits(column, 0, 1), value_set=_FIRST)).as_py():
        return column
    return pc.replace_substring_regex(column, rf"\A('*{_RUNS})", r"'\1")


def unmark_formulas(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """Undo :func:`mark_formulas`: remove one leading apostrophe from each string where it may have added one."""
    return pc.replace_substring_regex(column, rf"\A'('*{_RUNS})", r"\1")


def keep_apostrophes(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """Prepare strings for a place where nothing runs as a formula, so that :func:`unmark_formulas` restores them.

    A string gets one more apostrophe only if :func:`unmark_formulas` would remove its first one.
    """
    if not pc.any(pc.starts_with(column, "'")).as_py():
        return column
    return pc.replace_substring_regex(column, rf"\A('+{_RUNS})", r"'\1")


def are_column_numbers(cells: Sequence[str]) -> bool:
    """Whether the cells only number the columns, as ``1, 2, 3``, ``0, 1, 2``, or ``A, B, C``."""
    texts = [cell.strip() for cell in cells]
    letters = [chr(ord("A") + at) for at in range(min(len(texts), _LETTERS))]
    counts = ([str(number + first) for number in range(len(texts))] for first in (0, 1))
    return len(texts) >= _FEWEST_NUMBERED and texts in (letters, *counts)
