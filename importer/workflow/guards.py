"""What stops a run before it sends: guards, if an export looks wrong, and the question before production.

All guards except one are options. The export is compared with that of the last complete run of the same tenant and
mapping that had all customers.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pandas as pd

from importer.errors import GuardError, InterruptedRunError, UsageError
from importer.loader import changed_since
from importer.mapping.language.mapping_files import LoadedMapping
from importer.records import Action, OutcomeKind
from importer.settings import Options
from importer.tables import Sources
from importer.wording import counted, first_few
from importer.workflow.job import Confirm, Job, ask
from importer.workflow.since_last_run import last_run
from importer.workflow.targets import ApiTarget
from importer.workflow.timings import utc_now

NOTHING = "Nothing was sent."
_NAMED = 5  # columns in a message
_NOT_SENT = frozenset({str(OutcomeKind.PENDING), str(OutcomeKind.UNKNOWN)})


def guard_export(job: Job, loaded: LoadedMapping) -> None:
    """Raise :class:`GuardError` if the export must not be sent. It is called before anything is planned."""
    _rejections(job)
    _unused_cells(job)
    _still_written(job)
    _age(job)
    last = last_run(job.ledger, job.run, loaded.name)
    if last is not None and last.summary is not None:
        _same_file(job, last.summary)
        _layout(job, loaded, last.summary)
        _fewer(job, last.summary)


def guard_plan(job: Job, planned: pd.DataFrame) -> None:
    """Raise :class:`GuardError` if ``planned`` (as the planner returns it) would change too many customers.

    Such a run cannot be resumed: that would bypass the guard.
    """
    limit = job.options.max_changed
    changed = int((planned["action"] == str(Action.UPDATE)).sum())
    if limit is not None and limit.passed_by(changed, len(planned)):
        job.paths.drop_bodies()
        raise GuardError(
            f"--max-changed {limit}: {changed:,} of {len(planned):,} customers would be changed. {NOTHING}",
            "To see them, run `importer plan --mode upsert`. If they are right, raise --max-changed.",
        )


def _rejections(job: Job) -> None:
    rejected, count = int(job.stage.rejected.sum()), len(job.stage.rejected)
    loose, rows = int(job.stage.tables.rows["rejected"].sum()), len(job.stage.tables.rows)
    if job.options.strict and (rejected or loose):
        also = f" and {counted(loose, 'row')} without a customer" if loose else ""
        were = "was" if rejected == 1 and not loose else "were"
        raise GuardError(
            f"--strict: {rejected:,} of {counted(count, 'customer')}{also} {were} rejected. {NOTHING}",
            "Fix them in your system (rejected.xlsx shows them), or run without --strict.",
        )
    limit = job.options.max_rejected
    if limit is not None and (limit.passed_by(rejected, count) or limit.passed_by(loose, rows)):
        alone = f", and {loose:,} of {counted(rows, 'row')} without a customer" if loose else ""
        were = "was" if rejected == 1 else "were"
        raise GuardError(
            f"--max-rejected {limit}: {rejected:,} of {counted(count, 'customer')} {were} rejected{alone}. {NOTHING}",
            "Fix them in your system (rejected.xlsx shows them), or raise --max-rejected.",
        )


def _unused_cells(job: Job) -> None:
    cells = job.stage.tables.cells
    lost = cells[(cells["unused"] + cells["unclaimed"]) > 0]
    if job.options.complete and len(lost):
        names = first_few(lost["column"].tolist(), _NAMED, text=repr)
        raise GuardError(
            f"--complete: filled cells of {counted(len(lost), 'column')} are not used: {names}. {NOTHING}",
            "Add columns that the mapping does not use to the mapping or to its `ignore`. Where it uses a column in "
            "other rows only, correct the rows or its conditions. Or run without --complete.",
        )


def _still_written(job: Job) -> None:
    """Always on: if a file changed while it was read, what was read may be incomplete."""
    changed = changed_since(job.options.sources, _moments(job.stage.sources))
    if changed:
        raise GuardError(
            f"{', '.join(changed)} {'was' if len(changed) == 1 else 'were'} changed while being read. {NOTHING}",
            "Run again when the export is complete.",
        )


def _age(job: Job) -> None:
    limit = job.options.max_age
    if limit is None:
        return
    moments = _moments(job.stage.sources)
    unknown = sorted({table.file for table in job.stage.sources.tables} - moments.keys())
    if unknown:
        job.watch.phase(
            f"--max-age: {', '.join(unknown)}: it is not known when the file was written, so its age is not checked."
        )
    for name, moment in moments.items():
        hours = (utc_now() - datetime.fromisoformat(moment)).total_seconds() / 3600
        if hours > limit:
            raise GuardError(
                f"--max-age {limit:g}: {name} is {hours:,.0f} hours old. {NOTHING}",
                "Check whether the export still runs. To send it anyway, raise --max-age.",
            )


def _moments(sources: Sources) -> dict[str, str]:
    """File → when it was last written, if that is known."""
    return {table.file: str(table.details["modified"]) for table in sources.tables if table.details.get("modified")}


def _same_file(job: Job, last: Mapping[str, Any]) -> None:
    if not job.options.new_file:
        return
    now = {table.details.get("sha256") for table in job.stage.sources.tables}
    if now == {source["sha256"] for source in last["sources"]}:
        raise GuardError(
            f"--new-file: the files are identical to those of run {last['run_id']}. {NOTHING}",
            "Check whether the export still runs. To send them anyway, add --no-new-file.",
        )


def _layout(job: Job, loaded: LoadedMapping, last: Mapping[str, Any]) -> None:
    if not job.options.same_layout:
        return
    then = {name for source in last["sources"] for name in source["columns"]}
    now = {name for table in job.stage.sources.tables for name in table.frame.columns}
    gone, new = (", ".join(map(repr, sorted(names)[:5])) or "none" for names in (then - now, now - then))
    what = ""
    if loaded.sha256 != last["mapping"]["sha256"]:
        what = f"the mapping {loaded.name} has changed since run {last['run_id']}"
    elif then != now:
        what = f"the columns differ from those of run {last['run_id']} (gone: {gone}; new: {new})"
    if what:
        raise GuardError(
            f"--same-layout: {what}. {NOTHING}",
            "To see the effect, run `importer plan`. If it is right, run once with --no-same-layout.",
        )


def _fewer(job: Job, last: Mapping[str, Any]) -> None:
    limit = job.options.max_fewer
    if limit is None or job.options.partial:
        return
    then, now = int(last["customers"]["read"]), len(job.stage.tables.customers)
    if limit.passed_by(then - now, then):
        raise GuardError(
            f"--max-fewer {limit}: {now:,} customers, {then - now:,} fewer than in run {last['run_id']}. {NOTHING}",
            "Check whether the export is complete. If it is, raise --max-fewer. If it is only part of the list, "
            "add --partial.",
        )


def check_can_ask(target: ApiTarget | None, options: Options, confirm: Confirm | None) -> None:
    """Raise :class:`UsageError`, before any work is done, if nobody can answer the question that will be asked."""
    if confirm is None and target is not None and target.is_production and not options.yes:
        raise UsageError(
            "this sends to production, but there is no terminal to ask in",
            "To send without being asked, add --yes. Nothing was sent.",
        )


def confirm_target(job: Job, confirm: Confirm | None) -> None:
    """Ask before the first write to production, once everything is planned; ``--yes`` answers in advance.

    Nothing is asked if nothing will be sent. Raises :class:`UsageError` for any answer other than yes, and
    :class:`InterruptedRunError` for Ctrl-C.
    """
    facts = _facts(job)
    if not job.target.is_production or job.options.yes or not facts:
        return
    host, account = job.target.host, job.run.tenant
    job.watch.stage("")
    try:
        ask(confirm, f"This sends to production ({host}, account {account}): {facts}. Continue?")
    except KeyboardInterrupt:
        raise InterruptedRunError(
            "interrupted before you answered. Nothing was sent.", "`importer resume` asks again."
        ) from None


def _facts(job: Job) -> str:
    """How many customers will be sent, and how many will not; ``""`` if none will."""
    known = job.ledger.outcomes(job.run.id)
    left = known[known["outcome"].isin(_NOT_SENT)]
    in_doubt = left["outcome"].eq(str(OutcomeKind.UNKNOWN))
    actions = left.loc[~in_doubt, "action"]
    new, updates = (int(actions.eq(str(action)).sum()) for action in (Action.CREATE, Action.UPDATE))
    unknown = int(in_doubt.sum())
    counts = {
        counted(new, "new customer"): new,
        counted(updates, "update"): updates,
        f"{unknown:,} with an unknown outcome, looked up first": unknown,
    }
    parts = [text for text, count in counts.items() if count]
    if not parts:
        return ""
    limit, rejected = job.options.limit, int(job.stage.rejected.sum())
    bounded = ""
    if limit is not None and limit < sum(counts.values()):
        bounded = f" (only the first{f' {limit:,}' if limit > 1 else ''} will be sent)"
    others = f"; {counted(rejected, 'rejected customer')} will not be sent" if rejected else ""
    return f"{', '.join(parts)}{bounded}{others}"
