"""The one writer: steps go into the ledger in groups, and nothing follows from them before they are durable."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import ParamSpec, TypeVar

import anyio
from anyio import to_thread

from importer.sender.tasks import Transition
from importer.sender.waiting import Wakeup

__all__ = ["LedgerThread", "Recorder"]

LINGER = 0.05  # seconds that a group may grow; only the progress and the end of the run wait for it

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class LedgerThread:
    """One thread at a time for everything that touches the disk, in the order of the calls."""

    def __init__(self) -> None:
        self._one = anyio.CapacityLimiter(1)

    async def __call__(
        self, function: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Result:
        """Call ``function`` in a thread. It runs to its end even when the caller is cancelled."""
        return await to_thread.run_sync(partial(function, *args, **kwargs), limiter=self._one)


@dataclass
class Recorder:
    """Collects transitions, writes them in one transaction, and hands them to ``follow`` once they are durable.

    ``write`` runs in the ledger's thread, and returns the transitions as it wrote them. A group of ``size`` does not
    linger.
    """

    thread: LedgerThread
    size: int
    write: Callable[[list[Transition]], list[Transition]]
    follow: Callable[[Sequence[Transition]], None]
    _waiting: list[Transition] = field(default_factory=list)
    _some: Wakeup = field(default_factory=Wakeup)
    _writing: bool = False

    @property
    def idle(self) -> bool:
        """Everything is durable."""
        return not self._waiting and not self._writing

    def put(self, transition: Transition) -> None:
        """Write it with the next group."""
        self._waiting.append(transition)
        self._some.set()

    async def run(self) -> None:
        """Write until cancelled. Raises :class:`LedgerError`."""
        while True:
            await self._some.wait()
            if len(self._waiting) < self.size:
                await anyio.sleep(LINGER)
            await self.flush()

    async def flush(self) -> None:
        """Write what is waiting. Raises :class:`LedgerError`."""
        group, self._waiting = self._waiting, []
        if not group:
            return
        self._writing = True
        with anyio.CancelScope(shield=True):  # what is written has to be followed by what comes of it
            group = await self.thread(self.write, group)
        self._writing = False
        self.follow(group)
