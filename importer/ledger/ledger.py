"""The ledger as a whole: opening it, checking it, copying it, and erasing personal data."""

import glob
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from importer.errors import LedgerError, UsageError
from importer.ledger.after_run import AfterRun
from importer.ledger.database import DROP_BODIES, NAMED, Absent, LedgerStore, is_named, named, same
from importer.ledger.known_customers import KnownCustomers
from importer.ledger.ledger_schema import (
    ACCEPTED,
    CUSTOMERS,
    OPEN_WRITES,
    OUTCOME_UNKNOWN,
    RUN_CUSTOMERS,
    RUNS,
    SENT,
    WRITES,
    migrate,
)
from importer.ledger.postgres import PostgresStore
from importer.ledger.runs import Runs
from importer.ledger.send_states import SendStates
from importer.ledger.sqlite import SqliteStore, file_of
from importer.ledger.writes import Writes
from importer.records import OutcomeKind

BUSY_SECONDS = 30.0


def _count(table: sa.FromClause, *broken: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return sa.select(sa.func.count()).select_from(table).where(*broken)


_IN_RUN = sa.and_(CUSTOMERS.c.tenant == RUNS.c.tenant, CUSTOMERS.c.reference_id == RUN_CUSTOMERS.c.reference_id)
_SENT_IN_RUN = RUN_CUSTOMERS.c.outcome.in_((OutcomeKind.CREATED, OutcomeKind.UPDATED, OutcomeKind.UNKNOWN))
_SHARED_IDS = (
    sa.select(CUSTOMERS.c.customer_id)
    .where(CUSTOMERS.c.customer_id.is_not(None))
    .group_by(CUSTOMERS.c.tenant, CUSTOMERS.c.customer_id)
    .having(sa.func.count() > 1)
    .subquery()
)
# What must never occur → the query for the number of rows in which it does.
_FAULTS = {
    "accepted customers have no WizCommerce ID": _count(
        CUSTOMERS, CUSTOMERS.c.state.in_(SENT), CUSTOMERS.c.customer_id.is_(None)
    ),
    "customers of runs are missing from their account": _count(
        RUN_CUSTOMERS.join(RUNS), _SENT_IN_RUN, ~sa.exists().where(_IN_RUN)
    ),
    "accepted bodies belong to no customer": _count(ACCEPTED, ~sa.exists().where(same(CUSTOMERS, ACCEPTED))),
    "WizCommerce IDs belong to two or more customers": _count(_SHARED_IDS),
    "writes belong to no customer of their run's account": _count(
        WRITES.join(RUNS, RUNS.c.id == WRITES.c.run_id),
        sa.or_(RUNS.c.tenant != WRITES.c.tenant, ~sa.exists().where(same(CUSTOMERS, WRITES))),
    ),
}


class Ledger(Runs, KnownCustomers, SendStates, Writes, AfterRun, AbstractContextManager["Ledger", None]):
    """An open ledger, as a context manager. Opened by :func:`open_ledger`."""

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file or the connections; the ledger can no longer be used."""
        self._store.engine.dispose()

    def faults(self) -> list[str]:
        """What is wrong with the ledger, in one sentence each; empty if nothing is wrong."""
        found = self._store.faults()
        if found:  # the other checks of a damaged file cannot be trusted
            return found
        with self._read() as connection:
            counts = {meaning: connection.execute(query).scalar_one() for meaning, query in _FAULTS.items()}
        return [f"{count:,} {meaning}" for meaning, count in counts.items() if count]

    def backup(self, target: Path) -> None:
        """Write a complete copy to ``target``, which only its owner can read; runs may go on in the meantime.

        Raises :class:`UsageError` when the target exists or the ledger is not a file.
        """
        if target.exists():
            raise UsageError(f"{target} already exists", "Specify a new file: a backup never overwrites a file.")
        self._store.backup(target)

    def vacuum(self) -> tuple[int, int]:
        """Free unused space. Returns the size in bytes before and after."""
        before = self._store.size()
        self._store.vacuum()
        return before, self._store.size()

    def forget(self, tenant: str, reference_ids: Sequence[str]) -> tuple[int, tuple[Path, ...]]:
        """Erase all personal data of these customers, in all runs.

        What remains is that they were sent (reference ids, states, digest, the API's ids), so that they are not sent
        again; their updates can no longer be undone. Returns how many of the customers the ledger had, and the run
        folders and copies of the ledger from before a migration that may still have their data. Raises
        :class:`LedgerError` when the outcome of a request for one of them is unknown: its body is needed to settle it.
        """
        given = named(tenant, reference_ids)
        in_runs = sa.and_(
            RUN_CUSTOMERS.c.run_id.in_(sa.select(RUNS.c.id).where(RUNS.c.tenant == tenant)),
            RUN_CUSTOMERS.c.reference_id.in_(sa.select(NAMED.c.reference_id)),
        )
        run_ids = sa.select(RUN_CUSTOMERS.c.run_id).where(in_runs)
        reasons = sa.or_(RUN_CUSTOMERS.c.error_message.is_not(None), RUN_CUSTOMERS.c.refusals.is_not(None))
        with self._write() as connection:
            customers = sa.select(CUSTOMERS.c.reference_id, CUSTOMERS.c.state).where(is_named(CUSTOMERS))
            states = connection.execute(customers, given).all()
            open_writes = sa.select(WRITES.c.reference_id).where(is_named(WRITES), WRITES.c.state.in_(OPEN_WRITES))
            unknown = {name for name, state in states if state in OUTCOME_UNKNOWN}
            unknown.update(connection.execute(open_writes, given).scalars())
            if unknown:
                raise LedgerError(
                    f"the outcome of requests for {', '.join(sorted(unknown)[:3])} is not known yet",
                    "Resolve it first with `importer resume`, or `importer undo` if that was interrupted.",
                )
            connection.execute(DROP_BODIES, given)
            connection.execute(sa.update(WRITES).values(before=None, after=None).where(is_named(WRITES)), given)
            folders = connection.execute(sa.select(RUNS.c.out).where(RUNS.c.id.in_(run_ids)), given).scalars().all()
            connection.execute(
                sa.update(RUN_CUSTOMERS).values(error_message=None, refusals=None).where(in_runs, reasons), given
            )
        self._store.vacuum()
        copies = [] if self.path is None else self.path.parent.glob(f"{glob.escape(self.path.name)}.schema-*")
        return len(states), (*(path for path in map(Path, folders) if path.exists()), *sorted(copies))


_utc_now = partial(datetime.now, UTC)


def open_ledger(
    target: str | Path,
    *,
    now: Callable[[], datetime] = _utc_now,
    busy_seconds: float = BUSY_SECONDS,
    absent: Absent = "make",
) -> Ledger:
    """Open the ledger at ``target``; create it if needed, or migrate an older one.

    ``target``: a path, ``sqlite:///path`` or ``postgresql://user@host/database``. ``busy_seconds``: how long to wait
    for another program's lock. ``absent``: a file that does not exist is made, or it counts as an empty ledger, or
    raises :class:`NoLedgerError`. Raises :class:`UsageError` for another kind of URL, :class:`LedgerError` when the
    database cannot be used.
    """
    store = _store(target, busy_seconds, absent)
    ledger = Ledger(store, now)

    def keep_copy(version: int) -> None:
        if store.path is not None:
            copy = store.path.with_name(f"{store.path.name}.schema-{version}")
            if not copy.exists():  # the first copy is the one from before any migration
                store.backup(copy)

    try:
        with ledger._write() as connection:  # noqa: SLF001 - opening a ledger makes its tables
            store.lock_layout(connection)
            migrate(connection, store.place, keep_copy)
    except BaseException:
        ledger.close()
        raise
    return ledger


def _store(target: str | Path, busy_seconds: float, absent: Absent) -> LedgerStore:
    text = os.fspath(target)
    if "://" not in text:
        return SqliteStore(Path(text), busy_seconds, absent)
    try:
        url = sa.make_url(text)
        kind = url.get_backend_name()
    except (ArgumentError, ValueError):
        raise UsageError(
            "--ledger is not a URL that the importer understands",
            "Use a path, sqlite:///path, or postgresql://host/database.",
        ) from None
    if kind == "sqlite":
        return SqliteStore(file_of(url), busy_seconds, absent)
    if kind in {"postgresql", "postgres"}:
        return PostgresStore(url, busy_seconds)
    raise UsageError(f"--ledger: {kind} is not supported; a ledger is kept in SQLite or PostgreSQL")
