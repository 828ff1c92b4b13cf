"""Taking back one write of an update: look at what WizCommerce has, put back what was there before, look again.

A write is taken back only while WizCommerce still has the values that it set. A child that the run added is deleted.
PATCH cannot empty a field, so a customer's field that had no value before keeps the one of the run.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import orjson

from importer.api import Answer, AnswerKind
from importer.api.compare import NotReplaceableError, as_text, body_of, child_of, records, replacement
from importer.ledger import Write, WriteState
from importer.sender.findings import ReadApi, Result, Rounds, unreadable

__all__ = ["Part", "RestoreApi", "Restorer", "Updated", "compare_restored", "is_deletion", "is_open", "restorable"]

KINDS = {"address": "addresses", "contact": "contacts"}  # entity of a write → its list in WizCommerce
UNSETTLED = frozenset({WriteState.SENDING, WriteState.UNKNOWN})
ENDED = frozenset({WriteState.REFUSED, WriteState.ABSENT, WriteState.RESTORED, WriteState.KEPT})
NOT_OWN = ("id", "addresses", "contacts", "attributes")  # of a record's own fields
Values = Mapping[str, Any]


class RestoreApi(ReadApi, Protocol):
    """The part of :class:`importer.api.Client` that taking back updates needs."""

    async def patch(self, customer_id: str, body: bytes) -> Answer: ...

    async def children(self, customer_id: str, kind: str) -> list[dict[str, Any]]: ...

    async def replace_child(self, customer_id: str, kind: str, child_id: str, body: bytes) -> Answer: ...

    async def delete_child(self, customer_id: str, kind: str, child_id: str) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Updated:
    """A customer that the run updated.

    ``unsettled``: the ledger does not know the outcome of the update yet. ``wait``: seconds until a write that left no
    trace in WizCommerce counts as never carried out.
    """

    reference_id: str
    customer_id: str
    unsettled: bool
    wait: float


@dataclass(frozen=True, slots=True)
class Part:
    """What happened to one write: its new state, and what to report of it."""

    write: Write
    result: Result
    details: str = ""


@dataclass(frozen=True, slots=True)
class Restorer:
    """Takes back writes. ``announce`` makes a restore durable before its request leaves; ``force`` ignores changes."""

    api: RestoreApi
    rounds: Rounds
    announce: Callable[[Write], Awaitable[None]]
    force: bool

    async def take_back(self, customer: Updated, write: Write) -> Part:
        """Put back what ``write`` replaced.

        Raises :class:`StopError`; the next call understands whatever was announced by then.
        """
        write, there = await self._look(customer, write)
        if reason := _unusable(write, there):
            return Part(write, Result.FAILED, reason)
        shown = there.data
        if (left := _left(write, shown)) is not None:
            return await self._already(customer, write, left)
        if shown is None:
            return _kept(write, f"{_place(write)} is not in WizCommerce any more")
        if (changed := _changed(write, shown)) and not self.force:
            return Part(write, Result.CHANGED, _named(write, changed))
        if not restorable(write):
            return _kept(write, _no_value(write, _differing(write, write.before, shown)))
        try:
            body = _body(write, shown)
        except NotReplaceableError as error:
            return Part(_in(write, WriteState.DONE), Result.NOT_TAKEN_BACK, f"{_place(write)}: {error}")
        await self.announce(write)
        return await self._judge(customer, write, await self.rounds.ask(self._send(customer, write, body)))

    async def _already(self, customer: Updated, write: Write, left: Sequence[str]) -> Part:
        """A write whose values are not there: it was taken back before, or never carried out."""
        if not customer.unsettled:
            await self.announce(write)  # so far the ledger says that WizCommerce took its values
            return _restored(write, left)
        if customer.wait > 0:
            details = f"its update is not in WizCommerce yet; undo again in {customer.wait:.0f} s to be sure"
            return Part(write, Result.UNKNOWN, details)
        return Part(_in(write, WriteState.ABSENT), Result.ABSENT, "its update had no effect")

    async def _judge(self, customer: Updated, write: Write, answer: Answer) -> Part:
        """What a restore achieved, by what WizCommerce shows after it."""
        write, there = await self._look(customer, _in(write, WriteState.SENDING))
        if reason := _unusable(write, there):
            return Part(write, Result.FAILED, f"whether it was restored is not known: {reason}")
        if (left := _left(write, there.data)) is not None:
            return _restored(write, left)
        reason = answer.message or "the request had no effect"
        return Part(_in(write, WriteState.DONE), Result.FAILED, f"{_place(write)} was not restored: {reason}")

    async def _look(self, customer: Updated, write: Write) -> tuple[Write, Answer]:
        """The record that a write is about, as it is now; an unknown id of a child is filled in."""
        if write.entity not in KINDS:
            answer = await self.rounds.ask(self.api.get(customer.customer_id))
            reason = "" if answer.kind is AnswerKind.GONE else unreadable(answer, customer.reference_id)
            return write, Answer(AnswerKind.REFUSED, message=reason) if reason else answer
        kind = KINDS[write.entity]
        if write.child_id is not None:
            answer = await self.rounds.ask(self.api.get_child(customer.customer_id, kind, write.child_id))
            if answer.kind is AnswerKind.GONE:  # this raises where the API has no such path at all
                await self.api.children(customer.customer_id, kind)
            return write, answer
        children = await self.api.children(customer.customer_id, kind)
        same = [child for child in children if child.get("reference_id") == write.child_reference_id]
        if len(same) > 1:
            return write, Answer(AnswerKind.REFUSED, message=f"{_place(write)} is there {len(same)} times")
        if not same:
            return write, Answer(AnswerKind.GONE)
        return replace(write, child_id=str(same[0].get("id"))), Answer(AnswerKind.OK, data=same[0])

    def _send(self, customer: Updated, write: Write, body: bytes) -> Awaitable[Answer]:
        if write.child_id is None:
            return self.api.patch(customer.customer_id, body)
        child = (customer.customer_id, KINDS[write.entity], write.child_id)
        return self.api.delete_child(*child) if write.method == "POST" else self.api.replace_child(*child, body)


def is_deletion(write: Write) -> bool:
    """Whether a write is undo's deletion of a customer, of which it is not known whether it was carried out."""
    return write.entity == "customer" and write.method == "DELETE" and write.state in UNSETTLED


def is_open(write: Write) -> bool:
    """Whether undo has to look at a write of an update."""
    return write.state not in ENDED and (write.entity, write.method) != ("customer", "DELETE")


def restorable(write: Write) -> bool:
    """Whether a write can be taken back as far as it tells itself: a PATCH only where a field had a value before."""
    return write.method != "PATCH" or any(value is not None for value in _flat(write.before).values())


def _differing(write: Write, values: Values | None, record: Values) -> list[str]:
    """The fields of ``values`` (None: no value) that ``record`` (the ``data`` of an answer) shows otherwise."""
    shown = _shown(write, record)
    return [name for name, value in _flat(values).items() if shown.get(name) != value]


def _shown(write: Write, record: Values) -> dict[str, Any]:
    kind = KINDS.get(write.entity)
    return _flat(child_of(kind, record) if kind else body_of(record))


def _named(write: Write, fields: Iterable[str]) -> str:
    """Fields as a person reads them: ``phone, attributes[Color]``, ``addresses[A1].city``."""
    prefix = f"{_place(write)}." if write.entity in KINDS else ""
    return ", ".join(f"{prefix}{name}" for name in fields)


def compare_restored(writes: Sequence[Write], customer: Values) -> tuple[str, str]:
    """What ``customer`` (the ``data`` of an answer) has otherwise than before its restored ``writes``.

    Returns the fields that changed since, and those that could not be emptied.
    """
    changed, left = [], []
    for write in writes:
        if write.state is not WriteState.RESTORED:
            continue
        record = _record_of(write, customer)
        remaining = _left(_in(write, WriteState.SENDING), record)
        if remaining is not None:
            left += [_named(write, remaining)] if remaining else []
        else:
            shown = record if write.before else None
            changed.append(_place(write) if shown is None else _named(write, _differing(write, write.before, shown)))
    return ", ".join(changed), ", ".join(left)


def _record_of(write: Write, customer: Values) -> Values | None:
    """The record that a write is about, out of the whole customer."""
    kind = KINDS.get(write.entity)
    if kind is None:
        return customer
    return next((child for child in records(customer.get(kind)) if child.get("id") == write.child_id), None)


def _left(write: Write, record: Values | None) -> list[str] | None:
    """None while WizCommerce shows what the run wrote; else those of its fields that are left all the same.

    They had no value before, and could not be emptied.
    """
    if write.method == "POST":
        deleted = record is None or (record.get("status") == "inactive" and write.state is WriteState.SENDING)
        return [] if deleted else None
    if record is None:
        return None
    left, before = _differing(write, write.before, record), _flat(write.before)
    back = not left or (restorable(write) and all(before[name] is None for name in left))
    return left if back and len(left) < max(1, len(before)) else None


def _changed(write: Write, record: Values) -> list[str]:
    """The fields that are not as the run left them."""
    changed = _differing(write, write.after, record)
    if write.method != "POST":
        return changed
    if record.get("status") == "inactive":
        return ["status"]
    added = {name for name, value in _shown(write, record).items() if value is not None} - _flat(write.after).keys()
    return [*changed, *sorted(added - {"is_default"})]


def _body(write: Write, record: Values) -> bytes:
    """What brings the values from before back. Raises :class:`NotReplaceableError`."""
    before = dict(write.before or {})
    if write.method == "POST":
        return b""
    if write.method == "PUT":
        return orjson.dumps(replacement(KINDS[write.entity], record, before))
    values = {name: value for name, value in (before.pop("attributes", None) or {}).items() if value is not None}
    body = {name: value for name, value in before.items() if value is not None}
    if values:  # all of them: whether a list replaces the one that is there is not documented
        there = {str(item.get("name")): item.get("value") for item in records(record.get("attributes"))}
        every = {name: value for name, value in (there | values).items() if value is not None}
        body["attributes"] = [{"name": name, "value": value} for name, value in every.items()]
    return orjson.dumps(body)


def _unusable(write: Write, answer: Answer) -> str:
    """Why an answer says nothing of a write's record; empty when it does."""
    if answer.kind is AnswerKind.GONE:
        return ""
    if answer.kind is not AnswerKind.OK or answer.data is None:
        return answer.message or "it could not be read"
    if write.child_id is not None and answer.data.get("id") != write.child_id:
        return f"WizCommerce shows another record for {_place(write)}"
    return ""


def _restored(write: Write, left: Sequence[str]) -> Part:
    done = _in(write, WriteState.RESTORED)
    return Part(done, Result.NOT_TAKEN_BACK, _no_value(write, left)) if left else Part(done, Result.RESTORED)


def _kept(write: Write, details: str) -> Part:
    return Part(_in(write, WriteState.KEPT), Result.NOT_TAKEN_BACK, details)


def _no_value(write: Write, fields: Iterable[str]) -> str:
    return f"{_named(write, fields)}: had no value before, and an update cannot empty a field"


def _in(write: Write, state: WriteState) -> Write:
    return replace(write, state=state)


def _place(write: Write) -> str:
    kind = KINDS.get(write.entity)
    return f"{kind}[{write.child_reference_id or write.child_id}]" if kind else "the customer"


def _flat(values: Values | None) -> dict[str, Any]:
    """Values by the names of their fields, in the form in which they are compared; None where there is none."""
    own = {name: value for name, value in (values or {}).items() if name not in NOT_OWN}
    attributes = (values or {}).get("attributes") or {}
    if isinstance(attributes, list):
        attributes = {item["name"]: item["value"] for item in attributes}
    own |= {f"attributes[{name}]": value for name, value in attributes.items()}
    return {name: _comparable(name, value) for name, value in own.items()}


def _comparable(name: str, value: Any) -> Any:
    if value in (None, "", []) or (name == "is_default" and not value):
        return None
    if name in ("assigned_sales_rep_ids", "assigned_price_list_id"):
        return sorted(str(item).lower() for item in (value if isinstance(value, list) else [value]))
    return as_text(value)
