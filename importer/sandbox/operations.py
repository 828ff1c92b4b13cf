"""The operations of the API: each takes a checked-in call and gives the value of its answer, or refuses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from importer.sandbox.answers import Refusal, json_answer
from importer.sandbox.bodies import change_customer, list_item, new_customer, unknown_references
from importer.sandbox.checks import CREATE, UPDATE, Detail, find_faults
from importer.sandbox.clock import stamp
from importer.sandbox.listing import page_of, read_customer_query, read_query
from importer.sandbox.state import Sandbox
from importer.sandbox.store import Row

__all__ = ["OPERATIONS", "Call", "Operation"]


@dataclass(frozen=True, slots=True)
class Call:
    """A request taken apart: the id of its path, its query, and its body as JSON (None where it has none)."""

    customer_id: str
    query: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Operation:
    """A path and method of openapi.yaml, and what does it."""

    method: str
    path: str
    run: Callable[[Sandbox, Call], Response]
    has_body: bool = False

    @property
    def writes(self) -> bool:
        return self.method != "GET"


def _create(box: Sandbox, call: Call) -> Response:
    details = find_faults(call.body, CREATE)
    _refuse_if(details or unknown_references(call.body, box.fixtures))
    _check_reference_id(box, call.body["reference_id"])
    now = box.micros()
    customer = new_customer(
        call.body,
        box.fixtures,
        customer_id=box.store.new_id(),
        number=box.store.next_number(),
        now=stamp(now),
    )
    row = box.store.add(customer, now=now)
    return _whole(row, 201)


def _update(box: Sandbox, call: Call) -> Response:
    row = _find(box, call)
    customer = row.customer()
    details = find_faults(call.body, UPDATE)
    _refuse_if(details or unknown_references(call.body, box.fixtures, customer))
    if call.body.get("reference_id", row.reference_id) != row.reference_id:
        _check_reference_id(box, call.body["reference_id"])
    if call.body:
        now = box.micros()
        replace = box.config.patch_children == "replace"
        customer = change_customer(customer, call.body, box.fixtures, replace=replace, now=stamp(now))
        row = box.store.change(row, customer, now=now)
    return _whole(row, 201)


def _delete(box: Sandbox, call: Call) -> Response:
    row = _find(box, call)
    if box.config.delete == "remove":
        box.store.remove(row)
    else:
        now = box.micros()
        box.store.change(row, row.customer() | {"status": "inactive", "updated_at": stamp(now)}, now=now)
    return json_answer(200, {"data": {"id": row.id}})


def _get(box: Sandbox, call: Call) -> Response:
    return _whole(_find(box, call), 200)


def _list(box: Sandbox, call: Call) -> Response:
    query, page, page_size = read_customer_query(call.query)
    rows, pagination = page_of(box.lister.select(query, now=box.micros()), page, page_size)
    return json_answer(200, {"data": [list_item(row.customer()) for row in rows], "pagination": pagination})


def _list_reps(box: Sandbox, call: Call) -> Response:
    sorts = ("created_at", "updated_at", "first_name", "last_name")
    return _list_fixtures(box, call, box.fixtures.sales_reps, sorts, ("status", "email"))


def _list_price_lists(box: Sandbox, call: Call) -> Response:
    return _list_fixtures(box, call, box.fixtures.price_lists, ("created_at", "updated_at", "name"), ("status",))


def _list_fixtures(
    box: Sandbox, call: Call, records: tuple[dict[str, Any], ...], sorts: tuple[str, ...], filters: tuple[str, ...]
) -> Response:
    choices = {"status": ("active", "inactive"), "sort": ("asc", "desc"), "sort_by": sorts}
    page, page_size = read_query(call.query, choices, filters)
    wanted = {name: call.query[name] for name in filters if name in call.query}
    fitting = [record for record in records if all(record.get(name) == value for name, value in wanted.items())]
    if "sort_by" in call.query or "sort" in call.query:
        sort_by = call.query.get("sort_by", "updated_at")
        fitting.sort(key=lambda record: str(record.get(sort_by)), reverse=call.query.get("sort", "desc") == "desc")
    return _paged(box, fitting, page, page_size)


def _list_attributes(box: Sandbox, call: Call) -> Response:
    entities = {"entity": ("customer", "address", "contact", "order", "product")}
    page, page_size = read_query(call.query, entities)
    if "entity" not in call.query:
        raise Refusal(400, "invalid_request", "The query is wrong.", [{"field": "entity", "reason": "is required"}])
    fitting = [record for record in box.fixtures.attributes if record.get("entity") == call.query["entity"]]
    return _paged(box, fitting, page, page_size)


def _paged(box: Sandbox, records: list[dict[str, Any]], page: int, page_size: int) -> Response:
    if box.config.bare_lists:
        return json_answer(200, records)
    shown, pagination = page_of(records, page, page_size)
    return json_answer(200, {"data": shown, "pagination": pagination})


def _whole(row: Row, status: int) -> Response:
    return Response(b'{"data":' + row.body + b"}", status, media_type="application/json")


def _find(box: Sandbox, call: Call) -> Row:
    row = box.store.get(call.customer_id)
    if row is None:
        raise Refusal(404, "not_found", "There is no customer with this id.")
    return row


def _refuse_if(details: list[Detail]) -> None:
    if details:
        raise Refusal(422, "validation_error", "The customer is not valid.", details)


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
