"""The column by which rows name another row that they belong to."""

import re
from collections.abc import Sequence

from importer.drafting.assigned_fields import Assignment
from importer.drafting.column_values import ColumnValues
from importer.drafting.customer_keys import ALMOST_ALL
from importer.tables import SourceTable

_INCLUDED = 0.8  # of the values are numbers or names of rows
_SOME, _FEW = 0.7, 0.1
_NAMING = frozenset({"customer_number", "id", "other_number", "company_name", "display_name", "email", "name"})
_NAMES = frozenset({"company_name", "display_name", "name"})
_FEWEST = 2  # rows below another one
PATH = r"^(.+):[^:]+$"
_LIKE_PARENTS = _NAMING - {"email", "name"}


def parent_columns(
    table: SourceTable, out: Assignment, values: Sequence[ColumnValues], among: list[int]
) -> list[tuple[int, int]]:
    """The columns whose values are the numbers or names of other rows, in part of the rows; each with what it names.

    ``among``: columns that can identify a customer, the best one first; they are looked at first.
    """
    found = [pair for at in out.parent if (pair := _pair(table, out, values, at, among)) is not None]
    rest = (_pair(table, out, values, at, among) for at in ([] if found else _further(out, values)))
    return found or [pair for pair in rest if pair is not None][:1]


def _pair(
    table: SourceTable, out: Assignment, values: Sequence[ColumnValues], at: int, among: list[int]
) -> tuple[int, int] | None:
    """A column with the one that its values are from; None if they are not."""
    if values[at].blank or values[at].filled >= ALMOST_ALL:
        return None
    for other in (*among, *range(len(values))):
        names_rows = out.readings[other].concept in _NAMING or values[other].unique
        if other != at and other not in out.parent and names_rows and _names(table, values, at, other):
            return at, other
    return None


def _further(out: Assignment, values: Sequence[ColumnValues]) -> list[int]:
    """Columns of names and numbers that may hold those of other rows, such as ``Primary Company``."""
    company = out.customer.get("company_name", [None])[0]
    if company is None:
        return []
    return [
        at
        for at, reading in enumerate(out.readings)
        if at != company and reading.concept in _LIKE_PARENTS and 0 < values[at].filled < _SOME
    ]


def _names(table: SourceTable, values: Sequence[ColumnValues], at: int, other: int) -> bool:
    """Whether the values of a column are among those of another one, and hardly ever in the same row."""
    own, known = set(values[at].texts), set(values[other].texts)
    if len(known) <= len(own) or len(own & known) < _INCLUDED * len(own):
        return False
    headers = list(table.frame.columns)
    texts = table.frame[headers[at]].str.strip()
    same = (texts == table.frame[headers[other]].str.strip()) & (texts != "")
    return float(same.mean()) <= _FEW * values[at].filled


def path_column(table: SourceTable, out: Assignment, among: Sequence[int]) -> int | None:
    """The column of names that are paths: ``Harbor Goods:Warehouse`` below ``Harbor Goods``, as QuickBooks writes jobs.

    ``among``: columns that can identify a customer.
    """
    headers = list(table.frame.columns)
    columns: list[int] = [*out.customer.get("company_name", ()), *out.customer.get("display_name", ()), *among]
    for at in dict.fromkeys(columns):
        if out.readings[at].concept in _NAMES:
            names = set(map(str, table.frame[headers[at]].str.strip().unique()))
            paths = [match[1] for name in names if (match := re.match(PATH, name))]
            if len(paths) >= _FEWEST and sum(path in names for path in paths) >= _INCLUDED * len(paths):
                return at
    return None
