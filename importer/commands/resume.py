"""``resume`` and ``retry``: continue a run from the ledger and its folder, without its sources."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from importer.api import Client
from importer.commands.history import chosen_run, folder_of, known_ledger
from importer.commands.run import plan_bodies
from importer.errors import UsageError
from importer.records import OutcomeKind
from importer.settings import Options
from importer.wording import counted
from importer.workflow.guards import check_can_ask, confirm_target
from importer.workflow.job import Confirm, Job, execute
from importer.workflow.supervision import Watch
from importer.workflow.targets import open_target, resolve
from importer.workflow.timings import Timings

# Options that a run keeps from its start, including a guard that it may not have reached yet.
_KEPT = ("api", "mode", "on_conflict", "max_changed")


@contextmanager
def opened_run(
    options: Options,
    environment: Mapping[str, str],
    run_id: str | None,
    *,
    watch: Watch,
) -> Iterator[Job]:
    """Open a run in the ledger, with its target, its folder, and its tenant's lock, so that it can be continued.

    It keeps its API and its tenant. Raises :class:`UsageError` if the run is unknown, if it stopped before it made a
    plan, or if the key is a different one.
    """
    with known_ledger(options) as ledger:
        run = chosen_run(ledger, options, run_id)
        if run_id is None:
            watch.phase(f"Using the latest run, {run.id}.")
        stored = {name: run.options[name] for name in _KEPT if name in run.options}
        own = options.kept({**stored, "tenant": run.tenant}, f"run {run.id}")
        resolve(own, environment)  # notice a missing key before the folder is read
        folder = folder_of(ledger, run)
        stage = folder.load()
        with open_target(own, environment, ledger.path) as target, ledger.lock(run.tenant, run.id):
            ledger.check_key(run.tenant, target.key, accept=options.accept_key)
            job = Job(own, ledger, target, run, watch, Timings(dict(stage.facts["timings"])), folder)
            job.stage = stage
            yield job


async def _send(job: Job, client: Client, *, confirm: Confirm | None) -> None:
    """Ask and send. A run that was stopped before its plan was in the ledger makes its plan first."""
    bodies = job.paths.load_bodies()
    if not job.ledger.counts(job.run.id) and bodies is not None:
        await plan_bodies(job, client, bodies)
    confirm_target(job, confirm)
    await job.send(client)


def _say_undone(job: Job) -> None:
    if count := job.ledger.count_undone(job.run):
        were, them = ("was", "it") if count == 1 else ("were", "them")
        customers = counted(count, "customer")
        job.watch.phase(f"{customers} of this run {were} undone. To send {them} again, start a new run.")


def _check_sends(job: Job, confirm: Confirm | None) -> None:
    """Raise :class:`UsageError` if the run never sends anything, or if nobody can answer its question."""
    check_can_ask(job.target, job.options, confirm)
    if job.run.command == "adopt":
        raise UsageError(
            f"{job.run.id} is a run of `importer adopt`, which sends nothing",
            "Run adopt again with the same sources, or specify another run (`importer runs` lists all runs).",
        )


def resume(
    options: Options, environment: Mapping[str, str], run_id: str | None, *, confirm: Confirm | None, watch: Watch
) -> dict[str, Any]:
    """Continue a run: look up unknown outcomes, and send what was not sent. Returns the summary.

    ``confirm`` is asked before anything is sent to production. It is None if nobody can answer.
    """
    with opened_run(options, environment, run_id, watch=watch) as job:
        _check_sends(job, confirm)
        known = job.ledger.counts(job.run.id).keys()
        if known and not known & {OutcomeKind.PENDING, OutcomeKind.UNKNOWN}:
            watch.phase("Nothing is left to send.")
        _say_undone(job)
        return execute(job, partial(_send, confirm=confirm))


def retry(
    options: Options,
    environment: Mapping[str, str],
    run_id: str | None,
    *,
    include_refused: bool,
    confirm: Confirm | None,
    watch: Watch,
) -> dict[str, Any]:
    """Resend what failed for temporary reasons, and with ``include_refused``, what the API refused.

    Returns the summary. ``confirm``: as in :func:`resume`.
    """
    with opened_run(options, environment, run_id, watch=watch) as job:
        _check_sends(job, confirm)
        count = job.ledger.reopen(job.run, include_refused=include_refused)
        watch.phase(
            f"Trying {counted(count, 'customer')} again." if count else "Nothing failed for a temporary reason."
        )
        _say_undone(job)
        return execute(job, partial(_send, confirm=confirm))
