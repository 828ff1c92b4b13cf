"""When a request that may be repeated is sent again."""

import random
from dataclasses import dataclass

__all__ = ["RetryPolicy"]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most ``attempts`` attempts within ``deadline`` seconds, ``first`` to ``longest`` seconds apart."""

    attempts: int = 5
    first: float = 0.5
    longest: float = 30.0
    deadline: float = 300.0

    def delay(self, attempt: int, rng: random.Random) -> float:
        """Seconds to wait after attempt number ``attempt`` (from 1): full jitter below a bound that doubles.

        Full jitter spreads many workers that failed together over the whole interval instead of letting them return
        together (AWS Architecture Blog, "Exponential Backoff and Jitter").
        """
        return rng.uniform(0.0, min(self.longest, self.first * 2.0 ** min(attempt - 1, 60)))
