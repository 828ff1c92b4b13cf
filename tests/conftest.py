"""How many processes run the tests, and where their files lie."""

import os
import tempfile
from pathlib import Path

import pytest

_MEMORY = Path("/dev/shm")
_ROOM = 2**31  # bytes; containers often have 64 MiB


def _use_memory() -> None:
    """Ledgers and reports are made durable at every step. Disks take their time for that, memory does not."""
    if "TMPDIR" not in os.environ and os.access(_MEMORY, os.W_OK):
        found = os.statvfs(_MEMORY)
        if found.f_bavail * found.f_frsize >= _ROOM and not found.f_flag & os.ST_NOEXEC:
            os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)


_use_memory()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Twice as many as processors: tests of whole commands wait for processes half of the time."""
    return max(2, (os.cpu_count() or 1) * 2)
