"""How updating a customer goes: looked at first, then only what changed is sent, and never blindly again."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson

from importer.api import Answer, AnswerKind, CustomerRef
from importer.api.answers import clean
from importer.api.compare import as_sent, body_of, inactive_children
from importer.errors import ApiUnavailableError, GuardError, KeyRefusedError, StopError
from importer.ledger import Accepted, Attempt, State, Step
from importer.records import OutcomeKind, Refusal
from importer.sender.findings import sent_values
from importer.sender.moments import moved_on
from importer.sender.options import Api, Merge, OnConflict
from importer.sender.work import Ending, Next, Verdict, Work

__all__ = ["Updating"]

MOST_MISSES = 5  # times that a customer cannot be read, each repeated within the retry policy
NO_ID = "the ledger knows no id of it in WizCommerce any more"
_KINDS = ("addresses", "contacts")
_PLACE = re.compile(r"^(addresses|contacts|attributes)(?:\[|\.)(\d+)\]?(.*)$")
Body = Mapping[str, Any]


@dataclass
class Updating:
    """GET, compare, PATCH; what has no readable answer is looked at by GET and compared before anything goes again.

    The first update of each sort (fields, children, attributes) is read back before another of that sort goes: it is
    not documented whether an API replaces or merges lists. ``alarm`` is set when it lost anything.
    """

    api: Api
    merge: Merge
    on_conflict: OnConflict = "report"
    alarm: StopError | None = None
    _proved: set[str] = field(default_factory=set)
    _first: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def send(self, work: Work) -> Answer:
        """Look, and send what is to be changed. Raises :class:`ApiUnavailableError` when 429 holds it back."""
        work.ending = work.update = None
        new = sent_values(work.body)
        if work.base is None or work.base.customer_id is None:
            return Answer(AnswerKind.GONE, message=NO_ID, sent=False)
        accepted = _accepted(work)
        if accepted is not None and not work.doubtful and self.merge.same(accepted, new):
            work.ending = self._ending(work, OutcomeKind.UNCHANGED, work.base.updated_at)
            return Answer(AnswerKind.OK, sent=False)
        there = await self.api.get(work.base.customer_id)
        if there.kind is not AnswerKind.OK or there.data is None:
            return _unread(there)
        return await self._bring_up(work, new, accepted, replace(there, sent=False), there.data)

    async def _bring_up(
        self, work: Work, new: Body, accepted: Body | None, there: Answer, customer: dict[str, Any]
    ) -> Answer:
        """Send what ``customer`` lacks, if anything and if it may be."""
        conflict = None if work.doubtful or accepted is None else _conflict(work, self.merge, accepted, customer)
        if conflict and self.on_conflict != "overwrite":
            work.ending = Ending(OutcomeKind.EXISTS)
            if self.on_conflict == "report":
                work.ending = Ending(OutcomeKind.EXISTS, code="changed_in_api", message=conflict)
            return there
        held = body_of(customer)
        if work.doubtful:
            accepted = self._settled(work, held, new)
        work.update = self.merge.update(new, held, as_sent(customer), None if conflict else accepted)
        if not work.update.body:
            outcome = OutcomeKind.UPDATED if work.doubtful else OutcomeKind.UNCHANGED
            work.ending = self._ending(work, outcome, _moment(work, customer))
            return there
        if work.update.blocked:
            return Answer(AnswerKind.REFUSED, None, None, "no_child_ids", work.update.blocked, sent=False)
        return await self._patch(work, customer)

    def _settled(self, work: Work, held: Body, new: Body) -> Body | None:
        """What the update of a customer in doubt starts from: what is there now."""
        accepted = _accepted(work)
        if accepted is None or work.base is None:
            return None
        found = self.merge.settled(held, accepted, new)
        work.base = replace(work.base, body=orjson.dumps(found))
        return found

    async def _patch(self, work: Work, customer: Body) -> Answer:
        assert work.update is not None
        sorts = _sorts(work.update.body, customer)
        if sorts <= self._proved:
            return await self._send(work)
        async with self._first:
            if self.alarm is not None:
                return Answer(AnswerKind.NOT_SENT, message=self.alarm.message, sent=False)
            answer = await self._send(work)
            if answer.kind is AnswerKind.OK and not sorts <= self._proved:
                await self._prove(work, customer, sorts)
            return answer

    async def _send(self, work: Work) -> Answer:
        assert work.base is not None
        assert work.base.customer_id is not None
        assert work.update is not None
        body = orjson.dumps(work.update.body)
        answer = await self.api.patch(work.base.customer_id, body)
        work.repeated = work.repeated or answer.repeated
        if answer.kind is AnswerKind.OK:
            work.ending = self._ending(work, OutcomeKind.UPDATED, _moment(work, answer.data or {}))
        return answer

    async def _prove(self, work: Work, before: Body, sorts: set[str]) -> None:
        """Read an update back, and hold it against what was there; a loss stops the run."""
        assert work.base is not None
        assert work.base.customer_id is not None
        there = await self.api.get(work.base.customer_id)
        if there.kind is not AnswerKind.OK or there.data is None:
            return  # it proves nothing: the next one is read back
        lost = [*self.merge.lost(work.update, body_of(before), body_of(there.data)), *_gone_idle(before, there.data)]
        if not lost:
            self._proved |= sorts
            work.ending = self._ending(work, OutcomeKind.UPDATED, _moment(work, there.data))
            return
        more = f" and {len(lost) - 5:,} more" if len(lost) > 5 else ""
        message = f"the update was read back, and is not as it was sent: {', '.join(lost[:5])}{more}"
        work.ending = Ending(OutcomeKind.FAILED, None, "update_incomplete", message)
        self.alarm = GuardError(
            f"customer {work.item.reference_id}: {message}; no other customer was updated that way",
            "Compare the customer in WizCommerce with its source and mend it there. Use --mode create until it is "
            "known how the API treats updates.",
        )

    def _ending(self, work: Work, outcome: OutcomeKind, updated_at: str | None) -> Ending:
        """The customer says what the source says; children that only the ledger knows of are told."""
        new, accepted = sent_values(work.body), _accepted(work)
        if accepted is None:
            return Ending(outcome, Accepted(work.body, None, updated_at))
        body = orjson.dumps(self.merge.merged(accepted, new))
        kept = self.merge.kept(accepted, new)
        taken = Accepted(body, None, updated_at)
        if not kept:
            return Ending(outcome, taken)
        listed = ", ".join(kept[:5]) + (f" and {len(kept) - 5:,} more" if len(kept) > 5 else "")
        return Ending(outcome, taken, "child_not_in_source", f"not in the source any more, and kept: {listed}")

    def judge(self, work: Work, answer: Answer, *, clock: float, now: datetime) -> Verdict:
        """What one answer makes of a customer. ``clock`` and ``now`` are the moment at which it came."""
        if answer.sent:
            work.attempt = Attempt(work.attempts, now, answer.seconds, answer.kind, answer.status)
        else:
            work.attempts -= 1
        work.answer = answer
        if work.began is None:
            work.began = clock - answer.seconds
        step, then = self._read(work, answer, clock)
        work.attempt = None
        return Verdict(work, step, then)

    def _read(self, work: Work, answer: Answer, clock: float) -> tuple[Step, Next]:
        if answer.kind is AnswerKind.OK:
            return _ended(work, clock), Next.DONE
        if answer.kind is AnswerKind.KEY_REFUSED:
            return _open(work, clock), Next.DONE
        if answer.kind is AnswerKind.NOT_SENT:
            return _missed(work, answer, clock)
        if answer.kind is AnswerKind.GONE:
            return _failed(work, clock, "lost_in_api", _gone(answer)), Next.DONE
        if answer.kind is AnswerKind.REFUSED:
            return _refused(work, answer, clock), Next.DONE
        return _doubted(work, answer, clock), Next.LOOK

    async def look(self, works: Sequence[Work]) -> dict[str, list[CustomerRef]]:
        """Reference id → the customer, of those whose updates are in place or that are gone; the rest waits.

        Raises :class:`ApiUnavailableError` and :class:`KeyRefusedError`.
        """
        answers = await asyncio.gather(*(self._look(work) for work in works))
        if all(work.unread for work in works):
            raise ApiUnavailableError(f"customers could not be read: {answers[0].message}")
        return {
            work.item.reference_id: [CustomerRef(work.base.customer_id or "", work.item.reference_id, "", "active")]
            for work in works
            if work.ending is not None and work.base is not None
        }

    async def _look(self, work: Work) -> Answer:
        work.ending, work.unread = None, False
        if work.base is None or work.base.customer_id is None:
            work.ending = Ending(OutcomeKind.FAILED, None, "lost_in_api", NO_ID)
            return Answer(AnswerKind.GONE)
        answer = await self.api.get(work.base.customer_id)
        if answer.kind is AnswerKind.KEY_REFUSED:
            raise KeyRefusedError(f"the API refused the key (HTTP {answer.status}): {answer.message}")
        if answer.kind is AnswerKind.GONE:
            work.ending = Ending(OutcomeKind.FAILED, None, "lost_in_api", _gone(answer))
        elif answer.kind is not AnswerKind.OK or answer.data is None:
            work.unread = True
        else:
            new, held = sent_values(work.body), body_of(answer.data)
            update = self.merge.update(new, held, as_sent(answer.data), self._settled(work, held, new))
            if not update.body:
                work.ending = self._ending(work, OutcomeKind.UPDATED, _moment(work, answer.data))
        return answer

    def found(self, work: Work, there: Sequence[CustomerRef], clock: float) -> Verdict:  # noqa: ARG002 - a strategy's
        """What it means that an update in doubt is in place, or its customer gone."""
        return Verdict(work, _ended(work, clock), Next.DONE)

    def absent(self, work: Work, clock: float, *, again: bool) -> Verdict:
        """What it means that an update in doubt is not in place, for good. ``again``: it may be sent once more."""
        if again:
            return Verdict(work, _open(work, clock), Next.AGAIN)
        reason = (work.answer and work.answer.message) or "no readable answer"
        if work.unread:
            step = _step(
                work, State.UNKNOWN, OutcomeKind.UNKNOWN, clock, "no_answer", f"it could not be read: {reason}"
            )
        else:
            step = _failed(work, clock, "no_answer", f"not updated; the last answer: {reason}")
        return Verdict(work, step, Next.DONE)

    def unsent(self, work: Work, clock: float) -> Verdict:
        """A customer that was announced, and of which nothing left."""
        work.attempts -= 1
        return Verdict(work, _open(work, clock), Next.DONE)


def _accepted(work: Work) -> dict[str, Any] | None:
    return None if work.base is None or work.base.body is None else sent_values(work.base.body)


def _conflict(work: Work, merge: Merge, accepted: Body, customer: Body) -> str | None:
    """Why a customer counts as changed in WizCommerce since it took ``accepted``; None when it does not.

    By the API's own times; where they do not tell, by what was taken: what somebody added to that says nothing.
    """
    assert work.base is not None
    moved = moved_on(work.base.updated_at, customer.get("updated_at"))
    if moved:
        return f"changed in WizCommerce at {clean(customer['updated_at'], 40)}; nothing was sent"
    if moved is None and (changed := [change.path for change in merge.changes(body_of(customer), accepted)]):
        return f"changed in WizCommerce since it was sent ({clean(', '.join(changed), 200)}); nothing was sent"
    return None


def _sorts(body: Body, customer: Body) -> set[str]:
    """What an update of ``customer`` proves when it is read back."""
    found = {"fields"} | ({*_KINDS, "attributes"} & body.keys())
    found |= {f"{kind} attributes" for kind in _KINDS if any("attributes" in child for child in body.get(kind, ()))}
    return found | {f"inactive {kind}" for kind in _KINDS if kind in body and inactive_children(customer, kind)}


def _gone_idle(before: Body, after: Body) -> list[str]:
    """The inactive children that an update lost."""
    there = {child.get("id") for kind in _KINDS for child in after.get(kind) or ()}
    idle = [(kind, child) for kind in _KINDS for child in inactive_children(before, kind)]
    return [f"{kind}[{child.get('reference_id') or child['id']}]" for kind, child in idle if child["id"] not in there]


def _moment(work: Work, customer: Body) -> str | None:
    """The API's time of an update; None where a request of ours may change the customer, and the time, still."""
    return None if work.doubtful or work.repeated else _text(customer.get("updated_at"))


def _unread(answer: Answer) -> Answer:
    """The answer to a look before anything was sent, as one to the update: so nothing came of it."""
    if answer.kind in (AnswerKind.UNKNOWN, AnswerKind.OK):
        return replace(answer, kind=AnswerKind.NOT_SENT, sent=False)
    return replace(answer, sent=False)


def _gone(answer: Answer) -> str:
    return f"it is not in WizCommerce any more{f': {answer.message}' if answer.message else ''}"


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _base_state(work: Work) -> State:
    """The state of a customer of whom no update is under way. One still in doubt stays so."""
    assert work.base is not None
    return work.base.state


def _open(work: Work, clock: float) -> Step:
    return _step(work, _base_state(work), OutcomeKind.PENDING, clock)


def _failed(work: Work, clock: float, code: str, message: str) -> Step:
    return _step(work, _base_state(work), OutcomeKind.FAILED, clock, code, message)


def _missed(work: Work, answer: Answer, clock: float) -> tuple[Step, Next]:
    """Nothing left, or the look before it showed nothing: again, but not for ever where others get through."""
    work.misses, work.tries = work.misses + 1, work.tries - 1
    if answer.status is None or work.misses < MOST_MISSES:
        return _open(work, clock), Next.AGAIN
    return _failed(work, clock, "no_answer", f"it could not be read: {answer.message}"), Next.DONE


def _doubted(work: Work, answer: Answer, clock: float) -> Step:
    work.doubtful, work.abandoned, work.looks = True, clock, 0
    return _step(work, State.UNKNOWN, OutcomeKind.UNKNOWN, clock, answer.code, answer.message)


def _ended(work: Work, clock: float) -> Step:
    ending = work.ending
    assert ending is not None
    state = _base_state(work) if ending.accepted is None else State.UPDATED
    step = _step(work, state, ending.outcome, clock, ending.code, ending.message)
    return replace(step, accepted=ending.accepted, hash=None if ending.accepted is None else work.item.hash)


def _refused(work: Work, answer: Answer, clock: float) -> Step:
    places = work.update.places if work.update is not None else {}
    reasons = [asdict(Refusal(_led_back(reason.field, places), reason.reason)) for reason in answer.refusals]
    step = _failed(work, clock, answer.code or f"http_{answer.status}", answer.message or "")
    return replace(step, refusals=orjson.dumps(reasons).decode())


def _led_back(name: str, places: Mapping[str, Sequence[int | None]]) -> str:
    """A field of what was sent, by the place that its record has in the whole body."""
    found = _PLACE.match(name)
    if found is None or found[1] not in places:
        return name
    listed, number = places[found[1]], int(found[2])
    place = listed[number] if number < len(listed) else None
    rest = found[3].partition(".attributes")[0]  # an attribute's number there is another one
    return found[1] if place is None else f"{found[1]}[{place}]{rest}"


def _step(
    work: Work, state: State, outcome: OutcomeKind, clock: float, code: str | None = None, message: str | None = None
) -> Step:
    assert work.base is not None
    return Step(
        work.item.position,
        work.item.reference_id,
        state,
        outcome,
        work.attempts,
        work.base.customer_id,
        http_status=work.answer.status if work.answer else None,
        error_code=code,
        error_message=message,
        seconds=None if work.began is None else clock - work.began,
        attempt=work.attempt,
    )
