"""A ledger in an SQLite file: who may read it, what a commit promises, what its errors mean."""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from importer.errors import LedgerError, UsageError
from importer.ledger.lock import tenant_lock
from importer.private_files import make_folder

__all__ = ["SqliteStore", "file_of"]

_READ_ONLY = "importer_read_only"
# In a ledger of a million customers each of a batch lies in a page of its own. So the log may grow to 32 MB before its
# pages are copied to their places, most of them once for several batches; and a page is still at hand when its answer
# comes.
_LOG_PAGES = 8_000
_CACHE_PAGES = 4_000

_ADVICE: Mapping[str, tuple[str, str]] = {
    "SQLITE_FULL": ("the disk is full", "Free some space, then resume the run: what was recorded is safe."),
    "SQLITE_BUSY": ("another program has locked it", "Close that program, then resume the run."),
    "SQLITE_LOCKED": ("another program has locked it", "Close that program, then resume the run."),
    "SQLITE_READONLY": ("it is read-only", "Make the file and its folder writable, or name another with --ledger."),
    "SQLITE_CANTOPEN": ("it cannot be opened", "Check the path and its permissions, or name another with --ledger."),
    "SQLITE_PERM": ("access is denied", "Check the path and its permissions, or name another with --ledger."),
    "SQLITE_NOTADB": ("it is not an SQLite database", "Name another file with --ledger."),
    "SQLITE_CORRUPT": ("the file is damaged", "Restore it from a backup, or start a new one with --ledger."),
    "SQLITE_IOERR": ("the disk gave an error", "Check the disk, and do not keep a ledger on a network drive."),
}


def file_of(url: URL) -> Path:
    """The file of ``sqlite:///path``. Raises :class:`UsageError` when it names none."""
    if not url.database or url.database == ":memory:":
        raise UsageError("--ledger does not name a file; a ledger in memory would forget what was sent")
    return Path(url.database)


class SqliteStore:
    """A :class:`Store` in a file of the owner's alone."""

    def __init__(self, path: Path, busy_seconds: float) -> None:
        """Open the file, or make it. Raises :class:`LedgerError`."""
        self._file = path.expanduser().absolute()
        self.path: Path | None = self._file
        self.place = str(self._file)
        make_file(self._file, "the ledger")
        self.engine = _open_engine(self._file, busy_seconds)
        self.reader: Engine = self.engine.execution_options(**{_READ_ONLY: True})

    @contextmanager
    def translated(self) -> Iterator[None]:
        """See :class:`Store`."""
        try:
            yield
        except DBAPIError as error:
            name = getattr(error.orig, "sqlite_errorname", "") or ""
            for code, (reason, hint) in _ADVICE.items():
                if name.startswith(code):
                    raise LedgerError(f"the ledger {self.place}: {reason}", hint) from error
            raise LedgerError(f"the ledger {self.place} gave an error: {error.orig}") from error

    def alone(self, connection: Connection) -> None:
        """Nothing to do: a transaction that writes is alone from its start."""

    def still_held(self, connection: Connection) -> None:
        """Nothing to do: the system takes a file's lock back only when the process ends."""

    def faults(self) -> list[str]:
        """See :class:`Store`."""
        with self.translated(), self.reader.connect() as connection:
            said = [str(line) for line in connection.exec_driver_sql("PRAGMA integrity_check").scalars()]
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        found = [] if said == ["ok"] else said
        return [*found, *([f"{len(broken):,} rows point at rows that are not there"] if broken else [])]

    def backup(self, target: Path) -> None:
        """See :class:`Store`; SQLite's own online backup, which runs may go on during."""
        make_file(target, "the backup")
        try:
            with closing(sqlite3.connect(self._file)) as ours, closing(sqlite3.connect(target)) as copy:
                ours.backup(copy)
        except sqlite3.Error as error:
            target.unlink(missing_ok=True)
            raise LedgerError(
                f"the backup {target} could not be written: {error}", "Free some space, or name another file."
            ) from None

    def size(self) -> int:
        """See :class:`Store`: the file and what is still in its log."""
        log = self._file.with_name(f"{self._file.name}-wal")
        return sum(path.stat().st_size for path in (self._file, log) if path.exists())

    def vacuum(self) -> None:
        """See :class:`Store`: the file is rewritten, and the log is emptied."""
        with self.translated(), self.engine.connect() as connection:
            raw = connection.connection.driver_connection
            assert isinstance(raw, sqlite3.Connection)
            connection.rollback()
            raw.execute("VACUUM")
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def lock(self, tenant: str, run_id: str) -> AbstractContextManager[None]:
        """See :class:`Store`."""
        return tenant_lock(self._file, tenant, run_id)


def make_file(path: Path, what: str) -> None:
    """Make a database's folder (0700) and file (0600), or narrow an existing file's mode.

    SQLite gives its ``-wal`` and ``-shm`` files the mode of the database. Raises :class:`LedgerError`.
    """
    try:
        make_folder(path.parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(descriptor).st_mode & 0o077:
                os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
    except OSError as error:
        hint = "Check the path and its permissions, or name another with --ledger."
        raise LedgerError(f"{what} {path} cannot be opened: {error.strerror}", hint) from None


def _open_engine(path: Path, busy_seconds: float) -> Engine:
    """An engine whose transactions are what they say.

    WAL with ``synchronous=FULL``: a transaction that was committed is on the disk before the commit returns, and
    survives a crash of the program, of the system and a loss of power, as far as the disk keeps its word about
    flushing; one that was not committed leaves no trace. (``NORMAL`` would keep the file whole, too, but could lose
    the latest commits with the power: a customer marked before it was sent would be forgotten, and sent twice.)
    Writing transactions begin IMMEDIATE, so that they wait for a lock at their start instead of failing half-way.
    """
    engine = create_engine(
        f"sqlite:///{path}",
        connect_args={"timeout": busy_seconds, "check_same_thread": False},
        hide_parameters=True,  # customer data has no place in messages
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver's own BEGIN would come too late
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
        connection.execute(f"PRAGMA cache_size = {_CACHE_PAGES}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get(_READ_ONLY)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine
