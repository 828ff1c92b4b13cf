"""Sources mapped and judged in one piece or in parts: which of the two, and what both offer."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import pandas as pd

from importer.errors import UsageError
from importer.loader import source_bytes
from importer.mapping import LoadedMapping
from importer.partitions.helper import Alone, Helper
from importer.run_folder import RunFolder, Stage
from importer.settings import Options
from importer.tables import Sources
from importer.workflow.changes_file import write_bodies
from importer.workflow.directory import Directory, Needs
from importer.workflow.prepare import Timings, mapped, settled
from importer.workflow.resolve_lookups import needs_of

__all__ = ["Work", "check_only", "prepared"]

_LARGE = 64 << 20  # bytes of sources from which on several processes save more time than they cost


class Work(Protocol):
    """Sources that are mapped."""

    @property
    def loaded(self) -> LoadedMapping:
        """The mapping."""

    @property
    def helper(self) -> Helper:
        """Who may write a file while others are written."""

    @property
    def sources(self) -> Sources:
        """What was read."""

    def needs(self) -> Needs:
        """What the API must be asked for before anything is settled."""

    def reference_ids(self) -> Iterator["pd.Series[str]"]:
        """The reference ids of all customers, some at a time; null where there is none."""

    def settled(self, directory: Directory | None) -> Stage:
        """Validate, and settle every problem; see :func:`importer.workflow.prepare.settled`."""

    def rest(self) -> None:
        """Keep no process busy or waiting for as long as there is nothing to do here, which may be hours."""

    def write_bodies(self, folder: RunFolder) -> pd.DataFrame:
        """Write the bodies of what is settled; see :func:`importer.workflow.changes_file.write_bodies`.

        Their file is there when the helper has finished.
        """


@dataclass
class _OnePiece:
    """All of it at once, in this process."""

    options: Options
    timings: Timings
    hashed: bool
    loaded: LoadedMapping
    stage: Stage
    unresolved: bool = True
    helper: Helper = field(default_factory=Alone)

    @property
    def sources(self) -> Sources:
        return self.stage.sources

    def needs(self) -> Needs:
        return needs_of(self.stage.tables)

    def reference_ids(self) -> Iterator["pd.Series[str]"]:
        yield self.stage.tables.customers["reference_id"]

    def settled(self, directory: Directory | None) -> Stage:
        self.unresolved = directory is None
        self.stage = settled(self.options, self.loaded, self.stage, directory, self.timings)
        return self.stage

    def rest(self) -> None:
        pass

    def write_bodies(self, folder: RunFolder) -> pd.DataFrame:
        return write_bodies(folder, self.stage, unresolved=self.unresolved, hashed=self.hashed)


@contextmanager
def prepared(options: Options, timings: Timings, *, hashed: bool) -> Iterator[Work]:
    """Read the sources and map them: in parts where they are large, or where an option says so.

    What comes of it may be used until the block ends. ``hashed``: whether the bodies' hashes are wanted.
    Raises :class:`InputError` when a source or the mapping cannot be used.
    """
    if options.memory is None and options.engine is None and source_bytes(options.sources) < _LARGE:
        yield _OnePiece(options, timings, hashed, *mapped(options, timings))
        return
    from importer.partitions.parent import in_parts  # noqa: PLC0415 - not for the many small sources

    with in_parts(options, timings, hashed=hashed) as work:
        yield work


def check_only(options: Options, work: Work) -> None:
    """Raise :class:`UsageError` when ``--only`` names a customer that the sources do not hold."""
    absent = set(options.only)
    for some in work.reference_ids() if absent else ():
        absent.difference_update(some[some.isin(list(absent))])
    if absent:
        raise UsageError(
            f"--only: the sources hold no customer {', '.join(map(repr, sorted(absent)[:5]))}",
            "Give reference ids as `importer check` shows them in results.csv.",
        )
