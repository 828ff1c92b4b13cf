"""The first half of every command: it turns sources and a mapping into validated customers and their bodies.

The work is done in partitions. This is the parent's part of it, with everything that concerns more than one customer.
"""

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from importer.errors import MappingError, UsageError
from importer.loader import skipped_frame, source_bytes
from importer.mapping.apply import find_tables, review_columns
from importer.mapping.cell_problems import count_changes
from importer.mapping.cell_sources import column_roles
from importer.mapping.fitting import advice, best_fit, fit_of
from importer.mapping.grouping.row_assignment import RowAssignment, assign_rows
from importer.mapping.language.mapping_files import LoadedMapping
from importer.mapping.transforms.packed_addresses import cell_columns
from importer.partitions import all_partitions as merge
from importer.partitions.all_partitions import shared_by_all
from importer.partitions.cell_accounts import CellRules, all_cells
from importer.partitions.executors import InlineExecutor, dask_executor, process_executor, processors, run_all
from importer.partitions.partition import Partition, SourceFile, deal_out, rows_per_partition
from importer.partitions.scratch import (
    read_array,
    read_frame,
    release_memory,
    scratch_folder,
    watch_memory,
    write_array,
    write_frame,
)
from importer.partitions.worker import Mapped, ValidationPolicy, finish_part, map_part
from importer.records import Severity
from importer.report.report_files import whole_file
from importer.report.word_counts import added
from importer.run_folder import RunFolder, Stage
from importer.settings import Options
from importer.tables import ENTITIES, FORMER_ID, TEXT, EntityTables, ProblemTable, Sources, no_lines
from importer.validation.attributes import unchecked_attributes
from importer.validation.policies import apply_policies
from importer.validation.word_problems import one_per_word
from importer.wording import counted
from importer.workflow.cell_choices import cell_choices
from importer.workflow.directory import Directory, Needs
from importer.workflow.open_sources import blank_when_invalid, open_sources
from importer.workflow.timings import Timings
from importer.workflow.word_files import names_by_field, refuse_unknown_values

_DUPLICATES = {"off": None, "warn": Severity.WARNING, "reject": Severity.ERROR}
_LARGE = 64 << 20  # if sources have at least this many bytes, several processes save more time than they cost


@contextmanager
def prepared(options: Options, timings: Timings, *, hashed: bool) -> Iterator["PreparedSources"]:
    """Read the sources and map them. The result may be used until the block ends.

    ``hashed``: whether the bodies' hashes are needed. Raises :class:`InputError` if a source or the mapping cannot be
    used.
    """
    with ExitStack() as scratch:
        folder = scratch.enter_context(scratch_folder(options.out))
        pool = scratch.enter_context(ExitStack())
        executor, workers = _start_executor(options, folder, pool)
        if workers > 1:
            scratch.callback(watch_memory().set)
        loaded, sources = open_sources(options, timings, folder)
        files, sources = _on_disk(sources, folder)
        work = PreparedSources(options, timings, hashed, loaded, sources, executor, pool, scratch)
        with timings.stage("map"):
            release_memory()  # that reading needed: finding the rows' customers needs the most memory
            work.assign_rows(files, folder, rows_per_partition(options, sources, workers))
            release_memory()
            work.map_rows()
        yield work


def _start_executor(options: Options, folder: Path, pool: ExitStack) -> tuple[Executor, int]:
    """The executor for these sources, which ends when ``pool`` is closed, and its number of workers."""
    if options.engine is not None:
        return pool.enter_context(dask_executor(options.engine, folder))
    large = options.memory is not None or source_bytes(options.sources) >= _LARGE
    workers = processors() if large else 1
    return (pool.enter_context(process_executor(workers)) if workers > 1 else InlineExecutor()), workers


@dataclass
class PreparedSources:
    """Sources that are mapped in partitions.

    ``problems``: those found before the rows are split into partitions; ``rows``: as ``EntityTables.rows``; ``orders``:
    see ``merged_entries``.
    """

    options: Options
    timings: Timings
    hashed: bool
    loaded: LoadedMapping
    sources: Sources
    executor: Executor
    pool: ExitStack
    scratch: ExitStack
    partitions: list[Partition] = field(init=False)
    mapped: list[Mapped] = field(init=False)
    problems: ProblemTable = field(init=False)
    rows: pd.DataFrame = field(init=False)
    changes: pd.DataFrame = field(init=False)
    orders: merge.Ordering = field(init=False)
    unused: Mapping[str, tuple[str, ...]] = field(init=False)
    rules: CellRules = field(init=False)

    def assign_rows(self, files: tuple[SourceFile, ...], folder: Path, most: int) -> None:
        """Find the customer of each row, and make partitions of at most ``most`` rows."""
        mapping = self.loaded.mapping
        try:
            tables = find_tables(mapping, self.sources)
        except MappingError as error:
            raise MappingError(error.message, f"{advice(self.sources, self.loaded)} {error.hint}".strip()) from error
        assignment = assign_rows(mapping, tables, self.sources, self.loaded)
        if not len(assignment.ids) and not self.options.partial:
            raise _no_customers(self.loaded, self.sources, assignment)
        self.unused, notes = review_columns(mapping, tables, partial=self.options.partial)
        self.rules = CellRules(column_roles(mapping, tables), tables[mapping.main_table].blanks)
        self.orders = {number + 1: own for number, own in enumerate(cell_columns(mapping, assignment))}
        self.partitions = []
        for number, share in enumerate(deal_out(assignment, most)):
            self.partitions.append(Partition(number, folder, share.first, files))
            self.partitions[-1].dump("share", share)
        self.changes = count_changes(self.sources, assignment.changes)
        self.problems = ProblemTable.concat(assignment.problems)
        write_frame(folder / "rows", assignment.status.frame())
        self.rows = read_frame(folder / "rows", numbers=False)
        self.sources = replace(self.sources, problems=(*self.sources.problems, *notes))

    def map_rows(self) -> None:
        """Map the rows of all partitions."""
        tasks = [(partition, self.loaded, self.options.country) for partition in self.partitions]
        self.mapped = run_all(self.executor, map_part, tasks)
        self.changes = merge.merged_changes([self.changes, *(one.changes for one in self.mapped)], self.sources)

    def needs(self) -> Needs:
        """The lists that are needed from the API before :meth:`validate`."""
        kinds = (one.entries[0].fields[name].lookup for one in self.mapped for name in one.names)
        attributes = frozenset(entity for one in self.mapped for entity in one.attributes)
        entities = frozenset(entity for one in self.mapped for entity, count in one.counts.items() if count)
        return Needs(frozenset(kind for kind in kinds if kind), attributes, entities)

    def former_ids(self) -> pd.DataFrame:
        """Customers whose ID earlier versions made differently: ``reference_id`` and ``former`` (TEXT)."""
        names = ["reference_id", FORMER_ID]
        frames = [partition.read("customer.mapped") for partition in self.partitions]
        found = [frame.loc[frame[FORMER_ID].notna(), names] for frame in frames if FORMER_ID in frame]
        return pd.concat([no_lines(dict.fromkeys(names, TEXT)), *found]).rename(columns={FORMER_ID: "former"})

    def validate(self, directory: Directory | None, kept: frozenset[str] = frozenset()) -> Stage:
        """Validate, decide the effect of every problem, and write the bodies of the partitions.

        ``directory`` is for resolving names and checking attributes; without it, neither is done. ``kept``: the former
        IDs that known customers keep.
        """
        if directory is not None:
            refuse_unknown_values(self.loaded.words, directory)
        mapping = self.loaded.mapping
        duplicates = _DUPLICATES[self.options.dedupe]
        policy = ValidationPolicy(mapping.needs_contact_email, mapping.severity, duplicates, directory)
        with self.timings.stage("validate"):
            blank = blank_when_invalid(self.options)
            entries = tuple(one.with_blank(blank) for one in merge.merged_entries(self.mapped, self.orders))
            columns = merge.merged_columns(self.mapped)
            shared = shared_by_all(self.partitions, self.mapped, self.sources, duplicates=duplicates is not None)
            tasks = [
                (partition, policy, own, entries, columns, self.rules, kept, self.hashed)
                for partition, own in zip(self.partitions, shared, strict=True)
            ]
            done = run_all(self.executor, finish_part, tasks)
            if self.options.memory is not None or self.options.engine is not None:
                self.end_workers()  # the reports are written in this process, and need the workers' memory
            rejected = np.concatenate([one.rejected for one in done])
            tables = EntityTables(
                merge.merged_frame(self.partitions, "customer.final"),
                merge.merged_frame(self.partitions, "address.final"),
                merge.merged_frame(self.partitions, "contact.final"),
                entries,
                self.rows,
                merge.merged_field_rows(self.partitions),
                self.unused,
                self.changes,
                all_cells([one.cells for one in done], self.sources, self.rows, rejected),
            )
            found = ProblemTable(merge.merged_problems(self.partitions, [one.counts for one in done]))
            found = one_per_word(found, {} if directory is None else names_by_field(directory))
            words = added([one.words for one in done])
            return Stage(
                self.sources,
                tables,
                ProblemTable.concat([self._other_problems(policy), found]),
                rejected,
                np.concatenate([one.lost_child for one in done]),
                {},
                words,
                cell_choices(self.loaded, directory, self.sources, tables, words),
            )

    def _other_problems(self, policy: ValidationPolicy) -> ProblemTable:
        """The problems found before partitioning, and those of attributes that cannot be checked at all."""
        found = [self.problems]
        if policy.directory is not None:
            used = {entity for one in self.mapped for entity in one.attributes}
            unknown = [name for name in ENTITIES if name in used and not policy.directory.attributes.get(name)]
            found += [unchecked_attributes(entity) for entity in unknown]
        nothing = pd.DataFrame({name: np.zeros(0, np.int64) for name in ("_row", "_entry", "_customer")})
        tables = EntityTables(nothing, nothing, nothing, (), self.rows)
        return apply_policies(tables, ProblemTable.concat(found), severities=policy.severities).problems

    def write_bodies(self, folder: RunFolder) -> pd.DataFrame:
        """Write the bodies to ``payloads.jsonl``. Returns where each body is, as :func:`write_payloads` does.

        Raises :class:`OutputError`.
        """
        with whole_file(folder.payloads) as file:
            for partition in self.partitions:
                with partition.path("payloads").open("rb") as own:
                    shutil.copyfileobj(own, file, 1 << 20)
        return merge.merged_bodies(self.partitions)

    def end_workers(self) -> None:
        """End the workers; the remaining work is done in this process."""
        self.pool.close()
        self.executor = InlineExecutor()

    def release(self) -> None:
        """End the workers and remove the scratch folder; the stage and the bodies' places can still be used.

        Sending may take hours, and needs neither. The tables stay in memory maps although their files are deleted.
        """
        self.end_workers()
        self.scratch.close()


def _no_customers(loaded: LoadedMapping, sources: Sources, assignment: RowAssignment) -> MappingError:
    """An error that explains why no row makes a customer."""
    known = fit_of(loaded.name, loaded.mapping, sources).known
    if not known:
        message = f"the mapping {loaded.name!r} does not fit: the sources have none of its columns"
        return MappingError(message, advice(sources, loaded))
    reasons = Counter(reason for reason in assignment.status.skipped if reason is not None)
    parts = [f"{count:,} skipped ({reason})" for reason, count in reasons.most_common()]
    errors = ProblemTable.concat(assignment.problems).errors
    found = [(one.code, str(one.location), one.message) for one in sources.problems if one.severity is Severity.ERROR]
    places = (str(sources.location(row)) for row in errors["row"].tolist())
    found += zip(errors["code"], places, errors["message"], strict=True)
    parts += [
        f"{count:,} {'error' if count == 1 else 'errors'} ({code})"
        for code, count in Counter(code for code, _, _ in found).most_common()
    ]
    first = "".join(f" {place}: {message}." for _, place, message in found[:1])
    message = f"no customer was found in {counted(sources.row_count, 'row')}: {', '.join(parts)}"
    better = best_fit(sources)
    fit = f" {better}." if better is not None and better.known > known else ""
    hint = f"Is this the right export, and the right mapping?{first}{fit}"
    return MappingError(message, f"{hint} With --partial, an export without customers is allowed.")


def check_only(options: Options, work: PreparedSources) -> None:
    """Raise :class:`UsageError` if ``--only`` names a customer that is not in the sources."""
    absent = set(options.only)
    for partition in work.partitions if absent else ():
        some = partition.read("customer.mapped")["reference_id"]
        absent.difference_update(some[some.isin(list(absent))])
    if absent:
        raise UsageError(
            f"--only: the sources have no customer {', '.join(map(repr, sorted(absent)[:5]))}",
            "Use reference IDs as in results.csv, which `importer check` writes.",
        )


def _on_disk(sources: Sources, folder: Path) -> tuple[tuple[SourceFile, ...], Sources]:
    """The files of the source tables, and the sources with their cells and row numbers mapped from these files."""
    files, tables = [], []
    for number, table in enumerate(sources.tables):
        cells, numbers = table.stored or folder / f"source-{number}", folder / f"source-{number}.rows"
        if table.stored is None:
            write_frame(cells, table.frame)
        write_array(numbers, table.row_numbers)
        tables.append(replace(table, frame=read_frame(cells), row_numbers=read_array(numbers, np.int64)))
        nothing = np.zeros(0, np.int64)
        without_rows = replace(
            table,
            frame=table.frame.iloc[:0],
            row_numbers=nothing,
            skipped=skipped_frame(nothing, []),
            broken=np.zeros(0, np.bool_),
            emptied={},
        )
        files.append(SourceFile(cells, numbers, int(sources.offsets[number]), without_rows))
    return tuple(files), replace(sources, tables=tuple(tables))
