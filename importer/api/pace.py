"""Finding the pace that an API without a documented limit allows: up slowly, down at once.

The climb doubles the pace every few seconds until the first 429. The request that was refused tells how many were on
their way within one second, which is the limit to within a request, however late the refusal arrives. From there the
pace follows a flat saw-tooth just under the limit: it creeps over it now and then, is refused once or twice, and falls
back. The further the pace rises above an old limit without a refusal, the faster it grows, so that a limit that was
lifted is noticed.
"""

from collections import deque
from dataclasses import dataclass

__all__ = ["FIRST_PACE", "Grant", "PaceFinder"]

FIRST_PACE = 5.0  # requests per second: slow enough for any API that is meant to be used by programs
SLOWEST_PACE = 0.1
TICK = 1.0  # seconds over which answers are judged
BACK_OFF = 0.96  # of the limit that a refusal showed
DEEPEST_CUT = 0.5  # of the pace, for one congestion event
SETTLING = 1.0  # seconds after a cut in which refusals belong to the same event: the limit's own window
AGAIN = 5.0  # seconds within which a further event means that the limit was judged too high
CREEP = 0.002  # growth per second just under the limit
BOLDNESS = 0.5  # additional growth per second for each 100 % above an old limit
BASELINE_TICKS = 60
WORTH_JUDGING = 0.8  # of the pace must have been used before it may grow


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to send one request: the moment, and how many were let go in the second up to it, itself included."""

    at: float
    load: int


class PaceFinder:
    """The pace in requests per second, from what requests and answers show. Times are readings of one steady clock."""

    def __init__(self, pace: float, *, ceiling: float, now: float) -> None:
        self.pace = pace
        self.latency = 0.0  # smoothed seconds from request to answer; 0 before the first answer
        self._ceiling = ceiling
        self._limit: float | None = None  # requests per second at which the API last refused
        self._settled = now
        self._last_event = float("-inf")
        self._accepted: deque[float] = deque()
        self._baseline: deque[float] = deque(maxlen=BASELINE_TICKS)
        self._start_tick(now)

    @property
    def base_latency(self) -> float:
        """The lowest smoothed latency of the last minute: the API's own, without a queue of our making."""
        return min(self._baseline, default=self.latency)

    def granted(self) -> None:
        """A request goes out."""
        self._used += 1

    def answered(self, now: float, latency: float) -> None:
        """A request was answered, and not with 429."""
        self._accepted.append(now)
        self._forget_accepted(now)
        self._latencies += latency
        self._answers += 1
        self._tick(now)

    def failed(self, now: float) -> None:
        """A request got no usable answer: no reason to slow down, but none to grow."""
        self._healthy = False
        self._tick(now)

    def throttled(self, now: float, grant: Grant) -> bool:
        """A request was refused with 429. True when this begins a congestion event, and the pace was cut."""
        self._healthy = False
        if grant.at < self._settled:
            return False
        estimate = float(grant.load - 1)
        if now - self._last_event < AGAIN + 2 * self.latency:
            self._forget_accepted(now)
            estimate = min(estimate, float(len(self._accepted)))
        self._limit = max(SLOWEST_PACE, min(self.pace, max(estimate, self.pace * DEEPEST_CUT)))
        self.pace = max(SLOWEST_PACE, self._limit * BACK_OFF)
        self._settled = now + SETTLING
        self._last_event = now
        self._start_tick(now)
        return True

    def _forget_accepted(self, now: float) -> None:
        while self._accepted and self._accepted[0] <= now - 1.0:
            self._accepted.popleft()

    def _start_tick(self, now: float) -> None:
        self._tick_started = now
        self._used = 0
        self._answers = 0
        self._latencies = 0.0
        self._healthy = True

    def _tick(self, now: float) -> None:
        elapsed = now - self._tick_started
        if elapsed < max(TICK, 3.0 / self.pace):
            return
        if self._answers:
            mean = self._latencies / self._answers
            self.latency = mean if not self.latency else self.latency + 0.25 * (mean - self.latency)
            self._baseline.append(self.latency)
        saturated = self.latency > 2.0 * self.base_latency + 0.25
        if self._healthy and not saturated and self._used >= WORTH_JUDGING * self.pace * elapsed:
            self.pace = min(self._ceiling, self.pace * (1.0 + self._growth()) ** min(elapsed, 2.0))
        self._start_tick(now)

    def _growth(self) -> float:
        """Growth per second. The climb is slower where answers, and with them refusals, come late."""
        climb: float = 2.0 ** (1.0 / (2.0 + 2.0 * self.latency)) - 1.0
        if self._limit is None:
            return climb
        return min(climb, CREEP + BOLDNESS * max(0.0, self.pace / self._limit - 1.0))
