"""``importer lookups``: what names are looked up in, kept for checks without a network."""

import os
from pathlib import Path
from typing import Annotated

import typer

from importer.cli import parameters as opt
from importer.cli.output import Console
from importer.cli.shared import make_options, watched
from importer.settings import Options

__all__ = ["lookups_app"]

lookups_app = typer.Typer(
    no_args_is_help=True,
    help="Keep what names are looked up in.\n\nExample: importer lookups save --api staging --to lookups.json",
)


@lookups_app.callback()
def lookups() -> None:
    """Keep what names are looked up in, so that a check can resolve them without a network."""


@lookups_app.command()
def save(
    api: opt.Api,
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="The file to write; readable by you alone.")],
    ledger: opt.Ledger = None,
    tenant: opt.Tenant = None,
    api_key_file: opt.KeyFile = None,
    rate: opt.Rate = "auto",
    concurrency: opt.Concurrency = Options.concurrency,
    timeout: opt.Timeout = Options.timeout,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
    config: opt.Config = None,
) -> None:
    r"""Write sales reps, price lists and attribute definitions to a file, for check --lookups FILE.

    \b
    Example: importer lookups save --api staging --to lookups.json
    """
    from importer.commands.lookups import save_lookups

    options = make_options(locals())
    with watched(options, quiet=quiet) as watch:
        saved = save_lookups(options, os.environ, to, watch=watch)
    text = (
        f"{saved['file']}: {saved['sales_reps']:,} sales reps, {saved['price_lists']:,} price lists and "
        f"{saved['attributes']:,} attributes of {saved['api']}"
    )
    Console(json=json, quiet=quiet).summary(saved, text)
