"""``make bench``: times of whole commands and their peak memory, against baselines run in the same session.

Prints a table of medians with ratios to the script that a user would write, and writes JSON where ``--json`` says.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.samples.scale import write_netsuite


@dataclass(frozen=True)
class Figure:
    """Median seconds and the peak memory (MiB) of one command at one size."""

    what: str
    rows: int
    seconds: float
    mebibytes: float


def timed(arguments: list[str], runs: int) -> tuple[float, float]:
    """Median wall seconds and the largest peak memory of a command run several times."""
    seconds, peaks = [], []
    for _ in range(runs):
        start = time.perf_counter()
        process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds.append(time.perf_counter() - start)
        peaks.append(usage.ru_maxrss / 1024)
        if os.waitstatus_to_exitcode(status) not in (0, 1):
            raise SystemExit(f"{' '.join(arguments)} failed")
    return statistics.median(seconds), max(peaks)


def measure(rows: int, folder: Path, runs: int, *, naive: bool) -> list[Figure]:
    source = folder / f"netsuite-{rows}.csv"
    write_netsuite(source, rows, seed=1, bad=0.01)
    out = folder / "out"
    check = ["-m", "importer", "check", str(source), "-m", "netsuite", "--country", "US", "--out", str(out), "-q"]
    figures = [Figure("importer check", rows, *timed(check, runs))]
    bodies = max(out.glob("*/payloads.jsonl"), key=lambda path: path.stat().st_mtime)
    stages = json.loads((bodies.parent / "summary.json").read_text())["timings"]
    figures += [Figure(f"  stage {name}", rows, seconds, 0.0) for name, seconds in stages.items()]
    floor = ["-m", "tests.bench.floor", str(source), str(bodies), str(folder / "floor.jsonl")]
    figures.append(Figure("floor: read and write only", rows, *timed(floor, runs)))
    if naive:
        script = ["-m", "tests.bench.naive", str(source), str(folder / "naive.jsonl")]
        figures.append(Figure("baseline: a user's script", rows, *timed(script, 1)))
    return figures


def table(figures: list[Figure]) -> str:
    base = {figure.rows: figure.seconds for figure in figures if figure.what.startswith("baseline")}
    lines = [f"{'':<28} {'rows':>9} {'seconds':>9} {'MiB':>7}  times faster than the baseline"]
    for figure in figures:
        faster = f"{base[figure.rows] / figure.seconds:.1f}" if figure.rows in base and figure.mebibytes else ""
        memory = f"{figure.mebibytes:.0f}" if figure.mebibytes else ""
        lines.append(f"{figure.what:<28} {figure.rows:>9,} {figure.seconds:>9.2f} {memory:>7}  {faster}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--no-baseline", action="store_true", help="leave out the user's script, which takes long")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = [
            figure
            for rows in options.rows
            for figure in measure(rows, Path(folder), options.runs, naive=not options.no_baseline)
        ]
    print(table(figures))
    if options.json:
        options.json.write_text(json.dumps([asdict(figure) for figure in figures], indent=2) + "\n")


if __name__ == "__main__":
    main()
