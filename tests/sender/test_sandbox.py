"""Sending to a real server, with real faults and kills, and time that runs a hundred times as fast."""

import asyncio
import random
import signal
import subprocess
import sys
import time
from collections import Counter

import anyio
import pytest

from importer.api import Client, Limiter, RetryPolicy
from importer.errors import ApiUnavailableError, KeyRefusedError
from importer.records import OutcomeKind
from importer.sandbox import SandboxConfig
from importer.sender import Sender, SendOptions
from tests.running_sandbox import running
from tests.sandbox.support import client
from tests.sender.support import FASTER, outcomes, plan_run, run_fast

NAMES = [f"CUS-{number:03}" for number in range(150)]
LISTED_WITHIN = 30.0


async def send_to(url, ledger, run, bodies, *, key="key-1", **changes):
    """Send on a :class:`FastLoop`."""
    clock = asyncio.get_running_loop().time
    limiter = Limiter(ceiling=2_000.0 / FASTER, max_concurrency=16, clock=clock)
    # The timeout is 5 s of this machine's time, however busy it is.
    quick = {"clock": clock, "timeout": 500.0, "connections": 16, "rng": random.Random(1)}
    async with Client(url, key, limiter=limiter, **quick) as client:
        values = {"batch_size": 30, "settle": LISTED_WITHIN, "retry": RetryPolicy(attempts=9, deadline=9e9), **changes}
        return await Sender(
            ledger,
            client,
            run,
            bodies,
            options=SendOptions(**values),
            rng=random.Random(2),
            progress=lambda _counts: None,
            stop=anyio.Event(),
        ).send()


def exactly_once(sandbox, ledger, run):
    there = {customer["reference_id"]: customer["id"] for customer in sandbox.customers()}
    assert max(Counter(customer["reference_id"] for customer in sandbox.customers()).values()) == 1
    lines = outcomes(ledger, run)
    assert {name: line.customer_id for name, line in lines.items()} == there
    assert {line.outcome for line in lines.values()} == {"created"}


FAULTS = "drop-before=5%,drop-after=5%,500-before=4%,500-after=4%,503-html=3%,502-html=3%,cut=3%,malformed=3%,429=2%"


@pytest.mark.parametrize("duplicates", ["allow", "refuse"])
def test_network_faults_leave_each_customer_exactly_once(ledger, tmp_path, duplicates):
    config = SandboxConfig(faults=FAULTS, duplicates=duplicates, list_lag=LISTED_WITHIN / FASTER / 2, seed=4)
    with running(config) as sandbox:
        run, bodies = plan_run(ledger, tmp_path, NAMES)
        counts = run_fast(send_to(sandbox.url, ledger, run, bodies))
        assert counts[OutcomeKind.CREATED] == len(NAMES)
        exactly_once(sandbox, ledger, run)
        assert sandbox.counts()["faults"].keys() >= {"drop-after", "cut", "500-after"}


def test_wrong_key_or_no_server_leaves_customers_pending(ledger, tmp_path):
    with running(SandboxConfig(keys=("other",))) as sandbox:
        run, bodies = plan_run(ledger, tmp_path, NAMES)
        with pytest.raises(KeyRefusedError):
            run_fast(send_to(sandbox.url, ledger, run, bodies))
        assert not sandbox.customers()
    assert ledger.counts(run.id) == {OutcomeKind.PENDING: len(NAMES)}
    with pytest.raises(ApiUnavailableError):
        run_fast(send_to(sandbox.url, ledger, run, bodies))
    assert ledger.counts(run.id) == {OutcomeKind.PENDING: len(NAMES)}


CHILD = """
import sys
from importer.ledger import open_ledger
from importer.run_folder import PayloadFile
from pathlib import Path
from tests.sender.support import run_fast
from tests.sender.test_sandbox import send_to
url, ledger, run, payloads = sys.argv[1:]
with open_ledger(ledger) as opened:
    run_fast(send_to(url, opened, opened.run(run), PayloadFile(Path(payloads))))
"""


def test_killed_run_is_resumed_with_each_customer_exactly_once(ledger, tmp_path):
    config = SandboxConfig(faults="drop-after=5%,500-before=5%", duplicates="allow", latency=0.005, seed=4)
    with running(config) as sandbox:
        run, bodies = plan_run(ledger, tmp_path, NAMES)
        payloads = tmp_path / f"{run.id}.jsonl"
        command = [sys.executable, "-c", CHILD, sandbox.url, str(ledger.path), run.id, str(payloads)]
        child = subprocess.Popen(command)
        while len(sandbox.customers()) < 60:
            assert child.poll() is None
            time.sleep(0.002)
        child.send_signal(signal.SIGKILL)
        child.wait()
        with client(sandbox.url, "k") as api:
            for _ in range(3):  # the server finishes what it is doing before it answers
                api.get("/v1/customers")
        assert ledger.counts(run.id)[OutcomeKind.UNKNOWN]
        run_fast(send_to(sandbox.url, ledger, run, bodies))
        exactly_once(sandbox, ledger, run)
