"""What a command leaves besides its reports, for whoever was not there: the log's lines of its course and its end."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

import importer
from importer.errors import ImporterError
from importer.logs import event, trouble
from importer.pipeline.sending import Counts, Watch

__all__ = ["supervise"]

EVERY = 10.0  # seconds between two lines that tell how far it is


def supervise(command: str, watch: Watch, work: Callable[[Watch], dict[str, Any]]) -> dict[str, Any]:
    """Do the work of a command, and enter its course and its end into the log. Comes back: its summary."""
    began = time.monotonic()
    event(logging.INFO, "start", command=command, version=importer.__version__)
    _overhear(watch)
    try:
        summary = work(watch)
    except BaseException as error:
        code = error.exit_code if isinstance(error, ImporterError) else ImporterError.exit_code
        trouble("error", error)
        _end(command, code, began)
        raise
    _end(command, summary["exit_code"], began, _facts(summary))
    return summary


def _overhear(watch: Watch) -> None:
    """Have what the watcher is told entered into the log as well."""
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
    return {**facts, "run": facts.pop("run_id", None), "stopped": summary.get("stopped") is not None}


def _end(command: str, code: int, began: float, facts: Mapping[str, Any] | None = None) -> None:
    level = (logging.INFO, logging.WARNING, logging.ERROR, logging.ERROR)[code]
    event(level, "end", command=command, exit_code=code, seconds=round(time.monotonic() - began, 3), **(facts or {}))
