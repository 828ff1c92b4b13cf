"""One action per customer, based on what the ledger and the API know."""

import pandas as pd
import pytest

from importer.planner import drift, ids_to_look_up, plan
from importer.tables import TEXT


def frame(**columns):
    return pd.DataFrame({name: pd.Series(values, dtype=TEXT) for name, values in columns.items()})


def bodies(ids, hashes=None):
    made = frame(reference_id=ids, hash=hashes or ["new"] * len(ids))
    made.insert(0, "position", range(10, 10 + len(ids)))
    return made


def known(**states):
    """Reference ID → state and hash. There is no API ID unless the customer is known to exist."""
    return frame(
        reference_id=list(states),
        state=[state for state, _ in states.values()],
        hash=[text for _, text in states.values()],
        customer_id=[
            None if state in ("absent", "planned", "refused", "sending", "unknown") else f"id-{name}"
            for name, (state, _) in states.items()
        ],
    )


NOTHING = frame(reference_id=[], state=[], hash=[], customer_id=[])
NOT_FOUND = frame(reference_id=[], customer_id=[])

CASES = [
    # state, hash → create mode, upsert mode
    (None, None, ("create", "pending"), ("create", "pending")),
    ("absent", None, ("create", "pending"), ("create", "pending")),
    ("planned", "old", ("create", "pending"), ("create", "pending")),
    ("refused", "new", ("create", "pending"), ("create", "pending")),
    ("refused", "old", ("create", "pending"), ("create", "pending")),
    ("sending", "new", ("create", "unknown"), ("create", "unknown")),
    ("unknown", "old", ("create", "unknown"), ("create", "unknown")),
    ("created", "new", ("none", "unchanged"), ("none", "unchanged")),
    ("updated", "new", ("none", "unchanged"), ("none", "unchanged")),
    ("created", "old", ("none", "exists"), ("update", "pending")),
    ("updated", "old", ("none", "exists"), ("update", "pending")),
    ("exists", None, ("none", "exists"), ("update", "pending")),
]


@pytest.mark.parametrize("mode", ["create", "upsert"])
@pytest.mark.parametrize(("state", "text", "create", "upsert"), CASES)
def test_state_and_mode_determine_the_action(state, text, create, upsert, mode):
    held = NOTHING if state is None else known(a=(state, text))
    line = plan(bodies(["a"]), held, NOT_FOUND, mode=mode).iloc[0]
    assert (line["action"], line["outcome"]) == (create if mode == "create" else upsert)


@pytest.mark.parametrize("state", ["sending", "unknown"])
def test_unknown_update_concerns_an_existing_customer(state):
    held = known(a=(state, "old")).assign(customer_id=pd.Series(["id-a"], dtype=TEXT))
    made = {mode: plan(bodies(["a"]), held, NOT_FOUND, mode=mode).iloc[0] for mode in ("create", "upsert")}
    assert {mode: (line["action"], line["outcome"], line["customer_id"]) for mode, line in made.items()} == {
        "create": ("none", "exists", "id-a"),
        "upsert": ("update", "unknown", "id-a"),
    }


@pytest.mark.parametrize("state", [None, "absent", "planned", "refused"])
def test_customer_found_before_the_run_is_left_alone(state):
    held = NOTHING if state is None else known(a=(state, "new"))
    line = plan(bodies(["a"]), held, frame(reference_id=["a"], customer_id=["theirs"])).iloc[0]
    assert (line["action"], line["outcome"], line["customer_id"]) == ("none", "exists", "theirs")


def test_each_customer_gets_its_own_row_in_any_order():
    names = ["d", "a", "c", "b", "e"]
    made = bodies(names, ["1", "2", "3", "4", "5"]).iloc[::-1]
    held = known(b=("created", "4"), c=("created", "other"), a=("exists", None)).iloc[[2, 0, 1]]
    planned = plan(made, held, frame(reference_id=["e", "x"], customer_id=["id-e", "id-x"]), mode="upsert")
    assert planned["reference_id"].tolist() == names[::-1]
    assert dict(zip(planned["reference_id"], planned["outcome"], strict=True)) == {
        **dict.fromkeys("acde", "pending"),
        "b": "unchanged",
    }
    assert dict(zip(planned["reference_id"], planned["action"], strict=True)) == {
        **dict.fromkeys("ace", "update"),
        "b": "none",
        "d": "create",
    }
    assert [planned[name].dtype for name in ("action", "outcome", "customer_id")] == [TEXT] * 3
    assert planned["customer_id"].dropna().tolist() == ["id-e", "id-b", "id-c", "id-a"]


def test_only_unknown_absent_planned_and_refused_ids_are_looked_up():
    names = [state or "nobody" for state, *_ in CASES]
    held = known(**{name: (name, None) for name in names if name != "nobody"})
    assert ids_to_look_up(bodies(list(dict.fromkeys(names))), held) == ["nobody", "absent", "planned", "refused"]


def test_order_and_additional_columns_are_kept():
    given = bodies(["b", "a", "c"]).assign(offset=[5, 6, 7])
    given.index = pd.Index([3, 1, 2])
    before = given.copy()
    held = known(c=("created", "new"), a=("created", "old"))
    made = plan(given, held, NOT_FOUND)
    assert made["reference_id"].tolist() == ["b", "a", "c"]
    assert made["offset"].tolist() == [5, 6, 7]
    assert made["outcome"].tolist() == ["pending", "exists", "unchanged"]
    assert made["customer_id"].fillna("").tolist() == ["", "id-a", "id-c"]
    pd.testing.assert_frame_equal(given, before)


def test_plan_without_customers_is_empty():
    made = plan(bodies([]), NOTHING, NOT_FOUND)
    assert made.empty
    assert made["action"].dtype == TEXT
    assert ids_to_look_up(bodies([]), NOTHING) == []


def saved(**lines):
    """Reference ID → action, outcome, ID in WizCommerce, and when the customer changed there."""
    columns = zip(*lines.values(), strict=True)
    return frame(reference_id=list(lines), **dict(zip(PLANNED, columns, strict=True)))


PLANNED = ("action", "outcome", "customer_id", "updated_at")
NEW = ("create", "pending", None, None)
UPDATE = ("update", "pending", "1", "2025-01-01")
THERE = ("none", "exists", "1", "2025-01-01")
LOST = ("none", "lost", "1", None)


@pytest.mark.parametrize(
    ("then", "now", "differs"),
    [
        (NEW, ("none", "exists", "1", None), True),
        (NEW, ("create", "unknown", None, None), True),
        (UPDATE, ("update", "unknown", "1", "2025-01-01"), True),
        (UPDATE, ("update", "pending", "2", "2025-01-01"), True),
        (UPDATE, ("update", "pending", "1", "2025-01-02"), True),
        (THERE, ("none", "exists", "2", "2025-01-02"), False),
        (THERE, ("none", "unchanged", "1", "2025-01-01"), True),
        (LOST, THERE, False),
        (LOST, ("create", "pending", "1", None), True),
    ],
)
def test_changed_actions_since_a_saved_plan_are_found(then, now, differs):
    assert drift(saved(a=then), saved(a=then)) == []
    assert drift(saved(a=then), saved(a=now)) == ["a"] * differs


def test_customers_added_or_removed_since_the_plan_count_too():
    now = saved(f=NEW, d=UPDATE, c=NEW, a=NEW, e=NEW)
    assert drift(saved(a=NEW, b=NEW, c=UPDATE, d=UPDATE), now) == ["b", "c", "f", "e"]
