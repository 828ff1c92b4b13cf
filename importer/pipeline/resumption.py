"""``resume`` and ``retry``: going on with a run from the ledger and its folder, without its sources."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from importer.api import Client
from importer.errors import UsageError
from importer.ledger import Run, open_ledger
from importer.pipeline.history import folder_of
from importer.pipeline.job import Confirm, Job, ask, conduct
from importer.pipeline.live_run import plan_bodies
from importer.pipeline.prepare import Timings, utc_now
from importer.pipeline.targets import open_target, resolve
from importer.pipeline.watch import Watch
from importer.settings import Options

__all__ = ["opened_run", "resume", "retry"]

# What a run began with; a guard is among them that it may not have come to yet.
_KEPT = ("api", "mode", "on_conflict", "max_changed")
QUESTION = "This sends customers to production. Go on?"


@contextmanager
def opened_run(
    options: Options,
    environment: Mapping[str, str],
    run_id: str | None,
    *,
    question: str,
    confirm: Confirm,
    watch: Watch,
    now: Callable[[], datetime] = utc_now,
) -> Iterator[Job]:
    """A run of the ledger with its target, its tenant's lock and its folder, ready to go on.

    It goes on with the API and the tenant that it began with. ``question`` is asked before anything goes to
    production. Raises :class:`UsageError` for an unknown run, one that had not begun to send, or another key.
    """
    with open_ledger(options.ledger, now=now) as ledger:
        run = ledger.run(run_id) if run_id else ledger.latest_run(options.tenant, planned=True)
        if run_id is None:
            watch.phase(f"Run {run.id}, the latest that planned anything.")
        stored = {name: run.options[name] for name in _KEPT if name in run.options}
        own = options.kept({**stored, "tenant": run.tenant}, f"run {run.id}")
        named = resolve(own, environment)
        if named is not None and named.is_production and not options.yes:
            ask(confirm, question)
        folder = folder_of(ledger, run)
        stage = folder.load()
        with open_target(own, environment, ledger.path) as target:
            ledger.check_key(run.tenant, target.key, accept=options.accept_key)
            with ledger.lock(run.tenant, run.id):
                job = Job(own, ledger, target, run, watch, now, Timings(dict(stage.facts["timings"])), folder)
                job.stage = stage
                yield job


async def _send(job: Job, client: Client) -> None:
    """Send; a run that was stopped before its plan was entered makes its plan first."""
    bodies = job.paths.load_bodies()
    if not job.ledger.counts(job.run.id) and bodies is not None:
        await plan_bodies(job, client, bodies)
    await job.send(client)


def _check_sends(run: Run) -> None:
    """Raise :class:`UsageError` for a run that never sends."""
    if run.command == "adopt":
        raise UsageError(
            f"{run.id} was no run that sends, but `importer adopt`",
            "Adopt again with the same sources, or name another run (`importer runs` lists them).",
        )


def resume(
    options: Options,
    environment: Mapping[str, str],
    run_id: str | None,
    *,
    confirm: Confirm,
    watch: Watch,
) -> dict[str, Any]:
    """Go on with a run: what is in doubt is looked up, what was not sent is sent. Comes back: the summary."""
    with opened_run(options, environment, run_id, question=QUESTION, confirm=confirm, watch=watch) as job:
        _check_sends(job.run)
        return conduct(job, _send)


def retry(
    options: Options,
    environment: Mapping[str, str],
    run_id: str | None,
    *,
    include_refused: bool,
    confirm: Confirm,
    watch: Watch,
) -> dict[str, Any]:
    """Send again what failed for reasons that can pass; what the API refused only with ``include_refused``."""
    with opened_run(options, environment, run_id, question=QUESTION, confirm=confirm, watch=watch) as job:
        _check_sends(job.run)
        count = job.ledger.reopen(job.run, include_refused=include_refused)
        watch.phase(f"{count:,} customers are tried again." if count else "Nothing failed for a reason that can pass.")
        return conduct(job, _send)
