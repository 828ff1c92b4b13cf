"""What an older version has left: its ledger, its run folders, its sources, and the API that it sent to."""

import contextlib
import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from importer.sandbox import SandboxConfig
from tests.postgres import database
from tests.running_sandbox import RunningSandbox, running
from tests.workflow.desk import KEY, Desk, Said, make_desk

SCHEMA_2 = Path(__file__).parent / "fixtures" / "schema-2"
TABLES = ("schema_version", "tenants", "runs", "customers", "accepted", "run_customers", "attempts")


@dataclass(frozen=True)
class Office:
    """``runs``: name of a run (see ``make_fixtures``) → its ID. ``ledger``: the value for ``--ledger``."""

    desk: Desk
    box: RunningSandbox
    ledger: str
    runs: dict[str, str]

    def do(self, command: str, *words: object) -> Said:
        """Run a command on this ledger; names of runs are replaced by their IDs."""
        given = [self.runs.get(str(word), word) for word in words]
        return self.desk.do(command, *given, "--ledger", self.ledger, "--tenant", "acme", "--json")

    def run(self, source: str, *words: object, command: str = "run") -> Said:
        """Run a command that reads a source and sends to the sandbox."""
        place = ("--api", self.box.url, "--rate", 500, "--partial")
        return self.do(command, f"{source}.csv", "-m", "upgrade.yaml", *place, *words)

    def sql(self, *statements: str) -> None:
        """Change the ledger behind the importer's back."""
        if "://" in self.ledger:
            with psycopg.connect(self.ledger) as made:
                for statement in statements:
                    made.execute(statement.encode())
            return
        with contextlib.closing(sqlite3.connect(self.ledger)) as ledger:
            ledger.executescript(";".join(statements))

    def folder(self, run: str) -> Path:
        return self.desk.path / "results" / self.runs[run]

    def there(self) -> dict[str, dict[str, Any]]:
        """The active customers by reference ID, after a check that each exists once."""
        active = [one for one in self.box.customers() if one["status"] == "active"]
        found = {one["reference_id"]: one for one in active}
        assert len(found) == len(active)
        return found

    def writes(self) -> Counter[tuple[str, ...]]:
        """The number of requests that change something, by method and customer."""
        return Counter((seen.method, *seen.reference_ids) for seen in self.box.requests() if seen.method != "GET")


@pytest.fixture(params=["sqlite", "postgresql"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    desk = make_desk(tmp_path)
    load_sqlite(SCHEMA_2 / "sandbox.sql", desk.path / "sandbox.db", {})
    for path in [*SCHEMA_2.glob("*.csv"), *SCHEMA_2.glob("*.yaml")]:
        shutil.copy(path, desk.path)
    runs = json.loads((SCHEMA_2 / "runs.json").read_bytes())
    with contextlib.ExitStack() as stack:
        box = stack.enter_context(running(SandboxConfig(data=desk.path / "sandbox.db", keys=(KEY,))))
        own = {"@DESK@": str(desk.path), "@HOST@": box.url.removeprefix("http://")}
        copy_runs(desk.path / "results", own)
        ledger = str(desk.path / "ledger.db")
        load_sqlite(SCHEMA_2 / "ledger.sql", Path(ledger), own)
        if request.param == "postgresql":
            url = stack.enter_context(database())
            load_postgres(url, Path(ledger))
            Path(ledger).unlink()
            ledger = url
        yield Office(desk, box, ledger, runs)


def load_sqlite(dump: Path, target: Path, own: dict[str, str]) -> None:
    with contextlib.closing(sqlite3.connect(target)) as made:
        made.executescript(replaced(dump.read_text(encoding="utf-8"), own))


def load_postgres(url: str, ledger: Path) -> None:
    """Create the tables as the older version did in PostgreSQL, with the rows of an SQLite ledger."""
    with contextlib.closing(sqlite3.connect(ledger)) as source, psycopg.connect(url) as made:
        made.execute((SCHEMA_2 / "postgresql.sql").read_bytes())
        for table in TABLES:
            rows = source.execute(f"SELECT * FROM {table}")
            names = [name for name, *_ in rows.description]
            own = [number for number, name in enumerate(names) if (table, name) != ("attempts", "id")]
            columns, places = ", ".join(names[number] for number in own), ", ".join(["%s"] * len(own))
            values = [[row[number] for number in own] for row in rows]
            made.cursor().executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})".encode(), values)


def copy_runs(target: Path, own: dict[str, str]) -> None:
    for path in (SCHEMA_2 / "runs").rglob("*"):
        copy = target / path.relative_to(SCHEMA_2 / "runs")
        if path.is_dir():
            copy.mkdir(parents=True, exist_ok=True)
        elif path.suffix in {".json", ".csv", ".jsonl"}:
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(replaced(path.read_text(encoding="utf-8"), own), encoding="utf-8")
        else:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)


def replaced(text: str, own: dict[str, str]) -> str:
    for this, other in own.items():
        text = text.replace(this, other)
    return text
