"""What fields and conditions can do: select parts by number, transform later, map values, compare columns."""

from typing import Any

import pytest

from importer.errors import MappingError
from tests.mapping.support import BASE, apply, column, field, loaded, problems, records, sheet
from tests.support import make_source

PARTS = (
    BASE
    + """
addresses:
  - repeat: 1..3
    type: shipping
    address_line_1: {from: Cell, split: "|", as: {extract: 'Line 1: (.*?);'}, take: "{n}"}
    address_line_2: {from: Cell, split: "|", as: {extract: 'Line 2: (.*?);'}, take: "{n}"}
    city: {from: Cell, split: "|", as: {extract: 'City: (.*)$'}, take: "{n}"}
"""
)
ONE = "Line 1: 1 Mill Ln; Line 2: ; City: Austin"
TWO = "Line 1: 9 Dock St; Line 2: Suite 5; City: Dallas"
PEOPLE = (
    BASE
    + """
contacts:
  - repeat: 1..3
    first_name: {from: Names, split: ";", take: "{n}"}
    email: {from: Mails, split: ";", take: "{n}"}
"""
)
SHARED = """
title: Test
tables:
  partners: {has: Name, key: Id}
  places: {has: Street, key: Id}
customer: {company_name: {from: Name, optional: true}}
addresses:
  - table: places
    type: billing
    address_line_1: Street
    is_default: {constant: yes, when: {column: Place, same_as: {table: partners, column: Main}}}
"""


def source(**cells: str) -> Any:
    return make_source("customers.csv", [cells])


def lines(made: Any) -> list[tuple[Any, ...]]:
    return [(a.get("address_line_1"), a.get("address_line_2"), a.get("city")) for a in records(made, "address")]


def test_parts_of_a_cell_keep_their_numbers_if_some_are_blank() -> None:
    made = apply(PARTS, source(Id="1", Name="K", Cell=f"{ONE}|{TWO}"))
    assert lines(made) == [("1 Mill Ln", None, "Austin"), ("9 Dock St", "Suite 5", "Dallas")]


def test_blank_part_counts() -> None:
    made = apply(PARTS, source(Id="1", Name="K", Cell=f"{ONE}||{TWO}"))
    assert lines(made) == [("1 Mill Ln", None, "Austin"), ("9 Dock St", "Suite 5", "Dallas")]
    made = apply(PEOPLE, "Id|Name|Names|Mails\n1|K|Ann;;Cy|a@example.com; b@example.com;c@example.com")
    assert [(c.get("first_name"), c.get("email")) for c in records(made, "contact")] == [
        ("Ann", "a@example.com"),
        (None, "b@example.com"),
        ("Cy", "c@example.com"),
    ]


def test_invalid_part_is_an_error_of_its_own_record() -> None:
    made = apply(PEOPLE, "Id|Name|Names|Mails\n1|K|Ann;Bo|nobody;b@example.com")
    assert [(c.get("first_name"), c.get("email")) for c in records(made, "contact")] == [
        ("Ann", None),
        ("Bo", "b@example.com"),
    ]
    assert problems(made, "severity", "code", "record", "column") == [("error", "invalid_email", 0, "Mails")]


def test_parts_after_the_last_number_are_reported() -> None:
    made = apply(PEOPLE, "Id|Name|Names|Mails\n1|K|Ann;Bo;Cy;Di|")
    told = problems(made, "severity", "code", "column", "message")
    assert told == [
        ("warning", "value_not_taken", "Names", "'Ann;Bo;Cy;Di' has 4 parts; those after number 3 are not used")
    ]


def test_parts_of_several_columns_are_numbered_consecutively() -> None:
    text = PEOPLE.replace("from: Names", "from: [Names, More]")
    made = apply(text, "Id|Name|Names|More|Mails\n1|K|Ann;Bo|Cy|\n2|L|Di|Ed;Flo|")
    assert column(made, "first_name", "contact") == ["Ann", "Bo", "Cy", "Di", "Ed", "Flo"]


def test_transforms_are_applied_after_join() -> None:
    rule = '{from: [A, B], join: " ", then: [upper, {replace: [ROAD, RD]}]}'
    made = field(rule, "Id|Name|A|B\n1|K|pier|road\n2|L||x")
    assert column(made, "display_name") == ["PIER RD", "X"]


def test_value_refused_by_a_later_transform_is_an_error_at_its_column() -> None:
    made = field("{from: [A, B], take: first, then: {date: '%d.%m.%Y'}}", "Id|Name|A|B\n1|K||soon\n2|L|03.02.2024|")
    assert column(made, "display_name") == [None, "2024-02-03"]
    assert problems(made, "code", "row", "column") == [("invalid_date", 2, "B")]


@pytest.mark.parametrize(
    ("rule", "cells", "wanted"),
    [
        (
            "{from: A, as: phone, values: {ask: '+1 1'}}",
            ["ask", "415 555 0147"],
            ["+1 1", "+14155550147"],
        ),
        ("{from: A, as: lower, values: {NET 30: NET30, cod: COD}}", ["NET 30", "COD"], ["NET30", "COD"]),
        ("{from: A, as: {replace: [x, y]}, values: {ax: by, ay: no}}", ["ax", "AX", "y"], ["by", "by", "y"]),
        ("{from: A, values: {a: b, b: c}}", ["a", "b"], ["b", "c"]),
    ],
)
def test_values_match_the_source_text_first(rule: str, cells: list[str], wanted: list[str]) -> None:
    rows = "\n".join(f"{number}|K|{cell}" for number, cell in enumerate(cells))
    made = field(rule, f"Id|Name|A\n{rows}", country="US")
    assert column(made, "display_name") == wanted
    assert not problems(made)


def test_flag_may_be_translated_from_source_values() -> None:
    text = BASE + "contacts:\n  - {first_name: First, is_default: {from: Rank, values: {main: yes, other: no}}}\n"
    made = apply(text, "Id|Name|First|Rank\n1|K|Ann|other\n1|K|Bo|Main")
    assert column(made, "is_default", "contact") == [False, True]


def test_field_is_set_only_if_a_condition_is_met() -> None:
    table = "Id|Name|Kind|Phone\n1|K|Head|1\n2|L|Store|2"
    assert column(field("{from: Phone, when: {column: Kind, is: Head}}", table), "display_name") == ["1", None]
    rule = "{from: Phone, when: {column: Kind, is: Head}, else: Kind}"
    assert column(field(rule, table), "display_name") == ["1", "Store"]
    rule = "{constant: Main, when: {column: Kind, is: Head}, default: Branch}"
    assert column(field(rule, table), "display_name") == ["Main", "Branch"]


def test_invalid_value_is_ignored_if_the_condition_is_not_met() -> None:
    made = field("{from: A, as: phone, when: {column: Kind, is: Head}}", "Id|Name|Kind|A\n1|K|Store|ask", country="US")
    assert not problems(made)


def test_two_columns_of_a_row_are_compared() -> None:
    text = BASE + "skip: [{column: Payer, differs_from: Id, reason: paid by another}]\n"
    made = apply(text, "Id|Name|Payer\n1|K|1\n2|L|1\n3|M|\n4|N|  4")
    assert column(made, "reference_id") == ["1", "3", "4"]


def test_column_is_compared_with_one_of_another_table() -> None:
    partners = sheet("Id|Name|Main\n1|K|head  OFFICE\n2|L|\n3|M|Depot", "partners.csv")
    places = sheet("Id|Place|Street\n1|Old|a\n1|Head Office|b\n2||c\n2|Depot|d\n3|Depot|e", "places.csv")
    made = apply(SHARED, partners, places)
    assert [(a["_customer"], a["address_line_1"], a.get("is_default")) for a in records(made, "address")] == [
        (0, "a", None),
        (0, "b", True),
        (1, "c", None),
        (1, "d", None),
        (2, "e", True),
    ]
    assert list(made.tables.addresses["_default_stated"]) == [False, True, False, False, True]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("table: partners, column", "table: patners, column", "there is no table 'patners', only partners, places"),
        ("column: Main}", "column: Mian}", "'Mian' (closest header in the file: 'Main')"),
    ],
)
def test_faults_in_a_comparison_are_refused(old: str, new: str, message: str) -> None:
    tables = (sheet("Id|Name|Main\n1|K|x", "partners.csv"), sheet("Id|Place|Street\n1|x|a", "places.csv"))
    with pytest.raises(MappingError) as caught:
        apply(SHARED.replace(old, new), *tables)
    assert message in caught.value.message


def test_only_addresses_and_contacts_may_use_rows_of_another_table() -> None:
    skip = "skip: [{column: Id, same_as: {table: places, column: Id}, reason: r}]"
    with pytest.raises(MappingError, match="only addresses and contacts can look"):
        loaded(SHARED.replace("key: Id}\n  places", f"key: Id, {skip}}}\n  places"))


@pytest.mark.parametrize("kind", ["billing", "{constant: billing}", "[billing, shipping]", "{from: billing}", "Kind"])
def test_type_may_be_written_in_short_form(kind: str) -> None:
    text = BASE + f"addresses:\n  - {{type: {kind}, address_line_1: Street}}\n"
    made = apply(text, "Id|Name|Street|Kind|billing\n1|K|a|shipping|shipping")
    wanted = {"[billing, shipping]": ["billing", "shipping"], "{from: billing}": ["shipping"], "Kind": ["shipping"]}
    assert column(made, "type", "address") == wanted.get(kind, ["billing"])


def test_parent_column_may_be_optional() -> None:
    text = BASE.replace("key: Id", "key: Id\nparent: {from: Company, match: Name, optional: true}")
    assert len(apply(text, "Id|Name\n1|K\n2|L").tables.customers) == 2
    assert len(apply(text, "Id|Name|Company\n1|K|\n2|L|K").tables.customers) == 1
