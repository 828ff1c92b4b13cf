"""What an update writes: the customer's own fields by PATCH, each child by a request of its own. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from importer.planner.compare import Body, Path, body_of, content, records
from importer.planner.field_changes import Stated, changed, counts, in_effect
from importer.planner.matching import Candidate, Matches
from importer.tables import ChildKind

__all__ = ["ChildChange", "CustomerUpdate", "added", "child_changes", "own_changes"]


@dataclass(frozen=True, slots=True)
class ChildChange:
    """One write to a child of ``kind`` ("addresses" or "contacts").

    ``id``: WizCommerce's, None for a child to be added. ``reference_id``: the child's there. ``values``: the fields to
    set, attributes as ``{"attributes": {name: value}}``; of a child to be added the whole body. ``place``: that of the
    child in the new body's list.
    """

    kind: ChildKind
    id: str | None
    reference_id: str
    values: dict[str, Any]
    place: int | None


@dataclass(frozen=True, slots=True)
class CustomerUpdate:
    """``fields``: the body of the PATCH, empty when there is none; ``children``: the writes to children.

    ``before`` and ``after``: the values of the own fields that the PATCH sets, attributes as
    ``{"attributes": {name: value}}``; None where there was none. ``reports``: the children that are left alone, and
    why. ``accepted``: the body that counts as accepted once everything is written.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    children: tuple[ChildChange, ...] = ()
    reports: tuple[str, ...] = ()
    accepted: dict[str, Any] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether nothing is written."""
        return not self.fields and not self.children


def own_changes(
    new: Body, customer: Body, accepted: Body | None, clears: frozenset[Path]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The fields that a PATCH of ``customer`` (the ``data`` of an answer) sends, what was there before and is after.

    The list of attributes is whole: an API may take it for all there are.
    """
    current = body_of(customer)
    there = content(current)
    found = in_effect(changed(current if accepted is None else accepted, new), clears)
    paths = [change.where for change in found if there.get(change.where) != (change.after or None)]
    names = [path[0] for path in paths if path[0] != "attributes"]
    fields: dict[str, Any] = {name: new.get(name, "") for name in names}
    before: dict[str, Any] = {name: current.get(name) for name in names}
    after = dict(fields)
    if attributes := [path[1] for path in paths if path[0] == "attributes"]:
        shown, given = _values(records(customer.get("attributes"))), _values(new.get("attributes"))
        before["attributes"] = {name: shown.get(name) for name in attributes}
        after["attributes"] = {name: given.get(name, "") for name in attributes}
        fields["attributes"] = [{"name": name, "value": value} for name, value in (shown | after["attributes"]).items()]
    return fields, before, after


def child_changes(
    kind: ChildKind, new: Body, found: Matches, current: Body, stated: Stated
) -> Iterator[ChildChange | str]:
    """The writes to the children of a kind, and reports of those that are left alone.

    ``current``: WizCommerce's body. ``stated``: the kind and reference id of those whose default the source states.
    """
    for place, child in enumerate(new.get(kind) or ()):
        reference_id = str(child["reference_id"])
        label, one = f"{kind}[{reference_id}]", found.pairs.get(place)
        if place in found.unclear:
            others = " or ".join(f"{kind}[{other.name}]" for other in found.unclear[place])
            yield f"{label} may be {others} in WizCommerce, or none of them: neither changed nor added"
        elif one is None:
            body = added(child, current.get(kind) or (), stated=(kind, reference_id) in stated)
            yield ChildChange(kind, None, reference_id, body, place)
        elif one.current is None:
            continue  # somebody removed it there, and the source says what it said before
        elif not one.active:
            yield f"{label} is inactive in WizCommerce: neither changed nor added"
        elif values := _new_values(kind, child, one, stated):
            if child_id := one.current.get("id"):
                known = one.current.get("reference_id") or reference_id
                yield ChildChange(kind, str(child_id), str(known), values, place)
            else:
                yield f"{label} has no id in WizCommerce: not changed"


def _new_values(kind: ChildKind, child: Body, one: Candidate, stated: Stated) -> dict[str, Any]:
    """The values to set in a child: what changed since it was accepted, or differs, and is not there already."""
    there = content(one.current or {})
    reference_id = str(child["reference_id"])
    paths = [
        change.where[2:]
        for change in changed(one.accepted or one.current or {}, child, (kind, one.name), reference_id)
        if change.after is not None and counts(change, stated) and there.get(change.where[2:]) != change.after
    ]
    values: dict[str, Any] = {path[0]: child[path[0]] for path in paths if path[0] != "attributes"}
    if names := [path[1] for path in paths if path[0] == "attributes"]:
        given = _values(child.get("attributes"))
        values["attributes"] = {name: given[name] for name in names}
    return values


def added(child: Body, siblings: Sequence[Body], *, stated: bool) -> dict[str, Any]:
    """The body of a new child. It takes the default from a sibling only where the source states it."""
    taken = any(other.get("is_default") and other.get("type") == child.get("type") for other in siblings)
    return {**child, "is_default": False} if child.get("is_default") and taken and not stated else dict(child)


def _values(attributes: Sequence[Mapping[str, Any]] | None) -> dict[str, Any]:
    """Name -> value of each attribute that has one."""
    return {item["name"]: item["value"] for item in attributes or () if item.get("value") is not None}
