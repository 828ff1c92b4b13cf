"""Nights of updates: what changed is written once, nothing is added twice, and what others did there survives."""

import copy
import hashlib
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from importer.planner import Merger
from importer.planner.content import content
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
    """An id as the mapping makes them of content."""
    text = repr(sorted((name, value) for name, value in child.items() if name != "is_default"))
    return f"C1-{kind}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def with_ids(kind: str, children: list[dict], own: list[int]) -> list[dict]:
    """The first children have ids of their own, where ``own`` has a number; the others' are made of their content."""
    names = [f"own-{number}" if number else None for number in own]
    found: dict[str, dict] = {}
    seen = []
    for child, name in zip(children, [*names, *[None] * len(children)], strict=False):
        values = {path: value for path, value in content(child).items() if path != ("is_default",)}
        if values in seen:
            continue
        seen.append(values)
        reference_id = name or generated(kind, child)
        found.setdefault(reference_id, {"reference_id": reference_id, **child})
    return list(found.values())


def source_children(kind: str):
    own = st.lists(st.integers(0, 4), max_size=4)
    return st.tuples(st.lists(CHILDREN[kind], max_size=4), own).map(lambda pair: with_ids(kind, *pair))


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
    """Somebody adds children, and fields and attributes that the source does not say."""
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
    """Somebody deletes, deactivates or corrects children."""
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
    """Nothing that was there before is lost, apart from values that the source changed."""
    assert shop.data["freight_term"] == "by hand"
    assert {"name": "by hand", "value": True} in shop.data["attributes"]
    for kind in KINDS:
        there = {child["id"]: child for child in shop.data[kind]}
        for child in before[kind]:
            now = there[child["id"]]
            assert now["reference_id"] == child["reference_id"]
            assert now.get("is_default") == child.get("is_default")
            assert now.get("email" if kind == "addresses" else "designation") == child.get(
                "email" if kind == "addresses" else "designation"
            )
            assert {item["name"]: item["value"] for item in now["attributes"]}.items() >= {
                item["name"]: item["value"] for item in child["attributes"] if item["name"] == "by hand"
            }.items()
            if child["reference_id"].startswith("hand-"):
                name = "address_line_1" if kind == "addresses" else "first_name"
                assert now[name] == child[name], "it is another child"


def assert_said(shop: Shop, new: dict, reports: tuple[str, ...]) -> None:
    """Each child of the source is there, unless it was reported."""
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


@settings(max_examples=3000, deadline=None)
@given(nights=st.lists(BODIES, min_size=2, max_size=4), by_hand=BY_HAND, ids=st.booleans())
def test_nights(nights, by_hand, ids) -> None:
    shop, accepted = Shop(nights[0]), nights[0]
    add_by_hand(shop, by_hand)
    for new in nights[1:]:
        known, before = shop.children if ids else None, copy.deepcopy(shop.data)
        update = MERGER.update(new, shop.data, accepted, known)
        shop.carry_out(update)
        assert MERGER.unexpected(update, before, shop.data) == []
        assert_kept(shop, before)
        assert_said(shop, new, update.reports)
        names = [(kind, child["reference_id"]) for kind in KINDS for child in shop.data[kind]]
        assert len(names) == len(set(names)), "added twice"

        known = shop.children if ids else None
        assert MERGER.update(new, shop.data, update.accepted, known).empty
        assert MERGER.same(update.accepted, new) or update.reports
        assert MERGER.update(new, shop.data, accepted, known).empty, "killed before it was recorded"
        assert MERGER.update(new, shop.data, MERGER.settled(shop.data, accepted, new), known).empty, "in doubt"
        assert MERGER.update(new, shop.data, MERGER.merged(accepted, new), known).empty
        assert update.reports or MERGER.update(new, shop.data, None, known).empty, "a lost ledger"
        accepted = update.accepted


@settings(max_examples=3000, deadline=None)
@given(nights=st.lists(st.tuples(BODIES, HANDS), min_size=2, max_size=4), by_hand=BY_HAND, ids=st.booleans())
def test_nights_hands(nights, by_hand, ids) -> None:
    accepted = nights[0][0]
    shop = Shop(accepted)
    add_by_hand(shop, by_hand)
    for new, hands in nights[1:]:
        change_by_hand(shop, hands)
        known, before = shop.children if ids else None, copy.deepcopy(shop.data)
        update = MERGER.update(new, shop.data, accepted, known)
        shop.carry_out(update)
        assert MERGER.unexpected(update, before, shop.data) == []
        known = shop.children if ids else None
        assert update.reports or MERGER.update(new, shop.data, update.accepted, known).empty
        assert update.reports or MERGER.update(new, shop.data, accepted, known).empty, "killed before it was recorded"
        accepted = update.accepted


@settings(max_examples=3000, deadline=None)
@given(
    first=BODIES,
    new=BODIES,
    by_hand=BY_HAND,
    ids=st.booleans(),
    lost=st.booleans(),
    rng=st.randoms(use_true_random=False),
)
def test_the_order_of_children_changes_nothing(first, new, by_hand, ids, lost, rng) -> None:
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
