"""Who does work on the side: another process where there is one, else whoever asks."""

from collections.abc import Callable
from typing import Protocol

__all__ = ["Alone", "Helper"]


class Helper(Protocol):
    """Does something while the one who asks goes on; what it is handed, and the work itself, can be pickled."""

    def begin(self, work: Callable[..., object], *arguments: object) -> None:
        """Have it done, at once or meanwhile."""

    def finish(self) -> None:
        """Wait until all that was begun is done. Raises what it raises."""


class Alone:
    """Nobody else: it is done when it is asked for."""

    def begin(self, work: Callable[..., object], *arguments: object) -> None:
        work(*arguments)

    def finish(self) -> None:
        pass
