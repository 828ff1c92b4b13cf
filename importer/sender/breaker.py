"""Noticing that nothing gets through to the API any more."""

import random
from dataclasses import dataclass

import anyio

from importer.api import RetryPolicy

__all__ = ["Breaker"]

FEW = 10  # failures in a row that may be chance


@dataclass
class Breaker:
    """Counts failures in a row; from ``FEW`` on, one request at a time goes, after growing pauses.

    A failure is a request without a readable answer, or a connection that could not be made. ``patience``: seconds
    without any request getting through after which the API counts as gone.
    """

    policy: RetryPolicy
    patience: float
    rng: random.Random
    _failures: int = 0
    _since: float = 0.0
    _until: float = 0.0
    round: int = 0  # of the present pause; a failure of an earlier round says nothing new

    @property
    def probing(self) -> bool:
        """Only single requests may go."""
        return self._failures >= FEW

    @property
    def exhausted(self) -> bool:
        """Nothing got through for longer than the patience lasts."""
        return self.probing and anyio.current_time() - self._since >= self.patience

    async def pause(self) -> None:
        """Wait until the next request may go."""
        await anyio.sleep_until(self._until)

    def passed(self) -> None:
        """A request was answered."""
        self._failures = self.round = 0
        self._until = 0.0

    def failed(self, of_round: int) -> None:
        """A request that was let go in round ``of_round`` failed."""
        now = anyio.current_time()
        if not self._failures:
            self._since = now
        self._failures += 1
        if self.probing and of_round == self.round:
            self.round += 1
            self._until = now + self.policy.delay(self.round, self.rng)
