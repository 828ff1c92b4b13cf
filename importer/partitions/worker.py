"""What is done to a part of the customers: two pure functions, whose input and output lie in the scratch folder."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from importer.mapping.grouping.customer_ranges import Share, owners_of
from importer.partitions.mapped_memory import give_back
from importer.partitions.partition import Part
from importer.partitions.scratch import keep, kept, read_frame, write_frame
from importer.payload import write_payloads
from importer.private_files import open_private
from importer.report.report_files import whole_file
from importer.report.word_counts import WordCounts, word_counts
from importer.tables import ENTITIES, TEXT, Entity, EntityTables, Entry, ProblemTable
from importer.validation import Settled, used_attributes
from importer.validation.field_places import arrow, row_texts
from importer.validation.fingerprints import Fingerprints, fingerprints
from importer.validation.possible_duplicates import company_lines
from importer.workflow.judging import Shared, Terms, judged
from importer.workflow.resolve_lookups import Told, looked_up_names

__all__ = [
    "LINES",
    "Finished",
    "Made",
    "Verdict",
    "company_texts",
    "field_rows",
    "finish_part",
    "ids_and_places",
    "join_bodies",
    "lines",
    "map_part",
    "prints",
]

Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
LINES = ("customers", "name", "line", "code")  # of :class:`importer.validation.possible_duplicates.CompanyLines`


@dataclass(frozen=True)
class Made:
    """What came of mapping a part, besides its frames: ``counts`` of their rows, and ``columns`` by entity.

    ``changes``: with row positions of the whole. ``field_rows``: the fields that have any. ``names``: what is looked
    up. ``attributes``: entities that have any. What has a number for each record lies in files of the part: see
    :func:`prints`, :func:`lines` and :func:`field_rows`.
    """

    counts: Mapping[Entity, int]
    columns: Mapping[Entity, tuple[tuple[str, Any], ...]]
    entries: tuple[Entry, ...]
    changes: pd.DataFrame
    field_rows: tuple[str, ...]
    names: Told
    attributes: tuple[Entity, ...]


def map_part(part: Part, loaded: LoadedMapping, country: str | None) -> Made:
    """Map the rows of a part; its frames and problems stay on disk, with row positions of its own."""
    share, sources = part.share, part.sources()
    owners = owners_of(share, loaded.mapping, sources)
    tables, problems = build(loaded, owners, sources, country=country)
    for entity in ENTITIES:
        write_frame(part.path(f"{entity}.made"), tables.frame(entity))
    write_frame(part.path("problems.made"), problems.frame)
    changes = tables.changes.assign(row=share.rows[tables.changes["row"].to_numpy()])
    for entity in ENTITIES:
        keep(part.path(f"{entity}.prints"), _ids(tables, entity))
    keep(part.path("lines"), _lines(part, tables))
    keep(part.path("field-rows"), dict(tables.customer_field_rows))
    made = Made(
        {entity: len(tables.frame(entity)) for entity in ENTITIES},
        {entity: tuple(_kinds(tables.frame(entity))) for entity in ENTITIES},
        tables.entries,
        changes,
        tuple(tables.customer_field_rows),
        looked_up_names(tables),
        tuple(used_attributes(tables)),
    )
    give_back()  # so that the next part begins with little
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

    ``field_rows``: the fields that have any in the whole; ``hashed``: whether the bodies' hashes are wanted.
    """

    entries: tuple[Entry, ...]
    columns: Mapping[Entity, tuple[tuple[str, Any], ...]]
    shared: Shared
    field_rows: tuple[str, ...]
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
    share = part.share
    nothing = pd.DataFrame({"customer": share.customers})
    own = field_rows(part)
    tables = EntityTables(
        frames["customer"],
        frames["address"],
        frames["contact"],
        verdict.entries,
        nothing,
        customer_field_rows={name: own[name] for name in verdict.field_rows if name in own},
    )
    problems = ProblemTable(read_frame(part.path("problems.made")))
    settled = judged(terms, tables, sources, problems, verdict.shared)
    found = settled.problems.frame
    if terms.directory is not None:  # the parent says it, once for all
        found = found[(found["code"] != "attributes_unchecked").to_numpy(np.bool_)].reset_index(drop=True)
    for entity in ENTITIES:
        write_frame(part.path(f"{entity}.final"), _among_all(settled.tables.frame(entity), share))
    write_frame(part.path("problems.final"), _among_all(found, share))
    bodies = _write_bodies(part, settled, unresolved=terms.directory is None, hashed=verdict.hashed)
    write_frame(part.path("bodies"), bodies)
    counts: dict[Entity, int] = {entity: len(settled.tables.frame(entity)) for entity in ENTITIES}
    done = Finished(settled.rejected, settled.lost_child, counts, word_counts(sources, settled.tables))
    give_back()  # so that the next part begins with little
    return done


def _write_bodies(part: Part, settled: Settled, *, unresolved: bool, hashed: bool) -> pd.DataFrame:
    path = part.path("payloads")
    try:
        with open_private(path) as file:
            return write_payloads(settled.tables, ~settled.rejected, file, unresolved_lookups=unresolved, hashed=hashed)
    except OSError as error:
        raise OutputError(
            f"{path.parent}: the bodies cannot be written: {error.strerror or error}",
            "Make room on the disk, or give another folder with --out.",
        ) from error


def join_bodies(parts: Sequence[Path], whole: Path) -> None:
    """Put the bodies of all parts together, in this order. Raises :class:`OutputError`."""
    with whole_file(whole) as file:
        for part in parts:
            with part.open("rb") as own:
                shutil.copyfileobj(own, file, 1 << 20)


def _completed(part: Part, entity: Entity, columns: Sequence[tuple[str, Any]]) -> pd.DataFrame:
    """A frame with all columns that it has in the whole; those that nothing here filled are null."""
    frame = read_frame(part.path(f"{entity}.made"))
    count = len(frame)
    data = {
        name: frame[name] if name in frame.columns else pd.Series([None] * count, dtype=kind) for name, kind in columns
    }
    kept = {str(name): frame[name] for name in frame.columns if str(name).startswith("_")}
    return pd.DataFrame({**data, **kept}, index=pd.RangeIndex(count))


def _among_all(frame: pd.DataFrame, share: Share) -> pd.DataFrame:
    """Records or problems with the rows and customers of the whole that they point at; -1 stays -1."""
    rows, first = np.append(share.rows, -1), share.first
    for name in frame.columns.intersection(["_row", "row"]):
        frame = frame.assign(**{name: rows[frame[name].to_numpy()]})
    for name in frame.columns.intersection(["_customer", "customer"]):
        own = frame[name].to_numpy()
        frame = frame.assign(**{name: np.where(own < 0, -1, own + first)})
    return frame


def prints(part: Part, entity: Entity) -> Fingerprints:
    """The fingerprints of reference ids without case, for comparison with those of other parts."""
    found: Fingerprints = kept(part.path(f"{entity}.prints"))
    return found


def lines(part: Part) -> dict[str, Positions] | None:
    """The fingerprints of companies and addresses, with the customers that have them."""
    found: dict[str, Positions] | None = kept(part.path("lines"))
    return found


def field_rows(part: Part) -> dict[str, Positions]:
    """Where customer fields stand that do not always stand in the first row; by row positions of the part."""
    found: dict[str, Positions] = kept(part.path("field-rows"))
    return found


def company_texts(part: Part, name: str, at: Positions) -> pa.Array:
    """The company's or address's folded text at some of a part's lines."""
    return arrow(read_frame(part.path("lines.made"))[name]).take(pa.array(at))


def ids_and_places(part: Part, entity: Entity, records: Positions) -> tuple[pa.Array, pa.Array]:
    """The reference ids of some of a part's records, and where these stand (``file:row``)."""
    frame = read_frame(part.path(f"{entity}.made"))
    ids = arrow(frame["reference_id"]).take(pa.array(records))
    return ids, row_texts(part.sources(), frame["_row"].to_numpy()[records])
