"""Rules about more than one record: reference ids are unique, defaults are single."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from importer.tables import ENTITIES, Entity, EntityTables, Sources
from importer.validation.describe import Finding
from importer.validation.field_places import arrow, row_texts
from importer.validation.possible_duplicates import SharedFindings

SHARED = ("duplicate_reference_id", "reference_id_case")  # what records of different customers can have in common

Positions = npt.NDArray[np.int64]


def relation_findings(tables: EntityTables, sources: Sources, shared: SharedFindings) -> Iterator[Finding]:
    """Reference ids used twice or differing only in case, as ``shared`` has them, and several defaults."""
    for entity in ENTITIES:
        for code in SHARED:
            if (others := shared.get((code, entity))) is not None:
                ids = arrow(tables.frame(entity)["reference_id"]).take(pa.array(others.records))
                yield Finding(
                    code, entity, "reference_id", others.records, ids, others=others.places, other_values=others.values
                )
    yield from _defaults(tables, sources, "address", by_type=True)
    yield from _defaults(tables, sources, "contact", by_type=False)


def same_ids(ids: pa.Array) -> dict[str, Positions]:
    """Code → for each id the position of another one that is the same, or the same but for its case; else -1."""
    if len(pc.utf8_lower(ids).drop_null().unique()) == len(ids) - ids.null_count:
        return dict.fromkeys(SHARED, np.full(len(ids), -1, np.int64))  # as in most lists, and soon found out
    exact = _codes(ids)
    folded = _codes(pc.utf8_lower(ids))
    # Within a group of one spelling in lower case: one record for each spelling, compared with the others.
    spelling = np.full(exact.max(initial=-1) + 1, -1, dtype=np.int64)
    known = np.flatnonzero(exact >= 0)
    spelling[exact[known[::-1]]] = known[::-1]
    firsts = spelling[spelling >= 0]
    twins = np.full(len(exact), -1, dtype=np.int64)
    other = _other_of_group(folded[firsts])
    twins[firsts[other >= 0]] = firsts[other[other >= 0]]
    twins[known] = twins[spelling[exact[known]]]
    return {"duplicate_reference_id": _other_of_group(exact), "reference_id_case": twins}


def _defaults(tables: EntityTables, sources: Sources, entity: Entity, *, by_type: bool) -> Iterator[Finding]:
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
    values = arrow(frame["is_default"]).cast(pa.string())
    records = np.flatnonzero(others >= 0)
    yield Finding(
        "several_defaults",
        entity,
        "is_default",
        records,
        values.take(pa.array(records)),
        others=row_texts(sources, frame["_row"].to_numpy()[others[records]]),
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
