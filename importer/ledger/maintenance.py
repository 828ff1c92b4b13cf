"""Maintenance of a ledger: its faults, a copy of it, its size, and personal data that it must forget."""

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Text, and_, delete, exists, func, not_, or_, select, tuple_, update

from importer.errors import LedgerError, UsageError
from importer.ledger import dialect
from importer.ledger.after_run import MAYBE_THERE
from importer.ledger.database import Database
from importer.ledger.ledger_schema import ACCEPTED, CUSTOMERS, RUN_CUSTOMERS, RUNS, WRITES, State
from importer.ledger.writes import OPEN_WRITES
from importer.records import OutcomeKind

__all__ = ["Forgotten", "MaintenanceFacet"]

_NAMED = dialect.rows("named", tenant=Text(), reference_id=Text())
_KEYS = select(_NAMED.c.tenant, _NAMED.c.reference_id)
_CUSTOMER, _BODY, _WRITE = (
    tuple_(table.c.tenant, table.c.reference_id).in_(_KEYS) for table in (CUSTOMERS, ACCEPTED, WRITES)
)
_OPEN = select(WRITES.c.reference_id).where(_WRITE, WRITES.c.state.in_(OPEN_WRITES))
_SAME = and_(CUSTOMERS.c.tenant == RUNS.c.tenant, CUSTOMERS.c.reference_id == RUN_CUSTOMERS.c.reference_id)
# What must be true of every ledger: (what it means when a row breaks it, how many rows do).
_RULES = (
    (
        "customers are accepted without an id of the API",
        select(func.count())
        .select_from(CUSTOMERS)
        .where(CUSTOMERS.c.state.in_((State.CREATED, State.UPDATED)), CUSTOMERS.c.customer_id.is_(None)),
    ),
    (
        "customers of runs are unknown to their tenant",
        select(func.count())
        .select_from(RUN_CUSTOMERS.join(RUNS))
        .where(
            RUN_CUSTOMERS.c.outcome.in_((OutcomeKind.CREATED, OutcomeKind.UPDATED, OutcomeKind.UNKNOWN)),
            not_(exists().where(_SAME)),
        ),
    ),
    (
        "accepted bodies belong to no customer",
        select(func.count())
        .select_from(ACCEPTED)
        .where(
            not_(
                exists().where(
                    CUSTOMERS.c.tenant == ACCEPTED.c.tenant, CUSTOMERS.c.reference_id == ACCEPTED.c.reference_id
                )
            )
        ),
    ),
    (
        "ids of WizCommerce belong to two customers or more",
        select(func.count()).select_from(
            select(CUSTOMERS.c.customer_id)
            .where(CUSTOMERS.c.customer_id.is_not(None))
            .group_by(CUSTOMERS.c.tenant, CUSTOMERS.c.customer_id)
            .having(func.count() > 1)
            .subquery()
        ),
    ),
    (
        "writes belong to no customer of their run's tenant",
        select(func.count())
        .select_from(WRITES.join(RUNS, RUNS.c.id == WRITES.c.run_id))
        .where(
            or_(
                RUNS.c.tenant != WRITES.c.tenant,
                not_(
                    exists().where(
                        CUSTOMERS.c.tenant == WRITES.c.tenant, CUSTOMERS.c.reference_id == WRITES.c.reference_id
                    )
                ),
            )
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """``known``: how many of the customers the ledger had.

    ``folders``: run folders, and copies of the ledger from before a migration, that may still have their data.
    """

    known: int
    folders: tuple[Path, ...]


class MaintenanceFacet(Database):
    """What is done to a ledger as a whole, while no run is under way."""

    def faults(self) -> list[str]:
        """What is wrong with the ledger, each in a sentence; empty when it is whole."""
        found = self._store.faults()
        if found:  # a damaged file cannot be trusted to answer the rest
            return found
        with self._read() as connection:
            counts = [(meaning, connection.execute(query).scalar_one()) for meaning, query in _RULES]
        return [f"{count:,} {meaning}" for meaning, count in counts if count]

    def backup(self, target: Path) -> None:
        """Write a whole copy to ``target``, which only its owner can read; runs may go on meanwhile.

        Raises :class:`UsageError` when something is there already or the ledger is not a file.
        """
        if target.exists():
            raise UsageError(f"{target} exists already", "Name a new file: a backup is never written over another.")
        self._store.backup(target)

    def vacuum(self) -> tuple[int, int]:
        """Free unused space. Returns the size in bytes before and after."""
        before = self._store.size()
        self._store.vacuum()
        return before, self._store.size()

    def forget(self, tenant: str, reference_ids: Sequence[str]) -> Forgotten:
        """Erase all personal data of these customers, whatever run they were in.

        What stays is that they were sent (reference ids, states, digest, the API's ids), so that they are not sent
        again; their updates cannot be undone any more. Raises :class:`LedgerError` when the outcome of a request for
        one of them is unknown: its body is needed to settle it.
        """
        named = {"named": dialect.as_json([[tenant, name] for name in reference_ids])}
        with self._write() as connection:
            states = connection.execute(
                select(CUSTOMERS.c.reference_id, CUSTOMERS.c.state).where(_CUSTOMER), named
            ).all()
            open_writes = connection.execute(_OPEN, named).scalars()
            unknown = sorted({*open_writes, *(name for name, state in states if state in MAYBE_THERE)})
            if unknown:
                raise LedgerError(
                    f"the outcome of requests for {', '.join(unknown[:3])} is not known yet",
                    "Settle it first: `importer resume`, or `importer undo` if that was interrupted.",
                )
            connection.execute(delete(ACCEPTED).where(_BODY), named)
            connection.execute(update(WRITES).values(before=None, after=None).where(_WRITE), named)
            runs = select(RUNS.c.id).where(RUNS.c.tenant == tenant)
            theirs = and_(
                RUN_CUSTOMERS.c.run_id.in_(runs), RUN_CUSTOMERS.c.reference_id.in_(select(_NAMED.c.reference_id))
            )
            folders = connection.execute(
                select(RUNS.c.out).where(RUNS.c.id.in_(select(RUN_CUSTOMERS.c.run_id).where(theirs))), named
            ).scalars()
            kept = tuple(path for path in map(Path, folders) if path.exists())
            reasons = or_(RUN_CUSTOMERS.c.error_message.is_not(None), RUN_CUSTOMERS.c.refusals.is_not(None))
            connection.execute(
                update(RUN_CUSTOMERS).values(error_message=None, refusals=None).where(theirs, reasons), named
            )
        self._store.vacuum()
        return Forgotten(len(states), (*kept, *self._copies()))

    def _copies(self) -> list[Path]:
        """The copies that migrations left beside the ledger."""
        return [] if self.path is None else sorted(self.path.parent.glob(f"{glob.escape(self.path.name)}.schema-*"))
