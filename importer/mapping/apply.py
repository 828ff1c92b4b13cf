"""Applies a mapping: makes customers with their addresses and contacts from source rows."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.cell_text import header_key
from importer.errors import MappingError
from importer.mapping.cell_problems import ChangedFields, count_changes
from importer.mapping.cell_sources import RecordSource, child_sources, column_roles, customer_sources, packed_sources
from importer.mapping.columns import Codes, Column, first_of, first_rows
from importer.mapping.field_parts import LIST_SEPARATOR, Evaluated
from importer.mapping.fields import Context, evaluate, evaluate_former
from importer.mapping.grouping.children import Candidates, Children, candidates, merge_children
from importer.mapping.grouping.customers import Grouped, group_customers
from importer.mapping.grouping.keys import former_ids, key_cells
from importer.mapping.grouping.parents import own_names
from importer.mapping.grouping.row_assignment import RowAssignment
from importer.mapping.language.mapping_files import LoadedMapping
from importer.mapping.language.mapping_model import AddressEntry, Mapping
from importer.mapping.language.mapping_rules import alternatives
from importer.mapping.named_defaults import unknown_defaults
from importer.mapping.table_rows import (
    TableData,
    assign_tables,
    check_columns,
    compare_tables,
    find_column,
    holds,
    recognized_by,
)
from importer.mapping.trace import TraceRecorder
from importer.mapping.transform_results import RowChange
from importer.mapping.transforms.packed_addresses import Prepared, fields_taken_apart, prepare
from importer.records import Location, Problem, Severity
from importer.tables import (
    BOOLEAN,
    DEFAULT_STATED,
    FIELDS,
    FORMER_ID,
    SERVES_BOTH,
    TEXT,
    TEXT_LIST,
    Entity,
    EntityTables,
    Entry,
    ProblemTable,
    Sources,
)
from importer.wording import nearest


def find_tables(mapping: Mapping, sources: Sources) -> dict[str, TableData]:
    """The rows of each table of the mapping. Raises :class:`MappingError` if the mapping does not fit the sources."""
    tables = assign_tables(mapping, sources)
    for name, table in tables.items():
        check_columns(mapping, name, table.tables)
    _refuse_secrets(mapping, tables)
    return tables


def review_columns(
    mapping: Mapping, tables: dict[str, TableData], *, partial: bool
) -> tuple[dict[str, tuple[str, ...]], tuple[Problem, ...]]:
    """The columns that the mapping does not mention, by source table, and notes about whole tables."""
    secrets = {table.name: table.secrets for data in tables.values() for table in data.tables}
    unused = {
        name: rest
        for name, roles in column_roles(mapping, tables).items()
        if (rest := tuple(header for header, role in roles.items() if role == "unused" and header not in secrets[name]))
    }
    missing = [
        Problem(
            Severity.WARNING,
            "table_missing",
            f"the table {name!r} is missing{recognized_by(mapping.tables[name])}; "
            "its addresses and contacts are left out",
            "Pass all files of the export.",
        )
        for name, data in tables.items()
        if not data.tables and not partial
    ]
    return unused, (*missing, *_misspelled(mapping, tables, unused))


def build(
    loaded: LoadedMapping,
    assignment: RowAssignment,
    sources: Sources,
    *,
    country: str | None,
    recorder: TraceRecorder | None = None,
) -> tuple[EntityTables, ProblemTable, list[RecordSource]]:
    """The records, their problems, and the cells that they come from. ``recorder`` gets every step of their fields.

    Each is made of its customer's rows only, so that partitions change nothing.
    """
    mapping = loaded.mapping
    country = country or mapping.country
    main, count = assignment.main, len(assignment.ids)
    assignment, named = _with_own_names(mapping, assignment)
    prepared = prepared_entries(loaded, assignment, country)
    countries = _customer_countries(prepared["address"], count, loaded)
    own = _with_default(countries.take(main.customers), country)
    context = _context(loaded, "customer", own, main.rows, recorder)
    grouped = group_customers(mapping.customer, main.rows, main.customers, count, context, sources)
    if "reference_id" not in grouped.columns:
        grouped = replace(grouped, columns={"reference_id": assignment.ids, **grouped.columns})
        if context.trace is not None:  # the rows have their customers by their keys already: only record how
            key_cells(mapping.tables[mapping.main_table].key, main.rows, context.folder, context.trace)
    ids = grouped.columns["reference_id"].to_arrow()
    sets = {
        entity: [entry_candidates(loaded, entity, one, countries, country, recorder) for one in entries]
        for entity, entries in prepared.items()
    }
    former = _former_ids(mapping, assignment, grouped, context.unwatched())
    children = {entity: merge_children(entity, own, ids, former) for entity, own in sets.items()}
    problems = [*named, *grouped.problems, *(problem for merged in children.values() for problem in merged.problems)]
    problems += unknown_defaults(prepared, {**assignment.by_table, mapping.main_table: main})
    changes: list[ChangedFields] = [
        ("customer", _changes(grouped.evaluated), main.rows, np.ones(len(main.rows), bool)),
        *(
            (entity, _changes(one.evaluated), one.table, np.isin(np.arange(len(one.table)), one.at))
            for entity, own in sets.items()
            for one in own
        ),
    ]
    tables = _entity_tables(grouped, assignment, sets, children, count_changes(sources, changes))
    if former is not None and former.null_count < len(former):
        tables.customers[FORMER_ID] = _series(FORMER_ID, former)
    cells = [*customer_sources(mapping, assignment, grouped)]
    for entity, merged in children.items():
        cells += child_sources(entity, sets[entity], merged.lines)
        cells += packed_sources(prepared[entity], sets[entity], merged.lines)
    return tables, ProblemTable.concat(problems), cells


def _with_own_names(mapping: Mapping, assignment: RowAssignment) -> tuple[RowAssignment, list[ProblemTable]]:
    """The rows of people without their company's name, if rows name their parents."""
    rule, main = mapping.tables[mapping.main_table].parent, assignment.main
    if rule is None:
        return assignment, []
    rows = assignment.by_table[mapping.main_table]
    first = first_rows(main.customers, len(assignment.ids))
    table, problems = own_names(rule, rows.rows, rows.customers, main.rows, first)
    by_table = {**assignment.by_table, mapping.main_table: replace(rows, rows=table)}
    return replace(assignment, by_table=by_table), problems


def _former_ids(mapping: Mapping, assignment: RowAssignment, grouped: Grouped, context: Context) -> pa.Array | None:
    """Each customer's ID as earlier versions made it, null if it is the same; None if all are the same."""
    found = grouped.evaluated.get("reference_id")
    if found is None:
        return None if assignment.former is None else assignment.former.to_arrow()
    main = assignment.main
    whole = evaluate_former(mapping.customer.fields()["reference_id"], main.rows, "", found, context)
    if whole is None:
        return None
    return former_ids(grouped.columns["reference_id"].to_arrow(), main.customers, whole.to_arrow()).to_arrow()


def prepared_entries(
    loaded: LoadedMapping, assignment: RowAssignment, country: str | None
) -> dict[Entity, list[Prepared]]:
    """Every entry by entity, ready to be evaluated. ``country``: that of packed addresses that name none."""
    prepared = prepare(loaded.mapping, assignment, loaded.folder, country)
    for one in (one for entries in prepared.values() for one in entries):
        for condition, compared in one.entry.across_tables():
            main = compared.table == loaded.mapping.main_table
            other = assignment.main if main else assignment.by_table[compared.table]
            numbered = condition.numbered(one.number)
            compare_tables(numbered, one.owned.rows, one.owned.customers, other.rows, other.customers)
    return prepared


def _refuse_secrets(mapping: Mapping, tables: dict[str, TableData]) -> None:
    for name, data in tables.items():
        for reference, _ in mapping.references(name):
            for table in data.tables:
                header = find_column(reference, table.headers)
                if header in table.secrets:
                    raise MappingError(
                        f"{table.name}: the mapping uses column {header!r}, which contains sensitive data",
                        "Card numbers, bank accounts, passwords, and tokens are never imported. "
                        "Remove the column from the mapping.",
                    )


def _with_default(countries: Column, default: str | None) -> Column:
    """``GB`` → ``GB|US`` if ``US`` is the default country; only the default if no country is known."""
    if default is None:
        return countries
    texts = [value if value == default else f"{value}|{default}" for value in countries.values.to_pylist()]
    return countries.replaced(pa.array(texts, pa.string())).filled_up(default)


def _customer_countries(addresses: Sequence[Prepared], count: int, loaded: LoadedMapping) -> Column:
    """Each customer's country: the country of its first address that has one."""
    found = Column.blank(count)
    for one in addresses:
        column = _own_countries(one, loaded)
        first = first_rows(one.owned.customers, count, column.filled)
        found = first_of([found, column.take(first)])[0]
    return found


def _own_countries(address: Prepared, loaded: LoadedMapping) -> Column:
    """The country that each row gives its address."""
    rows, rule = address.owned.rows, address.entry.country
    nowhere = Column.blank(len(rows))
    if rule is None:
        return nowhere
    return evaluate("country", rule, rows, address.number, Context(nowhere, loaded.folder)).column


def entry_candidates(
    loaded: LoadedMapping,
    entity: Entity,
    prepared: Prepared,
    countries: Column,
    default: str | None,
    recorder: TraceRecorder | None = None,
) -> Candidates:
    """The children of one entry. ``countries``: each customer's country, for contacts."""
    entry, table, customers = prepared.entry, prepared.owned.rows, prepared.owned.customers
    if entry.when is not None:
        mapped = frozenset(reference for reference, _ in loaded.mapping.references(table.name))
        customers = np.where(holds(entry.when.numbered(prepared.number), table, mapped), customers, -1)
    own = _own_countries(prepared, loaded) if isinstance(entry, AddressEntry) else countries.take(customers)
    return candidates(prepared, customers, _context(loaded, entity, _with_default(own, default), table, recorder))


def _context(
    loaded: LoadedMapping, entity: Entity, countries: Column, table: TableData, recorder: TraceRecorder | None
) -> Context:
    """What the steps of an entry's fields may use, and the trace that they record to."""
    trace = None if recorder is None else recorder.entry(table)
    return Context(countries, loaded.folder, loaded.words.of(entity), trace)


def _entity_tables(
    grouped: Grouped,
    assignment: RowAssignment,
    sets: dict[Entity, list[Candidates]],
    children: dict[Entity, Children],
    changes: pd.DataFrame,
) -> EntityTables:
    fields = {name: found.origin for name, found in grouped.evaluated.items()}
    if "reference_id" not in fields:
        fields = {"reference_id": assignment.origin, **fields}
    entries = [Entry("customer", "customer", fields, tables=_names(assignment.main.rows))]
    frames: dict[Entity, pd.DataFrame] = {}
    for entity, merged in children.items():
        frames[entity] = _frame(entity, merged.columns, merged.rows, merged.entries + len(entries)).assign(
            _customer=merged.customers, **{DEFAULT_STATED: pd.Series(merged.stated, dtype=BOOLEAN)}
        )
        if merged.former is not None and merged.former.null_count < len(merged.former):
            frames[entity][FORMER_ID] = _series(FORMER_ID, merged.former)
        if entity == "address":
            frames[entity][SERVES_BOTH] = pd.Series(merged.both, dtype=BOOLEAN)
        for made in sets[entity]:
            label = f"{made.table.name}{' ' + made.number if made.number else ''}"
            origins = {name: found.origin for name, found in made.evaluated.items()}
            dropped = made.entry.on_error == "drop_child"
            parts = fields_taken_apart(made.entry)
            entries.append(Entry(entity, label, origins, dropped, *parts, tables=_names(made.table)))
    zeros = np.zeros(len(assignment.ids), np.int64)
    return EntityTables(
        _frame("customer", {**grouped.columns}, grouped.rows, zeros),
        frames["address"],
        frames["contact"],
        tuple(entries),
        assignment.status.frame(),
        grouped.field_rows,
        changes=changes,
    )


def _names(table: TableData) -> tuple[str, ...]:
    return tuple(one.name for one in table.tables)


def _changes(evaluated: dict[str, Evaluated]) -> dict[str, tuple[RowChange, ...]]:
    return {name: found.changes for name, found in evaluated.items()}


def _frame(entity: Entity, columns: dict[str, Column | pa.Array], rows: Codes, entries: Codes) -> pd.DataFrame:
    data = {name: _series(name, columns[name]) for name in in_api_order(entity, columns)}
    return pd.DataFrame({**data, "_row": rows, "_entry": entries}, index=pd.RangeIndex(len(rows)))


def in_api_order(entity: Entity, columns: Iterable[str]) -> list[str]:
    """The columns of a frame in order: the API's own fields in its order, then attributes in the given order."""
    places = {name: place for place, name in enumerate(FIELDS[entity])}
    return sorted(columns, key=lambda name: places.get(name, len(places)))


def _series(name: str, column: Column | pa.Array) -> "pd.Series[Any]":
    text = column.to_arrow() if isinstance(column, Column) else column
    if name == "is_default":
        flags = pc.if_else(pc.is_null(text), pa.scalar(None, pa.bool_()), pc.equal(text, "true"))
        return pd.Series(pd.arrays.ArrowExtensionArray(flags), dtype=BOOLEAN)
    if name == "assigned_sales_rep_ids":
        lists = pc.split_pattern(text, LIST_SEPARATOR)
        return pd.Series(pd.arrays.ArrowExtensionArray(lists), dtype=TEXT_LIST)
    return pd.Series(pd.arrays.ArrowExtensionArray(text), dtype=TEXT)


def _misspelled(
    mapping: Mapping, tables: dict[str, TableData], unused: dict[str, tuple[str, ...]]
) -> Iterator[Problem]:
    """Yield a warning for each missing optional column if an unused one has nearly its name: a misspelled header?"""
    for name, data in tables.items():
        for table in data.tables:
            rest = {header_key(column): column for column in unused.get(table.name, ())}
            for reference in dict.fromkeys(reference for reference, _ in mapping.references(name)):
                if not rest or find_column(reference, table.headers) is not None:
                    continue
                found = (
                    (wanted, near)
                    for wanted in alternatives(reference)
                    for near in nearest(header_key(wanted), rest, cutoff=0.85)
                )
                wanted, near = next(found, ("", ""))
                if near:
                    column = rest.pop(near)
                    yield Problem(
                        Severity.WARNING,
                        "column_misspelt",
                        f"column {column!r} is not used; the mapping looks for {wanted!r}",
                        "Rename the column, or add its name to the mapping with 'A|B'.",
                        Location(table.file, table.sheet, None, column),
                    )
