"""What a process and all that it started take: the workers of a large check are processes of their own."""

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

__all__ = ["Watch", "cpu_seconds", "watched"]

_EVERY = 0.05  # seconds: what a process does between the last look and its end is not seen


class Watch:
    """Looks at a process's descendants from time to time.

    ``peak_mb``: the peak of all processes together (10⁶ bytes): what each of them has for itself, and the largest share
    that one of them has in files and memory that others map, too. ``others``: CPU seconds of the descendants that were
    alive at the last look, and of those that they waited for.
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
    """CPU seconds, until now, of this process and its descendants that live, and of those that these waited for."""
    own = psutil.Process()
    return sum(map(_cpu, [own, *own.children(recursive=True)]))


def _cpu(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        times = process.cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)
    return 0.0


def _together(processes: list[psutil.Process]) -> int:
    """Bytes; where the system does not tell shares (only Linux does), what is shared counts for each process."""
    own, shared = 0, 0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            memory = process.memory_info()
            share = getattr(memory, "shared", 0)
            own += memory.rss - share
            shared = max(shared, share)
    return own + shared
