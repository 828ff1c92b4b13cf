"""A bounded total time: when it is over, and how a run then says that it stops."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio

from importer.errors import InterruptedRunError

__all__ = ["Deadline"]


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
