"""The commands that show what is known (runs, mappings, codes, and examples) and those that maintain the ledger."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from importer.cli.execution import asker, finish, watched
from importer.cli.given_options import make_options
from importer.cli.output import as_json, look, print_summary, put, show, terminal_width
from importer.cli.parameters import ACCOUNT, own, takes
from importer.errors import UsageError
from importer.settings import Commands
from importer.settings.options import READER
from importer.wording import counted


@takes("ledger", "tenant", "json", "config")
def runs(**given: Any) -> None:
    """List all runs, newest first.

    Example:
      importer runs --tenant acme
    """
    from importer.commands.history import runs as list_runs
    from importer.report.terminal import runs_text

    lines = list_runs(make_options(given))
    if given["json"]:
        print(as_json(lines))
    else:
        show(runs_text(lines, **look()) if lines else "No runs yet.")


@takes("ledger", "tenant", "config")
def ids(
    output: Annotated[
        Path | None, own("Output", "FILE", "Write to this file; only you can read it.", "--output", "-o")
    ] = None,
    **given: Any,
) -> None:
    """Print the IDs of customers, addresses, and contacts in WizCommerce, as CSV.

    Examples:
      importer ids > ids.csv
      importer ids -o ids.csv --tenant acme
    """
    from importer.commands.history import ids as list_ids

    found = list_ids(make_options(given), output)
    if output is None:
        put(found.decode())


@takes("ledger", "tenant", "out", *READER, "json", "config")
def report(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN",
            help="The ID of a run, a plan, or a check. Default: the latest run.",
            rich_help_panel="Source",
        ),
    ] = None,
    **given: Any,
) -> None:
    """Regenerate the reports of a run, a plan, or a check.

    Examples:
      importer report 20250331-140502-430b
      importer report 20250331-140502-430b --for owner --contact dana@example.com
    """
    from importer.commands.history import report as write_again

    options = make_options(given)
    with Commands.of(options).completing_hints():
        summary = write_again(options, run)
    finish(given, summary)


def mappings(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A mapping's name or path, or the word check.")
    ] = None,
    file: Annotated[str | None, typer.Argument(metavar="FILE", help="After check: the mapping's path.")] = None,
    json: Annotated[bool, typer.Option("--json", help="With check: print one JSON object.")] = False,
) -> None:
    """List the mappings, explain one in plain language, or check one and list everything that is wrong with it.

    Examples:
      importer mappings netsuite
      importer mappings check my-mapping.yaml
    """
    from importer.commands.explain import check_mapping, mapping_check_text, mappings_text

    if name != "check" and (file is not None or json):
        raise UsageError("mappings takes one NAME, or check and a FILE", "Write: importer mappings check FILE.")
    if name != "check":
        show(mappings_text(name, terminal_width()))
        return
    if file is None:
        raise UsageError("mappings check needs a FILE", "To explain a mapping that is called check, write ./check.")
    found = check_mapping(file)
    print_summary({"json": json}, found, mapping_check_text(found))
    if not found["ok"]:
        raise typer.Exit(2)


def explain(
    code: Annotated[str | None, typer.Argument(metavar="CODE", help="A problem's code, as in reports.")] = None,
) -> None:
    """Explain what a problem's code means and how to fix it, or list all codes.

    Example:
      importer explain too_long
    """
    from importer.commands.explain import problem_codes_text

    show(problem_codes_text(code, terminal_width()))


def example(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="config, cron, systemd, container, github.")
    ] = None,
) -> None:
    """Print a ready-made file for nightly imports, or list all of them.

    Example:
      importer example config > acme.toml
    """
    from importer.commands.explain import examples_text

    show(examples_text(name))


def sandbox(
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, metavar="PORT", help="The port. 0 picks a free one.")
    ] = 8080,
    faults: Annotated[
        str, typer.Option("--faults", metavar="LIST", help="Faults to inject, such as drop-after=2%,429=1%,slow=1%.")
    ] = "",
    rate: Annotated[int | None, typer.Option("--rate", metavar="N", help="Requests accepted per second.")] = None,
    latency: Annotated[
        float, typer.Option("--latency", metavar="SECONDS", help="How long every response takes.")
    ] = 0.0,
    lag: Annotated[
        float, typer.Option("--lag", metavar="SECONDS", help="How long until a listing shows a new customer.")
    ] = 0.0,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="FILE", help="A file to store the customers in.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Seed for the random faults.")] = 0,
) -> None:
    """Serve a local test API that behaves like WizCommerce's. It accepts any key. Press Ctrl-C to stop it.

    Examples:
      importer sandbox --port 8080 --rate 50 --faults drop-after=2%
      WIZCOMMERCE_API_KEY=any importer run … --api http://127.0.0.1:8080
    """
    from importer.commands.sandbox import serve_sandbox

    serve_sandbox(
        lambda url: show(f"The sandbox is running at {url}", flush=True),
        port=port, faults=faults, rate=rate, latency=latency, list_lag=lag, data=data, seed=seed,
    )  # fmt: skip


@takes("ledger", "config")
def check(**given: Any) -> None:
    """Check that the ledger is intact. Exit code 1 if it is not.

    Example:
      importer ledger check
    """
    from importer.commands.ledger import ledger_faults

    options = make_options(given)
    faults = ledger_faults(options)
    show("\n".join(faults) if faults else "The ledger is intact.")
    if faults:
        show(Commands.of(options).completed("Restore a backup; then `importer verify` shows what is missing from it."))
        raise typer.Exit(1)


@takes("ledger", "config")
def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="A new file for the copy.", rich_help_panel="Output")],
    **given: Any,
) -> None:
    """Write a copy of the ledger to a new file, even during a run.

    Example:
      importer ledger backup /backup/ledger-2030-05-01.db
    """
    from importer.commands.ledger import backup_ledger

    show(f"{target}: {_size(backup_ledger(make_options(given), target))}")


@takes("ledger", "config")
def vacuum(**given: Any) -> None:
    """Free unused disk space.

    Example:
      importer ledger vacuum
    """
    from importer.commands.ledger import vacuum_ledger

    before, after = vacuum_ledger(make_options(given))
    show(f"{_size(before)} before, {_size(after)} now")


@takes("ledger", "tenant", "yes", "out", "config", under={"yes": "Source"})
def forget(
    reference_ids: Annotated[
        list[str], typer.Argument(metavar="ID", help="Reference IDs of customers.", rich_help_panel="Source")
    ],
    **given: Any,
) -> None:
    """Erase customers' personal data from the ledger and from corrections files.

    Later runs still recognize these customers and do not create them again.

    Example:
      importer ledger forget CUS-1001 CUS-1002
    """
    from importer.commands.ledger import forget as erase

    options, confirm = make_options(given), asker()
    question = f"Erase the ledger's data about {counted(len(reference_ids), 'customer')}?"
    if not given["yes"] and (confirm is None or not confirm(question)):
        raise UsageError("you did not confirm, so nothing was done", "Add --yes to confirm in advance.")
    with Commands.of(options).completing_hints():
        done = erase(options, reference_ids)
    absent = len(reference_ids) - done.customers
    others = f"; {absent:,} {'was' if absent == 1 else 'were'} not in the ledger" if absent else ""
    show(f"Erased the data of {done.customers:,} of {counted(len(reference_ids), 'customer')}{others}.")
    if done.corrections:
        show(f"Erased {done.corrections} {'line' if done.corrections == 1 else 'lines'} in corrections files.")
    if done.left:
        show("Folders, tables, and copies of the ledger that may still have their data; delete those you do not need:")
        show("\n".join(f"  {path}" for path in done.left))


def _size(count: int) -> str:
    return f"{count / 1_000_000:,.1f} MB"


@takes(*ACCOUNT, "rate", "concurrency", "timeout", "json", "quiet", "config", required=("api",))
def save(
    to: Annotated[Path, own("Output", "FILE", "The file to write; only you can read it.", "--to")],
    **given: Any,
) -> None:
    """Save sales reps, price lists, and attribute definitions, for check --lookups FILE.

    Example:
      importer lookups save --api staging --to lookups.json
    """
    from importer.commands.lookups import save_lookups

    options = make_options(given)
    with watched(options, quiet=given["quiet"]) as watch:
        saved = save_lookups(options, os.environ, to, watch=watch)
    text = (
        f"{saved['file']}: {saved['sales_reps']:,} sales reps, {saved['price_lists']:,} price lists, and "
        f"{saved['attributes']:,} attributes of {saved['api']}"
    )
    print_summary(given, saved, text)


LEDGER = (check, backup, vacuum, forget)
LOOKUPS = (save,)
