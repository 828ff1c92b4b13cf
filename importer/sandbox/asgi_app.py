"""The HTTP side: the checks that every request passes before its operation, and the faults that may occur."""

import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from importer.sandbox.checks import CHILD_KINDS
from importer.sandbox.faults import AFTER, BEFORE
from importer.sandbox.operations import OPERATIONS, Operation, SandboxCall
from importer.sandbox.responses import Cut, Dropped, Late, RefusedRequest, html_answer, json_answer
from importer.sandbox.sandbox_config import IN_PATH, Clock, SandboxConfig
from importer.sandbox.sandbox_state import LoggedRequest, Sandbox

_log = logging.getLogger("importer.sandbox")
_DAY, _HOUR = 86_400, 3_600  # seconds
_TAKEN = {"foreign": ("id", "reference_id"), "foreign-id": ("id",)}
Endpoint = Callable[[Request], Awaitable[Response]]


def create_app(config: SandboxConfig, clock: Clock | None = None) -> Starlette:
    """The API as an ASGI application; its state is in ``app.state.sandbox``.

    Raises ValueError for fixtures that cannot be read, and DataFileError for a data file that cannot be used.
    """
    app = Starlette(
        routes=[
            Route(one.path.replace("}", f":{IN_PATH}}}"), _endpoint(one), methods=[one.method]) for one in OPERATIONS
        ],
        exception_handlers={HTTPException: _refuse_path, Exception: _fail},
    )
    app.state.sandbox = Sandbox(config, clock or Clock())
    return app


def _endpoint(operation: Operation) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        box: Sandbox = request.app.state.sandbox
        entry = LoggedRequest(request.method, request.scope["path"], box.clock.ticks())
        box.log.append(entry)
        try:
            answer = await _answer(box, operation, request, entry)
        except RefusedRequest as refusal:
            answer = refusal.answer()
        if box.config.rate_headers:
            answer.headers.update(box.rate_headers(entry.time))
        entry.status = 0 if isinstance(answer, Dropped) else answer.status_code
        return answer

    return endpoint


async def _answer(box: Sandbox, operation: Operation, request: Request, entry: LoggedRequest) -> Response:
    box.check_key(request.headers.get("x-api-key"))
    box.check_rate(entry.time)
    if operation.for_children and not box.config.child_endpoints:
        raise _refusal(box.config.missing_status, "This API has no such operation.")
    call = await _read(box, operation, request)
    entry.reference_ids = _reference_ids(box, call)
    if box.config.latency:
        await box.clock.sleep(box.config.latency)
    entry.fault = fault = box.faults.pick(entry.reference_ids, write=operation.writes)
    if fault in BEFORE:
        return _before(box, fault)
    answer = operation.run(box, replace(call, odd_id=fault == "odd-id"))
    return _after(box, fault, answer, call) if fault in AFTER else answer


async def _read(box: Sandbox, operation: Operation, request: Request) -> SandboxCall:
    target = len(request.scope["raw_path"]) + len(request.scope["query_string"])
    if target > box.config.max_target:
        raise RefusedRequest(414, "uri_too_long", f"The path and query are longer than {box.config.max_target} bytes.")
    body = None
    if operation.has_body:
        content = await _read_body(request, box.config.max_body)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise RefusedRequest(415, "unsupported_media_type", "The body must be sent as application/json.")
        try:
            body = orjson.loads(content)
        except ValueError as error:
            raise RefusedRequest(400, "invalid_json", f"The body is not readable as JSON: {error}") from error
    path = request.path_params
    child_id = path.get("address_id") or path.get("contact_id") or ""
    return SandboxCall(path.get("id", ""), child_id, {} if operation.has_body else request.query_params, body)


async def _read_body(request: Request, limit: int) -> bytes:
    """The whole body. A body that is too long is also read to its end, so that the client reads the refusal."""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
    if size > limit:
        raise RefusedRequest(413, "payload_too_large", f"The body is longer than {limit} bytes.")
    return b"".join(chunks)


def _reference_ids(box: Sandbox, call: SandboxCall) -> tuple[str, ...]:
    """The reference IDs of a request, as far as known: a child's and its customer's, or those that a list names."""
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


def _before(box: Sandbox, fault: str) -> Response:
    """The response of a fault that prevents the request from being processed; some faults raise RefusedRequest."""
    match fault:
        case "drop-before":
            return Dropped(box.connections)
        case "503-html":
            return html_answer(503, "Service Temporarily Unavailable")
        case "wait-503":
            headers = {"Retry-After": str(_DAY)}
            raise RefusedRequest(503, "unavailable", "The service is down for maintenance.", headers=headers)
        case "429":
            raise box.too_many(1)
        case "forbidden-limit":
            raise box.too_many(1, status=403)
        case "redirect":
            return RedirectResponse("/moved", 307)
    raise RefusedRequest(500, "internal_error", "Something went wrong; nothing was done.")


def _after(box: Sandbox, fault: str, answer: Response, call: SandboxCall) -> Response:
    """The response of a fault after the request was processed. Some faults raise :class:`RefusedRequest` instead."""
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
    raise RefusedRequest(500, "internal_error", "Something went wrong.")


def _altered(box: Sandbox, fault: str, answer: Response, call: SandboxCall) -> Response:
    """A successful response with altered content or headers; for ``odd-id``, the operation has already done it."""
    if fault == "quota":
        answer.headers.update({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(_HOUR)})
    content: Any = orjson.loads(answer.body)
    if fault not in _TAKEN or type(content) is list or type(content["data"]) is list:
        return answer
    other = _other_customer(box, call.customer_id or content["data"]["id"])
    data = content["data"] | {name: other[name] for name in _TAKEN[fault]}
    return json_answer(answer.status_code, {"data": data})


def _other_customer(box: Sandbox, customer_id: str) -> dict[str, str]:
    """The ID and reference ID of another customer; invented if there is none."""
    other = next((row for row in box.store if row.id != customer_id.lower()), None)
    if other is None:
        return {"id": str(uuid.uuid4()), "reference_id": "of-another-customer"}
    return {"id": other.id, "reference_id": other.reference_id}


def _refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> RefusedRequest:
    return RefusedRequest(status, HTTPStatus(status).phrase.lower().replace(" ", "_"), message, headers=headers)


async def _refuse_path(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _refusal(error.status_code, error.detail, error.headers).answer()


async def _fail(request: Request, error: Exception) -> Response:
    _log.error("%s %s failed inside the sandbox: %s", request.method, request.scope["path"], type(error).__name__)
    return RefusedRequest(500, "internal_error", "The sandbox failed. This is a bug in the sandbox.").answer()
