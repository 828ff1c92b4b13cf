"""Which group of address columns is the billing address, and which are the shipping addresses."""

from collections.abc import Sequence

from importer.drafting.address_parts import AddressGroup
from importer.drafting.column_values import ColumnValues

# The first that is there.
_FOR_BILLING = ("billing", "mailing", "", "work", "visiting", "home", "other")
_PLAIN_FIRST = ("billing", "", "mailing", "work", "visiting", "home", "other")
_FOR_SHIPPING = ("shipping", "visiting", "", "work", "other", "mailing")
_OFTEN = 0.9  # an address that is filled less often than another one has it as a stand-in


def give_slots(groups: list[AddressGroup], values: Sequence[ColumnValues]) -> None:
    """One group becomes the billing address, all shipping ones and one other the shipping addresses."""
    ordered = sorted(groups, key=lambda group: group.number or 0)
    full = [group for group in ordered if group.packed or sum(map(bool, group.parts.values())) > 1]
    filled = [group for group in full if _fill(group, values)] or full or ordered
    order = _FOR_BILLING if _is_usual("mailing", filled, values) else _PLAIN_FIRST
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


def _is_usual(role: str, among: list[AddressGroup], values: Sequence[ColumnValues]) -> bool:
    """Whether the address of a role is filled as often as the main one: where it is not, it is an exception."""
    main = max((_fill(group, values) for group in among if not group.role), default=0.0)
    return any(group.role == role and _fill(group, values) >= _OFTEN * main for group in among)


def _take(order: Sequence[str], slot: str, among: list[AddressGroup]) -> bool:
    """Give the slot to the group with the first of the roles; False if none has any."""
    for role in order:
        for group in among:
            if group.role == role and group.slot is None:
                group.slot = slot
                return True
    return False


def _give_rest(ordered: list[AddressGroup], index: int) -> None:
    """Addresses of nothing but lines share a slot; a series without roles goes on: Address 3, Address 4, …"""
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
    """The main address serves where there is no other billing or shipping address; lines without a town take its."""
    main = next((group for group in full if not group.role and group.number is None), None)
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
