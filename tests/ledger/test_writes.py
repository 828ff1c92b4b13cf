"""Writes: recorded durably before they are sent, found again after a kill, and what undo needs from them."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from importer.errors import InternalError
from importer.ledger import Accepted, LedgerCustomer, LedgerStep, RemovedCustomer, State, Write, WriteState, open_ledger
from importer.records import OutcomeKind
from tests.sender.support import TENANT, outcomes, plan_run

MOMENT = datetime(2030, 5, 1, 12, 30, 15, 250_000, tzinfo=UTC)
PATCH = Write(
    "a",
    "PATCH",
    "customer",
    None,
    None,
    {"phone": "+14155550101", "attributes": {"Colour": None}, "email": None},
    {"phone": "+14155550102", "attributes": {"Colour": "blue \0 💶"}, "email": "a@example.com"},
)
PUT = Write("a", "PUT", "address", "id-1", "A-1", {"city": "Marlow"}, {"city": "Henley"})
POST = Write("a", "POST", "contact", None, "odd\0name", None, {"first_name": "Robin"})
DELETE = Write("a", "DELETE", "customer", None, None, None, None)


@pytest.fixture
def ledger(place):
    with open_ledger(place, now=lambda: MOMENT) as opened:
        yield opened


def updating(ledger, folder, names=("a", "b")):
    """A run that updates customers created by another run."""
    first, _ = plan_run(ledger, folder, names)
    ledger.mark_sending(first, ledger.pending(first, after=-1, count=9))
    steps = [
        LedgerStep(position, name, State.CREATED, OutcomeKind.CREATED, 1, f"id-{name}")
        for position, name in enumerate(names)
    ]
    ledger.record(first, steps)
    run, _ = plan_run(ledger, folder, names, content="another")
    with ledger._write() as connection:
        statement = f"UPDATE run_customers SET action = 'update', outcome = 'pending' WHERE run_id = '{run.id}'"
        connection.exec_driver_sql(statement)
    ledger.mark_sending(run, ledger.pending(run, after=-1, count=9))
    return run


def names(customers: list[LedgerCustomer]) -> list[str]:
    return [customer.item.reference_id for customer in customers]


def test_announced_writes_are_found_after_reopening(place, tmp_path):
    with open_ledger(place) as ledger:
        run = updating(ledger, tmp_path)
        announced = ledger.announce_writes(run, [PATCH, PUT, POST])
        assert [replace(write, id=None, run_id=None) for write in announced] == [PATCH, PUT, POST]
        assert [write.id for write in announced] == sorted({write.id for write in announced})
        with open_ledger(place) as again:
            stored = [announced[0], announced[1], replace(announced[2], child_reference_id="odd\ufffdname")]
            found = again.writes_of(run, ["a", "b"])
            assert found == {"a": stored, "b": []}
            assert again.open_writes(TENANT, ["a", "b"]) == found


def test_many_writes_get_their_own_ids(ledger, tmp_path):
    run = updating(ledger, tmp_path)
    alike = [replace(POST, child_reference_id=None, after={"number": number}) for number in range(3000)]
    announced = ledger.announce_writes(run, alike)
    assert [write.after for write in announced] == [write.after for write in alike]
    assert ledger.writes_of(run, ["a"])["a"] == announced
    assert ledger.announce_writes(run, []) == []


def test_settled_writes_are_no_longer_open(ledger, tmp_path):
    run = updating(ledger, tmp_path)
    patch, put, post = ledger.announce_writes(run, [PATCH, PUT, POST])
    settled = [
        replace(patch, state=WriteState.DONE),
        replace(put, state=WriteState.UNKNOWN),
        replace(post, state=WriteState.DONE, child_id="new-id"),
    ]
    ledger.settle_writes(run, settled)
    assert [write.state for write in ledger.writes_of(run, ["a"])["a"]] == ["done", "unknown", "done"]
    assert ledger.writes_of(run, ["a"])["a"][2].child_id == "new-id"
    assert [write.id for write in ledger.open_writes(TENANT, ["a"])["a"]] == [put.id]
    with ledger._read() as connection:
        times = connection.exec_driver_sql("SELECT announced_at, settled_at FROM writes ORDER BY id").all()
    moment = "2030-05-01T12:30:15.250Z"
    assert [tuple(row) for row in times] == [(moment, moment), (moment, None), (moment, moment)]
    ledger.settle_writes(run, [])


def test_later_run_settles_open_writes_of_an_earlier_one(ledger, tmp_path):
    run = updating(ledger, tmp_path)
    ledger.announce_writes(run, [PUT])
    later = ledger.start_run(TENANT, "run", out=tmp_path, mapping="m")
    (left,) = ledger.open_writes(TENANT, ["a"])["a"]
    assert left.run_id == run.id
    ledger.settle_writes(later, [replace(left, state=WriteState.ABSENT)])
    assert ledger.open_writes(TENANT, ["a"]) == {"a": []}
    assert (ledger.writes_of(run, ["a"])["a"][0].state, ledger.writes_of(later, ["a"])) == ("absent", {"a": []})


def test_writes_of_other_tenants_are_not_seen_or_settled(ledger, tmp_path):
    run = updating(ledger, tmp_path)
    (write,) = ledger.announce_writes(run, [PATCH])
    ledger.tenant("other")
    other = replace(run, tenant="other")
    assert ledger.open_writes("other", ["a"]) == {"a": []}
    for wrong in (write, PATCH):
        with pytest.raises(InternalError, match="1 writes were settled but never announced"):
            ledger.settle_writes(other if wrong is write else run, [replace(wrong, state=WriteState.DONE)])
    assert ledger.writes_of(run, ["a"])["a"] == [write]


@pytest.mark.parametrize("state", [state for state in WriteState if state is not WriteState.SENDING])
def test_updated_customers_have_writes_that_are_or_may_be_in_place(ledger, tmp_path, state):
    run = updating(ledger, tmp_path, ("a", "b", "c"))
    other = replace(PUT, reference_id="b")
    writes = ledger.announce_writes(run, [PATCH, other, replace(DELETE, reference_id="c")])
    assert names(ledger.updated_by(run, after=-1, count=9)) == ["a", "b"], "c is deleted, not updated"
    assert names(ledger.updated_by(run, after=0, count=9)) == ["b"]
    assert names(ledger.updated_by(run, after=-1, count=1)) == ["a"]
    ledger.settle_writes(run, [replace(writes[0], state=state)])
    there = [*(["a"] if state in ("done", "unknown", "kept") else []), "b"]
    assert names(ledger.updated_by(run, after=-1, count=9)) == there


def test_unknown_update_is_listed_with_its_run(ledger, tmp_path):
    run = updating(ledger, tmp_path)
    ledger.announce_writes(run, [PATCH])
    ledger.record(run, [LedgerStep(1, "b", State.UPDATED, OutcomeKind.UPDATED, 1, "id-b")])
    customer, _ = ledger.updated_by(run, after=-1, count=9)
    assert (customer.customer_id, customer.outcome_unknown, customer.outcome) == ("id-a", True, "unknown")
    assert ledger.made_by(run, after=-1, count=9) == [], "it was there before"
    first = ledger.runs(TENANT)[1]
    assert [(one.update_unknown, one.taken_back) for one in ledger.made_by(first, after=-1, count=9)] == [
        (True, False),
        (False, False),
    ]


def test_updates_by_versions_without_writes_are_included(ledger, tmp_path):
    run = updating(ledger, tmp_path, ("a", "b", "c"))
    steps = [
        LedgerStep(position, name, State.UPDATED, OutcomeKind.UPDATED, 1, f"id-{name}")
        for position, name in enumerate("ab")
    ]
    ledger.record(run, [*steps, LedgerStep(2, "c", State.UPDATED, OutcomeKind.UNCHANGED, 1, "id-c")])
    (write,) = ledger.announce_writes(run, [PATCH])
    assert names(ledger.updated_by(run, after=-1, count=9)) == ["a", "b"]
    ledger.settle_writes(run, [replace(write, state=WriteState.RESTORED)])
    assert names(ledger.updated_by(run, after=-1, count=9)) == ["b"]


def test_accepted_body_does_not_count_while_a_write_is_restored(ledger, tmp_path):
    run = updating(ledger, tmp_path)
    (write,) = ledger.announce_writes(run, [PUT])
    ledger.settle_writes(run, [replace(write, state=WriteState.DONE)])
    steps = [
        LedgerStep(
            position,
            name,
            State.UPDATED,
            OutcomeKind.UPDATED,
            1,
            f"id-{name}",
            accepted=Accepted(b"{}", None),
            hash="h",
        )
        for position, name in enumerate("ab")
    ]
    ledger.record(run, steps)
    ledger.announce_restores(run, [write])
    assert ledger.open_writes(TENANT, ["a"])["a"] == [write]
    with ledger._read() as connection:
        assert connection.exec_driver_sql("SELECT settled_at FROM writes").scalar_one() is None
    assert list(ledger.accepted(TENANT, ["a", "b"])) == ["b"], "a later run compares it with its source again"
    known = ledger.known(TENANT, ["a", "b"]).set_index("reference_id")
    assert known.loc["a", ["state", "customer_id"]].tolist() == ["updated", "id-a"]
    assert known["hash"].isna().to_dict() == {"a": True, "b": False}


def test_run_that_only_created_has_no_updates(ledger, tmp_path):
    run = updating(ledger, tmp_path)
    first = ledger.runs(TENANT)[1]
    ledger.announce_writes(run, [PATCH])
    ledger.announce_writes(first, [DELETE])
    assert ledger.updated_by(first, after=-1, count=9) == []


@pytest.mark.parametrize("deactivated", [True, False])
def test_recorded_deletion_is_no_longer_open(ledger, tmp_path, deactivated):
    run, _ = plan_run(ledger, tmp_path, ["a", "b"])
    ledger.mark_sending(run, ledger.pending(run, after=-1, count=9))
    ledger.record(
        run,
        [LedgerStep(n, name, State.CREATED, OutcomeKind.CREATED, 1, f"id-{name}") for n, name in [(0, "a"), (1, "b")]],
    )
    ledger.announce_writes(run, [DELETE, replace(DELETE, reference_id="b")])
    assert names(ledger.made_by(run, after=-1, count=9)) == ["a", "b"], "nothing is known of it yet"
    ledger.record_removed(run, [RemovedCustomer(0, "a", "id-a", deactivated=deactivated)])
    assert {name: len(writes) for name, writes in ledger.open_writes(TENANT, ["a", "b"]).items()} == {"a": 0, "b": 1}
    assert ledger.writes_of(run, ["a"])["a"][0].state is WriteState.DONE
    child = replace(DELETE, entity="contact", child_id="id-1")
    other = ledger.announce_writes(run, [PATCH, child])
    ledger.record_removed(run, [RemovedCustomer(0, "a", "id-a", deactivated=deactivated)])
    assert ledger.open_writes(TENANT, ["a"])["a"] == other, "they are no deletions of the customer"
    assert [one.taken_back for one in ledger.customers_to_verify(run, after=-1, count=9)] == [True, False]


def test_erase_values_affects_one_run(ledger, tmp_path):
    run = updating(ledger, tmp_path)
    later = ledger.start_run(TENANT, "run", out=tmp_path, mapping="m")
    ledger.announce_writes(run, [PATCH, PUT])
    ledger.announce_writes(later, [PUT])
    ledger.erase_values(run)
    assert [(write.before, write.after) for write in ledger.writes_of(run, ["a"])["a"]] == [(None, None)] * 2
    assert ledger.writes_of(later, ["a"])["a"][0].before == PUT.before
    assert outcomes(ledger, run)["a"].outcome == "unknown"
