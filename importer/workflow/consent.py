"""What is asked before anything goes to production: whose account it is, and how many customers are sent."""

from dataclasses import dataclass

from importer.errors import InterruptedRunError, UsageError
from importer.ledger import Ledger, Run
from importer.records import Action, OutcomeKind
from importer.sender.customer_rounds import BLOCK
from importer.sender.restoring import is_open, replaced_by
from importer.settings import Options
from importer.workflow.job import Confirm, Job, ask
from importer.workflow.targets import Target

__all__ = ["Forecast", "check_can_ask", "confirm_target", "forecast"]


@dataclass(frozen=True, slots=True)
class Forecast:
    """How many customers undo would delete and restore, and how many updates it cannot take back."""

    deleted: int
    restored: int
    kept: int


def forecast(ledger: Ledger, run: Run) -> Forecast:
    """What undoing ``run`` would do, as far as the ledger knows. Raises :class:`LedgerError`."""
    restored = kept = 0
    after = -1
    while block := ledger.updated_by(run, after=after, count=BLOCK):
        after = block[-1].item.position
        for writes in ledger.writes_of(run, [customer.item.reference_id for customer in block]).values():
            left = [replaced_by(write).restorable for write in writes if is_open(write)]
            restored += any(left)
            kept += not any(left) and bool(left or not writes)
    return Forecast(ledger.count_made(run), restored, kept)


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
