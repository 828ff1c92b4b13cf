"""429s that have nothing to do with the pace do not bring it down."""

import asyncio
import random
from dataclasses import dataclass, field

import pytest

from tests.api.virtual import SimulatedServer, drive, now, run_virtually, virtual_limiter


@dataclass
class FlakyServer(SimulatedServer):
    """Has room for everybody, and answers 2 % of all requests with 429 all the same."""

    dice: random.Random = field(default_factory=lambda: random.Random(3))

    def take(self) -> bool:
        if self.dice.random() < 0.02:
            self.refused.append(0.0)
            return False
        return super().take()


@pytest.mark.parametrize(
    ("ceiling", "retry_after", "least"), [(400, None, 320), (400, 1.0, 40), (None, None, 40), (None, 1.0, 30)]
)
def test_stray_refusals_cost_their_pause_and_no_more(ceiling, retry_after, least) -> None:
    async def main():
        limiter, server = virtual_limiter(ceiling), FlakyServer(100_000, lambda: 0.02, retry_after=retry_after)
        await drive(limiter, server, 120)
        return server

    assert run_virtually(main).rate(30, 117) >= least


def _found(share: float) -> float:
    dice = random.Random(5)

    async def main():
        limiter = virtual_limiter(None)

        async def worker() -> None:
            while now() < 15:
                grant = await limiter.acquire()
                await asyncio.sleep(0.02)
                if dice.random() < share:
                    limiter.failed()
                else:
                    limiter.answered(now() - grant.at, {})

        await asyncio.gather(*(worker() for _ in range(32)))
        return limiter.statistics.pace

    return run_virtually(main)


def test_a_few_failures_do_not_keep_the_pace_down_and_many_do() -> None:
    """One request in seven fails, as behind a bad proxy, or nearly all."""
    assert _found(0.14) >= 400
    assert _found(0.9) <= 10
