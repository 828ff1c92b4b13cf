"""Sending to a server that costs next to nothing: the sender with its ledger, and the script a user would write.

The client is kept on one processor and the server on another. Runs to be compared alternate, so that whatever else
the machine does affects all of them.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tests.bench.measure import Measured, medians, module, run
from tests.bench.server import serving
from tests.bench.table import Line

__all__ = ["Case", "bench_sending", "once", "once_naive"]

CONNECTIONS = (8, 64)
USUAL = 20_000
WAYS = (("importer", USUAL), ("client", USUAL))
MANY = 60_000
NAIVE = {8: 2_000, 64: 1_000}  # the script slows down with each connection; a few seconds show its pace


@dataclass(frozen=True)
class Case:
    """One way of sending ``count`` customers: ``naive``, or one of those in :mod:`tests.bench.send_once`."""

    way: str
    count: int
    connections: int


def bench_sending(folder: Path, *, repeat: int) -> Iterator[Line]:
    """A line for each way and number of connections, and the memory for more customers."""
    cases = [Case(way, count, c) for c in CONNECTIONS for way, count in (*WAYS, ("naive", NAIVE[c]))]
    runs: dict[Case, list[Measured]] = {case: [] for case in cases}
    for case in cases * repeat:
        runs[case].append(once(folder, case))
    for connections in CONNECTIONS:
        section = f"sending ~1 KB customers, {connections} connections, one processor"
        whole, bare, naive = (medians(runs[case]) for case in cases if case.connections == connections)
        paces = {"naive": _pace(naive, NAIVE[connections]), "client alone": _pace(bare, USUAL)}
        wall, cpu = _pace(whole, USUAL)
        ratios = {name: (wall / its_wall, cpu / its_cpu) for name, (its_wall, its_cpu) in paces.items()}
        yield _line(section, f"sender and ledger, {USUAL:,}", whole, USUAL, ratios)
        if connections == max(CONNECTIONS):
            many = once(folder, Case("importer", MANY, connections))
            more = many.peak_mb - whole.peak_mb
            note = f"{more:+.0f} MB for {MANY - USUAL:,} more customers"
            yield replace(_line(section, f"sender and ledger, {MANY:,}", many, MANY, {}), note=note)
        yield _line(section, f"client alone, {USUAL:,}", bare, USUAL, {})
        yield _line(section, f"naive, {NAIVE[connections]:,}", naive, NAIVE[connections], {})


def once(folder: Path, case: Case) -> Measured:
    """Send a planned run to a new server; seconds and CPU seconds are those of the sending alone."""
    planned = folder / f"planned-{case.count}"
    if not planned.exists():
        planned.mkdir()
        run(module("tests.bench.plan_run", planned, case.count))
    with tempfile.TemporaryDirectory(dir=folder) as own, serving() as server:
        shutil.copytree(planned, own, dirs_exist_ok=True)
        it = run(_command(case, own, server.url))
        done = server.statistics()
    if (done["created"], done["again"]) != (case.count, 0):
        raise RuntimeError(f"{case}: the server was left with {done}")
    inner = json.loads(it.printed)
    return replace(it, seconds=inner["seconds"], cpu=inner["cpu"], printed=json.dumps(done))


def once_naive(folder: Path, bodies: Path) -> Measured:
    """The user's script sends a folder's bodies to a new server, with its best number of connections."""
    with serving() as server:
        it = run(module("tests.bench.naive_sending", bodies, server.url, min(CONNECTIONS)))
    inner = json.loads(it.printed)
    return replace(it, seconds=inner["seconds"], cpu=inner["cpu"])


def _command(case: Case, folder: str, url: str) -> list[str]:
    if case.way == "naive":
        return module("tests.bench.naive_sending", folder, url, case.connections)
    return module("tests.bench.send_once", case.way, folder, url, case.connections)


def _pace(it: Measured, count: int) -> tuple[float, float]:
    return count / it.seconds, count / it.cpu


def _line(section: str, name: str, it: Measured, count: int, ratios: dict[str, tuple[float, float]]) -> Line:
    wall, cpu = _pace(it, count)
    more = {"per_cpu_second": cpu, "server_cpu": json.loads(it.printed)["cpu"]}
    return Line(
        section, name, it.seconds, it.cpu, it.peak_mb, it.all_mb, wall, ratios, more, f"{cpu:,.0f} per CPU second"
    )
