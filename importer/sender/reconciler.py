"""Customers that may be in the API: looked up with patience until it is certain, while others go on."""

import asyncio
import heapq
import itertools
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from importer.api import fits_filter
from importer.errors import ApiUnavailableError, KeyRefusedError, StopError
from importer.sender.options import SendOptions
from importer.sender.strategies import Strategy
from importer.sender.wait import Sleep, wait_for
from importer.sender.work import Verdict, Work

__all__ = ["Reconciler"]

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
    queue: list[tuple[float, int, Work]] = field(default_factory=list)
    begun: float = float("-inf")

    def due(self) -> float:
        """When the next look is to begin; never while none may."""
        return max(self.queue[0][0], self.begun + GATHER) if self.queue and self.free else float("inf")

    def take(self, now: float) -> list[Work]:
        """Whom to look up at ``now``."""
        group: list[Work] = []
        full = len(self.queue) >= self.size and self.queue[0][0] <= now and self.free
        if full or self.due() <= now:
            while self.queue and len(group) < self.size and self.queue[0][0] <= now:
                group.append(heapq.heappop(self.queue)[2])
            self.free -= 1
            self.begun = now
        return group


class Reconciler:
    """A queue by the time of the next look.

    Absence is believed when a look that began ``settle`` seconds after the request was abandoned shows nothing. A
    lookup that cannot be read proves nothing; it is repeated, until the customer's deadline leaves it unknown.
    Reference ids that only a walk through the API's list finds share one walk at a time, and hold up nobody else.
    """

    def __init__(
        self,
        strategy: Strategy,
        options: SendOptions,
        *,
        clock: Callable[[], float],
        sleep: Sleep,
        rng: random.Random,
        done: Callable[[Verdict], None],
        dropped: Callable[[], None],
        stop: Callable[[StopError], None],
    ) -> None:
        self._strategy = strategy
        self._options = options
        self._clock = clock
        self._sleep = sleep
        self._rng = rng
        self._done = done
        self._dropped = dropped
        self._stop = stop
        self._plain = _Lane(GROUP, LOOKS)
        self._odd = _Lane(MOST_IN_WALK, 1)
        self._order = itertools.count()
        self._more = asyncio.Event()
        self._looking = 0
        self._failures = 0
        self.draining = False  # nothing is sent any more: a lookup that fails is not repeated

    def __len__(self) -> int:
        return len(self._plain.queue) + len(self._odd.queue) + self._looking

    def add(self, work: Work, *, at_once: bool = False) -> None:
        """Have it looked up: after a while, since a listing may lag, or at once."""
        self._push(work, self._clock() if at_once else self._due(work, self._clock()))

    def clear(self) -> None:
        """Leave all of them as they are in the ledger."""
        self._plain.queue.clear()
        self._odd.queue.clear()

    async def run(self) -> None:
        """Look until cancelled."""
        async with asyncio.TaskGroup() as looks:
            while True:
                self._more.clear()
                now = self._clock()
                for lane in (self._plain, self._odd):
                    while group := lane.take(now):
                        self._looking += len(group)
                        looks.create_task(self._serve(lane, group))
                delay = min(self._plain.due(), self._odd.due()) - now
                await wait_for(self._more, None if delay == math.inf else delay, self._sleep)

    async def _serve(self, lane: _Lane, group: Sequence[Work]) -> None:
        await self._look(group)
        self._looking -= len(group)
        lane.free += 1
        self._more.set()
        self._dropped()

    async def _look(self, works: Sequence[Work]) -> None:
        began = self._clock()
        try:
            there = await self._strategy.look(works)
        except KeyRefusedError as error:
            self._stop(error)
            return
        except ApiUnavailableError:
            self._failed(works)
            return
        self._failures = 0
        now = self._clock()
        for work in works:
            work.looks += 1
            if found := there.get(work.item.reference_id):
                self._done(self._strategy.found(work, found, now))
            elif began >= work.abandoned + self._options.settle:
                self._done(self._strategy.absent(work, now, again=self._may_go_again(work, now)))
            else:
                self._push(work, self._due(work, now))

    def _failed(self, works: Sequence[Work]) -> None:
        if self.draining:
            self.clear()
            return
        self._failures += 1
        now = self._clock()
        due = now + self._options.retry.delay(self._failures, self._rng)
        for work in works:
            settled = work.abandoned + self._options.settle + self._options.patience
            if now < max(self._deadline(work), settled):
                self._push(work, due)

    def _may_go_again(self, work: Work, now: float) -> bool:
        return work.tries < self._options.retry.attempts and now < self._deadline(work)

    def _deadline(self, work: Work) -> float:
        began = work.abandoned if work.began is None else work.began
        return began + self._options.retry.deadline

    def _due(self, work: Work, now: float) -> float:
        """The next look: at once shows most of them; the last, which counts for absence, when they have settled."""
        settle = self._options.settle
        last = work.abandoned + settle
        due = max(now, work.abandoned + settle / FIRST_LOOK * 2.0**work.looks)
        return last if due > last - settle / FIRST_LOOK else due

    def _push(self, work: Work, due: float) -> None:
        lane = self._plain if fits_filter(work.item.reference_id) else self._odd
        heapq.heappush(lane.queue, (due, next(self._order), work))
        self._more.set()
