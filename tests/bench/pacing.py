"""The limiter with a server that limits requests per second: the share of the limit reached, and the share of 429s."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measure import module, run
from tests.bench.server import serving
from tests.bench.table import Line

__all__ = ["bench_pacing"]

ALLOWED = 50
SECONDS = 20.0
LATENCIES = (0.02, 1.0)
CONNECTIONS = 256  # a second of latency needs more than the limit in flight


def bench_pacing(folder: Path) -> Iterator[Line]:
    """A line for each latency, with the right ceiling and with none."""
    for latency in LATENCIES:
        for rate in (str(ALLOWED), "auto"):
            yield _one(folder, latency, rate)


def _one(folder: Path, latency: float, rate: str) -> Line:
    with tempfile.TemporaryDirectory(dir=folder) as own:
        run(module("tests.bench.plan_run", own, int(ALLOWED * SECONDS * 1.5)))
        with serving(limit=ALLOWED, latency=latency) as server:
            options = ("--rate", rate, "--seconds", SECONDS)
            it = run(module("tests.bench.send_once", "importer", own, server.url, CONNECTIONS, *options))
            done = server.statistics()
    inner = json.loads(it.printed)
    created, refused = done["created"], done["throttled"]
    reached = created / (inner["seconds"] * ALLOWED)
    share = refused / (created + refused)
    return Line(
        f"limiter, {ALLOWED} requests allowed in any second",
        f"--rate {rate}, {latency * 1000:.0f} ms",
        inner["seconds"],
        inner["cpu"],
        it.peak_mb,
        it.all_mb,
        created / inner["seconds"],
        more={"reached": reached, "throttled": share, "again": done["again"]},
        note=f"{reached:.1%} of the limit reached, {share:.1%} answered 429",
    )
