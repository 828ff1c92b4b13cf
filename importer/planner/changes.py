"""What changes in a customer, field by field, between a body that was accepted before and a new one.

Bodies are those that create a customer; ``importer.api.compare.body_of`` makes one of what the API holds. The order of
ids, attributes and children does not count, nor the case of ids. Attributes go by their names, children by their
reference ids, else by the ids that the API gave them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["KINDS", "Change", "apply_changes", "child_names", "compared", "differences", "in_effect", "renamed"]

Body = Mapping[str, Any]
Children = dict[str, dict[tuple[str, ...], Any]]

KINDS = ("addresses", "contacts")


@dataclass(frozen=True, slots=True)
class Change:
    """One field that is another: ``where`` is its path, null in ``before`` or ``after`` that there is no value.

    ``("phone",)``, ``("attributes", "Color")``, ``("addresses", "A1", "city")``,
    ``("contacts", "P1", "attributes", "Mobile")``. A child goes by the name that it had before: its reference id, or
    its id where it has none. All fields of a new child are changes, and so are all of one that is gone.
    """

    where: tuple[str, ...]
    before: Any
    after: Any

    @property
    def path(self) -> str:
        """The place as a person reads it: ``addresses[A1].city``, ``attributes[Color]``."""
        text, names = "", iter(self.where)
        for name in names:
            text += f"{'.' if text else ''}{name}"
            if name == "attributes" or (name in KINDS and not text.removesuffix(name)):
                text += f"[{next(names, '')}]"
        return text


def compared(body: Body) -> dict[tuple[str, ...], Any]:
    """A body as paths and values in the form in which they are compared; children by their names."""
    found = _fields(body)
    for kind in KINDS:
        for name, fields in _children(body.get(kind)).items():
            found |= {(kind, name, *path): value for path, value in fields.items()}
    return found


def differences(old: Body, new: Body) -> list[Change]:
    """Everything in which ``new`` differs from ``old``, in the order of ``new`` and then of what is gone.

    Among children without a counterpart, one old and one new of the same type are taken for one that changed.
    """
    changes = _changed((), _fields(old), _fields(new))
    for kind in KINDS:
        before, after = _children(old.get(kind)), _children(new.get(kind))
        renamed = _renamed(before, after)
        for name, fields in after.items():
            known = renamed.get(name, name)
            changes += _changed((kind, known), before.pop(known, {}), fields)
        for name, fields in before.items():
            changes += _changed((kind, name), fields, {})
    return changes


def apply_changes(changes: Iterable[Change], old: Body) -> dict[tuple[str, ...], Any]:
    """``old`` with the changes, in the form of :func:`compared`: equal to the new body that they were made from."""
    values = compared(old)
    for change in changes:
        if change.after is None:
            values.pop(change.where, None)
        else:
            values[change.where] = change.after
    names = {path[:2]: value for path, value in values.items() if path[0] in KINDS and path[2:] == ("reference_id",)}
    return {
        (path[0], names.get(path[:2], path[1]), *path[2:]) if path[0] in KINDS else path: value
        for path, value in values.items()
    }


def in_effect(changes: Iterable[Change], clears: Collection[tuple[str, ...]] = ()) -> list[Change]:
    """The changes that an update makes: what the new body no longer says is left as it is.

    Apart from fields whose paths are in ``clears``: they become an empty text.
    """
    return [
        replace(change, after="") if change.after is None else change
        for change in changes
        if change.after is not None or change.where in clears
    ]


def child_names(records: Sequence[Body] | None) -> list[str]:
    """The name by which each child goes."""
    return list(_children(records))


def renamed(old: Sequence[Body] | None, new: Sequence[Body] | None) -> dict[str, str]:
    """New name → old name of the children that are taken for one that changed, though they got another name."""
    return _renamed(_children(old), _children(new))


def _changed(
    place: tuple[str, ...], old: Mapping[tuple[str, ...], Any], new: Mapping[tuple[str, ...], Any]
) -> list[Change]:
    paths = [*new, *(path for path in old if path not in new)]
    return [Change((*place, *path), old.get(path), new.get(path)) for path in paths if old.get(path) != new.get(path)]


def _fields(record: Body) -> dict[tuple[str, ...], Any]:
    """The record's own fields and attributes, without its children; a null is as good as nothing."""
    found: dict[tuple[str, ...], Any] = {}
    for name, value in record.items():
        if name in KINDS or value is None:
            continue
        if name == "attributes":
            found |= {(name, item["name"]): item["value"] for item in value}
        else:
            found[(name,)] = _value(name, value)
    return found


def _value(name: str, value: Any) -> Any:
    if name == "assigned_sales_rep_ids":
        return sorted({item.lower() for item in value})
    return value.lower() if name == "assigned_price_list_id" else value


def _children(records: Sequence[Body] | None) -> Children:
    """Name → fields of each child; one whose name is taken goes by its id, or by its number."""
    found: Children = {}
    for number, record in enumerate(records or ()):
        names = (record.get("reference_id"), record.get("id"), f"#{number + 1}")
        name = next(str(name) for name in names if name and str(name) not in found)
        found[name] = {path: value for path, value in _fields(record).items() if path != ("id",)}
    return found


def _renamed(before: Children, after: Children) -> dict[str, str]:
    """New child → old child, for those that changed so much that they got another name."""
    renamed = {}
    lost = [name for name in before if name not in after]
    made = [name for name in after if name not in before]
    for kind in {_type(after[name]) for name in made}:
        was = [name for name in lost if _type(before[name]) == kind]
        now = [name for name in made if _type(after[name]) == kind]
        if len(was) == len(now) == 1:
            renamed[now[0]] = was[0]
    return renamed


def _type(fields: Mapping[tuple[str, ...], Any]) -> Any:
    return fields.get(("type",))
