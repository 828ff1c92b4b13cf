"""Phone numbers as they are written, by whole columns: the digits of each, what stands before and behind them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from importer.mapping.byte_columns import Bytes, Mask

__all__ = ["Written", "digits_of"]

# A plus (or 00), digits with what stands between them, and perhaps an extension, too short to be a number itself.
_WRITTEN = (
    r"^(?P<abroad>\(?\+|00)?(?P<body>[0-9 ().\-/]*[0-9])"
    r"(?: *,? *(?i:x|#|ext|extn|extension)[.:]? *(?P<extension>[0-9]{1,6}))?$"
)
_LONGEST = 100  # bytes; libphonenumber refuses more than 250 characters
_MOST_DIGITS = 13  # of a number with a slash: more may be two numbers
# What a byte counts for: one sum over the bytes of a text tells how many there are of each kind.
_BITS = 16
_DIGIT, _SLASH, _PLUS, _OTHER = (1 << _BITS * place for place in range(4))
_MOST = (1 << _BITS) - 1


def _weights() -> npt.NDArray[np.int64]:
    weights = np.full(256, _OTHER, np.int64)
    weights[list(b" ().-")] = 0
    weights[list(b"0123456789")] = _DIGIT
    weights[list(b"/")] = _SLASH
    weights[list(b"+")] = _PLUS
    return weights


_WEIGHTS = _weights()


@dataclass(frozen=True)
class Written:
    """Numbers taken apart: ``abroad``: with a country code; ``digits``: without what tells so; null of all else."""

    abroad: Mask
    digits: pa.Array
    extensions: pa.Array


def digits_of(values: pa.Array) -> Written:
    """The digits of texts that are one plain number, perhaps with an extension."""
    plain, abroad, digits = _bare(values)
    left = np.flatnonzero(~plain & (pc.binary_length(values).to_numpy() <= _LONGEST))
    other = _with_extension(values.take(pa.array(left)))
    place = np.where(plain, np.arange(len(values)), -1)
    place[left] = np.arange(len(values), len(values) + len(left))
    abroad[left] = other.abroad
    extensions = pa.concat_arrays([pa.nulls(len(values), pa.string()), other.extensions])
    whole = pa.array(place, mask=place < 0)
    return Written(abroad, pa.concat_arrays([digits, other.digits]).take(whole), extensions.take(whole))


def _bare(values: pa.Array) -> tuple[Mask, Mask, pa.Array]:
    """(Whether a text is one number and nothing else, with a country code; its digits): byte by byte."""
    texts = Bytes.of(values)
    starts, ends, data = texts.starts, texts.ends, texts.data
    weights = _WEIGHTS.take(data)
    sums = np.append(0, np.cumsum(weights))
    counts = sums[ends] - sums[starts]
    padded = np.append(data, np.zeros(3, np.uint8))
    first, second = padded[starts], padded[starts + 1]
    zeros = (first == ord("0")) & (second == ord("0")) & (ends - starts > 2)
    plus = (first == ord("+")) | ((first == ord("(")) & (second == ord("+")))
    abroad = zeros | plus
    digits = (counts & _MOST) - 2 * zeros
    marks = np.where(first == ord("("), 2, 1)  # the marker's characters count for the length of a number
    length = digits + np.where(zeros, 2, np.where(plus, marks, 0))
    plain = counts < _OTHER
    plain &= (counts >> 2 * _BITS & _MOST) == plus
    plain &= (padded[ends - 1] >= ord("0")) & (padded[ends - 1] <= ord("9")) & (ends > starts)
    plain &= (length <= _MOST_DIGITS) | ((counts >> _BITS & _MOST) == 0)
    plain &= ends - starts <= _LONGEST
    kept = weights == _DIGIT
    kept[starts[zeros]] = kept[starts[zeros] + 1] = False
    offsets = np.append(np.int32(0), np.cumsum(kept, dtype=np.int32))[np.append(starts, ends[-1:])]
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data[kept])]
    return plain, abroad & plain, pa.Array.from_buffers(pa.string(), len(values), buffers)


def _with_extension(values: pa.Array) -> Written:
    parts = pc.extract_regex(values, _WRITTEN)
    abroad, body, extension = (pc.struct_field(parts, name) for name in ("abroad", "body", "extension"))
    digits = pc.replace_substring_regex(body, "[^0-9]", "")
    length = pc.add(pc.utf8_length(abroad), pc.utf8_length(digits))
    fits = pc.or_(pc.less_equal(length, _MOST_DIGITS), pc.invert(pc.match_substring(body, "/")))
    nothing = pa.scalar(None, pa.string())
    fits = pc.fill_null(fits, False)
    marked = pc.fill_null(pc.not_equal(abroad, ""), False).to_numpy(zero_copy_only=False)
    extension = pc.if_else(pc.and_(fits, pc.not_equal(extension, "")), extension, nothing)
    return Written(marked, pc.if_else(fits, digits, nothing), extension)
