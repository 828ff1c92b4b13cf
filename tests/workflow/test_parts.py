"""A check in parts: the same files, byte for byte, as in one piece, however small the parts are."""

import csv
import io
import json
import os
import re
import signal
import sys
import threading
import zipfile
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from importer.commands.check import check
from importer.errors import MappingError, OutputError, UsageError
from importer.partitions import dask_executor as cluster
from importer.partitions import parent as whole
from importer.partitions.dask_executor import dask_crew
from importer.partitions.executors import Crew, OneProcess, Processes, processes
from importer.partitions.partition import rows_of_a_part
from importer.partitions.scratch import PREFIX, scratch_folder
from importer.partitions.worker import join_bodies
from importer.settings import Options
from importer.tables import DEFAULT_STATED, ENTITIES, Sources
from importer.workflow import pieces
from importer.workflow.directory import Needs
from importer.workflow.prepare import Timings
from tests.samples.__main__ import SAMPLE_DATA
from tests.support import make_source

NOW = datetime(2025, 3, 31, 14, 5, 2, tzinfo=UTC)
CHANGING = ("timings",)
PLANTED = """
title: What customers have in common
key: Id
customer:
  reference_id: Ref
  company_name: Name
  phone: {from: Phone, extension_to: Extension}
  email: {from: Mail, split: ";", take: first}
  assigned_sales_rep_ids: {from: Rep, split: ";", lookup: sales_rep}
addresses:
  - {type: {constant: billing}, lines: [B1, B2, B3, B4], reference_id: Address}
contacts:
  - {first_name: Who, email: {from: Whose, invalid: blank}, reference_id: Contact, optional: true}
"""
ROWS = """
Id,Ref,Name,Phone,Mail,Rep,B1,B2,B3,B4,Address,Who,Whose,Contact,Loose
1,A,Harbor Goods,4155550132 x7,a@example.com,Robin Vale,4 Pier Rd,"Austin, TX 78701",,,AD1,Ada,ada@example.com,K1,
2,B,Kestrel,,b@example.com; c@example.com,Ines Duarte;Robin Vale,Dock 7,4 Mill Ln,"Marlow, OH 43000",,AD2,Ben,nobody,K2,
3,a,"Harbor Goods, Inc.",+1 999,x,,4 Pier Rd,"Austin, TX 78701",,,ad1,Cy,,K1,
,C,Nobody,,,,1 Mill Ln,"Marlow, OH 43000",,,AD9,,,,
1,A,Harbor Goods,,,,9 Quay,"Austin, TX 78701",,,AD7,Dee,dee@example.com,k2,
4,B,Lantern\u00a0Works,415-555-0134,,Robin Vale,,,,,,,,,
5,E,Harbour Goods,,\u00a0e@example.com,Kim Larsen,4 Pier Rd,"Austin, TX 78701",415-555-0135,,AD2,Eve,e@example.com,K5,
2,B,Kestrel Ltd,,,,,,,,,,,,
6,F,,,,,5 Mill Ln,"Marlow, OH",call us,,AD6,,,,
"""


@pytest.fixture
def offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """``offered(options, rows)``: the files of a check in parts of so many rows, of one in one piece for 0."""

    def run(
        options: Options, rows: int, *, memory: int | None = 1 << 30, crew: Crew | None = None
    ) -> dict[str, object]:
        folder = tmp_path / str(rows)
        folder.mkdir()
        monkeypatch.chdir(folder)
        monkeypatch.setattr("importer.commands.check.new_run_id", lambda _: "run")
        monkeypatch.setattr("importer.commands.check.Timings", partial(Timings, clock=lambda: 0.0))
        monkeypatch.setattr(whole, "processes", lambda: nullcontext(crew or OneProcess()))
        monkeypatch.setattr(whole, "rows_of_a_part", lambda *_: rows)
        check(replace(options, memory=memory if rows else None), now=lambda: NOW)
        assert [path.name for path in Path("results").iterdir()] == ["run"]  # nothing is left of the parts
        return contents(Path("results/run"))

    return run


def contents(folder: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as book:
                found[name] = {part: book.read(part) for part in book.namelist()}
        elif name == "summary.json":
            found[name] = {key: value for key, value in json.loads(path.read_bytes()).items() if key not in CHANGING}
        elif path.is_file():
            found[name] = path.read_bytes()
    return found


@pytest.mark.parametrize(
    ("system", "rows"),
    [
        ("netsuite", 160),
        ("quickbooks-iif", 90),  # addresses in lines
        ("sap-business-one", 300),  # joined files
        ("odoo", 120),  # parents, a workbook
        ("shopify", 50),  # blank keys
    ],
)
def test_samples_come_out_alike(offered, system: str, rows: int) -> None:
    options = Options(sources=(str(SAMPLE_DATA / system),), mapping=system, country="US")
    assert offered(options, rows) == offered(options, 0)


@pytest.mark.parametrize(("rows", "dedupe"), [(1, "warn"), (4, "reject"), (100, "warn")])
def test_what_customers_have_in_common_is_found_across_parts(offered, tmp_path: Path, rows: int, dedupe: str) -> None:
    (tmp_path / "planted.yaml").write_text(PLANTED, encoding="utf-8")
    (tmp_path / "planted.csv").write_text(ROWS.strip() + "\n", encoding="utf-8")
    options = Options(
        sources=(str(tmp_path / "planted.csv"),), mapping=str(tmp_path / "planted.yaml"), country="US", dedupe=dedupe
    )
    at_once = offered(options, 0)
    said = at_once["errors.csv"]
    assert isinstance(said, bytes)
    codes = {line["code"] for line in csv.DictReader(io.StringIO(said.decode()))}
    assert {"duplicate_reference_id", "reference_id_case", "customer_alike", "lookup_pending", "key_blank"} <= codes
    assert {"phone_extension_split", "address_parsed", "text_tidied", "customer_conflict"} <= codes
    assert offered(options, rows) == at_once


def test_parts_know_which_defaults_the_source_states(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "m.yaml").write_text(
        "title: T\nkey: Id\ncustomer: {company_name: Name}\n"
        "addresses: [{type: {constant: billing}, address_line_1: Street, city: Town, is_default: Main}]\n"
        "contacts: [{first_name: Who, is_default: First, optional: true}]\n"
    )
    rows = [
        "1,Owl,Mill Ln,Marlow,No,Ada,",
        "2,Wren,Low Rd,Marlow,,Ben,No",
        "3,Jay,Dock 7,Marlow,Yes,,",
        "4,Kea,,,,Dee,",
    ]
    (tmp_path / "m.csv").write_text("\n".join(["Id,Name,Street,Town,Main,Who,First", *rows, ""]))
    monkeypatch.setattr(whole, "processes", lambda: nullcontext(OneProcess()))
    monkeypatch.setattr(whole, "rows_of_a_part", lambda *_: 1)
    options = Options(sources=(str(tmp_path / "m.csv"),), mapping=str(tmp_path / "m.yaml"), out=tmp_path / "out")
    with whole.in_parts(options, Timings(), hashed=False) as work:
        assert work.needs() == Needs(frozenset(), frozenset(), frozenset(ENTITIES))
        tables = work.settled(None).tables
    found = {name: getattr(tables, name)[["is_default", DEFAULT_STATED]] for name in ("addresses", "contacts")}
    assert found["addresses"].to_numpy().tolist() == [[False, True], [True, False], [True, True]]
    assert found["contacts"].to_numpy().tolist() == [[True, False], [False, True], [True, False]]


def test_no_customer_at_all(offered, tmp_path: Path) -> None:
    (tmp_path / "planted.yaml").write_text(PLANTED, encoding="utf-8")
    (tmp_path / "planted.csv").write_text(re.sub(r"(?m)^\d+,", ",", ROWS.strip()) + "\n", encoding="utf-8")
    options = Options(sources=(str(tmp_path / "planted.csv"),), mapping=str(tmp_path / "planted.yaml"), country="US")
    assert offered(options, 3) == offered(options, 0)


def test_what_a_worker_cannot_do_is_told_as_ever(offered, tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(
        "title: T\nkey: Id\ncustomer: {company_name: {from: Name, as: {python: f.py:f}}}\n"
    )
    (tmp_path / "f.py").write_text("def f(text):\n    return 1 / 0\n")
    (tmp_path / "c.csv").write_text("Id,Name\n1,One\n2,Two\n")
    with pytest.raises(MappingError, match="ZeroDivisionError"):
        offered(Options(sources=(str(tmp_path / "c.csv"),), mapping=str(tmp_path / "m.yaml")), 1)
    assert not list(Path("results").glob(f"{PREFIX}*"))


def dies_once(mark: str, number: int) -> int:
    """The first process to come here dies as if it were killed."""
    if number == 1 and not Path(mark).exists():
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def test_a_process_that_dies_loses_nothing(tmp_path: Path) -> None:
    crew = Processes(2)
    try:
        done = crew.map(dies_once, [(str(tmp_path / "mark"), number) for number in range(4)])
        assert done == [0, 1, 4, 9]
        assert (tmp_path / "mark").exists()
    finally:
        crew.close()


def leaves(mark: str, number: int) -> None:
    Path(mark).write_text(str(dies_once(mark, number)))


def fails(message: str) -> None:
    raise OutputError(message, "Make room.")


def test_what_is_done_on_the_side_is_done_when_it_is_waited_for(tmp_path: Path) -> None:
    crew = Processes(1)
    marks = [tmp_path / str(number) for number in range(3)]
    try:
        crew.begin(leaves, str(marks[0]), 0)
        crew.finish()
        assert marks[0].read_text() == "0"
        crew.begin(leaves, str(marks[1]), 1)  # its process dies, so it is done here
        crew.finish()
        assert marks[1].read_text() == "1"
        crew.begin(leaves, str(marks[2]), 2)
        crew.finish()
        assert marks[2].read_text() == "4"
        crew.begin(fails, "full")
        with pytest.raises(OutputError, match="full"):
            crew.finish()
        crew.finish()
    finally:
        crew.close()


def never_ends() -> None:
    threading.Event().wait()


def test_an_interrupt_ends_processes_whatever_they_do(tmp_path: Path) -> None:
    crew = Processes(2)
    at_work = [crew._open().submit(never_ends) for _ in range(2)]
    crew.stop()
    assert all(future.done() for future in at_work)
    assert crew.map(dies_once, [(str(tmp_path / "mark"), 3)]) == [9]  # whoever has work makes new ones
    crew.close()


def test_reports_are_the_same_when_a_process_helps_with_them(offered, monkeypatch) -> None:
    options = Options(sources=(str(SAMPLE_DATA / "netsuite"),), mapping="netsuite", country="US")
    at_once = offered(options, 0)
    with processes() as crew:
        monkeypatch.setattr(pieces, "_LARGE", 0)
        assert offered(options, 160, memory=None, crew=crew) == at_once


def test_a_dask_cluster_gives_the_same_and_survives_a_worker(offered, tmp_path: Path, monkeypatch) -> None:
    options = Options(sources=(str(SAMPLE_DATA / "generic-wide"),), mapping="generic-wide", country="US")
    at_once = offered(options, 0)
    with dask_crew("dask", tmp_path) as crew:
        monkeypatch.setattr(whole, "_crew", lambda *_: nullcontext(crew))
        assert crew.map(dies_once, [(str(tmp_path / "mark"), number) for number in range(3)]) == [0, 1, 4]
        assert offered(options, 80) == at_once
    assert (tmp_path / "mark").exists()


def test_an_engine_that_is_none_or_does_not_answer_is_told(tmp_path: Path, monkeypatch) -> None:
    with pytest.raises(UsageError, match="--engine is 'spark'"):
        Options(engine="spark")
    monkeypatch.setattr(cluster, "_PATIENCE", 0.2)
    with pytest.raises(UsageError, match="no scheduler answers"), dask_crew("dask://127.0.0.1:9", tmp_path):
        pass
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match="not installed"), dask_crew("dask", tmp_path):
        pass


def test_what_a_killed_run_left_is_cleared_and_what_is_in_use_stays(tmp_path: Path) -> None:
    left = tmp_path / f"{PREFIX}left"
    left.mkdir()
    (left / "in-use").touch()
    (left / "source-0").write_text("a customer")
    with scratch_folder(tmp_path) as first:
        assert not left.exists()
        assert first.stat().st_mode & 0o777 == 0o700
        with scratch_folder(tmp_path) as second:
            assert {first, second} == set(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())


def test_parts_are_as_many_as_there_are_hands_and_as_small_as_memory_wants() -> None:
    sources = Sources((make_source("a.csv", [{"Id": "x" * 400}] * 100_000),))
    assert rows_of_a_part(Options(), sources, 2) == 50_000
    little, much = (rows_of_a_part(Options(memory=text), sources, 2) for text in ("600MiB", "8GiB"))
    assert little < 50_000 == much
    with pytest.raises(UsageError, match="too little"):
        rows_of_a_part(Options(memory="100MB"), sources, 2)


@pytest.mark.parametrize(("text", "size"), [("1GiB", 1 << 30), ("800 mb", 800_000_000), ("1.5g", 1_500_000_000)])
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert Options(memory=text).memory == size
    for wrong in ("", "0", "much", "1 GiBs", "-1GB"):
        with pytest.raises(UsageError, match=r"^--memory is "):
            Options(memory=wrong)


class Held:
    """Makes no process until it is told that it may."""

    def __init__(self) -> None:
        self.may = threading.Event()
        self.asked = threading.Semaphore(0)

    def submit(self, *_: object) -> None:
        self.may.wait()
        self.asked.release()

    def shutdown(self, **_: object) -> None:
        self.may.set()


def test_nobody_waits_while_processes_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Held()
    crew = Processes(2)
    monkeypatch.setattr(crew, "_open", lambda: pool)
    crew.start()
    assert not pool.asked.acquire(blocking=False)
    pool.may.set()
    assert pool.asked.acquire(timeout=60)
    assert pool.asked.acquire(timeout=60)


def test_a_crew_may_be_let_go_while_it_is_made() -> None:
    crew = Processes(2)
    try:
        crew.start()
        crew.close()
        assert crew.map(pow, [(2, 3), (3, 2)]) == [8, 9]
    finally:
        crew.close()


def test_bodies_that_find_no_room_are_told(tmp_path: Path) -> None:
    (tmp_path / "1").write_bytes(b"{}\n")
    join_bodies([tmp_path / "1"] * 2, tmp_path / "whole")
    assert (tmp_path / "whole").read_bytes() == b"{}\n{}\n"
    assert (tmp_path / "whole").stat().st_mode & 0o777 == 0o600
    with pytest.raises(OutputError, match="cannot be written"):
        join_bodies([tmp_path / "1"], tmp_path / "1" / "whole")
