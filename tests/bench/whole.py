"""From the export to the last customer sent, compared with the script a user would write; and the next night."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.checking import FOUND_WRONG, check_command, naive, sample
from tests.bench.measure import Measured, module, run
from tests.bench.sending import once_naive
from tests.bench.server import serving
from tests.bench.table import Line

__all__ = ["bench_whole"]

USUAL = 100_000
FULL = 1_000_000
_KEY = {"WIZCOMMERCE_API_KEY": "bench-key"}


def bench_whole(folder: Path, *, full: bool) -> Iterator[Line]:
    """Each size once, because the baseline takes minutes."""
    for rows in (USUAL, *((FULL,) if full else ())):
        yield from _one_size(folder, rows)


def _one_size(folder: Path, rows: int) -> Iterator[Line]:
    source = sample(folder, rows)
    section = f"whole imports, {rows:,} rows"
    check = run(check_command(source), good=(FOUND_WRONG,))
    with tempfile.TemporaryDirectory(dir=folder) as own, serving() as server:
        first, night = (_import(source, Path(own), server.url, mode) for mode in ("create", "upsert"))
        done = server.statistics()
    sent = json.loads(first.printed)["customers"]["created"]
    again = json.loads(night.printed)["customers"]["unchanged"]
    if (done["created"], done["again"], again) != (sent, 0, sent):
        raise RuntimeError(f"the server was left with {done} after {sent} created and {again} unchanged")
    ratios = {}
    baselines = []
    if rows == USUAL:
        made = naive(source)
        post = once_naive(folder, source.parent / f"naive-{source.stem}")
        both = Measured(made.seconds + post.seconds, made.cpu + post.cpu, max(made.peak_mb, post.peak_mb), 0, "")
        ratios = {"naive": (both.seconds / first.seconds, both.cpu / first.cpu)}
        baselines = [Line(section, "naive", both.seconds, both.cpu, both.peak_mb, None, sent / both.seconds)]
    yield Line(section, f"importer run, {sent:,} customers", *_figures(first), sent / first.seconds, ratios)
    more = night.seconds - check.seconds
    note = f"{more:.1f} s more than the check, no request for a customer"
    yield Line(section, "the next night, nothing changed", *_figures(night), note=note, more={"more": more})
    yield Line(section, "importer check", *_figures(check))
    yield from baselines


def _figures(it: Measured) -> tuple[float, float, float, float]:
    return it.seconds, it.cpu, it.peak_mb, it.all_mb


def _import(source: Path, own: Path, url: str, mode: str) -> Measured:
    words = ("run", source, "-m", "netsuite", "--country", "US", "--api", url, "--yes", "--mode", mode)
    places = ("--ledger", own / "ledger.db", "--out", own / "out", "--json", "--quiet", "--rate", 1_000_000)
    return run(module("importer", *words, *places), good=(FOUND_WRONG,), environment=_KEY)
