"""Addresses, contacts and attributes: from what a request sends to what answers show."""

import uuid
from typing import Any

from importer.sandbox.checks import ALPHA_3

__all__ = [
    "CHILD_KINDS",
    "change_attributes",
    "change_children",
    "clear_defaults",
    "new_attribute",
    "new_child",
    "replace_child",
]

Record = dict[str, Any]
CHILD_KINDS = ("addresses", "contacts")


def new_child(body: Record, kind: str, customer_id: str, now: str, *, child_id: str = "") -> Record:
    """The child made of a checked ``body``, under a new id unless ``child_id`` is given."""
    owner = {"customer_id": customer_id} if kind == "addresses" else {}
    child: Record = {"id": child_id or str(uuid.uuid4()), **owner, **body}
    if "country" in child:
        child["country"] = ALPHA_3[child["country"]]
    child["status"] = "active"
    child.setdefault("is_default", False)
    child["attributes"] = [new_attribute(attribute, now) for attribute in body.get("attributes", ())]
    return child | {"created_at": now, "updated_at": now}


def replace_child(child: Record, kind: str, body: Record, customer_id: str, now: str) -> Record:
    """``child`` with nothing but a checked ``body``; its id, status and time of creation stay."""
    replaced = new_child(body, kind, customer_id, now, child_id=child["id"])
    attributes = change_attributes(child["attributes"], body.get("attributes", []), replace=True, now=now)
    return replaced | {"status": child["status"], "created_at": child["created_at"], "attributes": attributes}


def clear_defaults(children: list[Record], kept: Record, now: str) -> list[Record]:
    """``children`` where no other child of the type of ``kept`` is a default any more; contacts have one type."""
    return [
        child | {"is_default": False, "updated_at": now}
        if child["is_default"] and child["id"] != kept["id"] and child.get("type") == kept.get("type")
        else child
        for child in children
    ]


def change_children(customer: Record, kind: str, given: list[Record], *, replace: bool, now: str) -> list[Record]:
    """The children after a PATCH: those given with an id change, the other ones given are added."""
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
    """``known`` with the values ``given``, by name; ``replace`` drops those that are not given."""
    values = {attribute["name"]: attribute["value"] for attribute in given}
    names = {attribute["name"] for attribute in known}
    kept = [attribute for attribute in known if attribute["name"] in values or not replace]
    return [
        attribute | {"value": values[attribute["name"]], "updated_at": now}
        if attribute["name"] in values
        else attribute
        for attribute in kept
    ] + [new_attribute({"name": name, "value": value}, now) for name, value in values.items() if name not in names]
