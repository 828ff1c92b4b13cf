"""How an existing customer is updated to the source's values, and what then counts as accepted by WizCommerce.

Fields, attributes, and children without a value in the source stay as they are. The accepted body, which is compared
with the source next time, has the source's present and earlier values, but nothing that only WizCommerce has. A child
is identified by its reference ID in WizCommerce.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from importer.planner.compare import KINDS, VANISHED, Body, Path, body_of
from importer.planner.matching import Matches, match, present
from importer.planner.updates import (
    ChildChange,
    CustomerUpdate,
    FieldChange,
    Stated,
    child_changes,
    find_changes,
    in_effect,
    matches_of,
    new_child,
    own_changes,
)
from importer.tables import CHILD_ENTITIES, ChildKind

Clears = frozenset[Path]
Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Merger:
    """``clears``: the paths of fields and attributes of a customer that a blank in the source empties.

    ``spared``: reference ID -> the paths that a blank does not clear for this customer, because the source had a value
    that could not be used.
    ``stated_defaults``: reference ID -> kind and reference ID of the children whose ``is_default`` the source states;
    the ``is_default`` of any other existing child is never changed.
    """

    clears: Clears = frozenset()
    spared: Mapping[str, Clears] = field(default_factory=dict)
    stated_defaults: Mapping[str, frozenset[tuple[str, str]]] = field(default_factory=dict)

    def changes(self, old: Body, new: Body) -> list[FieldChange]:
        return in_effect(find_changes(old, new, self._stated(new)), self._clears(new))

    def same(self, accepted: Body, new: Body) -> bool:
        for kind in KINDS:
            found = matches_of(kind, accepted, new)
            if found.unclear or any(VANISHED in (one.accepted or {}) for one in found.pairs.values()):
                return False
        return not self.changes(accepted, new)

    def update(self, new: Body, customer: Body, accepted: Body | None, children: str | bytes | None) -> CustomerUpdate:
        """The update that gives ``customer`` (the ``data`` of an answer) the values of ``new`` that it lacks.

        With ``accepted`` (the body that was accepted last), only changes since then are sent; otherwise, all
        differences are sent.
        """
        current, stated, found = body_of(customer), self._stated(new), {}
        for kind in KINDS:
            ids = _ids(kind, children)
            found[kind] = match(kind, list(new.get(kind) or ()), present(kind, customer, accepted, ids), ids)
        fields, before, after = own_changes(new, customer, accepted, self._clears(new))
        planned = [item for kind in KINDS for item in child_changes(kind, new, found[kind], current, stated)]
        changes = tuple(item for item in planned if isinstance(item, ChildChange))
        reports = tuple(item for item in planned if isinstance(item, str))
        return CustomerUpdate(
            fields, before, after, changes, reports, self._merged(accepted or {}, new, found, current)
        )

    def overwriting(self, update: CustomerUpdate, accepted: Body, customer: Body) -> CustomerUpdate:
        """``update``, which was made without ``accepted`` because others have changed ``customer`` since.

        Accepted children that the source no longer has still count as accepted if ``customer`` has them.
        """
        body = dict(update.accepted)
        for kind in KINDS:
            known = {child.get("reference_id") for child in body.get(kind) or ()}
            there = {child.get("reference_id") for child in customer.get(kind) or ()} - known
            gone = [{**child, VANISHED: True} for child in accepted.get(kind) or () if child["reference_id"] in there]
            if gone:
                body[kind] = [*body.get(kind, ()), *gone]
        return replace(update, accepted=body)

    def merged(self, accepted: Body, new: Body) -> Record:
        """What counts as accepted after an update to ``new``; values that the source no longer has are kept."""
        return self._merged(accepted, new, {kind: matches_of(kind, accepted, new) for kind in KINDS}, accepted)

    def claimed(self, current: Body, new: Body) -> Record:
        """What counts as accepted if that is not known: the part of ``current`` that ``new`` has values for."""
        body = _claimed_record(current, new, self._clears(new))
        for kind in KINDS:
            children = list(new.get(kind) or ())
            pairs = matches_of(kind, current, new).pairs
            if pairs:
                body[kind] = [_claimed_record(pairs[at].accepted or {}, children[at]) for at in sorted(pairs)]
        return body

    def settled(self, customer: Body, accepted: Body, new: Body) -> Record:
        """What counts as accepted if an update, possibly from an earlier run, may have changed the customer since."""
        body = self.claimed(body_of(customer), self.merged(accepted, new))
        for kind in KINDS:  # a child that someone removed there must not be added again
            removed = [dict(one.accepted or {}) for one in present(kind, customer, accepted, {}) if not one.current]
            if removed:
                body[kind] = [*body.get(kind, ()), *removed]
        return body

    def kept(self, accepted: Body, new: Body) -> list[str]:
        return [f"{kind}[{one.name}]" for kind in KINDS for one in matches_of(kind, accepted, new).rest]

    def _clears(self, new: Body) -> Clears:
        return self.clears - self.spared.get(str(new["reference_id"]), frozenset())

    def _stated(self, new: Body) -> frozenset[tuple[str, str]]:
        return self.stated_defaults.get(str(new["reference_id"]), frozenset())

    def _merged(self, accepted: Body, new: Body, found: Mapping[ChildKind, Matches], there: Body) -> Record:
        body = _merged_record(accepted, new, self._clears(new))
        for kind in KINDS:
            children, siblings = list(new.get(kind) or ()), list(there.get(kind) or ())
            if made := _merged_children(kind, children, found[kind], siblings, self._stated(new)):
                body[kind] = made
        return body


def _ids(kind: ChildKind, children: str | bytes | None) -> dict[str, str]:
    return {
        str(item["reference_id"]): str(item["id"])
        for item in orjson.loads(children or b"[]")
        if item.get("entity") == CHILD_ENTITIES[kind] and item.get("reference_id") and item.get("id")
    }


def _merged_record(old: Body, new: Body, clears: Clears = frozenset()) -> Record:
    """The record's own fields and attributes in ``new``, and those in ``old`` that ``new`` has no value for."""
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


def _claimed_record(current: Body, new: Body, clears: Clears = frozenset()) -> Record:
    """The record's own fields and attributes in ``current`` that ``new`` has a value for or may empty."""
    claimed = {*new, *(path[0] for path in clears if len(path) == 1)} - {*KINDS, "attributes"}
    record = {name: value for name, value in current.items() if name in claimed} | _names(current, new)
    names = {item["name"] for item in new.get("attributes") or ()} | {path[1] for path in clears if len(path) == 2}
    if attributes := [item for item in current.get("attributes") or () if item["name"] in names]:
        record["attributes"] = attributes
    return record | ({VANISHED: True} if VANISHED in new else {})


def _merged_children(
    kind: ChildKind, children: Sequence[Body], found: Matches, siblings: Sequence[Body], stated: Stated
) -> list[Record]:
    """The children of a kind: the source's as they are after an update, and those that it no longer has.

    ``siblings``: the existing children. One that the source no longer has is marked, so that it is not matched with a
    different child later. If a different child becomes the default, it stays open whether the previous one still is.
    """
    made = list(_each_merged(kind, children, found, siblings, stated))
    moved = {record.get("type") for record, before, _ in made if record.get("is_default") and not before}
    return [
        {name: value for name, value in record.items() if name != "is_default"}
        if before and not sure and record.get("type") in moved
        else record
        for record, before, sure in made
    ]


def _each_merged(
    kind: ChildKind, children: Sequence[Body], found: Matches, siblings: Sequence[Body], stated: Stated
) -> Iterator[tuple[Record, bool, bool]]:
    """Records, each with whether it was the default before, and whether the source states that it is or is not."""
    for place, child in enumerate(children):
        sure = (kind, str(child["reference_id"])) in stated
        one = found.pairs.get(place)
        if one is not None and (one.active or one.accepted):
            before = one.accepted or one.current or {}
            renewed = _merged_record(one.accepted or {}, _renewed(child, before, stated=sure))
            yield renewed if one.active else dict(before), bool(before.get("is_default")), sure
        elif one is None and place not in found.unclear:
            yield new_child(child, siblings, stated=sure), False, sure
    unclear = {other.name: other for others in found.unclear.values() for other in others}
    for one, mark in [*((one, {}) for one in unclear.values()), *((one, {VANISHED: True}) for one in found.rest)]:
        if one.accepted:
            yield {**one.accepted, **mark}, bool(one.accepted.get("is_default")), False


def _renewed(child: Body, before: Body, *, stated: bool) -> Record:
    kept = () if stated else ("is_default",)
    record = {name: value for name, value in child.items() if name not in ("reference_id", *kept)}
    return record | _names(before, child) | {name: before[name] for name in kept if name in before}


def _names(before: Body, child: Body) -> Record:
    """How a child is recognized next time: its reference ID, and its ID unless both reference IDs are the same."""
    ours = before.get("reference_id") == child.get("reference_id") and "id" not in child
    return {name: before[name] for name in (("reference_id",) if ours else ("reference_id", "id")) if before.get(name)}
