"""The time of the commands: the clock, and the seconds that each stage took."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from importer.logs import event


def utc_now() -> datetime:
    return datetime.now(UTC)


STAGES = {
    "load": "Reading the sources",
    "map": "Applying the mapping",
    "lookups": "Looking up sales reps and price lists",
    "validate": "Validating",
    "payloads": "Writing the bodies",
    "plan": "Planning",
}


@dataclass
class Timings:
    """Seconds spent in each stage, in the order in which they ran. ``began`` is called with the words for a stage."""

    seconds: dict[str, float] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic
    began: Callable[[str], None] = field(default=lambda _: None)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time that the block takes to the stage ``name``."""
        if name in STAGES:
            self.began(STAGES[name])
        start = self.clock()
        try:
            yield
        finally:
            spent = self.clock() - start
            self.seconds[name] = self.seconds.get(name, 0.0) + spent
            event(logging.INFO, "stage", stage=name, seconds=round(spent, 3))
