"""What the API shows, compared with a body that was sent, and turned into a body again. Pure.

In its answers the API calls the company ``name``, shows sales reps and the price list whole, countries with three
letters (all of them in the project's source document), and gives children and attributes in an order of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pycountry

from importer.tables import ADDRESS_FIELDS, CONTACT_FIELDS, CUSTOMER_FIELDS, ChildKind

__all__ = [
    "KINDS",
    "VANISHED",
    "Body",
    "NotReplaceableError",
    "Path",
    "as_text",
    "body_of",
    "child_names",
    "child_of",
    "content",
    "differences",
    "is_active",
    "path_text",
    "previous",
    "records",
    "replacement",
]

Body = Mapping[str, Any]
Path = tuple[str, ...]

KINDS: tuple[ChildKind, ...] = ("addresses", "contacts")


def content(record: Body) -> dict[Path, Any]:
    """The record's own fields and attributes, without its id and its children; a null is as good as nothing."""
    found: dict[Path, Any] = {}
    for name, value in record.items():
        if name in (*KINDS, "id", VANISHED) or value is None:
            continue
        if name == "attributes":
            found |= {(name, item["name"]): as_text(item["value"]) for item in value}
        else:
            found[(name,)] = _value(name, value)
    return found


def child_names(children: Sequence[Body] | None) -> list[str]:
    """The name of each child: its reference id, else its id; its number where that is taken."""
    found: dict[str, None] = {}
    for number, child in enumerate(children or ()):
        names = (child.get("reference_id"), child.get("id"), f"#{number + 1}")
        found[next(str(name) for name in names if name and str(name) not in found)] = None
    return list(found)


def path_text(path: Path) -> str:
    """A path as a person reads it: ``addresses[A1].city``, ``attributes[Color]``."""
    text, names = "", iter(path)
    for name in names:
        text += f"{'.' if text else ''}{name}"
        if name == "attributes" or (name in KINDS and text == name):
            text += f"[{next(names, '')}]"
    return text


def _value(name: str, value: Any) -> Any:
    if name == "assigned_sales_rep_ids":
        return sorted({item.lower() for item in value})
    return value.lower() if name == "assigned_price_list_id" else value


VANISHED = "vanished"  # the planner's own mark on a child of an accepted body; the API never sees it
_CHILD_FIELDS: Mapping[ChildKind, tuple[str, ...]] = {"addresses": ADDRESS_FIELDS, "contacts": CONTACT_FIELDS}
_REQUIRED = {
    "addresses": ("reference_id", "address_line_1", "city", "type"),
    "contacts": ("reference_id", "first_name"),
}
_ALPHA_2: Mapping[str, str] = {country.alpha_3: country.alpha_2 for country in pycountry.countries} | {"XKX": "XK"}
_NOTHING = (None, "")


class NotReplaceableError(ValueError):
    """A child cannot be replaced whole. The text says why."""


def differences(body: Mapping[str, Any], customer: Mapping[str, Any]) -> list[str]:
    """The fields in which ``customer`` (the ``data`` of an answer) differs from ``body`` (a create's), sorted.

    ``company_name``, ``addresses[A1].city`` and ``attributes[Color]`` name a field that has another value,
    ``addresses[A1]`` a child that is there on one side only. A field that was not sent is not compared.
    """
    found = list(_fields(body, customer, ""))
    for kind in _CHILD_FIELDS:
        found += _children(kind, records(body.get(kind)), records(customer.get(kind)))
    return sorted(set(found))


def body_of(customer: Mapping[str, Any]) -> dict[str, Any]:
    """The body that would create ``customer`` (the ``data`` of an answer) as it is: what a new body is compared with.

    Its children keep the ``id`` that the API gave them. What no body can say (times, status) is left out, and so are
    inactive children.
    """
    body = _record(customer, CUSTOMER_FIELDS)
    for name in ("company_name", "assigned_sales_rep_ids", "assigned_price_list_id"):
        if value := _shown(name, customer):
            body[name] = sorted(value) if isinstance(value, set) else value
        else:  # whatever an answer has under the name that a body gives it
            body.pop(name, None)
    for kind in _CHILD_FIELDS:
        body[kind] = [child_of(kind, child) for child in records(customer.get(kind)) if is_active(child)]
    return body


def child_of(kind: ChildKind, child: Mapping[str, Any]) -> dict[str, Any]:
    """An address or contact of an answer as a body has it, with the ``id`` that the API gave it."""
    return _record(child, ("id", *_CHILD_FIELDS[kind]))


def is_active(child: Mapping[str, Any]) -> bool:
    """Whether an address or contact of an answer is in use; an API may keep those that are not."""
    return child.get("status") != "inactive"


def replacement(kind: ChildKind, child: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The body of the PUT that sets ``values`` in ``child`` (the ``data`` of its GET) and changes nothing else.

    ``values``: field -> value, attributes as ``{"attributes": {name: value}}``; None removes a field or an attribute.
    A PUT removes what it leaves out, so the body has everything writable that the child has; values of attributes keep
    the type that the API gives them. Raises :class:`NotReplaceableError` when the child is inactive, or when a field
    would be missing that the API requires.
    """
    if not is_active(child):
        raise NotReplaceableError("it is inactive in WizCommerce")
    own = {name: _sent(name, value) for name, value in values.items() if name != "attributes"}
    wanted = _present(child, _CHILD_FIELDS[kind]) | own
    body: dict[str, Any] = {name: value for name, value in wanted.items() if value not in _NOTHING}
    if missing := [name for name in _REQUIRED[kind] if name not in body]:
        raise NotReplaceableError(f"it has no {' and no '.join(missing)} in WizCommerce")
    attributes = _values(child) | dict(values.get("attributes") or {})
    if given := [{"name": name, "value": value} for name, value in attributes.items() if value not in _NOTHING]:
        body["attributes"] = given
    return body


def previous(kind: ChildKind, child: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """What ``child`` (the ``data`` of its GET) has in place of ``values``, in their shape; None where it has nothing.

    Given to :func:`replacement`, it restores what was there.
    """
    present = _present(child, _CHILD_FIELDS[kind])
    found: dict[str, Any] = {name: present.get(name) for name in values if name != "attributes"}
    if "attributes" in values:
        there = _values(child)
        found["attributes"] = {name: there.get(name) for name in values["attributes"]}
    return found


def records(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a list in an answer; none where there is no list."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """A value of an attribute as text: whether the API keeps numbers and flags as such is not documented."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return ", ".join(map(as_text, value)) if isinstance(value, list) else str(value)


def _values(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record's attributes with their own values."""
    return {str(item.get("name")): item.get("value") for item in records(record.get("attributes"))}


def _record(shown: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    record = _present(shown, fields)
    record["attributes"] = [
        {"name": name, "value": as_text(value)} for name, value in _values(shown).items() if value is not None
    ]
    return record


def _present(shown: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    return {name: _shown(name, shown) for name in fields if shown.get(name) not in _NOTHING}


def _fields(sent: Mapping[str, Any], shown: Mapping[str, Any], place: str) -> Iterator[str]:
    """The fields of one record that differ, without its children."""
    for name, value in sent.items():
        if name in _CHILD_FIELDS or name == VANISHED:
            continue
        if name == "attributes":
            yield from _attributes(records(value), shown, place)
        elif _sent(name, value) != _shown(name, shown):
            yield f"{place}{name}"


def _sent(name: str, value: Any) -> Any:
    if name == "assigned_sales_rep_ids":
        return {_folded(item) for item in value}
    if name == "assigned_price_list_id":
        return _folded(value)
    return _alpha_2(value) if name == "country" else value


def _shown(name: str, record: Mapping[str, Any]) -> Any:
    """The value that an answer shows for the field that a body calls ``name``."""
    if name == "company_name":
        return record.get("name")
    if name == "assigned_sales_rep_ids":
        return {_folded(rep.get("id")) for rep in records(record.get("assigned_sales_reps"))}
    if name == "assigned_price_list_id":
        price_list = record.get("assigned_price_list")
        return _folded(price_list.get("id")) if isinstance(price_list, Mapping) else None
    return _alpha_2(record.get(name)) if name == "country" else record.get(name)


def _children(kind: ChildKind, sent: Sequence[Any], shown: Sequence[Any]) -> Iterator[str]:
    there: dict[str, list[Any]] = {}
    for child in shown:
        there.setdefault(_child_name(child), []).append(child)
    for child in sent:
        place = f"{kind}[{_child_name(child)}]"
        match there.pop(_child_name(child), []):
            case [only]:
                yield from _fields(child, only, f"{place}.")
                if not is_active(only):
                    yield f"{place}.status"
            case _:
                yield place
    yield from (f"{kind}[{name}]" for name in there)


def _child_name(child: Mapping[str, Any]) -> str:
    return str(child.get("reference_id") or child.get("id"))


def _attributes(sent: Sequence[Any], shown: Mapping[str, Any], place: str) -> Iterator[str]:
    values = {name: as_text(value) for name, value in _values(shown).items()}
    for item in sent:
        if values.get(item["name"]) != as_text(item["value"]):
            yield f"{place}attributes[{item['name']}]"


def _alpha_2(country: Any) -> Any:
    return _ALPHA_2.get(country, country)


def _folded(identifier: Any) -> str:
    """Ids are UUIDs, which mean the same in either case."""
    return str(identifier).lower()
