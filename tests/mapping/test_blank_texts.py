"""Placeholder text is blank in fields, and kept in keys, IDs, conditions, and the mapping's own values."""

import pytest

from importer.errors import MappingError
from tests.mapping.support import BASE, apply, column, field, loaded, problems, records

CHILD = """
title: Test
key: Id
customer: {company_name: Id}
addresses:
  - {type: {constant: billing}, address_line_1: Street, city: City, country: Country, optional: true}
contacts:
  - {first_name: First, email: Mail, optional: true}
"""


@pytest.mark.parametrize(
    "text",
    [
        *("NULL", "null", r"\N", "(null)", "(NULL)", "#N/A", "n/a", "-", "--", "---", "\u2014", ".", "- None -"),
        *("-None-", "--None--", "-- none --", "(none)", "(blank)", "<NULL>", "[empty]", "- Unassigned -", "(Leer)"),
        *("--Ohne--", "(N/A)", "(en blanco)", "<NA>", "undefined"),
        *("(   )   -", "(___) ___-____", "__/__/____", "/  /", "- -", "_", "()", "-/-"),
    ],
)
def test_blank_texts_match_in_any_case(text: str) -> None:
    made = field("Terms", f"Id|Name|Terms\n1|Harbor|{text}", name="payment_term")
    assert column(made, "payment_term") == [None]
    assert list(made.tables.changes[["code", "column", "count", "before"]].iloc[0]) == ["blank_text", "Terms", 1, text]


@pytest.mark.parametrize(
    "text", ["NA", "N.A.", "none", "NaN", "----", "Leer", "(None yet)", "- Net -", "0", "?", "...", "(", "A_"]
)
def test_other_texts_are_kept(text: str) -> None:
    made = field("Terms", f"Id|Name|Terms\n1|Harbor|{text}", name="payment_term")
    assert column(made, "payment_term") == [text]
    assert not len(made.tables.changes)


@pytest.mark.parametrize("text", ["nan", "None"])
def test_ambiguous_blank_texts_are_kept_in_names_states_and_countries(text: str) -> None:
    made = field("Terms", f"Id|Name|Terms\n1|{text}|{text}", name="payment_term")
    assert (column(made, "payment_term"), column(made, "company_name")) == ([None], [text])
    assert column(field("Last", f"Id|Name|Last\n1|A|{text}", name="last_name"), "last_name") == [text]
    assert column(apply(CHILD, f"Id|First|Mail\n1|{text}|"), "first_name", "contact") == [text]


def test_marked_blank_texts_are_blank_in_names_too() -> None:
    made = field("Terms", "Id|Name|Terms\n1|- None -|(none)", name="last_name")
    assert (column(made, "company_name"), column(made, "last_name")) == ([None], [None])


def test_blank_texts_are_kept_in_keys_and_ids() -> None:
    made = apply(f"{BASE}  reference_id: Code\n", "Id|Name|Code\nNULL|Harbor|N/A\n-|Kestrel|NULL")
    assert column(made, "reference_id") == ["N/A", "NULL"]


def test_child_with_only_blank_texts_is_not_created_and_cells_are_counted() -> None:
    made = apply(CHILD, "Id|Street|City|Country\n1|NULL|-|N/A\n2|4 Pier Rd|NULL|US")
    assert records(made, "address") == [
        {"reference_id": made.tables.addresses["reference_id"][0], "address_line_1": "4 Pier Rd", "type": "billing",
         "country": "US", "_customer": 1}
    ]  # fmt: skip
    counted = made.tables.changes.set_index("column")["count"].to_dict()
    assert counted == {"Street": 1, "City": 2, "Country": 1}


def test_blank_texts_apply_to_values_flags_and_conditions() -> None:
    made = field(
        "{from: Terms, values: {N/A: Prepaid}, otherwise: error}",
        "Id|Name|Terms\n1|A|n/a\n2|B|NULL",
        name="payment_term",
    )
    assert column(made, "payment_term") == ["Prepaid", None]
    assert problems(made) == []
    made = field("{from: Terms, values: {None: Prepaid}}", "Id|Name|Terms\n1|A|None\n2|B|nan", name="payment_term")
    assert column(made, "payment_term") == ["Prepaid", None]
    flags = CHILD.replace("optional: true}\ncontacts", "is_default: Main, optional: true}\ncontacts")
    made = apply(flags, "Id|Street|Main\n1|4 Pier Rd|-\n2|9 Dock St|N/A")
    assert [record.get("is_default") for record in records(made, "address")] == [False, None]
    skip = BASE.replace("key: Id", "key: Id\nskip: [{column: Gone, is: N/A, reason: gone}]")
    assert column(apply(skip, "Id|Name|Gone\n1|A|N/A\n2|B|NULL"), "reference_id") == ["2"]


def test_blank_texts_apply_to_alternatives_and_parts_of_a_cell() -> None:
    made = field("{from: [A, B], take: first}", "Id|Name|A|B\n1|X|NULL|Net 30", name="payment_term")
    assert column(made, "payment_term") == ["Net 30"]
    made = field('{from: A, split: ";", take: 1}', "Id|Name|A\n1|X|-; Net 30", name="payment_term")
    assert column(made, "payment_term") == ["Net 30"]


def test_blank_texts_in_address_lines_are_ignored() -> None:
    mapping = """
        title: Test
        key: Id
        customer: {company_name: Id}
        addresses: [{type: {constant: billing}, lines: [A, B, C]}]
    """
    made = apply(mapping, "Id|A|B|C\n1|4 Pier Rd|NULL|Austin, TX 78701", country="US")
    assert [(one["address_line_1"], one["city"], "address_line_2" in one) for one in records(made, "address")] == [
        ("4 Pier Rd", "Austin", False)
    ]
    assert list(made.tables.changes["code"]) == ["blank_text"]


def test_mapping_may_have_its_own_list() -> None:
    cells = "Id|Name|Terms\n1|A|none\n2|B|NULL\n3|C|nan"
    made = apply(f"blanks: [None, '?']\n{BASE}  payment_term: Terms\n", cells)
    assert column(made, "payment_term") == [None, "NULL", "nan"]
    made = apply(f"blanks: []\n{BASE}  payment_term: Terms\n", cells)
    assert column(made, "payment_term") == ["none", "NULL", "nan"]
    with pytest.raises(MappingError, match="blanks"):
        loaded(f"blanks: {{a: b}}\n{BASE}")
