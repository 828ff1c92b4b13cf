"""Rows handed to the database, and columns fetched from it, as one JSON value each.

With ``executemany``, or when fetching row by row, the driver releases the interpreter's lock at every row, and next to
a busy event loop it then waits to get it back (measured: 50 ms instead of 3 for 500 rows). SQLite and PostgreSQL name
the JSON functions differently; everything else in this package is SQLAlchemy Core that both understand.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import orjson
import pandas as pd
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Insert, insert  # SQLite's compiler writes its ON CONFLICT, too
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

BLOCK = 2_000  # rows in one statement, so that the JSON of a million rows is never in memory at once
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


class _Items(FunctionElement[Any]):
    """The items of a JSON array, as a table with the one column ``value``."""

    name = "json_items"
    inherit_cache = True


class _Array(FunctionElement[str]):
    """A column of all rows as one JSON array."""

    name = "json_array_of_rows"
    inherit_cache = True
    type = sa.Text()


@compiles(_Items, "sqlite")
def _items_sqlite(element: _Items, compiler: SQLCompiler, **how: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **how)})"


@compiles(_Items, "postgresql")
def _items_postgres(element: _Items, compiler: SQLCompiler, **how: Any) -> str:
    return f"json_array_elements(CAST({compiler.process(element.clauses, **how)} AS json))"


@compiles(_Array, "sqlite")
def _array_sqlite(element: _Array, compiler: SQLCompiler, **how: Any) -> str:
    return f"json_group_array({compiler.process(element.clauses, **how)})"


@compiles(_Array, "postgresql")
def _array_postgres(element: _Array, compiler: SQLCompiler, **how: Any) -> str:
    return f"COALESCE(json_agg({compiler.process(element.clauses, **how)}), '[]')::text"


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
    """The columns ``names`` of both are equal; without names, both are about the same customer of a tenant."""
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
    """Insert the rows of ``new``, or update those with the same key where ``where`` is true of the old row.

    The columns ``keeping`` stay as they are where the new value is null.
    """
    names = [each.name for each in new.c]
    keys = [each.name for each in table.primary_key]
    # Without a WHERE, SQLite would read ON CONFLICT after a SELECT as a join.
    statement = insert(table).from_select(names, sa.select(new).where(new.c[keys[0]].is_not(None)))
    values: dict[str, sa.ColumnElement[Any]] = {name: statement.excluded[name] for name in names if name not in keys}
    values |= {name: sa.func.coalesce(values[name], table.c[name]) for name in keeping}
    return statement.on_conflict_do_update(index_elements=keys, set_=values, where=where)
