"""Differences between two bodies: all of them, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.planner import Merger
from importer.planner.compare import body_of
from importer.planner.updates import find_changes, in_effect

OLD = {
    "reference_id": "C1",
    "company_name": "Wren",
    "assigned_sales_rep_ids": ["AA", "bb"],
    "phone": "+14155550101",
    "addresses": [
        {"reference_id": "A1", "type": "billing", "city": "Marlow", "attributes": [{"name": "Gate", "value": "2"}]},
        {"reference_id": "A2", "type": "shipping", "city": "Anytown"},
    ],
    "contacts": [{"reference_id": "P.1[x]", "first_name": "Ann"}],
    "attributes": [{"name": "Color", "value": "Red"}, {"name": "Size", "value": "5"}],
}


def found(old, new) -> list[tuple]:
    return [(change.path, change.before, change.after) for change in find_changes(old, new)]


def test_different_order_is_not_a_change() -> None:
    same = {
        **OLD,
        "assigned_sales_rep_ids": ["BB", "aa"],
        "addresses": OLD["addresses"][::-1],
        "attributes": OLD["attributes"][::-1],
    }
    assert found(OLD, same) == []


def test_every_kind_of_change_has_its_path() -> None:
    new = {
        **OLD,
        "company_name": "Wren Ltd",
        "email": "a@example.com",
        "assigned_sales_rep_ids": ["aa"],
        "addresses": [
            {"reference_id": "A1", "type": "billing", "city": "Marlow", "attributes": [{"name": "Gate", "value": "3"}]},
            OLD["addresses"][1],
            {"reference_id": "A3", "type": "shipping", "city": "Elsewhere"},
        ],
        "contacts": [{"reference_id": "P.1[x]", "first_name": "Anne"}],
        "attributes": [{"name": "Color", "value": "Blue"}, {"name": "New", "value": "1"}],
    }
    del new["phone"]
    assert found(OLD, new) == [
        ("company_name", "Wren", "Wren Ltd"),
        ("assigned_sales_rep_ids", ["aa", "bb"], ["aa"]),
        ("attributes[Color]", "Red", "Blue"),
        ("attributes[New]", None, "1"),
        ("email", None, "a@example.com"),
        ("phone", "+14155550101", None),
        ("attributes[Size]", "5", None),
        ("addresses[A1].attributes[Gate]", "2", "3"),
        ("addresses[A3].reference_id", None, "A3"),
        ("addresses[A3].type", None, "shipping"),
        ("addresses[A3].city", None, "Elsewhere"),
        ("contacts[P.1[x]].first_name", "Ann", "Anne"),
    ]
    assert {change.path for change in in_effect(find_changes(OLD, new))} == {
        path for path, _, after in found(OLD, new) if after is not None
    }


OLD_ID, NEW_ID = "C1-shipping-0123456789ab", "C1-shipping-ba9876543210"  # as the mapping makes them from the content
DOCK = {"reference_id": OLD_ID, "type": "shipping", "address_line_1": "4 Dock", "city": "Hull", "is_default": True}


def test_child_with_a_new_content_based_id_counts_as_changed() -> None:
    """It keeps its reference ID, and also its default unless the source states one."""
    old = {**OLD, "addresses": [*OLD["addresses"], DOCK]}
    moved = {**DOCK, "reference_id": NEW_ID, "address_line_1": "4 The Dock", "is_default": False}
    new = {**OLD, "addresses": [moved, *OLD["addresses"]]}
    assert found(old, new) == [
        (f"addresses[{OLD_ID}].address_line_1", "4 Dock", "4 The Dock"),
        (f"addresses[{OLD_ID}].is_default", True, False),
    ]
    assert {change.child for change in find_changes(old, new)} == {NEW_ID}
    assert [change.path for change in find_changes(old, new, stated=[])] == [f"addresses[{OLD_ID}].address_line_1"]
    assert len(find_changes(old, new, stated=[("addresses", NEW_ID)])) == 2
    elsewhere = {**moved, "city": "Leeds"}
    assert {path.split(".")[0] for path, *_ in found(old, {**OLD, "addresses": [elsewhere]})} == {
        f"addresses[{name}]" for name in (OLD_ID, NEW_ID, "A1", "A2")
    }, "another street in another town is another address"


def test_ambiguous_children_are_left_out() -> None:
    twice = [{**DOCK, "reference_id": f"C1-shipping-00000000000{number}", "zip_code": f"{number}"} for number in (1, 2)]
    new = {**DOCK, "reference_id": NEW_ID, "phone": "+14155550101"}
    assert found({**OLD, "addresses": [DOCK]}, {**OLD, "addresses": [new]}) != []
    alike = [{name: value for name, value in child.items() if name != "zip_code"} for child in twice]
    assert found({"addresses": alike}, {"addresses": [new]}) == []


def test_child_without_a_reference_id_is_named_by_its_id() -> None:
    by_hand = {**OLD, "contacts": [{"id": "77", "first_name": "Bob"}, *OLD["contacts"]]}
    assert found(by_hand, OLD) == [("contacts[77].first_name", "Bob", None)]


def test_api_records_are_comparable_with_sent_bodies() -> None:
    held = {
        "id": "1",
        "reference_id": "C1",
        "name": "Wren",
        "status": "active",
        "created_at": "2025-01-01T00:00:00Z",
        "phone": "+14155550101",
        "assigned_sales_reps": [{"id": "AA"}, {"id": "bb"}],
        "assigned_price_list": None,
        "addresses": [
            {"id": "a2", **OLD["addresses"][1], "country": None, "attributes": []},
            {"id": "a1", "status": "active", **OLD["addresses"][0]},
            {"id": "a3", "status": "inactive", "type": "billing", "city": "Gone"},
        ],
        "contacts": [{"id": "p1", "customer_id": "1", **OLD["contacts"][0]}],
        "attributes": [{"id": "x", "name": "Size", "value": 5.0}, {"name": "Color", "value": "Red"}],
    }
    assert found(body_of(held), OLD) == []
    german = {**OLD, "addresses": [{**OLD["addresses"][0], "country": "DE"}, OLD["addresses"][1]]}
    held["addresses"][1]["country"] = "DEU"
    assert found(body_of(held), german) == []
    assert found(body_of({**held, "name": "Other", "freight_term": ""}), german) == [("company_name", "Other", "Wren")]


TEXT = st.text("ab", min_size=1, max_size=2)
ATTRIBUTES = st.dictionaries(TEXT, TEXT, max_size=3).map(
    lambda values: [{"name": name, "value": value} for name, value in values.items()]
)


def children(**fields):
    child = st.fixed_dictionaries(
        {"reference_id": st.text("xyz", min_size=1, max_size=2), **fields},
        optional={"city": TEXT, "is_default": st.booleans(), "attributes": ATTRIBUTES},
    )
    return st.lists(child, unique_by=lambda item: item["reference_id"], max_size=4)


BODIES = st.fixed_dictionaries(
    {"reference_id": st.just("C1")},
    optional={
        "company_name": TEXT,
        "phone": TEXT,
        "assigned_sales_rep_ids": st.lists(TEXT, min_size=1, max_size=3),
        "addresses": children(type=st.sampled_from(["billing", "shipping"])),
        "contacts": children(),
        "attributes": ATTRIBUTES,
    },
)


@given(BODIES, st.randoms(use_true_random=False))
def test_nothing_differs_from_itself_in_any_order(body, rng) -> None:
    mixed = {name: rng.sample(value, len(value)) if isinstance(value, list) else value for name, value in body.items()}
    assert find_changes(body, mixed) == []


@pytest.mark.parametrize("kind", ["addresses", "contacts"])
def test_two_children_with_one_reference_id_are_both_kept(kind) -> None:
    """It is not documented that the API refuses a duplicate reference ID."""
    twice = {kind: [{"reference_id": "x", "id": "1", "city": "a"}, {"reference_id": "x", "id": "2", "city": "b"}]}
    assert found(twice, {kind: twice[kind][:1]}) == [
        (f"{kind}[2].reference_id", "x", None),
        (f"{kind}[2].city", "b", None),
    ]


CLAIMING = Merger(frozenset({("email",), ("attributes", "Note")}))


def test_only_existing_data_that_the_source_controls_counts() -> None:
    there = {
        **OLD,
        "freight_term": "FOB",
        "email": "a@example.com",
        "addresses": [*({**child, "id": "x", "zip_code": "1"} for child in OLD["addresses"]), {"id": "by-hand"}],
        "contacts": [{"id": "b", "first_name": "Bo"}, {"id": "c", "first_name": "Ann", "phone": "1"}],
        "attributes": [*OLD["attributes"], {"name": "Note", "value": "n"}, {"name": "Own", "value": "o"}],
    }
    new = {**OLD, "addresses": OLD["addresses"][:1]}
    assert CLAIMING.claimed(there, new) == {
        **OLD,
        "email": "a@example.com",
        "addresses": OLD["addresses"][:1],
        "contacts": [{"id": "c", "first_name": "Ann"}],
        "attributes": [*OLD["attributes"], {"name": "Note", "value": "n"}],
    }


@given(BODIES, BODIES)
def test_claimed_data_needs_the_same_changes_as_existing_data(there, new) -> None:
    assert sorted(listed(CLAIMING.changes(CLAIMING.claimed(there, new), new))) == sorted(
        listed(CLAIMING.changes(there, new))
    )


def listed(changes) -> list[str]:
    return [repr((change.where, change.before, change.after)) for change in changes]
