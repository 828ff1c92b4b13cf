"""Whatever goes wrong: each valid customer is in the API exactly once, and every outcome is true."""

import asyncio
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.errors import ImporterError
from importer.records import OutcomeKind
from tests.sender.support import FakeApi, FakePace, clock, fresh_ledger, outcomes, plan_run, run_virtually
from tests.sender.support import send_virtually as send

FAULTS = st.sampled_from(["ok", "ok", "slow", "lost", "dropped", "late", "not_sent", "invalid"])
SLOW_DISK = settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])


def check(ledger, run, api, names, by_hand):
    lines = outcomes(ledger, run)
    assert list(lines) == names
    assert sum(ledger.counts(run.id).values()) == len(names)
    for name, line in lines.items():
        there = api.ids(name)
        assert len(there) <= 1, f"{name} was created twice"
        match OutcomeKind(line.outcome):
            case OutcomeKind.CREATED:
                assert there == [line.customer_id]
                # It was recorded as absent before, so after an unanswered request, a customer found counts as ours.
                assert name not in by_hand or name in api.unanswered
            case OutcomeKind.EXISTS:
                assert there == [line.customer_id]
                assert name in by_hand
            case OutcomeKind.FAILED:
                assert line.error_code in {"VALIDATION", "no_answer"}
                assert not there or name in by_hand
            case OutcomeKind.PENDING:
                assert not there or name in by_hand
            case OutcomeKind.UNKNOWN:
                pass
            case other:
                pytest.fail(f"{name} ended as {other}")
    return {OutcomeKind(line.outcome) for line in lines.values()}


@SLOW_DISK
@given(
    count=st.integers(1, 25),
    script=st.lists(FAULTS, max_size=60),
    find_script=st.lists(st.booleans(), max_size=10),
    batch=st.integers(1, 12),
    workers=st.integers(1, 9),
    lag=st.sampled_from([0.0, 5.0, 39.0]),
    refuse=st.booleans(),
    by_hand=st.integers(0, 3),
)
def test_sending_survives_any_faults(count, script, find_script, batch, workers, lag, refuse, by_hand):
    names = [f"CUS-{number}" for number in range(count)]
    made_by_others = set(names[:by_hand]) if refuse else set()

    async def main(folder: Path) -> None:
        api = FakeApi(script, find_script, refuse_duplicates=refuse, lag=lag, limiter=FakePace(workers))
        with fresh_ledger(folder) as ledger:
            run, bodies = plan_run(ledger, folder, names)
            for name in made_by_others:  # created by someone else between the lookup and the send
                api.add(name)
            for _ in range(5):
                counts = []
                try:
                    totals = await send(
                        ledger, api, run, bodies, batch_size=batch, concurrency=workers, progress=counts.append
                    )
                except ImporterError:
                    check(ledger, run, api, names, made_by_others)
                    continue
                assert {kind: n for kind, n in totals.items() if n} == ledger.counts(run.id)
                assert counts == [] or counts[-1] == totals
                break
            left = check(ledger, run, api, names, made_by_others)
            assert not left & {OutcomeKind.PENDING, OutcomeKind.UNKNOWN}

    with tempfile.TemporaryDirectory() as folder:
        run_virtually(main(Path(folder)))


class KilledError(Exception):
    """The process is dead: its writes are lost."""


class DyingLedger:
    """Forwards to a ledger until the process is killed, before or after one of its writes."""

    def __init__(self, ledger, writes: int, after: bool) -> None:
        self._ledger = ledger
        self._writes = writes
        self._after = after
        self.dead = False

    def __getattr__(self, name):
        method = getattr(self._ledger, name)
        if name not in {"record", "mark_sending", "adopt"}:
            return method

        def write(*args):
            self._writes -= 1
            if self.dead or (self._writes < 0 and not self._after):
                self.dead = True
                raise KilledError
            method(*args)
            if self._writes < 0:
                self.dead = True
                raise KilledError

        return write


@SLOW_DISK
@given(
    count=st.integers(1, 25),
    script=st.lists(FAULTS, max_size=60),
    batch=st.integers(1, 12),
    lag=st.sampled_from([0.0, 39.0]),
    refuse=st.booleans(),
    kills=st.lists(st.tuples(st.integers(0, 12), st.booleans(), st.floats(0.0, 130.0)), min_size=1, max_size=4),
    new_run=st.booleans(),
)
def test_sending_survives_any_kills(count, script, batch, lag, refuse, kills, new_run):
    """``kills``: after how many writes or seconds. ``new_run``: start a new run each time instead of resuming."""
    names = [f"CUS-{number}" for number in range(count)]

    async def main(folder: Path) -> None:
        api = FakeApi(script, refuse_duplicates=refuse, lag=lag)
        with fresh_ledger(folder) as ledger:
            run, bodies = plan_run(ledger, folder, names)
            for writes, after, seconds in kills:
                dying = DyingLedger(ledger, writes, after)
                task = asyncio.create_task(send(dying, api, run, bodies, batch_size=batch))
                asyncio.get_running_loop().call_later(seconds, kill, dying, task)
                await asyncio.gather(task, return_exceptions=True)
                for name in names:
                    assert len(api.ids(name)) <= 1
                if new_run:
                    run, bodies = plan_run(ledger, folder, names, {name: api.ids(name)[0] for name in _listed(api)})
            for _ in range(5):
                try:
                    await send(ledger, api, run, bodies, batch_size=batch)
                    break
                except ImporterError:
                    continue
            lines = outcomes(ledger, run)
            for name in names:
                there, line = api.ids(name), lines[name]
                if line.outcome == OutcomeKind.FAILED:
                    assert not there
                else:
                    assert there == [line.customer_id]
                    assert line.outcome in ({"created", "unchanged"} if new_run else {"created"})
            assert len(lines) == len(names)

    with tempfile.TemporaryDirectory() as folder:
        run_virtually(main(Path(folder)))


def kill(dying, task):
    dying.dead = True
    task.cancel()


def _listed(api):
    return [name for name, _, since in api.customers if since <= clock()]


def test_outcomes_do_not_depend_on_workers(tmp_path):
    names = [f"CUS-{number}" for number in range(40)]
    refused = set(random.Random(5).sample(names, 9))

    class Picky(FakeApi):
        async def create(self, body, reference_id):
            self.script = ["ok"] * len(self.posts) + ["invalid" if _name(body) in refused else "ok"]
            return await super().create(body, reference_id)

    seen = []
    for workers in (1, 3, 16):
        folder = tmp_path / str(workers)
        folder.mkdir()

        async def main(folder=folder, workers=workers):
            with fresh_ledger(folder) as ledger:
                run, bodies = plan_run(ledger, folder, names)
                await send(ledger, Picky(limiter=FakePace(workers)), run, bodies, concurrency=workers)
                return [(name, line.outcome, line.error_code) for name, line in outcomes(ledger, run).items()]

        seen.append(run_virtually(main()))
    assert seen[0] == seen[1] == seen[2]
    assert {name for name, outcome, _ in seen[0] if outcome == "failed"} == refused


def _name(body):
    import orjson

    return orjson.loads(body)["reference_id"]
