"""The commands that look back at a run: resume, retry, undo, verify."""

import os
from typing import Any

from importer.cli import parameters as opt
from importer.cli.shared import asker, carry_out, make_options
from importer.settings import Options

__all__ = ["resume", "retry", "undo", "verify"]


@opt.takes(opt.ACCOUNT, opt.DISPATCH, opt.OUTPUT)
def resume(run: opt.Run = None, limit: opt.Limit = None, yes: opt.Yes = False, **given: Any) -> None:
    r"""Go on with a run that stopped early: looks up what is in doubt, sends what was not sent.

    \b
    Example: importer resume
    """
    from importer.commands.resume import resume as go_on

    options = make_options({"limit": limit, "yes": yes, **given})
    carry_out("resume", options, given, lambda watch: go_on(options, os.environ, run, confirm=asker(), watch=watch))


@opt.takes(opt.ACCOUNT, opt.DISPATCH, opt.OUTPUT)
def retry(run: opt.Run = None, include_refused: opt.IncludeRefused = False, yes: opt.Yes = False, **given: Any) -> None:
    r"""Send again what failed in a run for reasons that can pass.

    \b
    Example: importer retry 20250331-140502
    """
    from importer.commands.resume import retry as try_again

    options = make_options({"yes": yes, **given})
    more: dict[str, Any] = {"include_refused": include_refused, "confirm": asker()}
    carry_out("retry", options, given, lambda watch: try_again(options, os.environ, run, watch=watch, **more))


@opt.takes(opt.ACCOUNT, opt.PACE, opt.OUTPUT)
def undo(
    run: opt.Run = None,
    force: opt.Force = False,
    settle: opt.Settle = Options.settle,
    yes: opt.Yes = False,
    **given: Any,
) -> None:
    r"""Take back what a run created and updated, after asking. What was changed in WizCommerce since is left.

    \b
    Example: importer undo 20250331-140502
    """
    from importer.commands.undo import undo as take_back

    options = make_options({"settle": settle, "yes": yes, **given})
    more: dict[str, Any] = {"force": force, "confirm": asker()}
    carry_out("undo", options, given, lambda watch: take_back(options, os.environ, run, watch=watch, **more))


@opt.takes(opt.ACCOUNT, opt.PACE, opt.OUTPUT)
def verify(run: opt.Run = None, **given: Any) -> None:
    r"""Compare the ledger with what WizCommerce has: what is missing, there twice, or changed. Changes nothing.

    \b
    Example: importer verify
    """
    from importer.commands.undo import verify as compare

    options = make_options(given)
    carry_out("verify", options, given, lambda watch: compare(options, os.environ, run, watch=watch))
