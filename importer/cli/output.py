"""What a person or a program sees: the summary on stdout, everything else on stderr."""

import codecs
import errno
import os
import re
import shutil
import sys
import textwrap
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TextIO

from importer.errors import ImporterError

DEBUG = "IMPORTER_DEBUG"
WIDEST = 120
# What could move a terminal's cursor, reorder a line, or hide part of it. The first group is the program's own colors.
_UNSAFE = re.compile(
    r"(\x1b\[(?:0|1|2|31|32|33)(?:;(?:31|32|33))?m)"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)
PLAIN = {"…": "...", "–": "-", "—": "-", "→": "->", "←": "<-", "×": "x", "’": "'", "“": '"', "”": '"', "·": "-"}  # noqa: RUF001
EVERY = 10.0  # seconds between progress lines without a terminal
OPEN = frozenset({"pending", "unknown"})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def ready_streams() -> None:
    """From now on, write what a console's encoding lacks in ASCII: ``…`` as ``...``, and a letter as ``?``.

    What is written to a closed stream is lost.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - open until the end
    codecs.register_error("plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        change = getattr(stream, "reconfigure", None)
        if change is not None:
            change(errors="plain")


def _plain(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return "".join(PLAIN.get(character, "?") for character in error.object[error.start : error.end]), error.end


def colored(stream: TextIO) -> bool:
    """Whether a stream may have colors: not with NO_COLOR, always with FORCE_COLOR, otherwise if it is a terminal.

    A dumb terminal has no colors. See https://no-color.org and https://force-color.org.
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in {"", "0"}:
        return True
    if os.environ.get("TERM") == "dumb" or (sys.platform == "win32" and not os.environ.get("WT_SESSION")):
        return False
    return stream.isatty()


def terminal_width() -> int:
    """The width of the terminal in columns, at most ``WIDEST``; 100 if there is no terminal."""
    return min(shutil.get_terminal_size((100, 24)).columns, WIDEST)


def as_json(value: Any) -> str:
    """A line of JSON for stdout. Characters that its encoding lacks, or that control a terminal, are escaped."""
    import orjson

    text = orjson.dumps(value).decode()
    try:
        text.encode(sys.stdout.encoding or "utf-8")
        if not _UNSAFE.search(text):
            return text
    except UnicodeEncodeError:
        pass
    import json

    return json.dumps(value, separators=(",", ":")).replace("\x7f", "\\u007f")


def print_summary(given: Mapping[str, Any], summary: Mapping[str, Any], text: str) -> None:
    """Print the summary of a command with the options ``given``: ``text``, or with ``--json``, a JSON object."""
    if given["json"]:
        print(as_json(dict(summary)))
    else:
        show(text)


def look() -> dict[str, Any]:
    """How stdout shows text, as keyword arguments for the functions that make the text."""
    encoding = (sys.stdout.encoding or "utf-8").lower().replace("-", "")
    return {"width": terminal_width(), "color": colored(sys.stdout), "unicode": encoding.startswith("utf")}


def safe(text: str, *, colors: bool = True) -> str:
    """Text that is safe for a terminal: characters that would control it are replaced with ``�``.

    ``colors``: keep the program's own colors.
    """
    return _UNSAFE.sub(lambda found: (colors and found[1]) or "\ufffd", text)


def without_controls(value: Any) -> Any:
    """Data with all of its texts made safe for a terminal. Colors are added later."""
    if isinstance(value, str):
        return safe(value.replace("\r\n", "\n"), colors=False)
    if isinstance(value, Mapping):
        return {name: without_controls(each) for name, each in value.items()}
    return [without_controls(each) for each in value] if isinstance(value, (list, tuple)) else value


def show(text: str, *, flush: bool = False) -> None:
    """Print text on stdout. ``flush``: the command goes on for a long time. ``main`` notices if the reader is gone."""
    print(safe(text, colors=colored(sys.stdout)), flush=flush)


def put(text: str) -> None:
    """Print a file's content on stdout: unchanged and in UTF-8 for a program, made safe for a terminal."""
    change = getattr(sys.stdout, "reconfigure", None)
    if sys.stdout.isatty():
        text = safe(text, colors=colored(sys.stdout))
    elif change is not None:
        change(encoding="utf-8", errors="strict")
    print(text, end="")


def say(text: str) -> None:
    """Print a message on stderr. If that fails, the run goes on."""
    with suppress(OSError):
        print(safe(text, colors=colored(sys.stderr)), file=sys.stderr, flush=True)


def failed(error: BaseException) -> int:
    """Print on stderr what went wrong and what to do. Returns the exit code."""
    if isinstance(error, ImporterError):
        _print_error(error.message, error.hint)
        return error.exit_code
    if isinstance(error, KeyboardInterrupt):
        _print_error("interrupted before anything was sent; run it again")
        return 3
    if isinstance(error, OSError) and error.errno in _FULL:
        what = f"{error.filename or 'the output'} cannot be written: {error.strerror}"
        _print_error(what, "Free some space, or write to another disk.")
        return 3
    what = f"something went wrong inside the importer: {type(error).__name__}: {error}"
    _print_error(
        what, f"This is a bug in the importer, not a problem with your data. {DEBUG}=1 shows where it happened."
    )
    if os.environ.get(DEBUG):
        traceback.print_exception(error, file=sys.stderr)
    return 3


def _print_error(message: str, hint: str = "") -> None:
    """Print what went wrong, and below it what to do. On a terminal, the latter is wrapped to its width."""
    name = "\x1b[1;31mimporter:\x1b[0m" if colored(sys.stderr) else "importer:"
    message, hint = without_controls([message, hint])
    say(f"{name} {message}")
    fill = textwrap.TextWrapper(terminal_width() - 2, break_long_words=False, break_on_hyphens=False).fill
    for line in hint.splitlines():
        say(textwrap.indent(fill(line), "  ") if sys.stderr.isatty() else f"  {line}")


class TerminalProgress:
    """Shows phases and, while customers are sent, how many are done, how fast, how many failed, and the time left."""

    def __init__(self, *, quiet: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._quiet = quiet
        self._clock = clock
        self._terminal = sys.stderr.isatty()
        self._bar: Any = None
        self._began: float | None = None
        self._first = 0
        self._said = 0.0
        self._status = ""

    def stage(self, text: str) -> None:
        """Show, only on a terminal, work that takes a while, in a line that the next one replaces; ``""`` clears it."""
        if self._quiet or not self._terminal or self._bar is not None:
            return
        self._clear()
        if not text:
            return
        self._status = safe(f"{text} ...")[: terminal_width() - 1]
        print(self._status, end="", file=sys.stderr, flush=True)

    def _clear(self) -> None:
        """Clear the temporary line, without control sequences that a simple terminal does not support."""
        if self._status:
            print(f"\r{' ' * len(self._status)}\r", end="", file=sys.stderr, flush=True)
            self._status = ""

    def phase(self, text: str) -> None:
        if self._quiet:
            return
        self._clear()
        if self._bar is not None:
            self._bar.write(safe(text), file=sys.stderr)
        else:
            say(text)

    def counts(self, counts: Mapping[Any, int]) -> None:
        """Show how many customers of the run have each outcome."""
        if self._quiet:
            return
        total = sum(counts.values())
        done = sum(count for kind, count in counts.items() if str(kind) not in OPEN)
        failed = sum(count for kind, count in counts.items() if str(kind) == "failed")
        if self._began is None:
            self._began = self._said = self._clock()
            self._first = done
        self._clear()
        if self._terminal:
            self._draw(done, total, failed)
        elif self._clock() - self._said >= EVERY or done == total:
            self._show_count(done, total, failed)

    def close(self) -> None:
        self._clear()
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _draw(self, done: int, total: int, failed: int) -> None:
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(
                total=total, initial=done, unit=" customers", file=sys.stderr, leave=False, dynamic_ncols=True
            )
        self._bar.total = total
        self._bar.set_postfix_str(f"{failed:,} failed", refresh=False)
        self._bar.update(done - self._bar.n)

    def _show_count(self, done: int, total: int, failed: int) -> None:
        now = self._clock()
        self._said = now
        spent = now - (self._began or now)
        rate = (done - self._first) / spent if spent > 0 else 0.0
        pace = f"{rate:,.0f}/s, " if rate >= 1 else f"{rate:.1f}/s, " if rate > 0 else ""  # unknown at first
        left = f", {(total - done) / rate:,.0f} s left" if rate > 0 and done < total else ""
        say(f"{done:,} of {total:,} customers, {pace}{failed:,} failed{left}")
