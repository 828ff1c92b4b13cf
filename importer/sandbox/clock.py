"""Time, handed in so that tests can turn it by hand."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import anyio

__all__ = ["Clock", "stamp"]


@dataclass(frozen=True)
class Clock:
    """``wall``: seconds since 1970, for stamps and listings. ``ticks``: seconds that never go back, for the rate."""

    wall: Callable[[], float] = time.time
    ticks: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[object]] = anyio.sleep


def stamp(micros: int) -> str:
    """Microseconds since 1970 as the API writes times; texts of one length, so they sort as the times do."""
    seconds, rest = divmod(micros, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06d}Z"
