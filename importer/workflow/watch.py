"""The caller's view of a command: its progress, and the wish to stop it."""

import signal
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskStatus

from importer.errors import InterruptedRunError, StopError
from importer.records import OutcomeKind

__all__ = ["Counts", "Deadline", "Watch"]


@dataclass
class Deadline:
    """``seconds`` from now on, by a clock that is handed in."""

    seconds: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    until: float = field(init=False)

    def __post_init__(self) -> None:
        self.until = self.clock() + self.seconds

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return self.clock() >= self.until

    async def passed(self) -> None:
        """Wait until the time is up."""
        while (left := self.until - self.clock()) > 0:
            await self.sleep(left)

    def error(self, *, sending: bool) -> InterruptedRunError:
        """Why the run stops; ``sending``: whether it had begun to send."""
        hint = "`importer resume` goes on from there." if sending else "Nothing was sent: give it more time."
        return InterruptedRunError(f"--deadline: the time allowed for the run ({_length(self.seconds)}) is over", hint)


def _length(seconds: float) -> str:
    """Seconds as a person says them: ``90 min``, ``45 s``."""
    return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"


Counts = Mapping[OutcomeKind, int]
_POLL = 0.1  # seconds between two looks at what another thread has set


def _silent(_: str) -> None:
    """Report nothing."""


def _uncounted(_: Counts) -> None:
    """Report nothing."""


@dataclass
class Watch:
    """Where a run reports: ``phase`` gets what happens, ``counts`` how many customers have which outcome.

    ``stage`` gets what takes a while now, which is of no interest afterwards.
    It also carries the wish to stop: the first SIGINT or SIGTERM lets requests in flight finish, the second stops now.
    The end of the ``deadline`` is such a wish, too, and so is the event ``requested``, which any thread may set.
    """

    phase: Callable[[str], None] = _silent
    counts: Callable[[Counts], None] = _uncounted
    stage: Callable[[str], None] = _silent
    stop: anyio.Event = field(default_factory=anyio.Event)
    deadline: Deadline | None = None
    requested: threading.Event | None = None
    sending: bool = False
    stopped: StopError | None = None  # what ended the run early

    @asynccontextmanager
    async def signals(self) -> AsyncIterator[None]:
        """While the block runs, signals and the deadline ask to stop.

        Raises :class:`InterruptedRunError` where they cut it off.
        """
        failed: Exception | None = None
        async with anyio.create_task_group() as group:
            with anyio.CancelScope() as block:
                await group.start(self._listen, block)
                group.start_soon(self._expire, block)
                group.start_soon(self._poll, block)
                try:
                    yield
                except Exception as error:  # noqa: BLE001 - raised again below: the group would wrap it
                    failed = error
            group.cancel_scope.cancel()
        if failed is not None:
            raise failed
        if block.cancelled_caught:
            hint = "`importer resume` goes on; requests in flight are looked up first."
            raise self.reason(InterruptedRunError("interrupted", hint))

    async def _listen(self, block: anyio.CancelScope, *, task_status: TaskStatus[None]) -> None:
        """Stop on signals, which only the main thread may handle."""
        if threading.current_thread() is not threading.main_thread():
            task_status.started()
            return
        try:
            with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as received:
                task_status.started()
                async for _ in received:
                    self._interrupt(block)
        except NotImplementedError:  # Windows
            task_status.started()

    async def _poll(self, block: anyio.CancelScope) -> None:
        """Stop when another thread asks for it."""
        while self.requested is not None:
            if self.requested.is_set():
                self._interrupt(block)
                return
            await anyio.sleep(_POLL)

    def _interrupt(self, block: anyio.CancelScope) -> None:
        """Stop: gently while customers are sent, else at once."""
        if self.sending and not self.stop.is_set():
            self.phase("Stopping: waiting for requests in flight. Interrupt again to stop now.")
            self.stop.set()
        else:
            block.cancel()

    async def _expire(self, block: anyio.CancelScope) -> None:
        """Stop when the time is up: gently while customers are sent, else at once."""
        if self.deadline is None:
            return
        await self.deadline.passed()
        if self.sending:
            self.phase("The time is up: waiting for requests in flight. Interrupt to stop now.")
            self.stop.set()
        else:
            block.cancel()

    def reason(self, interrupted: InterruptedRunError) -> InterruptedRunError:
        """Why the run was interrupted: the deadline, where that is over."""
        if self.deadline is None or not self.deadline.over:
            return interrupted
        return self.deadline.error(sending=self.stop.is_set())
