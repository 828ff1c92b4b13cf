"""Which customer each row of each table belongs to, and what becomes of the rows that belong to none."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.mapping.cell_problems import cell_problems
from importer.mapping.columns import Codes, Column, Mask
from importer.mapping.conditions import holds
from importer.mapping.fields import LIST_SEPARATOR
from importer.mapping.grouping.continued import heads
from importer.mapping.grouping.keys import KeyCells, Keys, key_cells, match_keys, read_keys
from importer.mapping.grouping.parents import OPEN, Names, find_parents, parent_problems, read_names
from importer.mapping.grouping.row_status import Fates
from importer.mapping.language.mapping_files import LoadedMapping
from importer.mapping.language.mapping_model import Mapping
from importer.mapping.language.mapping_rules import TableRule
from importer.mapping.rewrites import RowChange
from importer.mapping.table_rows import TableData
from importer.records import Severity
from importer.tables import FieldOrigin, ProblemTable, Sources

__all__ = ["Owned", "Owners", "assign_owners"]


@dataclass(frozen=True)
class Owned:
    """The rows of a table that belong to customers. ``customers``: the customer position of each, all ≥ 0.

    ``present``: whether the table has any such rows; in a part of the customers it may have them elsewhere.
    """

    rows: TableData
    customers: Codes
    present: bool


@dataclass(frozen=True)
class Owners:
    """The customers by their keys, and for every table of the mapping its rows with their customers.

    ``ids``: each customer's key as a reference id; ``origin``: the columns of the keys; ``changes``: what was rewritten
    in them. ``main``: the rows that make the customers. ``owned``: table → the rows that give it children.
    """

    ids: Column
    origin: FieldOrigin
    changes: tuple[RowChange, ...]
    main: Owned
    owned: dict[str, Owned]
    fates: Fates
    problems: list[ProblemTable]


@dataclass(frozen=True)
class _Rows:
    """A table's rows before they have customers: all but the loader's rejects.

    ``above``: the row whose key counts for each, where that may be another one; ``names``: whom each calls its parent,
    where the table has parents; ``keyed``: the rows that have customers by their own keys: neither skipped nor children
    of others.
    """

    table: TableData
    rule: TableRule
    cells: KeyCells
    above: Codes | None
    skipped: Mask
    keyed: Mask
    names: Names | None = None


def assign_owners(mapping: Mapping, tables: dict[str, TableData], sources: Sources, loaded: LoadedMapping) -> Owners:
    """Give every row of every table its customer, or the reason why it has none."""
    fates = Fates.of(sources)
    problems: list[ProblemTable] = []
    name = mapping.main_table
    read = _read(mapping, name, tables[name], fates, loaded)
    main, keys = _keyed(read, fates, problems)
    if len(tables) > 1 or read.names is not None:
        gone = read_keys(read.cells.keep(read.skipped))
        keys = keys.remember_skipped(gone, fates.skipped[read.table.rows[read.skipped]])
    fates.customer[main.rows] = keys.codes
    own = Owned(main, keys.codes, bool(len(main)))
    owned = {name: own if read.names is None else _family(read, read.names, keys, fates, sources, problems)}
    for other, table in tables.items():
        if other != name:
            owned[other] = _children(mapping, _read(mapping, other, table, fates, loaded), keys, fates, problems)
    return Owners(keys.ids, keys.origin, keys.changes, own, owned, fates, problems)


def _read(mapping: Mapping, name: str, table: TableData, fates: Fates, loaded: LoadedMapping) -> _Rows:
    """Read the key of every row, and leave out the rows that a skip rule names; the first one that holds counts."""
    rule = mapping.tables[name]
    cells = key_cells(rule.key, table, loaded.folder)
    names = None if rule.parent is None else read_names(rule.parent, table, loaded.folder)
    mapped = frozenset(reference for reference, _ in mapping.references(name))
    skipped = np.zeros(len(table), bool)
    for skip in rule.skip:
        chosen = holds(skip, table, mapped) & ~skipped
        fates.skipped[table.rows[chosen]] = skip.reason
        skipped |= chosen
    above = None
    if rule.blank_key == "above":
        above = heads(cells, table, np.zeros(len(table), bool) if names is None else names.parent.filled)
        cells = cells.take(above)
        names = None if names is None else names.take(above)
        follows = ~skipped & np.append(skipped, False)[above]
        fates.skipped[table.rows[follows]] = fates.skipped[table.rows[above[follows]]]
        skipped |= follows
    keyed = ~skipped if names is None else ~skipped & ~names.parent.filled
    return _Rows(table, rule, cells, above, skipped, keyed, names)


def _keyed(read: _Rows, fates: Fates, problems: list[ProblemTable]) -> tuple[TableData, Keys]:
    """The rows that are customers' by their own keys; those whose key is blank are rejected, each alone."""
    table = read.table if read.keyed.all() else read.table.keep(read.keyed)
    keys = read_keys(read.cells.keep(read.keyed))
    blank = keys.codes < 0
    if not blank.any():
        return table, keys
    at = np.flatnonzero(blank).astype(np.int64)
    fates.rejected[table.rows[at]] = True
    own = np.full(len(at), True)
    if read.above is not None:
        own = (read.above == np.arange(len(read.above)))[read.keyed][at]
    columns = [column for part in read.rule.key for column in part.columns()]
    names = " and ".join(map(repr, columns))
    said = (
        (at[own], "key_blank", "the row does not say which customer it belongs to", f"Fill in {names}."),
        (
            at[~own],
            "continuation_lost",
            "the row's key is blank, and there is no sound row above it that it could continue",
            f"Fill in {names}, or put the row below the customer that it belongs to.",
        ),
    )
    for rows, code, message, hint in said:
        if len(rows):
            told = {"severity": Severity.ERROR, "code": code, "message": message, "hint": hint}
            problems.append(cell_problems(table, rows, columns[0], **told))
    return table.keep(~blank), keys.keep(~blank)


def _children(mapping: Mapping, read: _Rows, keys: Keys, fates: Fates, problems: list[ProblemTable]) -> Owned:
    """The rows of a table of addresses or contacts, each with its customer; orphans are rejected alone."""
    rows, own = _keyed(read, fates, problems)
    owners, reasons = match_keys(own, keys)
    fates.skipped[rows.rows[reasons != ""]] = reasons[reasons != ""]
    orphan = (owners < 0) & (reasons == "")
    if orphan.any():
        at = np.flatnonzero(orphan).astype(np.int64)
        fates.rejected[rows.rows[at]] = True
        ids = own.ids.take(own.codes[at]).to_arrow()
        message = pc.binary_join_element_wise("no customer '", ids, f"' among the rows of {mapping.main_table}", "")
        near = _alike(ids, keys.ids.to_arrow())
        likely = pc.index_in(near, value_set=keys.ids.to_arrow()).fill_null(-1).to_numpy(zero_copy_only=False)
        hint = pc.binary_join_element_wise(
            pc.fill_null(pc.binary_join_element_wise("Did you mean '", near, "'? ", ""), ""),
            f"Add the customer to {mapping.main_table}, or mend the key in this row{_together(read.rule)}.",
            "",
        )
        parts = _unknown_parts(own, own.codes[at], keys)
        for number in np.unique(parts):
            here = np.flatnonzero(parts == number)
            said = {"message": message.take(here), "hint": hint.take(here), "record": likely[here].astype(np.int64)}
            reference = read.rule.key[number].columns()[0]
            problems.append(
                cell_problems(rows, at[here], reference, severity=Severity.ERROR, code="orphan_row", **said)
            )
    kept = owners >= 0
    rows, owners = rows.keep(kept), owners[kept]
    fates.customer[rows.rows] = owners
    return Owned(rows, owners, bool(len(rows)))


def _together(rule: TableRule) -> str:
    """The columns of a key that has several."""
    names = [repr(column) for part in rule.key for column in part.columns()]
    return f": {' and '.join(names)} together" if len(rule.key) > 1 else ""


def _unknown_parts(own: Keys, codes: Codes, customers: Keys) -> Codes:
    """For each of these keys the number of its first part that no customer has, else of its last one."""
    if LIST_SEPARATOR not in own.exact[int(codes[0])].as_py():
        return np.zeros(len(codes), np.int64)
    known = [
        set(part) for part in zip(*(key.split(LIST_SEPARATOR) for key in customers.exact.to_pylist()), strict=True)
    ]
    distinct, places = np.unique(codes, return_inverse=True)
    keys = [key.split(LIST_SEPARATOR) for key in own.exact.take(pa.array(distinct)).to_pylist()]
    numbers = [
        next((n for n, part in enumerate(key) if not known or part not in known[n]), len(key) - 1) for key in keys
    ]
    return np.array(numbers, dtype=np.int64)[places]


def _alike(ids: pa.Array, known: pa.Array) -> pa.Array:
    """For each id a known one that differs only in leading zeros, capitals and marks between; else null."""
    return known.take(pc.index_in(_bare(ids), value_set=_bare(known)))


def _bare(ids: pa.Array) -> pa.Array:
    plain = pc.replace_substring_regex(pc.utf8_lower(ids), r"[\s\pP\pS]+", "")
    return pc.replace_substring_regex(plain, "^0+", "")


def _family(
    read: _Rows, names: Names, keys: Keys, fates: Fates, sources: Sources, problems: list[ProblemTable]
) -> Owned:
    """The rows of the table with the customers, those that name a parent with the customer at the top of it.

    An end is a customer, or beyond those a reason for which a row was skipped, or last that it was rejected.
    """
    rows = read.table.rows
    reasons, codes = np.unique(fates.skipped[rows[read.skipped]].astype(str), return_inverse=True)
    rejected = keys.count + len(reasons)
    ends = np.full(len(rows), OPEN, np.int64)
    ends[read.skipped] = keys.count + codes
    same, _ = match_keys(read_keys(read.cells.keep(read.skipped)), keys)
    ends[read.skipped] = np.where((same >= 0) & ~names.parent.filled[read.skipped], same, ends[read.skipped])
    ends[read.keyed] = np.where(fates.rejected[rows[read.keyed]], rejected, fates.customer[rows[read.keyed]])
    found = find_parents(names, ends, rejected)
    ends = np.where(read.skipped, OPEN, found.ends)
    left = (ends >= keys.count) & (ends < rejected)
    fates.skipped[rows[left]] = reasons[ends[left] - keys.count]
    lost = ~read.skipped & ~read.keyed & ((ends < 0) | (ends == rejected))
    fates.rejected[rows[lost]] = True
    if lost.any():
        assert read.rule.parent is not None  # else no row has a parent
        problems += parent_problems(read.rule.parent, names, read.table, found, lost, sources)
    kept = (ends >= 0) & (ends < keys.count)
    fates.customer[rows[kept]] = ends[kept]
    return Owned(read.table.keep(kept), ends[kept], bool(kept.any()))
