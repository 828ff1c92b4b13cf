"""Makes the fixtures in this folder with the installed importer: ``python -m tests.upgrade.make_fixtures``.

``fixtures/schema-2`` was made at commit 82774b1, the last one with schema 2 of the ledger, an aiohttp client, and
updates that sent all children with a PATCH. A fixture is never remade: it represents what users have on their disks.
After a schema change, run this at the last commit before it; the folder is named after that schema.

A fixture has invented customers of one tenant. ``runs.json`` names each run:

=========  ============================================================================================
first      created C0 to C5 and left E0 alone, which existed before
night      upsert: updated C0 to C2 (their children's IDs were forgotten) and E1, which existed before
adopted    ``importer adopt``: A0 agrees with its source, A1 does not
undone     created U0 and U1, then undone: U0 deleted, U1 (changed by hand) deactivated with --force
tries      created T0; T1 failed without an answer, T2 was refused
base       created S0 to S6
stopped    upsert, killed: P0 created, S0 updated, P1 refused; P2 unknown but carried out; P3, S2, and S6 unknown
           and not carried out; P4, P5, S3, and S5 carried out but not answered yet; the others announced or
           pending. S5 and S6 get one more contact.
planned    ``importer plan --mode upsert``, not applied yet: create Q0, update T0
=========  ============================================================================================
"""

import contextlib
import csv
import json
import os
import shutil
import signal
import sqlite3
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import httpx
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from importer.ledger.ledger_schema import METADATA
from importer.sandbox import SandboxConfig
from tests.running_sandbox import RunningSandbox, running
from tests.workflow.desk import KEY, Desk, make_desk

FIXTURES = Path(__file__).parent / "fixtures"
HEADER = ("Id", "Name", "Phone", "Mail", "Colour", "Street", "Town", "Person", "Contact", "ContactMail", "Memo")
MAPPING = """\
title: Upgrades
key: Id
customer:
  company_name: Name
  phone: {from: Phone, optional: true}
  email: {from: Mail, optional: true}
  attributes:
    Colour: {from: Colour, optional: true}
    Memo: {from: Memo, optional: true}
addresses:
  - type: {constant: billing}
    optional: true
    address_line_1: Street
    city: Town
contacts:
  - reference_id: Person
    first_name: Contact
    email: ContactMail
    optional: true
"""
LONGEST_BODY = 900  # bytes: the sandbox refuses customers with a long memo
Row = dict[str, str]


def row(name: str, **changes: str) -> Row:
    number = int(name[1:])
    cells = (
        name, f"Company {name}", f"+141555501{(ord(name[0]) + number) % 100:02}", f"{name.lower()}@example.com", "red",
        f"{number + 1} Main Street", "Anytown", f"P-{name}", f"Robin {name}", f"robin.{name.lower()}@example.com", "",
    )  # fmt: skip
    return dict(zip(HEADER, cells, strict=True)) | changes


def rows(letter: str, count: int) -> list[Row]:
    return [row(f"{letter}{number}") for number in range(count)]


def second(name: str) -> Row:
    """A row with one more contact for a customer."""
    return row(name, Person=f"Q-{name}", Contact=f"Alex {name}", ContactMail=f"alex.{name.lower()}@example.com")


SOURCES: dict[str, list[Row]] = {
    "first": [*rows("C", 5), row("C5", Street="", Town=""), row("E0")],
    "night": [
        row("C0", Phone="+12125550100"),
        row("C1", Street="9 New Street"),
        row("C2", Contact="Sam C2", Colour="blue"),
        *(row(f"C{number}") for number in (3, 4)),
        row("C5", Street="", Town=""),
        row("E1"),
    ],
    "adopted": [row("A0", Street="", Town=""), row("A1")],
    "undone": rows("U", 2),
    "tries": [row("T0"), row("T1"), row("T2", Memo="long " * 50, Colour="long " * 50, Street="long " * 50)],
    "base": rows("S", 7),
    "stopped": [
        row("P0"),
        row("S0", Phone="+12125550110"),
        row("P1", Memo="long " * 50, Colour="long " * 50, Street="long " * 50),
        row("P2"),
        row("P3"),
        row("S2", Phone="+12125550112", Colour="blue"),
        row("P4"),
        row("P5"),
        row("S3", Phone="+12125550113"),
        row("S6"),
        second("S6"),
        row("S5"),
        second("S5"),
        row("P6"),
        row("P7"),
        row("P8"),
        row("P9"),
        row("S1", Phone="+12125550111"),
        row("S4", Street="4 New Street"),
        *(row(f"P1{number}") for number in range(4)),
    ],
    "planned": [row("Q0"), row("T0", Phone="+12125550120")],
}
AIMED = {
    "P2": ["drop-after"],
    "P3": ["drop-before"],
    "S2": ["drop-before"] * 20,  # the client repeats a PATCH
    "P4": ["slow"],
    "P5": ["slow"],
    "S3": ["slow"],
    "S6": ["drop-before"],
    "S5": ["slow"],
}
STOPPED = {  # the states in which the killed run must leave its customers
    "created": {"P0"},
    "updated": {"S0"},
    "failed": {"P1"},
    "unknown": {"P2", "P3", "P4", "P5", "S2", "S3", "S5", "S6"},
    "pending": {"P13"},
}
KEPT = ("work", "payloads.jsonl", "undo.csv")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        desk = make_desk(Path(folder))
        maker = Maker(desk)
        maker.make()
        target = FIXTURES / f"schema-{maker.version()}"
        shutil.rmtree(target, ignore_errors=True)
        maker.save(target)


class Maker:
    """``ids``: name of a run → its ID."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.ids: dict[str, str] = {}
        self.data = desk.path / "sandbox.db"
        self.port = 0

    def make(self) -> None:
        self.desk.write("upgrade.yaml", MAPPING)
        for name, source in SOURCES.items():
            write_source(self.desk.path / f"{name}.csv", source)
        with self.sandbox() as box:
            post(
                box,
                [row("E0"), row("E1", Phone="+12125550199"), *SOURCES["adopted"][:1], row("A1", Phone="+12125550198")],
            )
            self.run(box, "first")
            self.run(box, "night", "--mode", "upsert", "--partial")
            self.run(box, "adopted", command="adopt")
            self.run(box, "undone")
            patch(box, "U1", company_name="Changed by hand")
            self.said(self.desk.do("undo", self.ids["undone"], *self.words(box, settle=0), "--yes", "--quiet"), 1)
        with self.sandbox(delete="deactivate") as box:
            words = self.words(box, settle=0)
            self.said(self.desk.do("undo", self.ids["undone"], *words, "--force", "--yes", "--quiet"), 0)
        with self.sandbox(max_body=LONGEST_BODY, aimed={"T1": ["drop-before"] * 9}) as box:
            self.run(box, "tries", "--settle", "0", code=1)
        with self.sandbox() as box:
            self.run(box, "base")
            self.run(box, "planned", "--mode", "upsert", command="plan")
        with self.sandbox(max_body=LONGEST_BODY, aimed=AIMED, list_lag=600.0) as box:
            self.kill(box)

    @contextlib.contextmanager
    def sandbox(self, **changes: object):
        config = SandboxConfig(data=self.data, keys=(KEY,), **changes)  # type: ignore[arg-type]
        with running(config, port=self.port) as box:
            self.port = int(box.url.rpartition(":")[2])
            yield box

    def words(self, box: RunningSandbox, settle: int | None = None) -> list[str]:
        place = ["--ledger", "ledger.db", "--tenant", "acme"]
        return place if settle is None else [*place, "--settle", str(settle)]

    def run(self, box: RunningSandbox, name: str, *more: str, command: str = "run", code: int = 0) -> None:
        words = (f"{name}.csv", "-m", "upgrade.yaml", "--api", box.url, *self.words(box), *more)
        said = self.desk.do(command, *words, "--rate", "500", "--json", "--partial")
        self.said(said, code)
        self.ids[name] = said.summary["run_id"]
        time.sleep(1.1)  # so that the run IDs differ in their seconds and sort in order

    def said(self, said, code: int) -> None:
        assert said.code == code, said.out + said.err

    def kill(self, box: RunningSandbox) -> None:
        """Send SIGKILL once all intended requests are in flight and the answers so far are in the ledger."""
        words = ("stopped.csv", "-m", "upgrade.yaml", "--api", box.url, *self.words(box), "--mode", "upsert")
        more = ("--partial", "--rate", "500", "--concurrency", "4", "--batch-size", "2", "--quiet")
        process = self.desk.start("run", *words, *more)
        slow = {name for name, faults in AIMED.items() if faults == ["slow"]}
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            time.sleep(0.1)
            met = {name for seen in box.requests() for name in seen.reference_ids if seen.fault == "slow"}
            states = self.states()
            if met == slow and all(states.get(name) == "unknown" for name in ("P2", "P3", "S2", "S6")):
                break
        process.send_signal(signal.SIGKILL)
        process.communicate()
        outcomes = self.outcomes()
        for outcome, names in STOPPED.items():
            assert {outcomes[name] for name in names} == {outcome}, (outcome, outcomes)
        self.ids["stopped"] = self.ask("SELECT max(id) FROM runs")[0][0]

    def outcomes(self) -> dict[str, str]:
        latest = "run_id = (SELECT max(id) FROM runs)"
        return dict(self.ask(f"SELECT reference_id, outcome FROM run_customers WHERE {latest}"))

    def states(self) -> dict[str, str]:
        return dict(self.ask("SELECT reference_id, state FROM customers"))

    def version(self) -> int:
        return self.ask("SELECT version FROM schema_version")[0][0]

    def ask(self, query: str) -> list[tuple]:
        with contextlib.closing(sqlite3.connect(self.desk.path / "ledger.db")) as ledger:
            return ledger.execute(query).fetchall()

    def save(self, target: Path) -> None:
        """Save what is needed, without this machine's folder and port."""
        target.mkdir(parents=True)
        own = {str(self.desk.path): "@DESK@", f"127.0.0.1:{self.port}": "@HOST@"}
        for name in ("ledger", "sandbox"):
            (target / f"{name}.sql").write_text(replaced(dump(self.desk.path / f"{name}.db"), own), encoding="utf-8")
        for path in [*self.desk.path.glob("*.csv"), self.desk.path / "upgrade.yaml"]:
            shutil.copy(path, target / path.name)
        for run_id in self.ids.values():
            for path in files_of(self.desk.path / "results" / run_id):
                copy = target / "runs" / path.relative_to(self.desk.path / "results")
                copy.parent.mkdir(parents=True, exist_ok=True)
                content = path.read_bytes()
                if path.suffix in {".json", ".csv", ".jsonl"}:
                    content = replaced(content.decode(), own).encode()
                assert str(self.desk.path).encode() not in content
                copy.write_bytes(content)
        (target / "postgresql.sql").write_text(tables(), encoding="utf-8")
        (target / "runs.json").write_text(json.dumps(self.ids, indent=1) + "\n", encoding="utf-8")


def files_of(folder: Path) -> Iterable[Path]:
    """The files in a run's folder that resume, undo, and report need; reports can be rewritten."""
    for name in KEPT:
        path = folder / name
        yield from (file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path] * path.exists()


def write_source(path: Path, source: Sequence[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, HEADER, lineterminator="\n")
        writer.writeheader()
        writer.writerows(source)


def post(box: RunningSandbox, customers: Iterable[Row]) -> None:
    """Create customers as someone else would, before the importer runs."""
    for cells in customers:
        address = {
            "reference_id": f"HAND-{cells['Id']}",
            "type": "billing",
            "address_line_1": cells["Street"],
            "city": cells["Town"],
            "is_default": True,
        }
        person = {"reference_id": cells["Person"], "first_name": cells["Contact"], "email": cells["ContactMail"]}
        person["is_default"] = True
        body = {
            "reference_id": cells["Id"], "company_name": cells["Name"], "display_name": cells["Name"],
            "phone": cells["Phone"], "email": cells["Mail"],
            "addresses": [address] if cells["Street"] else [], "contacts": [person],
            "attributes": [{"name": "Colour", "value": cells["Colour"]}],
        }  # fmt: skip
        answer = httpx.post(f"{box.url}/v1/customers", json=body, headers={"X-API-Key": KEY}, trust_env=False)
        assert answer.status_code == 201, answer.text


def patch(box: RunningSandbox, name: str, **fields: str) -> None:
    there = next(one["id"] for one in box.customers() if one["reference_id"] == name)
    url = f"{box.url}/v1/customers/{there}"
    assert httpx.patch(url, json=fields, headers={"X-API-Key": KEY}, trust_env=False).is_success


def dump(path: Path) -> str:
    """A database as SQL text."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        (mark,) = database.execute("PRAGMA application_id").fetchone()
        return "\n".join([f"PRAGMA application_id = {mark};", *database.iterdump(), ""])


def tables() -> str:
    """The statements that create the ledger's tables in PostgreSQL."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    made = [CreateTable(table) for table in METADATA.sorted_tables]
    made += [CreateIndex(index) for table in METADATA.sorted_tables for index in sorted(table.indexes, key=str)]
    return "".join(f"{str(statement.compile(dialect=dialect)).strip()};\n" for statement in made)


def replaced(text: str, own: dict[str, str]) -> str:
    for this, other in own.items():
        text = text.replace(this, other)
    return text


if __name__ == "__main__":
    os.umask(0o077)
    main()
