"""Comparing the ledger with what WizCommerce has. Nothing is changed, here or there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio
import orjson

from importer.api import AnswerKind, Client, CustomerRef
from importer.ledger import Ledger, LedgerCustomer, Run, Write, WriteState
from importer.planner.compare import differences
from importer.sender.concurrency import LedgerThread
from importer.sender.customer_rounds import BLOCK, Finding, Found, Result, Rounds, unreadable
from importer.sender.restoring import compare_restored, is_deletion, is_open

__all__ = ["verify"]

AGAIN = "Call verify again: nothing was changed."


async def verify(
    ledger: Ledger,
    client: Client,
    run: Run,
    *,
    concurrency: int,
    found: Found,
    stop: anyio.Event,
) -> None:
    """Look up every customer that should or may be in WizCommerce; ``found`` gets each group.

    Customers of which the ledger has an accepted body are read whole and compared with it; those whose update was
    taken back are compared with what they had before. Raises :class:`InterruptedRunError`,
    :class:`KeyRefusedError`, :class:`ApiUnavailableError`, :class:`LedgerError`.
    """
    rounds = Rounds(concurrency, stop, AGAIN)
    thread = LedgerThread()
    after = -1
    while block := await thread(partial(ledger.held_by, run, after=after, count=BLOCK)):
        rounds.check()
        after = block[-1].item.position
        names = [customer.item.reference_id for customer in block]
        writes = await thread(ledger.writes_of, run, names)
        there = await client.find(names)
        verifying = _Verifying(client, rounds, [])
        pairs = [_Pair(one, there[name], writes.get(name, ())) for one, name in zip(block, names, strict=True)]
        try:
            await rounds.each(pairs, verifying.look)
        finally:
            found(verifying.findings)
        rounds.check()


@dataclass(frozen=True, slots=True)
class _Pair:
    """A customer of the ledger, what the API lists under its reference id, and the run's writes to it."""

    customer: LedgerCustomer
    listed: Sequence[CustomerRef]
    writes: Sequence[Write]

    @property
    def deleting(self) -> bool:
        """Undo was cut off while it deleted the customer."""
        return any(map(is_deletion, self.writes))

    @property
    def restored(self) -> bool:
        """Undo took back its update, or a part of it, and no later run has written to it."""
        return self.customer.body is None and any(one.state is WriteState.RESTORED for one in self.writes)


@dataclass(frozen=True, slots=True)
class _Verifying:
    """One block of customers."""

    client: Client
    rounds: Rounds
    findings: list[Finding]

    async def look(self, pair: _Pair) -> None:
        self.findings.append(_by_list(pair) or await self._whole(pair))

    async def _whole(self, pair: _Pair) -> Finding:
        customer, name = pair.customer, pair.customer.item.reference_id
        customer_id = pair.listed[0].id if pair.listed else customer.customer_id
        if customer_id is None:
            return Finding(name, None, Result.MISSING, "the API does not list it")
        inactive = bool(pair.listed) and pair.listed[0].status == "inactive"
        result, details = Result.OK, ""
        # One that is not listed is asked for by its id: a list may lag behind.
        if customer.body is not None or pair.restored or not pair.listed:
            answer = await self.rounds.ask(self.client.get(customer_id))
            if answer.kind is AnswerKind.GONE:
                result = Result.UNDONE if pair.deleting else Result.MISSING
                return Finding(name, customer_id, result, "it is not in WizCommerce any more")
            if reason := unreadable(answer, name):
                return Finding(name, customer_id, Result.FAILED, reason)
            shown = answer.data or {}
            inactive = shown.get("status") == "inactive"
            result, details = _compared(pair, shown)
        if inactive:
            return Finding(name, customer_id, Result.UNDONE if pair.deleting else Result.INACTIVE, details)
        return Finding(name, customer_id, result, details)


def _compared(pair: _Pair, shown: Mapping[str, Any]) -> tuple[Result, str]:
    """How the record that WizCommerce shows compares with what the ledger expects."""
    if not pair.restored:
        changes = [] if pair.customer.body is None else differences(orjson.loads(pair.customer.body), shown)
        return Result.CHANGED if changes else Result.OK, ", ".join(changes)
    if any(map(is_open, pair.writes)):
        return Result.CHANGED, "its update was taken back in part"
    changed, left = compare_restored(pair.writes, shown)
    if changed:
        return Result.CHANGED, changed
    return Result.UNDONE, f"not taken back: {left}" if left else ""


def _by_list(pair: _Pair) -> Finding | None:
    """What the list alone shows; None when the customer has to be looked at."""
    customer, name = pair.customer, pair.customer.item.reference_id
    ids = [ref.id for ref in pair.listed]
    if len(ids) > 1:
        details = f"WizCommerce has it {len(ids)} times, as {' and '.join(ids)}"
        return Finding(name, customer.customer_id, Result.DUPLICATE, details)
    if customer.taken_back:
        if any(ref.status != "inactive" for ref in pair.listed):
            return Finding(name, ids[0], Result.CHANGED, "it is in WizCommerce, though it was taken back")
        return Finding(name, ids[0] if ids else None, Result.UNDONE)
    if customer.outcome_unknown:
        details = f"WizCommerce has it as {ids[0]}" if ids else "the API does not list it"
        return Finding(name, ids[0] if ids else None, Result.UNKNOWN, f"{details}; resume the run to settle it")
    if ids and customer.customer_id is not None and ids[0] != customer.customer_id:
        return Finding(name, ids[0], Result.CHANGED, f"another customer than the ledger's {customer.customer_id}")
    return None
