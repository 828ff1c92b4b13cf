"""Default addresses and contacts that a different table names although the customer has none with that name."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow.compute as pc

from importer.mapping.cell_problems import cell_problems, unrepeated
from importer.mapping.columns import Codes, Column, Mask, caseless, concat
from importer.mapping.grouping.row_assignment import CustomerRows
from importer.mapping.language.mapping_rules import Condition
from importer.mapping.table_rows import holds
from importer.mapping.transforms.packed_addresses import Prepared
from importer.records import Severity
from importer.tables import Entity, ProblemTable

KINDS = {"address": "address of this type", "contact": "contact"}


def unknown_defaults(
    prepared: Mapping[Entity, Sequence[Prepared]], tables: Mapping[str, CustomerRows]
) -> Iterator[ProblemTable]:
    """Warnings about cells that name a default although no row of the customer in the entries' tables has that name.

    ``prepared``: with the columns that compare tables; ``tables``: the rows of every table. Nothing is said about a
    customer without any such row.
    """
    for entity, entries in prepared.items():
        named: dict[tuple[str, str], list[tuple[CustomerRows, Column, Mask]]] = defaultdict(list)
        for one in entries:
            rule = one.entry.fields().get("is_default")
            for path in () if rule is None or rule.when is None else _paths(rule.when.numbered(one.number)):
                condition, rows = path[-1], one.owned.rows
                if condition.column is not None and condition.same_as is not None and condition.same_as.table:
                    chosen = np.logical_and.reduce([holds(part, rows, frozenset()) for part in path])
                    other = condition.same_as.table, condition.same_as.column
                    named[other].append((one.owned, rows.column(condition.column), chosen))
        for (table, reference), compared in named.items():
            yield _unknown(entity, tables[table], reference, compared)


def _paths(condition: Condition) -> Iterator[tuple[Condition, ...]]:
    """Each test that a condition is combined of, last, after those that must hold as well for it to count."""
    if condition.any_ is None and condition.all_ is None:
        yield (condition,)
    for inner in condition.any_ or ():
        yield from _paths(inner)
    for inner in condition.all_ or ():
        beside = tuple(other for other in condition.all_ or () if other is not inner)
        yield from ((*beside, *path) for path in _paths(inner))


def _unknown(
    entity: Entity, other: CustomerRows, reference: str, own: Sequence[tuple[CustomerRows, Column, Mask]]
) -> ProblemTable:
    columns = [other.rows.column(reference), *(column for _, column, _ in own)]
    texts = concat([column.replaced(caseless(column.values)) for column in columns])
    customers = np.concatenate([other.customers, *(rows.customers for rows, _, _ in own)])
    pairs: Codes = customers * (len(texts.values) + 1) + texts.codes
    count = len(other.customers)
    found = np.concatenate([mask for _, _, mask in own])
    lost = columns[0].filled & ~np.isin(pairs[:count], pairs[count:][found])
    at = np.flatnonzero(lost & np.isin(other.customers, customers[count:]))
    at = at[unrepeated(other.customers[at], texts.codes[at])]
    names = pc.utf8_trim_whitespace(other.rows.cells(reference, at))
    return cell_problems(
        other.rows,
        at,
        reference,
        severity=Severity.WARNING,
        code="default_not_found",
        customer=other.customers[at],
        entity="customer",
        record=other.customers[at],
        message=pc.binary_join_element_wise(f"the customer has no {KINDS[entity]} called '", names, "'", ""),
        hint=f"Correct the name. Otherwise, the first {KINDS[entity]} is the default.",
    )
