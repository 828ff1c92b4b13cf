"""What a checked body refers to and this account lacks: sales reps, price list, terms, attribute definitions."""

from collections.abc import Mapping, Sequence
from typing import Any

from importer.sandbox.bodies import DEFAULTS
from importer.sandbox.checks import Detail
from importer.sandbox.child_bodies import CHILD_KINDS
from importer.sandbox.fixtures import Fixtures

__all__ = ["ENTITIES", "attribute_problems", "unknown_children", "unknown_references", "unknown_terms"]

Record = dict[str, Any]
ENTITIES = {"addresses": "address", "contacts": "contact"}
_UNLIMITED = ("long_text", "html")


def unknown_references(body: Record, fixtures: Fixtures) -> list[Detail]:
    """The sales reps and the price list that nothing is known of."""
    details = [
        {"field": f"assigned_sales_rep_ids[{index}]", "reason": "no sales rep has this id"}
        for index, rep_id in enumerate(body.get("assigned_sales_rep_ids", ()))
        if rep_id.lower() not in fixtures.rep_by_id
    ]
    price_list_id = body.get("assigned_price_list_id")
    if price_list_id is not None and price_list_id.lower() not in fixtures.price_list_by_id:
        details.append({"field": "assigned_price_list_id", "reason": "no price list has this id"})
    return details


def unknown_children(body: Record, customer: Record) -> list[Detail]:
    """The children that a change of ``customer`` names and that it does not have."""
    details = []
    for kind in CHILD_KINDS:
        known = {child["id"] for child in customer[kind]}
        details += [
            {"field": f"{kind}[{index}].id", "reason": "the customer has none with this id"}
            for index, child in enumerate(body.get(kind, ()))
            if "id" in child and child["id"] not in known
        ]
    for name, (kind, role) in DEFAULTS.items():
        fitting = {child["id"] for child in customer[kind] if not role or child["type"] == role}
        if name in body and body[name] not in fitting:
            details.append({"field": name, "reason": f"the customer has no such {role or 'contact'}"})
    return details


def unknown_terms(body: Record, known_terms: Mapping[str, Sequence[str]]) -> list[Detail]:
    """The values that are not among ``known_terms``, by field; fields that it lacks take any value."""
    return [
        {"field": name, "reason": f"is not a known {name}"}
        for name, known in known_terms.items()
        if name in body and body[name] not in known
    ]


def attribute_problems(body: Record, fixtures: Fixtures, *, mandatory: bool, entity: str = "customer") -> list[Detail]:
    """Values too long for their type and, if ``mandatory``, missing attributes: of ``body`` and of its children."""
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
