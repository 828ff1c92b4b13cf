"""Holding the ledger against what the API has. Nothing is changed, here or there."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from importer.api import AnswerKind, CustomerRef
from importer.api.compare import differences
from importer.ledger import Ledger, LedgerCustomer, Run
from importer.sender.findings import BLOCK, Finding, Found, ReadApi, Result, Rounds, sent_values
from importer.sender.recorder import LedgerThread

__all__ = ["verify"]

AGAIN = "Call verify again: nothing was changed."


async def verify(
    ledger: Ledger,
    api: ReadApi,
    run: Run,
    *,
    concurrency: int,
    found: Found,
    stop: asyncio.Event,
) -> None:
    """Look every customer up that should or may be in the API, and tell ``found`` of each group.

    Customers of which the ledger has an accepted body are fetched whole and compared with it. Raises
    :class:`InterruptedRunError`, :class:`KeyRefusedError`, :class:`ApiUnavailableError`, :class:`LedgerError`.
    """
    rounds = Rounds(concurrency, stop, AGAIN)
    verifying = _Verifying(api, rounds)
    thread = LedgerThread()
    try:
        after = -1
        while block := await thread(ledger.held_by, run, after=after, count=BLOCK):
            rounds.check()
            after = block[-1].item.position
            there = await api.find([held.item.reference_id for held in block])
            verifying.findings = []
            pairs = [_Pair(held, there[held.item.reference_id]) for held in block]
            try:
                await rounds.each(pairs, verifying.look)
            finally:
                found(verifying.findings)
            rounds.check()
    finally:
        thread.close()


@dataclass(frozen=True, slots=True)
class _Pair:
    """A customer of the ledger, and what the API lists under its reference id."""

    held: LedgerCustomer
    listed: Sequence[CustomerRef]


@dataclass
class _Verifying:
    """One call of :func:`verify`."""

    api: ReadApi
    rounds: Rounds
    findings: list[Finding] | None = None

    async def look(self, pair: _Pair) -> None:
        finding = _by_list(pair)
        if finding is None:
            finding = await self._whole(pair)
        assert self.findings is not None
        self.findings.append(finding)

    async def _whole(self, pair: _Pair) -> Finding:
        held, name = pair.held, pair.held.item.reference_id
        customer_id = pair.listed[0].id if pair.listed else held.customer_id
        if customer_id is None:
            return Finding(name, None, Result.MISSING, "the API does not list it")
        inactive = bool(pair.listed) and pair.listed[0].status == "inactive"
        changes: list[str] = []
        # One that is not listed is asked for by its id: a list may lag behind.
        if held.body is not None or not pair.listed:
            answer = await self.rounds.ask(self.api.get(customer_id))
            if answer.kind is AnswerKind.GONE:
                return Finding(name, customer_id, Result.MISSING, "the API does not hold it any more")
            if answer.kind is not AnswerKind.OK or answer.data is None:
                return Finding(name, customer_id, Result.FAILED, f"it could not be read: {answer.message}")
            inactive = answer.data.get("status") == "inactive"
            changes = [] if held.body is None else differences(sent_values(held.body), answer.data)
        if inactive:
            return Finding(name, customer_id, Result.INACTIVE, ", ".join(changes))
        return Finding(name, customer_id, Result.CHANGED if changes else Result.OK, ", ".join(changes))


def _by_list(pair: _Pair) -> Finding | None:
    """What the list alone shows; None when the customer has to be looked at."""
    held, name = pair.held, pair.held.item.reference_id
    ids = [customer.id for customer in pair.listed]
    if len(ids) > 1:
        return Finding(name, held.customer_id, Result.DUPLICATE, f"the API holds it as {' and '.join(ids)}")
    if held.taken_back:
        if any(customer.status != "inactive" for customer in pair.listed):
            return Finding(name, ids[0], Result.CHANGED, "the API holds it, though it was taken back")
        return Finding(name, None, Result.UNDONE)
    if held.outcome_unknown:
        details = f"the API holds it as {ids[0]}" if ids else "the API does not list it"
        return Finding(name, ids[0] if ids else None, Result.UNKNOWN, f"{details}; resume the run to settle it")
    if ids and held.customer_id is not None and ids[0] != held.customer_id:
        return Finding(name, ids[0], Result.CHANGED, f"another customer than the ledger's {held.customer_id}")
    return None
