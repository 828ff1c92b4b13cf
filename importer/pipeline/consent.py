"""What is asked before anything goes to production: whose account it is, and how many customers are sent."""

from importer.errors import InterruptedRunError, UsageError
from importer.pipeline.job import Confirm, Job, ask
from importer.pipeline.targets import Target
from importer.records import Action, OutcomeKind
from importer.settings import Options

__all__ = ["check_can_ask", "confirm_target"]

_NOT_SENT = frozenset({str(OutcomeKind.PENDING), str(OutcomeKind.UNKNOWN)})


def check_can_ask(target: Target | None, options: Options, confirm: Confirm | None) -> None:
    """Raise :class:`UsageError`, before any work is done, where nobody can answer the question that will be asked."""
    if confirm is None and target is not None and target.is_production and not options.yes:
        raise UsageError(
            "this sends to production, and there is no terminal to ask on",
            "Add --yes, if that is what you want. Nothing was sent.",
        )


def confirm_target(job: Job, confirm: Confirm | None) -> None:
    """Ask before the first write to production, once all is planned; ``--yes`` answers beforehand.

    Nothing is asked where nothing is to be sent. Raises :class:`UsageError` for any other answer than yes, and
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
            "interrupted at the question; nothing was sent", "`importer resume` asks again."
        ) from None


def _facts(job: Job) -> str:
    """How many customers are sent, and how many are not; ``""`` where none is sent."""
    known = job.ledger.outcomes(job.run.id)
    left = known[known["outcome"].isin(_NOT_SENT)]
    doubtful = left["outcome"].eq(str(OutcomeKind.UNKNOWN))
    actions = left.loc[~doubtful, "action"]
    counts = {
        "new customer": int(actions.eq(str(Action.CREATE)).sum()),
        "update": int(actions.eq(str(Action.UPDATE)).sum()),
        "in doubt, looked up first": int(doubtful.sum()),
    }
    parts = [_counted(count, what) for what, count in counts.items() if count]
    if not parts:
        return ""
    limit, rejected = job.options.limit, int(job.stage.rejected.sum())
    bounded = f"; of these the first {limit:,}" if limit is not None and limit < sum(counts.values()) else ""
    verb = "is" if rejected == 1 else "are"
    others = f"; {_counted(rejected, 'customer')} {verb} rejected and not sent" if rejected else ""
    return f"{', '.join(parts)}{bounded}{others}"


def _counted(count: int, what: str) -> str:
    plural = "" if count == 1 or " " in what.removeprefix("new ") else "s"
    return f"{count:,} {what}{plural}"
