"""The executors that partitions run on: this process, several processes of this machine, or a Dask cluster."""

import contextlib
import gc
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from importer.errors import InternalError, UsageError
from importer.partitions.scratch import watch_memory

_PRELOADED = ["importer.partitions.worker", "importer.validation.schemas"]  # imported once for all processes
_DASK_RETRIES = 3  # retries of a partition whose worker died, beyond those that the scheduler's settings allow
_DASK_TIMEOUT = 10  # seconds within which a scheduler must respond

Result = TypeVar("Result")


class InlineExecutor(Executor):
    """Runs each call in this process as soon as it is submitted."""

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        future: Future[Result] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - the future raises it
            future.set_exception(error)
        return future


def start(executor: Executor, work: Callable[..., Result], *args: Any) -> Callable[[], Result]:
    """Submit a call. Returns a function that waits for its result; if a worker died, the call runs in this process."""
    try:
        future = executor.submit(work, *args)
    except BrokenExecutor:
        return partial(work, *args)

    def result() -> Result:
        try:
            return future.result()
        except BrokenExecutor:
            return work(*args)

    return result


def run_all(executor: Executor, work: Callable[..., Result], tasks: Sequence[tuple[Any, ...]]) -> list[Result]:
    """The results of ``work`` for each task, in the order of the tasks. Raises what ``work`` raises."""
    return [result() for result in [start(executor, work, *task) for task in tasks]]


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def process_executor(workers: int) -> Iterator[Executor]:
    """A pool of processes, which end at once if the block fails or this process is killed."""
    kind = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(kind)
    if kind == "forkserver":
        context.set_forkserver_preload(_PRELOADED)
    receiver, sender = context.Pipe(duplex=False)
    with receiver, sender, ProcessPoolExecutor(workers, context, _start_worker, (receiver,)) as pool:
        # Starting the first process waits for its imports. In the meantime, this process reads the sources.
        threading.Thread(target=_start_processes, args=(pool, workers), daemon=True).start()
        try:
            yield pool
        except BaseException:
            sender.close()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def _start_processes(pool: Executor, count: int) -> None:
    if hasattr(signal, "pthread_sigmask"):  # Ctrl-C in a terminal interrupts all processes, even while they import
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    with contextlib.suppress(Exception):  # the pool is already shut down, or the first real call raises it again
        for _ in range(count):
            pool.submit(os.getpid)


def _start_worker(parent: Connection) -> None:
    """Set up a worker: it ignores interrupts, which its parent handles, and uses one processor."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pa.set_cpu_count(1)
    gc.freeze()  # imported objects stay, so the garbage collector need not scan them again and again
    watch_memory()
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Connection) -> None:
    """End this process at once when the parent closes its end of the pipe, because it stops early or was killed."""
    with contextlib.suppress(EOFError, OSError):
        parent.recv()
    os._exit(1)


@contextmanager
def dask_executor(engine: str, folder: Path) -> Iterator[tuple[Executor, int]]:
    """The executor for ``dask`` (a local cluster in ``folder``) or ``dask://host:port``, and its number of processors.

    Raises :class:`UsageError` if Dask is not installed, or if the cluster does not respond.
    """
    try:
        from distributed import Client, KilledWorker, LocalCluster  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        hint = "pip install 'wizcommerce-importer[dask]'"
        raise UsageError(f"--engine {engine}: Dask is not installed", hint) from error
    with ExitStack() as stack:
        address: Any = f"tcp://{engine.removeprefix('dask://')}"
        if engine == "dask":
            cluster = LocalCluster(  # type: ignore[no-untyped-call]  # as shipped
                n_workers=processors(),
                threads_per_worker=1,
                dashboard_address=None,
                scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # otherwise port 8787, which may be taken
                local_directory=str(folder),
                silence_logs=logging.CRITICAL,
            )
            address = stack.enter_context(cluster)
        try:
            client: Any = Client(address, timeout=_DASK_TIMEOUT)  # type: ignore[no-untyped-call]
        except OSError as error:
            hint = "Start one with: dask scheduler"
            raise UsageError(f"--engine {engine}: no Dask scheduler responds at that address", hint) from error
        stack.callback(client.close)  # not its __exit__, which must run in the context that entered it
        try:
            # Not pure: if a partition runs again, it must write its files again.
            executor = client.get_executor(pure=False, retries=_DASK_RETRIES)
            yield executor, max(1, sum(client.ncores().values()))
        except KilledWorker as error:
            raise InternalError(
                "workers of the Dask cluster died several times while they worked on the same part of the sources",
                "They probably need more memory: make the parts smaller with --memory.",
            ) from error
