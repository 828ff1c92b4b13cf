"""Tenants, keys, runs, and what the ledger knows before a run."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from importer.errors import InternalError, LedgerError, UsageError
from importer.ledger import Accepted, LedgerStep, RemovedCustomer, State, open_ledger
from importer.records import Action, OutcomeKind
from importer.run_folder import RunFolder
from importer.tables import TEXT
from tests.sender.support import TENANT, body_of, found_frame, outcomes, plan_run

MOMENT = datetime(2030, 5, 1, 12, 30, 15, 250_000, tzinfo=UTC)


@pytest.fixture
def ledger(place):
    with open_ledger(place, now=lambda: MOMENT) as opened:
        opened.tenant(TENANT)
        yield opened


def states(ledger, *names):
    """Reference ID → state; the ledger returns them in any order."""
    known = ledger.known(TENANT, names)
    return dict(zip(known["reference_id"], known["state"], strict=True))


def test_keys_are_checked_and_not_stored(ledger, tmp_path):
    ledger.check_key(TENANT, "first-key")
    ledger.check_key(TENANT, "first-key")
    with pytest.raises(UsageError, match=TENANT) as caught:
        ledger.check_key(TENANT, "second-key")
    assert "--accept-key" in caught.value.hint
    ledger.check_key(TENANT, "first-key")
    ledger.check_key(TENANT, "second-key", accept=True)
    ledger.check_key(TENANT, "second-key")
    with pytest.raises(UsageError):
        ledger.check_key(TENANT, "first-key")
    assert all(b"-key" not in file.read_bytes() for file in tmp_path.iterdir())


def test_key_checked_without_remember_is_not_stored(ledger):
    ledger.check_key("nobody yet", "one", remember=False)
    assert "nobody yet" not in ledger.tenants()
    ledger.check_key(ledger.tenant("shop"), "one", remember=False)
    ledger.check_key("shop", "two")
    with pytest.raises(UsageError, match="not the one"):
        ledger.check_key("shop", "one", remember=False)
    ledger.check_key("shop", "one", remember=False, accept=True)
    ledger.check_key("shop", "two")


def test_same_key_of_two_tenants_cannot_be_recognized_in_the_ledger(ledger):
    ledger.tenant("other")
    for tenant in (TENANT, "other"):
        ledger.check_key(tenant, "one-key")
    with ledger._read() as connection:
        prints = connection.exec_driver_sql("SELECT key_fingerprint FROM tenants").scalars().all()
    assert len(set(prints)) == 2


def test_runs_are_listed_newest_first(ledger, tmp_path):
    ledger.tenant("other")
    first = ledger.start_run(TENANT, "run", out=Path(tmp_path / "results"), mapping="xero", options={"limit": 3})
    second = ledger.start_run("other", "plan", out=Path(tmp_path / "results"), mapping="xero")
    assert (first.id, second.id) == ("20300501-123015", "20300501-123015-2")
    assert first.out == tmp_path / "results" / first.id
    assert first.options == {"limit": 3}
    assert (first.started_at, first.finished_at, first.exit_code, first.summary) == (MOMENT, None, None, None)
    ledger.finish_run(first.id, 1, {"created": 2})
    done = ledger.run(first.id)
    assert (done.finished_at, done.exit_code, done.summary) == (MOMENT, 1, {"created": 2})
    with pytest.raises(UsageError, match="has no usable run yet"):
        ledger.latest_run()
    assert [run.id for run in ledger.runs()] == [second.id, first.id]
    with pytest.raises(UsageError, match="has no run nonsense"):
        ledger.run("nonsense")


def test_latest_run_is_the_last_that_planned_something(ledger, tmp_path):
    planned, _ = plan_run(ledger, tmp_path, ["a"])
    ledger.start_run(TENANT, "run", out=tmp_path, mapping="m")
    ledger.tenant("other")
    ledger.start_run("other", "run", out=tmp_path, mapping="m")
    assert ledger.latest_run().id == planned.id
    assert ledger.latest_run(TENANT).id == planned.id
    with pytest.raises(UsageError, match="has no usable run yet"):
        ledger.latest_run("other")


def test_run_of_another_ledger_in_the_same_second_keeps_its_folder(ledger, tmp_path):
    (tmp_path / "20300501-123015").mkdir()
    run = ledger.start_run(TENANT, "run", out=tmp_path, mapping="m")
    assert (run.id, run.out.exists()) == ("20300501-123015-2", False)


def test_runs_of_two_ledgers_in_the_same_second_have_separate_folders(ledger, tmp_path):
    with open_ledger(tmp_path / "other.db", now=lambda: MOMENT) as other:
        other.tenant(TENANT)
        how = {"out": tmp_path, "mapping": "m", "claim": RunFolder.claim}
        runs = [one.start_run(TENANT, "run", **how) for one in (ledger, other)]
        assert [run.id for run in runs] == ["20300501-123015", "20300501-123015-2"]
        assert all(run.out.is_dir() for run in runs)


def test_runs_in_the_same_second_keep_their_order(ledger, tmp_path):
    ids = [ledger.start_run(TENANT, "run", out=tmp_path, mapping="m").id for _ in range(12)]
    assert [run.id for run in ledger.runs()] == ids[::-1]


ODD = ["CUS-1", "cus-1", " CUS-1", 'O\'Neil, "Sons"', "日本", "a\\b", "%_", "123", "-0", "1e3", "null", "{}", "[1]"]


def test_lookups_of_unusual_ids_are_stored(ledger):
    assert ledger.known(TENANT, ODD).empty
    ledger.record_lookup(TENANT, ODD, found_frame({"123": "id-123", "null": "id-null"}))
    known = ledger.known(TENANT, [*ODD, "never asked"]).set_index("reference_id")
    assert sorted(known.index) == sorted(ODD)
    assert known.loc["123"].tolist()[0::2] == ["exists", "id-123"]
    assert known.loc["null", "customer_id"] == "id-null"
    assert set(known.drop(["123", "null"])["state"]) == {"absent"}
    ledger.tenant("other")
    assert ledger.known("other", ODD).empty
    assert all(dtype == TEXT for dtype in ledger.known(TENANT, []).dtypes)


def test_many_ids_are_read_with_the_whole_tenant(ledger, monkeypatch):
    ledger.record_lookup(TENANT, [*ODD, "not asked for"], found_frame({"123": "id-123"}))
    ledger.tenant("other")
    ledger.record_lookup("other", ["only theirs"], found_frame({}))
    asked = pd.Series([*ODD, "only theirs"], dtype=TEXT)[::-1]
    by_keys = ledger.known(TENANT, asked).sort_values("reference_id", ignore_index=True)
    monkeypatch.setattr("importer.ledger.known_customers.FEW", 1)
    all_read = ledger.known(TENANT, asked).sort_values("reference_id", ignore_index=True)
    assert len(all_read) == len(ODD)
    pd.testing.assert_frame_equal(all_read, by_keys)


def test_unknown_state_or_action_is_refused(ledger, tmp_path):
    plan_run(ledger, tmp_path, ["a"])
    for statement in ("UPDATE customers SET state = 'lost'", "UPDATE run_customers SET action = 'delete'"):
        with pytest.raises(LedgerError, match=r"known_(state|action)"), ledger._write() as connection:
            connection.exec_driver_sql(statement)


def test_lookup_never_overwrites_sent_customers(ledger, tmp_path):
    run, _ = plan_run(ledger, tmp_path, ["a", "b", "c"])
    items = ledger.pending(run, after=-1, count=9)
    ledger.mark_sending(run, items)
    ledger.record(run, [_created(items[0])])
    ledger.record_lookup(TENANT, ["a", "b", "c"], found_frame({"b": "theirs"}))
    assert states(ledger, "a", "b", "c") == {"a": "created", "b": "sending", "c": "sending"}


def test_nothing_is_planned_without_a_lookup(ledger, tmp_path):
    run, _ = plan_run(ledger, tmp_path, ["a"])
    plan = pd.DataFrame(
        {
            "position": [0],
            **{
                name: pd.Series([value], dtype=TEXT)
                for name, value in {
                    "reference_id": "unheard of",
                    "hash": "h",
                    "action": "create",
                    "outcome": "pending",
                    "customer_id": None,
                }.items()
            },
            "offset": [0],
            "length": [1],
        }
    )
    second = ledger.start_run(TENANT, "run", out=tmp_path, mapping="m")
    with pytest.raises(InternalError, match="1 customers were planned without being looked up"):
        ledger.plan_run(second.id, plan)
    assert ledger.counts(second.id) == {}
    assert ledger.counts(run.id) == {OutcomeKind.PENDING: 1}


def test_plan_leaves_other_tenants_alone(ledger, tmp_path):
    others = ("aaa", "zzz")
    for other in others:
        ledger.record_lookup(ledger.tenant(other), ["a"], found_frame({}))
    plan_run(ledger, tmp_path, ["a"])
    assert states(ledger, "a") == {"a": "planned"}
    assert [ledger.known(other, ["a"])["state"].tolist() for other in others] == [["absent"], ["absent"]]


def _created(item, body=None):
    accepted = Accepted(body or body_of(item.reference_id), '[{"entity":"address"}]')
    return LedgerStep(
        item.position,
        item.reference_id,
        State.CREATED,
        OutcomeKind.CREATED,
        1,
        customer_id=f"id-{item.reference_id}",
        http_status=201,
        seconds=0.5,
        accepted=accepted,
    )


def test_states_and_outcomes_during_a_run(ledger, tmp_path):
    run, _ = plan_run(ledger, tmp_path, ["a", "b", "c", "d"], {"d": "id-d"})
    assert ledger.counts(run.id) == {OutcomeKind.PENDING: 3, OutcomeKind.EXISTS: 1}
    items = ledger.pending(run, after=-1, count=2)
    assert [item.reference_id for item in items] == ["a", "b"]
    assert [item.reference_id for item in ledger.pending(run, after=1, count=2)] == ["c"]
    ledger.mark_sending(run, items)
    assert ledger.counts(run.id) == {OutcomeKind.UNKNOWN: 2, OutcomeKind.PENDING: 1, OutcomeKind.EXISTS: 1}
    assert [(item.reference_id, item.attempts, item.maker) for item in ledger.unsettled(run)] == [
        ("a", 1, run.id),
        ("b", 1, run.id),
    ]
    ledger.record(run, [_created(items[0])])
    assert [item.reference_id for item in ledger.unsettled(run)] == ["b"]
    frame = ledger.outcomes(run.id)
    assert frame["reference_id"].tolist() == ["a", "b", "c", "d"]
    assert frame["outcome"].tolist() == ["created", "unknown", "pending", "exists"]
    assert frame["action"].tolist() == ["create", "create", "create", "none"]
    assert frame["customer_id"].fillna("").tolist() == ["id-a", "", "", "id-d"]
    assert frame["attempts"].tolist() == [1, 1, 0, 0]
    assert frame["http_status"].isna().tolist() == [False, True, True, True]


@pytest.mark.parametrize("state", [State.SENDING, State.UNKNOWN, State.CREATED, State.EXISTS])
def test_customer_that_may_exist_is_never_marked_as_sending_again(ledger, tmp_path, state):
    run, _ = plan_run(ledger, tmp_path, ["a", "b"])
    items = ledger.pending(run, after=-1, count=2)
    ledger.mark_sending(run, items[:1])
    if state is not State.SENDING:
        ledger.record(run, [LedgerStep(0, "a", state, OutcomeKind.UNKNOWN, 1)])
    with pytest.raises(InternalError, match="1 customers were to be sent that may be in WizCommerce already"):
        ledger.mark_sending(run, items)
    assert states(ledger, "a", "b") == {"a": state, "b": "planned"}


def test_outcome_of_another_run_of_the_tenant_is_considered(ledger, tmp_path):
    first, _ = plan_run(ledger, tmp_path, list("abcde"))
    items = ledger.pending(first, after=-1, count=9)
    ledger.mark_sending(first, items[4:])
    second, _ = plan_run(ledger, tmp_path, list("abcd"))
    other, _ = plan_run(ledger, tmp_path, ["b"], content="other")
    new = ledger.pending(second, after=-1, count=9)
    changed = ledger.pending(other, after=-1, count=9)
    ledger.mark_sending(second, [new[0], new[2]])
    ledger.mark_sending(other, changed)
    ledger.record(second, [_created(new[0])])
    ledger.record(other, [_created(changed[0])])
    ledger.adopt(first)
    lines = outcomes(ledger, first)
    assert {name: line.outcome for name, line in lines.items()} == {
        "a": "unchanged",
        "b": "exists",
        "c": "unknown",
        "d": "pending",
        "e": "unknown",
    }
    assert [item.maker for item in ledger.unsettled(first)] == [second.id, first.id]
    assert lines["a"].customer_id == "id-a"
    ledger.mark_sending(first, items[3:4])
    ledger.record(first, [_created(items[3])])
    ledger.adopt(second)
    assert outcomes(ledger, second)["d"].outcome == "unchanged"


def test_each_mark_as_sending_is_an_attempt(ledger, tmp_path):
    run, _ = plan_run(ledger, tmp_path, ["a"])
    ledger.mark_sending(run, ledger.pending(run, after=-1, count=1))
    ledger.record(run, [LedgerStep(0, "a", State.PLANNED, OutcomeKind.PENDING, 1)])
    ledger.mark_sending(run, ledger.pending(run, after=-1, count=1))
    assert [item.attempts for item in ledger.unsettled(run)] == [2]


def test_hash_stays_that_of_the_last_content_until_an_update_is_answered(ledger, tmp_path):
    run, _ = plan_run(ledger, tmp_path, ["a", "b"])
    items = ledger.pending(run, after=-1, count=2)
    ledger.mark_sending(run, items)
    found = LedgerStep(1, "b", State.EXISTS, OutcomeKind.EXISTS, 1, "theirs")
    ledger.record(run, [_created(items[0]), found])
    ledger.mark_sending(run, [replace(item, action=Action.UPDATE) for item in items])
    hashes = ledger.known(TENANT, ["a", "b"]).set_index("reference_id")["hash"]
    assert hashes["a"] == items[0].hash
    assert pd.isna(hashes["b"]), "it has content of somebody else"


def test_accepted_bodies_are_stored_byte_for_byte(ledger, tmp_path):
    run, _ = plan_run(ledger, tmp_path, ["a"])
    items = ledger.pending(run, after=-1, count=1)
    bodies = ['{"company_name":"Zoë \\"and\\" Ω 💶 \\\\ \\u0000"}'.encode(), b'{"company_name":"later"}']
    for body in bodies:
        ledger.record(run, [_created(items[0], body)])
        with ledger._read() as connection:
            kept = connection.exec_driver_sql("SELECT body, children FROM accepted").all()
        assert [(row.body.encode(), row.children) for row in kept] == [(body, '[{"entity":"address"}]')]
        assert ledger.accepted(TENANT, ["a", "b"]) == {"a": body}
        assert ledger.accepted("other", ["a"]) == {}


def test_children_are_kept_by_an_update_without_them(ledger, tmp_path):
    run, _ = plan_run(ledger, tmp_path, ["a", "b"])
    items = ledger.pending(run, after=-1, count=2)
    ledger.record(run, [_created(items[0])])
    children = '[{"entity":"address"}]'
    assert ledger.bases(run, items)["a"].children == children
    ledger.record(
        run, [LedgerStep(0, "a", State.UPDATED, OutcomeKind.UPDATED, 1, "id-a", accepted=Accepted(b"{}", None))]
    )
    bases = ledger.bases(run, items)
    assert (bases["a"].children, bases["a"].body, bases["b"].children) == (children, b"{}", None)
    (customer,) = ledger.customers_to_verify(run, after=-1, count=1)
    assert customer.children == children
    ledger.record(
        run, [LedgerStep(0, "a", State.UPDATED, OutcomeKind.UPDATED, 1, "id-a", accepted=Accepted(b"{}", "[]"))]
    )
    assert ledger.bases(run, items)["a"].children == "[]"


def test_display_ids_are_kept_while_the_id_stays_the_same(ledger, tmp_path):
    """A display ID is kept as long as the customer has the same ID."""
    ledger.record_lookup(TENANT, ["x", "y"], found_frame({"x": "id-x"}).assign(display_id=["WC_1"]))
    run, _ = plan_run(ledger, tmp_path, ["a", "b", "x"])

    def shown(*names):
        lines = outcomes(ledger, run)
        return [None if pd.isna(lines[name].display_id) else lines[name].display_id for name in names]

    ledger.mark_sending(run, ledger.pending(run, after=-1, count=2))
    step = LedgerStep(0, "a", State.CREATED, OutcomeKind.CREATED, 1, "id-a", display_id="WC_2")
    ledger.record(run, [step, replace(step, position=1, reference_id="b", customer_id="id-b", display_id=None)])
    assert shown("a", "b", "x") == ["WC_2", None, "WC_1"]
    ledger.record(run, [replace(step, state=State.UPDATED, display_id=None)])
    assert shown("a") == ["WC_2"]
    assert ledger.customers_to_verify(run, after=-1, count=1)[0].display_id == "WC_2"
    ledger.record(run, [replace(step, customer_id="another", display_id=None)])
    assert shown("a") == [None]
    ledger.record(run, [step])
    ledger.record_removed(run, [RemovedCustomer(0, "a", "id-a", deactivated=True)])
    assert shown("a") == ["WC_2"]
    ledger.record_removed(run, [RemovedCustomer(0, "a", "id-a", deactivated=False)])
    assert ledger.customers_to_verify(run, after=-1, count=1)[0].display_id is None
    ledger.record_gone(TENANT, ["x"])
    assert shown("x") == [None]


def test_absence_is_recorded_with_its_time(ledger, tmp_path):
    plan_run(ledger, tmp_path, ["a"])
    with ledger._read() as connection:
        row = connection.exec_driver_sql("SELECT state, absent_at FROM customers").one()
    assert tuple(row) == ("planned", "2030-05-01T12:30:15.250Z")
