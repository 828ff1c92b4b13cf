"""Columns of addresses as groups, and each group as the billing address or as one of the shipping addresses."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from importer.drafting.column_values import ColumnValues
from importer.drafting.readings import ADDRESS_PARTS, Reading

_SINGLE = frozenset({"city", "zip_code", "state", "country", "zip_city", "house_number"})
_LINES = frozenset({"address", "street"})
_ROLES = ("billing", "shipping", "mailing", "visiting", "home", "work", "other")
_PERSONAL = ("phone", "mobile", "email", "full_name", "first_name", "last_name")
# Which group is the billing address, and which the shipping one; the first that is there.
_FOR_BILLING = ("billing", "mailing", "", "work", "visiting", "home", "other")
_FOR_SHIPPING = ("shipping", "visiting", "", "work", "other", "mailing")
_OFTEN = 0.9
_FEW_DIGITS = 0.2
_SMALLER = frozenset({"suburb", "locality", "localidad", "localidade", "localita", "localite", "village", "hamlet"})
_MOST_LINES = 3  # more numbered lines without a city are lines in any order
GroupKey = tuple[str, int | None, tuple[str, ...]]


@dataclass
class AddressGroup:
    """The columns of one address. ``parts``: part of an address → its columns, in the order in which they are tried.

    ``slot``: ``billing`` or ``shipping``, ``index``: which of several; None if it goes nowhere.
    ``packed``: the columns to be taken apart: one with whole addresses, or lines in any order. ``partial``: it has
    lines and no town. ``instead_of``: the address that this one stands for where it is blank; ``also_for``: it serves for that one,
    too, where that is blank. ``flags``: role → the column that says whether it has that role.
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


def address_groups(readings: Sequence[Reading], values: Sequence[ColumnValues]) -> list[AddressGroup]:
    """The groups that the columns form, with their slots."""
    keys = {
        at: _key(reading)
        for at, reading in enumerate(readings)
        if reading.concept in ADDRESS_PARTS and not reading.about
    }
    keys = _numbers_of_groups(keys, readings)
    groups: dict[GroupKey, AddressGroup] = {}
    for at, key in keys.items():
        group = groups.setdefault(key, AddressGroup(key[0], key[1], key[2]))
        group.parts[str(readings[at].concept)].append(at)
    merged = _with_gaps_filled(_without_strangers(list(groups.values())))
    for group in merged:
        _one_town(group, readings, values)
        _order_lines(group, readings, values)
        _pack(group, readings, values)
    kept = [group for group in merged if _is_address(group, values)]
    _give_slots(kept, values)
    return kept


def _key(reading: Reading) -> GroupKey:
    role = next((role for role in _ROLES if role in reading.roles), "")
    return role, reading.group, reading.unknown


def _numbers_of_groups(keys: Mapping[int, GroupKey], readings: Sequence[Reading]) -> dict[int, GroupKey]:
    """``City 2`` belongs to a second group, and so does ``Street 2`` then; else ``Street 2`` is a second line."""
    numbered: dict[tuple[str, tuple[str, ...]], set[int]] = defaultdict(set)
    for at, (role, number, unknown) in keys.items():
        part = readings[at].part
        if number is None and part is not None and readings[at].concept in _SINGLE:
            numbered[role, unknown].add(part)
    out = {}
    for at, (role, number, unknown) in keys.items():
        part, own = readings[at].part, numbered[role, unknown]
        repeated = len(own) > 1 or (own and max(own) > 1)
        out[at] = (role, part, unknown) if repeated and number is None and part in own else (role, number, unknown)
    # A group without a number is the first one of those with numbers.
    for at, (role, number, unknown) in out.items():
        if (
            number is None
            and (role, 1, unknown) not in out.values()
            and any(key[0] == role and key[2] == unknown and (key[1] or 0) > 1 for key in out.values())
        ):
            out[at] = (role, 1, unknown)
    return out


def _without_strangers(groups: list[AddressGroup]) -> list[AddressGroup]:
    """Groups with a word that nobody knows: if all have it, it says nothing; one part alone fills a gap; else they go."""
    known = [group for group in groups if not group.unknown]
    strange = [group for group in groups if group.unknown]
    if not any(set(group.parts) & {"address", "street", "city", "zip_code"} for group in known):
        words = {group.unknown for group in strange if len(group.parts) >= 3}
        if len(words) == 1:
            for group in strange:
                if group.unknown in words:
                    group.unknown = ()
                    known.append(group)
            return known
    for group in strange:
        home = next((one for one in known if (one.role, one.number) == (group.role, group.number)), None)
        if home and len(group.parts) == 1 and not set(group.parts) & set(home.parts) and len(home.parts) >= 2:
            for part, columns in group.parts.items():
                home.parts[part] += columns
    return known


def _with_gaps_filled(groups: list[AddressGroup]) -> list[AddressGroup]:
    """A post code or a country by itself belongs to the one address that has none."""
    plain = next((group for group in groups if not group.role and group.number is None), None)
    if plain is None or len(groups) == 1 or set(plain.parts) & {"address", "street", "city", "zip_city"}:
        return groups
    for part in list(plain.parts):
        gaps = [group for group in groups if group is not plain and part not in group.parts and len(group.parts) > 1]
        if len(gaps) == 1:
            gaps[0].parts[part] = plain.parts.pop(part)
    return [group for group in groups if group.parts]


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


def _pack(group: AddressGroup, readings: Sequence[Reading], values: Sequence[ColumnValues]) -> None:
    """Whole addresses in one cell, post code and city in one cell, and lines in any order are taken apart."""
    lines = group.parts.get("line_1", []) + group.parts.get("line_2", [])
    if group.parts.get("zip_code") and not group.parts.get("city") and len(lines) > 1:
        last = max(lines)
        if last in group.parts.get("line_2", []) and not values[last].blank and values[last].with_digits < _FEW_DIGITS:
            group.parts["line_2"].remove(last)
            group.parts["city"] = [last]
            lines.remove(last)
    town = bool(group.parts.get("city") or group.parts.get("zip_code"))
    if group.parts.get("zip_city"):
        group.packed = [*lines, *group.parts["zip_city"]] if not town else []
        return
    whole = [
        at
        for at in (*lines, *group.parts.get("city", ()))
        if values[at].whole_addresses >= 0.6 and not values[at].blank
    ]
    others = set(group.parts) - {"line_1", "line_2", "country", "state", "district"}
    if not town and len(lines) > _MOST_LINES:
        group.packed = lines
    elif whole and (not town or (others == {"city"} and whole[0] in group.parts.get("city", ()))):
        group.packed = whole[:1]
    elif (
        not town
        and len(lines) == 1
        and readings[lines[0]].concept == "address"
        and values[lines[0]].towns_with_codes >= 0.6
    ):
        group.packed = lines
    elif town and whole:  # the same address once more, in one cell
        for part in ("line_1", "line_2"):
            group.parts[part] = [at for at in group.parts.get(part, ()) if at not in whole]


def _is_address(group: AddressGroup, values: Sequence[ColumnValues]) -> bool:
    parts = {part for part, columns in group.parts.items() if columns}
    if group.packed or parts & {"line_1", "city", "zip_code"}:
        return bool(group.packed) or group.number in (None, 1) or len(parts) > 1
    return bool(parts & {"country", "state"}) and not group.role and group.number in (None, 1)


def _give_slots(groups: list[AddressGroup], values: Sequence[ColumnValues]) -> None:
    """One group becomes the billing address, all shipping ones and one other the shipping addresses."""
    left = sorted(groups, key=lambda group: group.number or 0)
    full = [group for group in left if group.packed or len([1 for columns in group.parts.values() if columns]) > 1]

    def take(order: Sequence[str], slot: str, index: int, among: list[AddressGroup]) -> bool:
        for role in order:
            for group in among:
                if group.role == role and group.slot is None:
                    group.slot, group.index = slot, index
                    return True
        return False

    filled = [group for group in full if _has_values(group, values)] or full or left
    if not take(_FOR_BILLING, "billing", 1, filled):
        take(_FOR_BILLING, "billing", 1, left)
    index = 1
    for group in left:
        if group.role == "shipping" and group.slot is None:
            group.slot, group.index = "shipping", index
            index += 1
    if index == 1:
        rest = [group for group in left if group.slot is None and not (group.role == "home" and len(left) > 1)]
        if take(_FOR_SHIPPING, "shipping", 1, [group for group in rest if _has_values(group, values)] or rest):
            index = 2
    # Of an address with nothing but a line, the town is that of the main address.
    for group in left:
        if (
            group.slot is None
            and group.role in ("billing", "shipping", "visiting")
            and not group.packed
            and not group.parts.get("city")
        ):
            group.slot, group.partial = ("billing" if group.role == "billing" else "shipping"), True
    # The main address is the billing address of those that have no other.
    billing = next((group for group in left if group.slot == "billing" and group.role in ("billing", "mailing")), None)
    main = next((group for group in full if group.slot is None and not group.role and group.number is None), None)
    if billing is not None and main is not None and _fill(billing, values) < _OFTEN * _fill(main, values):
        main.slot, main.instead_of = "billing", billing
    shipping = next((group for group in left if group.slot == "shipping" and group.role == "shipping"), None)
    plain = next((group for group in full if group.slot == "billing" and not group.role and group.number is None), None)
    if shipping is not None and plain is not None and _fill(shipping, values) < _OFTEN * _fill(plain, values):
        plain.also_for = shipping
    towns = [group for group in left if group.packed or group.parts.get("city") or group.parts.get("zip_code")]
    for group in left:
        group.partial = group.partial or bool(towns) and group not in towns and bool(group.parts.get("line_1"))
    # A series of groups without a role goes on: Address 3, Address 4, …
    series = [group for group in left if group.slot is not None and group.role == "" and group.number is not None]
    if series:
        for group in left:
            if group.slot is None and group.role == "" and group.number is not None:
                group.slot, group.index = "shipping", index
                index += 1


def _fill(group: AddressGroup, values: Sequence[ColumnValues]) -> float:
    columns = [at for part in ("line_1", "city", "zip_code") for at in group.parts.get(part, ())] + group.packed
    return max((values[at].filled for at in columns), default=0.0)


def _has_values(group: AddressGroup, values: Sequence[ColumnValues]) -> bool:
    return any(
        not values[at].blank for part in ("line_1", "city", "zip_code") for at in group.parts.get(part, ())
    ) or any(not values[at].blank for at in group.packed)
