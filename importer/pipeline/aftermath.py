"""``undo`` and ``verify``: taking back what a run created, and holding the ledger against what the API has."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from importer.api import Client
from importer.errors import InterruptedRunError, OutputError, StopError
from importer.pipeline.job import Confirm, Job, ask
from importer.pipeline.resumption import opened_run
from importer.pipeline.watch import Watch
from importer.report import aftermath_steps
from importer.report.files import write_csv
from importer.sender import PayloadFile
from importer.sender.findings import Finding, Result
from importer.sender.undo import undo as take_back
from importer.sender.verify import verify as hold_against
from importer.settings import Options
from importer.tables import TEXT, unmark_formulas

__all__ = ["undo", "verify"]

COLUMNS = ("reference_id", "customer_id", "result", "details")
NAMED = 5  # reference ids that the question names
WELL = frozenset({Result.DELETED, Result.DEACTIVATED, Result.ABSENT, Result.OK, Result.UNDONE})
Step = Callable[[Job, Client, Callable[[Sequence[Finding]], None]], Awaitable[None]]


def undo(
    options: Options,
    environment: Mapping[str, str],
    run_id: str | None,
    *,
    force: bool,
    confirm: Confirm,
    watch: Watch,
) -> dict[str, Any]:
    """Delete the customers that a run created; ``undo.csv`` tells what became of each. Comes back: the summary.

    ``confirm`` is asked first, whatever the API, unless ``options.yes``. ``force`` deletes also what was changed in
    WizCommerce since. Undoing a run again goes on where it stopped. Raises :class:`UsageError` when the question is
    not answered with yes; nothing was done then.
    """
    with opened_run(options, environment, run_id, question="", confirm=_asked_below, watch=watch) as job:
        count = job.ledger.count_made(job.run)
        if count and not options.yes:
            ask(confirm, _question(job, count, force=force))

        async def step(job: Job, client: Client, found: Callable[[Sequence[Finding]], None]) -> None:
            await take_back(
                job.ledger,
                client,
                job.run,
                PayloadFile(_folder(job) / "payloads.jsonl"),
                force=force,
                concurrency=job.options.concurrency,
                settle=job.options.settle,
                now=job.now,
                found=found,
                stop=watch.stop,
            )

        return _conduct("undo", job, count, step)


def verify(options: Options, environment: Mapping[str, str], run_id: str | None, *, watch: Watch) -> dict[str, Any]:
    """Look up every customer of a run, and compare; ``verify.csv`` tells what was found. Comes back: the summary.

    Nothing is changed, neither in the API nor in the ledger.
    """
    with opened_run(options, environment, run_id, question="", confirm=_asked_below, watch=watch) as job:

        async def step(job: Job, client: Client, found: Callable[[Sequence[Finding]], None]) -> None:
            concurrency = job.options.concurrency
            await hold_against(job.ledger, client, job.run, concurrency=concurrency, found=found, stop=watch.stop)

        return _conduct("verify", job, job.ledger.count_held(job.run), step)


def _asked_below(_question: str) -> bool:
    """Undo asks one question of its own for every API, and verify changes nothing."""
    return True


def _question(job: Job, count: int, *, force: bool) -> str:
    first = [held.item.reference_id for held in job.ledger.made_by(job.run, after=-1, count=NAMED)]
    names = ", ".join(first) + (", …" if count > len(first) else "")
    which = "also those changed there since" if force else "those changed there since are left"
    customers = "1 customer" if count == 1 else f"{count:,} customers"
    host = urlsplit(job.target.url).netloc
    return f"This deletes {customers} that run {job.run.id} created at {host} ({names}); {which}. Go on?"


def _folder(job: Job) -> Path:
    return job.run.out


def _conduct(command: str, job: Job, count: int, step: Step) -> dict[str, Any]:
    """Do the work, write the file however it ended, and give the summary, as ``aftermath.schema.json`` has it."""
    findings: list[Finding] = []

    def found(group: Sequence[Finding]) -> None:
        findings.extend(group)
        job.watch.stage(f"{command}: {len(findings):,} of {count:,} customers")

    stopped = anyio.run(_stopped, job, step, found)
    path = _folder(job) / f"{command}.csv"
    frame = _frame(findings)
    write_csv(path, _after_earlier(path, frame) if command == "undo" else frame)
    counts = Counter(str(finding.result) for finding in findings)
    summary: dict[str, Any] = {
        "command": command,
        "run_id": job.run.id,
        "api": urlsplit(job.target.url).netloc,
        "customers": count,
        "results": {str(result): counts[str(result)] for result in Result if counts[str(result)]},
        "left": max(0, count - len(findings)),
        "exit_code": _exit_code(findings, stopped),
        "folder": str(_folder(job)),
        "files": [path.name],
        "stopped": stopped,
    }
    return {**summary, "next": aftermath_steps(summary)}


async def _stopped(job: Job, step: Step, found: Callable[[Sequence[Finding]], None]) -> str | None:
    """Do the work. Comes back: why it ended early, if it did."""
    job.watch.sending = True
    try:
        async with job.watch.signals(), job.client() as client:
            await step(job, client, found)
    except InterruptedRunError:
        return "interrupted"
    except StopError as error:
        return error.in_one_line
    finally:
        job.watch.sending = False
    return None


def _exit_code(findings: Sequence[Finding], stopped: str | None) -> int:
    results = {finding.result for finding in findings}
    if stopped is not None or Result.UNKNOWN in results:
        return 3
    return 0 if results <= WELL else 1


def _frame(findings: Sequence[Finding]) -> pd.DataFrame:
    rows = [asdict(finding) for finding in findings]
    return pd.DataFrame({name: pd.Series([row[name] for row in rows], dtype=TEXT) for name in COLUMNS})


def _after_earlier(path: Path, frame: pd.DataFrame) -> pd.DataFrame:
    """The lines of an earlier undo that this one had no reason to repeat, then those of this one."""
    if not path.exists():
        return frame
    options = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(COLUMNS, pa.string()), strings_can_be_null=True)
    try:
        table = pyarrow.csv.read_csv(path, convert_options=options).select(list(COLUMNS))
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        raise OutputError(f"{path} is not as an earlier undo left it: {error}", "Move it away.") from error
    earlier = pd.DataFrame({name: pd.Series(unmark_formulas(table[name]).to_pylist(), dtype=TEXT) for name in COLUMNS})
    kept = earlier[~earlier["reference_id"].isin(frame["reference_id"])]
    return pd.concat([kept, frame], ignore_index=True)
