"""The requests of one update, in their order: PATCH for the customer, then PUT or POST for each child.

Each is in the ledger, with the values from before, before it leaves. PATCH and PUT may be repeated; a POST goes once.
"""

from dataclasses import dataclass, replace

import orjson

from importer.api import Answer, AnswerKind, Client, NoListError
from importer.errors import ApiUnavailableError
from importer.ledger import Ledger, Run, Write, WriteState
from importer.planner import ChildChange, CustomerUpdate
from importer.planner.compare import NotReplaceableError, previous, replacement
from importer.records import Refusal
from importer.sender.concurrency import LedgerThread
from importer.sender.creating import says_id_in_use
from importer.sender.tasks import text_of
from importer.tables import CHILD_ENTITIES, ChildKind

__all__ = ["CustomerWriter", "Written"]

NO_PATH = (404, 405)  # what an API answers that lacks the path, or the child


@dataclass(frozen=True, slots=True)
class Written:
    """The result of one update's requests.

    ``answer``: the one that ended them, or the last. ``sent``: whether any of them may have left. ``refused``: the
    first refusal, and ``refusals`` all reasons, each with its place in the whole body. ``reports``: children
    that were left alone, and why. ``open_writes``: POSTs whose outcome is unknown. ``added``: ids of new children by
    their kind.
    """

    answer: Answer
    sent: bool = False
    repeated: bool = False
    refused: Answer | None = None
    refusals: tuple[Refusal, ...] = ()
    reports: tuple[str, ...] = ()
    open_writes: tuple[Write, ...] = ()
    added: tuple[tuple[ChildKind, str], ...] = ()

    @property
    def complete(self) -> bool:
        """Everything was sent and accepted."""
        return self.answer.kind is AnswerKind.OK and self.refused is None and not self.reports


@dataclass(frozen=True)
class CustomerWriter:
    """Sends the requests of one customer's update, one after the other."""

    api: Client
    ledger: Ledger
    thread: LedgerThread
    run: Run

    async def write(self, reference_id: str, customer_id: str, update: CustomerUpdate) -> Written:
        """Send ``update``. It ends at a request without a readable answer; a refused one does not stop the others.

        Raises :class:`ApiUnavailableError` when the API lacks the paths of children, or asks for too long a wait.
        """
        done = Written(Answer(AnswerKind.OK, sent=False))
        if update.fields:
            write = Write(reference_id, "PATCH", "customer", None, None, update.before, update.after)
            write = await self._announce(write)
            answer = await self.api.patch(customer_id, orjson.dumps(update.fields))
            await self._settle(write, answer)
            done = _after(done, answer, "")
        for change in update.children:
            if done.answer.kind is not AnswerKind.OK:
                break
            send = self._add if change.id is None else self._replace
            done = await send(done, reference_id, customer_id, change)
        return done

    async def _replace(self, done: Written, reference_id: str, customer_id: str, change: ChildChange) -> Written:
        """GET the child, and PUT it whole with only what changes replaced."""
        assert change.id is not None
        place = f"{change.kind}[{change.reference_id}]"
        there = await self.api.get_child(customer_id, change.kind, change.id)
        if there.status in NO_PATH:
            await self._check_paths(customer_id, change.kind, there)
            return _left_alone(done, f"{place} is not in WizCommerce any more")
        if there.kind is not AnswerKind.OK or there.data is None:
            kind = AnswerKind.KEY_REFUSED if there.kind is AnswerKind.KEY_REFUSED else AnswerKind.NOT_SENT
            return replace(done, answer=replace(there, kind=kind, sent=False))
        if there.data.get("reference_id", change.reference_id) != change.reference_id:
            return _left_alone(done, f"{place} has another reference id in WizCommerce by now")
        try:
            body = replacement(change.kind, there.data, change.values)
        except NotReplaceableError as error:
            return _left_alone(done, f"{place}: {error}")
        before = previous(change.kind, there.data, change.values)
        entity = CHILD_ENTITIES[change.kind]
        write = Write(reference_id, "PUT", entity, change.id, change.reference_id, before, change.values)
        write = await self._announce(write)
        answer = await self.api.replace_child(customer_id, change.kind, change.id, orjson.dumps(body))
        await self._settle(write, answer)
        return _after(done, answer, _place(change))

    async def _add(self, done: Written, reference_id: str, customer_id: str, change: ChildChange) -> Written:
        """POST a new child, once."""
        entity = CHILD_ENTITIES[change.kind]
        write = Write(reference_id, "POST", entity, None, change.reference_id, None, change.values)
        write = await self._announce(write)
        body = orjson.dumps(change.values)
        answer = await self.api.create_child(customer_id, change.kind, body, change.reference_id)
        if answer.kind is AnswerKind.REFUSED and answer.status != 405 and says_id_in_use(answer):
            # Nothing had this reference id a moment ago: an earlier request of ours may have arrived after all.
            answer = replace(answer, kind=AnswerKind.UNKNOWN)
        write = await self._settle(write, answer)
        if answer.status in NO_PATH:
            await self._check_paths(customer_id, change.kind, answer)
            answer = replace(answer, kind=AnswerKind.REFUSED)
        done = _after(done, answer, _place(change))
        if answer.kind is AnswerKind.UNKNOWN:
            return replace(done, open_writes=(*done.open_writes, write))
        if answer.kind is AnswerKind.OK and write.child_id:
            return replace(done, added=(*done.added, (change.kind, write.child_id)))
        return done

    async def _announce(self, write: Write) -> Write:
        """Make a write durable before its request leaves."""
        (announced,) = await self.thread(self.ledger.announce_writes, self.run, [write])
        return announced

    async def _settle(self, write: Write, answer: Answer) -> Write:
        state = {
            AnswerKind.OK: WriteState.DONE,
            AnswerKind.UNKNOWN: WriteState.UNKNOWN,
            AnswerKind.NOT_SENT: WriteState.ABSENT,
        }.get(answer.kind, WriteState.REFUSED)
        settled = replace(write, state=state)
        if write.method == "POST":
            settled = replace(settled, child_id=text_of(answer.data, "id"))
        await self.thread(self.ledger.settle_writes, self.run, [settled])
        return settled

    async def _check_paths(self, customer_id: str, kind: ChildKind, answer: Answer) -> None:
        """Tell a child that is gone from an API that lacks the path; the latter raises."""
        try:
            await self.api.children(customer_id, kind)
        except NoListError:
            raise ApiUnavailableError(
                f"WizCommerce answers HTTP {answer.status} at the path of a customer's {kind}",
                f"This API cannot update {kind}. Send new customers with --mode create, and ask WizCommerce.",
            ) from None


def _after(done: Written, answer: Answer, place: str) -> Written:
    """What is known after one more request.

    ``place``: the child in the whole body, whose fields the reasons name; attributes have other numbers there.
    """
    done = replace(done, sent=done.sent or answer.sent, repeated=done.repeated or answer.repeated)
    if answer.kind not in (AnswerKind.REFUSED, AnswerKind.GONE):
        return replace(done, answer=answer)
    named = []
    for refusal in answer.refusals:
        whole = place if not refusal.field or refusal.field.startswith("attributes") else f"{place}.{refusal.field}"
        named.append(Refusal(whole if place else refusal.field, refusal.reason))
    return replace(done, refused=done.refused or answer, refusals=(*done.refusals, *named))


def _left_alone(done: Written, reason: str) -> Written:
    return replace(done, reports=(*done.reports, reason))


def _place(change: ChildChange) -> str:
    return change.kind if change.place is None else f"{change.kind}[{change.place}]"
