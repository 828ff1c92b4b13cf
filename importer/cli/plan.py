"""The command that looks ahead: plan."""

import os
from typing import Any

from importer.cli import parameters as opt
from importer.cli.shared import carry_out, make_options
from importer.settings import Options

__all__ = ["plan"]


@opt.takes(opt.ACCOUNT, opt.PACE, opt.READING, opt.PARTS, opt.OUTPUT)
def plan(
    sources: opt.Sources,
    mapping: opt.MappingName,
    api: opt.Api,
    out: opt.Out = Options.out,
    mode: opt.Mode = Options.mode,
    recheck: opt.Recheck = False,
    only: opt.Only = None,
    **given: Any,
) -> None:
    r"""What a run would create, update, leave and refuse, by ledger and API. Sends nothing.

    \b
    Examples:
      importer plan customers.csv -m netsuite --api staging
      importer run --plan 20250331-140502-k3fa              sends exactly what that plan shows
    """
    from importer.commands.plan import plan as look_ahead

    own = {"sources": sources, "mapping": mapping, "api": api, "out": out, "mode": mode, "only": only}
    options = make_options({**own, **given})
    carry_out("plan", options, given, lambda watch: look_ahead(options, os.environ, recheck=recheck, watch=watch))
