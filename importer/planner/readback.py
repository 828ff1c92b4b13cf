"""Checks what WizCommerce shows after a write: whether an update took effect, and what undo can revert.

An API may return a phone number, an email address, a number, or a date in a different format. PATCH cannot empty a
field, so a customer's field that had no value before keeps the one that was written.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from importer.planner.compare import (
    KINDS,
    Body,
    Path,
    as_text,
    attribute_values,
    body_of,
    child_names,
    child_of,
    content,
    is_active,
    path_text,
    records,
    replacement,
)
from importer.planner.updates import ChildChange, CustomerUpdate
from importer.tables import ADDRESS_FIELDS, CONTACT_FIELDS, CUSTOMER_FIELDS, ChildKind

Values = dict[Path, Any]

_PERSON = ("first_name", "last_name", "phone", "email")  # a customer may show those of its primary contact
_SENT = {"name", *CUSTOMER_FIELDS, *ADDRESS_FIELDS, *CONTACT_FIELDS}
_OF_THE_API = re.compile(r"^(id|customer_id|status|.*_at|.*_by|.*_id)$")  # what an API adds to a record
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
_MIDNIGHT = re.compile(r"(?<=\d)T00:00:00(\.0+)?(Z|\+00:00)?$")


def unexpected(update: CustomerUpdate, before: Body, after: Body) -> list[str]:
    """The names of fields that were sent but are not there ``after``, and of other fields that changed or were lost."""
    found = []
    sent, there = sent_values(update.after), content(body_of(after))
    people = [sent_values(change.values) for change in update.children if change.kind == "contacts"]
    for path, text in _differ(content(body_of(before)), sent, there):
        if path in sent or not (path[0] in _PERSON and _was_sent(path, people, there)):
            found.append(text)
    found += _lost(before, after)
    for kind in KINDS:
        found += _children(kind, update, before, after)
    return found


def _children(kind: ChildKind, update: CustomerUpdate, before: Body, after: Body) -> Iterator[str]:
    changes = [change for change in update.children if change.kind == kind]
    was, left = _by_id(kind, before), _by_id(kind, after)
    sent = {change.id: sent_values(change.values) for change in changes if change.id is not None}
    moved = {was.get(change.id or "", change.values).get("type") for change in changes if _moves_default(change)}
    own = sent_values(update.after)
    for key, child in was.items():
        name = f"{kind}[{child.get('reference_id') or key}]"
        if key not in left:
            yield f"{name} (lost)"
            continue
        now = left.pop(key)
        there, values = content(child_of(kind, now)), sent.get(key, {})
        for path, text in _differ(content(child_of(kind, child)), values, there):
            default = path == ("is_default",) and child.get("type") in moved
            mirrored = kind == "contacts" and path[0] in _PERSON and _was_sent(path, [own], there)
            if path in values or not (default or mirrored):
                yield f"{name}.{text}"
        yield from (f"{name}.{text}" for text in _lost(child, now))
    yield from _added(kind, [change for change in changes if change.id is None], list(left.values()))


def _by_id(kind: ChildKind, customer: Body) -> dict[str, Body]:
    found = records(customer.get(kind))
    return {str(child.get("id") or name): child for name, child in zip(child_names(found), found, strict=True)}


def _moves_default(change: ChildChange) -> bool:
    """Whether the API may make a different child of the type the default, or no longer the default."""
    return bool(change.values.get("is_default") if change.id is None else "is_default" in change.values)


def _added(kind: ChildKind, changes: Sequence[ChildChange], new: list[Body]) -> Iterator[str]:
    for change in changes:
        name = f"{kind}[{change.reference_id}]"
        one = next((child for child in new if child.get("reference_id") == change.reference_id), None)
        if one is None:
            yield f"{name} (not there)"
            continue
        new.remove(one)
        sent = sent_values(change.values)
        if not sent.get(("is_default",)):  # the first of its type may become the default automatically
            sent.pop(("is_default",), None)
        there = content(child_of(kind, one))
        yield from (f"{name}.{text}" for path, text in _differ(there, sent, there) if path in sent)
    yield from (f"{kind}[{child.get('reference_id') or child.get('id')}] (added by another)" for child in new)


def sent_values(values: Mapping[str, Any]) -> Values:
    """What was sent, by path. Attributes are named with their values, or listed as in a body."""
    attributes = values.get("attributes") or {}
    listed = attributes if isinstance(attributes, list) else [{"name": n, "value": v} for n, v in attributes.items()]
    return content({**values, "attributes": listed})


def _differ(before: Values, sent: Values, after: Values) -> Iterator[tuple[Path, str]]:
    """The paths whose value differs from the one that was sent, or that was there before."""
    for path in before | sent | after:
        wanted = sent[path] if path in sent else before.get(path)
        if not _equivalent(path, wanted, after.get(path)):
            problem = "not as sent" if path in sent else "changed" if path in after else "lost"
            yield path, f"{path_text(path)} ({problem})"


def _was_sent(path: Path, sent: Sequence[Values], there: Values) -> bool:
    return any(path in values and _equivalent(path, values[path], there.get(path)) for values in sent)


def _equivalent(path: Path, wanted: Any, shown: Any) -> bool:
    if wanted in (None, "", False) and shown in (None, "", False):
        return True
    return bool(_plain(path, wanted) == _plain(path, shown))


def _plain(path: Path, value: Any) -> Any:
    """A value without differences in format that an API may make."""
    if not isinstance(value, str):
        return value
    text = " ".join(value.split())
    if path[-1] == "phone":
        return re.sub(r"\D", "", text)
    if path[-1] == "email":
        return text.casefold()
    if path[0] == "attributes":
        return Decimal(text).normalize() if _NUMBER.fullmatch(text) else _MIDNIGHT.sub("", text)
    return text


def _lost(before: Body, after: Body) -> Iterator[str]:
    """A changed status, and lost fields that the API showed and a body cannot hold: a PUT must not remove them."""
    if is_active(before) != is_active(after):
        yield "status (changed)"
    for name, value in before.items():
        own = name in _SENT or _OF_THE_API.fullmatch(name) or isinstance(value, (list, dict))
        if not own and value not in (None, "") and after.get(name) in (None, ""):
            yield f"{name} (lost)"


@dataclass(frozen=True, slots=True)
class Replaced:
    """The values ``before`` and ``after`` a write: field to value, attributes as ``{"attributes": {name: value}}``.

    ``method``: PATCH of a customer, PUT or POST of a child of ``kind``. None as a value: the field had none. None for
    all of them: the values were erased, or, before a POST, nothing was there.
    """

    method: str
    kind: ChildKind | None
    before: Body | None
    after: Body | None

    @property
    def restorable(self) -> bool:
        if self.method == "POST":
            return self.after is not None
        return bool(self.before) and (self.method == "PUT" or any(_flat(self.before).values()))

    def left(self, record: Body | None, *, deleted: bool) -> list[str] | None:
        """The written fields that remain although the rest is as it was before; None if the write is in place.

        ``record``: None if it is gone. ``deleted``: undo deleted the child, which may have made it inactive only.
        """
        if self.method == "POST":
            return [] if record is None or (deleted and record.get("status") == "inactive") else None
        if record is None or self.before is None:
            return None
        left, before = self.not_as_before(record), _flat(self.before)
        back = not left or (self.restorable and len(left) < len(before) and not any(before[name] for name in left))
        return left if back else None

    def not_as_before(self, record: Body) -> list[str]:
        shown = self._shown(record)
        return [name for name, value in _flat(self.before).items() if shown.get(name) != value]

    def changed(self, record: Body) -> list[str]:
        """The fields that ``record`` does not show as they were written; for a new child, also fields added to it."""
        shown, after = self._shown(record), _flat(self.after)
        changed = [name for name, value in after.items() if shown.get(name) != value]
        if self.method == "POST":
            added = {name for name, value in shown.items() if value is not None} - after.keys() - {"is_default"}
            changed += ["status"] * (record.get("status") == "inactive") + sorted(added)
        return changed

    def body(self, record: Body) -> dict[str, Any]:
        """The body of the PUT or PATCH that restores the previous values. Raises :class:`NotReplaceableError`."""
        before = dict(self.before or {})
        if self.kind is not None:
            return replacement(self.kind, record, before)
        restored = {name: value for name, value in (before.pop("attributes", None) or {}).items() if value is not None}
        body = {name: value for name, value in before.items() if value is not None}
        if restored:
            every = attribute_values(record) | restored  # an API may drop those that are left out
            body["attributes"] = [{"name": name, "value": value} for name, value in every.items()]
        return body

    def _shown(self, record: Body) -> dict[str, Any]:
        return _flat(body_of(record) if self.kind is None else child_of(self.kind, record))


def _flat(values: Body | None) -> dict[str, Any]:
    """Values by field name, in the form in which they are compared; None if there is no value."""
    own = {name: value for name, value in (values or {}).items() if name not in ("id", *KINDS, "attributes")}
    attributes = (values or {}).get("attributes") or {}
    if isinstance(attributes, list):
        attributes = {item["name"]: item["value"] for item in attributes}
    own |= {f"attributes[{name}]": value for name, value in attributes.items()}
    return {name: _as_shown(name, value) for name, value in own.items()}


def _as_shown(name: str, value: Any) -> Any:
    """A value such that all forms in which the API may show it are equal.

    Unlike in :mod:`importer.planner.compare`, where bodies are compared, a blank value counts as absent, false is the
    default, and numbers and flags are texts.
    """
    if value in (None, "", []) or (name == "is_default" and not value):
        return None
    if name in ("assigned_sales_rep_ids", "assigned_price_list_id"):
        return sorted(str(item).lower() for item in (value if isinstance(value, list) else [value]))
    return as_text(value)
