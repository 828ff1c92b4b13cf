"""Responses: JSON, refusals, and responses that are cut or late on purpose."""

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any, Protocol

import anyio
import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from importer.sandbox.checks import Detail
from importer.sandbox.sandbox_config import Clock


class Connection(Protocol):
    """The methods of the server's transport that faults need."""

    def abort(self) -> None:
        """Close at once; unsent data is lost."""

    def close(self) -> None:
        """Close after sending the data that is already written."""


Connections = MutableMapping[Any, Connection]
"""The connections that are open, by the client's address as ASGI gives it."""


def json_answer(status: int, value: object, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(value), status, headers, media_type="application/json")


def html_answer(status: int, title: str) -> Response:
    """A response like that of a proxy in front of an API that does not answer."""
    head, body = f"<title>{status} {title}</title>", f"<center><h1>{status} {title}</h1></center>"
    page = f"<html>\r\n<head>{head}</head>\r\n<body>{body}</body>\r\n</html>\r\n"
    return Response(page, status, media_type="text/html")


class RefusedRequest(Exception):  # noqa: N818 - an answer more than an error
    """A request is refused: status, code, message and what is wrong with which field."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Sequence[Detail] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self._content = {"code": code, "message": message, "details": list(details)}
        self._headers = headers

    def answer(self) -> Response:
        return json_answer(self.status, self._content, self._headers)


async def _gone(receive: Receive) -> None:
    """Wait until the connection is closed."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _connection(connections: Connections, scope: Scope) -> Connection:
    connection = connections.get(scope["client"])
    if connection is None:  # the app runs on a different server, where an exception comes closest
        raise ConnectionResetError("the sandbox dropped this connection on purpose")
    return connection


class Dropped(Response):
    """No response: the connection is closed."""

    def __init__(self, connections: Connections) -> None:
        super().__init__()
        self.connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        _connection(self.connections, scope).abort()
        await _gone(receive)


class Cut(Response):
    """The first half of a response, then the connection is closed."""

    def __init__(self, answer: Response, connections: Connections) -> None:
        super().__init__(answer.body, answer.status_code, media_type=answer.media_type)
        self.connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = _connection(self.connections, scope)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        body = bytes(self.body)
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        connection.close()
        await _gone(receive)


class Late(Response):
    """A response after some seconds; the wait ends early if the client disconnects."""

    def __init__(self, answer: Response, seconds: float, clock: Clock) -> None:
        super().__init__(answer.body, answer.status_code, media_type=answer.media_type)
        self.seconds = seconds
        self.clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with anyio.create_task_group() as group:

            async def leave() -> None:
                await _gone(receive)
                group.cancel_scope.cancel()

            group.start_soon(leave)
            await self.clock.sleep(self.seconds)
            group.cancel_scope.cancel()
        await super().__call__(scope, receive, send)
