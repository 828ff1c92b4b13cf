"""Addresses and contacts: which are made, which are the same, their IDs, types, and defaults."""

import re
from typing import Any

import pandas as pd
import pytest

from importer.errors import MappingError
from importer.tables import DEFAULT_STATED
from tests.mapping.support import BASE, apply, column, problems, records

ADDRESS = (
    BASE
    + """
addresses:
  - type: {from: Type, values: {B: billing, S: shipping, BS: [billing, shipping]}, otherwise: error, default: shipping}
    address_line_1: Street
    city: City
    country: {constant: US}
"""
)
FLAGS = (
    BASE
    + """
addresses:
  - type: {flags: {billing: Bill, shipping: Ship}, default: shipping}
    address_line_1: Street
"""
)
WIDE = (
    BASE
    + """
addresses:
  - {type: {constant: billing}, address_line_1: Bill Street, phone: {from: Bill Phone, optional: true}}
  - {type: {constant: shipping}, address_line_1: Ship Street}
contacts:
  - {first_name: First, last_name: Last, designation: {constant: buyer}}
"""
)


def ids(made: Any, entity: Any = "address") -> list[str]:
    return column(made, "reference_id", entity)


def test_child_of_blank_cells_is_not_created_and_constants_do_not_count() -> None:
    made = apply(WIDE, "Id|Bill Street|Ship Street|First|Last\n1|Mill Lane|||\n2||||\n3||High St||Lovelace")
    assert [(a["_customer"], a["type"], a["address_line_1"]) for a in records(made, "address")] == [
        (0, "billing", "Mill Lane"),
        (2, "shipping", "High St"),
    ]
    assert [(c["_customer"], c["last_name"], c["designation"]) for c in records(made, "contact")] == [
        (2, "Lovelace", "buyer")
    ]


def test_type_alone_makes_no_address() -> None:
    made = apply(ADDRESS, "Id|Type|Street|City\n1|B||\n2||Mill Lane|")
    assert column(made, "type", "address") == ["shipping"]


def test_wrong_type_is_an_error_at_its_cell() -> None:
    made = apply(ADDRESS, "Id|Type|Street|City\n1|X|Mill Lane|Marlow")
    assert column(made, "type", "address") == [None]
    assert problems(made, "code", "entity", "field", "row", "column", "value") == [
        ("value_unlisted", "address", "type", 2, "Type", "X")
    ]


def test_equal_addresses_of_a_customer_are_merged() -> None:
    cells = (
        "Id|Type|Street|City\n1|B|Mill Lane|Marlow\n1|B|MILL  lane|marlow\n1|S|Mill Lane|Marlow\n2|B|Mill Lane|Marlow"
    )
    made = apply(ADDRESS, cells)
    assert [(a["_customer"], a["type"], a["address_line_1"]) for a in records(made, "address")] == [
        (0, "billing", "Mill Lane"),
        (0, "shipping", "Mill Lane"),
        (1, "billing", "Mill Lane"),
    ]
    assert made.tables.addresses["_row"].tolist() == [0, 2, 3]


def test_address_for_both_becomes_one_of_each_type() -> None:
    made = apply(ADDRESS, "Id|Type|Street|City\n1|BS|Mill Lane|\n1|S|High Street|")
    assert column(made, "type", "address") == ["billing", "shipping", "shipping"]
    assert column(made, "address_line_1", "address") == ["Mill Lane", "Mill Lane", "High Street"]
    assert len(set(ids(made))) == 3


def test_flags_set_types_and_defaults() -> None:
    cells = "Id|Bill|Ship|Street\n1|Yes|Yes|Mill Lane\n1|No|No|High Street\n2||T|Low Road\n2|perhaps||Way"
    made = apply(FLAGS, cells)
    assert [(a.get("type"), a["address_line_1"], a.get("is_default")) for a in records(made, "address")] == [
        ("billing", "Mill Lane", True),
        ("shipping", "Mill Lane", True),
        ("shipping", "High Street", None),
        ("shipping", "Low Road", True),
        (None, "Way", None),
    ]
    assert problems(made, "code", "row", "column") == [("invalid_flag", 5, "Bill")]


def test_is_default_comes_from_the_source_and_is_merged() -> None:
    mapping = ADDRESS + "    is_default: Main\n"
    cells = "Id|Type|Street|City|Main\n1|B|Mill Lane|x|No\n1|B|Mill Lane|x|Y\n1|S|High St|x|0\n1|S|Low Rd|x|"
    assert column(apply(mapping, cells), "is_default", "address") == [True, False, None]


def stated(made: Any, entity: Any = "address") -> list[tuple[Any, bool]]:
    frame = made.tables.frame(entity)
    said = [None if pd.isna(flag) else bool(flag) for flag in frame["is_default"]]
    return list(zip(said, frame[DEFAULT_STATED].tolist(), strict=True))


@pytest.mark.parametrize(
    ("rule", "cells", "expected"),
    [
        ("Main", ["Yes", "No", ""], [(True, True), (False, True), (None, False)]),
        ("{from: Main, as: not_flag}", ["1", "0", ""], [(False, True), (True, True), (None, False)]),
        ("{from: Main, values: {main: yes, branch: no}, as: text}", ["main", "Branch"], [(True, True), (False, True)]),
        (
            "{from: Main, values: {a: Y}, else: Street, as: text, invalid: blank}",
            ["a", ""],
            [(True, True), (None, False)],
        ),
        ("{from: Main, default: no}", ["Yes", ""], [(True, True), (False, False)]),
        ("{from: Main, default: 'Yes'}", ["No", ""], [(False, True), (True, False)]),
        ("{constant: yes}", ["No"], [(True, False)]),
        ("{constant: no}", ["Yes"], [(False, False)]),
        ("{from: Main, invalid: blank}", ["perhaps", "No"], [(None, False), (False, True)]),
    ],
)
def test_stated_defaults_are_known(rule: str, cells: Any, expected: Any) -> None:
    rows = [f"1|B|{number} Mill Lane|x|{cell}" for number, cell in enumerate(cells)]
    made = apply(f"{ADDRESS}    is_default: {rule}\n", "\n".join(["Id|Type|Street|City|Main", *rows]))
    assert stated(made) == expected


@pytest.mark.parametrize("rule", ["{constant: main}", "{from: Main, default: maybe}", "{from: Main, values: {A: B}}"])
def test_values_other_than_yes_or_no_in_a_mapping_are_refused(rule: str) -> None:
    with pytest.raises(MappingError, match=r":\d+: the first address, is_default: must be yes or no, not '"):
        apply(f"{ADDRESS}    is_default: {rule}\n", "Id|Type|Street|City|Main\n1|B|x|y|A")


def test_neither_yes_nor_no_is_an_error_with_any_transform() -> None:
    made = apply(ADDRESS + "    is_default: {from: Main, as: text}\n", "Id|Type|Street|City|Main\n1|B|x|y|maybe")
    assert problems(made, "code", "row", "column") == [("invalid_flag", 2, "Main")]
    assert stated(made) == [(None, False)]


def test_stated_defaults_of_contacts_and_of_addresses_of_both_types() -> None:
    both = apply(ADDRESS + "    is_default: Main\n", "Id|Type|Street|City|Main\n1|BS|Mill Lane|x|No\n1|BS|Low Rd|x|")
    assert stated(both) == [(False, True), (False, True), (None, False), (None, False)]
    flags = apply(FLAGS, "Id|Bill|Ship|Street\n1|Yes||Mill Lane\n1|No|No|High Street")
    assert stated(flags) == [(True, True), (None, False)]
    people = BASE + "contacts:\n  - {first_name: First, is_default: Main}\n"
    assert stated(apply(people, "Id|First|Main\n1|Ada|no\n1|Ben|"), "contact") == [(False, True), (None, False)]
    assert apply(WIDE, "Id|Bill Street|Ship Street|First|Last\n1||||").tables.contacts[DEFAULT_STATED].tolist() == []


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["", "No"], (False, True)),
        (["No", ""], (False, True)),
        (["No", "", "Yes"], (True, True)),
        (["", ""], (None, False)),
    ],
)
def test_default_in_any_row_of_a_merged_child_counts(cells: list[str], expected: Any) -> None:
    rows = [f"1|B|Mill Lane|x|{cell}" for cell in cells]
    made = apply(ADDRESS + "    is_default: Main\n", "\n".join(["Id|Type|Street|City|Main", *rows]))
    assert stated(made) == [expected]


def test_id_consists_of_customer_role_and_hash_of_normalized_text() -> None:
    made = apply(WIDE, "Id|Bill Street|Ship Street|First|Last\nC1|Mill Lane|Mill Lane|Ada|Lovelace")
    billing, shipping = ids(made)
    assert re.fullmatch(r"C1-billing-[0-9a-f]{12}", billing)
    assert re.fullmatch(r"C1-shipping-[0-9a-f]{12}", shipping)
    assert re.fullmatch(r"C1-contact-[0-9a-f]{12}", ids(made, "contact")[0])


def test_ids_do_not_depend_on_row_order_spacing_or_case() -> None:
    rows = ["1|B|Mill Lane|Marlow", "1|S|Grüner Weg|Köln", "2|B|Mill Lane|Marlow", "1|B|MILL lane|Marlow"]
    again = ["2|B|MILL\u00a0 LANE|Marlow", "1|B|Mill Lane|MARLOW", "1|S|GRÜNER   Weg|köln", "1|b|mill  lane|Marlow"]
    first = apply(ADDRESS, "\n".join(["Id|Type|Street|City", *rows]))
    second = apply(ADDRESS, "\n".join(["Id|Type|Street|City", *again]))
    third = apply(
        ADDRESS, "\n".join(["City|Street|Type|Id|Extra", *("|".join([*reversed(r.split("|")), "x"]) for r in rows)])
    )
    assert sorted(ids(first)) == sorted(ids(second)) == sorted(ids(third))
    assert len(set(ids(first))) == 3


def test_addresses_that_differ_only_in_case_and_spaces_are_merged() -> None:
    made = apply(ADDRESS, "Id|Type|Street|City\n1|B|Hauptstraße  1|x\n1|B|HAUPTSTRASSE 1|x\n1|B|Hauptstraße\u00a01|x")
    assert column(made, "address_line_1", "address") == ["Hauptstraße 1"]


def test_address_spelled_differently_has_one_id_in_any_order() -> None:
    mapping = ADDRESS + "    state: State\n"
    head, one, other = "Id|Type|Street|City|State", "1|B|Mill Lane|x|CA", "1|B|Mill Lane|x|California"
    (first,) = ids(apply(mapping, f"{head}\n{one}\n{other}"))
    assert ids(apply(mapping, f"{head}\n{other}\n{one}")) == [first]


def test_long_ids_are_cut_and_still_unique() -> None:
    long = "x" * 250
    made = apply(WIDE, f"Id|Bill Street|Ship Street|First|Last\n{long}1|A|A|b|c\n{long}2|A|A|b|c\n{'y' * 300}|A||b|c")
    made_ids = ids(made) + ids(made, "contact")
    assert len(set(made_ids)) == len(made_ids) == 8
    assert max(map(len, made_ids)) == 255
    assert made_ids[0].startswith(f"{'x' * 200}")
    assert "-billing-" in made_ids[0]


def test_own_ids_are_kept_with_the_type_appended_if_one_row_gives_both() -> None:
    mapping = ADDRESS + "    reference_id: No\n"
    cells = "Id|Type|Street|City|No\n1|B|Mill Lane|x|A7\n1|BS|High St|x|A8\n1|S|Low Rd|x|\n1|B|Mill Lane|x|A9"
    first, billing, shipping, made, other = ids(apply(mapping, cells))
    assert (first, billing, shipping, other) == ("A7", "A8-billing", "A8-shipping", "A9")
    assert made.startswith("1-shipping-")


def test_children_are_sorted_by_customer_and_have_entry_and_row() -> None:
    cells = "Id|Bill Street|Ship Street|First|Last\n2|a|b||\n1|c|d||\n2|e|||"
    frame = apply(WIDE, cells).tables.addresses
    assert frame["address_line_1"].tolist() == ["a", "b", "e", "c", "d"]
    assert frame["_customer"].tolist() == [0, 0, 0, 1, 1]
    assert frame["_row"].tolist() == [0, 0, 2, 1, 1]
    assert frame["_entry"].tolist() == [1, 2, 1, 1, 2]


def test_entries_have_columns_and_policies() -> None:
    mapping = WIDE.replace(
        "designation: {constant: buyer}", "on_error: drop_child, email: {from: Mail, invalid: blank}"
    )
    entries = apply(mapping, "Id|Bill Street|Ship Street|First|Last|Mail\n1|a|b|c|d|e").tables.entries
    assert [(entry.entity, entry.drop_when_wrong) for entry in entries] == [
        ("customer", False),
        ("address", False),
        ("address", False),
        ("contact", True),
    ]
    assert entries[0].fields["reference_id"].columns == ("Id",)
    assert entries[1].fields["address_line_1"].columns == ("Bill Street",)
    assert entries[1].fields["phone"].columns == ()
    assert entries[3].fields["email"].blank_when_invalid


def test_phone_extension_of_a_child_is_moved_to_its_attribute() -> None:
    cells = "Id|Bill Street|Ship Street|First|Last|Bill Phone\n1|||||x\n2|a||||415 555 0132 x9"
    made = apply(WIDE, cells, country="US")
    assert problems(made, "code", "entity", "record", "row", "column") == [
        ("invalid_phone", "address", 0, 2, "Bill Phone"),
        ("phone_extension_dropped", "address", 1, 3, "Bill Phone"),
    ]
    made = apply(WIDE.replace("optional: true}}", "optional: true, extension_to: Ext}}"), cells, country="US")
    assert column(made, "attributes.Ext", "address") == [None, "9"]
    assert made.tables.entries[1].fields["attributes.Ext"].columns == ("Bill Phone",)


@pytest.mark.parametrize(("flag", "count"), [("Yes", 1), ("No", 0), ("", 0)])
def test_when_selects_rows_that_give_a_child(flag: str, count: int) -> None:
    mapping = BASE + "contacts: [{first_name: First, when: {column: Person, flag: yes}}]\n"
    assert len(apply(mapping, f"Id|First|Person\n1|Ada|{flag}").tables.contacts) == count
