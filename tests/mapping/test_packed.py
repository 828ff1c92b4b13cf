"""Packed cells: addresses in one cell or in lines, labeled numbers, several values that become several contacts."""

import pyarrow as pa
import pytest

from importer.errors import MappingError
from importer.mapping.transforms.phone_text import labelled
from tests.mapping.support import BASE, Mapped, apply, column, loaded, problems, records, sheet

PACKED = """
title: T
key: Id
customer: {company_name: Name, first_name: {from: Who, as: first_name}, last_name: {from: Who, as: last_name}}
addresses:
  - {type: {constant: billing}, packed: Bill}
"""
LINES = PACKED.replace("packed: Bill", "lines: [B1, B2, B3, B4]")


def address(made: Mapped, number: int = 0) -> dict[str, str]:
    hidden = {"_customer", "type", "reference_id"}
    return {name: value for name, value in records(made, "address")[number].items() if name not in hidden}


def test_whole_address_in_one_cell_is_split() -> None:
    made = apply(PACKED, "Id|Name|Who|Bill\n1|Kettle||4 Pier Rd, Austin, Texas 78701 USA\n2|Copper||")
    assert len(made.tables.addresses) == 1
    assert address(made) == {
        "address_line_1": "4 Pier Rd",
        "city": "Austin",
        "state": "TX",
        "zip_code": "78701",
        "country": "US",
    }
    parts = "address line 1 '4 Pier Rd', city 'Austin', state 'TX', country 'US', ZIP/postal code '78701'"
    assert problems(made, "severity", "code", "entity", "field", "row", "column", "value", "message") == [
        (
            *("info", "address_parsed", "address", "address_line_1", 2, "Bill"),
            "4 Pier Rd, Austin, Texas 78701 USA",
            f"'4 Pier Rd, Austin, Texas 78701 USA' was split into its parts: {parts}",
        )
    ]


@pytest.mark.parametrize(
    ("name", "who", "cell", "line"),
    [
        ("Harbor Goods, Inc.", "", "HARBOR GOODS INC\n4 Pier Rd\nAustin, TX 78701", "4 Pier Rd"),
        ("Harbor:North Pier", "", "Harbor\n4 Pier Rd\nAustin, TX 78701", "4 Pier Rd"),
        ("Harbor:North Pier", "", "North Pier\n4 Pier Rd\nAustin, TX 78701", "4 Pier Rd"),
        ("Harbor", "Reyes, Dana", "Dana Reyes\n4 Pier Rd\nAustin, TX 78701", "4 Pier Rd"),
        ("Harbor", "", "Harbor 4 Pier Rd Marlow OH 43000", "4 Pier Rd"),
        ("Harbor Goods, Inc.", "", "Harbor Goods, Inc., 4 Pier Rd, Austin, TX 78701", "4 Pier Rd"),
        ("Harbor", "", "Harbour, 4 Pier Rd, Austin, TX 78701", "Harbour"),
        ("Harbor", "", "Harbour\nKettle\n4 Pier Rd\nAustin, TX 78701", "Harbour"),
        ("Harbor", "", "Harbour\n4 Pier Rd\nAustin, TX 78701", "Harbour"),
        ("Harbor", "Dana Reyes", "Harbor\nMs. Dana Reyes\n4 Pier Rd\nAustin, TX 78701", "4 Pier Rd"),
        ("Harbor", "Dana Reyes", "Dana Reyes\nHarbor\n4 Pier Rd\nAustin, TX 78701", "4 Pier Rd"),
        ("Dr. Pepper", "", "Dr. Pepper\n4 Pier Rd\nAustin, TX 78701", "4 Pier Rd"),
        ("Harbor", "", "Harbor\nHarbour\n4 Pier Rd\nAustin, TX 78701", "Harbour"),
        ("Harbor", "Dana Reyes", "4 Pier Rd\nHarbor\nAustin, TX 78701", "4 Pier Rd"),
    ],
)
def test_first_lines_that_name_the_customer_are_not_the_street(name: str, who: str, cell: str, line: str) -> None:
    table = sheet("Id|Name|Who|Bill\n1|x|x|x")
    table.frame.loc[0, ["Name", "Who", "Bill"]] = [name, who, cell]
    made = apply(PACKED, table)
    assert address(made)["address_line_1"] == line
    unsure = [message for code, message in problems(made, "code", "message") if code == "address_unsure"]
    assert len(unsure) == (line == "Harbour")
    assert all("'Harbour', may be a name" in message for message in unsure)


def test_customer_name_alone_is_not_a_street() -> None:
    table = sheet("Id|Name|Who|Bill\n1|Kettle||x")
    table.frame.loc[0, "Bill"] = "Kettle\nAustin, TX 78701"
    made = apply(PACKED, table)
    assert "address_line_1" not in address(made)
    assert "no street" in next(
        message for code, message in problems(made, "code", "message") if code == "address_unsure"
    )


def test_untyped_lines_track_the_column_of_each_piece() -> None:
    cells = "1|K||ATTN: Dana Reyes|4 Pier Rd|Austin, TX 78701|call us\n2|L|||1 Mill Ln|Marlow, OH 43000|512 555 013"
    made = apply(LINES.replace("lines", "phone: B4, lines"), f"Id|Name|Who|B1|B2|B3|B4\n{cells}", country="US")
    assert address(made, 0)["first_name"] == "Dana"
    assert address(made, 0)["city"] == "Austin"
    assert any(
        "lines below the postal code" in text and "not used: 'call us'" in text for (text,) in problems(made, "message")
    )
    assert sorted(row for row in problems(made) if row[0] != "address_parsed") == [
        ("address_unsure", 2, "B1"),
        ("address_unsure", 3, "B2"),
        ("invalid_phone", 2, "B4"),
        ("invalid_phone", 3, "B4"),
    ]


def test_phone_in_a_line_becomes_the_phone_with_its_own_column() -> None:
    rows = ["1|K||4 Pier Rd|Austin, TX 78701|512-555-0132|", "2|L||4 Pier Rd|Austin, TX 78701||Tel 999 555 0132"]
    made = apply(LINES, "\n".join(["Id|Name|Who|B1|B2|B3|B4", *rows]), country="US")
    assert address(made)["phone"] == "+15125550132"
    entry = made.tables.entries[1]
    assert set(entry.fields["phone"].columns) == {"B3", "B4"}
    assert entry.fields["phone"].blank_when_invalid
    assert entry.fields["city"].columns == ("B2",)
    assert [row for row in problems(made) if row[0] == "invalid_phone"] == [("invalid_phone", 3, "B4")]


def test_line_may_contain_the_whole_address_and_columns_may_be_absent() -> None:
    made = apply(LINES, "Id|Name|Who|B2\n1|Kettle||4 Pier Rd, Austin, TX 78701")
    assert address(made)["city"] == "Austin"
    with pytest.raises(MappingError, match="'B1', 'B2', 'B3', or 1 other name"):
        apply(LINES, "Id|Name|Who\n1|Kettle|")


def test_separate_field_overrides_the_packed_address_and_the_rest_is_reported() -> None:
    made = apply(
        PACKED.replace("packed", "country: Land, packed"),
        "Id|Name|Who|Bill|Land\n1|K||4 Pier Rd, Austin, TX 78701 USA|UK",
    )
    assert address(made)["country"] == "GB"
    assert [code for (code,) in problems(made, "code")] == ["zip_country_mismatch", "address_parsed"]
    assert problems(made, "message")[1][0].endswith("ZIP/postal code '78701'; not used: 'US'")


def test_cell_without_any_parts_still_makes_an_address_with_a_problem() -> None:
    made = apply(PACKED, "Id|Name|Who|Bill\n1|Kettle||Fax: 512 555 0133")
    assert address(made) == {}
    assert {code for code, *_ in problems(made)} == {"address_unsure", "address_parsed"}


def test_numbered_packed_cells_in_continuation_rows_are_read() -> None:
    mapping = """
    title: T
    key: [Site, Id]
    blank_key: above
    customer: {company_name: {from: Name, optional: true}}
    addresses: [{repeat: 1..3, optional: true, type: {constant: shipping}, packed: "Ship {n}"}]
    """
    a, b = "4 Pier Rd, Austin, TX 78701", "1 Mill Ln, Marlow, OH 43000"
    one = sheet(f"Site|Id|Name|Ship 1|Ship 2\nw|1|Kettle|{a}|{b}\n|||2 Elm St, Austin, TX 78701|", "a.csv")
    two = sheet(f"Site|Id|Ship 2|Ship 3\nv|1|{a}|\n|||{b}", "b.csv")
    made = apply(mapping, one, two)
    assert column(made, "reference_id") == ["w-1", "v-1"]
    found = [(a["_customer"], a["address_line_1"]) for a in records(made, "address")]
    assert found == [(0, "4 Pier Rd"), (0, "1 Mill Ln"), (0, "2 Elm St"), (1, "4 Pier Rd"), (1, "1 Mill Ln")]
    assert len(set(column(made, "reference_id", "address"))) == 5


def test_id_of_a_packed_address_is_derived_from_its_cell() -> None:
    cells = "Id|Name|Who|Bill\n1|Kettle||4 Pier Rd, Austin, TX 78701"
    other = PACKED.replace("packed: Bill", "address_line_1: Bill")
    assert column(apply(PACKED, cells), "reference_id", "address") == column(
        apply(other, cells), "reference_id", "address"
    )


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        ("{type: {constant: billing}, packed: A, lines: [A, B]}", "cannot be combined"),
        ("{type: {constant: billing}, lines: [A]}", "lines"),
        ("{packed: A}", "an address needs a type"),
        ("{type: {constant: billing}, packed: 'A {n}'}", "must be used together with {n}"),
        ("{type: {constant: billing}, repeat: 1..2, packed: A}", "must be used together with {n}"),
    ],
)
def test_invalid_packed_entries_are_refused(entry: str, wanted: str) -> None:
    with pytest.raises(MappingError, match=wanted):
        loaded(f"{BASE}addresses: [{entry}]\n")


@pytest.mark.parametrize(
    ("cell", "labels", "wanted", "left"),
    [
        ("Phone:(555) 010-1234 Mobile:(555) 010-9999", ["Phone"], "(555) 010-1234", "mobile (555) 010-9999"),
        ("Fax: 555-0103 Cell. 555-0102 Tel 555-0101", ["phone", "main"], "555-0101", "fax 555-0103, mobile 555-0102"),
        ("Main Phone: 555-0100; Work Fax: 555-0103", ["Phone", "Main"], "555-0100", "fax 555-0103"),
        ("Main: 555-0100 / 555-0101", ["Phone", "Main"], "555-0100 / 555-0101", ""),
        ("555-0101", ["Phone"], "555-0101", ""),
        ("555-0101 ext. 12", ["Phone"], "555-0101 ext. 12", ""),
        ("Phone: 555-0101 ext: 12 Mobile: 555-0102", ["Mobile"], "555-0102", "phone 555-0101 ext: 12"),
        ("555-0101 (mobile)\n555-0102", ["Phone"], "555-0102", "mobile 555-0101"),
        ("555-0101, x12, 555-0102", ["Phone"], "555-0101, x12", "phone 555-0102"),
        ("Fax: 555-0103", ["Phone"], None, "fax 555-0103"),
        ("M: 555-0102", ["Handy"], "555-0102", ""),
        ("Dana: 555-0101 Lee: 555-0102", ["Lee"], "555-0102", "dana 555-0101"),
        ("ask Dana", ["Phone"], "ask Dana", ""),
    ],
)
def test_labeled_numbers_are_extracted(cell: str, labels: list[str], wanted: str | None, left: str) -> None:
    result = labelled(pa.array([cell]), labels)
    assert result.values.to_pylist() == [wanted]
    said = [finding.texts(0)[0] for finding in result.findings]
    assert said == ([f"contains something that is not used here: {left}"] if left else [])


def test_labeled_transform_works_in_a_mapping() -> None:
    mapping = f"{BASE}  phone: {{from: Tel, as: [{{labelled: [Phone, Main]}}, phone]}}\n"
    made = apply(
        mapping, "Id|Name|Tel\n1|K|Mobile:415-555-0199 Phone:415-555-0132\n2|L|Main 415 555 0133", country="US"
    )
    assert column(made, "phone") == ["+14155550132", "+14155550133"]
    assert problems(made, "severity", "code", "row") == [("info", "value_not_taken", 2)]


MAILS = (
    BASE
    + """  email: {from: Mail, split: [",", ";"], take: first}
contacts:
  - repeat: 2..4
    email: {from: Mail, split: [",", ";"], take: "{n}"}
    first_name: {from: Mail, split: [",", ";"], as: [email, {extract: "^[^@]+"}], take: "{n}"}
    designation: {constant: more}
"""
)


def test_additional_emails_become_contacts() -> None:
    cells = "Id|Name|Mail\n1|K|a@example.com, b@example.com;c@example.com\n2|L|d@example.com\n3|M|"
    made = apply(MAILS, cells)
    assert column(made, "email") == ["a@example.com", "d@example.com", None]
    assert [(c["_customer"], c["first_name"], c["email"]) for c in records(made, "contact")] == [
        (0, "b", "b@example.com"),
        (0, "c", "c@example.com"),
    ]
    assert len(set(column(made, "reference_id", "contact"))) == 2


def test_invalid_email_among_several_is_reported() -> None:
    made = apply(MAILS, "Id|Name|Mail\n1|K|a@example.com, nobody, c@example.com\n2|L|d@example.com, nobody")
    assert [(c["_customer"], c.get("first_name"), c.get("email")) for c in records(made, "contact")] == [
        (0, None, None),
        (0, "c", "c@example.com"),
        (1, None, None),
    ]
    told = problems(made, "severity", "code", "entity", "row")
    assert ("error", "invalid_email", "contact", 2) in told
    assert ("error", "invalid_email", "contact", 3) in told


@pytest.mark.parametrize(
    "text",
    [
        BASE + "  email: {from: Mail, split: ',', take: '{n}'}\n",
        BASE + "contacts: [{first_name: {from: Mail, split: ',', take: '{n}'}}]\n",
        BASE.replace("key: Id", "key: {from: Id, split: '-', take: '{n}'}"),
    ],
)
def test_number_placeholder_requires_repeat(text: str) -> None:
    with pytest.raises(MappingError, match=r"\{n\}"):
        loaded(text)


def test_id_depends_only_on_its_own_address() -> None:
    head, own, other = (
        "Id|Name|Who|B1|B2|B3|B4",
        "1|K||4 Pier Rd|Austin, TX 78701||",
        "2|L||L Ltd|Dock 2|1 Mill Ln|Marlow",
    )
    alone, together = (apply(LINES, "\n".join([head, *rows])) for rows in ([own], [own, other]))
    assert column(alone, "reference_id", "address")[0] == column(together, "reference_id", "address")[0]
