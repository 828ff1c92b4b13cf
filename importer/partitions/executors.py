"""Who does the parts: this process, several processes of this machine, or a Dask cluster."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Protocol, TypeVar

import pyarrow as pa

from importer.errors import InternalError
from importer.partitions.helper import Alone, Helper
from importer.partitions.mapped_memory import watch

__all__ = ["Crew", "OneProcess", "Processes", "processes", "processors"]

_PRELOADED = [  # imported once, before the processes are made
    "importer.partitions.worker",
    "importer.validation.schemas",
]
_ATTEMPTS = 3

Result = TypeVar("Result")


class Crew(Helper, Protocol):
    """Does the same to all parts, in any order; ``hands``: so many of them at once."""

    hands: int

    def map(self, work: Callable[..., Result], tasks: Sequence[tuple[object, ...]]) -> list[Result]:
        """What comes of ``work`` for each task, in the order of the tasks. Raises what ``work`` raises."""

    def close(self) -> None:
        """Let everybody go until there is more to do."""


class OneProcess(Alone):
    """Does one part after the other, here."""

    hands = 1

    def map(self, work: Callable[..., Result], tasks: Sequence[tuple[object, ...]]) -> list[Result]:
        return [work(*task) for task in tasks]

    def close(self) -> None:
        pass


class Processes:
    """Processes of this machine. One that dies is replaced, and its parts are done again."""

    def __init__(self, count: int) -> None:
        self.hands = count
        self._pool: ProcessPoolExecutor | None = None
        self._line: Connection | None = None  # hung up, the processes end
        self._begun: list[tuple[Future[object], Callable[..., object], tuple[object, ...]]] = []

    def map(self, work: Callable[..., Result], tasks: Sequence[tuple[object, ...]]) -> list[Result]:
        done: dict[int, Result] = {}
        for _ in range(_ATTEMPTS):
            try:
                futures = {n: self._open().submit(work, *task) for n, task in enumerate(tasks) if n not in done}
                for number, future in futures.items():
                    done[number] = future.result()
            except BrokenProcessPool:
                self.close()
                continue
            return [done[number] for number in range(len(tasks))]
        raise InternalError(
            f"processes that work on parts of the sources died {_ATTEMPTS} times",
            "Probably there is too little memory: give less with --memory.",
        )

    def begin(self, work: Callable[..., object], *arguments: object) -> None:
        try:
            self._begun.append((self._open().submit(work, *arguments), work, arguments))
        except BrokenProcessPool:  # a process died that had nothing to do
            self.close()
            work(*arguments)

    def finish(self) -> None:
        begun, self._begun = self._begun, []
        for future, work, arguments in begun:
            try:
                future.result()
            except BrokenProcessPool:
                self.close()
                work(*arguments)

    def _open(self) -> ProcessPoolExecutor:
        if self._pool is None:
            kind = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
            context = multiprocessing.get_context(kind)
            if kind == "forkserver":
                context.set_forkserver_preload(_PRELOADED)
            listens, self._line = context.Pipe(duplex=False)
            self._pool = ProcessPoolExecutor(self.hands, context, _begin, (listens,))
        return self._pool

    def start(self) -> None:
        """Begin to make the processes while something else is done: whoever makes them waits for what they import."""
        threading.Thread(target=_make_processes, args=(self._open(), self.hands), daemon=True).start()

    def close(self) -> None:
        """End the processes, each when it is through with what it has begun."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)

    def stop(self) -> None:
        """End the processes at once: what they do is of no use any more. Reports that were begun are finished."""
        if self._line is not None and not self._begun:
            self._line.close()
        self.close()


def _begin(line: Connection) -> None:
    """A process of the crew: interrupts are its parent's affair, and it has one processor."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pa.set_cpu_count(1)
    watch()
    threading.Thread(target=_end_with, args=(line,), daemon=True).start()


def _end_with(line: Connection) -> None:
    """End at once when the parent hangs up: it stops early, or it was killed."""
    with contextlib.suppress(EOFError, OSError):
        line.recv()
    os._exit(1)


def _make_processes(pool: ProcessPoolExecutor, count: int) -> None:
    if hasattr(signal, "pthread_sigmask"):  # a terminal interrupts all processes, those that still import included
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    with contextlib.suppress(Exception):  # closed already, or it shows again as soon as there is work
        for _ in range(count):
            pool.submit(_nothing)


def _nothing() -> None:
    """Only that there is a process to do it."""


@contextmanager
def processes() -> Iterator[Crew]:
    """A crew for all processors, for as long as the block lasts."""
    count = processors()
    if count == 1:
        yield OneProcess()
        return
    crew = Processes(count)
    crew.start()
    try:
        yield crew
    except BaseException:
        crew.stop()
        raise
    else:
        crew.close()


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
