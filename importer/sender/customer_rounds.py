"""What undo and verify share: their results, and work on many of a run's customers at a time."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import anyio

from importer.api import Answer, AnswerKind
from importer.api.answers import clean, key_refused
from importer.errors import ApiUnavailableError, InterruptedRunError, StopError
from importer.sender.concurrency import gather

BLOCK = 500  # customers taken from the ledger, and entered into it, at a time
MOST_MISSES = 10  # calls in a row without an answer (each was repeated) after which the API counts as gone

Thing = TypeVar("Thing")


class CustomerResult(StrEnum):
    DELETED = "deleted"
    DEACTIVATED = "deactivated"  # deleted, but still shown as inactive
    RESTORED = "restored"  # its update was undone
    NOT_TAKEN_BACK = "not_taken_back"  # all or part of its update cannot be undone
    ABSENT = "absent"  # its request had no effect
    OK = "ok"
    UNDONE = "undone"  # undone before
    MISSING = "missing"
    INACTIVE = "inactive"
    CHANGED = "changed"  # WizCommerce has different content than was sent
    DUPLICATE = "duplicate"  # WizCommerce has it more than once
    FAILED = "failed"  # it could not be read or changed
    UNKNOWN = "unknown"  # the outcome of a request is not known yet


@dataclass(frozen=True, slots=True)
class CustomerFinding:
    reference_id: str
    customer_id: str | None
    result: CustomerResult
    details: str = ""


Found = Callable[[Sequence[CustomerFinding]], None]


@dataclass
class Rounds:
    """Does something for each of many customers, ``concurrency`` at a time, until asked to stop or the API is gone."""

    concurrency: int
    stop: anyio.Event
    hint: str
    _misses: int = 0
    _answered: bool = False  # whether the API answered any call
    _gone: ApiUnavailableError | None = None
    _stopped_by: StopError | None = None

    def check(self) -> None:
        if self._stopped_by is not None:
            raise self._stopped_by
        if self._gone is not None and not self._answered:
            raise self._gone
        if self.stop.is_set():
            raise InterruptedRunError("interrupted", self.hint)

    async def each(self, things: Sequence[Thing], work: Callable[[Thing], Awaitable[None]]) -> None:
        """Call ``work`` for each of ``things``. If this ends early, calls under way still finish. See :meth:`check`."""
        left = iter(things)

        async def worker(_number: int) -> None:
            while self._stopped_by is None and not self.stop.is_set() and (thing := next(left, None)) is not None:
                try:
                    await work(thing)
                except StopError as error:
                    self._end(error)

        await gather(worker, range(min(self.concurrency, len(things))))

    def _end(self, error: StopError) -> None:
        self._stopped_by = self._stopped_by or error

    async def ask(self, call: Awaitable[Answer]) -> Answer:
        """The answer to a call. Raises :class:`StopError` if further calls are pointless."""
        answer = await call
        if answer.kind is AnswerKind.KEY_REFUSED:
            raise key_refused(answer)
        if answer.kind not in (AnswerKind.UNKNOWN, AnswerKind.NOT_SENT):
            self._misses, self._answered = 0, self._answered or answer.sent
            return answer
        if self.stop.is_set():
            raise InterruptedRunError("interrupted", self.hint)
        self._misses += 1
        self._gone = ApiUnavailableError(f"no usable response from the API; last error: {answer.message}", self.hint)
        if self._misses >= MOST_MISSES:
            raise self._gone
        return answer


def unreadable(answer: Answer, reference_id: str | None) -> str:
    """Why ``answer`` to a GET is not the record with ``reference_id`` (None: any); empty if it is."""
    if answer.kind is not AnswerKind.OK or answer.data is None:
        return f"it could not be read: {answer.message}"
    shown = answer.data.get("reference_id")
    if reference_id is not None and shown != reference_id:
        return f"WizCommerce shows another record under this ID, with the reference ID {clean(shown, 100)}"
    return ""
