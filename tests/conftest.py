"""For all tests: the number of processes, temporary files in memory, Hypothesis profiles, and garbage collection."""

import gc
import os
import tempfile
from pathlib import Path

import hypothesis
import pytest

from importer.api.waits import RetryPolicy

_MEMORY = Path("/dev/shm")
_ROOM = 2**31  # bytes; containers often have 64 MiB


def _use_memory() -> None:
    """Put temporary files in memory: ledgers and reports are synced at every step, which is slow on disks."""
    if "TMPDIR" not in os.environ and os.access(_MEMORY, os.W_OK):
        found = os.statvfs(_MEMORY)
        if found.f_bavail * found.f_frsize >= _ROOM and not found.f_flag & os.ST_NOEXEC:
            os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)


_use_memory()
# No deadline: a busy machine is slow. `--hypothesis-profile=search` tries other examples each time.
hypothesis.settings.register_profile("search", deadline=None)
hypothesis.settings.register_profile("same", deadline=None, derandomize=True)
hypothesis.settings.load_profile("same")
gc.disable()  # until everything is imported


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the longest tests first (the browser page and random kills), so that they do not run alone at the end."""
    items.sort(key=lambda item: item.path.parent.name not in {"web", "soak"})


def pytest_collection_finish() -> None:
    """Modules and collected tests are never garbage. Scanning their million objects took a tenth of the total time."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


def pytest_xdist_setupnodes() -> None:
    """Keep compiled tests for the next run. Compiling them takes each process as long as all imports."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One and a half times as many as processors, because some tests wait for processes and servers."""
    processors = os.cpu_count() or 1
    return processors + max(1, processors // 2)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry failed requests without delay; delays have their own tests."""
    monkeypatch.setattr(RetryPolicy, "delay", lambda *_: 0.0)
