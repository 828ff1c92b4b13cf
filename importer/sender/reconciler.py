"""Customers that may be in the API: looked up repeatedly until it is certain, while others go on."""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import anyio

from importer.api import fits_filter
from importer.errors import ApiUnavailableError, KeyRefusedError, StopError
from importer.records import Action
from importer.sender.concurrency import Schedule, Wakeup
from importer.sender.creating import Creating
from importer.sender.customer_task import CustomerTask, SendOptions, Transition
from importer.sender.updating import Updating

Strategy = Creating | Updating

GROUP = 100  # customers in one lookup
MOST_IN_WALK = 10_000  # customers that one walk through the API's list looks for
LOOKS = 8  # lookups at a time
GATHER = 0.1  # seconds between lookups of smaller groups: each costs two requests, however many customers it serves
FIRST_LOOK = 60  # the first comes after 1/60 of the settling time, each later one after twice as long


@dataclass
class _LookupQueue:
    """Customers that are looked up the same way, ``size`` at a time; ``free``: how many more lookups may begin now."""

    size: int
    free: int
    waiting: Schedule = field(default_factory=Schedule)
    begun: float = -math.inf

    def due(self) -> float:
        """When the next lookup is to begin (inf if none may begin now)."""
        return max(self.waiting.due, self.begun + GATHER) if self.free else math.inf

    def take(self) -> list[CustomerTask]:
        now = anyio.current_time()
        full = len(self.waiting) >= self.size and self.waiting.due <= now and self.free
        if not full and self.due() > now:
            return []
        self.free -= 1
        self.begun = now
        return self.waiting.take(self.size)


@dataclass
class Reconciler:
    """Looks up customers until their outcomes are certain.

    An unreadable lookup proves nothing and is repeated; after the customer's deadline, the outcome stays unknown.
    Reference IDs that only a walk through the API's list can find share one walk at a time and do not delay others.
    """

    strategies: Mapping[Action, Strategy]
    options: SendOptions
    rng: random.Random
    done: Callable[[Transition], None]
    dropped: Callable[[], None]
    stop: Callable[[StopError], None]
    _plain: _LookupQueue = field(default_factory=lambda: _LookupQueue(GROUP, LOOKS))
    _odd: _LookupQueue = field(default_factory=lambda: _LookupQueue(MOST_IN_WALK, 1))
    _more: Wakeup = field(default_factory=Wakeup)
    _looking: int = 0
    _failures: int = 0
    draining: bool = False  # nothing is sent anymore, and a lookup that fails is not repeated

    def __len__(self) -> int:
        return len(self._plain.waiting) + len(self._odd.waiting) + self._looking

    def add(self, task: CustomerTask, *, at_once: bool = False) -> None:
        self._push(task, anyio.current_time() if at_once else self._due(task))

    def clear(self) -> None:
        """Stop waiting for all customers, and leave them as they are in the ledger."""
        self._plain.waiting.clear()
        self._odd.waiting.clear()

    async def run(self) -> None:
        async with anyio.create_task_group() as lookups:
            while True:
                for lane in (self._plain, self._odd):
                    while group := lane.take():
                        self._looking += len(group)
                        lookups.start_soon(self._serve, lane, group)
                due = min(self._plain.due(), self._odd.due())
                await self._more.wait(max(0.0, due - anyio.current_time()))

    async def _serve(self, lane: _LookupQueue, group: Sequence[CustomerTask]) -> None:
        await self._look_up(group)
        self._looking -= len(group)
        lane.free += 1
        self._more.set()
        self.dropped()

    async def _look_up(self, tasks: Sequence[CustomerTask]) -> None:
        found: list[tuple[CustomerTask, Transition | None]] = []
        try:
            for action, strategy in self.strategies.items():
                if own := [task for task in tasks if task.item.action is action]:
                    found += zip(own, await strategy.look_up(own), strict=True)
        except KeyRefusedError as error:
            self.stop(error)
            return
        except ApiUnavailableError:
            self._failed(tasks)
            return
        self._failures = 0
        for task, transition in found:
            if transition is not None:
                self.done(transition)
            else:
                later = replace(task, looks=task.looks + 1)
                self._push(later, self._due(later))

    def _failed(self, tasks: Sequence[CustomerTask]) -> None:
        if self.draining:
            self.clear()
            return
        self._failures += 1
        now = anyio.current_time()
        due = now + self.options.retry.delay(self._failures, self.rng)
        for task in tasks:
            settled = task.abandoned + self.options.settle + self.options.patience
            if now < max(self.options.deadline(task), settled):
                self._push(task, due)

    def _due(self, task: CustomerTask) -> float:
        """When to look next: soon at first, which finds most customers, and last after ``settle``, to prove absence."""
        settle = self.options.settle
        last = task.abandoned + settle
        due = max(anyio.current_time(), task.abandoned + settle / FIRST_LOOK * 2.0**task.looks)
        return last if due > last - settle / FIRST_LOOK else due

    def _push(self, task: CustomerTask, due: float) -> None:
        lane = self._plain if fits_filter(task.reference_id) else self._odd
        lane.waiting.push(due, task)
        self._more.set()
