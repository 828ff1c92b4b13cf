"""Waiting: until something happens or a time has passed, and for several calls at once."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import anyio

__all__ = ["Wakeup", "first_error", "gather"]

Item = TypeVar("Item")
Result = TypeVar("Result")


class Wakeup:
    """Wakes one waiting task. A wakeup that comes while nothing waits ends the next wait at once."""

    def __init__(self) -> None:
        self._event = anyio.Event()

    def set(self) -> None:
        """Wake the task."""
        self._event.set()

    async def wait(self, seconds: float | None = None) -> None:
        """Wait for :meth:`set`, or until ``seconds`` have passed (None: however long it takes)."""
        with anyio.move_on_after(seconds):
            await self._event.wait()
        self._event = anyio.Event()


async def gather(call: Callable[[Item], Awaitable[Result]], items: Sequence[Item]) -> list[Result]:
    """Call for all items at once; the results in the items' order. Raises the first error of any call."""
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
    """The first error of a group, which may contain groups."""
    first = errors.exceptions[0]
    return first_error(first) if isinstance(first, BaseExceptionGroup) else first
