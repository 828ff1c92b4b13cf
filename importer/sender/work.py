"""A customer on its way, and what is to happen with it next."""

from dataclasses import dataclass
from enum import Enum, auto

from importer.api import Answer
from importer.ledger import Accepted, Attempt, Base, Item, Step
from importer.records import OutcomeKind
from importer.sender.options import Changed

__all__ = ["Ending", "Next", "Verdict", "Work"]


class Next(Enum):
    """What follows once a step is recorded."""

    DONE = auto()
    LOOK = auto()  # look it up, now or later
    AGAIN = auto()  # send it (again)


@dataclass(frozen=True, slots=True)
class Ending:
    """How an update ends: what is held now, if it says what the source says, and what there is to tell."""

    outcome: OutcomeKind
    accepted: Accepted | None = None
    code: str | None = None
    message: str | None = None


@dataclass(slots=True)
class Work:
    """One customer while the sender holds it. Times are readings of the sender's clock.

    ``attempts`` counts requests of this run, ``tries`` those of this process. ``doubtful``: a request of ours may have
    been carried out without an answer to tell. ``mine``: the doubtful request was made by this run, not an earlier
    one. ``taken``: the refusal that said the reference id is in use. ``answer``: the latest. ``attempt``: the request
    that is being judged. ``shown``: the outcome last told to the progress.
    """

    item: Item
    body: bytes
    attempts: int
    tries: int = 0
    misses: int = 0  # connections that could not be made
    doubtful: bool = False
    mine: bool = True
    taken: Answer | None = None
    answer: Answer | None = None
    attempt: Attempt | None = None
    began: float | None = None
    abandoned: float = 0.0
    looks: int = 0
    shown: OutcomeKind = OutcomeKind.PENDING
    base: Base | None = None
    update: Changed | None = None
    ending: Ending | None = None
    unread: bool = False
    repeated: bool = False  # a request of ours that nobody answered may still be carried out


@dataclass(frozen=True, slots=True)
class Verdict:
    """The step to record for a customer, and what follows when it is durable."""

    work: Work
    step: Step
    then: Next
