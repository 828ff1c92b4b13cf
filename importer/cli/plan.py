"""The command that looks ahead: plan."""

import os
from pathlib import Path

from importer.cli import options as opt
from importer.cli.output import Console
from importer.cli.shared import finish, make_options, watched
from importer.settings import Options

__all__ = ["plan"]


def plan(
    sources: opt.Sources,
    mapping: opt.MappingName,
    api: opt.Api,
    out: opt.Out = Path("results"),
    ledger: opt.Ledger = None,
    tenant: opt.Tenant = None,
    accept_key: opt.AcceptKey = False,
    api_key_file: opt.KeyFile = None,
    mode: opt.Mode = "create",
    recheck: opt.Recheck = False,
    rate: opt.Rate = "auto",
    concurrency: opt.Concurrency = Options.concurrency,
    timeout: opt.Timeout = Options.timeout,
    only: opt.Only = None,
    country: opt.Country = None,
    sheet: opt.Sheet = None,
    encoding: opt.Encoding = None,
    delimiter: opt.Delimiter = None,
    partial: opt.Partial = False,
    dedupe: opt.Dedupe = "warn",
    json: opt.Json = False,
    quiet: opt.Quiet = False,
    config: opt.Config = None,
) -> None:
    r"""What a run would create, update, leave and refuse, by ledger and API. Sends nothing.

    \b
    Examples:
      importer plan customers.csv -m netsuite --api staging
      importer run --plan 20250331-140502-k3fa              sends exactly what that plan shows
    """
    from importer.pipeline import plan as look_ahead

    options = make_options(locals())
    with watched(quiet) as watch:
        summary = look_ahead(options, os.environ, recheck=recheck, watch=watch)
    finish(Console(json=json, quiet=quiet), summary)
