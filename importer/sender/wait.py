"""Waiting on a clock that is handed in."""

import asyncio
from collections.abc import Awaitable, Callable

__all__ = ["Sleep", "wait_for"]

Sleep = Callable[[float], Awaitable[None]]


async def wait_for(event: asyncio.Event, seconds: float | None, sleep: Sleep) -> None:
    """Until ``event`` is set, or ``seconds`` have passed (None: however long it takes)."""
    if seconds is None:
        await event.wait()
        return
    waits = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(_slept(sleep, seconds))]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def _slept(sleep: Sleep, seconds: float) -> None:
    await sleep(seconds)
