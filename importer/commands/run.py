"""``run``: check, plan, send, and report."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, cast

import pandas as pd

from importer.api import Client
from importer.errors import UsageError
from importer.ledger import open_ledger
from importer.partitions.prepared_sources import PreparedSources, check_only, prepared
from importer.planner import Mode, ids_to_look_up, plan
from importer.run_folder import RunFolder
from importer.sender.customer_rounds import Rounds
from importer.settings import Options
from importer.workflow.api_state import examine, found_frame, found_twice, look_up, with_moments, without_twice
from importer.workflow.guards import check_can_ask, confirm_target, guard_export, guard_plan
from importer.workflow.job import Confirm, Job, execute
from importer.workflow.open_sources import chosen, with_dates
from importer.workflow.report_writer import with_facts
from importer.workflow.saved_plan import SavedPlan, check_drift, open_plan
from importer.workflow.supervision import Watch
from importer.workflow.targets import check_account, open_target, resolve
from importer.workflow.timings import Timings, utc_now
from importer.workflow.validated_stage import validated_stage


def run(options: Options, environment: Mapping[str, str], *, confirm: Confirm | None, watch: Watch) -> dict[str, Any]:
    """Load, map, and validate; plan with the ledger and the API; send; write the reports. Returns the summary.

    With ``options.plan``, exactly that plan is applied, and only once; options that the plan contains can be omitted.
    ``confirm`` is asked before anything is sent to production. It is None if nobody can answer. A run that stops early
    also has reports, and its summary says why it stopped. Raises :class:`InputError`, which includes an answer other
    than yes, and :class:`StopError` if the run stops before it has a folder.
    """
    if not options.plan:
        _refuse_missing(options)
    saved = open_plan(options.plan, options.out) if options.plan else None
    options = with_dates(options, utc_now()) if saved is None else saved.options(options)
    if options.on_conflict != "report" and options.mode != "upsert":
        watch.phase(f"--on-conflict {options.on_conflict} has no effect without --mode upsert.")
    check_can_ask(resolve(options, environment), options, confirm)
    with prepared(options, Timings(began=watch.stage), hashed=True) as work:
        check_only(options, work)
        if saved is not None:
            saved.check_sources(work.loaded, work.sources)
        steps = partial(_carry_out, work=work, saved=saved, confirm=confirm)
        return begin("run", work, environment, steps, watch=watch, saved=saved)


def _refuse_missing(options: Options) -> None:
    """Raise :class:`UsageError` if an option that a run without a plan needs is missing."""
    given = {"SOURCE…": options.sources, "--mapping": options.mapping, "--api": options.api}
    missing = [name for name, value in given.items() if not value]
    if missing:
        raise UsageError(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing",
            "Specify what to send, and where: importer run SOURCE… -m MAPPING --api TARGET. Or use --plan PLAN.",
        )


def begin(
    command: str,
    work: PreparedSources,
    environment: Mapping[str, str],
    steps: Callable[[Job, Client], Awaitable[None]],
    *,
    watch: Watch,
    saved: SavedPlan | None = None,
) -> dict[str, Any]:
    """Enter a run into the ledger, and carry out its steps while its account is locked. Returns the summary.

    Raises what :func:`run` raises, and :class:`TenantLockedError`.
    """
    options = work.options
    with open_ledger(options.ledger) as ledger, open_target(options, environment, ledger.path) as target:
        tenant = ledger.tenant(target.tenant)
        with ledger.lock(tenant, f"started {utc_now():%Y-%m-%d %H:%M:%S} UTC"):
            check_account(ledger, target, options)
            if saved is not None:
                saved.check_ledger(ledger, tenant)
            out, mapping, recorded = options.out, work.loaded.name, options.recorded()
            entered = ledger.start_run(
                tenant, command, out=out, mapping=mapping, options=recorded, claim=RunFolder.claim
            )
            try:
                return execute(Job(options, ledger, target, entered, watch, work.timings), steps)
            finally:
                with suppress(OSError):  # fails if the run has written anything
                    (out / entered.id).rmdir()


async def _carry_out(
    job: Job, client: Client, *, work: PreparedSources, saved: SavedPlan | None, confirm: Confirm | None
) -> None:
    await prepare_run(job, client, work)
    guard_export(job, work.loaded)
    if saved is None:
        job.paths.save_bodies(job.bodies)
    else:
        saved.check_bodies(job.paths.payloads, job.bodies)
        job.paths.save_plan(saved.planned, saved.facts)
    await plan_bodies(job, client, job.bodies)
    confirm_target(job, confirm)
    await job.send(client)


async def prepare_run(job: Job, client: Client, work: PreparedSources) -> None:
    """Look names up, validate, and write the bodies. Afterward, what reports and a resumed run need is on disk."""
    stage = await validated_stage(client, job.ledger, job.run.tenant, work)
    folder = RunFolder(job.options.out / job.run.id)
    with job.timings.stage("payloads"):
        job.bodies = work.write_bodies(folder)
        job.stage = with_facts(stage, job.run.command, job.run.started_at, work.loaded, job.options, job.timings)
        folder.save(job.stage)
    job.folder = folder
    work.release()


async def plan_bodies(job: Job, client: Client, bodies: pd.DataFrame) -> None:
    """Look up what the ledger does not know, record it, and enter the plan into the ledger. Nothing is sent yet.

    ``bodies``: as :func:`importer.payload.write_payloads` returns them.
    """
    with job.timings.stage("plan"):
        saved = job.paths.load_plan()
        if saved is None:
            own = chosen(job.options, bodies)
        else:
            own = bodies[bodies["reference_id"].isin(saved[0]["reference_id"])].reset_index(drop=True)
        known = job.ledger.known(job.run.tenant, own["reference_id"])
        # Customers that are found several times are not recorded, so that they are looked up again next time.
        record = partial(job.ledger.record_lookup, job.run.tenant)
        found, twice = await look_up(client, ids_to_look_up(own, known), job.watch.stage, record)
        mode = cast("Mode", job.options.mode)
        planned = without_twice(plan(own, known, found_frame(found), mode=mode), twice)
        if saved is not None:
            now = with_moments(planned, found)
            if mode == "upsert":
                rounds = Rounds(job.options.concurrency, job.watch.stop, "Nothing was sent.")
                ledger, tenant, payloads = job.ledger, job.run.tenant, job.paths.payloads
                say = job.watch.stage
                now, _ = await examine(ledger, tenant, client, planned, found, payloads, job.stage, rounds, say)
            check_drift(saved, now)
            job.paths.save_bodies(bodies)  # not earlier: a run that differs from its plan must not be resumed
        guard_plan(job, planned)
        job.ledger.plan_run(job.run.id, planned)
        if mode == "upsert":
            job.ledger.record_outcomes(job.run, found_twice(planned, twice))
