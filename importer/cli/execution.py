"""What commands have in common: options checked, progress shown, a question asked, the summary printed."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

import typer

from importer.cli.config_option import Given
from importer.cli.output import Console, safe, say
from importer.cli.progress import Progress
from importer.errors import OptionError
from importer.settings import Options, default_ledger, read_notices

__all__ = ["asker", "carry_out", "finish", "make_options", "watched"]

NOTIFYING = frozenset({"run", "resume", "retry"})


def make_options(values: Mapping[str, Any]) -> Options:
    """What a command was given as checked options.

    Raises :class:`OptionError` that names the flag, the variable or the config file's key with the wrong value.
    """
    config: Given = values["config"]
    given = {item.name: values[item.name] for item in fields(Options) if values.get(item.name) is not None}
    given["ledger"] = given.get("ledger") or default_ledger(os.environ)
    given["config"] = config.path
    given["configured"] = frozenset(name for name in given if config.origin(name) == "DEFAULT_MAP")
    try:
        return Options(**given)
    except OptionError as error:
        raise error.found_in(config.place(error.option)) from None


def finish(console: Console, summary: dict[str, Any]) -> None:
    """Print the summary, and exit with its code."""
    from importer.report import summary_text, undo_verify_text

    text = undo_verify_text if summary["command"] in {"undo", "verify"} else summary_text
    console.summary(summary, text(summary, **console.look))
    raise typer.Exit(summary["exit_code"])


def carry_out(command: str, given: Mapping[str, Any], work: Callable[[Options, Any], dict[str, Any]]) -> None:
    """Do the work of a command, watched and logged; print its summary, and exit with its code.

    ``work`` gets the options and the :class:`importer.workflow.watch.Watch`.
    """
    options = make_options(given)

    from importer.logs import log_to
    from importer.workflow.supervision import supervise

    notices = read_notices(options.config, os.environ) if command in NOTIFYING else None
    quiet = given["quiet"] or options.log == "-"  # a program that reads log lines on stderr wants nothing else there
    with (
        log_to(options.log, options.log_level, personal=given["log_personal"]),
        watched(options, quiet=quiet) as watch,
    ):
        summary = supervise(
            command,
            options,
            watch,
            lambda watch: work(options, watch),
            notices=notices,
            warn=lambda words: say(f"importer: {words}"),
        )
    finish(Console.of(given), summary)


@contextmanager
def watched(options: Options, *, quiet: bool) -> Iterator[Any]:
    """Progress on stderr while the block runs; the deadline counts from here."""
    from importer.workflow.watch import Deadline, Watch

    progress = Progress(quiet=quiet)
    try:
        yield Watch(
            phase=progress.phase,
            counts=progress.counts,
            stage=progress.stage,
            deadline=None if options.deadline is None else Deadline(options.deadline),
        )
    finally:
        progress.close()  # nothing of it is left on a terminal, however the block ends


def asker() -> Callable[[str], bool] | None:
    """The function that asks the person at the terminal; None where there is no terminal."""
    return _asked if sys.stdin.isatty() and sys.stderr.isatty() else None


def _asked(question: str) -> bool:
    """Whether the answer is yes. Raises :class:`KeyboardInterrupt` for Ctrl-C, even in an event loop."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        print(f"{safe(question)} [y/N]: ", end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip().lower() in {"y", "yes"}
    finally:
        signal.signal(signal.SIGINT, handler)
