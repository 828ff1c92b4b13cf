"""Trying again what failed."""

from dataclasses import dataclass

import pandas as pd
import pytest

from importer.ledger import Ledger, State, Step
from importer.records import OutcomeKind
from tests.sender.support import TENANT, fresh_ledger, outcomes, plan_run


@pytest.fixture
def ledger(tmp_path):
    with fresh_ledger(tmp_path) as opened:
        yield opened


@dataclass
class Ended:
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
            Step(position, end.name, end.state, OutcomeKind.FAILED, 3, None, end.status, end.code, "why", "[]", 1.5)
            for position, end in enumerate(ended)
        ],
    )
    return run


ENDED = [
    Ended("gone", State.ABSENT),
    Ended("gateway", State.ABSENT, 502),
    Ended("busy", State.ABSENT, 408),
    Ended("refused", State.REFUSED, 422, "VALIDATION"),
    Ended("doubtful", State.UNKNOWN, 409, "CONFLICT"),
    Ended("twice", State.UNKNOWN, 502, "duplicate_in_api"),
    Ended("cut", State.UNKNOWN, 500, None),
]


def test_what_can_pass_is_tried_again(ledger, tmp_path):
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


def test_refused_ones_only_on_request_and_duplicates_never(ledger, tmp_path):
    run = failed_run(ledger, tmp_path, ENDED)
    assert ledger.reopen(run, include_refused=True) == 6
    told = {name: line.outcome for name, line in outcomes(ledger, run).items()}
    assert told["refused"] == "pending"
    assert told["doubtful"] == "unknown"
    assert told["twice"] == "failed"
    states = ledger.known(TENANT, ["refused", "doubtful"]).set_index("reference_id")["state"].to_dict()
    assert states == {"refused": "planned", "doubtful": "unknown"}


def test_another_run_may_have_made_it_meanwhile(ledger, tmp_path):
    run = failed_run(ledger, tmp_path, [Ended("gone", State.ABSENT)])
    later, _ = plan_run(ledger, tmp_path, ["gone"])
    ledger.mark_sending(later, ledger.pending(later, after=-1, count=1))
    ledger.record(later, [Step(0, "gone", State.CREATED, OutcomeKind.CREATED, 1, "id-1")])
    assert ledger.reopen(run, include_refused=False) == 1
    ledger.adopt(run)
    assert outcomes(ledger, run)["gone"].outcome == "unchanged"
    assert outcomes(ledger, later)["gone"].outcome == "created"
