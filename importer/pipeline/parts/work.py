"""What is done to a part of the customers: two pure functions, whose input and output lie in the scratch folder."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.errors import OutputError
from importer.mapping import LoadedMapping
from importer.mapping.apply import build
from importer.mapping.share import Share, owners_of
from importer.payload import write_payloads
from importer.pipeline.judging import Shared, Terms, judged
from importer.pipeline.lookups import Told, looked_up_names
from importer.pipeline.parts.scratch import read_frame, write_frame
from importer.pipeline.parts.stored import StoredTable
from importer.report.words import WordCounts, word_counts
from importer.tables import ENTITIES, TEXT, Entity, EntityTables, Entry, ProblemTable, Sources, SourceTable
from importer.validation import Settled, used_attributes
from importer.validation.alike import company_lines
from importer.validation.places import arrow, row_texts
from importer.validation.twins import Fingerprints, fingerprints

__all__ = [
    "LINES",
    "Finished",
    "Made",
    "Part",
    "SourceFile",
    "Verdict",
    "company_texts",
    "finish_part",
    "ids_and_places",
    "map_part",
]

Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
LINES = ("customers", "name", "line", "code")  # of :class:`importer.validation.alike.CompanyLines`


@dataclass(frozen=True)
class SourceFile:
    """A source table whose frame lies on disk, and where its rows begin among all row positions."""

    path: Path
    start: int
    table: SourceTable

    def rows(self, chosen: Positions, numbers: Positions) -> SourceTable:
        """Some rows of the table; ``numbers``: their row numbers."""
        known = {one.name: getattr(self.table, one.name) for one in fields(SourceTable)}
        known |= {"row_numbers": numbers, "broken": np.zeros(len(chosen), np.bool_)}
        return StoredTable(**known, path=self.path, chosen=chosen)


@dataclass(frozen=True)
class Part:
    """A share of the customers, and the folder of what is made of it.

    ``files``: of every source table what a part needs, with the numbers of the share's rows in it.
    """

    number: int
    folder: Path
    share: Share
    files: tuple[SourceFile, ...]
    row_numbers: tuple[Positions, ...]

    def sources(self) -> Sources:
        """The rows of the share as sources of their own; their cells are read from disk when they are asked for."""
        edges = np.searchsorted(self.share.rows, [*(file.start for file in self.files), np.iinfo(np.int64).max])
        tables = []
        for place, file in enumerate(self.files):
            own = self.share.rows[edges[place] : edges[place + 1]] - file.start
            tables.append(file.rows(own, self.row_numbers[place]))
        return Sources(tuple(tables))

    def path(self, name: str) -> Path:
        """A file of the part."""
        return self.folder / f"{self.number}-{name}"


@dataclass(frozen=True)
class Made:
    """What came of mapping a part, besides its frames: ``counts`` of their rows, and ``columns`` by entity.

    ``changes``: with row positions of the whole. ``prints``: of reference ids without case, ``lines``: of companies and
    addresses, for comparison with other parts. ``names``: what is looked up. ``attributes``: entities that have any.
    """

    counts: Mapping[Entity, int]
    columns: Mapping[Entity, tuple[tuple[str, Any], ...]]
    entries: tuple[Entry, ...]
    changes: pd.DataFrame
    field_rows: Mapping[str, Positions]
    prints: Mapping[Entity, Fingerprints]
    lines: Mapping[str, Any] | None
    names: Told
    attributes: tuple[Entity, ...]


def map_part(part: Part, loaded: LoadedMapping, country: str | None) -> Made:
    """Map the rows of a part; its frames and problems stay on disk, with row positions of its own."""
    sources = part.sources()
    owners = owners_of(part.share, loaded.mapping, sources)
    tables, problems = build(loaded, owners, sources, country=country)
    for entity in ENTITIES:
        write_frame(part.path(f"{entity}.made"), tables.frame(entity))
    write_frame(part.path("problems.made"), problems.frame)
    changes = tables.changes.assign(row=part.share.rows[tables.changes["row"].to_numpy()])
    made = Made(
        {entity: len(tables.frame(entity)) for entity in ENTITIES},
        {entity: tuple(_kinds(tables.frame(entity))) for entity in ENTITIES},
        tables.entries,
        changes,
        tables.customer_field_rows,
        {entity: _ids(tables, entity) for entity in ENTITIES},
        _lines(part, tables),
        looked_up_names(tables),
        tuple(used_attributes(tables)),
    )
    _let_go()
    return made


def _kinds(frame: pd.DataFrame) -> Sequence[tuple[str, Any]]:
    return [(str(name), frame[name].dtype) for name in frame.columns if not str(name).startswith("_")]


def _ids(tables: EntityTables, entity: Entity) -> Fingerprints:
    frame = tables.frame(entity)
    if "reference_id" not in frame.columns:
        return np.zeros(len(frame), np.uint64)
    return fingerprints(pc.utf8_lower(arrow(frame["reference_id"])))


def _lines(part: Part, tables: EntityTables) -> Mapping[str, Any] | None:
    """The fingerprints of companies and addresses; the texts go to disk."""
    lines = company_lines(tables)
    if lines is None:
        return None
    every = np.arange(len(lines.customers))
    texts = {"name": lines.texts("name", every), "line": lines.texts("line", every)}
    write_frame(
        part.path("lines.made"), pd.DataFrame({name: pd.Series(text, dtype=TEXT) for name, text in texts.items()})
    )
    return {name: getattr(lines, name) for name in LINES}


@dataclass(frozen=True)
class Verdict:
    """What the parent tells a part: the entries and columns of the whole, and what all customers share.

    ``field_rows``: as the part found them; ``hashed``: whether the bodies' hashes are wanted.
    """

    entries: tuple[Entry, ...]
    columns: Mapping[Entity, tuple[tuple[str, Any], ...]]
    shared: Shared
    field_rows: Mapping[str, Positions]
    hashed: bool


@dataclass(frozen=True)
class Finished:
    """What came of judging a part, besides its frames and bodies: by customer, and ``counts`` of the frames' rows.

    ``words``: of the source, as the report counts them.
    """

    rejected: Mask
    lost_child: Mask
    counts: Mapping[Entity, int]
    words: WordCounts


def finish_part(part: Part, verdict: Verdict, terms: Terms) -> Finished:
    """Judge the records of a part and write the bodies of those that are sound."""
    sources = part.sources()
    frames = {entity: _completed(part, entity, verdict.columns[entity]) for entity in ENTITIES}
    nothing = pd.DataFrame({"customer": part.share.customers})
    tables = EntityTables(
        frames["customer"],
        frames["address"],
        frames["contact"],
        verdict.entries,
        nothing,
        customer_field_rows=verdict.field_rows,
    )
    problems = ProblemTable(read_frame(part.path("problems.made")))
    settled = judged(terms, tables, sources, problems, verdict.shared)
    found = settled.problems.frame
    if terms.directory is not None:  # the parent says it, once for all
        found = found[(found["code"] != "attributes_unchecked").to_numpy(np.bool_)].reset_index(drop=True)
    for entity in ENTITIES:
        write_frame(part.path(f"{entity}.final"), settled.tables.frame(entity))
    write_frame(part.path("problems.final"), found)
    bodies = _write_bodies(part, settled, unresolved=terms.directory is None, hashed=verdict.hashed)
    write_frame(part.path("bodies"), bodies)
    counts: dict[Entity, int] = {entity: len(settled.tables.frame(entity)) for entity in ENTITIES}
    done = Finished(settled.rejected, settled.lost_child, counts, word_counts(sources, settled.tables))
    _let_go()
    return done


def _write_bodies(part: Part, settled: Settled, *, unresolved: bool, hashed: bool) -> pd.DataFrame:
    path = part.path("payloads")
    try:
        path.touch(mode=0o600)
        with path.open("wb") as file:
            return write_payloads(settled.tables, ~settled.rejected, file, unresolved_lookups=unresolved, hashed=hashed)
    except OSError as error:
        raise OutputError(
            f"{path.parent}: the bodies cannot be written: {error.strerror or error}",
            "Make room on the disk, or give another folder with --out.",
        ) from error


def _completed(part: Part, entity: Entity, columns: Sequence[tuple[str, Any]]) -> pd.DataFrame:
    """A frame with all columns that it has in the whole; those that nothing here filled are null."""
    frame = read_frame(part.path(f"{entity}.made"))
    count = len(frame)
    data = {
        name: frame[name] if name in frame.columns else pd.Series([None] * count, dtype=kind) for name, kind in columns
    }
    kept = {str(name): frame[name] for name in frame.columns if str(name).startswith("_")}
    return pd.DataFrame({**data, **kept}, index=pd.RangeIndex(count))


def company_texts(part: Part, name: str, at: Positions) -> pa.Array:
    """The company's or address's folded text at some of a part's lines."""
    return arrow(read_frame(part.path("lines.made"))[name]).take(pa.array(at))


def ids_and_places(part: Part, entity: Entity, records: Positions) -> tuple[pa.Array, pa.Array]:
    """The reference ids of some of a part's records, and where these stand (``file:row``)."""
    frame = read_frame(part.path(f"{entity}.made"))
    ids = arrow(frame["reference_id"]).take(pa.array(records))
    return ids, row_texts(part.sources(), frame["_row"].to_numpy()[records])


def _let_go() -> None:
    """Give memory back between parts, so that the next one begins with little."""
    with contextlib.suppress(NotImplementedError):
        pa.default_memory_pool().release_unused()
