"""Plans and runs in partitions, however small, give the same bodies, actions, reports, and ledger as one partition."""

import itertools
import json
import multiprocessing
import re
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from importer.partitions import executors, prepared_sources
from importer.run_folder import RunFolder
from importer.settings import Options
from tests.workflow import strict_api as strict
from tests.workflow.desk import Desk, Said, make_desk
from tests.workflow.strict_api import REP, StrictApi, strict_api
from tests.workflow.test_parts import contents

COLOURS = [
    {"name": "Colour", "data_type": "select", "options": ["Red", "Blue"]},
    {"name": "Shade", "data_type": "text"},
]
IDLE = {**REP, "id": str(uuid.UUID(int=9)), "email": "idle@example.com", "first_name": "Ines", "status": "inactive"}
MAPPING = """
title: What only the API knows
key: Id
customer:
  company_name: Name
  phone: Phone
  assigned_sales_rep_ids: {from: Rep, split: ";", lookup: sales_rep}
  assigned_price_list_id: {from: Prices, lookup: price_list}
  attributes: {Colour: Colour, Shade: Shade}
contacts:
  - {first_name: Who, optional: true, attributes: {Desk: Desk}}
"""
ROWS = """
Id,Name,Phone,Rep,Prices,Colour,Shade,Who,Desk
A,Harbor Goods,415-555-0132,Robin Vale,,Red,,Ada,7
B,Kestrel,,Robin Vail,,,,,
C,Lantern Works,415-555-0133,"Vale, Ines; Robin Vale",Wholesale,Red,,Ben,
D,Odd Fellows,call us,Ines Vale,Wholesail,Green,,,
A,Harbor Goods,,,,,,Cy,
E,Pier Nine,415-555-0135,,PRC-1,Blue,dark,Eve,9
F,Quay Sons,415-555-0136,,,,,,
"""
LATER = ROWS.replace("415-555-0133", "415-555-0199").replace("0136", "0177").replace("E,Pier Nine", "G,Pier Ten")
# In the command that imports fixed rows, and in a sign-off sheet.
OTHER = re.compile(rb"127\.0\.0\.1:\d+|\d{8}-\d{6}(-\w+)?|/(one|parts2)/|\d{4}(-\d\d){2} \d\d(:\d\d){2} UTC")
FREE = ("customer_id", "seconds")  # columns that differ in each run


PARTITIONS = {"one": 1_000_000, "parts2": 2}  # a desk's folder → rows per partition


@pytest.fixture
def desks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Desks with the same files, and the words for them: the first uses one partition, the second many."""

    def rows(options: Options, *_: object) -> int:
        return PARTITIONS[options.out.resolve().relative_to(tmp_path).parts[0]]

    monkeypatch.setattr(prepared_sources, "rows_per_partition", rows)
    found = []
    for name in PARTITIONS:
        (tmp_path / name).mkdir()
        desk = make_desk(tmp_path / name)
        desk.write("m.yaml", MAPPING)
        desk.write("c.csv", ROWS.strip() + "\n")
        found.append((desk, ("c.csv", "-m", "m.yaml", "--country", "US", "--concurrency", "1")))
    return found


def same(desks, steps) -> None:
    """``steps(desk, words, api)`` gives the same result at each desk, each with its own API."""
    found = []
    for desk, words in desks:
        numbers = itertools.count(100)
        with pytest.MonkeyPatch.context() as patch, strict_api(sales_reps=[REP, IDLE]) as api:
            patch.setattr(strict.uuid, "uuid4", lambda numbers=numbers: uuid.UUID(int=next(numbers)))
            api.attributes["customer"] = COLOURS
            found.append(steps(desk, words, api))
            assert api.broken == []
    for other in found[1:]:
        assert other == found[0]


def left_behind(said: Said) -> dict[str, object]:
    """What a command left behind, without what differs each time."""
    found = {name: data for name, data in contents(said.folder).items() if not name.startswith("work/")}
    found["results.csv"] = [
        {name: text for name, text in line.items() if name not in FREE} for line in said.table("results.csv")
    ]
    summary = said.summary
    del found["report.html"], found["summary.json"]
    for book, parts in [(name, parts) for name, parts in found.items() if isinstance(parts, dict)]:
        found[book] = {name: OTHER.sub(b"", data) for name, data in parts.items()}
    kept = {name: summary[name] for name in ("customers", "rows", "exit_code", "problems", "plan") if name in summary}
    return {**found, "summary": kept, "stage": kept_stage(said.folder)}


def kept_stage(folder: Path) -> dict[str, object]:
    """What the folder stores for later commands."""
    if not (folder / "work" / "stage.json").exists():
        return {}
    stage = RunFolder(folder).load()
    tables = stage.tables
    frames = {name: getattr(tables, name) for name in ("customers", "addresses", "contacts", "rows", "changes")}
    frames |= {"problems": stage.problems.frame.sort_values(list(stage.problems.frame.columns), ignore_index=True)}
    plain = {name: (dict(frame.dtypes), pa.Table.from_pandas(frame).to_pydict()) for name, frame in frames.items()}
    fields = {name: rows.tolist() for name, rows in tables.customer_field_rows.items()}
    return {**plain, "entries": tables.entries, "fields": fields, "rejected": stage.rejected.tolist()}


def entered(desk: Desk) -> list[tuple[object, ...]]:
    """The ledger's data about customers, without times and paths."""
    query = """
        SELECT c.reference_id, c.state, c.hash, c.customer_id, a.body, r.position, r.action, r.outcome, r.body_offset
        FROM customers c LEFT JOIN accepted a USING (tenant, reference_id)
        LEFT JOIN run_customers r ON r.run_id = c.run_id AND r.reference_id = c.reference_id ORDER BY 1
    """
    with closing(sqlite3.connect(desk.state / "importer" / "ledger.db")) as ledger:
        return ledger.execute(query).fetchall()


def test_run_and_next_night_are_the_same_in_parts(desks) -> None:
    def steps(desk: Desk, words: tuple[str, ...], api: StrictApi) -> list[object]:
        first = desk.run(api.url, *words)
        assert first.outcomes["B"] == "rejected"
        assert {line["code"] for line in first.table("errors.csv")} >= {"lookup_unresolved", "lookup_inactive"}
        desk.write("c.csv", LATER.strip() + "\n")
        night = desk.run(api.url, *words, "--mode", "upsert")
        assert night.outcomes == {**night.outcomes, "A": "unchanged", "F": "updated", "G": "created"}
        return [left_behind(first), left_behind(night), entered(desk), api.bodies, api.patches, api.seen]

    same(desks, steps)


def test_plan_in_parts_is_the_same_and_can_be_applied(desks) -> None:
    def steps(desk: Desk, words: tuple[str, ...], api: StrictApi) -> list[object]:
        desk.run(api.url, *words)
        desk.write("c.csv", LATER.strip() + "\n")
        said = desk.do("plan", *words, "--mode", "upsert", "--api", api.url, "--json")
        assert said.table("changes.csv")
        frame, facts = RunFolder(said.folder).load_plan() or (pd.DataFrame(), {})
        done = desk.run(api.url, "--plan", said.summary["run_id"])
        own = {name: facts[name] for name in ("mapping_sha256", "options", "payloads_sha256")}
        return [left_behind(said), pa.Table.from_pandas(frame).to_pydict(), own, left_behind(done), entered(desk)]

    same(desks, steps)


def test_adopt_is_the_same_in_parts(desks) -> None:
    def steps(desk: Desk, words: tuple[str, ...], api: StrictApi) -> list[object]:
        desk.run(api.url, *words)
        desk.write("c.csv", LATER.strip() + "\n")
        said = desk.do("adopt", *words, "--api", api.url, "--ledger", "new.db", "--json")
        return [left_behind(said), said.summary["adopted"]]

    same(desks, steps)


def test_only_option_accepts_existing_ids_and_reports_others(desks) -> None:
    def steps(desk: Desk, words: tuple[str, ...], api: StrictApi) -> list[object]:
        wrong = desk.run(api.url, *words, "--only", "A", "--only", "X", "--only", "N")
        assert "no customer 'N', 'X'" in wrong.err
        said = desk.run(api.url, *words, "--only", "F", "--only", "A")
        assert [json.loads(body)["reference_id"] for body in api.bodies.values()] == ["A", "F"]
        return [wrong.code, left_behind(said), entered(desk)]

    same(desks, steps)


@pytest.mark.parametrize("words", [("--memory", "1GiB"), ("--engine", "dask")], ids=["processes", "dask"])
def test_workers_process_the_parts_and_end_before_sending(desk, words, monkeypatch) -> None:
    for module in (executors, prepared_sources):
        monkeypatch.setattr(module, "processors", lambda: 2)
    monkeypatch.setattr(prepared_sources, "rows_per_partition", lambda *_: 3)
    left: list[object] = []
    monkeypatch.setattr(StrictApi, "_create", _noting(left, StrictApi._create))
    desk.write("m.yaml", MAPPING)
    desk.write("c.csv", ROWS.strip() + "\n")
    with strict_api(sales_reps=[REP, IDLE], attributes={"customer": COLOURS}) as api:
        said = desk.run(api.url, "c.csv", "-m", "m.yaml", "--country", "US", *words)
        assert api.broken == []
    assert set(api.bodies) == {"A", "C", "E", "F"}
    assert (said.outcomes["B"], said.outcomes["D"]) == ("rejected", "rejected")
    assert left == [[]] * 4


def _noting(left: list[object], create: Any) -> Any:
    """Create as usual, and record this process's child processes each time."""

    def noted(*given: Any) -> Any:
        left.append(multiprocessing.active_children())
        return create(*given)

    return noted


def test_parts_are_removed_unless_a_run_was_interrupted(desks) -> None:
    desk, words = desks[1]
    with strict_api(sales_reps=[REP, IDLE]) as api:
        said = desk.run(api.url, *words, "--limit", "2")
        assert [path.name for path in (desk.path / "results").iterdir()] == [said.summary["run_id"]]
        resumed = desk.do("resume", "--json")
        assert resumed.outcomes["F"] == "created"
        assert api.broken == []
