"""What commands have in common: options checked, progress shown, a question asked, the summary printed."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import typer

from importer.cli.output import Console, say
from importer.cli.progress import Progress
from importer.errors import UsageError
from importer.settings import Options, Share, default_ledger, read_duration, read_notices, read_size

__all__ = ["carry_out", "confirm", "finish", "make_options", "need", "watched"]


MODES = ("create", "upsert")
TOLD = frozenset({"run", "resume", "retry"})  # the commands of which somebody is told


def make_options(values: dict[str, Any]) -> Options:
    """What a command was given (its ``locals()``) as checked options."""
    given = {name: value for name, value in values.items() if name in Options.__dataclass_fields__}
    given.pop("memory", None)
    given["sources"] = tuple(values.get("sources") or ())
    given["only"] = frozenset(values.get("only") or ())
    if "rate" in values:
        given["rate"] = _rate(values["rate"])
    for name in ("max_rejected", "max_fewer", "max_changed"):
        if values.get(name) is not None:
            given[name] = Share.parse(values[name])
    if values.get("deadline") is not None:
        given["deadline"] = read_duration(values["deadline"])
    if values.get("memory", "auto") != "auto":
        given["memory"] = read_size(values["memory"])
    if values.get("country"):
        given["country"] = values["country"].strip().upper()
    if values.get("delimiter"):
        given["delimiter"] = {"\\t": "\t", "tab": "\t"}.get(values["delimiter"].lower(), values["delimiter"])
    if "ledger" in values:
        given["ledger"] = values["ledger"] or default_ledger(os.environ)
    if values.get("mode", "create") not in MODES:
        raise UsageError(f"--mode is {values['mode']!r}", f"The modes are {' and '.join(MODES)}.")
    return Options(**given)


def need(given: Mapping[str, Any]) -> None:
    """Raise :class:`UsageError` for what a command without ``--plan`` cannot do without."""
    missing = [name for name, value in given.items() if not value]
    if missing:
        raise UsageError(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing",
            "Say what to send and where to: importer run SOURCE… -m MAPPING --api TARGET. Or give --plan RUN.",
        )


def _rate(text: str) -> float | None:
    if text.strip().lower() == "auto":
        return None
    try:
        return float(text)
    except ValueError as error:
        raise UsageError(f"--rate is {text!r}", "Give requests per second, such as 20, or auto.") from error


def finish(console: Console, summary: dict[str, Any]) -> None:
    """Print the summary, and exit with its code."""
    from importer.pipeline import summary_text, undo_verify_text

    text = undo_verify_text if summary["command"] in {"undo", "verify"} else summary_text
    console.summary(summary, text(summary, **console.look))
    raise typer.Exit(summary["exit_code"])


def carry_out(
    command: str,
    options: Options,
    given: Mapping[str, Any],
    work: Callable[[Any], dict[str, Any]],
) -> None:
    """Do the work of a command, watched and logged; print its summary, and exit with its code.

    ``work`` is given the :class:`importer.pipeline.Watch`.
    """
    from importer.logs import log_to
    from importer.pipeline import supervise

    log = given["log"]
    notices = read_notices(given["config"], os.environ) if command in TOLD else None
    with (
        log_to(log, given["log_level"], personal=given["log_personal"]),
        watched(options, quiet=given["quiet"] or log == "-") as watch,  # whoever reads lines wants nothing else there
    ):
        summary = supervise(command, watch, work, notices=notices, warn=lambda words: say(f"importer: {words}"))
    finish(Console.of(given), summary)


@contextmanager
def watched(options: Options, *, quiet: bool) -> Iterator[Any]:
    """Progress on stderr while the block runs; the deadline counts from here."""
    from importer.pipeline import Deadline, Watch

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


def confirm(question: str) -> bool:
    """Ask on a terminal; elsewhere nobody can answer."""
    return sys.stdin.isatty() and sys.stderr.isatty() and typer.confirm(question, err=True)
