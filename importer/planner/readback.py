"""Whether an update did what it says, and nothing else: a customer before and after all its writes. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from importer.planner.compare import (
    KINDS,
    Body,
    Path,
    body_of,
    child_names,
    child_of,
    content,
    is_active,
    path_text,
    records,
)
from importer.planner.updates import ChildChange, CustomerUpdate
from importer.tables import ADDRESS_FIELDS, CONTACT_FIELDS, CUSTOMER_FIELDS, ChildKind

__all__ = ["unexpected"]

Values = dict[Path, Any]

_PERSON = ("first_name", "last_name", "phone", "email")  # a customer may show those of its primary contact
_SENT = {"name", *CUSTOMER_FIELDS, *ADDRESS_FIELDS, *CONTACT_FIELDS}
_OF_THE_API = re.compile(r"^(id|customer_id|status|.*_at|.*_by|.*_id)$")  # what an API says of a record by itself
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
_MIDNIGHT = re.compile(r"(?<=\d)T00:00:00(\.0+)?(Z|\+00:00)?$")


def unexpected(update: CustomerUpdate, before: Body, after: Body) -> list[str]:
    """What was sent and is not there ``after``, and what else changed or got lost; empty when all is well.

    ``before`` and ``after``: the ``data`` of the GET before the first and after the last write. An API may write a
    phone number, an e-mail address, a number or a day in its own way. The texts name fields, and no values.
    """
    return [*_own(update, before, after), *(text for kind in KINDS for text in _children(kind, update, before, after))]


def _own(update: CustomerUpdate, before: Body, after: Body) -> Iterator[str]:
    sent, there = _values(update.after), content(body_of(after))
    people = [_values(change.values) for change in update.children if change.kind == "contacts"]
    for path, text in _differ(content(body_of(before)), sent, there):
        if path in sent or not (path[0] in _PERSON and _any(path, people, there)):
            yield text
    yield from _lost(before, after)


def _children(kind: ChildKind, update: CustomerUpdate, before: Body, after: Body) -> Iterator[str]:
    changes = [change for change in update.children if change.kind == kind]
    was, left = _by_id(kind, before), _by_id(kind, after)
    sent = {change.id: _values(change.values) for change in changes if change.id is not None}
    moved = {was.get(change.id or "", change.values).get("type") for change in changes if _moves_default(change)}
    own = _values(update.after)
    for key, child in was.items():
        name = f"{kind}[{child.get('reference_id') or key}]"
        if key not in left:
            yield f"{name} (lost)"
            continue
        now = left.pop(key)
        there, values = content(child_of(kind, now)), sent.get(key, {})
        for path, text in _differ(content(child_of(kind, child)), values, there):
            default = path == ("is_default",) and child.get("type") in moved
            mirrored = kind == "contacts" and path[0] in _PERSON and _any(path, [own], there)
            if path in values or not (default or mirrored):
                yield f"{name}.{text}"
        yield from (f"{name}.{text}" for text in _lost(child, now))
    yield from _added(kind, [change for change in changes if change.id is None], list(left.values()))


def _by_id(kind: ChildKind, customer: Body) -> dict[str, Body]:
    found = records(customer.get(kind))
    names = child_names(found)
    return {str(child.get("id") or name): child for name, child in zip(names, found, strict=True)}


def _moves_default(change: ChildChange) -> bool:
    """Whether the API may make another child of the type the default, or no longer the default."""
    return bool(change.values.get("is_default") if change.id is None else "is_default" in change.values)


def _added(kind: ChildKind, changes: Sequence[ChildChange], new: list[Body]) -> Iterator[str]:
    for change in changes:
        name = f"{kind}[{change.reference_id}]"
        one = next((child for child in new if child.get("reference_id") == change.reference_id), None)
        if one is None:
            yield f"{name} (not there)"
            continue
        new.remove(one)
        sent = _values(change.values)
        if not sent.get(("is_default",)):  # the first of its type may become the default by itself
            sent.pop(("is_default",), None)
        there = content(child_of(kind, one))
        yield from (f"{name}.{text}" for path, text in _differ(there, sent, there) if path in sent)
    yield from (f"{kind}[{child.get('reference_id') or child.get('id')}] (added by another)" for child in new)


def _values(values: Mapping[str, Any]) -> Values:
    """What was sent, by path. Attributes are named with their values, or listed as in a body."""
    attributes = values.get("attributes") or {}
    listed = attributes if isinstance(attributes, list) else [{"name": n, "value": v} for n, v in attributes.items()]
    return content({**values, "attributes": listed})


def _differ(before: Values, sent: Values, after: Values) -> Iterator[tuple[Path, str]]:
    """The paths with another value than was sent, or than was there before."""
    for path in dict.fromkeys([*before, *sent, *after]):
        wanted = sent[path] if path in sent else before.get(path)
        if not _alike(path, wanted, after.get(path)):
            problem = "not as sent" if path in sent else "changed" if path in after else "lost"
            yield path, f"{path_text(path)} ({problem})"


def _any(path: Path, sent: Sequence[Values], there: Values) -> bool:
    """Whether one of several records was sent with what is there."""
    return any(path in values and _alike(path, values[path], there.get(path)) for values in sent)


def _alike(path: Path, wanted: Any, shown: Any) -> bool:
    if wanted in (None, "", False) and shown in (None, "", False):
        return True
    return bool(_plain(path, wanted) == _plain(path, shown))


def _plain(path: Path, value: Any) -> Any:
    """A value without what an API may write in its own way."""
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
    """A status that is another, and fields that the API showed and nobody can send: a PUT must not remove them."""
    if is_active(before) != is_active(after):
        yield "status (changed)"
    for name, value in before.items():
        own = name in _SENT or _OF_THE_API.fullmatch(name) or isinstance(value, (list, dict))
        if not own and value not in (None, "") and after.get(name) in (None, ""):
            yield f"{name} (lost)"
