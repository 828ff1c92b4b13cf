"""Answers: JSON, refusals, and those that break off on purpose."""

import asyncio
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from importer.sandbox.checks import Detail
from importer.sandbox.clock import Clock

__all__ = ["Cut", "Dropped", "Late", "Refusal", "Transports", "html_answer", "json_answer"]

Transports = MutableMapping[Any, asyncio.Transport]
"""The connections that are open, by the client's address as ASGI gives it."""


def json_answer(status: int, value: object, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(value), status, headers, media_type="application/json")


def html_answer(status: int, title: str) -> Response:
    """What a proxy in front of an API says when it has no answer of its own."""
    head, body = f"<title>{status} {title}</title>", f"<center><h1>{status} {title}</h1></center>"
    page = f"<html>\r\n<head>{head}</head>\r\n<body>{body}</body>\r\n</html>\r\n"
    return Response(page, status, media_type="text/html")


class Refusal(Exception):  # noqa: N818 - the API's word for it; it is an answer more than an error
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


def _transport(transports: Transports, scope: Scope) -> asyncio.Transport:
    transport = transports.get(scope["client"])
    if transport is None:  # an app that no server of ours runs: an exception is the nearest it can come
        raise ConnectionResetError("the sandbox dropped this connection on purpose")
    return transport


class Dropped(Response):
    """No answer: the connection is closed."""

    def __init__(self, transports: Transports) -> None:
        super().__init__()
        self.transports = transports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        _transport(self.transports, scope).abort()
        await _gone(receive)


class Cut(Response):
    """The first half of an answer, then the connection is closed."""

    def __init__(self, answer: Response, transports: Transports) -> None:
        super().__init__(answer.body, answer.status_code, media_type=answer.media_type)
        self.transports = transports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport = _transport(self.transports, scope)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        body = bytes(self.body)
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        transport.close()
        await _gone(receive)


class Late(Response):
    """An answer after some seconds, unless the client has gone by then."""

    def __init__(self, answer: Response, seconds: float, clock: Clock) -> None:
        super().__init__(answer.body, answer.status_code, media_type=answer.media_type)
        self.seconds = seconds
        self.clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def wait() -> None:
            await self.clock.sleep(self.seconds)

        waits = [asyncio.create_task(wait()), asyncio.create_task(_gone(receive))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
        await super().__call__(scope, receive, send)
