"""Shared by the tests of the client."""

import random
from collections.abc import Awaitable, Callable

from importer.api import Answer, Client, Limiter, RetryPolicy
from tests.api.server import http_json

KEY = "key-that-must-not-show"
BODY = b'{"reference_id":"C-1","company_name":"Example"}'
CREATED = http_json(201, {"data": {"id": "id-1", "reference_id": "C-1"}})


async def create(client: Client) -> Answer:
    return await client.create(BODY, "C-1")


class Naps:
    """A sleep that does not wait: it records the requested seconds and moves its clock by that much."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.now = 1000.0

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        self.now += seconds

    def clock(self) -> float:
        return self.now

    def wall(self) -> float:
        return 1_750_000_000.0 + self.now


def make_client(
    url: str, naps: Naps | None = None, *, ceiling: float | None = 10_000.0, max_wait=900.0, **options
) -> Client:
    """A client with its own clock, which moves only when something sleeps."""
    naps = naps or Naps()
    sleep: Callable[[float], Awaitable[None]] = options.pop("sleep", naps.sleep)
    limiter = Limiter(ceiling=ceiling, max_wait=max_wait, clock=naps.clock, sleep=sleep, wall=naps.wall)
    options = {"retry": RetryPolicy(attempts=3), "rng": random.Random(1), "timeout": 5.0} | options
    return Client(url, KEY, limiter=limiter, clock=naps.clock, sleep=sleep, wall=naps.wall, **options)
