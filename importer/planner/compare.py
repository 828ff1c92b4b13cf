"""Compares what the API shows with a body that was sent, and turns it into a body again.

The API's answers call the company ``name``, contain whole sales reps and price lists, and have three-letter countries
(all of this is in the project's source document). Children and attributes come in any order.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pycountry

from importer.tables import ADDRESS_FIELDS, CONTACT_FIELDS, CUSTOMER_FIELDS, ChildKind

Body = Mapping[str, Any]
Path = tuple[str, ...]

KINDS: tuple[ChildKind, ...] = ("addresses", "contacts")
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


def content(record: Body) -> dict[Path, Any]:
    """The record's own fields and attributes by their paths, without ID, children, and nulls, in comparable form."""
    found: dict[Path, Any] = {}
    for name, value in record.items():
        if name in (*KINDS, "id", VANISHED) or value is None:
            continue
        if name == "attributes":
            found |= {(name, item["name"]): as_text(item["value"]) for item in value}
        else:
            found[(name,)] = _in_one_form(name, value)
    return found


def child_names(children: Sequence[Body] | None) -> list[str]:
    """The name of each child: its reference ID, otherwise its ID, or its number if that name is taken."""
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
        if name in (*KINDS, "attributes"):
            text += f"[{next(names, '')}]"
    return text


def differences(body: Body, customer: Body) -> list[str]:
    """The sent fields in which ``customer`` (the ``data`` of an answer) differs from a create's ``body``, sorted."""
    found = {path_text(path) for path in _differing(body, body_of(customer))}
    for kind in KINDS:
        found.update(_child_differences(kind, records(body.get(kind)), records(customer.get(kind))))
    return sorted(found)


def body_of(customer: Body) -> dict[str, Any]:
    """The body that would create ``customer`` (an answer's ``data``), without inactive children, times, or status."""
    price_list = customer.get("assigned_price_list")
    reps = {str(rep.get("id")).lower() for rep in records(customer.get("assigned_sales_reps"))}
    shown = {
        **customer,
        "company_name": customer.get("name"),
        "assigned_sales_rep_ids": sorted(reps) or None,
        "assigned_price_list_id": str(price_list.get("id")).lower() if isinstance(price_list, Mapping) else None,
    }
    body = _record(shown, CUSTOMER_FIELDS)
    for kind in KINDS:
        body[kind] = [child_of(kind, child) for child in records(customer.get(kind)) if is_active(child)]
    return body


def child_of(kind: ChildKind, child: Body) -> dict[str, Any]:
    return _record(child, ("id", *_CHILD_FIELDS[kind]))


def is_active(child: Body) -> bool:
    """Whether an address or contact of an answer is in use; an API may keep those that are not."""
    return child.get("status") != "inactive"


def replacement(kind: ChildKind, child: Body, values: Body) -> dict[str, Any]:
    """The body of the PUT that sets ``values`` in ``child`` (the ``data`` of its GET) and changes nothing else.

    ``values``: field -> value, attributes as ``{"attributes": {name: value}}``; None removes a field or an attribute.
    A PUT removes what it leaves out, so the body has everything writable that the child has. Raises
    :class:`NotReplaceableError` if the child is inactive or lacks a field that the API requires.
    """
    if not is_active(child):
        raise NotReplaceableError("it is inactive in WizCommerce")
    own = {name: _alpha_2(value) if name == "country" else value for name, value in values.items()}
    wanted = _present(child, _CHILD_FIELDS[kind]) | own
    body = {name: value for name, value in wanted.items() if name != "attributes" and value not in _NOTHING}
    if missing := [name for name in _REQUIRED[kind] if name not in body]:
        raise NotReplaceableError(f"it has no {' and no '.join(missing)} in WizCommerce")
    attributes = attribute_values(child) | dict(values.get("attributes") or {})
    if given := [{"name": name, "value": value} for name, value in attributes.items() if value not in _NOTHING]:
        body["attributes"] = given
    return body


def previous(kind: ChildKind, child: Body, values: Body) -> dict[str, Any]:
    """What ``child`` (its GET's ``data``) has in place of ``values``, in their shape, for :func:`replacement`."""
    present = _present(child, _CHILD_FIELDS[kind])
    found: dict[str, Any] = {name: present.get(name) for name in values if name != "attributes"}
    if "attributes" in values:
        there = attribute_values(child)
        found["attributes"] = {name: there.get(name) for name in values["attributes"]}
    return found


def records(value: Any) -> list[Body]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def attribute_values(record: Body) -> dict[str, Any]:
    items = records(record.get("attributes"))
    return {str(item.get("name")): item["value"] for item in items if item.get("value") is not None}


def as_text(value: Any) -> str:
    """A value of an attribute as text: whether the API keeps numbers and flags as such is not documented."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return ", ".join(map(as_text, value)) if isinstance(value, list) else str(value)


def _record(shown: Body, fields: Sequence[str]) -> dict[str, Any]:
    attributes = [{"name": name, "value": as_text(value)} for name, value in attribute_values(shown).items()]
    return _present(shown, fields) | {"attributes": attributes}


def _present(shown: Body, fields: Sequence[str]) -> dict[str, Any]:
    """The fields that have a value; countries with two letters, as in a body."""
    found = {name: shown[name] for name in fields if shown.get(name) not in _NOTHING}
    return found | ({"country": _alpha_2(found["country"])} if "country" in found else {})


def _differing(sent: Body, shown: Body) -> Iterator[Path]:
    there = content(shown)
    yield from (path for path, value in content(sent).items() if there.get(path) != value)


def _child_differences(kind: ChildKind, sent: Sequence[Body], shown: Sequence[Body]) -> Iterator[str]:
    there: dict[str, list[Body]] = {}
    for child in shown:
        there.setdefault(_child_name(child), []).append(child)
    for child in sent:
        place = f"{kind}[{_child_name(child)}]"
        match there.pop(_child_name(child), []):
            case [only]:
                yield from (f"{place}.{path_text(path)}" for path in _differing(child, child_of(kind, only)))
                if not is_active(only):
                    yield f"{place}.status"
            case _:
                yield place
    yield from (f"{kind}[{name}]" for name in there)


def _child_name(child: Body) -> str:
    return str(child.get("reference_id") or child.get("id"))


def _in_one_form(name: str, value: Any) -> Any:
    """A value of a body in a uniform form. IDs are UUIDs, which are the same in upper and lower case."""
    if name == "assigned_sales_rep_ids":
        return sorted({item.lower() for item in value})
    if name == "assigned_price_list_id":
        return value.lower()
    return _alpha_2(value) if name == "country" else value


def _alpha_2(country: Any) -> Any:
    return _ALPHA_2.get(country, country)
