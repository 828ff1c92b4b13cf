"""The HTTP side: what every request passes on its way to an operation, and the faults it may meet there."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from importer.sandbox.calls import Call, Operation, reference_ids
from importer.sandbox.child_operations import CHILD_OPERATIONS
from importer.sandbox.fault_answers import after, before
from importer.sandbox.faults import AFTER, BEFORE
from importer.sandbox.operations import OPERATIONS
from importer.sandbox.responses import Dropped, Refusal
from importer.sandbox.sandbox_config import IN_PATH, Clock, SandboxConfig
from importer.sandbox.sandbox_state import LoggedRequest, Sandbox, read_json

_log = logging.getLogger("importer.sandbox")
Endpoint = Callable[[Request], Awaitable[Response]]


def create_app(config: SandboxConfig, clock: Clock | None = None) -> Starlette:
    """The API as an ASGI application; ``app.state.sandbox`` is what it knows.

    Raises ValueError for fixtures that cannot be read, DataFileError for a data file that cannot be used.
    """
    app = Starlette(
        routes=[
            Route(one.path.replace("}", f":{IN_PATH}}}"), _endpoint(one), methods=[one.method])
            for one in (*OPERATIONS, *CHILD_OPERATIONS)
        ],
        exception_handlers={HTTPException: _refuse_path, Refusal: _refuse, Exception: _fail},
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
        except Refusal as refusal:
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
    entry.reference_ids = reference_ids(box, call)
    if box.config.latency:
        await box.clock.sleep(box.config.latency)
    entry.fault = fault = box.faults.pick(entry.reference_ids, write=operation.writes)
    if fault in BEFORE:
        return before(box, fault)
    answer = operation.run(box, replace(call, odd_id=fault == "odd-id"))
    return after(box, fault, answer, call) if fault in AFTER else answer


async def _read(box: Sandbox, operation: Operation, request: Request) -> Call:
    target = len(request.scope["raw_path"]) + len(request.scope["query_string"])
    if target > box.config.max_target:
        raise Refusal(414, "uri_too_long", f"The path and query are longer than {box.config.max_target} bytes.")
    body = None
    if operation.has_body:
        content = await _read_body(request, box.config.max_body)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise Refusal(415, "unsupported_media_type", "The body must be sent as application/json.")
        body = read_json(content)
    path = request.path_params
    child_id = path.get("address_id") or path.get("contact_id") or ""
    return Call(path.get("id", ""), child_id, {} if operation.has_body else request.query_params, body)


async def _read_body(request: Request, limit: int) -> bytes:
    """The whole body; one that is too long is read to its end all the same, so that the client reads the refusal."""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
    if size > limit:
        raise Refusal(413, "payload_too_large", f"The body is longer than {limit} bytes.")
    return b"".join(chunks)


def _refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> Refusal:
    return Refusal(status, HTTPStatus(status).phrase.lower().replace(" ", "_"), message, headers=headers)


async def _refuse(_: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)
    return refusal.answer()


async def _refuse_path(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _refusal(error.status_code, error.detail, error.headers).answer()


async def _fail(request: Request, error: Exception) -> Response:
    _log.error("%s %s failed inside the sandbox: %s", request.method, request.scope["path"], type(error).__name__)
    return Refusal(500, "internal_error", "The sandbox failed; this is a fault of its own.").answer()
