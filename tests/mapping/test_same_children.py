"""Which children are distinct, which one is the default, and that the order of rows makes no difference."""

import json
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.validation.policies import complete_defaults
from tests.mapping.support import BASE, apply, column, problems, records

PEOPLE = (
    BASE
    + """
contacts:
  - {first_name: First, last_name: Last, email: Mail, phone: Phone, designation: Job, is_default: Main, optional: true}
"""
)
PLACES = (
    BASE
    + """
addresses:
  - type: {from: Type, values: {B: billing, S: shipping, BS: [billing, shipping]}}
    address_line_1: Street
    address_line_2: More
    city: City
    country: Country
    is_default: Main
    optional: true
"""
)


def people(rows: str) -> list[tuple[Any, ...]]:
    made = apply(PEOPLE, f"Id|First|Last|Mail|Phone|Job\n{rows}", country="US")
    return [(c["_customer"], c.get("first_name"), c.get("email"), c.get("phone")) for c in records(made, "contact")]


def defaults(mapping: str, table: str) -> dict[str, list[str]]:
    """Type → the streets of its default addresses."""
    frame = complete_defaults(apply(mapping, table).tables).addresses
    chosen = frame[frame["is_default"].to_numpy(bool)]
    return {str(kind): sorted(own["address_line_1"]) for kind, own in chosen.groupby("type")}


@pytest.mark.parametrize(
    "rows", list(permutations(["1|Kim|Fox|k@example.com|415 555 0132|", "1|KIM|fox|||", "1|Kim||||"]))
)
def test_person_repeated_with_less_data_is_one_contact(rows: list[str]) -> None:
    found = people("\n".join(rows))
    assert [(who, first.casefold(), mail, phone) for who, first, mail, phone in found] == [
        (0, "kim", "k@example.com", "+14155550132")
    ]


def test_children_with_different_data_are_kept() -> None:
    assert len(people("1|Kim|Fox|a@example.com||\n1|Kim|Fox|b@example.com||")) == 2
    assert len(people("1|Kim|Fox|a@example.com||\n1|Kim|Fox||415 555 0132|")) == 2
    assert len(people("1|Kim|Fox|a@example.com||\n2|Kim|Fox|||")) == 2
    assert len(people("1|Kim|Fox|a@example.com||\n1|Kim|Fox|||Buyer")) == 2


def test_invalid_value_is_reported_at_its_own_person() -> None:
    made = apply(PEOPLE, "Id|First|Mail\n1|Kim|k@example.com\n1|Kim|nobody")
    assert len(records(made, "contact")) == 2
    assert problems(made, "code", "record") == [("invalid_email", 1)]


def test_row_that_only_adds_the_default_is_kept() -> None:
    made = apply(PEOPLE, "Id|First|Mail|Main\n1|Ann|a@example.com|no\n1|Kim|k@example.com|\n1|Kim||yes")
    assert [(c["first_name"], c["is_default"]) for c in records(made, "contact")] == [("Ann", False), ("Kim", True)]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_default_row_that_matches_two_people_always_selects_the_same(order: tuple[int, ...]) -> None:
    rows = ["1||k@example.com|yes", "1|Lee|k@example.com|", "1|Kim|k@example.com|"]
    made = apply(PEOPLE, "\n".join(["Id|First|Mail|Main", *(rows[place] for place in order)]))
    assert {c["first_name"]: c.get("is_default") for c in records(made, "contact")} == {"Kim": True, "Lee": None}


def test_id_is_derived_from_the_row_with_most_data() -> None:
    alone = apply(PEOPLE, "Id|First|Mail\n1|Kim|k@example.com")
    twice = apply(PEOPLE, "Id|First|Mail\n1|Kim|\n1|Kim|k@example.com")
    assert column(alone, "reference_id", "contact") == column(twice, "reference_id", "contact")


def test_address_of_another_type_is_different() -> None:
    made = apply(
        PLACES, "Id|Type|Street|More|City\n1|B|4 Pier Rd|Suite 5|Marlow\n1|S|4 Pier Rd||Marlow\n1|B|4 pier rd||"
    )
    assert [(a["type"], a.get("address_line_2")) for a in records(made, "address")] == [
        ("billing", "Suite 5"),
        ("shipping", None),
    ]


def test_country_or_job_title_alone_is_not_a_child() -> None:
    made = apply(PLACES, "Id|Type|Street|City|Country\n1|B|||Australia\n2|B||Perth|Australia\n3|B|||nowhere")
    assert [(a["_customer"], a["city"]) for a in records(made, "address")] == [(1, "Perth")]
    assert not problems(made)
    assert [who for who, *_ in people("1|||||Owner\n2|||o@example.com||Owner")] == [1]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_address_of_one_type_is_the_default_before_one_for_both(order: tuple[int, ...]) -> None:
    rows = ["1|BS|4 Pier Rd|", "1|S|9 Dock St|", "1|B|1 Bill St|"]
    table = "\n".join(["Id|Type|Street|Main", *(rows[place] for place in order)])
    assert defaults(PLACES, table) == {"billing": ["1 Bill St"], "shipping": ["9 Dock St"]}


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        (["1|BS|a|yes", "1|S|b|"], {"billing": ["a"], "shipping": ["a"]}),
        (["1|BS|a|", "1|S|b|no"], {"billing": ["a"], "shipping": ["a"]}),
        (["1|BS|a|no", "1|S|b|no"], {}),
        (["1|BS|a|", "1|B|a|", "1|S|b|"], {"billing": ["a"], "shipping": ["b"]}),
    ],
)
def test_default_from_the_source_takes_precedence(rows: list[str], wanted: dict[str, list[str]]) -> None:
    for order in permutations(rows):
        assert defaults(PLACES, "\n".join(["Id|Type|Street|Main", *order])) == wanted


def sent_records(rows: list[str]) -> list[str]:
    """The customers and children as texts, without what may depend on the order (unstated defaults)."""
    made = apply(PLACES + PEOPLE.split("\n", 5)[5], "\n".join(["Id|Name|Type|Street|City|First|Mail|Main", *rows]))
    ids = column(made, "reference_id")
    lines = [json.dumps(record, default=str) for record in records(made)]
    children = [*records(made, "address"), *records(made, "contact")]
    lines += [json.dumps([ids[child.pop("_customer")], child], default=str, sort_keys=True) for child in children]
    return sorted(lines)


cells = {
    "id": st.sampled_from("123456"),
    "type": st.sampled_from(["B", "S", "BS"]),
    "street": st.sampled_from(["", "4 Pier Rd", "4 PIER RD", "4  pier rd"]),
    "city": st.sampled_from(["", "Marlow", "MARLOW"]),
    "first": st.sampled_from(["", "Kim", "KIM", "Lee"]),
    "mail": st.sampled_from(["", "k@example.com", "nobody"]),
    "main": st.sampled_from(["", "yes", "no"]),
}
line = st.fixed_dictionaries(cells).map(
    lambda row: f"{row['id']}|K|{row['type']}|{row['street']}|{row['city']}|{row['first']}|{row['mail']}|{row['main']}"
)


@settings(max_examples=15)
@given(st.lists(line, min_size=6, max_size=20), st.randoms(use_true_random=False))
def test_row_order_does_not_change_what_is_sent(rows: list[str], random: Any) -> None:
    mixed = list(rows)
    random.shuffle(mixed)
    assert sent_records(mixed) == sent_records(rows)
