"""``run``: check, plan, send, report."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import pandas as pd

from importer.api import Client
from importer.errors import GuardError, UsageError
from importer.ledger import open_ledger
from importer.mapping import LoadedMapping
from importer.pipeline.bodies import with_facts, write_bodies
from importer.pipeline.dry_run import utc_now
from importer.pipeline.job import Confirm, Job, ask, conduct
from importer.pipeline.lookups import fetch_directory
from importer.pipeline.prepare import Timings, mapped, settled
from importer.pipeline.sending import Watch
from importer.pipeline.targets import open_target, resolve
from importer.planner import ids_to_look_up, plan
from importer.runfolder import RunFolder, Stage
from importer.settings import Options
from importer.tables import TEXT

__all__ = ["plan_bodies", "run"]

LOOKUP_BLOCK = 10_000  # reference ids looked up and recorded at a time


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
    timings = Timings()
    named = resolve(options, environment)
    if named is not None and named.is_production and not options.yes:
        ask(confirm, "This sends customers to production. Go on?")
    loaded, stage = mapped(options, timings)
    _check_only(options, stage)
    with open_ledger(options.ledger, now=now) as ledger, open_target(options, environment, ledger.path) as target:
        tenant = ledger.tenant(target.tenant)
        ledger.check_key(tenant, target.key, accept=options.accept_key)
        with ledger.lock(tenant, f"started {now():%Y-%m-%d %H:%M:%S} UTC"):
            entered = ledger.start_run(tenant, "run", out=options.out, mapping=loaded.name, options=options.public())

            async def work(job: Job, client: Client) -> None:
                await _prepare(job, client, loaded)
                _guard(job)
                job.paths.save_bodies(job.bodies)
                await plan_bodies(job, client, job.bodies)
                await job.send(client)

            return conduct(Job(options, ledger, target, entered, watch, now, timings, stage), work)


def _check_only(options: Options, stage: Stage) -> None:
    """Raise :class:`UsageError` when ``--only`` names a customer that the sources do not hold."""
    there = stage.tables.customers["reference_id"]
    absent = sorted(options.only.difference(there.dropna()))
    if absent:
        raise UsageError(
            f"--only: the sources hold no customer {', '.join(map(repr, absent[:5]))}",
            "Give reference ids as `importer check` shows them in results.csv.",
        )


async def _prepare(job: Job, client: Client, loaded: LoadedMapping) -> None:
    """Lookups, validation, bodies; everything that a resumed run needs is on disk when this ends."""
    with job.timings.stage("lookups"):
        directory = await fetch_directory(client, job.stage.tables)
    job.stage = settled(loaded, job.stage, directory, job.timings)
    folder = RunFolder.create(job.options.out, job.run.id)
    with job.timings.stage("payloads"):
        job.bodies = write_bodies(folder, job.stage, unresolved=False)
        job.stage = with_facts(job.stage, "run", job.run.started_at, loaded, job.options, job.timings)
        folder.save(job.stage)
    job.folder = folder


async def plan_bodies(job: Job, client: Client, bodies: pd.DataFrame) -> None:
    """Look up what the ledger does not know, record it, and enter the plan; nothing is sent yet.

    ``bodies``: as :func:`importer.payload.write_payloads` gives them.
    """
    with job.timings.stage("plan"):
        await _plan(job, client, bodies)


async def _plan(job: Job, client: Client, bodies: pd.DataFrame) -> None:
    if job.options.only:
        bodies = bodies[bodies["reference_id"].isin(list(job.options.only))]
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


def _guard(job: Job) -> None:
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
