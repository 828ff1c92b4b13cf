"""Which child of WizCommerce each child of the source is: by WizCommerce's id, by reference id, then by content. Pure.

Ids of children without an id of their own are hashes of their content, so a corrected value comes with another id. What
two children must have in common to be the same is in :mod:`importer.planner.similarity`. All children of one kind are
assigned together, best pairs first, none twice. Where equally good pairs would lead to different results, the children
are unclear.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

from importer.planner.assignment import Assignment
from importer.planner.comparable import Body, child_names
from importer.planner.compare import VANISHED, child_of, is_active, records
from importer.planner.similarity import CORRECTED, EQUAL, SAME, Likeness, Rank
from importer.tables import ChildKind

__all__ = ["Candidate", "Ids", "Matches", "candidates_of", "match", "present"]

Ids = Mapping[str, str]  # reference id that was sent -> WizCommerce's id


@dataclass(frozen=True, slots=True)
class Candidate:
    """A child that one of the source may be: as WizCommerce has it (``current``), as it was ``accepted``, or both.

    Both are children of bodies. ``most``: how much the child of the source may differ. ``active``: it is in use.
    """

    name: str
    accepted: Body | None = None
    current: Body | None = None
    most: int = CORRECTED
    active: bool = True

    @property
    def id(self) -> object:
        """The id that WizCommerce gave it; None when it is not known."""
        return (self.current or self.accepted or {}).get("id")

    @property
    def reference_ids(self) -> set[str]:
        """Those under which it is known."""
        return {
            str(body["reference_id"]) for body in (self.accepted, self.current) if body and body.get("reference_id")
        }


@dataclass(frozen=True, slots=True)
class Matches:
    """By the place of a child in the source's list: the candidate that it is, or those of which nobody can choose.

    A child in neither is new. ``rest``: the candidates that no child is, or may be.
    """

    pairs: Mapping[int, Candidate]
    unclear: Mapping[int, Sequence[Candidate]]
    rest: Sequence[Candidate]


def candidates_of(children: Sequence[Body] | None) -> list[Candidate]:
    """The children of a body that was accepted, or that WizCommerce has; the latter have ids."""
    return [Candidate(name, accepted=child) for name, child in zip(child_names(children), children or (), strict=True)]


def present(kind: ChildKind, customer: Body, accepted: Body | None, ids: Ids) -> list[Candidate]:
    """The children of ``customer`` (the ``data`` of an answer) with what was accepted of them, and those it lost."""
    shown = records(customer.get(kind))
    bodies = [child_of(kind, child) for child in shown]
    found = [
        Candidate(name, None, body, CORRECTED if is_active(child) else SAME, active=is_active(child))
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
        elif VANISHED not in child:  # else neither the source nor WizCommerce has it
            lost.append(Candidate(name, child, most=EQUAL, active=False))
    return [*there.values(), *lost]


def match(kind: ChildKind, children: Sequence[Body], candidates: Sequence[Candidate], ids: Ids) -> Matches:
    """Find the candidate that each of ``children`` is. The order of neither matters."""
    names = [str(child.get("reference_id") or "") for child in children]
    own = [Likeness.of(kind, child) for child in children]
    there = [_evidence(kind, candidate) for candidate in candidates]
    sent = [{ids.get(name) or child.get("id")} for name, child in zip(names, children, strict=True)]
    telling = [frozenset[Any]().union(*(one.telling for one, _ in evidence)) for evidence in there]
    stages: Sequence[tuple[bool, Sequence[AbstractSet[Any]], Sequence[AbstractSet[Any]]]] = (
        (True, sent, [{candidate.id} for candidate in candidates]),
        (True, [{name} for name in names], [candidate.reference_ids for candidate in candidates]),
        (False, [one.telling for one in own], telling),
    )
    found = Assignment(names, [candidate.name for candidate in candidates])
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


def _evidence(kind: ChildKind, candidate: Candidate) -> list[tuple[Likeness, int]]:
    """What a child can be compared with, and how much it may differ."""
    found = []
    for body in (candidate.accepted, candidate.current):
        if body is not None:
            one = Likeness.of(kind, body)
            sent = one.generated or (body is candidate.accepted and "id" not in body)
            most = CORRECTED if sent and VANISHED not in (candidate.accepted or {}) else SAME
            found.append((one, min(most, candidate.most)))
    return found


def _preferred(candidate: Candidate) -> Rank:
    """What decides between two that fit equally well: one in use, then one that we sent, best one not vanished."""
    sent = candidate.accepted is not None
    return candidate.active, sent and VANISHED not in (candidate.accepted or {}), sent
