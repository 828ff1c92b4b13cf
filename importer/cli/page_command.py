"""The command that opens the local page."""

import os
import webbrowser
from typing import Annotated, Any

import typer

from importer.cli.execution import make_options
from importer.cli.output import say
from importer.cli.parameters import takes


@takes(
    *("sources", "mapping", "country", "values", "lookups", "sheet", "encoding", "delimiter"),
    *("api", "api_key_file", "ledger", "tenant", "mode", "out", "config"),
)
def open(  # noqa: A001 - the command's name
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the browser, or only show the address.")
    ] = True,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, metavar="PORT", help="The port; 0 takes any that is free.")
    ] = 0,
    **given: Any,
) -> None:
    """Open a local page that does all of this in your browser: match, check, fix, review, send.

    Only this machine can reach the page, and its address works once. Ctrl-C closes it; a run that is sending goes on.

    Examples:
      importer open
      importer open customers.xlsx --country US
    """
    from importer.commands.open import open_page

    def ready(address: str) -> None:
        opened = browser and webbrowser.open(address)
        say(f"{'The page is open in your browser' if opened else 'Open this address in your browser'}: {address}")
        say("The address works once. Ctrl-C closes the page and deletes what was uploaded to it.")

    open_page(make_options({**given, "mapping": given["mapping"] or ""}), os.environ, port, ready)
