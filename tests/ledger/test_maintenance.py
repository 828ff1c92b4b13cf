"""Maintenance of a ledger: finding damage, copying, freeing space, and erasing personal data."""

import sqlite3
import stat
from dataclasses import replace
from unittest.mock import Mock

import pandas as pd
import pytest
from sqlalchemy import Column, Integer, MetaData, Table

from importer.errors import LedgerError, UsageError
from importer.ledger import Accepted, LedgerStep, State, Write, WriteState, open_ledger
from importer.ledger import ledger_schema as schema
from importer.records import OutcomeKind
from tests.sender.support import TENANT, found_frame, outcomes, plan_run

SECRET = "Rosalind Invented"


@pytest.fixture
def ledger(place):
    with open_ledger(place, busy_seconds=5) as opened:
        opened.tenant(TENANT)
        yield opened


def sent(ledger, folder, names=("a", "b")):
    """A run that created the first customer and failed for the others, with their data in the errors."""
    run, _ = plan_run(ledger, folder, list(names))
    ledger.mark_sending(run, ledger.pending(run, after=-1, count=9))
    body = Accepted(f'{{"company_name":"{SECRET}"}}'.encode(), None)
    steps = [LedgerStep(0, names[0], State.CREATED, OutcomeKind.CREATED, 1, customer_id="id-a", accepted=body)]
    steps += [
        LedgerStep(
            number, name, State.REFUSED, OutcomeKind.FAILED, 1, http_status=422, error_code="BAD",
            error_message=f"{SECRET} is no name", refusals=f'[{{"field":"","reason":"{SECRET}"}}]',
        )
        for number, name in enumerate(names[1:], start=1)
    ]  # fmt: skip
    ledger.record(run, steps)
    return run


def patch(name):
    """A write with personal data in its values."""
    values = {"company_name": SECRET}
    return Write(name, "PATCH", "customer", None, None, values, {"phone": None, **values})


def test_intact_ledger_has_no_faults(ledger, tmp_path):
    assert ledger.faults() == []
    sent(ledger, tmp_path)
    assert ledger.faults() == []


def test_contradictions_are_found(ledger, tmp_path):
    sent(ledger, tmp_path)
    with ledger._write() as connection:
        connection.exec_driver_sql("UPDATE customers SET customer_id = NULL WHERE reference_id = 'a'")
        connection.exec_driver_sql("UPDATE accepted SET reference_id = 'nobody'")
    assert ledger.faults() == [
        "1 accepted customers have no WizCommerce ID",
        "1 accepted bodies belong to no customer",
    ]


def test_shared_customer_id_is_found(ledger, tmp_path):
    sent(ledger, tmp_path, ["a", "b", "c"])
    ledger.tenant("other")
    ledger.record_lookup("other", ["a"], found_frame({"a": "id-a"}))
    assert ledger.faults() == [], "another account may have the same id"
    with ledger._write() as connection:
        connection.exec_driver_sql("UPDATE customers SET state = 'created', customer_id = 'id-a' WHERE tenant = 'acme'")
    assert ledger.faults() == ["1 WizCommerce IDs belong to two or more customers"]


def test_writes_without_a_customer_are_found(ledger, tmp_path):
    run = sent(ledger, tmp_path)
    ledger.announce_writes(run, [patch("a"), patch("a"), patch("a"), patch("b")])
    assert ledger.faults() == []
    ledger.tenant("other")
    with ledger._write() as connection:
        connection.exec_driver_sql("UPDATE writes SET tenant = 'other' WHERE id = 1")
        connection.exec_driver_sql("UPDATE writes SET reference_id = 'nobody' WHERE id = 2")
    assert ledger.faults() == ["2 writes belong to no customer of their run's account"]


def test_damaged_file_is_found(tmp_path):
    path = tmp_path / "ledger.db"
    with open_ledger(path) as ledger:
        ledger.tenant(TENANT)
        sent(ledger, tmp_path, [f"name-{number}" for number in range(400)])
        ledger.vacuum()
    content = bytearray(path.read_bytes())
    at = content.index(b"name-200")
    content[at : at + 8] = b"name-zzz"  # an index now disagrees with its table, or an order is broken
    path.write_bytes(content)
    with open_ledger(path) as ledger:
        assert ledger.faults() != []


def test_backup_is_complete_and_never_overwritten(tmp_path):
    copy = tmp_path / "backup" / "copy.db"
    with open_ledger(tmp_path / "ledger.db") as ledger:
        ledger.tenant(TENANT)
        run = sent(ledger, tmp_path)
        ledger.backup(copy)
        with pytest.raises(UsageError, match="already exists"):
            ledger.backup(copy)
        with open_ledger(copy) as again:
            assert again.faults() == []
            assert outcomes(again, run).keys() == {"a", "b"}
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


def test_interrupted_backup_leaves_no_file(tmp_path, monkeypatch):
    with open_ledger(tmp_path / "ledger.db") as ledger:
        with monkeypatch.context() as patched:
            patched.setattr("importer.ledger.sqlite.closing", Mock(side_effect=KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                ledger.backup(tmp_path / "copy.db")
        assert not (tmp_path / "copy.db").exists()
        ledger.backup(tmp_path / "copy.db")
        assert sorted(path.name for path in tmp_path.glob("copy*")) == ["copy.db"]


def test_server_backup_is_refused_with_a_hint(ledger, tmp_path):
    if ledger.path is not None:
        ledger.backup(tmp_path / "copy.db")
        return
    with pytest.raises(UsageError, match="not a file") as caught:
        ledger.backup(tmp_path / "copy.db")
    assert "pg_dump" in caught.value.hint


def test_vacuum_frees_disk_space(ledger, tmp_path):
    sent(ledger, tmp_path, [f"name-{number}-{'x' * 200}" for number in range(2000)])
    ledger.vacuum()
    with ledger._write() as connection:
        connection.exec_driver_sql("DELETE FROM run_customers")
        connection.exec_driver_sql("DELETE FROM accepted")
        connection.exec_driver_sql("DELETE FROM customers")
    before, after = ledger.vacuum()
    assert after < before / 2


def test_forget_erases_all_data_but_that_it_was_sent(ledger, tmp_path):
    run = sent(ledger, tmp_path)
    (write,) = ledger.announce_writes(run, [patch("a")])
    ledger.settle_writes(run, [replace(write, state=WriteState.DONE)])
    run.out.mkdir(parents=True)
    told = ledger.forget(TENANT, ["a", "b", "never heard of"])
    assert told == (2, (run.out,))
    known = ledger.known(TENANT, ["a", "b"]).set_index("reference_id")
    assert known["state"].to_dict() == {"a": "created", "b": "refused"}
    assert known.loc["a", "customer_id"] == "id-a"
    assert pd.isna(outcomes(ledger, run)["b"].error_message)
    with ledger._read() as connection:
        for table in ("accepted", "run_customers", "writes"):
            rows = connection.exec_driver_sql(f"SELECT * FROM {table}").all()
            assert SECRET not in repr(rows)
    (erased,) = ledger.writes_of(run, ["a"])["a"]
    assert (erased.before, erased.after, erased.state) == (None, None, "done")
    if ledger.path is not None:
        for file in tmp_path.glob("ledger.db*"):
            assert SECRET.encode() not in file.read_bytes()


def test_forget_affects_one_tenant(ledger, tmp_path):
    sent(ledger, tmp_path)
    ledger.tenant("other")
    assert ledger.forget("other", ["a", "b"])[0] == 0
    with ledger._read() as connection:
        assert SECRET in repr(connection.exec_driver_sql("SELECT body FROM accepted").all())


def test_unknown_outcome_is_not_forgotten(ledger, tmp_path):
    run, _ = plan_run(ledger, tmp_path, ["a"])
    ledger.mark_sending(run, ledger.pending(run, after=-1, count=9))
    with pytest.raises(LedgerError, match="the outcome of requests for a is not known yet"):
        ledger.forget(TENANT, ["a"])


def test_open_write_of_a_killed_undo_is_not_forgotten(ledger, tmp_path):
    run = sent(ledger, tmp_path)
    ledger.announce_writes(run, [Write("a", "DELETE", "customer", None, None, None, None)])
    with pytest.raises(LedgerError, match="the outcome of requests for a is not known yet") as caught:
        ledger.forget(TENANT, ["a", "b"])
    assert "importer undo" in caught.value.hint
    assert ledger.accepted(TENANT, ["a"])


def test_old_ledger_is_copied_before_migration(tmp_path, monkeypatch):
    """Uses an invented migration after the real ones."""
    path = tmp_path / "ledger.db"
    with open_ledger(path) as ledger:
        ledger.tenant(TENANT)
    version = len(schema.MIGRATIONS) + 1
    monkeypatch.setattr(
        schema,
        "MIGRATIONS",
        (
            *schema.MIGRATIONS,
            lambda c: Table("newer", MetaData(), Column("id", Integer)).create(c),
        ),
    )
    for _ in range(2):
        open_ledger(path).close()
    copy = tmp_path / f"ledger.db.schema-{version}"
    with sqlite3.connect(copy) as old:
        assert old.execute("SELECT name FROM tenants").fetchall() == [(TENANT,)]
        assert old.execute("SELECT name FROM sqlite_master WHERE name = 'newer'").fetchall() == []
    old.close()
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
