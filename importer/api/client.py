"""The WizCommerce client: one call, one customer; paced, repeated only where repeating is harmless."""

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import anyio

from importer import __version__
from importer.api.answers import Answer, AnswerKind, Reply, no_answer, read_reply
from importer.api.headers import retry_after
from importer.api.limiter import Limiter
from importer.api.lookup import CustomerRef, NoListError, find_customers, list_customers, list_items, read_list
from importer.api.pace import Grant
from importer.api.retry import RetryPolicy
from importer.api.transport import FAULTS, Departure, Transport
from importer.errors import ApiUnavailableError, InternalError, UsageError

__all__ = ["Client"]

CUSTOMERS = "/v1/customers"
PATIENCE = 900.0  # seconds for which one request is held back by 429 before the run gives up
READ_PATIENCE = 60.0  # seconds for which a page of a list that gets no readable answer is asked for again
NOT_WHOLE = "the answer holds nothing of what was asked for"
TRANSIENT = frozenset({AnswerKind.UNKNOWN, AnswerKind.NOT_SENT})
# Whether these lists show who is inactive unless asked is not documented; that of customers does not.
_EVERY_STATUS: tuple[dict[str, str], ...] = ({}, {"status": "inactive"})
_IDENTIFIER = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._~-]{1,255}")


class Client:
    """One connection pool, one key, one limiter: an async context manager, one for a run.

    ``timeout`` (seconds) bounds one request from the moment its turn has come to the last byte of its answer.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        limiter: Limiter,
        timeout: float = 30.0,
        connections: int = 64,
        retry: RetryPolicy | None = None,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        rng: random.Random,
    ) -> None:
        if not key or not key.isascii() or not key.isprintable() or key != key.strip():
            raise UsageError(
                "the API key is empty or holds characters that no header can carry",
                "Check WIZCOMMERCE_API_KEY or the file given by --api-key-file.",
            )
        self.limiter = limiter
        self._base_url = base_url.rstrip("/")
        self._key = key
        self._timeout = timeout
        self._connections = connections
        self._retry = retry or RetryPolicy()
        self._patience = patience
        self._clock = clock
        self._wall = wall
        self._sleep = sleep
        self._rng = rng
        self._transport: Transport | None = None
        self._head = (
            f" HTTP/1.1\r\nHost: {urlsplit(self._base_url).netloc}\r\nX-API-Key: {key}\r\n"
            f"User-Agent: importer/{__version__}\r\nAccept: application/json\r\nAccept-Encoding: gzip, deflate\r\n"
        ).encode("ascii")

    def __repr__(self) -> str:
        return f"Client({self._base_url!r})"

    async def __aenter__(self) -> Self:
        self._transport = await Transport(self._base_url, self._connections).__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._transport is not None:
            await self._transport.__aexit__(kind, error, traceback)
            self._transport = None

    async def create(self, body: bytes) -> Answer:
        """POST one customer. Sent once; sent again only after 429, which says that nothing was done."""
        return (await self._exchange("POST", CUSTOMERS, body)).answer

    async def get(self, customer_id: str) -> Answer:
        """GET one customer, whole, in ``data``; repeated within the retry policy."""
        return (await self._persist("GET", _customer_path(customer_id), whole=_holds_record)).answer

    async def patch(self, customer_id: str, body: bytes, *, adds_child: bool = True) -> Answer:
        """PATCH one customer. Repeated only when ``adds_child`` is False: adding a child twice makes two."""
        call = self._exchange if adds_child else self._persist
        return (await call("PATCH", _customer_path(customer_id), body)).answer

    async def delete(self, customer_id: str) -> Answer:
        """DELETE one customer; repeated within the retry policy. ``GONE`` when there is none (any more)."""
        return (await self._persist("DELETE", _customer_path(customer_id))).answer

    async def find(
        self, reference_ids: Sequence[str], *, since: datetime | None = None
    ) -> dict[str, list[CustomerRef]]:
        """Every given reference id → the customers that have exactly it, active and inactive (none: an empty list).

        ``since``: only customers created at or after it matter, which shortens the search for ids that the API's
        filter cannot express. A read without a readable answer is repeated for a minute. Raises
        :class:`ApiUnavailableError` and :class:`KeyRefusedError`.
        """
        width = max(1, min(self._connections, self.limiter.concurrency))
        return await find_customers(self._list, reference_ids, since=since, width=width)

    async def customers(self, *, most_pages: int) -> list[CustomerRef] | None:
        """Every customer as the list shows it, active and inactive; None where they fill more pages of 100 than that.

        Raises :class:`ApiUnavailableError` and :class:`KeyRefusedError`.
        """
        return await list_customers(self._list, most_pages)

    async def sales_reps(self) -> list[dict[str, Any]]:
        """All sales reps, active and inactive. Raises :class:`ApiUnavailableError` and :class:`KeyRefusedError`."""
        return await read_list(self._list, "/v1/sales-reps", _EVERY_STATUS)

    async def price_lists(self) -> list[dict[str, Any]]:
        """All price lists, active and inactive. Raises :class:`ApiUnavailableError` and :class:`KeyRefusedError`."""
        return await read_list(self._list, "/v1/price-lists", _EVERY_STATUS)

    async def attributes(self, entity: str) -> list[dict[str, Any]]:
        """The attributes defined for ``customer``, ``address`` or ``contact``; none where the API has no such list.

        Raises as the other lists do when the API cannot be reached.
        """
        try:
            return await read_list(self._list, "/v1/attributes", [{"entity": entity}])
        except NoListError:
            return []

    async def _list(self, path: str, query: Mapping[str, str]) -> Reply:
        return await self._persist("GET", f"{path}?{urlencode(query)}", whole=_holds_list, patient=True)

    async def _persist(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        whole: Callable[[Any], bool] | None = None,
        patient: bool = False,
    ) -> Reply:
        """An exchange that may be repeated without harm, within the retry policy.

        A 2xx whose payload is not ``whole`` is no readable answer, either, and is repeated like one that never came.
        A ``patient`` one that reaches the API is repeated beyond the policy's attempts, for a minute: one page of a
        list in vain would stop a whole run.
        """
        started = self._clock()
        attempt, sent, open_ends = 1, False, 0
        while True:
            reply = await self._exchange(method, path, body)
            if reply.answer.kind is AnswerKind.OK and whole is not None and not whole(reply.payload):
                reply = replace(reply, answer=replace(reply.answer, kind=AnswerKind.UNKNOWN, message=NOT_WHOLE))
            answer = reply.answer
            sent = sent or answer.sent
            open_ends += answer.kind is AnswerKind.UNKNOWN
            delay = max(self._retry.delay(attempt, self._rng), reply.pause or 0.0)
            spent = self._clock() + delay - started
            more = attempt < self._retry.attempts or (patient and sent and spent <= READ_PATIENCE)
            if answer.kind not in TRANSIENT or not more or spent > self._retry.deadline:
                break
            await self._sleep(delay)
            attempt += 1
        if attempt == 1:
            return reply
        kind = AnswerKind.UNKNOWN if sent and answer.kind is AnswerKind.NOT_SENT else answer.kind
        repeated = open_ends > (answer.kind is AnswerKind.UNKNOWN)
        seconds = self._clock() - started
        return replace(reply, answer=replace(answer, kind=kind, sent=sent, repeated=repeated, seconds=seconds))

    async def _exchange(self, method: str, path: str, body: bytes = b"") -> Reply:
        """One request and its answer, sent again as often as the API answers 429 and asks us to come back."""
        first: float | None = None
        refusals = 0
        while True:
            grant = await self.limiter.acquire()
            started = self._clock()
            first = started if first is None else first
            reply = await self._send(method, path, body, grant, since=first)
            answer = reply.answer
            if answer.status != 429:
                if answer.kind in TRANSIENT:
                    self.limiter.failed(reply.pause)
                else:
                    self.limiter.answered(self._clock() - started, reply.headers)
                return reply
            refusals += 1
            self.limiter.throttled(reply.pause, grant)
            delay = reply.pause if reply.pause is not None else self._retry.delay(refusals, self._rng)
            if answer.seconds + delay > self._patience:
                raise ApiUnavailableError(
                    f"the API answers 429 (too many requests) since {answer.seconds:.0f} s; "
                    f"the next try would be {delay:.0f} s away",
                    "Nothing came of the refused request. Resume the run later, or with a lower --rate.",
                )
            if reply.pause is None:  # a pause that was asked for holds back the limiter, and with it this request
                await self._sleep(delay)

    async def _send(self, method: str, path: str, body: bytes, grant: Grant, *, since: float) -> Reply:
        """One request on the wire. What goes wrong with the network is an answer, too, not an exception."""
        if self._transport is None:
            raise InternalError("the API client is used outside its context")
        line = f"{method} {path}".encode("ascii")
        content = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        request = b"%b%b%b" % (line, self._head, content if body else b"\r\n")
        departure = Departure(partial(self.limiter.left, grant))
        try:
            async with asyncio.timeout(self._timeout):
                received = await self._transport.exchange(request, departure)
        except FAULTS as error:
            return no_answer(error, sent=departure.begun, seconds=self._clock() - since, secret=self._key)
        return read_reply(
            method,
            received.status,
            received.headers,
            received.content,
            pause=retry_after(received.headers, self._wall()),
            seconds=self._clock() - since,
            secret=self._key,
        )


def _holds_record(payload: Any) -> bool:
    return isinstance(payload, dict) and isinstance(payload.get("data"), dict)


def _holds_list(payload: Any) -> bool:
    return list_items(payload) is not None


def _customer_path(customer_id: str) -> str:
    if not _IDENTIFIER.fullmatch(customer_id):
        raise InternalError("a customer id holds characters that do not belong into an address")
    return f"{CUSTOMERS}/{customer_id}"
