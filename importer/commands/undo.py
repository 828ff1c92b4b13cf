"""``undo`` and ``verify``: taking a run back, and comparing the ledger with what WizCommerce has."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import pandas as pd

from importer.api import Client, Turns
from importer.commands.resume import opened_run
from importer.commands.verify import verify as compare
from importer.errors import ApiUnavailableError, InterruptedRunError, OutputError, StopError, UsageError
from importer.report import undo_verify_steps
from importer.report.report_files import write_csv
from importer.run_folder import PayloadFile
from importer.sender.customer_rounds import Finding, Result
from importer.sender.undo import undo as take_back
from importer.settings import Options
from importer.tables import TEXT
from importer.workflow.consent import Forecast, forecast
from importer.workflow.job import Confirm, Job, ask
from importer.workflow.report_writer import read_report
from importer.workflow.watch import Watch

__all__ = ["undo", "verify"]

COLUMNS = ("reference_id", "customer_id", "result", "details")
NAMED = 5  # reference ids that the question names
ALL_WELL = frozenset({Result.DELETED, Result.DEACTIVATED, Result.RESTORED, Result.ABSENT, Result.OK, Result.UNDONE})
Step = Callable[[Job, Client, Callable[[Sequence[Finding]], None]], Awaitable[None]]


def undo(
    options: Options,
    environment: Mapping[str, str],
    run_id: str | None,
    *,
    force: bool,
    confirm: Confirm | None,
    watch: Watch,
) -> dict[str, Any]:
    """Take back what a run created and updated; ``undo.csv`` has a line for each customer. Returns the summary.

    ``confirm`` is asked first, whatever the API, unless ``options.yes``, which needs a ``run_id``. ``force`` takes
    back also what was changed in WizCommerce since. Undoing a run again goes on where it stopped. Raises
    :class:`UsageError` when the question is not answered with yes; nothing was done then.
    """
    if options.yes and run_id is None:
        raise UsageError(
            "undo --yes needs the id of the run to take back",
            "`importer runs` lists them. Without --yes, undo takes the latest run and asks first.",
        )
    with opened_run(options, environment, run_id, watch=watch) as job:
        expected = forecast(job.ledger, job.run)
        if (expected.deleted or expected.restored) and not options.yes:
            _ask(job, confirm, expected, force=force)

        async def step(job: Job, client: Client, found: Callable[[Sequence[Finding]], None]) -> None:
            await take_back(
                job.ledger,
                client,
                job.run,
                PayloadFile(job.run.out / "payloads.jsonl"),
                force=force,
                concurrency=job.options.concurrency,
                settle=job.options.settle,
                now=job.now,
                found=found,
                stop=watch.stop,
            )

        return _conduct("undo", job, expected.deleted + expected.restored + expected.kept, step)


def verify(options: Options, environment: Mapping[str, str], run_id: str | None, *, watch: Watch) -> dict[str, Any]:
    """Look up every customer of a run, and compare; ``verify.csv`` has a line for each. Returns the summary.

    Nothing is changed, neither in WizCommerce nor in the ledger.
    """
    with opened_run(options, environment, run_id, watch=watch) as job:

        async def step(job: Job, client: Client, found: Callable[[Sequence[Finding]], None]) -> None:
            concurrency = job.options.concurrency
            await compare(job.ledger, client, job.run, concurrency=concurrency, found=found, stop=watch.stop)

        return _conduct("verify", job, job.ledger.count_held(job.run), step)


def _ask(job: Job, confirm: Confirm | None, expected: Forecast, *, force: bool) -> None:
    if confirm is None:
        raise UsageError(
            "undo asks before it changes anything, and there is no terminal to ask on",
            f"To answer beforehand: importer undo {job.run.id}{' --force' if force else ''} --yes",
        )
    ask(confirm, _question(job, expected, force=force))


def _question(job: Job, expected: Forecast, *, force: bool) -> str:
    read = job.ledger.made_by if expected.deleted else job.ledger.updated_by
    first = [customer.item.reference_id for customer in read(job.run, after=-1, count=NAMED)]
    names = ", ".join(first) + (", …" if expected.deleted + expected.restored > len(first) else "")
    parts = []
    if expected.deleted:
        parts.append(f"{_count(expected.deleted, 'customer')} that it created will be deleted")
    if expected.restored:
        parts.append(f"its updates of {_count(expected.restored, 'customer')} will be taken back")
    kept = f"; {_count(expected.kept, 'update')} cannot be taken back" if expected.kept else ""
    left = "Changes made in WizCommerce since will be lost." if force else "What was changed there since will be left."
    account = f"{job.target.host}, account {job.run.tenant}"
    return f"This undoes run {job.run.id} ({account}): {' and '.join(parts)} ({names}){kept}. {left} Continue?"


def _count(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number:,} {noun}s"


def _conduct(command: str, job: Job, count: int, step: Step) -> dict[str, Any]:
    """Do the work, write the file however it ended, and return the summary (``undo_verify.schema.json``)."""
    findings: list[Finding] = []

    def found(group: Sequence[Finding]) -> None:
        findings.extend(group)
        job.watch.stage(f"{command}: {len(findings):,} of {count:,} customers")

    stopped = anyio.run(_stopped, job, step, found)
    path = job.run.out / f"{command}.csv"
    frame = _frame(findings)
    write_csv(path, _after_earlier(path, frame) if command == "undo" else frame)
    counts = Counter(str(finding.result) for finding in findings)
    summary: dict[str, Any] = {
        "command": command,
        "run_id": job.run.id,
        "api": urlsplit(job.target.url).netloc,
        "customers": max(count, len(findings)),
        "results": {str(result): counts[str(result)] for result in Result if counts[str(result)]},
        "left": max(0, count - len(findings)),
        "exit_code": _exit_code(findings, stopped),
        "folder": str(job.run.out),
        "files": [path.name],
        "stopped": None if stopped is None else job.commands.completed(stopped),
    }
    return {**summary, "next": [job.commands.completed(step) for step in undo_verify_steps(summary)]}


async def _stopped(job: Job, step: Step, found: Callable[[Sequence[Finding]], None]) -> str | None:
    """Do the work. Returns why it ended early, if it did."""
    turns = Turns()

    async def cancel_waiting() -> None:
        await job.watch.stop.wait()
        turns.cancel()

    stopped: StopError | None = None
    job.watch.sending = True
    try:
        async with job.watch.signals(), job.client() as client, anyio.create_task_group() as group:
            group.start_soon(cancel_waiting)
            try:
                await step(job, client.with_turns(turns), found)
            except StopError as error:
                stopped = error
            group.cancel_scope.cancel()
    except InterruptedRunError as error:
        stopped = error
    finally:
        job.watch.sending = False
    if isinstance(stopped, InterruptedRunError) or (turns.cancelled and isinstance(stopped, ApiUnavailableError)):
        return "interrupted"
    return None if stopped is None else stopped.in_one_line


def _exit_code(findings: Sequence[Finding], stopped: str | None) -> int:
    results = {finding.result for finding in findings}
    if stopped is not None or Result.UNKNOWN in results:
        return 3
    return 0 if results <= ALL_WELL else 1


def _frame(findings: Sequence[Finding]) -> pd.DataFrame:
    rows = [asdict(finding) for finding in findings]
    return pd.DataFrame({name: pd.Series([row[name] for row in rows], dtype=TEXT) for name in COLUMNS})


def _after_earlier(path: Path, frame: pd.DataFrame) -> pd.DataFrame:
    """The lines of an earlier undo that this one had no reason to repeat, then those of this one."""
    if not path.exists():
        return frame
    earlier = read_report(path)
    if list(earlier.columns) != list(COLUMNS):
        raise OutputError(f"{path} is not as an earlier undo left it", "Move it away.")
    kept = earlier[~earlier["reference_id"].isin(frame["reference_id"])]
    return pd.concat([kept, frame], ignore_index=True)
