"""The column by which rows name another row that they belong to."""

from collections.abc import Sequence

from importer.drafting.assigned_fields import Assignment
from importer.drafting.column_values import ColumnValues
from importer.drafting.customer_keys import ALMOST_ALL
from importer.tables import SourceTable

_INCLUDED = 0.8  # of the values are numbers or names of rows
_SOME, _FEW = 0.7, 0.1
_NAMING = frozenset({"customer_number", "id", "other_number", "company_name", "display_name", "email", "name"})
_LIKE_PARENTS = _NAMING - {"email", "name"}


def parent_column(
    table: SourceTable, out: Assignment, values: Sequence[ColumnValues], among: list[int]
) -> tuple[int | None, int | None]:
    """The column whose values are the numbers or names of other rows, in part of the rows; and what it names.

    ``among``: columns that can identify a customer, the best one first; they are looked at first.
    """
    for at in [*out.parent, *_further(out, values)]:
        if values[at].blank or values[at].filled >= ALMOST_ALL:
            continue
        for other in (*among, *range(len(values))):
            names_rows = out.readings[other].concept in _NAMING or values[other].unique
            if other != at and names_rows and _names(table, values, at, other):
                return at, other
    return None, None


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
