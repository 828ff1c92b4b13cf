"""The few statements that SQLite and PostgreSQL write differently: rows handed over, and brought back, as JSON.

Everything else in this package is SQLAlchemy Core that both understand. What is particular to opening each of them is
in ``sqlite`` and ``postgres``.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Subquery,
    Table,
    Text,
    bindparam,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import Insert, insert  # its ON CONFLICT is what SQLite's compiler writes, too
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

__all__ = ["as_json", "fetch_columns", "fetch_together", "replacing", "rows"]

_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def as_json(items: list[Any]) -> str:
    r"""Rows (lists of plain values) as the parameter of :func:`rows`.

    ``U+0000``, which PostgreSQL has no place for, becomes ``U+FFFD``: it occurs in damaged answers only.
    """
    text = orjson.dumps(items).decode()
    return _NUL.sub(r"\1\\ufffd", text) if r"\u0000" in text else text


class _Each(FunctionElement[Any]):
    """A JSON array's items, as a table with the one column ``value``."""

    name = "json_items"
    inherit_cache = True


class _Cell(FunctionElement[Any]):
    """Item number n of a JSON array, in the type of the element."""

    name = "json_cell"
    inherit_cache = True

    def __init__(self, array: ColumnElement[Any], index: int, kind: TypeEngine[Any]) -> None:
        # As texts, index and type are part of what SQLAlchemy's cache of statements goes by.
        super().__init__(array, literal_column(str(index)), literal_column(type(kind).__name__))
        self.type = kind


class _Together(FunctionElement[str]):
    """All rows as one JSON array of arrays."""

    name = "json_together"
    inherit_cache = True
    type = Text()


class _Column(FunctionElement[str]):
    """A column of all rows as one JSON array."""

    name = "json_column"
    inherit_cache = True
    type = Text()


@compiles(_Each, "sqlite")
def _each_sqlite(element: _Each, compiler: SQLCompiler, **how: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **how)})"


@compiles(_Each, "postgresql")
def _each_postgres(element: _Each, compiler: SQLCompiler, **how: Any) -> str:
    return f"json_array_elements(CAST({compiler.process(element.clauses, **how)} AS json))"


@compiles(_Cell, "sqlite")
def _cell_sqlite(element: _Cell, compiler: SQLCompiler, **how: Any) -> str:
    array, index, _ = element.clauses
    return f"json_extract({compiler.process(array, **how)}, '$[{index}]')"


@compiles(_Cell, "postgresql")
def _cell_postgres(element: _Cell, compiler: SQLCompiler, **how: Any) -> str:
    array, index, _ = element.clauses
    kind = compiler.dialect.type_compiler_instance.process(element.type)
    return f"CAST({compiler.process(array, **how)} ->> {index} AS {kind})"


@compiles(_Together, "sqlite")
def _together_sqlite(element: _Together, compiler: SQLCompiler, **how: Any) -> str:
    return f"json_group_array(json_array({compiler.process(element.clauses, **how)}))"


@compiles(_Together, "postgresql")
def _together_postgres(element: _Together, compiler: SQLCompiler, **how: Any) -> str:
    return f"COALESCE(json_agg(json_build_array({compiler.process(element.clauses, **how)})), '[]')::text"


@compiles(_Column, "sqlite")
def _column_sqlite(element: _Column, compiler: SQLCompiler, **how: Any) -> str:
    return f"json_group_array({compiler.process(element.clauses, **how)})"


@compiles(_Column, "postgresql")
def _column_postgres(element: _Column, compiler: SQLCompiler, **how: Any) -> str:
    return f"COALESCE(json_agg({compiler.process(element.clauses, **how)}), '[]')::text"


def rows(name: str, **columns: TypeEngine[Any]) -> Subquery:
    """Rows that arrive as one JSON parameter ``name``, an array of arrays, as a table with the given columns.

    One statement for a whole batch: the driver gives up the interpreter's lock at every row of an ``executemany``,
    and beside a busy event loop each of them then waits to get it back (measured: 50 ms instead of 3 for 500 rows).

    Join them by all columns of a key, each taken from here: a key's first column given as a constant would make
    SQLite walk through that index and look into the JSON for each entry.
    """
    each = _Each(bindparam(name, type_=Text)).table_valued("value", name="item")
    cells = (_Cell(each.c.value, index, kind).label(column) for index, (column, kind) in enumerate(columns.items()))
    return select(*cells).subquery(name)


def fetch_together(connection: Connection, query: Select[Any]) -> list[list[Any]]:
    """All rows of ``query``, brought over as one JSON value: for the same reason that :func:`rows` takes one."""
    inner = query.subquery()
    fetched: list[list[Any]] = orjson.loads(connection.execute(select(_Together(*inner.c))).scalar_one())
    return fetched


def fetch_columns(
    connection: Connection, query: Select[Any], parameters: Mapping[str, Any] | None = None
) -> list[list[Any]]:
    """The rows of ``query`` by the column, each brought over as one JSON value: the cheapest way for many rows."""
    inner = query.subquery()
    found = connection.execute(select(*(_Column(column) for column in inner.c)), parameters or {}).one()
    return [orjson.loads(text) for text in found]


def replacing(
    table: Table, new: Subquery, *, where: ColumnElement[bool] | None = None, keeping: Collection[str] = ()
) -> Insert:
    """Insert the rows of ``new``; where the key is taken (and ``where`` holds for the old row), set its columns.

    Columns that are ``keeping`` stay as they are where the new value is null.
    """
    names = [column.name for column in new.c]
    keys = [column.name for column in table.primary_key]
    # SQLite takes ON CONFLICT behind a SELECT for a join unless the SELECT has a WHERE.
    statement = insert(table).from_select(names, select(new).where(new.c[keys[0]].is_not(None)))
    values: dict[str, ColumnElement[Any]] = {name: statement.excluded[name] for name in names if name not in keys}
    values |= {name: func.coalesce(values[name], table.c[name]) for name in keeping}
    return statement.on_conflict_do_update(index_elements=keys, set_=values, where=where)
