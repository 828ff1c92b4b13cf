"""One limiter for all workers: when the next request may go, and how many may be on their way."""

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import anyio

from importer.api.headers import quota_pause
from importer.api.pace import FIRST_PACE, Grant, PaceFinder
from importer.api.timeline import Timeline
from importer.errors import ApiUnavailableError
from importer.logs import event

__all__ = ["Limiter", "PaceStatistics", "Turns"]

# Requests go one interval apart (GCRA), 2 % under the ceiling. What is late may be made up for, but request 51 at a
# ceiling of 50 never leaves within 1.02 s of the first: that is room for requests that come closer to each other on
# their way, or wait for a busy machine to take them up.
UNDER_CEILING = 0.98
EARLY = 0.002  # a timer is no finer than a millisecond or two; a request that is due so soon goes at once
LATE = 0.005  # a request that came so late may be made up for by the next ones
LATER = 0.1  # below a ceiling, which is counted besides: on a busy machine, everything comes late
UNLIMITED = 1_000_000.0
FEWEST_IN_FLIGHT = 4
FIRST_LATENCY = 1.0  # assumed until an answer shows better
HEADROOM = 1.3  # requests in flight, over pace times latency


@dataclass(frozen=True, slots=True)
class PaceStatistics:
    """What the limiter did so far.

    Requests let go, answers with 429, seconds in which requests were held back, the most requests in any one second,
    and the present pace (requests per second).
    """

    requests: int
    throttled: int
    waited_seconds: float
    peak_per_second: int
    pace: float


class Turns:
    """The waits for a turn of those who can be stopped: all of them end when :meth:`cancel` is called."""

    def __init__(self) -> None:
        self.cancelled = False
        self._scopes: set[anyio.CancelScope] = set()

    def cancel(self) -> None:
        """End every wait of now and later."""
        self.cancelled = True
        for scope in self._scopes:
            scope.cancel()

    @contextmanager
    def waiting(self) -> Iterator[anyio.CancelScope]:
        """A scope that :meth:`cancel` cancels; at once if it was called before."""
        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            if self.cancelled:
                scope.cancel()
            try:
                yield scope
            finally:
                self._scopes.discard(scope)


class Limiter:
    """Lets requests go one after the other, in the order in which they asked.

    ``ceiling`` (requests per second) is never passed in any one second, None finds the pace from the answers; a
    ceiling, too, is slowed by 429. ``max_concurrency`` bounds :attr:`concurrency`. ``clock`` gives seconds of a steady
    clock, ``sleep`` waits on it, ``wall`` gives epoch seconds. A request that is cancelled while it waits uses nothing.
    """

    def __init__(
        self,
        *,
        ceiling: float | None,
        max_concurrency: int = 64,
        max_wait: float = 900.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        wall: Callable[[], float] = time.time,
    ) -> None:
        if ceiling is not None and not (math.isfinite(ceiling) and ceiling > 0):
            raise ValueError("the ceiling is a positive number of requests per second")
        if max_concurrency < 1:
            raise ValueError("at least one request must be allowed at a time")
        self._clock = clock
        self._sleep = sleep
        self._wall = wall
        self._max_concurrency = max_concurrency
        self.max_wait = max_wait
        top = UNLIMITED if ceiling is None else ceiling * UNDER_CEILING
        now = clock()
        self._finder = PaceFinder(FIRST_PACE if ceiling is None else top, ceiling=top, now=now)
        self._most = math.inf if ceiling is None else max(1, math.floor(ceiling))  # requests in any window
        self._window = 1.0 if ceiling is None else self._most / top
        self._late = LATE if ceiling is None else LATER
        self._turn = asyncio.Lock()  # first come, first served
        self._next = now
        self._held_until = -math.inf
        self._left: deque[float] = deque()  # when the latest requests left, in order
        self._requests = 0
        self._throttled = 0
        self._waited = 0.0
        self._peak = 0
        self.timeline = Timeline()

    @property
    def statistics(self) -> PaceStatistics:
        """The counts up to now."""
        return PaceStatistics(self._requests, self._throttled, self._waited, self._peak, self._finder.pace)

    @property
    def concurrency(self) -> int:
        """How many requests should be in flight now: pace times latency (Little's law) and some headroom.

        Latency that the requests' own queue adds is not followed by still more requests.
        """
        finder = self._finder
        latency = min(finder.latency, 2.0 * finder.base_latency + 0.5) or FIRST_LATENCY
        return min(self._max_concurrency, max(FEWEST_IN_FLIGHT, math.ceil(finder.pace * latency * HEADROOM) + 2))

    async def acquire(self) -> Grant:
        """Wait for leave to send one request now.

        Raises :class:`ApiUnavailableError` when the API asked for a wait of more than ``max_wait`` seconds.
        """
        async with self._turn:
            now = self._clock()
            if self._held_until - now > self.max_wait:
                raise ApiUnavailableError(
                    f"the API asks us to wait for {self._held_until - now:.0f} s",
                    "Resume the run later, or with a longer --max-wait.",
                )
            while now < max((due := max(self._next, self._room_at(now))) - EARLY, self._held_until):
                await self._sleep(max(due, self._held_until) - now)
                after = self._clock()
                self._waited += after - now
                now = after
            # What was held back on purpose is not made up for.
            self._next = max(self._next, now - self._late, self._held_until) + 1.0 / self._finder.pace
            return self._grant(now)

    def left(self, grant: Grant) -> None:
        """The request of ``grant`` leaves only now: what follows keeps its distance from this moment.

        To be called right before it is written, as it may have had to wait for a connection.
        """
        now = self._clock()
        if now - grant.at > EARLY:
            with suppress(ValueError):
                self._left.remove(grant.at)
            self._note(now)

    def answered(self, latency: float, headers: Mapping[str, str]) -> None:
        """A request was answered, not with 429, after ``latency`` seconds.

        Headers that say that the quota is used up hold the next requests back until it returns.
        """
        now = self._clock()
        self._finder.answered(now, latency)
        self._hold(quota_pause(headers, self._wall()), now)

    def throttled(self, retry_after: float | None, grant: Grant | None = None) -> None:
        """The request of ``grant`` was refused with 429: slow down, and send nothing for ``retry_after`` seconds."""
        now = self._clock()
        self._throttled += 1
        self.timeline.refusal(now)
        if self._finder.throttled(now, grant or Grant(now, len(self._left) + 1), retry_after or 0.0):
            self._next = max(self._next, now + 1.0 / self._finder.pace)
            event(logging.INFO, "slower", pace=round(self._finder.pace, 2), retry_after=retry_after)
        self._hold(retry_after, now)

    def failed(self, retry_after: float | None = None) -> None:
        """A request got no usable answer; ``retry_after`` is the pause that a 503 asked for."""
        now = self._clock()
        self._finder.failed(now)
        self._hold(retry_after, now)

    def _hold(self, pause: float | None, now: float) -> None:
        if pause is not None:
            self._held_until = max(self._held_until, now + pause)

    def _room_at(self, now: float) -> float:
        """When the window that then ends has room for one more request; ``now`` when it has."""
        return self._left[-int(self._most)] + self._window if len(self._left) >= self._most else now

    def _grant(self, now: float) -> Grant:
        load = self._note(now)
        self._requests += 1
        self.timeline.request(now)
        self._finder.granted()
        return Grant(now, load)

    def _note(self, now: float) -> int:
        """A request leaves: how many did so in the second up to ``now``."""
        left = self._left
        left.append(now)
        while left[0] <= now - max(1.0, self._window):
            left.popleft()
        load = self._load(now)
        self._peak = max(self._peak, load)
        return load

    def _load(self, now: float) -> int:
        outside = next(index for index, moment in enumerate(self._left) if moment > now - 1.0)
        return len(self._left) - outside
