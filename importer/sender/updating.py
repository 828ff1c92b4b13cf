"""Updating a customer: read first, then only what changed is sent, and a POST never blindly again."""

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
from importer.records import OutcomeKind
from importer.sender.creating import child_ids
from importer.sender.options import SendOptions
from importer.sender.recorder import LedgerThread
from importer.sender.tasks import (
    CustomerTask,
    Next,
    Transition,
    absence_proven,
    answered,
    attempt_of,
    step_of,
    text_of,
)
from importer.sender.waiting import gather
from importer.sender.writing import CustomerWriter, Written, refusals_text
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
        base = task.base
        if base is None or base.customer_id is None:
            return _failed(_unsent(task), "lost_in_api", NO_ID)
        if task.open_writes and not task.outcome_unknown:  # of an earlier process
            task = replace(_unsent(task), outcome_unknown=True, abandoned=anyio.current_time(), looks=0)
            return Transition(task, step_of(task, State.UNKNOWN, OutcomeKind.UNKNOWN), Next.LOOK_UP)
        new, accepted = task.values, _accepted(base)
        if accepted is not None and not task.outcome_unknown and self.merge.same(accepted, new):
            body = self.merge.merged(accepted, new)
            return self._finished(_unsent(task), OutcomeKind.UNCHANGED, body, accepted, base.children, base.updated_at)
        there = await self.sending.get(base.customer_id)
        task = answered(task, there)
        if there.kind is not AnswerKind.OK or there.data is None:
            return _unread(_unsent(task), there)
        return _other_customer(_unsent(task), there.data) or await self._resolve(task, base, there.data, accepted)

    async def _resolve(self, task: CustomerTask, base: Base, customer: Body, accepted: Body | None) -> Transition:
        """Send the update, unless the customer was changed in WizCommerce and the policy is to leave it then."""
        conflict = None if task.outcome_unknown or accepted is None else self._conflict(base, accepted, customer)
        if conflict and self.options.on_conflict != "overwrite":
            reported = self.options.on_conflict == "report"
            code, message = ("changed_in_api", conflict) if reported else (None, None)
            task = _unsent(task)
            return Transition(task, _step(task, OutcomeKind.EXISTS, code=code, message=message), Next.DONE)
        return await self._bring_up_to_date(task, customer, None if conflict else accepted)

    async def _bring_up_to_date(self, task: CustomerTask, customer: Body, accepted: Body | None) -> Transition:
        """Send what ``customer``, as WizCommerce shows it, lacks."""
        assert task.base is not None
        new = task.values
        if task.outcome_unknown:
            customer = await self._with_all_children(self.sending, customer)
            accepted = accepted and self.merge.settled(customer, accepted, new)
        update = self.merge.update(new, customer, accepted, task.base.children)
        known = accepted if accepted is not None else _accepted(task.base)
        if update.empty:
            outcome = OutcomeKind.UPDATED if task.outcome_unknown else OutcomeKind.UNCHANGED
            return self._finished(
                _unsent(task),
                outcome,
                update.accepted,
                known,
                child_ids(customer),
                _moment(task, customer),
                customer,
                update.reports,
                complete=not update.reports,
            )
        kinds = _kinds(update)
        if kinds <= self._proven:
            return await self._write(task, customer, update, known, kinds)
        async with self._first:
            if self.problem is not None:
                return Transition(_unsent(task), _step(_unsent(task), OutcomeKind.PENDING), Next.DONE)
            return await self._write(task, customer, update, known, kinds)

    async def _write(
        self, task: CustomerTask, customer: Body, update: CustomerUpdate, accepted: Body | None, kinds: set[str]
    ) -> Transition:
        base = task.base
        assert base is not None
        customer_id = str(base.customer_id)
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
        reports = [*update.reports, *written.reports]
        complete = not reports
        if after is not None and written.complete:
            if wrong := self.merge.unexpected(update, customer, after):
                if not kinds <= self._proven:
                    return self._incomplete(task, wrong)
                reports.append(f"changed besides what was sent: {_listed(wrong)}")
            self._proven |= kinds
        seen = after if after is not None else {} if update.children else written.answer.data or {}
        moment = None if written.repeated else _moment(task, seen)
        children = child_ids(after) if after is not None else base.children
        return self._finished(
            task,
            OutcomeKind.UPDATED,
            update.accepted,
            accepted,
            children,
            moment,
            seen,
            reports,
            complete=complete,
        )

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
        if task.base is None or task.base.customer_id is None:
            return _failed(task, "lost_in_api", NO_ID)
        answer = await self.reading.get(task.base.customer_id)
        if answer.kind is AnswerKind.KEY_REFUSED:
            raise KeyRefusedError(f"the API refused the key (HTTP {answer.status}): {answer.message}")
        if answer.kind in (AnswerKind.GONE, AnswerKind.REFUSED):
            return _failed(task, *_lost(answer))
        if answer.kind is not AnswerKind.OK or answer.data is None:
            return answer
        return _other_customer(task, answer.data) or await self._compare(task, answer.data, began)

    async def _compare(self, task: CustomerTask, customer: Body, began: float) -> Transition | None:
        """Whether an update with an unknown outcome is in place; None when that cannot be said yet."""
        base = task.base
        assert base is not None
        customer = await self._with_all_children(self.reading, customer)
        proven = absence_proven(task, began, self.options.settle)
        task = await self._settle_open_writes(task, customer, proven=proven)
        new, accepted = task.values, _accepted(base)
        accepted = accepted and self.merge.settled(customer, accepted, new)
        update = self.merge.update(new, customer, accepted, base.children)
        if task.open_writes:
            return None
        if update.empty:
            children = child_ids(customer)
            return self._finished(
                task,
                OutcomeKind.UPDATED,
                update.accepted,
                accepted,
                children,
                None,
                customer,
                update.reports,
                complete=not update.reports,
            )
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
        task = _unsent(task)
        return Transition(task, _step(task, OutcomeKind.PENDING), Next.DONE)

    # What becomes of a customer.

    def _finished(
        self,
        task: CustomerTask,
        outcome: OutcomeKind,
        body: Body,
        before: Body | None,
        children: str | None,
        updated_at: str | None,
        customer: Body | None = None,
        reports: Sequence[str] = (),
        *,
        complete: bool = True,
    ) -> Transition:
        """WizCommerce has what the source says: ``body`` counts as accepted, where it was ``before``.

        Children that the source had and has no more are reported. An update that is not ``complete`` leaves what counts
        as accepted as it was, so that the next run tries again.
        """
        kept = [] if before is None else self.merge.kept(before, task.values)
        code = "child_left_alone" if reports else "child_not_in_source" if kept else None
        notes = [*reports, *([f"not in the source any more, and kept: {_listed(kept)}"] if kept else [])]
        accepted = Accepted(orjson.dumps(body), children, updated_at) if complete else None
        state = State.UPDATED if complete else _state(task)
        step = step_of(
            task,
            state,
            outcome,
            code=code,
            message="; ".join(notes) or None,
            customer_id=None if task.base is None else task.base.customer_id,
            display_id=text_of(customer, "display_id"),
            accepted=accepted,
            hash=task.item.hash if complete else None,
            attempt=attempt_of(task, self.now()) if outcome is OutcomeKind.UPDATED and task.answer else None,
        )
        return Transition(task, step, Next.DONE)

    def _interrupted(self, task: CustomerTask, written: Written) -> Transition:
        """A request of the update got no readable answer, or never left."""
        answer = written.answer
        if answer.kind is AnswerKind.KEY_REFUSED:
            return Transition(task, _step(task, OutcomeKind.PENDING, attempt=attempt_of(task, self.now())), Next.DONE)
        if answer.kind is AnswerKind.NOT_SENT:
            return _missed(task, answer)
        abandoned = anyio.current_time()
        open_writes = (*task.open_writes, *written.open_writes)
        task = replace(task, outcome_unknown=True, abandoned=abandoned, looks=0, open_writes=open_writes)
        attempt = attempt_of(task, self.now())
        step = step_of(
            task,
            State.UNKNOWN,
            OutcomeKind.UNKNOWN,
            code=answer.code,
            message=answer.message,
            customer_id=None if task.base is None else task.base.customer_id,
            attempt=attempt,
        )
        return Transition(task, step, Next.LOOK_UP)

    def _refused(self, task: CustomerTask, written: Written) -> Transition:
        answer = written.refused
        assert answer is not None
        task = answered(task, answer)
        code, message = answer.code or f"http_{answer.status}", answer.message
        refusals = refusals_text(written.refusals)
        attempt = attempt_of(task, self.now())
        step = _step(task, OutcomeKind.FAILED, code=code, message=message, refusals=refusals, attempt=attempt)
        return Transition(task, step, Next.DONE)

    def _incomplete(self, task: CustomerTask, wrong: Sequence[str]) -> Transition:
        """The first write of a kind was read back, and something is wrong: nothing more is sent that way."""
        message = f"the update was read back, and is not as it was sent: {_listed(wrong)}"
        self.problem = GuardError(
            f"customer {task.reference_id}: {message}; no other customer was updated that way",
            "Compare the customer in WizCommerce with its source, and fix it there. Use --mode create until it is "
            "known how the API treats updates.",
        )
        attempt = attempt_of(task, self.now())
        step = _step(task, OutcomeKind.FAILED, code="update_incomplete", message=message, attempt=attempt)
        return Transition(task, step, Next.DONE)

    def _again(self, task: CustomerTask) -> Transition:
        now = anyio.current_time()
        if self.options.may_send_again(tries=task.tries, began=task.began, abandoned=task.abandoned, now=now):
            return Transition(task, _step(task, OutcomeKind.PENDING), Next.SEND_AGAIN)
        reason = (task.answer and task.answer.message) or "no readable answer"
        return _failed(task, "no_answer", f"not updated; the last answer: {reason}")

    def _unreadable(self, task: CustomerTask, began: float, answer: Answer) -> Transition | None:
        """A customer that could not be read while others could: after its time, it stays unknown."""
        now = anyio.current_time()
        again = self.options.may_send_again(tries=task.tries, began=task.began, abandoned=task.abandoned, now=now)
        if again or not absence_proven(task, began, self.options.settle):
            return None
        message = f"it could not be read: {answer.message}"
        step = step_of(task, State.UNKNOWN, OutcomeKind.UNKNOWN, code="no_answer", message=message)
        return Transition(task, step, Next.DONE)

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
    """The state of a customer that is not being updated now: unknown as long as a POST of ours is."""
    assert task.base is not None
    return State.UNKNOWN if task.open_writes else task.base.state


def _step(task: CustomerTask, outcome: OutcomeKind, **more: Any) -> Any:
    customer_id = None if task.base is None else task.base.customer_id
    return step_of(task, _state(task), outcome, customer_id=customer_id, **more)


def _failed(task: CustomerTask, code: str, message: str) -> Transition:
    return Transition(task, _step(task, OutcomeKind.FAILED, code=code, message=message), Next.DONE)


def _lost(answer: Answer) -> tuple[str, str]:
    if answer.kind is AnswerKind.REFUSED:
        return answer.code or f"http_{answer.status}", answer.message or ""
    return "lost_in_api", f"it is not in WizCommerce any more{f': {answer.message}' if answer.message else ''}"


def _unread(task: CustomerTask, answer: Answer) -> Transition:
    """The customer could not be read before anything was sent."""
    if answer.kind is AnswerKind.KEY_REFUSED:
        return Transition(task, _step(task, OutcomeKind.PENDING), Next.DONE)
    if answer.kind in (AnswerKind.GONE, AnswerKind.REFUSED):
        return _failed(task, *_lost(answer))
    return _missed(task, answer)


def _missed(task: CustomerTask, answer: Answer) -> Transition:
    """Nothing left, or the customer could not be read: again, but not for ever where others get through."""
    task = replace(task, misses=task.misses + 1, tries=task.tries - 1)
    if answer.status is None or task.misses < MOST_MISSES:
        return Transition(task, _step(task, OutcomeKind.PENDING), Next.SEND_AGAIN)
    return _failed(task, "no_answer", f"it could not be read: {answer.message}")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else "")
