"""Decides which customer each row belongs to, and why some rows belong to none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.mapping.cell_problems import ChangedFields, cell_problems, column_warning
from importer.mapping.columns import Codes, Column, Mask
from importer.mapping.field_parts import LIST_SEPARATOR
from importer.mapping.grouping.id_columns import read_id_columns
from importer.mapping.grouping.keys import KeyCells, Keys, continued_rows, key_cells, match_keys, read_keys
from importer.mapping.grouping.parents import OPEN, Names, find_parents, parent_problems, read_names
from importer.mapping.language.mapping_files import LoadedMapping
from importer.mapping.language.mapping_model import Mapping
from importer.mapping.language.mapping_rules import TableRule
from importer.mapping.table_rows import TableData, holds
from importer.mapping.transforms.registry import read_flag
from importer.records import Severity
from importer.tables import TEXT, FieldOrigin, ProblemTable, Sources
from importer.wording import counted

_MOST_FILES = 3  # in a message
LEFT_OUT = "left out by a correction"  # why a row is skipped


@dataclass(frozen=True)
class RowStatus:
    """What happens to each row, by row position: its customer (or -1), why it is skipped, whether it is rejected."""

    customer: Codes
    skipped: npt.NDArray[np.object_]
    rejected: Mask

    def frame(self) -> pd.DataFrame:
        """The status as ``EntityTables.rows``."""
        skipped = pd.Series(self.skipped, dtype=TEXT)
        return pd.DataFrame({"customer": self.customer, "skipped": skipped, "rejected": self.rejected})


@dataclass(frozen=True)
class CustomerRows:
    """The rows of a table that belong to customers. ``customers``: the customer of each row, all ≥ 0.

    ``present``: whether the table has any such rows; in one partition they may be those of other customers.
    """

    rows: TableData
    customers: Codes
    present: bool


@dataclass(frozen=True)
class RowAssignment:
    """The customers by their keys, and for every table of the mapping its rows with their customers.

    ``ids``: each customer's key as a reference id; ``origin``: the columns of the keys; ``former``: the ids as earlier
    versions made them, if any of them differ. ``main``: the rows that make the customers. ``by_table``: the rows
    that give children. ``problems`` of rows, and what was rewritten in keys (``changes``, as :func:`count_changes`
    takes them), are those of all rows; in a share of the customers there are none.
    """

    ids: Column
    origin: FieldOrigin
    main: CustomerRows
    by_table: dict[str, CustomerRows]
    status: RowStatus
    former: Column | None = None
    problems: Sequence[ProblemTable] = ()
    changes: Sequence[ChangedFields] = ()


@dataclass(frozen=True)
class _Rows:
    """A table's rows before they have customers: all that the loader did not reject.

    ``above``: the row whose key counts for each, if keys may be those of other rows; ``names``: what each row calls its
    parent, if the table has parents; ``keyed``: the rows that have customers by their own keys: neither skipped nor
    children of others.
    """

    table: TableData
    rule: TableRule
    cells: KeyCells
    above: Codes | None
    skipped: Mask
    keyed: Mask
    names: Names | None = None


def assign_rows(
    mapping: Mapping, tables: dict[str, TableData], sources: Sources, loaded: LoadedMapping
) -> RowAssignment:
    """Give every row of every table its customer, or the reason why it has none."""
    broken = np.concatenate([np.zeros(0, bool), *(table.broken for table in sources.tables)])
    status = RowStatus(np.full(len(broken), -1, np.int64), np.full(len(broken), None, object), broken)
    if sources.corrections is not None:
        status.skipped[sources.corrections.left_out] = LEFT_OUT
    tables, problems = read_id_columns(mapping, tables)
    name = mapping.main_table
    read = _read(mapping, name, tables[name], status, loaded, problems)
    main, keys = _with_keys(read, status, problems)
    if len(tables) > 1 or read.names is not None:
        gone = read_keys(read.cells.keep(read.skipped))
        keys = keys.remember_skipped(gone, status.skipped[read.table.rows[read.skipped]])
    status.customer[main.rows] = keys.codes
    own = CustomerRows(main, keys.codes, bool(len(main)))
    by_table = {name: own}
    every = [read]
    if read.names is not None:
        by_table[name] = _resolve_parents(read, read.names, keys, status, sources, problems)
    for other, table in tables.items():
        if other != name:
            rows = _read(mapping, other, table, status, loaded, problems)
            every.append(rows)
            by_table[other] = _children(rows, main, keys, status, problems)
    of_ids = () if "reference_id" in mapping.customer.fields() else keys.changes
    changes: list[ChangedFields] = [
        ("customer", {"reference_id": of_ids}, main, np.ones(len(main), bool)),
        # For all rows, only what was removed: invisible characters.
        *(
            ("customer", {"reference_id": one.cells.changes}, one.table, np.zeros(len(one.table), bool))
            for one in every
        ),
    ]
    return RowAssignment(keys.ids, keys.origin, own, by_table, status, keys.former, problems, changes)


def _read(
    mapping: Mapping,
    name: str,
    table: TableData,
    status: RowStatus,
    loaded: LoadedMapping,
    problems: list[ProblemTable],
) -> _Rows:
    """Read the key of every row, and leave out the rows for which a skip rule holds; the first such rule counts."""
    rule = mapping.tables[name]
    cells = key_cells(rule.key, table, loaded.folder)
    names = None if rule.parent is None else read_names(rule.parent, table, loaded.folder)
    mapped = frozenset(reference for reference, _ in mapping.references(name))
    skipped = status.skipped[table.rows] == LEFT_OUT
    for skip in rule.skip:
        chosen = holds(skip, table, mapped) & ~skipped
        status.skipped[table.rows[chosen]] = skip.reason
        skipped |= chosen
    problems += _unread_flags(rule, table, skipped)
    above = None
    if rule.blank_key == "above":
        above = continued_rows(cells, table, np.zeros(len(table), bool) if names is None else names.parent.filled)
        cells = cells.take(above)
        names = None if names is None else names.take(above)
        follows = ~skipped & np.append(skipped, False)[above]
        status.skipped[table.rows[follows]] = status.skipped[table.rows[above[follows]]]
        skipped |= follows
    keyed = ~skipped if names is None else ~skipped & ~names.parent.filled
    return _Rows(table, rule, cells, above, skipped, keyed, names)


def _unread_flags(rule: TableRule, table: TableData, skipped: Mask) -> Iterator[ProblemTable]:
    """A warning for each such column with rows, not ``skipped`` otherwise, that say neither yes nor no."""
    parts = [(part.column, part.flag) for skip in rule.skip for part in skip.parts() if part.column is not None]
    otherwise = {column for column, flag in parts if flag is None}  # which knows other words
    for reference in dict.fromkeys(column for column, _ in parts if column not in otherwise):
        column = table.column(reference)
        unread = np.array([read_flag(text) is None for text in column.values.to_pylist()], bool)
        at = np.flatnonzero(~skipped & column.rows_with(unread & ~table.blanks.among(column.values, "")))
        are, rows = ("is", "its row is") if len(at) == 1 else ("are", "their rows are")
        message = f"{counted(len(at), 'cell')} in this column {are} neither yes nor no, so {rows} not left out"
        hint = "If such rows should be left out, list the values in the mapping's skip rule with `is`."
        yield from column_warning(table, at, reference, "skip_unsure", message, hint)


def _with_keys(read: _Rows, status: RowStatus, problems: list[ProblemTable]) -> tuple[TableData, Keys]:
    """The rows that have a customer by their own keys; rows with a blank key are rejected individually."""
    table = read.table.keep(read.keyed)
    keys = read_keys(read.cells.keep(read.keyed))
    blank = keys.codes < 0
    if not blank.any():
        return table, keys
    at = np.flatnonzero(blank)
    status.rejected[table.rows[at]] = True
    continues = np.zeros(len(at), bool)
    if read.above is not None:
        continues = (read.above != np.arange(len(read.above)))[read.keyed][at]
    reference = read.rule.key[0].columns()[0]
    fill = f"Fill in {_key_columns(read.rule, table)} in this row"
    blank_key = "the row does not say which customer it belongs to"
    lost = "the row's key is blank, but there is no valid row above for it to continue"
    for rows, code, message, hint in (
        (at[~continues], "key_blank", blank_key, f"{fill}."),
        (at[continues], "continuation_lost", lost, f"{fill}, or put the row below the customer that it belongs to."),
    ):
        if len(rows):
            texts = {"severity": Severity.ERROR, "code": code, "message": message, "hint": hint}
            problems.append(cell_problems(table, rows, reference, **texts))
    return table.keep(~blank), keys.keep(~blank)


def _key_columns(rule: TableRule, table: TableData) -> str:
    """The columns of the key by the headers that the files have, in words."""
    parts = []
    for part in rule.key:
        names = dict.fromkeys(f'"{name}"' for column in part.columns() for name in table.names(column))
        parts.append((" or " if part.join is None else " and ").join(names))
    several = len(rule.key) > 1 or rule.key[0].join is not None
    return f"the column{'s' * several} {' and '.join(filter(None, parts))}"


def _children(
    read: _Rows, main: TableData, keys: Keys, status: RowStatus, problems: list[ProblemTable]
) -> CustomerRows:
    """The rows of a table of addresses or contacts, each with its customer; orphans are rejected individually.

    ``main``: the table of the customers, ``keys``: theirs.
    """
    rows, own = _with_keys(read, status, problems)
    customers, reasons = match_keys(own, keys)
    skipped = reasons != ""
    status.skipped[rows.rows[skipped]] = reasons[skipped]
    orphans = np.flatnonzero((customers < 0) & ~skipped)
    if len(orphans):
        status.rejected[rows.rows[orphans]] = True
        problems += _orphan_problems(main, read.rule, rows, own, keys, orphans)
    kept = customers >= 0
    rows, customers = rows.keep(kept), customers[kept]
    status.customer[rows.rows] = customers
    return CustomerRows(rows, customers, bool(len(rows)))


def _orphan_problems(
    main: TableData, rule: TableRule, rows: TableData, own: Keys, keys: Keys, at: Codes
) -> Iterator[ProblemTable]:
    """Errors for keys that no customer has; the hint names an ID that differs only in zeros, case, or punctuation."""
    ids, known = own.ids.take(own.codes[at]).to_arrow(), keys.ids.to_arrow()
    near = known.take(pc.index_in(_without_punctuation(ids), value_set=_without_punctuation(known)))
    likely = pc.index_in(near, value_set=known).fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    files = " or ".join(table.name for table in main.tables[:_MOST_FILES])
    files += f" (or {len(main.tables) - _MOST_FILES} more)" if len(main.tables) > _MOST_FILES else ""
    cells = f"{_key_columns(rule, rows)} in this row" if len(rule.key) > 1 else "this cell"
    guess = pc.fill_null(pc.binary_join_element_wise("Did you mean '", near, "'? ", ""), "")
    advice = f"Add the customer to {files}, or correct {cells}."
    hint = pc.binary_join_element_wise(guess, advice, "")
    message = pc.binary_join_element_wise("no customer '", ids, f"' in {files}", "")
    parts = _unknown_parts(own, own.codes[at], keys)
    for number in np.unique(parts):
        here = np.flatnonzero(parts == number)
        texts = {"message": message.take(here), "hint": hint.take(here), "record": likely[here]}
        reference = rule.key[number].columns()[0]
        yield cell_problems(rows, at[here], reference, severity=Severity.ERROR, code="orphan_row", **texts)


def _unknown_parts(own: Keys, codes: Codes, customers: Keys) -> Codes:
    """For each of these keys, the number of its first part that no customer has, or of its last part."""
    keys = (key.split(LIST_SEPARATOR) for key in customers.exact.to_pylist())
    known = [set(texts) for texts in zip(*keys, strict=True)]
    numbers = []
    for key in own.exact.take(pa.array(codes)).to_pylist():
        parts = key.split(LIST_SEPARATOR)
        unknown = (number for number, part in enumerate(parts) if not known or part not in known[number])
        numbers.append(next(unknown, len(parts) - 1))
    return np.array(numbers, np.int64)


def _without_punctuation(ids: pa.Array) -> pa.Array:
    """IDs without case, spaces, punctuation, and leading zeros."""
    plain = pc.replace_substring_regex(pc.utf8_lower(ids), r"[\s\pP\pS]+", "")
    return pc.replace_substring_regex(plain, "^0+", "")


def _resolve_parents(
    read: _Rows, names: Names, keys: Keys, status: RowStatus, sources: Sources, problems: list[ProblemTable]
) -> CustomerRows:
    """The rows of the table with the customers; those that name a parent have the customer that it leads to.

    An end is the number of a customer; larger numbers are reasons why a row was skipped; the last one is a rejection.
    """
    rows = read.table.rows
    reasons, codes = np.unique(status.skipped[rows[read.skipped]].astype(str), return_inverse=True)
    rejected = keys.count + len(reasons)
    ends = np.full(len(rows), OPEN, np.int64)
    same, _ = match_keys(read_keys(read.cells.keep(read.skipped)), keys)
    has_customer = (same >= 0) & ~names.parent.filled[read.skipped]
    ends[read.skipped] = np.where(has_customer, same, keys.count + codes)
    ends[read.keyed] = np.where(status.rejected[rows[read.keyed]], rejected, status.customer[rows[read.keyed]])
    found = find_parents(names, ends, keys.count, rejected)
    ends = np.where(read.skipped, OPEN, found[0])
    left = (ends >= keys.count) & (ends < rejected)
    status.skipped[rows[left]] = reasons[ends[left] - keys.count]
    lost = ~read.skipped & ~read.keyed & ((ends < 0) | (ends == rejected))
    status.rejected[rows[lost]] = True
    if lost.any():
        assert read.rule.parent is not None  # otherwise, no row has a parent
        problems += parent_problems(read.rule.parent, names, read.table, found, lost, sources)
    kept = (ends >= 0) & (ends < keys.count)
    status.customer[rows[kept]] = ends[kept]
    return CustomerRows(read.table.keep(kept), ends[kept], bool(kept.any()))
