"""What all parts of the ledger share: the open database, its transactions, and the time."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from importer.errors import LedgerError, TenantLockedError
from importer.ledger.json_rows import as_json, rows
from importer.ledger.ledger_schema import ACCEPTED, CUSTOMERS, stamp

AT = sa.bindparam("at", type_=sa.Text)  # the time of a change
# Customers given by tenant and reference id; :func:`named` makes the parameter.
NAMED = rows("named", *CUSTOMERS.c["tenant", "reference_id"])


def is_named(table: sa.Table) -> sa.ColumnElement[bool]:
    """The row is about one of the customers of ``NAMED``."""
    return sa.tuple_(table.c.tenant, table.c.reference_id).in_(sa.select(NAMED.c.tenant, NAMED.c.reference_id))


DROP_BODIES = sa.delete(ACCEPTED).where(is_named(ACCEPTED))


class Store(ABC):
    """An open database. The methods with a body do what is right for most databases.

    ``place`` names it in messages, without anything secret. ``path`` is its file, if it is one. ``engine`` begins
    transactions that write, ``reader`` transactions that see one consistent state and block no writer.
    """

    path: Path | None = None

    def __init__(self, place: str, engine: Engine, **reading: Any) -> None:
        """``reading``: the execution options of transactions that only read."""
        self.place = place
        self.engine = engine
        self.reader: Engine = engine.execution_options(**reading)

    @abstractmethod
    def explained(self, error: DBAPIError) -> LedgerError:
        """The database's error in words that say what is wrong and what to do."""

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn the database's errors into :class:`LedgerError`."""
        try:
            yield
        except DBAPIError as error:
            raise self.explained(error) from error

    def lock_layout(self, connection: Connection) -> None:  # noqa: B027 - SQLite needs nothing
        """Let no other program change the tables' layout until the transaction ends."""

    def check_lock(self, connection: Connection) -> None:  # noqa: B027 - SQLite needs nothing
        """Raise :class:`LedgerError` when a tenant's lock that was taken here has been lost since."""

    def faults(self) -> list[str]:
        """The damage that the database itself finds; empty when there is none."""
        return []

    @abstractmethod
    def backup(self, target: Path) -> None:
        """Write a copy of one consistent state to a new file. Raises :class:`UsageError` where there is no file."""

    @abstractmethod
    def size(self) -> int:
        """Bytes on the disk."""

    @abstractmethod
    def vacuum(self) -> None:
        """Free unused space, so that deleted data can no longer be read from the files."""

    @abstractmethod
    def lock(self, tenant: str, run_id: str) -> AbstractContextManager[None]:
        """Lock a tenant while the block lasts. Raises :class:`TenantLockedError` naming who has the lock."""


class Database:
    """An open ledger. Its methods may be called from any thread."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    @property
    def path(self) -> Path | None:
        """The ledger's file; None in PostgreSQL."""
        return self._store.path

    @property
    def place(self) -> str:
        """The ledger as messages name it."""
        return self._store.place

    def _stamp(self) -> str:
        return stamp(self._now())

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        """A transaction, durable when the block ends without an exception. Raises :class:`LedgerError`."""
        with self._store.translated(), self._store.engine.begin() as connection:
            self._store.check_lock(connection)
            yield connection

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        """A consistent view that blocks no writer. Raises :class:`LedgerError`."""
        with self._store.translated(), self._store.reader.connect() as connection:
            yield connection


def named(tenant: str, reference_ids: Iterable[str]) -> dict[str, str]:
    """The parameter of statements with ``NAMED``."""
    return {"named": as_json([[tenant, name] for name in reference_ids])}


def tenant_locked(tenant: str, holder: str) -> TenantLockedError:
    """The error for a tenant whose lock is taken, by ``holder`` if that is known."""
    return TenantLockedError(
        f"another run of tenant {tenant} is under way{f': {holder}' if holder else ''}",
        "Wait until it has finished, or interrupt it; then run again.",
    )
