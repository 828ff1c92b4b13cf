"""Finds the WizCommerce child of each source child: by WizCommerce's ID, by reference ID, then by content.

A child without an ID in the source gets a hash of its content, so a corrected value comes with a different ID. All
children of one kind are assigned together, best pairs first, none twice. If equally good pairs would lead to different
results, the children are unclear.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any

from importer.cell_text import fold
from importer.planner.compare import VANISHED, Body, Path, child_names, child_of, content, is_active, records
from importer.tables import ChildKind

Rank = tuple[int, ...]  # the more the better


@dataclass
class _Assignment:
    """Children and candidates, by name; the other fields use their places. The order of neither list matters.

    ``unclear``: children, each with the candidates that fit it equally well.
    """

    children: Sequence[str]
    candidates: Sequence[str]
    pairs: dict[int, int] = field(default_factory=dict)
    unclear: dict[int, list[int]] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)  # candidates that are assigned or unclear

    def open(self) -> list[int]:
        return [place for place in range(len(self.children)) if place not in self.pairs and place not in self.unclear]

    def assign(self, ranks: Mapping[tuple[int, int], tuple[Rank, bool]]) -> None:
        """Take the best pairs first. ``ranks``: pair → its rank, and whether taking the pair changes nothing.

        If equally good pairs exclude each other, none of them is taken, unless each child finds a candidate and changes
        nothing in any of them.
        """
        for level in sorted(set(ranks.values()), reverse=True):
            still, taken = set(self.open()), set(self.pairs.values())
            pairs = [pair for pair, rank in ranks.items() if rank == level]
            for places, numbers, count in _groups((a, b) for a, b in pairs if a in still and b not in taken):
                ordered = sorted(numbers, key=self.candidates.__getitem__)
                all_fit = count == len(places) * len(numbers) and len(places) <= len(numbers)
                if ((level[1] and all_fit) or len(places) == len(numbers) == 1) and not numbers & self.used:
                    self.pairs |= zip(sorted(places, key=self.children.__getitem__), ordered, strict=False)
                    self.used |= {self.pairs[place] for place in places}
                else:
                    self.unclear |= dict.fromkeys(places, ordered)
                    self.used |= numbers


def _groups(pairs: Iterable[tuple[int, int]]) -> list[tuple[set[int], set[int], int]]:
    """Groups of children and candidates connected directly or indirectly, each with the number of its pairs."""
    groups: list[tuple[set[int], set[int], int]] = []
    for place, number in pairs:
        linked = [group for group in groups if place in group[0] or number in group[1]]
        groups = [group for group in groups if group not in linked]
        places = {place}.union(*(group[0] for group in linked))
        numbers = {number}.union(*(group[1] for group in linked))
        groups.append((places, numbers, 1 + sum(group[2] for group in linked)))
    return groups


_EQUAL, _SAME, _CORRECTED = range(3)  # how much of a difference is allowed
_LEAST = 0.5  # minimum share of equal fields among those that both fill
_IGNORED = {("reference_id",), ("is_default",), ("type",)}
_KEY: Mapping[str, Path] = {"addresses": ("address_line_1",), "contacts": ("first_name",)}
_SUPPORT: Mapping[str, frozenset[Path]] = {
    "addresses": frozenset({("city",), ("zip_code",)}),
    "contacts": frozenset({("last_name",), ("email",)}),
}
_GENERATED = re.compile(r"-[0-9a-f]{12}$")  # the form of the IDs that importer.mapping makes for children without one


@dataclass(frozen=True, slots=True)
class _ChildContent:
    """What is compared of a child. ``generated``: the child's reference ID is a hash of its content."""

    kind: ChildKind
    type: str
    generated: bool
    values: Mapping[Path, str]

    @classmethod
    def of(cls, kind: ChildKind, child: Body) -> "_ChildContent":
        values = {path: fold(str(value)) for path, value in content(child).items() if path not in _IGNORED}
        generated = bool(_GENERATED.search(str(child.get("reference_id") or "")))
        return cls(kind, str(child.get("type")), generated, values)

    @property
    def identifying(self) -> set[tuple[Path, str]]:
        return {item for item in self.values.items() if item[0] == _KEY[self.kind] or item[0] in _SUPPORT[self.kind]}

    def rank(self, there: "_ChildContent", most: int, *, named: bool) -> Rank | None:
        """How well ``there`` fits this child of the source, which may differ by ``most``; None for a different child.

        A shared ID (``named``) outweighs any difference, unless everything must be equal. The first item is True if
        every value of the source is in ``there``.
        """
        both = self.values.keys() & there.values.keys()
        equal = {path for path in both if self.values[path] == there.values[path]}
        key, support = _KEY[self.kind], _SUPPORT[self.kind]
        contained = bool(equal) and len(equal) == len(self.values)
        same = key in equal and bool(equal & support)
        loose = key in equal or (bool(equal & support) and both & support <= equal)
        corrected = loose and most > _SAME and (self.generated or there.generated)
        fits = ((same and most >= _SAME) or corrected) and len(equal) >= _LEAST * len(both)
        if (named and most >= _SAME) or (self.type == there.type and (contained or fits)):
            return contained, same, len(equal), len(equal) - len(both), len(both) - len(there.values)
        return None


Ids = Mapping[str, str]  # reference id that was sent -> WizCommerce's id


@dataclass(frozen=True, slots=True)
class Candidate:
    """A child that may match one from the source: as WizCommerce has it (``current``), as it was ``accepted``, or both.

    ``most``: how much the source's child may differ. ``active``: whether the child is in use.
    """

    name: str
    accepted: Body | None = None
    current: Body | None = None
    most: int = _CORRECTED
    active: bool = True

    @property
    def id(self) -> object:
        return (self.current or self.accepted or {}).get("id")

    @property
    def reference_ids(self) -> set[str]:
        return {
            str(body["reference_id"]) for body in (self.accepted, self.current) if body and body.get("reference_id")
        }


@dataclass(frozen=True, slots=True)
class Matches:
    """Place of a child in the source's list → the candidate that it matches, or those that fit it equally well.

    A child in neither is new. ``rest``: the candidates that match no child and fit none.
    """

    pairs: Mapping[int, Candidate]
    unclear: Mapping[int, Sequence[Candidate]]
    rest: Sequence[Candidate]


def candidates_of(children: Sequence[Body] | None) -> list[Candidate]:
    return [Candidate(name, accepted=child) for name, child in zip(child_names(children), children or (), strict=True)]


def present(kind: ChildKind, customer: Body, accepted: Body | None, ids: Ids) -> list[Candidate]:
    """The children of ``customer`` (the ``data`` of an answer) with what was accepted of them, and those it lost."""
    shown = records(customer.get(kind))
    bodies = [child_of(kind, child) for child in shown]
    found = [
        Candidate(name, None, body, _CORRECTED if is_active(child) else _SAME, active=is_active(child))
        for name, body, child in zip(child_names(bodies), bodies, shown, strict=True)
    ]
    if accepted is None:
        return found
    there = {one.name: one for one in sorted(found, key=lambda one: (one.active, str(one.id)))}
    by_id = {str(one.id): one.name for one in there.values() if one.id}
    by_name = {name: one.name for one in there.values() for name in one.reference_ids}
    lost = []
    for name, child in zip(child_names(accepted.get(kind)), accepted.get(kind) or (), strict=True):
        known = str(child.get("reference_id") or "")
        link = by_id.get(str(ids.get(known) or child.get("id"))) or by_name.get(known)
        if link and there[link].accepted is None:
            there[link] = replace(there[link], accepted=child)
        elif VANISHED not in child:  # otherwise, neither the source nor WizCommerce has it
            lost.append(Candidate(name, child, most=_EQUAL, active=False))
    return [*there.values(), *lost]


def match(kind: ChildKind, children: Sequence[Body], candidates: Sequence[Candidate], ids: Ids) -> Matches:
    names = [str(child.get("reference_id") or "") for child in children]
    own = [_ChildContent.of(kind, child) for child in children]
    there = [_evidence(kind, candidate) for candidate in candidates]
    sent = [{ids.get(name) or child.get("id")} for name, child in zip(names, children, strict=True)]
    identifying = [set[Any]().union(*(one.identifying for one, _ in evidence)) for evidence in there]
    stages: Sequence[tuple[bool, Sequence[AbstractSet[Any]], Sequence[AbstractSet[Any]]]] = (
        (True, sent, [{candidate.id} for candidate in candidates]),
        (True, [{name} for name in names], [candidate.reference_ids for candidate in candidates]),
        (False, [one.identifying for one in own], identifying),
    )
    found = _Assignment(names, [candidate.name for candidate in candidates])
    for named, wanted, known in stages:
        index: dict[object, set[int]] = defaultdict(set)
        for number, keys in enumerate(known):
            for key in keys:
                index[key].add(number)
        ranks = {}
        for place in found.open():
            for number in set().union(*(index[key] for key in wanted[place] if key)):
                fitting = [own[place].rank(one, most, named=named) for one, most in there[number]]
                if best := max((rank for rank in fitting if rank is not None), default=None):
                    shared = names[place] in candidates[number].reference_ids
                    ranks[place, number] = (shared, *best, *_preferred(candidates[number])), bool(best[0])
        found.assign(ranks)
    pairs = {place: candidates[number] for place, number in found.pairs.items()}
    unclear = {place: [candidates[number] for number in numbers] for place, numbers in found.unclear.items()}
    return Matches(pairs, unclear, [one for number, one in enumerate(candidates) if number not in found.used])


def _evidence(kind: ChildKind, candidate: Candidate) -> list[tuple[_ChildContent, int]]:
    found = []
    for body in (candidate.accepted, candidate.current):
        if body is not None:
            one = _ChildContent.of(kind, body)
            sent = one.generated or (body is candidate.accepted and "id" not in body)
            most = _CORRECTED if sent and VANISHED not in (candidate.accepted or {}) else _SAME
            found.append((one, min(most, candidate.most)))
    return found


def _preferred(candidate: Candidate) -> Rank:
    sent = candidate.accepted is not None
    return candidate.active, sent and VANISHED not in (candidate.accepted or {}), sent
