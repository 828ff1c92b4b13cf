"""Records that are held against all others: by fingerprints, so that customers may be looked at some at a time."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from importer.tables import Entity

__all__ = ["Fingerprints", "Others", "Twins", "fingerprints", "repeated"]

Positions = npt.NDArray[np.int64]
Fingerprints = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Twins:
    """Records that have a twin. ``places`` and ``values``: where that one stands (``file:row``), and what it says."""

    records: Positions
    places: pa.Array
    values: pa.Array


Others = Mapping[tuple[str, Entity], Twins]  # (code of the problem, entity) → the records that have it


def fingerprints(texts: pa.Array) -> Fingerprints:
    """64 bits for each text, equal for equal ones; 0 for null."""
    data = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    known = data.is_valid().to_numpy(zero_copy_only=False)
    out = np.zeros(len(data), np.uint64)
    out[known] = pd.util.hash_array(data.drop_null().to_numpy(zero_copy_only=False), categorize=False)
    return out


def repeated(prints: Fingerprints) -> npt.NDArray[np.bool_]:
    """True where a fingerprint occurs more than once; never for that of null."""
    ordered = np.sort(prints)
    if not ((ordered[1:] == ordered[:-1]) & (ordered[1:] > 0)).any():  # as of most ids, and soonest found out so
        return np.zeros(len(prints), np.bool_)
    return pd.Series(prints).duplicated(keep=False).to_numpy() & (prints > 0)
