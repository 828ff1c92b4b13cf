"""`importer check`, in total and by stage, compared with the script that a user would write and with the floor."""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from tests.bench.measure import Measured, medians, module, run
from tests.bench.table import Line

__all__ = ["FOUND_WRONG", "bench_bounded", "bench_check", "bench_shapes", "check_command", "sample"]

USUAL = (10_000, 100_000)
FULL = (1_000_000,)
NAIVE_ROWS = frozenset(USUAL)  # with more rows, the script takes many minutes
SHAPES = 100_000  # rows in each file
HUGE = 10_000_000
MEMORY = "1GiB"
FOUND_WRONG = 1  # the exit code of a check that rejected customers
_ENDINGS = {"xlsx": ".xlsx"}
_MAPPINGS = {"wide": "generic-wide"}


def sample(folder: Path, rows: int, kind: str = "long") -> Path:
    """The export of this size and kind, written once."""
    path = folder / f"{kind}-{rows}{_ENDINGS.get(kind, '.csv')}"
    if not path.exists():
        run(module("tests.bench.sample", path, rows, kind))
    return path


def check_command(source: Path, kind: str = "long", *options: str) -> list[str]:
    """The command that checks an export."""
    mapping = _MAPPINGS.get(kind, "netsuite")
    words = ("check", source, "-m", mapping, "--country", "US", "--out", source.parent / "out", "--json", "--quiet")
    return module("importer", *words, *options)


def bench_check(folder: Path, *, full: bool, repeat: int) -> Iterator[Line]:
    """The lines of each size, the total before its stages, and the growth from one size to the next."""
    before: tuple[int, Measured] | None = None
    for rows in (*USUAL, *(FULL if full else ())):
        lines, whole = _one_size(folder, rows, repeat)
        yield from lines
        if before is not None:
            fewer, less = before
            growth = (whole.seconds / less.seconds, whole.cpu / less.cpu)
            note = (
                f"{growth[0]:.1f} times the time and {growth[1]:.1f} times the CPU of {rows // fewer} times fewer rows"
            )
            yield Line(lines[0].section, "growth", whole.seconds, more={"growth": growth}, note=note)
        before = rows, whole
    if full and before is not None:
        yield _dirtier(folder, *before, repeat)


def bench_bounded(folder: Path) -> Iterator[Line]:
    """One check of more rows than fit into the allowed memory."""
    source = sample(folder, HUGE)
    it = run(check_command(source, "long", "--memory", MEMORY), good=(FOUND_WRONG,))
    section = f"check, {HUGE:,} rows ({source.stat().st_size / 1e6:,.0f} MB) with --memory {MEMORY}"
    yield _line(section, "importer check", it, HUGE, {})


def _dirtier(folder: Path, rows: int, usual: Measured, repeat: int) -> Line:
    it = medians(run(check_command(sample(folder, rows, "dirty")), good=(FOUND_WRONG,)) for _ in range(repeat))
    section = f"check, {rows:,} rows with 5 % bad cells"
    return replace(_line(section, "importer check", it, rows, {}), note=_costs(it, usual, "1 % bad cells"))


def _costs(it: Measured, usual: Measured, what: str) -> str:
    return f"costs {it.seconds / usual.seconds:.2f} / {it.cpu / usual.cpu:.2f} times as much as {what}"


def _one_size(folder: Path, rows: int, repeat: int) -> tuple[list[Line], Measured]:
    source = sample(folder, rows)
    whole = medians(run(check_command(source), good=(FOUND_WRONG,)) for _ in range(repeat))
    baselines = {"floor": _floor(source, _payloads(whole), repeat)}
    if rows in NAIVE_ROWS:
        baselines["naive"] = naive(source)
    section = f"check, {rows:,} rows ({source.stat().st_size / 1e6:.0f} MB)"
    lines = [_line(section, "importer check", whole, rows, _ratios(whole, baselines))]
    lines += _stages(section, source)
    lines += [_line(section, name, it, rows, {}) for name, it in baselines.items()]
    return lines, whole


def _payloads(whole: Measured) -> Path:
    return Path(json.loads(whole.printed)["folder"]) / "payloads.jsonl"


def _floor(source: Path, payloads: Path, repeat: int) -> Measured:
    return medians(
        _inner(run(module("tests.bench.floor", source, payloads, source.parent / "floor"))) for _ in range(repeat)
    )


@cache  # it takes longer than everything else together
def naive(source: Path) -> Measured:
    """The user's script, run once; its bodies are in a separate folder."""
    target = source.parent / f"naive-{source.stem}" / "payloads.jsonl"
    target.parent.mkdir()
    return run(module("tests.bench.naive", source, target))


def _stages(section: str, source: Path) -> Iterator[Line]:
    """Seconds, CPU seconds, and peak memory of each stage, from one more run."""
    told = run(module("tests.bench.staged", source, "netsuite", source.parent / "out"))
    for stage in json.loads(told.printed):
        yield Line(section, f"  {stage['name']}", stage["seconds"], stage["cpu"], stage["peak_mb"])


def bench_shapes(folder: Path, *, repeat: int) -> Iterator[Line]:
    """Other exports of the same size as the usual one, run alternately: dirtier, wide, a workbook."""
    kinds = ("long", "dirty", "wide", "xlsx")
    runs: dict[str, list[Measured]] = {kind: [] for kind in kinds}
    for kind in kinds * repeat:
        runs[kind].append(run(check_command(sample(folder, SHAPES, kind), kind), good=(FOUND_WRONG,)))
    section = f"check of other exports, {SHAPES:,} rows each"
    names = {"long": "1 % bad cells", "dirty": "5 % bad cells", "wide": "a row for each customer", "xlsx": "as .xlsx"}
    usual = medians(runs["long"])
    for kind in kinds:
        it = medians(runs[kind])
        costs = "" if kind == "long" else _costs(it, usual, names["long"])
        yield replace(_line(section, names[kind], it, SHAPES, {}), note=costs)
    yield from _workbook(section, sample(folder, SHAPES, "xlsx"), repeat)


def _workbook(section: str, path: Path, repeat: int) -> Iterator[Line]:
    """Reading the workbook, compared with reading its bare cells with calamine."""
    ways: dict[str, list[Measured]] = {"importer": [], "calamine": []}
    for way in list(ways) * repeat:
        ways[way].append(_inner(run(module("tests.bench.workbook", way, path))))
    ours, bare = medians(ways["importer"]), medians(ways["calamine"])
    line = _line(section, "  reading the .xlsx", ours, SHAPES, {})
    yield replace(line, note=_costs(ours, bare, "the bare cells"))
    yield _line(section, "  its bare cells by calamine", bare, SHAPES, {})


def _ratios(whole: Measured, baselines: dict[str, Measured]) -> dict[str, tuple[float, float]]:
    return {name: (it.seconds / whole.seconds, it.cpu / whole.cpu) for name, it in baselines.items()}


def _line(section: str, name: str, it: Measured, rows: int, ratios: dict[str, tuple[float, float]]) -> Line:
    return Line(section, name, it.seconds, it.cpu, it.peak_mb, it.all_mb, rows / it.seconds, ratios)


def _inner(it: Measured) -> Measured:
    """The seconds that the process measured itself; its peak memory includes its preparation."""
    seconds, cpu = map(float, it.printed.split())
    return replace(it, seconds=seconds, cpu=cpu)
