"""One limiter for all workers: when the next request may be sent, and how many may be in flight."""

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

# Requests are sent one interval apart (GCRA). Lost time may be made up for, but at a pace of 49 per second, request 51
# is never sent within 1.02 s of the first. This leaves room for requests that get closer to each other on their way, or
# that wait for a busy machine to accept them. With a ceiling, the pace stays 2% below it.
UNDER_CEILING = 0.98
EARLY = 0.002  # timers are accurate to a millisecond or two; a request that is due this soon is sent at once
LATE = 0.1  # the next requests may make up for a delay of up to this: on a busy machine, everything is late
UNLIMITED = 1_000_000.0
FEWEST_IN_FLIGHT = 4
HEADROOM = 1.3  # requests in flight, as a multiple of pace times latency
MOST_SLICES = 240  # of a timeline; if there would be more, neighboring slices are merged in pairs


@dataclass(slots=True)
class PaceStatistics:
    pace: float  # the current one, in requests per second
    requests: int = 0
    throttled: int = 0  # answers with 429
    waited_seconds: float = 0.0  # in which requests were held back
    peak_per_second: int = 0  # the most requests in any one second


class Timeline:
    """Counts requests and refusals: per second at first, and in longer and longer slices as time goes on."""

    def __init__(self) -> None:
        self._start: float  # of the first request
        self._every = 1.0
        self._slices: list[list[int]] = []  # requests and refusals of each

    def series(self) -> dict[str, float | list[int]]:
        """``every`` (seconds in a slice), and ``requests`` and ``throttled`` of each slice from the first request."""
        requests, throttled = ([counts[at] for counts in self._slices] for at in (0, 1))
        return {"every": self._every, "requests": requests, "throttled": throttled}

    def count(self, now: float, *, refused: bool = False) -> None:
        """Count a request that was sent, or a response of 429 (``refused``)."""
        if not self._slices:
            self._start = now
        while (at := int((now - self._start) / self._every)) >= MOST_SLICES:
            pairs = zip_longest(self._slices[::2], self._slices[1::2], fillvalue=(0, 0))
            self._slices = [[a + b for a, b in zip(*pair, strict=True)] for pair in pairs]
            self._every *= 2.0
        self._slices += ([0, 0] for _ in range(len(self._slices), at + 1))
        self._slices[at][refused] += 1


class Turns:
    """Waits that can be canceled together and permanently, such as those of a stopped run."""

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
    """Admits requests one by one, in the order in which they asked; a canceled request uses up nothing.

    ``ceiling`` (requests per second) is never exceeded within a second; with None, the pace is found from the
    responses. A 429 slows requests down even if there is a ceiling. ``max_concurrency`` limits :attr:`concurrency`.
    ``max_wait`` (seconds) limits the waits that the API asks for, and ``announce`` gets a sentence about each wait that
    a person would notice. ``clock`` and ``sleep`` use a monotonic clock, and ``wall`` returns epoch seconds.
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
        """Wait until a request may be sent. Raises :class:`ApiUnavailableError` if the API asks for too long a wait."""
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
        """The request of ``grant`` is sent only now (call this right before): later ones keep a distance from it."""
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
        seconds, cause = retry_after, f"HTTP {status} with Retry-After" if retry_after else f"HTTP {status}"
        if quota is not None and quota + 1.0 > (retry_after or 0.0):  # both may name one moment, rounded differently
            seconds, cause = quota, "the quota is used up"
        if seconds is None:
            return 0.0
        wait = self._waits.ask(seconds, cause)
        if self._waits.error is not None:
            self._turns.cancel()
        return wait

    def _due(self) -> float:
        """When the next request may be sent: after the last one, if its window has room and all waits are over."""
        pace = self._finder.pace
        most = max(1, math.floor(round(pace / UNDER_CEILING, 6)))
        room = self._left[-most] + most / pace if len(self._left) >= most else -math.inf
        return max(self._next, room, self._waits.until)

    def _note(self, now: float) -> int:
        """Note that a request is sent. Returns how many were sent within a second, plus the time lost on the way."""
        left = self._left
        left.append(now)
        while left[0] <= now - 1.0 / UNDER_CEILING:
            left.popleft()
        peak = len(left) - bisect_right(left, now - 1.0)
        self._statistics.peak_per_second = max(self._statistics.peak_per_second, peak)
        return len(left)
