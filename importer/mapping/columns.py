"""A column as distinct values, and a number per row: slow steps run once per value, the others on whole columns."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.cell_text import BLANKS

_MOST_NUMBERS = np.iinfo(np.int64).max
Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def trim(values: pa.Array) -> pa.Array:
    """Remove white space, NBSP, and zero-width characters from both ends. Returns the same array if there are none."""
    trimmed = pc.utf8_trim(values, characters=BLANKS)
    return values if trimmed.equals(values) else trimmed


def caseless(values: pa.Array) -> pa.Array:
    """Fold case and turn each run of white space into one space, for comparing texts.

    Returns the same array if nothing changes.
    """
    odd = pc.match_substring_regex(values, r"[^\x00-\x7f]|[\t-\r]|  ")
    single = pc.replace_substring_regex(values.filter(odd), f"[{BLANKS}]+", " ")
    texts = pa.array([text.casefold() for text in single.to_pylist()], pa.string())
    plain = pc.replace_with_mask(pc.ascii_lower(values), odd, texts)
    return values if plain.equals(values) else plain


def _numbers(indices: pa.Array) -> Codes:
    """Indices into a dictionary as codes."""
    codes: Codes = indices.fill_null(-1).to_numpy()
    return codes


@dataclass(frozen=True)
class Column:
    """The text of a column: ``codes`` (one per row, -1: blank) are indices into ``values`` (distinct, no nulls)."""

    codes: Codes
    values: pa.Array

    def __len__(self) -> int:
        return len(self.codes)

    @classmethod
    def from_text(cls, text: pa.ChunkedArray | pa.Array) -> "Column":
        """Encode source text; cells are trimmed and a blank cell becomes null."""
        chunks = pa.chunked_array([text] if isinstance(text, pa.Array) else text.chunks, pa.string())
        encoded = chunks.dictionary_encode()
        if not encoded.num_chunks:
            return cls.blank(0)
        codes = np.concatenate([_numbers(chunk.indices) for chunk in encoded.chunks])
        values = encoded.chunk(0).dictionary  # all chunks have the same one
        trimmed = trim(values)
        if trimmed is values and not pc.any(pc.equal(values, "")).as_py():
            return cls(codes, values)
        return cls.keyed(codes, trimmed)

    @classmethod
    def blank(cls, length: int) -> "Column":
        """A column of blanks, which takes no memory."""
        return cls(np.broadcast_to(np.int64(-1), length), pa.array([], pa.string()))

    @classmethod
    def constant(cls, value: str, length: int) -> "Column":
        return cls(np.zeros(length, np.int64), pa.array([value], pa.string()))

    @classmethod
    def keyed(cls, codes: Codes, values: pa.Array) -> "Column":
        """A column from values that may repeat or be null: null and ``""`` become blank, and equal ones are merged."""
        blank = pc.equal(values, "")
        if pc.any(blank).as_py():
            values = pc.if_else(blank, pa.scalar(None, pa.string()), values)
        encoded = values.dictionary_encode()
        if len(encoded.dictionary) == len(values):  # numbered as they come: every one has its own number already
            return cls(codes, values)
        return cls(np.append(_numbers(encoded.indices), -1)[codes], encoded.dictionary)

    def replaced(self, values: pa.Array) -> "Column":
        """The same rows with new distinct values: one, or null, for each present value."""
        return self if values is self.values else Column.keyed(self.codes, values)

    def filled_up(self, value: str, but: Mask | None = None) -> "Column":
        """The column with ``value`` wherever it is blank, except in the rows ``but``."""
        blank = ~self.filled if but is None else ~(self.filled | but)
        if not blank.any():
            return self
        place = pc.index(self.values, value).as_py()
        values = self.values if place >= 0 else pa.concat_arrays([self.values, pa.array([value], pa.string())])
        return Column(np.where(blank, place if place >= 0 else len(self.values), self.codes), values)

    def where(self, keep: Mask) -> "Column":
        """Blank wherever ``keep`` is False."""
        return Column(np.where(keep, self.codes, -1), self.values)

    def take(self, rows: Codes) -> "Column":
        """The rows at these indices; an index of -1 gives a blank."""
        if not len(self.codes):
            return Column(np.full(len(rows), -1, np.int64), self.values)
        codes = self.codes[rows]
        blank = rows < 0
        if blank.any():
            codes[blank] = -1
        return Column(codes, self.values)

    @property
    def filled(self) -> Mask:
        return self.codes >= 0

    def rows_with(self, chosen: Mask) -> Mask:
        """True on rows whose value is among the distinct values chosen."""
        rows: Mask = np.append(chosen, False)[self.codes]
        return rows

    def to_arrow(self) -> pa.Array:
        """The column as an Arrow string array, null where blank."""
        filled = self.filled
        return self.values.take(pa.array(self.codes) if filled.all() else pa.array(self.codes, mask=~filled))


def combine(columns: Sequence[Column]) -> tuple[Codes, list[Column]]:
    """The distinct tuples of several columns: (the tuple's number on each row, the columns over distinct tuples)."""
    number = tuple_numbers(column.codes for column in columns)
    first = first_rows(number, number.max(initial=-1) + 1)
    return number, [column.take(first) for column in columns]


def tuple_numbers(columns: Iterable[Codes]) -> Codes:
    """The number of each row's tuple of codes, in the order of the tuples' first rows."""
    number, count = np.zeros(1, np.int64), 1
    for codes in columns:  # several times faster than grouping by all columns at once
        size = int(codes.max(initial=-1)) + 2
        if count * size > _MOST_NUMBERS:
            number, found = pd.factorize(number)
            count = len(found)
        number, count = number * size + codes + 1, count * size
    return pd.factorize(number)[0].astype(np.int64, copy=False)


def first_rows(codes: Codes, count: int, among: Mask | None = None) -> Codes:
    """For each of ``count`` groups the first row (index into ``codes``, where ``among`` is True), or -1."""
    rows = np.arange(len(codes), dtype=np.int64) if among is None else np.flatnonzero(among)
    first = np.full(count, -1, np.int64)
    first[codes[rows[::-1]]] = rows[::-1]  # the last assignment wins, so the first row does
    return first


def concat(columns: Sequence[Column]) -> Column:
    """The rows of several columns, one column after the other."""
    first = next((column for column in columns if len(column.values)), columns[0])
    if all(not len(column.values) or column.values is first.values for column in columns):
        return Column(np.concatenate([column.codes for column in columns]), first.values)
    values = pa.concat_arrays([column.values for column in columns])
    offsets = np.cumsum([0, *(len(column.values) for column in columns)])
    codes = [np.where(c.codes >= 0, c.codes + offset, -1) for c, offset in zip(columns, offsets[:-1], strict=True)]
    return Column.keyed(np.concatenate(codes).astype(np.int64), values)


def nth(there: Sequence[Mask], wanted: int) -> Codes:
    """Row by row the number of the ``wanted``-th mask that is True (1 is the first, -1 the last), or -1."""
    filled = np.stack(there)
    if wanted < 0:
        filled = filled[::-1]
    hit = filled if abs(wanted) == 1 else filled & (np.cumsum(filled, axis=0) == abs(wanted))
    number = np.where(hit.any(axis=0), hit.argmax(axis=0), -1)
    if wanted < 0:
        number = np.where(number >= 0, len(there) - 1 - number, -1)
    return number.astype(np.int64)


def pick(columns: Sequence[Column], chosen: Codes) -> Column:
    """The value of the chosen column for each row; blank if none is chosen."""
    used = np.flatnonzero(np.bincount(chosen + 1, minlength=1)[1:])
    if len(used) < 2:  # for example, if a second column is for the few rows that lack the first
        only = int(used[0]) if len(used) else 0
        return columns[only].where(chosen == only)
    stacked = concat(columns)
    codes = stacked.codes.reshape(len(columns), -1)[chosen, np.arange(len(chosen))]
    return Column(np.where(chosen >= 0, codes, -1), stacked.values)


def first_of(columns: Sequence[Column]) -> tuple[Column, Codes]:
    """Row by row the first column that is filled: (its values, its number or -1)."""
    chosen = nth([column.filled for column in columns], 1)
    return pick(columns, chosen), chosen
