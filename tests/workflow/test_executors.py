"""Calls on an executor: their results and errors, and what happens if a process dies or the command stops."""

import multiprocessing
import os
import signal
import sys
import threading
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Self

import pytest

from importer.errors import OutputError, UsageError
from importer.partitions import executors
from importer.partitions.executors import InlineExecutor, dask_executor, process_executor, run_all, start
from importer.settings import Options


def dies_once(mark: str, number: int) -> int:
    """Returns the square, but the first process that calls this with 1 is killed."""
    if number == 1 and not Path(mark).exists():
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def fails(message: str) -> None:
    raise OutputError(message, "Free some space.")


def never_ends() -> None:
    threading.Event().wait()


@pytest.mark.parametrize("processes", [False, True])
def test_results_are_in_task_order_and_errors_are_raised(processes: bool) -> None:
    def calls(executor: Executor) -> None:
        assert run_all(executor, pow, [(2, 3), (3, 2), (5, 1)]) == [8, 9, 5]
        with pytest.raises(OutputError, match="full"):
            run_all(executor, fails, [("full",), ("later",)])
        waits = start(executor, fails, "side")
        with pytest.raises(OutputError, match="side"):
            waits()

    if not processes:
        calls(InlineExecutor())
        return
    with process_executor(2) as pool:
        calls(pool)
    assert not multiprocessing.active_children()


def test_dead_process_loses_nothing(tmp_path: Path) -> None:
    with process_executor(2) as pool:
        done = run_all(pool, dies_once, [(str(tmp_path / "mark"), number) for number in range(4)])
        assert done == [0, 1, 4, 9]
        assert (tmp_path / "mark").exists()
        assert run_all(pool, pow, [(2, 3)]) == [8]  # in this process, because the pool is broken


def test_processes_end_immediately_if_the_block_fails() -> None:
    at_work: list[Future[None]] = []

    def interrupted() -> None:
        with process_executor(2) as pool:
            at_work.extend(pool.submit(never_ends) for _ in range(2))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert all(future.done() for future in at_work)
    assert not multiprocessing.active_children()


class SlowPool:
    """Starts no process until ``may`` is set."""

    def __init__(self, *_: object) -> None:
        self.may, self.submitted = threading.Event(), threading.Semaphore(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.may.set()

    def submit(self, *_: object) -> None:
        self.may.wait()
        self.submitted.release()

    def shutdown(self, **_: object) -> None:
        self.may.set()


def test_nothing_waits_while_processes_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "ProcessPoolExecutor", SlowPool)
    with process_executor(2) as pool:
        assert isinstance(pool, SlowPool)
        assert not pool.submitted.acquire(blocking=False)
    assert all(pool.submitted.acquire(timeout=60) for _ in range(2))


def test_unknown_or_unreachable_engine_is_a_usage_error(tmp_path: Path, monkeypatch) -> None:
    with pytest.raises(UsageError, match="--engine: 'spark' is not valid"):
        Options(engine="spark")
    monkeypatch.setattr(executors, "_DASK_TIMEOUT", 0.2)
    with pytest.raises(UsageError, match="no Dask scheduler responds"), dask_executor("dask://127.0.0.1:9", tmp_path):
        pass
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match="not installed"), dask_executor("dask", tmp_path):
        pass
