"""What a caller decides about sending."""

from dataclasses import dataclass, field
from typing import Literal

import anyio

from importer.api import RetryPolicy
from importer.planner import Merger
from importer.sender.tasks import CustomerTask

__all__ = ["OnConflict", "SendOptions"]

OnConflict = Literal["overwrite", "skip", "report"]


@dataclass(frozen=True, slots=True)
class SendOptions:
    """``concurrency``: the most requests in flight. ``batch_size``: customers announced in one transaction.

    ``settle``: seconds that a listing may lag behind a create. ``retry``: attempts of one customer, their distance and
    the seconds within which the last may start. ``limit``: customers to begin with in this call (None: all).
    ``max_failed``: failures after which nothing more is sent. ``grace``: seconds for requests in flight when the run
    is stopped. ``patience``: seconds without any request getting through after which the API counts as gone.
    ``merge``: what an update changes (None: no updates). ``on_conflict``: what happens to an update of a customer that
    was changed in WizCommerce since.
    """

    concurrency: int = 64
    batch_size: int = 500
    settle: float = 60.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    limit: int | None = None
    max_failed: int | None = None
    grace: float = 30.0
    patience: float = 60.0
    merge: Merger | None = None
    on_conflict: OnConflict = "report"

    def may_send_again(self, task: CustomerTask) -> bool:
        """Whether a customer whose request did nothing may be sent once more, now."""
        return task.tries < self.retry.attempts and anyio.current_time() < self.deadline(task)

    def deadline(self, task: CustomerTask) -> float:
        """When the last attempt of a customer may start, by the event loop's clock."""
        return (task.abandoned if task.began is None else task.began) + self.retry.deadline
