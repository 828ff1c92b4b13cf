"""The log of a command: one JSON object per line, for machines. It is written only on request.

An event has a name and fields. Fields that identify a customer are kept apart, under ``personal``, and are written only
on request: a reference ID is often a number, but in some systems it is the customer's name.
"""

import json
import logging
import logging.handlers
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from importer.errors import (
    ApiUnavailableError,
    GuardError,
    InterruptedRunError,
    KeyRefusedError,
    LedgerError,
    NoSourceError,
    OutputError,
    TenantLockedError,
)

STDERR = "-"
# Their messages are about files, columns, limits, and connections; the messages of other errors may quote a cell.
IMPERSONAL = (
    *(ApiUnavailableError, GuardError, InterruptedRunError, KeyRefusedError, LedgerError),
    *(NoSourceError, TenantLockedError),
)

_LOG = logging.getLogger("importer")
_LOG.addHandler(logging.NullHandler())
_ABOUT: ContextVar[Mapping[str, str]] = ContextVar("about", default={})  # noqa: B039 - never changed in place


def event(level: int, name: str, personal: Mapping[str, Any] | None = None, **fields: Any) -> None:
    """Log an event. ``personal``: fields that identify a customer."""
    if _LOG.isEnabledFor(level):
        _LOG.log(level, name, extra={"fields": {**_ABOUT.get(), **fields}, "personal": personal or {}})


def harmless(error: BaseException) -> bool:
    """Whether the message of an error can never name a customer."""
    return isinstance(error, IMPERSONAL)


def kind_of(error: BaseException) -> str:
    """What kind of error it is, in words that quote nothing: the first line of its class's docstring."""
    return (type(error).__doc__ or type(error).__name__).splitlines()[0]


def log_failure(name: str, error: BaseException) -> None:
    """Log the error that ended a command early. A message that may name a customer is logged as personal only."""
    words = " ".join(str(error).split())
    safe = words if harmless(error) else kind_of(error)
    event(logging.ERROR, name, {"text": words}, error=type(error).__name__, text=safe)


@contextmanager
def about(run: str, tenant: str) -> Iterator[None]:
    """Add the run and the tenant to all events of the block."""
    token = _ABOUT.set({"run": run, "tenant": tenant})
    try:
        yield
    finally:
        _ABOUT.reset(token)


@contextmanager
def log_to(target: str | None, level: str = "info", *, personal: bool = False) -> Iterator[None]:
    """Append the block's events to a file that only its owner can read. ``-`` means stderr, and None nowhere.

    If the file is moved in the meantime, it is created again, so that the system can rotate it. ``level``: one of
    Python's log levels, such as ``warning``. Raises :class:`OutputError` if the file cannot be opened.
    """
    if target is None:
        yield
        return
    try:
        handler = logging.StreamHandler(sys.stderr) if target == STDERR else _PrivateFile(Path(target).expanduser())
    except OSError as error:
        hint = "Specify a file in an existing folder that you can write to, or - for stderr."
        raise OutputError(f"--log: {target} cannot be written: {error.strerror}", hint) from error
    handler.setFormatter(_JsonLines(personal=personal))
    _LOG.addHandler(handler)
    _LOG.setLevel(level.upper())
    try:
        yield
    finally:
        _LOG.removeHandler(handler)
        _LOG.setLevel(logging.NOTSET)
        with suppress(OSError):  # a full disk, once more
            handler.close()


class _PrivateFile(logging.handlers.WatchedFileHandler):
    """A log file that is created so that only its owner can read it."""

    def _open(self) -> Any:
        return open(self.baseFilename, "a", encoding="utf-8", opener=partial(os.open, mode=0o600))

    def handleError(self, _record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Ignore errors such as a full disk: they neither end the run nor print a traceback."""


class _JsonLines(logging.Formatter):
    def __init__(self, *, personal: bool) -> None:
        super().__init__()
        self._personal = personal

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            "time": moment.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
            **(getattr(record, "personal", {}) if self._personal else {}),
        }
        return json.dumps({name: value for name, value in line.items() if value is not None}, default=str)
