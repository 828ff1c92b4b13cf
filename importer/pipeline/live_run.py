"""``run``: check, plan, send, report."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import anyio
import pandas as pd

from importer.api import Client, Limiter, RetryPolicy
from importer.errors import GuardError, ImporterError, StopError, UsageError
from importer.ledger import Ledger, Run, open_ledger
from importer.mapping import LoadedMapping
from importer.pipeline.bodies import with_facts, write_bodies
from importer.pipeline.dry_run import utc_now
from importer.pipeline.lookups import Directory, needed_lookups
from importer.pipeline.outcomes import tell
from importer.pipeline.prepare import Timings, mapped, settled
from importer.pipeline.reports import Ending, exit_code, write_reports
from importer.pipeline.sending import Watch, send_run
from importer.pipeline.targets import Target, open_target, resolve
from importer.planner import ids_to_look_up, plan
from importer.report import totals
from importer.runfolder import RunFolder, Stage
from importer.settings import Options
from importer.tables import TEXT

__all__ = ["run"]

LOOKUP_BLOCK = 10_000  # reference ids looked up and recorded at a time
Confirm = Callable[[str], bool]


@dataclass
class _Job:
    """A run under way: what its stages share."""

    options: Options
    ledger: Ledger
    target: Target
    run: Run
    loaded: LoadedMapping
    watch: Watch
    started: datetime
    now: Callable[[], datetime]
    timings: Timings
    stage: Stage
    bodies: pd.DataFrame = field(default_factory=pd.DataFrame)
    folder: RunFolder | None = None
    limiter: Limiter = field(init=False)

    def __post_init__(self) -> None:
        self.limiter = Limiter(ceiling=self.options.rate or self.target.rate, max_concurrency=self.options.concurrency)

    @property
    def paths(self) -> RunFolder:
        """The run's folder, once there is one."""
        assert self.folder is not None
        return self.folder


def run(
    options: Options,
    environment: Mapping[str, str],
    *,
    confirm: Confirm,
    watch: Watch,
    now: Callable[[], datetime] = utc_now,
) -> dict[str, Any]:
    """Load, map and validate; plan against ledger and API; send; write the reports. Comes back: the summary.

    ``confirm`` is asked before anything goes to production. A run that stops early still leaves its reports, and its
    summary says so; only what fails before there is a run's folder is raised: :class:`InputError`, :class:`StopError`.
    """
    started = now()
    timings = Timings()
    target = resolve(options, environment)
    if target is not None and target.is_production and not options.yes:
        _ask(confirm, "This sends customers to production. Go on?")
    loaded, stage = mapped(options, timings)
    with open_ledger(options.ledger, now=now) as ledger, open_target(options, environment, ledger.path) as target:
        tenant = ledger.tenant(target.tenant)
        ledger.check_key(tenant, target.key, accept=options.accept_key)
        with ledger.lock(tenant, f"started {started:%Y-%m-%d %H:%M:%S} UTC"):
            entered = ledger.start_run(tenant, "run", out=options.out, mapping=loaded.name, options=options.public())
            job = _Job(options, ledger, target, entered, loaded, watch, started, now, timings, stage)
            return anyio.run(_run, job, backend_options={"use_uvloop": True})


def _ask(confirm: Confirm, question: str) -> None:
    if not confirm(question):
        raise UsageError(
            "nothing was sent: the question was not answered with yes", "Add --yes to answer it beforehand."
        )


async def _run(job: _Job) -> dict[str, Any]:
    stopped: ImporterError | None = None
    try:
        async with job.watch.signals(), _client(job) as client:
            await _prepare(job, client)
            _guard(job)
            with job.timings.stage("plan"):
                await _plan(job, client)
            with job.timings.stage("send"):
                await send_run(job.ledger, client, job.run, job.paths.payloads, job.options, job.watch)
    except StopError as error:
        stopped = error
    if job.folder is None:
        assert stopped is not None
        job.ledger.finish_run(job.run.id, stopped.exit_code, {})
        raise stopped
    return _report(job, job.folder, stopped)


def _client(job: _Job) -> Client:
    return Client(
        job.target.url,
        job.target.key,
        limiter=job.limiter,
        timeout=job.options.timeout,
        connections=job.options.concurrency,
        retry=RetryPolicy(),
        rng=random.Random(),  # noqa: S311 - spreads retries, keeps no secret
    )


async def _prepare(job: _Job, client: Client) -> None:
    """Lookups, validation, bodies; everything that a resumed run needs is on disk when this ends."""
    directory = None
    if needed_lookups(job.stage.tables):
        with job.timings.stage("lookups"):
            directory = Directory.of(await client.sales_reps(), await client.price_lists())
    job.stage = settled(job.loaded, job.stage, directory or Directory({}, {}), job.timings)
    folder = RunFolder.create(job.options.out, job.run.id)
    with job.timings.stage("payloads"):
        job.bodies = write_bodies(folder, job.stage, unresolved=False)
        job.stage = with_facts(job.stage, "run", job.started, job.loaded, job.options, job.timings)
        folder.save(job.stage)
    job.folder = folder


async def _plan(job: _Job, client: Client) -> None:
    """Look up what the ledger does not know, record it, and enter the plan; nothing is sent yet."""
    bodies = job.bodies
    if job.options.only:
        bodies = bodies[bodies["reference_id"].isin(list(job.options.only))]
        missing = sorted(job.options.only - set(bodies["reference_id"]))
        if missing:
            job.watch.phase(f"--only: no valid customer is called {', '.join(missing[:5])}")
    bodies = bodies.reset_index(drop=True)
    known = job.ledger.known(job.run.tenant, bodies["reference_id"])
    wanted = ids_to_look_up(bodies, known)
    found: dict[str, str] = {}
    for start in range(0, len(wanted), LOOKUP_BLOCK):
        block = wanted[start : start + LOOKUP_BLOCK]
        job.watch.phase(f"Looking up which customers exist: {start:,} of {len(wanted):,}")
        there = {name: refs[0].id for name, refs in (await client.find(block)).items() if refs}
        job.ledger.record_lookup(job.run.tenant, block, _found_frame(there))
        found |= there
    job.ledger.plan_run(job.run.id, plan(bodies, known, _found_frame(found)))


def _found_frame(found: Mapping[str, str]) -> pd.DataFrame:
    return pd.DataFrame({"reference_id": list(found), "customer_id": list(found.values())}, dtype=TEXT)


def _guard(job: _Job) -> None:
    rejected, count = int(job.stage.rejected.sum()), len(job.stage.rejected)
    loose = int(job.stage.tables.rows["rejected"].sum())
    if job.options.strict and (rejected or loose):
        raise GuardError(
            f"--strict: {rejected} of {count} customers and {loose} loose rows were rejected; nothing was sent",
            "Mend the rows in rejected/, or run without --strict.",
        )
    limit = job.options.max_rejected
    if limit is not None and limit.passed_by(rejected, count):
        raise GuardError(
            f"--max-rejected {limit}: {rejected} of {count} customers were rejected; nothing was sent",
            "Mend the rows in rejected/, or raise --max-rejected.",
        )


def _report(job: _Job, folder: RunFolder, stopped: ImporterError | None) -> dict[str, Any]:
    """The reports of a run, however it ended, and its last line in the ledger."""
    told = tell(job.ledger, job.run.id, replace(job.stage, facts={**job.stage.facts, "timings": job.timings.seconds}))
    counts = totals(told.stage.sources, told.stage.tables, told.stage.rejected, told.outcomes)
    code = stopped.exit_code if stopped is not None else exit_code(told.outcomes, counts.rows_rejected)
    reason = None if stopped is None else " ".join(str(stopped).split())
    ending = Ending(code, job.now(), reason, _pace(job), told.retryable)
    summary = write_reports(folder, told.stage, told.outcomes, told.refused, ending)
    job.ledger.finish_run(job.run.id, code, summary)
    return summary


def _pace(job: _Job) -> dict[str, Any]:
    seconds = job.timings.seconds.get("send", 0.0)
    figures = job.limiter.statistics
    return {
        "requests": figures.requests,
        "throttled": figures.throttled,
        "waited_seconds": round(figures.waited_seconds, 3),
        "peak_per_second": figures.peak_per_second,
        "reached_per_second": round(figures.requests / seconds, 1) if seconds > 0 else None,
        "ceiling": job.options.rate,
    }
