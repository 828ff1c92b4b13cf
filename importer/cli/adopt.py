"""The command that rebuilds a lost ledger: adopt."""

import os
from typing import Any

from importer.cli import parameters as opt
from importer.cli.shared import carry_out, make_options
from importer.settings import Options

__all__ = ["adopt"]

# Nothing is changed here, so that there is nothing to limit; the next run's own guard looks at what differs.
GUARDS: opt.Group = {name: kind for name, kind in opt.GUARDS.items() if name != "max_changed"}


@opt.takes(opt.ACCOUNT, opt.PACE, GUARDS, opt.READING, opt.PARTS, opt.OUTPUT)
def adopt(
    sources: opt.Sources,
    mapping: opt.MappingName,
    api: opt.Api,
    out: opt.Out = Options.out,
    only: opt.Only = None,
    **given: Any,
) -> None:
    r"""Rebuild a lost ledger: find the customers in WizCommerce and compare. Sends nothing.

    \b
    Examples:
      importer adopt customers.csv -m netsuite --api production
      importer adopt customers.csv -m netsuite --api production --only CUS-1001    one again that the ledger knows
    """
    from importer.commands.adopt import adopt as take_over

    options = make_options({"sources": sources, "mapping": mapping, "api": api, "out": out, "only": only, **given})
    carry_out("adopt", options, given, lambda watch: take_over(options, os.environ, watch=watch))
