"""The requests of one update, in order: PATCH for the customer, then PUT or POST for each child.

Each request is recorded in the ledger, with the previous values, before it is sent. PATCH and PUT may be repeated; a
POST is sent only once.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial

import orjson

from importer.api import Answer, AnswerKind, Client, NoListError
from importer.errors import ApiUnavailableError
from importer.ledger import Ledger, Run, Write, WriteState
from importer.planner import ChildChange, CustomerUpdate
from importer.planner.compare import NotReplaceableError, previous, replacement
from importer.records import Refusal
from importer.sender.concurrency import LedgerThread
from importer.sender.creating import says_id_in_use
from importer.sender.customer_task import text_of
from importer.tables import CHILD_ENTITIES, ChildKind

NO_PATH = (404, 405)  # the responses of an API without the path, or without the child


@dataclass
class CustomerWriter:
    """Sends the requests of one customer's update, one after the other, and collects their results.

    ``answer``: the one that ended the requests, or the last one. ``sent``: whether any request may have been sent.
    ``refused``: the first refusal. ``refusals``: all reasons, each with its place in the whole body. ``reports``:
    children that were left alone, and why. ``open_writes``: POSTs whose outcome is unknown. ``added``: (kind, ID) of
    each new child.
    """

    api: Client
    ledger: Ledger
    thread: LedgerThread
    run: Run
    reference_id: str
    customer_id: str
    answer: Answer = Answer(AnswerKind.OK, sent=False)  # noqa: RUF009 - frozen
    sent: bool = False
    repeated: bool = False
    refused: Answer | None = None
    refusals: list[Refusal] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)
    open_writes: list[Write] = field(default_factory=list)
    added: list[tuple[ChildKind, str]] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return self.answer.kind is AnswerKind.OK and self.refused is None and not self.reports

    async def write(self, update: CustomerUpdate) -> None:
        """Send the requests. The first one without a readable answer ends them; a refused one does not."""
        if update.fields:
            write = Write(self.reference_id, "PATCH", "customer", None, None, update.before, update.after)
            body = orjson.dumps(update.fields)
            _, answer = await self._carry_out(write, partial(self.api.patch, self.customer_id, body))
            self._take(answer, "")
        for change in update.children:
            if self.answer.kind is not AnswerKind.OK:
                return
            if change.id is None:
                await self._add(change)
            else:
                await self._replace(change, change.id)

    async def _replace(self, change: ChildChange, child_id: str) -> None:
        """GET the child, replace only what changes, and PUT the whole child."""
        place = f"{change.kind}[{change.reference_id}]"
        there = await self.api.get_child(self.customer_id, change.kind, child_id)
        if there.status in NO_PATH:
            await self._check_paths(change.kind, there)
            self.reports.append(f"{place} is no longer in WizCommerce")
            return
        if there.kind is not AnswerKind.OK or there.data is None:
            kind = AnswerKind.KEY_REFUSED if there.kind is AnswerKind.KEY_REFUSED else AnswerKind.NOT_SENT
            self.answer = replace(there, kind=kind, sent=False)
            return
        if there.data.get("reference_id", change.reference_id) != change.reference_id:
            self.reports.append(f"{place} now has another reference ID in WizCommerce")
            return
        try:
            body = replacement(change.kind, there.data, change.values)
        except NotReplaceableError as error:
            self.reports.append(f"{place}: {error}")
            return
        before = previous(change.kind, there.data, change.values)
        entity = CHILD_ENTITIES[change.kind]
        write = Write(self.reference_id, "PUT", entity, child_id, change.reference_id, before, change.values)
        whole = orjson.dumps(body)
        call = partial(self.api.replace_child, self.customer_id, change.kind, child_id, whole)
        _, answer = await self._carry_out(write, call)
        self._take(answer, f"{change.kind}[{change.place}]")

    async def _add(self, change: ChildChange) -> None:
        entity = CHILD_ENTITIES[change.kind]
        write = Write(self.reference_id, "POST", entity, None, change.reference_id, None, change.values)
        body = orjson.dumps(change.values)
        call = partial(self.api.create_child, self.customer_id, change.kind, body, change.reference_id)
        write, answer = await self._carry_out(write, call)
        if answer.status in NO_PATH:
            await self._check_paths(change.kind, answer)
            answer = replace(answer, kind=AnswerKind.REFUSED)
        self._take(answer, f"{change.kind}[{change.place}]")
        if answer.kind is AnswerKind.UNKNOWN:
            self.open_writes.append(write)
        elif write.child_id:
            self.added.append((change.kind, write.child_id))

    async def _carry_out(self, write: Write, call: Callable[[], Awaitable[Answer]]) -> tuple[Write, Answer]:
        """Make a write durable before its request is sent, and its result afterward."""
        (write,) = await self.thread(self.ledger.announce_writes, self.run, [write])
        answer = await call()
        added = write.method == "POST"
        if added and answer.kind is AnswerKind.REFUSED and says_id_in_use(answer):
            # Nothing had this reference id a moment ago: an earlier request of ours may have arrived after all.
            answer = replace(answer, kind=AnswerKind.UNKNOWN)
        state = {
            AnswerKind.OK: WriteState.DONE,
            AnswerKind.UNKNOWN: WriteState.UNKNOWN,
            AnswerKind.NOT_SENT: WriteState.ABSENT,
        }.get(answer.kind, WriteState.REFUSED)
        settled = replace(write, state=state, child_id=text_of(answer.data, "id") if added else write.child_id)
        await self.thread(self.ledger.settle_writes, self.run, [settled])
        return settled, answer

    async def _check_paths(self, kind: ChildKind, answer: Answer) -> None:
        """Raise an error if the API lacks the path, not only the child."""
        try:
            await self.api.children(self.customer_id, kind)
        except NoListError:
            raise ApiUnavailableError(
                f"WizCommerce returns HTTP {answer.status} for the path of a customer's {kind}",
                f"This API cannot update {kind}. Send new customers with --mode create, and ask WizCommerce.",
            ) from None

    def _take(self, answer: Answer, place: str) -> None:
        """Note one more answer. ``place``: the child in the whole body, where attributes have different numbers."""
        self.sent, self.repeated = self.sent or answer.sent, self.repeated or answer.repeated
        if answer.kind not in (AnswerKind.REFUSED, AnswerKind.GONE):
            self.answer = answer
            return
        self.refused = self.refused or answer
        for refusal in answer.refusals:
            whole = place if not refusal.field or refusal.field.startswith("attributes") else f"{place}.{refusal.field}"
            self.refusals.append(Refusal(whole if place else refusal.field, refusal.reason))
