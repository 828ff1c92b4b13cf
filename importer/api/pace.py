"""Finding the pace that the API allows: up gently, down at once (additive increase, multiplicative decrease).

At first, the pace doubles every few seconds. The first refusals (429) show the limit: the number of requests that were
sent within one second before a refused one. The pace then drops slightly below the limit and creeps back up to it.
Beyond the limit, it grows by one request, and faster the longer nothing is refused, to notice a limit that was raised.

Not every 429 is about the pace: gateways fail, and other programs use the same account. A refusal costs only its pause
if few requests were refused recently and as many within a second were accepted, or if it is the first refusal.
"""

from collections import Counter, deque
from dataclasses import dataclass

FIRST_PACE = 5.0  # requests per second: slow enough for any API that is meant for programs
SLOWEST_PACE = 0.2  # more often than once in 5 s, or it would take too long to notice that requests are accepted again
BACK_OFF = 0.97  # of the limit: far enough below it for requests that get closer to each other on their way
CREEP_REQUESTS = 300  # at least, from there back to the limit, or a minute: going over it sooner is refused too often
CREEP_PAUSES = 25  # likewise, times what a refusal costs: its pause, and the time until it shows
BOLDNESS = 0.4  # growth per second above the limit, for each request per second above it and one more, over the limit
MINUTE = 60  # how long accepted requests and latencies are remembered; quotas rarely count over more
LONG_PAUSE = 8.0  # seconds: an API that asks for that counts over more than a second; the average of a minute matters
FEW = 0.08  # of the latest 100 requests, and one: so few refusals may be stray
DRAIN = 0.85  # of the pace of the answers: what a queue needs to empty


@dataclass(frozen=True, slots=True)
class Grant:
    """Permission to send one request: when, and how many requests were sent in the preceding second, including it."""

    at: float
    load: int


class PaceFinder:
    """The pace in requests per second, found from the responses. All times are from one monotonic clock."""

    def __init__(self, pace: float, *, ceiling: float, now: float) -> None:
        self.pace = pace
        self.latency = 1.0  # smoothed seconds from request to response; an assumption until there are responses
        self._ceiling = ceiling
        self._limit: float | None = None  # requests per second at which the API last refused some
        self._began = now
        self._cut_at = now - 1.0
        self._pause = 0.0  # seconds that the last refusal cost
        self._lowered_at = now  # when so many were refused that earlier accepted ones no longer prove anything
        self._exhausted_since: float | None = None  # when the API began to refuse everything
        self._suspected_at = float("-inf")  # when the latest refused request left
        self._latest: deque[bool] = deque(maxlen=100)  # of the requests sent since the last cut: accepted?
        self._accepted: Counter[int] = Counter()  # second in which they left → requests accepted
        self._latencies: deque[float] = deque(maxlen=MINUTE)
        self._drained_at = float("-inf")
        self._start_tick(now)

    @property
    def queueing_latency(self) -> float:
        """The latency in seconds above which requests are waiting in a queue that we caused."""
        return 2.0 * min(self._latencies, default=self.latency) + 0.5

    def answered(self, now: float, latency: float) -> None:
        if now - latency >= self._cut_at:
            self._latest.append(True)
        self._accepted[int(now - latency)] += 1
        if self._exhausted_since is not None:  # a quota over a longer time has come back: go by what it lasted for
            self._pause = now - self._exhausted_since
            self._exhausted_since = None
            self._limit = self._average(now)
            self.pace = min(self._ceiling, max(self.pace, BACK_OFF * self._limit))
        self._answers += 1
        self._seconds += latency
        self._tick(now)

    def throttled(self, now: float, grant: Grant, pause: float) -> bool:
        """A request was refused with 429, and ``pause`` seconds were asked for. True when the pace was cut."""
        if grant.at >= self._cut_at:
            self._latest.append(False)
        refused = self._latest.count(False)
        few = refused <= 1 + FEW * len(self._latest)
        alone = self._limit is None and abs(grant.at - self._suspected_at) > 1.0 + pause
        self._suspected_at = grant.at
        proven = max((n for second, n in self._accepted.items() if second >= self._lowered_at), default=0)
        if few and (alone or grant.load < proven):
            self._paused += pause
            return False
        self._clean = False
        if grant.at < self._cut_at + 1.0:  # the second in which the limit was passed is not over
            return False
        shown = few and now >= self._began + 1.0  # a load in the first second is not that of a whole one
        limit = grant.load - 1.0 if shown else self.pace * (1.0 - refused / len(self._latest))
        if pause >= LONG_PAUSE and self._limit is not None:
            limit = min(limit, self._average(now))
        if refused == len(self._latest) and self._exhausted_since is None:
            self._exhausted_since = now
        if not few:
            self._lowered_at = now
        self._pause = pause
        self._cut(now, limit)
        return True

    def _cut(self, now: float, limit: float) -> None:
        self._limit = max(SLOWEST_PACE, self.pace / 2.0, min(self.pace, limit))
        self.pace = max(SLOWEST_PACE, BACK_OFF * self._limit)
        self._cut_at = now
        self._latest.clear()
        self._start_tick(now)

    def _average(self, now: float) -> float:
        return self._accepted.total() / min(MINUTE, max(1.0, now - self._began))

    def _start_tick(self, now: float) -> None:
        self._accepted = Counter({second: n for second, n in self._accepted.items() if second >= now - MINUTE})
        self._tick_began = now
        self._answers = 0
        self._seconds = self._paused = 0.0  # latencies of the answers, and pauses that stray refusals cost
        self._clean = True

    def _tick(self, now: float) -> None:
        """After a second, or the time of three requests: grow, stay, or let a queue drain."""
        elapsed = now - self._tick_began
        if elapsed < max(1.0, 3.0 / self.pace):
            return
        self.latency += 0.25 * (self._seconds / self._answers - self.latency)
        self._latencies.append(self.latency)
        if self.latency > self.queueing_latency:
            self._drain(now, self._answers / elapsed)
        elif self._clean and self._answers >= 0.7 * self.pace * (elapsed - self._paused):  # they lag, and some fail
            self.pace = min(self._ceiling, self.pace * (1.0 + self._growth()) ** min(elapsed, 2.0))
        self._start_tick(now)

    def _drain(self, now: float, answered: float) -> None:
        """Go below the pace of the responses. If that does not help, the API itself has become slower."""
        interval = 5.0 + 2.0 * self.latency
        if now > self._drained_at + 3.0 * interval:
            self._drained_at = now
            self._cut(now, DRAIN * min(self.pace, answered))
        elif now > self._drained_at + interval:
            self._latencies.clear()

    def _growth(self) -> float:
        """Growth per second. It is slower if responses are slow: until a refusal arrives, more requests are sent."""
        climb: float = 2.0 ** (0.5 / (1.0 + self.latency)) - 1.0
        if self._limit is None:
            return climb
        if self.pace > self._limit:
            return min(climb, BOLDNESS * (self.pace - self._limit + 1.0) / self._limit)
        by_cost = min(10.0 * MINUTE, CREEP_PAUSES * (self._pause + self.latency))
        return (1.0 - BACK_OFF) / max(min(MINUTE, CREEP_REQUESTS / self.pace), by_cost)
