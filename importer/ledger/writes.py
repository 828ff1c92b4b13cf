"""Requests that change customers who are there and their children: durable before they leave, with what was before."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from sqlalchemy import Select, Text, and_, delete, insert, select, tuple_, update

from importer.errors import InternalError
from importer.ledger import dialect
from importer.ledger.database import Database
from importer.ledger.ledger_schema import ACCEPTED, CUSTOMERS, NUMBER, WRITES, WriteMethod, WriteState
from importer.ledger.runs import Run
from importer.tables import Entity

__all__ = ["OPEN_WRITES", "Write", "WriteFacet"]

OPEN_WRITES = (WriteState.SENDING, WriteState.UNKNOWN)  # it is not known whether they took effect


@dataclass(frozen=True, slots=True)
class Write:
    """One request that changes a customer, or creates, changes or deletes one of its children.

    ``before`` and ``after``: field to value, attributes as ``{"attributes": {name: value}}``; the value None means
    that the field had none. The whole is None where there are no values: nothing of a new child is before, nothing of
    a deleted one after, and the values of a forgotten customer are gone. ``child_id`` is None until a new child has
    one. ``id`` and ``run_id`` are given by :meth:`WriteFacet.announce_writes`.
    """

    reference_id: str
    method: WriteMethod
    entity: Entity
    child_id: str | None
    child_reference_id: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    state: WriteState = WriteState.SENDING
    id: int | None = None
    run_id: str | None = None


_ANNOUNCE = insert(WRITES).returning(WRITES.c.id, sort_by_parameter_order=True)
_SETTLED = dialect.rows("settled", id=NUMBER, tenant=Text(), state=Text(), child_id=Text(), settled_at=Text())
_SETTLE = (
    update(WRITES)
    .values(state=_SETTLED.c.state, child_id=_SETTLED.c.child_id, settled_at=_SETTLED.c.settled_at)
    .where(WRITES.c.id == _SETTLED.c.id, WRITES.c.tenant == _SETTLED.c.tenant)
)
_WANTED = dialect.rows("wanted", tenant=Text(), reference_id=Text())
_OF_CUSTOMERS = (
    select(
        WRITES.c.reference_id,
        WRITES.c.method,
        WRITES.c.entity,
        WRITES.c.child_id,
        WRITES.c.child_reference_id,
        WRITES.c.before,
        WRITES.c.after,
        WRITES.c.state,
        WRITES.c.id,
        WRITES.c.run_id,
    )
    .join_from(
        _WANTED,
        WRITES,
        and_(WRITES.c.tenant == _WANTED.c.tenant, WRITES.c.reference_id == _WANTED.c.reference_id),
    )
    .order_by(WRITES.c.id)
)
_DROP_HASHES = (
    update(CUSTOMERS)
    .values(hash=None)
    .where(CUSTOMERS.c.tenant == _WANTED.c.tenant, CUSTOMERS.c.reference_id == _WANTED.c.reference_id)
)
_DROP_BODIES = delete(ACCEPTED).where(
    tuple_(ACCEPTED.c.tenant, ACCEPTED.c.reference_id).in_(select(_WANTED.c.tenant, _WANTED.c.reference_id))
)
_OPEN = _OF_CUSTOMERS.where(WRITES.c.state.in_(OPEN_WRITES))


class WriteFacet(Database):
    """The writes of a tenant. Its lock must be held by whoever announces and settles them."""

    def announce_writes(self, run: Run, writes: Sequence[Write]) -> list[Write]:
        """Make writes durable in one transaction; they may leave once this has returned.

        Returns them in the same order, ``SENDING``, with their ids and the run's.
        """
        at = self._stamp()
        rows = [
            {
                "run_id": run.id,
                "tenant": run.tenant,
                "reference_id": write.reference_id,
                "method": write.method,
                "entity": write.entity,
                "child_id": write.child_id,
                "child_reference_id": _storable(write.child_reference_id),
                "before": _as_text(write.before),
                "after": _as_text(write.after),
                "state": WriteState.SENDING,
                "announced_at": at,
            }
            for write in writes
        ]
        if not rows:
            return []
        with self._write() as connection:
            ids = connection.scalars(_ANNOUNCE, rows).all()
        return [
            replace(write, state=WriteState.SENDING, id=number, run_id=run.id)
            for write, number in zip(writes, ids, strict=True)
        ]

    def settle_writes(self, run: Run, writes: Sequence[Write]) -> None:
        """Record ``state`` and ``child_id`` of announced writes, whichever run of the tenant announced them.

        Raises :class:`InternalError`, and changes nothing, when one was never announced for the tenant.
        """
        at = self._stamp()
        rows = [
            [write.id, run.tenant, write.state, write.child_id, None if write.state in OPEN_WRITES else at]
            for write in writes
        ]
        if not rows:
            return
        with self._write() as connection:
            settled = connection.execute(_SETTLE, {"settled": dialect.as_json(rows)}).rowcount
            if settled != len(rows):
                raise InternalError(f"{len(rows) - settled} writes were settled that were never announced")

    def announce_restores(self, run: Run, writes: Sequence[Write]) -> None:
        """Make durable in one transaction that what was there before ``writes`` is being restored.

        The writes are open again. The accepted bodies of their customers are dropped, so that a later run compares the
        customers with its source again.
        """
        rows = [[write.id, run.tenant, WriteState.SENDING, write.child_id, None] for write in writes]
        wanted = {"wanted": dialect.as_json([[run.tenant, write.reference_id] for write in writes])}
        with self._write() as connection:
            connection.execute(_SETTLE, {"settled": dialect.as_json(rows)})
            connection.execute(_DROP_HASHES, wanted)
            connection.execute(_DROP_BODIES, wanted)

    def open_writes(self, tenant: str, reference_ids: Sequence[str]) -> dict[str, list[Write]]:
        """Reference id → its writes of any run that may have taken effect or not, oldest first; often none."""
        return self._writes(_OPEN, tenant, reference_ids)

    def writes_of(self, run: Run, reference_ids: Sequence[str]) -> dict[str, list[Write]]:
        """Reference id → all its writes of the run in the order in which they were announced; may be none."""
        return self._writes(_OF_CUSTOMERS.where(WRITES.c.run_id == run.id), run.tenant, reference_ids)

    def erase_values(self, run: Run) -> None:
        """Erase the values of the run's writes: nothing of it can be restored any more."""
        with self._write() as connection:
            connection.execute(update(WRITES).values(before=None, after=None).where(WRITES.c.run_id == run.id))

    def _writes(self, query: Select[Any], tenant: str, reference_ids: Sequence[str]) -> dict[str, list[Write]]:
        found: dict[str, list[Write]] = {name: [] for name in reference_ids}
        wanted = {"wanted": dialect.as_json([[tenant, name] for name in found])}
        with self._read() as connection:
            for row in connection.execute(query, wanted):
                write = _read(row)
                found[write.reference_id].append(write)
        return found


def _read(row: Sequence[Any]) -> Write:
    reference_id, method, entity, child_id, child_reference_id, before, after, state, number, run_id = row
    return Write(
        reference_id,
        method,
        entity,
        child_id,
        child_reference_id,
        _as_values(before),
        _as_values(after),
        WriteState(state),
        number,
        run_id,
    )


def _storable(name: str | None) -> str | None:
    """PostgreSQL has no place for ``U+0000``, see :func:`importer.ledger.dialect.as_json`."""
    return None if name is None else name.replace("\0", "\ufffd")


def _as_text(values: dict[str, Any] | None) -> str | None:
    return None if values is None else orjson.dumps(values).decode()


def _as_values(text: str | None) -> dict[str, Any] | None:
    return None if text is None else orjson.loads(text)
