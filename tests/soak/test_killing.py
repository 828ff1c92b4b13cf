"""A short soak in every test run; ``make soak`` takes longer."""

from pathlib import Path

from tests.soak.killing import kill_and_resume


def test_killed_runs_create_each_customer_exactly_once(tmp_path: Path) -> None:
    evidence = kill_and_resume(tmp_path, seed=1, customers=150, kills=3)
    assert evidence.faults(150) == []
    assert evidence.kills == 3
    assert evidence.exit_code == 0
