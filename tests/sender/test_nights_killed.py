"""Two tenants' nights at once, in separate processes with the same ledger, killed while they update."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest

from importer.errors import TenantLockedError
from importer.ledger import open_ledger
from importer.records import OutcomeKind
from importer.sandbox import SandboxConfig
from tests.postgres import database
from tests.running_sandbox import running
from tests.sender.nights import MERGER, faults, plan_night
from tests.sender.support import run_fast
from tests.sender.test_sandbox import send_to

FAULTS = "drop-before=4%,drop-after=4%,500-after=4%,502-html=3%,cut=3%,malformed=3%,429=2%"
COUNT = 24
CHILD = """
import sys
from pathlib import Path
from importer.ledger import open_ledger
from importer.run_folder import PayloadFile
from tests.sender.nights import MERGER
from tests.sender.support import run_fast
from tests.sender.test_sandbox import send_to
url, place, run_id, payloads = sys.argv[1:]
with open_ledger(place) as ledger:
    run = ledger.run(run_id)
    with ledger.lock(run.tenant, run_id):
        run_fast(send_to(url, ledger, run, PayloadFile(Path(payloads)), merge=MERGER))
"""


@pytest.fixture
def place(kind: str, tmp_path: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield str(tmp_path / "ledger.db")
    else:
        with database() as url:
            yield url


def night(changed: bool) -> dict:
    """In the second night, two in three customers change: a new phone and one more address, or a new street."""
    bodies = {}
    for number in range(COUNT):
        name = f"C{number:02}"
        body = {"reference_id": name, "company_name": "Firm", "phone": "+14155550101", "addresses": [address(name, 1)]}
        if changed and number % 3 == 0:
            body["phone"] = "+14155550199"
            body["addresses"].append(address(name, 2))
        if changed and number % 3 == 1:
            body["addresses"] = [{**address(name, 1), "address_line_1": "9 New St"}]
        bodies[name] = body
    return bodies


def address(name: str, number: int) -> dict:
    line = f"{number} Main St"
    return {"reference_id": f"A{number}-{name}", "type": "shipping", "address_line_1": line, "city": "Marlow"}


def patched(box) -> list[str]:
    return [request.path for request in box.requests() if request.method == "PATCH"]


def take_lock(ledger, tenant: str, stack: ExitStack) -> None:
    """Take the killed process's lock: a server needs a moment to notice that its holder is gone."""
    until = time.monotonic() + 60
    while True:
        try:
            stack.enter_context(ledger.lock(tenant, "again"))
        except TenantLockedError:
            assert time.monotonic() < until
            continue
        return


@pytest.mark.parametrize(("kind", "children"), [("sqlite", "merge"), ("postgresql", "replace")])
def test_killed_updates_are_completed_when_the_runs_continue(place, tmp_path, children) -> None:
    config = SandboxConfig(faults=FAULTS, duplicates="allow", latency=0.01, patch_children=children, seed=7)
    with open_ledger(place) as ledger, running(config) as acme, running(config) as globex, ExitStack() as stack:
        boxes = {"acme": acme, "globex": globex}
        nights, plans = [night(changed=False), night(changed=True)], {}
        for tenant, box in boxes.items():
            run, payloads = plan_night(ledger, tmp_path, nights[0], tenant)
            run_fast(send_to(box.url, ledger, run, payloads, merge=MERGER))
            plans[tenant] = plan_night(ledger, tmp_path, nights[1], tenant)
        kill_both(boxes, place, plans, tmp_path)
        for tenant, box in boxes.items():
            run, payloads = plans[tenant]
            take_lock(ledger, tenant, stack)
            run_fast(send_to(box.url, ledger, run, payloads, merge=MERGER))
            assert set(ledger.counts(run.id)) == {OutcomeKind.UPDATED, OutcomeKind.UNCHANGED}
            held = {customer["id"]: customer for customer in box.customers()}
            assert faults(SimpleNamespace(customers=held), nights, {}) == []
            same = {customer["id"] for name, customer in by_name(held).items() if nights[0][name] == nights[1][name]}
            assert not same & {path.rpartition("/")[2] for path in patched(box)}
            further, _ = plan_night(ledger, tmp_path, nights[1], tenant)
            assert ledger.counts(further.id) == {OutcomeKind.UNCHANGED: COUNT}
        assert ledger.faults() == []


def by_name(held) -> dict:
    return {customer["reference_id"]: customer for customer in held.values()}


def kill_both(boxes, place: str, plans, folder: Path) -> None:
    children = {
        tenant: subprocess.Popen(
            [
                sys.executable,
                "-c",
                CHILD,
                box.url,
                place,
                plans[tenant][0].id,
                str(folder / f"{plans[tenant][0].id}.jsonl"),
            ]
        )
        for tenant, box in boxes.items()
    }
    for tenant, child in children.items():
        while len(patched(boxes[tenant])) < 6:
            with pytest.raises(subprocess.TimeoutExpired):
                child.wait(0.02)
        child.kill()
        child.wait()
