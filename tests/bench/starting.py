"""Start-up time: help, and the check of a small file, with and without development tools."""

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.checking import FOUND_WRONG, check_command, sample
from tests.bench.measure import Measured, medians, module, run
from tests.bench.table import Line

__all__ = ["bench_start"]

ROWS = 100
TIMES = 5  # short runs vary more
# pandera imports hypothesis if it is installed. Only tests need it, so users do not pay these 0.2 s.
_AS_A_USER = "import sys; sys.modules['hypothesis'] = None; from importer.cli import main; main()"


def bench_start(folder: Path, *, repeat: int) -> Iterator[Line]:
    """A line for each command."""
    section = f"start-up (help, and a check of {ROWS} rows)"
    check = check_command(sample(folder, ROWS))
    ways = {
        "importer --help": module("importer", "--help"),
        "importer check": check,
        "importer check, as a user has it": [sys.executable, "-c", _AS_A_USER, *check[3:]],
    }
    runs: dict[str, list[Measured]] = {name: [] for name in ways}
    for name in list(ways) * max(repeat, TIMES):
        runs[name].append(run(ways[name], good=(0, FOUND_WRONG)))
    for name, measured in runs.items():
        it = medians(measured)
        yield Line(section, name, it.seconds, it.cpu, it.peak_mb, it.all_mb)
