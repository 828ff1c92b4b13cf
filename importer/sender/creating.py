"""How creating a customer goes: what an answer means, and what a lookup proves.

Everything that is particular to the action lives here; another action is another class with the same methods.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import orjson

from importer.api import Answer, AnswerKind, CustomerRef
from importer.ledger import Accepted, Attempt, State, Step
from importer.records import OutcomeKind
from importer.sender.options import Api
from importer.sender.work import Next, Verdict, Work

__all__ = ["Creating", "child_ids", "moment_text"]

_TAKEN = re.compile(r"exist|taken|duplicat|already|unique|conflict|in use", re.IGNORECASE)
_REFERENCE = re.compile(r"reference[\s_-]?id", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Creating:
    """POST once; what has no readable answer is looked up by its reference id.

    ``since``: what the run's own requests made was created after that, by the API's clock.
    """

    api: Api
    since: datetime | None = None
    alarm: None = None  # no customer's creation says anything about another's

    async def send(self, work: Work) -> Answer:
        """One request. Raises :class:`ApiUnavailableError` when 429 holds it back for too long."""
        return await self.api.create(work.body, work.item.reference_id)

    def judge(self, work: Work, answer: Answer, *, clock: float, now: datetime) -> Verdict:
        """What one answer makes of a customer. ``clock`` and ``now`` are the moment at which it came."""
        work.attempt = Attempt(work.attempts, now, answer.seconds, answer.kind, answer.status)
        work.answer = answer
        if work.began is None:
            work.began = clock - answer.seconds
        step, then = self._read(work, answer, clock)
        work.attempt = None
        return Verdict(work, step, then)

    def _read(self, work: Work, answer: Answer, clock: float) -> tuple[Step, Next]:
        if answer.kind is AnswerKind.OK and answer.data is not None:
            accepted = Accepted(work.body, child_ids(answer.data), _text(answer.data.get("updated_at")))
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
        ours = all(work.doubtful and work.mine and work.taken is None for work in works)
        return await self.api.find([work.item.reference_id for work in works], since=self.since if ours else None)

    def found(self, work: Work, there: Sequence[CustomerRef], clock: float) -> Verdict:
        """What it means that the API holds ``there`` (one or more) under a customer's reference id.

        Before the first request its absence was recorded, so what a doubtful request may have made, it did make.
        """
        if not work.doubtful:
            return Verdict(work, _there(work, there[0].id, clock, OutcomeKind.EXISTS), Next.DONE)
        if len(there) > 1:
            return Verdict(work, _duplicate(work, there, clock), Next.DONE)
        same = work.item.sent_hash in (None, work.item.hash)
        accepted = Accepted(work.body, None, moment_text(there[0])) if same else None
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
        return Verdict(work, _given_up(work, clock), Next.DONE)

    def unsent(self, work: Work, clock: float) -> Verdict:
        """A customer that was announced, and of which nothing left."""
        work.attempts -= 1
        return Verdict(work, _step(work, State.PLANNED, OutcomeKind.PENDING, clock), Next.DONE)


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


def _step(work: Work, state: State, outcome: OutcomeKind, clock: float) -> Step:
    """A step that repeats what the latest answer said."""
    if work.answer is None:
        return _entry(work, state, outcome, clock)
    return _entry(work, state, outcome, clock, code=work.answer.code, message=work.answer.message)


def _entry(
    work: Work,
    state: State,
    outcome: OutcomeKind,
    clock: float,
    *,
    code: str | None = None,
    message: str | None = None,
    customer_id: str | None = None,
    refusals: str | None = None,
    accepted: Accepted | None = None,
) -> Step:
    return Step(
        work.item.position,
        work.item.reference_id,
        state,
        outcome,
        work.attempts,
        customer_id,
        work.answer.status if work.answer else None,
        code,
        message,
        refusals,
        None if work.began is None else clock - work.began,
        accepted,
        work.attempt,
    )


def _there(work: Work, customer_id: str, clock: float, outcome: OutcomeKind, accepted: Accepted | None = None) -> Step:
    state = State.EXISTS if not work.doubtful and outcome is OutcomeKind.EXISTS else State.CREATED
    return _entry(work, state, outcome, clock, customer_id=customer_id, accepted=accepted)


def _refused(work: Work, state: State, clock: float) -> Step:
    """The API's own reasons: of the refusal that said the id is taken, if there was one."""
    answer = work.answer = work.taken or work.answer
    assert answer is not None
    refusals = orjson.dumps([asdict(refusal) for refusal in answer.refusals]).decode()
    code = answer.code or f"http_{answer.status}"
    return _entry(work, state, OutcomeKind.FAILED, clock, code=code, message=answer.message, refusals=refusals)


def _given_up(work: Work, clock: float) -> Step:
    reason = (work.answer and work.answer.message) or "no readable answer"
    attempts = f"{work.attempts} attempt{'' if work.attempts == 1 else 's'}"
    message = f"not in the API after {attempts}; the last: {reason}"
    return _entry(work, State.ABSENT, OutcomeKind.FAILED, clock, code="no_answer", message=message)


def _duplicate(work: Work, there: Sequence[CustomerRef], clock: float) -> Step:
    """Its state stays unknown, so that the next run looks again: by then somebody may have deleted one."""
    ids = " and ".join(customer.id for customer in there)
    message = f"the API holds it {len(there)} times, as {ids}; delete all but one by hand"
    return _entry(work, State.UNKNOWN, OutcomeKind.FAILED, clock, code="duplicate_in_api", message=message)


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


def moment_text(customer: CustomerRef) -> str | None:
    """When a listed customer was changed last, as the ledger keeps it."""
    return None if customer.updated_at is None else customer.updated_at.isoformat()


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def child_ids(data: Mapping[str, Any]) -> str:
    """The ids that the API gave to the addresses and contacts of a customer (the ``data`` of an answer), as JSON."""
    children = [
        {"entity": entity, "reference_id": child.get("reference_id"), "id": child.get("id")}
        for entity, name in (("address", "addresses"), ("contact", "contacts"))
        for child in (data.get(name) or ())
        if isinstance(child, dict)
    ]
    return orjson.dumps(children).decode()
