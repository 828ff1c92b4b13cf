"""Keys, and rows that become one customer: agreement, contradictions, defaults, extensions."""

import pytest

from tests.mapping.support import BASE, apply, column, problems, records

TWO_PARTS = BASE.replace("key: Id", "key: [Division, Id]")
PHONES = BASE + "  phone: {from: [Phone, Office], take: first}\n"


def test_keys_are_trimmed_and_compared_exactly() -> None:
    made = apply(BASE, "Id|Name\n 01 |one\n01|\n1|two\na|three\nA|four")
    assert column(made, "reference_id") == ["01", "1", "a", "A"]
    assert made.tables.rows["customer"].tolist() == [0, 0, 1, 2, 3]


def test_rows_without_a_key_are_rejected_individually() -> None:
    made = apply(BASE, "Id|Name\n1|one\n|two\n|three\n1|")
    assert column(made, "reference_id") == ["1"]
    assert made.tables.rows["rejected"].tolist() == [False, True, True, False]
    assert problems(made, "code", "customer", "row", "column", "hint") == [
        ("key_blank", -1, 3, "Id", 'Fill in the column "Id" in this row.'),
        ("key_blank", -1, 4, "Id", 'Fill in the column "Id" in this row.'),
    ]


def test_multipart_keys_require_all_parts() -> None:
    made = apply(TWO_PARTS, "Division|Id|Name\n01|7|one\n|7|two\n01||three\n02|7|four\n01|7|one")
    assert column(made, "reference_id") == ["01-7", "02-7"]
    assert made.tables.rows["rejected"].tolist() == [False, True, True, False, False]
    assert problems(made, "hint")[0] == ('Fill in the columns "Division" and "Id" in this row.',)


def test_key_parts_are_never_confused() -> None:
    made = apply(TWO_PARTS, "Division|Id|Name\na-b|c|one\na|b-c|two")
    assert made.tables.rows["customer"].tolist() == [0, 1]
    assert column(made, "reference_id") == ["a-b-c", "a-b-c"]  # validation reports both


def test_mapped_reference_id_overrides_the_key() -> None:
    made = apply(BASE + "  reference_id: Number\n", "Id|Name|Number\n1|x|C-1\n1||")
    assert records(made) == [{"reference_id": "C-1", "company_name": "x"}]


def test_key_may_have_transforms() -> None:
    made = apply(BASE.replace("key: Id", "key: {from: Id, as: upper}"), "Id|Name\na|x\nA|")
    assert column(made, "reference_id") == ["A"]


def test_blank_agrees_with_any_value_and_each_value_has_its_row() -> None:
    made = apply(BASE + "  email: E\n", "Id|Name|E\n1||\n2|two|\n1|one|\n1||ADA@EXAMPLE.COM\n1|one|ada@example.com")
    assert records(made) == [
        {"reference_id": "1", "company_name": "one", "email": "ada@example.com"},
        {"reference_id": "2", "company_name": "two"},
    ]
    assert not problems(made)
    assert made.tables.customers["_row"].tolist() == [0, 1]
    assert made.tables.customer_field_rows["company_name"].tolist() == [2, 1]
    assert made.tables.customer_field_rows["email"].tolist() == [3, 1]


def test_contradiction_names_both_rows() -> None:
    made = apply(BASE, "Id|Name\n1|Kettle\n1|Kettle\n2|x\n1|Copper\n1|Copper")
    assert column(made, "company_name") == ["Kettle", "x"]
    assert problems(made, "severity", "code", "customer", "field", "row", "column", "value", "message") == [
        ("error", "customer_conflict", 0, "company_name", 5, "Name", "Copper",
         "This row has 'Copper', but row 2 of customers.csv has 'Kettle'"),
    ]  # fmt: skip


def test_rows_agree_after_transforms() -> None:
    made = apply(PHONES, "Id|Phone|Office\n1|(415) 555-0132|\n1|415.555.0132|\n1||+1 415 555 0132", country="US")
    assert column(made, "phone") == ["+14155550132"]
    assert not problems(made)


def test_rows_that_differ_only_in_spaces_agree_and_the_first_is_used() -> None:
    made = apply(BASE, "Id|Name\n1|Harbor &  Co\n1|Harbor & Co\n1|Harbor\u00a0& Co\n2|Harbor & Co\n2|Harbor & co")
    assert column(made, "company_name") == ["Harbor &  Co", "Harbor & Co"]
    assert problems(made, "code", "row", "value") == [("customer_conflict", 6, "Harbor & co")]
    made = apply(BASE.replace("optional", "conflict: first, optional"), "Id|Name\n1|Harbor & Co\n1|Harbor &  Co")
    assert not problems(made)


def test_contradiction_is_reported_at_the_column_of_the_value() -> None:
    made = apply(PHONES, "Id|Phone|Office\n1|415 555 0132|\n1||415 555 0133", country="US")
    assert problems(made, "code", "row", "column", "value", "message") == [
        ("customer_conflict", 3, "Office", "415 555 0133",
         "This row has '415 555 0133', but row 2 of customers.csv has '415 555 0132'"),
    ]  # fmt: skip


def test_contradiction_within_the_same_cells_names_the_results() -> None:
    text = 'title: T\nkey: Id\ncustomer: {company_name: {from: [Name, Form], join: " "}}'
    made = apply(text, "Id|Name|Form\n1|Kettle|Inc\n1|Kettle|Ltd")
    assert problems(made, "message") == [("This row has 'Kettle Ltd', but row 2 of customers.csv has 'Kettle Inc'",)]


def test_conflict_first_uses_the_first_value() -> None:
    made = apply(BASE.replace("optional", "conflict: first, optional"), "Id|Name\n1|\n1|Kettle\n1|Copper")
    assert column(made, "company_name") == ["Kettle"]
    assert problems(made, "severity", "code", "row", "message") == [
        (
            "info",
            "conflict_passed_over",
            4,
            "This row has 'Copper', which is not used: row 3 of customers.csv comes first, with 'Kettle'",
        )
    ]


def test_invalid_value_is_reported_once_per_customer_even_with_a_valid_one() -> None:
    made = apply(PHONES, "Id|Phone|Office\n1|call|\n1|call|\n1|415 555 0132|\n2|call|", country="US")
    assert column(made, "phone") == ["+14155550132", None]
    assert problems(made, "code", "customer", "row") == [("invalid_phone", 0, 2), ("invalid_phone", 1, 5)]


def test_default_fills_fields_without_a_value() -> None:
    mapping = BASE + "  payment_term: {from: T, default: net30}\n  phone: {from: P, default: '+14155550199'}\n"
    made = apply(mapping, "Id|T|P\n1||\n1|net60|\n2||\n3||call\n3||", country="US")
    assert column(made, "payment_term") == ["net60", "net30", "net30"]
    assert column(made, "phone") == ["+14155550199", "+14155550199", None]
    assert problems(made) == [("invalid_phone", 5, "P")]


EXTENSION = "Id|Phone|Office\n1||415 555 0132 x204\n2|415 555 0133|\n3|415 555 0134 ext 7|415 555 0135 x8"


def test_extension_is_stored_where_the_mapping_says() -> None:
    made = apply(PHONES.replace("first}", "first, extension_to: Ext}"), EXTENSION, country="US")
    assert column(made, "attributes.Ext") == ["204", None, "7"]
    assert made.tables.entries[0].fields["attributes.Ext"].columns == ("Phone", "Office")
    assert {code for (code,) in problems(made, "code")} == {"phone_extension_split"}


def test_extension_without_a_target_is_dropped_with_a_warning() -> None:
    made = apply(PHONES, EXTENSION, country="US")
    assert "attributes.Ext" not in made.tables.customers
    assert sorted(problems(made, "severity", "code", "row", "column", "message")) == [
        ("warning", "phone_extension_dropped", 2, "Office", "extension 204 is left out"),
        ("warning", "phone_extension_dropped", 4, "Phone", "extension 7 is left out"),
    ]


@pytest.mark.parametrize(
    ("options", "mapping_country", "wanted"), [(None, "GB", "GB"), ("US", "GB", "US"), (None, None, None)]
)
def test_phone_is_read_in_the_right_country(
    options: str | None, mapping_country: str | None, wanted: str | None
) -> None:
    head = f"country: {mapping_country}\n" if mapping_country else ""
    made = apply(BASE + "  phone: P\n" + head, "Id|P\n1|020 7946 0018\n2|415 555 0132", country=options)
    numbers = {"GB": ["+442079460018", None], "US": [None, "+14155550132"], None: [None, None]}
    assert column(made, "phone") == numbers[wanted]


def test_country_of_an_address_overrides_the_default() -> None:
    mapping = BASE + "  phone: P\naddresses: [{type: {constant: billing}, address_line_1: A, country: C}]\n"
    made = apply(mapping, "Id|P|A|C\n1|020 7946 0018||\n1||x|UK\n2|415 555 0132|y|GB", country="US")
    assert column(made, "phone") == ["+442079460018", "+14155550132"]
    made = apply(mapping, "Id|P|A|C\n1|020 7946 0018|x|UK\n2|020 7946 0018|y|", country="IT")  # valid in both
    assert [phone[:3] for phone in column(made, "phone")] == ["+44", "+39"]


def test_no_rows_give_no_customers() -> None:
    made = apply(PHONES + "addresses: [{type: {constant: billing}, city: C}]\n", "Id|Phone|Office|C")
    assert [len(made.tables.frame(entity)) for entity in ("customer", "address", "contact")] == [0, 0, 0]
    made = apply(PHONES + "addresses: [{type: {constant: billing}, city: C}]\n", "Id|Phone|Office|C\n|x|y|z")
    assert len(made.tables.customers) == 0
    assert made.tables.rows["rejected"].tolist() == [True]
