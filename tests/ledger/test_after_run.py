"""Retrying what failed, undoing what was created, and what was only updated."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from importer.ledger import Accepted, Attempt, Ledger, LedgerStep, RemovedCustomer, State, open_ledger
from importer.records import OutcomeKind
from tests.sender.support import TENANT, outcomes, plan_run


@pytest.fixture
def ledger(place):
    with open_ledger(place, busy_seconds=0.1) as opened:
        yield opened


@dataclass
class Failure:
    """How a customer failed."""

    name: str
    state: State
    status: int | None = None
    code: str | None = "no_answer"


def failed_run(ledger: Ledger, folder, ended):
    run, _ = plan_run(ledger, folder, [end.name for end in ended])
    ledger.mark_sending(run, ledger.pending(run, after=-1, count=100))
    ledger.record(
        run,
        [
            LedgerStep(
                position, end.name, end.state, OutcomeKind.FAILED, 3, None, end.status, end.code, "why", "[]", 1.5
            )
            for position, end in enumerate(ended)
        ],
    )
    return run


ENDED = [
    Failure("gone", State.ABSENT),
    Failure("gateway", State.ABSENT, 502),
    Failure("busy", State.ABSENT, 408),
    Failure("refused", State.REFUSED, 422, "VALIDATION"),
    Failure("doubtful", State.UNKNOWN, 409, "CONFLICT"),
    Failure("twice", State.UNKNOWN, 502, "duplicate_in_api"),
    Failure("cut", State.UNKNOWN, 500, None),
]


def test_temporary_failures_are_retried(ledger, tmp_path):
    run = failed_run(ledger, tmp_path, ENDED)
    assert ledger.reopen(run, include_refused=False) == 4
    lines = outcomes(ledger, run)
    opened = {name: line.outcome for name, line in lines.items() if line.outcome != "failed"}
    assert opened == {"gone": "pending", "gateway": "pending", "busy": "pending", "cut": "unknown"}
    line = lines["gateway"]
    cleared = (line.http_status, line.error_code, line.error_message, line.refusals, line.seconds)
    assert line.attempts == 0
    assert all(pd.isna(value) for value in cleared)
    ledger.adopt(run)
    assert {item.reference_id for item in ledger.pending(run, after=-1, count=100)} == {"gone", "gateway", "busy"}
    ledger.mark_sending(run, ledger.pending(run, after=-1, count=100))
    assert ledger.reopen(run, include_refused=False) == 0


@pytest.mark.parametrize("status", [408, 425, 429])
def test_4xx_unrelated_to_the_customer_is_retried(ledger, tmp_path, status):
    run = failed_run(ledger, tmp_path, [Failure("busy", State.ABSENT, status), Failure("wrong", State.REFUSED, 422)])
    assert ledger.has_open_ends(run)
    assert ledger.reopen(run, include_refused=False) == 1
    assert outcomes(ledger, run)["busy"].outcome == "pending"


def test_only_400_to_499_refuses_a_customer(ledger, tmp_path):
    run = failed_run(ledger, tmp_path, [Failure(str(status), State.ABSENT, status) for status in (399, 400, 499, 500)])
    assert ledger.reopen(run, include_refused=False) == 2
    assert {name for name, line in outcomes(ledger, run).items() if line.outcome == "pending"} == {"399", "500"}


def test_retried_customers_count_as_planned_by_the_run(ledger, tmp_path):
    run = failed_run(ledger, tmp_path, [Failure("gone", State.ABSENT)])
    planned = ledger.known(TENANT, ["gone"])["hash"].item()
    later, _ = plan_run(ledger, tmp_path, ["gone"], content="another")
    assert ledger.known(TENANT, ["gone"])["hash"].item() != planned
    assert ledger.reopen(run, include_refused=False) == 1
    assert ledger.known(TENANT, ["gone"])["hash"].item() == planned
    with ledger._read() as connection:
        assert connection.exec_driver_sql("SELECT run_id FROM customers").scalar_one() == run.id != later.id


def test_refused_customers_are_retried_on_request_duplicates_never(ledger, tmp_path):
    run = failed_run(ledger, tmp_path, ENDED)
    assert ledger.reopen(run, include_refused=True) == 6
    told = {name: line.outcome for name, line in outcomes(ledger, run).items()}
    assert told["refused"] == "pending"
    assert told["doubtful"] == "unknown"
    assert told["twice"] == "failed"
    states = ledger.known(TENANT, ["refused", "doubtful"]).set_index("reference_id")["state"].to_dict()
    assert states == {"refused": "planned", "doubtful": "unknown"}


def test_retried_customer_may_exist_through_another_run(ledger, tmp_path):
    run = failed_run(ledger, tmp_path, [Failure("gone", State.ABSENT)])
    later, _ = plan_run(ledger, tmp_path, ["gone"])
    ledger.mark_sending(later, ledger.pending(later, after=-1, count=1))
    ledger.record(later, [LedgerStep(0, "gone", State.CREATED, OutcomeKind.CREATED, 1, "id-1")])
    assert ledger.reopen(run, include_refused=False) == 1
    ledger.adopt(run)
    assert outcomes(ledger, run)["gone"].outcome == "unchanged"
    assert outcomes(ledger, later)["gone"].outcome == "created"


def created_run(ledger, folder, names, number=""):
    run, _ = plan_run(ledger, folder, names)
    ledger.mark_sending(run, ledger.pending(run, after=-1, count=100))
    steps = [
        LedgerStep(
            at, name, State.CREATED, OutcomeKind.CREATED, 1, f"id{number}-{name}", accepted=Accepted(b'{"a":1}', None)
        )
        for at, name in enumerate(names)
    ]
    ledger.record(run, steps)
    return run


def test_customers_made_by_a_run_include_unknown_outcomes(ledger, tmp_path):
    run, _ = plan_run(ledger, tmp_path, ["made", "sending", "waiting", "old"], {"old": "id-old"})
    ledger.mark_sending(run, ledger.pending(run, after=-1, count=2))
    step = LedgerStep(0, "made", State.CREATED, OutcomeKind.CREATED, 1, "id-1", accepted=Accepted(b'{"a":1}', None))
    ledger.record(run, [step])
    made, doubtful = ledger.made_by(run, after=-1, count=10)
    assert (made.item.reference_id, made.customer_id, made.body, made.outcome_unknown) == (
        "made",
        "id-1",
        b'{"a":1}',
        False,
    )
    assert (doubtful.item.reference_id, doubtful.customer_id, doubtful.outcome_unknown) == ("sending", None, True)
    assert ledger.made_by(run, after=0, count=10) == [doubtful]
    assert ledger.made_by(run, after=-1, count=1) == [made]
    assert ledger.count_made(run) == 2
    assert [held.item.reference_id for held in ledger.customers_to_verify(run, after=-1, count=10)] == [
        "made",
        "sending",
        "old",
    ]
    assert ledger.count_to_verify(run) == 3


def test_removed_customers_are_planned_again_and_leave_the_first_run(ledger, tmp_path):
    run = created_run(ledger, tmp_path, ["a", "b", "c"])
    gone = RemovedCustomer(0, "a", "id-a", deactivated=False)
    ledger.record_removed(run, [gone, RemovedCustomer(1, "b", "id-b", deactivated=True)])
    known = ledger.known(TENANT, ["a", "b", "c"]).set_index("reference_id")
    assert known["state"].to_dict() == {"a": "absent", "b": "exists", "c": "created"}
    assert pd.isna(known.loc["a", "customer_id"])
    assert known.loc["b", "customer_id"] == "id-b"
    assert [held.item.reference_id for held in ledger.made_by(run, after=-1, count=9)] == ["c"]
    bodies = {held.item.reference_id: held.body for held in ledger.customers_to_verify(run, after=-1, count=9)}
    assert bodies == {"a": None, "b": None, "c": b'{"a":1}'}
    back = {
        customer.item.reference_id: customer.taken_back
        for customer in ledger.customers_to_verify(run, after=-1, count=9)
    }
    assert back == {"a": True, "b": True, "c": False}
    later = created_run(ledger, tmp_path, ["a"], number="2")
    assert [held.item.reference_id for held in ledger.made_by(run, after=-1, count=9)] == ["c"]
    assert [held.customer_id for held in ledger.made_by(later, after=-1, count=9)] == ["id2-a"]
    assert not any(customer.taken_back for customer in ledger.customers_to_verify(later, after=-1, count=9))
    assert {line.outcome for line in outcomes(ledger, run).values()} == {"created"}


def test_only_deleted_customers_count_as_absent_since_then(place, tmp_path):
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    with open_ledger(place, now=lambda: moment) as ledger:
        run = created_run(ledger, tmp_path, ["a", "b"])
        moment += timedelta(days=1)
        removed = [RemovedCustomer(at, name, f"id-{name}", deactivated=name == "b") for at, name in enumerate("ab")]
        ledger.record_removed(run, removed)
        with ledger._read() as connection:
            since = connection.exec_driver_sql("SELECT absent_at FROM customers ORDER BY reference_id").scalars().all()
    assert since == ["2030-01-02T00:00:00.000Z", "2030-01-01T00:00:00.000Z"]


def test_customer_found_later_was_made_by_the_run_that_sent_it(ledger, tmp_path):
    run, _ = plan_run(ledger, tmp_path, ["a", "b"])
    ledger.mark_sending(run, ledger.pending(run, after=-1, count=9))
    later, _ = plan_run(ledger, tmp_path, ["a", "b"])
    ledger.record(later, [LedgerStep(0, "a", State.CREATED, OutcomeKind.UNCHANGED, 0, "id-a")])
    assert [made.item.reference_id for made in ledger.made_by(run, after=-1, count=9)] == ["a", "b"]
    assert ledger.made_by(later, after=-1, count=9) == []
    ledger.record_removed(run, [RemovedCustomer(0, "a", "id-a", deactivated=True)])
    line = outcomes(ledger, run)["a"]
    assert (line.outcome, line.customer_id) == ("created", "id-a"), "else resuming the run would send it again"
    assert [made.item.reference_id for made in ledger.made_by(run, after=-1, count=9)] == ["b"]
    assert ledger.customers_to_verify(run, after=-1, count=1)[0].taken_back


def test_removed_customer_recreated_by_others_is_not_undone(ledger, tmp_path):
    run = created_run(ledger, tmp_path, ["a"])
    ledger.record_removed(run, [RemovedCustomer(0, "a", "id-a", deactivated=False)])
    plan_run(ledger, tmp_path, ["a"], {"a": "theirs"})
    (held,) = ledger.customers_to_verify(run, after=-1, count=9)
    assert (held.state, held.customer_id, held.taken_back) == ("exists", "theirs", False)


def test_another_tenant_is_not_touched(ledger, tmp_path):
    run = created_run(ledger, tmp_path, ["a"])
    ledger.tenant("other")
    other = replace(run, tenant="other")
    ledger.record_removed(other, [RemovedCustomer(0, "a", "id-a", deactivated=False)])
    assert ledger.made_by(other, after=-1, count=9) == []
    assert [held.body for held in ledger.made_by(run, after=-1, count=9)] == [b'{"a":1}']


def test_last_activity_of_a_run(place, tmp_path):
    moment = [datetime(2030, 1, 1, tzinfo=UTC)]
    with open_ledger(place, now=lambda: moment[0]) as ledger:
        run, _ = plan_run(ledger, tmp_path, ["a", "b"])
        assert ledger.last_active(run) == moment[0]
        moment[0] += timedelta(minutes=5)
        ledger.mark_sending(run, ledger.pending(run, after=-1, count=9))
        assert ledger.last_active(run) == moment[0]
        attempt = Attempt(1, moment[0] + timedelta(minutes=1), 1.0, "ok", 201)
        ledger.record(run, [LedgerStep(0, "a", State.CREATED, OutcomeKind.CREATED, 1, "id-a", attempt=attempt)])
        assert ledger.last_active(run) == attempt.ended_at
        moment[0] += timedelta(minutes=5)
        later, _ = plan_run(ledger, tmp_path, ["c"])
        ledger.mark_sending(later, ledger.pending(later, after=-1, count=9))
        assert (ledger.last_active(run), ledger.last_active(later)) == (attempt.ended_at, moment[0])
        moment[0] += timedelta(minutes=9)
        ledger.finish_run(run.id, 3, {})
        assert ledger.last_active(ledger.run(run.id)) == moment[0]


def test_open_ends_until_a_later_run_has_handled_them(place, tmp_path):
    days = iter(range(1, 9))
    with open_ledger(place, now=lambda: datetime(2030, 5, next(days, 9), tzinfo=UTC)) as ledger:
        ledger.tenant(TENANT)
        run = failed_run(ledger, tmp_path, [Failure("gone", State.ABSENT), Failure("refused", State.REFUSED, 422)])
        assert ledger.has_open_ends(run)
        later, _ = plan_run(ledger, tmp_path, ["gone"])
        assert ledger.has_open_ends(later)
        ledger.mark_sending(later, ledger.pending(later, after=-1, count=100))
        assert ledger.has_open_ends(run)
        step = LedgerStep(0, "gone", State.CREATED, OutcomeKind.CREATED, 1, "id-1", 201, None, None, None, 1.5)
        ledger.record(later, [step])
        assert not ledger.has_open_ends(later)
        assert ledger.has_open_ends(replace(run, tenant="other")), "only runs of the same tenant settle it"
        for outcome in ("created", "updated", "unchanged", "exists"):
            ledger.record_outcomes(later, [replace(step, outcome=OutcomeKind(outcome))])
            assert not ledger.has_open_ends(run)
            assert ledger.count_to_verify(later) == 1


def test_unknown_outcome_of_a_later_run_is_an_open_end(ledger, tmp_path):
    run = created_run(ledger, tmp_path, ["a"])
    assert not ledger.has_open_ends(run)
    later, _ = plan_run(ledger, tmp_path, ["a"], content="another")
    ledger.record(later, [LedgerStep(0, "a", State.UNKNOWN, OutcomeKind.UNKNOWN, 1, "id-a")])
    assert ledger.has_open_ends(run)
