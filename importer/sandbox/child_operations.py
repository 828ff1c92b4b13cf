"""The operations on one customer's addresses and contacts; ``kind`` is which of the two."""

from functools import partial
from typing import Any

from starlette.responses import Response

from importer.sandbox.api_records import clear_defaults, new_child, replace_child
from importer.sandbox.calls import Call, Operation, find_customer, paged, refuse_invalid
from importer.sandbox.checks import CHILDREN, ENTITIES, attribute_problems, find_problems
from importer.sandbox.customer_store import Row
from importer.sandbox.listing import STATUSES, read_query
from importer.sandbox.responses import Refusal, json_answer
from importer.sandbox.sandbox_config import new_id, stamp
from importer.sandbox.sandbox_state import Sandbox

Record = dict[str, Any]


def _list(box: Sandbox, call: Call, kind: str) -> Response:
    children = find_customer(box, call).customer()[kind]
    filters = ("reference_ids",) if kind == "addresses" else ()
    page, page_size = read_query(call.query, {"status": STATUSES}, filters)
    status = call.query.get("status", "active" if box.config.child_lists == "active" else None)
    wanted = call.query["reference_ids"].split(",") if "reference_ids" in call.query else None
    listed_until = box.listed_until()
    fitting = [
        child
        for child in children
        if (status is None or child["status"] == status)
        and (wanted is None or child["reference_id"] in wanted)
        and child["created_at"] <= listed_until
    ]
    return paged(box, fitting, page, page_size)


def _get(box: Sandbox, call: Call, kind: str) -> Response:
    return json_answer(200, {"data": _find(find_customer(box, call).customer(), call, kind)})


def _create(box: Sandbox, call: Call, kind: str) -> Response:
    row = find_customer(box, call)
    customer = row.customer()
    _check(box, call.body, kind, customer[kind])
    micros = box.micros()
    now = stamp(micros)
    child = new_child(call.body, kind, row.id, now, child_id=new_id(odd=call.odd_id))
    _store(box, row, customer, kind, _with_defaults(box, [*customer[kind], child], child, now), micros)
    return json_answer(201, {"data": child})


def _replace(box: Sandbox, call: Call, kind: str) -> Response:
    row = find_customer(box, call)
    customer = row.customer()
    known = _find(customer, call, kind)
    _check(box, call.body, kind, [child for child in customer[kind] if child is not known])
    micros = box.micros()
    now = stamp(micros)
    replaced = replace_child(known, kind, call.body, row.id, now)
    children = [replaced if child is known else child for child in customer[kind]]
    _store(box, row, customer, kind, _with_defaults(box, children, replaced, now), micros)
    return json_answer(200, {"data": replaced})


def _delete(box: Sandbox, call: Call, kind: str) -> Response:
    row = find_customer(box, call)
    customer = row.customer()
    known = _find(customer, call, kind)
    micros = box.micros()
    inactive = [known | {"status": "inactive", "updated_at": stamp(micros)}]
    left = inactive if box.config.delete == "deactivate" else []
    index = customer[kind].index(known)
    _store(box, row, customer, kind, customer[kind][:index] + left + customer[kind][index + 1 :], micros)
    return json_answer(200, {"data": {"id": known["id"]}})


def _find(customer: Record, call: Call, kind: str) -> Record:
    found: Record | None = next((child for child in customer[kind] if child["id"] == call.child_id.lower()), None)
    if found is None:
        raise Refusal(404, "not_found", f"The customer has no {ENTITIES[kind]} with this ID.")
    return found


def _check(box: Sandbox, body: Any, kind: str, others: list[Record]) -> None:
    """Refuse a wrong body with 422, and one whose reference id another child has with 409, unless that is allowed."""
    refuse_invalid(
        find_problems(body, CHILDREN[kind])
        or attribute_problems(body, box.fixtures, mandatory=box.config.require_mandatory, entity=ENTITIES[kind])
    )
    taken = any(child["reference_id"] == body["reference_id"] for child in others)
    if taken and box.config.child_duplicates == "refuse":
        detail = {"field": "reference_id", "reason": f"another {ENTITIES[kind]} of the customer has it"}
        raise Refusal(409, "conflict", f"Another {ENTITIES[kind]} of this customer has this reference_id.", [detail])


def _with_defaults(box: Sandbox, children: list[Record], child: Record, now: str) -> list[Record]:
    if child["is_default"] and box.config.default_siblings == "clear":
        return clear_defaults(children, child, now)
    return children


def _store(box: Sandbox, row: Row, customer: Record, kind: str, children: list[Record], micros: int) -> None:
    """Keep the customer with its ``children`` changed; whether its own time of change moves is an option."""
    updated = micros if box.config.touch_customer else row.updated
    changed = customer | {kind: children, "updated_at": stamp(updated)}
    box.store.change(row, changed, now=updated)


def _operations(kind: str) -> tuple[Operation, ...]:
    every = f"/v1/customers/{{id}}/{kind}"
    one = f"{every}/{{{ENTITIES[kind]}_id}}"
    return (
        Operation("GET", every, partial(_list, kind=kind)),
        Operation("POST", every, partial(_create, kind=kind), has_body=True),
        Operation("GET", one, partial(_get, kind=kind)),
        Operation("PUT", one, partial(_replace, kind=kind), has_body=True),
        Operation("DELETE", one, partial(_delete, kind=kind)),
    )


CHILD_OPERATIONS = (*_operations("addresses"), *_operations("contacts"))
