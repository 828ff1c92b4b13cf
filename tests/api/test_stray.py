"""429s that have nothing to do with the pace do not lower it."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.api.virtual import SimulatedServer, drive, now, run_virtually, virtual_limiter


@dataclass
class FlakyServer(SimulatedServer):
    """Answers with 429 now and then, even below its limit."""

    flaky: Callable[[], bool] = lambda: False

    def take(self) -> bool:
        if self.flaky():
            self.refused.append(now())
            return False
        return super().take()


@pytest.mark.parametrize("latency", [0.02, 1.0])
@pytest.mark.parametrize(("ceiling", "retry_after"), [(None, None), (40.0, None), (40.0, 2.0)])
def test_one_stray_refusal_costs_only_its_pause(latency, ceiling, retry_after) -> None:
    """While the pace climbs, and later."""

    def run(seconds: float, strays: list[float]) -> FlakyServer:
        def flaky() -> bool:
            return bool(strays) and now() >= strays[0] and bool(strays.pop())

        async def main():
            server = FlakyServer(50, lambda: latency, retry_after, flaky=flaky)
            await drive(virtual_limiter(ceiling), server, seconds)
            return server

        return run_virtually(main)

    usual = run(62, [])
    for at in (5.0, 30.0):
        rate = run(at + 32, [at]).rate(at, at + 30)
        assert rate >= 0.95 * usual.rate(at, at + 30) * (30 - (retry_after or 0.0)) / 30, at


@pytest.mark.parametrize(
    ("ceiling", "retry_after", "least", "seconds"),
    [(400, None, 320, 45), (400, 1.0, 30, 120), (None, None, 25, 120), (None, 1.0, 10, 120)],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_pace_stays_high_with_2_percent_random_refusals(ceiling, retry_after, least, seconds, seed) -> None:
    dice = random.Random(seed)

    async def main():
        server = FlakyServer(100_000, lambda: 0.02, retry_after, flaky=lambda: dice.random() < 0.02)
        await drive(virtual_limiter(ceiling), server, seconds)
        return server

    assert run_virtually(main).rate(30, seconds - 3) >= least


def _found(share: float) -> float:
    dice = random.Random(5)

    async def main():
        limiter = virtual_limiter(None)

        async def worker() -> None:
            while now() < 20:
                grant = await limiter.acquire()
                await asyncio.sleep(0.02)
                if dice.random() < share:
                    limiter.hold()
                else:
                    limiter.answered(now() - grant.at)

        await asyncio.gather(*(worker() for _ in range(32)))
        return limiter.statistics.pace

    return run_virtually(main)


def test_few_failures_do_not_slow_down_but_many_do() -> None:
    """One request in seven fails, as behind a bad proxy, or nearly all of them."""
    assert _found(0.14) >= 400
    assert _found(0.9) <= 10
