"""The assembled command line. Each command is a thin layer that calls a function of ``importer.commands``."""

import os
import signal
import sys
from collections.abc import Callable
from typing import Annotated

import typer

import importer
from importer.cli import info_commands as info
from importer.cli import run_commands as runs
from importer.cli import start_commands as start
from importer.cli.given_options import Given
from importer.cli.output import failed, ready_streams
from importer.cli.parameters import Command, CommandGroup, split_help
from importer.errors import UsageError

_INTERRUPTED = 130  # the exit code that Typer uses only for Ctrl-C
_COMMANDS: dict[str, tuple[Callable[..., None], ...]] = {
    "Start": (start.open, start.suggest, start.preview, start.values),
    "Import": (runs.check, runs.correct, runs.plan, runs.run, runs.resume, runs.retry),
    "After a run": (runs.verify, runs.undo, info.report, info.runs, info.ids),
    "Reference": (info.mappings, info.explain, info.example, info.sandbox),
    "Import history": (runs.adopt,),
}

app = typer.Typer(
    name="importer",
    cls=CommandGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def main() -> None:
    ready_streams()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # unless handled elsewhere, it acts like Ctrl-C
    try:
        code = app(prog_name="importer", standalone_mode=False)
        if code == _INTERRUPTED:
            code = failed(KeyboardInterrupt())
        sys.stdout.flush()  # if the reader of the output is gone, fail here, not when Python exits
    except typer.Exit as stop:
        code = stop.exit_code
    except typer.Abort:
        code = failed(UsageError("stopped at a question"))
    except BrokenPipeError:  # the reader of the output is gone: there is nothing to report
        code = 3
    except BaseException as error:  # noqa: BLE001 - the last line of defense: a message instead of a traceback
        code = _usage(error)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # otherwise, Python would try again when it exits, and change the exit code
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    sys.exit(code or 0)


def _usage(error: BaseException) -> int:
    """Show an error, and return its exit code.

    Click shows its own usage errors, unless they are about a value from a variable or a config file. This package
    shows all others.
    """
    if isinstance(error, typer.BadParameter) and error.ctx and error.param and (name := error.param.name):
        given = error.ctx.params.get("config")
        if isinstance(given, Given) and (place := given.place(name)):
            return failed(UsageError(f"{place}: a value of the wrong kind", error.message))
    show = getattr(error, "show", None)
    if callable(show) and hasattr(error, "exit_code"):
        show()
        return int(error.exit_code)
    if isinstance(error, SystemExit):
        return int(error.code or 0)
    return failed(error)


def _version(value: bool) -> None:
    if value:
        print(f"importer {importer.__version__}")
        raise typer.Exit


def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Import customers from ERP exports (CSV, Excel) into WizCommerce.

    Examples:
      importer open customers.csv                           everything in a browser
      importer preview customers.csv -m netsuite            what does each rule do?
      importer check customers.csv -m netsuite              what is wrong?
      importer run customers.csv -m netsuite --api sandbox  try it with a local test API
      importer run customers.csv -m netsuite --api staging  needs a key

    Exit codes:
      0  success
      1  finished, but something was rejected or failed, or questions remain
      2  invalid command, file, or output folder; nothing was sent
      3  stopped early, or an internal error
    """


def _add_all() -> None:
    app.callback(**split_help(common))(common)
    for panel, commands in _COMMANDS.items():
        for command in commands:
            app.command(cls=Command, rich_help_panel=panel, **split_help(command))(command)
    groups = {
        "ledger": (info.LEDGER, "Import history", "Maintain the ledger: check, backup, vacuum, forget."),
        "lookups": (info.LOOKUPS, "Reference", "Download sales reps, price lists, and attributes for offline checks."),
    }
    for name, (commands, panel, text) in groups.items():
        examples = split_help(commands[0])["epilog"]
        group = typer.Typer(cls=CommandGroup, no_args_is_help=True, help=text, epilog=examples)
        group.callback()(lambda: None)
        for command in commands:
            group.command(cls=Command, **split_help(command))(command)
        app.add_typer(group, name=name, rich_help_panel=panel)


_add_all()
