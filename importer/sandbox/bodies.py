"""From what is sent to what is answered: a new customer, a changed one, and the shorter one of a list."""

from typing import Any

from importer.sandbox.child_bodies import CHILD_KINDS, change_attributes, change_children, new_attribute, new_child
from importer.sandbox.fixtures import Fixtures

__all__ = ["DEFAULTS", "change_customer", "list_item", "new_customer"]

Record = dict[str, Any]
DEFAULTS = {
    "primary_contact_id": ("contacts", ""),
    "default_shipping_address_id": ("addresses", "shipping"),
    "default_billing_address_id": ("addresses", "billing"),
}
"""The fields of a change that name a default child: which kind it is of, and of which type."""
_ORDER = (
    *("display_name", "first_name", "last_name", "phone", "email"),
    *("freight_term", "shipping_method", "payment_mode", "payment_term"),
)
_NOT_LISTED = (*CHILD_KINDS, "attributes")


def new_customer(body: Record, fixtures: Fixtures, *, customer_id: str, number: int, now: str) -> Record:
    """The customer made of a checked ``body``; ``number`` makes its display id when it has none."""
    customer: Record = {
        "id": customer_id,
        "reference_id": body["reference_id"],
        "display_id": body.get("display_id") or f"WC_{number:010d}",
        "name": body["company_name"],
    }
    customer.update({name: body[name] for name in _ORDER if name in body})
    customer["status"] = "active"
    customer.update(_assigned(body, fixtures))
    for kind in CHILD_KINDS:
        customer[kind] = [new_child(child, kind, customer_id, now) for child in body.get(kind, ())]
    customer["attributes"] = [new_attribute(attribute, now) for attribute in body.get("attributes", ())]
    return customer | {"created_at": now, "updated_at": now}


def change_customer(customer: Record, body: Record, fixtures: Fixtures, *, replace: bool, now: str) -> Record:
    """``customer`` with the fields of a checked ``body``; ``replace`` drops children and attributes it leaves out."""
    changed = customer | {name: body[name] for name in ("reference_id", "display_id", *_ORDER) if name in body}
    if "company_name" in body:
        changed["name"] = body["company_name"]
    changed.update(_assigned(body, fixtures))
    for kind in CHILD_KINDS:
        if kind in body:
            changed[kind] = change_children(customer, kind, body[kind], replace=replace, now=now)
    if "attributes" in body:
        changed["attributes"] = change_attributes(customer["attributes"], body["attributes"], replace=replace, now=now)
    for name, (kind, role) in DEFAULTS.items():
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
