"""Every rule finds its cell, says where it is and what to do, and finds no other cell."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.catalogue import CODES
from importer.catalogue.field_names import name_with_article
from importer.records import Severity
from importer.tables import EntityTables, Entry, FieldOrigin, ProblemTable, Sources
from importer.validation.describe import _HINTS
from tests.support import make_source, make_tables, validate_all

UUID = "01f5d171-d3e3-4b2b-bd57-0727194b5bed"
CUSTOMER: dict[str, Any] = {
    "reference_id": "C1",
    "assigned_sales_rep_ids": [UUID, UUID.upper()],
    "assigned_price_list_id": UUID,
    "company_name": "Wren & Söhne",
    "phone": "+14155550123",
    "email": "info@example.com",
    "attributes.note": "two\nlines",
}
ADDRESS: dict[str, Any] = {
    "reference_id": "A1",
    "address_line_1": "1 Main St",
    "city": "ü" * 50,
    "type": "billing",
    "phone": "+14155550123",
    "email": "jürgen@example.com",
    "country": "US",
    "zip_code": "02138",
    "is_default": True,
}
CONTACT: dict[str, Any] = {"reference_id": "C1", "first_name": "Ann", "email": "ann@example.org", "is_default": True}
BASES = {"customer": CUSTOMER, "address": ADDRESS, "contact": CONTACT}


def problems_of(*parts: Any, **options: Any) -> list[dict[str, Any]]:
    sources, tables = parts
    return validate_all(tables, sources, **options).frame.to_dict("records")


def with_value(entity: str, field: str, value: Any, **options: Any) -> tuple[Sources, EntityTables]:
    records = {name: {**base, field: value} if name == entity else base for name, base in BASES.items()}
    return make_tables([records["customer"]], [records["address"]], [records["contact"]], **options)


def test_clean_records_have_no_problems() -> None:
    assert problems_of(*make_tables([CUSTOMER], [ADDRESS], [CONTACT])) == []


def test_customer_without_children_is_valid() -> None:
    assert problems_of(*make_tables([CUSTOMER])) == []


def test_no_customers_have_no_problems() -> None:
    assert len(validate_all(make_tables([])[1], make_tables([])[0])) == 0


WRONG = [
    ("customer", "reference_id", None, "required"),
    ("customer", "company_name", None, "required"),
    ("customer", "company_name", " \u00a0", "required"),
    ("address", "reference_id", None, "required"),
    ("address", "address_line_1", None, "required"),
    ("address", "city", None, "required"),
    ("address", "type", None, "required"),
    ("contact", "reference_id", None, "required"),
    ("contact", "first_name", None, "required"),
    ("customer", "reference_id", "x" * 256, "too_long"),
    ("customer", "display_id", "x" * 256, "too_long"),
    ("customer", "attributes.note", "x" * 256, "too_long"),
    ("address", "city", "ü" * 51, "too_long"),
    ("address", "zip_code", "1" * 256, "too_long"),
    ("contact", "designation", "x" * 256, "too_long"),
    ("contact", "email", f"{'x' * 250}@example.com", "too_long"),
    *(("customer", "company_name", f"a{mark}b", "control_character") for mark in "\x00\x1b\x7f\x80\x9f"),
    *(("customer", "company_name", f"a{mark}b", "line_break") for mark in "\n\r\t\x0b\x85\u2028"),
    ("customer", "attributes.note", "a\x00b", "control_character"),
    ("contact", "email", "ann@exam\nple.com", "line_break"),
    ("customer", "phone", "+1415555012\x00", "control_character"),
    *(
        ("customer", "company_name", text, "replacement_character")
        for text in ("Caf\ufffd", "M?ller GmbH", "Soci?t? G?n?rale", "?lpunkt", "????? Ltd")
    ),
    *(
        ("customer", "company_name", text, "formula_error")
        for text in (
            "#REF!",
            "#DIV/0!",
            "#ERROR!",
            "Err:508",
            "####",
            "#WERT!",
            '=T("0017")',
            "=A2",
            "=SUM(A1:A9)-1",
            "=+$A$2&B2",
            '="00"&"17"',
        )
    ),
    *(
        ("address", "address_line_1", text, "address_doubtful")
        for text in ("Same", "SAME AS BILLING", "see above.", "- same -", "Misma dirección", "Igual a facturación")
    ),
    *(("address", "address_line_1", text, "address_doubtful") for text in ("12-Oct", "Mar-04", "4.2E+05")),
    *(("address", "city", text, "address_doubtful") for text in ("43000", "?", "same as above")),
    ("customer", "reference_id", "#N/A", "formula_error"),
    ("address", "zip_code", "#VALUE!", "formula_error"),
    ("customer", "reference_id", "1.23E+05", "excel_damaged"),
    ("customer", "reference_id", "01-4,41e+11", "excel_damaged"),
    ("contact", "reference_id", "1E+05", "excel_damaged"),
    ("address", "zip_code", "4.41E+11", "excel_damaged"),
    ("customer", "phone", "(415) 555-0123", "invalid_phone"),
    ("customer", "phone", "+04155550123", "invalid_phone"),
    ("address", "phone", "+1234567890123456", "invalid_phone"),
    ("contact", "phone", "+1", "invalid_phone"),
    ("customer", "email", "info.example.com", "invalid_email"),
    ("customer", "email", "a@example.com, b@example.com", "invalid_email"),
    ("address", "email", "a@wren.test", "invalid_email"),
    ("address", "email", "a@wren.invalid", "invalid_email"),
    ("contact", "email", "a@wren.local", "invalid_email"),
    ("contact", "email", "a@localhost", "invalid_email"),
    ("contact", "email", "a@b.LOCALHOST", "invalid_email"),
    ("address", "type", "Billing", "invalid_type"),
    ("address", "country", "USA", "invalid_country"),
    ("address", "country", "us", "invalid_country"),
    ("address", "country", "XX", "invalid_country"),
    ("customer", "assigned_price_list_id", "Retail", "invalid_uuid"),
    ("customer", "assigned_sales_rep_ids", [UUID, "Jane"], "invalid_uuid"),
]


@pytest.mark.parametrize(("entity", "field", "value", "code"), WRONG)
def test_each_rule_is_reported_at_its_cell(entity: str, field: str, value: Any, code: str) -> None:
    sources, tables = with_value(entity, field, value)
    (problem,) = problems_of(sources, tables)
    assert problem["code"] == code
    assert problem["severity"] == str(CODES[code].severity)
    assert (problem["entity"], problem["record"], problem["customer"], problem["field"]) == (entity, 0, 0, field)
    assert problem["row"] == list(BASES).index(entity)
    assert problem["column"] == f"{entity} {field}"
    cell = sources.tables[0].frame[f"{entity} {field}"].iloc[problem["row"]]
    assert problem["value"] == cell
    assert name_with_article(entity, field)[1:] in problem["message"]
    assert problem["hint"].endswith(".")


@pytest.mark.parametrize("value", ["#1 Pizza", "#", "##", "#REF", "#REF! 5", "Err:5"])
def test_similar_text_that_is_not_a_formula_error_is_a_name(value: str) -> None:
    assert problems_of(*with_value("customer", "company_name", value)) == []


@pytest.mark.parametrize("value", ["Samerstr. 5", "12 Oct Lane", "12", "Calle 4-Mar 2", "1E5 Road"])
def test_possible_streets_are_accepted(value: str) -> None:
    assert problems_of(*with_value("address", "address_line_1", value)) == []


@pytest.mark.parametrize("value", ["Guess?", "What? Inc", "Who's There?", "https://example.com/shop?id", "shop?id=5"])
def test_other_question_marks_are_accepted(value: str) -> None:
    assert problems_of(*with_value("customer", "company_name", value)) == []


@pytest.mark.parametrize("value", ["5E10", "E+05", "12E+05", "1.23E5", "1E+0512"])
def test_ids_no_spreadsheet_writes_are_accepted(value: str) -> None:
    assert problems_of(*with_value("customer", "reference_id", value)) == []


def test_child_id_from_a_damaged_id_is_not_reported_again() -> None:
    child = {**ADDRESS, "reference_id": "1.23E+05-billing-0f3a"}
    found = problems_of(*make_tables([{**CUSTOMER, "reference_id": "1.23E+05"}], [child]))
    assert [(problem["entity"], problem["code"]) for problem in found] == [("customer", "excel_damaged")]


def test_two_faults_in_one_cell_are_both_reported() -> None:
    found = problems_of(*with_value("address", "city", "x" * 60 + "\n"))
    assert {problem["code"] for problem in found} == {"too_long", "line_break"}


def test_unmapped_required_field_is_reported() -> None:
    addresses = [{key: value for key, value in ADDRESS.items() if key != "city"}]
    (problem,) = problems_of(*make_tables([CUSTOMER], addresses))
    assert (problem["code"], problem["field"], problem["row"], problem["column"]) == ("required", "city", 1, None)
    assert problem["hint"] == "Map a column to city."


HINTS = [
    ("company_name", None, "Fill in the company name."),
    ("company_name", "x" * 256, "Shorten it by 1 character: it has 256."),
    ("company_name", "x" * 267, "Shorten it by 12 characters: it has 267."),
    ("company_name", "a\x00b", "Remove the character U+0000 from the cell."),
    ("email", "a@b.com;c@d.com", 'Keep one email address in "a@b.com;c@d.com", or split'),
    ("phone", "5" * 100, f'Enter "{"5" * 60}…" with + and the country code'),
]


@pytest.mark.parametrize(("field", "value", "hint"), HINTS)
def test_hints_use_the_value(field: str, value: str | None, hint: str) -> None:
    (problem,) = problems_of(*with_value("customer", field, value))
    assert problem["hint"].startswith(hint)


@pytest.mark.parametrize("value", ["Germany", "DEU", "de", "Federal Republic of Germany"])
def test_country_in_another_spelling_is_suggested(value: str) -> None:
    (problem,) = problems_of(*with_value("address", "country", value))
    assert problem["hint"] == f'Enter DE instead of "{value}".'


def test_nearest_country_is_suggested() -> None:
    (problem,) = problems_of(*with_value("address", "country", "Untied Kingdom"))
    assert problem["hint"] == 'Enter GB (United Kingdom) instead of "Untied Kingdom" if that is what you mean.'


def test_problem_value_is_the_source_cell() -> None:
    sources, tables = make_tables([{**CUSTOMER, "phone": "5550123", "cells": {"phone": " 555-0123 ext. 7"}}])
    (problem,) = problems_of(sources, tables)
    assert problem["value"] == " 555-0123 ext. 7"
    assert '"5550123"' in problem["hint"]


def test_constant_has_no_column_and_shows_its_value() -> None:
    (problem,) = problems_of(*with_value("address", "country", "XX", constants=["address country"]))
    assert (problem["row"], problem["column"], problem["value"]) == (1, None, "XX")


@pytest.mark.parametrize(
    ("main", "other", "column", "value"),
    [
        ("", "555", "Other", "555"),
        ("555", "", "Main", "555"),
        ("", " ", "Main", ""),
        ("555", "556", "Main", "record"),
    ],
)
def test_first_filled_column_is_reported(main: str, other: str, column: str, value: str) -> None:
    _, tables = make_tables([{"reference_id": "C1", "company_name": "Wren", "phone": "record"}])
    origins = {"phone": FieldOrigin(("Absent", "Main", "Other"))}
    tables = EntityTables(
        tables.customers, tables.addresses, tables.contacts, (Entry("customer", "customer", origins),), tables.rows
    )
    sources = Sources((make_source("c.csv", [{"Main": main, "Other": other}]),))
    (problem,) = problems_of(sources, tables)
    assert (problem["column"], problem["value"]) == (column, value)


def test_customer_field_may_come_from_a_later_row_of_another_source() -> None:
    _, tables = make_tables([{"reference_id": "C1", "company_name": "Wren", "phone": "555"}])
    sources = Sources((make_source("a.csv", [{"Id": "C1"}]), make_source("b.csv", [{"Tel": "x"}, {"Tel": "555 "}])))
    origins = {"phone": FieldOrigin(("Tel",))}
    tables = EntityTables(
        tables.customers,
        tables.addresses,
        tables.contacts,
        (Entry("customer", "customer", origins),),
        tables.rows,
        customer_field_rows={"phone": np.array([2])},
    )
    (problem,) = problems_of(sources, tables)
    assert (problem["row"], problem["column"], problem["value"]) == (2, "Tel", "555 ")
    assert str(sources.location(problem["row"], problem["column"])) == "b.csv:3 [Tel]"


def test_unresolved_lookups_are_allowed_only_for_entries_with_a_lookup() -> None:
    wrong = {**CUSTOMER, "assigned_price_list_id": "Retail", "assigned_sales_rep_ids": ["Jane"]}
    made = make_tables([wrong], lookups={"assigned_price_list_id": "price_list"})
    assert [p["field"] for p in problems_of(*made, resolved_lookups=False)] == ["assigned_sales_rep_ids"]
    assert len(problems_of(*made)) == 2


def test_contact_without_email_is_reported() -> None:
    made = make_tables([CUSTOMER], [], [{**CONTACT, "email": None}])
    (problem,) = problems_of(*made)
    assert (problem["code"], problem["severity"]) == ("contact_without_email", str(Severity.WARNING))
    assert (problem["row"], problem["column"], problem["value"]) == (1, "contact email", "")
    (problem,) = problems_of(*made, contact_email_required=True)
    assert problem["severity"] == str(Severity.ERROR)
    unmapped = make_tables([CUSTOMER], [], [{"reference_id": "K", "first_name": "Ann"}])
    assert [p["code"] for p in problems_of(*unmapped)] == ["contact_without_email"]


def test_duplicate_ids_name_each_others_location() -> None:
    customers = [{**CUSTOMER, "reference_id": text} for text in ("A", "B", "A", "A")]
    found = problems_of(*make_tables(customers, sheet="Sheet1"))
    assert [(p["code"], p["row"]) for p in found] == [("duplicate_reference_id", row) for row in (0, 2, 3)]
    assert [p["hint"].split(" ")[3] for p in found] == ["customers.csv!Sheet1:4", *["customers.csv!Sheet1:2"] * 2]


def test_ids_that_differ_only_in_case_are_all_refused() -> None:
    customers = [{**CUSTOMER, "reference_id": text} for text in ("abc", "x", "ABC", "Abc", "ABC", None)]
    found = [p for p in problems_of(*make_tables(customers)) if p["code"] == "reference_id_case"]
    assert [p["row"] for p in found] == [0, 2, 3, 4]
    assert found[0]["hint"] == 'customers.csv:4 has "ABC", but this is "abc": make them identical or clearly different.'
    assert found[1]["hint"].startswith('customers.csv:2 has "abc", but this is "ABC"')


@pytest.mark.parametrize(
    ("one", "other"),
    [("A\u201117", "A-17"), ("A\u201317", "A-17"), ("O\u2019Neil", "O'Neil"), ("\uff211", "a1"), ("\ufb01x", "fix")],
)
def test_ids_that_look_the_same_are_refused(one: str, other: str) -> None:
    customers = [{**CUSTOMER, "reference_id": text} for text in (one, "x", other, "A 17")]
    found = [p for p in problems_of(*make_tables(customers)) if p["code"] == "reference_id_case"]
    assert [p["row"] for p in found] == [0, 2]


def test_child_ids_are_unique_across_customers_but_not_across_kinds() -> None:
    customers = [CUSTOMER, {**CUSTOMER, "reference_id": "C2"}]
    addresses = [ADDRESS, {**ADDRESS, "customer": 1}]
    contacts = [{**CONTACT, "reference_id": "A1"}]
    found = problems_of(*make_tables(customers, addresses, contacts))
    assert [(p["code"], p["entity"], p["customer"]) for p in found] == [
        ("duplicate_reference_id", "address", 0),
        ("duplicate_reference_id", "address", 1),
    ]


def test_only_one_default_is_allowed_per_type_and_customer() -> None:
    customers = [CUSTOMER, {**CUSTOMER, "reference_id": "C2"}]
    addresses = [
        ADDRESS,
        {**ADDRESS, "reference_id": "A2", "type": "shipping"},
        {**ADDRESS, "reference_id": "A3", "is_default": None},
        {**ADDRESS, "reference_id": "A4"},
        {**ADDRESS, "reference_id": "A5", "customer": 1},
    ]
    contacts = [CONTACT, {**CONTACT, "reference_id": "K2"}]
    found = problems_of(*make_tables(customers, addresses, contacts))
    assert [(p["code"], p["entity"], p["record"]) for p in found] == [
        ("several_defaults", "address", 3),
        ("several_defaults", "contact", 1),
    ]
    assert "customers.csv:4" in found[0]["hint"]


PLANTS = [plant for plant in WRONG if plant[1] != "reference_id"]


@settings(max_examples=10)
@given(
    st.lists(
        st.tuples(st.integers(0, 59), st.sampled_from(PLANTS)),
        min_size=1,
        max_size=40,
        unique_by=lambda plant: (plant[0], *plant[1][:2]),
    )
)
def test_only_planted_faults_are_found_at_their_cells(plants: list[tuple[int, Any]]) -> None:
    records = {
        entity: [{**base, "reference_id": f"{entity}{n}", "customer": n // 2} for n in range(60)]
        for entity, base in BASES.items()
    }
    for position, (entity, field, value, _) in plants:
        records[entity][position][field] = value
    for n, address in enumerate(records["address"]):
        address["is_default"] = n % 2 == 0
        records["contact"][n]["is_default"] = n % 2 == 0
    sources, tables = make_tables(records["customer"], records["address"], records["contact"])
    frame = validate_all(tables, sources).frame
    start = {"customer": 0, "address": 60, "contact": 120}
    expected = {(code, e, n, start[e] + n, f"{e} {f}") for n, (e, f, _, code) in plants}
    found = frame[["code", "entity", "record", "row", "column"]].itertuples(index=False, name=None)
    assert set(found) == expected
    assert len(frame) == len(expected)
    assert frame["row"].is_monotonic_increasing


def test_result_has_the_types_of_a_problem_table() -> None:
    sources, tables = with_value("customer", "phone", "555")
    pd.testing.assert_series_equal(validate_all(tables, sources).frame.dtypes, ProblemTable.empty().frame.dtypes)


def test_every_code_has_a_message_a_hint_and_a_test() -> None:
    tested = {code for *_, code in WRONG} | {"duplicate_reference_id", "reference_id_case", "several_defaults"}
    elsewhere = {"contact_without_email", "customer_alike"}  # the latter: tests/validation/test_alike.py
    codes = [code for code in CODES.values() if code.message]
    assert tested | elsewhere == {code.name for code in codes}
    assert {code.name for code in codes if not code.hint} == _HINTS.keys()


def test_long_column_with_few_repeats_is_checked_completely() -> None:
    count = 25_000  # more than the sample that decides whether values repeat
    phones: list[str | None] = [f"+1415555{number:05d}" for number in range(count)]
    phones[3], phones[20_001], phones[20_002], phones[-1] = "+0123", None, "x" * 256, "+0123"
    customers = [
        {"reference_id": f"C{number}", "company_name": "Wren", "phone": phone} for number, phone in enumerate(phones)
    ]
    found = [(line["code"], line["record"]) for line in problems_of(*make_tables(customers))]
    assert found == [("invalid_phone", 3), ("too_long", 20_002), ("invalid_phone", count - 1)]
