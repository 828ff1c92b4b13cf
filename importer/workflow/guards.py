"""Guards: limits that stop a run before its first request, because an export looks wrong.

All but one are asked for by an option and overridden by leaving it out, raising it or saying ``--no-…``. Tonight's
export is compared with that of the last run that ended by itself, with the same tenant and mapping and all customers.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pandas as pd

from importer.errors import GuardError
from importer.ledger import Run
from importer.loader import changed_since
from importer.mapping import LoadedMapping
from importer.records import Action
from importer.tables import Sources
from importer.workflow.job import Job

__all__ = ["guard_export", "guard_plan"]

NOTHING = "nothing was sent"
_HOUR = 3600.0


def guard_export(job: Job, loaded: LoadedMapping) -> None:
    """Raise :class:`GuardError` when the export must not be sent; called before anything is planned."""
    _rejections(job)
    _still_written(job)
    _age(job)
    last = _last(job, loaded)
    if last is not None:
        _same_file(job, last)
        _layout(job, loaded, last)
        _fewer(job, last)


def guard_plan(job: Job, planned: pd.DataFrame) -> None:
    """Raise :class:`GuardError` when ``planned`` (as the planner gives it) would change too many customers.

    Such a run cannot be gone on with: that would pass the guard by.
    """
    limit = job.options.max_changed
    changed = int((planned["action"] == str(Action.UPDATE)).sum())
    if limit is not None and limit.passed_by(changed, len(planned)):
        job.paths.drop_bodies()
        raise GuardError(
            f"--max-changed {limit}: {changed:,} of {len(planned):,} customers would be changed; {NOTHING}",
            "Look at them with `importer plan --mode upsert`; if they are right, raise --max-changed.",
        )


def _rejections(job: Job) -> None:
    rejected, count = int(job.stage.rejected.sum()), len(job.stage.rejected)
    loose, rows = int(job.stage.tables.rows["rejected"].sum()), len(job.stage.tables.rows)
    if job.options.strict and (rejected or loose):
        raise GuardError(
            f"--strict: {rejected} of {count} customers and {loose} loose rows were rejected; {NOTHING}",
            "Mend them in rejected.xlsx, or run without --strict.",
        )
    limit = job.options.max_rejected
    if limit is not None and (limit.passed_by(rejected, count) or limit.passed_by(loose, rows)):
        alone = f", and {loose:,} of {rows:,} rows that belong to no customer" if loose else ""
        raise GuardError(
            f"--max-rejected {limit}: {rejected:,} of {count:,} customers were rejected{alone}; {NOTHING}",
            "Mend them in rejected.xlsx, or raise --max-rejected.",
        )


def _still_written(job: Job) -> None:
    """Always on: what was read is not what is there now, so it may have been a part."""
    changed = changed_since(job.options.sources, _moments(job.stage.sources))
    if changed:
        raise GuardError(
            f"{', '.join(changed)} was written to while it was read; {NOTHING}", "Run again when the export has ended."
        )


def _age(job: Job) -> None:
    limit = job.options.max_age
    if limit is None:
        return
    moments = _moments(job.stage.sources)
    untold = sorted({table.file for table in job.stage.sources.tables} - moments.keys())
    if untold:
        job.watch.phase(f"--max-age: {', '.join(untold)}: it is not known when it was written, so it is not compared.")
    for name, moment in moments.items():
        hours = (job.now() - datetime.fromisoformat(moment)).total_seconds() / _HOUR
        if hours > limit:
            raise GuardError(
                f"--max-age {limit:g}: {name} is {hours:,.0f} hours old; {NOTHING}",
                "Look whether the export still runs. To send it all the same, raise --max-age.",
            )


def _moments(sources: Sources) -> dict[str, str]:
    """File → when it was written last, as far as its place tells."""
    return {table.file: str(table.details["modified"]) for table in sources.tables if table.details.get("modified")}


def _last(job: Job, loaded: LoadedMapping) -> Mapping[str, Any] | None:
    """The summary of the run to compare with."""
    for run in job.ledger.runs(job.run.tenant):
        if run.id != job.run.id and run.mapping == loaded.name and _whole(run):
            return run.summary
    return None


def _whole(run: Run) -> bool:
    options = run.options
    in_part = options.get("partial") or options.get("limit") or options.get("only")
    return run.command == "run" and run.exit_code in (0, 1) and bool(run.summary) and not in_part


def _same_file(job: Job, last: Mapping[str, Any]) -> None:
    if not job.options.new_file:
        return
    now = {table.details.get("sha256") for table in job.stage.sources.tables}
    if now == {source["sha256"] for source in last["sources"]}:
        raise GuardError(
            f"--new-file: the sources are those of run {last['run_id']}, byte for byte; {NOTHING}",
            "Look whether the export still runs. To send them all the same, add --no-new-file.",
        )


def _layout(job: Job, loaded: LoadedMapping, last: Mapping[str, Any]) -> None:
    if not job.options.same_layout:
        return
    if loaded.sha256 != last["mapping"]["sha256"]:
        raise GuardError(
            f"--same-layout: the mapping {loaded.name} was changed since run {last['run_id']}; {NOTHING}",
            "Look at the effect with `importer plan`; if it is right, run once with --no-same-layout.",
        )
    then = {name for source in last["sources"] for name in source["columns"]}
    now = {name for table in job.stage.sources.tables for name in table.frame.columns}
    if then != now:
        gone, new = (", ".join(map(repr, sorted(names)[:5])) or "none" for names in (then - now, now - then))
        raise GuardError(
            f"--same-layout: the columns are not those of run {last['run_id']} (gone: {gone}; new: {new}); {NOTHING}",
            "Look at the effect with `importer plan`; if it is right, run once with --no-same-layout.",
        )


def _fewer(job: Job, last: Mapping[str, Any]) -> None:
    limit = job.options.max_fewer
    if limit is None or job.options.partial:
        return
    then, now = int(last["customers"]["read"]), len(job.stage.tables.customers)
    if limit.passed_by(then - now, then):
        raise GuardError(
            f"--max-fewer {limit}: {now:,} customers, {then - now:,} fewer than in run {last['run_id']}; {NOTHING}",
            "Look whether the export is whole. If it is, raise --max-fewer; a part of it is sent with --partial.",
        )
