"""Updating a customer: read first, then only what changed is sent, and a POST never blindly again."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import anyio
import orjson

from importer.api import Answer, AnswerKind, Client
from importer.api.answers import clean
from importer.errors import ApiUnavailableError, GuardError, KeyRefusedError, StopError
from importer.ledger import Accepted, Base, Ledger, Run, State, WriteState
from importer.planner import CustomerUpdate, Merger
from importer.planner.compare import body_of
from importer.planner.readback import unexpected
from importer.records import OutcomeKind
from importer.sender.creating import child_ids
from importer.sender.customer_writer import CustomerWriter, Written
from importer.sender.recorder import LedgerThread
from importer.sender.send_options import SendOptions
from importer.sender.tasks import (
    CustomerTask,
    Next,
    Transition,
    absence_proven,
    answered,
    attempt_of,
    reasons_of,
    text_of,
    transition,
)
from importer.sender.waiting import gather
from importer.tables import CHILD_ENTITIES

__all__ = ["Updating", "moved_on"]

MOST_MISSES = 5  # times that a customer cannot be read, each repeated within the retry policy
NO_ID = "the ledger has no WizCommerce id for it"
SHOWN = 5  # names in a message
Body = Mapping[str, Any]


@dataclass
class Updating:
    """GET, compare, then PATCH, PUT and POST; what has no readable answer is read again before anything is sent again.

    The first write of each kind in a run is read back before another of that kind goes: it is not documented whether
    the API replaces or merges. ``problem`` is set when something was lost. ``sending`` is the client whose waits end
    when the run is stopped, ``reading`` the one for lookups.
    """

    sending: Client
    reading: Client
    ledger: Ledger
    thread: LedgerThread
    run: Run
    merge: Merger
    options: SendOptions
    now: Callable[[], datetime]
    problem: StopError | None = None
    _proven: set[str] = field(default_factory=set)
    _first: anyio.Lock = field(default_factory=anyio.Lock)

    async def send(self, task: CustomerTask) -> Transition:
        """Read the customer, and send what changes. Raises :class:`ApiUnavailableError`."""
        base = _base(task)
        if base.customer_id is None:
            return _failed(_unsent(task), "lost_in_api", NO_ID)
        if task.open_writes and not task.outcome_unknown:  # of an earlier process
            task = replace(_unsent(task), outcome_unknown=True, abandoned=anyio.current_time(), looks=0)
            return transition(task, State.UNKNOWN, OutcomeKind.UNKNOWN, Next.LOOK_UP)
        new, accepted = task.values, _accepted(base)
        if accepted is not None and not task.outcome_unknown and self.merge.same(accepted, new):
            took = Accepted(orjson.dumps(self.merge.merged(accepted, new)), base.children, base.updated_at)
            return self._finished(_unsent(task), OutcomeKind.UNCHANGED, took, accepted)
        there = await self.sending.get(base.customer_id)
        task = answered(task, there)
        if there.kind is not AnswerKind.OK or there.data is None:
            return _unread(_unsent(task), there)
        return _other_customer(_unsent(task), there.data) or await self._resolve(task, there.data, accepted)

    async def _resolve(self, task: CustomerTask, customer: Body, accepted: Body | None) -> Transition:
        """Send the update, unless the customer was changed in WizCommerce and the policy is to leave it then."""
        conflict = None if task.outcome_unknown or accepted is None else self._conflict(_base(task), accepted, customer)
        if conflict and self.options.on_conflict != "overwrite":
            reported = self.options.on_conflict == "report"
            code, message = ("changed_in_api", conflict) if reported else (None, None)
            return _became(_unsent(task), OutcomeKind.EXISTS, code=code, message=message)
        return await self._bring_up_to_date(task, customer, None if conflict else accepted)

    async def _bring_up_to_date(self, task: CustomerTask, customer: Body, accepted: Body | None) -> Transition:
        """Send what ``customer``, as WizCommerce shows it, lacks."""
        new, base = task.values, _base(task)
        if task.outcome_unknown:
            customer = await self._with_all_children(self.sending, customer)
            accepted = accepted and self.merge.settled(customer, accepted, new)
        update = self.merge.update(new, customer, accepted, base.children)
        known = accepted if accepted is not None else _accepted(base)
        if update.empty:
            outcome = OutcomeKind.UPDATED if task.outcome_unknown else OutcomeKind.UNCHANGED
            took = Accepted(orjson.dumps(update.accepted), child_ids(customer), _moment(task, customer))
            return self._finished(_unsent(task), outcome, took, known, customer, update.reports)
        kinds = _kinds(update)
        if kinds <= self._proven:
            return await self._write(task, customer, update, known, kinds)
        async with self._first:
            if self.problem is not None:
                return _became(_unsent(task), OutcomeKind.PENDING)
            return await self._write(task, customer, update, known, kinds)

    async def _write(
        self, task: CustomerTask, customer: Body, update: CustomerUpdate, accepted: Body | None, kinds: set[str]
    ) -> Transition:
        customer_id = str(_base(task).customer_id)
        writer = CustomerWriter(self.sending, self.ledger, self.thread, self.run)
        written = await writer.write(task.reference_id, customer_id, update)
        task = answered(task, written.answer)
        if not written.sent:
            task = _unsent(task)
        if written.answer.kind is not AnswerKind.OK:
            return self._interrupted(task, written)
        if written.refused is not None:
            return self._refused(task, written)
        after: Body | None = None
        if update.children or not kinds <= self._proven:
            after = await self._read_back(customer_id, task.reference_id, written)
        also_changed: list[str] = []
        if after is not None and written.complete:
            if wrong := unexpected(update, customer, after):
                if not kinds <= self._proven:
                    return self._incomplete(task, wrong)
                also_changed = [f"changed besides what was sent: {_listed(wrong)}"]
            self._proven |= kinds
        seen = after if after is not None else {} if update.children else written.answer.data or {}
        moment = None if written.repeated else _moment(task, seen)
        children = child_ids(after) if after is not None else _base(task).children
        took = Accepted(orjson.dumps(update.accepted), children, moment)
        left_alone = (*update.reports, *written.reports)
        return self._finished(task, OutcomeKind.UPDATED, took, accepted, seen, left_alone, also_changed)

    async def _read_back(self, customer_id: str, reference_id: str, written: Written) -> Body | None:
        """The customer after its writes, with the new children even if a list does not show them yet."""
        answer = await self.sending.get(customer_id)
        if answer.kind is not AnswerKind.OK or answer.data is None or answer.data.get("reference_id") != reference_id:
            return None  # it proves nothing: the next one is read back
        after = dict(answer.data)
        for kind, child_id in written.added:
            if all(child.get("id") != child_id for child in after.get(kind) or ()):
                child = await self.sending.get_child(customer_id, kind, child_id)
                if child.kind is AnswerKind.OK and child.data is not None:
                    after[kind] = [*(after.get(kind) or ()), child.data]
        return after

    async def look_up(self, tasks: Sequence[CustomerTask]) -> list[Transition | None]:
        """What the API shows of customers, one entry each; None when that proves nothing yet.

        Raises :class:`ApiUnavailableError` when it cannot be read, and :class:`KeyRefusedError`.
        """
        began = anyio.current_time()

        async def look(task: CustomerTask) -> Transition | Answer | None:
            return await self._look_up(task, began)

        found = await gather(look, tasks)
        unread = [answer for answer in found if isinstance(answer, Answer)]
        if unread and len(unread) == len(tasks):
            raise ApiUnavailableError(f"customers could not be read: {unread[0].message}")
        return [
            self._unreadable(task, began, one) if isinstance(one, Answer) else one
            for task, one in zip(tasks, found, strict=True)
        ]

    async def _look_up(self, task: CustomerTask, began: float) -> Transition | Answer | None:
        """What the API shows of a customer whose update has an unknown outcome; the answer if it cannot be read."""
        customer_id = _base(task).customer_id
        if customer_id is None:
            return _failed(task, "lost_in_api", NO_ID)
        answer = await self.reading.get(customer_id)
        if answer.kind is AnswerKind.KEY_REFUSED:
            raise KeyRefusedError(f"the API refused the key (HTTP {answer.status}): {answer.message}")
        if answer.kind in (AnswerKind.GONE, AnswerKind.REFUSED):
            return _failed(task, *_lost(answer))
        if answer.kind is not AnswerKind.OK or answer.data is None:
            return answer
        return _other_customer(task, answer.data) or await self._compare(task, answer.data, began)

    async def _compare(self, task: CustomerTask, customer: Body, began: float) -> Transition | None:
        """Whether an update with an unknown outcome is in place; None when that cannot be said yet."""
        base = _base(task)
        customer = await self._with_all_children(self.reading, customer)
        proven = absence_proven(task, began, self.options.settle)
        task = await self._settle_open_writes(task, customer, proven=proven)
        if task.open_writes:
            return None
        new, accepted = task.values, _accepted(base)
        accepted = accepted and self.merge.settled(customer, accepted, new)
        update = self.merge.update(new, customer, accepted, base.children)
        if update.empty:
            took = Accepted(orjson.dumps(update.accepted), child_ids(customer), None)
            return self._finished(task, OutcomeKind.UPDATED, took, accepted, customer, update.reports)
        # What is missing now can be sent again: a POST is proven absent by now, everything else may be repeated.
        return self._again(task)

    async def _settle_open_writes(self, task: CustomerTask, customer: Body, *, proven: bool) -> CustomerTask:
        """Settle the POSTs whose child is there, and with ``proven`` those whose child is not."""
        there = {
            (CHILD_ENTITIES[kind], child.get("reference_id")): str(child.get("id"))
            for kind in CHILD_ENTITIES
            for child in customer.get(kind) or ()
        }
        settled, still_open = [], []
        for write in task.open_writes:
            child_id = there.get((write.entity, write.child_reference_id))
            if child_id is not None:
                settled.append(replace(write, state=WriteState.DONE, child_id=child_id))
            elif proven:
                settled.append(replace(write, state=WriteState.ABSENT))
            else:
                still_open.append(write)
        if settled:
            await self.thread(self.ledger.settle_writes, self.run, settled)
        return replace(task, open_writes=tuple(still_open))

    async def _with_all_children(self, api: Client, customer: Body) -> Body:
        """The customer with all its children, inactive and fresh ones included."""
        whole = dict(customer)
        for kind in CHILD_ENTITIES:
            listed = {str(child.get("id")): child for child in await api.children(str(customer["id"]), kind)}
            shown = {str(child.get("id")): child for child in customer.get(kind) or ()}
            whole[kind] = list((listed | shown).values())
        return whole

    def unsent(self, task: CustomerTask) -> Transition:
        """A customer that was announced, and none of whose requests left."""
        return _became(_unsent(task), OutcomeKind.PENDING)

    # What becomes of a customer.

    def _finished(
        self,
        task: CustomerTask,
        outcome: OutcomeKind,
        took: Accepted,
        before: Body | None,
        customer: Body | None = None,
        left_alone: Sequence[str] = (),
        also_changed: Sequence[str] = (),
    ) -> Transition:
        """WizCommerce has what the source says: what it ``took`` counts as accepted, where it was ``before``.

        Children that the source had and has no more are reported. Where some were ``left_alone``, the content does not
        count as the source's, so that the next run looks again.
        """
        kept = [] if before is None else self.merge.kept(before, task.values)
        notes = [*left_alone, *also_changed]
        code = "child_left_alone" if notes else "child_not_in_source" if kept else None
        notes += [f"not in the source any more, and kept: {_listed(kept)}"] if kept else []
        return _became(
            task,
            outcome,
            state=State.UPDATED,
            code=code,
            message="; ".join(notes) or None,
            display_id=text_of(customer, "display_id"),
            accepted=took,
            hash=hashlib.sha256(took.body).hexdigest() if left_alone else task.item.hash,
            attempt=attempt_of(task, self.now()) if outcome is OutcomeKind.UPDATED else None,
        )

    def _interrupted(self, task: CustomerTask, written: Written) -> Transition:
        """A request of the update got no readable answer, or never left."""
        answer, attempt = written.answer, attempt_of(task, self.now())
        if answer.kind is AnswerKind.KEY_REFUSED:
            return _became(task, OutcomeKind.PENDING, attempt=attempt)
        if answer.kind is AnswerKind.NOT_SENT:
            return _missed(task, answer)
        abandoned = anyio.current_time()
        open_writes = (*task.open_writes, *written.open_writes)
        task = replace(task, outcome_unknown=True, abandoned=abandoned, looks=0, open_writes=open_writes)
        reason = {"code": answer.code, "message": answer.message}
        return _became(task, OutcomeKind.UNKNOWN, Next.LOOK_UP, state=State.UNKNOWN, attempt=attempt, **reason)

    def _refused(self, task: CustomerTask, written: Written) -> Transition:
        answer = written.refused
        assert answer is not None
        task = answered(task, answer)
        reasons = reasons_of(answer, written.refusals)
        return _became(task, OutcomeKind.FAILED, attempt=attempt_of(task, self.now()), **reasons)

    def _incomplete(self, task: CustomerTask, wrong: Sequence[str]) -> Transition:
        """The first write of a kind was read back, and something is wrong: nothing more is sent that way."""
        message = f"the update was read back, and is not as it was sent: {_listed(wrong)}"
        self.problem = GuardError(
            f"customer {task.reference_id}: {message}; no other customer was updated that way",
            "Compare the customer in WizCommerce with its source, and fix it there. Use --mode create until it is "
            "known how the API treats updates.",
        )
        attempt = attempt_of(task, self.now())
        return _became(task, OutcomeKind.FAILED, code="update_incomplete", message=message, attempt=attempt)

    def _again(self, task: CustomerTask) -> Transition:
        if self.options.may_send_again(task):
            return _became(task, OutcomeKind.PENDING, Next.SEND_AGAIN)
        reason = (task.answer and task.answer.message) or "no readable answer"
        return _failed(task, "no_answer", f"not updated; the last answer: {reason}")

    def _unreadable(self, task: CustomerTask, began: float, answer: Answer) -> Transition | None:
        """A customer that could not be read while others could: after its time, it stays unknown."""
        if self.options.may_send_again(task) or not absence_proven(task, began, self.options.settle):
            return None
        message = f"it could not be read: {answer.message}"
        return transition(task, State.UNKNOWN, OutcomeKind.UNKNOWN, code="no_answer", message=message)

    def _conflict(self, base: Base, accepted: Body, customer: Body) -> str | None:
        """Why a customer counts as changed in WizCommerce since it took ``accepted``; None when it does not.

        By the API's own times; where they say nothing, by what was accepted: what somebody added proves nothing.
        """
        moved = moved_on(base.updated_at, customer.get("updated_at"))
        if moved:
            return f"changed in WizCommerce at {clean(customer['updated_at'], 40)}; nothing was sent"
        if moved is None and (changed := [one.path for one in self.merge.changes(body_of(customer), accepted)]):
            return f"changed in WizCommerce since it was sent ({clean(', '.join(changed), 200)}); nothing was sent"
        return None


def moved_on(accepted_at: str | None, now: Any) -> bool | None:
    """Whether a customer changed since the API took a body; None where the API's times do not say."""
    try:
        before, after = (datetime.fromisoformat(moment) for moment in (accepted_at or "", now))
    except (TypeError, ValueError):
        return None
    return after > before if (before.tzinfo is None) == (after.tzinfo is None) else None


def _base(task: CustomerTask) -> Base:
    """What an update starts from: the engine reads it with the task."""
    assert task.base is not None
    return task.base


def _accepted(base: Base) -> dict[str, Any] | None:
    return None if base.body is None else orjson.loads(base.body)


def _kinds(update: CustomerUpdate) -> set[str]:
    """The kinds of writes that an update proves when it is read back."""
    found = {"attributes" if name == "attributes" else "fields" for name in update.fields}
    return found | {f"{'POST' if change.id is None else 'PUT'} {change.kind}" for change in update.children}


def _moment(task: CustomerTask, customer: Body) -> str | None:
    """The API's time of an update; None where a request of ours may still change the customer, and the time."""
    return None if task.outcome_unknown else text_of(customer, "updated_at")


def _other_customer(task: CustomerTask, customer: Body) -> Transition | None:
    """A failure when WizCommerce shows another customer under the id than the one that the ledger knows."""
    if customer.get("reference_id") == task.reference_id:
        return None
    return _failed(task, "other_customer", "WizCommerce shows another reference id under its id; nothing was sent")


def _unsent(task: CustomerTask) -> CustomerTask:
    """The task without the request that was announced: none left."""
    return replace(task, attempts=task.attempts - 1)


def _state(task: CustomerTask) -> State:
    """The state of a customer that is not being updated now: unknown as long as what an update of ours did is."""
    return State.UNKNOWN if task.outcome_unknown else _base(task).state


def _became(
    task: CustomerTask, outcome: OutcomeKind, then: Next = Next.DONE, *, state: State | None = None, **more: Any
) -> Transition:
    return transition(task, state or _state(task), outcome, then, customer_id=_base(task).customer_id, **more)


def _failed(task: CustomerTask, code: str, message: str) -> Transition:
    return _became(task, OutcomeKind.FAILED, code=code, message=message)


def _lost(answer: Answer) -> tuple[str, str]:
    if answer.kind is AnswerKind.REFUSED:
        return answer.code or f"http_{answer.status}", answer.message or ""
    return "lost_in_api", f"it is not in WizCommerce any more{f': {answer.message}' if answer.message else ''}"


def _unread(task: CustomerTask, answer: Answer) -> Transition:
    """The customer could not be read before anything was sent."""
    if answer.kind is AnswerKind.KEY_REFUSED:
        return _became(task, OutcomeKind.PENDING)
    if answer.kind in (AnswerKind.GONE, AnswerKind.REFUSED):
        return _failed(task, *_lost(answer))
    return _missed(task, answer)


def _missed(task: CustomerTask, answer: Answer) -> Transition:
    """Nothing left, or the customer could not be read: again, but not for ever where others get through."""
    task = replace(task, misses=task.misses + 1, tries=task.tries - 1)
    if answer.status is None or task.misses < MOST_MISSES:
        return _became(task, OutcomeKind.PENDING, Next.SEND_AGAIN)
    return _failed(task, "no_answer", f"it could not be read: {answer.message}")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else "")
