"""What is held against all customers: ids that occur twice, companies that are alike, names that are looked up."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from importer.partitions.partition import Part
from importer.partitions.worker import LINES, Made, company_texts, ids_and_places, lines, prints
from importer.tables import ENTITIES, Entity
from importer.validation.fingerprints import Twins, repeated
from importer.validation.possible_duplicates import CompanyLines, find_alike
from importer.validation.relations import same_ids
from importer.workflow.judging import Shared
from importer.workflow.resolve_lookups import Told

__all__ = ["shared_by_all"]

Positions = npt.NDArray[np.int64]
_Found = dict[tuple[str, Entity], Twins]


def shared_by_all(parts: Sequence[Part], made: Sequence[Made], *, alike: bool) -> list[Shared]:
    """For each part what its records have in common with those of all others."""
    others: list[_Found] = [{} for _ in parts]
    for entity in ENTITIES:
        _note_ids(parts, made, entity, others)
    if alike:
        _note_alike(parts, made, others)
    return [Shared(own, told) for own, told in zip(others, _told(made), strict=True)]


def _note_ids(parts: Sequence[Part], made: Sequence[Made], entity: Entity, others: Sequence[_Found]) -> None:
    counts = [one.counts[entity] for one in made]
    doubtful = np.flatnonzero(repeated(np.concatenate([prints(part, entity) for part in parts])))
    if not len(doubtful):
        return
    whose, records = _split(doubtful, counts)
    texts = [ids_and_places(parts[number], entity, records[own]) for number, own in _by_part(whose)]
    ids, places = (pa.concat_arrays(arrays) for arrays in zip(*texts, strict=True))
    for code, twins in same_ids(ids).items():
        for number, own in _by_part(whose):
            some = own[twins[own] >= 0]
            if len(some):
                at = pa.array(twins[some])
                others[number][code, entity] = Twins(records[some], places.take(at), ids.take(at))


def _note_alike(parts: Sequence[Part], made: Sequence[Made], others: Sequence[_Found]) -> None:
    known = {number: own for number, own in enumerate(map(lines, parts)) if own is not None}
    if not known:
        return
    some = list(known)
    counts = [one.counts["customer"] for one in made]
    firsts = np.cumsum([0, *counts])
    lengths = [len(own["code"]) for own in known.values()]
    customers = np.concatenate([own["customers"] + firsts[n] for n, own in known.items()])

    def texts(name: str, at: Positions) -> pa.Array:
        whose, local = _split(at, lengths)
        order = np.argsort(whose, kind="stable")
        found = [company_texts(parts[some[n]], name, local[own]) for n, own in _by_part(whose)]
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        return pa.concat_arrays([pa.array([], pa.string()), *found]).take(pa.array(back))

    joined = {name: np.concatenate([own[name] for own in known.values()]) for name in LINES if name != "customers"}
    del known
    twins = find_alike(CompanyLines(customers, joined["name"], joined["line"], joined["code"], texts), int(firsts[-1]))
    records = np.flatnonzero(twins >= 0)
    if not len(records):
        return
    ids, places = _of_customers(parts, counts, twins[records])
    whose, local = _split(records, counts)
    for number, own in _by_part(whose):
        at = pa.array(own)
        others[number]["customer_alike", "customer"] = Twins(local[own], places.take(at), ids.take(at))


def _of_customers(parts: Sequence[Part], counts: Sequence[int], wanted: Positions) -> tuple[pa.Array, pa.Array]:
    """The reference ids of these customers, and where they stand."""
    known, back = np.unique(wanted, return_inverse=True)
    whose, local = _split(known, counts)
    found = [ids_and_places(parts[number], "customer", local[own]) for number, own in _by_part(whose)]
    ids, places = (pa.concat_arrays(arrays).take(pa.array(back)) for arrays in zip(*found, strict=True))
    return ids, places


def _split(positions: Positions, counts: Sequence[int]) -> tuple[Positions, Positions]:
    """Positions over all parts → (the part of each, its position there)."""
    firsts = np.cumsum([0, *counts])
    whose = np.searchsorted(firsts, positions, side="right") - 1
    return whose.astype(np.int64), positions - firsts[whose]


def _by_part(whose: Positions) -> Iterator[tuple[int, Positions]]:
    """Each part that occurs, in order, with the places at which it does."""
    for number in np.unique(whose).tolist():
        yield number, np.flatnonzero(whose == number).astype(np.int64)


def _told(made: Sequence[Made]) -> list[Told]:
    """For each part the names that occur in it first, and how many customers have them in all."""
    totals: dict[str, dict[str, int]] = {}
    for one in made:
        for field, names in one.names.items():
            known = totals.setdefault(field, {})
            for name, count in names.items():
                known[name] = known.get(name, 0) + count
    told: list[Told] = []
    seen: dict[str, set[str]] = {field: set() for field in totals}
    for one in made:
        fresh = {field: [name for name in names if name not in seen[field]] for field, names in one.names.items()}
        told.append({field: {name: totals[field][name] for name in new} for field, new in fresh.items()})
        for field, new in fresh.items():
            seen[field].update(new)
    return told
