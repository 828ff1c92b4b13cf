"""Whoever watches a command: what is told of its course, and the wish to stop it."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from importer.errors import InterruptedRunError, StopError
from importer.pipeline.deadline import Deadline
from importer.records import OutcomeKind

__all__ = ["Counts", "Watch"]

Counts = Mapping[OutcomeKind, int]


def _silent(_: str) -> None:
    """Nobody watches."""


def _uncounted(_: Counts) -> None:
    """Nobody watches."""


@dataclass
class Watch:
    """Whoever watches a run: ``phase`` is told what happens, ``counts`` how many customers have which outcome.

    ``stage`` is told what takes a while now, which is of no interest afterwards.
    It also carries the wish to stop: the first SIGINT or SIGTERM lets requests in flight finish, the second stops now.
    The end of the ``deadline`` is such a wish, too.
    """

    phase: Callable[[str], None] = _silent
    counts: Callable[[Counts], None] = _uncounted
    stage: Callable[[str], None] = _silent
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    deadline: Deadline | None = None
    sending: bool = False
    stopped: StopError | None = None  # what ended the run early

    @asynccontextmanager
    async def signals(self) -> AsyncIterator[None]:
        """While the block runs, signals and the deadline ask to stop.

        Raises :class:`InterruptedRunError` where they cut it off.
        """
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None

        def asked() -> None:
            if self.sending and not self.stop.is_set():
                self.phase("Stopping: waiting for requests in flight. Interrupt again to stop now.")
                self.stop.set()
            else:
                task.cancel()

        expiry = asyncio.create_task(self._expire(task))
        caught = []
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(number, asked)
            except (NotImplementedError, RuntimeError, ValueError):  # Windows, or not in the main thread
                continue
            caught.append(number)
        try:
            yield
        except asyncio.CancelledError:
            task.uncancel()
            raise self.reason(
                InterruptedRunError("interrupted", "`importer resume` goes on; what was in flight is looked up first.")
            ) from None
        finally:
            expiry.cancel()
            with suppress(asyncio.CancelledError):
                await expiry
            for number in caught:
                loop.remove_signal_handler(number)

    async def _expire(self, task: "asyncio.Task[None]") -> None:
        """Stop when the time is up: what is being sent in peace, everything else at once."""
        if self.deadline is None:
            return
        await self.deadline.passed()
        if self.sending:
            self.phase("The time is up: waiting for requests in flight. Interrupt to stop now.")
            self.stop.set()
        else:
            task.cancel()

    def reason(self, interrupted: InterruptedRunError) -> InterruptedRunError:
        """Why the run was interrupted: the deadline, where that is over."""
        if self.deadline is None or not self.deadline.over:
            return interrupted
        return self.deadline.error(sending=self.stop.is_set())
