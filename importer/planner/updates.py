"""The update that brings a customer from what WizCommerce holds to what the source says. Pure.

Bodies are those of :mod:`importer.planner.changes`. What the source does not say is left as it is: fields and
attributes that it has no value for, and children that it does not have.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from importer.planner.changes import KINDS, Body, Change, child_names, compared, differences, in_effect, renamed

__all__ = ["Clears", "Merger", "Update"]

Clears = frozenset[tuple[str, ...]]
Child = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Update:
    """``body``: what is to be sent, empty when nothing is. ``adds_child``: sent twice, it would make two children.

    ``places``: for each list of ``body``, the place that each item has in the new body (None: not in it). ``blocked``:
    why it cannot be sent, if so.
    """

    body: dict[str, Any] = field(default_factory=dict)
    adds_child: bool = False
    places: Mapping[str, Sequence[int | None]] = field(default_factory=dict)
    blocked: str = ""


@dataclass(frozen=True, slots=True)
class Merger:
    """``clears``: the paths of fields and attributes of a customer that a blank in the source empties.

    ``spared``: reference id → those that do not for this customer, because there was a value that could not be used.
    """

    clears: Clears = frozenset()
    spared: Mapping[str, Clears] = field(default_factory=dict)

    def changes(self, old: Body, new: Body) -> list[Change]:
        """What is to be changed in one who holds ``old``."""
        return in_effect(differences(old, new), self._clears(new))

    def same(self, accepted: Body, new: Body) -> bool:
        """Nothing is to be sent to one who holds ``accepted``."""
        return not self.changes(accepted, new)

    def _clears(self, new: Body) -> Clears:
        return self.clears - self.spared.get(str(new["reference_id"]), frozenset())

    def update(self, new: Body, held: Body, raw: Body, accepted: Body | None) -> Update:
        """What makes ``held`` (what WizCommerce holds) say what ``new`` says.

        With ``accepted``, the body that was taken last, only what changed since is sent; without, whatever differs.
        What is held already is left out. ``raw``: the children and attributes of ``held``, in its order, as they are
        sent back: an API that replaces them must lose none.
        """
        found = self.changes(held if accepted is None else accepted, new)
        there = compared(held)
        children = {kind: _routed(kind, found, there, child_names(held.get(kind))) for kind in KINDS}
        own = [
            change
            for change in found
            if change.where[0] not in KINDS and there.get(change.where) != (change.after or None)
        ]
        body: dict[str, Any] = {}
        places: dict[str, Sequence[int | None]] = {}
        for change in own:
            if change.where[0] != "attributes":
                body[change.where[0]] = new.get(change.where[0], "")
        for kind in KINDS:
            if children[kind]:
                body[kind], places[kind] = _children(kind, children[kind], new, raw)
        if values := {change.where[1]: change.after for change in own if change.where[0] == "attributes"}:
            body["attributes"] = _attributes(raw.get("attributes") or (), values)
            planned = [item["name"] for item in new.get("attributes") or ()]
            places["attributes"] = [_index(planned, item["name"]) for item in body["attributes"]]
        nameless = [kind for kind in KINDS if kind in body and not all(child.get("id") for child in raw.get(kind, ()))]
        blocked = f"WizCommerce gives no ids to its {nameless[0]}, so they cannot be changed" if nameless else ""
        adds = any(isinstance(key, str) for kind in KINDS for key in children[kind])
        return Update(body, adds, places, blocked)

    def merged(self, accepted: Body, new: Body) -> dict[str, Any]:
        """What is held after an update from ``accepted`` to ``new``: what the source no longer says is kept."""
        body = _kept(accepted, new, self._clears(new))
        for kind in KINDS:
            before, after = list(accepted.get(kind) or ()), [dict(child) for child in new.get(kind) or ()]
            was, now = child_names(before), child_names(after)
            back = {old: new_name for new_name, old in renamed(before, after).items()}
            for name, child in zip(was, before, strict=True):
                place = _index(now, back.get(name, name))
                if place is None:
                    after.append(dict(child))
                else:
                    after[place] = _kept(child, after[place], frozenset())
            if after:
                body[kind] = after
        return body

    def claimed(self, held: Body, new: Body) -> dict[str, Any]:
        """What of ``held`` the source has a say in: what counts as taken of one whom nobody knows to have sent.

        Left out are fields, attributes and children that only WizCommerce has.
        """
        body = _claimed(held, new, self._clears(new))
        for kind in KINDS:
            planned = list(new.get(kind) or ())
            there = dict(zip(child_names(held.get(kind)), held.get(kind) or (), strict=True))
            before, names = renamed(held.get(kind), planned), child_names(planned)
            children = [
                _claimed(there[before.get(name, name)], child, frozenset())
                for name, child in zip(names, planned, strict=True)
                if before.get(name, name) in there
            ]
            if children:
                body[kind] = children
        return body

    def settled(self, held: Body, accepted: Body, new: Body) -> dict[str, Any]:
        """What counts as taken of one to whom an update may have been carried out since ``accepted``.

        It need not have been to ``new``: the night before had content of its own. Of what is held now that counts of
        which either body speaks; a child that neither of them names is nobody's to change.
        """
        own = dict(held)
        for kind in KINDS:
            known = {*child_names(accepted.get(kind)), *child_names(new.get(kind))}
            children = zip(child_names(held.get(kind)), held.get(kind) or (), strict=True)
            own[kind] = [child for name, child in children if name in known]
        return self.claimed(own, self.merged(accepted, new))

    def kept(self, accepted: Body, new: Body) -> list[str]:
        """The children that the source had before and has no more, as a person reads them: ``addresses[A1]``."""
        gone = [
            change
            for change in differences(accepted, new)
            if change.where[0] in KINDS and change.where[2:] == ("reference_id",) and change.after is None
        ]
        return [f"{change.where[0]}[{change.where[1]}]" for change in gone]

    def lost(self, update: Update, before: Body, after: Body) -> list[str]:
        """What an update did beyond its words: what was there ``before``, or was sent, and is not there ``after``.

        Empty when all is well. Values are not compared: an API may write them in a form of its own.
        """
        sent = {name for name, value in update.body.items() if name not in (*KINDS, "attributes") and value != ""}
        emptied = {name for name, value in update.body.items() if value == ""}
        emptied |= {f"attributes[{item['name']}]" for item in update.body.get("attributes", ()) if item["value"] == ""}
        wanted = [*_said(before), *sent, *(f"attributes[{item['name']}]" for item in update.body.get("attributes", ()))]
        there = set(_said(after))
        found = [name for name in dict.fromkeys(wanted) if name not in there and name not in emptied]
        for kind in KINDS:
            added = sum("id" not in child for child in update.body.get(kind, ()))
            held = {child.get("id"): child for child in after.get(kind) or ()}
            for child in before.get(kind) or ():
                place = f"{kind}[{child.get('reference_id') or child.get('id')}]"
                if child.get("id") not in held:
                    found.append(place)
                    continue
                fields = set(_said(held[child.get("id")]))
                found += [f"{place}.{name}" for name in _said(child) if name not in fields]
            extra = len(after.get(kind) or ()) - len(before.get(kind) or ()) - added
            if extra > 0:
                found.append(f"{kind} ({extra} more than were sent)")
        return found


def _routed(
    kind: str, changes: Sequence[Change], there: Mapping[tuple[str, ...], Any], names: Sequence[str]
) -> dict[int | str, list[Change]]:
    """The changes of one kind of children that are not in place: by the place of the child among those that are held.

    A child that is not held goes by the reference id that it is to have.
    """
    own = [change for change in changes if change.where[0] == kind]
    moved = {change.where[1]: change.after for change in own if change.where[2:] == ("reference_id",)}
    routed: dict[int | str, list[Change]] = {}
    for change in own:
        _, was_called, *rest = change.where
        now_called = moved.get(was_called, was_called)
        name = next((name for name in (was_called, now_called) if name in names), None)
        if name is None:
            routed.setdefault(now_called, []).append(change)
        elif there.get((kind, name, *rest)) != change.after:
            routed.setdefault(names.index(name), []).append(change)
    return routed


def _children(
    kind: str, changes: Mapping[int | str, Sequence[Change]], new: Body, raw: Body
) -> tuple[list[Child], list[int | None]]:
    """All children of a kind, changed and new ones included, and which of the new body each is."""
    planned = list(new.get(kind) or ())
    names = [str(child["reference_id"]) for child in planned]
    made = [_changed(child, changes.get(number, ())) for number, child in enumerate(raw.get(kind) or ())]
    made += [dict(planned[names.index(key)]) for key in changes if isinstance(key, str)]
    return made, [_index(names, str(child.get("reference_id"))) for child in made]


def _changed(child: Body, changes: Sequence[Change]) -> Child:
    made = {**child, **{change.where[2]: change.after for change in changes if change.where[2] != "attributes"}}
    values = {change.where[3]: change.after for change in changes if change.where[2] == "attributes"}
    if values:
        made["attributes"] = _attributes(child.get("attributes") or (), values)
    return made


def _attributes(held: Sequence[Body], values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All attributes with these values: those that are held in their order, then the new ones."""
    made = [{"name": item["name"], "value": values.get(item["name"], item["value"])} for item in held]
    names = {item["name"] for item in held}
    return made + [{"name": name, "value": value} for name, value in values.items() if name not in names]


def _kept(old: Body, new: Body, clears: Clears) -> dict[str, Any]:
    """The record's own fields and attributes of ``new``, and those of ``old`` that it has no value for."""
    record = {
        name: value
        for name, value in {**old, **new}.items()
        if name not in (*KINDS, "attributes") and (name in new or (name,) not in clears)
    }
    given = {item["name"]: item for item in new.get("attributes") or ()}
    for item in old.get("attributes") or ():
        if ("attributes", item["name"]) not in clears:
            given.setdefault(item["name"], item)
    return {**record, "attributes": list(given.values())} if given else record


def _claimed(held: Body, new: Body, clears: Clears) -> dict[str, Any]:
    """The record's own fields and attributes of ``held`` that ``new`` has a value for, or may empty."""
    record = {
        name: value
        for name, value in held.items()
        if name not in (*KINDS, "attributes") and (name in new or (name,) in clears)
    }
    if held.get("id") and not held.get("reference_id"):  # by what else would it be known again
        record["id"] = held["id"]
    names = {item["name"] for item in new.get("attributes") or ()}
    attributes = [
        item for item in held.get("attributes") or () if item["name"] in names or ("attributes", item["name"]) in clears
    ]
    return {**record, "attributes": attributes} if attributes else record


def _said(record: Body) -> Iterator[str]:
    """The names of a record's own fields and attributes that have a value."""
    for name, value in record.items():
        if name == "attributes":
            yield from (f"attributes[{item['name']}]" for item in value)
        elif name not in KINDS and value not in (None, ""):
            yield name


def _index(names: Sequence[str], name: str) -> int | None:
    return names.index(name) if name in names else None
