"""The operations: each answers a call or refuses it. ``kind``: ``addresses`` or ``contacts``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.responses import Response

from importer.sandbox.api_records import (
    change_customer,
    clear_defaults,
    list_item,
    new_child,
    new_customer,
    replace_child,
)
from importer.sandbox.checks import (
    CHILD_KINDS,
    CHILDREN,
    CREATE,
    ENTITIES,
    UPDATE,
    Detail,
    Record,
    attribute_problems,
    find_problems,
    unknown_children,
    unknown_references,
    unknown_terms,
)
from importer.sandbox.customer_store import Row
from importer.sandbox.listing import SORTS, STATUSES, page_of, read_customer_query, read_query
from importer.sandbox.responses import RefusedRequest, json_answer
from importer.sandbox.sandbox_config import new_id, stamp
from importer.sandbox.sandbox_state import Sandbox


@dataclass(frozen=True, slots=True)
class SandboxCall:
    """The IDs in a request's path, its query, and its parsed JSON body (None if the operation has none).

    ``odd_id``: the record that the request creates gets an ID with odd characters.
    """

    customer_id: str
    child_id: str
    query: Mapping[str, str]
    body: Any
    odd_id: bool = False


@dataclass(frozen=True)
class Operation:
    """A method and path of openapi.yaml, and the function that serves it."""

    method: str
    path: str
    run: Callable[[Sandbox, SandboxCall], Response]
    has_body: bool = False

    @property
    def writes(self) -> bool:
        return self.method != "GET"

    @property
    def for_children(self) -> bool:
        return "{id}/" in self.path


def _find_customer(box: Sandbox, call: SandboxCall) -> Row:
    row = box.store.get(call.customer_id)
    if row is None:
        raise RefusedRequest(404, "not_found", "There is no customer with this ID.")
    return row


def _refuse_invalid(details: list[Detail]) -> None:
    if details:
        raise RefusedRequest(422, "validation_error", "The body is not valid.", details)


def _paged(box: Sandbox, records: Sequence[Record], page: int, page_size: int) -> Response:
    """One page of ``records``; with ``bare_lists``, all of them as a plain list."""
    if box.config.bare_lists:
        return json_answer(200, records)
    shown, pagination = page_of(records, page, page_size)
    return json_answer(200, {"data": shown, "pagination": pagination})


def _create(box: Sandbox, call: SandboxCall) -> Response:
    _refuse_invalid(find_problems(call.body, CREATE))
    details = attribute_problems(call.body, box.fixtures, mandatory=box.config.require_mandatory)
    _refuse_invalid(_unknown(box, call.body) + details)
    _check_reference_id(box, call.body["reference_id"])
    now = box.micros()
    customer = new_customer(
        call.body,
        box.fixtures,
        customer_id=new_id(odd=call.odd_id),
        number=box.store.next_number(),
        now=stamp(now),
    )
    return _whole(box.store.add(customer, now=now), 201)


def _update(box: Sandbox, call: SandboxCall) -> Response:
    row = _find_customer(box, call)
    customer = row.customer()
    _refuse_invalid(find_problems(call.body, UPDATE))
    details = unknown_children(call.body, customer) + attribute_problems(call.body, box.fixtures, mandatory=False)
    _refuse_invalid(_unknown(box, call.body) + details)
    if call.body.get("reference_id", row.reference_id) != row.reference_id:
        _check_reference_id(box, call.body["reference_id"])
    if call.body:
        now = box.micros()
        replace = box.config.patch_children == "replace"
        customer = change_customer(customer, call.body, box.fixtures, replace=replace, now=stamp(now))
        row = box.store.change(row, customer, now=now)
    return _whole(row, 201)


def _delete(box: Sandbox, call: SandboxCall) -> Response:
    row = _find_customer(box, call)
    if box.config.delete == "remove":
        box.store.remove(row)
    else:
        now = box.micros()
        box.store.change(row, row.customer() | {"status": "inactive", "updated_at": stamp(now)}, now=now)
    return json_answer(200, {"data": {"id": row.id}})


def _get(box: Sandbox, call: SandboxCall) -> Response:
    row = _find_customer(box, call)
    if box.config.fresh_children:
        return _whole(row, 200)
    customer = row.customer()
    shown_until = max(box.listed_until(), customer["created_at"])  # children created with the customer show at once
    shown = {kind: [child for child in customer[kind] if child["created_at"] <= shown_until] for kind in CHILD_KINDS}
    return json_answer(200, {"data": customer | shown})


def _list(box: Sandbox, call: SandboxCall) -> Response:
    query, page, page_size = read_customer_query(call.query)
    rows, pagination = page_of(box.lister.select(query, now=box.micros()), page, page_size)
    return json_answer(200, {"data": [list_item(row.customer()) for row in rows], "pagination": pagination})


def _list_fixtures(
    box: Sandbox, call: SandboxCall, kind: str, sorts: tuple[str, ...], filters: tuple[str, ...]
) -> Response:
    """Sales reps or price lists (``kind``), filtered by the query's ``filters``, and sorted only on request."""
    choices = {"status": STATUSES, "sort": SORTS, "sort_by": ("created_at", "updated_at", *sorts)}
    page, page_size = read_query(call.query, choices, filters)
    wanted = {name: call.query[name] for name in filters if name in call.query}
    records: tuple[Record, ...] = getattr(box.fixtures, kind)
    fitting = [record for record in records if all(record.get(name) == value for name, value in wanted.items())]
    if "sort_by" in call.query or "sort" in call.query:
        sort_by = call.query.get("sort_by", "updated_at")
        fitting.sort(key=lambda record: str(record.get(sort_by)), reverse=call.query.get("sort", "desc") == "desc")
    return _paged(box, fitting, page, page_size)


def _list_attributes(box: Sandbox, call: SandboxCall) -> Response:
    entities = {"entity": ("customer", "address", "contact", "order", "product")}
    page, page_size = read_query(call.query, entities)
    if "entity" not in call.query:
        raise RefusedRequest(
            400, "invalid_request", "The query is invalid.", [{"field": "entity", "reason": "is required"}]
        )
    fitting = [record for record in box.fixtures.attributes if record.get("entity") == call.query["entity"]]
    return _paged(box, fitting, page, page_size)


def _whole(row: Row, status: int) -> Response:
    return Response(b'{"data":' + row.body + b"}", status, media_type="application/json")


def _unknown(box: Sandbox, body: Record) -> list[Detail]:
    return unknown_references(body, box.fixtures) + unknown_terms(body, box.config.known_terms)


def _check_reference_id(box: Sandbox, reference_id: str) -> None:
    if box.config.duplicates == "refuse" and box.store.with_reference_ids([reference_id]):
        detail = {"field": "reference_id", "reason": "another customer has it"}
        raise RefusedRequest(409, "conflict", "A customer with this reference_id exists.", [detail])


def _list_children(box: Sandbox, call: SandboxCall, kind: str) -> Response:
    children = _find_customer(box, call).customer()[kind]
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
    return _paged(box, fitting, page, page_size)


def _get_child(box: Sandbox, call: SandboxCall, kind: str) -> Response:
    _, _, child = _find_child(box, call, kind)
    return json_answer(200, {"data": child})


def _create_child(box: Sandbox, call: SandboxCall, kind: str) -> Response:
    row = _find_customer(box, call)
    customer = row.customer()
    _check_child(box, call.body, kind, customer[kind])
    micros = box.micros()
    now = stamp(micros)
    child = new_child(call.body, kind, row.id, now, child_id=new_id(odd=call.odd_id))
    children = _with_defaults(box, [*customer[kind], child], child, now)
    _store(box, row, customer | {kind: children}, micros)
    return json_answer(201, {"data": child})


def _replace_child(box: Sandbox, call: SandboxCall, kind: str) -> Response:
    row, customer, known = _find_child(box, call, kind)
    _check_child(box, call.body, kind, [child for child in customer[kind] if child is not known])
    micros = box.micros()
    now = stamp(micros)
    replaced = replace_child(known, kind, call.body, row.id, now)
    children = [replaced if child is known else child for child in customer[kind]]
    _store(box, row, customer | {kind: _with_defaults(box, children, replaced, now)}, micros)
    return json_answer(200, {"data": replaced})


def _delete_child(box: Sandbox, call: SandboxCall, kind: str) -> Response:
    row, customer, known = _find_child(box, call, kind)
    micros = box.micros()
    inactive = [known | {"status": "inactive", "updated_at": stamp(micros)}]
    left = inactive if box.config.delete == "deactivate" else []
    index = customer[kind].index(known)
    _store(box, row, customer | {kind: customer[kind][:index] + left + customer[kind][index + 1 :]}, micros)
    return json_answer(200, {"data": {"id": known["id"]}})


def _find_child(box: Sandbox, call: SandboxCall, kind: str) -> tuple[Row, Record, Record]:
    """The customer's row, the customer's record, and the child that a call is about."""
    row = _find_customer(box, call)
    customer = row.customer()
    found = next((child for child in customer[kind] if child["id"] == call.child_id.lower()), None)
    if found is None:
        raise RefusedRequest(404, "not_found", f"The customer has no {ENTITIES[kind]} with this ID.")
    return row, customer, found


def _check_child(box: Sandbox, body: Any, kind: str, others: list[Record]) -> None:
    """Refuse an invalid body with 422, and one with another child's reference ID with 409 unless that is allowed."""
    _refuse_invalid(
        find_problems(body, CHILDREN[kind])
        or attribute_problems(body, box.fixtures, mandatory=box.config.require_mandatory, entity=ENTITIES[kind])
    )
    taken = any(child["reference_id"] == body["reference_id"] for child in others)
    if taken and box.config.child_duplicates == "refuse":
        detail = {"field": "reference_id", "reason": f"another {ENTITIES[kind]} of the customer has it"}
        raise RefusedRequest(
            409, "conflict", f"Another {ENTITIES[kind]} of this customer has this reference_id.", [detail]
        )


def _with_defaults(box: Sandbox, children: list[Record], child: Record, now: str) -> list[Record]:
    if child["is_default"] and box.config.default_siblings == "clear":
        return clear_defaults(children, child, now)
    return children


def _store(box: Sandbox, row: Row, customer: Record, micros: int) -> None:
    """Store a customer whose children changed. ``touch_customer`` decides whether its own ``updated_at`` changes."""
    updated = micros if box.config.touch_customer else row.updated
    box.store.change(row, customer | {"updated_at": stamp(updated)}, now=updated)


def _child_operations(kind: str) -> tuple[Operation, ...]:
    every = f"/v1/customers/{{id}}/{kind}"
    one = f"{every}/{{{ENTITIES[kind]}_id}}"
    return (
        Operation("GET", every, partial(_list_children, kind=kind)),
        Operation("POST", every, partial(_create_child, kind=kind), has_body=True),
        Operation("GET", one, partial(_get_child, kind=kind)),
        Operation("PUT", one, partial(_replace_child, kind=kind), has_body=True),
        Operation("DELETE", one, partial(_delete_child, kind=kind)),
    )


_REPS = partial(_list_fixtures, kind="sales_reps", sorts=("first_name", "last_name"), filters=("status", "email"))
_PRICE_LISTS = partial(_list_fixtures, kind="price_lists", sorts=("name",), filters=("status",))
OPERATIONS = (
    Operation("POST", "/v1/customers", _create, has_body=True),
    Operation("GET", "/v1/customers", _list),
    Operation("GET", "/v1/customers/{id}", _get),
    Operation("PATCH", "/v1/customers/{id}", _update, has_body=True),
    Operation("DELETE", "/v1/customers/{id}", _delete),
    Operation("GET", "/v1/sales-reps", _REPS),
    Operation("GET", "/v1/price-lists", _PRICE_LISTS),
    Operation("GET", "/v1/attributes", _list_attributes),
    *_child_operations("addresses"),
    *_child_operations("contacts"),
)
