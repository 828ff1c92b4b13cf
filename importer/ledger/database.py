"""What the facets of the ledger share: transactions and the time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from importer.ledger.schema import stamp
from importer.ledger.store import Store

__all__ = ["Database"]


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
