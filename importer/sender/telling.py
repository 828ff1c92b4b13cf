"""What did not go straight, as the log has it."""

import logging

from importer.logs import event
from importer.records import OutcomeKind
from importer.sender.work import Next, Verdict

__all__ = ["tell"]


def tell(verdict: Verdict) -> None:
    """Enter a recorded step into the log, if it is a failure, a doubt or a new attempt."""
    step = verdict.step
    if step.outcome is OutcomeKind.FAILED:
        level, name = logging.WARNING, "failed"
    elif verdict.then is Next.LOOK:
        level, name = logging.WARNING, "unknown"
    elif verdict.then is Next.AGAIN:
        level, name = logging.INFO, "again"
    else:
        return
    event(
        level,
        name,
        {"reference_id": step.reference_id, "text": step.error_message},
        customer=step.position + 1,  # its line in results.csv, not counting the header
        attempts=step.attempts,
        http_status=step.http_status,
        code=step.error_code,
    )
