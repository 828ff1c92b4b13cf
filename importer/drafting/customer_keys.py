"""Which columns can identify a customer, and which of them does."""

from collections.abc import Sequence

from importer.cell_text import filled_cells
from importer.drafting.assigned_fields import Assignment
from importer.drafting.column_values import ColumnValues
from importer.drafting.concepts import ADDRESS_PARTS
from importer.drafting.readings import Reading
from importer.tables import SourceTable

ALMOST_ALL = 0.97
MOST = 0.9
_HALF = 0.5
_TOGETHER = 3  # columns that are blank in the same rows
_RANK = {"customer_number": 0, "id": 1, "other_number": 2, "company_name": 3, "display_name": 4, "email": 5}
_OTHERS = frozenset({"billing", "shipping", "contact", "person", "parent", "other"})


def candidates(out: Assignment, values: Sequence[ColumnValues]) -> list[int]:
    """Columns that can identify a customer, the best one first."""
    company = out.customer.get("company_name", [None])[0]

    def can(at: int, reading: Reading) -> bool:
        name = reading.concept in ("company_name", "display_name") and at != company
        mail = reading.concept == "email" and at not in out.customer.get("email", ())
        of_others = bool(reading.roles & _OTHERS) or reading.about
        return reading.concept in _RANK and not values[at].blank and not (name or mail or of_others)

    def rank(at: int) -> tuple[int, bool, int, float, int]:
        reading = out.readings[at]
        return _RANK[str(reading.concept)], bool(reading.unknown), reading.part or 0, -values[at].filled, at

    return sorted((at for at, reading in enumerate(out.readings) if can(at, reading)), key=rank)


def key_of_block(table: SourceTable, out: Assignment, values: Sequence[ColumnValues], among: list[int]) -> int | None:
    """The key of a table whose rows go on with the customer above: it is blank together with other columns."""
    readings = out.readings
    for at in among:
        known = readings[at].concept in ("customer_number", "id") and not readings[at].unknown
        if known and values[at].filled >= MOST:
            return None
    names = enumerate(table.frame.columns)
    masks = {at: filled_cells(table.column(name)) for at, name in names if 0 < values[at].filled < ALMOST_ALL}
    for at in among:
        if at not in masks or not masks[at][0] or readings[at].concept == "display_name" or not values[at].unique:
            continue
        together = [other for other, mask in masks.items() if other != at and bool((mask == masks[at]).all())]
        if sum(readings[other].concept not in ADDRESS_PARTS for other in together) >= _TOGETHER:
            return at
    return None


def chosen_key(
    out: Assignment, values: Sequence[ColumnValues], among: list[int]
) -> tuple[int | None, bool, int | None]:
    """The key, whether it is certain, and the column that identifies customers whose key is blank."""
    readings = out.readings
    numbers = [at for at in among if readings[at].concept == "customer_number"]
    for at in numbers:
        if values[at].filled >= ALMOST_ALL:
            return at, True, None
    unique = [at for at in among if values[at].filled >= ALMOST_ALL and values[at].unique]
    for at in numbers:
        if values[at].filled >= _HALF:
            instead = _instead(out, values, unique)
            return at, instead is None, instead
    certain = [at for at in unique if readings[at].concept == "id"]
    certain += [at for at in range(len(values)) if values[at].guids > MOST and values[at].unique]
    if certain:
        return certain[0], True, None
    for at, reading in enumerate(readings):
        full = values[at].filled >= ALMOST_ALL and values[at].unique and not values[at].blank
        if reading.concept == "other_number" and full and not reading.unknown:
            return at, False, None
    if not among:
        people = [
            at for name in ("last_name", "first_name") for own in out.contacts.values() for at in own.get(name, ())
        ]
        among = [at for at in people if not values[at].blank][:1]
    whole = [at for at in among if values[at].filled >= ALMOST_ALL and values[at].unique]
    if whole and values[among[0]].filled < ALMOST_ALL and readings[among[0]].concept != "customer_number":
        among = [whole[0], *(at for at in among if at != whole[0])]
    rest = sorted(among, key=lambda at: -round(min(values[at].filled, MOST), 1))
    return (rest[0], values[rest[0]].unique, None) if rest else (None, False, None)


def _instead(out: Assignment, values: Sequence[ColumnValues], unique: list[int]) -> int | None:
    """What identifies customers without a number; None in a table whose rows go on with the customer above."""
    company = out.customer.get("company_name", [None])[0]
    if company is None or values[company].filled < ALMOST_ALL:
        return None
    named = [at for at in unique if out.readings[at].concept in ("id", "company_name", "email")]
    return named[0] if named else company
