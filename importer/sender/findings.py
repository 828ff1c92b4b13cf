"""What undo and verify share: going through a run's customers in blocks, many requests at a time."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeVar

import orjson

from importer.api import Answer, AnswerKind, CustomerRef
from importer.errors import ApiUnavailableError, InterruptedRunError, KeyRefusedError, StopError
from importer.ledger import LedgerCustomer
from importer.sender.options import Bodies

__all__ = ["BLOCK", "Finding", "Found", "ReadApi", "Result", "Rounds", "planned_bodies", "sent_values"]

BLOCK = 500  # customers taken from the ledger, and entered into it, at a time
MOST_MISSES = 10  # calls in a row without an answer, each repeated within the retry policy, until the API is gone

Thing = TypeVar("Thing")


class Result(StrEnum):
    """What became of a customer, or what was found.

    Of both: ``CHANGED`` (the API holds something else than was sent), ``DUPLICATE`` (the API holds it more than
    once), ``FAILED`` (no usable answer), ``UNKNOWN`` (a request is in doubt still). Of undo: ``DELETED``,
    ``DEACTIVATED`` (deleted, but still shown as inactive), ``ABSENT`` (a doubtful request turns out to have done
    nothing). Of verify: ``OK``, ``MISSING``, ``INACTIVE``, ``UNDONE`` (taken back before, and not there).
    """

    DELETED = "deleted"
    DEACTIVATED = "deactivated"
    ABSENT = "absent"
    OK = "ok"
    UNDONE = "undone"
    MISSING = "missing"
    INACTIVE = "inactive"
    CHANGED = "changed"
    DUPLICATE = "duplicate"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One customer's line in ``undo.csv`` or ``verify.csv``."""

    reference_id: str
    customer_id: str | None
    result: Result
    details: str = ""


Found = Callable[[Sequence[Finding]], None]


class ReadApi(Protocol):
    """The part of :class:`importer.api.Client` that changes nothing."""

    async def get(self, customer_id: str) -> Answer: ...

    async def find(self, reference_ids: Sequence[str]) -> dict[str, list[CustomerRef]]: ...


class Rounds:
    """Does something for each of many customers, ``concurrency`` at a time, until asked to stop or the API is gone."""

    def __init__(self, concurrency: int, stop: asyncio.Event, hint: str) -> None:
        self._concurrency = concurrency
        self._stop = stop
        self._hint = hint
        self._misses = 0
        self._heard = False  # whether any call was answered
        self._gone: ApiUnavailableError | None = None
        self._stopped_by: StopError | None = None

    @property
    def going(self) -> bool:
        """Nothing speaks against another request."""
        return self._stopped_by is None and not self._stop.is_set()

    def check(self) -> None:
        """Raise :class:`StopError` when it ended early."""
        if self._stopped_by is not None:
            raise self._stopped_by
        if self._gone is not None and not self._heard:
            raise self._gone
        if self._stop.is_set():
            raise InterruptedRunError("interrupted", self._hint)

    async def each(self, things: Sequence[Thing], work: Callable[[Thing], Awaitable[None]]) -> None:
        """Call ``work`` for each; those under way finish when it ends early. See :meth:`check`."""
        left = iter(things)

        async def worker() -> None:
            while self.going and (thing := next(left, None)) is not None:
                try:
                    await work(thing)
                except StopError as error:
                    self._stopped_by = self._stopped_by or error

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._concurrency, len(things))):
                    group.create_task(worker())
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def ask(self, call: Awaitable[Answer]) -> Answer:
        """The answer to a call. Raises :class:`KeyRefusedError`, and :class:`ApiUnavailableError` when none come."""
        answer = await call
        if answer.kind is AnswerKind.KEY_REFUSED:
            raise KeyRefusedError(
                f"the API refused the key (HTTP {answer.status}): {answer.message}",
                "Check WIZCOMMERCE_API_KEY or the file given by --api-key-file.",
            )
        if answer.kind not in (AnswerKind.UNKNOWN, AnswerKind.NOT_SENT):
            self._misses, self._heard = 0, True
            return answer
        self._misses += 1
        self._gone = ApiUnavailableError(f"nothing got through to the API; the last: {answer.message}", self._hint)
        if self._misses >= MOST_MISSES:
            raise self._gone
        return answer


def planned_bodies(held: Sequence[LedgerCustomer], bodies: Bodies) -> list[bytes | None]:
    """The bodies that the run had planned, byte for byte; None where its folder holds others by now."""
    read = bodies([one.item for one in held])
    return [
        body if hashlib.sha256(body).hexdigest() == one.item.hash else None
        for one, body in zip(held, read, strict=True)
    ]


def sent_values(body: bytes) -> dict[str, Any]:
    """A body as values."""
    values: dict[str, Any] = orjson.loads(body)
    return values
