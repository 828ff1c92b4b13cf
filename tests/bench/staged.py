"""`check` in this process, measured stage by stage. Called with a source, a mapping, and a folder for the reports.

Prints JSON: for each stage its name, seconds, CPU seconds of all processes, and this process's peak memory in MB (the
peak so far on systems where a process cannot reset it).
"""

import contextlib
import json
import resource
import sys
import time
from pathlib import Path

from importer.commands.check import check
from importer.settings import Options
from tests.bench.tree import cpu_seconds

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_mb() -> float:
    """The peak memory since the last call."""
    if not _STATUS.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    with contextlib.suppress(OSError):
        _CLEAR.write_text("5")
    return int(line.split()[1]) * 1024 / 1e6


def main() -> None:
    source, mapping, out = sys.argv[1:]
    stages: list[dict[str, object]] = []
    last = ("Starting", time.perf_counter(), cpu_seconds())

    def began(what: str) -> None:
        nonlocal last
        name, wall, cpu = last
        now = (what, time.perf_counter(), cpu_seconds())
        stages.append({"name": name, "seconds": now[1] - wall, "cpu": now[2] - cpu, "peak_mb": peak_mb()})
        last = now

    check(Options(sources=(source,), mapping=mapping, country="US", out=Path(out)), began=began)
    began("")
    print(json.dumps(stages))


if __name__ == "__main__":
    main()
