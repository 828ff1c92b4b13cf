"""The records below a header."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from importer.loader.cells import NOWHERE, Kept

__all__ = ["Body", "positions"]

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Body:
    """The records below the header, by the column.

    ``columns``: strings without nulls, all of one length; a missing cell is ``""``. ``widths``: how many cells each
    record had. ``numbers``: the 1-based number of each record in its source, ascending. ``unfinished``: the last
    record has no line end. ``kept``: where the first columns lie.
    """

    columns: list[pa.ChunkedArray]
    widths: Numbers
    numbers: Numbers
    unfinished: bool = False
    kept: Kept = NOWHERE

    @classmethod
    def following(
        cls, columns: list[pa.ChunkedArray], widths: Numbers, start: int, *, unfinished: bool = False
    ) -> "Body":
        """Records that follow one another, the first of which is number ``start``."""
        return cls(columns, widths, np.arange(start, start + len(widths), dtype=np.int64), unfinished)

    def __len__(self) -> int:
        return len(self.widths)

    def row(self, index: int) -> list[str]:
        """The cells of one record."""
        return [column[index].as_py() for column in self.columns]


def positions(numbers: Numbers, wanted: Numbers) -> Numbers:
    """Where in ascending ``numbers`` those of ``wanted`` stand that are among them."""
    at = np.searchsorted(numbers, wanted)
    at, wanted = at[at < len(numbers)], wanted[at < len(numbers)]
    found: Numbers = at[numbers[at] == wanted]
    return found
