"""Virtual time, and a server that allows N requests per second: minutes of pacing take a moment of real time."""

import asyncio
import random
import selectors
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from importer.api import Limiter


class _WarpSelector(selectors.DefaultSelector):
    """Moves the loop's clock forward instead of waiting. Nothing real is waited for, so nothing is polled."""

    now = 0.0

    def select(self, timeout=None):
        if timeout:
            self.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next timer."""

    selector: type[Any] = _WarpSelector

    def __init__(self) -> None:
        self.warp = self.selector()
        super().__init__(self.warp)

    def time(self) -> float:
        return self.warp.now


VIRTUALLY = ("asyncio", {"loop_factory": VirtualLoop})  # backend of coroutine tests


def run_virtually(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run ``main()`` on a loop whose clock jumps to the next timer."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class SimulatedServer:
    """Accepts ``limit`` requests in any ``period``, refuses the rest with 429, and answers after ``latency()`` seconds.

    A request arrives after the first ``way()`` of these seconds.
    """

    limit: float
    latency: Callable[[], float]
    retry_after: float | None = None
    way: Callable[[], float] = lambda: 0.005
    period: float = 1.0
    accepted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    window: deque[float] = field(default_factory=deque)

    async def answer(self) -> bool:
        way = self.way()
        await asyncio.sleep(way)
        taken = self.take()
        await asyncio.sleep(max(0.0, self.latency() - way))
        return taken

    def take(self) -> bool:
        moment = now()
        while self.window and self.window[0] <= moment - self.period:
            self.window.popleft()
        if len(self.window) >= self.limit:
            self.refused.append(moment)
            return False
        self.window.append(moment)
        self.accepted.append(moment)
        return True

    def share_refused(self, since: float = 0.0) -> float:
        refused = sum(moment >= since for moment in self.refused)
        return refused / max(1, refused + sum(moment >= since for moment in self.accepted))

    def rate(self, since: float, until: float) -> float:
        return sum(since <= moment < until for moment in self.accepted) / (until - since)


async def drive(limiter: Limiter, server: SimulatedServer, seconds: float) -> list[float]:
    """Keep ``limiter.concurrency`` requests in flight for ``seconds``. Returns when each request was sent."""
    end = now() + seconds
    sent: list[float] = []
    tasks: set[asyncio.Task[None]] = set()
    rng = random.Random(7)

    async def one() -> None:
        while len(tasks) <= limiter.concurrency:
            grant = await limiter.acquire()
            sent.append(grant.at)
            if await server.answer():
                limiter.answered(now() - grant.at)
                fill()
                continue
            limiter.throttled(server.retry_after, grant)
            if server.retry_after is None:
                await asyncio.sleep(rng.uniform(0.0, 0.5))

    def fill() -> None:
        while len(tasks) < limiter.concurrency:
            task = asyncio.create_task(one())
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    while now() < end:
        fill()
        await asyncio.sleep(min(1.0, end - now()))
    for task in list(tasks):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return sent


def busiest_second(moments: list[float]) -> int:
    """The largest number of ``moments`` in any half-open window of one second."""
    start = most = 0
    for end, moment in enumerate(moments):
        while moments[start] <= moment - 1.0:
            start += 1
        most = max(most, end - start + 1)
    return most


def sluggish(seed: int, most: float) -> Callable[[float], Awaitable[None]]:
    """A sleep that oversleeps by up to ``most`` seconds, as timers do."""
    rng = random.Random(seed)

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds + rng.random() * most)

    return sleep


def virtual_limiter(ceiling: float | None, *, max_concurrency: int = 4000, **options: Any) -> Limiter:
    defaults = {"clock": now, "sleep": asyncio.sleep, "wall": now}
    return Limiter(ceiling=ceiling, max_concurrency=max_concurrency, **{**defaults, **options})
