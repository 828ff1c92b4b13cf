"""From what is sent to what is answered: a new customer, a changed one, and the shorter one of a list."""

import uuid
from typing import Any

from importer.sandbox.checks import ALPHA_3, Detail
from importer.sandbox.fixtures import Fixtures

__all__ = ["change_customer", "list_item", "new_customer", "unknown_references"]

Record = dict[str, Any]
_ORDER = (
    *("display_name", "first_name", "last_name", "phone", "email"),
    *("freight_term", "shipping_method", "payment_mode", "payment_term"),
)
_NOT_LISTED = ("addresses", "contacts", "attributes")
_DEFAULTS = {
    "primary_contact_id": ("contacts", ""),
    "default_shipping_address_id": ("addresses", "shipping"),
    "default_billing_address_id": ("addresses", "billing"),
}


def unknown_references(body: Record, fixtures: Fixtures, customer: Record | None = None) -> list[Detail]:
    """The ids in ``body`` that name nothing: sales reps, the price list and, in a change, the customer's children."""
    details = [
        {"field": f"assigned_sales_rep_ids[{place}]", "reason": "no sales rep has this id"}
        for place, rep_id in enumerate(body.get("assigned_sales_rep_ids", ()))
        if rep_id.lower() not in fixtures.rep_by_id
    ]
    price_list_id = body.get("assigned_price_list_id")
    if price_list_id is not None and price_list_id.lower() not in fixtures.price_list_by_id:
        details.append({"field": "assigned_price_list_id", "reason": "no price list has this id"})
    if customer is None:
        return details
    for kind in ("addresses", "contacts"):
        known = {child["id"] for child in customer[kind]}
        details += [
            {"field": f"{kind}[{place}].id", "reason": "the customer has none with this id"}
            for place, child in enumerate(body.get(kind, ()))
            if "id" in child and child["id"] not in known
        ]
    for name, (kind, role) in _DEFAULTS.items():
        fitting = {child["id"] for child in customer[kind] if not role or child["type"] == role}
        if name in body and body[name] not in fitting:
            details.append({"field": name, "reason": f"the customer has no such {role or 'contact'}".rstrip()})
    return details


def new_customer(body: Record, fixtures: Fixtures, *, customer_id: str, number: int, now: str) -> Record:
    """The customer made of a checked ``body``; ``number`` makes its display id when it has none."""
    made = {"created_at": now, "updated_at": now}
    customer: Record = {
        "id": customer_id,
        "reference_id": body["reference_id"],
        "display_id": body.get("display_id") or f"WC_{number:010d}",
        "name": body["company_name"],
    }
    customer.update({name: body[name] for name in _ORDER if name in body})
    customer["status"] = "active"
    customer.update(_assigned(body, fixtures))
    for kind in ("addresses", "contacts"):
        customer[kind] = [_new_child(child, kind, customer_id, made) for child in body.get(kind, ())]
    customer["attributes"] = [_new_attribute(attribute, made) for attribute in body.get("attributes", ())]
    return customer | made


def change_customer(customer: Record, body: Record, fixtures: Fixtures, *, replace: bool, now: str) -> Record:
    """``customer`` with the fields of a checked ``body``; ``replace`` drops children and attributes it leaves out."""
    changed = customer | {name: body[name] for name in ("reference_id", "display_id", *_ORDER) if name in body}
    if "company_name" in body:
        changed["name"] = body["company_name"]
    changed.update(_assigned(body, fixtures))
    for kind in ("addresses", "contacts"):
        if kind in body:
            changed[kind] = _change_children(customer, kind, body[kind], replace=replace, now=now)
    if "attributes" in body:
        changed["attributes"] = _change_attributes(customer["attributes"], body["attributes"], replace=replace, now=now)
    for name, (kind, role) in _DEFAULTS.items():
        if name in body:
            changed[kind] = [
                child | {"is_default": child["id"] == body[name]} if not role or child["type"] == role else child
                for child in changed[kind]
            ]
    changed["updated_at"] = now
    return changed


def list_item(customer: Record) -> Record:
    """A customer as lists show it."""
    return {name: value for name, value in customer.items() if name not in _NOT_LISTED}


def _assigned(body: Record, fixtures: Fixtures) -> Record:
    assigned: Record = {}
    if "assigned_sales_rep_ids" in body:
        assigned["assigned_sales_reps"] = [fixtures.rep_by_id[rep.lower()] for rep in body["assigned_sales_rep_ids"]]
    if "assigned_price_list_id" in body:
        assigned["assigned_price_list"] = fixtures.price_list_by_id[body["assigned_price_list_id"].lower()]
    return assigned


def _new_child(child: Record, kind: str, customer_id: str, made: Record) -> Record:
    record: Record = {"id": str(uuid.uuid4())} | ({"customer_id": customer_id} if kind == "addresses" else {}) | child
    if "country" in record:
        record["country"] = ALPHA_3[record["country"]]
    record["status"] = "active"
    record.setdefault("is_default", False)
    record["attributes"] = [_new_attribute(attribute, made) for attribute in child.get("attributes", ())]
    return record | made


def _new_attribute(attribute: Record, made: Record) -> Record:
    return {"id": str(uuid.uuid4()), "name": attribute["name"], "value": attribute["value"], **made}


def _change_children(customer: Record, kind: str, given: list[Record], *, replace: bool, now: str) -> list[Record]:
    made = {"created_at": now, "updated_at": now}
    changes = {child["id"]: child for child in given if "id" in child}
    kept = [child for child in customer[kind] if child["id"] in changes or not replace]
    children = [
        _change_child(child, changes[child["id"]], replace=replace, now=now) if child["id"] in changes else child
        for child in kept
    ]
    return children + [_new_child(child, kind, customer["id"], made) for child in given if "id" not in child]


def _change_child(child: Record, change: Record, *, replace: bool, now: str) -> Record:
    changed = child | change | {"updated_at": now}
    if "country" in change:
        changed["country"] = ALPHA_3[change["country"]]
    if "attributes" in change:
        changed["attributes"] = _change_attributes(child["attributes"], change["attributes"], replace=replace, now=now)
    return changed


def _change_attributes(known: list[Record], given: list[Record], *, replace: bool, now: str) -> list[Record]:
    made = {"created_at": now, "updated_at": now}
    values = {attribute["name"]: attribute["value"] for attribute in given}
    names = {attribute["name"] for attribute in known}
    kept = [attribute for attribute in known if attribute["name"] in values or not replace]
    return [
        attribute | {"value": values[attribute["name"]], "updated_at": now}
        if attribute["name"] in values
        else attribute
        for attribute in kept
    ] + [_new_attribute({"name": name, "value": value}, made) for name, value in values.items() if name not in names]
