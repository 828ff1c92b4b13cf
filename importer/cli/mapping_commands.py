"""The commands about mappings: what they say, whether they are right, and what the words of a source mean."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from importer.cli.execution import make_options, watched
from importer.cli.output import print_summary, show, terminal_width
from importer.cli.parameters import ACCOUNT, PACE, TEXTS, takes
from importer.settings import Commands


@takes(
    *("country", "values", "lookups", "api", *TEXTS, *ACCOUNT, *PACE, "json", "quiet", "config"),
    required=("sources", "mapping"),
)
def values(
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write to this .xlsx or .csv; only you can read it. What is filled in there is kept.",
            rich_help_panel="Output",
        ),
    ] = None,
    **given: Any,
) -> None:
    """List the source's words for reps, price lists, terms, options and types, to give their values once.

    Fill in the column value of the file, then give it to check, plan and run with --values.

    Examples:
      importer values customers.csv -m netsuite --api staging -o values.xlsx
      importer values customers.csv -m netsuite --lookups lookups.json
      importer run customers.csv -m netsuite --api staging --values values.xlsx
    """
    from importer.commands.values import values as work
    from importer.commands.values import values_text

    online = given["api"] is not None
    options = make_options(given)
    with watched(options, quiet=given["quiet"]) as watch, Commands.of(options).advising():
        found = work(options, os.environ, output, online=online, watch=watch)
    print_summary(given, found, values_text(found, terminal_width()))


def mappings(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="A mapping's name or path.")] = None,
) -> None:
    """List the mappings, or explain one in plain words.

    Example:
      importer mappings netsuite
    """
    from importer.commands.reference import mappings_text

    show(mappings_text(name, terminal_width()))
