"""The sheet of a workbook of rows to mend that explains the others: never data, and it knows where they came from."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from importer.loader.workbook.sheets import Sheet
from importer.tables import GUIDE_COLUMNS, GUIDE_TITLE

__all__ = ["without_guide"]

Place = tuple[str, str]  # a file, and a sheet of it or ""


def without_guide(sheets: Sequence[Sheet]) -> list[Sheet]:
    """The sheets without the guide; the others know the places that it says their rows came from."""
    known: dict[str, Place] = {}
    for sheet in sheets:
        if _is_guide(sheet):
            known |= _origins(list(zip(*(column.to_pylist() for column in sheet.columns), strict=True)))
    return [_of(sheet, known) for sheet in sheets if not _is_guide(sheet)]


def _is_guide(sheet: Sheet) -> bool:
    """Whether the first rows hold the guide's title, wherever somebody may have moved it to."""
    return any(cell.strip() == GUIDE_TITLE for row in sheet.head for cell in row)


def _origins(rows: Sequence[Sequence[str]]) -> Mapping[str, Place]:
    """What the guide's table says of each sheet beside it."""
    found: dict[str, Place] = {}
    places: list[int] | None = None
    for row in rows:
        cells = [cell.strip() for cell in row]
        if places is None:
            places = [cells.index(name) for name in GUIDE_COLUMNS] if set(GUIDE_COLUMNS) <= set(cells) else None
            continue
        name, file, sheet = (cells[place] for place in places)
        if not name:
            break
        found[name] = (file, sheet)
    return found


def _of(sheet: Sheet, known: Mapping[str, Place]) -> Sheet:
    place = known.get(sheet.origin.sheet or "")
    if place is None:
        return sheet
    return replace(sheet, origin=replace(sheet.origin, details={**sheet.origin.details, "stands_for": list(place)}))
