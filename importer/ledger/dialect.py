"""What is particular to SQLite: files, pragmas, error codes, and rows handed over as JSON.

Everything else in this room is SQLAlchemy Core that PostgreSQL understands, too; a second database needs a second
module like this one.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    Subquery,
    Table,
    Text,
    bindparam,
    create_engine,
    event,
    func,
    literal_column,
    make_url,
    select,
)
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.types import TypeEngine

from importer.errors import LedgerError, UsageError

__all__ = ["as_json", "fetch_together", "ledger_path", "make_file", "open_engine", "replacing", "rows", "translated"]

READ_ONLY = "importer_read_only"

_ADVICE: Mapping[str, tuple[str, str]] = {
    "SQLITE_FULL": ("the disk is full", "Make room, then resume the run: what was recorded is safe."),
    "SQLITE_BUSY": ("another program holds it locked", "Close that program, then resume the run."),
    "SQLITE_LOCKED": ("another program holds it locked", "Close that program, then resume the run."),
    "SQLITE_READONLY": ("it is read-only", "Make the file and its folder writable, or name another with --ledger."),
    "SQLITE_CANTOPEN": ("it cannot be opened", "Check the path and its permissions, or name another with --ledger."),
    "SQLITE_PERM": ("access is denied", "Check the path and its permissions, or name another with --ledger."),
    "SQLITE_NOTADB": ("it is no SQLite database", "Name another file with --ledger."),
    "SQLITE_CORRUPT": ("the file is damaged", "Restore it from a backup, or start a new one with --ledger."),
    "SQLITE_IOERR": ("the disk gave an error", "Check the disk (network drives are no place for a ledger)."),
}


def ledger_path(target: str | Path) -> Path:
    """A path, or ``sqlite:///path``, as an absolute path. Raises :class:`UsageError` for any other URL."""
    text = os.fspath(target)
    if "://" not in text:
        return Path(text).expanduser().absolute()
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise UsageError("--ledger is no URL that can be understood", "Give a path or sqlite:///path.") from None
    if url.get_backend_name() != "sqlite":
        raise UsageError(f"--ledger names {url.get_backend_name()}, but only SQLite ledgers are supported")
    if not url.database or url.database == ":memory:":
        raise UsageError("--ledger names no file; a ledger in memory would forget what was sent")
    return Path(url.database).expanduser().absolute()


def make_file(path: Path) -> None:
    """Make the ledger's folder (0700) and file (0600), or narrow an existing file's mode.

    SQLite gives its ``-wal`` and ``-shm`` files the mode of the database. Raises :class:`LedgerError`.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(descriptor).st_mode & 0o077:
                os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
    except OSError as error:
        hint = "Check the path and its permissions, or name another with --ledger."
        raise LedgerError(f"the ledger {path} cannot be opened: {error.strerror}", hint) from None


def open_engine(path: Path, busy_seconds: float) -> Engine:
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

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get(READ_ONLY)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn the database's errors into a :class:`LedgerError` that says what is wrong and what to do."""
    try:
        yield
    except DBAPIError as error:
        name = getattr(error.orig, "sqlite_errorname", "") or ""
        for code, (reason, hint) in _ADVICE.items():
            if name.startswith(code):
                raise LedgerError(f"the ledger {path}: {reason}", hint) from error
        raise LedgerError(f"the ledger {path} gave an error: {error.orig}") from error


def as_json(items: list[Any]) -> str:
    """Rows (lists of plain values) as the parameter of :func:`rows`."""
    return orjson.dumps(items).decode()


def rows(name: str, **columns: TypeEngine[Any]) -> Subquery:
    """Rows that arrive as one JSON parameter ``name``, an array of arrays, as a table with the given columns.

    One statement for a whole batch: the driver gives up the interpreter's lock at every row of an ``executemany``,
    and beside a busy event loop each of them then waits to get it back (measured: 50 ms instead of 3 for 500 rows).

    Join them by all columns of a key, each taken from here: a key's first column given as a constant would make
    SQLite walk through that index and look into the JSON for each entry.
    """
    each = func.json_each(bindparam(name, type_=Text)).table_valued("value", name="item")
    return select(
        *(
            func.json_extract(each.c.value, literal_column(f"'$[{index}]'"), type_=kind).label(column)
            for index, (column, kind) in enumerate(columns.items())
        )
    ).subquery(name)


def fetch_together(connection: Connection, query: Select[Any]) -> list[list[Any]]:
    """All rows of ``query``, brought over as one JSON value: for the same reason that :func:`rows` takes one."""
    inner = query.subquery()
    together = select(func.json_group_array(func.json_array(*inner.c), type_=Text))
    fetched: list[list[Any]] = orjson.loads(connection.execute(together).scalar_one())
    return fetched


def replacing(table: Table, new: Subquery, *, where: ColumnElement[bool] | None = None) -> Insert:
    """Insert the rows of ``new``; where the key is taken (and ``where`` holds for the old row), set its columns."""
    names = [column.name for column in new.c]
    keys = [column.name for column in table.primary_key]
    # SQLite takes ON CONFLICT behind a SELECT for a join unless the SELECT has a WHERE.
    statement = insert(table).from_select(names, select(new).where(new.c[keys[0]].is_not(None)))
    return statement.on_conflict_do_update(
        index_elements=keys,
        set_={name: statement.excluded[name] for name in names if name not in keys},
        where=where,
    )
