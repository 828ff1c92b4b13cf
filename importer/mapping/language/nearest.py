"""The nearest of many names, as difflib finds it, looking closely only at those that may be near enough."""

import difflib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

__all__ = ["Nearest"]

_KINDS = 32  # of letters: those that share a remainder count as the same, so that no name is left out wrongly
_ROUNDING = 1e-6

Counts = npt.NDArray[np.int16]


class Nearest:
    """Finds what ``difflib.get_close_matches(text, names, n=1, cutoff)`` finds.

    Texts cannot be nearer than the letters that they have in common allow; these are counted for all names at once.
    """

    def __init__(self, names: Iterable[str], cutoff: float) -> None:
        self._names = list(names)
        self._cutoff = cutoff
        self._lengths = np.array([len(name) for name in self._names], np.int64)
        self._counts = np.stack([_counts(name) for name in self._names]) if self._names else np.zeros((0, _KINDS))

    def __call__(self, text: str) -> str | None:
        """The name that is nearest to the text, or None where none is near."""
        both = self._lengths + len(text)
        some = np.flatnonzero(2.0 * np.minimum(self._lengths, len(text)) >= self._cutoff * both - _ROUNDING)
        common = np.minimum(self._counts[some], _counts(text)).sum(axis=1)
        likely = some[2.0 * common >= self._cutoff * both[some] - _ROUNDING]
        found = difflib.get_close_matches(text, [self._names[n] for n in likely.tolist()], n=1, cutoff=self._cutoff)
        return found[0] if found else None


def _counts(text: str) -> Counts:
    """How many letters of each kind a text has."""
    letters = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32) % _KINDS
    return np.bincount(letters, minlength=_KINDS).astype(np.int16)
