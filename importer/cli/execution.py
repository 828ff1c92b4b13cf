"""What commands have in common: they show progress, ask questions, and print a summary."""

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from importer.cli.given_options import make_options
from importer.cli.output import TerminalProgress, look, print_summary, safe, say, without_controls
from importer.cli.parameters import own
from importer.errors import UsageError
from importer.settings import Options, read_notices

if TYPE_CHECKING:
    from importer.commands.correct import FormatQuestion
    from importer.drafting.skip_rules import Question

NOTIFYING = frozenset({"run", "resume", "retry"})
AnswerOption = Annotated[
    list[str] | None,
    own("Questions", "ID=CHOICE", "Answer a question. Can be repeated.", "--answer"),
]


def finish(given: Mapping[str, Any], summary: dict[str, Any]) -> None:
    from importer.report.terminal import summary_text, undo_verify_text

    text = undo_verify_text if summary["command"] in {"undo", "verify"} else summary_text
    print_summary(given, summary, text(without_controls(summary), **look()))
    raise typer.Exit(summary["exit_code"])


def carry_out(command: str, given: Mapping[str, Any], work: Callable[[Options, Any], dict[str, Any]]) -> None:
    """Do the work of a command with progress and a log, print its summary, and exit with its code.

    ``work`` gets the options and the :class:`importer.workflow.supervision.Watch`.
    """
    options = make_options(given)

    from importer.logs import log_to
    from importer.workflow.supervision import supervise

    if not gc.get_freeze_count():  # imported objects stay: scanning them takes a quarter of a small check
        gc.freeze()
    notices = read_notices(options.config, os.environ) if command in NOTIFYING else None
    quiet = given["quiet"] or options.log == "-"  # a program that reads log lines on stderr expects nothing else there
    with log_to(options.log, options.log_level, personal=given["log_personal"]), watched(options, quiet=quiet) as watch:
        summary = supervise(
            command,
            options,
            watch,
            lambda watch: work(options, watch),
            notices=notices,
            warn=lambda words: say(f"importer: {words}"),
        )
    finish(given, summary)


@contextmanager
def watched(options: Options, *, quiet: bool) -> Iterator[Any]:
    """Show progress on stderr while the block runs. The deadline is counted from now."""
    from importer.workflow.supervision import Deadline, Watch

    progress = TerminalProgress(quiet=quiet)
    try:
        yield Watch(
            phase=progress.phase,
            counts=progress.counts,
            stage=progress.stage,
            deadline=None if options.deadline is None else Deadline(options.deadline),
        )
    finally:
        progress.close()  # however the block ends, leave nothing on a terminal


def asker() -> Callable[[str], bool] | None:
    """The function that asks the person at the terminal; None if there is no terminal."""
    return _asked if sys.stdin.isatty() and sys.stderr.isatty() else None


def _asked(question: str) -> bool:
    """Whether the answer is yes. Raises :class:`KeyboardInterrupt` for Ctrl-C, even in an event loop."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        print(f"{safe(question)} [y/N]: ", end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip().lower() in {"y", "yes"}
    finally:
        signal.signal(signal.SIGINT, handler)


def read_answers(given: Iterable[str]) -> dict[str, str]:
    """The choices by ID, from texts of the form ``ID=CHOICE``.

    An ID with a colon ends in the name of a column or file; for other IDs, the choice is a column. So the last ``=`` of
    ``skip:Paid = x=keep`` is the separator, and the first one of ``key=No. = ID``.
    """
    answers = {}
    for text in given:
        cut = str.rpartition if ":" in text.partition("=")[0] else str.partition
        name, sign, choice = cut(text, "=")
        if not sign or not name:
            raise UsageError(f"--answer {text!r} has no =", "Write it as ID=CHOICE, such as skip:Status=keep.")
        answers[name] = choice
    return answers


def asked(question: "Question | FormatQuestion", examples: Sequence[str] = ()) -> str:
    """The choice of the person at the terminal; Enter selects the proposed choice."""
    say(f"\n? {safe(question.text)}")
    for example in examples:
        say(f"  {safe(example)}")
    for number, choice in enumerate(question.choices, start=1):
        mark = " (suggested)" if choice == question.proposed else ""
        say(f"  {number}. {safe(choice)}{mark}")
    while True:
        print("  Number, or Enter for the suggested one: ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        text = line.strip()
        if not text:
            return question.proposed
        if text.isdigit() and 1 <= int(text) <= len(question.choices):
            return question.choices[int(text) - 1]
        if text in question.choices:
            return text
