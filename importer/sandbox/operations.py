"""The operations on customers and on the lists that they refer to: each answers a call, or refuses it."""

from typing import Any

from starlette.responses import Response

from importer.sandbox.api_records import change_customer, list_item, new_customer
from importer.sandbox.calls import Call, Operation, find_customer, paged, refuse_invalid
from importer.sandbox.checks import (
    CHILD_KINDS,
    CREATE,
    UPDATE,
    Detail,
    attribute_problems,
    find_problems,
    unknown_children,
    unknown_references,
    unknown_terms,
)
from importer.sandbox.customer_store import Row
from importer.sandbox.listing import SORTS, STATUSES, page_of, read_customer_query, read_query
from importer.sandbox.responses import Refusal, json_answer
from importer.sandbox.sandbox_config import new_id, stamp
from importer.sandbox.sandbox_state import Sandbox


def _create(box: Sandbox, call: Call) -> Response:
    refuse_invalid(find_problems(call.body, CREATE))
    details = attribute_problems(call.body, box.fixtures, mandatory=box.config.require_mandatory)
    refuse_invalid(_unknown(box, call.body) + details)
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


def _update(box: Sandbox, call: Call) -> Response:
    row = find_customer(box, call)
    customer = row.customer()
    refuse_invalid(find_problems(call.body, UPDATE))
    details = unknown_children(call.body, customer) + attribute_problems(call.body, box.fixtures, mandatory=False)
    refuse_invalid(_unknown(box, call.body) + details)
    if call.body.get("reference_id", row.reference_id) != row.reference_id:
        _check_reference_id(box, call.body["reference_id"])
    if call.body:
        now = box.micros()
        replace = box.config.patch_children == "replace"
        customer = change_customer(customer, call.body, box.fixtures, replace=replace, now=stamp(now))
        row = box.store.change(row, customer, now=now)
    return _whole(row, 201)


def _delete(box: Sandbox, call: Call) -> Response:
    row = find_customer(box, call)
    if box.config.delete == "remove":
        box.store.remove(row)
    else:
        now = box.micros()
        box.store.change(row, row.customer() | {"status": "inactive", "updated_at": stamp(now)}, now=now)
    return json_answer(200, {"data": {"id": row.id}})


def _get(box: Sandbox, call: Call) -> Response:
    row = find_customer(box, call)
    if box.config.fresh_children:
        return _whole(row, 200)
    customer = row.customer()
    shown_until = max(box.listed_until(), customer["created_at"])  # the children sent with the customer show at once
    shown = {kind: [child for child in customer[kind] if child["created_at"] <= shown_until] for kind in CHILD_KINDS}
    return json_answer(200, {"data": customer | shown})


def _list(box: Sandbox, call: Call) -> Response:
    query, page, page_size = read_customer_query(call.query)
    rows, pagination = page_of(box.lister.select(query, now=box.micros()), page, page_size)
    return json_answer(200, {"data": [list_item(row.customer()) for row in rows], "pagination": pagination})


def _list_reps(box: Sandbox, call: Call) -> Response:
    return _list_fixtures(box, call, box.fixtures.sales_reps, ("first_name", "last_name"), ("status", "email"))


def _list_price_lists(box: Sandbox, call: Call) -> Response:
    return _list_fixtures(box, call, box.fixtures.price_lists, ("name",), ("status",))


def _list_fixtures(
    box: Sandbox, call: Call, records: tuple[dict[str, Any], ...], sorts: tuple[str, ...], filters: tuple[str, ...]
) -> Response:
    choices = {"status": STATUSES, "sort": SORTS, "sort_by": ("created_at", "updated_at", *sorts)}
    page, page_size = read_query(call.query, choices, filters)
    wanted = {name: call.query[name] for name in filters if name in call.query}
    fitting = [record for record in records if all(record.get(name) == value for name, value in wanted.items())]
    if "sort_by" in call.query or "sort" in call.query:
        sort_by = call.query.get("sort_by", "updated_at")
        fitting.sort(key=lambda record: str(record.get(sort_by)), reverse=call.query.get("sort", "desc") == "desc")
    return paged(box, fitting, page, page_size)


def _list_attributes(box: Sandbox, call: Call) -> Response:
    entities = {"entity": ("customer", "address", "contact", "order", "product")}
    page, page_size = read_query(call.query, entities)
    if "entity" not in call.query:
        raise Refusal(400, "invalid_request", "The query is invalid.", [{"field": "entity", "reason": "is required"}])
    fitting = [record for record in box.fixtures.attributes if record.get("entity") == call.query["entity"]]
    return paged(box, fitting, page, page_size)


def _whole(row: Row, status: int) -> Response:
    return Response(b'{"data":' + row.body + b"}", status, media_type="application/json")


def _unknown(box: Sandbox, body: dict[str, Any]) -> list[Detail]:
    return unknown_references(body, box.fixtures) + unknown_terms(body, box.config.known_terms)


def _check_reference_id(box: Sandbox, reference_id: str) -> None:
    if box.config.duplicates == "refuse" and box.store.with_reference_ids([reference_id]):
        detail = {"field": "reference_id", "reason": "another customer has it"}
        raise Refusal(409, "conflict", "A customer with this reference_id exists.", [detail])


OPERATIONS = (
    Operation("POST", "/v1/customers", _create, has_body=True),
    Operation("GET", "/v1/customers", _list),
    Operation("GET", "/v1/customers/{id}", _get),
    Operation("PATCH", "/v1/customers/{id}", _update, has_body=True),
    Operation("DELETE", "/v1/customers/{id}", _delete),
    Operation("GET", "/v1/sales-reps", _list_reps),
    Operation("GET", "/v1/price-lists", _list_price_lists),
    Operation("GET", "/v1/attributes", _list_attributes),
)
