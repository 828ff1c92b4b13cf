"""Memory and CPU time of a process and its descendants: the workers of a large check are separate processes."""

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

__all__ = ["Watch", "cpu_seconds", "watched"]

_EVERY = 0.05  # seconds; what a process does between the last look and its end is missed


class Watch:
    """Looks at a process's descendants from time to time.

    ``peak_mb``: the peak of all processes together (in 10⁶ bytes): the private memory of each, plus the largest amount
    of shared memory that any of them has. ``others``: CPU seconds of the descendants that were alive at the last look,
    and of those that they waited for.
    """

    def __init__(self, pid: int) -> None:
        self.peak_mb = self.others = 0.0
        self._root = psutil.Process(pid)

    def look(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            processes = [self._root, *self._root.children(recursive=True)]
            self.peak_mb = max(self.peak_mb, _together(processes) / 1e6)
            self.others = sum(map(_cpu, processes[1:]))


@contextmanager
def watched(pid: int) -> Iterator[Watch]:
    """Watch a process for as long as the block lasts."""
    watch, ended = Watch(pid), threading.Event()

    def keep_looking() -> None:
        while not ended.wait(_EVERY):
            watch.look()

    thread = threading.Thread(target=keep_looking, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        ended.set()
        thread.join()


def cpu_seconds() -> float:
    """CPU seconds so far of this process, its living descendants, and those that they waited for."""
    own = psutil.Process()
    return sum(map(_cpu, [own, *own.children(recursive=True)]))


def _cpu(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        times = process.cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)
    return 0.0


def _together(processes: list[psutil.Process]) -> int:
    """Bytes. Only Linux reports shared memory; on other systems it counts for each process."""
    own, shared = 0, 0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            memory = process.memory_info()
            share = getattr(memory, "shared", 0)
            own += memory.rss - share
            shared = max(shared, share)
    return own + shared
