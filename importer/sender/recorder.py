"""The one writer: answers go into the ledger in groups, and nothing follows from them before they are durable."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from importer.ledger import Ledger, Run
from importer.sender.wait import Sleep
from importer.sender.work import Verdict

__all__ = ["LedgerThread", "Recorder"]

LINGER = 0.05  # seconds that a group may grow; nobody waits for it but the progress and the end of the run

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class LedgerThread:
    """One thread for everything that touches the disk, in the order in which it was asked for."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="ledger")

    async def __call__(
        self, function: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Result:
        """Call ``function`` there. It ends even when the caller is cancelled meanwhile."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, lambda: function(*args, **kwargs))

    def close(self) -> None:
        """Wait for what is under way, and end the thread."""
        self._executor.shutdown(wait=True)


class Recorder:
    """Collects verdicts, writes them in one transaction, and hands them to ``follow`` once they are durable."""

    def __init__(
        self,
        thread: LedgerThread,
        ledger: Ledger,
        run: Run,
        *,
        size: int,
        sleep: Sleep,
        follow: Callable[[list[Verdict]], None],
    ) -> None:
        self._thread = thread
        self._ledger = ledger
        self._run = run
        self._size = size
        self._sleep = sleep
        self._follow = follow
        self._waiting: list[Verdict] = []
        self._some = asyncio.Event()
        self._writing = False

    @property
    def idle(self) -> bool:
        """Everything is durable."""
        return not self._waiting and not self._writing

    def put(self, verdict: Verdict) -> None:
        """Have it written with the next group."""
        self._waiting.append(verdict)
        self._some.set()

    async def run(self) -> None:
        """Write until cancelled. Raises :class:`LedgerError`."""
        while True:
            await self._some.wait()
            if len(self._waiting) < self._size:
                await self._sleep(LINGER)
            await self.flush()

    async def flush(self) -> None:
        """Write what is waiting. Raises :class:`LedgerError`."""
        group, self._waiting = self._waiting, []
        self._some.clear()
        if not group:
            return
        self._writing = True
        await self._thread(self._ledger.record, self._run, [verdict.step for verdict in group])
        self._writing = False
        self._follow(group)
