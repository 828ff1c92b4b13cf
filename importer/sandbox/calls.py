"""What every operation works with: the request taken apart, and the answers that several of them share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from importer.sandbox.checks import CHILD_KINDS, Detail
from importer.sandbox.customer_store import Row
from importer.sandbox.listing import page_of
from importer.sandbox.responses import Refusal, json_answer
from importer.sandbox.sandbox_state import Sandbox


@dataclass(frozen=True, slots=True)
class Call:
    """The ids of a request's path, its query, its body as JSON (None where it has none).

    ``odd_id``: what the request creates gets an id with odd characters.
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
    run: Callable[[Sandbox, Call], Response]
    has_body: bool = False

    @property
    def writes(self) -> bool:
        return self.method != "GET"

    @property
    def for_children(self) -> bool:
        return "{id}/" in self.path


def find_customer(box: Sandbox, call: Call) -> Row:
    row = box.store.get(call.customer_id)
    if row is None:
        raise Refusal(404, "not_found", "There is no customer with this ID.")
    return row


def reference_ids(box: Sandbox, call: Call) -> tuple[str, ...]:
    """What the request is about, as far as it says: a child, then its customer; or the customers that a list names."""
    if not call.customer_id and "reference_ids" in call.query:
        return tuple(call.query["reference_ids"].split(","))
    found = [call.body.get("reference_id")] if type(call.body) is dict else []
    row = box.store.get(call.customer_id)
    if row is not None:
        if call.child_id:
            customer = row.customer()
            children = [child for kind in CHILD_KINDS for child in customer[kind]]
            found += [child["reference_id"] for child in children if child["id"] == call.child_id.lower()]
        found.append(row.reference_id)
    return tuple(dict.fromkeys(name for name in found if type(name) is str))


def refuse_invalid(details: list[Detail]) -> None:
    if details:
        raise Refusal(422, "validation_error", "The body is not valid.", details)


def paged(box: Sandbox, records: Sequence[dict[str, Any]], page: int, page_size: int) -> Response:
    """One page of ``records``, or with ``bare_lists`` all of them as a plain list."""
    if box.config.bare_lists:
        return json_answer(200, records)
    shown, pagination = page_of(records, page, page_size)
    return json_answer(200, {"data": shown, "pagination": pagination})
