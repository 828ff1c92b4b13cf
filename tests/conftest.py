"""How many processes run the tests, where their files lie, and what all of them need not do again."""

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
    """Ledgers and reports are made durable at every step. Disks take their time for that, memory does not."""
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
    """The longest tests begin first: those of the page, and random kills. Otherwise, one process ends with them."""
    items.sort(key=lambda item: item.path.parent.name not in {"web", "soak"})


def pytest_collection_finish() -> None:
    """Modules and collected tests stay. Looking for garbage among their million objects took a tenth of all time."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


def pytest_xdist_setupnodes() -> None:
    """Compiled tests are kept for the next run. Compiling them takes each process as long as all imports."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Half as many again as processors: some tests wait, for processes and for servers."""
    processors = os.cpu_count() or 1
    return processors + max(1, processors // 2)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed request is sent again without a wait; the waits have tests of their own."""
    monkeypatch.setattr(RetryPolicy, "delay", lambda *_: 0.0)
