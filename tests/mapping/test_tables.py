"""Which source is which table of the mapping, which columns it must have, and what is reported about the others."""

from dataclasses import replace

import pytest

from importer.errors import MappingError
from importer.mapping.table_rows import find_column
from tests.mapping.support import BASE, Mapped, apply, column, records, sheet

JOINED = """
title: T
tables:
  partners: {has: [Code, Firm], key: Code}
  addresses: {has: [Parent, Street], key: Parent, names: ["*Address*"]}
  people: {has: [Parent, Email], key: Parent, names: ["*People*"]}
customer: {company_name: Firm}
addresses: [{table: addresses, type: {constant: billing}, address_line_1: Street}]
contacts: [{table: people, email: Email}]
"""
PARTNERS = sheet("Code|Firm\n1|Kettle\n2|Copper", "partners.csv")
ADDRESSES = sheet("Parent|Street\n2|Mill Lane\n1|High Street", "addresses.csv")
PEOPLE = sheet("Parent|Email\n1|ada@example.com", "people.csv")


def codes(mapped: Mapped) -> list[str]:
    return [note.code for note in mapped.notes]


def test_tables_are_distinguished_by_their_columns() -> None:
    made = apply(JOINED, ADDRESSES, PEOPLE, PARTNERS)
    assert column(made, "company_name") == ["Kettle", "Copper"]
    assert column(made, "address_line_1", "address") == ["High Street", "Mill Lane"]
    assert column(made, "email", "contact") == ["ada@example.com"]
    assert not made.notes


def test_table_may_be_split_into_several_files() -> None:
    more = sheet("Firm|Code\nThimble|3", "more.csv")  # with another column order
    made = apply(JOINED, PARTNERS, more, ADDRESSES, PEOPLE)
    assert column(made, "company_name") == ["Kettle", "Copper", "Thimble"]


def test_tables_with_the_same_columns_are_distinguished_by_name() -> None:
    both = "Parent|Street|Email\n1|High Street|ada@example.com"
    made = apply(JOINED, PARTNERS, sheet(both, "x_Address.csv"), sheet(both, "book.xlsx", sheet="People"))
    assert column(made, "address_line_1", "address") == ["High Street"]
    assert column(made, "email", "contact") == ["ada@example.com"]
    with pytest.raises(MappingError, match=r"both\.csv matches several tables \(addresses, people\)"):
        apply(JOINED, PARTNERS, sheet(both, "both.csv"))


def test_wrong_file_is_refused_with_the_columns_of_each_table() -> None:
    with pytest.raises(MappingError, match=r"items\.csv matches no table") as caught:
        apply(JOINED, PARTNERS, sheet("Sku|Price\n1|2", "items.csv"))
    assert "'Sku', 'Price'" in caught.value.hint
    assert "'addresses' (a file with the columns 'Parent', 'Street')" in caught.value.hint


def test_main_table_is_required_and_missing_others_are_noted() -> None:
    with pytest.raises(MappingError, match="the file with the customers is missing"):
        apply(JOINED, ADDRESSES)
    made = apply(JOINED, PARTNERS, ADDRESSES)
    assert codes(made) == ["table_missing"]
    assert "'people'" in made.notes[0].message
    assert not records(made, "contact")


def test_absent_columns_are_named_with_the_nearest_header() -> None:
    mapping = BASE.replace(", optional: true", "") + "  email: E-Mail|Mail Address\n  phone: Telephone\n"
    with pytest.raises(MappingError) as caught:
        apply(mapping, "Id|Nmae|mail adress\n1|x|y")
    assert caught.value.message.splitlines() == [
        "customers.csv is missing 3 columns that the mapping needs:",
        "  'Name' (closest header in the file: 'Nmae');",
        "  'Telephone';",
        "  'E-Mail' or 'Mail Address' (closest header in the file: 'mail adress')",
    ]
    assert "'Id', 'Nmae', 'mail adress'" in caught.value.hint


def test_sheet_with_only_some_of_the_columns_is_refused() -> None:
    pages = [sheet("Id|Name\n1|Harbor", sheet="List"), sheet("Name|Count\nHarbor|1", sheet="Pivot")]
    with pytest.raises(MappingError, match="!Pivot is missing 1 column") as caught:
        apply(BASE, *pages)
    assert caught.value.hint.endswith("To read only one sheet, use --sheet.")


def test_file_that_was_not_split_into_columns_is_refused() -> None:
    with pytest.raises(MappingError) as caught:
        apply(BASE, "Id  Name    City\n1   Harbor  Marlow")
    assert "only one column, 'Id  Name    City'. If it should have more" in caught.value.hint
    with pytest.raises(MappingError, match="quotation marks enclose whole rows"):
        apply(BASE, "Id,Name,City\n1,Harbor,Marlow")


@pytest.mark.parametrize(
    ("reference", "headers", "wanted"),
    [
        ("Phone", ["phone", "Phone"], "Phone"),
        ("phone", ["*Phone (Req)"], "*Phone (Req)"),
        ("A|B", ["B", "C"], "B"),
        ("A|B", ["b", "a"], "a"),
        ("A|B", ["B", "a"], "a"),
        ("Phone#2", ["Phone", "Phone#2"], "Phone#2"),
        ("Phone", ["Phone#2"], None),
        ("Contact\u00a0Name", ["Contact  Name"], "Contact  Name"),
        ("Company Name", ["company_name", "name"], "company_name"),
        ("CompanyName|Name", ["Name", "Company-Name"], "Company-Name"),
        ("Related Company/External ID", ["related_company_external_id"], "related_company_external_id"),
        ("Address 1 : Country (Req) 1", ["address_1_country_req_1"], "address_1_country_req_1"),
        ("Customer No.|Customer #", ["CUSTOMER", "customer no"], "customer no"),
        ("Customer #", ["Customer"], None),
        ("Email", ["\u200bE\u200dmail\u2060"], "\u200bE\u200dmail\u2060"),
        (".id", ["id"], None),
        ("E-mail", ["EMAIL", "e-mail"], "e-mail"),
        ("email", ["_email"], None),
        ("_email", ["email"], None),
    ],
)
def test_column_references_are_resolved(reference: str, headers: list[str], wanted: str | None) -> None:
    assert find_column(reference, headers) == wanted


def test_ambiguous_column_reference_is_an_error() -> None:
    with pytest.raises(MappingError, match="'phone' could be 'Phone' or 'PHONE'"):
        find_column("phone", ["Phone", "PHONE"])
    with pytest.raises(MappingError, match="'Zip Code' could be 'zip_code' or 'ZipCode'"):
        find_column("Zip Code", ["zip_code", "ZipCode"])


def test_alternatives_and_repeated_headers_are_read() -> None:
    made = apply(BASE + "  display_name: Old|New\n  display_id: Phone#2\n", "Id|New|Phone|Phone#2\n1|x|y|z")
    assert records(made) == [{"reference_id": "1", "display_name": "x", "display_id": "z"}]
    assert made.tables.unused_columns == {"customers.csv": ("Phone",)}


GROUPS = BASE + "contacts: [{repeat: 1..3, first_name: 'P{n} Name', email: 'P{n} Mail', phone: Tel}]\n"


def test_entire_repeated_group_may_be_absent() -> None:
    made = apply(GROUPS, "Id|P1 Name|P1 Mail|P3 Name|P3 Mail|Tel\n1|Ada|a@example.com|Bea||")
    assert column(made, "first_name", "contact") == ["Ada", "Bea"]


@pytest.mark.parametrize(
    ("headers", "absent"),
    [
        ("P1 Name|P1 Mail|P2 Name|Tel", "'P2 Mail'"),  # half a group
        ("P1 Name|P1 Mail", "'Tel'"),  # without the column that all groups share
        ("Tel", "'P1 Name'"),  # no group at all; the message names the first
    ],
)
def test_missing_columns_of_a_repeated_group_are_refused(headers: str, absent: str) -> None:
    with pytest.raises(MappingError) as caught:
        apply(GROUPS, f"Id|{headers}\n1{'|' * len(headers.split('|'))}")
    assert absent in caught.value.message
    assert "P3" not in caught.value.message


def test_condition_may_contain_the_group_number() -> None:
    mapping = BASE + "contacts: [{repeat: 1..2, first_name: 'P{n}', when: {column: 'Use{n}', flag: yes}}]\n"
    made = apply(mapping, "Id|P1|Use1|P2|Use2\n1|Ada|No|Bea|Yes\n2|Cleo|Yes|Dora|No")
    assert column(made, "first_name", "contact") == ["Bea", "Cleo"]
    assert not made.tables.unused_columns


def test_unused_columns_and_misspelled_headers_are_noted() -> None:
    mapping = BASE + "  payment_term: {from: Payment Terms, optional: true}\nignore: [Fax]\n"
    made = apply(mapping, "Id|Name|Fax|Pyament Terms|Balance\n1|x|y|z|0")
    assert made.tables.unused_columns == {"customers.csv": ("Pyament Terms", "Balance")}
    (note,) = made.notes
    assert (note.code, str(note.location)) == ("column_misspelt", "customers.csv [Pyament Terms]")
    assert "'Payment Terms'" in note.message


def test_mapped_secrets_are_refused_and_not_listed_as_unused() -> None:
    table = sheet("Id|Name|Card Number\n1|x|")
    table = replace(table, secrets=frozenset({"Card Number"}))
    assert not apply(BASE, table).tables.unused_columns
    with pytest.raises(MappingError, match=r"customers\.csv: the mapping uses column 'Card Number'"):
        apply(BASE + "  attributes: {Card: Card Number}\n", table)
