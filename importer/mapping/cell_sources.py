"""Finds the source cells that each field of each record comes from, so that every filled cell can be accounted for."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from importer.catalogue.field_names import ADDRESS_PARTS
from importer.mapping.columns import Codes, Mask, first_rows
from importer.mapping.field_parts import Evaluated
from importer.mapping.grouping.children import Candidates
from importer.mapping.grouping.customers import Grouped, agreeing
from importer.mapping.grouping.row_assignment import RowAssignment
from importer.mapping.language.mapping_model import Mapping
from importer.mapping.language.mapping_rules import NUMBER, FieldRule
from importer.mapping.table_rows import TableData, find_column, source_reference
from importer.mapping.transforms.packed_addresses import Prepared
from importer.tables import CellCategory, Entity

_RULES = frozenset({"type", "is_default"})  # they say what a child is; their cells are not values that are sent


@dataclass(frozen=True)
class FieldSource:
    """The cells that one field of an entry's records comes from, on the rows of its :class:`RecordSource`.

    ``references``: its columns. ``given``: True if the record has its value from this row, or the same value.
    ``passed``: for columns from which another column's or row's value was taken instead, the rows where that is so.
    """

    field: str
    references: tuple[str, ...]
    given: Mask
    passed: tuple[tuple[str, Mask], ...] = ()


@dataclass(frozen=True)
class RecordSource:
    """The cells that an entry's records come from: row positions, and the record of each in its entity's frame, or -1.

    ``fields``: what of these rows each field has.
    """

    entity: Entity
    rows: Codes
    records: Codes
    fields: tuple[FieldSource, ...]


def customer_sources(mapping: Mapping, assignment: RowAssignment, grouped: Grouped) -> Iterator[RecordSource]:
    """The sources of the customers' own fields, with their keys if these are the ids that are sent."""
    table, codes = assignment.main.rows, assignment.main.customers
    if "reference_id" not in mapping.customer.fields():
        for name, owned in assignment.by_table.items():
            references = tuple(column for part in mapping.tables[name].key for column in part.columns())
            keyed = owned if name != mapping.main_table else assignment.main
            every = np.ones(len(keyed.rows), bool)
            key = FieldSource("reference_id", references, every)
            yield RecordSource("customer", keyed.rows.rows, keyed.customers, (key,))
    fields = []
    may_differ = {name for name, rule in mapping.customer.fields().items() if rule.conflict == "first"}
    for name, found in grouped.evaluated.items():
        filled = found.column.filled
        same = agreeing(found.column, codes, first_rows(codes, len(assignment.ids), filled))
        differ = filled & ~same
        references = found.references if name in may_differ and differ.any() else ()
        other = [(reference, differ & (found.chosen == number)) for number, reference in enumerate(references)]
        fields.append(_source(name, found, slice(None), same, other))
    yield RecordSource("customer", table.rows, codes, tuple(fields))


def child_sources(entity: Entity, sets: Sequence[Candidates], records: Sequence[Codes]) -> Iterator[RecordSource]:
    """The sources of the children's fields, without cells that are split into parts: see :func:`packed_sources`.

    ``records``: of each set, the record of each of its lines.
    """
    for made, own in zip(sets, records, strict=True):
        fields = []
        for name, found in made.evaluated.items():
            if name not in _RULES:
                whole = tuple(one for one in found.references if source_reference(one) == one)
                plain = replace(found, references=whole)
                fields.append(_source(name, plain, made.at, found.column.filled[made.at], []))
        yield RecordSource(entity, made.table.rows[made.at], own, tuple(fields))


def packed_sources(
    prepared: Sequence[Prepared], sets: Sequence[Candidates], records: Sequence[Codes]
) -> Iterator[RecordSource]:
    """The cells with whole addresses: all of them count as used if there is an address, otherwise none of them do.

    Where columns of its parts say the address, its cells are passed over.
    """
    for one, made, own in zip(prepared, sets, records, strict=True):
        if one.entry.cells:
            cells = tuple(cell.replace(NUMBER, one.number) for cell in one.entry.cells)
            rows = np.concatenate([made.table.rows[made.at], one.owned.rows.rows[one.owned.customers >= 0]])
            known = np.concatenate([own, np.full(len(rows) - len(own), -1, np.int64)])
            in_parts = np.zeros(len(rows), bool)
            if one.in_parts is not None:
                in_parts = np.isin(rows, one.owned.rows.rows[one.in_parts & ~_still_read(made)])
            passed = tuple((cell, in_parts) for cell in cells)
            address = FieldSource("address_line_1", cells, (known >= 0) & ~in_parts, passed)
            yield RecordSource("address", rows, known, (address,))


def _still_read(made: Candidates) -> Mask:
    """Rows where a packed address gives a person, a phone, or an email, which have no separate columns."""
    others = [found for name, found in made.evaluated.items() if name not in ADDRESS_PARTS]
    taken = [one.column.filled for one in others if any(source_reference(ref) != ref for ref in one.references)]
    return np.logical_or.reduce(taken) if taken else np.zeros(len(made.table), bool)


def _source(name: str, found: Evaluated, at: Codes | slice, given: Mask, passed: list[tuple[str, Mask]]) -> FieldSource:
    """The source of a field. ``at``: its rows, as indices."""
    for change in found.changes:
        if change.code == "value_passed_over":
            passed = [*passed, (source_reference(change.reference), change.hits()[at])]
    references = tuple(dict.fromkeys(source_reference(reference) for reference in found.references))
    return FieldSource(name, references, given, tuple(passed))


def column_roles(mapping: Mapping, tables: dict[str, TableData]) -> dict[str, dict[str, CellCategory]]:
    """For each source table and column: what its cells count as if no record has a value from them."""
    roles: dict[str, dict[str, CellCategory]] = {}
    for name, data in tables.items():
        labels = list(mapping.labels(name))
        mentioned = [reference for reference, _ in mapping.references(name) if reference not in labels]
        known: list[tuple[CellCategory, Iterable[str]]] = [
            ("ignored", [*mapping.tables[name].ignore, *labels]),
            ("unclaimed", [*mentioned, *mapping.address_parts(name)]),
            ("rule", _rule_columns(mapping, name)),
        ]
        for table in data.tables:
            headers = table.headers
            own: dict[str, CellCategory] = dict.fromkeys(headers, "unused")
            for role, references in known:
                found = (find_column(reference, headers) for reference in references)
                own |= {header: role for header in found if header is not None}
            roles[table.name] = own
    return roles


def _rule_columns(mapping: Mapping, table: str) -> Iterator[str]:
    """The columns that decide about rows and children: keys, parents, conditions, types, and flags."""
    rule = mapping.tables[table]
    yield from (column for part in rule.key for column in part.columns())
    yield from (reference for reference, _ in rule.parent.references()) if rule.parent is not None else ()
    yield from (reference for skip in rule.skip for reference, _ in skip.references())
    if table == mapping.main_table:
        yield from _condition_columns(mapping.customer.fields().values(), "")
    for entry in mapping.children():
        for number in entry.numbers():
            across = (other for _, other in entry.across_tables() if other.table == table)
            yield from (other.column.replace(NUMBER, number) for other in across)
            if (entry.table or mapping.main_table) != table:
                continue
            yield from _condition_columns(entry.fields().values(), number)
            fields = [field for name, field in entry.fields().items() if name in _RULES]
            yield from (column.replace(NUMBER, number) for field in fields for column in field.columns())
            if entry.when is not None:
                yield from (reference for reference, _ in entry.when.numbered(number).references())


def _condition_columns(rules: Iterable[FieldRule], number: str) -> Iterator[str]:
    """The columns that the conditions of fields look at."""
    for condition in (condition for rule in rules for condition in rule.conditions()):
        yield from (reference for reference, _ in condition.numbered(number).references())
