"""How rows make customers: the key, and the family of layouts that the table belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from importer.cell_text import filled_cells
from importer.drafting.assigned_fields import Assignment
from importer.drafting.column_values import ColumnValues
from importer.drafting.concepts import ADDRESS_PARTS
from importer.drafting.customer_keys import ALMOST_ALL, candidates, chosen_key, key_of_block
from importer.drafting.parent_rows import parent_columns, path_column
from importer.tables import SourceTable

Layout = Literal["wide", "numbered groups", "long", "blank parent", "parent reference", "packed"]
_REPEATS = 0.9  # distinct keys per row below which rows share customers
_FEW = 0.1
_MANY_GROUPS = 3
_HEADS = frozenset({"customer_number", "id", "other_number", "company_name", "name"})
_GROUPED = ADDRESS_PARTS | {"phone", "email", "full_name", "first_name"}


@dataclass(frozen=True)
class RowStructure:
    """``key``: the columns that identify a customer; ``certain``: it is no question which.

    ``instead``: the column that identifies a customer whose key is blank. ``parent``: the column that names another
    row, ``named``: the column with what it names; ``instead_of_parent``: further such pairs. ``others``: further
    columns that can identify a customer. ``path``: keys such as ``Harbor Goods:Warehouse`` name the row that theirs
    belongs to.
    """

    layout: Layout
    key: tuple[int, ...]
    certain: bool
    parent: int | None = None
    named: int | None = None
    others: tuple[int, ...] = ()
    instead: int | None = None
    path: bool = False
    instead_of_parent: tuple[tuple[int, int], ...] = ()

    @property
    def parents(self) -> tuple[tuple[int, int], ...]:
        """The columns that name another row, each with the column that it names."""
        if self.parent is None or self.named is None:
            return ()
        return ((self.parent, self.named), *self.instead_of_parent)


def row_structure(table: SourceTable, out: Assignment, values: Sequence[ColumnValues]) -> RowStructure:
    """The key and the layout of a table."""
    among = candidates(out, values)
    of_path = path_column(table, out, among)
    if of_path is not None:
        others = tuple(at for at in among if at != of_path)
        return RowStructure(_family(out, values, of_path), (of_path,), certain=True, others=others, path=True)
    parents = parent_columns(table, out, values, among)
    parent, named = parents[0] if parents else (None, None)
    block = key_of_block(table, out, values, among)
    key, certain, instead = (block, True, None) if block is not None else chosen_key(out, values, among)
    layout: Layout = "parent reference"
    if parent is None:
        goes_on = block is not None or (key is not None and _goes_on(table, out, values, key))
        layout = "blank parent" if goes_on else _family(out, values, key)
    others = tuple(at for at in among if at != key)
    keys = () if key is None else (key,)
    return RowStructure(layout, keys, certain, parent, named, others, instead, instead_of_parent=tuple(parents[1:]))


def _family(out: Assignment, values: Sequence[ColumnValues], key: int | None) -> Layout:
    """The family of a table without further rows of a customer that leave its columns blank."""
    if key is not None and values[key].distinct < _REPEATS * values[key].count:
        return "long"
    if any(group.packed for group in out.addresses):
        return "packed"
    numbered = [group for group in out.addresses if group.number is not None]
    inside = any(group.path in out.people and not group.role for group in numbered)
    families = {
        "address" if reading.concept in ADDRESS_PARTS else reading.concept
        for reading in out.readings
        if reading.group is not None and reading.concept in _GROUPED
    }
    several = sum(group.slot == "shipping" for group in numbered) > 1 or max(out.contacts, default=1) > 1
    return "numbered groups" if out.groups >= _MANY_GROUPS or len(families) > 1 or several or inside else "wide"


def _goes_on(table: SourceTable, out: Assignment, values: Sequence[ColumnValues], key: int) -> bool:
    """Whether rows without a key stand below one with a key, and have nothing of the customer's own."""
    if out.readings[key].concept not in _HEADS or values[key].filled >= ALMOST_ALL:
        return False
    names = list(table.frame.columns)
    blank = ~filled_cells(table.column(names[key]))
    if not blank.any() or blank[0]:
        return False
    fields = {name: columns for name, columns in out.customer.items() if name not in ("phone", "email")}
    own = [at for columns in fields.values() for at in columns if at != key]
    some = np.zeros(len(blank), bool)
    for at in own:
        some |= filled_cells(table.column(names[at]))
    return bool((some & blank).sum() <= _FEW * blank.sum()) and bool(some.any())
