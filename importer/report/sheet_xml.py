"""Rows of text cells as the XML of a sheet, written by whole columns.

XlsxWriter makes the workbook around them; its own way to write cells is a call of Python for each, which takes twenty
times as long. The format is ECMA-376 part 1: cells with inline strings (18.3.1.4, 18.3.1.53).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["LONGEST_CELL", "StyledColumn", "holdable", "rows_xml", "text_bytes"]

LONGEST_CELL = 32_767  # characters, in UTF-16
_BLOCK = 32 << 20  # bytes of text whose XML is made at a time
# What XML cannot hold is written as _xHHHH_ (22.9.2.19), and so is text that looks like that.
_NEEDY = r"[\x00-\x08\x0b-\x1f]|_x[0-9A-Fa-f]{4}_"
_UNHELD = "\ufffe|\uffff"  # no XML character either, and readers do not know these two by their numbers
_UNHELD_BEGIN = 0xEF  # the first byte of both
_ESCAPED = np.zeros(256, dtype=np.bool_)  # bytes of texts that XML may hold in another way only
_ESCAPED[:0x20] = True
_ESCAPED[[0x09, 0x0A]] = False
_ESCAPED[np.frombuffer(b"&<>_", np.uint8)] = True
_TRIMMED = np.ones(256, dtype=np.bool_)  # bytes that may be white space, where a text begins or ends
_TRIMMED[0x21:0x7F] = False


@dataclass(frozen=True)
class StyledColumn:
    """Texts (never null), the number of the whole column's format, and that of each cell where they differ."""

    texts: pa.Array
    plain: int
    styles: npt.NDArray[np.int64] | None = None


def text_bytes(texts: pa.Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """The bytes of texts that follow one another, and where each begins among them, with the end as the last item."""
    _, offsets, data = texts.buffers()
    if data is None or not len(texts):
        return np.zeros(0, np.uint8), np.zeros(len(texts) + 1, np.int32)
    edges = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return np.frombuffer(data, np.uint8)[edges[0] : edges[-1]], edges - edges[0]


def holdable(texts: pa.Array) -> npt.NDArray[np.bool_]:
    """True for each text that a workbook's cell can hold and give back."""
    out = np.ones(len(texts), dtype=np.bool_)
    data, edges = text_bytes(texts)
    length = np.diff(edges)
    if length.max(initial=0) > LONGEST_CELL:  # no text is longer in UTF-16 than in UTF-8
        at = np.flatnonzero(length > LONGEST_CELL)
        long = texts.take(pa.array(at)).to_pylist()
        out[at] = [len(text.encode("utf-16-le")) // 2 <= LONGEST_CELL for text in long]
    if (data == _UNHELD_BEGIN).any():
        out &= ~pc.match_substring_regex(texts, _UNHELD).to_numpy(zero_copy_only=False)
    return out


def rows_xml(columns: Sequence[StyledColumn], *, first_row: int) -> Iterator[npt.NDArray[np.uint8]]:
    """The rows' XML in UTF-8, some rows at a time; ``first_row`` counts from 1."""
    count = len(columns[0].texts)
    sizes = np.add.reduce([np.diff(text_bytes(column.texts)[1]) for column in columns], dtype=np.int64)
    filled = np.cumsum(sizes + 64 * len(columns), dtype=np.int64)
    start = 0
    while start < count:
        before = filled[start - 1] if start else 0
        end = max(start + 1, int(np.searchsorted(filled, before + _BLOCK)))
        yield _block(columns, start, end, first_row)
        start = end


def _block(columns: Sequence[StyledColumn], start: int, end: int, first_row: int) -> npt.NDArray[np.uint8]:
    from xlsxwriter.utility import xl_col_to_name  # noqa: PLC0415 - a list without faults needs none of it

    numbers = pa.array(np.arange(first_row + start, first_row + end)).cast(pa.string())
    cells = [
        _cells(column, slice(start, end), numbers, f'<c r="{xl_col_to_name(place)}')
        for place, column in enumerate(columns)
    ]
    return text_bytes(pc.binary_join_element_wise('<row r="', numbers, '">', *cells, "</row>", ""))[0]


def _cells(column: StyledColumn, part: slice, numbers: pa.Array, opened: str) -> pa.Array:
    """The cells of some rows of a column; a blank one is left out where it looks like the whole column."""
    texts = column.texts[part]
    if column.styles is None or (column.styles[part] == column.plain).all():
        styles: Any = str(column.plain)
        blank: Any = ""
    else:
        styles = pa.array(column.styles[part]).cast(pa.string())
        marked = pa.array(column.styles[part] != column.plain)
        blank = pc.if_else(marked, pc.binary_join_element_wise(opened, numbers, '" s="', styles, '"/>', ""), "")
    escaped, space = _in_xml(texts)
    text = f'" t="inlineStr"><is><t{space}>'
    full = pc.binary_join_element_wise(opened, numbers, '" s="', styles, text, escaped, "</t></is></c>", "")
    empty = pc.equal(texts, "")
    return pc.if_else(empty, blank, full) if pc.any(empty).as_py() else full


def _in_xml(texts: pa.Array) -> tuple[pa.Array, str]:
    """The texts as an element's content, and the attribute that it needs where white space must not be trimmed."""
    data, edges = text_bytes(texts)
    filled = np.diff(edges) > 0
    ends = np.concatenate([data[edges[:-1][filled]], data[edges[1:][filled] - 1]])
    space = _TRIMMED[ends].any() or np.isin(data, (0x09, 0x0A)).any()
    return _escaped(texts) if _ESCAPED[data].any() else texts, ' xml:space="preserve"' if space else ""


def _escaped(texts: pa.Array) -> pa.Array:
    needy = pc.match_substring_regex(texts, _NEEDY)
    if pc.any(needy).as_py():
        mended = [re.sub(_NEEDY, _by_number, text) for text in texts.filter(needy).to_pylist()]
        texts = pc.replace_with_mask(texts, needy, pa.array(mended, pa.string()))
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        texts = pc.replace_substring(texts, character, entity)
    return texts


def _by_number(match: re.Match[str]) -> str:
    text = match[0]
    return f"_x005F{text}" if text.startswith("_x") else f"_x{ord(text):04X}_"
