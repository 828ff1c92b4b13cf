"""A command while it runs: its progress, requests to stop it, its log lines, and its notifications."""

import logging
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
from anyio.abc import TaskStatus

import importer
from importer.errors import GuardError, ImporterError, InterruptedRunError, StopError
from importer.logs import event, harmless, kind_of, log_failure
from importer.records import OutcomeKind
from importer.report.terminal import summary_text
from importer.settings import Commands, Notices, Options

WIDTH = 78
ENDED = ("ended well", "ended, but something was rejected or failed", "could not start", "stopped early")
Counts = Mapping[OutcomeKind, int]
_POLL = 0.1  # seconds between two checks for a request from a different thread
EVERY = 10.0  # seconds between two progress lines


@dataclass
class Deadline:
    """A deadline ``seconds`` from now, measured by ``clock``."""

    seconds: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    until: float = field(init=False)

    def __post_init__(self) -> None:
        self.until = self.clock() + self.seconds

    @property
    def over(self) -> bool:
        return self.clock() >= self.until

    async def passed(self) -> None:
        while (left := self.until - self.clock()) > 0:
            await self.sleep(left)

    def error(self, *, sending: bool) -> InterruptedRunError:
        """The error that says why the run stops. ``sending``: whether it had begun to send."""
        hint = "`importer resume` continues from there." if sending else "Nothing was sent. Allow more time."
        length = f"{self.seconds / 60:g} min" if self.seconds >= 60 else f"{self.seconds:g} s"
        return InterruptedRunError(f"--deadline: the time allowed for the run ({length}) is up", hint)


@dataclass
class Watch:
    """What a run reports to: ``phase`` gets messages, ``counts`` gets how many customers have each outcome.

    ``stage`` gets a text about work that takes a while, which is of no interest afterward. ``run`` gets the ID of the
    run. A watch also carries requests to stop: the first SIGINT or SIGTERM lets requests in flight finish, and the
    second stops immediately. The end of the ``deadline`` is also such a request, and so is the event ``requested``,
    which any thread may set.
    """

    phase: Callable[[str], None] = field(default=lambda _: None)
    counts: Callable[[Counts], None] = field(default=lambda _: None)
    stage: Callable[[str], None] = field(default=lambda _: None)
    run: Callable[[str], None] = field(default=lambda _: None)
    stop: anyio.Event = field(default_factory=anyio.Event)
    deadline: Deadline | None = None
    requested: threading.Event | None = None
    sending: bool = False
    stopped: StopError | None = None  # why the run ended early

    @asynccontextmanager
    async def signals(self) -> AsyncIterator[None]:
        """While the block runs, signals and the deadline request a stop.

        Raises :class:`InterruptedRunError` if they end the block.
        """
        failed: Exception | None = None
        async with anyio.create_task_group() as group:
            with anyio.CancelScope() as block:
                await group.start(self._listen, block)
                group.start_soon(self._expire, block)
                group.start_soon(self._poll, block)
                try:
                    yield
                except Exception as error:  # noqa: BLE001 - raised again below, because the group would wrap it
                    failed = error
            group.cancel_scope.cancel()
        if failed is not None:
            raise failed
        if block.cancelled_caught:
            hint = "`importer resume` continues. Requests in flight are looked up first."
            raise self.reason(InterruptedRunError("interrupted", hint))

    async def _listen(self, block: anyio.CancelScope, *, task_status: TaskStatus[None]) -> None:
        """Stop on signals. Only the main thread may handle them."""
        if threading.current_thread() is not threading.main_thread():
            task_status.started()
            return
        before = signal.getsignal(signal.SIGTERM)
        try:
            with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as received:
                task_status.started()
                async for _ in received:
                    self._interrupt(block)
        except NotImplementedError:  # Windows
            task_status.started()
        finally:
            if before is not None:  # the receiver resets it to the system's default
                signal.signal(signal.SIGTERM, before)

    async def _poll(self, block: anyio.CancelScope) -> None:
        while self.requested is not None:
            if self.requested.is_set():
                self._interrupt(block)
                return
            await anyio.sleep(_POLL)

    def _interrupt(self, block: anyio.CancelScope) -> None:
        """Stop: gracefully while customers are sent, otherwise immediately."""
        if self.sending and not self.stop.is_set():
            self.phase("Stopping: waiting for requests in flight. Interrupt again to stop now.")
            self.stop.set()
        else:
            block.cancel()

    async def _expire(self, block: anyio.CancelScope) -> None:
        """Stop when the time is up: gracefully while customers are sent, otherwise immediately."""
        if self.deadline is None:
            return
        await self.deadline.passed()
        if self.sending:
            self.phase("The time is up: waiting for requests in flight. Interrupt to stop now.")
            self.stop.set()
        else:
            block.cancel()

    def reason(self, interrupted: InterruptedRunError) -> InterruptedRunError:
        """The error that says why the run was interrupted: the deadline's if the time is up."""
        if self.deadline is None or not self.deadline.over:
            return interrupted
        return self.deadline.error(sending=self.stop.is_set())


def nothing_new(summary: Mapping[str, Any]) -> bool:
    """Whether a run found only problems that the last run also found; False for a run that does not compare."""
    since = summary.get("since")
    return since is not None and not since["problems"] and not since["stale"] and not summary["customers"].get("failed")


class Notifier:
    """Sends the notifications about a command. Raises :class:`UsageError` if ``notices`` has unusable settings."""

    def __init__(self, command: str, notices: Notices | None, warn: Callable[[str], None]) -> None:
        self._title = ""
        self._announcer: Any = None
        if notices is not None and (notices.urls or notices.healthcheck):
            from importer.notify import Announcer  # noqa: PLC0415 - imports httpx, which few checks need

            self._announcer = Announcer(notices)
            self._title = f"{f'importer {notices.name}'.rstrip()}: {command}"
        self._warn = warn

    def began(self) -> None:
        if self._announcer is not None:
            self._warn_of(self._announcer.began())

    def failed(self, error: BaseException, code: int) -> None:
        """The command ended without a summary."""
        words = str(error) if harmless(error) else f"{kind_of(error)} See the message on stderr."
        self._send(error, code, words)

    def ended(self, summary: Mapping[str, Any], stopped: ImporterError | None) -> None:
        """The command ended with a summary. ``stopped``: the error that ended it early, if any."""
        if stopped is not None and not harmless(stopped):
            summary = {**summary, "stopped": "See the report for the reason."}
        if self._announcer is not None:
            text = summary_text(summary, width=WIDTH, color=False)
            self._send(stopped, int(summary["exit_code"]), text, known=nothing_new(summary))

    def _send(self, error: BaseException | None, code: int, text: str, *, known: bool = False) -> None:
        """``known``: there is nothing new since the last run, so the end is announced like a success."""
        if self._announcer is not None:
            guarded = isinstance(error, GuardError)
            end = "guard" if guarded else ("success", "success" if known else "rejected", "failure", "failure")[code]
            how = "was stopped by a guard" if guarded else ENDED[code]
            text = f"{text}\n\nExit code {code}, on {socket.gethostname()}."
            self._warn_of(self._announcer.ended(end, f"{self._title} {how}", text))

    def _warn_of(self, unsent: list[str]) -> None:
        for words in unsent:
            event(logging.WARNING, "not_notified", text=words)
            self._warn(words)


def supervise(
    command: str,
    options: Options,
    watch: Watch,
    work: Callable[[Watch], dict[str, Any]],
    *,
    notices: Notices | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Do the work of a command; report its progress and its end in the log and by ``notices``. Returns its summary.

    Commands in the hints of errors repeat the ``options`` that they need.
    ``warn`` gets a sentence about each notification that could not be sent, which has no other effect. Raises what
    ``work`` raises, and, before any work is done, :class:`UsageError` if ``notices`` has unusable settings.
    """
    began = time.monotonic()
    event(logging.INFO, "start", command=command, version=importer.__version__)
    _log_progress(watch)
    notifier = Notifier(command, notices, warn)
    try:
        notifier.began()
        with Commands.of(options).completing_hints():
            summary = work(watch)
    except BaseException as error:
        code = error.exit_code if isinstance(error, ImporterError) else ImporterError.exit_code
        log_failure("error", error)
        _log_end(command, code, began, {})
        notifier.failed(error, code)
        raise
    _log_end(command, summary["exit_code"], began, summary)
    notifier.ended(summary, watch.stopped)
    return summary


def _log_progress(watch: Watch) -> None:
    phase, counts = watch.phase, watch.counts
    said = time.monotonic()

    def message(text: str) -> None:
        event(logging.INFO, "message", text=text)
        phase(text)

    def count(numbers: Counts) -> None:
        nonlocal said
        counts(numbers)
        if time.monotonic() - said >= EVERY:
            said = time.monotonic()
            event(logging.INFO, "progress", customers={str(kind): number for kind, number in numbers.items()})

    watch.phase, watch.counts = message, count


def _log_end(command: str, code: int, began: float, summary: Mapping[str, Any]) -> None:
    """Log the end with the numbers in the summary, and the folder that contains the rest."""
    level = (logging.INFO, logging.WARNING, logging.ERROR, logging.ERROR)[code]
    facts: dict[str, Any] = {"command": command, "exit_code": code, "seconds": round(time.monotonic() - began, 3)}
    if summary:
        names = ("customers", "rows", "results", "refused", "retryable", "resumable", "folder")
        facts |= {"run": summary.get("run_id"), "stopped": summary.get("stopped") is not None}
        facts |= {name: summary[name] for name in names if name in summary}
        pace = summary.get("pace") or {}
        facts["pace"] = {name: figure for name, figure in pace.items() if name != "series"} or None
    event(level, "end", **facts)
