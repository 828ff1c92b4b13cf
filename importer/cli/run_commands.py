"""The commands that start, check, or continue a run, or undo it, and the one that records corrections."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from importer.cli.execution import AnswerOption, asked, asker, carry_out, read_answers
from importer.cli.given_options import given_by, make_options
from importer.cli.output import print_summary, say
from importer.cli.parameters import ACCOUNT, LOG, READING, SENDING, own, takes
from importer.errors import UsageError
from importer.settings import Commands
from importer.settings.options import GUARDS, PACE, READER

_TO = "The corrections file (CSV). Created if it does not exist; otherwise, corrections are added to it."
OURS = frozenset({"config", "json", "quiet", "parallel"})  # options of a folder of jobs that its jobs do not have


@takes(*READING, *READER, "mapping", "lookups", "keep", *LOG, required=("sources",))
def check(**given: Any) -> None:
    """Dry run: what would be sent and what is wrong, in which cell. Does not contact WizCommerce; needs no key.

    Without --mapping, it says which included mapping fits best.

    Examples:
      importer check customers.csv -m netsuite --country US
      importer check exports/*.xlsx -m my-mapping.yaml --json
    """
    from importer.commands.check import check as work

    carry_out("check", given, lambda options, watch: work(options, began=watch.stage, notify=watch.phase))


@takes("replace", "removed", "yes", "out", "json", "config", under={"yes": "Questions"})
def correct(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE", help="The fixed rejected.xlsx, or files from rejected/.", rich_help_panel="Source"
        ),
    ],
    to: Annotated[Path, own("Output", "FILE", _TO, "--to")],
    run: Annotated[str | None, own("Source", "RUN", "The run that wrote the files: its ID or folder.", "--run")] = None,
    answer: AnswerOption = None,
    **given: Any,
) -> None:
    """Record the fixes made in rejected rows, so that later runs apply them again (with --corrections FILE).

    If only the format changed, such as 0017 to 17, it asks. --yes keeps the original.
    Exit code 1: questions remain, or something could not be recorded.

    Examples:
      importer correct results/20250331-140502-430b/rejected.xlsx --to fixes.csv
      importer correct fixed.xlsx --run 20250331-140502-430b --to fixes.csv
      importer check customers.csv -m netsuite --corrections fixes.csv
    """
    from importer.commands.correct import correct as work
    from importer.commands.correct import correct_text

    options = make_options(given)
    answers = read_answers(answer or ())
    how = {"run": run, "out": options.out, "yes": options.yes, **{name: given[name] for name in ("replace", "removed")}}
    with Commands.of(options).completing_hints():
        found = work(files, to, answers=answers, **how)
        if found.open and not given["json"] and asker() is not None:
            answers |= {
                one.id: asked(one, [f"{at}: {was!r} → {now!r}" for at, was, now in one.examples[1:]])
                for one in found.open
            }
            again = work(files, to, answers=answers, **how)
            found = again.after(found)
    print_summary(given, found.as_json(), correct_text(found))
    if found.exit_code:
        raise typer.Exit(found.exit_code)


@takes(
    *(*ACCOUNT, *PACE, *READING, *READER, "mode", "recheck", "only", "keep", *LOG),
    required=("sources", "mapping", "api"),
)
def plan(**given: Any) -> None:
    """Show what a run would create, update, leave alone, and reject. Sends nothing.

    Examples:
      importer plan customers.csv -m netsuite --api staging
      importer run --plan 20250331-140502-430b      sends exactly what it shows
    """
    from importer.commands.plan import plan as work

    carry_out("plan", given, lambda options, watch: work(options, os.environ, recheck=given["recheck"], watch=watch))


@takes(
    *("sources", "mapping", "api", "plan", "limit", "only", "mode", "on_conflict", "parallel"),
    *(*SENDING, *GUARDS, *READING, *READER, *LOG),
)
def run(ctx: typer.Context, **given: Any) -> None:
    """Check, plan, send, report. Customers already sent are not sent again, unless --mode upsert finds changes.

    Examples:
      importer run customers.csv -m netsuite --api sandbox
      importer run customers.csv -m netsuite --api staging --mode upsert
      importer run --config acme.toml              all options are in the file
    """
    from importer.commands.run import run as work

    folder = given["config"].path
    if folder is not None and folder.is_dir():
        _run_folder(ctx, folder, given)
    given.update(api=given["api"] or "")
    carry_out("run", given, lambda options, watch: work(options, os.environ, confirm=asker(), watch=watch))


@takes("run", "limit", *SENDING, *LOG)
def resume(**given: Any) -> None:
    """Resume a run that stopped early: look up unknown outcomes, send what was not sent.

    Examples:
      importer resume
      importer resume 20250331-140502 --limit 100
    """
    from importer.commands.resume import resume as work

    _after_run("resume", given, work, confirm=asker())


@takes("run", "include_refused", *SENDING, *LOG)
def retry(**given: Any) -> None:
    """Resend customers that failed for temporary reasons.

    Examples:
      importer retry
      importer retry 20250331-140502 --include-refused
    """
    from importer.commands.resume import retry as work

    _after_run("retry", given, work, include_refused=given["include_refused"], confirm=asker())


@takes("run", "force", "settle", "yes", *ACCOUNT, *PACE, *LOG)
def undo(**given: Any) -> None:
    """Undo what a run created and updated, after asking. Later changes in WizCommerce are kept.

    Examples:
      importer undo
      importer undo 20250331-140502 --yes
    """
    from importer.commands.undo import undo as work

    _after_run("undo", given, work, force=given["force"], confirm=asker())


@takes("run", *ACCOUNT, *PACE, *LOG)
def verify(**given: Any) -> None:
    """Compare the import ledger (the record of what was sent) with WizCommerce. Changes nothing.

    It shows what is missing, duplicated, or changed.

    Examples:
      importer verify
      importer verify 20250331-140502 --json
    """
    from importer.commands.verify import verify as work

    _after_run("verify", given, work)


def _after_run(command: str, given: Mapping[str, Any], work: Callable[..., dict[str, Any]], **more: Any) -> None:
    carry_out(command, given, lambda options, watch: work(options, os.environ, given["run"], watch=watch, **more))


# Adopting changes nothing, so there is nothing to limit. The guard of the next run checks the differences.
@takes(
    *(*ACCOUNT, *PACE, *READING, *LOG, "only", *(name for name in GUARDS if name != "max_changed")),
    required=("sources", "mapping", "api"),
)
def adopt(**given: Any) -> None:
    """Rebuild a lost import ledger: find the customers in WizCommerce and compare them with the export. Sends nothing.

    Examples:
      importer adopt customers.csv -m netsuite --api production
      importer adopt customers.csv -m netsuite --api production --only CUS-1001
    """
    from importer.commands.adopt import adopt as work

    carry_out("adopt", given, lambda options, watch: work(options, os.environ, watch=watch))


def _run_folder(ctx: typer.Context, folder: Path, given: Mapping[str, Any]) -> None:
    """Run each ``*.toml`` of a folder. Options on the command line override those in the files.

    Prints a line for each job, or with ``--json``, an object for all of them. The exit code is the highest of theirs.
    """
    from importer.commands.jobs import jobs_line, run_jobs

    files = sorted(path for path in folder.glob("*.toml") if not path.name.startswith("."))
    if not files:
        raise UsageError(f"{folder}: the folder contains no jobs", "A job is a file called NAME.toml.")
    parallel = make_options(given).parallel
    words = _words(ctx)
    accounts = {path: _account(ctx, path, words) for path in files}

    def on_line(name: str, line: str) -> None:
        if not given["quiet"]:
            say(line if line.startswith("{") else f"[{name}] {line}")  # the lines of `--log -` name their run

    report = run_jobs(accounts, words, os.environ, parallel=parallel, on_line=on_line)
    print_summary(given, report, "\n".join(map(jobs_line, report["jobs"])))
    raise typer.Exit(report["exit_code"])


def _words(ctx: typer.Context) -> list[str]:
    """The options of the command line as words for the command of each job."""
    words = []
    for param in ctx.command.params:
        name = param.name or ""
        if given_by(ctx, name) != "COMMANDLINE" or name in OURS:
            continue
        if name in {"sources", "plan"}:
            raise UsageError(
                f"{'SOURCE' if name == 'sources' else '--plan'} cannot be combined with a folder of jobs",
                "Specify it in the file of each job.",
            )
        value = ctx.params[name]
        if isinstance(value, bool):
            words.append((param.opts if value else param.secondary_opts)[0])
        else:
            words += [f"{param.opts[0]}={item}" for item in (value if isinstance(value, list | tuple) else [value])]
    return words


def _account(ctx: typer.Context, path: Path, words: list[str]) -> str:
    """The account whose limits a job counts toward. A file with an error counts as an account of its own."""
    from importer.workflow.targets import account_of

    try:
        job = ctx.command.make_context("run", ["--config", str(path), *words], parent=ctx.parent)
        return account_of(make_options({**job.params, "api": job.params["api"] or ""}), os.environ)
    except Exception:  # noqa: BLE001 - the job's own process reports what is wrong with the file
        return str(path)
