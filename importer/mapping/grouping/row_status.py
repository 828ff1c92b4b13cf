"""Where each row ends; of millions of rows, so few bytes each are kept."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from importer.mapping.columns import Mask
from importer.tables import TEXT, Sources

__all__ = ["Fates", "SkipReasons"]

_FEW = 2**31  # row positions and customers below it need half the bytes


class SkipReasons:
    """Why rows are skipped, by row position: texts of which there are few, None for rows that are not."""

    def __init__(self, count: int) -> None:
        self._codes = np.zeros(count, np.int16)
        self._known: list[str | None] = [None]

    def __getitem__(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.object_]:
        return np.array(self._known, object)[self._codes[rows]]

    def __setitem__(self, rows: npt.NDArray[np.int64], reasons: "str | npt.NDArray[np.object_]") -> None:
        if isinstance(reasons, str):
            self._codes[rows] = self._code(reasons)
            return
        encoded = pa.array(reasons, pa.string()).dictionary_encode(null_encoding="encode")
        codes = np.array([self._code(reason) for reason in encoded.dictionary.to_pylist()], np.int16)
        self._codes[rows] = codes[encoded.indices.to_numpy()]

    def _code(self, reason: str | None) -> int:
        if reason not in self._known:
            self._known.append(reason)
        return self._known.index(reason)

    def to_arrow(self) -> pa.Array:
        """The reasons as texts, null for rows that are not skipped."""
        return pa.array(self._known, pa.string()).take(pa.array(self._codes))


@dataclass
class Fates:
    """Where each row position ends: a customer, a skip with its reason, or a rejection."""

    customer: npt.NDArray[np.integer]
    skipped: SkipReasons
    rejected: Mask

    @classmethod
    def of(cls, sources: Sources) -> "Fates":
        """No row has a fate yet but those that the loader rejected."""
        count = sources.row_count
        broken = np.concatenate([np.zeros(0, bool), *(table.broken for table in sources.tables)])
        return cls(np.full(count, -1, np.int32 if count < _FEW else np.int64), SkipReasons(count), broken)

    def frame(self) -> pd.DataFrame:
        """The fates as ``EntityTables.rows``."""
        skipped = pd.Series(self.skipped.to_arrow().to_pandas(types_mapper=pd.ArrowDtype), dtype=TEXT)
        return pd.DataFrame({"customer": self.customer.astype(np.int64), "skipped": skipped, "rejected": self.rejected})
