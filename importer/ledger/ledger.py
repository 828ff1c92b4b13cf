"""Opening a ledger."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from importer.ledger import dialect
from importer.ledger.aftermath import AfterFacet
from importer.ledger.plans import PlanFacet
from importer.ledger.runs import RunFacet
from importer.ledger.schema import migrate
from importer.ledger.sending import SendFacet

__all__ = ["Ledger", "open_ledger"]

BUSY_SECONDS = 30.0


class Ledger(RunFacet, PlanFacet, SendFacet, AfterFacet):
    """An open ledger, a context manager. Made by :func:`open_ledger`."""

    def close(self) -> None:
        """Give back the file; the ledger cannot be used any more."""
        self._engine.dispose()

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
    """Open the ledger at ``target`` (a path or ``sqlite:///path``), make it, or bring an older one up to date.

    ``busy_seconds``: how long to wait for another program's lock. Raises :class:`UsageError` for another kind of URL,
    :class:`LedgerError` when the file cannot be used.
    """
    path = dialect.ledger_path(target)
    dialect.make_file(path)
    engine = dialect.open_engine(path, busy_seconds)
    ledger = Ledger(engine, path, now)
    try:
        with ledger._write() as connection:  # noqa: SLF001 - making a ledger is part of its own affairs
            migrate(connection, str(path))
    except BaseException:
        engine.dispose()
        raise
    return ledger
