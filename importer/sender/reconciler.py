"""Customers that may be in the API: looked up with patience until it is certain, while others go on."""

import asyncio
import heapq
import itertools
import random
from collections.abc import Callable, Sequence

from importer.errors import ApiUnavailableError, KeyRefusedError, StopError
from importer.sender.options import SendOptions
from importer.sender.strategies import Strategy
from importer.sender.wait import Sleep, wait_for
from importer.sender.work import Verdict, Work

__all__ = ["Reconciler"]

GROUP = 100  # customers in one lookup
FIRST_LOOK = 60  # the first comes after this part of the settling time, the next each twice as late


class Reconciler:
    """A queue by the time of the next look.

    Absence is believed when a look that began ``settle`` seconds after the request was abandoned shows nothing. A
    lookup that cannot be read proves nothing; it is repeated, until the customer's deadline leaves it unknown.
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
        self._queue: list[tuple[float, int, Work]] = []
        self._order = itertools.count()
        self._more = asyncio.Event()
        self._looking = 0
        self._failures = 0
        self.draining = False  # nothing is sent any more: a lookup that fails is not repeated

    def __len__(self) -> int:
        return len(self._queue) + self._looking

    def add(self, work: Work, *, at_once: bool = False) -> None:
        """Have it looked up: after a while, since a listing may lag, or at once."""
        self._push(work, self._clock() if at_once else self._due(work, self._clock()))

    def clear(self) -> None:
        """Leave all of them as they are in the ledger."""
        self._queue.clear()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self._more.clear()
            delay = self._queue[0][0] - self._clock() if self._queue else None
            if delay is None or delay > 0:
                await wait_for(self._more, delay, self._sleep)
                continue
            group: list[Work] = []
            while self._queue and len(group) < GROUP and self._queue[0][0] <= self._clock():
                group.append(heapq.heappop(self._queue)[2])
            self._looking = len(group)
            await self._look(group)
            self._looking = 0
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
        heapq.heappush(self._queue, (due, next(self._order), work))
        self._more.set()
