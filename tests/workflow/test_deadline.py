"""``--deadline`` limits the time of a run; resume continues with the rest. Time is passed in."""

import asyncio
import os

import pytest

from importer.commands.resume import resume
from importer.commands.run import run
from importer.settings import Options
from importer.workflow.supervision import Deadline, Watch
from tests.workflow.desk import KEY, read_table

ENVIRONMENT = {"WIZCOMMERCE_API_KEY": KEY}


class Hours:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0
        self.moved = asyncio.Event()

    def __call__(self) -> float:
        return self.now

    def put_on(self, seconds: float) -> None:
        self.now += seconds
        self.moved.set()

    async def sleep(self, _seconds: float) -> None:
        await self.moved.wait()
        self.moved.clear()

    def deadline(self, seconds: float) -> Deadline:
        return Deadline(seconds, clock=self, sleep=self.sleep)


@pytest.fixture
def options(desk, box, monkeypatch):
    monkeypatch.chdir(desk.path)
    desk.small(300)
    return Options(
        sources=("small.csv",), mapping="small.yaml", api=box.url, out=desk.path / "results",
        ledger=str(desk.path / "ledger.db"), rate=5000.0, concurrency=4, batch_size=20,
    )  # fmt: skip


def test_deadline_lets_requests_finish_and_resume_sends_the_rest(options, box) -> None:
    hours, said = Hours(), []

    def sent(counts) -> None:
        if counts.get("created", 0) >= 40:
            hours.put_on(61.0)

    watch = Watch(counts=sent, phase=said.append, deadline=hours.deadline(60.0))
    first = run(options, ENVIRONMENT, confirm=bool, watch=watch)
    assert first["exit_code"] == 3
    assert first["stopped"].startswith("--deadline: the time allowed for the run (1 min) is up")
    assert "importer resume" in first["stopped"]
    assert any(line.startswith("The time is up") for line in said)
    counts = first["customers"]
    assert (counts["unknown"], counts["failed"]) == (0, 0)
    assert 40 <= counts["created"] == box.counts()["customers"] < 300
    assert counts["pending"] == 300 - counts["created"]
    assert first["resumable"]
    again = resume(options, ENVIRONMENT, None, confirm=bool, watch=Watch(deadline=Hours().deadline(60.0)))
    assert (again["exit_code"], again["customers"]["created"], box.counts()["customers"]) == (0, 300, 300)
    assert len(read_table(options.out / again["run_id"] / "results.csv")) == 300


def test_deadline_includes_reading_and_mapping(options, box) -> None:
    """The time for reading and mapping counts as well."""
    hours = Hours()
    watch = Watch(stage=lambda _: hours.put_on(14.0), deadline=hours.deadline(60.0))
    first = run(options, ENVIRONMENT, confirm=bool, watch=watch)
    assert (first["exit_code"], first["customers"]["pending"]) == (3, 300)
    assert box.counts()["customers"] == 0
    again = resume(options, ENVIRONMENT, first["run_id"], confirm=bool, watch=Watch())
    assert (again["exit_code"], box.counts()["customers"]) == (0, 300)


def test_quick_run_is_not_affected_by_its_deadline(desk, box) -> None:
    said = desk.run(box.url, *desk.small(3), "--deadline", "1h30m")
    assert said.code == 0
    assert said.summary["options"]["deadline"] == 5400.0
    assert (
        desk.do("resume", "--deadline", "900", "--json").code
        == desk.do("retry", "--deadline", "900", "--json").code
        == 0
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90m", 5400), ("2h", 7200), ("1h30m", 5400), ("45s", 45), ("5400", 5400), (" 0.5H ", 1800), ("1m30", 90)],
)
def test_durations_are_parsed(text, seconds) -> None:
    assert Options(deadline=text).deadline == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5", "1d", "m", "5 m 3", "h30m", "0", "0m"])
def test_invalid_duration_is_a_usage_error(desk, text) -> None:
    said = desk.do("run", *desk.small(1), "--api", "sandbox", f"--deadline={text}")
    assert said.code == 2
    assert not os.path.lexists(desk.path / "results")
