"""Sources mapped and judged in one piece or in parts: which of the two, and what both offer."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import pandas as pd

from importer.loader import source_bytes
from importer.mapping import LoadedMapping
from importer.pipeline.bodies import write_bodies
from importer.pipeline.directory import Directory
from importer.pipeline.helper import Alone, Helper
from importer.pipeline.prepare import Timings, mapped, settled
from importer.runfolder import RunFolder, Stage
from importer.settings import Options

__all__ = ["Work", "prepared"]

_LARGE = 64 << 20  # bytes of sources from which on several processes save more time than they cost


class Work(Protocol):
    """Sources that are mapped."""

    @property
    def loaded(self) -> LoadedMapping:
        """The mapping."""

    @property
    def helper(self) -> Helper:
        """Who may write a report while others are written."""

    def settled(self, directory: Directory | None) -> Stage:
        """Validate, and settle every problem; see :func:`importer.pipeline.prepare.settled`."""

    def write_bodies(self, folder: RunFolder) -> pd.DataFrame:
        """Write the bodies of what is settled; see :func:`importer.pipeline.bodies.write_bodies`."""


@dataclass
class _OnePiece:
    """All of it at once, in this process."""

    options: Options
    timings: Timings
    loaded: LoadedMapping
    stage: Stage
    unresolved: bool = True
    helper: Helper = field(default_factory=Alone)

    def settled(self, directory: Directory | None) -> Stage:
        self.unresolved = directory is None
        self.stage = settled(self.options, self.loaded, self.stage, directory, self.timings)
        return self.stage

    def write_bodies(self, folder: RunFolder) -> pd.DataFrame:
        with self.timings.stage("payloads"):
            return write_bodies(folder, self.stage, unresolved=self.unresolved, hashed=False)


@contextmanager
def prepared(options: Options, timings: Timings) -> Iterator[Work]:
    """Read the sources and map them: in parts where they are large, or where an option says so.

    Raises :class:`InputError` when a source or the mapping cannot be used.
    """
    if options.memory is None and options.engine is None and source_bytes(options.sources) < _LARGE:
        yield _OnePiece(options, timings, *mapped(options, timings))
        return
    from importer.pipeline.parts.whole import in_parts  # noqa: PLC0415 - not for the many small sources

    with in_parts(options, timings) as work:
        yield work
