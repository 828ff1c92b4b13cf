"""Finding the pace that an API without a documented limit allows: up slowly, down at once.

The climb doubles the pace every few seconds until the first 429. The request that was refused tells how many were on
their way within one second, which is the limit to within a request, however late the refusal arrives. From there the
pace follows a flat saw-tooth just under the limit: it creeps over it now and then, is refused once or twice, and falls
back. The further the pace rises above an old limit without a refusal, the faster it grows, so that a limit that was
lifted is noticed.

Not every 429 speaks of the pace: other users of the account and flaky gateways cause some too. One that comes at a
load which was accepted moments ago costs its pause and nothing more. A first limit is only suspected, and put to the
test by going on a little above it: a real one refuses again at once, a mere suspicion is disproved by what is accepted.
"""

from collections import deque
from dataclasses import dataclass

__all__ = ["FIRST_PACE", "Grant", "PaceFinder"]

FIRST_PACE = 5.0  # requests per second: slow enough for any API that is meant to be used by programs
SLOWEST_PACE = 0.2
TICK = 1.0  # seconds over which answers are judged
BACK_OFF = 0.96  # of the limit that a refusal showed
DEEPEST_CUT = 0.5  # of the pace, for one congestion event
SETTLING = 1.0  # seconds after a cut in which refusals belong to the same event: the limit's own window
AGAIN = 5.0  # seconds within which a further event means that the limit was judged too high
CREEP = 0.004  # growth per second just under the limit, at most
REQUESTS_PER_PROBE = 300  # at least, so that a slow API does not refuse a larger share than a fast one
PAUSES_PER_PROBE = 25  # the time between two probes is at least so many times the pause that a refusal costs
LONG_WINDOW = 0.3  # of the time spent in pauses that the API asked for: it counts over more than a second
BOLDNESS = 0.2  # additional growth per second for each 100 % above an old limit
BASELINE_TICKS = 60
ANSWERS_FOR_BASELINE = 30  # the first answers to come are the quick ones, and tell too little
RELIEF_INTERVAL = 5.0  # seconds between two cuts for the sake of latency
RELIEF = 0.85  # of the pace, for one such cut
WORTH_JUDGING = 0.8  # of the pace must have been used before it may grow
STRAY_SHARE = 0.08  # of the latest answers at most may be refusals for one of them to be stray
LATEST = 100  # answers that this share is taken of
SLICES = 10  # of a second, by which accepted requests are counted
CLEARLY_STRAY = 0.9  # of what was lately accepted within a second: nearer to it, requests may have overtaken others
PROOF_LASTS = 15.0  # seconds for which an accepted load proves that it is allowed
TEST = 1.05  # times a suspected limit, and one request: the pace that puts it to the test
DISPROOF = 1.02  # times a suspected limit, and one request: accepted within a second, they disprove it
DEAR = 2.0  # seconds of pause: asking again so soon would cost more than it tells
NEAR = 1.25  # times a limit: a refusal above says nothing about it any more


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to send one request: the moment, and how many were let go in the second up to it, itself included."""

    at: float
    load: int


class PaceFinder:
    """The pace in requests per second, from what requests and answers show. Times are readings of one steady clock."""

    def __init__(self, pace: float, *, ceiling: float, now: float) -> None:
        self.pace = pace
        self._trusted = pace >= ceiling  # somebody knows the limit: it is gone back to soon, whatever was refused
        self.latency = 0.0  # smoothed seconds from request to answer; 0 before the first answer
        self._ceiling = ceiling
        self._limit: float | None = None  # requests per second at which the API last refused
        self._settled = now
        self._last_event = float("-inf")
        self._relieved = float("-inf")
        self._strained = 0.0  # latency at that moment
        self._answers_in_all = 0
        self._pause = 0.0  # seconds that the last event cost
        self._accepted_since_event = 0
        self._starved_since: float | None = None  # when the API began to refuse everything
        self._last_meal = now
        self._accepted_since_meal = 0
        self._accepted: deque[float] = deque()
        self._proofs: dict[int, int] = {}  # slice of a second → requests that left in it and were accepted
        self._latest: deque[bool] = deque(maxlen=LATEST)
        self._last_stray = float("-inf")  # when a refusal that said nothing about the pace came last
        self._confirmed = False
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
        self._accepted_since_event += 1
        self._forget_accepted(now)
        self._latest.append(True)
        slice_ = int((now - latency) * SLICES)
        self._proofs[slice_] = self._proofs.get(slice_, 0) + 1
        if self._starved_since is not None:
            self._fed_again(now, self._starved_since)
        self._accepted_since_meal += 1
        self._latencies += latency
        self._answers += 1
        self._tick(now)

    def failed(self, now: float) -> None:
        """A request got no usable answer: no reason to slow down, but where most of them fail, none to grow."""
        self._failures += 1
        self._tick(now)

    def throttled(self, now: float, grant: Grant, pause: float) -> bool:
        """A request was refused with 429, and ``pause`` seconds were asked for.

        True when this begins a congestion event, and the pace was cut.
        """
        self._latest.append(False)
        few = self._latest.count(False) <= max(1.0, STRAY_SHARE * len(self._latest))
        proven = self._proven(now)
        if few and grant.load <= proven:
            if grant.load <= CLEARLY_STRAY * proven:
                self._last_stray = now
            self._held += pause
            return False
        self._healthy = False
        if grant.at < self._settled:
            return False
        if few and pause <= DEAR and self._may_be_stray(now, grant):
            self._suspect(max(SLOWEST_PACE, float(grant.load - 1)))
            return False
        if self._starved_since is None and not self._accepted_since_event and self._limit is not None:
            self._starved_since = self._last_event
        self._limit = max(SLOWEST_PACE, min(self.pace, max(self._estimate(now, grant), self.pace * DEEPEST_CUT)))
        self._confirmed = not self._trusted
        self.pace = max(SLOWEST_PACE, self._limit * BACK_OFF)
        self._settled = now + SETTLING
        self._last_event = now
        self._pause = pause
        self._accepted_since_event = 0
        self._start_tick(now, held=pause)
        return True

    def _may_be_stray(self, now: float, grant: Grant) -> bool:
        """Whether a refusal may have other reasons than the pace, so that the limit it shows is to be tested."""
        if self._trusted or self._limit is None or grant.load - 1 > NEAR * self._limit:
            return not self._trusted
        if not self._confirmed:
            return grant.load <= self._limit  # the test goes on, about less: refusals need not come in their order
        return now - self._last_stray < PROOF_LASTS

    def _proven(self, now: float) -> int:
        """The most requests that left within one second lately and were accepted."""
        first = int((now - PROOF_LASTS) * SLICES)
        self._proofs = {slice_: count for slice_, count in self._proofs.items() if slice_ >= first}
        return max(
            (sum(self._proofs.get(slice_ + step, 0) for step in range(SLICES)) for slice_ in self._proofs), default=0
        )

    def _suspect(self, limit: float) -> None:
        """Take a lone refusal for the sign of a limit, and go on just above it to see."""
        self._limit = limit
        self._confirmed = False
        self.pace = min(self._ceiling, TEST * limit + 1.0)

    def _fed_again(self, now: float, starved_since: float) -> None:
        """The first acceptance after refusals only: a quota over a longer time was used up, and has come back.

        What was accepted from its last return to now tells the pace at which it lasts.
        """
        average = self._accepted_since_meal / (now - self._last_meal)
        self._limit = max(self._limit or 0.0, average)
        self.pace = min(self._ceiling, max(self.pace, average * BACK_OFF))
        self._pause = max(self._pause, now - starved_since)
        self._starved_since = None
        self._last_meal = now
        self._accepted_since_meal = 0

    def _estimate(self, now: float, grant: Grant) -> float:
        """The API's limit in requests per second, as this refusal shows it."""
        estimate = float(grant.load - 1)
        if self._limit is not None and not self._confirmed:
            # The refusal that raised the suspicion was the nearer one; its pause is still in the averages below.
            return estimate if self._trusted else min(estimate, self._limit)
        since = now - self._last_event
        if since < AGAIN + 2 * self.latency:
            self._forget_accepted(now)
            estimate = min(estimate, float(len(self._accepted)))
        if self._pause > LONG_WINDOW * since:
            estimate = min(estimate, self._accepted_since_event / since)
        return estimate

    def _forget_accepted(self, now: float) -> None:
        while self._accepted and self._accepted[0] <= now - 1.0:
            self._accepted.popleft()

    def _start_tick(self, now: float, *, held: float = 0.0) -> None:
        self._tick_started = now
        self._used = 0
        self._answers = 0
        self._latencies = 0.0
        self._held = held  # seconds of this tick in which the API asked for a pause
        self._failures = 0
        self._healthy = True

    def _tick(self, now: float) -> None:
        elapsed = now - self._tick_started
        if elapsed < max(TICK, 3.0 / self.pace):
            return
        if self._answers:
            mean = self._latencies / self._answers
            self.latency = mean if not self.latency else self.latency + 0.25 * (mean - self.latency)
            self._answers_in_all += self._answers
            if self._answers_in_all >= ANSWERS_FOR_BASELINE:
                self._baseline.append(self.latency)
        if self._limit is not None and not self._confirmed and self._proven(now) > DISPROOF * self._limit + 1.0:
            self._limit = None
        if self.latency > 3.0 * self.base_latency + 0.5:
            self._relieve(now, self._answers / elapsed)
        elif (
            self._healthy
            and self._failures <= self._answers
            and self._used >= WORTH_JUDGING * self.pace * max(0.0, elapsed - self._held)
        ):
            self.pace = min(self._ceiling, self.pace * (1.0 + self._growth()) ** min(elapsed, 2.0))
        self._start_tick(now)

    def _relieve(self, now: float, answered: float) -> None:
        """Answers come much later than they could: go below the pace of the answers, so that a queue drains.

        Where this does not help, there is no queue of our making: the API has become slower, which is its new normal.
        """
        if now - self._relieved < RELIEF_INTERVAL + 2.0 * self.latency:
            return
        if now - self._relieved < 3.0 * (RELIEF_INTERVAL + 2.0 * self.latency) and self.latency > 0.9 * self._strained:
            self._baseline.clear()
            return
        self._relieved = now
        self._strained = self.latency
        self._limit = max(SLOWEST_PACE, min(self.pace, max(answered, self.pace * DEEPEST_CUT)))
        self._confirmed = True
        self.pace = max(SLOWEST_PACE, self._limit * RELIEF)

    def _growth(self) -> float:
        """Growth per second. It is slower where answers come late: until the first refusal shows, others follow it."""
        climb: float = 2.0 ** (1.0 / (2.0 + 1.6 * self.latency + 0.35 * self.latency**2)) - 1.0
        if self._limit is None or self._trusted:
            return climb
        if not self._confirmed:
            return 0.0  # until the suspicion is confirmed or disproved
        between_probes = max(REQUESTS_PER_PROBE / self.pace, PAUSES_PER_PROBE * self._pause)
        creep = min(CREEP, (1.0 - BACK_OFF) / between_probes)
        if self._last_event > self._relieved:  # a limit that refuses, and goes on to until the first refusal shows
            creep /= 1.0 + 0.5 * self.latency
        return min(climb, creep + BOLDNESS * max(0.0, self.pace / self._limit - 1.0))
