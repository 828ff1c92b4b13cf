"""Each row belongs to exactly one customer or is skipped or rejected, whatever the order of rows."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from importer.mapping.language.mapping_files import LoadedMapping
from importer.tables import Sources
from tests.mapping.support import Mapped, apply, apply_mapping, column, loaded, problems, records, sheet
from tests.support import make_source

JOINED = """
title: T
tables:
  firms:
    has: Code
    key: Code
    skip: [{column: Kind, is: S, reason: supplier}]
  streets:
    has: Parent
    key: Parent
    skip: [{column: Old, flag: yes, reason: old}]
customer: {company_name: Firm}
addresses: [{table: streets, type: {constant: billing}, address_line_1: Street}]
"""
FIRMS = "Code|Firm|Kind\n1|Kettle|C\n2|Copper|S\n3|Thimble|C\n|Lost|C\n3||S"
STREETS = "Parent|Street|Old\n1|a|\n2|b|\n3|c|Yes\n9|d|\n|e|\n3|f|No"


def row_statuses(mapped: Mapped) -> list[str]:
    rows = mapped.tables.rows
    return [
        "rejected" if rejected else str(reason) if isinstance(reason, str) else str(customer)
        for customer, reason, rejected in zip(rows["customer"], rows["skipped"], rows["rejected"], strict=True)
    ]


def assert_one_status_each(mapped: Mapped) -> None:
    rows = mapped.tables.rows
    counted = (rows["customer"] >= 0).to_numpy().astype(int) + rows["skipped"].notna().to_numpy().astype(int)
    assert (counted + rows["rejected"].to_numpy().astype(int) == 1).all()


def test_orphan_is_reported_at_the_unmatched_part_of_its_key() -> None:
    two = JOINED.replace("key: Code", "key: [Part, Code]").replace("key: Parent", "key: [Part, Parent]")
    firms = sheet("Part|Code|Firm|Kind\n01|1|Kettle|\n02|3|Thimble|", "firms.csv")
    streets = sheet("Part|Parent|Street|Old\n01|1|a|\n01|9|b|\n1|1|c|\n01|3|d|\n01|9|e|", "streets.csv")
    made = apply(two, firms, streets)
    told = sorted(problems(made, "row", "column", "value", "record"), key=lambda line: line[0])
    assert {hint.rpartition(" or ")[2] for (hint,) in problems(made, "hint")} == {
        'correct the columns "Part" and "Parent" in this row.'
    }
    assert told == [(5, "Parent", "9", -1), (6, "Part", "1", 0), (7, "Parent", "3", -1), (8, "Parent", "9", -1)]


def test_rows_in_joined_tables_have_the_right_status() -> None:
    made = apply(JOINED, sheet(FIRMS, "firms.csv"), sheet(STREETS, "streets.csv"))
    assert_one_status_each(made)
    assert row_statuses(made)[:5] == ["0", "supplier", "1", "rejected", "supplier"]
    # A skipped customer's address is skipped as well; an orphan and a row without a key are rejected on their own.
    assert row_statuses(made)[5:] == ["0", "supplier", "old", "rejected", "rejected", "1"]
    assert column(made, "address_line_1", "address") == ["a", "f"]
    assert sorted(problems(made, "code", "customer", "row", "column", "value")) == [
        ("key_blank", -1, 5, "Code", ""),
        ("key_blank", -1, 11, "Parent", ""),
        ("orphan_row", -1, 10, "Parent", "9"),
    ]
    (message,) = [text for code, text in problems(made, "code", "message") if code == "orphan_row"]
    assert message == "no customer '9' in firms.csv"


def test_tables_are_joined_on_several_columns() -> None:
    mapping = JOINED.replace("key: Code", "key: [Code, Kind]").replace("key: Parent", "key: [Parent, Old]")
    mapping = mapping.replace("{column: Kind, is: S", "{column: Kind, is: none").replace("flag: yes", "is: none")
    firms = sheet("Code|Firm|Kind\na-b|Kettle|c\na|Copper|b-c", "firms.csv")
    made = apply(mapping, firms, sheet("Parent|Street|Old\na|Mill Lane|b-c\na-b|High Street|c", "streets.csv"))
    assert row_statuses(made) == ["0", "1", "1", "0"]


def test_rows_rejected_by_the_loader_create_nothing() -> None:
    firms = sheet("Code|Firm|Kind\n1|Kettle|C\n1|Torn|C\n2|Torn|C", "firms.csv", broken=np.array([False, True, True]))
    made = apply(JOINED, firms, sheet(STREETS, "streets.csv"))
    assert_one_status_each(made)
    assert row_statuses(made)[:3] == ["0", "rejected", "rejected"]
    assert column(made, "company_name") == ["Kettle"]


LONG = """
title: T
key: Id
skip:
  - {column: Inactive, flag: yes, reason: inactive}
  - {only: [Id], reason: only an id}
customer:
  company_name: {from: Firm, conflict: first}
  email: Mail
addresses:
  - type: {flags: {billing: Bill, shipping: Ship}, default: shipping}
    address_line_1: Street
contacts:
  - {first_name: First, phone: Tel}
"""
CELLS: dict[str, tuple[str, ...]] = {
    "Id": ("", "1", " 1 ", "2", "02", "3", "a", "A"),
    "Inactive": ("", "", "No", "Yes"),
    "Firm": ("", "Kettle", "Copper"),
    "Mail": ("", "", "ada@example.com", "ADA@EXAMPLE.COM", "bea@example.org", "nobody"),
    "Bill": ("", "Yes", "No", "perhaps"),
    "Ship": ("", "T", "F"),
    "Street": ("", "Mill Lane", "MILL  LANE", "Straße 1", "STRASSE 1", "High Street"),
    "First": ("", "", "Ada", "ada ", "Bea"),
    "Tel": ("", "", "415 555 0132", "(415) 555-0132", "415 555 0133 x9", "call"),
}
ROW = st.one_of(
    st.fixed_dictionaries({name: st.sampled_from(texts) for name, texts in CELLS.items()}),
    st.just(dict.fromkeys(CELLS, "")),
)
ROWS = st.lists(ROW, min_size=1, max_size=20)
MAPPING: LoadedMapping = loaded(LONG)


def mapped(rows: list[dict[str, str]]) -> Mapped:
    return apply_mapping(MAPPING, Sources((make_source("long.csv", rows),)), country="US")


def frames(made: Mapped) -> dict[str, pd.DataFrame]:
    tables = made.tables
    return {
        "customers": tables.customers,
        "addresses": tables.addresses,
        "contacts": tables.contacts,
        "rows": tables.rows,
        "problems": made.problems.frame,
    }


@settings(max_examples=20)
@given(ROWS)
def test_invariants_hold_for_any_table(rows: list[dict[str, str]]) -> None:
    made = mapped(rows)
    tables = made.tables
    assert_one_status_each(made)
    first = tables.customers["_row"].to_numpy()
    assert (np.diff(first) > 0).all()  # customers are in the order of their first rows
    assert tables.rows["customer"].to_numpy()[first].tolist() == list(range(len(first)))
    assert tables.customers["reference_id"].tolist() == list(
        dict.fromkeys(rows[row]["Id"].strip() for row in np.flatnonzero(tables.rows["customer"] >= 0))
    )
    owners = tables.rows["customer"].to_numpy()
    for children in (tables.addresses, tables.contacts):
        assert (np.diff(children["_customer"].to_numpy()) >= 0).all()
        assert (owners[children["_row"].to_numpy()] == children["_customer"].to_numpy()).all()
        if len(children):
            assert children["reference_id"].notna().all()
            assert children["reference_id"].is_unique
    for frame in frames(made).values():
        assert frame.index.equals(pd.RangeIndex(len(frame)))
        assert not any((frame[name] == "").any() for name in frame.columns.difference(["hint", "value", "message"]))


def by_id(made: Mapped) -> dict[str, Any]:
    """Each customer's content, regardless of the order of rows."""
    out: dict[str, Any] = {record["reference_id"]: {"own": record} for record in records(made)}
    names = list(out)
    for entity in ("address", "contact"):
        for record in records(made, entity):
            kept = (record["reference_id"], record.get("type"), record.get("is_default"))
            out[names[record["_customer"]]].setdefault(entity, set()).add(kept)
    frame = made.problems.frame
    for code, customer, value in zip(frame["code"], frame["customer"], frame["value"], strict=True):
        if customer >= 0:
            out[names[customer]].setdefault("problems", set()).add((code, value))
    return out


@settings(max_examples=20)
@given(ROWS, st.randoms(use_true_random=False))
def test_row_order_only_changes_the_order_of_records(rows: list[dict[str, str]], random: Any) -> None:
    made = mapped(rows)
    again = frames(mapped(rows))
    for name, frame in frames(made).items():
        assert_frame_equal(frame, again[name])
    together = sorted(rows, key=lambda row: row["Id"].strip())  # keeps the order of each customer's rows
    assert by_id(made) == by_id(mapped(together))
    shuffled = mapped(random.sample(rows, len(rows)))
    for entity in ("addresses", "contacts"):
        ids = [sorted(getattr(one.tables, entity).get("reference_id", ())) for one in (made, shuffled)]
        assert ids[0] == ids[1]


@pytest.mark.parametrize("cut", [1, 3])
def test_table_in_two_files_equals_one_in_one_file(cut: int) -> None:
    rows = [{"Id": key, "Firm": "Kettle", "Street": f"Lane {key}"} for key in ("1", "2", "1", "3")]
    whole = make_source("a.csv", [dict.fromkeys(CELLS, "") | row for row in rows])
    upper, lower = (
        replace(whole, frame=part.reset_index(drop=True), row_numbers=numbers, broken=np.zeros(len(part), np.bool_))
        for part, numbers in (
            (whole.frame[:cut], whole.row_numbers[:cut]),
            (whole.frame[cut:], whole.row_numbers[cut:]),
        )
    )
    one: Callable[..., Mapped] = lambda *tables: apply_mapping(MAPPING, Sources(tables))  # noqa: E731 - two calls below
    for name, frame in frames(one(whole)).items():
        assert_frame_equal(frame, frames(one(upper, replace(lower, file="b.csv")))[name])


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("17", "Did you mean '0017'? Add the customer to a.csv, or correct this cell."),
        ("ab 4", "Did you mean 'AB-4'? Add the customer to a.csv, or correct this cell."),
        ("9", "Add the customer to a.csv, or correct this cell."),
    ],
)
def test_hint_for_an_orphan_suggests_the_likely_key(wrong: str, hint: str) -> None:
    mapping = (
        "title: T\ntables:\n  main: {has: Name, key: Id}\n  more: {has: Street, key: Owner}\n"
        "customer: {company_name: Name}\n"
        "addresses: [{table: more, type: {constant: billing}, address_line_1: Street, city: Town}]\n"
    )
    firms = sheet("Id | Name\n0017 | Harbor Goods\nAB-4 | Kestrel", "a.csv")
    made = apply(mapping, firms, sheet(f"Owner | Street | Town\n{wrong} | 1 Main St | Anytown", "b.csv"))
    assert problems(made, "code", "hint") == [("orphan_row", hint)]


def test_flag_skip_rule_reports_cells_that_are_neither_yes_nor_no() -> None:
    mapping = """
        title: T
        key: Id
        skip: [{column: Old, flag: yes, reason: old}, {column: Kind, is: Lead, reason: lead}]
        customer: {company_name: Name}
    """
    made = apply(mapping, "Id|Name|Old|Kind\n1|A|✓|Lead\n2|B|No|\n3|C|2019-01-01|\n4|D|yes|\n5|E||\n6|F|N/A|")
    assert column(made, "reference_id") == ["2", "3", "5", "6"]
    assert problems(made, "severity", "code", "row", "column") == [("warning", "skip_unsure", 4, "Old")]
    known = mapping.replace("reason: old}", 'reason: old}, {column: Old, matches: "^20", reason: old}')
    assert problems(apply(known, "Id|Name|Old|Kind\n3|C|2019-01-01|")) == []
