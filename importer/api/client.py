"""The WizCommerce client: calls are paced, write one record each, and are repeated only if that is harmless."""

import copy
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Self
from urllib.parse import urlencode

import anyio
import httpx

from importer import __version__
from importer.api.answers import IDENTIFIER, Answer, AnswerKind, ApiCall, Reply, no_answer, read_reply
from importer.api.limiter import Limiter, Turns
from importer.api.lookup import CUSTOMERS, CustomerRef, NoListError, find_customers, list_customers, read_list
from importer.api.pace import Grant
from importer.api.transport import SendTracker, Transport, UnreadableAnswerError
from importer.api.waits import RetryPolicy
from importer.errors import InternalError, UsageError
from importer.tables import ChildKind

READ_PATIENCE = 60.0  # how long (s) an unreadable list page is requested again
TRANSIENT = frozenset({AnswerKind.UNKNOWN, AnswerKind.NOT_SENT})
# It is not documented whether other lists than that of customers include inactive records by default.
EVERY_STATUS: Final[tuple[dict[str, str], ...]] = ({}, {"status": "inactive"})
ODD_ID: Final = Answer(
    AnswerKind.REFUSED,
    code="odd_id",
    message="the ID from WizCommerce has characters that a URL cannot contain; nothing was sent",
    sent=False,
)
STOPPED: Final = Reply(Answer(AnswerKind.NOT_SENT, message="stopped before it was sent", sent=False))


@dataclass(eq=False, repr=False)  # the key must not show
class Client:
    """An async context manager with one connection pool, one key, and one limiter. A run uses one client.

    ``timeout`` (seconds) limits one request from its turn until the last byte of the response.
    ``retry`` is the policy for requests that may be repeated, which are all except POST.

    An ID that cannot be part of a path is never sent: the answer is REFUSED with code ``odd_id``. Every call raises
    :class:`ApiUnavailableError` if the API asks for too long a wait. A call that reads lists also raises it if a page
    remains unreadable, and :class:`KeyRefusedError` if the API refuses the key.
    """

    base_url: str
    key: str
    _: KW_ONLY
    limiter: Limiter
    timeout: float = 30.0
    connections: int = 64
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    rng: random.Random

    def __post_init__(self) -> None:
        if not self.key or not self.key.isascii() or not self.key.isprintable() or self.key != self.key.strip():
            raise UsageError(
                "the API key is empty or has characters that a header cannot contain",
                "Check WIZCOMMERCE_API_KEY or the file given by --api-key-file.",
            )
        self.base_url = self.base_url.rstrip("/")
        self._turns = Turns()
        self._http: httpx.AsyncClient | None = None
        self._headers = {
            "X-API-Key": self.key,
            "User-Agent": f"importer/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
        }

    async def __aenter__(self) -> Self:
        transport = Transport(self.base_url, self.connections)
        # One deadline per request instead of httpx's own timeouts, which a slow trickle of bytes can outlast.
        self._http = await httpx.AsyncClient(transport=transport, timeout=None, trust_env=False).__aenter__()  # noqa: S113
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    def with_turns(self, turns: Turns) -> Self:
        """An already-entered copy whose waits end when ``turns`` is canceled; requests in flight continue.

        A call that has not sent anything by then returns NOT_SENT. If an earlier attempt may have been sent, the call
        returns UNKNOWN.
        """
        other = copy.copy(self)
        other._turns = turns  # noqa: SLF001 - a copy of itself
        return other

    async def create(self, body: bytes, reference_id: str) -> Answer:
        """POST one customer; repeated only after 429 (nothing was done). OK needs a usable ID and ``reference_id``."""
        return await self._call("POST", body=body, reference_id=reference_id)

    async def get(self, customer_id: str) -> Answer:
        return await self._call("GET", customer_id)

    async def patch(self, customer_id: str, body: bytes) -> Answer:
        return await self._call("PATCH", customer_id, body=body)

    async def delete(self, customer_id: str) -> Answer:
        return await self._call("DELETE", customer_id)

    async def children(self, customer_id: str, kind: ChildKind) -> list[dict[str, Any]]:
        """All children of this kind of one customer, active and inactive.

        Also raises :class:`NoListError` if there is no such list.
        """
        path = _path(customer_id, kind)
        if path is None:
            raise NoListError(f"the list of {kind} cannot be read: {ODD_ID.message}")
        return await read_list(self._list, path, EVERY_STATUS)

    async def get_child(self, customer_id: str, kind: ChildKind, child_id: str) -> Answer:
        return await self._call("GET", customer_id, kind, child_id)

    async def create_child(self, customer_id: str, kind: ChildKind, body: bytes, reference_id: str) -> Answer:
        return await self._call("POST", customer_id, kind, body=body, reference_id=reference_id)

    async def replace_child(self, customer_id: str, kind: ChildKind, child_id: str, body: bytes) -> Answer:
        return await self._call("PUT", customer_id, kind, child_id, body=body)

    async def delete_child(self, customer_id: str, kind: ChildKind, child_id: str) -> Answer:
        return await self._call("DELETE", customer_id, kind, child_id)

    async def find(
        self, reference_ids: Sequence[str], *, since: datetime | None = None
    ) -> dict[str, list[CustomerRef]]:
        """Every given reference id → the customers that have exactly it, active and inactive (none: an empty list).

        ``since``: only customers created at or after it matter, which shortens a walk through the list.
        """
        width = max(1, min(self.connections, self.limiter.concurrency))
        return await find_customers(self._list, reference_ids, since=since, width=width)

    async def customers(self, *, most_pages: int) -> list[CustomerRef] | None:
        """Every customer, active and inactive; None if there are more than ``most_pages`` pages (of 100)."""
        return await list_customers(self._list, most_pages)

    async def sales_reps(self) -> list[dict[str, Any]]:
        return await read_list(self._list, "/v1/sales-reps", EVERY_STATUS)

    async def price_lists(self) -> list[dict[str, Any]]:
        return await read_list(self._list, "/v1/price-lists", EVERY_STATUS)

    async def attributes(self, entity: str) -> list[dict[str, Any]]:
        try:
            return await read_list(self._list, "/v1/attributes", [{"entity": entity}])
        except NoListError:
            return []

    async def _list(self, path: str, query: Mapping[str, str]) -> Reply:
        return await self._persist(ApiCall("GET", f"{path}?{urlencode(query)}"), patient=True)

    async def _call(self, method: str, *parts: str, body: bytes = b"", reference_id: str = "") -> Answer:
        """``parts``: the path below the customers. Everything except POST is retried within the retry policy."""
        path = _path(*parts)
        if path is None:
            return ODD_ID
        if method == "POST":
            return (await self._exchange(ApiCall(method, path, body, reference_id=reference_id))).answer
        # The response to a write may be the customer instead of the child; the response to a GET must be the child.
        ids = parts[-1:] if method == "GET" else parts[::2]
        return (await self._persist(ApiCall(method, path, body, ids))).answer

    async def _persist(self, call: ApiCall, *, patient: bool = False) -> Reply:
        """Repeat a harmless request within the retry policy.

        If ``patient``, a request that reaches the API is repeated for a minute: one unread page would stop a whole run.
        """
        started = self.clock()
        attempt, sent, open_ends = 1, False, 0
        while True:
            reply = await self._exchange(call)
            answer = reply.answer
            sent = sent or answer.sent
            open_ends += answer.kind is AnswerKind.UNKNOWN
            delay = max(self.retry.delay(attempt, self.rng), reply.pause or 0.0)
            spent = self.clock() + delay - started
            more = attempt < self.retry.attempts or (patient and sent and spent <= READ_PATIENCE)
            more = more and spent <= self.retry.deadline and not self._turns.canceled
            if answer.kind not in TRANSIENT or not more:
                break
            await self._pause(delay)
            attempt += 1
        if attempt == 1:
            return reply
        kind = AnswerKind.UNKNOWN if sent and answer.kind is AnswerKind.NOT_SENT else answer.kind
        repeated = open_ends > (answer.kind is AnswerKind.UNKNOWN)
        seconds = self.clock() - started
        return replace(reply, answer=replace(answer, kind=kind, sent=sent, repeated=repeated, seconds=seconds))

    async def _exchange(self, call: ApiCall) -> Reply:
        """The reply to one request, which is sent again each time the API says that there are too many requests."""
        first: float | None = None
        refusals = 0
        while True:
            with self._turns.waiting():
                grant = await self.limiter.acquire()
            if self._turns.canceled:
                return STOPPED
            started = self.clock()
            first = started if first is None else first
            reply = await self._send(call, grant, since=first)
            if not reply.limited:
                if reply.answer.kind in TRANSIENT:
                    self.limiter.hold(reply.retry_after, status=reply.answer.status or 503, quota=reply.quota)
                else:
                    self.limiter.answered(self.clock() - started, reply.quota)
                return reply
            refusals += 1
            self.limiter.throttled(reply.retry_after, grant, status=reply.answer.status or 429, quota=reply.quota)
            if reply.pause is None:  # a requested pause holds back the limiter, and thus this request
                await self._pause(self.retry.delay(refusals, self.rng))

    async def _pause(self, seconds: float) -> None:
        with self._turns.waiting():
            await self.sleep(seconds)

    async def _send(self, call: ApiCall, grant: Grant, *, since: float) -> Reply:
        """One request on the wire. A network failure is also returned as an answer, not raised.

        Every request has a body, even if it is empty: the body shows whether the request was sent, and keeps aiohttp
        from sending the request a second time on its own, past the limiter.
        """
        if self._http is None:
            raise InternalError("the API client is used outside its context")
        tracker = SendTracker(call.body, lambda: self.limiter.left(grant))
        headers = {**self._headers, "Content-Length": str(len(call.body))}
        message = httpx.Request(call.method, self.base_url + call.path, headers=headers, stream=tracker)
        try:
            with anyio.fail_after(self.timeout):
                response = await self._http.send(message)
            del response.stream  # it refers to the response: a large one would wait for the garbage collector
            if not tracker.close():
                raise UnreadableAnswerError("a response came before the request was sent")  # noqa: TRY301 - it is none
        except Exception as error:  # noqa: BLE001 - aiohttp's own errors are among them; a cancellation is none
            return no_answer(error, sent=tracker.close(), seconds=self.clock() - since, secret=self.key)
        seconds = self.clock() - since
        return read_reply(call, response, now=self.wall(), seconds=seconds, secret=self.key)


def _path(*parts: str) -> str | None:
    """The path of a customer or of something below it; None if an ID cannot be part of a path."""
    return "/".join((CUSTOMERS, *parts)) if all(IDENTIFIER.fullmatch(part) for part in parts) else None
