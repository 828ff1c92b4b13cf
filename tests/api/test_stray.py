"""429s that have nothing to do with the pace do not bring it down."""

import random
from dataclasses import dataclass, field

import pytest

from tests.api.virtual import SimulatedServer, drive, run_virtually, virtual_limiter


@dataclass
class FlakyServer(SimulatedServer):
    """Has room for everybody, and answers 2 % of all requests with 429 all the same."""

    dice: random.Random = field(default_factory=lambda: random.Random(3))

    def take(self) -> bool:
        if self.dice.random() < 0.02:
            self.refused.append(0.0)
            return False
        return super().take()


@pytest.mark.parametrize(("ceiling", "retry_after", "least"), [(400, None, 120), (400, 1.0, 25), (None, 1.0, 15)])
def test_stray_refusals_cost_their_pause_and_no_more(ceiling, retry_after, least) -> None:
    async def main():
        limiter, server = virtual_limiter(ceiling), FlakyServer(100_000, lambda: 0.02, retry_after=retry_after)
        await drive(limiter, server, 120)
        return server

    assert run_virtually(main).rate(30, 117) >= least
