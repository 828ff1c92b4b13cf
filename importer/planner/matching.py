"""Which child of WizCommerce each child of the source is: by WizCommerce's id, by reference id, then by content. Pure.

Ids of children without an id of their own are hashes of their content, so a corrected value comes with another id. By
content, two children of one type can be the same when at least half of the fields that both fill are equal (without
regard to case and surplus space; ids and defaults do not count), and when nothing speaks for two places or two people:

- An address or contact from WizCommerce of which nothing shows that we sent it must have the same street and the same
  town or post code, or the same first name and the same last name or e-mail. Otherwise it may be somebody else's work.
  So must one that we sent, when it is inactive, left the source some time ago, or has an id of the source's own, as the
  new one has: another id then means another child.
- Any other that we sent may have another street, but then not another town or post code as well; another first name,
  but then not another last name or e-mail as well.
- Whatever has all values that the source's child fills is the same.

All children of one kind are assigned together, best pairs first, none twice. Where equally good pairs would lead to
different results, the children are unclear.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from importer.planner.compare import VANISHED, child_of, is_active, records
from importer.planner.content import Body, Path, child_names, content
from importer.tables import ChildKind

__all__ = ["Candidate", "Ids", "Matches", "candidates_of", "match", "present"]

Ids = Mapping[str, str]  # reference id that was sent -> WizCommerce's id
Rank = tuple[int, ...]
Pair = tuple[int, int]  # the places of a child and of a candidate

EQUAL, SAME, CORRECTED = range(3)  # how much a child may differ from a candidate
_LEAST = 0.5  # of the fields that both fill
_IGNORED = {("reference_id",), ("is_default",), ("type",)}
_KEY: Mapping[str, Path] = {"addresses": ("address_line_1",), "contacts": ("first_name",)}
_SUPPORT: Mapping[str, frozenset[Path]] = {
    "addresses": frozenset({("city",), ("zip_code",)}),
    "contacts": frozenset({("last_name",), ("email",)}),
}
_GENERATED = re.compile(r"-[0-9a-f]{12}$")  # as importer.mapping makes ids of children that have none


@dataclass(frozen=True, slots=True)
class Candidate:
    """A child that one of the source may be: as WizCommerce has it (``current``), as it was ``accepted``, or both.

    Both are children of bodies. ``active``: it is in use. ``ours``: we sent it, though no accepted body has it.
    ``unclear``: several of WizCommerce's children fit what was accepted equally well.
    """

    name: str
    accepted: Body | None = None
    current: Body | None = None
    most: int = CORRECTED
    active: bool = True
    unclear: bool = False

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


def present(kind: ChildKind, new: Body, customer: Body, accepted: Body | None, ids: Ids) -> list[Candidate]:
    """The children of ``customer`` (the ``data`` of an answer) with what was accepted of them, and those it lost."""
    shown = records(customer.get(kind))
    bodies = [child_of(kind, child) for child in shown]
    there = {
        name: Candidate(name, None, body, SAME, active=is_active(child))
        for name, body, child in zip(child_names(bodies), bodies, shown, strict=True)
    }
    if accepted is None:
        sent = {name: one for name, one in there.items() if one.active and one.id in ids.values()}
        return [*(there | {name: replace(one, most=CORRECTED) for name, one in sent.items()}).values()]
    before = list(accepted.get(kind) or ())
    named = {child.get("reference_id") for child in new.get(kind) or ()} - {one.get("reference_id") for one in before}
    links = match(
        kind, before, [replace(one, most=EQUAL) for one in there.values() if not one.reference_ids & named], ids
    )
    lost = []
    for place, (name, child) in enumerate(zip(child_names(before), before, strict=True)):
        if linked := links.pairs.get(place):
            there[linked.name] = replace(linked, accepted=child, most=CORRECTED if linked.active else SAME)
        elif VANISHED not in child:  # else neither the source nor WizCommerce has it
            lost.append(Candidate(name, child, most=EQUAL, active=False, unclear=place in links.unclear))
    return [*there.values(), *lost]


def match(kind: ChildKind, children: Sequence[Body], candidates: Sequence[Candidate], ids: Ids) -> Matches:
    """Find the candidate that each of ``children`` is. The order of neither matters."""
    names = [str(child.get("reference_id") or "") for child in children]
    wanted = [ids.get(name) or child.get("id") for name, child in zip(names, children, strict=True)]
    contents = [_Content.of(child) for child in children]
    evidence = [_evidence(candidate) for candidate in candidates]
    by_id: dict[object, list[int]] = defaultdict(list)
    by_name: dict[str, list[int]] = defaultdict(list)
    for number, candidate in enumerate(candidates):
        by_id[candidate.id].append(number)
        for name in candidate.reference_ids:
            by_name[name].append(number)

    def ranks(choices: Mapping[int, Iterable[int]], *, named: bool) -> dict[Pair, Rank]:
        found = {}
        for place, numbers in choices.items():
            for number in numbers:
                own = [contents[place].rank(kind, there, named=named, most=most) for there, most in evidence[number]]
                if best := max((rank for rank in own if rank is not None), default=None):
                    candidate = candidates[number]
                    found[place, number] = (names[place] in candidate.reference_ids, *best, *_preferred(candidate))
        return found

    found = _Assignment(names, candidates)
    found.assign(ranks({place: by_id[wanted[place]] for place in found.open() if wanted[place]}, named=True))
    found.assign(ranks({place: by_name[names[place]] for place in found.open()}, named=True))
    left = [number for number in range(len(candidates)) if number not in found.taken]
    found.assign(ranks(dict.fromkeys(found.open(), left), named=False))
    return found.matches()


@dataclass(frozen=True, slots=True)
class _Content:
    """What of a child counts in a comparison."""

    type: str
    generated: bool
    items: frozenset[tuple[Path, str]]
    fields: frozenset[Path]

    @classmethod
    def of(cls, child: Body) -> "_Content":
        values = content(child)
        items = frozenset((path, _plain(value)) for path, value in values.items() if path not in _IGNORED)
        generated = bool(_GENERATED.search(str(child.get("reference_id") or "")))
        return cls(str(child.get("type")), generated, items, frozenset(path for path, _ in items))

    def rank(self, kind: ChildKind, there: "_Content", *, named: bool, most: int) -> Rank | None:
        """How well ``there`` fits; more is better. None: it cannot be the same, unless an id says so (``named``)."""
        equal = {path for path, _ in self.items & there.items}
        both = self.fields & there.fields
        support = _SUPPORT[kind]
        contained = bool(equal) and len(equal) == len(self.items)
        strict = _KEY[kind] in equal and bool(equal & support)
        loose = _KEY[kind] in equal or (bool(equal & support) and not (both - equal) & support)
        corrected = loose and most == CORRECTED and (self.generated or there.generated)
        fits = (strict and most != EQUAL) or corrected
        if named or (self.type == there.type and (contained or (fits and len(equal) >= _LEAST * len(both)))):
            return contained, strict, len(equal), len(equal) - len(both), len(both) - len(there.fields)
        return None


def _evidence(candidate: Candidate) -> list[tuple[_Content, int]]:
    """What a child can be compared with, and how much it may differ."""
    found, most = [], candidate.most
    if candidate.accepted is not None:
        own = most if not {VANISHED, "id"} & candidate.accepted.keys() else min(most, SAME)
        found.append((_Content.of(candidate.accepted), own))
        most = min(most, SAME)
    if candidate.current is not None:
        found.append((_Content.of(candidate.current), most))
    return found


def _preferred(candidate: Candidate) -> Rank:
    """What decides between two that fit equally well: one in use, then one that we sent, best one not vanished."""
    sent = candidate.accepted is not None
    return candidate.active, sent and VANISHED not in (candidate.accepted or {}), sent


def _plain(value: object) -> str:
    return " ".join(unicodedata.normalize("NFKC", str(value)).split()).casefold()


@dataclass
class _Assignment:
    """Children and candidates, by their places, while they are assigned to each other."""

    names: Sequence[str]
    candidates: Sequence[Candidate]
    pairs: dict[int, int] = field(default_factory=dict)
    unclear: dict[int, set[int]] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)
    doubted: set[int] = field(default_factory=set)  # those of which nobody can choose

    def open(self) -> list[int]:
        """The children that are not assigned."""
        return [place for place in range(len(self.names)) if place not in self.pairs and place not in self.unclear]

    def assign(self, ranks: Mapping[Pair, Rank]) -> None:
        """Take the best pairs first. Of equally good ones that exclude each other none is taken."""
        levels = defaultdict(list)
        for pair, rank in ranks.items():
            levels[rank].append(pair)
        for rank in sorted(levels, reverse=True):
            still = set(self.open())
            pairs = [(place, number) for place, number in levels[rank] if place in still and number not in self.taken]
            for places, numbers in _groups(pairs):
                single = len(places) == len(numbers) == 1
                alike = (
                    not single
                    and bool(rank[1])
                    and len(places) * len(numbers) == len([place for place, _ in pairs if place in places])
                )
                self._settle(places, numbers, sure=single or (alike and len(places) <= len(numbers)))

    def _settle(self, places: set[int], numbers: set[int], *, sure: bool) -> None:
        """``sure``: there is one pair; or each child has all its values in each candidate, so that nothing changes."""
        if sure and not numbers & self.doubted:
            ordered = sorted(places, key=self.names.__getitem__)
            self.pairs |= zip(ordered, self._ordered(numbers), strict=False)
            self.taken |= {self.pairs[place] for place in places}
        else:
            self.unclear |= dict.fromkeys(places, numbers)
            self.doubted |= numbers

    def _ordered(self, numbers: Iterable[int]) -> list[int]:
        return sorted(numbers, key=lambda number: self.candidates[number].name)

    def matches(self) -> Matches:
        """What was found. A child whose only candidate is unclear itself is unclear."""
        pairs = {place: self.candidates[number] for place, number in self.pairs.items()}
        unclear = {place: [self.candidates[at] for at in self._ordered(own)] for place, own in self.unclear.items()}
        unclear |= {place: [candidate] for place, candidate in pairs.items() if candidate.unclear}
        used = self.taken | self.doubted
        rest = [candidate for number, candidate in enumerate(self.candidates) if number not in used]
        return Matches({place: one for place, one in pairs.items() if not one.unclear}, unclear, rest)


def _groups(pairs: Iterable[Pair]) -> Iterator[tuple[set[int], set[int]]]:
    """The children and candidates that hang together, directly or by way of others."""
    children, candidates = defaultdict(set), defaultdict(set)
    for place, number in pairs:
        children[place].add(number)
        candidates[number].add(place)
    while children:
        places, numbers = set(), set()
        reached = {next(iter(children))}
        while reached:
            places |= reached
            numbers |= set().union(*(children.pop(place) for place in reached))
            reached = set().union(*(candidates[number] for number in numbers)) - places
        yield places, numbers
