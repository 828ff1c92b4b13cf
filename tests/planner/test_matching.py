"""Matching children to those in WizCommerce: a corrected value does not make a new child; another place does."""

import pytest

from importer.planner.compare import VANISHED
from importer.planner.matching import candidates_of, match, present

OLD_ID, NEW_ID = "C1-billing-0123456789ab", "C1-billing-ba9876543210"  # as the mapping makes them from the content
ADDRESS = {
    "reference_id": OLD_ID,
    "type": "billing",
    "address_line_1": "1 Main St",
    "city": "Marlow",
    "zip_code": "SL7 1AA",
    "country": "GB",
    "phone": "+441628555010",
}
CONTACT = {"reference_id": OLD_ID, "first_name": "Ann", "last_name": "Lee", "email": "ann@example.com", "phone": "+1"}
ALONE = {"reference_id": OLD_ID, "type": "billing", "address_line_1": "1 Main St", "city": "Marlow"}


def same(kind: str, old: dict, new: dict) -> bool:
    found = match(kind, [new], candidates_of([old]), {})
    assert not found.unclear
    assert bool(found.pairs) != bool(found.rest)
    return bool(found.pairs)


CORRECTED = [
    ("addresses", ADDRESS, {"phone": "+441628555999"}),
    ("addresses", ADDRESS, {"address_line_1": "  1 MAIN  st", "city": "marlow"}),
    ("addresses", ADDRESS, {"address_line_1": "1 Main Street"}),
    ("addresses", ADDRESS, {"city": "Marlow Bottom"}),
    ("addresses", ADDRESS, {"city": "Marlow Bottom", "zip_code": "SL7 3AA"}),
    ("addresses", ADDRESS, {"state": "Bucks", "address_line_2": "Suite 5", "is_default": True}),
    ("addresses", ALONE, {"address_line_1": "9 New St"}),
    ("addresses", ALONE, {"city": "Marlowe"}),
    ("contacts", CONTACT, {"email": "ann.lee@example.com", "phone": "+2"}),
    ("contacts", CONTACT, {"last_name": "Jones"}),
    ("contacts", CONTACT, {"first_name": "Anne"}),
]
ANOTHER = [
    ("addresses", ADDRESS, {"type": "shipping"}),
    ("addresses", ADDRESS, {"address_line_1": "9 New St", "city": "Leeds"}),
    ("addresses", ADDRESS, {"address_line_1": "9 New St", "zip_code": "SL7 2BB"}),
    ("addresses", ALONE, {"address_line_1": "9 New St", "city": "Leeds", "country": "GB"}),
    ("contacts", CONTACT, {"first_name": "Bob", "last_name": "Ray"}),
    ("contacts", CONTACT, {"first_name": "Bob", "email": "bob@example.com"}),
    ("contacts", CONTACT, {"last_name": "Ray", "email": "ann@ray.example", "phone": "+2"}),
]


@pytest.mark.parametrize(("kind", "old", "change"), CORRECTED)
def test_corrected_value_is_the_same_child(kind, old, change) -> None:
    assert same(kind, old, {**old, **change, "reference_id": NEW_ID})


@pytest.mark.parametrize(("kind", "old", "change"), ANOTHER)
def test_another_place_or_person_is_another_child(kind, old, change) -> None:
    assert not same(kind, old, {**old, **change, "reference_id": NEW_ID})


FOREIGN = [
    ("addresses", ADDRESS, {"phone": "+441628555999"}, True),
    ("addresses", ADDRESS, {"city": "Marlow Bottom"}, True),
    ("addresses", ADDRESS, {"city": "Leeds", "zip_code": "LS1 1AA"}, False),
    ("addresses", ADDRESS, {"address_line_1": "9 New St"}, False),
    ("contacts", CONTACT, {"email": "ann.lee@example.com"}, True),
    ("contacts", CONTACT, {"first_name": "Bob"}, False),
]


@pytest.mark.parametrize("why", ["by hand", "ids of their own", "inactive", "vanished"])
@pytest.mark.parametrize(("kind", "old", "change", "expected"), FOREIGN)
def test_matching_is_stricter_for_children_of_uncertain_origin(why, kind, old, change, expected) -> None:
    """Added by hand, with an ID from the source, inactive, or removed from the source before."""
    new = {**old, **change, "reference_id": NEW_ID}
    if why == "ids of their own":
        assert same(kind, {**old, "reference_id": "A1"}, {**new, "reference_id": "A2"}) is expected
    elif why == "vanished":
        assert same(kind, {**old, VANISHED: True}, new) is expected
    elif why == "by hand":
        assert same(kind, {**old, "id": "7", "reference_id": "X"}, new) is expected
    else:
        candidates = present(kind, {kind: [{**old, "id": "7", "status": "inactive"}]}, {kind: [old]}, {})
        assert bool(match(kind, [new], candidates, {}).pairs) is expected


def test_content_based_id_shows_that_a_child_was_sent_by_the_importer() -> None:
    """Even if the ledger is lost."""
    assert same("addresses", {**ADDRESS, "id": "7"}, {**ADDRESS, "reference_id": NEW_ID, "address_line_1": "9 New St"})


def test_child_with_all_source_values_is_the_same_regardless_of_origin() -> None:
    there = {**CONTACT, "id": "7", "reference_id": "P1"}
    assert same("contacts", there, {"reference_id": "P2", "first_name": "ann"})
    assert not same("contacts", there, {"reference_id": "P2", "first_name": "ann", "phone": "+9"})


def pairs(kind: str, new: list[dict], candidates, ids=None) -> dict[str, str]:
    found = match(kind, new, candidates, ids or {})
    return {new[place]["reference_id"]: str(one.id or one.name) for place, one in found.pairs.items()}


def test_ids_take_precedence_over_reference_ids_and_content() -> None:
    there = [
        {**ADDRESS, "id": "1", "reference_id": "A1"},
        {**ADDRESS, "id": "2", "reference_id": "A2", "city": "Leeds"},
    ]
    new = [{**ADDRESS, "reference_id": "A2"}, {**ADDRESS, "reference_id": "A3"}]
    candidates = present("addresses", {"addresses": there}, None, {})
    assert pairs("addresses", new, candidates) == {"A2": "2", "A3": "1"}
    assert pairs("addresses", new, candidates, {"A3": "2"}) == {"A3": "2", "A2": "1"}


def test_best_pairs_come_first_and_no_child_is_used_twice() -> None:
    there = [
        {**ADDRESS, "reference_id": f"C1-billing-00000000000{number}", "address_line_2": f"Suite {number}"}
        for number in (1, 2)
    ]
    new = [
        {**child, "reference_id": f"{child['reference_id'][:-2]}f{number}", "phone": "+449"}
        for number, child in enumerate(there)
    ]
    more = {**new[0], "reference_id": NEW_ID, "address_line_2": "Suite 3", "state": "Bucks"}
    expected = {new[0]["reference_id"]: there[0]["reference_id"], new[1]["reference_id"]: there[1]["reference_id"]}
    assert pairs("addresses", [more, *new], candidates_of(there)) == expected
    assert pairs("addresses", new[::-1], candidates_of(there[::-1])) == expected


def test_of_two_equal_matches_the_one_with_fewer_contradictions_is_used() -> None:
    street = {**ADDRESS, "reference_id": "A1"}
    less = {name: value for name, value in street.items() if name != "zip_code"}
    there = [{**street, "id": "1", "zip_code": "SL7 9ZZ"}, {**less, "id": "2"}]
    for candidates in (candidates_of(there), candidates_of(there[::-1])):
        assert pairs("addresses", [{**ADDRESS, "reference_id": "A2"}], candidates) == {"A2": "2"}


def test_equally_good_pairs_are_unclear_unless_nothing_changes() -> None:
    there = [{**ALONE, "reference_id": f"C1-billing-00000000000{number}"} for number in (1, 2)]
    candidates = candidates_of(there)
    changed = {**ALONE, "reference_id": NEW_ID, "city": "Marlow Bottom"}
    found = match("addresses", [changed], candidates, {})
    assert [one.name for one in found.unclear[0]] == [child["reference_id"] for child in there]
    assert not found.pairs
    assert not found.rest
    assert pairs("addresses", [{**ALONE, "reference_id": NEW_ID}], candidates) == {NEW_ID: there[0]["reference_id"]}
    two = [changed, {**changed, "reference_id": "C1-billing-00000000000f", "city": "Bourne End"}]
    assert set(match("addresses", two, candidates, {}).unclear) == {0, 1}
    assert set(match("addresses", two, candidates_of([ALONE]), {}).unclear) == {0, 1}


def test_child_removed_in_the_api_is_matched_only_if_unchanged() -> None:
    gone = present("addresses", {"addresses": []}, {"addresses": [ADDRESS]}, {})
    assert pairs("addresses", [{**ADDRESS, "is_default": True}], gone) == {OLD_ID: OLD_ID}
    assert pairs("addresses", [{**ADDRESS, "reference_id": NEW_ID}], gone) == {NEW_ID: OLD_ID}
    assert pairs("addresses", [{**ADDRESS, "phone": "+449"}], gone) == {}
    assert present("addresses", {}, {"addresses": [{**ADDRESS, VANISHED: True}]}, {}) == []


def test_renamed_child_is_found_by_the_ledger_id() -> None:
    there = [{**ADDRESS, "id": "7", "reference_id": "by hand", "address_line_1": "Elsewhere", "city": "Leeds"}]
    candidates = present("addresses", {"addresses": there}, {"addresses": [ADDRESS]}, {OLD_ID: "7"})
    assert pairs("addresses", [{**ADDRESS, "reference_id": NEW_ID, "phone": "+449"}], candidates, {OLD_ID: "7"}) == {
        NEW_ID: "7"
    }
    assert (
        pairs(
            "addresses",
            [{**ADDRESS, "reference_id": NEW_ID}],
            present("addresses", {"addresses": there}, None, {OLD_ID: "7"}),
        )
        == {}
    )
