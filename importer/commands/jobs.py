"""A folder of jobs, each in its own process, so that a failing job cannot stop another."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import ByteReceiveStream, Process

from importer.errors import StopError

NOT_BEGUN = "not started: interrupted"


@dataclass
class _Runner:
    words: Sequence[str]
    environment: Mapping[str, str]
    on_line: Callable[[str, str], None]
    slots: anyio.Semaphore
    accounts: "defaultdict[str, anyio.Lock]" = field(default_factory=lambda: defaultdict(anyio.Lock))
    running: set[Process] = field(default_factory=set)
    results: dict[Path, dict[str, Any]] = field(default_factory=dict)
    stopping: bool = False

    async def run_all(self, accounts: Mapping[Path, str]) -> list[dict[str, Any]]:
        """The results of the jobs, in the order of the jobs."""
        async with anyio.create_task_group() as helpers:
            if os.name == "posix":
                helpers.start_soon(self.stop_on_signals)
            async with anyio.create_task_group() as group:
                for job, account in accounts.items():
                    group.start_soon(self.run, job, account)
            helpers.cancel_scope.cancel()
        return [self.results[job] for job in accounts]

    async def stop_on_signals(self) -> None:
        """At the first signal, interrupt running jobs and begin no more. At the second, running jobs stop at once."""
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as received:
            async for _ in received:
                self.stopping = True
                for process in self.running:
                    _interrupt(process)

    async def run(self, job: Path, account: str) -> None:
        async with self.accounts[account], self.slots:
            began = time.monotonic()
            if self.stopping:
                self.results[job] = _result(job, StopError.exit_code, "", NOT_BEGUN, 0.0)
                return
            try:
                code, out, said = await self._process(job)
            except OSError as error:
                code, out, said = StopError.exit_code, "", f"the process could not be started: {error.strerror}"
            self.results[job] = _result(job, code, out, said, time.monotonic() - began)

    async def _process(self, job: Path) -> tuple[int, str, str]:
        """Run a job. Returns its exit code, its output on stdout, and its last message on stderr."""
        out = b""
        lines: list[str] = []
        async with await anyio.open_process(
            [sys.executable, "-m", "importer", "run", "--config", str(job), *self.words, "--json"],
            stdin=subprocess.DEVNULL,
            env={**self.environment, "NO_COLOR": "1"},
            start_new_session=True,  # so that only this process receives Ctrl-C, and passes it on
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            self.running.add(process)
            if self.stopping:  # the signal came before the process was in self.running
                _interrupt(process)
            try:
                async with anyio.create_task_group() as group:
                    group.start_soon(self._listen, job, process.stderr, lines)
                    async for chunk in process.stdout:
                        out += chunk
                code = await process.wait()
            finally:
                self.running.discard(process)
        return code, out.decode(errors="replace"), _last_words(lines)

    async def _listen(self, job: Path, stream: ByteReceiveStream, lines: list[str]) -> None:
        rest = ""
        async for chunk in stream:
            *whole, rest = (rest + chunk.decode(errors="replace")).split("\n")
            for line in whole:
                self.on_line(job.stem, line)
            lines += whole
        if rest:
            lines.append(rest)


def _interrupt(process: Process) -> None:
    with suppress(ProcessLookupError):  # the process has just ended
        process.send_signal(signal.SIGINT)


def run_jobs(
    accounts: Mapping[Path, str],
    words: Sequence[str],
    environment: Mapping[str, str],
    *,
    parallel: int,
    on_line: Callable[[str, str], None],
) -> dict[str, Any]:
    """Run each job with the options ``words`` in addition to its own, at most ``parallel`` at the same time.

    ``accounts``: config file of a job → its account; jobs with the same account never run at the same time. ``on_line``
    gets the name of a job and each line that it writes to stderr. Returns the results of the jobs, in order, and their
    highest exit code. The first SIGINT or SIGTERM interrupts running jobs, and no more jobs begin.
    """
    started = datetime.now(UTC)
    runner = _Runner(words, environment, on_line, anyio.Semaphore(parallel))
    results = anyio.run(runner.run_all, accounts)
    finished = datetime.now(UTC)
    return {
        "command": "jobs",
        "started": f"{started:%Y-%m-%dT%H:%M:%SZ}",
        "finished": f"{finished:%Y-%m-%dT%H:%M:%SZ}",
        "seconds": round((finished - started).total_seconds(), 3),
        "exit_code": max(result["exit_code"] for result in results),
        "jobs": results,
    }


def _last_words(lines: Sequence[str]) -> str:
    """The last message of a process that failed, and its hint."""
    begin = max((at for at, line in enumerate(lines) if line.startswith(("importer:", "Error:"))), default=len(lines))
    return "; ".join(line.removeprefix("importer:").removeprefix("Error:").strip() for line in lines[begin:] if line)


def _result(job: Path, code: int, out: str, said: str, seconds: float) -> dict[str, Any]:
    try:
        summary = json.loads(out) if out else None
    except ValueError:
        summary = None
    if code < 0:
        said = f"the process was stopped by signal {-code}"
    elif code not in (0, 1, 2, 3) or (code < 2 and summary is None):
        said = said or f"the process ended with code {code}, but without a summary"
        code = StopError.exit_code
    return {
        "name": job.stem,
        "config": str(job),
        "exit_code": StopError.exit_code if code < 0 else code,
        "seconds": round(seconds, 3),
        "message": (summary or {}).get("stopped") or said or None,
        "summary": summary,
    }


def jobs_line(result: Mapping[str, Any]) -> str:
    """The result of a job in a line: exit code, name, how many customers, why it stopped, and its folder."""
    summary = result["summary"] or {}
    counts = {kind: count for kind, count in summary.get("customers", {}).items() if count and kind != "read"}
    parts = [", ".join(f"{count:,} {kind}" for kind, count in counts.items()), result["message"] or ""]
    known = [part for part in (*parts, summary.get("folder", "")) if part]
    return f"{result['exit_code']}  {result['name']}: {'; '.join(known)}"
