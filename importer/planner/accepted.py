"""What counts as accepted by WizCommerce: the body with which the source is compared the next time. Pure.

It says what the source says, and what the source said before and no longer says, but nothing that only WizCommerce has.
A child goes by the reference id that it has there.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from importer.planner.compare import KINDS, VANISHED, Body, Path
from importer.planner.field_changes import Stated
from importer.planner.matching import Matches
from importer.planner.updates import added
from importer.tables import ChildKind

__all__ = ["claimed_record", "merged_children", "merged_record"]

Clears = frozenset[Path]
Record = dict[str, Any]


def merged_record(old: Body, new: Body, clears: Clears = frozenset()) -> Record:
    """The record's own fields and attributes of ``new``, and those of ``old`` that it has no value for."""
    record = {
        name: value
        for name, value in {**old, **new}.items()
        if name not in (*KINDS, "attributes", VANISHED) and (name in new or (name,) not in clears)
    }
    given = {item["name"]: item for item in new.get("attributes") or ()}
    for item in old.get("attributes") or ():
        if ("attributes", item["name"]) not in clears:
            given.setdefault(item["name"], item)
    return {**record, "attributes": list(given.values())} if given else record


def claimed_record(current: Body, new: Body, clears: Clears = frozenset()) -> Record:
    """The record's own fields and attributes of ``current`` that ``new`` has a value for, or may empty."""
    record = {
        name: value
        for name, value in current.items()
        if name not in (*KINDS, "attributes") and (name in new or (name,) in clears)
    }
    record |= _names(current, new)
    names = {item["name"] for item in new.get("attributes") or ()}
    attributes = [
        item
        for item in current.get("attributes") or ()
        if item["name"] in names or ("attributes", item["name"]) in clears
    ]
    record |= {"attributes": attributes} if attributes else {}
    return record | ({VANISHED: True} if VANISHED in new else {})


def merged_children(
    kind: ChildKind, children: Sequence[Body], found: Matches, siblings: Sequence[Body], stated: Stated
) -> list[Record]:
    """The children of a kind: those of the source as they are after an update, and those that it has no more.

    ``siblings``: those that were there. One that the source has no more is marked, so that no other child is taken for
    it later. Where another child becomes the default, it is left open whether the one that was it still is.
    """
    made = list(_merged(kind, children, found, siblings, stated))
    moved = {record.get("type") for record, before, _ in made if record.get("is_default") and not before}
    return [
        {name: value for name, value in record.items() if name != "is_default"}
        if before and not sure and record.get("type") in moved
        else record
        for record, before, sure in made
    ]


def _merged(
    kind: ChildKind, children: Sequence[Body], found: Matches, siblings: Sequence[Body], stated: Stated
) -> Iterator[tuple[Record, bool, bool]]:
    """Records, each with whether it was the default before, and whether the source states that it is or is not."""
    for place, child in enumerate(children):
        sure = (kind, str(child["reference_id"])) in stated
        one = found.pairs.get(place)
        if one is not None and (one.active or one.accepted):
            before = one.accepted or one.current or {}
            renewed = merged_record(one.accepted or {}, _renewed(child, before, stated=sure))
            yield renewed if one.active else dict(before), bool(before.get("is_default")), sure
        elif one is None and place not in found.unclear:
            yield added(child, siblings, stated=sure), False, sure
    unclear = {other.name: other for others in found.unclear.values() for other in others}
    for one, mark in [*((one, {}) for one in unclear.values()), *((one, {VANISHED: True}) for one in found.rest)]:
        if one.accepted:
            yield {**one.accepted, **mark}, bool(one.accepted.get("is_default")), False


def _renewed(child: Body, before: Body, *, stated: bool) -> Record:
    """A child that is there after it was updated: it keeps its name, and its default unless ``stated``."""
    kept = () if stated else ("is_default",)
    record = {name: value for name, value in child.items() if name not in ("reference_id", *kept)}
    return record | _names(before, child) | {name: before[name] for name in kept if name in before}


def _names(before: Body, child: Body) -> Record:
    """By what a child is known again: its reference id, and WizCommerce's where it is not the one of the source."""
    ours = before.get("reference_id") == child.get("reference_id") and "id" not in child
    return {name: before[name] for name in (("reference_id",) if ours else ("reference_id", "id")) if before.get(name)}
