"""The commands to start with: the local page, a draft of a mapping, a preview of its effects, and a value table."""

import os
import webbrowser
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from importer.cli.execution import AnswerOption, asked, asker, read_answers, watched
from importer.cli.given_options import make_options
from importer.cli.output import as_json, look, print_summary, say, show, terminal_width, without_controls
from importer.cli.parameters import ACCOUNT, READING, TEXTS, own, takes
from importer.errors import UsageError
from importer.settings import Commands
from importer.settings.options import PACE

if TYPE_CHECKING:
    from importer.drafting.column_choices import ColumnChoices

Targets = Annotated[
    list[str] | None,
    own(
        "Mapping",
        "COLUMN=FIELD",
        "Which field a column maps to, such as Town=addresses.billing.city. Can be repeated.",
        "--target",
    ),
]
Skips = Annotated[
    list[str] | None,
    own("Mapping", "COLUMN=TEXT", "Leave out the rows with this value in a column. Can be repeated.", "--skip"),
]


@takes(
    *("sources", "mapping", "country", "values", "lookups", "sheet", "encoding", "delimiter"),
    *("api", "api_key_file", "ledger", "tenant", "mode", "out", "config"),
)
def open(  # noqa: A001 - the command's name
    browser: Annotated[
        bool, own("Output", None, "Open the browser, or only show the address.", "--browser/--no-browser")
    ] = True,
    port: Annotated[int, own("Output", "PORT", "The port. 0 picks a free one.", "--port", min=0, max=65535)] = 0,
    **given: Any,
) -> None:
    """Do all steps in your browser: match columns, fix cells, review, and send.

    Only this machine can reach the page, and the link works only once. Press Ctrl-C to close the page; a run that is
    already sending continues.

    Examples:
      importer open
      importer open customers.xlsx --country US
    """
    from importer.commands.open import open_page

    def ready(address: str) -> None:
        opened = browser and webbrowser.open(address)
        say(f"{'The page is open in your browser' if opened else 'Open this address in your browser'}: {address}")
        say("The link works only once. Press Ctrl-C to close the page and delete what was uploaded to it.")

    open_page(make_options(given), os.environ, port, ready)


@takes("country", "sheet", "encoding", "delimiter", "json", "config", required=("sources",))
def suggest(
    output: Annotated[
        Path | None, own("Output", "FILE", "Write the mapping to this new file.", "--output", "-o")
    ] = None,
    answer: AnswerOption = None,
    target: Targets = None,
    skip: Skips = None,
    update: Annotated[str | None, own("Mapping", "MAPPING", "Adapt this mapping to new columns.", "--update")] = None,
    from_scratch: Annotated[
        bool, own("Mapping", None, "Do not look for a mapping that fits.", "--from-scratch")
    ] = False,
    **given: Any,
) -> None:
    """Draft a mapping for a file: which field each column maps to.

    It asks about anything it cannot determine from the file. Exit code 1: questions remain, and the draft assumes the
    suggested answers.

    Examples:
      importer suggest customers.csv -o customers.yaml
      importer suggest customers.xlsx --country DE --answer "skip:Status=keep"
      importer suggest customers.csv --target "Town=addresses.billing.city"
      importer suggest customers.csv --update my-mapping.yaml
    """
    from importer.drafting.column_choices import ColumnChoices
    from importer.workflow.open_sources import open_unmapped

    options = make_options(given)
    with Commands.of(options).completing_hints():
        sources = open_unmapped(options)
        if update is not None:
            _update(options, given, update, output, sources)
            return
        answers = read_answers(answer or ())
        texts: dict[str, list[str]] = {}
        for column, text in _pairs("--skip", "COLUMN=TEXT", skip):
            texts.setdefault(column, []).append(text)
        choices = ColumnChoices(dict(_pairs("--target", "COLUMN=FIELD", target)), texts)
        _draft(options, given, sources, output, answers, from_scratch=from_scratch, choices=choices)


def _draft(
    options: Any,
    given: Mapping[str, Any],
    sources: Any,
    output: Path | None,
    answers: dict[str, str],
    *,
    from_scratch: bool,
    choices: "ColumnChoices",
) -> None:
    """Show the draft, ask its open questions if there is a terminal, write the file, and show the next command."""
    from importer.commands.suggest import suggest as work
    from importer.commands.suggest import write_mapping
    from importer.drafting.draft_text import draft_text

    how: dict[str, Any] = {"sources": sources, "from_scratch": from_scratch, "choices": choices}
    draft = work(options, answers, **how)
    if not given["json"]:
        show(draft_text(draft, terminal_width()))
        if draft.open and asker() is not None:
            answers |= {question.id: asked(question) for question in draft.open}
            draft = work(options, answers, **how)
    if output is not None:
        write_mapping(draft.mapping, output)
    if given["json"]:
        print(as_json(draft.as_json()))
    elif output is not None:
        next_command = Commands.of(options).line("check", "-m", str(output))
        show(f"\nThe mapping is in {output}. Review it, then see what it does:\n  {next_command}")
    elif draft.fits is not None:
        show(f"\nNext: {Commands.of(options).line('check', '-m', draft.fits[0])}")
    else:
        show("\nTo write the mapping, add: -o mapping.yaml")
    raise typer.Exit(1 if draft.open else 0)


def _update(options: Any, given: Mapping[str, Any], mapping: str, output: Path | None, sources: Any) -> None:
    """Replace the mapping with the adapted one, or write that to ``--output``; ``--json`` alone writes nothing."""
    from importer.commands.suggest import update, write_mapping

    text, changes = update(options, mapping, sources=sources)
    path = output or Path(mapping)
    if changes and (output is not None or not given["json"]):
        if output is None and not path.is_file():
            raise UsageError(
                f"{mapping} is an included mapping, which cannot be changed", "Add -o FILE for the new one."
            )
        write_mapping(text, path, replace=output is None)
    if given["json"]:
        print(as_json({"mapping": text, "changes": changes}))
    elif changes:
        show("\n".join([f"{path}:", *(f"  {change}" for change in changes)]))
    else:
        show(f"{mapping} covers all columns; nothing is changed.")


def _pairs(option: str, form: str, given: Sequence[str] | None) -> Iterator[tuple[str, str]]:
    """Split ``NAME=VALUE`` into pairs at the last ``=``, because the name of a column may contain one."""
    for text in given or ():
        name, sign, value = text.rpartition("=")
        if not sign or not name:
            raise UsageError(f"{option} {text!r} has no =", f"Write it as {form}.")
        yield name, value


@takes(*READING, "mapping", "lookups", "customer", "row", "json", "quiet", "config", required=("sources",))
def preview(**given: Any) -> None:
    """Show what each rule does to your own rows: cells, steps, values, and the JSON body. Nothing is sent or written.

    Without --customer or --row: how many records have each field, the columns that are not used, and three customers.

    Examples:
      importer preview customers.csv -m my-mapping.yaml
      importer preview customers.csv -m my-mapping.yaml --customer CUS-1001
      importer preview customers.csv -m my-mapping.yaml --row customers.csv:5
      importer preview book.xlsx -m netsuite --row "book.xlsx!Sheet1:5" --json
    """
    from importer.commands.preview import preview as work
    from importer.report.preview_text import preview_text

    options = make_options(given)
    asked = (None if given[name] is None else str(given[name]) for name in ("customer", "row"))
    with watched(options, quiet=given["quiet"]) as watch, Commands.of(options).completing_hints():
        found = work(options, *asked, began=watch.stage)
    print_summary(given, found, preview_text(without_controls(found), **look()))


@takes(
    *("country", "values", "corrections", "lookups", "api", *TEXTS, *ACCOUNT, *PACE, "json", "quiet", "config"),
    required=("sources", "mapping"),
)
def values(
    output: Annotated[
        Path | None,
        own(
            "Output",
            "FILE",
            "Write to this .xlsx or .csv; only you can read it. Values already filled in there are kept.",
            "--output",
            "-o",
        ),
    ] = None,
    **given: Any,
) -> None:
    """List the values that your file uses, so that you can map each to its WizCommerce value once.

    They are sales reps, price lists, terms, methods, attribute options, and address types. Fill in the `value` column
    of the table, then pass the table to check, plan, and run with --values.

    Examples:
      importer values customers.csv -m netsuite --api staging -o values.xlsx
      importer values customers.csv -m netsuite --lookups lookups.json
      importer run customers.csv -m netsuite --api staging --values values.xlsx
    """
    from importer.commands.values import values as work
    from importer.commands.values import values_text

    online = given["api"] is not None
    options = make_options(given)
    with watched(options, quiet=given["quiet"]) as watch, Commands.of(options).completing_hints():
        found = work(options, os.environ, output, online=online, watch=watch)
    print_summary(given, found, values_text(found, terminal_width()))
