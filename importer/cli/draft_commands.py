"""The command that drafts a mapping: it shows the draft, asks what is open, and writes the file."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from importer.cli.execution import make_options
from importer.cli.output import as_json, show, terminal_width
from importer.cli.parameters import takes
from importer.cli.questions import AnswerOption, asked, read_answers
from importer.errors import UsageError
from importer.settings import Commands

if TYPE_CHECKING:
    from importer.drafting.column_choices import Choices
    from importer.drafting.draft import Draft

Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        metavar="COLUMN=FIELD",
        help="What a column gives, such as Town=addresses.billing.city; can be repeated.",
        rich_help_panel="Mapping",
    ),
]
Skips = Annotated[
    list[str] | None,
    typer.Option(
        "--skip",
        metavar="COLUMN=TEXT",
        help="Leave out the rows with this text in a column; can be repeated.",
        rich_help_panel="Mapping",
    ),
]


@takes("country", "sheet", "encoding", "delimiter", "json", "config", required=("sources",))
def suggest(
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write the mapping to this new file.", rich_help_panel="Output"
        ),
    ] = None,
    answer: AnswerOption = None,
    target: Targets = None,
    skip: Skips = None,
    update: Annotated[
        str | None,
        typer.Option(
            "--update", metavar="MAPPING", help="Adapt this mapping to new columns.", rich_help_panel="Mapping"
        ),
    ] = None,
    from_scratch: Annotated[
        bool,
        typer.Option("--from-scratch", help="Do not look for a mapping that fits.", rich_help_panel="Mapping"),
    ] = False,
    **given: Any,
) -> None:
    """Draft a mapping for a file: which field each column maps to. It asks about anything it cannot tell from the file.

    Exit code 1: questions are open, and the draft assumes the proposed answers.

    Examples:
      importer suggest customers.csv -o customers.yaml
      importer suggest customers.xlsx --country DE --answer "skip:Status=keep"
      importer suggest customers.csv --target "Town=addresses.billing.city"
      importer suggest customers.csv --update my-mapping.yaml
    """
    from importer.drafting.column_choices import Choices
    from importer.workflow.prepare import open_unmapped

    options = make_options(given)
    with Commands.of(options).advising():
        sources = open_unmapped(options)
        if update is not None:
            _update(options, given, update, output, sources)
            return
        answers = read_answers(answer or ())
        texts: dict[str, list[str]] = {}
        for column, text in _pairs("--skip", "COLUMN=TEXT", skip):
            texts.setdefault(column, []).append(text)
        choices = Choices(dict(_pairs("--target", "COLUMN=FIELD", target)), texts)
        _draft(options, given, sources, output, answers, from_scratch=from_scratch, choices=choices)


def _draft(
    options: Any,
    given: Mapping[str, Any],
    sources: Any,
    output: Path | None,
    answers: dict[str, str],
    *,
    from_scratch: bool,
    choices: "Choices",
) -> None:
    """Show the draft, ask what is open if there is a terminal, and write the file."""
    from importer.commands.suggest import suggest as work
    from importer.commands.suggest import write_mapping
    from importer.drafting.draft_text import draft_text

    how: dict[str, Any] = {"sources": sources, "from_scratch": from_scratch, "choices": choices}
    draft = work(options, answers, **how)
    if not given["json"]:
        show(draft_text(draft, terminal_width()))
        if draft.open and sys.stdin.isatty() and sys.stderr.isatty():
            answers |= {question.id: asked(question) for question in draft.open}
            draft = work(options, answers, **how)
    if output is not None:
        write_mapping(draft.mapping, output)
    _end(draft, given, output, options)


def _end(draft: "Draft", given: Mapping[str, Any], output: Path | None, options: Any) -> None:
    """What was written, and the next command; or the one object."""
    if given["json"]:
        print(as_json(draft.as_json()))
    elif output is not None:
        next_command = Commands.of(options).line("check", "-m", str(output))
        show(f"\nThe mapping is in {output}. Read it, and then see what it does:\n  {next_command}")
    elif draft.fits is not None:
        show(f"\nNext: {Commands.of(options).line('check', '-m', draft.fits[0])}")
    else:
        show("\nTo write the mapping, add: -o mapping.yaml")
    raise typer.Exit(1 if draft.open else 0)


def _update(options: Any, given: Mapping[str, Any], mapping: str, output: Path | None, sources: Any) -> None:
    """Write the adapted mapping in the place of the old one, or to ``--output``; ``--json`` alone writes nothing."""
    from importer.commands.suggest import update, write_mapping

    text, changes = update(options, mapping, sources=sources)
    path = output or Path(mapping)
    if changes and (output is not None or not given["json"]):
        if output is None and not path.is_file():
            raise UsageError(f"{mapping} is a shipped mapping, which cannot be changed", "Add -o FILE for the new one.")
        write_mapping(text, path, replace=output is None)
    if given["json"]:
        print(as_json({"mapping": text, "changes": changes}))
    elif changes:
        show("\n".join([f"{path}:", *(f"  {change}" for change in changes)]))
    else:
        show(f"{mapping} knows all columns; nothing is changed.")


def _pairs(option: str, form: str, given: Sequence[str] | None) -> Iterator[tuple[str, str]]:
    """``NAME=VALUE`` as pairs; the last ``=`` counts, because names of columns may contain one."""
    for text in given or ():
        name, sign, value = text.rpartition("=")
        if not sign or not name:
            raise UsageError(f"{option} {text!r} has no =", f"Write it as {form}.")
        yield name, value
