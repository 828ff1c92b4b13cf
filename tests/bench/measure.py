"""Running a process and measuring it from outside.

This process must stay small: a child starts as a copy of it, and its peak would count as the child's. So nothing here
imports pandas or pyarrow; whatever needs them runs in a child.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from statistics import median

from tests.bench.tree import watched

__all__ = ["Measured", "medians", "module", "pin", "run"]

_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Measured:
    """One process: wall seconds; CPU seconds (user and system), including those of the processes that it started; its
    peak memory, and that of all its processes together, in MB (10⁶ bytes); what it printed."""

    seconds: float
    cpu: float
    peak_mb: float
    all_mb: float
    printed: str


def module(name: str, *arguments: object) -> list[str]:
    """The command that runs a module in this environment."""
    return [sys.executable, "-m", name, *map(str, arguments)]


def run(
    command: Sequence[str], *, good: tuple[int, ...] = (0,), environment: Mapping[str, str] | None = None
) -> Measured:
    """Run ``command`` to its end. Raises ``RuntimeError`` with its messages if the exit code is not in ``good``."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as messages:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=messages, env={**os.environ, **(environment or {})})
        with watched(process.pid) as watch:
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        messages.seek(0)
        if process.returncode not in good:
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{messages.read().decode()}")
        peak = usage.ru_maxrss * _MAXRSS_UNIT / 1e6
        cpu = usage.ru_utime + usage.ru_stime + watch.others
        return Measured(seconds, cpu, peak, max(peak, watch.peak_mb), out.read().decode())


def medians(measured: Iterable[Measured]) -> Measured:
    """The medians of several runs, with the output of the middle one (by CPU seconds)."""
    runs = sorted(measured, key=attrgetter("cpu"))
    return Measured(
        median(each.seconds for each in runs),
        median(each.cpu for each in runs),
        median(each.peak_mb for each in runs),
        median(each.all_mb for each in runs),
        runs[len(runs) // 2].printed,
    )


def pin(place: int) -> None:
    """Keep this process on one processor (the first, or the last for -1) if the system supports that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[place]})
