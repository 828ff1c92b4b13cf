"""What the facets of the ledger share: transactions and the time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine

from importer.ledger.dialect import READ_ONLY, translated
from importer.ledger.schema import stamp

__all__ = ["Database"]


class Database:
    """An open ledger file. Its methods may be called from any thread."""

    def __init__(self, engine: Engine, path: Path, now: Callable[[], datetime]) -> None:
        self.path = path
        self._engine = engine
        self._reader = engine.execution_options(**{READ_ONLY: True})
        self._now = now

    def _stamp(self) -> str:
        return stamp(self._now())

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        """A transaction, durable when the block is left without an exception. Raises :class:`LedgerError`."""
        with translated(self.path), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        """A consistent view that holds up no writer. Raises :class:`LedgerError`."""
        with translated(self.path), self._reader.connect() as connection:
            yield connection
