"""Building blocks of the engine: waiting, schedules, the ledger's only thread and only writer, and the breaker."""

import heapq
import itertools
import math
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import ParamSpec, TypeVar

import anyio
from anyio import to_thread

from importer.api import RetryPolicy
from importer.sender.customer_task import CustomerTask, Transition

LINGER = 0.05  # seconds that a group may grow; only the progress and the end of the run wait for it
FEW = 10  # failures in a row that may be chance

Parameters = ParamSpec("Parameters")
Item = TypeVar("Item")
Result = TypeVar("Result")


class Wakeup:
    """Wakes one waiting task. A wakeup while no task waits ends the next wait at once."""

    def __init__(self) -> None:
        self._event = anyio.Event()

    def set(self) -> None:
        self._event.set()

    async def wait(self, seconds: float = math.inf) -> None:
        with anyio.move_on_after(seconds):
            await self._event.wait()
        self._event = anyio.Event()


async def gather(call: Callable[[Item], Awaitable[Result]], items: Sequence[Item]) -> list[Result]:
    """Call for all items at once. Returns the results in the items' order. Raises the first error of any call."""
    results: dict[int, Result] = {}

    async def one(at: int, item: Item) -> None:
        results[at] = await call(item)

    try:
        async with anyio.create_task_group() as group:
            for at, item in enumerate(items):
                group.start_soon(one, at, item)
    except BaseExceptionGroup as errors:
        raise first_error(errors) from None
    return [results[at] for at in range(len(items))]


def first_error(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    first = errors.exceptions[0]
    return first_error(first) if isinstance(first, BaseExceptionGroup) else first


class Schedule:
    """Customers by the time at which they are due, on the event loop's clock (inf if there are none)."""

    def __init__(self) -> None:
        self._queue: list[tuple[float, int, CustomerTask]] = []
        self._order = itertools.count()

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def due(self) -> float:
        return self._queue[0][0] if self._queue else math.inf

    def push(self, due: float, task: CustomerTask) -> None:
        heapq.heappush(self._queue, (due, next(self._order), task))

    def take(self, most: int) -> list[CustomerTask]:
        now = anyio.current_time()
        found: list[CustomerTask] = []
        while len(found) < most and self.due <= now:
            found.append(heapq.heappop(self._queue)[2])
        return found

    def clear(self) -> None:
        self._queue.clear()


class LedgerThread:
    """One thread at a time for everything that touches the disk, in the order of the calls."""

    def __init__(self) -> None:
        self._one = anyio.CapacityLimiter(1)

    async def __call__(
        self, function: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Result:
        """Call ``function`` in a thread. It runs to its end even when the caller is canceled."""
        return await to_thread.run_sync(partial(function, *args, **kwargs), limiter=self._one)


@dataclass
class TransitionRecorder:
    """The only writer: collects transitions, writes them in one transaction, and then passes them to ``follow``.

    No transition has an effect before it is durable. ``write`` returns what it wrote. A group of ``size`` transitions
    is written at once.
    """

    size: int
    write: Callable[[list[Transition]], Awaitable[list[Transition]]]
    follow: Callable[[Sequence[Transition]], None]
    _waiting: list[Transition] = field(default_factory=list)
    _some: Wakeup = field(default_factory=Wakeup)
    _writing: bool = False

    @property
    def idle(self) -> bool:
        return not self._waiting and not self._writing

    def put(self, transition: Transition) -> None:
        self._waiting.append(transition)
        self._some.set()

    async def run(self) -> None:
        while True:
            await self._some.wait()
            if len(self._waiting) < self.size:
                await anyio.sleep(LINGER)
            await self.flush()

    async def flush(self) -> None:
        group, self._waiting = self._waiting, []
        if not group:
            return
        self._writing = True
        with anyio.CancelScope(shield=True):  # what is written must be followed up
            group = await self.write(group)
        self._writing = False
        self.follow(group)


@dataclass
class Breaker:
    """Counts consecutive failures (no readable answer or no connection); after ``FEW``, requests go one at a time.

    ``patience``: seconds without any successful request after which the API counts as gone.
    """

    policy: RetryPolicy
    patience: float
    rng: random.Random
    _failures: int = 0
    _since: float = 0.0
    _until: float = 0.0
    round: int = 0  # of the current pause; a failure from an earlier round is not news

    @property
    def probing(self) -> bool:
        return self._failures >= FEW

    @property
    def exhausted(self) -> bool:
        return self.probing and anyio.current_time() - self._since >= self.patience

    async def pause(self) -> None:
        await anyio.sleep_until(self._until)

    def passed(self) -> None:
        self._failures = self.round = 0
        self._until = 0.0

    def failed(self, of_round: int) -> None:
        now = anyio.current_time()
        if not self._failures:
            self._since = now
        self._failures += 1
        if self.probing and of_round == self.round:
            self.round += 1
            self._until = now + self.policy.delay(self.round, self.rng)
