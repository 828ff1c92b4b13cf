"""A ledger in an SQLite file: its permissions, durable commits, errors in words, and the lock of a tenant."""

import hashlib
import json
import os
import re
import socket
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from importer.errors import LedgerError, NoLedgerError, UsageError
from importer.ledger.database import Absent, LedgerStore, tenant_locked
from importer.private_files import make_folder

_READ_ONLY = "importer_read_only"
# In a ledger of a million customers, each customer of a batch is on a page of its own. Therefore, the log may grow to
# 32 MB before its pages are copied to the file (most of them once for several batches), and the cache is large enough
# for a page to be in it when the answer arrives.
_LOG_PAGES = 8_000
_CACHE_PAGES = 4_000
_PAUSE = 0.01  # seconds until a new file's log is tried again
_CHECK_PATH = "Check the path and its permissions, or specify another with --ledger."
_CLOSE_IT = "Close that program, then resume the run."
_ADVICE: Mapping[str, tuple[str, str]] = {
    "SQLITE_FULL": ("the disk is full", "Free some space, then resume the run: what was recorded is safe."),
    "SQLITE_BUSY": ("another program has locked it", _CLOSE_IT),
    "SQLITE_LOCKED": ("another program has locked it", _CLOSE_IT),
    "SQLITE_READONLY": ("it is read-only", "Make the file and its folder writable, or specify another with --ledger."),
    "SQLITE_CANTOPEN": ("it cannot be opened", _CHECK_PATH),
    "SQLITE_PERM": ("access is denied", _CHECK_PATH),
    "SQLITE_NOTADB": ("it is not an SQLite database", "Specify another file with --ledger."),
    "SQLITE_CORRUPT": ("the file is damaged", "Restore it from a backup, or start a new one with --ledger."),
    "SQLITE_IOERR": ("the disk reported an error", "Check the disk, and do not keep a ledger on a network drive."),
}


def file_of(url: URL) -> Path:
    """The file of ``sqlite:///path``. Raises :class:`UsageError` when it names none."""
    if not url.database or url.database == ":memory:":
        raise UsageError("--ledger has no path; a ledger in memory would forget what was sent")
    return Path(url.database)


class SqliteStore(LedgerStore):
    """A :class:`LedgerStore` in an owner-only file. A writing transaction excludes others from its start."""

    def __init__(self, path: Path, busy_seconds: float, absent: Absent) -> None:
        """Open the file. Raises :class:`LedgerError`, and :class:`NoLedgerError`."""
        self._file = path.expanduser().absolute()
        self.path = self._file
        there = absent == "make" or not _is_absent(self._file)
        if there:
            _make_file(self._file, "the ledger")
        elif absent == "refuse":
            raise NoLedgerError(f"{path}: no such file", "Check --ledger.")
        database = str(self._file) if there else ":memory:"
        super().__init__(str(self._file), _open_engine(database, busy_seconds), **{_READ_ONLY: True})

    def explained(self, error: DBAPIError) -> LedgerError:
        name = getattr(error.orig, "sqlite_errorname", "") or ""
        for code, (reason, hint) in _ADVICE.items():
            if name.startswith(code):
                return LedgerError(f"the ledger {self.place}: {reason}", hint)
        return LedgerError(f"the ledger {self.place} reported an error: {error.orig}")

    def faults(self) -> list[str]:
        with self.translated(), self.reader.connect() as connection:
            lines = [str(line) for line in connection.exec_driver_sql("PRAGMA integrity_check").scalars()]
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        found = [] if lines == ["ok"] else lines
        return [*found, *([f"{len(broken):,} rows refer to rows that do not exist"] if broken else [])]

    def backup(self, target: Path) -> None:
        """SQLite's own online backup, during which runs can continue. The copy gets its name when it is complete."""
        part = target.with_name(f"{target.name}.part")
        part.unlink(missing_ok=True)
        _make_file(part, "the backup")
        try:
            with closing(sqlite3.connect(self._file)) as ours, closing(sqlite3.connect(part)) as copy:
                ours.backup(copy)
            part.replace(target)
        except (sqlite3.Error, OSError) as error:
            part.unlink(missing_ok=True)
            message = f"the backup {target} could not be written: {error}"
            raise LedgerError(message, "Free some space, or specify another file.") from None

    def size(self) -> int:
        log = self._file.with_name(f"{self._file.name}-wal")
        return sum(path.stat().st_size for path in (self._file, log) if path.exists())

    def vacuum(self) -> None:
        with self.translated(), self.engine.connect() as connection:
            raw = connection.connection.driver_connection
            assert isinstance(raw, sqlite3.Connection)
            connection.rollback()
            raw.execute("VACUUM")
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def lock(self, tenant: str, run_id: str) -> Iterator[None]:
        """The operating system releases the lock when the process ends, however that happens.

        The lock file stays beside the ledger and names its latest holder.
        """
        slug = re.sub(r"[^A-Za-z0-9.-]+", "_", tenant)[:40]
        digest = hashlib.sha256(tenant.encode()).hexdigest()[:8]
        file = self._file.resolve()  # whatever link leads to it, there is one lock
        path = file.with_name(f"{file.name}.{slug}-{digest}.lock")
        lock = FileLock(path, mode=0o600, blocking=False, thread_local=False, fallback_to_soft=False)
        try:
            lock.acquire()
        except Timeout:
            raise tenant_locked(tenant, _holder(path)) from None
        except OSError as error:
            hint = "Keep the ledger on a local disk, in a folder that you can write to."
            raise LedgerError(f"the file {path} cannot be locked: {error.strerror}", hint) from None
        try:
            path.write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "run": run_id}))
            yield
        finally:
            lock.release()


def _holder(path: Path) -> str:
    """Who holds the lock, if its file says so already."""
    try:
        holder = json.loads(path.read_text())
        return f"run {holder['run']}, process {holder['pid']} on {holder['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _is_absent(path: Path) -> bool:
    """Whether there is no such file; for one that cannot be reached, :func:`_make_file` says why."""
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:
        pass
    return False


def _make_file(path: Path, what: str) -> None:
    """Make a database's folder (0700) and file (0600), or restrict an existing file's mode.

    An existing file is not opened: closing it would release the locks that SQLite holds on it in this process, and
    another program would then delete the log that is being written to. SQLite gives its ``-wal`` and ``-shm`` files the
    mode of the database. Raises :class:`LedgerError`.
    """
    try:
        make_folder(path.parent)
        if not path.is_file():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
    except OSError as error:
        raise LedgerError(f"{what} {path} cannot be opened: {error.strerror}", _CHECK_PATH) from None


def _open_engine(database: str, busy_seconds: float) -> Engine:
    """An engine with durable transactions.

    WAL with ``synchronous=FULL``: a committed transaction is on the disk before the commit returns, and survives a
    program or system crash and a power failure. One that was not committed leaves no trace. (With ``NORMAL``, a power
    failure could undo the latest commits, and a customer marked before it was sent would be sent twice.) Writing
    transactions begin with IMMEDIATE, so that they wait for a lock at their start instead of failing halfway.
    """
    engine = create_engine(
        f"sqlite:///{database}",
        connect_args={"timeout": busy_seconds, "check_same_thread": False},
        hide_parameters=True,  # messages must not contain customer data
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver's own BEGIN would come too late
        _switch_on_log(connection, busy_seconds)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
        connection.execute(f"PRAGMA cache_size = {_CACHE_PAGES}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get(_READ_ONLY)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _switch_on_log(connection: sqlite3.Connection, busy_seconds: float) -> None:
    """Switch to WAL. If two connections do this to a new file at the same time, SQLite refuses one without waiting."""
    until = time.monotonic() + busy_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
            time.sleep(_PAUSE)
        else:
            return
