"""Customers that may be in the API: looked up with patience until it is certain, while others go on."""

import heapq
import itertools
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import anyio

from importer.api import fits_filter
from importer.errors import ApiUnavailableError, KeyRefusedError, StopError
from importer.records import Action
from importer.sender.creating import Creating
from importer.sender.send_options import SendOptions
from importer.sender.tasks import CustomerTask, Transition
from importer.sender.updating import Updating
from importer.sender.waiting import Wakeup

__all__ = ["Reconciler", "Strategy"]

Strategy = Creating | Updating

GROUP = 100  # customers in one lookup
MOST_IN_WALK = 10_000  # customers that one walk through the API's list looks for
LOOKS = 8  # lookups at a time
GATHER = 0.1  # seconds between lookups of smaller groups: each costs two requests, however many customers it serves
FIRST_LOOK = 60  # the first comes after this part of the settling time, the next each twice as late


@dataclass(slots=True)
class _Lane:
    """Customers that are looked up alike, by the time of the next look; ``free`` more lookups may begin now."""

    size: int
    free: int
    queue: list[tuple[float, int, CustomerTask]] = field(default_factory=list)
    begun: float = -math.inf

    def due(self) -> float:
        """When the next look is to begin; never while none may."""
        return max(self.queue[0][0], self.begun + GATHER) if self.queue and self.free else math.inf

    def take(self, now: float) -> list[CustomerTask]:
        """The customers to look up at ``now``."""
        group: list[CustomerTask] = []
        full = len(self.queue) >= self.size and self.queue[0][0] <= now and self.free
        if full or self.due() <= now:
            while self.queue and len(group) < self.size and self.queue[0][0] <= now:
                group.append(heapq.heappop(self.queue)[2])
            self.free -= 1
            self.begun = now
        return group


@dataclass
class Reconciler:
    """A queue by the time of the next look.

    A lookup that cannot be read proves nothing; it is repeated, until the customer's deadline leaves it unknown.
    Reference ids that only a walk through the API's list finds share one walk at a time, and hold up no others.
    """

    strategies: Mapping[Action, Strategy]
    options: SendOptions
    rng: random.Random
    done: Callable[[Transition], None]
    dropped: Callable[[], None]
    stop: Callable[[StopError], None]
    _plain: _Lane = field(default_factory=lambda: _Lane(GROUP, LOOKS))
    _odd: _Lane = field(default_factory=lambda: _Lane(MOST_IN_WALK, 1))
    _order: Iterator[int] = field(default_factory=itertools.count)
    _more: Wakeup = field(default_factory=Wakeup)
    _looking: int = 0
    _failures: int = 0
    draining: bool = False  # nothing is sent any more: a lookup that fails is not repeated

    def __len__(self) -> int:
        return len(self._plain.queue) + len(self._odd.queue) + self._looking

    def add(self, task: CustomerTask, *, at_once: bool = False) -> None:
        """Look it up: after a while, since a listing may lag, or at once."""
        now = anyio.current_time()
        self._push(task, now if at_once else self._due(task, now))

    def clear(self) -> None:
        """Leave all of them as they are in the ledger."""
        self._plain.queue.clear()
        self._odd.queue.clear()

    async def run(self) -> None:
        """Look until cancelled."""
        async with anyio.create_task_group() as lookups:
            while True:
                now = anyio.current_time()
                for lane in (self._plain, self._odd):
                    while group := lane.take(now):
                        self._looking += len(group)
                        lookups.start_soon(self._serve, lane, group)
                delay = min(self._plain.due(), self._odd.due()) - now
                await self._more.wait(None if delay == math.inf else max(0.0, delay))

    async def _serve(self, lane: _Lane, group: Sequence[CustomerTask]) -> None:
        await self._look_up(group)
        self._looking -= len(group)
        lane.free += 1
        self._more.set()
        self.dropped()

    async def _look_up(self, tasks: Sequence[CustomerTask]) -> None:
        try:
            transitions = await self._ask(tasks)
        except KeyRefusedError as error:
            self.stop(error)
            return
        except ApiUnavailableError:
            self._failed(tasks)
            return
        self._failures = 0
        now = anyio.current_time()
        for task, transition in transitions:
            if transition is not None:
                self.done(transition)
            else:
                later = replace(task, looks=task.looks + 1)
                self._push(later, self._due(later, now))

    async def _ask(self, tasks: Sequence[CustomerTask]) -> list[tuple[CustomerTask, Transition | None]]:
        """Each task with what its strategy found."""
        found: list[tuple[CustomerTask, Transition | None]] = []
        for action, strategy in self.strategies.items():
            if own := [task for task in tasks if task.item.action is action]:
                found += zip(own, await strategy.look_up(own), strict=True)
        return found

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

    def _due(self, task: CustomerTask, now: float) -> float:
        """The next look: at once shows most of them; the last, which counts for absence, when they have settled."""
        settle = self.options.settle
        last = task.abandoned + settle
        due = max(now, task.abandoned + settle / FIRST_LOOK * 2.0**task.looks)
        return last if due > last - settle / FIRST_LOOK else due

    def _push(self, task: CustomerTask, due: float) -> None:
        lane = self._plain if fits_filter(task.reference_id) else self._odd
        heapq.heappush(lane.queue, (due, next(self._order), task))
        self._more.set()
