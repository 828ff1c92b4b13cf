"""One field's rule: from → split → as → take/join → values → default, and conditions on rows."""

import pytest

from tests.mapping.support import BASE, apply, column, field, problems, records
from tests.support import make_source


@pytest.mark.parametrize(
    ("rule", "cells", "wanted"),
    [
        ("A", "Id|A\n1|  x \n2|", ["x", None]),
        ("{constant: k}", "Id\n1\n2", ["k", "k"]),
        ("{from: A, default: d}", "Id|A\n1|x\n2|", ["x", "d"]),
        ("{from: [A, B], take: first}", "Id|A|B\n1|x|y\n2||y\n3||", ["x", "y", None]),
        ("{from: [A, B], take: last}", "Id|A|B\n1|x|y\n2|x|\n3||", ["y", "x", None]),
        ("{from: [A, B, C], take: 2}", "Id|A|B|C\n1|x|y|z\n2|x||z\n3|||z", ["y", "z", None]),
        ("{from: [A, B, C], take: -2}", "Id|A|B|C\n1|x|y|z\n2|x||z\n3|||z", ["y", "x", None]),
        ("{from: [A, B], join: '-'}", "Id|A|B\n1|x|y\n2||y\n3||", ["x-y", "y", None]),
        ("{from: A, split: ';', take: 2}", "Id|A\n1|x; y;z\n2|x\n3|;;x;y", ["y", None, "y"]),
        ("{from: A, split: [';', ' or '], join: '/'}", "Id|A\n1|x;y or z\n2|", ["x/y/z", None]),
        ("{from: A, as: [lower, {replace: [x, yy]}]}", "Id|A\n1|X\n2|x", ["yy", "yy"]),
        ("{from: A, values: {one: 1, Two: 2}}", "Id|A\n1|ONE\n2| two\n3|three\n4|", ["1", "2", "three", None]),
        ("{from: A, values: {one: 1}, otherwise: blank}", "Id|A\n1|one\n2|two", ["1", None]),
        ("{from: A, values: {one: 1}, otherwise: {constant: o}}", "Id|A\n1|one\n2|two\n3|", ["1", "o", None]),
        # Each step sees what the one before it gave.
        ("{from: A, as: lower, values: {x: found}}", "Id|A\n1|X", ["found"]),
        ("{from: [A, B], join: ' ', values: {x y: both}}", "Id|A|B\n1|x|y", ["both"]),
        ("{from: A, split: ',', as: upper, take: last, values: {Y: z}, default: d}", "Id|A\n1|x,y\n2|", ["z", "d"]),
        ("{from: A, values: {gone: ''}, default: d}", "Id|A\n1|gone", ["d"]),
    ],
)
def test_field_rules_give_the_expected_values(rule: str, cells: str, wanted: list[object]) -> None:
    made = field(rule, cells)
    assert column(made, "display_name") == wanted
    assert {severity for (severity,) in problems(made, "severity")} <= {"info"}


def test_all_parts_are_transformed_before_one_is_taken() -> None:
    made = field("{from: A, split: ',', take: first}", "Id|A\n1|nobody, ADA@EXAMPLE.COM", name="email")
    said = "'nobody, ADA@EXAMPLE.COM' is not an email address: it has no @ sign; another value was used instead"
    assert column(made, "email") == ["ada@example.com"]
    assert problems(made, "severity", "code", "row", "column", "message", "hint") == [
        ("warning", "invalid_email", 2, "A", said, "")
    ]


def test_take_first_uses_the_first_valid_value_and_warns_of_invalid_ones() -> None:
    cells = "Id|A|B\n1|call|415 555 0132\n2|call|415 555 0133\n3|call|\n4|call|write"
    made = field("{from: [A, B], take: first}", cells, name="phone", country="US")
    assert column(made, "phone") == ["+14155550132", "+14155550133", None, None]
    assert problems(made, "severity", "row", "column", "value") == [
        ("warning", 2, "A", "call"),
        ("warning", 3, "A", "call"),
        ("error", 4, "A", "call"),
        ("error", 5, "A", "call"),
    ]


def test_otherwise_error_names_the_source_cell() -> None:
    rule = "{from: [A, B], take: first, values: {Net 30: N30}, otherwise: error, default: d}"
    made = field(rule, "Id|A|B\n1|net 30|\n2||Nett 30\n3||", name="payment_term")
    assert column(made, "payment_term") == ["N30", None, "d"]  # a default never replaces an invalid cell
    ((code, row, name, value, message, hint),) = problems(made, "code", "row", "column", "value", "message", "hint")
    assert (code, row, name, value) == ("value_unlisted", 3, "B", "Nett 30")
    assert message == "'Nett 30' is not in the mapping's list of values"
    assert hint.startswith("Did you mean 'net 30'? Fix the cell")


def test_default_never_replaces_an_invalid_value() -> None:
    mapping = BASE + "  attributes: {Land: {from: A, as: country, default: DE}}\n"
    made = apply(mapping, "Id|A\n1|Umber\n2|\n3|UK")
    assert column(made, "attributes.Land") == [None, "DE", "GB"]
    assert problems(made) == [("invalid_country", 2, "A")]


def test_sales_rep_lists_are_split() -> None:
    rule = "{from: [A, B], split: ','}"
    name = "assigned_sales_rep_ids"
    several, none = column(field(rule, "Id|A|B\n1|x, y|z\n2||", name=name), name)
    assert list(several) == ["x", "y", "z"]
    assert none is None
    (first,) = column(field("{from: [A, B], take: first}", "Id|A|B\n1|x|z", name=name), name)
    assert list(first) == ["x"]


def test_constant_keeps_its_lookup() -> None:
    made = field("{constant: Ada, lookup: sales_rep}", "Id\n1", name="assigned_sales_rep_ids")
    assert made.tables.entries[0].fields["assigned_sales_rep_ids"].lookup == "sales_rep"


def test_line_breaks_are_removed_from_one_line_fields_only() -> None:
    text = f"{BASE}  display_name: A\n  attributes: {{Note: A}}\n"
    made = apply(text, make_source("c.csv", [{"Id": "1", "Name": "N", "A": "one\r\n two"}]))
    assert records(made)[0]["display_name"] == "one two"
    assert records(made)[0]["attributes.Note"] == "one\r\n two"


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ("{column: A, is: [X, y]}", "1 2"),
        ("{column: A, is_not: x}", "2 4"),
        ("{column: A, blank: yes}", "3"),
        ("{column: A, blank: no}", "1 2 4"),
        ("{column: A, matches: '^(x|ye)'}", "1 4"),
        ("{column: F, flag: yes}", "1 3"),
        ("{column: F, flag: no}", "2"),
        ("{any: [{column: A, is: x}, {column: F, flag: no}]}", "1 2"),
        ("{all: [{column: A, is: x}, {column: F, flag: yes}]}", "1"),
        ("{only: [F]}", "3"),
        ("{only: [F, A]}", "1 2 3 4"),
        ("{column: Gone, blank: yes, optional: yes}", "1 2 3 4"),
        ("{column: Gone, blank: no, optional: yes}", ""),
        ("{column: Gone, is_not: x, optional: yes}", ""),
        ("{any: [{column: Gone, flag: yes}], optional: yes}", ""),
    ],
)
def test_skip_conditions_select_rows(condition: str, wanted: str) -> None:
    mapping = f"""
title: T
key: Id
skip: [{{reason: chosen, {condition[1:]}]
customer:
  company_name: {{from: Name, optional: true}}
  display_id: A
  display_name: F
"""
    made = apply(mapping.replace("only: [", "only: [Id, "), "Id|A|F\n1|x|Yes\n2|y|0\n3||T\n4|yes|perhaps")
    skipped = (made.tables.rows["skipped"] == "chosen").fillna(False)
    assert " ".join(str(number + 1) for number in range(4) if skipped[number]) == wanted
    assert len(made.tables.customers) == 4 - int(skipped.sum())


def test_first_matching_skip_rule_gives_the_reason() -> None:
    mapping = BASE + "skip:\n- {column: A, is: x, reason: one}\n- {column: A, blank: no, reason: two}\n"
    made = apply(mapping, "Id|A\n1|x\n2|y\n3|")
    assert made.tables.rows["skipped"].fillna("-").tolist() == ["one", "two", "-"]


ELSE = "{from: A, else: {from: [B, C], join: ' '}, default: none}"


def test_else_is_used_if_a_rule_gives_nothing() -> None:
    found = field(ELSE, "Id|Name|A|B|C\n1|x|a|b|c\n2|x||b|c\n3|x|||c\n4|x|||")
    assert column(found, "display_name") == ["a", "b c", "c", "none"]


def test_else_hides_no_invalid_value_and_reports_its_own_column() -> None:
    cells = "Id|Name|A|B\n1|x|415-555-0132|12\n2|x|ask|415-555-0133\n3|x||415-555-0134\n4|x||13"
    found = field("{from: A, else: B}", cells, name="phone", country="US")
    assert column(found, "phone") == ["+14155550132", None, "+14155550134", None]
    assert problems(found) == [("invalid_phone", 3, "A"), ("invalid_phone", 5, "B")]


def test_nested_else_and_absent_columns_are_used() -> None:
    found = field("{from: A, optional: yes, else: {from: B, else: {from: C, as: upper}}}", "Id|Name|C\n1|x|c\n2|x|")
    assert column(found, "display_name") == ["C", None]


def test_address_types_are_case_insensitive() -> None:
    mapping = "title: T\nkey: Id\ncustomer: {company_name: Id}\naddresses: [{type: Type, city: City}]"
    made = apply(mapping, "Id|Type|City\n1|Billing|Marlow\n2|SHIPPING|Marlow\n3|Home|Marlow")
    assert column(made, "type", "address") == ["billing", "shipping", "Home"]
