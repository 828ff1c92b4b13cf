"""Creating a customer: what an answer means, and what a lookup proves."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import anyio
import orjson

from importer.api import Answer, AnswerKind, Client, CustomerRef
from importer.ledger import Accepted, Attempt, State
from importer.records import OutcomeKind
from importer.sender.concurrency import gather
from importer.sender.customer_task import CustomerTask, Next, SendOptions, Transition, reasons_of, text_of
from importer.wording import counted

_IN_USE = re.compile(r"exist|taken|duplicat|already|unique|conflict|in use", re.IGNORECASE)
_REFERENCE = re.compile(r"reference[\s_-]?id", re.IGNORECASE)


@dataclass(frozen=True)
class Creating:
    """POST once. If there is no readable answer, the customer is looked up by its reference ID.

    ``sending`` is the client whose waits end when the run is stopped; ``reading`` is the client for lookups.
    ``since``: a time, by the API's clock, before anything that the run's own requests created.
    """

    sending: Client
    reading: Client
    options: SendOptions
    now: Callable[[], datetime]
    since: datetime

    async def send(self, task: CustomerTask) -> Transition:
        answer = await self.sending.create(task.body, task.reference_id)
        task = task.answered(answer)
        attempt = task.attempt(self.now())
        if answer.kind is AnswerKind.OK and answer.data is not None:
            accepted = Accepted(task.body, child_ids(answer.data), text_of(answer.data, "updated_at"))
            customer_id, display_id = str(answer.data["id"]), text_of(answer.data, "display_id")
            return _there(task, customer_id, OutcomeKind.CREATED, accepted, display_id=display_id, attempt=attempt)
        if answer.kind is AnswerKind.KEY_REFUSED:
            return _latest(task, State.PLANNED, OutcomeKind.PENDING, attempt=attempt)
        if answer.kind is AnswerKind.NOT_SENT:
            task = replace(task, attempts=task.attempts - 1, tries=task.tries - 1, misses=task.misses + 1)
            return _latest(task, State.PLANNED, OutcomeKind.PENDING, Next.SEND_AGAIN, attempt=attempt)
        if answer.kind is AnswerKind.REFUSED and not says_id_in_use(answer):
            return _refused(task, State.REFUSED, attempt)
        return _to_look_up(task, answer, attempt)

    async def look_up(self, tasks: Sequence[CustomerTask]) -> list[Transition | None]:
        """The transitions that follow from what the API shows; None for a customer if that proves nothing yet.

        Raises :class:`ApiUnavailableError` if the API cannot be read.
        """
        ours = all(task.outcome_unknown and task.sent_by_this_run and not task.conflict_answer for task in tasks)
        began = anyio.current_time()
        there = await self.reading.find([task.reference_id for task in tasks], since=self.since if ours else None)

        async def conclude(task: CustomerTask) -> Transition | None:
            if customers := there.get(task.reference_id):
                return await self._found(task, customers)
            return self._absent(task) if task.absence_proven(began, self.options.settle) else None

        return await gather(conclude, tasks)

    def unsent(self, task: CustomerTask) -> Transition:
        return _latest(replace(task, attempts=task.attempts - 1), State.PLANNED, OutcomeKind.PENDING)

    async def _found(self, task: CustomerTask, customers: Sequence[CustomerRef]) -> Transition:
        """The transition of a customer that a lookup found.

        The customer's absence was recorded before the first request, so if one of our requests has an unknown outcome,
        it created what was found.
        """
        first = customers[0]
        if not task.outcome_unknown:
            return _there(task, first.id, OutcomeKind.EXISTS, display_id=first.display_id or None)
        if len(customers) > 1:
            # Its state stays unknown, so that the next run looks again: someone may have deleted one by then.
            ids = " and ".join(customer.id for customer in customers)
            message = f"WizCommerce has it {len(customers)} times, as {ids}; delete all but one there"
            return task.transition(State.UNKNOWN, OutcomeKind.FAILED, code="duplicate_in_api", message=message)
        answer = await self.reading.get(first.id)
        data = answer.data if answer.kind is AnswerKind.OK else None
        same = task.item.sent_hash in (None, task.item.hash)
        accepted = Accepted(task.body, child_ids(data) if data else None, moment_text(first)) if same else None
        outcome = OutcomeKind.CREATED
        if not task.sent_by_this_run:
            outcome = OutcomeKind.UNCHANGED if same else OutcomeKind.EXISTS
        display_id = text_of(data, "display_id") or first.display_id or None
        return _there(task, first.id, outcome, accepted, display_id=display_id)

    def _absent(self, task: CustomerTask) -> Transition:
        if task.conflict_answer is not None:
            # A request with an unknown outcome and a refusal that contradicts the list: the next run looks again.
            state = State.UNKNOWN if task.outcome_unknown else State.REFUSED
            return _refused(replace(task, answer=task.conflict_answer), state)
        if self.options.may_send_again(task):
            return _latest(task, State.ABSENT, OutcomeKind.PENDING, Next.SEND_AGAIN)
        reason = (task.answer and task.answer.message) or "no readable response"
        attempts = counted(task.attempts, "attempt")
        message = f"not in WizCommerce after {attempts}; last response: {reason}"
        return task.transition(State.ABSENT, OutcomeKind.FAILED, code="no_answer", message=message)


def id_of_another(created: Transition, owner: str) -> Transition:
    """The transition of a created customer whose ID belongs to ``owner``, a different customer in the ledger.

    The created customer is looked up. If the lookup shows the same ID, the customer fails, but its state stays unknown,
    so that the next run looks again.
    """
    task, attempt = created.task, created.step.attempt
    message = f"WizCommerce gave it the ID of another customer ({owner})"
    if task.answer is not None and task.answer.kind is AnswerKind.OK:
        answer = replace(task.answer, kind=AnswerKind.UNKNOWN, message=message)
        return _to_look_up(replace(task, answer=answer), answer, attempt)
    return task.transition(State.UNKNOWN, OutcomeKind.FAILED, code="id_of_another", message=message, attempt=attempt)


def _to_look_up(task: CustomerTask, answer: Answer, attempt: Attempt | None) -> Transition:
    task = replace(task, abandoned=anyio.current_time(), looks=0)
    if answer.kind is AnswerKind.REFUSED:
        task = replace(task, conflict_answer=answer)
    else:
        task = replace(task, outcome_unknown=True, sent_by_this_run=True)
    # If this request did nothing and no earlier one has an unknown outcome, what is there is not ours.
    known = (State.UNKNOWN, OutcomeKind.UNKNOWN) if task.outcome_unknown else (State.PLANNED, OutcomeKind.PENDING)
    return _latest(task, *known, Next.LOOK_UP, attempt=attempt)


def _latest(
    task: CustomerTask, state: State, outcome: OutcomeKind, then: Next = Next.DONE, attempt: Attempt | None = None
) -> Transition:
    """A transition with the code and message of the latest answer."""
    answer = task.answer
    code, message = (answer.code, answer.message) if answer else (None, None)
    return task.transition(state, outcome, then, code=code, message=message, attempt=attempt)


def _there(
    task: CustomerTask, customer_id: str, outcome: OutcomeKind, accepted: Accepted | None = None, **more: Any
) -> Transition:
    state = State.EXISTS if not task.outcome_unknown and outcome is OutcomeKind.EXISTS else State.CREATED
    return task.transition(state, outcome, customer_id=customer_id, accepted=accepted, **more)


def _refused(task: CustomerTask, state: State, attempt: Attempt | None = None) -> Transition:
    assert task.answer is not None
    reasons = reasons_of(task.answer, task.answer.refusals)
    return task.transition(state, OutcomeKind.FAILED, attempt=attempt, **reasons)


def says_id_in_use(answer: Answer) -> bool:
    """Whether a refusal may mean that the reference ID is in use. It is not documented how the API would say so."""
    if answer.status == 409:
        return True
    if answer.status not in (400, 422):
        return False
    if any(refusal.field == "reference_id" for refusal in answer.refusals):
        return True
    text = f"{answer.code} {answer.message}"
    return bool(_IN_USE.search(text) and (_REFERENCE.search(text) or "customer" in text.lower()))


def moment_text(customer: CustomerRef) -> str | None:
    return None if customer.updated_at is None else customer.updated_at.isoformat()


def child_ids(data: Mapping[str, Any]) -> str:
    """The ids that the API gave to the addresses and contacts of a customer (the ``data`` of an answer), as JSON."""
    children = [
        {"entity": entity, "reference_id": child.get("reference_id"), "id": child.get("id")}
        for entity, name in (("address", "addresses"), ("contact", "contacts"))
        for child in (data.get(name) or ())
        if isinstance(child, dict)
    ]
    return orjson.dumps(children).decode()
