"""Where a ledger is kept: what the rest of the package needs from SQLite and PostgreSQL alike."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine

__all__ = ["Store"]


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
