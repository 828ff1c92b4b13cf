"""How rows make customers: the key, and the family of layouts that the table belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from importer.cell_text import filled_cells
from importer.drafting.assigned_fields import Assignment
from importer.drafting.column_values import ColumnValues
from importer.drafting.readings import ADDRESS_PARTS, Reading
from importer.tables import SourceTable

Layout = Literal["wide", "numbered groups", "long", "blank parent", "parent reference", "packed"]
_ALMOST_ALL = 0.97
_REPEATS = 0.9  # distinct keys per row below which rows share customers
_INCLUDED = 0.8
_MOST = 0.9
_TOGETHER = 3  # columns that are blank in the same rows
_SOME, _FEW = 0.7, 0.1
_MANY_GROUPS = 3
_KEY_RANK = {"customer_number": 0, "id": 1, "other_number": 2, "company_name": 3, "display_name": 4, "email": 5}


@dataclass(frozen=True)
class RowStructure:
    """``key``: the columns that identify a customer; ``parent``: the column that names another row, and what it names.

    ``instead``: the column that identifies a customer whose key is blank. ``certain``: the key is unique or repeats as a block; otherwise it is a question.
    """

    layout: Layout
    key: tuple[int, ...]
    certain: bool
    parent: int | None = None
    named: int | None = None
    others: tuple[int, ...] = ()
    instead: int | None = None


def row_structure(
    table: SourceTable, readings: Sequence[Reading], values: Sequence[ColumnValues], out: Assignment
) -> RowStructure:
    """The key and the layout of a table."""
    candidates = _candidates(readings, values, out)
    parent, named = _parent(table, readings, values, out, candidates)
    block = _block(table, readings, values, candidates)
    if block is not None:
        key, certain, instead = (block,), True, None
    else:
        key, certain, instead = _key(readings, values, candidates, out)
    layout = "blank parent" if block is not None else _layout(table, readings, values, out, key)
    if parent is not None:
        layout = "parent reference"
    others = tuple(at for at in candidates if (at,) != key)
    return RowStructure(layout, key, certain, parent, named, others, instead)


def _block(
    table: SourceTable, readings: Sequence[Reading], values: Sequence[ColumnValues], candidates: list[int]
) -> int | None:
    """The key of a table whose rows go on with the customer above: it is blank together with other columns."""
    if any(
        values[at].filled >= _MOST and readings[at].concept in ("customer_number", "id") and not readings[at].unknown
        for at in candidates
    ):
        return None
    names = list(table.frame.columns)
    masks = {
        at: filled_cells(table.column(name)) for at, name in enumerate(names) if 0 < values[at].filled < _ALMOST_ALL
    }
    for at in candidates:
        if at not in masks or not masks[at][0] or readings[at].concept == "display_name":
            continue
        together = [other for other, mask in masks.items() if other != at and bool((mask == masks[at]).all())]
        own = [other for other in together if readings[other].concept not in ADDRESS_PARTS]
        if len(own) >= _TOGETHER and values[at].unique:
            return at
    return None


def _candidates(readings: Sequence[Reading], values: Sequence[ColumnValues], out: Assignment) -> list[int]:
    """Columns that can identify a customer, the best one first."""
    company = out.customer.get("company_name", [None])[0]
    found = [
        at
        for at, reading in enumerate(readings)
        if reading.concept in _KEY_RANK
        and not values[at].blank
        and (at == company or reading.concept not in ("company_name", "display_name"))
        and not (reading.concept == "email" and at not in out.customer.get("email", ()))
        and not reading.roles & {"billing", "shipping", "contact", "person", "parent", "other"}
        and not reading.about
    ]
    return sorted(
        found,
        key=lambda at: (
            _KEY_RANK[str(readings[at].concept)],
            bool(readings[at].unknown),
            readings[at].part or 0,
            -values[at].filled,
            at,
        ),
    )


def _key(
    readings: Sequence[Reading], values: Sequence[ColumnValues], candidates: list[int], out: Assignment
) -> tuple[tuple[int, ...], bool, int | None]:
    full = [at for at in candidates if values[at].filled >= _ALMOST_ALL]
    for at in full:
        if readings[at].concept == "customer_number":
            return (at,), True, None
    unique = [at for at in full if values[at].unique]
    guids = [at for at in range(len(values)) if values[at].guids > 0.9 and values[at].unique]
    company = out.customer.get("company_name", [None])[0]
    for at in candidates:
        if readings[at].concept == "customer_number" and values[at].filled >= 0.5:
            rest = [one for one in unique if readings[one].concept in ("id", "company_name", "email")]
            if not rest and company is not None and values[company].filled >= _MOST:
                rest = [company]
            blocks = values[at].filled < _ALMOST_ALL and (company is None or values[company].filled < _ALMOST_ALL)
            return ((at,), True, None) if blocks or not rest else ((at,), False, rest[0])
    for at in unique:
        if readings[at].concept == "id":
            return (at,), True, None
    if guids:
        return (guids[0],), True, None
    numbers = [
        at
        for at, reading in enumerate(readings)
        if reading.concept == "other_number" and values[at].filled >= _ALMOST_ALL
    ]
    for at in numbers:
        if values[at].unique and not values[at].blank and not readings[at].unknown:
            return (at,), False, None
    for at in sorted((*full, *candidates), key=lambda at: -round(min(values[at].filled, 0.9), 1)):
        if readings[at].concept in ("company_name", "email", "display_name", "id", "other_number"):
            return (at,), values[at].unique, None
    return (), False, None


def _parent(
    table: SourceTable,
    readings: Sequence[Reading],
    values: Sequence[ColumnValues],
    out: Assignment,
    candidates: list[int],
) -> tuple[int | None, int | None]:
    """The column whose values are the numbers or names of other rows, in part of the rows."""
    company = out.customer.get("company_name", [None])[0]
    for at in [*out.parent, *_like_parents(table, readings, values, company)]:
        own = set(values[at].texts)
        if not own or values[at].filled >= _ALMOST_ALL:
            continue
        for other in (*candidates, *range(len(readings))):
            names_rows = readings[other].concept in (*_KEY_RANK, "name") or values[other].unique
            if other == at or not names_rows or not values[other].texts:
                continue
            known = set(values[other].texts)
            if _same_rows(table, at, other) > _FEW * values[at].filled:
                continue
            if len(own & known) >= _INCLUDED * len(own) and len(known) > len(own):
                return at, other
    return None, None


def _same_rows(table: SourceTable, one: int, other: int) -> float:
    """The share of the rows in which two columns have the same text."""
    names = list(table.frame.columns)
    texts = table.frame[names[one]].str.strip()
    return float(((texts == table.frame[names[other]].str.strip()) & (texts != "")).mean())


def _like_parents(
    table: SourceTable, readings: Sequence[Reading], values: Sequence[ColumnValues], company: int | None
) -> list[int]:
    """Further columns of names that hold names of other rows, such as ``Primary Company``."""
    if company is None:
        return []
    concepts = ("company_name", "display_name", "customer_number", "id", "other_number")
    return [
        at
        for at, reading in enumerate(readings)
        if at != company and reading.concept in concepts and 0 < values[at].filled < _SOME
    ]


def _layout(
    table: SourceTable,
    readings: Sequence[Reading],
    values: Sequence[ColumnValues],
    out: Assignment,
    key: tuple[int, ...],
) -> Layout:
    heads = ("customer_number", "id", "other_number", "company_name", "name")
    if (
        key
        and readings[key[0]].concept in heads
        and values[key[0]].filled < _ALMOST_ALL
        and _continues(table, readings, out, key[0])
    ):
        return "blank parent"
    if key and values[key[0]].distinct < _REPEATS * round(values[key[0]].filled * values[key[0]].rows):
        return "long"
    if any(group.packed for group in out.addresses):
        return "packed"
    numbered = [group for group in out.addresses if group.number is not None]
    inside = any(group.path in out.people and group.number is not None and not group.role for group in out.addresses)
    families = {
        "address" if reading.concept in ADDRESS_PARTS else reading.concept
        for reading in readings
        if reading.group is not None
        and reading.concept in (*ADDRESS_PARTS, "phone", "email", "full_name", "first_name")
    }
    several = len([group for group in numbered if group.slot == "shipping"]) > 1 or max(out.contacts, default=1) > 1
    if out.groups >= _MANY_GROUPS or len(families) > 1 or several or inside:
        return "numbered groups"
    return "wide"


def _continues(table: SourceTable, readings: Sequence[Reading], out: Assignment, key: int) -> bool:
    """Rows without a key stand below one with a key, and have nothing of the customer's own."""
    names = list(table.frame.columns)
    blank = ~filled_cells(table.column(names[key]))
    if not blank.any() or blank[0]:
        return False
    own = [
        at for name, columns in out.customer.items() for at in columns if name not in ("phone", "email") and at != key
    ]
    some = np.zeros(len(blank), bool)
    for at in own:
        some |= filled_cells(table.column(names[at]))
    return bool((some & blank).sum() <= _FEW * blank.sum()) and bool(some.any() or not own)
