"""Undoing one write of an update: read what WizCommerce has, restore the previous values, and read again.

A write is undone only while WizCommerce still has the values that it set. A child that the run added is deleted.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from importer.api import Answer, AnswerKind, Client
from importer.ledger import Ledger, LedgerCustomer, Run, Write, WriteState
from importer.planner.compare import NotReplaceableError, records
from importer.planner.readback import Replaced
from importer.sender.customer_rounds import BLOCK, CustomerResult, Rounds, unreadable
from importer.tables import CHILD_ENTITIES, ChildKind

KINDS: Mapping[str, ChildKind] = {entity: kind for kind, entity in CHILD_ENTITIES.items()}  # by the entity of a write
ENDED = frozenset({WriteState.REFUSED, WriteState.ABSENT, WriteState.RESTORED, WriteState.KEPT})
ERASED = "the previous values were erased"
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WriteResult:
    write: Write
    result: CustomerResult
    details: str = ""


@dataclass(slots=True)
class Restorer:
    """Undoes writes, and with ``force`` also what was changed since. ``announce`` makes a restore durable first.

    ``wait``: seconds until a write without any trace in WizCommerce counts as never carried out.
    """

    client: Client
    rounds: Rounds
    announce: Callable[[Write], Awaitable[None]]
    force: bool
    wait: float = 0.0

    async def undo_write(self, customer: LedgerCustomer, write: Write) -> WriteResult:
        write, record, reason = await self._look(customer, write)
        if reason:
            return WriteResult(write, CustomerResult.FAILED, reason)
        values = replaced_by(write)
        if (left := values.left(record, deleted=write.state is WriteState.SENDING)) is not None:
            return await self._already(customer, write, left)
        if record is None:
            return _part(write, WriteState.KEPT, f"{_place(write)} is no longer in WizCommerce")
        if not values.restorable:
            return _part(write, WriteState.KEPT, _no_value(write, values.not_as_before(record)) or ERASED)
        if not self.force and (changed := values.changed(record)):
            return WriteResult(write, CustomerResult.CHANGED, _named(write, changed))
        return await self._restore(customer, write, record)

    async def _already(self, customer: LedgerCustomer, write: Write, left: list[str]) -> WriteResult:
        """The result for a write whose values are not there: it was undone before, or never carried out."""
        if not customer.outcome_unknown:
            await self.announce(write)  # so far, the ledger says that WizCommerce accepted its values
            return _part(write, WriteState.RESTORED, _no_value(write, left))
        if self.wait > 0:
            details = f"its update is not in WizCommerce yet; run undo again in {self.wait:.0f} s to be sure"
            return WriteResult(write, CustomerResult.UNKNOWN, details)
        return WriteResult(replace(write, state=WriteState.ABSENT), CustomerResult.ABSENT, "its update had no effect")

    async def _restore(self, customer: LedgerCustomer, write: Write, record: Values) -> WriteResult:
        try:
            body = orjson.dumps(replaced_by(write).body(record)) if write.method != "POST" else b""
        except NotReplaceableError as error:
            return _part(write, WriteState.DONE, f"{_place(write)}: {error}")
        await self.announce(write)
        answer = await self.rounds.ask(self._send(customer.customer_id or "", write, body))
        write, shown, reason = await self._look(customer, replace(write, state=WriteState.SENDING))
        if reason:
            return WriteResult(write, CustomerResult.FAILED, f"it is not known whether it was restored: {reason}")
        if (left := replaced_by(write).left(shown, deleted=True)) is not None:
            return _part(write, WriteState.RESTORED, _no_value(write, left))
        reason = f"{_place(write)} was not restored: {answer.message or 'the request had no effect'}"
        return WriteResult(replace(write, state=WriteState.DONE), CustomerResult.FAILED, reason)

    def _send(self, customer_id: str, write: Write, body: bytes) -> Awaitable[Answer]:
        if write.child_id is None:
            return self.client.patch(customer_id, body)
        if write.method == "PUT":
            return self.client.replace_child(customer_id, KINDS[write.entity], write.child_id, body)
        return self.client.delete_child(customer_id, KINDS[write.entity], write.child_id)

    async def _look(self, customer: LedgerCustomer, write: Write) -> tuple[Write, Values | None, str]:
        """The write with its child's id, the record that it changed (None: gone), and why that is not known."""
        customer_id, kind = customer.customer_id or "", KINDS.get(write.entity)
        if kind is None:
            answer = await self.rounds.ask(self.client.get(customer_id))
            gone = answer.kind is AnswerKind.GONE
            return write, answer.data, "" if gone else unreadable(answer, customer.item.reference_id)
        if write.child_id is not None:
            answer = await self.rounds.ask(self.client.get_child(customer_id, kind, write.child_id))
            if answer.kind is not AnswerKind.GONE:
                return write, answer.data, unreadable(answer, write.child_reference_id)
        children = await self.client.children(customer_id, kind)  # raises if there is no such path
        if write.child_id is not None:
            return write, None, ""
        same = [child for child in children if child.get("reference_id") == write.child_reference_id]
        if len(same) == 1:
            return replace(write, child_id=str(same[0].get("id"))), same[0], ""
        return write, None, f"WizCommerce has {_place(write)} {len(same)} times" if same else ""


def replaced_by(write: Write) -> Replaced:
    return Replaced(write.method, KINDS.get(write.entity), write.before, write.after)


def is_deletion(write: Write) -> bool:
    """Whether a write is undo's deletion of a customer, and it is not known whether it was carried out."""
    return (write.entity, write.method) == ("customer", "DELETE") and write.state in ("sending", "unknown")


def is_open(write: Write) -> bool:
    return (write.entity, write.method) != ("customer", "DELETE") and write.state not in ENDED


def compare_restored(writes: Iterable[Write], customer: Values) -> tuple[str, str]:
    """The fields that changed since ``writes`` were restored, and those that could not be emptied."""
    changed, left = [], []
    for write in writes:
        if write.state is WriteState.RESTORED:
            kind, values = KINDS.get(write.entity), replaced_by(write)
            found = (child for child in records(customer.get(kind or "")) if child.get("id") == write.child_id)
            record = next(found, None) if kind else customer
            remaining = values.left(record, deleted=True)
            if remaining is None:
                changed.append(_named(write, values.not_as_before(record or {})) or _place(write))
            elif remaining:
                left.append(_named(write, remaining))
    return ", ".join(changed), ", ".join(left)


@dataclass(frozen=True, slots=True)
class Forecast:
    """How many customers undo would delete and restore, and how many updates it cannot undo."""

    deleted: int
    restored: int
    kept: int


def updated_customers(ledger: Ledger, run: Run) -> Iterator[tuple[LedgerCustomer, list[Write]]]:
    """The customers that the run changed or may have changed, each with all its writes of the run."""
    after = -1
    while block := ledger.updated_by(run, after=after, count=BLOCK):
        after = block[-1].item.position
        writes = ledger.writes_of(run, [customer.item.reference_id for customer in block])
        yield from ((customer, writes[customer.item.reference_id]) for customer in block)


def forecast(ledger: Ledger, run: Run) -> Forecast:
    """What undoing ``run`` would do, according to the ledger. Raises :class:`LedgerError`."""
    restored = kept = 0
    for _, writes in updated_customers(ledger, run):
        left = [replaced_by(write).restorable for write in writes if is_open(write)]
        restored += any(left)
        kept += not any(left) and bool(left or not writes)
    return Forecast(ledger.count_made(run), restored, kept)


def _part(write: Write, state: WriteState, kept: str) -> WriteResult:
    """``kept``: what is not undone, and why; empty when everything is."""
    return WriteResult(
        replace(write, state=state), CustomerResult.NOT_TAKEN_BACK if kept else CustomerResult.RESTORED, kept
    )


def _no_value(write: Write, fields: list[str]) -> str:
    had = f"{_named(write, fields)}: had no value before, and an update cannot clear a field"
    return had if fields else ""


def _named(write: Write, fields: Iterable[str]) -> str:
    prefix = f"{_place(write)}." if write.entity in KINDS else ""
    return ", ".join(f"{prefix}{name}" for name in fields)


def _place(write: Write) -> str:
    kind = KINDS.get(write.entity)
    return f"{kind}[{write.child_reference_id or write.child_id}]" if kind else "the customer"
