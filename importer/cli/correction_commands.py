"""The command that records corrections."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from importer.cli.execution import make_options
from importer.cli.output import print_summary
from importer.cli.parameters import takes
from importer.cli.questions import AnswerOption, asked, read_answers
from importer.settings import Commands

_TO = "The corrections file (CSV). Created if missing, otherwise added to."
_ToOption = Annotated[Path, typer.Option("--to", metavar="FILE", help=_TO, rich_help_panel="Output")]


@takes("replace", "removed", "yes", "out", "json", "config", under={"yes": "Source"})
def correct(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE", help="The fixed rejected.xlsx, or files of rejected/.", rich_help_panel="Source"
        ),
    ],
    to: _ToOption,
    run: Annotated[
        str | None,
        typer.Option(
            "--run", metavar="RUN", help="The run that wrote the files: its ID or folder.", rich_help_panel="Source"
        ),
    ] = None,
    answer: AnswerOption = None,
    **given: Any,
) -> None:
    """Record what was fixed in rejected rows, so that later runs correct it again: --corrections FILE.

    Changes of format only, such as 0017 to 17, are questions; --yes keeps the original.
    Exit code 1: questions are open, or something could not be recorded.

    Examples:
      importer correct results/20250331-140502/rejected.xlsx --to corrections.csv
      importer correct fixed.xlsx --run 20250331-140502 --to corrections.csv
      importer check customers.csv -m netsuite --corrections corrections.csv
    """
    from importer.commands.correct import correct as work
    from importer.commands.correct import correct_text

    options = make_options(given)
    answers = read_answers(answer or ())
    how = {"run": run, "out": options.out, "yes": options.yes, **{name: given[name] for name in ("replace", "removed")}}
    with Commands.of(options).advising():
        found = work(files, to, answers=answers, **how)
        if found.open and not given["json"] and sys.stdin.isatty() and sys.stderr.isatty():
            answers |= {
                one.id: asked(one, [f"{at}: {was!r} → {now!r}" for at, was, now in one.examples[1:]])
                for one in found.open
            }
            again = work(files, to, answers=answers, **how)
            found = again.after(found)
    print_summary(given, found.as_json(), correct_text(found))
    if found.exit_code:
        raise typer.Exit(found.exit_code)
