"""Some rows of large columns: only the chunks that hold one of them are looked at, and nothing is put together before.

A column of a large source lies on disk in many chunks. Arrow's own ``take`` makes one array of all of them first.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

__all__ = ["take_rows", "taken"]

Positions = npt.NDArray[np.int64]


def taken(column: "pd.Series[Any] | pa.Array | pa.ChunkedArray", at: Positions) -> pa.Array:
    """``column[at]`` as one array."""
    array = pa.array(column) if isinstance(column, pd.Series) else column
    if isinstance(array, pa.Array):
        return array.take(pa.array(at))
    order = None if _ascending(at) else np.argsort(at, kind="stable")
    pieces = list(_pieces(array, at if order is None else at[order]))
    found = pa.concat_arrays(pieces) if pieces else pa.array([], array.type)
    if order is None:
        return found
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    return found.take(pa.array(back))


def take_rows(frame: pd.DataFrame, at: Positions) -> pa.Table:
    """Some rows of a frame; each column is one array."""
    return pa.table([taken(frame[name], at) for name in frame.columns], names=list(frame.columns))


def _ascending(at: Positions) -> bool:
    return bool((np.diff(at) >= 0).all())


def _pieces(array: pa.ChunkedArray, at: Positions) -> Iterator[pa.Array]:
    """What each chunk has of these positions, which are in ascending order."""
    start, low = 0, 0
    for chunk in array.chunks:
        high = low + int(np.searchsorted(at[low:], start + len(chunk)))
        if high > low:
            own = at[low:high] - start
            whole = own[-1] - own[0] == high - low - 1 and (np.diff(own) == 1).all()
            yield chunk.slice(own[0], high - low) if whole else chunk.take(pa.array(own))
        start, low = start + len(chunk), high
