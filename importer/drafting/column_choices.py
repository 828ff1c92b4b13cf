"""What a person chose for individual columns, instead of what their headers and values suggest."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from importer.drafting.assigned_fields import AddressGroup, Assignment
from importer.errors import UsageError
from importer.tables import ATTRIBUTE_PREFIX, SourceTable
from importer.wording import nearest

IGNORE, KEY, NAME = "ignore", "reference_id", "name"
CUSTOMER_TARGETS = (
    *("company_name", "display_name", "display_id", "phone", "email"),
    *("payment_term", "payment_mode", "freight_term", "shipping_method"),
    *("assigned_sales_rep_ids", "assigned_price_list_id"),
)
# The fields of an address: its parts with their names in groups, and the fields of the person at the address.
_PARTS = {"address_line_1": "line_1", "address_line_2": "line_2"} | {
    name: name for name in ("city", "state", "zip_code", "country")
}
_PEOPLE = ("first_name", "last_name", "phone", "email")
ADDRESS_TARGETS = (*_PARTS, *_PEOPLE)
CONTACT_TARGETS = (NAME, "first_name", "last_name", "email", "phone", "designation")
_OF_ANY = {"addresses.any.type": "address_type", "addresses.any.is_default": "is_default"}
_ADDRESS = re.compile(r"(addresses\.(billing|shipping|any)(?:\[(\d{1,2})\])?)(?:\.(\w+))?", re.ASCII)
_CONTACT = re.compile(r"contacts\[(\d{1,2})\]\.(\w+)", re.ASCII)

_Choice = TypeVar("_Choice")


@dataclass(frozen=True)
class ColumnChoices:
    """``targets``: column → what it is used for. ``skip``: column → the texts whose rows are left out.

    A column is named by its header. If several tables have that header, ``TABLE: HEADER`` names one of these columns.
    """

    targets: Mapping[str, str] = field(default_factory=dict)
    skip: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.targets or self.skip)

    def check(self, tables: Iterable[SourceTable]) -> None:
        """Raise :class:`UsageError` for a column that no table has, and for an invalid target."""
        known = {name for table in tables for header in table.headers for name in (header, full_name(table, header))}
        for name in (*self.targets, *self.skip):
            if name not in known:
                near = "".join(f"Did you mean {one!r}? " for one in nearest(name, sorted(known)))
                raise UsageError(f"there is no column {name!r}", f"{near}Use the header of a column.")
        for target in self.targets.values():
            if not _is_target(target):
                near = "".join(f"Did you mean {one!r}? " for one in nearest(target, CUSTOMER_TARGETS))
                hint = "Targets are company_name, addresses.billing.city, contacts[1].email, attributes.NAME, ignore, …"
                raise UsageError(f"{target!r} is not a field that a column can map to", near + hint)


NO_CHOICES = ColumnChoices()


def full_name(table: SourceTable, header: str) -> str:
    """The name of a column that is unique among several tables."""
    return f"{table.name}: {header}"


def chosen_in(table: SourceTable, chosen: Mapping[str, _Choice]) -> dict[int, _Choice]:
    """Position of a column of the table → what was chosen for it."""
    found = {}
    for at, header in enumerate(table.headers):
        for name in (header, full_name(table, header)):
            if name in chosen:
                found[at] = chosen[name]
    return found


def _is_target(target: str) -> bool:
    if target in (IGNORE, KEY, *CUSTOMER_TARGETS, *_OF_ANY):
        return True
    if target.startswith(ATTRIBUTE_PREFIX):
        return bool(target.removeprefix(ATTRIBUTE_PREFIX).strip())
    if found := _ADDRESS.fullmatch(target):
        return found[4] is None or found[4] in ADDRESS_TARGETS
    found = _CONTACT.fullmatch(target)
    return found is not None and int(found[1]) > 0 and found[2] in CONTACT_TARGETS


def apply_targets(out: Assignment, chosen: Mapping[int, str]) -> None:
    """Change an assignment to what was chosen for some columns. A chosen key is handled elsewhere."""
    for at in chosen:
        _release(out, at)
    for at, target in chosen.items():
        if target not in (IGNORE, KEY):
            _give(out, at, target)


def _release(out: Assignment, at: int) -> None:
    """Remove a column from everything that it is used for."""
    for fields in (out.customer, *out.contacts.values(), *out.people.values()):
        for name in [name for name, columns in fields.items() if at in columns]:
            fields[name] = [column for column in fields[name] if column != at]
            if not fields[name]:
                del fields[name]
    out.contacts = {number: fields for number, fields in out.contacts.items() if fields}
    for group in out.addresses:
        for part, columns in group.parts.items():
            group.parts[part] = [column for column in columns if column != at]
        group.packed = [column for column in group.packed if column != at]
        group.flags = {role: column for role, column in group.flags.items() if column != at}
        group.types = None if group.types == at else group.types
    out.addresses = [group for group in out.addresses if group.packed or any(group.parts.values())]
    out.address_type = None if out.address_type == at else out.address_type
    out.is_default = None if out.is_default == at else out.is_default
    out.skipping.pop(at, None)
    out.parent = [column for column in out.parent if column != at]
    out.suppliers = [column for column in out.suppliers if column != at]
    out.beside_phones = {phone: area for phone, area in out.beside_phones.items() if at not in (phone, area)}
    out.targets.pop(at, None)
    out.readings[at] = out.readings[at].as_("setting")  # so that it is not suggested as a key or a number either


def _give(out: Assignment, at: int, target: str) -> None:
    """Use only this column for the target."""
    if (place := _OF_ANY.get(target)) is not None:
        before = getattr(out, place)
        if before is not None:
            _take_target(out, before, target)
        setattr(out, place, at)
        out.give(at, target)
    elif found := _ADDRESS.fullmatch(target):
        _give_to_address(out, at, _address(out, found[2], int(found[3] or 1)), found[4])
    elif found := _CONTACT.fullmatch(target):
        for name in ("first_name", "last_name") if found[2] == NAME else (found[2],):
            _replace(out, out.contacts.setdefault(int(found[1]), {}), name, at, f"contacts[{found[1]}].{name}")
    else:
        _replace(out, out.customer, target, at, target)


def _replace(out: Assignment, fields: dict[str, list[int]], name: str, at: int, target: str) -> None:
    for column in fields.get(name, ()):
        _take_target(out, column, target)
    fields[name] = [at]
    out.give(at, target)


def _take_target(out: Assignment, column: int, target: str) -> None:
    own = [other for other in out.targets.get(column, ()) if other != target]
    if own:
        out.targets[column] = own
    else:
        out.targets.pop(column, None)


def _address(out: Assignment, slot: str, index: int) -> AddressGroup:
    """The address with this slot, created if there is none."""
    if slot == "any" and out.addresses:
        return out.addresses[0]
    slot = "billing" if slot == "any" else slot
    found = next((group for group in out.addresses if (group.slot, group.index) == (slot, index)), None)
    if found is None:
        found = AddressGroup(slot, None, slot=slot, index=index)
        out.addresses.append(found)
    return found


def _give_to_address(out: Assignment, at: int, group: AddressGroup, name: str | None) -> None:
    """Use a column for a field of an address. ``name``: the field; None for a column with whole addresses."""
    if name in _PEOPLE:
        _replace(out, out.people.setdefault(group.path, {}), str(name), at, f"{group.path}.{name}")
    elif name is None:
        for column in {*group.packed, *(column for columns in group.parts.values() for column in columns)}:
            for part in _PARTS:
                _take_target(out, column, f"{group.path}.{part}")
        group.packed = [at]
        group.parts.clear()
        group.parts["line_1"] = [at]
        out.give(at, *(f"{group.path}.{part}" for part in _PARTS))
    else:
        if group.packed and name != "country":  # now its parts are in separate columns
            for column in group.packed:
                for part in _PARTS.keys() - {"address_line_1"}:
                    _take_target(out, column, f"{group.path}.{part}")
            group.parts["line_1"] = group.packed[:1]
            group.packed = []
        group.partial = False
        _replace(out, group.parts, _PARTS[str(name)], at, f"{group.path}.{name}")
