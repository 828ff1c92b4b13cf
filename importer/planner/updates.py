"""What changes in a customer, and the requests of an update: one PATCH, and one request for each changed child.

Bodies are those of :mod:`importer.planner.compare`. The order of ids, attributes and children does not count.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from importer.planner.compare import KINDS, Body, Path, attribute_values, body_of, child_names, content, path_text
from importer.planner.matching import Candidate, Matches, candidates_of, match
from importer.tables import ChildKind

Stated = Collection[tuple[str, str]]  # kind and reference id of the children whose default the source states


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field with a different value. ``where`` is its path, and None in ``before`` or ``after`` means no value.

    A child is identified by its earlier name: its reference ID, or its ID if it has none. ``child`` is its reference ID
    in the new body, if it is there. All fields of a new or removed child are changes.
    """

    where: Path
    before: Any
    after: Any
    child: str | None = None

    @property
    def path(self) -> str:
        return path_text(self.where)


def find_changes(old: Body, new: Body, stated: Stated | None = None) -> list[FieldChange]:
    """All differences between ``new`` and ``old``, except in a child that matches several children equally well.

    A child of ``old`` keeps its reference id, and its default unless ``stated`` (None: all are).
    """
    changes = _record_changes(old, new)
    for kind in KINDS:
        children = list(new.get(kind) or ())
        found = matches_of(kind, old, new)
        for place, (name, child) in enumerate(zip(child_names(children), children, strict=True)):
            if place in found.unclear:
                continue
            one = found.pairs.get(place)
            before, known = ({}, name) if one is None else (one.accepted or {}, one.name)
            own = _record_changes(before, child, (kind, known), name)
            changes += own if one is None else [change for change in own if _counts(change, stated)]
        for one in found.rest:
            changes += _record_changes(one.accepted or {}, {}, (kind, one.name))
    return changes


def matches_of(kind: ChildKind, old: Body, new: Body) -> Matches:
    return match(kind, list(new.get(kind) or ()), candidates_of(old.get(kind)), {})


def in_effect(changes: Iterable[FieldChange], clears: Collection[Path] = ()) -> list[FieldChange]:
    """The changes that an update makes: fields without a new value stay, except ``clears``, which become empty."""
    return [
        replace(change, after="") if change.after is None else change
        for change in changes
        if change.after is not None or change.where in clears
    ]


def _record_changes(old: Body, new: Body, place: Path = (), child: str | None = None) -> list[FieldChange]:
    before, after = content(old), content(new)
    return [
        FieldChange((*place, *path), before.get(path), after.get(path), child)
        for path in after | before
        if before.get(path) != after.get(path)
    ]


def _counts(change: FieldChange, stated: Stated | None) -> bool:
    """Whether a change counts: an existing child keeps its reference ID, and its default flag unless that is stated."""
    kind, _, *path = change.where
    if path == ["is_default"]:
        return stated is None or (kind, change.child) in stated
    return path != ["reference_id"]


@dataclass(frozen=True, slots=True)
class ChildChange:
    """One write to a child of ``kind``; ``id`` None for a new one, whose ``values`` are the whole body.

    ``reference_id``: the child's in WizCommerce. ``place``: its position in the new body.
    """

    kind: ChildKind
    id: str | None
    reference_id: str
    values: dict[str, Any]
    place: int | None


@dataclass(frozen=True, slots=True)
class CustomerUpdate:
    """``fields``: the body of the PATCH; ``children``: the writes to children; ``reports``: those not changed, and why.

    ``before`` and ``after``: the values that the PATCH sets (attributes by name), None for no value. ``accepted``: the
    body that counts as accepted once everything is written.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    children: tuple[ChildChange, ...] = ()
    reports: tuple[str, ...] = ()
    accepted: dict[str, Any] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        return not self.fields and not self.children


def own_changes(
    new: Body, customer: Body, accepted: Body | None, clears: frozenset[Path]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The fields that a PATCH of ``customer`` (the ``data`` of an answer) sends, and their values before and after."""
    current = body_of(customer)
    there = content(current)
    found = in_effect(_record_changes(current if accepted is None else accepted, new), clears)
    paths = [change.where for change in found if there.get(change.where) != (change.after or None)]
    before = _values_at(paths, {**current, "attributes": customer.get("attributes")}, None)
    after = _values_at(paths, new, "")
    fields = dict(after)
    if "attributes" in after:  # the list is complete: an API may drop those that are left out
        every = attribute_values(customer) | after["attributes"]
        fields["attributes"] = [{"name": name, "value": value} for name, value in every.items()]
    return fields, before, after


def _values_at(paths: Sequence[Path], record: Body, missing: Any) -> dict[str, Any]:
    values = {name: record.get(name, missing) for name, *_ in paths}
    if names := [path[1] for path in paths if path[0] == "attributes"]:
        given = attribute_values(record)
        values["attributes"] = {name: given.get(name, missing) for name in names}
    return values


def child_changes(
    kind: ChildKind, new: Body, found: Matches, current: Body, stated: Stated
) -> Iterator[ChildChange | str]:
    """The writes to the children of a kind, and messages about children that are not changed."""
    for place, child in enumerate(new.get(kind) or ()):
        reference_id = str(child["reference_id"])
        label, one = f"{kind}[{reference_id}]", found.pairs.get(place)
        if place in found.unclear:
            others = " or ".join(f"{kind}[{other.name}]" for other in found.unclear[place])
            yield f"{label} may be {others} in WizCommerce, or none of them: neither changed nor added"
        elif one is None:
            body = new_child(child, current.get(kind) or (), stated=(kind, reference_id) in stated)
            yield ChildChange(kind, None, reference_id, body, place)
        elif one.current is None:
            yield f"{label} was removed from WizCommerce, and the source has not changed it: not added again"
        elif not one.active:
            yield f"{label} is inactive in WizCommerce: neither changed nor added"
        elif values := _new_values(kind, child, one, stated):
            if child_id := one.current.get("id"):
                known = one.current.get("reference_id") or reference_id
                yield ChildChange(kind, str(child_id), str(known), values, place)
            else:
                yield f"{label} has no ID in WizCommerce: not changed"


def _new_values(kind: ChildKind, child: Body, one: Candidate, stated: Stated) -> dict[str, Any]:
    """The values to set in a child: those that changed since it was accepted and that WizCommerce does not have yet.

    If nothing of the child was accepted, all values that differ from those in WizCommerce are set.
    """
    there = content(one.current or {})
    paths = [
        change.where[2:]
        for change in _record_changes(
            one.accepted or one.current or {}, child, (kind, one.name), str(child["reference_id"])
        )
        if change.after is not None and _counts(change, stated) and there.get(change.where[2:]) != change.after
    ]
    return _values_at(paths, child, None)


def new_child(child: Body, siblings: Sequence[Body], *, stated: bool) -> dict[str, Any]:
    """The body of a new child. It takes the default from a sibling only if the source states so."""
    taken = any(other.get("is_default") and other.get("type") == child.get("type") for other in siblings)
    return {**child, "is_default": False} if child.get("is_default") and taken and not stated else dict(child)
