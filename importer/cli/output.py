"""What a person or a program sees: the summary on stdout, everything else on stderr."""

import os
import shutil
import sys
import traceback
from collections.abc import Mapping
from typing import Any

from importer.errors import ImporterError

__all__ = ["Console", "failed", "say"]

DEBUG = "IMPORTER_DEBUG"


class Console:
    """How one command speaks: ``json`` instead of text on stdout, ``quiet`` on stderr."""

    def __init__(self, *, json: bool, quiet: bool) -> None:
        self.json = json
        self.quiet = quiet

    def message(self, text: str) -> None:
        """A line for the person watching."""
        if not self.quiet:
            say(text)

    def summary(self, summary: Mapping[str, Any], text: str) -> None:
        """The summary: ``text``, or with ``--json`` exactly one JSON object."""
        if self.json:
            import orjson

            print(orjson.dumps(dict(summary)).decode())
        else:
            print(text)

    @property
    def colour(self) -> bool:
        """True when stdout is a terminal that may be coloured (https://no-color.org)."""
        return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    @property
    def width(self) -> int:
        """Columns of the terminal; 100 where there is none."""
        return min(shutil.get_terminal_size((100, 24)).columns, 120)


def say(text: str) -> None:
    """One message on stderr."""
    print(text, file=sys.stderr, flush=True)


def failed(error: BaseException) -> int:
    """Say on stderr what went wrong and what to do; comes back: the exit code."""
    if isinstance(error, ImporterError):
        say(f"importer: {error.message}")
        if error.hint:
            say(f"  {error.hint}")
        return error.exit_code
    if isinstance(error, KeyboardInterrupt):
        say("importer: interrupted before anything was sent; run it again")
        return 3
    say(f"importer: something went wrong inside the importer: {type(error).__name__}: {error}")
    say(f"  This is a defect, not your data's fault. {DEBUG}=1 shows where it happened.")
    if os.environ.get(DEBUG):
        traceback.print_exception(error, file=sys.stderr)
    return 3
