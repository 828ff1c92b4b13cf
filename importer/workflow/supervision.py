"""What a command leaves besides its reports, for whoever was not there: the log's lines of its course and its end."""

import logging
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

import importer
from importer.errors import GuardError, ImporterError
from importer.logs import event, harmless, kind_of, trouble
from importer.notify import Announcer
from importer.report import summary_text
from importer.settings import Commands, Notices, Options
from importer.workflow.watch import Counts, Watch

__all__ = ["News", "supervise"]

WIDTH = 78
ENDED = ("ended well", "ended, but something was rejected or failed", "could not begin", "stopped early")


class News:
    """Tells of one command. Raises :class:`UsageError` when ``notices`` cannot be followed."""

    def __init__(self, command: str, notices: Notices, warn: Callable[[str], None]) -> None:
        self._command = command
        self._name = f"importer {notices.name}".rstrip()
        self._announcer = Announcer(notices)
        self._warn = warn

    def began(self) -> None:
        """The command begins."""
        self._heed(self._announcer.began())

    def failed(self, error: BaseException, code: int) -> None:
        """It ended without a summary."""
        words = str(error) if harmless(error) else f"{kind_of(error)} What was said on stderr tells more."
        self._tell(_end_kind(error, code), code, words)

    def ended(self, summary: Mapping[str, Any], stopped: ImporterError | None) -> None:
        """It ended with a summary; ``stopped``: what ended it early."""
        if stopped is not None and not harmless(stopped):
            summary = {**summary, "stopped": "The report says why."}
        code = int(summary["exit_code"])
        self._tell(_end_kind(stopped, code), code, summary_text(summary, width=WIDTH, colour=False))

    def _tell(self, end: str, code: int, text: str) -> None:
        title = f"{self._name}: {self._command} {ENDED[code]}"
        if end == "guard":
            title = f"{self._name}: {self._command} was stopped by a guard"
        self._heed(self._announcer.ended(end, title, f"{text}\n\nExit code {code}, on {socket.gethostname()}."))

    def _heed(self, untold: list[str]) -> None:
        for words in untold:
            event(logging.WARNING, "untold", text=words)
            self._warn(words)


def _end_kind(error: BaseException | None, code: int) -> str:
    """Which of ``settings.ENDS`` it is."""
    if isinstance(error, GuardError):
        return "guard"
    return ("success", "rejected", "failure", "failure")[code]


EVERY = 10.0  # seconds between two lines that tell how far it is


def supervise(
    command: str,
    options: Options,
    watch: Watch,
    work: Callable[[Watch], dict[str, Any]],
    *,
    notices: Notices | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Do the work of a command, and report its course and end: in the log, and by ``notices``. Returns its summary.

    Commands in the hints of errors repeat the ``options`` that they need.
    ``warn`` takes a sentence on what could not be reported; that changes nothing else. Raises what ``work`` raises, and
    :class:`UsageError`, before anything is done, when ``notices`` cannot be followed.
    """
    began = time.monotonic()
    event(logging.INFO, "start", command=command, version=importer.__version__)
    _overhear(watch)
    news = _news(command, notices, warn)
    try:
        news.began()
        with Commands.of(options).advising():
            summary = work(watch)
    except BaseException as error:
        code = error.exit_code if isinstance(error, ImporterError) else ImporterError.exit_code
        trouble("error", error)
        _log_end(command, code, began)
        news.failed(error, code)
        raise
    _log_end(command, summary["exit_code"], began, _facts(summary))
    news.ended(summary, watch.stopped)
    return summary


def _news(command: str, notices: Notices | None, warn: Callable[[str], None]) -> "News | NoNews":
    if notices is None or not (notices.urls or notices.healthcheck):
        return NoNews()

    return News(command, notices, warn)


class NoNews:
    """Nobody wants to hear."""

    def began(self) -> None: ...
    def failed(self, error: BaseException, code: int) -> None: ...
    def ended(self, summary: Mapping[str, Any], stopped: ImporterError | None) -> None: ...


def _overhear(watch: Watch) -> None:
    """Enter what the watcher hears into the log as well."""
    phase, counts = watch.phase, watch.counts
    said = time.monotonic()

    def tell(text: str) -> None:
        event(logging.INFO, "message", text=text)
        phase(text)

    def count(numbers: Counts) -> None:
        nonlocal said
        counts(numbers)
        if time.monotonic() - said >= EVERY:
            said = time.monotonic()
            event(logging.INFO, "progress", customers={str(kind): number for kind, number in numbers.items()})

    watch.phase, watch.counts = tell, count


def _facts(summary: Mapping[str, Any]) -> dict[str, Any]:
    """What the last line tells of a summary: numbers, and where the rest is."""
    names = ("run_id", "customers", "rows", "results", "refused", "retryable", "resumable", "folder")
    facts = {name: summary[name] for name in names if name in summary}
    facts["pace"] = {name: figure for name, figure in (summary.get("pace") or {}).items() if name != "series"} or None
    return {"run": facts.pop("run_id", None), "stopped": summary.get("stopped") is not None, **facts}


def _log_end(command: str, code: int, began: float, facts: Mapping[str, Any] | None = None) -> None:
    level = (logging.INFO, logging.WARNING, logging.ERROR, logging.ERROR)[code]
    event(level, "end", command=command, exit_code=code, seconds=round(time.monotonic() - began, 3), **(facts or {}))
