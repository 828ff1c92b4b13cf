"""Grouping the columns of addresses: a group has the same role, the same number, and the same unknown word."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from importer.drafting.address_lines import city_of_last_line, pack
from importer.drafting.assigned_fields import AddressGroup
from importer.drafting.column_values import ColumnValues
from importer.drafting.concepts import ADDRESS_PARTS, LINES
from importer.drafting.readings import HeaderReading

_SINGLE = frozenset({"city", "zip_code", "state", "country", "zip_city", "house_number"})
_ROLES = ("billing", "shipping", "mailing", "visiting", "home", "work", "other")
_FEW_LINES = 2
_OWN_GROUP = 3  # as many parts with the same unknown word are a separate address
GroupKey = tuple[str, int | None, tuple[str, ...]]
_SMALLER = frozenset({"suburb", "locality", "localidad", "localidade", "localita", "localite", "village", "hamlet"})
_TOWN = frozenset({"city", "zip_city"})
# In each list, the first role that exists counts.
_FOR_BILLING = ("billing", "mailing", "", "work", "visiting", "home", "other")
_PLAIN_FIRST = ("billing", "", "mailing", "work", "visiting", "home", "other")
_FOR_SHIPPING = ("shipping", "visiting", "", "work", "other", "mailing")
_OFTEN = 0.9  # if an address is filled less often than this share of another, the other is used in its gaps


def address_groups(
    readings: Sequence[HeaderReading], values: Sequence[ColumnValues], *, further: bool = False
) -> list[AddressGroup]:
    """The groups that the columns form, with their slots. ``further``: blank groups beside filled ones are left out."""
    keys = {at: _key(own) for at, own in enumerate(readings) if own.concept in ADDRESS_PARTS and not own.about}
    keys = _numbers_of_groups(keys, readings)
    groups: dict[GroupKey, AddressGroup] = {}
    for at, key in keys.items():
        group = groups.setdefault(key, AddressGroup(*key))
        group.parts[str(readings[at].concept)].append(at)
    merged = _with_gaps_filled(_resolve_unknown_words(list(groups.values())))
    for group in merged:  # each step works on the result of the previous step
        _one_town(group, readings, values)
        _order_lines(group, readings, values)
        city_of_last_line(group, values)
        pack(group, readings, values)
    kept = _without_unfinished([group for group in merged if _is_address(group)])
    if further:
        kept = [group for group in kept if _fill(group, values)] or kept
    _give_slots(kept, values)
    return kept


def _key(reading: HeaderReading) -> GroupKey:
    role = next((role for role in _ROLES if role in reading.roles), "")
    return role, reading.group, reading.unknown


def _numbers_of_groups(keys: Mapping[int, GroupKey], readings: Sequence[HeaderReading]) -> dict[int, GroupKey]:
    """If there is ``City 2``, it and ``Street 2`` are in a second group; otherwise, ``Street 2`` is a second line.

    So are ``Address 2 city`` and ``Address 2 street``.
    """
    numbered: dict[tuple[str, tuple[str, ...]], set[int]] = defaultdict(set)
    own_lines: set[tuple[str, tuple[str, ...]]] = set()  # "Address 2 street 1" says which number is the group's
    for at, (role, number, unknown) in keys.items():
        own_number = readings[at].part if number is None else number
        if own_number is not None and readings[at].concept in _SINGLE:
            numbered[role, unknown].add(own_number)
        if number is not None and readings[at].concept not in _SINGLE:
            own_lines.add((role, unknown))
    out = {}
    for at, (role, number, unknown) in keys.items():
        part, own = readings[at].part, numbered[role, unknown]
        is_line = readings[at].concept not in _SINGLE and (role, unknown) in own_lines
        repeated = bool(own) and max(own) > 1 and number is None and part in own and not is_line
        out[at] = (role, part, unknown) if repeated else (role, number, unknown)
    return _with_first_group(out, readings)


def _with_first_group(keys: dict[int, GroupKey], readings: Sequence[HeaderReading]) -> dict[int, GroupKey]:
    """Parts without a number belong to the first of the numbered groups, unless that group already has such a part."""
    out = dict(keys)
    for at, (role, number, unknown) in keys.items():
        further = any(key[0] == role and key[2] == unknown and (key[1] or 0) > 1 for key in keys.values())
        first = {readings[one].concept for one, key in keys.items() if key == (role, 1, unknown)}
        if number is None and further and readings[at].concept not in first:
            out[at] = (role, 1, unknown)
    return out


def _resolve_unknown_words(groups: list[AddressGroup]) -> list[AddressGroup]:
    """Resolve unknown words: a word in all groups is ignored, a lone part fills a gap, and other groups are dropped."""
    known = [group for group in groups if not group.unknown]
    unknown = [group for group in groups if group.unknown]
    if not any(set(group.parts) & {"address", "street", "city", "zip_code"} for group in known):
        words = {group.unknown for group in unknown if sum(map(len, group.parts.values())) >= _OWN_GROUP}
        if len(words) == 1:
            for group in unknown:
                if group.unknown in words:
                    group.unknown = ()
                    known.append(group)
            return known
    for group in unknown:
        home = next((one for one in known if (one.role, one.number) == (group.role, group.number)), None)
        taken = set() if home is None else set(home.parts) | (LINES if LINES & set(home.parts) else set())
        if home and len(group.parts) == 1 and not set(group.parts) & taken and len(home.parts) >= 2:
            for part, columns in group.parts.items():
                home.parts[part] += columns
    return known


def _with_gaps_filled(groups: list[AddressGroup]) -> list[AddressGroup]:
    """Move a lone city to a street without one, a lone street to a city without one, and other lone parts to gaps."""
    plain = next((group for group in groups if not group.role and group.number is None), None)
    if plain is None or len(groups) == 1:
        return groups
    parts = set(plain.parts)
    if parts & LINES and not parts & (_TOWN | {"zip_code"}):
        return _merged(groups, plain, [one for one in groups if _TOWN & set(one.parts) and not LINES & set(one.parts)])
    towns = [group for group in groups if "city" in group.parts and "zip_code" not in group.parts]
    if parts & LINES and "zip_code" in parts and not parts & _TOWN and len(towns) == 1:
        towns[0].parts["zip_code"] = plain.parts.pop("zip_code")
    if parts & LINES:
        return groups
    if parts & _TOWN:
        streets = [group for group in groups if LINES & set(group.parts) and not _TOWN & set(group.parts)]
        return _merged(groups, plain, streets)
    for part in list(plain.parts):
        without = [group for group in groups if group is not plain and part not in group.parts]
        gaps = [group for group in without if len(group.parts) > 1]
        if not gaps and part == "zip_code":  # of an address in one cell
            gaps = [group for group in without if LINES & set(group.parts)]
        if len(gaps) == 1 or (gaps and part == "country"):
            columns = plain.parts.pop(part)
            for gap in gaps:
                gap.parts[part] = list(columns)
    return [group for group in groups if group.parts]


def _merged(groups: list[AddressGroup], plain: AddressGroup, homes: list[AddressGroup]) -> list[AddressGroup]:
    """Merge groups that form one address: ``Address`` and ``Billing city``, or ``Besøksadresse`` and ``Postnr``."""
    if len(homes) != 1:
        return groups
    for part, columns in plain.parts.items():
        homes[0].parts.setdefault(part, columns)
    return [group for group in groups if group is not plain]


def _without_unfinished(groups: list[AddressGroup]) -> list[AddressGroup]:
    """Leave out addresses with a postal code but no city, if another address has one; several lines may have it."""

    def is_finished(group: AddressGroup) -> bool:
        lines = len(group.parts.get("line_1", ())) + len(group.parts.get("line_2", ()))
        return bool(group.packed or group.parts.get("city") or not group.parts.get("zip_code")) or lines > _FEW_LINES

    towns = any(group.packed or group.parts.get("city") for group in groups)
    return [group for group in groups if is_finished(group)] if towns else groups


def _is_address(group: AddressGroup) -> bool:
    """Whether the parts can be an address: a country by itself can, a state or a second city cannot."""
    parts = {part for part, columns in group.parts.items() if columns}
    if group.packed or parts & {"line_1", "city", "zip_code"}:
        return bool(group.packed) or group.number in (None, 1) or len(parts) > 1
    return "country" in parts and not group.role and group.number in (None, 1)


def _one_town(group: AddressGroup, readings: Sequence[HeaderReading], values: Sequence[ColumnValues]) -> None:
    """Choose the city rather than the suburb and the state rather than the county, unless most of them are blank.

    Of several states, the one that is filled most often is chosen, and words rather than numbers.
    """
    states, cities = group.parts.get("state", []), group.parts.get("city", [])
    if len(states) > 1:
        most = _OFTEN * max(values[at].filled for at in states)
        own = [at for at in states if readings[at].phrase != "county" and values[at].filled >= most]
        group.parts["state"] = [max(own or states, key=lambda at: (values[at].filled, values[at].lettered > 0, -at))]
    if len(cities) > 1:
        cities.sort(key=lambda at: (values[at].blank, readings[at].phrase in _SMALLER, at))
        smaller = any(readings[at].phrase in _SMALLER for at in cities)
        smaller &= values[cities[0]].filled >= _OFTEN * max(values[at].filled for at in cities)
        group.parts["city"] = cities[:1] if smaller else cities


def _order_lines(group: AddressGroup, readings: Sequence[HeaderReading], values: Sequence[ColumnValues]) -> None:
    """Order lines by number: the first is line 1, the others are line 2. A line without a number comes first."""
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


def _give_slots(groups: list[AddressGroup], values: Sequence[ColumnValues]) -> None:
    """Assign slots: one group is the billing address, and all shipping groups or one other are shipping addresses."""
    ordered = sorted(groups, key=lambda group: group.number or 0)
    full = [group for group in ordered if group.packed or sum(map(bool, group.parts.values())) > 1]
    filled = [group for group in full if _fill(group, values)] or full or ordered
    order = _FOR_BILLING if _mailing_is_usual(filled, values) else _PLAIN_FIRST
    _take(order, "billing", filled) or _take(order, "billing", ordered)
    index = 1
    for group in ordered:
        if group.role == "shipping" and group.slot is None:
            group.slot, group.index = "shipping", index
            index += 1
    if index == 1:
        rest = [group for group in ordered if group.slot is None and not (group.role == "home" and len(ordered) > 1)]
        index += _take(_FOR_SHIPPING, "shipping", [group for group in rest if _fill(group, values)] or rest)
    _give_rest(ordered, index)
    _stand_in(ordered, full, values)


def _mailing_is_usual(among: list[AddressGroup], values: Sequence[ColumnValues]) -> bool:
    """Whether a mailing address is filled about as often as the main one; if not, it is an exception."""
    main = max((_fill(group, values) for group in among if not group.role), default=0.0)
    return any(group.role == "mailing" and _fill(group, values) >= _OFTEN * main for group in among)


def _take(order: Sequence[str], slot: str, among: list[AddressGroup]) -> bool:
    """Assign the slot to the group with the first possible role; False if no group has any of the roles."""
    group = next((one for role in order for one in among if one.role == role and one.slot is None), None)
    if group is not None:
        group.slot = slot
    return group is not None


def _give_rest(ordered: list[AddressGroup], index: int) -> None:
    """Let addresses with only lines share a slot, and continue a series without roles: Address 3, Address 4, …"""
    for group in ordered:
        bare = not group.packed and not group.parts.get("city")
        if group.slot is None and bare and group.role in ("billing", "shipping", "visiting"):
            group.slot = "billing" if group.role == "billing" else "shipping"
    series = [group for group in ordered if group.role == "" and group.number is not None]
    if any(group.slot is not None for group in series):
        for group in series:
            if group.slot is None:
                group.slot, group.index = "shipping", index
                index += 1


def _stand_in(ordered: list[AddressGroup], full: list[AddressGroup], values: Sequence[ColumnValues]) -> None:
    """Use the main address if a billing or shipping address is blank, and mark lines without a town as partial."""
    main = next((group for group in full if not group.role and group.number is None), None)
    if main is None:
        others = [group for group in full if group.role == "visiting" or (group.role == "mailing" and not group.slot)]
        main = max(others, key=lambda group: group.role == "mailing", default=None)
    billing = next((one for one in ordered if one.slot == "billing" and one.role in ("billing", "mailing")), None)
    shipping = next((one for one in ordered if one.slot == "shipping" and one.role == "shipping"), None)
    if main is not None:
        often = _OFTEN * _fill(main, values)
        if main.slot is None and billing is not None and _fill(billing, values) < often:
            main.slot, main.instead_of = "billing", billing
        elif main.slot == "billing" and shipping is not None and _fill(shipping, values) < often:
            main.also_for = shipping
        elif main.slot == "shipping" and billing is not None and _fill(billing, values) < often:
            main.also_for = billing
    towns = [group for group in ordered if group.packed or group.parts.get("city") or group.parts.get("zip_code")]
    for group in ordered:
        group.partial = bool(towns) and group not in towns and bool(group.parts.get("line_1"))


def _fill(group: AddressGroup, values: Sequence[ColumnValues]) -> float:
    """The share of rows in which the address is filled."""
    columns = [at for part in ("line_1", "city", "zip_code") for at in group.parts.get(part, ())] + group.packed
    return max((values[at].filled for at in columns), default=0.0)
