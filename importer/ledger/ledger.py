"""Opening a ledger."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from importer.errors import UsageError
from importer.ledger.after_run import AfterRunFacet
from importer.ledger.database import Store
from importer.ledger.known_ids import AdoptFacet, IdFacet
from importer.ledger.ledger_schema import migrate
from importer.ledger.maintenance import MaintenanceFacet
from importer.ledger.postgres import PostgresStore
from importer.ledger.run_plans import PlanFacet
from importer.ledger.runs import RunFacet
from importer.ledger.sqlite import SqliteStore, file_of
from importer.ledger.writes import WriteFacet

__all__ = ["Ledger", "open_ledger"]

BUSY_SECONDS = 30.0


class Ledger(RunFacet, PlanFacet, AdoptFacet, WriteFacet, AfterRunFacet, IdFacet, MaintenanceFacet):
    """An open ledger, a context manager. Made by :func:`open_ledger`."""

    def close(self) -> None:
        """Close the file or the connections; the ledger cannot be used any more."""
        self._store.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _utc_now() -> datetime:
    return datetime.now(UTC)


def open_ledger(
    target: str | Path, *, now: Callable[[], datetime] = _utc_now, busy_seconds: float = BUSY_SECONDS
) -> Ledger:
    """Open the ledger at ``target``; make it, or migrate an older one.

    ``target``: a path, ``sqlite:///path`` or ``postgresql://user@host/database``. ``busy_seconds``: how long to wait
    for another program's lock. Raises :class:`UsageError` for another kind of URL, :class:`LedgerError` when the
    database cannot be used.
    """
    store = _store(target, busy_seconds)
    ledger = Ledger(store, now)
    try:
        with ledger._write() as connection:  # noqa: SLF001 - opening a ledger makes its tables
            store.alone(connection)
            migrate(connection, store.place, lambda version: _keep(store, version))
    except BaseException:
        ledger.close()
        raise
    return ledger


def _keep(store: Store, version: int) -> None:
    """Keep a copy beside the file of an older ledger before it is migrated."""
    if store.path is not None:
        copy = store.path.with_name(f"{store.path.name}.schema-{version}")
        if not copy.exists():  # the first copy is the one that no migration has touched
            store.backup(copy)


def _store(target: str | Path, busy_seconds: float) -> Store:
    text = os.fspath(target)
    if "://" not in text:
        return SqliteStore(Path(text), busy_seconds)
    try:
        url = make_url(text)
        kind = url.get_backend_name()
    except (ArgumentError, ValueError):
        raise UsageError(
            "--ledger is not a URL that the importer understands",
            "Give a path, sqlite:///path or postgresql://host/database.",
        ) from None
    if kind == "sqlite":
        return SqliteStore(file_of(url), busy_seconds)
    if kind in {"postgresql", "postgres"}:
        return PostgresStore(url, busy_seconds)
    raise UsageError(f"--ledger names {kind}, but ledgers are kept in SQLite or PostgreSQL")
