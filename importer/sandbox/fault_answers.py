"""What a fault answers: before anything is done, or after all is done."""

import uuid
from typing import Any

import orjson
from starlette.responses import RedirectResponse, Response

from importer.sandbox.calls import Call
from importer.sandbox.responses import Cut, Dropped, Late, Refusal, html_answer, json_answer
from importer.sandbox.sandbox_state import Sandbox

_DAY, _HOUR = 86_400, 3_600  # seconds
_TAKEN = {"foreign": ("id", "reference_id"), "foreign-id": ("id",)}


def before(box: Sandbox, fault: str) -> Response:
    """The answer of a fault that keeps the request from being done; some raise it as Refusal."""
    match fault:
        case "drop-before":
            return Dropped(box.connections)
        case "503-html":
            return html_answer(503, "Service Temporarily Unavailable")
        case "wait-503":
            headers = {"Retry-After": str(_DAY)}
            raise Refusal(503, "unavailable", "The service is down for maintenance.", headers=headers)
        case "429":
            raise box.too_many(1)
        case "forbidden-limit":
            raise box.too_many(1, status=403)
        case "redirect":
            return RedirectResponse("/moved", 307)
    raise Refusal(500, "internal_error", "Something went wrong; nothing was done.")


def after(box: Sandbox, fault: str, answer: Response, call: Call) -> Response:
    """What a fault makes of the ``answer`` to a request that is done; some raise it as Refusal."""
    match fault:
        case "drop-after":
            return Dropped(box.connections)
        case "502-html":
            return html_answer(502, "Bad Gateway")
        case "slow":
            return Late(answer, box.config.slow_seconds, box.clock)
        case "cut":
            return Cut(answer, box.connections)
        case "malformed":
            return Response(bytes(answer.body)[:-1] + b",}", answer.status_code, media_type="application/json")
        case "foreign" | "foreign-id" | "odd-id" | "quota":
            return _altered(box, fault, answer, call)
    raise Refusal(500, "internal_error", "Something went wrong.")


def _altered(box: Sandbox, fault: str, answer: Response, call: Call) -> Response:
    """A good answer that says something else; nothing is left to do for ``odd-id``."""
    if fault == "quota":
        answer.headers.update({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(_HOUR)})
    content: Any = orjson.loads(answer.body)
    if fault not in _TAKEN or type(content) is list or type(content["data"]) is list:
        return answer
    other = _other_customer(box, call.customer_id or content["data"]["id"])
    data = content["data"] | {name: other[name] for name in _TAKEN[fault]}
    return json_answer(answer.status_code, {"data": data})


def _other_customer(box: Sandbox, customer_id: str) -> dict[str, str]:
    """The id and reference id of another customer, invented where there is none."""
    other = next((row for row in box.store if row.id != customer_id.lower()), None)
    if other is None:
        return {"id": str(uuid.uuid4()), "reference_id": "of-another-customer"}
    return {"id": other.id, "reference_id": other.reference_id}
