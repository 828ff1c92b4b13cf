"""How rows form customers: the key, rows that name a parent, and the layout of the table."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from importer.cell_text import filled_cells
from importer.drafting.assigned_fields import Assignment
from importer.drafting.column_values import ColumnValues
from importer.drafting.concepts import ADDRESS_PARTS
from importer.drafting.readings import HeaderReading
from importer.tables import SourceTable

Layout = Literal["wide", "numbered groups", "long", "blank parent", "parent reference", "packed"]
_REPEATS = 0.9  # distinct keys per row below which rows share customers
_FEW = 0.1
_TELLING = 0.3  # a key has at least this many values per customer's name
_MANY_GROUPS = 3
_HEADS = frozenset({"customer_number", "id", "other_number", "company_name", "name"})
_GROUPED = ADDRESS_PARTS | {"phone", "email", "full_name", "first_name"}
_ALMOST_ALL = 0.97
_MOST = 0.9
_TOGETHER = 3  # the fewest columns that must be blank in the same rows
_RANK = {"customer_number": 0, "id": 1, "other_number": 2, "company_name": 3, "display_name": 4, "email": 5}
_OF_OTHERS = frozenset({"billing", "shipping", "contact", "person", "parent", "other"})
_INCLUDED = 0.8  # share of values that must be numbers or names of rows
_SOME = 0.7
_NAMING = frozenset({"customer_number", "id", "other_number", "company_name", "display_name", "email", "name"})
_NAME_CONCEPTS = frozenset({"company_name", "display_name", "name"})
_FEWEST = 2  # the fewest paths that name another row
_DIVISIONS = frozenset({"customer_number", "id", "department", "setting", "group", None})
PATH = r"^(.+):[^:]+$"
_LIKE_PARENTS = _NAMING - {"email", "name"}


@dataclass(frozen=True)
class RowStructure:
    """``key``: the columns that identify a customer; ``certain``: there is no question about them.

    ``parents``: the columns that name another row, each with the column whose values it has. ``others``: other columns
    that can identify a customer. ``instead``: the column that identifies a customer whose key is blank. ``path``: keys
    such as ``Harbor Goods:Warehouse`` name the row that the row belongs to.
    """

    layout: Layout
    key: tuple[int, ...]
    certain: bool
    parents: tuple[tuple[int, int], ...] = ()
    others: tuple[int, ...] = ()
    instead: int | None = None
    path: bool = False


def row_structure(table: SourceTable, out: Assignment, values: Sequence[ColumnValues]) -> RowStructure:
    among = _candidates(out, values)
    of_path = _path_column(table, out, among)
    if of_path is not None:
        others = tuple(at for at in among if at != of_path)
        return RowStructure(_plain_layout(out, values, of_path), (of_path,), certain=True, others=others, path=True)
    parents = _parent_columns(table, out, values, among)
    block = _key_of_block(table, out, values, among)
    key, certain, instead = block, True, None
    if block is None and (company := _company_of_people(table, out, values)) is not None:
        key, certain = company, False
    elif block is None:
        key, certain, instead = _chosen_key(out, values, among)
    layout: Layout = "parent reference"
    if not parents:
        continues = block is not None or (key is not None and _continues_above(table, out, values, key))
        layout = "blank parent" if continues else _plain_layout(out, values, key)
    keys: tuple[int, ...] = () if key is None else (key,)
    if key is not None and layout == "long" and (both := _with_division(table, out, values, key)):
        keys, layout, certain = both, _plain_layout(out, values, None), True
    others = tuple(at for at in among if at not in keys)
    return RowStructure(layout, keys, certain, tuple(parents), others, instead)


def _plain_layout(out: Assignment, values: Sequence[ColumnValues], key: int | None) -> Layout:
    """The layout of a table in which rows neither continue the customer above nor name a parent."""
    if key is not None and values[key].distinct < _REPEATS * values[key].count:
        return "long"
    if any(group.packed for group in out.addresses):
        return "packed"
    numbered = [group for group in out.addresses if group.number is not None]
    inside = any(group.path in out.people and not group.role for group in numbered)
    numbers = {reading.group for reading in out.readings if reading.concept in _GROUPED} - {None}
    families = {
        "address" if reading.concept in ADDRESS_PARTS else reading.concept
        for reading in out.readings
        if reading.group is not None and reading.concept in _GROUPED
    }
    people = {
        number
        for number, own in out.contacts.items()
        for columns in own.values()
        if any(not values[at].blank for at in columns)
    }
    several = sum(group.slot == "shipping" for group in numbered) > 1 or max(people, default=1) > 1
    several |= inside or (len(families) > 1 and len(numbers) > 1)
    return "numbered groups" if out.groups >= _MANY_GROUPS or several else "wide"


def _continues_above(table: SourceTable, out: Assignment, values: Sequence[ColumnValues], key: int) -> bool:
    """Whether rows without a key are below a row with a key, and have nothing in the customer's own fields."""
    if out.readings[key].concept not in _HEADS or values[key].filled >= _ALMOST_ALL:
        return False
    blank = ~filled_cells(table.column(table.headers[key]))
    if not blank.any() or blank[0]:
        return False
    own = {at for name, columns in out.customer.items() if name not in ("phone", "email") for at in columns}
    some = np.zeros(len(blank), bool)
    for at in own - {key}:
        some |= filled_cells(table.column(table.headers[at]))
    return bool((some & blank).sum() <= _FEW * blank.sum()) and bool(some.any())


def _candidates(out: Assignment, values: Sequence[ColumnValues]) -> list[int]:
    """Columns that can identify a customer, the best column first."""
    company = out.customer.get("company_name", [None])[0]
    customers = 0 if company is None else values[company].distinct

    def can(at: int, reading: HeaderReading) -> bool:
        if values[at].distinct < _TELLING * customers:
            return False  # "Code" with the currency
        name = reading.concept in ("company_name", "display_name") and at != company
        mail = reading.concept == "email" and at not in out.customer.get("email", ())
        of_others = bool(reading.roles & _OF_OTHERS) or reading.about
        return reading.concept in _RANK and not values[at].blank and not (name or mail or of_others)

    def rank(at: int) -> tuple[bool, int, bool, int, float, int]:
        reading = out.readings[at]
        place = _RANK[str(reading.concept)]
        return _is_foreign_id(out, at), place, bool(reading.unknown), reading.part or 0, -values[at].filled, at

    return sorted((at for at, reading in enumerate(out.readings) if can(at, reading)), key=rank)


def _is_foreign_id(out: Assignment, at: int) -> bool:
    """Whether it is the ID of something unknown, to the right of the company's name: ``USDOT Number``."""
    company = min(out.customer.get("company_name", ()), default=at)
    return out.readings[at].concept == "id" and bool(out.readings[at].unknown) and at > company


def _key_of_block(table: SourceTable, out: Assignment, values: Sequence[ColumnValues], among: list[int]) -> int | None:
    """The key of a table whose rows continue the customer above: it is blank together with other columns."""
    readings = out.readings
    for at in among:
        known = readings[at].concept in ("customer_number", "id") and not readings[at].unknown
        if known and values[at].filled >= _MOST:
            return None
    sparse = [(at, name) for at, name in enumerate(table.headers) if 0 < values[at].filled < _ALMOST_ALL]
    masks = {at: filled_cells(table.column(name)) for at, name in sparse}
    for at in among:
        if at not in masks or not masks[at][0] or readings[at].concept == "display_name" or not values[at].unique:
            continue
        together = [other for other, mask in masks.items() if other != at and bool((mask == masks[at]).all())]
        if sum(readings[other].concept not in ADDRESS_PARTS for other in together) >= _TOGETHER:
            return at
    return None


def _company_of_people(table: SourceTable, out: Assignment, values: Sequence[ColumnValues]) -> int | None:
    """The company in a list of people without customer numbers: it is repeated with different people at one address."""
    company, person = out.customer.get("company_name", [None])[0], out.contacts.get(1, {})
    people = [at for name in ("last_name", "email") for at in person.get(name, ())][:1]
    if company is None or not people or values[company].filled < _ALMOST_ALL:
        return None
    numbers = any(own.concept == "customer_number" and not values[at].blank for at, own in enumerate(out.readings))
    if numbers or values[company].distinct >= _REPEATS * values[company].count:
        return None
    lines = [at for group in out.addresses for part in ("line_1", "city") for at in group.parts.get(part, ())]
    same = table.frame.groupby(table.headers[company], sort=False)
    counts = same[[table.headers[at] for at in dict.fromkeys([*people, *lines])]].nunique()[same.size() > 1]
    others = (counts[table.headers[people[0]]] > 1).mean() >= _SOME
    return company if others and not (counts[[table.headers[at] for at in lines]] > 1).any(axis=None) else None


def _chosen_key(
    out: Assignment, values: Sequence[ColumnValues], among: list[int]
) -> tuple[int | None, bool, int | None]:
    """The key, whether it is certain, and the column that identifies customers whose key is blank."""
    readings = out.readings
    numbers = [at for at in among if readings[at].concept == "customer_number"]
    for at in numbers:
        if values[at].filled >= _ALMOST_ALL:
            return at, True, None
    unique = [at for at in among if values[at].filled >= _ALMOST_ALL and values[at].unique]
    for at in numbers:
        if values[at].filled >= 0.5:
            instead = _instead(out, values, unique)
            return at, instead is None, instead
    certain = [at for at in unique if readings[at].concept == "id" and not _is_foreign_id(out, at)]
    certain += [at for at in range(len(values)) if values[at].guids > _MOST and values[at].unique]
    if certain:
        return certain[0], True, None
    for at, reading in enumerate(readings):
        full = values[at].filled >= _ALMOST_ALL and values[at].unique and not values[at].blank
        if reading.concept == "other_number" and full and not reading.unknown:
            return at, False, None
    if not among:
        people = [
            at for name in ("last_name", "first_name") for own in out.contacts.values() for at in own.get(name, ())
        ]
        among = [at for at in people if not values[at].blank][:1]
    whole = [at for at in among if values[at].filled >= _ALMOST_ALL and values[at].unique]
    if whole and values[among[0]].filled < _ALMOST_ALL and readings[among[0]].concept != "customer_number":
        among = [whole[0], *(at for at in among if at != whole[0])]
    best = max(among, key=lambda at: round(min(values[at].filled, _MOST), 1), default=None)
    return best, best is not None and values[best].unique, None


def _with_division(
    table: SourceTable, out: Assignment, values: Sequence[ColumnValues], key: int
) -> tuple[int, ...] | None:
    """The key with an adjacent column, such as a division, if only both together distinguish rows.

    By itself, the same number would mean customers with different names.
    """
    company, headers = out.customer.get("company_name", [key])[0], table.headers
    if company == key or out.readings[key].concept not in ("customer_number", "id"):
        return None
    same = table.frame.groupby(headers[key], sort=False)
    if (same[headers[company]].nunique()[same.size() > 1] > 1).mean() < _SOME:
        return None
    for at in (max(key - 1, 0), min(key + 1, company)):
        reading = out.readings[at]
        beside = (
            at not in (key, company)
            and at < company
            and reading.concept in _DIVISIONS
            and not reading.roles & _OF_OTHERS
        )
        if beside and values[at].filled >= _ALMOST_ALL:
            both = (min(at, key), max(at, key))
            if not table.frame[[headers[one] for one in both]].duplicated().any():
                return both
    return None


def _instead(out: Assignment, values: Sequence[ColumnValues], unique: list[int]) -> int | None:
    """The column that identifies customers without a number; None if the company is often blank."""
    company = out.customer.get("company_name", [None])[0]
    if company is None or values[company].filled < _ALMOST_ALL:
        return None
    named = [at for at in unique if out.readings[at].concept in ("id", "company_name", "email")]
    return named[0] if named else company


def _parent_columns(
    table: SourceTable, out: Assignment, values: Sequence[ColumnValues], among: list[int]
) -> list[tuple[int, int]]:
    """The columns that, in some rows, have the number or name of another row; each with the column that it refers to.

    ``among``: columns that can identify a customer, the best column first; they are tried first.
    """
    found = [pair for at in out.parent if (pair := _pair(table, out, values, at, among)) is not None]
    rest = (_pair(table, out, values, at, among) for at in ([] if found else _further(out, values)))
    return found or [pair for pair in rest if pair is not None][:1]


def _pair(
    table: SourceTable, out: Assignment, values: Sequence[ColumnValues], at: int, among: list[int]
) -> tuple[int, int] | None:
    """A column, with the column that its values come from; None if there is none."""
    if values[at].blank or values[at].filled >= _ALMOST_ALL:
        return None
    for other in (*among, *range(len(values))):
        names_rows = out.readings[other].concept in _NAMING or values[other].unique
        if other != at and other not in out.parent and names_rows and _names(table, values, at, other):
            return at, other
    return None


def _further(out: Assignment, values: Sequence[ColumnValues]) -> list[int]:
    """Columns that may contain names or numbers of other rows, such as ``Primary Company``."""
    company = out.customer.get("company_name", [None])[0]
    if company is None:
        return []
    return [
        at
        for at, reading in enumerate(out.readings)
        if at != company and reading.concept in _LIKE_PARENTS and 0 < values[at].filled < _SOME
    ]


def _names(table: SourceTable, values: Sequence[ColumnValues], at: int, other: int) -> bool:
    """Whether the values of a column are among those of another column, but hardly ever in the same row."""
    own, known = set(values[at].texts), set(values[other].texts)
    if len(known) <= len(own) or len(own & known) < _INCLUDED * len(own):
        return False
    texts = table.frame[table.headers[at]].str.strip()
    same = (texts == table.frame[table.headers[other]].str.strip()) & (texts != "")
    return float(same.mean()) <= _FEW * values[at].filled


def _path_column(table: SourceTable, out: Assignment, among: Sequence[int]) -> int | None:
    """The column of names that are paths, as QuickBooks writes jobs: ``Harbor Goods:Warehouse`` is in ``Harbor Goods``.

    ``among``: columns that can identify a customer.
    """
    columns: list[int] = [*out.customer.get("company_name", ()), *out.customer.get("display_name", ()), *among]
    for at in dict.fromkeys(columns):
        if out.readings[at].concept in _NAME_CONCEPTS:
            names = set(map(str, table.frame[table.headers[at]].str.strip().unique()))
            paths = [match[1] for name in names if (match := re.match(PATH, name))]
            if len(paths) >= _FEWEST and sum(path in names for path in paths) >= _INCLUDED * len(paths):
                return at
    return None
