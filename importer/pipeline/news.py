"""What is told of a run to those who were not there: a title, a few lines, and the text of the summary."""

import logging
import socket
from collections.abc import Callable, Mapping
from typing import Any

from importer.errors import GuardError, ImporterError
from importer.logs import event, harmless, kind_of
from importer.notify import Announcer
from importer.report import summary_text
from importer.settings import Notices

__all__ = ["News"]

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
        self._tell(_end(error, code), code, words)

    def ended(self, summary: Mapping[str, Any], stopped: ImporterError | None) -> None:
        """It ended with a summary; ``stopped``: what ended it early."""
        if stopped is not None and not harmless(stopped):
            summary = {**summary, "stopped": "The report says why."}
        code = int(summary["exit_code"])
        self._tell(_end(stopped, code), code, summary_text(summary, width=WIDTH, colour=False))

    def _tell(self, end: str, code: int, text: str) -> None:
        title = f"{self._name}: {self._command} {ENDED[code]}"
        if end == "guard":
            title = f"{self._name}: {self._command} was stopped by a guard"
        self._heed(self._announcer.ended(end, title, f"{text}\n\nExit code {code}, on {socket.gethostname()}."))

    def _heed(self, untold: list[str]) -> None:
        for words in untold:
            event(logging.WARNING, "untold", text=words)
            self._warn(words)


def _end(error: BaseException | None, code: int) -> str:
    """Which of ``settings.ENDS`` it is."""
    if isinstance(error, GuardError):
        return "guard"
    return ("success", "rejected", "failure", "failure")[code]
