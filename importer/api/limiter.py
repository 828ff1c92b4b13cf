"""One limiter for all workers: when the next request may leave, and how many may be in flight."""

import logging
import math
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import zip_longest

import anyio

from importer.api.pace import FIRST_PACE, Grant, PaceFinder
from importer.api.waits import Waits
from importer.errors import ApiUnavailableError
from importer.logs import event

# Requests go one interval apart (GCRA). What is late may be made up for, but at a pace of 49 a second, request 51 never
# leaves within 1.02 s of the first: that is room for requests that come closer to each other on their way, or wait for
# a busy machine to take them up. A ceiling is a pace 2% below it.
UNDER_CEILING = 0.98
EARLY = 0.002  # a timer is no finer than a millisecond or two; a request that is due so soon goes at once
LATE = 0.1  # a request that came so late may be made up for by the next ones: on a busy machine, everything comes late
UNLIMITED = 1_000_000.0
FEWEST_IN_FLIGHT = 4
HEADROOM = 1.3  # requests in flight, over pace times latency
MOST_SLICES = 240  # of a timeline; when there would be more, each two become one


@dataclass(slots=True)
class PaceStatistics:
    pace: float  # at present, in requests per second
    requests: int = 0
    throttled: int = 0  # answers with 429
    waited_seconds: float = 0.0  # in which requests were held back
    peak_per_second: int = 0  # the most requests in any one second


class Timeline:
    """Counts requests and refusals by the second at first, and by ever longer slices as time goes on."""

    def __init__(self) -> None:
        self._start: float  # of the first request
        self._every = 1.0
        self._slices: list[list[int]] = []  # requests and refusals of each

    def series(self) -> dict[str, float | list[int]]:
        """``every`` (seconds in a slice), and ``requests`` and ``throttled`` of each slice from the first request."""
        requests, throttled = ([counts[at] for counts in self._slices] for at in (0, 1))
        return {"every": self._every, "requests": requests, "throttled": throttled}

    def count(self, now: float, *, refused: bool = False) -> None:
        """A request left, or was answered with 429 (``refused``)."""
        if not self._slices:
            self._start = now
        while (at := int((now - self._start) / self._every)) >= MOST_SLICES:
            pairs = zip_longest(self._slices[::2], self._slices[1::2], fillvalue=(0, 0))
            self._slices = [[a + b for a, b in zip(*pair, strict=True)] for pair in pairs]
            self._every *= 2.0
        self._slices += ([0, 0] for _ in range(len(self._slices), at + 1))
        self._slices[at][refused] += 1


class Turns:
    """Waits that can be ended together, for good: those of a stopped run, for example."""

    def __init__(self) -> None:
        self._scopes: set[anyio.CancelScope] = set()
        self.canceled = False  # whether cancel() was called

    def cancel(self) -> None:
        self.canceled = True
        for scope in self._scopes:
            scope.cancel()

    @contextmanager
    def waiting(self) -> Iterator[anyio.CancelScope]:
        """Wait in this block; the scope's ``cancelled_caught`` then says whether the wait was cut short."""
        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            if self.canceled:
                scope.cancel()
            try:
                yield scope
            finally:
                self._scopes.discard(scope)


class Limiter:
    """Admits requests one after the other, in the order in which they asked; a canceled one uses nothing.

    ``ceiling`` (requests per second) is never passed in any one second, None finds the pace from the answers; a
    ceiling, too, is slowed by 429. ``max_concurrency`` bounds :attr:`concurrency`. ``max_wait`` (seconds) bounds the
    waits that the API asks for, and ``announce`` gets a sentence about each that a person would notice. ``clock`` and
    ``sleep`` are of a steady clock, ``wall`` gives epoch seconds.
    """

    def __init__(
        self,
        *,
        ceiling: float | None,
        max_concurrency: int = 64,
        max_wait: float = 900.0,
        announce: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._max_concurrency = max_concurrency
        top = UNLIMITED if ceiling is None else ceiling * UNDER_CEILING
        now = clock()
        self._finder = PaceFinder(FIRST_PACE if ceiling is None else top, ceiling=top, now=now)
        self._waits = Waits(longest=max_wait, announce=announce, clock=clock, wall=wall)
        self._turn = anyio.Lock(fast_acquire=True)  # first come, first served
        self._turns = Turns()  # canceled when a wait is too long
        self._next = now
        self._left: deque[float] = deque()  # when the latest requests left, in order
        self._statistics = PaceStatistics(self._finder.pace)
        self.timeline = Timeline()

    @property
    def statistics(self) -> PaceStatistics:
        return replace(self._statistics, pace=self._finder.pace)

    @property
    def concurrency(self) -> int:
        """How many requests should be in flight now: pace times latency (Little's law) and some headroom."""
        latency = min(self._finder.latency, self._finder.queueing_latency)
        needed = math.ceil(self._finder.pace * latency * HEADROOM) + 2
        return min(self._max_concurrency, max(FEWEST_IN_FLIGHT, needed))

    async def acquire(self) -> Grant:
        """Wait until one request may be sent; :class:`ApiUnavailableError` once the API asked for too long a wait."""
        async with self._turn:
            now = self._clock()
            while self._waits.error is None and now < max((due := self._due()) - EARLY, self._waits.until):
                with self._turns.waiting():
                    await self._sleep(due - now)
                after = self._clock()
                self._statistics.waited_seconds += after - now
                now = after
            if self._waits.error is not None:
                raise ApiUnavailableError(self._waits.error.message, self._waits.error.hint)
            # What was held back on purpose is not made up for.
            self._next = max(self._next, now - LATE, self._waits.until) + 1.0 / self._finder.pace
            self._statistics.requests += 1
            self.timeline.count(now)
            return Grant(now, self._note(now))

    def left(self, grant: Grant) -> None:
        """The request of ``grant`` leaves only now (call this right before): others keep their distance from here."""
        now = self._clock()
        if now - grant.at > EARLY:
            with suppress(ValueError):
                self._left.remove(grant.at)
            self._note(now)

    def answered(self, latency: float, quota: float | None = None) -> None:
        """A request was answered, not with 429, after ``latency`` seconds. ``quota``: as in :meth:`hold`."""
        self._finder.answered(self._clock(), latency)
        self._waits.accepted()
        self.hold(quota=quota)

    def throttled(
        self,
        retry_after: float | None,
        grant: Grant,
        *,
        status: int = 429,
        quota: float | None = None,
    ) -> None:
        """The request of ``grant`` was refused because of a limit: slow down, and wait ``retry_after`` seconds."""
        now = self._clock()
        self._statistics.throttled += 1
        self.timeline.count(now, refused=True)
        pause = self.hold(retry_after or 0.0, status=status, quota=quota)
        if self._finder.throttled(now, grant, pause):
            self._next = max(self._next, now + 1.0 / self._finder.pace)
            event(logging.INFO, "slower", pace=round(self._finder.pace, 2), retry_after=pause or None)

    def hold(self, retry_after: float | None = None, *, status: int = 503, quota: float | None = None) -> float:
        """Hold requests back as long as an answer asks for, by whatever means. Returns the seconds.

        ``retry_after``: seconds that it asks for; ``quota``: seconds until a used-up quota is renewed.
        """
        seconds, cause = retry_after, f"Retry-After of HTTP {status}" if retry_after else f"HTTP {status}"
        if quota is not None and quota + 1.0 > (retry_after or 0.0):  # both may name one moment, rounded differently
            seconds, cause = quota, "the quota is used up"
        if seconds is None:
            return 0.0
        wait = self._waits.ask(seconds, cause)
        if self._waits.error is not None:
            self._turns.cancel()
        return wait

    def _due(self) -> float:
        """When the next request may leave: after the last one, with room in its window, when waits are over."""
        pace = self._finder.pace
        most = max(1, math.floor(round(pace / UNDER_CEILING, 6)))
        room = self._left[-most] + most / pace if len(self._left) >= most else -math.inf
        return max(self._next, room, self._waits.until)

    def _note(self, now: float) -> int:
        """A request leaves: how many did so within a second, and what requests may gain on each other on their way."""
        left = self._left
        left.append(now)
        while left[0] <= now - 1.0 / UNDER_CEILING:
            left.popleft()
        peak = len(left) - bisect_right(left, now - 1.0)
        self._statistics.peak_per_second = max(self._statistics.peak_per_second, peak)
        return len(left)
