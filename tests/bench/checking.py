"""`importer check`, whole and by stage, against the script that a user would write and against the floor."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tests.bench.measure import Measured, medians, module, run
from tests.bench.table import Line

__all__ = ["bench_check"]

USUAL = (10_000, 100_000)
FULL = (1_000_000,)
NAIVE_ROWS = frozenset(USUAL)  # beyond, the script takes many minutes
FOUND_WRONG = 1  # the exit code of a check that rejected customers


def bench_check(folder: Path, *, full: bool, repeat: int) -> Iterator[Line]:
    """The lines of each size, the whole before its stages."""
    for rows in (*USUAL, *(FULL if full else ())):
        source = folder / f"{rows}.csv"
        run(module("tests.bench.sample", source, rows))
        yield from _one_size(folder, source, rows, repeat)


def _one_size(folder: Path, source: Path, rows: int, repeat: int) -> Iterator[Line]:
    section = f"check, {rows:,} rows ({source.stat().st_size / 1e6:.0f} MB)"
    command = module("importer", "check", source, "-m", "netsuite", "--country", "US", "--out", folder / "out")
    whole = medians(run([*command, "--json", "--quiet"], good=(FOUND_WRONG,)) for _ in range(repeat))
    summary = json.loads(whole.printed)
    payloads = Path(summary["folder"]) / "payloads.jsonl"
    floors = (run(module("tests.bench.floor", source, payloads, folder / "floor")) for _ in range(repeat))
    baselines = {"floor": medians(map(_inner, floors))}
    if rows in NAIVE_ROWS:  # once: it takes longer than everything else together
        baselines["naive"] = run(module("tests.bench.naive", source, folder / "naive"))
    ratios = {name: (it.seconds / whole.seconds, it.cpu / whole.cpu) for name, it in baselines.items()}
    yield _line(section, "importer check", whole, rows, ratios)
    stages = summary["timings"]
    for name, seconds in stages.items():
        yield Line(section, f"  {name}", seconds)
    yield Line(section, "  reports", summary["seconds"] - sum(stages.values()))
    yield Line(section, "  start and end of the program", whole.seconds - summary["seconds"])
    for name, it in baselines.items():
        yield _line(section, name, it, rows, {})


def _line(section: str, name: str, it: Measured, rows: int, ratios: dict[str, tuple[float, float]]) -> Line:
    return Line(section, name, it.seconds, it.cpu, it.peak_mb, rows / it.seconds, ratios)


def _inner(it: Measured) -> Measured:
    """What the process itself counted; its peak includes the parsed bodies."""
    seconds, cpu = map(float, it.printed.split())
    return replace(it, seconds=seconds, cpu=cpu)
