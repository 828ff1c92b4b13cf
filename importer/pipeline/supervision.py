"""What a command leaves besides its reports, for whoever was not there: the log's lines of its course and its end."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import importer
from importer.errors import ImporterError
from importer.logs import event, trouble
from importer.pipeline.watch import Counts, Watch
from importer.settings import Notices

if TYPE_CHECKING:
    from importer.pipeline.news import News

__all__ = ["supervise"]

EVERY = 10.0  # seconds between two lines that tell how far it is


def supervise(
    command: str,
    watch: Watch,
    work: Callable[[Watch], dict[str, Any]],
    *,
    notices: Notices | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Do the work of a command, and report its course and end: in the log, and by ``notices``. Returns its summary.

    ``warn`` takes a sentence on what could not be reported; that changes nothing else. Raises what ``work`` raises, and
    :class:`UsageError`, before anything is done, when ``notices`` cannot be followed.
    """
    began = time.monotonic()
    event(logging.INFO, "start", command=command, version=importer.__version__)
    _overhear(watch)
    news = _news(command, notices, warn)
    try:
        news.began()
        summary = work(watch)
    except BaseException as error:
        code = error.exit_code if isinstance(error, ImporterError) else ImporterError.exit_code
        trouble("error", error)
        _end(command, code, began)
        news.failed(error, code)
        raise
    _end(command, summary["exit_code"], began, _facts(summary))
    news.ended(summary, watch.stopped)
    return summary


def _news(command: str, notices: Notices | None, warn: Callable[[str], None]) -> "News | NoNews":
    if notices is None or not (notices.urls or notices.healthcheck):
        return NoNews()
    from importer.pipeline.news import News  # noqa: PLC0415 - what it needs takes long to import

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


def _end(command: str, code: int, began: float, facts: Mapping[str, Any] | None = None) -> None:
    level = (logging.INFO, logging.WARNING, logging.ERROR, logging.ERROR)[code]
    event(level, "end", command=command, exit_code=code, seconds=round(time.monotonic() - began, 3), **(facts or {}))
