"""Columns of addresses as groups: those with the same role, the same number, and the same unknown word."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from importer.drafting.address_parts import AddressGroup, is_address, settle_parts
from importer.drafting.address_slots import give_slots
from importer.drafting.column_values import ColumnValues
from importer.drafting.concepts import ADDRESS_PARTS
from importer.drafting.readings import Reading

_SINGLE = frozenset({"city", "zip_code", "state", "country", "zip_city", "house_number"})
_LINES = frozenset({"address", "street"})
_ROLES = ("billing", "shipping", "mailing", "visiting", "home", "work", "other")
_OWN_GROUP = 3  # parts that share an unknown word are an address of their own
GroupKey = tuple[str, int | None, tuple[str, ...]]


def address_groups(readings: Sequence[Reading], values: Sequence[ColumnValues]) -> list[AddressGroup]:
    """The groups that the columns form, with their slots."""
    keys = {at: _key(own) for at, own in enumerate(readings) if own.concept in ADDRESS_PARTS and not own.about}
    keys = _numbers_of_groups(keys, readings)
    groups: dict[GroupKey, AddressGroup] = {}
    for at, key in keys.items():
        group = groups.setdefault(key, AddressGroup(key[0], key[1], key[2]))
        group.parts[str(readings[at].concept)].append(at)
    merged = _with_gaps_filled(_without_strangers(list(groups.values())))
    for group in merged:
        settle_parts(group, readings, values)
    kept = [group for group in merged if is_address(group)]
    give_slots(kept, values)
    return kept


def _key(reading: Reading) -> GroupKey:
    role = next((role for role in _ROLES if role in reading.roles), "")
    return role, reading.group, reading.unknown


def _numbers_of_groups(keys: Mapping[int, GroupKey], readings: Sequence[Reading]) -> dict[int, GroupKey]:
    """``City 2`` belongs to a second group, and so does ``Street 2`` then; else ``Street 2`` is a second line."""
    numbered: dict[tuple[str, tuple[str, ...]], set[int]] = defaultdict(set)
    own_lines: set[tuple[str, tuple[str, ...]]] = set()  # "Address 2 street 1" says which number is whose
    for at, (role, number, unknown) in keys.items():
        part = readings[at].part
        if number is None and part is not None and readings[at].concept in _SINGLE:
            numbered[role, unknown].add(part)
        if number is not None and readings[at].concept not in _SINGLE:
            own_lines.add((role, unknown))
    out = {}
    for at, (role, number, unknown) in keys.items():
        part, own = readings[at].part, numbered[role, unknown]
        is_line = readings[at].concept not in _SINGLE and (role, unknown) in own_lines
        repeated = bool(own) and max(own) > 1 and number is None and part in own and not is_line
        out[at] = (role, part, unknown) if repeated else (role, number, unknown)
    return _with_first_group(out, readings)


def _with_first_group(keys: dict[int, GroupKey], readings: Sequence[Reading]) -> dict[int, GroupKey]:
    """Parts without a number belong to the first of groups with numbers, unless that has such a part already."""
    out = dict(keys)
    for at, (role, number, unknown) in keys.items():
        further = any(key[0] == role and key[2] == unknown and (key[1] or 0) > 1 for key in keys.values())
        first = {readings[one].concept for one, key in keys.items() if key == (role, 1, unknown)}
        if number is None and further and readings[at].concept not in first:
            out[at] = (role, 1, unknown)
    return out


def _without_strangers(groups: list[AddressGroup]) -> list[AddressGroup]:
    """Groups with an unknown word: if all have it, it says nothing; a part alone fills a gap; all others go."""
    known = [group for group in groups if not group.unknown]
    strange = [group for group in groups if group.unknown]
    if not any(set(group.parts) & {"address", "street", "city", "zip_code"} for group in known):
        words = {group.unknown for group in strange if len(group.parts) >= _OWN_GROUP}
        if len(words) == 1:
            for group in strange:
                if group.unknown in words:
                    group.unknown = ()
                    known.append(group)
            return known
    for group in strange:
        home = next((one for one in known if (one.role, one.number) == (group.role, group.number)), None)
        taken = set() if home is None else set(home.parts) | (_LINES if _LINES & set(home.parts) else set())
        if home and len(group.parts) == 1 and not set(group.parts) & taken and len(home.parts) >= 2:
            for part, columns in group.parts.items():
                home.parts[part] += columns
    return known


def _with_gaps_filled(groups: list[AddressGroup]) -> list[AddressGroup]:
    """A post code by itself belongs to the one address that has none, a country to all of them."""
    plain = next((group for group in groups if not group.role and group.number is None), None)
    if plain is None or len(groups) == 1 or set(plain.parts) & {"address", "street", "city", "zip_city"}:
        return groups
    for part in list(plain.parts):
        gaps = [group for group in groups if group is not plain and part not in group.parts and len(group.parts) > 1]
        if len(gaps) == 1 or (gaps and part == "country"):
            columns = plain.parts.pop(part)
            for gap in gaps:
                gap.parts[part] = list(columns)
    return [group for group in groups if group.parts]
