"""Numbers that differ in their last digits only: what the first ones decide is found out once for all of them.

A numbering plan says of most numbers how they begin and how long they are, and leaves the last digits free. How many
are free is read from the plan's own patterns; where these say more than is understood here, no digit counts as free.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Heads", "NumberFates", "free_digits", "width"]

NumberFates = npt.NDArray[np.int8]

_UNKNOWN, _ALONE = 0, -1  # beside the fates that are told
_MOST = 7  # digits of a head: there is a byte for each that can be
_LONGEST = 18  # digits of a number that is counted with
# What libphonenumber's patterns are made of, apart from groups: one digit, and how often.
_ONE = r"(?:\\d|\[[0-9-]+\]|[0-9])(?:\{(\d+)(?:,(\d+))?\}|(\?))?"
_ANY = re.compile(r"\\d(?:\{(\d+)(?:,\d+)?\})?")
_LAST_ONES = re.compile(r"(?:\\d(?:\{\d+(?:,\d+)?\})?)*$")


def free_digits(pattern: str, length: int) -> int:
    """How many last digits of a number of this length do not matter to a pattern; all where no such number fits."""
    free = length
    for branch in _branches(pattern):
        inside = _inside(branch)
        if inside is not None:
            free = min(free, free_digits(inside, length))
        elif _may_have(branch, length):
            ones = _LAST_ONES.search(branch)
            free = min(free, sum(int(times or 1) for times in _ANY.findall(ones[0] if ones else "")))
    return free


def width(pattern: str) -> int | None:
    """At most so many characters a pattern looks at; None where that is not understood."""
    plain = re.sub(r"\\d|\[[0-9-]+\]", "0", pattern)
    if not re.fullmatch(r"[0-9|()?:]*", plain):
        return None
    return len(plain) if "(" in plain else max(map(len, plain.split("|")))


def _branches(pattern: str) -> list[str]:
    """The alternatives of a pattern."""
    found, depth = [""], 0
    for letter in pattern:
        depth += (letter == "(") - (letter == ")")
        if letter == "|" and not depth:
            found.append("")
        else:
            found[-1] += letter
    return found


def _inside(branch: str) -> str | None:
    """What stands in the one group that a branch is; None where it is anything else."""
    if not (branch.startswith("(?:") and branch.endswith(")")):
        return None
    depth = 0
    for place, letter in enumerate(branch):
        depth += (letter == "(") - (letter == ")")
        if not depth:
            return branch[3:-1] if place == len(branch) - 1 else None
    return None


def _may_have(branch: str, length: int) -> bool:
    """Whether a text of this length can fit a branch; of one with groups that is not known."""
    if not re.fullmatch(f"(?:{_ONE})*", branch):
        return True
    counts = [(int(least or not maybe), int(most or least or 1)) for least, most, maybe in re.findall(_ONE, branch)]
    return sum(least for least, _ in counts) <= length <= sum(most for _, most in counts)


@dataclass(frozen=True)
class Heads:
    """What is known of numbers of one ``length``, of which the last ``free`` digits do not matter.

    ``known``: by the other digits as a number, the fate; 0 where nobody asked yet. ``apart``: numbers that begin so are
    looked at one by one.
    """

    length: int
    free: int
    known: NumberFates
    apart: str | None = None

    @classmethod
    def of(cls, length: int, free: int, looked_at: int, apart: str | None) -> "Heads | None":
        """Nothing is known yet. None where too many digits matter.

        ``free``: of each pattern's end, ``looked_at``: digits at the beginning that matter to anything else.
        """
        size = max(length - free, looked_at)
        if size > min(length, _MOST) or length > _LONGEST:
            return None
        return cls(length, length - size, np.zeros(10**size, np.int8), apart)

    def fates(self, digits: pa.Array, judge: Callable[[pa.Array], NumberFates]) -> NumberFates:
        """The fate of each number: what ``judge`` says of it, or of one that begins in the same way."""
        heads = digits.cast(pa.int64()).to_numpy() // 10**self.free
        fates: NumberFates = self.known[heads]
        new = np.unique(heads[fates == _UNKNOWN])
        if len(new):
            self.known[new] = self._found(new, judge)
            fates = self.known[heads]
        alone = np.flatnonzero(fates == _ALONE)
        if len(alone):
            fates[alone] = judge(digits.take(pa.array(alone)))
        return fates

    def _found(self, heads: npt.NDArray[np.int64], judge: Callable[[pa.Array], NumberFates]) -> NumberFates:
        texts = pc.utf8_lpad(pa.array(heads * 10**self.free).cast(pa.string()), self.length, "0")
        fates = judge(texts)
        if self.apart is not None:
            fates[pc.match_substring_regex(texts, self.apart).to_numpy(zero_copy_only=False)] = _ALONE
        return fates
