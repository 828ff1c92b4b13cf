"""``undo`` and ``verify``: undoing a run, and comparing the ledger with WizCommerce."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import orjson
import pandas as pd

from importer.api import AnswerKind, Client, CustomerRef, Turns
from importer.commands.resume import opened_run
from importer.errors import ApiUnavailableError, InterruptedRunError, OutputError, StopError, UsageError
from importer.ledger import Ledger, LedgerCustomer, Run, Write, WriteState
from importer.planner.compare import differences
from importer.report.advice import counted, undo_verify_steps
from importer.report.report_files import read_csv, write_csv
from importer.run_folder import PayloadFile
from importer.sender.concurrency import LedgerThread
from importer.sender.customer_rounds import BLOCK, CustomerFinding, Found, Rounds, Verdict, unreadable
from importer.sender.restoring import compare_restored, is_deletion, is_open
from importer.sender.undo import Undo
from importer.settings import Options
from importer.tables import TEXT
from importer.workflow.guards import Forecast, forecast
from importer.workflow.job import Confirm, Job, ask
from importer.workflow.supervision import Watch

COLUMNS = ("reference_id", "customer_id", "result", "details")
NAMED = 5  # reference ids that the question names
ALL_WELL = frozenset(
    {Verdict.DELETED, Verdict.DEACTIVATED, Verdict.RESTORED, Verdict.ABSENT, Verdict.OK, Verdict.UNDONE}
)
Work = Callable[[Client, Found], Awaitable[None]]
AGAIN = "Run verify again. Nothing was changed."


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

    ``confirm`` is asked first, whatever the API, unless ``options.yes``, which needs a ``run_id``. ``force`` takes
    back also what was changed in WizCommerce since. Undoing a run again goes on where it stopped. Raises
    :class:`UsageError` when the question is not answered with yes; nothing was done then.
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
                    "undo asks before it changes anything, and there is no terminal to ask on",
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
                now=job.now,
                found=found,
                stop=watch.stop,
            ).take_back()

        return _conduct("undo", job, expected.deleted + expected.restored + expected.kept, step)


def verify(options: Options, environment: Mapping[str, str], run_id: str | None, *, watch: Watch) -> dict[str, Any]:
    """Look up every customer of a run, and compare; ``verify.csv`` has a line for each. Returns the summary.

    Nothing is changed, neither in WizCommerce nor in the ledger.
    """
    with opened_run(options, environment, run_id, watch=watch) as job:

        async def step(client: Client, found: Found) -> None:
            concurrency = job.options.concurrency
            await compare_run(job.ledger, client, job.run, concurrency=concurrency, found=found, stop=watch.stop)

        return _conduct("verify", job, job.ledger.count_held(job.run), step)


def _question(job: Job, expected: Forecast, *, force: bool) -> str:
    read = job.ledger.made_by if expected.deleted else job.ledger.updated_by
    first = [customer.item.reference_id for customer in read(job.run, after=-1, count=NAMED)]
    names = ", ".join(first) + (", …" if expected.deleted + expected.restored > len(first) else "")
    parts = []
    if expected.deleted:
        parts.append(f"{counted(expected.deleted, 'customer')} that it created will be deleted")
    if expected.restored:
        parts.append(f"its updates of {counted(expected.restored, 'customer')} will be undone")
    kept = f"; {counted(expected.kept, 'update')} cannot be undone" if expected.kept else ""
    left = (
        "Changes made in WizCommerce after the run will be lost."
        if force
        else "Later changes in WizCommerce will be kept."
    )
    account = f"{job.target.host}, account {job.run.tenant}"
    return f"This undoes run {job.run.id} ({account}): {' and '.join(parts)} ({names}){kept}. {left} Continue?"


def _conduct(command: str, job: Job, count: int, step: Work) -> dict[str, Any]:
    """Do the work, write the file however it ended, and return the summary (``undo_verify.schema.json``)."""
    findings: list[CustomerFinding] = []

    def found(group: Sequence[CustomerFinding]) -> None:
        findings.extend(group)
        job.watch.stage(f"{command}: {len(findings):,} of {count:,} customers")

    stopped = anyio.run(_stopped, job, step, found)
    path = job.run.out / f"{command}.csv"
    frame = pd.DataFrame({name: pd.Series([getattr(one, name) for one in findings], dtype=TEXT) for name in COLUMNS})
    write_csv(path, _after_earlier(path, frame) if command == "undo" else frame)
    counts = Counter(str(finding.result) for finding in findings)
    code = 3 if stopped is not None or counts[str(Verdict.UNKNOWN)] else 0 if counts.keys() <= ALL_WELL else 1
    summary: dict[str, Any] = {
        "command": command,
        "run_id": job.run.id,
        "api": urlsplit(job.target.url).netloc,
        "customers": max(count, len(findings)),
        "results": {str(result): counts[str(result)] for result in Verdict if counts[str(result)]},
        "left": max(0, count - len(findings)),
        "exit_code": code,
        "folder": str(job.run.out),
        "files": [path.name],
        "stopped": None if stopped is None else job.commands.completed(stopped),
    }
    return {**summary, "next": [job.commands.completed(step) for step in undo_verify_steps(summary)]}


async def _stopped(job: Job, step: Work, found: Found) -> str | None:
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
                await step(client.with_turns(turns), found)
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


def _after_earlier(path: Path, frame: pd.DataFrame) -> pd.DataFrame:
    """The lines of an earlier undo that this one had no reason to repeat, then those of this one."""
    if not path.exists():
        return frame
    earlier = read_csv(path)
    if list(earlier.columns) != list(COLUMNS):
        raise OutputError(f"{path} was changed after an earlier undo", "Move it to another folder.")
    kept = earlier[~earlier["reference_id"].isin(frame["reference_id"])]
    return pd.concat([kept, frame], ignore_index=True)


async def compare_run(
    ledger: Ledger, client: Client, run: Run, *, concurrency: int, found: Found, stop: anyio.Event
) -> None:
    """Look up every customer that should or may be in WizCommerce; ``found`` gets each group.

    Customers of which the ledger has an accepted body are read whole and compared with it; those whose update was
    taken back are compared with what they had before. Raises :class:`InterruptedRunError`,
    :class:`KeyRefusedError`, :class:`ApiUnavailableError`, :class:`LedgerError`.
    """
    rounds = Rounds(concurrency, stop, AGAIN)
    thread = LedgerThread()
    after = -1
    while block := await thread(partial(ledger.held_by, run, after=after, count=BLOCK)):
        rounds.check()
        after = block[-1].item.position
        names = [customer.item.reference_id for customer in block]
        writes = await thread(ledger.writes_of, run, names)
        there = await client.find(names)
        findings: list[CustomerFinding] = []
        look = partial(_look, client, rounds, findings)
        pairs = [_Pair(one, there[name], writes.get(name, ())) for one, name in zip(block, names, strict=True)]
        try:
            await rounds.each(pairs, look)
        finally:
            found(findings)
        rounds.check()


@dataclass(frozen=True, slots=True)
class _Pair:
    """A customer of the ledger, what the API lists under its reference id, and the run's writes to it."""

    customer: LedgerCustomer
    listed: Sequence[CustomerRef]
    writes: Sequence[Write]

    @property
    def deleting(self) -> bool:
        """Undo was cut off while it deleted the customer."""
        return any(map(is_deletion, self.writes))

    @property
    def restored(self) -> bool:
        """Undo took back its update, or a part of it, and no later run has written to it."""
        return self.customer.body is None and any(one.state is WriteState.RESTORED for one in self.writes)


async def _look(client: Client, rounds: Rounds, findings: list[CustomerFinding], pair: _Pair) -> None:
    findings.append(_by_list(pair) or await _by_record(client, rounds, pair))


async def _by_record(client: Client, rounds: Rounds, pair: _Pair) -> CustomerFinding:
    customer, name = pair.customer, pair.customer.item.reference_id
    customer_id = pair.listed[0].id if pair.listed else customer.customer_id
    if customer_id is None:
        return CustomerFinding(name, None, Verdict.MISSING, "WizCommerce does not list it")
    inactive = bool(pair.listed) and pair.listed[0].status == "inactive"
    result, details = Verdict.OK, ""
    # One that is not listed is asked for by its id: a list may lag behind.
    if customer.body is not None or pair.restored or not pair.listed:
        answer = await rounds.ask(client.get(customer_id))
        if answer.kind is AnswerKind.GONE:
            result = Verdict.UNDONE if pair.deleting else Verdict.MISSING
            return CustomerFinding(name, customer_id, result, "it is no longer in WizCommerce")
        if reason := unreadable(answer, name):
            return CustomerFinding(name, customer_id, Verdict.FAILED, reason)
        shown = answer.data or {}
        inactive = shown.get("status") == "inactive"
        result, details = _compared(pair, shown)
    if inactive:
        return CustomerFinding(name, customer_id, Verdict.UNDONE if pair.deleting else Verdict.INACTIVE, details)
    return CustomerFinding(name, customer_id, result, details)


def _compared(pair: _Pair, shown: Mapping[str, Any]) -> tuple[Verdict, str]:
    """How the record that WizCommerce shows compares with what the ledger expects."""
    if not pair.restored:
        changes = [] if pair.customer.body is None else differences(orjson.loads(pair.customer.body), shown)
        return Verdict.CHANGED if changes else Verdict.OK, ", ".join(changes)
    if any(map(is_open, pair.writes)):
        return Verdict.CHANGED, "its update was partly undone"
    changed, left = compare_restored(pair.writes, shown)
    if changed:
        return Verdict.CHANGED, changed
    return Verdict.UNDONE, f"not undone: {left}" if left else ""


def _by_list(pair: _Pair) -> CustomerFinding | None:
    """What the list alone shows; None when the customer has to be looked at."""
    customer, name = pair.customer, pair.customer.item.reference_id
    ids = [ref.id for ref in pair.listed]
    if len(ids) > 1:
        details = f"WizCommerce has it {len(ids)} times, as {' and '.join(ids)}"
        return CustomerFinding(name, customer.customer_id, Verdict.DUPLICATE, details)
    if customer.taken_back:
        if any(ref.status != "inactive" for ref in pair.listed):
            return CustomerFinding(name, ids[0], Verdict.CHANGED, "it is in WizCommerce, although it was undone")
        return CustomerFinding(name, ids[0] if ids else None, Verdict.UNDONE)
    if customer.outcome_unknown:
        details = f"WizCommerce has it as {ids[0]}" if ids else "WizCommerce does not list it"
        return CustomerFinding(
            name, ids[0] if ids else None, Verdict.UNKNOWN, f"{details}; resume the run to settle it"
        )
    if ids and customer.customer_id is not None and ids[0] != customer.customer_id:
        return CustomerFinding(
            name, ids[0], Verdict.CHANGED, f"another customer; the ledger has the ID {customer.customer_id}"
        )
    return None
