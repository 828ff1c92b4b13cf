"""A short soak with every test run; ``make soak`` goes on for longer."""

import pytest

from tests.soak.killing import kill_and_resume


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_runs_leave_each_customer_exactly_once(tmp_path, seed) -> None:
    evidence = kill_and_resume(tmp_path, seed=seed, customers=250, kills=3)
    assert evidence.faults(250) == []
    assert evidence.kills == 3
    assert evidence.exit_code == 0
