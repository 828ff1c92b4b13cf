"""Rules about more than one record: reference ids are unique, defaults are single."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from importer.tables import ENTITIES, Entity, EntityTables
from importer.validation.places import arrow
from importer.validation.problems import Finding

__all__ = ["relation_findings"]

Positions = npt.NDArray[np.int64]


def relation_findings(tables: EntityTables) -> Iterator[Finding]:
    """Reference ids used twice or differing only in case (per entity, over all customers), and defaults too many."""
    for entity in ENTITIES:
        if "reference_id" in tables.frame(entity).columns:
            yield from _shared_ids(tables, entity)
    yield from _defaults(tables, "address", by_type=True)
    yield from _defaults(tables, "contact", by_type=False)


def _shared_ids(tables: EntityTables, entity: Entity) -> Iterator[Finding]:
    frame = tables.frame(entity)
    ids = arrow(frame["reference_id"])
    if len(pc.utf8_lower(ids).drop_null().unique()) == len(ids) - ids.null_count:
        return  # as in most lists, and twice as fast to find out as by the two codes below
    exact = _codes(ids)
    folded = _codes(pc.utf8_lower(ids))
    others = _other_of_group(exact)
    yield _about_two(tables, "duplicate_reference_id", entity, ids, others)
    # Within a group of one spelling in lower case: one record for each spelling, compared with the others.
    spelling = np.full(exact.max(initial=-1) + 1, -1, dtype=np.int64)
    known = np.flatnonzero(exact >= 0)
    spelling[exact[known[::-1]]] = known[::-1]
    firsts = spelling[spelling >= 0]
    twins = np.full(len(exact), -1, dtype=np.int64)
    other = _other_of_group(folded[firsts])
    twins[firsts[other >= 0]] = firsts[other[other >= 0]]
    twins[known] = twins[spelling[exact[known]]]
    yield _about_two(tables, "reference_id_case", entity, ids, twins)


def _defaults(tables: EntityTables, entity: Entity, *, by_type: bool) -> Iterator[Finding]:
    frame = tables.frame(entity)
    if "is_default" not in frame.columns:
        return
    flagged = np.flatnonzero(pc.fill_null(arrow(frame["is_default"]), False).to_numpy(zero_copy_only=False))
    group = frame["_customer"].to_numpy()[flagged]
    if by_type and "type" in frame.columns:
        kind = _codes(arrow(frame["type"]).take(pa.array(flagged)))
        group = group * (kind.max(initial=0) + 2) + kind + 1
    _, first, inverse = np.unique(group, return_index=True, return_inverse=True)
    leader = first[inverse]
    others = np.full(len(frame), -1, dtype=np.int64)
    extra = leader != np.arange(len(flagged))
    others[flagged[extra]] = flagged[leader[extra]]
    yield _about_two(tables, "several_defaults", entity, arrow(frame["is_default"]).cast(pa.string()), others)


def _about_two(tables: EntityTables, code: str, entity: Entity, values: pa.Array, others: Positions) -> Finding:
    """A finding for every record that has another one; ``others`` holds record positions, -1 for none."""
    records = np.flatnonzero(others >= 0)
    return Finding(
        code,
        entity,
        "is_default" if code == "several_defaults" else "reference_id",
        records,
        values.take(pa.array(records)),
        others=tables.frame(entity)["_row"].to_numpy()[others[records]],
        other_values=values.take(pa.array(others[records])),
    )


def _codes(texts: pa.Array) -> Positions:
    """Equal texts → equal numbers from 0; null → -1."""
    codes: Positions = pc.fill_null(pc.dictionary_encode(texts).indices, -1).to_numpy(zero_copy_only=False)
    return codes.astype(np.int64)


def _other_of_group(codes: Positions) -> Positions:
    """For each item the position of another of the same code: the first, and for the first the second; else -1."""
    others = np.full(len(codes), -1, dtype=np.int64)
    shared = np.flatnonzero((codes >= 0) & (np.bincount(codes + 1, minlength=1)[codes + 1] > 1))
    order = shared[np.argsort(codes[shared], kind="stable")]
    if len(order) == 0:
        return others
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    lengths = np.diff(starts, append=len(order))
    others[order] = np.repeat(order[starts], lengths)
    others[order[starts]] = order[starts + 1]
    return others
