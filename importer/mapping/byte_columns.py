"""Whole columns of texts by their bytes: what needs a pattern is mostly rare, and bytes tell quickly where it is."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Bytes", "Mask", "folded", "trim"]

Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

# What people see as blank: Unicode white space (NBSP included) and zero-width marks that spreadsheets leave behind.
_OTHER_BLANKS = "\t\r\n\v\f\u00a0\u1680\u2000-\u200a\u200b\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
_BLANKS = f" {_OTHER_BLANKS}"
_TRIM = f"^[{_BLANKS}]+|[{_BLANKS}]+$"
_SPACE, _FIRST_OF_OTHERS = 0x20, 0x80  # all other blanks are below a space or not ASCII
_TAB, _RETURN = 0x09, 0x0D  # and what is between them: \t\n\v\f\r


@dataclass(frozen=True)
class Bytes:
    """The bytes of a string array (nulls have none), and where each text begins and ends among them."""

    starts: Places
    ends: Places
    data: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, values: pa.Array) -> "Bytes":
        """The bytes of an Arrow string array."""
        _, offsets, data = values.buffers()
        edges = np.zeros(1, np.int64)
        if len(values):
            edges = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1].astype(np.int64)
        own = np.frombuffer(data or b"", np.uint8)[edges[0] : edges[-1]]
        edges -= edges[0]
        return cls(edges[:-1], edges[1:], own)

    def rows_with(self, chosen: Mask) -> Mask:
        """True for texts that have any of the bytes chosen."""
        if not chosen.any():
            return np.zeros(len(self.starts), np.bool_)
        sums = np.append(np.int32(0), np.cumsum(chosen, dtype=np.int32))
        rows: Mask = sums[self.starts] != sums[self.ends]
        return rows

    @property
    def breaks(self) -> Mask:
        r"""True for bytes that are a tab or break a line: ``\t\n\v\f\r``."""
        mask: Mask = (self.data >= _TAB) & (self.data <= _RETURN)
        return mask

    @property
    def foreign(self) -> Mask:
        """True for bytes that are not ASCII."""
        mask: Mask = self.data >= _FIRST_OF_OTHERS
        return mask

    def to_arrow(self, like: pa.Array) -> pa.Array:
        """The bytes as a string array, null where ``like`` is."""
        offsets = pa.py_buffer(np.append(self.starts, self.ends[-1:]).astype(np.int32))
        texts = pa.Array.from_buffers(pa.string(), len(like), [None, offsets, pa.py_buffer(self.data)])
        return pc.if_else(like.is_valid(), texts, pa.scalar(None, pa.string())) if like.null_count else texts


def trim(values: pa.Array) -> pa.Array:
    """Take white space (NBSP and zero-width marks included) off both ends."""
    texts = Bytes.of(values)
    some = np.flatnonzero(texts.ends > texts.starts)
    ends = np.stack([texts.data[texts.starts[some]], texts.data[texts.ends[some] - 1]])
    at = some[((ends <= _SPACE) | (ends >= _FIRST_OF_OTHERS)).any(axis=0)]
    if not len(at):
        return values
    given = values.take(pa.array(at))
    trimmed = pc.replace_substring_regex(given, _TRIM, "")
    return values if trimmed.equals(given) else _with(values, at, trimmed)


def folded(values: pa.Array) -> pa.Array:
    """Without case, and with every run of white space as one space: how texts are compared that must be the same."""
    texts = Bytes.of(values)
    space = texts.data == _SPACE
    space[1:] &= space[:-1]
    space[:1] = False
    at = np.flatnonzero(texts.rows_with(space | texts.breaks | texts.foreign))
    lower = np.frombuffer(texts.data.tobytes().lower(), np.uint8)  # of ASCII alone
    if len(at):
        return _with(Bytes(texts.starts, texts.ends, lower).to_arrow(values), at, _folded(values.take(pa.array(at))))
    return values if np.array_equal(lower, texts.data) else Bytes(texts.starts, texts.ends, lower).to_arrow(values)


def _folded(values: pa.Array) -> pa.Array:
    single = pc.replace_substring_regex(values, f"[{_BLANKS}]+", " ")
    return pa.array([text.casefold() for text in single.to_pylist()], pa.string())


def _with(values: pa.Array, at: Places, texts: pa.Array) -> pa.Array:
    """The values with other texts at some places."""
    mask = np.zeros(len(values), np.bool_)
    mask[at] = True
    return pc.replace_with_mask(values, pa.array(mask), texts)
