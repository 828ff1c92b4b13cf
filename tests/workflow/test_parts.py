"""A check in many partitions, however small, gives the same files as one partition, byte for byte."""

import csv
import io
import json
import multiprocessing
import os
import re
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from importer.commands.check import check
from importer.errors import MappingError, UsageError
from importer.partitions import prepared_sources
from importer.partitions.executors import dask_executor, run_all
from importer.partitions.partition import rows_per_partition
from importer.partitions.scratch import PREFIX, scratch_folder
from importer.settings import Options
from importer.tables import DEFAULT_STATED, ENTITIES, Sources
from importer.workflow.directory import Needs
from importer.workflow.timings import Timings
from tests.samples.__main__ import SAMPLE_DATA
from tests.support import make_source
from tests.workflow.test_executors import dies_once

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
    """``offered(options, rows)``: the files of a check in partitions of ``rows`` rows, or in one partition for 0."""

    def run(options: Options, rows: int) -> dict[str, object]:
        folder = tmp_path / str(rows)
        folder.mkdir()
        monkeypatch.chdir(folder)
        monkeypatch.setattr("importer.commands.check.new_run_id", lambda _: "run")
        monkeypatch.setattr("importer.commands.check.Timings", partial(Timings, clock=lambda: 0.0))
        monkeypatch.setattr(prepared_sources, "rows_per_partition", lambda *_: rows or 1_000_000)
        monkeypatch.setattr("importer.commands.check.utc_now", lambda: NOW)
        check(options)
        assert [path.name for path in Path("results").iterdir()] == ["run"]  # the scratch folder is removed
        return contents(Path("results/run"))

    return run


def contents(folder: Path) -> dict[str, object]:
    """The files of a report, sorted, without the program's own files in ``work``."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as book:
                found[name] = {part: book.read(part) for part in book.namelist()}
        elif name == "summary.json":
            found[name] = {key: value for key, value in json.loads(path.read_bytes()).items() if key not in CHANGING}
        elif path.is_file() and not name.startswith("work/"):
            found[name] = path.read_bytes()
    return found


@pytest.mark.parametrize(
    ("system", "rows"),
    [
        ("quickbooks-iif", 90),  # addresses in lines
        ("sap-business-one", 300),  # joined tables
        ("odoo", 120),  # parents, a workbook
        ("shopify", 50),  # blank keys
    ],
)
def test_samples_give_the_same_results(offered, system: str, rows: int) -> None:
    options = Options(sources=(str(SAMPLE_DATA / system),), mapping=system, country="US")
    assert offered(options, rows) == offered(options, 0)


@pytest.mark.parametrize(("rows", "dedupe"), [(1, "warn"), (4, "reject")])
def test_shared_data_is_found_across_partitions(offered, tmp_path: Path, rows: int, dedupe: str) -> None:
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


def test_partitions_keep_stated_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    monkeypatch.setattr(prepared_sources, "rows_per_partition", lambda *_: 1)
    options = Options(sources=(str(tmp_path / "m.csv"),), mapping=str(tmp_path / "m.yaml"), out=tmp_path / "out")
    with prepared_sources.prepared(options, Timings(), hashed=False) as work:
        assert work.needs() == Needs(frozenset(), frozenset(), frozenset(ENTITIES))
        tables = work.validate(None).tables
    found = {name: getattr(tables, name)[["is_default", DEFAULT_STATED]] for name in ("addresses", "contacts")}
    assert found["addresses"].to_numpy().tolist() == [[False, True], [True, False], [True, True]]
    assert found["contacts"].to_numpy().tolist() == [[True, False], [False, True], [True, False]]


def test_no_customers_give_the_same_results_in_parts(offered, tmp_path: Path) -> None:
    (tmp_path / "planted.yaml").write_text(PLANTED, encoding="utf-8")
    (tmp_path / "planted.csv").write_text(re.sub(r"(?m)^\d+,", ",", ROWS.strip()) + "\n", encoding="utf-8")
    given = {"sources": (str(tmp_path / "planted.csv"),), "mapping": str(tmp_path / "planted.yaml"), "partial": True}
    options = Options(country="US", **given)
    assert offered(options, 3) == offered(options, 0)


def test_worker_error_is_raised(offered, tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(
        "title: T\nkey: Id\ncustomer: {company_name: {from: Name, as: {python: f.py:f}}}\n"
    )
    (tmp_path / "f.py").write_text("def f(text):\n    return 1 / 0\n")
    (tmp_path / "c.csv").write_text("Id,Name\n1,One\n2,Two\n")
    with pytest.raises(MappingError, match="ZeroDivisionError"):
        offered(Options(sources=(str(tmp_path / "c.csv"),), mapping=str(tmp_path / "m.yaml")), 1)
    assert not list(Path("results").glob(f"{PREFIX}*"))


def test_processes_give_the_same_results(offered, monkeypatch) -> None:
    options = Options(sources=(str(SAMPLE_DATA / "netsuite"),), mapping="netsuite", country="US")
    at_once = offered(options, 0)
    monkeypatch.setattr(prepared_sources, "processors", lambda: 2)
    monkeypatch.setattr(prepared_sources, "_LARGE", 0)
    assert offered(options, 160) == at_once
    assert not multiprocessing.active_children()


def test_dask_cluster_gives_the_same_results_and_survives_a_lost_worker(offered, tmp_path: Path, monkeypatch) -> None:
    options = Options(sources=(str(SAMPLE_DATA / "generic-wide"),), mapping="generic-wide", country="US")
    at_once = offered(options, 0)
    with dask_executor("dask", tmp_path) as (executor, workers):
        tasks = [(str(tmp_path / "mark"), number) for number in range(3)]
        assert run_all(executor, dies_once, tasks) == [0, 1, 4]
        monkeypatch.setattr(prepared_sources, "dask_executor", lambda *_: nullcontext((executor, workers)))
        assert offered(replace(options, engine="dask"), 80) == at_once
    assert (tmp_path / "mark").exists()


def test_folder_of_a_killed_run_is_removed_but_not_one_in_use(tmp_path: Path) -> None:
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


def test_simultaneous_runs_keep_their_folders(tmp_path: Path) -> None:
    def start_often(_: int) -> None:
        for _ in range(200):
            with scratch_folder(tmp_path) as folder:
                assert (folder / "in-use").exists()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(start_often, range(4)))
    assert not list(tmp_path.iterdir())


def test_removed_parent_folder_does_not_stop_another_run(tmp_path: Path, monkeypatch) -> None:
    out, make = tmp_path / "out", tempfile.mkdtemp

    def make_later(**how: Any) -> str:
        monkeypatch.setattr(tempfile, "mkdtemp", make)
        out.rmdir()  # by another run that made it and has ended
        return make(**how)

    monkeypatch.setattr(tempfile, "mkdtemp", make_later)
    with scratch_folder(out) as folder:
        assert folder.parent == out


def test_folder_half_removed_by_a_kill_leaves_no_data(tmp_path: Path, monkeypatch) -> None:
    unlink = os.unlink

    def killed(path: Any, **how: Any) -> None:
        unlink(path, **how)
        if Path(path).name == "in-use":
            raise KeyboardInterrupt

    def leave() -> None:
        with scratch_folder(tmp_path) as folder:
            for number in range(50):
                (folder / f"part-{number}").write_text("a customer")
            monkeypatch.setattr(os, "unlink", killed)

    with pytest.raises(KeyboardInterrupt):
        leave()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_one_partition_per_worker_and_smaller_ones_with_little_memory() -> None:
    sources = Sources((make_source("a.csv", [{"Id": "x" * 400}] * 100_000),))
    assert rows_per_partition(Options(), sources, 1) == 100_000
    assert rows_per_partition(Options(), sources, 2) == 50_000
    little, much = (rows_per_partition(Options(memory=text), sources, 2) for text in ("600MiB", "8GiB"))
    assert little < 50_000 == much
    with pytest.raises(UsageError, match="too little"):
        rows_per_partition(Options(memory="100MB"), sources, 2)


@pytest.mark.parametrize(("text", "size"), [("1GiB", 1 << 30), ("800 mb", 800_000_000), ("1.5g", 1_500_000_000)])
def test_memory_sizes_are_parsed(text: str, size: int) -> None:
    assert Options(memory=text).memory == size
    for wrong in ("", "0", "much", "1 GiBs", "-1GB"):
        with pytest.raises(UsageError, match=r"^--memory: "):
            Options(memory=wrong)
