"""The log of a command: one JSON object a line, for machines. Goes nowhere until it is asked for.

An event has a name and fields. Who a customer is stands apart, under ``personal``, and is written only where that was
asked for: a reference id is often a number, but in some systems it is the customer's name.
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
# Of these the words are about files, columns, limits and connections; those of others may quote a cell.
IMPERSONAL = (
    *(ApiUnavailableError, GuardError, InterruptedRunError, KeyRefusedError, LedgerError),
    *(NoSourceError, TenantLockedError),
)

_LOG = logging.getLogger("importer")
_LOG.addHandler(logging.NullHandler())
_ABOUT: ContextVar[Mapping[str, str]] = ContextVar("about", default={})  # noqa: B039 - never changed in place


def event(level: int, name: str, personal: Mapping[str, Any] | None = None, **fields: Any) -> None:
    """Enter an event into the log. ``personal``: fields that say who a customer is."""
    if _LOG.isEnabledFor(level):
        _LOG.log(level, name, extra={"fields": {**_ABOUT.get(), **fields}, "personal": personal or {}})


def harmless(error: BaseException) -> bool:
    """Whether the words of an error can name no customer."""
    return isinstance(error, IMPERSONAL)


def kind_of(error: BaseException) -> str:
    """What sort of error it is, in words that quote nothing."""
    return (type(error).__doc__ or type(error).__name__).splitlines()[0]


def trouble(name: str, error: BaseException) -> None:
    """Enter what ended a command early; its words as far as they cannot name a customer."""
    words = " ".join(str(error).split())
    safe = words if harmless(error) else kind_of(error)
    event(logging.ERROR, name, {"text": words}, error=type(error).__name__, text=safe)


@contextmanager
def about(run: str, tenant: str) -> Iterator[None]:
    """Events of the block carry the run and the tenant."""
    token = _ABOUT.set({"run": run, "tenant": tenant})
    try:
        yield
    finally:
        _ABOUT.reset(token)


@contextmanager
def log_to(target: str | None, level: str = "info", *, personal: bool = False) -> Iterator[None]:
    """Write events of the block to a file (appended to, its owner's only) or, with ``-``, to stderr; None: nowhere.

    A file that is moved away in the meantime is created again, so that the system may rotate it. ``level``: one of
    Python's, such as ``warning``. Raises :class:`OutputError` when the file cannot be opened.
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
    """A file that is made for its owner only."""

    def _open(self) -> Any:
        return open(self.baseFilename, "a", encoding="utf-8", opener=partial(os.open, mode=0o600))

    def handleError(self, _record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """A full disk ends neither the run nor in a traceback."""


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
