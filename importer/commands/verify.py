"""``verify``: compare what the ledger has about a run with WizCommerce."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio
import orjson

from importer.api import AnswerKind, Client, CustomerRef
from importer.commands.resume import opened_run
from importer.commands.undo import run_with_findings
from importer.ledger import Ledger, LedgerCustomer, Run, Write, WriteState
from importer.planner.compare import differences
from importer.sender.concurrency import LedgerThread
from importer.sender.customer_rounds import BLOCK, CustomerFinding, CustomerResult, Found, Rounds, unreadable
from importer.sender.restoring import compare_restored, is_deletion, is_open
from importer.settings import Options
from importer.workflow.supervision import Watch

AGAIN = "Run verify again. Nothing was changed."


def verify(options: Options, environment: Mapping[str, str], run_id: str | None, *, watch: Watch) -> dict[str, Any]:
    """Look up and compare every customer of a run; ``verify.csv`` has a line for each. Returns the summary.

    Nothing is changed, neither in WizCommerce nor in the ledger.
    """
    with opened_run(options, environment, run_id, watch=watch) as job:

        async def step(client: Client, found: Found) -> None:
            concurrency = job.options.concurrency
            await compare_run(job.ledger, client, job.run, concurrency=concurrency, found=found, stop=watch.stop)

        return run_with_findings("verify", job, job.ledger.count_to_verify(job.run), step)


async def compare_run(
    ledger: Ledger, client: Client, run: Run, *, concurrency: int, found: Found, stop: anyio.Event
) -> None:
    """Look up every customer of the run that should or may be in WizCommerce; ``found`` gets each group of findings.

    If the ledger has an accepted body of a customer, the whole customer is read and compared with it. A customer whose
    update was undone is compared with its earlier values. Raises :class:`InterruptedRunError`,
    :class:`KeyRefusedError`, :class:`ApiUnavailableError`, :class:`LedgerError`.
    """
    rounds = Rounds(concurrency, stop, AGAIN)
    thread = LedgerThread()
    after = -1
    while block := await thread(partial(ledger.customers_to_verify, run, after=after, count=BLOCK)):
        rounds.check()
        after = block[-1].item.position
        names = [customer.item.reference_id for customer in block]
        writes = await thread(ledger.writes_of, run, names)
        there = await client.find(names)
        findings: list[CustomerFinding] = []
        look = partial(_look, client, rounds, findings)
        pairs = [_Pair(one, there[name], writes.get(name, ())) for one, name in zip(block, names, strict=True)]
        try:
            await rounds.each(pairs, look)
        finally:
            found(findings)
        rounds.check()


@dataclass(frozen=True, slots=True)
class _Pair:
    """A customer of the ledger, what the API lists under its reference id, and the run's writes to it."""

    customer: LedgerCustomer
    listed: Sequence[CustomerRef]
    writes: Sequence[Write]

    @property
    def deleting(self) -> bool:
        """Whether an undo was interrupted while it deleted the customer."""
        return any(map(is_deletion, self.writes))

    @property
    def restored(self) -> bool:
        """Whether an undo reverted its update, at least partly, and no later run has written to it."""
        return self.customer.body is None and any(one.state is WriteState.RESTORED for one in self.writes)


async def _look(client: Client, rounds: Rounds, findings: list[CustomerFinding], pair: _Pair) -> None:
    findings.append(_by_list(pair) or await _by_record(client, rounds, pair))


async def _by_record(client: Client, rounds: Rounds, pair: _Pair) -> CustomerFinding:
    customer, name = pair.customer, pair.customer.item.reference_id
    customer_id = pair.listed[0].id if pair.listed else customer.customer_id
    if customer_id is None:
        return CustomerFinding(name, None, CustomerResult.MISSING, "WizCommerce does not list it")
    inactive = bool(pair.listed) and pair.listed[0].status == "inactive"
    result, details = CustomerResult.OK, ""
    # A customer that is not listed is requested by its ID, because a list may lag behind.
    if customer.body is not None or pair.restored or not pair.listed:
        answer = await rounds.ask(client.get(customer_id))
        if answer.kind is AnswerKind.GONE:
            result = CustomerResult.UNDONE if pair.deleting else CustomerResult.MISSING
            return CustomerFinding(name, customer_id, result, "it is no longer in WizCommerce")
        if reason := unreadable(answer, name):
            return CustomerFinding(name, customer_id, CustomerResult.FAILED, reason)
        shown = answer.data or {}
        inactive = shown.get("status") == "inactive"
        result, details = _compared(pair, shown)
    if inactive:
        return CustomerFinding(
            name, customer_id, CustomerResult.UNDONE if pair.deleting else CustomerResult.INACTIVE, details
        )
    return CustomerFinding(name, customer_id, result, details)


def _compared(pair: _Pair, shown: Mapping[str, Any]) -> tuple[CustomerResult, str]:
    """Whether the record in WizCommerce is what the ledger expects, and details."""
    if not pair.restored:
        changes = [] if pair.customer.body is None else differences(orjson.loads(pair.customer.body), shown)
        return CustomerResult.CHANGED if changes else CustomerResult.OK, ", ".join(changes)
    if any(map(is_open, pair.writes)):
        return CustomerResult.CHANGED, "its update was partly undone"
    changed, left = compare_restored(pair.writes, shown)
    if changed:
        return CustomerResult.CHANGED, changed
    return CustomerResult.UNDONE, f"not undone: {left}" if left else ""


def _by_list(pair: _Pair) -> CustomerFinding | None:
    """What the list alone shows; None if the customer itself has to be read."""
    customer, name = pair.customer, pair.customer.item.reference_id
    ids = [ref.id for ref in pair.listed]
    if len(ids) > 1:
        details = f"WizCommerce has it {len(ids)} times, as {' and '.join(ids)}"
        return CustomerFinding(name, customer.customer_id, CustomerResult.DUPLICATE, details)
    if customer.taken_back:
        if any(ref.status != "inactive" for ref in pair.listed):
            return CustomerFinding(name, ids[0], CustomerResult.CHANGED, "it is in WizCommerce, although it was undone")
        return CustomerFinding(name, ids[0] if ids else None, CustomerResult.UNDONE)
    if customer.outcome_unknown:
        details = f"WizCommerce has it as {ids[0]}" if ids else "WizCommerce does not list it"
        return CustomerFinding(
            name, ids[0] if ids else None, CustomerResult.UNKNOWN, f"{details}; resume the run to settle it"
        )
    if ids and customer.customer_id is not None and ids[0] != customer.customer_id:
        return CustomerFinding(
            name, ids[0], CustomerResult.CHANGED, f"another customer; the ledger has the ID {customer.customer_id}"
        )
    return None
