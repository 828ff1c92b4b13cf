"""A run in parts: the parent's side."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from importer.loader import skipped_frame
from importer.mapping import LoadedMapping
from importer.mapping.apply import find_tables, look_over
from importer.mapping.grouping.customer_ranges import deal_out
from importer.mapping.grouping.row_assignment import assign_rows
from importer.mapping.rewrites import Counted
from importer.mapping.transforms.packed_addresses import cell_columns
from importer.partitions import merged_frames as merge
from importer.partitions.cross_customer import shared_by_all
from importer.partitions.dask_executor import dask_crew
from importer.partitions.executors import Crew, processes
from importer.partitions.helper import Alone, Helper
from importer.partitions.mapped_memory import give_back, watch
from importer.partitions.partition import Part, SourceFile, rows_of_a_part
from importer.partitions.scratch import read_frame, scratch_folder, stored, write_frame
from importer.partitions.worker import Made, Verdict, finish_part, join_bodies, map_part
from importer.report.word_counts import added
from importer.run_folder import RunFolder, Stage
from importer.settings import Options
from importer.tables import ENTITIES, Entity, EntityTables, ProblemTable, Sources, SourceTable
from importer.validation import settle, unchecked_attributes
from importer.workflow.directory import Directory, Needs
from importer.workflow.judging import Terms
from importer.workflow.prepare import Timings, opened

__all__ = ["InParts", "in_parts", "on_disk"]


@contextmanager
def in_parts(options: Options, timings: Timings, *, hashed: bool) -> Iterator["InParts"]:
    """Read the sources and map them in parts; see :func:`importer.workflow.pieces.prepared`.

    Raises :class:`InputError` when one of them or the mapping is no use.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(scratch_folder(options.out))
        stack.callback(watch().set)
        crew = stack.enter_context(_crew(options, folder))
        loaded, files, sources = _opened(options, timings, folder)
        with timings.stage("map"):
            give_back()  # what reading took: finding the owners of rows takes most of all
            most = rows_of_a_part(options, sources, crew.hands)
            work = InParts.mapped(options, loaded, files, sources, crew, most)
        work.timings, work.hashed = timings, hashed
        yield work


@dataclass
class InParts:
    """All customers of some sources, in parts. ``problems``: of rows without a customer; ``rows``: the rows' fates."""

    loaded: LoadedMapping
    sources: Sources
    parts: list[Part]
    made: list[Made]
    problems: ProblemTable
    rows: pd.DataFrame
    changes: pd.DataFrame
    orders: merge.Ordering
    unused: dict[str, tuple[str, ...]]
    crew: Crew
    options: Options
    timings: Timings = field(default_factory=Timings)
    hashed: bool = False

    @classmethod
    def mapped(
        cls,
        options: Options,
        loaded: LoadedMapping,
        files: tuple[SourceFile, ...],
        sources: Sources,
        crew: Crew,
        most: int,
    ) -> "InParts":
        """Find whose rows are whose, and map at most ``most`` of them at a time; ``files``: where the sources lie."""
        folder = files[0].path.parent
        tables = find_tables(loaded.mapping, sources)
        owners = assign_rows(loaded.mapping, tables, sources, loaded)
        unused, notes = look_over(loaded.mapping, tables, partial=options.partial)
        orders = {number + 1: own for number, own in enumerate(cell_columns(loaded.mapping, owners))}
        parts = [
            Part.dealt(number, folder, share, files, sources) for number, share in enumerate(deal_out(owners, most))
        ]
        keys = Counted(sources)
        if "reference_id" not in loaded.mapping.customer.fields():
            own = {"reference_id": owners.changes}
            keys.add("customer", own, owners.main.rows, np.ones(len(owners.main.rows), bool))
        problems, fates = ProblemTable.concat(owners.problems), owners.status
        del owners, tables
        give_back()
        rows = _on_disk(fates.frame(), folder)
        del fates
        made = crew.map(map_part, [(part, loaded, options.country) for part in parts])
        changes = merge.merged_changes([keys.frame(), *(one.changes for one in made)], sources)
        sources = replace(sources, problems=(*sources.problems, *notes))
        return cls(loaded, sources, parts, made, problems, rows, changes, orders, unused, crew, options)

    @property
    def helper(self) -> Helper:
        """The crew, unless it was let go for the memory that it needs."""
        return self.crew if self.options.memory is None else Alone()

    def needs(self) -> Needs:
        """What the API must be asked for."""
        kinds = (one.entries[0].fields[name].lookup for one in self.made for name in one.names)
        attributes = frozenset(entity for one in self.made for entity in one.attributes)
        entities = frozenset(entity for one in self.made for entity, count in one.counts.items() if count)
        return Needs(frozenset(kind for kind in kinds if kind), attributes, entities)

    def reference_ids(self) -> "Iterator[pd.Series[str]]":
        """The reference ids of all customers, part by part."""
        for part in self.parts:
            yield read_frame(part.path("customer.made"))["reference_id"]

    def rest(self) -> None:
        """End the processes; who has something to do for them makes new ones."""
        self.crew.close()

    def settled(self, directory: Directory | None) -> Stage:
        """Validate, settle every problem, and write the bodies of the parts."""
        with self.timings.stage("validate"):
            return self._settled(Terms.of(self.options, self.loaded.mapping, directory))

    def _settled(self, terms: Terms) -> Stage:
        entries = merge.merged_entries(self.made, self.orders)
        columns = merge.merged_columns(self.made)
        shared = shared_by_all(self.parts, self.made, alike=terms.alike is not None)
        names = tuple(dict.fromkeys(name for one in self.made for name in one.field_rows))
        tasks = [
            (part, Verdict(entries, columns, own, names, self.hashed), terms)
            for part, own in zip(self.parts, shared, strict=True)
        ]
        done = self.crew.map(finish_part, tasks)
        if self.options.memory is not None:
            self.crew.close()  # the reports need the memory
        frames: dict[Entity, pd.DataFrame] = {
            entity: merge.merged_frame(self.parts, entity, "final") for entity in ENTITIES
        }
        found = merge.merged_problems(self.parts, [one.counts for one in done], "final")
        problems = ProblemTable.concat([self._loose(terms), ProblemTable(found)])
        rejected = np.concatenate([one.rejected for one in done])
        lost_child = np.concatenate([one.lost_child for one in done])
        return Stage(
            self.sources, self._tables(frames), problems, rejected, lost_child, {}, added([one.words for one in done])
        )

    def write_bodies(self, folder: RunFolder) -> pd.DataFrame:
        """Have the parts' bodies put together in ``payloads.jsonl``; comes back where each will stand."""
        paths = [part.path("payloads") for part in self.parts]
        self.helper.begin(join_bodies, paths, folder.payloads.absolute())  # its folder may be another
        before = np.cumsum([0, *(path.stat().st_size for path in paths)])
        frames = []
        for part, start in zip(self.parts, before[:-1], strict=True):
            frame = read_frame(part.path("bodies"))
            frames.append(frame.assign(position=frame["position"] + part.first, offset=frame["offset"] + start))
        return pd.concat(frames, ignore_index=True)

    def _tables(self, frames: dict[Entity, pd.DataFrame]) -> EntityTables:
        return EntityTables(
            frames["customer"],
            frames["address"],
            frames["contact"],
            merge.merged_entries(self.made, self.orders),
            self.rows,
            merge.merged_field_rows(self.parts, self.made),
            self.unused,
            self.changes,
        )

    def _loose(self, terms: Terms) -> ProblemTable:
        """What is wrong with rows without a customer, and what cannot be checked at all, settled."""
        found = [self.problems]
        if terms.directory is not None:
            used = {entity for one in self.made for entity in one.attributes}
            unknown = [name for name in ENTITIES if name in used and not terms.directory.attributes.get(name)]
            found += [unchecked_attributes(entity) for entity in unknown]
        nobody = pd.DataFrame({name: np.zeros(0, np.int64) for name in ("_row", "_entry", "_customer")})
        tables = EntityTables(nobody, nobody, nobody, (), self.rows)
        return settle(tables, ProblemTable.concat(found), severities=terms.severities).problems


def _crew(options: Options, folder: Path) -> AbstractContextManager[Crew]:
    return processes() if options.engine is None else dask_crew(options.engine, folder)


def _opened(options: Options, timings: Timings, folder: Path) -> tuple[LoadedMapping, tuple[SourceFile, ...], Sources]:
    """The mapping, and the sources on disk: nothing of them stays in memory."""
    loaded, sources = opened(options, timings, folder)
    return loaded, *on_disk(sources, folder)


def on_disk(sources: Sources, folder: Path) -> tuple[tuple[SourceFile, ...], Sources]:
    """The sources with their cells on disk, and what of them a part has to know."""
    files, tables = [], []
    for number, table in enumerate(sources.tables):
        path = table.stored or folder / f"source-{number}"
        if table.stored is None:
            write_frame(path, table.frame)
        numbers = stored(folder / f"source-{number}.rows", table.row_numbers)
        on_disk = replace(table, frame=read_frame(path), row_numbers=numbers)
        tables.append(on_disk)
        files.append(SourceFile(path, int(sources.offsets[number]), _without_rows(table)))
    return tuple(files), replace(sources, tables=tuple(tables))


def _on_disk(rows: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """The fates of all rows, on disk as well."""
    write_frame(folder / "rows", rows[["skipped", "rejected"]])
    customer = stored(folder / "rows.customer", rows["customer"].to_numpy())
    return pd.DataFrame({"customer": customer, **read_frame(folder / "rows")}, copy=False)


def _without_rows(table: SourceTable) -> SourceTable:
    """What is known of a source table apart from its rows."""
    nothing = np.zeros(0, np.int64)
    broken = np.zeros(0, np.bool_)
    return replace(
        table, frame=table.frame.iloc[:0], row_numbers=nothing, skipped=skipped_frame(nothing, []), broken=broken
    )
