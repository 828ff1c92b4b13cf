"""The commands about mappings: what they say, whether they are right, and what the values of a source mean."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from importer.cli.execution import make_options, watched
from importer.cli.output import print_summary, show, terminal_width
from importer.cli.parameters import ACCOUNT, PACE, TEXTS, takes
from importer.errors import UsageError
from importer.settings import Commands


@takes(
    *("country", "values", "corrections", "lookups", "api", *TEXTS, *ACCOUNT, *PACE, "json", "quiet", "config"),
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
    """List the values that your file uses, so that you can map each to its WizCommerce value once.

    These are sales reps, price lists, terms, options, and types. Fill in the column value of the file, then pass it to
    check, plan, and run with --values.

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
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="A mapping's name or path; or the word check.")
    ] = None,
    file: Annotated[str | None, typer.Argument(metavar="[FILE]", help="After check: the mapping's path.")] = None,
    json: Annotated[bool, typer.Option("--json", help="With check: print one JSON object.")] = False,
) -> None:
    """List the mappings, explain one in plain words, or check one: everything that is wrong with it, at once.

    Examples:
      importer mappings netsuite
      importer mappings check my-mapping.yaml
    """
    from importer.commands.reference import check_mapping, mapping_check_text, mappings_text

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
