"""Turn the customers, addresses, contacts, and attributes of requests into the records that responses show."""

import uuid

from importer.sandbox.checks import ALPHA_3, CHILD_KINDS, DEFAULTS, Record
from importer.sandbox.fixtures import Fixtures

_ORDER = (
    *("display_name", "first_name", "last_name", "phone", "email"),
    *("freight_term", "shipping_method", "payment_mode", "payment_term"),
)
_NOT_LISTED = (*CHILD_KINDS, "attributes")


def new_customer(body: Record, fixtures: Fixtures, *, customer_id: str, number: int, now: str) -> Record:
    """The customer made from a checked ``body``. If it has no display ID, one is made from ``number``."""
    customer: Record = {
        "id": customer_id,
        "reference_id": body["reference_id"],
        "display_id": body.get("display_id") or f"WC_{number:010d}",
        "name": body["company_name"],
    }
    customer.update({name: body[name] for name in _ORDER if name in body})
    customer |= {"status": "active", **_assigned(body, fixtures)}
    for kind in CHILD_KINDS:
        customer[kind] = [new_child(child, kind, customer_id, now) for child in body.get(kind, ())]
    customer["attributes"] = [new_attribute(attribute, now) for attribute in body.get("attributes", ())]
    return customer | {"created_at": now, "updated_at": now}


def change_customer(customer: Record, body: Record, fixtures: Fixtures, *, replace: bool, now: str) -> Record:
    """``customer`` changed by a checked ``body``; ``replace`` drops children and attributes missing in its lists."""
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
    return {name: value for name, value in customer.items() if name not in _NOT_LISTED}


def _assigned(body: Record, fixtures: Fixtures) -> Record:
    assigned: Record = {}
    if "assigned_sales_rep_ids" in body:
        assigned["assigned_sales_reps"] = [fixtures.rep_by_id[rep.lower()] for rep in body["assigned_sales_rep_ids"]]
    if "assigned_price_list_id" in body:
        assigned["assigned_price_list"] = fixtures.price_list_by_id[body["assigned_price_list_id"].lower()]
    return assigned


def new_child(body: Record, kind: str, customer_id: str, now: str, *, child_id: str = "") -> Record:
    """The child made from a checked ``body``, with a new ID unless ``child_id`` is set."""
    owner = {"customer_id": customer_id} if kind == "addresses" else {}
    child: Record = {"id": child_id or str(uuid.uuid4()), **owner, **body}
    if "country" in child:
        child["country"] = ALPHA_3[child["country"]]
    child["status"] = "active"
    child.setdefault("is_default", False)
    child["attributes"] = [new_attribute(attribute, now) for attribute in body.get("attributes", ())]
    return child | {"created_at": now, "updated_at": now}


def replace_child(child: Record, kind: str, body: Record, customer_id: str, now: str) -> Record:
    """``child`` replaced by a checked ``body``; only its ID, status, and time of creation stay."""
    replaced = new_child(body, kind, customer_id, now, child_id=child["id"])
    attributes = change_attributes(child["attributes"], body.get("attributes", []), replace=True, now=now)
    return replaced | {"status": child["status"], "created_at": child["created_at"], "attributes": attributes}


def clear_defaults(children: list[Record], kept: Record, now: str) -> list[Record]:
    """``children`` in which only ``kept`` can be the default of its type; all contacts have the same type."""
    return [
        child | {"is_default": False, "updated_at": now}
        if child["is_default"] and child["id"] != kept["id"] and child.get("type") == kept.get("type")
        else child
        for child in children
    ]


def change_children(customer: Record, kind: str, given: list[Record], *, replace: bool, now: str) -> list[Record]:
    """The children after a PATCH: in ``given``, those with an ID change existing children, and the others are added."""
    changes = {child["id"]: child for child in given if "id" in child}
    kept = [child for child in customer[kind] if child["id"] in changes or not replace]
    children = [
        _change_child(child, changes[child["id"]], replace=replace, now=now) if child["id"] in changes else child
        for child in kept
    ]
    return children + [new_child(child, kind, customer["id"], now) for child in given if "id" not in child]


def _change_child(child: Record, change: Record, *, replace: bool, now: str) -> Record:
    changed = child | change | {"updated_at": now}
    if "country" in change:
        changed["country"] = ALPHA_3[change["country"]]
    if "attributes" in change:
        changed["attributes"] = change_attributes(child["attributes"], change["attributes"], replace=replace, now=now)
    return changed


def new_attribute(attribute: Record, now: str) -> Record:
    made = {"created_at": now, "updated_at": now}
    return {"id": str(uuid.uuid4()), "name": attribute["name"], "value": attribute["value"], **made}


def change_attributes(known: list[Record], given: list[Record], *, replace: bool, now: str) -> list[Record]:
    """The attributes ``known`` with the values from ``given``, by name; ``replace`` drops those not in ``given``."""
    values = {attribute["name"]: attribute["value"] for attribute in given}
    names = {attribute["name"] for attribute in known}
    kept = [attribute for attribute in known if attribute["name"] in values or not replace]
    return [
        attribute | {"value": values[attribute["name"]], "updated_at": now}
        if attribute["name"] in values
        else attribute
        for attribute in kept
    ] + [new_attribute({"name": name, "value": value}, now) for name, value in values.items() if name not in names]
