"""What tests and the command line ask of a running sandbox, under ``/_sandbox/``. The real API has nothing of it."""

import dataclasses

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from importer.sandbox.responses import Refusal, json_answer
from importer.sandbox.sandbox_state import Sandbox, read_json

__all__ = ["CONTROL_ROUTES"]


def _box(request: Request) -> Sandbox:
    """The sandbox; where it has keys, they guard this side of it too, for the customers are the same."""
    box: Sandbox = request.app.state.sandbox
    if box.config.keys:
        box.check_key(request.headers.get("x-api-key"))
    return box


async def _counts(request: Request) -> Response:
    return json_answer(200, _box(request).counts())


async def _customers(request: Request) -> Response:
    return json_answer(200, {"data": _box(request).customers()})


async def _requests(request: Request) -> Response:
    return json_answer(200, {"data": [dataclasses.asdict(entry) for entry in list(_box(request).log)]})


async def _faults(request: Request) -> Response:
    """Put ``{"faults": plan, "aimed": {reference id: [fault, …]}}`` in place of the present plan."""
    box = _box(request)
    given = read_json(await request.body())
    try:
        box.set_faults(given.get("faults", ""), given.get("aimed", {}))
    except (ValueError, TypeError, AttributeError) as error:
        raise Refusal(422, "validation_error", str(error)) from error
    return Response(status_code=204)


async def _reset(request: Request) -> Response:
    _box(request).reset()
    return Response(status_code=204)


CONTROL_ROUTES = (
    Route("/_sandbox/counts", _counts, methods=["GET"]),
    Route("/_sandbox/customers", _customers, methods=["GET"]),
    Route("/_sandbox/requests", _requests, methods=["GET"]),
    Route("/_sandbox/faults", _faults, methods=["PUT"]),
    Route("/_sandbox/reset", _reset, methods=["POST"]),
)
