"""What a caller can decide about sending."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from importer.api import Answer, CustomerRef, RetryPolicy
from importer.ledger import Item

__all__ = ["Api", "Bodies", "Changed", "Merge", "OnConflict", "Pace", "SendOptions"]

OnConflict = Literal["overwrite", "skip", "report"]
Body = Mapping[str, Any]

# Items → their bodies, in the same order; called in the ledger's thread. Raises OutputError when they cannot be read.
Bodies = Callable[[Sequence[Item]], Sequence[bytes]]


class Pace(Protocol):
    """The part of the limiter that the sender follows."""

    @property
    def concurrency(self) -> int: ...


class Api(Protocol):
    """The part of :class:`importer.api.Client` that sending needs."""

    @property
    def limiter(self) -> Pace: ...

    async def create(self, body: bytes, reference_id: str) -> Answer: ...

    async def find(
        self, reference_ids: Sequence[str], *, since: datetime | None = None
    ) -> dict[str, list[CustomerRef]]: ...

    async def get(self, customer_id: str) -> Answer: ...

    async def patch(self, customer_id: str, body: bytes) -> Answer: ...


class Changed(Protocol):
    """What is to be sent: see :class:`importer.planner.Update`."""

    @property
    def body(self) -> dict[str, Any]: ...
    @property
    def adds_child(self) -> bool: ...
    @property
    def places(self) -> Mapping[str, Sequence[int | None]]: ...
    @property
    def blocked(self) -> str: ...


class Merge(Protocol):
    """What changes, and what must not: see :class:`importer.planner.Merger`."""

    def changes(self, old: Body, new: Body) -> Sequence[Any]: ...
    def same(self, accepted: Body, new: Body) -> bool: ...
    def update(self, new: Body, held: Body, raw: Body, accepted: Body | None) -> Any: ...
    def settled(self, held: Body, accepted: Body, new: Body) -> dict[str, Any]: ...
    def merged(self, accepted: Body, new: Body) -> dict[str, Any]: ...
    def kept(self, accepted: Body, new: Body) -> list[str]: ...
    def lost(self, update: Any, before: Body, after: Body) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class SendOptions:
    """``concurrency``: the most requests in flight. ``batch_size``: customers announced in one transaction.

    ``settle``: seconds that a listing may lag behind a create. ``retry``: attempts of one customer, their distance and
    the seconds within which the last may start. ``limit``: customers to begin with in this call (None: all).
    ``max_failed``: failures after which nothing more is sent. ``grace``: seconds for requests in flight when the run
    is stopped. ``patience``: seconds without any request getting through after which the API counts as gone.
    ``merge``: what an update changes (None: nobody is updated). ``on_conflict``: what becomes of an update of one who
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
    merge: Merge | None = None
    on_conflict: OnConflict = "report"
