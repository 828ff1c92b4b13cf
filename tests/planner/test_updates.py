"""Updates night after night: changes are written once, nothing is added twice, and other people's edits survive."""

import copy
import hashlib
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.planner import ChildChange, Merger
from importer.planner.compare import NotReplaceableError, content, replacement
from importer.planner.readback import unexpected
from tests.planner.wizcommerce import KINDS, Shop

TEXT = st.sampled_from(["a", "b", "c"])
ATTRIBUTES = st.dictionaries(TEXT, TEXT, max_size=2).map(
    lambda values: [{"name": name, "value": value} for name, value in values.items()]
)
COMMON = {"phone": TEXT, "is_default": st.booleans(), "attributes": ATTRIBUTES}
CHILDREN = {
    "addresses": st.fixed_dictionaries(
        {"type": st.sampled_from(["billing", "shipping"]), "address_line_1": TEXT, "city": TEXT},
        optional={"zip_code": TEXT, "state": TEXT, **COMMON},
    ),
    "contacts": st.fixed_dictionaries({"first_name": TEXT}, optional={"last_name": TEXT, "email": TEXT, **COMMON}),
}
MERGER = Merger()


def generated(kind: str, child: dict) -> str:
    """An ID as the mapping makes it from the content."""
    text = repr(sorted((name, value) for name, value in child.items() if name != "is_default"))
    return f"C1-{kind}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def with_ids(kind: str, children: list[dict], own: bool) -> list[dict]:
    """Each child once, with an ID of its ``own`` or one made from its content."""
    found: dict[str, dict] = {}
    seen = []
    for child in children:
        values = {path: value for path, value in content(child).items() if path != ("is_default",)}
        if values not in seen:
            seen.append(values)
            key = f"own-{child.get('type')}-{child.get('address_line_1')}-{child.get('first_name')}"
            reference_id = key if own else generated(kind, child)
            found.setdefault(reference_id, {"reference_id": reference_id, **child})
    return list(found.values())


def source_children(kind: str):
    return st.builds(partial(with_ids, kind), st.lists(CHILDREN[kind], max_size=4), st.booleans())


BODIES = st.fixed_dictionaries(
    {"reference_id": st.just("C1"), "company_name": TEXT},
    optional={
        "phone": TEXT,
        "addresses": source_children("addresses"),
        "contacts": source_children("contacts"),
        "attributes": ATTRIBUTES,
    },
)
BY_HAND = st.fixed_dictionaries({kind: st.lists(CHILDREN[kind], max_size=2) for kind in KINDS})


def add_by_hand(shop: Shop, by_hand: dict) -> None:
    """Someone adds children, and fields and attributes that the source does not have."""
    for kind, children in by_hand.items():
        for number, child in enumerate(children):
            shop.add_by_hand(kind, {"reference_id": f"hand-{number}", **child})
        for child in shop.data[kind]:
            child["attributes"] = [*child["attributes"], {"id": "1", "name": "by hand", "value": 5}]
            child["email" if kind == "addresses" else "designation"] = "by hand"
    shop.data["freight_term"] = "by hand"
    shop.data["attributes"] = [*shop.data["attributes"], {"name": "by hand", "value": True}]


HANDS = st.lists(
    st.tuples(st.sampled_from([*KINDS]), st.integers(0, 5), st.sampled_from(["delete", "deactivate", "a", "b", "c"])),
    max_size=3,
)


def change_by_hand(shop: Shop, hands: list[tuple[str, int, str]]) -> None:
    """Someone deletes, deactivates, or corrects children."""
    for kind, number, action in hands:
        if number < len(shop.data[kind]):
            child = shop.data[kind].pop(number)
            if action == "deactivate":
                child = {**child, "status": "inactive"}
            elif action != "delete":
                child = {**child, "address_line_1" if kind == "addresses" else "first_name": action}
            if action != "delete":
                shop.data[kind].insert(number, child)


def assert_kept(shop: Shop, before: dict) -> None:
    """Manual additions, reference IDs, and defaults are unchanged; no child was turned into another."""
    assert shop.data["freight_term"] == "by hand"
    assert {"name": "by hand", "value": True} in shop.data["attributes"]
    for kind in KINDS:
        there = {child["id"]: child for child in shop.data[kind]}
        for child in before[kind]:
            now = there[child["id"]]
            for name in ("reference_id", "is_default", "email" if kind == "addresses" else "designation"):
                assert now.get(name) == child.get(name)
            own = [(item["name"], item["value"]) for item in child["attributes"] if item["name"] == "by hand"]
            assert own <= [(item["name"], item["value"]) for item in now["attributes"] if item["name"] == "by hand"]
            if child["reference_id"].startswith("hand-"):
                name = "address_line_1" if kind == "addresses" else "first_name"
                assert now[name] == child[name], "it is another child"


def assert_said(shop: Shop, new: dict, reports: tuple[str, ...]) -> None:
    """Each child in the source is in WizCommerce unless it was reported."""
    for kind in KINDS:
        there = [content(child).items() for child in shop.data[kind]]
        for child in new.get(kind, ()):
            wanted = {
                path: value
                for path, value in content(child).items()
                if path not in [("reference_id",), ("is_default",)]
            }
            reported = any(report.startswith(f"{kind}[{child['reference_id']}]") for report in reports)
            assert reported or any(wanted.items() <= items for items in there)


@settings(max_examples=50)
@given(nights=st.lists(BODIES, min_size=2, max_size=4), by_hand=BY_HAND, ids=st.booleans())
def test_any_sequence_of_nights_is_merged(nights, by_hand, ids) -> None:
    shop, accepted = Shop(nights[0]), nights[0]
    add_by_hand(shop, by_hand)
    for new in nights[1:]:
        known, before = shop.children if ids else None, copy.deepcopy(shop.data)
        update = MERGER.update(new, shop.data, accepted, known)
        shop.carry_out(update)
        assert unexpected(update, before, shop.data) == []
        assert_kept(shop, before)
        assert_said(shop, new, update.reports)
        names = [(kind, child["reference_id"]) for kind in KINDS for child in shop.data[kind]]
        assert len(names) == len(set(names)), "added twice"

        known = shop.children if ids else None
        assert MERGER.update(new, shop.data, update.accepted, known).empty
        assert MERGER.same(update.accepted, new) or update.reports
        assert MERGER.update(new, shop.data, accepted, known).empty, "killed before it was recorded"
        assert MERGER.update(new, shop.data, MERGER.settled(shop.data, accepted, new), known).empty, "in doubt"
        merged = MERGER.merged(accepted, new)
        assert all(change.id for change in MERGER.update(new, shop.data, merged, known).children), "less exact"
        assert update.reports or MERGER.update(new, shop.data, None, known).empty, "a lost ledger"
        accepted = update.accepted


@settings(max_examples=50)
@given(nights=st.lists(st.tuples(BODIES, HANDS), min_size=2, max_size=4), by_hand=BY_HAND, ids=st.booleans())
def test_any_sequence_of_nights_with_manual_changes_is_merged(nights, by_hand, ids) -> None:
    accepted = nights[0][0]
    shop = Shop(accepted)
    add_by_hand(shop, by_hand)
    for new, hands in nights[1:]:
        change_by_hand(shop, hands)
        known, before = shop.children if ids else None, copy.deepcopy(shop.data)
        update = MERGER.update(new, shop.data, accepted, known)
        shop.carry_out(update)
        assert unexpected(update, before, shop.data) == []
        known = shop.children if ids else None
        assert update.reports or MERGER.update(new, shop.data, update.accepted, known).empty
        assert update.reports or MERGER.update(new, shop.data, accepted, known).empty, "killed before it was recorded"
        accepted = update.accepted


@settings(max_examples=50)
@given(
    first=BODIES,
    new=BODIES,
    by_hand=BY_HAND,
    ids=st.booleans(),
    lost=st.booleans(),
    rng=st.randoms(use_true_random=False),
)
def test_order_of_children_changes_nothing(first, new, by_hand, ids, lost, rng) -> None:
    shop = Shop(first)
    add_by_hand(shop, by_hand)

    def mixed(body):
        return {name: rng.sample(value, len(value)) if name in KINDS else value for name, value in body.items()}

    def planned(new, data, accepted):
        update = MERGER.update(new, data, accepted, shop.children if ids else None)
        children = sorted(repr(replace(change, place=None)) for change in update.children)
        return update.fields, update.before, children, sorted(update.reports)

    assert planned(new, shop.data, None if lost else first) == planned(
        mixed(new), mixed(shop.data), None if lost else mixed(first)
    )


S1, S2, S3 = (f"C1-billing-00000000000{number}" for number in (1, 2, 3))  # as the mapping makes them from the content
STREET = {"type": "billing", "address_line_1": "1 Main St", "city": "Marlow", "country": "GB"}
SOURCE = {
    "reference_id": "C1",
    "company_name": "Wren",
    "phone": "+14155550101",
    "attributes": [{"name": "Color", "value": "Red"}],
    "addresses": [{"reference_id": S1, **STREET, "is_default": True}],
    "contacts": [{"reference_id": "P1", "first_name": "Ann", "attributes": [{"name": "Desk", "value": "1"}]}],
}


def test_customer_fields_are_patched_with_all_attributes_and_previous_values() -> None:
    shop = Shop(SOURCE)
    shop.data["attributes"] = [{"id": "x", "name": "Size", "value": 5}, {"name": "Color", "value": "Red"}]
    shop.data["email"] = "a@example.com"
    new = {
        **SOURCE,
        "company_name": "Wren Ltd",
        "freight_term": "FOB",
        "attributes": [{"name": "Color", "value": "Blue"}],
    }
    clearing = Merger(frozenset({("phone",), ("email",)}), {"C2": frozenset({("phone",)})})
    del new["phone"]
    update = clearing.update(new, shop.data, SOURCE, None)
    assert update.fields == {
        "company_name": "Wren Ltd",
        "freight_term": "FOB",
        "phone": "",
        "attributes": [{"name": "Size", "value": 5}, {"name": "Color", "value": "Blue"}],
    }
    assert update.before == {
        "company_name": "Wren",
        "freight_term": None,
        "phone": "+14155550101",
        "attributes": {"Color": "Red"},
    }
    assert update.after == {**update.fields, "attributes": {"Color": "Blue"}}
    assert update.children == ()
    assert "phone" not in update.accepted
    shop.carry_out(update)
    assert clearing.update(new, shop.data, SOURCE, None).empty


def test_only_source_changes_not_yet_in_the_api_are_sent() -> None:
    shop = Shop(SOURCE)
    shop.data |= {"name": "By hand", "phone": "+14155550199"}
    shop.data["contacts"][0]["first_name"] = "Anna"
    assert MERGER.update({**SOURCE, "phone": "+14155550199"}, shop.data, SOURCE, None).empty
    assert MERGER.update(SOURCE, shop.data, None, None).fields == {
        "company_name": "Wren",
        "phone": "+14155550101",
    }
    assert MERGER.update(SOURCE, shop.data, None, None).children == (
        ChildChange("contacts", "0002", "P1", {"first_name": "Ann"}, 0),
    )


def test_field_left_blank_for_a_night_still_counts_as_accepted() -> None:
    shop, blank = Shop(SOURCE), {name: value for name, value in SOURCE.items() if name != "phone"}
    accepted = MERGER.update(blank, shop.data, SOURCE, None).accepted
    assert accepted == SOURCE
    shop.data["phone"] = "+14155550199"
    assert MERGER.update(SOURCE, shop.data, accepted, None).empty, "only somebody there changed it"
    clearing = Merger(frozenset({("phone",)}))
    assert clearing.merged(SOURCE, SOURCE) == SOURCE
    assert clearing.merged(SOURCE, blank) == blank


def test_corrected_child_keeps_its_id_and_the_next_night_has_no_changes() -> None:
    shop, accepted = Shop(SOURCE), SOURCE
    corrected = {
        "reference_id": S2,
        **STREET,
        "address_line_1": "1 Main Street",
        "attributes": [{"name": "Gate", "value": "2"}],
    }
    new = {**SOURCE, "addresses": [corrected]}
    update = MERGER.update(new, shop.data, accepted, shop.children)
    values = {"address_line_1": "1 Main Street", "attributes": {"Gate": "2"}}
    assert update.children == (ChildChange("addresses", "0001", S1, values, 0),)
    shop.carry_out(update)
    assert MERGER.same(update.accepted, new)
    assert update.accepted["addresses"] == [{**corrected, "reference_id": S1, "is_default": True}]
    assert MERGER.merged(accepted, new) == update.accepted
    assert MERGER.kept(accepted, new) == []
    again = {**SOURCE, "addresses": [{**corrected, "reference_id": S3, "city": "Marlow Bottom"}]}
    (change,) = MERGER.update(again, shop.data, update.accepted, None).children
    assert (change.id, change.reference_id, change.values) == ("0001", S1, {"city": "Marlow Bottom"})


def test_new_child_is_added_completely_and_a_missing_one_kept() -> None:
    shop = Shop(SOURCE)
    leeds = {"reference_id": S2, **STREET, "address_line_1": "9 New St", "city": "Leeds"}
    update = MERGER.update({**SOURCE, "addresses": [leeds]}, shop.data, SOURCE, shop.children)
    assert update.children == (ChildChange("addresses", None, S2, leeds, 0),)
    assert MERGER.kept(SOURCE, {**SOURCE, "addresses": [leeds]}) == [f"addresses[{S1}]"]
    shop.carry_out(update)
    nearby = {"reference_id": S3, **STREET, "address_line_1": "7 Old St"}
    later = MERGER.update({**SOURCE, "addresses": [leeds, nearby]}, shop.data, update.accepted, shop.children)
    assert [change.id for change in later.children] == [None], "what left the source before is not taken for another"


def test_child_returning_to_the_source_is_recognized() -> None:
    shop, gone = Shop(SOURCE), {**SOURCE, "addresses": []}
    accepted = MERGER.update(gone, shop.data, SOURCE, None).accepted
    assert MERGER.kept(accepted, gone) == [f"addresses[{S1}]"]
    assert not MERGER.same(accepted, SOURCE), "somebody may have removed it there"
    back = MERGER.update(SOURCE, shop.data, accepted, None)
    assert back.empty
    assert back.accepted == SOURCE
    shop.data["addresses"] = []
    assert [change.id for change in MERGER.update(SOURCE, shop.data, accepted, None).children] == [None]


def test_child_removed_in_the_api_is_added_again_only_if_the_source_changes_it() -> None:
    shop = Shop(SOURCE)
    shop.data["contacts"] = []
    update = MERGER.update(SOURCE, shop.data, SOURCE, None)
    assert update.empty
    removed = "contacts[P1] was removed from WizCommerce, and the source has not changed it: not added again"
    assert update.reports == (removed,)
    assert MERGER.update(SOURCE, shop.data, MERGER.settled(shop.data, SOURCE, SOURCE), None).empty
    changed = {**SOURCE, "contacts": [{**SOURCE["contacts"][0], "phone": "+14155550101"}]}
    assert [change.id for change in MERGER.update(changed, shop.data, SOURCE, None).children] == [None]


def test_inactive_and_ambiguous_children_are_reported_and_left_alone() -> None:
    shop = Shop(SOURCE)
    shop.data["contacts"][0]["status"] = "inactive"
    changed = {**SOURCE, "contacts": [{**SOURCE["contacts"][0], "phone": "+14155550101"}]}
    update = MERGER.update(changed, shop.data, SOURCE, None)
    assert update.empty
    assert update.reports == ("contacts[P1] is inactive in WizCommerce: neither changed nor added",)
    assert update.accepted["contacts"] == SOURCE["contacts"]

    twice = {**SOURCE, "addresses": [{"reference_id": name, **STREET} for name in (S1, S2)], "contacts": []}
    new = {**twice, "addresses": [{"reference_id": S3, **STREET, "city": "Marlow Bottom"}]}
    update = MERGER.update(new, Shop(twice).data, twice, None)
    assert update.empty
    unclear = f"addresses[{S3}] may be addresses[{S1}] or addresses[{S2}] in WizCommerce, or none of them"
    assert update.reports == (f"{unclear}: neither changed nor added",)
    assert update.accepted["addresses"] == twice["addresses"]
    assert not MERGER.same(twice, new)
    assert MERGER.changes(twice, new) == []
    assert MERGER.kept(twice, new) == []


def test_child_without_an_api_id_cannot_be_changed() -> None:
    shop = Shop(SOURCE)
    del shop.data["contacts"][0]["id"]
    changed = {**SOURCE, "contacts": [{**SOURCE["contacts"][0], "first_name": "Anna"}]}
    update = MERGER.update(changed, shop.data, SOURCE, None)
    assert (update.empty, update.reports) == (True, ("contacts[P1] has no ID in WizCommerce: not changed",))


def test_default_of_an_existing_child_changes_only_if_the_source_states_it() -> None:
    shop = Shop({**SOURCE, "addresses": [SOURCE["addresses"][0], {"reference_id": "A2", **STREET, "city": "Leeds"}]})
    accepted = {
        **SOURCE,
        "addresses": [
            {name: child[name] for name in child if name in {"reference_id", *STREET, "is_default"}}
            for child in shop.data["addresses"]
        ],
    }
    first, second = accepted["addresses"]
    new = {**SOURCE, "addresses": [{**second, "is_default": True}, {**first, "is_default": False}]}
    assert MERGER.same(accepted, new)
    assert MERGER.merged(accepted, new)["addresses"] == [second, first]
    stating = Merger(stated_defaults={"C1": frozenset({("addresses", "A2")})})
    update = stating.update(new, shop.data, accepted, None)
    assert update.children == (ChildChange("addresses", "0002", "A2", {"is_default": True}, 0),)
    assert [child.get("is_default") for child in update.accepted["addresses"]] == [True, None], "the API may move it"
    shop.carry_out(update)
    assert stating.same(update.accepted, new)


@pytest.mark.parametrize("stated", [True, False])
def test_new_child_takes_over_the_default_only_if_the_source_states_it(stated) -> None:
    new = {
        **SOURCE,
        "addresses": [*SOURCE["addresses"], {"reference_id": "A2", **STREET, "city": "Leeds", "is_default": True}],
    }
    merger = Merger(stated_defaults={"C1": frozenset({("addresses", "A2")})} if stated else {})
    (change,) = merger.update(new, Shop(SOURCE).data, SOURCE, None).children
    assert change.values == {**new["addresses"][1], "is_default": stated}
    alone = merger.update(new, Shop({**SOURCE, "addresses": []}).data, None, None).children
    assert [change.values["is_default"] for change in alone] == [True, True], "there is none to take it from"
    a1 = {**SOURCE["addresses"][0], "is_default": False}
    dock = {"reference_id": "A3", **STREET, "type": "shipping", "city": "Hull", "is_default": True}
    there = {**SOURCE, "addresses": [a1, dock]}
    beside = merger.update({**new, "addresses": [a1, new["addresses"][1], dock]}, Shop(there).data, there, None)
    assert [change.values["is_default"] for change in beside.children] == [True], "the default is of another type"


def test_api_child_without_a_reference_id_is_matched_but_not_replaced() -> None:
    shop = Shop({**SOURCE, "addresses": []})
    shop.add_by_hand("addresses", {**STREET, "country": "GBR"})
    assert MERGER.update(SOURCE, shop.data, None, None).empty
    changed = {**SOURCE, "addresses": [{**SOURCE["addresses"][0], "phone": "+441"}]}
    (change,) = MERGER.update(changed, shop.data, None, None).children
    assert (change.id, change.values) == ("0002", {"phone": "+441"})
    with pytest.raises(NotReplaceableError, match="no reference_id"):
        replacement("addresses", shop.data["addresses"][0], change.values)
