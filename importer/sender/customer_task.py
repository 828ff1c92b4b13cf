"""The state of a customer in the sender, as immutable values that each step replaces, and the sender's options."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import Enum, auto
from typing import Any, Literal

import anyio
import orjson

from importer.api import Answer, RetryPolicy
from importer.ledger import Attempt, Base, Item, LedgerStep, State, Write
from importer.logs import event
from importer.planner import Merger
from importer.records import OutcomeKind, Refusal

# Items → their planned bodies, in the same order; called in the ledger's thread. Raises OutputError.
Bodies = Callable[[Sequence[Item]], Sequence[bytes]]
OnConflict = Literal["overwrite", "skip", "report"]
NO_BASE = Base(None, State.PLANNED)


class Next(Enum):
    DONE = auto()
    LOOK_UP = auto()  # now or later
    SEND_AGAIN = auto()


@dataclass(frozen=True, slots=True)
class CustomerTask:
    """One customer while the sender works on it. Times are in seconds of the event loop's clock.

    ``attempts`` counts the requests of this run, ``tries`` those of this process, and ``misses`` the requests that were
    not sent and the reads that failed. ``outcome_unknown``: one of our requests, from this run (``sent_by_this_run``)
    or an earlier one, may have been carried out. ``conflict_answer``: the refusal that said that the reference ID is in
    use.
    ``abandoned``: when the request without an answer was given up. ``looks``: lookups since then. ``outcome``: the one
    recorded last. ``open_writes``: POSTs of children whose outcome is unknown.
    """

    item: Item
    body: bytes
    attempts: int
    tries: int = 0
    misses: int = 0
    outcome_unknown: bool = False
    sent_by_this_run: bool = True
    conflict_answer: Answer | None = None
    answer: Answer | None = None
    began: float | None = None
    abandoned: float = 0.0
    looks: int = 0
    outcome: OutcomeKind = OutcomeKind.PENDING
    base: Base = NO_BASE
    open_writes: tuple[Write, ...] = ()

    @property
    def reference_id(self) -> str:
        return self.item.reference_id

    @property
    def values(self) -> dict[str, Any]:
        values: dict[str, Any] = orjson.loads(self.body)
        return values

    def absence_proven(self, lookup_began: float, settle: float) -> bool:
        """Whether a lookup that found nothing proves that the request without an answer did nothing.

        A list may lag, and a request may be carried out late. Therefore, only a lookup that began at least ``settle``
        seconds after the request was given up is proof.
        """
        return lookup_began >= self.abandoned + settle

    def answered(self, answer: Answer) -> "CustomerTask":
        began = anyio.current_time() - answer.seconds if self.began is None else self.began
        return replace(self, answer=answer, began=began)

    def attempt(self, at: datetime) -> Attempt | None:
        answer = self.answer
        return None if answer is None else Attempt(self.attempts, at, answer.seconds, str(answer.kind), answer.status)

    def transition(
        self,
        state: State,
        outcome: OutcomeKind,
        then: Next = Next.DONE,
        *,
        code: str | None = None,
        message: str | None = None,
        **more: Any,
    ) -> "Transition":
        """A step of the task, taken now; ``more`` are additional fields of the step."""
        step = LedgerStep(
            self.item.position,
            self.reference_id,
            state,
            outcome,
            self.attempts,
            http_status=self.answer.status if self.answer else None,
            error_code=code,
            error_message=message,
            seconds=None if self.began is None else anyio.current_time() - self.began,
            **more,
        )
        return Transition(self, step, then)


@dataclass(frozen=True, slots=True)
class SendOptions:
    """What a caller decides.

    ``batch_size``: customers announced in one transaction. ``settle``: seconds that a listing may lag behind a POST.
    ``retry``: for one customer; the last attempt starts before its deadline. ``limit``: customers to begin with in this
    call (None: all). ``max_failed``: failures after which nothing more is sent. ``grace``: seconds for requests in
    flight when the run is stopped. ``patience``: seconds without any request getting through after which the API counts
    as gone. ``on_conflict``: for an update of a customer that was changed in WizCommerce since.
    """

    concurrency: int = 64
    batch_size: int = 500
    settle: float = 60.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    limit: int | None = None
    max_failed: int | None = None
    grace: float = 30.0
    patience: float = 60.0
    merge: Merger = field(default_factory=Merger)
    on_conflict: OnConflict = "report"

    def may_send_again(self, task: CustomerTask) -> bool:
        return task.tries < self.retry.attempts and anyio.current_time() < self.deadline(task)

    def deadline(self, task: CustomerTask) -> float:
        return (task.abandoned if task.began is None else task.began) + self.retry.deadline


@dataclass(frozen=True, slots=True)
class Transition:
    task: CustomerTask
    step: LedgerStep
    then: Next


def text_of(data: Mapping[str, Any] | None, name: str) -> str | None:
    value = (data or {}).get(name)
    return value if isinstance(value, str) and value else None


def changed_since(accepted_at: str | None, shown_at: Any) -> bool | None:
    """Whether a customer changed since the API accepted a body; None if the API's times do not show it."""
    try:
        before, after = (datetime.fromisoformat(moment) for moment in (accepted_at or "", shown_at))
    except (TypeError, ValueError):
        return None
    return after > before if (before.tzinfo is None) == (after.tzinfo is None) else None


def reasons_of(answer: Answer, refusals: Sequence[Refusal]) -> dict[str, Any]:
    """The API's own reasons for a refusal, as arguments of :meth:`CustomerTask.transition`."""
    text = orjson.dumps([asdict(refusal) for refusal in refusals]).decode()
    return {"code": answer.code or f"http_{answer.status}", "message": answer.message, "refusals": text}


def log_step(recorded: Transition) -> None:
    step = recorded.step
    if step.outcome is OutcomeKind.FAILED:
        level, name = logging.WARNING, "failed"
    elif recorded.then is Next.LOOK_UP:
        level, name = logging.WARNING, "unknown"
    elif recorded.then is Next.SEND_AGAIN:
        level, name = logging.INFO, "again"
    else:
        return
    event(
        level,
        name,
        {"reference_id": step.reference_id, "text": step.error_message},
        customer=step.position + 1,  # its line in results.csv, not counting the header
        attempts=step.attempts,
        http_status=step.http_status,
        code=step.error_code,
    )
