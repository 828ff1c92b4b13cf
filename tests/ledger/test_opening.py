"""The ledger's file: who can read it, what it guarantees, and what is reported if it cannot be used."""

import os
import sqlite3
import stat
import subprocess
import sys
import threading

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, inspect

from importer.errors import LedgerError, TenantLockedError, UsageError
from importer.ledger import ledger_schema as schema
from importer.ledger import open_ledger


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_files_are_private(tmp_path):
    path = tmp_path / "deep" / "er" / "ledger.db"
    before = os.umask(0)
    try:
        with open_ledger(path) as ledger:
            ledger.tenant("acme")
            with ledger.lock("acme", "run-1"):
                files = sorted(path.parent.iterdir())
                assert len(files) == 4  # the database, -wal, -shm, and the lock
                assert {mode(file) for file in files} == {0o600}
        assert mode(path.parent) == 0o700
    finally:
        os.umask(before)
    path.chmod(0o644)
    open_ledger(path).close()
    assert mode(path) == 0o600


def test_commits_are_durable_and_foreign_keys_are_enforced(tmp_path):
    with open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger, ledger._write() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("mysql://host/db", "mysql.*SQLite or PostgreSQL"),
        ("sqlite://", "has no path"),
        ("sqlite:///:memory:", "has no path"),
        ("nonsense://", "SQLite or PostgreSQL|not a URL"),
        ("://", "not a URL"),
    ],
)
def test_other_urls_are_refused(target, message):
    with pytest.raises(UsageError, match=message):
        open_ledger(target)


def test_file_that_is_not_a_database_is_refused(tmp_path):
    path = tmp_path / "ledger.db"
    path.write_text("customers, and a long line so that it is more than a header " * 30)
    with pytest.raises(LedgerError, match="not an SQLite database") as caught:
        open_ledger(path)
    assert "--ledger" in caught.value.hint


def test_database_of_another_program_is_refused(tmp_path):
    path = tmp_path / "ledger.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE songs (title)")
    connection.close()
    with pytest.raises(LedgerError, match="not a ledger of the importer"):
        open_ledger(path)


def test_folder_instead_of_a_file_is_refused(tmp_path):
    with pytest.raises(LedgerError, match="Is a directory"):
        open_ledger(tmp_path)


def test_newer_schema_is_refused(tmp_path):
    path = tmp_path / "ledger.db"
    open_ledger(path).close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE schema_version SET version = 99")
    connection.commit()
    connection.close()
    with pytest.raises(LedgerError, match="newer importer"):
        open_ledger(path)


def test_migrations_run_once_and_in_order(tmp_path, monkeypatch):
    """Uses two invented migrations after the real ones."""
    real = schema.MIGRATIONS
    path = tmp_path / "ledger.db"
    open_ledger(path).close()
    done = []

    def first(connection):
        Table("first", MetaData(), Column("id", Integer)).create(connection)
        done.append("first")

    monkeypatch.setattr(schema, "MIGRATIONS", (*real, first))
    open_ledger(path).close()

    def failing(connection):
        Table("second", MetaData(), Column("id", Integer)).create(connection)
        raise LedgerError("the migration failed")

    monkeypatch.setattr(schema, "MIGRATIONS", (*real, first, failing))
    with pytest.raises(LedgerError, match="failed"):
        open_ledger(path)
    monkeypatch.setattr(schema, "MIGRATIONS", (*real, first, lambda _connection: done.append("second")))
    with open_ledger(path) as ledger:
        assert done == ["first", "second"]
        tables = inspect(ledger._store.engine).get_table_names()
        assert "first" in tables
        assert "second" not in tables  # a failed migration is rolled back


def test_lock_by_another_program_is_reported(tmp_path):
    path = tmp_path / "ledger.db"
    with open_ledger(path, busy_seconds=0.05) as ledger:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match="locked"):
            ledger.tenant("acme")
        assert ledger.runs() == []  # reading still works
        other.execute("ROLLBACK")
        other.close()
        ledger.tenant("acme")


def test_waits_for_a_lock(tmp_path):
    path = tmp_path / "ledger.db"
    with open_ledger(path, busy_seconds=10) as ledger:
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.05, lambda: other.execute("ROLLBACK"))
        timer.start()
        ledger.tenant("acme")
        timer.join()
        other.close()


def test_ledger_can_be_created_concurrently(tmp_path, monkeypatch):
    """While another connection writes, SQLite refuses to turn on the write-ahead log instead of waiting."""
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr("time.sleep", lambda _: other.execute("COMMIT"))
    open_ledger(tmp_path / "ledger.db").close()
    other.close()


READER = """
import sqlite3, sys
ledger = sqlite3.connect(sys.argv[1])
print(ledger.execute("SELECT name FROM tenants").fetchall())
ledger.close()
"""


def test_nothing_is_lost_if_a_process_opens_the_ledger_twice(tmp_path):
    """A program that closes the ledger deletes the write-ahead log unless it sees that this process has it open."""

    def read_elsewhere():
        words = [sys.executable, "-c", READER, str(ledger.path)]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()

    with open_ledger(tmp_path / "ledger.db") as ledger:
        ledger.tenant("acme")
        open_ledger(tmp_path / "ledger.db").close()
        assert read_elsewhere() == "[('acme',)]"
        ledger.tenant("globex")
        assert read_elsewhere() == "[('acme',), ('globex',)]"


def test_error_messages_contain_no_values(tmp_path):
    with open_ledger(tmp_path / "ledger.db") as ledger, pytest.raises(LedgerError) as caught:
        ledger.start_run("nobody-we-know", "run", out=tmp_path, mapping="m")
    assert "FOREIGN KEY" in caught.value.message
    assert "nobody-we-know" not in str(caught.value)


HOLDER = """
import sys
from importer.ledger import open_ledger
with open_ledger(sys.argv[1]) as ledger, ledger.lock("acme", "run-7"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_lock_names_its_owner_and_ends_with_it(tmp_path):
    with open_ledger(tmp_path / "ledger.db") as ledger:
        child = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(ledger.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        with child:
            assert child.stdout.readline() == b"held\n"
            with (
                pytest.raises(TenantLockedError, match=f"run run-7, process {child.pid} on "),
                ledger.lock("acme", "b"),
            ):
                pass
            with ledger.lock("other tenant", "c"):
                pass
            child.kill()
            child.wait()
        with ledger.lock("acme", "b"), pytest.raises(TenantLockedError, match="run b"), ledger.lock("acme", "d"):
            pass


def test_lock_without_an_owner_name_is_respected(tmp_path):
    with open_ledger(tmp_path / "ledger.db") as ledger, ledger.lock("acme", "a"):
        next(tmp_path.glob("*.lock")).write_text("")
        with pytest.raises(TenantLockedError, match=r"acme is under way\n"), ledger.lock("acme", "b"):
            pass


def test_link_to_the_ledger_has_the_same_lock(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "ledger.db").symlink_to(tmp_path / "real" / "ledger.db")
    with (
        open_ledger(tmp_path / "ledger.db") as linked,
        open_ledger(tmp_path / "real" / "ledger.db") as real,
        linked.lock("acme", "a"),
        pytest.raises(TenantLockedError),
        real.lock("acme", "b"),
    ):
        pass


def test_similar_tenant_names_have_separate_locks(tmp_path):
    with open_ledger(tmp_path / "ledger.db") as ledger, ledger.lock("a/b", "1"), ledger.lock("a_b", "2"):
        assert len(list(tmp_path.glob("*.lock"))) == 2


def test_commits_are_durable_and_the_log_is_bounded(tmp_path):
    with open_ledger(tmp_path / "ledger.db") as ledger, ledger._write() as connection:
        said = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "wal_autocheckpoint")
        }
    assert said == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "wal_autocheckpoint": 8_000}
