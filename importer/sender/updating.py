"""Updating a customer: it is read first, only what changed is sent, and a POST is never repeated blindly."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import anyio
import orjson

from importer.api import Answer, AnswerKind, Client
from importer.api.answers import clean, key_refused
from importer.errors import ApiUnavailableError, GuardError, StopError
from importer.ledger import Accepted, Ledger, Run, State, WriteState
from importer.planner import CustomerUpdate
from importer.planner.compare import body_of
from importer.planner.readback import unexpected
from importer.records import OutcomeKind, content_hash
from importer.sender.concurrency import LedgerThread, gather
from importer.sender.creating import child_ids
from importer.sender.customer_task import (
    CustomerTask,
    Next,
    SendOptions,
    Transition,
    changed_since,
    reasons_of,
    text_of,
)
from importer.sender.customer_writer import CustomerWriter
from importer.tables import CHILD_ENTITIES
from importer.wording import first_few

MOST_MISSES = 5  # failed reads of a customer, each of which was retried within the retry policy
NO_ID = ("lost_in_api", "the ledger has no WizCommerce ID for it")
SHOWN = 5  # names in a message
Body = Mapping[str, Any]


@dataclass
class Updating:
    """GET, compare, then PATCH, PUT, and POST.

    If a write gets no readable answer, the customer is read again before anything else is sent for it. The first write
    of each kind in a run is read back before the next of that kind is sent, because it is not documented whether the
    API replaces or merges. ``problem`` is set if something was lost. ``sending`` is the client whose waits end when the
    run is stopped; ``reading`` is the client for lookups.
    """

    sending: Client
    reading: Client
    ledger: Ledger
    thread: LedgerThread
    run: Run
    options: SendOptions
    now: Callable[[], datetime]
    problem: StopError | None = None
    _proven: set[str] = field(default_factory=set)
    _first: anyio.Lock = field(default_factory=anyio.Lock)

    async def send(self, task: CustomerTask) -> Transition:
        task = replace(task, attempts=task.attempts - 1)  # until a request that changes something is sent
        accepted = _accepted(task)
        if task.base.customer_id is None:
            return _failed(task, *NO_ID)
        if settled := self._without_reading(task, accepted):
            return settled
        there = await self.sending.get(task.base.customer_id)
        task = task.answered(there)
        if (customer := _shown(task, there)) is None:
            return _not_read(task, there)
        conflict = None if task.outcome_unknown or accepted is None else self._conflict(task, accepted, customer)
        if conflict and self.options.on_conflict != "overwrite":
            reported = self.options.on_conflict == "report"
            code, message = ("changed_in_api", conflict) if reported else (None, None)
            return _became(task, OutcomeKind.EXISTS, code=code, message=message)
        return await self._bring_up_to_date(task, customer, None if conflict else accepted)

    def _without_reading(self, task: CustomerTask, accepted: Body | None) -> Transition | None:
        """The transition if no request is needed now; None if the customer must be read.

        A POST whose outcome an earlier process left open must be looked up first, and the source may be unchanged.
        """
        if task.outcome_unknown:
            return None
        if task.open_writes:
            task = replace(task, outcome_unknown=True, abandoned=anyio.current_time(), looks=0)
            return task.transition(State.UNKNOWN, OutcomeKind.UNKNOWN, Next.LOOK_UP)
        if accepted is None or not self.options.merge.same(accepted, task.values):
            return None
        merged = self.options.merge.merged(accepted, task.values)
        took = Accepted(orjson.dumps(merged), task.base.children, task.base.updated_at)
        return self._finished(task, OutcomeKind.UNCHANGED, took, accepted)

    async def _bring_up_to_date(self, task: CustomerTask, customer: Body, accepted: Body | None) -> Transition:
        if task.outcome_unknown:
            customer = await self._with_all_children(self.sending, customer)
            accepted = accepted and self.options.merge.settled(customer, accepted, task.values)
        update = self.options.merge.update(task.values, customer, accepted, task.base.children)
        known = accepted if accepted is not None else _accepted(task)
        if accepted is None and known is not None:
            update = self.options.merge.overwriting(update, known, customer)
        if update.empty:
            outcome = OutcomeKind.UPDATED if task.outcome_unknown else OutcomeKind.UNCHANGED
            took = Accepted(orjson.dumps(update.accepted), child_ids(customer), _moment(task, customer))
            return self._finished(task, outcome, took, known, customer, update.reports)
        kinds = {"attributes" if name == "attributes" else "fields" for name in update.fields}
        kinds |= {f"{'POST' if change.id is None else 'PUT'} {change.kind}" for change in update.children}
        if kinds <= self._proven:
            return await self._write(task, customer, update, known, kinds)
        async with self._first:
            if self.problem is not None:
                return _became(task, OutcomeKind.PENDING)
            return await self._write(task, customer, update, known, kinds)

    async def _write(
        self, task: CustomerTask, customer: Body, update: CustomerUpdate, accepted: Body | None, kinds: set[str]
    ) -> Transition:
        """Send ``update``. ``kinds``: the kinds of its writes, which are proven once the update was read back."""
        customer_id = str(task.base.customer_id)
        written = CustomerWriter(self.sending, self.ledger, self.thread, self.run, task.reference_id, customer_id)
        await written.write(update)
        task = task.answered(written.answer)
        if written.sent:
            task = replace(task, attempts=task.attempts + 1)
        if written.answer.kind is not AnswerKind.OK:
            return self._interrupted(task, written)
        if written.refused is not None:
            task = task.answered(written.refused)
            reasons = reasons_of(written.refused, written.refusals)
            return _became(task, OutcomeKind.FAILED, attempt=task.attempt(self.now()), **reasons)
        after: Body | None = None
        if update.children or not kinds <= self._proven:
            after = await self._read_back(task, written)
        also_changed: list[str] = []
        if after is not None and written.complete:
            if wrong := unexpected(update, customer, after):
                if not kinds <= self._proven:
                    return self._incomplete(task, wrong)
                also_changed = [f"also changed, although it was not sent: {first_few(wrong, SHOWN)}"]
            self._proven |= kinds
        seen = after if after is not None else {} if update.children else written.answer.data or {}
        moment = None if written.repeated else _moment(task, seen)
        children = child_ids(after) if after is not None else task.base.children
        took = Accepted(orjson.dumps(update.accepted), children, moment)
        left_alone = (*update.reports, *written.reports)
        return self._finished(task, OutcomeKind.UPDATED, took, accepted, seen, left_alone, also_changed)

    async def _read_back(self, task: CustomerTask, written: CustomerWriter) -> Body | None:
        """The customer after its writes, with the new children even if no list shows them yet; None if unreadable."""
        customer = _shown(task, await self.sending.get(written.customer_id))
        if customer is None:
            return None  # nothing is proven: the next update is read back
        after = dict(customer)
        for kind, child_id in written.added:
            if all(child.get("id") != child_id for child in after.get(kind) or ()):
                child = await self.sending.get_child(written.customer_id, kind, child_id)
                if child.kind is AnswerKind.OK and child.data is not None:
                    after[kind] = [*(after.get(kind) or ()), child.data]
        return after

    async def look_up(self, tasks: Sequence[CustomerTask]) -> list[Transition | None]:
        """Look up customers like :meth:`Creating.look_up`; if only some cannot be read, they are left for later.

        Raises :class:`ApiUnavailableError` if none can be read.
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
        """Settle an update with an unknown outcome from what the API shows. Returns the answer if it is unreadable."""
        if task.base.customer_id is None:
            return _failed(task, *NO_ID)
        answer = await self.reading.get(task.base.customer_id)
        if answer.kind is AnswerKind.KEY_REFUSED:
            raise key_refused(answer)
        if answer.kind in (AnswerKind.UNKNOWN, AnswerKind.NOT_SENT):
            return answer
        if (customer := _shown(task, answer)) is None:
            return _not_read(task, answer)
        return await self._compare(task, customer, began)

    async def _compare(self, task: CustomerTask, customer: Body, began: float) -> Transition | None:
        """Decide whether an update with an unknown outcome is in place. Returns None if that is not certain yet."""
        customer = await self._with_all_children(self.reading, customer)
        proven = task.absence_proven(began, self.options.settle)
        task = await self._settle_open_writes(task, customer, proven=proven)
        if task.open_writes:
            return None
        merge, new, accepted = self.options.merge, task.values, _accepted(task)
        accepted = accepted and merge.settled(customer, accepted, new)
        update = merge.update(new, customer, accepted, task.base.children)
        if update.empty:
            took = Accepted(orjson.dumps(update.accepted), child_ids(customer), None)
            return self._finished(task, OutcomeKind.UPDATED, took, accepted, customer, update.reports)
        # What is missing now can be sent again: a POST is proven absent by now, and other requests may be repeated.
        if self.options.may_send_again(task):
            return _became(task, OutcomeKind.PENDING, Next.SEND_AGAIN)
        reason = (task.answer and task.answer.message) or "no readable response"
        return _failed(task, "no_answer", f"not updated; last response: {reason}")

    async def _settle_open_writes(self, task: CustomerTask, customer: Body, *, proven: bool) -> CustomerTask:
        """Settle the POSTs whose child is there and, if ``proven``, also those whose child is not there."""
        there = {
            (entity, child.get("reference_id")): str(child.get("id"))
            for kind, entity in CHILD_ENTITIES.items()
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
        whole = dict(customer)
        for kind in CHILD_ENTITIES:
            listed = {str(child.get("id")): child for child in await api.children(str(customer["id"]), kind)}
            shown = {str(child.get("id")): child for child in customer.get(kind) or ()}
            whole[kind] = list((listed | shown).values())
        return whole

    def unsent(self, task: CustomerTask) -> Transition:
        return _became(replace(task, attempts=task.attempts - 1), OutcomeKind.PENDING)

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
        """``took`` is accepted now, and ``before`` was until now; children no longer in the source are reported.

        If some were ``left_alone``, the content does not count as the source's, so that the next run looks again.
        """
        kept = [] if before is None else self.options.merge.kept(before, task.values)
        notes = [*left_alone, *also_changed]
        code = "child_left_alone" if notes else "child_not_in_source" if kept else None
        notes += [f"no longer in the source, but kept: {first_few(kept, SHOWN)}"] if kept else []
        return _became(
            task,
            outcome,
            state=State.UPDATED,
            code=code,
            message="; ".join(notes) or None,
            display_id=text_of(customer, "display_id"),
            accepted=took,
            hash=content_hash(took.body) if left_alone else task.item.hash,
            attempt=task.attempt(self.now()) if outcome is OutcomeKind.UPDATED else None,
        )

    def _interrupted(self, task: CustomerTask, written: CustomerWriter) -> Transition:
        answer, attempt = written.answer, task.attempt(self.now())
        if answer.kind is AnswerKind.KEY_REFUSED:
            return _became(task, OutcomeKind.PENDING, attempt=attempt)
        if answer.kind is AnswerKind.NOT_SENT:
            return _missed(task, answer)
        open_writes = (*task.open_writes, *written.open_writes)
        task = replace(task, outcome_unknown=True, abandoned=anyio.current_time(), looks=0, open_writes=open_writes)
        reason = {"code": answer.code, "message": answer.message}
        return _became(task, OutcomeKind.UNKNOWN, Next.LOOK_UP, state=State.UNKNOWN, attempt=attempt, **reason)

    def _incomplete(self, task: CustomerTask, wrong: Sequence[str]) -> Transition:
        """Fail because the first write of a kind was read back and something is wrong. No more such writes are sent."""
        message = f"after the update, WizCommerce does not show what was sent: {first_few(wrong, SHOWN)}"
        self.problem = GuardError(
            f"customer {task.reference_id}: {message}; no other customer was updated that way",
            "Compare the customer in WizCommerce with its source, and fix it there. Use --mode create until it is "
            "known how the API treats updates.",
        )
        attempt = task.attempt(self.now())
        return _became(task, OutcomeKind.FAILED, code="update_incomplete", message=message, attempt=attempt)

    def _unreadable(self, task: CustomerTask, began: float, answer: Answer) -> Transition | None:
        """A customer that could not be read while others could: None until its time is up, then it stays unknown."""
        if self.options.may_send_again(task) or not task.absence_proven(began, self.options.settle):
            return None
        message = f"it could not be read: {answer.message}"
        return task.transition(State.UNKNOWN, OutcomeKind.UNKNOWN, code="no_answer", message=message)

    def _conflict(self, task: CustomerTask, accepted: Body, customer: Body) -> str | None:
        """Why a customer counts as changed since it took ``accepted``, or None if it does not.

        The API's times are compared, or the content if a time is missing.
        """
        changed = changed_since(task.base.updated_at, customer.get("updated_at"))
        if changed:
            return f"changed in WizCommerce at {clean(customer['updated_at'], 40)}; nothing was sent"
        if changed is None and (found := self.options.merge.changes(body_of(customer), accepted)):
            paths = clean(", ".join(change.path for change in found), 200)
            return f"changed in WizCommerce since it was sent ({paths}); nothing was sent"
        return None


def _accepted(task: CustomerTask) -> dict[str, Any] | None:
    return None if task.base.body is None else orjson.loads(task.base.body)


def _moment(task: CustomerTask, customer: Body) -> str | None:
    """The API's time of an update; None if one of our requests may still change the customer."""
    return None if task.outcome_unknown else text_of(customer, "updated_at")


def _became(
    task: CustomerTask, outcome: OutcomeKind, then: Next = Next.DONE, *, state: State | None = None, **more: Any
) -> Transition:
    """``state``: by default the earlier one, or unknown while the outcome of one of our updates is unknown."""
    state = state or (State.UNKNOWN if task.outcome_unknown else task.base.state)
    return task.transition(state, outcome, then, customer_id=task.base.customer_id, **more)


def _failed(task: CustomerTask, code: str, message: str) -> Transition:
    return _became(task, OutcomeKind.FAILED, code=code, message=message)


def _shown(task: CustomerTask, answer: Answer) -> Body | None:
    """The customer in an answer; None if there is none, or if it has a different reference ID than the task's."""
    data = answer.data if answer.kind is AnswerKind.OK else None
    return data if data is not None and data.get("reference_id") == task.reference_id else None


def _not_read(task: CustomerTask, answer: Answer) -> Transition:
    match answer.kind:
        case AnswerKind.OK if answer.data is not None:
            return _failed(
                task, "other_customer", "WizCommerce shows another reference ID under its ID; nothing was sent"
            )
        case AnswerKind.KEY_REFUSED:
            return _became(task, OutcomeKind.PENDING)
        case AnswerKind.REFUSED:
            return _failed(task, answer.code or f"http_{answer.status}", answer.message or "")
        case AnswerKind.GONE:
            reason = f": {answer.message}" if answer.message else ""
            return _failed(task, "lost_in_api", f"it is no longer in WizCommerce{reason}")
        case _:
            return _missed(task, answer)


def _missed(task: CustomerTask, answer: Answer) -> Transition:
    """Nothing was sent, or the customer could not be read: try again, but not forever if the API does respond."""
    task = replace(task, misses=task.misses + 1, tries=task.tries - 1)
    if answer.status is None or task.misses < MOST_MISSES:
        return _became(task, OutcomeKind.PENDING, Next.SEND_AGAIN)
    return _failed(task, "no_answer", f"it could not be read: {answer.message}")
