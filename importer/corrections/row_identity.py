"""Finding the row of a table that a correction is for, by its key and a fingerprint of its other cells.

A row *matches* a correction if it has the key of the row for which the correction was recorded, and all of its other
filled cells are the same. Two things may differ, as long as no other row can match:

- cells that have corrections of their own may have the corrected text;
- if only one row has the key, now as well as then, half of the other cells are enough, because systems change balances
  and dates.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.cell_text import BLANKS, header_key
from importer.tables import Positions, SourceTable

ALONE = 0  # no other row has the key
_MOST = 9
_SEPARATOR = " | "  # between the cells of a key

Row = Mapping[str, str]  # header key → text of the cell


def key_texts(table: SourceTable) -> pa.Array:
    """The key of each row as corrections have it: the trimmed cells of its key columns; ``""`` if all are blank.

    If rows with a blank key belong to the row above, they have the key of that row.
    """
    headers = table.details.get("key", ())
    cells = [pc.utf8_trim(table.column(name), characters=BLANKS) for name in headers]
    if not cells:
        return pa.array([""] * len(table), pa.string())
    keys = cells[0]
    if len(cells) > 1:
        blank = pc.equal(pc.binary_join_element_wise(*cells, ""), "")
        escaped = [pc.replace_substring(part, "|", "||") for part in cells]
        keys = pc.if_else(blank, "", pc.binary_join_element_wise(*escaped, _SEPARATOR))
    if table.details.get("continued"):
        keys = pc.fill_null(pc.fill_null_forward(pc.if_else(pc.equal(keys, ""), None, keys)), "")
    return keys.combine_chunks() if isinstance(keys, pa.ChunkedArray) else keys


def key_with(key: str, headers: Sequence[str], column: str, text: str) -> str | None:
    """A key after the cell in ``column`` changed to ``text``; None if the key does not have that column.

    ``headers``: the header keys of the key's columns.
    """
    if column not in headers:
        return None
    if len(headers) == 1:
        return text.strip(BLANKS)
    parts = key.split(_SEPARATOR) if key else [""] * len(headers)
    parts[list(headers).index(column)] = text.strip(BLANKS).replace("|", "||")
    return _SEPARATOR.join(parts)


def cells_of(table: SourceTable, rows: Positions) -> list[dict[str, str]]:
    """The cells of some rows of a table by header key, without columns whose cells were emptied."""
    names = [name for name in table.headers if name not in table.secrets]
    columns = [table.cells(name, rows).to_pylist() for name in names]
    keys = [header_key(name) for name in names]
    return [dict(zip(keys, cells, strict=True)) for cells in zip(*columns, strict=True)] if names else []


def hashed(column: str, text: str) -> str:
    """The hash of a cell for fingerprints; ``""`` for a blank cell. ``column``: its header key."""
    if not text.strip(BLANKS):
        return ""
    return hashlib.sha256(f"{column}\0{text}".encode()).hexdigest()[:6]


def row_hash(row: Row) -> str:
    """The hash of a whole row, which is the same for all corrections that were recorded for it."""
    whole = "\0".join(sorted(hashed(column, text) for column, text in row.items()))
    return hashlib.sha256(whole.encode()).hexdigest()[:8]


def nearest_other(row: Row, others: Iterable[Row], column: str) -> int:
    """In how many cells besides ``column`` a row differs from the most similar of ``others`` (at most 9).

    ``others``: the other rows with the same key. Those that do not differ are ignored. ``ALONE`` if none is left.
    """
    differing = (sum(row.get(name, "") != text for name, text in other.items() if name != column) for other in others)
    found = [count for count in differing if count]
    return min(*found, _MOST) if found else ALONE


@dataclass(frozen=True)
class Identity:
    """What distinguishes a correction's row from others.

    ``column``: the header key of the corrected cell, ``""`` for the whole row. ``cells``: hashes of the row's other
    filled cells. ``whole``: see :func:`row_hash`. ``near``: see :func:`nearest_other`; 1 for a row without a key, in
    which no cell may differ. ``rows``: how many rows had the same text in all cells.
    """

    table: str
    key: str
    column: str
    old: str
    cells: frozenset[str]
    whole: str
    near: int
    rows: int = 1

    @property
    def alone(self) -> bool:
        """Whether no other row had the key."""
        return self.near == ALONE and self.rows == 1 and self.key != ""

    @classmethod
    def of(
        cls, table: str, key: str, column: str, row: Row, others: Sequence[Row], headers: Collection[str]
    ) -> "Identity":
        """The identity of a cell of ``row``.

        ``others``: all other rows with the same key. ``headers``: the header keys of the key's columns.
        """
        near = nearest_other(row, others, column) if key else 1
        rows = 1 + sum(all(row.get(name, "") == text for name, text in other.items()) for other in others)
        return cls(table, key, column, row.get(column, ""), _rest(column, row, headers), row_hash(row), near, rows)


@dataclass(frozen=True)
class Sibling:
    """Another correction of the same row: the header key of its column, and the texts that its cell may have."""

    column: str
    old: str
    new: str


@dataclass(frozen=True)
class KeyedRows:
    """All rows of a table with a certain key, or only those that can match. ``count``: how many rows have the key.

    ``headers``: the header keys of the key's columns.
    """

    at: Positions
    rows: Sequence[Row]
    headers: tuple[str, ...]
    count: int


def matching(wanted: Identity, siblings: Sequence[Sibling], keyed: KeyedRows, *, certain: bool = True) -> list[int]:
    """The positions in ``keyed.rows`` of the rows that match.

    Without ``certain``, any number of other corrections may already be in the row, because nothing will be changed.
    """
    exact, tolerated = [], []
    rests = [_rest(wanted.column, row, keyed.headers) for row in keyed.rows]
    for number, (row, rest) in enumerate(zip(keyed.rows, rests, strict=True)):
        if rest == wanted.cells:
            exact.append(number)
            continue
        count = _tolerated(wanted, siblings, row, rest)
        if count and (count < wanted.near or wanted.alone or not certain):
            tolerated.append(number)
    if exact or tolerated:
        return exact or tolerated
    one_row = wanted.alone and wanted.column and keyed.count == len(keyed.rows) == 1
    if one_row and 2 * len(wanted.cells & rests[0]) >= len(wanted.cells) > 0:
        return [0]
    return []


def _rest(column: str, row: Row, headers: Collection[str]) -> frozenset[str]:
    """Hashes of the filled cells of a row, without those of ``column`` and of the key."""
    return frozenset(hashed(name, text) for name, text in row.items() if name != column and name not in headers) - {""}


def _tolerated(wanted: Identity, siblings: Sequence[Sibling], row: Row, rest: frozenset[str]) -> int:
    """How many cells differ if only cells with corrections of their own differ; otherwise 0."""
    missing, extra = set(wanted.cells - rest), set(rest - wanted.cells)
    count = 0
    for one in siblings:
        if row.get(one.column, "") not in {one.old, one.new}:
            continue
        both = {hashed(one.column, one.old), hashed(one.column, one.new)}
        if both & (missing | extra):
            count += 1
            missing -= both
            extra -= both
    return 0 if missing or extra else count


def rows_by_key(keys: pa.Array, wanted: Collection[str]) -> dict[str, Positions]:
    """For each of the ``wanted`` keys that occurs, the positions of its rows."""
    names = pa.array(sorted(wanted), pa.string())
    codes = pc.index_in(keys, value_set=names).fill_null(-1).to_numpy(zero_copy_only=False)
    at = np.flatnonzero(codes >= 0)
    order = at[np.argsort(codes[at], kind="stable")]
    found, starts = np.unique(codes[order], return_index=True)
    parts = np.split(order, starts[1:]) if len(order) else []
    return {names[int(code)].as_py(): part for code, part in zip(found, parts, strict=True)}
