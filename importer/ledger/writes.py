"""Requests that change existing customers and children: durable before they are sent, with the previous values."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
import sqlalchemy as sa

from importer.errors import InternalError
from importer.ledger.database import DROP_BODIES, NAMED, Database, as_json, named, rows, same, update_from
from importer.ledger.ledger_schema import CUSTOMERS, OPEN_WRITES, WRITES, WriteMethod, WriteState
from importer.ledger.runs import Run
from importer.tables import Entity

_ANNOUNCE = sa.insert(WRITES).returning(WRITES.c.id, sort_by_parameter_order=True)
_SETTLED = rows("settled", *WRITES.c["id", "tenant", "state", "child_id", "settled_at"])
_SETTLE = update_from(_SETTLED, WRITES, "id", "tenant")
_WRITE_COLUMNS = (
    *("reference_id", "method", "entity", "child_id", "child_reference_id"),
    *("before", "after", "state", "id", "run_id"),
)
_OF_CUSTOMERS = sa.select(*WRITES.c[_WRITE_COLUMNS]).join_from(NAMED, WRITES, same(WRITES, NAMED)).order_by(WRITES.c.id)


@dataclass(frozen=True, slots=True)
class Write:
    """One request that changes a customer, or creates, changes or deletes one of its children.

    ``before`` and ``after``: field → value, attributes as ``{"attributes": {name: value}}``; the value None means that
    the field had none. The whole is None if there are no values: a new child has none before, a deleted one none
    after, and those of a forgotten customer are gone. ``child_id`` is None until a new child has one. ``id`` and
    ``run_id`` are set by :meth:`Writes.announce_writes`.
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


class Writes(Database):
    """The writes of a tenant. The tenant's lock must be held to announce and settle them."""

    def announce_writes(self, run: Run, writes: Sequence[Write]) -> list[Write]:
        """Make writes durable in one transaction; they may be sent once this has returned.

        Returns them in the same order, ``SENDING``, with their ids and the run's.
        """
        if not writes:
            return []
        common = {"run_id": run.id, "tenant": run.tenant, "state": WriteState.SENDING, "announced_at": self._stamp()}
        new = [common | _own_values(write) for write in writes]
        with self._write() as connection:
            ids = connection.scalars(_ANNOUNCE, new).all()
        return [
            replace(write, state=WriteState.SENDING, id=number, run_id=run.id)
            for write, number in zip(writes, ids, strict=True)
        ]

    def settle_writes(self, run: Run, writes: Sequence[Write]) -> None:
        """Record ``state`` and ``child_id`` of announced writes, whichever run of the tenant announced them.

        Raises :class:`InternalError`, and changes nothing, when one was never announced for the tenant.
        """
        if not writes:
            return
        at = self._stamp()
        settled = [
            [write.id, run.tenant, write.state, write.child_id, None if write.state in OPEN_WRITES else at]
            for write in writes
        ]
        with self._write() as connection:
            count = connection.execute(_SETTLE, {"settled": as_json(settled)}).rowcount
            if count != len(writes):
                raise InternalError(f"{len(writes) - count} writes were settled but never announced")

    def announce_restores(self, run: Run, writes: Sequence[Write]) -> None:
        """Make durable in one transaction that the values from before ``writes`` are being restored.

        The writes are open again. The accepted bodies of their customers are dropped, so that a later run compares the
        customers with its source again.
        """
        opened = [[write.id, run.tenant, WriteState.SENDING, write.child_id, None] for write in writes]
        customers = named(run.tenant, [write.reference_id for write in writes])
        with self._write() as connection:
            connection.execute(_SETTLE, {"settled": as_json(opened)})
            connection.execute(sa.update(CUSTOMERS).values(hash=None).where(same(CUSTOMERS, NAMED)), customers)
            connection.execute(DROP_BODIES, customers)

    def open_writes(self, tenant: str, reference_ids: Sequence[str]) -> dict[str, list[Write]]:
        """Reference id → its writes of any run whose effect is not known, oldest first; often none."""
        return self._writes(_OF_CUSTOMERS.where(WRITES.c.state.in_(OPEN_WRITES)), tenant, reference_ids)

    def writes_of(self, run: Run, reference_ids: Sequence[str]) -> dict[str, list[Write]]:
        """Reference id → all its writes of the run in the order in which they were announced; may be none."""
        return self._writes(_OF_CUSTOMERS.where(WRITES.c.run_id == run.id), run.tenant, reference_ids)

    def erase_values(self, run: Run) -> None:
        """Erase the values of the run's writes, so that none of them can be restored anymore."""
        with self._write() as connection:
            connection.execute(sa.update(WRITES).values(before=None, after=None).where(WRITES.c.run_id == run.id))

    def _writes(self, query: sa.Select[Any], tenant: str, reference_ids: Sequence[str]) -> dict[str, list[Write]]:
        found: dict[str, list[Write]] = {name: [] for name in reference_ids}
        with self._read() as connection:
            for row in connection.execute(query, named(tenant, found)):
                found[row.reference_id].append(_read(row))
        return found


def _own_values(write: Write) -> dict[str, Any]:
    name = write.child_reference_id
    return {
        **{key: getattr(write, key) for key in ("reference_id", "method", "entity", "child_id")},
        "child_reference_id": name and name.replace("\0", "\ufffd"),  # see importer.ledger.database.as_json
        "before": None if write.before is None else orjson.dumps(write.before).decode(),
        "after": None if write.after is None else orjson.dumps(write.after).decode(),
    }


def _read(row: sa.Row[Any]) -> Write:
    values = row._asdict()
    for name in ("before", "after"):
        values[name] = values[name] and orjson.loads(values[name])
    return Write(**{**values, "state": WriteState(values["state"])})
