"""``undo``: undo what a run did. :mod:`importer.commands.verify` also uses :func:`run_with_findings`."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import pandas as pd

from importer.api import Client, Turns
from importer.commands.resume import opened_run
from importer.errors import ApiUnavailableError, InterruptedRunError, OutputError, StopError, UsageError
from importer.report.advice import undo_verify_steps
from importer.report.report_files import read_csv, write_csv
from importer.run_folder import PayloadFile
from importer.sender.customer_rounds import CustomerFinding, CustomerResult, Found
from importer.sender.restoring import Forecast, forecast
from importer.sender.undo import Undo
from importer.settings import Options
from importer.tables import TEXT
from importer.wording import counted
from importer.workflow.job import Confirm, Job, ask
from importer.workflow.supervision import Watch
from importer.workflow.timings import utc_now

COLUMNS = ("reference_id", "customer_id", "result", "details")
NAMED = 5  # reference IDs named in the question
ALL_WELL = frozenset(
    {
        CustomerResult.DELETED,
        CustomerResult.DEACTIVATED,
        CustomerResult.RESTORED,
        CustomerResult.ABSENT,
        CustomerResult.OK,
        CustomerResult.UNDONE,
    }
)
Work = Callable[[Client, Found], Awaitable[None]]


def undo(
    options: Options,
    environment: Mapping[str, str],
    run_id: str | None,
    *,
    force: bool,
    confirm: Confirm | None,
    watch: Watch,
) -> dict[str, Any]:
    """Undo what a run created and updated; ``undo.csv`` has a line for each customer. Returns the summary.

    ``confirm`` is asked first, for any API, except with ``options.yes``, which requires a ``run_id``. ``force``: also
    undo what has been changed in WizCommerce since then. A second undo of a run continues where the first stopped.
    Raises :class:`UsageError` if the answer is not yes; then nothing was done.
    """
    if options.yes and run_id is None:
        raise UsageError(
            "undo --yes needs the ID of the run to undo",
            "`importer runs` lists them. Without --yes, undo takes the latest run and asks first.",
        )
    with opened_run(options, environment, run_id, watch=watch) as job:
        expected = forecast(job.ledger, job.run)
        if (expected.deleted or expected.restored) and not options.yes:
            if confirm is None:
                raise UsageError(
                    "undo asks before it changes anything, but there is no terminal to ask in",
                    f"To confirm in advance: importer undo {job.run.id}{' --force' if force else ''} --yes",
                )
            ask(confirm, _question(job, expected, force=force))

        async def step(client: Client, found: Found) -> None:
            await Undo(
                job.ledger,
                client,
                job.run,
                PayloadFile(job.run.out / "payloads.jsonl"),
                force=force,
                concurrency=job.options.concurrency,
                settle=job.options.settle,
                now=utc_now,
                found=found,
                stop=watch.stop,
            ).undo_run()

        return run_with_findings("undo", job, expected.deleted + expected.restored + expected.kept, step)


def _question(job: Job, expected: Forecast, *, force: bool) -> str:
    read = job.ledger.made_by if expected.deleted else job.ledger.updated_by
    first = [customer.item.reference_id for customer in read(job.run, after=-1, count=NAMED)]
    names = ", ".join(first) + (", …" if expected.deleted + expected.restored > len(first) else "")
    parts = []
    if expected.deleted:
        parts.append(f"{counted(expected.deleted, 'customer')} that it created will be deleted")
    if expected.restored:
        parts.append(f"its updates to {counted(expected.restored, 'customer')} will be undone")
    kept = f"; {counted(expected.kept, 'update')} cannot be undone" if expected.kept else ""
    left = (
        "Changes made in WizCommerce after the run will be lost."
        if force
        else "Later changes in WizCommerce will be kept."
    )
    account = f"{job.target.host}, account {job.run.tenant}"
    return f"This undoes run {job.run.id} ({account}): {' and '.join(parts)} ({names}){kept}. {left} Continue?"


def run_with_findings(command: str, job: Job, count: int, step: Work) -> dict[str, Any]:
    """Do the work, write the file (even if the work stopped early), and return the summary.

    ``undo_verify.schema.json`` describes the summary. ``count``: how many customers there are to look at.
    """
    findings: list[CustomerFinding] = []

    def found(group: Sequence[CustomerFinding]) -> None:
        findings.extend(group)
        job.watch.stage(f"{command}: {len(findings):,} of {count:,} customers")

    stopped = anyio.run(_stopped, job, step, found)
    path = job.run.out / f"{command}.csv"
    frame = pd.DataFrame({name: pd.Series([getattr(one, name) for one in findings], dtype=TEXT) for name in COLUMNS})
    write_csv(path, _after_earlier(path, frame) if command == "undo" else frame)
    counts = Counter(str(finding.result) for finding in findings)
    code = 3 if stopped is not None or counts[str(CustomerResult.UNKNOWN)] else 0 if counts.keys() <= ALL_WELL else 1
    summary: dict[str, Any] = {
        "command": command,
        "run_id": job.run.id,
        "api": urlsplit(job.target.url).netloc,
        "customers": max(count, len(findings)),
        "results": {str(result): counts[str(result)] for result in CustomerResult if counts[str(result)]},
        "left": max(0, count - len(findings)),
        "exit_code": code,
        "folder": str(job.run.out),
        "files": [path.name],
        "stopped": None if stopped is None else job.commands.completed(stopped),
    }
    return {**summary, "next": [job.commands.completed(step) for step in undo_verify_steps(summary)]}


async def _stopped(job: Job, step: Work, found: Found) -> str | None:
    """Do the work. Returns why it stopped early, or None if it did not."""
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
                await step(client.with_turns(turns), found)
            except StopError as error:
                stopped = error
            group.cancel_scope.cancel()
    except InterruptedRunError as error:
        stopped = error
    finally:
        job.watch.sending = False
    if isinstance(stopped, InterruptedRunError) or (turns.canceled and isinstance(stopped, ApiUnavailableError)):
        return "interrupted"
    return None if stopped is None else stopped.in_one_line


def _after_earlier(path: Path, frame: pd.DataFrame) -> pd.DataFrame:
    """The lines of an earlier undo for customers that this undo did not look at, then the lines of this undo."""
    if not path.exists():
        return frame
    earlier = read_csv(path)
    if list(earlier.columns) != list(COLUMNS):
        raise OutputError(f"{path} was changed after an earlier undo", "Move it to another folder.")
    kept = earlier[~earlier["reference_id"].isin(frame["reference_id"])]
    return pd.concat([kept, frame], ignore_index=True)
