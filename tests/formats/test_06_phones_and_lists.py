"""Phones with labels, extensions in the same or another cell, numbers run together; several values in a cell."""

import pytest

from tests.mapping.support import apply, column, problems

MAPPING = """
title: T
country: US
key: Id
customer:
  company_name: Id
  phone: {from: Phone, extension_to: Extension}
"""


@pytest.mark.parametrize(
    ("cell", "number", "extension", "codes"),
    [
        ("Phone: (415) 555-0132", "+14155550132", None, set()),
        ("Tel. 415.555.0132", "+14155550132", None, set()),
        ("415-555-0132 x123", "+14155550132", "123", {"phone_extension_split"}),
        ("415-555-0132 ext. 5", "+14155550132", "5", {"phone_extension_split"}),
        ("41555501321234", "+14155550132", "1234", {"phone_extension_split"}),
        ("415-555-0132 / 415-555-0133", "+14155550132", None, {"phones_left_out"}),
        ("Phone:(415) 555-0132 Mobile:(415) 555-0133 Fax:(415) 555-0134", "+14155550132", None, {"phones_left_out"}),
        ("00 44 20 7946 0018", "+442079460018", None, set()),
        ("+44 (0)20 7946 0018", "+442079460018", None, set()),
        ("000-000-0000", None, None, {"invalid_phone"}),
        ("4.16E+09", None, None, {"excel_damaged"}),
    ],
)
def test_phones_are_normalized(cell: str, number: str | None, extension: str | None, codes: set[str]) -> None:
    made = apply(MAPPING, f"Id|Phone\n1|{cell}")
    assert column(made, "phone") == [number]
    assert column(made, "attributes.Extension") == [extension]
    assert {code for (code,) in problems(made, "code")} == codes


def test_extension_in_a_separate_column_is_kept() -> None:
    mapping = MAPPING.replace(", extension_to: Extension", "") + "  attributes: {Extension: Ext}\n"
    made = apply(mapping, "Id|Phone|Ext\n1|4155550132|12")
    assert (column(made, "phone"), column(made, "attributes.Extension")) == (["+14155550132"], ["12"])


def test_national_phone_uses_the_country_of_address_customer_or_default() -> None:
    mapping = """
    title: T
    country: US
    key: Id
    customer: {company_name: Id, phone: Phone}
    addresses:
      - {type: {constant: billing}, address_line_1: Id, city: Id, country: Country, phone: Phone}
    contacts:
      - {first_name: Id, phone: Phone}
    """
    made = apply(mapping, "Id|Phone|Country\n1|020 7946 0018|United Kingdom\n2|415-555-0132|")
    for entity in ("customer", "address", "contact"):
        assert column(made, "phone", entity) == ["+442079460018", "+14155550132"]
    assert not problems(made)


def test_first_email_is_used_and_others_can_become_contacts() -> None:
    mapping = """
    title: T
    key: Id
    customer: {company_name: Id, email: Mail}
    """
    cells = "Id|Mail\n1|office@example.com; dana@example.com"
    plain = apply(mapping, cells)
    assert column(plain, "email") == ["office@example.com"]
    assert problems(plain, "severity", "code", "row", "column") == [("warning", "emails_left_out", 2, "Mail")]
    others = """contacts:
      - first_name: {constant: Other}
        email: {from: Mail, split: ";", take: 2}
    """
    made = apply(mapping + others, cells)
    assert column(made, "email", "contact") == ["dana@example.com"]
