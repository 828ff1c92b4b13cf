"""``importer run --config FOLDER``: every job of a folder in one go."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from importer.cli.output import Console, say
from importer.cli.shared import make_options
from importer.errors import UsageError

__all__ = ["run_folder"]

OURS = frozenset({"config", "json", "quiet", "parallel"})


def run_folder(ctx: typer.Context, folder: Path, given: Mapping[str, Any]) -> None:
    """Run each ``*.toml`` of a folder, with the options of the command line before those of the file.

    A line for each job is printed, or with ``--json`` one object; the exit code is the highest of theirs.
    """
    from importer.commands.jobs import JobFile, jobs_line, run_jobs

    files = sorted(path for path in folder.glob("*.toml") if not path.name.startswith("."))
    if not files:
        raise UsageError(f"{folder}: the folder holds no job", "A job is a file called NAME.toml.")
    parallel = make_options(given).parallel
    words = _words(ctx)
    jobs = [JobFile(path, _account(ctx, path, words)) for path in files]

    def hear(name: str, line: str) -> None:
        if not given["quiet"]:
            say(line if line.startswith("{") else f"[{name}] {line}")  # the lines of `--log -` name their run

    report = run_jobs(jobs, words, os.environ, parallel=parallel, hear=hear)
    Console.of(given).summary(report, "\n".join(map(jobs_line, report["jobs"])))
    raise typer.Exit(report["exit_code"])


def _words(ctx: typer.Context) -> list[str]:
    """The options of the command line, spelled out again for each job."""
    words = []
    for param in ctx.command.params:
        name = param.name or ""
        source = ctx.get_parameter_source(name)
        if source is None or source.name != "COMMANDLINE" or name in OURS:
            continue
        if name in {"sources", "plan"}:
            raise UsageError(
                f"a folder of jobs takes no {'SOURCE' if name == 'sources' else '--plan'}",
                "Each job's file names its own.",
            )
        value = ctx.params[name]
        if isinstance(value, bool):
            words.append((param.opts if value else param.secondary_opts)[0])
        else:
            words += [f"{param.opts[0]}={item}" for item in (value if isinstance(value, list | tuple) else [value])]
    return words


def _account(ctx: typer.Context, path: Path, words: list[str]) -> str:
    """Whose limits a job counts towards; a file that is wrong counts for itself, and says so when it is run."""
    from importer.workflow.targets import account_of

    try:
        job = ctx.command.make_context("run", ["--config", str(path), *words], parent=ctx.parent)
        return account_of(make_options({**job.params, "api": job.params["api"] or ""}), os.environ)
    except Exception:  # noqa: BLE001 - whatever is wrong with the file: its own process says it
        return str(path)
