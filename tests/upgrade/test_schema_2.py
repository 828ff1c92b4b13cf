"""Ledgers and runs with schema 2 still work: nothing is created or sent twice."""

import contextlib
import re
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import inspect

from importer.ledger import open_ledger
from importer.ledger.ledger_schema import MIGRATIONS
from tests.postgres import database
from tests.upgrade.conftest import Office
from tests.workflow.desk import read_table

CREATED = [f"P{number}" for number in range(14) if number != 1]
SENT = ("first", "night", "adopted", "tries", "base")


def test_old_ledger_opens_intact_and_a_copy_is_kept(office: Office) -> None:
    with open_ledger(office.ledger) as ledger:
        assert ledger.faults() == []
        assert [run.id for run in ledger.runs("acme")] == sorted(set(office.runs.values()) - {office.runs["planned"]})[
            ::-1
        ]
        with ledger._read() as connection:
            assert connection.exec_driver_sql("SELECT version FROM schema_version").scalar() == len(MIGRATIONS) + 1
        counts = {run: ledger.counts(office.runs[run]) for run in ("first", "night")}
    assert counts == {"first": {"created": 6, "exists": 1}, "night": {"updated": 4, "unchanged": 3}}
    if "://" not in office.ledger:
        with contextlib.closing(sqlite3.connect(Path(f"{office.ledger}.schema-2"))) as copy:
            assert copy.execute("SELECT version FROM schema_version").fetchall() == [(2,)]
            assert copy.execute("SELECT count(*) FROM customers").fetchone() > (30,)


def test_forget_reports_folders_and_the_ledger_copy_with_the_data(office: Office) -> None:
    copy = Path(f"{office.ledger}.schema-2")
    with open_ledger(office.ledger) as ledger:
        known, copies = ledger.forget("acme", ["C0", "never heard of"])
    folders = {office.folder("first"), office.folder("night")}
    assert (known, set(copies)) == (1, folders | ({copy} if copy.exists() else set()))
    assert ("://" in office.ledger) != copy.exists()


def layout(ledger) -> dict[str, object]:
    """Tables, columns, keys, indexes, and checks, regardless of order and wording."""
    look = inspect(ledger._store.engine)
    return {
        table: (
            {column["name"]: (str(column["type"]), column["nullable"]) for column in look.get_columns(table)},
            look.get_pk_constraint(table)["constrained_columns"],
            {index["name"]: index["column_names"] for index in look.get_indexes(table)},
            {(key["referred_table"], *key["constrained_columns"]) for key in look.get_foreign_keys(table)},
            {
                check["name"]: set(re.findall(r"'(\w+)'", check["sqltext"]))
                for check in look.get_check_constraints(table)
            },
        )
        for table in look.get_table_names()
    }


@pytest.mark.parametrize("version", [1, 2])
def test_old_ledger_gets_the_tables_of_a_new_one(office: Office, tmp_path: Path, version: int) -> None:
    """Version 1 did not have the column ``accepted.updated_at``."""
    if version == 1:
        office.sql("ALTER TABLE accepted DROP COLUMN updated_at", "UPDATE schema_version SET version = 1")
    with contextlib.ExitStack() as stack:
        empty = str(tmp_path / "new.db") if "://" not in office.ledger else stack.enter_context(database())
        old, new = (stack.enter_context(open_ledger(place)) for place in (office.ledger, empty))
        assert layout(old) == layout(new)
        assert old.faults() == []


def test_killed_run_is_resumed_and_each_customer_exists_once(office: Office) -> None:
    said = office.do("resume", "stopped", "--settle", 0)
    assert said.code == 1, "P1 was refused"
    outcomes = {line["reference_id"]: line["outcome"] for line in read_table(office.folder("stopped") / "results.csv")}
    assert outcomes.pop("P1") == "failed"
    assert {name: outcome for name, outcome in outcomes.items() if name[0] == "P"} == dict.fromkeys(CREATED, "created")
    assert {name: outcome for name, outcome in outcomes.items() if name[0] == "S"} == {
        f"S{number}": "updated" for number in range(7)
    }
    there = office.there()
    assert {name for name in there if name[0] == "P"} == set(CREATED)
    posts = {name for method, *names in office.writes() for name in names if method == "POST" and name[0] == "P"}
    assert posts == set(CREATED) - {"P0", "P2", "P4", "P5"}, "those four were there"
    phones = {name: there[name]["phone"] for name in ("S0", "S1", "S2", "S3")}
    assert phones == {f"S{number}": f"+1212555011{number}" for number in range(4)}
    for name in ("S5", "S6"):
        assert [one["reference_id"] for one in there[name]["contacts"]] == [f"P-{name}", f"Q-{name}"]
    assert [one["address_line_1"] for one in there["S4"]["addresses"]] == ["4 New Street"]
    assert office.do("verify", "stopped").code == 0
    before = office.writes()
    assert office.do("resume", "stopped", "--settle", 0).code == 1
    assert office.writes() == before


def test_failed_customers_are_retried_once(office: Office) -> None:
    assert office.do("retry", "tries", "--settle", 0).code == 1, "T2 was refused"
    assert office.writes() == {("POST", "T1"): 1}
    assert {"T0", "T1"} <= office.there().keys()


def test_run_is_undone_and_earlier_customers_are_kept(office: Office) -> None:
    said = office.do("undo", "first", "--settle", 0, "--yes")
    assert said.code == 0, said.err
    assert [name for name in office.there() if name[0] in "CE"] == ["E0", "E1"]
    assert office.do("verify", "first").code == 0
    with open_ledger(office.ledger) as ledger:
        assert ledger.undone()[office.runs["first"]] == ledger.counts(office.runs["first"])["created"]
    before = office.writes()
    assert office.do("undo", "first", "--settle", 0, "--yes").code == 0
    assert office.writes() == before


def test_already_undone_run_is_left_alone(office: Office) -> None:
    assert office.do("undo", "undone", "--settle", 0, "--yes").code == 0
    assert office.writes() == {}
    assert office.do("verify", "undone").code == 0, "one was deleted and one deactivated: both were undone"


def test_same_night_writes_nothing(office: Office) -> None:
    for _ in range(2):
        said = office.run("night", "--mode", "upsert")
        assert (said.code, set(said.outcomes.values())) == (0, {"unchanged"}), said.out + said.err
    assert office.run("adopted").code == 0
    assert office.writes() == {}


def test_child_without_an_id_in_the_ledger_is_changed_not_added(office: Office) -> None:
    source = office.desk.path / "night.csv"
    text = source.read_text()
    source.write_text(text.replace("9 New Street", "10 Newer Street").replace("Sam C2", "Kim C2"))
    before = office.there()
    said = office.run("night", "--mode", "upsert")
    assert said.code == 0, said.out + said.err
    assert said.outcomes == {f"C{n}": "updated" if n in (1, 2) else "unchanged" for n in range(6)} | {"E1": "unchanged"}
    there = office.there()
    for name, kind, field, value in (
        ("C1", "addresses", "address_line_1", "10 Newer Street"),
        ("C2", "contacts", "first_name", "Kim C2"),
    ):
        assert [(one["id"], one[field]) for one in there[name][kind]] == [(before[name][kind][0]["id"], value)]
    assert office.writes().total() == 2


def test_plan_is_applied(office: Office) -> None:
    said = office.do("run", "--plan", office.folder("planned"), "--yes")
    assert (said.code, said.outcomes) == (0, {"Q0": "created", "T0": "updated"}), said.err
    assert office.there()["T0"]["phone"] == "+12125550120"
    assert office.writes().total() == 2


@pytest.mark.parametrize("run", SENT)
def test_api_has_what_the_ledger_says(office: Office, run: str) -> None:
    # For four customers of ``base``, it is not yet known whether they were updated.
    assert office.do("verify", run).code == (3 if run == "base" else 0)
    assert office.writes() == {}


@pytest.mark.parametrize("run", [*SENT, "undone", "stopped"])
def test_reports_are_rewritten(office: Office, run: str) -> None:
    said = office.do("report", run)
    assert said.code == {"tries": 1, "stopped": 3}.get(run, 0), said.err
    lines = read_table(office.folder(run) / "results.csv")
    with open_ledger(office.ledger) as ledger:
        assert len(lines) == sum(ledger.counts(office.runs[run]).values())
    assert (office.folder(run) / "report.html").exists()
