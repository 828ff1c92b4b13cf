"""Ids of children that have none of their own: from the customer, the role, and the cells that a child comes from."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.mapping.columns import Codes, Column, Mask, folded
from importer.mapping.fields import LIST_SEPARATOR

__all__ = ["Given", "SourceTexts", "child_ids"]

_MOST = 255  # characters of a reference id
_DIGEST = 12  # hexadecimal digits: 48 bits, within one customer's children


@dataclass(frozen=True)
class SourceTexts:
    """The cells of all lines, by sets of lines that read the same columns: the sets' columns one below the other.

    ``starts``: the number of each set's first line. A line's text is its cells in a row, folded; it is put together
    only where it is needed. ``texts``: the folded distinct values of each column.
    """

    parts: Sequence[tuple[Column, ...]]
    texts: Sequence[tuple[pa.Array, ...]]
    starts: Codes

    @classmethod
    def of(cls, parts: Sequence[tuple[Column, ...]], lengths: Sequence[int]) -> "SourceTexts":
        """The cells of sets of these lengths."""
        texts = [tuple(folded(part.values) for part in own) for own in parts]
        return cls(parts, texts, np.cumsum([0, *lengths[:-1]]).astype(np.int64))

    def least(self, order: Codes, group: Codes, first: Codes, wanted: Codes) -> pa.Array:
        """The least text of each wanted group, so that the order of rows does not matter to an id.

        ``order``: the lines as they are sorted, ``group``: the group of each then, ``first``: each group's first place.
        """
        heads = order[first]
        texts = self._texts(heads[wanted])
        others = np.ones(len(order), bool)
        others[first] = False
        at = np.flatnonzero(others)
        mixed = np.zeros(len(first), bool)
        mixed[group[at[self._differ(order[at], heads[group[at]])]]] = True
        mixed[np.setdiff1d(np.arange(len(first)), wanted, assume_unique=True)] = False
        again = np.flatnonzero(mixed[group])
        if not len(again):
            return texts
        own = self._texts(order[again])
        rank = pc.rank(own, tiebreaker="dense").to_numpy().astype(np.int64)
        sorted_ = np.lexsort((rank, group[again]))
        groups, least = np.unique(group[again][sorted_], return_index=True)
        chosen = np.zeros(len(wanted), bool)
        chosen[np.searchsorted(wanted, groups)] = True
        return pc.replace_with_mask(texts, pa.array(chosen), own.take(pa.array(sorted_[least])))

    def _sets(self, lines: Codes) -> Codes:
        return np.searchsorted(self.starts, lines, side="right") - 1

    def _texts(self, lines: Codes) -> pa.Array:
        sets = self._sets(lines)
        place = np.empty(len(lines), np.int64)
        texts = []
        count = 0
        for number in np.unique(sets).tolist():
            own = np.flatnonzero(sets == number)
            texts.append(self._joined(number, lines[own] - self.starts[number]))
            place[own] = np.arange(count, count + len(own))
            count += len(own)
        if len(texts) == 1:
            return texts[0]
        return pa.concat_arrays([*texts, pa.array([], pa.string())]).take(pa.array(place))

    def _joined(self, number: int, at: Codes) -> pa.Array:
        """The texts of some lines of one set."""
        cells = []
        for part, texts in zip(self.parts[number], self.texts[number], strict=True):
            codes = part.codes[at]
            cells.append(texts.take(pa.array(codes, mask=codes < 0)))
        if not cells:
            return pa.repeat(pa.scalar("", pa.string()), len(at))
        return pc.binary_join_element_wise(*cells, LIST_SEPARATOR, null_handling="replace", null_replacement="")

    def _differ(self, lines: Codes, heads: Codes) -> Mask:
        """Whether the lines' cells are not those of their ``heads``, letter for letter."""
        sets = self._sets(lines)
        differ: Mask = sets != self._sets(heads)
        for number, parts in enumerate(self.parts):
            own = np.flatnonzero((sets == number) & ~differ)
            mine, theirs = lines[own] - self.starts[number], heads[own] - self.starts[number]
            for part in parts:
                differ[own] |= part.codes[mine] != part.codes[theirs]
        return differ


@dataclass(frozen=True)
class Given:
    """What ids are made of besides the cells: each child's own, whether its row made several, its role and owner."""

    own: Column
    several: Mask
    roles: pa.Array
    owners: pa.Array


def child_ids(given: Given, wanting: Codes, texts: pa.Array) -> pa.Array:
    """Ids: the source's own (with the type behind it where one row made several), else prefix, role and hash.

    ``wanting``: the children without an id of their own, ``texts``: the text of each of them.
    """
    kept = given.own.to_arrow()
    typed = pc.binary_join_element_wise(kept, pc.fill_null(given.roles, ""), "-")
    kept = pc.if_else(pa.array(given.several), typed, kept)
    if not len(wanting):
        return kept
    owners = pc.fill_null(given.owners.take(pa.array(wanting)), "")
    roles = pc.fill_null(given.roles.take(pa.array(wanting)), "")
    contents = pc.binary_join_element_wise(owners, roles, texts, LIST_SEPARATOR)
    made = pc.binary_join_element_wise(_cut(owners, roles), roles, _digests(contents), "-")
    mask = np.zeros(len(kept), bool)
    mask[wanting] = True
    return pc.replace_with_mask(kept, pa.array(mask), made)


def _cut(owners: pa.Array, roles: pa.Array) -> pa.Array:
    """The customers' ids as long as ids of children leave room for."""
    room = pc.subtract(_MOST - _DIGEST - 2, pc.utf8_length(roles))
    long = pc.greater(pc.utf8_length(owners), room)
    pairs = zip(owners.filter(long).to_pylist(), room.filter(long).to_pylist(), strict=True)
    return pc.replace_with_mask(owners, long, pa.array([owner[:left] for owner, left in pairs], pa.string()))


def _digests(contents: pa.Array) -> pa.Array:
    """A digest of each text, in hexadecimal digits."""
    texts = contents.cast(pa.binary()).to_numpy(zero_copy_only=False)
    raw = b"".join([hashlib.blake2b(text, digest_size=_DIGEST // 2).digest() for text in texts])
    offsets = np.arange(len(texts) + 1, dtype=np.int32) * _DIGEST
    return pa.StringArray.from_buffers(len(texts), pa.py_buffer(offsets), pa.py_buffer(raw.hex().encode()))
