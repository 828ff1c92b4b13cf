"""The commands. Each is a thin layer: options in, one function of the pipeline, a summary out."""

import os
import sys
from inspect import cleandoc
from pathlib import Path
from typing import Annotated, Any

import typer

import importer
from importer.cli import adopt as adopting
from importer.cli import after
from importer.cli import parameters as opt
from importer.cli import plan as looking_ahead
from importer.cli.configured import Given
from importer.cli.jobs import run_folder
from importer.cli.ledger import ledger_app
from importer.cli.lookups import lookups_app
from importer.cli.output import Console, as_json, failed, put, ready_streams, show
from importer.cli.shared import asker, carry_out, finish, make_options
from importer.errors import UsageError
from importer.settings import Commands, Options

__all__ = ["app", "main"]

_INTERRUPTED = 130  # what Typer makes of Ctrl-C, and nothing else

app = typer.Typer(
    name="importer",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def main() -> None:
    """Run the command line and exit with its code."""
    ready_streams()
    try:
        code = app(prog_name="importer", standalone_mode=False)
        if code == _INTERRUPTED:
            code = failed(KeyboardInterrupt())
        sys.stdout.flush()  # a reader that went away shows here, not when Python ends
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
    """Click's own usage errors are shown its way, unless they are about a value that was not typed; the rest ours."""
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


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    r"""Import customers from ERP exports (CSV, Excel) into WizCommerce.

    \b
    A first import:
      importer check customers.csv -m netsuite              what would be sent, what is wrong
      importer run customers.csv -m netsuite --api sandbox  try it against a local API
      importer run customers.csv -m netsuite --api staging  the real thing (needs a key)

    Exit codes: 0 all well; 1 finished, but something was rejected or failed; 2 wrong usage or an unreadable file,
    nothing was sent; 3 stopped early.
    """


@app.command()
@opt.takes(opt.READING, opt.PARTS, opt.OUTPUT)
def check(
    sources: opt.Sources,
    mapping: opt.MappingName,
    out: opt.Out = Options.out,
    lookups: opt.Lookups = None,
    **given: Any,
) -> None:
    r"""Dry run: what would be sent and what is wrong, in which cell. No network, no key.

    \b
    Example: importer check customers.csv -m netsuite --country US
    """
    from importer.commands.check import check as run_check

    options = make_options({"sources": sources, "mapping": mapping, "out": out, "lookups": lookups, **given})
    carry_out("check", options, given, lambda watch: run_check(options, began=watch.stage))


app.command()(looking_ahead.plan)


@app.command()
@opt.takes(opt.ACCOUNT, opt.UPDATING, opt.DISPATCH, opt.GUARDS, opt.READING, opt.PARTS, opt.OUTPUT)
def run(
    ctx: typer.Context,
    sources: opt.AnySources = None,
    mapping: opt.AnyMapping = None,
    api: opt.AnyApi = None,
    plan: opt.Plan = None,
    out: opt.Out = Options.out,
    limit: opt.Limit = None,
    only: opt.Only = None,
    yes: opt.Yes = False,
    parallel: opt.Parallel = 2,
    **given: Any,
) -> None:
    r"""Check, plan, send, report. What was sent before is not sent again; with --mode upsert, what changed is.

    \b
    Examples:
      importer run customers.csv -m netsuite --api sandbox
      importer run customers.csv -m netsuite --api staging --mode upsert
      WIZCOMMERCE_API_KEY=… importer run customers.csv -m netsuite --api staging --limit 1
      importer run --plan 20250331-140502-k3fa
      importer run --config acme.toml                       everything is in the file
      importer run --config jobs/                           every file of a folder, each on its own
    """
    from importer.commands.run import run as run_import

    folder = given["config"].path
    if folder is not None and folder.is_dir():
        run_folder(ctx, folder, {**given, "parallel": parallel})
    own = {"sources": sources, "plan": plan, "out": out, "limit": limit, "only": only, "yes": yes}
    options = make_options({**own, **given, "mapping": mapping or "", "api": api or ""})
    carry_out("run", options, given, lambda watch: run_import(options, os.environ, confirm=asker(), watch=watch))


@app.command()
def runs(
    ledger: opt.Ledger = None,
    tenant: opt.Tenant = None,
    json: opt.Json = False,
    config: opt.Config = None,
) -> None:
    r"""The history: every run that sent or set out to send, the latest first.

    \b
    Example: importer runs
    """
    from importer.commands.history import runs as list_runs
    from importer.report import runs_text

    found = list_runs(make_options(locals()))
    lines = [history_line(item) for item in found]
    if json:
        print(as_json(lines))
    elif not lines:
        show("No runs yet.")
    else:
        show(runs_text(lines, **Console(json=json, quiet=False).look))


def history_line(item: Any) -> dict[str, Any]:
    """One run of the history as plain values."""
    return {
        "run_id": item.id,
        "tenant": item.tenant,
        "command": item.command,
        "mapping": item.mapping,
        "started": item.started_at.isoformat(timespec="seconds"),
        "finished": item.finished_at.isoformat(timespec="seconds") if item.finished_at else None,
        "exit_code": item.exit_code,
        "folder": str(item.out),
        "folder_gone": bool(item.summary) and not item.out.is_dir(),
        "customers": dict((item.summary or {}).get("customers", {})),
    }


@app.command()
def ids(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file; readable by you alone.")
    ] = None,
    ledger: opt.Ledger = None,
    tenant: opt.Tenant = None,
    config: opt.Config = None,
) -> None:
    r"""The ids that WizCommerce gave to customers, addresses and contacts, as CSV.

    \b
    Examples:
      importer ids > ids.csv
      importer ids -o ids.csv --tenant acme
    """
    from importer.commands.history import ids as list_ids

    found = list_ids(make_options(locals()), output)
    if output is None:
        put(found.decode())


@app.command()
def report(
    run: opt.Run = None,
    ledger: opt.Ledger = None,
    tenant: opt.Tenant = None,
    json: opt.Json = False,
    config: opt.Config = None,
) -> None:
    r"""Write the reports of a run again, into its own folder.

    \b
    Example: importer report 20250331-140502
    """
    from importer.commands.history import report as write_again

    options = make_options(locals())
    with Commands.of(options).advising():
        summary = write_again(options, run)
    finish(Console(json=json, quiet=False), summary)


@app.command()
def mappings(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="A mapping's name or path.")] = None,
) -> None:
    r"""The mappings at hand, or one of them explained in plain words.

    \b
    Example: importer mappings netsuite
    """
    from importer.commands.reference import explain_mapping, list_mappings

    width = Console(json=False, quiet=False).width
    show(list_mappings(width) if name is None else explain_mapping(name, width))


@app.command()
def explain(
    code: Annotated[str | None, typer.Argument(metavar="[CODE]", help="A problem's code, as reports name it.")] = None,
) -> None:
    r"""What a problem's code means and how to fix it; without a code, the list of all.

    \b
    Example: importer explain too_long
    """
    from importer.commands.reference import explain_code, list_codes

    width = Console(json=False, quiet=False).width
    show(list_codes(width) if code is None else explain_code(code, width))


@app.command()
def example(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="config, cron, systemd, container, github.")
    ] = None,
) -> None:
    r"""Ready-made examples of running it every night, or one of them as it stands.

    \b
    Example: importer example config > acme.toml
    """
    from importer.commands.reference import list_examples, show_example

    show(list_examples() if name is None else show_example(name))


@app.command()
def sandbox(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="The port; 0 takes any that is free.")] = 8080,
    faults: Annotated[str, typer.Option("--faults", help="What goes wrong, e.g. drop-after=2%,429=1%,slow=1%.")] = "",
    rate: Annotated[int | None, typer.Option("--rate", help="Requests accepted in any one second.")] = None,
    latency: Annotated[float, typer.Option("--latency", help="Seconds that every answer takes.")] = 0.0,
    lag: Annotated[float, typer.Option("--lag", help="Seconds until a listing shows a new customer.")] = 0.0,
    data: Annotated[Path | None, typer.Option("--data", help="A file that keeps the customers.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Where the faults' dice begin.")] = 0,
) -> None:
    r"""A local API to try things on: behaves like WizCommerce's, takes any key, stops with Ctrl-C.

    \b
    Example: importer sandbox --port 8080 --rate 50 --faults drop-after=2%
    Then:    WIZCOMMERCE_API_KEY=any importer run … --api http://127.0.0.1:8080
    """
    from importer.commands.reference import serve_sandbox

    serve_sandbox(
        lambda url: show(f"The sandbox serves at {url}", flush=True),
        port=port, faults=faults, rate=rate, latency=latency, list_lag=lag, data=data, seed=seed,
    )  # fmt: skip


app.add_typer(ledger_app, name="ledger")
app.add_typer(lookups_app, name="lookups")
for command in (adopting.adopt, after.resume, after.retry, after.undo, after.verify):
    app.command()(command)


def _keep_lines() -> None:
    """Help stands in raw docstrings, which spell out click's mark for lines that are not to be filled."""
    for item in (
        *app.registered_commands,
        *ledger_app.registered_commands,
        *lookups_app.registered_commands,
        app.registered_callback,
    ):
        if item is not None and item.callback is not None:
            item.help = cleandoc(item.callback.__doc__ or "").replace("\\b", "\b")


_keep_lines()
