"""What is special about ledgers in PostgreSQL: the lock, lost connections, error messages, several machines."""

import subprocess
import sys
import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import Column, Integer, Text, select, text

from importer.errors import LedgerError, TenantLockedError
from importer.ledger import open_ledger
from importer.ledger.database import as_json, rows
from importer.ledger.ledger_schema import MIGRATIONS
from tests.postgres import database, statement


@pytest.fixture
def url():
    with database() as found:
        yield found


def name_of(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]


def test_commits_are_durable_regardless_of_server_defaults(url):
    statement(f"ALTER DATABASE {name_of(url)} SET synchronous_commit = off")
    with open_ledger(url) as ledger, ledger._write() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"


def test_one_run_per_tenant_across_machines(url):
    with open_ledger(url) as here, open_ledger(url) as there:
        with here.lock("acme", "20300501-123015"):
            with (
                pytest.raises(TenantLockedError, match=r"importer 20300501-123015, process \d+ on "),
                there.lock("acme", "other"),
            ):
                pass
            with there.lock("globex", "other"):
                pass
        with there.lock("acme", "other"):
            pass


def test_lock_is_released_immediately(url):
    held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = "
    held += f"(SELECT oid FROM pg_database WHERE datname = '{name_of(url)}')"
    with open_ledger(url) as ledger, ledger._read() as connection:
        for _ in range(100):
            with ledger.lock("acme", "run"):
                assert connection.exec_driver_sql(held).scalar() == 1
            assert connection.exec_driver_sql(held).scalar() == 0


def test_lock_ends_with_its_process(url):
    held = f"""
import os
from importer.ledger import open_ledger
ledger = open_ledger({url!r})
lock = ledger.lock("acme", "run")
lock.__enter__()
print("held", flush=True)
os.read(0, 1)
"""
    with (
        open_ledger(url) as ledger,
        subprocess.Popen([sys.executable, "-c", held], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(TenantLockedError), ledger.lock("acme", "other"):
            pass
        process.kill()
        process.wait()
        # The server notices the closed socket by itself; this function waits for that.
        query = "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory'"
        statement(query, name_of(url))
        with ledger.lock("acme", "other"):
            pass


def test_nothing_is_written_after_the_lock_is_lost(url):
    with open_ledger(url) as ledger:
        ledger.tenant("acme")
        with ledger.lock("acme", "run"):
            ledger.tenant("globex")
            statement("SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory'", name_of(url))
            with pytest.raises(LedgerError, match="the connection that holds the account's lock was lost") as caught:
                ledger.tenant("initech")
            assert "Resume the run" in caught.value.hint
        with ledger._read() as connection:
            assert connection.execute(text("SELECT count(*) FROM tenants")).scalar() == 2


def test_runs_of_two_machines_in_the_same_second_get_different_ids(url, tmp_path):
    moment = datetime(2030, 5, 1, 12, 30, 15, tzinfo=UTC)
    with open_ledger(url, now=lambda: moment) as here, open_ledger(url, now=lambda: moment) as there:
        runs = []

        def meanwhile(folder):
            runs.extend([there.start_run(there.tenant("globex"), "run", out=tmp_path, mapping="m")] if not runs else [])
            return not folder.exists()

        runs.append(here.start_run(here.tenant("acme"), "run", out=tmp_path, mapping="m", claim=meanwhile))
    assert [run.id for run in runs] == ["20300501-123015", "20300501-123015-2"]


def test_new_ledger_can_be_opened_concurrently(url):
    failed = []

    def make() -> None:
        try:
            open_ledger(url).close()
        except LedgerError as error:
            failed.append(error)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert statement("SELECT version FROM schema_version", name_of(url)) == [(len(MIGRATIONS) + 1,)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda url: url.replace("ledger_", "none_"), "cannot be opened: database .none_.* does not exist"),
        (lambda url: url.replace("postgres@", "nobody@"), "cannot be opened: role .nobody. does not exist"),
        (lambda url: url.partition("@/")[0] + "@127.0.0.1:1/none", "cannot be opened: .*(refused|fail)"),
        (
            lambda url: url.replace("postgres@", "postgres:hush@").replace("ledger_", "none_"),
            "does not exist",
        ),
    ],
)
def test_errors_explain_the_cause_without_the_password(url, change, message):
    with pytest.raises(LedgerError, match=message) as caught:
        open_ledger(change(url))
    assert "postgresql://" in caught.value.message
    assert "hush" not in str(caught.value)
    assert caught.value.hint


def test_database_of_another_program_is_refused(url):
    statement("CREATE TABLE songs (title text)", name_of(url))
    with pytest.raises(LedgerError, match="not a ledger of the importer"):
        open_ledger(url)


def test_own_schema_in_a_shared_database_is_used(url):
    statement("CREATE TABLE songs (title text)", name_of(url))
    statement("CREATE SCHEMA imports", name_of(url))
    with open_ledger(f"{url}&options=-csearch_path%3Dimports") as ledger:
        ledger.tenant("acme")
    assert statement("SELECT name FROM imports.tenants", name_of(url)) == [("acme",)]


def test_nul_characters_in_answers_are_replaced(url):
    given = [["a\0b", "c\\u0000d", "e\\\0f", None, 1]]
    with open_ledger(url) as ledger, ledger._read() as connection:
        kept = connection.execute(text("SELECT CAST(:rows AS jsonb)"), {"rows": as_json(given)}).scalar_one()
    assert kept == [["a\ufffdb", "c\\u0000d", "e\\\ufffdf", None, 1]]


def test_missing_driver_names_the_extra(url, monkeypatch):
    """The driver is hidden, because it is installed here."""
    from importer.errors import UsageError

    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UsageError, match="psycopg") as caught:
        open_ledger(url)
    assert "wizcommerce-importer[postgres]" in caught.value.hint


def test_columns_with_one_name_are_distinguished_by_position_and_type(url):
    """Statements of the same form share the compiled form of the first one."""
    with open_ledger(url) as ledger, ledger._read() as connection:
        first, second, number = Column("a", Text), Column("b", Text), Column("a", Integer)
        for columns, expected in (([first], "1"), ([second, first], "2"), ([number], 1)):
            given = rows("given", *columns)
            found = connection.execute(select(given.c.a), {"given": as_json([["1", "2"]])}).scalar_one()
            assert found == expected
