"""Undoing a run: customers that it created are deleted, and its updates to other customers are undone."""

from collections.abc import Awaitable, Callable
from dataclasses import KW_ONLY, dataclass, replace
from datetime import datetime

import anyio
import orjson

from importer.api import Answer, AnswerKind, Client, CustomerRef
from importer.api.answers import clean
from importer.ledger import Accepted, Ledger, LedgerCustomer, LedgerStep, RemovedCustomer, Run, State, Write, WriteState
from importer.planner.compare import differences
from importer.records import OutcomeKind, content_hash
from importer.sender.concurrency import LedgerThread
from importer.sender.creating import moment_text
from importer.sender.customer_rounds import BLOCK, CustomerFinding, CustomerResult, Found, Rounds, unreadable
from importer.sender.customer_task import Bodies, changed_since
from importer.sender.restoring import Restorer, WriteResult, is_deletion, is_open

LATER_RUN = "it is not known yet whether a later run changed it: resume that run, then undo again"
NO_VALUES = "this run has no previous values: an earlier run or an older version of the importer made the update"
NO_CUSTOMER = "the customer is no longer in WizCommerce"
AGAIN = "Run undo again: it continues where it stopped."
RANKS = (
    CustomerResult.UNKNOWN,
    CustomerResult.FAILED,
    CustomerResult.CHANGED,
    CustomerResult.NOT_TAKEN_BACK,
    CustomerResult.RESTORED,
    CustomerResult.ABSENT,
)
Customers = list[LedgerCustomer]


@dataclass
class Undo:
    """Deletes the customers that ``run`` created, and undoes its updates. The tenant's lock must be held.

    ``found`` gets each group once it is in the ledger. What was changed in WizCommerce since is left, unless ``force``.
    What may have been sent is looked up first; its absence counts ``settle`` seconds after the run was last known to
    send. What a later run may have changed is left until that is known. Setting ``stop`` ends it early: requests in
    flight finish.
    """

    ledger: Ledger
    client: Client
    run: Run
    bodies: Bodies
    _: KW_ONLY
    force: bool
    concurrency: int
    settle: float
    now: Callable[[], datetime]
    found: Found
    stop: anyio.Event

    def __post_init__(self) -> None:
        self._thread = LedgerThread()
        self._rounds = Rounds(self.concurrency, self.stop, AGAIN)
        self._restorer = Restorer(self.client, self._rounds, self._announce, self.force)
        self._writes: dict[str, list[Write]] = {}  # of the block under way, by reference id
        self._findings: list[CustomerFinding] = []
        self._removed: list[RemovedCustomer] = []
        self._settled: list[Write] = []
        self._steps: list[LedgerStep] = []

    async def undo_run(self) -> None:
        """Undo everything. Called again, after whatever end, it continues.

        Raises :class:`StopError`, :class:`LedgerError`, and :class:`OutputError` when ``bodies`` cannot be read.
        """
        last_sent = await self._thread(self.ledger.last_active, self.run)
        self._restorer.wait = max(0.0, self.settle - (self.now() - last_sent).total_seconds())
        await self._each_block(self.ledger.made_by, self._created, self._delete)
        await self._each_block(self.ledger.updated_by, self._updated, self._restore)

    async def _each_block(
        self,
        read: Callable[..., Customers],
        choose: Callable[[Customers], Awaitable[Customers]],
        work: Callable[[LedgerCustomer], Awaitable[tuple[CustomerResult, str]]],
    ) -> None:
        async def one(customer: LedgerCustomer) -> None:
            self._report(customer, *await work(customer))

        after = -1
        while block := await self._thread(read, self.run, after=after, count=BLOCK):
            self._rounds.check()
            after = block[-1].item.position
            self._writes = await self._thread(self.ledger.writes_of, self.run, [_name(one) for one in block])
            customers = await choose(block)
            try:
                await self._rounds.each(customers, one)
            finally:
                with anyio.CancelScope(shield=True):
                    await self._enter()
            self._rounds.check()

    async def _created(self, block: Customers) -> Customers:
        planned = await self._thread(self._planned_bodies, [customer for customer in block if customer.body is None])
        unknown = [_name(one) for one in block if one.outcome_unknown and not one.update_unknown]
        there = await self.client.find(unknown) if unknown else {}
        created = []
        for one in block:
            customer = replace(one, body=planned.get(_name(one), one.body))
            if customer.update_unknown:
                self._report(customer, CustomerResult.UNKNOWN, LATER_RUN)
            elif not customer.outcome_unknown:
                created.append(customer)
            elif found := self._look_up(customer, there[_name(customer)]):
                created.append(found)
        await self._enter()
        return created

    def _planned_bodies(self, customers: Customers) -> dict[str, bytes]:
        """Reference ID -> the body that the run had planned, unless its folder now has a different one."""
        read = self.bodies([customer.item for customer in customers]) if customers else ()
        pairs = zip(customers, read, strict=True)
        return {_name(one): body for one, body in pairs if content_hash(body) == one.item.hash}

    def _look_up(self, customer: LedgerCustomer, found: list[CustomerRef]) -> LedgerCustomer | None:
        """A customer that may have been created, if it is there: before the run it was known not to be."""
        if len(found) > 1:
            ids = " and ".join(ref.id for ref in found)
            self._report(
                customer,
                CustomerResult.DUPLICATE,
                f"WizCommerce has it {len(found)} times, as {ids}; delete them there",
            )
        elif found:
            moment = moment_text(found[0])
            made = replace(customer, state=State.CREATED, customer_id=found[0].id, updated_at=moment)
            accepted = None if made.body is None else Accepted(made.body, None, moment)
            self._steps.append(replace(_step(made, State.CREATED, OutcomeKind.CREATED), accepted=accepted))
            return made
        elif self._restorer.wait > 0:
            details = f"not in WizCommerce yet; run undo again in {self._restorer.wait:.0f} s to be sure"
            self._report(customer, CustomerResult.UNKNOWN, details)
        else:
            self._steps.append(_no_effect(customer, State.ABSENT, "not in WizCommerce when the run was undone"))
            self._report(customer, CustomerResult.ABSENT, "its request had no effect")
        return None

    async def _delete(self, customer: LedgerCustomer) -> tuple[CustomerResult, str]:
        assert customer.customer_id is not None
        name = _name(customer)
        announced = [write for write in self._writes.get(name, ()) if is_deletion(write)]
        before = await self._rounds.ask(self.client.get(customer.customer_id))
        if gone := self._gone(customer, before, announced=bool(announced)):
            return gone
        if reason := unreadable(before, name):
            return CustomerResult.FAILED, f"not deleted: {reason}"
        self._settled += [replace(write, state=WriteState.ABSENT) for write in announced]
        if not self.force and (reason := _changes(customer, before)):
            return CustomerResult.CHANGED, reason
        deletion = Write(name, "DELETE", "customer", None, None, None, None)
        announced = await self._thread(self.ledger.announce_writes, self.run, [deletion])
        answer = await self._rounds.ask(self.client.delete(customer.customer_id))
        after = await self._rounds.ask(self.client.get(customer.customer_id))
        if gone := self._gone(customer, after, announced=True):
            return gone
        if reason := unreadable(after, name):
            return CustomerResult.FAILED, f"it is not known whether it was deleted: {reason}"
        self._settled += [replace(write, state=WriteState.ABSENT) for write in announced]
        return CustomerResult.FAILED, f"still there: {answer.message or 'the request had no effect'}"

    def _gone(self, customer: LedgerCustomer, answer: Answer, *, announced: bool) -> tuple[CustomerResult, str] | None:
        """What to report when a customer is gone, or inactive because of a deletion that undo announced."""
        assert customer.customer_id is not None
        inactive = not unreadable(answer, _name(customer)) and (answer.data or {}).get("status") == "inactive"
        if answer.kind is not AnswerKind.GONE and not (announced and inactive):
            return None
        self._removed.append(RemovedCustomer(customer.item.position, _name(customer), customer.customer_id, inactive))
        if inactive:
            return CustomerResult.DEACTIVATED, "WizCommerce still has it, but inactive"
        return CustomerResult.DELETED, "" if announced else "it was already gone"

    async def _updated(self, block: list[LedgerCustomer]) -> list[LedgerCustomer]:
        open_writes = await self._thread(self.ledger.open_writes, self.run.tenant, [_name(one) for one in block])
        chosen = []
        for customer in block:
            writes, unknown = self._writes[_name(customer)], customer.outcome_unknown
            others = any(write.run_id != self.run.id for write in open_writes[_name(customer)])
            own = unknown and customer.outcome is OutcomeKind.UNKNOWN
            if not writes:
                self._report(customer, CustomerResult.NOT_TAKEN_BACK, NO_VALUES)
            elif not own and not any(map(is_open, writes)):
                continue
            elif unknown and (others or not own):
                self._report(customer, CustomerResult.UNKNOWN, LATER_RUN)
            else:
                chosen.append(customer)
        return chosen

    async def _restore(self, customer: LedgerCustomer) -> tuple[CustomerResult, str]:
        writes = [write for write in reversed(self._writes[_name(customer)]) if is_open(write)]
        there = Answer(AnswerKind.GONE)
        if customer.customer_id is not None:
            there = await self._rounds.ask(self.client.get(customer.customer_id))
        if there.kind is AnswerKind.GONE:
            self._settled += [replace(write, state=WriteState.KEPT) for write in writes]
            return CustomerResult.NOT_TAKEN_BACK, NO_CUSTOMER
        if reason := unreadable(there, _name(customer)):
            return CustomerResult.FAILED, f"not restored: {reason}"
        parts: list[WriteResult] = []
        for write in writes:
            parts.append(await self._restorer.undo_write(customer, write))
            self._settled.append(parts[-1].write)
        results = {part.result for part in parts}
        result = next((rank for rank in RANKS if rank in results), CustomerResult.RESTORED)
        if customer.outcome_unknown and result is CustomerResult.ABSENT:
            self._steps.append(_no_effect(customer, State.UPDATED, "not updated when the run was undone"))
        elif customer.outcome_unknown and result in (CustomerResult.RESTORED, CustomerResult.NOT_TAKEN_BACK):
            self._steps.append(_step(customer, State.UPDATED, OutcomeKind.UPDATED))
        return result, "; ".join(dict.fromkeys(filter(None, (part.details for part in parts))))

    async def _announce(self, write: Write) -> None:
        await self._thread(self.ledger.announce_restores, self.run, [write])

    def _report(self, customer: LedgerCustomer, result: CustomerResult, details: str = "") -> None:
        self._findings.append(CustomerFinding(_name(customer), customer.customer_id, result, details))

    async def _enter(self) -> None:
        settled, removed, steps = self._settled, self._removed, self._steps
        self._settled, self._removed, self._steps = [], [], []
        if settled:
            await self._thread(self.ledger.settle_writes, self.run, settled)
        if removed:
            await self._thread(self.ledger.record_removed, self.run, removed)
        if steps:
            await self._thread(self.ledger.record, self.run, steps)
        findings, self._findings = self._findings, []
        if findings:
            self.found(findings)


def _name(customer: LedgerCustomer) -> str:
    return customer.item.reference_id


def _changes(customer: LedgerCustomer, answer: Answer) -> str:
    if customer.body is None:
        return "it is no longer known what was sent"
    shown = answer.data or {}
    changed = differences(orjson.loads(customer.body), shown) + ["status"] * (shown.get("status") == "inactive")
    if not changed and changed_since(customer.updated_at, shown.get("updated_at")):
        return f"changed in WizCommerce at {clean(shown['updated_at'], 40)}, in fields that the importer does not send"
    return ", ".join(changed)


def _step(customer: LedgerCustomer, state: State, outcome: OutcomeKind) -> LedgerStep:
    item = customer.item
    return LedgerStep(item.position, item.reference_id, state, outcome, item.attempts, customer.customer_id)


def _no_effect(customer: LedgerCustomer, state: State, message: str) -> LedgerStep:
    """As the sender enters a customer that is still without its content after the last attempt."""
    return replace(_step(customer, state, OutcomeKind.FAILED), error_code="no_answer", error_message=message)
