"""``importer ledger``: looking after the import history."""

from pathlib import Path
from typing import Annotated

import typer

from importer.cli import parameters as opt
from importer.cli.output import show
from importer.cli.shared import asker, make_options
from importer.errors import UsageError
from importer.settings import Commands

__all__ = ["ledger_app"]

ledger_app = typer.Typer(
    no_args_is_help=True, help="Look after the ledger: check, backup, vacuum, forget.\n\nExample: importer ledger check"
)


@ledger_app.command()
def check(ledger: opt.Ledger = None, config: opt.Config = None) -> None:
    r"""Is the ledger whole? Exit code 1 when it is not.

    \b
    Example: importer ledger check
    """
    from importer.commands.ledger import ledger_faults

    options = make_options(locals())
    faults = ledger_faults(options)
    show("\n".join(faults) if faults else "The ledger is whole.")
    if faults:
        show(Commands.of(options).completed("Restore a backup; then `importer verify` shows what it lacks."))
        raise typer.Exit(1)


@ledger_app.command()
def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="A new file for the copy.")],
    ledger: opt.Ledger = None,
    config: opt.Config = None,
) -> None:
    r"""Write a copy of the ledger to a new file. Runs may go on meanwhile.

    \b
    Example: importer ledger backup /backup/ledger-2030-05-01.db
    """
    from importer.commands.ledger import backup_ledger

    size = backup_ledger(make_options(locals()), target)
    show(f"{target}: {_size(size)}")


@ledger_app.command()
def vacuum(ledger: opt.Ledger = None, config: opt.Config = None) -> None:
    r"""Give unused space back to the disk.

    \b
    Example: importer ledger vacuum
    """
    from importer.commands.ledger import vacuum_ledger

    before, after = vacuum_ledger(make_options(locals()))
    show(f"{_size(before)} before, {_size(after)} now")


@ledger_app.command()
def forget(
    reference_ids: Annotated[list[str], typer.Argument(metavar="ID…", help="Reference ids of customers.")],
    ledger: opt.Ledger = None,
    tenant: opt.Tenant = None,
    yes: opt.Yes = False,
    config: opt.Config = None,
) -> None:
    r"""Erase customers' personal data from the ledger.

    That they were sent stays known, so that they are not sent again.

    \b
    Example: importer ledger forget CUS-1001 CUS-1002
    """
    from importer.commands.ledger import forget as erase

    options = make_options(locals())
    confirm = asker()
    if not yes and (confirm is None or not confirm(f"Erase what the ledger has of {len(reference_ids)} customers?")):
        raise UsageError(
            "nothing was done: the question was not answered with yes", "Add --yes to answer it beforehand."
        )
    with Commands.of(options).advising():
        known, folders = erase(options, reference_ids)
    show(f"Erased: {known} of {len(reference_ids)} customers were in the ledger.")
    if folders:
        show("Run folders and copies of the ledger that may still have their data; delete those you no longer need:")
        show("\n".join(f"  {folder}" for folder in folders))


def _size(count: int) -> str:
    return f"{count / 1_000_000:,.1f} MB"
