"""Assigning names, phones, and email addresses to the customer, a contact, or an address."""

import re
from collections.abc import Mapping, Sequence

from importer.drafting.assigned_fields import AddressGroup, Assignment
from importer.drafting.column_values import ColumnValues
from importer.drafting.concepts import AT_ADDRESS, OF_COMPANIES
from importer.drafting.readings import HeaderReading

_PERSON = frozenset({"first_name", "last_name", "full_name", "designation"})
_FAX = re.compile(r"\bfax\b|facsimile|telefax", re.IGNORECASE)
_PLACES = ("billing", "shipping", "mailing", "visiting")
_OWN_ROLES = frozenset({"company", "main", "work", "visiting"})


def assign_people(out: Assignment, values: Sequence[ColumnValues]) -> None:
    """Assign people and their details to contacts, addresses, and the customer."""
    numbered = any(
        reading.concept in ("first_name", "full_name")
        and 1 in (reading.group, reading.part)
        and not reading.roles & OF_COMPANIES
        for reading in out.readings
    )
    for at, reading in enumerate(out.readings):
        if reading.concept in _PERSON and not reading.unknown and not _is_further(reading):
            _give_person(out, at, reading, first=0 if numbered else 1)
    for at, reading in enumerate(out.readings):
        second = reading.concept == "full_name" and reading.roles == {"other"} and not reading.unknown
        if second and set(out.contacts) == {1} and values[at].spaced > 0.5:
            _of_contact(out, at, 2, ["first_name", "last_name"])
    for kind in ("phone", "email", "mobile"):
        own = [at for at, reading in enumerate(out.readings) if reading.concept == kind and not reading.unknown]
        _own_details(out, kind, [at for at in own if not _of_others(out, at, kind)], values)


def _is_further(reading: HeaderReading) -> bool:
    """Whether it is somebody whom the list only mentions, such as a bookkeeper or a second person."""
    second = "other" in reading.roles and reading.group is None and not _is_second(reading)
    place = reading.concept == "designation" and AT_ADDRESS in reading.roles
    return second or place or "accounting" in reading.roles


def _is_second(reading: HeaderReading) -> bool:
    """Whether it is a second contact, such as ``Secondary contact first name``."""
    return "other" in reading.roles and bool(reading.roles & {"contact", "person"})


def _give_person(out: Assignment, at: int, reading: HeaderReading, *, first: int) -> None:
    fields = ["first_name", "last_name"] if reading.concept == "full_name" else [str(reading.concept)]
    role = next((role for role in _PLACES if role in reading.roles), None)
    at_plain = AT_ADDRESS in reading.roles and _again(out, at)
    if (role is not None or at_plain) and reading.concept != "designation":
        group = _address_of(out, role or "", reading.group)
        if group is not None:
            own = out.people.setdefault(group.path, {})
            for name in fields:
                own.setdefault(name, []).append(at)
                out.give(at, f"{group.path}.{name}")
    elif "home" not in reading.roles:
        number = reading.group or reading.part or (2 if _is_second(reading) else None)
        _of_contact(out, at, first if number is None else number, fields)


def _again(out: Assignment, at: int) -> bool:
    """Whether another column has the same part of a person, so that this column belongs to the address."""
    concept = out.readings[at].concept
    others = (reading for other, reading in enumerate(out.readings) if other != at)
    return any(reading.concept == concept and AT_ADDRESS not in reading.roles for reading in others)


def _address_of(out: Assignment, role: str, number: int | None) -> AddressGroup | None:
    """The address with a role and this number, or without a number the first with the role."""
    same = [group for group in out.addresses if group.role == role]
    return next((group for group in same if number in (None, group.number)), None)


def _of_contact(out: Assignment, at: int, number: int, fields: Sequence[str]) -> None:
    contact = out.contacts.setdefault(number, {})
    for name in fields:
        contact.setdefault(name, []).append(at)
        own = number == 0 and name != "designation"
        out.give(at, name if own else f"contacts[{max(number, 1)}].{name}")


def _of_others(out: Assignment, at: int, kind: str) -> bool:
    """Assign a detail to its address or contact; False if it is the customer's own."""
    reading = out.readings[at]
    places = {"billing", "shipping"} | {one.role for one in out.addresses[1:] if one.role == "visiting"}
    role = next((role for role in _PLACES if role in reading.roles & places), "")
    of_contact = bool(reading.roles & {"contact", "person"})
    same = (one for one in out.addresses if (one.role, one.number) == (role, reading.group))
    group = next(same, None) if role or reading.group is not None else None
    if role == "billing" and group is None and reading.group is None and kind == "email":
        return False  # "Invoice email" of a list with one address
    if role or (reading.group is not None and not of_contact and group is not None):
        _of_address(out, group, at, kind)
    elif of_contact:
        number = reading.group or reading.part or (2 if _is_second(reading) else 1)
        if number == 1 or number in out.contacts or kind != "phone":
            name = "phone" if kind == "mobile" else kind
            contact = out.contacts.setdefault(number, {})
            if name not in contact or name == "phone":
                contact.setdefault(name, []).append(at)
                out.give(at, f"contacts[{number}].{name}")
    elif AT_ADDRESS in reading.roles and any(one.concept == kind and one.roles <= _OWN_ROLES for one in out.readings):
        plain = next((one for one in out.addresses if not one.role and one.number is None), None)
        _of_address(out, plain, at, kind)
    else:
        return bool(reading.roles - _OWN_ROLES - {AT_ADDRESS}) or reading.group is not None
    return True


def _of_address(out: Assignment, group: AddressGroup | None, at: int, kind: str) -> None:
    if group is None or kind == "mobile" or out.readings[at].part not in (None, 1):
        return
    own = out.people.setdefault(group.path, {})
    if kind not in own:
        own[kind] = [at]
        path = group.path if out.address_type is None else "addresses.any"
        out.give(at, f"{path}.{kind}")


def _own_details(out: Assignment, kind: str, own: list[int], values: Sequence[ColumnValues]) -> None:
    """Assign the customer's own detail: the column without a number, or the first.

    Mobile numbers are assigned to a person; if there is none, they are used for the customer's phone.
    """

    def rank(at: int) -> tuple[bool, int, bool, bool, int]:
        reading = out.readings[at]
        return values[at].blank, reading.part or 0, "main" not in reading.roles, bool(reading.roles), at

    order = sorted(own, key=rank)
    if not order:
        return
    if kind == "mobile":
        if any(own.keys() & {"first_name", "last_name"} for own in [*out.contacts.values(), *out.people.values()]):
            _of_contact(out, order[0], min((*out.contacts, 1)), ["phone"])
        else:
            out.customer.setdefault("phone", []).append(order[0])
            out.give(order[0], "phone")
        return
    out.customer[kind] = order[:1]
    if kind == "phone":
        kinds = _columns_with_fax(out, order, values)
        further = [at for at in order[1:] if out.readings[at].part is None and not values[at].blank]
        further = [at for at in further if out.readings[at].roles & _OWN_ROLES]
        out.customer[kind] += order[1:] if order[0] in kinds else further
        _beside_phones(out, kinds)
    for at in out.customer[kind]:
        out.give(at, kind)
    for at in own:  # blank columns are recognized by their names
        plain = out.readings[at].part in (None, 1) and not out.readings[at].roles & {"billing", "shipping"}
        if values[at].blank and at not in out.targets and plain:
            out.give(at, kind)


def _beside_phones(out: Assignment, kinds: Mapping[int, int]) -> None:
    """Use area codes with their phones, and ``kinds`` of phones to leave out fax numbers; a kind has no field."""
    phones = out.customer["phone"]
    areas = {at: at - 1 for at in phones if at > 0 and out.readings[at - 1].concept == "area_code"}
    out.beside_phones |= {at: other for at, other in {**kinds, **areas}.items() if at in phones}
    for area in areas.values():
        out.give(area, "phone")


def _columns_with_fax(out: Assignment, phones: Sequence[int], values: Sequence[ColumnValues]) -> dict[int, int]:
    """For each phone, the column beside it that says what kind of number it is, if some of them are fax numbers."""
    found: dict[int, int] = {}
    for at in phones:
        for other in (at - 1, at + 1):
            free = 0 <= other < len(values) and other not in out.targets and other not in found.values()
            if free and values[other].few and not values[other].with_digits and values[other].share(_FAX.search):
                found.setdefault(at, other)
    return found
