"""What all parts of the ledger share: the open database, its transactions, and the transfer of rows as JSON.

A statement passes its rows to the database as one JSON value, and fetches each column as one. With ``executemany``, or
when fetching row by row, the driver releases the interpreter's lock at every row. Next to a busy event loop, it then
waits to get the lock back (measured: 50 ms instead of 3 ms for 500 rows). SQLite and PostgreSQL name the JSON functions
differently; the rest of this package is SQLAlchemy Core, which works with both.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import orjson
import pandas as pd
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy import Connection, Engine
from sqlalchemy.dialects.postgresql import Insert, insert  # SQLite's compiler writes its ON CONFLICT, too
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from importer.errors import LedgerError, TenantLockedError
from importer.ledger.ledger_schema import ACCEPTED, CUSTOMERS, stamp

BLOCK = 2_000  # rows in one statement, so that the JSON of a million rows is never in memory at once
Absent = Literal["make", "empty", "refuse"]  # what to do about a ledger's file that does not exist
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


class LedgerStore(ABC):
    """An open database. The methods with a body suit most databases.

    ``place`` names the database in messages, without anything secret. ``path`` is its file, if it has one. ``engine``
    begins transactions that write; ``reader`` begins transactions that see one consistent state and block no writer.
    """

    path: Path | None = None

    def __init__(self, place: str, engine: Engine, **reading: Any) -> None:
        """``reading``: the execution options of transactions that only read."""
        self.place = place
        self.engine = engine
        self.reader: Engine = engine.execution_options(**reading)

    @abstractmethod
    def explained(self, error: DBAPIError) -> LedgerError:
        """The database's error as a message that says what is wrong and what to do."""

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
        """The damage that the database itself finds; empty if there is none."""
        return []

    @abstractmethod
    def backup(self, target: Path) -> None:
        """Write a copy of one consistent state to a new file. Raises :class:`UsageError` if there is no own file."""

    @abstractmethod
    def size(self) -> int:
        """Bytes on the disk."""

    @abstractmethod
    def vacuum(self) -> None:
        """Free unused space, so that deleted data can no longer be read from the files."""

    @abstractmethod
    def lock(self, tenant: str, run_id: str) -> AbstractContextManager[None]:
        """Lock a tenant during the block. Raises :class:`TenantLockedError` that names the lock's holder."""


class Database:
    """An open ledger. Its methods may be called from any thread."""

    def __init__(self, store: LedgerStore, now: Callable[[], datetime]) -> None:
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
        """A consistent view of the data that does not block writers. Raises :class:`LedgerError`."""
        with self._store.translated(), self._store.reader.connect() as connection:
            yield connection


def tenant_locked(tenant: str, holder: str) -> TenantLockedError:
    """The error for a tenant whose lock is taken, by ``holder`` if that is known."""
    return TenantLockedError(
        f"another run for account {tenant} is under way{f': {holder}' if holder else ''}",
        "Wait until it has finished, or interrupt it. Then run again.",
    )


class _JsonFunction(FunctionElement[Any]):
    """A function that each database writes differently. ``sql``: dialect → the call, with ``{}`` for the argument."""

    inherit_cache = True
    sql: Mapping[str, str]


class _Items(_JsonFunction):
    """The items of a JSON array, as a table with the one column ``value``."""

    name = "json_items"
    inherit_cache = True
    sql: Mapping[str, str] = {"sqlite": "json_each({})", "postgresql": "json_array_elements(CAST({} AS json))"}


class _Array(_JsonFunction):
    """A column of all rows as one JSON array."""

    name = "json_array_of_rows"
    inherit_cache = True
    type = sa.Text()
    sql: Mapping[str, str] = {"sqlite": "json_group_array({})", "postgresql": "COALESCE(json_agg({}), '[]')::text"}


@compiles(_JsonFunction)
def _written(element: _JsonFunction, compiler: SQLCompiler, **how: Any) -> str:
    return element.sql[compiler.dialect.name].format(compiler.process(element.clauses, **how))


def as_json(items: Sequence[Any]) -> str:
    r"""Rows (lists of plain values) as the parameter of :func:`rows`.

    ``U+0000``, which PostgreSQL cannot store, becomes ``U+FFFD``: it occurs only in damaged answers.
    """
    text = orjson.dumps(items).decode()
    return _NUL.sub(r"\1\\ufffd", text) if r"\u0000" in text else text


def rows(name: str, *columns: sa.Column[Any]) -> sa.Subquery:
    """Rows given as one JSON parameter ``name``, an array of arrays, as a table with columns named like ``columns``.

    Join them on all columns of a key: if the key's first column were a constant, SQLite would scan that index and
    search the JSON for each entry.
    """
    items = _Items(sa.bindparam(name, type_=sa.Text)).table_valued(sa.column("value", sa.JSON), name="item")
    cells = [items.c.value[index].as_string() for index in range(len(columns))]
    typed = [
        cell if isinstance(like.type, sa.Text) else sa.cast(cell, like.type)
        for cell, like in zip(cells, columns, strict=True)
    ]
    return sa.select(*(cell.label(like.name) for cell, like in zip(typed, columns, strict=True))).subquery(name)


def same(one: sa.FromClause, other: sa.FromClause, *names: str) -> sa.ColumnElement[bool]:
    """The columns ``names`` of both tables are equal; by default, those that identify a tenant's customer."""
    return sa.and_(*(one.c[name] == other.c[name] for name in names or ("tenant", "reference_id")))


def update_from(new: sa.Subquery, table: sa.Table, *keys: str) -> sa.Update:
    """Set the other columns of ``new`` in the rows of ``table`` with the same ``keys`` (see :func:`same`)."""
    values = {each.name: each for each in new.c if each.name not in (keys or ("tenant", "reference_id"))}
    return sa.update(table).values(values).where(same(table, new, *keys))


def fetch_columns(
    connection: sa.Connection, query: sa.Select[Any], parameters: Mapping[str, Any] | None = None
) -> list[list[Any]]:
    """The result of ``query``, one list per column."""
    inner = query.subquery()
    found = connection.execute(sa.select(*(_Array(each) for each in inner.c)), parameters or {}).one()
    return [orjson.loads(text) for text in found]


def fetch_frame(
    connection: sa.Connection,
    query: sa.Select[Any],
    dtypes: Mapping[str, Any],
    parameters: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """The result of ``query`` with columns of these names and dtypes, in this order."""
    columns = fetch_columns(connection, query, parameters)
    typed = (pd.array(values, dtype=dtype) for values, dtype in zip(columns, dtypes.values(), strict=True))
    return pd.DataFrame(dict(zip(dtypes, typed, strict=True)))


def plain(values: Sequence[Any] | pd.Series) -> list[Any]:
    """Python values, None for null. Arrow converts an Arrow column much faster than pandas does."""
    return pa.array(values).to_pylist() if isinstance(values, pd.Series) else list(values)


def blocks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """``items`` in parts that are small enough for one statement."""
    return (items[start : start + BLOCK] for start in range(0, len(items), BLOCK))


def upsert(
    table: sa.Table, new: sa.Subquery, *, where: sa.ColumnElement[bool] | None = None, keeping: Collection[str] = ()
) -> Insert:
    """Insert the rows of ``new``. A row with the same key is updated if ``where`` is true of the old row.

    The columns ``keeping`` keep their old value if the new one is null.
    """
    names = [each.name for each in new.c]
    keys = [each.name for each in table.primary_key]
    # Without a WHERE, SQLite would read ON CONFLICT after a SELECT as a join.
    statement = insert(table).from_select(names, sa.select(new).where(new.c[keys[0]].is_not(None)))
    values: dict[str, sa.ColumnElement[Any]] = {name: statement.excluded[name] for name in names if name not in keys}
    values |= {name: sa.func.coalesce(values[name], table.c[name]) for name in keeping}
    return statement.on_conflict_do_update(index_elements=keys, set_=values, where=where)


AT = sa.bindparam("at", type_=sa.Text)  # the time of a change
# Customers given by tenant and reference id; :func:`named` makes the parameter.
NAMED = rows("named", *CUSTOMERS.c["tenant", "reference_id"])


def is_named(table: sa.Table) -> sa.ColumnElement[bool]:
    """The row is about one of the customers of ``NAMED``."""
    return sa.tuple_(table.c.tenant, table.c.reference_id).in_(sa.select(NAMED.c.tenant, NAMED.c.reference_id))


DROP_BODIES = sa.delete(ACCEPTED).where(is_named(ACCEPTED))


def named(tenant: str, reference_ids: Iterable[str]) -> dict[str, str]:
    """The parameter of statements with ``NAMED``."""
    return {"named": as_json([[tenant, name] for name in reference_ids])}
