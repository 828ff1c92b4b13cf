"""What the facets of the ledger share: transactions and the time."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine

from importer.ledger.ledger_schema import stamp

__all__ = ["Database", "Store"]


class Store(Protocol):
    """An open database.

    ``place`` names it in messages, without anything secret. ``path`` is its file, if it is one. ``engine`` begins
    transactions that write, ``reader`` transactions that see one consistent state and block no writer.
    """

    place: str
    path: Path | None
    engine: Engine
    reader: Engine

    def translated(self) -> AbstractContextManager[None]:
        """Turn the database's errors into a :class:`LedgerError` that says what is wrong and what to do."""

    def alone(self, connection: Connection) -> None:
        """Let no other program change the tables' layout until the transaction ends."""

    def still_held(self, connection: Connection) -> None:
        """Raise :class:`LedgerError` when a tenant's lock that was taken here has been lost meanwhile."""

    def faults(self) -> list[str]:
        """What the database itself finds damaged; empty when it is whole."""

    def backup(self, target: Path) -> None:
        """Write a copy of one consistent state to a new file. Raises :class:`UsageError` where there is no file."""

    def size(self) -> int:
        """Bytes on the disk."""

    def vacuum(self) -> None:
        """Free unused space; what was deleted cannot be read from the files afterwards."""

    def lock(self, tenant: str, run_id: str) -> AbstractContextManager[None]:
        """Lock a tenant while the block lasts. Raises :class:`TenantLockedError` naming who has the lock."""


class Database:
    """An open ledger. Its methods may be called from any thread."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    @property
    def path(self) -> Path | None:
        """The ledger's file; None when it is none."""
        return self._store.path

    @property
    def place(self) -> str:
        """The ledger as messages name it."""
        return self._store.place

    def _stamp(self) -> str:
        return stamp(self._now())

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        """A transaction, durable when the block is left without an exception. Raises :class:`LedgerError`."""
        with self._store.translated(), self._store.engine.begin() as connection:
            self._store.still_held(connection)
            yield connection

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        """A consistent view that blocks no writer. Raises :class:`LedgerError`."""
        with self._store.translated(), self._store.reader.connect() as connection:
            yield connection
