"""Taking back one write of an update: look at what WizCommerce has, put back what was there before, look again.

A write is taken back only while WizCommerce still has the values that it set. A child that the run added is deleted.
PATCH cannot empty a field, so a customer's field that had no value before keeps the one of the run.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from importer.api import AnswerKind, ChildKind, Client
from importer.api.compare import NotReplaceableError, as_text, body_of, child_of, records, replacement
from importer.ledger import LedgerCustomer, Write, WriteState
from importer.sender.findings import Result, Rounds, unreadable

__all__ = ["Part", "Restorer", "compare_restored", "is_deletion", "is_open", "restorable"]

KINDS: Mapping[str, ChildKind] = {"address": "addresses", "contact": "contacts"}  # by the entity of a write
UNSETTLED = frozenset({WriteState.SENDING, WriteState.UNKNOWN})
ENDED = frozenset({WriteState.REFUSED, WriteState.ABSENT, WriteState.RESTORED, WriteState.KEPT})
NOT_OWN = ("id", "addresses", "contacts", "attributes")  # of a record's own fields
ERASED = "the values from before were erased"
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """What happened to one write, in its new state, and what to report of it."""

    write: Write
    result: Result
    details: str = ""


@dataclass(slots=True)
class Restorer:
    """Takes back writes, and with ``force`` also what was changed since.

    ``announce`` makes a restore durable before its request leaves. ``wait``: seconds until a write that left no trace
    in WizCommerce counts as never carried out.
    """

    client: Client
    rounds: Rounds
    announce: Callable[[Write], Awaitable[None]]
    force: bool
    wait: float = 0.0

    async def take_back(self, customer: LedgerCustomer, write: Write) -> Part:
        """Put back what ``write`` replaced in a customer that is there.

        Raises :class:`StopError`; the next call understands whatever was announced by then.
        """
        write, record, reason = await self._look(customer, write)
        if reason:
            return Part(write, Result.FAILED, reason)
        if (left := _left(write, record)) is not None:
            return await self._already(customer, write, left)
        if record is None:
            return _part(write, WriteState.KEPT, f"{_place(write)} is not in WizCommerce any more")
        if not restorable(write):
            reason = _no_value(write, _differing(write, write.before, record)) or ERASED
            return _part(write, WriteState.KEPT, reason)
        if not self.force and (changed := _changed(write, record)):
            return Part(write, Result.CHANGED, _named(write, changed))
        return await self._restore(customer, write, record)

    async def _restore(self, customer: LedgerCustomer, write: Write, record: Values) -> Part:
        try:
            body = _body(write, record)
        except NotReplaceableError as error:
            return _part(write, WriteState.DONE, f"{_place(write)}: {error}")
        await self.announce(write)
        assert customer.customer_id is not None
        if write.child_id is None:
            call = self.client.patch(customer.customer_id, body)
        elif write.method == "PUT":
            call = self.client.replace_child(customer.customer_id, KINDS[write.entity], write.child_id, body)
        else:
            call = self.client.delete_child(customer.customer_id, KINDS[write.entity], write.child_id)
        answer = await self.rounds.ask(call)
        write, shown, reason = await self._look(customer, replace(write, state=WriteState.SENDING))
        if reason:
            return Part(write, Result.FAILED, f"whether it was restored is not known: {reason}")
        if (left := _left(write, shown)) is not None:
            return _part(write, WriteState.RESTORED, _no_value(write, left))
        reason = f"{_place(write)} was not restored: {answer.message or 'the request had no effect'}"
        return Part(replace(write, state=WriteState.DONE), Result.FAILED, reason)

    async def _already(self, customer: LedgerCustomer, write: Write, left: Sequence[str]) -> Part:
        """A write whose values are not there: it was taken back before, or never carried out."""
        if not customer.outcome_unknown:
            await self.announce(write)  # so far the ledger says that WizCommerce took its values
            return _part(write, WriteState.RESTORED, _no_value(write, left))
        if self.wait > 0:
            details = f"its update is not in WizCommerce yet; undo again in {self.wait:.0f} s to be sure"
            return Part(write, Result.UNKNOWN, details)
        return Part(replace(write, state=WriteState.ABSENT), Result.ABSENT, "its update had no effect")

    async def _look(self, customer: LedgerCustomer, write: Write) -> tuple[Write, Values | None, str]:
        """The write, the record that it is about (None: gone), and why that could not be read.

        The id of a child is filled in where it was not known.
        """
        assert customer.customer_id is not None
        if write.entity not in KINDS:
            answer = await self.rounds.ask(self.client.get(customer.customer_id))
            gone = answer.kind is AnswerKind.GONE
            return write, answer.data, "" if gone else unreadable(answer, customer.item.reference_id)
        kind = KINDS[write.entity]
        if write.child_id is not None:
            answer = await self.rounds.ask(self.client.get_child(customer.customer_id, kind, write.child_id))
            if answer.kind is not AnswerKind.GONE:
                return write, answer.data, unreadable(answer, write.child_reference_id)
        children = await self.client.children(customer.customer_id, kind)  # raises where there is no such path
        if write.child_id is not None:
            return write, None, ""
        same = [child for child in children if child.get("reference_id") == write.child_reference_id]
        if len(same) > 1:
            return write, None, f"{_place(write)} is there {len(same)} times"
        return replace(write, child_id=str(same[0].get("id"))) if same else write, same[0] if same else None, ""


def is_deletion(write: Write) -> bool:
    """Whether a write is undo's deletion of a customer, of which it is not known whether it was carried out."""
    return write.entity == "customer" and write.method == "DELETE" and write.state in UNSETTLED


def is_open(write: Write) -> bool:
    """Whether undo has to look at a write of an update."""
    return write.state not in ENDED and (write.entity, write.method) != ("customer", "DELETE")


def restorable(write: Write) -> bool:
    """Whether a write can be taken back as far as it tells itself: a PATCH only where a field had a value before."""
    if write.method == "POST":
        return write.after is not None
    return bool(write.before) and (write.method == "PUT" or any(_flat(write.before).values()))


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
        if write.state is WriteState.RESTORED:
            kind = KINDS.get(write.entity)
            found = (child for child in records(customer.get(kind or "")) if child.get("id") == write.child_id)
            record = next(found, None) if kind else customer
            remaining = _left(write, record)
            if remaining is None:
                fields = _differing(write, write.before, record) if record else ()
                changed.append(_named(write, fields) or _place(write))
            elif remaining:
                left.append(_named(write, remaining))
    return ", ".join(changed), ", ".join(left)


def _left(write: Write, record: Values | None) -> list[str] | None:
    """None while WizCommerce shows what the run wrote; else those of its fields that are left all the same.

    They had no value before, and could not be emptied.
    """
    if write.method == "POST":
        ours = write.state in (WriteState.SENDING, WriteState.RESTORED)  # undo deleted it, or was about to
        return [] if record is None or (ours and record.get("status") == "inactive") else None
    if record is None or write.before is None:
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


def _part(write: Write, state: WriteState, kept: str) -> Part:
    """``kept``: what is not taken back, and why; empty when everything is."""
    return Part(replace(write, state=state), Result.NOT_TAKEN_BACK if kept else Result.RESTORED, kept)


def _no_value(write: Write, fields: Sequence[str]) -> str:
    if not fields:
        return ""
    return f"{_named(write, fields)}: had no value before, and an update cannot empty a field"


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
