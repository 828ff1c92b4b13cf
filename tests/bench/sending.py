"""Sending to a server that costs next to nothing: the sender with its ledger, against the script a user would write.

The client is kept on one processor and the server on another one. Both counts and both numbers of connections are
measured in turn with the baselines, so that whatever else the machine does falls on all of them.
"""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tests.bench.measure import Measured, median_run, module, run
from tests.bench.server import serving
from tests.bench.table import Line

__all__ = ["Case", "bench_sending", "once"]

CONNECTIONS = (8, 64)
USUAL = 20_000
MANY = 60_000
NAIVE = {8: 4_000, 64: 2_000}  # the script slows down with every connection; its pace shows in a few seconds


@dataclass(frozen=True)
class Case:
    """One way of sending ``count`` customers: ``naive``, or a way of :mod:`tests.bench.send_once`."""

    way: str
    count: int
    connections: int


def bench_sending(folder: Path, *, repeat: int) -> Iterator[Line]:
    """A line for each way and number of connections, and the memory that more customers take."""
    for connections in CONNECTIONS:
        section = f"sending ~1 KB customers, {connections} connections, one processor"
        naive = median_run(repeat, lambda c=connections: once(folder, Case("naive", NAIVE[c], c)))
        bare = median_run(repeat, lambda c=connections: once(folder, Case("client", USUAL, c)))
        whole = median_run(repeat, lambda c=connections: once(folder, Case("importer", USUAL, c)))
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
    """Plan a run and send it to a new server; seconds and CPU are those of the sending alone."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        run(module("tests.bench.plan_run", own, case.count))
        with serving() as server:
            it = run(_command(case, own, server.url))
            done = server.statistics()
    if (done["created"], done["again"]) != (case.count, 0):
        raise RuntimeError(f"{case}: the server was left with {done}")
    inner = json.loads(it.printed)
    return replace(it, seconds=inner["seconds"], cpu=inner["cpu"], printed=json.dumps(done))


def _command(case: Case, folder: str, url: str) -> list[str]:
    if case.way == "naive":
        return module("tests.bench.naive_sending", folder, url, case.connections)
    return module("tests.bench.send_once", case.way, folder, url, case.connections)


def _pace(it: Measured, count: int) -> tuple[float, float]:
    return count / it.seconds, count / it.cpu


def _line(section: str, name: str, it: Measured, count: int, ratios: dict[str, tuple[float, float]]) -> Line:
    wall, cpu = _pace(it, count)
    more = {"per_cpu_second": cpu, "server_cpu": json.loads(it.printed)["cpu"]}
    return Line(section, name, it.seconds, it.cpu, it.peak_mb, wall, ratios, more, f"{cpu:,.0f} per CPU second")
