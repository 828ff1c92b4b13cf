"""The commands that look back at a run: resume, retry, undo, verify."""

import os
from typing import Any

import typer

from importer.cli import options as opt
from importer.cli.output import Console
from importer.cli.shared import confirm, finish, make_options, watched
from importer.settings import Options

__all__ = ["resume", "retry", "undo", "verify"]


def resume(
    run: opt.Run = None,
    ledger: opt.Ledger = None,
    tenant: opt.Tenant = None,
    accept_key: opt.AcceptKey = False,
    api_key_file: opt.KeyFile = None,
    rate: opt.Rate = "auto",
    concurrency: opt.Concurrency = Options.concurrency,
    batch_size: opt.BatchSize = Options.batch_size,
    timeout: opt.Timeout = Options.timeout,
    settle: opt.Settle = Options.settle,
    limit: opt.Limit = None,
    max_failed: opt.MaxFailed = None,
    yes: opt.Yes = False,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
    config: opt.Config = None,
) -> None:
    r"""Go on with a run that stopped early: looks up what is in doubt, sends what was not sent.

    \b
    Example: importer resume
    """
    from importer.pipeline import resume as go_on

    options = make_options(locals())
    with watched(quiet) as watch:
        summary = go_on(options, os.environ, run, confirm=confirm, watch=watch)
    finish(Console(json=json, quiet=quiet), summary)


def retry(
    run: opt.Run = None,
    ledger: opt.Ledger = None,
    tenant: opt.Tenant = None,
    accept_key: opt.AcceptKey = False,
    api_key_file: opt.KeyFile = None,
    include_refused: opt.IncludeRefused = False,
    rate: opt.Rate = "auto",
    concurrency: opt.Concurrency = Options.concurrency,
    batch_size: opt.BatchSize = Options.batch_size,
    timeout: opt.Timeout = Options.timeout,
    settle: opt.Settle = Options.settle,
    max_failed: opt.MaxFailed = None,
    yes: opt.Yes = False,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
    config: opt.Config = None,
) -> None:
    r"""Send again what failed in a run for reasons that can pass.

    \b
    Example: importer retry 20250331-140502
    """
    from importer.pipeline import retry as try_again

    options = make_options(locals())
    with watched(quiet) as watch:
        summary = try_again(options, os.environ, run, include_refused=include_refused, confirm=confirm, watch=watch)
    finish(Console(json=json, quiet=quiet), summary)


def undo(
    run: opt.Run = None,
    ledger: opt.Ledger = None,
    tenant: opt.Tenant = None,
    accept_key: opt.AcceptKey = False,
    api_key_file: opt.KeyFile = None,
    force: opt.Force = False,
    rate: opt.Rate = "auto",
    concurrency: opt.Concurrency = Options.concurrency,
    timeout: opt.Timeout = Options.timeout,
    settle: opt.Settle = Options.settle,
    yes: opt.Yes = False,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
    config: opt.Config = None,
) -> None:
    r"""Delete what a run created, after showing it. What was changed in WizCommerce since is left.

    \b
    Example: importer undo 20250331-140502
    """
    from importer.pipeline import undo as take_back
    from importer.pipeline import undo_text

    options = make_options(locals())
    with watched(quiet) as watch:
        summary = take_back(options, os.environ, run, force=force, confirm=confirm, watch=watch)
    _tell(Console(json=json, quiet=quiet), summary, undo_text)


def verify(
    run: opt.Run = None,
    ledger: opt.Ledger = None,
    tenant: opt.Tenant = None,
    accept_key: opt.AcceptKey = False,
    api_key_file: opt.KeyFile = None,
    rate: opt.Rate = "auto",
    concurrency: opt.Concurrency = Options.concurrency,
    timeout: opt.Timeout = Options.timeout,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
    config: opt.Config = None,
) -> None:
    r"""Hold the ledger against what the API has: what is missing, there twice, or changed. Changes nothing.

    \b
    Example: importer verify
    """
    from importer.pipeline import verify as hold_against
    from importer.pipeline import verify_text

    options = make_options(locals())
    with watched(quiet) as watch:
        summary = hold_against(options, os.environ, run, watch=watch)
    _tell(Console(json=json, quiet=quiet), summary, verify_text)


def _tell(console: Console, summary: dict[str, Any], text: Any) -> None:
    console.summary(summary, text(summary, width=console.width))
    raise typer.Exit(summary["exit_code"])
