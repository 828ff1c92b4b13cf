"""Benchmarks: `make bench`, or `python -m tests.bench [--full] [--json FILE] [--record] [part …]`.

  start    `importer --help` and the check of a small file
  check    `importer check` and its stages, compared with a script that a user would write ("naive": groupby and
           row by row) and with only reading the text and writing the bodies ("floor"); how the time grows
  shapes   the check of a dirtier file, a wide file, and a workbook; reading the workbook compared with its bare cells
  whole    an import from the export to the last customer sent, compared with the same script; and the next night
  sending  the sender with its ledger to a server that costs next to nothing, compared with the importer's client
           alone and with httpx and a semaphore ("naive")
  limiter  with --full: the pace reached below the server's limit
  bounded  only if named: the check of 10,000,000 rows (4 GB of disk) with --memory 1GiB

Figures are medians of several runs in one session (the naive script and entire imports run once). 2.00x means twice as
fast as the baseline. Ratios are comparable between machines, seconds are not. On a machine that also does other work,
use the ratios of CPU time, which come second.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from tests.bench.checking import bench_bounded, bench_check, bench_shapes
from tests.bench.pacing import bench_pacing
from tests.bench.sending import bench_sending
from tests.bench.starting import bench_start
from tests.bench.table import Line, as_json, record, render
from tests.bench.whole import bench_whole

README = Path(__file__).parent / "README.md"
USUAL = ("start", "check", "shapes", "whole", "sending")
FULL = (*USUAL, "limiter")
PARTS = (*FULL, "bounded")


def arguments() -> argparse.Namespace:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__, formatter_class=form)
    parser.add_argument(
        "parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)} (default: all but the last two)"
    )
    parser.add_argument("--full", action="store_true", help="also 1,000,000 rows, and the limiter (some minutes)")
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="runs to take medians of (default: 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--record", action="store_true", help="put the table into tests/bench/README.md")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if given.repeat < 1:
        parser.error("--repeat takes a positive number")
    return given


def measure(given: argparse.Namespace, folder: Path) -> Iterator[Line]:
    parts = given.parts or (FULL if given.full else USUAL)
    if "start" in parts:
        yield from bench_start(folder, repeat=given.repeat)
    if "check" in parts:
        yield from bench_check(folder, full=given.full, repeat=given.repeat)
    if "shapes" in parts:
        yield from bench_shapes(folder, repeat=given.repeat)
    if "whole" in parts:
        yield from bench_whole(folder, full=given.full)
    if "sending" in parts:
        yield from bench_sending(folder, repeat=given.repeat)
    if "limiter" in parts:
        yield from bench_pacing(folder)
    if "bounded" in parts:
        yield from bench_bounded(folder)


def main() -> None:
    given = arguments()
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for line in measure(given, Path(folder)):
            lines.append(line)
            if sys.stderr.isatty():
                print(f"measured: {line.section}: {line.name.strip()}", file=sys.stderr)
    print(render(lines))
    if given.record:
        record(README, lines, date.today(), f"{os.cpu_count()} processors, Python {platform.python_version()}")
    if given.json:
        machine = {"processors": os.cpu_count(), "python": platform.python_version(), "load": os.getloadavg()}
        given.json.write_text(json.dumps({"machine": machine, "lines": as_json(lines)}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
