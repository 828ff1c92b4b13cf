"""Towns in the lines of an address: in the last line, in whole addresses in one cell, or in lines in any order."""

from collections.abc import Sequence

from importer.drafting.assigned_fields import AddressGroup
from importer.drafting.column_values import ColumnValues
from importer.drafting.readings import HeaderReading

_FEW_DIGITS = 0.2
_TOWN_PARTS = ("city", "state", "zip_code", "country")
_NEARLY_ALL = 0.97
_MOST_LINES = 3  # if there are more numbered lines without a city, they are in any order
_MOSTLY_WHOLE = 0.6
_FEWEST_IN_ANY_ORDER = 2
_OFTEN = 0.9  # of the share in which the first line is filled


def city_of_last_line(group: AddressGroup, values: Sequence[ColumnValues]) -> None:
    """If there is a postal code but no city, use the last line as the city, if it is usually filled and without digits.

    If it is often blank, the lines are in any order: the city is the third line in one row, and the fourth in another.
    """
    lines = [at for part in ("line_1", "line_2") for at in group.parts.get(part, ()) if not values[at].blank]
    if not group.parts.get("zip_code") or group.parts.get("city"):
        return
    if len(lines) == 1 and values[lines[0]].share(lambda text: "\n" in text) >= _MOSTLY_WHOLE:
        group.packed = [*lines, *group.parts["zip_code"]]
    if len(lines) < 2:
        return
    last = max(lines)
    if not group.parts.get("country") and values[last].countries >= _NEARLY_ALL and len(lines) > 2:
        _move(group, lines, "country")
        last = max(lines)
    if not group.parts.get("state") and values[last].share(_is_state) >= _MOSTLY_WHOLE and len(lines) > 2:
        _move(group, lines, "state")
        last = max(lines)
    if last not in group.parts.get("line_2", []) or values[last].with_digits >= _FEW_DIGITS:
        return
    if values[last].filled < _OFTEN * values[min(lines)].filled and len(lines) > _FEWEST_IN_ANY_ORDER:
        group.packed = [*sorted(lines), *group.parts["zip_code"]]
    else:
        group.parts["line_2"].remove(last)
        group.parts["city"] = [last]


def _move(group: AddressGroup, lines: list[int], part: str) -> None:
    """Make the last line a different part of the address."""
    last = max(lines)
    lines.remove(last)
    group.parts["line_2"].remove(last)
    group.parts[part] = [last]


def _is_state(text: str) -> bool:
    return text.isupper() and 2 <= len(text) <= 3


def pack(group: AddressGroup, readings: Sequence[HeaderReading], values: Sequence[ColumnValues]) -> None:
    """Mark for splitting: whole addresses in one cell, a postal code and city in one cell, and lines in any order."""
    if group.packed:
        return
    lines = group.parts.get("line_1", []) + group.parts.get("line_2", [])
    cities = group.parts.get("city", [])
    town = bool(cities or group.parts.get("zip_code"))
    if group.parts.get("zip_city"):
        group.packed = [] if town else [*lines, *group.parts["zip_city"]]
        both = group.parts["zip_city"][0]
        if group.parts.get("zip_code") and not cities:
            group.parts["city"] = [both]
            if values[both].codes_at_end >= _MOSTLY_WHOLE:
                group.parts["state"] = [both]
        return
    known = [part for part in _TOWN_PARTS if any(not values[at].blank for at in group.parts.get(part, ()))]
    whole = [at for at in (*lines, *cities) if values[at].whole_addresses >= _MOSTLY_WHOLE]
    others = {part for part in ("city", "zip_code", "house_number") if group.parts.get(part)}
    if not town and len(lines) > _MOST_LINES:
        group.packed = lines
    elif whole and (not {"city", "zip_code"} & set(known) or (others == {"city"} and whole[0] in cities)):
        group.packed = whole[:1]
    elif not town and len(lines) == 1 and readings[lines[0]].concept == "address":
        group.packed = lines if values[lines[0]].towns_with_codes >= _MOSTLY_WHOLE else []
    elif town:
        _repeated(group, [at for at in whole if _has_town(group, values, at)], known, values)


def _has_town(group: AddressGroup, values: Sequence[ColumnValues], at: int) -> bool:
    """Whether the cells of a line contain the towns or postal codes that are also in separate columns."""
    towns = [text for part in ("city", "zip_code") for own in group.parts.get(part, ()) for text in values[own].texts]
    plain = [text.casefold() for text in towns]
    return values[at].share(lambda text: any(town in text.casefold() for town in plain)) >= _MOSTLY_WHOLE


def _repeated(group: AddressGroup, whole: list[int], known: list[str], values: Sequence[ColumnValues]) -> None:
    """If the whole address is repeated in one cell, use that cell only for the parts without a full column."""
    lines = {part: [at for at in group.parts.get(part, ()) if at not in whole] for part in ("line_1", "line_2")}
    if whole and all(values[at].blank for at in lines["line_1"]):
        group.packed = whole[:1]
        group.beside = frozenset(
            part for part in known if all(values[at].filled >= _NEARLY_ALL for at in group.parts[part])
        )
    else:
        group.parts.update(lines)
