"""Pairs of children that go together best. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from importer.planner.similarity import Rank

__all__ = ["Assignment", "Pair"]

Pair = tuple[int, int]  # the places of a child and of a candidate


@dataclass
class Assignment:
    """Children and candidates, by their names, while they are assigned to each other. All else is by their places.

    ``unclear``: children, each with the candidates that fit it equally well. The order of neither list matters.
    """

    children: Sequence[str]
    candidates: Sequence[str]
    pairs: dict[int, int] = field(default_factory=dict)
    unclear: dict[int, list[int]] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)  # candidates that are assigned or unclear

    def open(self) -> list[int]:
        """The children that are not assigned, and not unclear."""
        return [place for place in range(len(self.children)) if place not in self.pairs and place not in self.unclear]

    def assign(self, ranks: Mapping[Pair, tuple[Rank, bool]]) -> None:
        """Take the best pairs first; each comes with whether to take it changes nothing.

        Of pairs that are equally good and exclude each other, none is taken; unless each child finds one of the
        candidates, and changes nothing in any of them.
        """
        taken = set(self.pairs.values())
        levels: dict[tuple[Rank, bool], list[Pair]] = defaultdict(list)
        for pair, rank in ranks.items():
            if pair[1] not in taken:
                levels[rank].append(pair)
        for level in sorted(levels, reverse=True):
            still, taken = set(self.open()), set(self.pairs.values())
            pairs = [pair for pair in levels[level] if pair[0] in still and pair[1] not in taken]
            for places, numbers, complete in _groups(pairs):
                self._settle(places, numbers, harmless=level[1] and complete and len(places) <= len(numbers))

    def _settle(self, places: set[int], numbers: set[int], *, harmless: bool) -> None:
        ordered = sorted(numbers, key=self.candidates.__getitem__)
        if (harmless or len(places) == len(numbers) == 1) and not numbers & self.used:
            self.pairs |= zip(sorted(places, key=self.children.__getitem__), ordered, strict=False)
            self.used |= {self.pairs[place] for place in places}
        else:
            self.unclear |= dict.fromkeys(places, ordered)
            self.used |= numbers


def _groups(pairs: Iterable[Pair]) -> Iterator[tuple[set[int], set[int], bool]]:
    """Children and candidates that hang together, directly or by way of others; and whether each goes with each."""
    children, candidates = defaultdict(set), defaultdict(set)
    for place, number in pairs:
        children[place].add(number)
        candidates[number].add(place)
    while children:
        reached, places, numbers, count = {next(iter(children))}, set(), set(), 0
        while reached:
            places |= reached
            own = [children.pop(place) for place in reached]
            count += sum(map(len, own))
            numbers |= set().union(*own)
            reached = set().union(*(candidates[number] for number in numbers)) - places
        yield places, numbers, count == len(places) * len(numbers)
