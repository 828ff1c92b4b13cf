"""The commands. Each is a thin layer: options in, one function of the pipeline, a summary out."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

import importer
from importer.cli import options as opt
from importer.cli.output import Console, failed
from importer.errors import UsageError
from importer.settings import Options, Share, default_ledger

__all__ = ["app", "main"]

app = typer.Typer(
    name="importer",
    help="Import customers from ERP exports (CSV, Excel) into WizCommerce.\n\n"
    "Start with: importer check FILE -m MAPPING",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        code = app(standalone_mode=False)
    except typer.Exit as stop:
        code = stop.exit_code
    except typer.Abort:
        code = failed(UsageError("stopped at a question"))
    except BrokenPipeError:  # the reader of our output went away: nothing is left to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 3
    except BaseException as error:  # noqa: BLE001 - the last line of defence: a message instead of a traceback
        code = _usage(error)
    sys.exit(code or 0)


def _usage(error: BaseException) -> int:
    """Click's own usage errors are shown its way; everything else ours."""
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


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Import customers from ERP exports (CSV, Excel) into WizCommerce.

    \b
    A first import:
      importer check customers.csv -m netsuite              what would be sent, what is wrong
      importer run customers.csv -m netsuite --api sandbox  try it against a local API
      importer run customers.csv -m netsuite --api staging  the real thing (needs a key)

    Exit codes: 0 all well; 1 finished, but something was rejected or failed; 2 wrong usage or an unreadable file,
    nothing was sent; 3 stopped early.
    """


def _options(values: dict[str, Any]) -> Options:
    """What a command was given (its ``locals()``) as checked options."""
    given = {name: value for name, value in values.items() if name in Options.__dataclass_fields__}
    given["sources"] = tuple(values.get("sources") or ())
    given["only"] = frozenset(values.get("only") or ())
    if "rate" in values:
        given["rate"] = _rate(values["rate"])
    if values.get("max_rejected") is not None:
        given["max_rejected"] = Share.parse(values["max_rejected"])
    if values.get("country"):
        given["country"] = values["country"].strip().upper()
    if values.get("delimiter"):
        given["delimiter"] = {"\\t": "\t", "tab": "\t"}.get(values["delimiter"].lower(), values["delimiter"])
    if "ledger" in values:
        given["ledger"] = values["ledger"] or default_ledger(os.environ)
    if values.get("mode", "create") != "create":
        raise UsageError(
            f"--mode is {values['mode']!r}", "create is the mode there is: existing customers are left alone."
        )
    return Options(**given)


def _rate(text: str) -> float | None:
    if text.strip().lower() == "auto":
        return None
    try:
        return float(text)
    except ValueError as error:
        raise UsageError(f"--rate is {text!r}", "Give requests per second, such as 20, or auto.") from error


def _finish(console: Console, summary: dict[str, Any]) -> None:
    from importer.pipeline import summary_text

    console.summary(summary, summary_text(summary, width=console.width, colour=console.colour))
    raise typer.Exit(summary["exit_code"])


@app.command()
def check(
    sources: opt.Sources,
    mapping: opt.MappingName,
    out: opt.Out = Path("results"),
    country: opt.Country = None,
    sheet: opt.Sheet = None,
    encoding: opt.Encoding = None,
    delimiter: opt.Delimiter = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
    config: opt.Config = None,
) -> None:
    """Dry run: what would be sent and what is wrong, in which cell. No network, no key.

    \b
    Example: importer check customers.csv -m netsuite --country US
    """
    from importer.pipeline import check as run_check

    _finish(Console(json=json, quiet=quiet), run_check(_options(locals())))
