"""The parts of one address: which lines come first, and what has to be taken apart."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from importer.drafting.column_values import ColumnValues
from importer.drafting.readings import Reading

_FEW_DIGITS = 0.2
_SMALLER = frozenset({"suburb", "locality", "localidad", "localidade", "localita", "localite", "village", "hamlet"})
_MOST_LINES = 3  # more numbered lines without a city are lines in any order
_MOSTLY_WHOLE = 0.6


@dataclass
class AddressGroup:
    """The columns of one address. ``parts``: part of an address → its columns, in the order in which they are tried.

    ``role``, ``number``: what tells it from others; ``unknown``: words that no phrase has. ``packed``: the columns to
    be taken apart: one with whole addresses, or lines in any order. ``slot``: ``billing`` or ``shipping``, ``index``:
    which of several; None if it goes nowhere. ``partial``: it has lines and no town. ``instead_of``: the address that
    this one stands for where it is blank; ``also_for``: it serves for that one, too, where that is blank. ``flags``:
    role → the column that says whether it has that role.
    """

    role: str
    number: int | None
    unknown: tuple[str, ...] = ()
    parts: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    packed: list[int] = field(default_factory=list)
    slot: str | None = None
    index: int = 1
    partial: bool = False
    instead_of: "AddressGroup | None" = None
    also_for: "AddressGroup | None" = None
    flags: dict[str, int] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The address as targets name it."""
        return f"addresses.{self.slot}" + (f"[{self.index}]" if self.index > 1 else "")


def settle_parts(group: AddressGroup, readings: Sequence[Reading], values: Sequence[ColumnValues]) -> None:
    """Order the lines of an address, choose between its columns, and see what is to be taken apart."""
    _one_town(group, readings, values)
    _order_lines(group, readings, values)
    _city_of_last_line(group, values)
    _pack(group, readings, values)


def is_address(group: AddressGroup) -> bool:
    """Whether the parts can be an address: a country by itself can, a state or a second city cannot."""
    parts = {part for part, columns in group.parts.items() if columns}
    if group.packed or parts & {"line_1", "city", "zip_code"}:
        return bool(group.packed) or group.number in (None, 1) or len(parts) > 1
    return "country" in parts and not group.role and group.number in (None, 1)


def _one_town(group: AddressGroup, readings: Sequence[Reading], values: Sequence[ColumnValues]) -> None:
    """Of a suburb and a city the city; of a county and a state the one that is filled more often."""
    for part in ("city", "state"):
        columns = group.parts.get(part, [])
        if len(columns) > 1 and part == "state":
            fullest = max(columns, key=lambda at: (values[at].filled, -at))
            group.parts[part] = [fullest]
        if len(columns) > 1 and part == "city":
            columns.sort(key=lambda at: (readings[at].phrase in _SMALLER, at))
            group.parts[part] = columns[:1] if readings[columns[-1]].phrase in _SMALLER else columns


def _order_lines(group: AddressGroup, readings: Sequence[Reading], values: Sequence[ColumnValues]) -> None:
    """Lines by their numbers: the first is line 1, the others are line 2; a line without number goes first."""
    lines = [at for part in ("street", "address") for at in group.parts.get(part, ())]
    if not lines:
        return
    plain = [at for at in lines if readings[at].part is None]
    lowest = min(readings[at].part or 0 for at in lines if at not in plain) if len(plain) < len(lines) else None
    # "Address" and "Address 2" are two lines, and so are "Address 1" and "Address 2", and "Address" and "Address 1".
    first = plain or [at for at in lines if readings[at].part == lowest]
    if plain and lowest in (0, 1) and {readings[at].concept for at in plain} == {"address"}:
        first += [at for at in lines if readings[at].part == lowest and readings[at].concept == "street"]
    group.parts.pop("street", None)
    group.parts.pop("address", None)
    group.parts["line_1"] = sorted(first, key=lambda at: (readings[at].concept != "street" or values[at].blank, at))
    rest = [at for at in lines if at not in first]
    group.parts["line_2"] = sorted([*rest, *group.parts.pop("address_line_2", []), *group.parts.pop("po_box", [])])


def _city_of_last_line(group: AddressGroup, values: Sequence[ColumnValues]) -> None:
    """Beside a post code without a city, the last line is the city if it has no digits."""
    lines = group.parts.get("line_1", []) + group.parts.get("line_2", [])
    if not group.parts.get("zip_code") or group.parts.get("city") or len(lines) < len(("street", "city")):
        return
    last = max(lines)
    if last in group.parts.get("line_2", []) and not values[last].blank and values[last].with_digits < _FEW_DIGITS:
        group.parts["line_2"].remove(last)
        group.parts["city"] = [last]


def _pack(group: AddressGroup, readings: Sequence[Reading], values: Sequence[ColumnValues]) -> None:
    """Whole addresses in one cell, post code and city in one cell, and lines in any order are taken apart."""
    lines = group.parts.get("line_1", []) + group.parts.get("line_2", [])
    cities = group.parts.get("city", [])
    town = bool(cities or group.parts.get("zip_code"))
    if group.parts.get("zip_city"):
        group.packed = [] if town else [*lines, *group.parts["zip_city"]]
        return
    whole = [at for at in (*lines, *cities) if values[at].whole_addresses >= _MOSTLY_WHOLE]
    others = {part for part in ("city", "zip_code", "house_number") if group.parts.get(part)}
    if not town and len(lines) > _MOST_LINES:
        group.packed = lines
    elif whole and (not town or (others == {"city"} and whole[0] in cities)):
        group.packed = whole[:1]
    elif not town and len(lines) == 1 and readings[lines[0]].concept == "address":
        group.packed = lines if values[lines[0]].towns_with_codes >= _MOSTLY_WHOLE else []
    elif town:  # the same address once more, in one cell
        for part in ("line_1", "line_2"):
            group.parts[part] = [at for at in group.parts.get(part, ()) if at not in whole]
