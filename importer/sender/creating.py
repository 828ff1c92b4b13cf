"""How creating a customer goes: what an answer means, and what a lookup proves.

Everything that is particular to the action lives here; another action is another class with the same methods.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from importer.api import Answer, AnswerKind, CustomerRef
from importer.ledger import Accepted, Attempt, State, Step
from importer.records import OutcomeKind
from importer.sender.options import Api
from importer.sender.work import Next, Verdict, Work

__all__ = ["Creating", "unsent"]

_TAKEN = re.compile(r"exist|taken|duplicat|already|unique|conflict|in use", re.IGNORECASE)
_REFERENCE = re.compile(r"reference[\s_-]?id", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Creating:
    """POST once; what has no readable answer is looked up by its reference id."""

    api: Api

    async def send(self, work: Work) -> Answer:
        """One request. Raises :class:`ApiUnavailableError` when 429 holds it back for too long."""
        return await self.api.create(work.body)

    def judge(self, work: Work, answer: Answer, *, clock: float, now: datetime) -> Verdict:
        """What one answer makes of a customer. ``clock`` and ``now`` are the moment at which it came."""
        attempt = Attempt(work.attempts, now - timedelta(seconds=answer.seconds), now, answer.kind, answer.status)
        work.answer = answer
        work.began = clock - answer.seconds if work.began is None else work.began
        step, then = self._read(work, answer, clock)
        return Verdict(work, replace(step, attempt=attempt), then)

    def _read(self, work: Work, answer: Answer, clock: float) -> tuple[Step, Next]:
        if answer.kind is AnswerKind.OK and answer.data is not None:
            accepted = Accepted(work.body, _children(answer.data))
            return _there(work, str(answer.data["id"]), clock, OutcomeKind.CREATED, accepted), Next.DONE
        if answer.kind is AnswerKind.KEY_REFUSED:
            return _step(work, State.PLANNED, OutcomeKind.PENDING, clock), Next.DONE
        if answer.kind is AnswerKind.NOT_SENT:
            work.attempts, work.tries, work.misses = work.attempts - 1, work.tries - 1, work.misses + 1
            return _step(work, State.PLANNED, OutcomeKind.PENDING, clock), Next.AGAIN
        if answer.kind is AnswerKind.REFUSED and not _says_taken(answer):
            return _refused(work, State.REFUSED, clock), Next.DONE
        return _to_look_up(work, answer, clock), Next.LOOK

    async def look(self, works: Sequence[Work]) -> dict[str, list[CustomerRef]]:
        """Reference id → what the API holds. Raises :class:`ApiUnavailableError`, :class:`KeyRefusedError`."""
        return await self.api.find([work.item.reference_id for work in works])

    def found(self, work: Work, there: Sequence[CustomerRef], clock: float) -> Verdict:
        """What it means that the API holds ``there`` (one or more) under a customer's reference id.

        Before the first request its absence was recorded, so what a doubtful request may have made, it did make.
        """
        if not work.doubtful:
            return Verdict(work, _there(work, there[0].id, clock, OutcomeKind.EXISTS), Next.DONE)
        if len(there) > 1:
            return Verdict(work, _duplicate(work, there, clock), Next.DONE)
        same = work.item.sent_hash in (None, work.item.hash)
        accepted = Accepted(work.body, None) if same else None
        outcome = OutcomeKind.CREATED
        if not work.mine:
            outcome = OutcomeKind.UNCHANGED if same else OutcomeKind.EXISTS
        return Verdict(work, _there(work, there[0].id, clock, outcome, accepted), Next.DONE)

    def absent(self, work: Work, clock: float, *, again: bool) -> Verdict:
        """What it means that a customer is not there, for good. ``again``: it may be sent once more."""
        if work.taken is not None:
            # A request in doubt and a refusal that contradicts the list: the next run has to look again.
            return Verdict(work, _refused(work, State.UNKNOWN if work.doubtful else State.REFUSED, clock), Next.DONE)
        if again:
            return Verdict(work, _step(work, State.ABSENT, OutcomeKind.PENDING, clock), Next.AGAIN)
        step = _step(work, State.ABSENT, OutcomeKind.FAILED, clock)
        reason = step.error_message or "no readable answer"
        message = f"not in the API after {work.attempts} attempt{'s'[: work.attempts != 1]}; the last: {reason}"
        return Verdict(work, replace(step, error_code="no_answer", error_message=message), Next.DONE)


def _to_look_up(work: Work, answer: Answer, clock: float) -> Step:
    work.abandoned, work.looks = clock, 0
    if answer.kind is AnswerKind.REFUSED:
        work.taken = answer
    else:
        work.doubtful = work.mine = True
    if work.doubtful:
        return _step(work, State.UNKNOWN, OutcomeKind.UNKNOWN, clock)
    # This request did nothing and none before it is in doubt, so whatever is there is not ours.
    return _step(work, State.PLANNED, OutcomeKind.PENDING, clock)


def unsent(work: Work, clock: float) -> Verdict:
    """A customer that was announced, and of which nothing left."""
    work.attempts -= 1
    return Verdict(work, _step(work, State.PLANNED, OutcomeKind.PENDING, clock), Next.DONE)


def _step(work: Work, state: State, outcome: OutcomeKind, clock: float) -> Step:
    answer = work.answer
    return Step(
        work.item.position,
        work.item.reference_id,
        state,
        outcome,
        work.attempts,
        http_status=answer.status if answer else None,
        error_code=answer.code if answer else None,
        error_message=answer.message if answer else None,
        seconds=None if work.began is None else clock - work.began,
    )


def _there(work: Work, customer_id: str, clock: float, outcome: OutcomeKind, accepted: Accepted | None = None) -> Step:
    state = State.EXISTS if not work.doubtful and outcome is OutcomeKind.EXISTS else State.CREATED
    step = _step(work, state, outcome, clock)
    return replace(step, customer_id=customer_id, error_code=None, error_message=None, accepted=accepted)


def _refused(work: Work, state: State, clock: float) -> Step:
    answer = work.taken or work.answer
    assert answer is not None
    return replace(
        _step(work, state, OutcomeKind.FAILED, clock),
        http_status=answer.status,
        error_code=answer.code or f"http_{answer.status}",
        error_message=answer.message,
        refusals=orjson.dumps([asdict(refusal) for refusal in answer.refusals]).decode(),
    )


def _duplicate(work: Work, there: Sequence[CustomerRef], clock: float) -> Step:
    """Its state stays unknown, so that the next run looks again: by then somebody may have deleted one."""
    ids = " and ".join(customer.id for customer in there)
    return replace(
        _step(work, State.UNKNOWN, OutcomeKind.FAILED, clock),
        error_code="duplicate_in_api",
        error_message=f"the API holds it {len(there)} times, as {ids}; delete all but one by hand",
    )


def _says_taken(answer: Answer) -> bool:
    """Whether a refusal may mean that the reference id is in use: nobody documents how the API would say so."""
    if answer.status == 409:
        return True
    if answer.status not in (400, 422):
        return False
    if any(refusal.field == "reference_id" for refusal in answer.refusals):
        return True
    text = f"{answer.code} {answer.message}"
    return bool(_TAKEN.search(text) and (_REFERENCE.search(text) or "customer" in text.lower()))


def _children(data: dict[str, Any]) -> str:
    """The ids that the API gave to addresses and contacts."""
    children = [
        {"entity": entity, "reference_id": child.get("reference_id"), "id": child.get("id")}
        for entity, name in (("address", "addresses"), ("contact", "contacts"))
        for child in (data.get(name) or ())
        if isinstance(child, dict)
    ]
    return orjson.dumps(children).decode()
