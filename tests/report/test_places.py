from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.records import Location, Problem, Severity
from importer.report import problem_list as located_module
from importer.report.problem_list import ERROR_COLUMNS, Located, locate
from importer.report.ranges import RowRanges
from importer.tables import EntityTables, ProblemTable, Sources
from tests.report.build import rows, small_run, table, text


def run_of(owners: list[list[int]], gaps: list[list[int]], customers: int) -> tuple[Sources, EntityTables]:
    tables = []
    for index, (own, gap) in enumerate(zip(owners, gaps, strict=True)):
        numbers = np.cumsum(np.array(gap[: len(own)], dtype=np.int64)) + 1
        tables.append(table(f"f{index}.csv", [None, "S"][index % 2], {"a": [""] * len(own)}, list(numbers)))
    firsts = pd.DataFrame({"reference_id": text([f"R{c}" for c in range(customers)]), "_row": np.zeros(customers, int)})
    flat = [owner for own in owners for owner in own]
    return Sources(tuple(tables)), EntityTables(firsts, firsts.iloc[:0], firsts.iloc[:0], (), rows(flat))


def slow_rows_text(sources: Sources, tables: EntityTables, customer: int) -> str:
    parts = []
    position = 0
    for item in sources.tables:
        owned = []
        for number in item.row_numbers:
            if tables.rows["customer"][position] == customer:
                owned.append(int(number))
            position += 1
        spans: list[list[int]] = []
        for number in owned:
            if spans and spans[-1][-1] == number - 1:
                spans[-1].append(number)
            else:
                spans.append([number])
        if spans:
            written = [str(span[0]) if len(span) == 1 else f"{span[0]}-{span[-1]}" for span in spans]
            parts.append(f"{item.name}:{','.join(written)}")
    return "; ".join(parts)


@st.composite
def runs(draw: st.DrawFn) -> tuple[Sources, EntityTables]:
    customers = draw(st.integers(0, 4))
    owner = st.integers(-1, customers - 1)
    owners = draw(st.lists(st.lists(owner, max_size=12), max_size=3))
    gaps = [draw(st.lists(st.sampled_from([1, 1, 1, 2, 5]), min_size=len(own), max_size=len(own))) for own in owners]
    return run_of(owners, gaps, customers)


@settings(max_examples=20)
@given(runs())
def test_rows_text_matches_a_simple_version(run: tuple[Sources, EntityTables]) -> None:
    sources, tables = run
    expected = [slow_rows_text(sources, tables, customer) for customer in range(len(tables.customers))]
    found = RowRanges.of(sources, tables)
    every = np.arange(len(expected))
    assert found.text(every).to_pylist() == expected
    assert found.text(every[::-2]).to_pylist() == expected[::-2]


def test_rows_text_lists_several_sources() -> None:
    assert small_run().rows.text(np.arange(5)).to_pylist() == [
        "list.csv:3-4; staff.xlsx!People:2",
        "list.csv:5-6; staff.xlsx!People:3",
        "list.csv:9",
        "list.csv:10; staff.xlsx!People:4-5",
        "list.csv:12",
    ]


def places(located: Located) -> list[tuple[Any, ...]]:
    lines = located.lines(np.arange(len(located)))
    columns = [lines[name].to_list() for name in ("source", "sheet", "row", "code", "reference_id")]
    return [tuple(None if pd.isna(cell) else cell for cell in line) for line in zip(*columns, strict=True)]


def test_problems_are_ordered_by_location_and_severity() -> None:
    sources, tables = run_of([[0, 0, -1], [1]], [[1, 1, 1], [1]], 2)
    build = ProblemTable.build
    found = ProblemTable.concat(
        [
            build(1, severity=Severity.INFO, code="second_of_row", row=1, message=""),
            build(1, severity=Severity.ERROR, code="other_file", row=3, message=""),
            build(1, severity=Severity.WARNING, code="as_found_1", row=0, message=""),
            build(1, severity=Severity.WARNING, code="as_found_2", row=0, message=""),
            build(1, severity=Severity.ERROR, code="first_of_row", row=1, message=""),
            build(1, severity=Severity.WARNING, code="nowhere", message=""),
            build(1, severity=Severity.ERROR, code="alone", row=2, message=""),
        ]
    )
    loader = (
        Problem(Severity.ERROR, "unread", "", location=Location("zzz.csv", None, 4)),
        Problem(Severity.INFO, "between", "", location=Location("f0.csv", None, 3)),
        Problem(Severity.INFO, "whole_file", "", location=Location("f0.csv")),
        Problem(Severity.INFO, "whole_book", "", location=Location("f1.csv")),
        Problem(Severity.INFO, "header", "", location=Location("f1.csv", "S", 1)),
        Problem(Severity.INFO, "placeless", ""),
    )
    assert places(locate(found, Sources(sources.tables, loader), tables)) == [
        (None, None, None, "nowhere", None),
        (None, None, None, "placeless", None),
        ("f0.csv", None, None, "whole_file", None),
        ("f0.csv", None, 2, "as_found_1", "R0"),
        ("f0.csv", None, 2, "as_found_2", "R0"),
        ("f0.csv", None, 3, "first_of_row", "R0"),
        ("f0.csv", None, 3, "between", "R0"),
        ("f0.csv", None, 3, "second_of_row", "R0"),
        ("f0.csv", None, 4, "alone", None),
        ("f1.csv", None, None, "whole_book", None),
        ("f1.csv", "S", 1, "header", None),
        ("f1.csv", "S", 2, "other_file", "R1"),
        ("zzz.csv", None, 4, "unread", None),
    ]


def test_damaged_cell_is_reported_once() -> None:
    sources, tables = run_of([[0, 0]], [[1, 1]], 1)
    damage = {"message": "", "row": 0, "column": "a", "customer": 0, "field": "company_name"}
    found = ProblemTable.build(1, severity=Severity.ERROR, code="control_character", **damage)
    loader = tuple(
        Problem(Severity.WARNING, "damaged_text", "", location=Location("f0.csv", None, row, "a")) for row in (2, 3)
    )
    assert places(locate(found, Sources(sources.tables, loader), tables)) == [
        ("f0.csv", None, 2, "control_character", "R0"),
        ("f0.csv", None, 3, "damaged_text", "R0"),
    ]


def test_no_problems_and_no_sources_give_no_lines() -> None:
    _, tables = run_of([], [], 0)
    located = locate(ProblemTable.empty(), Sources(()), tables)
    assert len(located) == 0
    (block,) = located.blocks()
    assert tuple(block.columns) == ERROR_COLUMNS
    assert block["row"].dtype == pd.ArrowDtype(pa.int64())


def test_lines_are_the_same_in_any_number(monkeypatch) -> None:
    run = small_run()
    every = np.arange(len(run.located))
    whole = run.located.lines(every)
    monkeypatch.setattr(located_module, "BLOCK", 2)
    pd.testing.assert_frame_equal(pd.concat(run.located.blocks(), ignore_index=True), whole)
    for at in (every[::-1], every[1::3], np.array([2, 2, 0])):
        lines = run.located.lines(at, ("message", "severity", "row"))
        pd.testing.assert_frame_equal(lines, whole[["message", "severity", "row"]].take(at).reset_index(drop=True))
    kinds = run.located.kinds
    for name in ("severity", "code", "entity", "column"):
        assert kinds[name].astype(object).fillna("").to_list() == whole[name].fillna("").to_list()
