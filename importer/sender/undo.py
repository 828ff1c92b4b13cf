"""Taking back what a run created: looked at, deleted, looked at again."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from importer.api import Answer, AnswerKind
from importer.api.answers import clean
from importer.api.compare import differences
from importer.ledger import Accepted, Ledger, LedgerCustomer, Removed, Run, State, Step
from importer.records import OutcomeKind
from importer.sender.creating import moment_text
from importer.sender.findings import (
    BLOCK,
    Finding,
    Found,
    ReadApi,
    Result,
    Rounds,
    planned_bodies,
    sent_values,
)
from importer.sender.moments import moved_on
from importer.sender.options import Bodies
from importer.sender.recorder import LedgerThread

__all__ = ["UndoApi", "undo"]

UPDATE_IN_DOUBT = "a later run may have changed it, and nobody knows yet: resume that run, then undo again"
AGAIN = "Call undo again: it goes on where it stopped."


class UndoApi(ReadApi, Protocol):
    """The part of :class:`importer.api.Client` that undo needs."""

    async def delete(self, customer_id: str) -> Answer: ...


async def undo(
    ledger: Ledger,
    api: UndoApi,
    run: Run,
    bodies: Bodies,
    *,
    force: bool,
    concurrency: int,
    settle: float,
    now: Callable[[], datetime],
    found: Found,
    stop: asyncio.Event,
) -> None:
    """Delete the customers that ``run`` created, and tell ``found`` of each group once it is in the ledger.

    The tenant's lock must be held. What the API holds otherwise than it was sent is left, unless ``force``. Customers
    of which a request is in doubt are looked up first; absence is believed ``settle`` seconds after the run was
    heard of last. One that a later run may have changed is left until that is known. ``bodies`` reads the planned
    bodies of items. What existed before the run, or what it only updated, is never touched. Setting ``stop`` ends it
    early: requests in flight finish. Called again, after whatever end, it goes on: a customer that was deleted
    meanwhile counts as deleted.

    Raises :class:`InterruptedRunError`, :class:`KeyRefusedError`, :class:`ApiUnavailableError`,
    :class:`LedgerError`, and :class:`OutputError` when ``bodies`` cannot be read.
    """
    undoing = _Undoing(ledger, api, run, bodies, Rounds(concurrency, stop, AGAIN), found, force=force)
    try:
        await undoing.all(settle, now)
    finally:
        undoing.thread.close()


class _Undoing:
    """One call of :func:`undo`."""

    def __init__(
        self, ledger: Ledger, api: UndoApi, run: Run, bodies: Bodies, rounds: Rounds, found: Found, *, force: bool
    ) -> None:
        self.thread = LedgerThread()
        self._ledger = ledger
        self._api = api
        self._run = run
        self._bodies = bodies
        self._rounds = rounds
        self._found = found
        self._force = force
        self._findings: list[Finding] = []
        self._removed: list[Removed] = []

    async def all(self, settle: float, now: Callable[[], datetime]) -> None:
        heard = await self.thread(self._ledger.last_heard, self._run)
        after = -1
        while block := await self.thread(self._ledger.made_by, self._run, after=after, count=BLOCK):
            self._rounds.check()
            after = block[-1].item.position
            certain = [held for held in block if not held.outcome_unknown]
            for held in block:
                if held.update_unknown:
                    self._tell(held, Result.UNKNOWN, UPDATE_IN_DOUBT)
            doubtful = [held for held in block if held.outcome_unknown and not held.update_unknown]
            if doubtful:
                age = (now() - heard).total_seconds()
                certain += await self._settle(doubtful, patience=settle - age)
            certain = await self._with_bodies(certain)
            try:
                await self._rounds.each(certain, self._take_back)
            finally:
                await self._enter()
            self._rounds.check()

    async def _settle(self, doubtful: Sequence[LedgerCustomer], *, patience: float) -> list[LedgerCustomer]:
        """Look customers in doubt up. Comes back: those that are there, and so were created by the run.

        Their absence was recorded before the first request. ``patience``: seconds until absence can be believed.
        """
        there = await self._api.find([held.item.reference_id for held in doubtful])
        planned = await self.thread(planned_bodies, doubtful, self._bodies)
        made: list[LedgerCustomer] = []
        steps: list[Step] = []
        for held, body in zip(doubtful, planned, strict=True):
            name = held.item.reference_id
            ids = [customer.id for customer in there[name]]
            if len(ids) == 1:
                changed = moment_text(there[name][0])
                made.append(replace(held, state=State.CREATED, customer_id=ids[0], body=body, updated_at=changed))
                steps.append(_created(held, ids[0], body, changed))
            elif ids:
                details = f"the API holds it {len(ids)} times, as {' and '.join(ids)}; delete by hand"
                self._findings.append(Finding(name, None, Result.DUPLICATE, details))
            elif patience > 0:
                details = f"not in the API yet; undo again in {patience:.0f} s to be sure"
                self._findings.append(Finding(name, None, Result.UNKNOWN, details))
            else:
                steps.append(_absent(held))
                self._findings.append(Finding(name, None, Result.ABSENT, "its request did nothing"))
        if steps:
            await self.thread(self._ledger.record, self._run, steps)
        return made

    async def _with_bodies(self, certain: Sequence[LedgerCustomer]) -> list[LedgerCustomer]:
        """Where the ledger kept no accepted body, the planned one is what was sent."""
        bare = [held for held in certain if held.body is None]
        if not bare:
            return list(certain)
        planned = dict(
            zip(
                (held.item.position for held in bare),
                await self.thread(planned_bodies, bare, self._bodies),
                strict=True,
            )
        )
        return [replace(held, body=held.body or planned.get(held.item.position)) for held in certain]

    async def _take_back(self, held: LedgerCustomer) -> None:
        assert held.customer_id is not None
        before = await self._rounds.ask(self._api.get(held.customer_id))
        if before.kind is AnswerKind.GONE:
            self._gone(held, "it was gone already")
            return
        if before.kind is not AnswerKind.OK or before.data is None:
            self._tell(held, Result.FAILED, f"not looked at, so not deleted: {before.message}")
            return
        if not self._force and (reason := _changes(held, before)):
            self._tell(held, Result.CHANGED, reason)
            return
        answer = await self._rounds.ask(self._api.delete(held.customer_id))
        after = await self._rounds.ask(self._api.get(held.customer_id))
        if after.kind is AnswerKind.GONE:
            self._gone(held, "")
        elif after.kind is not AnswerKind.OK or after.data is None:
            self._tell(held, Result.FAILED, f"nobody can tell whether it was deleted: {after.message}")
        elif after.data.get("status") == "inactive":
            self._tell(held, Result.DEACTIVATED, "the API still holds it, as inactive")
            self._removed.append(_removed(held, deactivated=True))
        else:
            self._tell(held, Result.FAILED, f"still there: {answer.message or 'it was deleted without an effect'}")

    def _gone(self, held: LedgerCustomer, details: str) -> None:
        self._tell(held, Result.DELETED, details)
        self._removed.append(_removed(held, deactivated=False))

    def _tell(self, held: LedgerCustomer, result: Result, details: str) -> None:
        self._findings.append(Finding(held.item.reference_id, held.customer_id, result, details))

    async def _enter(self) -> None:
        """Make durable what was done, and tell it."""
        removed, self._removed = self._removed, []
        findings, self._findings = self._findings, []
        if removed:
            await self.thread(self._ledger.record_removed, self._run, removed)
        if findings:
            self._found(findings)


def _changes(held: LedgerCustomer, answer: Answer) -> str:
    """Why a customer counts as changed in WizCommerce; empty when it does not."""
    if held.body is None:
        return "nobody knows any more what was sent"
    customer = answer.data or {}
    changed = ", ".join(differences(sent_values(held.body), customer))
    if not changed and moved_on(held.updated_at, customer.get("updated_at")):
        return f"changed in WizCommerce at {clean(customer['updated_at'], 40)}, in what was not sent"
    return changed


def _removed(held: LedgerCustomer, *, deactivated: bool) -> Removed:
    assert held.customer_id is not None
    return Removed(held.item.position, held.item.reference_id, held.customer_id, deactivated)


def _created(held: LedgerCustomer, customer_id: str, body: bytes | None, updated_at: str | None) -> Step:
    item = held.item
    accepted = None if body is None else Accepted(body, None, updated_at)
    return Step(
        item.position,
        item.reference_id,
        State.CREATED,
        OutcomeKind.CREATED,
        item.attempts,
        customer_id,
        accepted=accepted,
    )


def _absent(held: LedgerCustomer) -> Step:
    """As the sender enters a customer that is still absent after its last attempt."""
    return Step(
        held.item.position,
        held.item.reference_id,
        State.ABSENT,
        OutcomeKind.FAILED,
        held.item.attempts,
        error_code="no_answer",
        error_message="not in the API when the run was undone",
    )
