"""What the API holds, held against a body that was sent.

In its answers the API calls the company ``name``, shows sales reps and the price list whole, countries with three
letters (all of them in the project's source document), and gives children and attributes in an order of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pycountry

from importer.tables import ADDRESS_FIELDS, CONTACT_FIELDS, CUSTOMER_FIELDS

__all__ = ["as_sent", "body_of", "differences", "inactive_children"]

_CHILDREN = ("addresses", "contacts")
_CHILD_FIELDS = {"addresses": ADDRESS_FIELDS, "contacts": CONTACT_FIELDS}
_ALPHA_2: Mapping[str, str] = {country.alpha_3: country.alpha_2 for country in pycountry.countries}


def differences(body: Mapping[str, Any], customer: Mapping[str, Any]) -> list[str]:
    """The fields in which ``customer`` (the ``data`` of an answer) differs from ``body`` (a create's), sorted.

    ``company_name``, ``addresses[A1].city`` and ``attributes[Color]`` name a field that has another value,
    ``addresses[A1]`` a child that is there on one side only. A field that was not sent is not compared.
    """
    found = list(_fields(body, customer, ""))
    for kind in _CHILDREN:
        found += _children(kind, _records(body.get(kind)), _records(customer.get(kind)))
    return sorted(set(found))


def body_of(customer: Mapping[str, Any]) -> dict[str, Any]:
    """The body that would create ``customer`` (the ``data`` of an answer) as it is: what a new body is compared with.

    Its children keep the ``id`` that the API gave them. What no body can say (times, status) is left out.
    """
    body = _record(customer, CUSTOMER_FIELDS)
    for name in ("company_name", "assigned_sales_rep_ids", "assigned_price_list_id"):
        if value := _held(name, customer):
            body[name] = sorted(value) if isinstance(value, set) else value
        else:  # whatever an answer has under the name that a body gives it
            body.pop(name, None)
    for kind, fields in _CHILD_FIELDS.items():
        body[kind] = [_record(child, ("id", *fields)) for child in _active(customer, kind)]
    return body


def as_sent(customer: Mapping[str, Any]) -> dict[str, Any]:
    """The children and attributes of ``customer`` as they are sent back with an update, in the order of `body_of`.

    Inactive children, which ``body_of`` leaves out, come last: an API that takes a list for all there is must not lose
    them. Values of attributes are left in the type in which the API gives them.
    """
    lists: dict[str, Any] = {
        kind: [
            _fields_held(child, ("id", *fields)) | _untouched(child)
            for child in (*_active(customer, kind), *inactive_children(customer, kind))
        ]
        for kind, fields in _CHILD_FIELDS.items()
    }
    return {**lists, "attributes": _untouched(customer).get("attributes", [])}


def inactive_children(customer: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    """The ``addresses`` or ``contacts`` of ``customer`` that are kept, and not in use; such as can be named."""
    return [child for child in _records(customer.get(kind)) if child.get("status") == "inactive" and child.get("id")]


def _active(customer: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    return [child for child in _records(customer.get(kind)) if child.get("status") != "inactive"]


def _untouched(held: Mapping[str, Any]) -> dict[str, Any]:
    """A record's attributes with their own values; without the key where there are none."""
    found = [
        {"name": str(item.get("name")), "value": item["value"]}
        for item in _records(held.get("attributes"))
        if item.get("value") is not None
    ]
    return {"attributes": found} if found else {}


def _record(held: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    record = _fields_held(held, fields)
    record["attributes"] = [
        {"name": str(item.get("name")), "value": _as_text(item["value"])}
        for item in _records(held.get("attributes"))
        if item.get("value") is not None
    ]
    return record


def _fields_held(held: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    return {name: _held(name, held) for name in fields if held.get(name) not in (None, "")}


def _fields(sent: Mapping[str, Any], held: Mapping[str, Any], place: str) -> Iterator[str]:
    """The fields of one record that differ; its children apart."""
    for name, value in sent.items():
        if name in _CHILDREN:
            continue
        if name == "attributes":
            yield from _attributes(_records(value), _records(held.get(name)), place)
        elif _sent(name, value) != _held(name, held):
            yield f"{place}{name}"


def _sent(name: str, value: Any) -> Any:
    if name == "assigned_sales_rep_ids":
        return {_folded(item) for item in value}
    if name == "assigned_price_list_id":
        return _folded(value)
    return _alpha_2(value) if name == "country" else value


def _held(name: str, held: Mapping[str, Any]) -> Any:
    """The value that an answer holds for the field that a body calls ``name``."""
    if name == "company_name":
        return held.get("name")
    if name == "assigned_sales_rep_ids":
        return {_folded(rep.get("id")) for rep in _records(held.get("assigned_sales_reps"))}
    if name == "assigned_price_list_id":
        price_list = held.get("assigned_price_list")
        return _folded(price_list.get("id")) if isinstance(price_list, Mapping) else None
    return _alpha_2(held.get(name)) if name == "country" else held.get(name)


def _children(kind: str, sent: Sequence[Any], held: Sequence[Any]) -> Iterator[str]:
    there: dict[str, list[Any]] = {}
    for child in held:
        there.setdefault(_child_name(child), []).append(child)
    for child in sent:
        place = f"{kind}[{_child_name(child)}]"
        match there.pop(_child_name(child), []):
            case [only]:
                yield from _fields(child, only, f"{place}.")
                if only.get("status") == "inactive":
                    yield f"{place}.status"
            case _:
                yield place
    yield from (f"{kind}[{name}]" for name in there)


def _child_name(child: Mapping[str, Any]) -> str:
    return str(child.get("reference_id") or child.get("id"))


def _attributes(sent: Sequence[Any], held: Sequence[Any], place: str) -> Iterator[str]:
    values = {item.get("name"): _as_text(item.get("value")) for item in held}
    for item in sent:
        if values.get(item["name"]) != _as_text(item["value"]):
            yield f"{place}attributes[{item['name']}]"


def _records(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _alpha_2(country: Any) -> Any:
    return _ALPHA_2.get(country, country)


def _folded(identifier: Any) -> str:
    """Ids are UUIDs, which mean the same in either case."""
    return str(identifier).lower()


def _as_text(value: Any) -> str:
    """A value of an attribute as text: whether the API keeps numbers and flags as such is not documented."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return ", ".join(map(_as_text, value)) if isinstance(value, list) else str(value)
