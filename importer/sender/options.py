"""What a caller decides about sending, and the parts of the API's client and of the planner that sending needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, Self

from importer.api import Answer, CustomerRef, RetryPolicy, Turns

__all__ = ["Api", "ChildChange", "CustomerUpdate", "Kind", "Merge", "OnConflict", "Pace", "SendOptions"]

OnConflict = Literal["overwrite", "skip", "report"]
Kind = Literal["addresses", "contacts"]
Body = Mapping[str, Any]


class Pace(Protocol):
    """The part of the limiter that the sender follows."""

    @property
    def concurrency(self) -> int: ...


class Api(Protocol):
    """The part of :class:`importer.api.Client` that sending needs."""

    @property
    def limiter(self) -> Pace: ...

    def with_turns(self, turns: Turns) -> Self: ...

    async def create(self, body: bytes, reference_id: str) -> Answer: ...

    async def find(
        self, reference_ids: Sequence[str], *, since: datetime | None = None
    ) -> dict[str, list[CustomerRef]]: ...

    async def get(self, customer_id: str) -> Answer: ...

    async def patch(self, customer_id: str, body: bytes) -> Answer: ...

    async def children(self, customer_id: str, kind: Kind) -> list[dict[str, Any]]: ...

    async def get_child(self, customer_id: str, kind: Kind, child_id: str) -> Answer: ...

    async def create_child(self, customer_id: str, kind: Kind, body: bytes, reference_id: str) -> Answer: ...

    async def replace_child(self, customer_id: str, kind: Kind, child_id: str, body: bytes) -> Answer: ...


class ChildChange(Protocol):
    """One child to change or to add: see :class:`importer.planner.ChildChange`."""

    @property
    def kind(self) -> Kind: ...
    @property
    def id(self) -> str | None: ...
    @property
    def reference_id(self) -> str: ...
    @property
    def values(self) -> dict[str, Any]: ...
    @property
    def place(self) -> int | None: ...


class CustomerUpdate(Protocol):
    """Everything to send for one customer: see :class:`importer.planner.CustomerUpdate`."""

    @property
    def fields(self) -> dict[str, Any]: ...
    @property
    def before(self) -> dict[str, Any]: ...
    @property
    def after(self) -> dict[str, Any]: ...
    @property
    def children(self) -> Sequence[ChildChange]: ...
    @property
    def reports(self) -> Sequence[str]: ...
    @property
    def accepted(self) -> dict[str, Any]: ...
    @property
    def empty(self) -> bool: ...


class Merge(Protocol):
    """What changes, and what must not: see :class:`importer.planner.Merger`."""

    def changes(self, old: Body, new: Body) -> Sequence[Any]: ...
    def same(self, accepted: Body, new: Body) -> bool: ...
    def update(self, new: Body, customer: Body, accepted: Body | None, children: str | None) -> CustomerUpdate: ...
    def settled(self, customer: Body, accepted: Body, new: Body) -> dict[str, Any]: ...
    def merged(self, accepted: Body, new: Body) -> dict[str, Any]: ...
    def kept(self, accepted: Body, new: Body) -> list[str]: ...
    def unexpected(self, update: Any, before: Body, after: Body) -> list[str]: ...


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
    merge: Merge | None = None
    on_conflict: OnConflict = "report"

    def may_send_again(self, *, tries: int, began: float | None, abandoned: float, now: float) -> bool:
        """Whether a customer whose request did nothing may be sent once more; times are seconds of one clock."""
        return tries < self.retry.attempts and now < self.deadline(began, abandoned)

    def deadline(self, began: float | None, abandoned: float) -> float:
        """When the last attempt of a customer may start."""
        return (abandoned if began is None else began) + self.retry.deadline
