"""The first half of every command: sources and a mapping in, settled customers out. Opens no connection."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from importer.errors import NoSourceError, UsageError
from importer.loader import LoadOptions, dated, load
from importer.logs import event
from importer.mapping import LoadedMapping, apply_mapping, load_mapping
from importer.mapping.transforms.countries import country_code
from importer.run_folder import Stage
from importer.settings import Options
from importer.tables import Sources, header_key
from importer.workflow.directory import Directory
from importer.workflow.judging import Terms, judged

__all__ = [
    "Timings",
    "chosen",
    "mapped",
    "opened",
    "read_sources",
    "settled",
    "utc_now",
    "with_dates",
]


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


STAGES = {
    "load": "Reading the sources",
    "map": "Applying the mapping",
    "lookups": "Looking up sales reps and price lists",
    "validate": "Validating",
    "payloads": "Writing the bodies",
    "plan": "Planning",
}


def _untold(_: str) -> None:
    """Nobody watches."""


@dataclass
class Timings:
    """Seconds spent in each stage, in the order in which the stages ran; ``began`` is told what begins, in words."""

    seconds: dict[str, float] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic
    began: Callable[[str], None] = _untold

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of the block for ``name``."""
        if name in STAGES:
            self.began(STAGES[name])
        start = self.clock()
        try:
            yield
        finally:
            spent = self.clock() - start
            self.seconds[name] = self.seconds.get(name, 0.0) + spent
            event(logging.INFO, "stage", stage=name, seconds=round(spent, 3))


def with_dates(options: Options, now: datetime) -> Options:
    """The options with the dates of sources filled in, by this machine's time zone (``TZ``).

    Raises :class:`UsageError`, and :class:`SourceError` when no file has such a date.
    """
    return replace(options, sources=dated(options.sources, now.astimezone()))


def read_sources(options: Options, loaded: LoadedMapping, scratch: Path | None = None) -> Sources:
    """Load the sources with what the mapping knows about their columns. Raises :class:`SourceError`, `UsageError`.

    ``scratch``: a folder for the cells of large files.
    """
    hints = loaded.mapping.header_hints()
    return load(
        list(options.sources),
        LoadOptions(
            columns=hints,
            two_headers=loaded.mapping.two_headers,
            allowed=frozenset(header_key(name) for names in hints for name in names),
            names=tuple(name for table in loaded.mapping.tables.values() for name in table.names),
            sheet=options.sheet,
            encoding=options.encoding,
            delimiter=options.delimiter,
            scratch=scratch,
        ),
    )


def opened(options: Options, timings: Timings, scratch: Path | None = None) -> tuple[LoadedMapping, Sources]:
    """Load the mapping and the sources; ``scratch``: a folder for the cells of large files.

    Raises :class:`InputError` when one of them cannot be used.
    """
    if options.country is not None and country_code(options.country) != options.country:
        raise UsageError(
            f"--country is {options.country!r}, which is no country",
            "Give the ISO code of a country, such as US or GB.",
        )
    loaded = load_mapping(options.mapping)
    with timings.stage("load"):
        sources = read_sources(options, loaded, scratch)
    if not sources.row_count:
        raise NoSourceError(
            "the sources hold no data rows", "Look at the files: is it the right export, and is it whole?"
        )
    return loaded, sources


def mapped(options: Options, timings: Timings) -> tuple[LoadedMapping, Stage]:
    """Load and map. Raises :class:`InputError` when a source or the mapping cannot be used."""
    loaded, sources = opened(options, timings)
    with timings.stage("map"):
        made = apply_mapping(loaded, sources, country=options.country, partial=options.partial)
    sources = replace(sources, problems=(*sources.problems, *made.notes))
    nobody = made.tables.customers.index.to_numpy() < 0
    return loaded, Stage(sources, made.tables, made.problems, nobody, nobody.copy(), {})


def settled(
    options: Options, loaded: LoadedMapping, stage: Stage, directory: Directory | None, timings: Timings
) -> Stage:
    """Validate, and settle every problem.

    Names are resolved by ``directory``, and attributes checked against it; without one, both are left open.
    """
    with timings.stage("validate"):
        result = judged(Terms.of(options, loaded.mapping, directory), stage.tables, stage.sources, stage.problems)
    return replace(
        stage, tables=result.tables, problems=result.problems, rejected=result.rejected, lost_child=result.lost_child
    )


def chosen(options: Options, bodies: pd.DataFrame) -> pd.DataFrame:
    """The bodies of the customers that ``--only`` names; of all without it."""
    if options.only:
        bodies = bodies[bodies["reference_id"].isin(list(options.only))]
    return bodies.reset_index(drop=True)
