"""What the API refuses in a body: invalid values, and references to something that the account does not have."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pycountry

from importer.sandbox.fixtures import Fixtures

Record = dict[str, Any]
Detail = dict[str, str]
Scalar = Callable[[Any], str | None]

ALPHA_3: Mapping[str, str] = {country.alpha_2: country.alpha_3 for country in pycountry.countries} | {"XK": "XKX"}
_PHONE = re.compile(r"\+[1-9][0-9]{1,14}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _text(limit: int = 255, pattern: re.Pattern[str] | None = None, meaning: str = "") -> Scalar:
    def check(value: Any) -> str | None:
        if type(value) is not str:
            return "must be text"
        if not value:
            return "must not be empty"
        if len(value) > limit:
            return f"must be at most {limit} characters"
        if pattern is not None and pattern.fullmatch(value) is None:
            return f"must be {meaning}"
        return None

    return check


def _flag(value: Any) -> str | None:
    return None if type(value) is bool else "must be true or false"


def _address_type(value: Any) -> str | None:
    return None if value in ("billing", "shipping") else "must be billing or shipping"


def _country(value: Any) -> str | None:
    known = type(value) is str and value in ALPHA_3
    return None if known else "must be a country code of two letters (ISO 3166-1 alpha-2)"


def _attribute_value(value: Any) -> str | None:
    if type(value) is list:
        return None if value and all(type(item) is str and item for item in value) else "must be a list of strings"
    if type(value) is dict:
        return "must not be an object"
    return "must not be empty" if value == "" else None


_line = _text()
_phone = _text(16, _PHONE, "a phone number in E.164 format")
_email = _text(255, _EMAIL, "an email address")
_uuid = _text(36, _UUID, "a UUID")


@dataclass(frozen=True, slots=True)
class Shape:
    """An object's fields: plain ones, and lists of plain values or of objects. Lists in ``filled`` are never empty.

    ``required`` fields may be absent from an object that has the field ``known_by``. No two objects of a list
    may have the same value in the field ``unique``.
    """

    fields: Mapping[str, Scalar]
    lists: Mapping[str, "Shape | Scalar"] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    known_by: str = ""
    unique: str = ""
    filled: tuple[str, ...] = ()


_ATTRIBUTE = Shape({"name": _line, "value": _attribute_value}, required=("name", "value"))
_PERSON: dict[str, Scalar] = {
    **dict.fromkeys(("reference_id", "first_name", "last_name"), _line),
    "phone": _phone,
    "email": _email,
}
_ADDRESS = Shape(
    {
        **_PERSON,
        **dict.fromkeys(("address_line_1", "address_line_2", "state", "zip_code"), _line),
        "type": _address_type,
        "city": _text(50),
        "country": _country,
        "is_default": _flag,
    },
    {"attributes": _ATTRIBUTE},
    required=("reference_id", "address_line_1", "city", "type"),
    unique="reference_id",
)
_CONTACT = Shape(
    {**_PERSON, "designation": _line, "is_default": _flag},
    {"attributes": _ATTRIBUTE},
    required=("reference_id", "first_name"),
    unique="reference_id",
)
CHILDREN: Mapping[str, Shape] = {"addresses": _ADDRESS, "contacts": _CONTACT}
CHILD_KINDS = tuple(CHILDREN)
_TERMS = (
    *("company_name", "display_id", "display_name"),
    *("freight_term", "shipping_method", "payment_mode", "payment_term"),
)

CREATE = Shape(
    {**_PERSON, **dict.fromkeys(_TERMS, _line), "assigned_price_list_id": _uuid},
    {"assigned_sales_rep_ids": _uuid, **CHILDREN, "attributes": _ATTRIBUTE},
    required=("reference_id", "company_name"),
    filled=("assigned_sales_rep_ids",),
)


def _to_update(shape: Shape) -> Shape:
    """The same shape with an ID; a child with an ID exists already and needs no other field."""
    lists = {name: _to_update(inner) if isinstance(inner, Shape) else inner for name, inner in shape.lists.items()}
    known_by = "id" if shape.unique else ""
    return replace(shape, fields={**shape.fields, "id": _line}, lists=lists, known_by=known_by)


DEFAULTS = {
    "primary_contact_id": ("contacts", ""),
    "default_shipping_address_id": ("addresses", "shipping"),
    "default_billing_address_id": ("addresses", "billing"),
}
"""The fields of a change that name a default child → the child's kind, and its type (``""``: any)."""
UPDATE = replace(
    _to_update(CREATE), fields={**CREATE.fields, **dict.fromkeys(DEFAULTS, _line)}, required=(), known_by=""
)


def find_problems(value: Any, shape: Shape, path: str = "") -> list[Detail]:
    """Everything wrong with ``value`` as ``{field, reason}``; the field has its path, as in ``addresses[1].city``."""
    if type(value) is not dict:
        return [{"field": path, "reason": "must be an object"}]
    prefix = f"{path}." if path else ""
    details: list[Detail] = []
    for name, item in value.items():
        scalar = shape.fields.get(name)
        if scalar is not None:
            reason = "must not be null" if item is None else scalar(item)
            if reason is not None:
                details.append({"field": prefix + name, "reason": reason})
        elif name in shape.lists:
            details += _list_problems(item, shape.lists[name], prefix + name, filled=name in shape.filled)
        else:
            details.append({"field": prefix + name, "reason": "is not a known field"})
    if not (shape.known_by and shape.known_by in value):
        details += [{"field": prefix + name, "reason": "is required"} for name in shape.required if name not in value]
    return details


def _list_problems(value: Any, inner: Shape | Scalar, path: str, *, filled: bool) -> list[Detail]:
    if type(value) is not list:
        return [{"field": path, "reason": "must not be null" if value is None else "must be a list"}]
    if filled and not value:
        return [{"field": path, "reason": "must have at least one entry"}]
    if not isinstance(inner, Shape):
        reasons = ((index, inner(item)) for index, item in enumerate(value))
        return [{"field": f"{path}[{index}]", "reason": reason} for index, reason in reasons if reason is not None]
    details: list[Detail] = []
    seen = set()
    for index, item in enumerate(value):
        details += find_problems(item, inner, f"{path}[{index}]")
        if inner.unique and type(item) is dict and type(name := item.get(inner.unique)) is str:
            if name in seen:
                details.append({"field": f"{path}[{index}].{inner.unique}", "reason": "appears twice in this request"})
            seen.add(name)
    return details


ENTITIES = {"addresses": "address", "contacts": "contact"}
_UNLIMITED = ("long_text", "html")


def unknown_references(body: Record, fixtures: Fixtures) -> list[Detail]:
    """The sales reps and the price list that the sandbox does not know."""
    details = [
        {"field": f"assigned_sales_rep_ids[{index}]", "reason": "no sales rep has this ID"}
        for index, rep_id in enumerate(body.get("assigned_sales_rep_ids", ()))
        if rep_id.lower() not in fixtures.rep_by_id
    ]
    price_list_id = body.get("assigned_price_list_id")
    if price_list_id is not None and price_list_id.lower() not in fixtures.price_list_by_id:
        details.append({"field": "assigned_price_list_id", "reason": "no price list has this ID"})
    return details


def unknown_children(body: Record, customer: Record) -> list[Detail]:
    """The children that a change names although ``customer`` does not have them."""
    details = []
    for kind in CHILD_KINDS:
        known = {child["id"] for child in customer[kind]}
        details += [
            {"field": f"{kind}[{index}].id", "reason": "the customer has none with this ID"}
            for index, child in enumerate(body.get(kind, ()))
            if "id" in child and child["id"] not in known
        ]
    for name, (kind, role) in DEFAULTS.items():
        fitting = {child["id"] for child in customer[kind] if not role or child["type"] == role}
        if name in body and body[name] not in fitting:
            details.append({"field": name, "reason": f"the customer has no such {role or 'contact'}"})
    return details


def unknown_terms(body: Record, known_terms: Mapping[str, Sequence[str]]) -> list[Detail]:
    """The values that are not among ``known_terms``, by field; fields that are not in it take any value."""
    return [
        {"field": name, "reason": f"is not a known {name}"}
        for name, known in known_terms.items()
        if name in body and body[name] not in known
    ]


def attribute_problems(body: Record, fixtures: Fixtures, *, mandatory: bool, entity: str = "customer") -> list[Detail]:
    """Values too long for their type and, if ``mandatory``, missing attributes, in ``body`` and in its children."""
    details = _own_attribute_problems(body, fixtures, entity, "", mandatory=mandatory)
    for kind in CHILD_KINDS:
        for index, child in enumerate(body.get(kind, ())):
            path = f"{kind}[{index}]."
            details += _own_attribute_problems(child, fixtures, ENTITIES[kind], path, mandatory=mandatory)
    return details


def _own_attribute_problems(
    record: Record, fixtures: Fixtures, entity: str, path: str, *, mandatory: bool
) -> list[Detail]:
    defined = fixtures.attributes_by_entity.get(entity, {})
    given = record.get("attributes", ())
    details = [
        {"field": f"{path}attributes[{index}].value", "reason": "must be at most 255 characters"}
        for index, attribute in enumerate(given)
        if type(attribute["value"]) is str
        and len(attribute["value"]) > 255
        and attribute["name"] in defined
        and defined[attribute["name"]].get("data_type") not in _UNLIMITED
    ]
    if mandatory:
        names = {attribute["name"] for attribute in given}
        details += [
            {"field": f"{path}attributes", "reason": f"the mandatory attribute {name!r} is missing"}
            for name, definition in defined.items()
            if definition.get("is_mandatory") and name not in names
        ]
    return details
