"""All columns of a table at once: which field each of them gives, so that no two columns claim the same one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from importer.drafting.address_groups import AddressGroup, address_groups
from importer.drafting.column_values import ColumnValues
from importer.drafting.readings import AT_ADDRESS, NEVER, OF_OTHERS, Reading
from importer.drafting.vetoes import fits

_ADDRESS_FIELDS = {"line_1": "address_line_1", "line_2": "address_line_2", "house_number": "address_line_1"}
_PACKED: tuple[str, ...] = ("address_line_1", "address_line_2", "city", "state", "zip_code", "country")
_TOWN: tuple[str, ...] = ("zip_code", "city", "state")
_COMMERCIAL = {
    "payment_term": "payment_term",
    "payment_mode": "payment_mode",
    "freight_term": "freight_term",
    "shipping_method": "shipping_method",
    "price_list": "assigned_price_list_id",
    "sales_rep": "assigned_sales_rep_ids",
}
_SOME_COMPANIES = 0.2
_CODE = 2  # letters
_ALL_FLAGS = 0.99
_FLAG_VALUES = 3
_BANK = re.compile("ban[ckq]|iban|bic|swift|blz|sepa|konto|conto|cuenta|compte|rekening|card|karte")
_FEW_SPACES, _MANY_SPACES, _FEW_DIGITS = 0.4, 0.6, 0.3
_NEAR = 2  # columns
_MOSTLY = 0.8
_PEOPLE = ("first_name", "last_name", "full_name")
_OF_PLACES = frozenset({"billing", "shipping", "mailing", "visiting"})
SKIPPING = (
    "status",
    "active_flag",
    "inactive_flag",
    "blocked_flag",
    "deleted_flag",
    "kind",
    "customer_flag",
    "supplier_flag",
    "lead_flag",
)
_OTHER_KINDS = ("supplier", "lead", "employee", "inactive", "closed")
_ALL_KINDS = (
    "active",
    "inactive",
    "blocked",
    "closed",
    "prospect",
    "customer",
    "supplier",
    "lead",
    "partner",
    "deleted",
)
_OWN_ROLES = frozenset({"company", "main", "work"})


@dataclass
class Assignment:
    """What the columns of one table give. Columns are positions.

    ``customer``: field → its columns, in the order in which they are tried. ``contacts``: number → the same; 0 is a person without a number beside
    numbered ones.
    ``addresses``: the groups with a slot; ``address_people``: ``id`` of a group → person fields of that address.
    ``is_default``: a column of addresses that says yes or no.
    ``skipping``: column → the concept of its rule; ``parent``, ``address_type``: columns with these roles.
    ``targets``: column → what it gives, as targets are spelled. ``readings``: what the columns mean once the values
    have been looked at; ``groups``: how many addresses the columns could form.
    """

    customer: dict[str, list[int]] = field(default_factory=dict)
    contacts: dict[int, dict[str, list[int]]] = field(default_factory=dict)
    addresses: list[AddressGroup] = field(default_factory=list)
    people: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    skipping: dict[int, str] = field(default_factory=dict)
    parent: list[int] = field(default_factory=list)
    address_type: int | None = None
    is_default: int | None = None
    targets: dict[int, list[str]] = field(default_factory=dict)
    readings: list[Reading] = field(default_factory=list)
    groups: int = 0

    def give(self, column: int, *targets: str) -> None:
        """Note that a column gives these targets."""
        own = self.targets.setdefault(column, [])
        own += [target for target in targets if target not in own]


def assign(readings: Sequence[Reading], values: Sequence[ColumnValues]) -> Assignment:
    """The joint assignment of a table's columns, without its key."""
    out = Assignment()
    readings = _of_states(list(readings), values)
    settled = [_settled(reading, own) for reading, own in zip(readings, values, strict=True)]
    settled = _with_names(settled, values)
    settled = _with_codes(settled, values)
    settled = _near_banks(settled, readings)
    groups = address_groups(settled, values)
    out.readings, out.groups = settled, len(groups)
    _addresses(out, groups, settled, values)
    _flags(out, settled, values)
    _names(out, settled, values)
    _people(out, settled, values)
    _details(out, settled, values)
    _terms(out, settled, values)
    _rows(out, settled, values)
    return out


def _of_states(readings: list[Reading], values: Sequence[ColumnValues]) -> list[Reading]:
    """``Estado`` and ``État`` are a status or a state: their values and neighbors tell."""
    out = list(readings)
    for at, reading in enumerate(readings):
        near = {readings[other].concept for other in range(max(0, at - 2), min(len(readings), at + 3))}
        words = values[at].words("active", "inactive", "blocked", "closed", "prospect", "yes", "no")
        if (
            reading.concept == "status"
            and near & {"city", "zip_code"}
            and not words
            and not reading.about
            and (values[at].lettered > 0 or values[at].blank)
        ):
            out[at] = reading.as_("state")
        elif reading.concept == "state" and words >= 0.8 and values[at].few:
            out[at] = reading.as_("status")
    return out


def _settled(reading: Reading, values: ColumnValues) -> Reading:
    """A reading that the values do not contradict; where they do, what they say instead, or nothing."""
    nothing = reading.as_(None)
    concept = reading.concept
    if concept is None:
        return _from_values(reading, values)
    if concept == "company_name" and values.distinct <= _FLAG_VALUES and values.flags > _ALL_FLAGS:
        return reading.as_("customer_flag")
    if concept in ("company_name", "name") and values.guids >= 0.9:
        return reading.as_("id")
    if reading.about and concept not in ("address_type", "kind", "status") and concept not in _COMMERCIAL:
        return nothing
    if (
        concept in NEVER
        or reading.roles & OF_OTHERS
        and concept not in ("sales_rep", "shipping_method", "supplier_flag", "parent")
    ):
        return reading if concept == "group" and values.few else nothing
    if concept == "address" and values.few and values.flags > _ALL_FLAGS and reading.roles & {"billing", "shipping"}:
        return reading.as_("is_default")
    if concept == "address" and not reading.phrase:
        return _of_role(reading, values)
    if fits(concept, values):
        return reading
    if concept == "designation" and values.salutations >= 0.5:
        return nothing
    if concept in ("city", "zip_code", "zip_city", "address", "street", "name", "full_name") and values.emails >= 0.8:
        return reading.as_("email")
    return nothing


def _of_role(reading: Reading, values: ColumnValues) -> Reading:
    """``Ship To`` alone: an address if the values are, a shipping method if they are few words, else nothing."""
    if reading.part is not None or values.whole_addresses >= 0.3 or values.with_digits >= 0.5 and values.spaced >= 0.5:
        return reading
    is_method = "shipping" in reading.roles and values.few and values.lettered > 0.7 and reading.part is None
    return Reading("shipping_method", language=reading.language) if is_method else reading.as_(None)


def _from_values(reading: Reading, values: ColumnValues) -> Reading:
    """Values name a column only if they are email addresses."""
    if values.emails >= 0.9 and not reading.unknown[1:]:
        return replace(reading, concept="email", unknown=())
    return reading


def _with_names(readings: list[Reading], values: Sequence[ColumnValues]) -> list[Reading]:
    """``Name`` is the company's where no other column is, else a person's if the values are no companies."""
    companies = [
        at for at, reading in enumerate(readings) if reading.concept == "company_name" and not values[at].blank
    ]
    company = max(companies, key=lambda at: values[at].filled, default=None)
    people = {reading.concept for reading in readings if not reading.roles & {"billing", "shipping"}}
    surname = "first_name" in people and "last_name" not in people
    given = "last_name" in people and "first_name" not in people
    by_role = {
        role: {reading.concept for reading in readings if role in reading.roles} for role in ("billing", "shipping")
    }
    out = []
    for at, reading in enumerate(readings):
        concept = reading.concept
        if concept == "name" and reading.part not in (None, 1):
            concept = "company_name_2"
        elif (
            concept == "full_name"
            and values[at].spaced < _FEW_SPACES
            and any(
                role in reading.roles and "first_name" in found and "last_name" not in found
                for role, found in by_role.items()
            )
        ):
            concept = "last_name"
        elif concept == "name" and surname and values[at].companies < _SOME_COMPANIES:
            concept = "last_name"
        elif concept == "name" and given and values[at].companies < _SOME_COMPANIES:
            concept = "first_name"
        elif concept == "name" and company is None:
            concept = "company_name"
        elif concept == "name" and company is not None:
            same = len(set(values[at].texts) & set(values[company].texts)) / max(len(values[at].texts), 1)
            if values[at].blank or same > 0.5 or values[at].companies > _SOME_COMPANIES:
                concept = "display_name" if same <= 0.9 else "search_name"
            else:
                concept = "search_name" if {"first_name", "last_name"} <= people else "full_name"
        elif (
            concept == "full_name"
            and company is None
            and not reading.roles & _OF_PLACES
            and reading.group is None
            and (values[at].companies > _SOME_COMPANIES)
        ):
            concept = "company_name"
        out.append(reading if concept == reading.concept else reading.as_(concept))
    return out


def _near_banks(settled: list[Reading], readings: Sequence[Reading]) -> list[Reading]:
    """An account or a country beside bank columns is the bank's; so is what has the number of a bank before it."""
    banks = [
        at
        for at, reading in enumerate(readings)
        if reading.concept == "sensitive" and _BANK.search(reading.phrase) or "bank" in reading.roles
    ]
    numbers = {reading.part or reading.group for at in banks for reading in [readings[at]]} - {None}
    out = list(settled)
    for at, reading in enumerate(settled):
        near = [bank for bank in banks if 0 < abs(bank - at) <= _NEAR]
        of_bank = reading.concept in ("customer_number", "id", "other_number", "name") and at > _NEAR and bool(near)
        of_bank |= (
            reading.concept in ("country", "name", "city") and bool(near) and (reading.part or reading.group) in numbers
        )
        if of_bank:
            out[at] = reading.as_(None)
    return out


def _with_codes(readings: list[Reading], values: Sequence[ColumnValues]) -> list[Reading]:
    """``Billing Code`` is the post code where its values are; so is ``Shipping Code`` beside it, even if it is blank."""
    codes = [at for at, reading in enumerate(readings) if reading.concept == "address_name" and values[at].zips >= 0.8]
    roles = {role for at in codes for role in readings[at].roles & {"billing", "shipping"}}
    out = list(readings)
    for at, reading in enumerate(readings):
        own = reading.roles & {"billing", "shipping"}
        known = any(other.concept == "zip_code" and other.roles & own for other in readings)
        if reading.concept == "address_name" and own and not known and (at in codes or (roles and values[at].blank)):
            out[at] = reading.as_("zip_code")
    # "Kod" between a street and a city is the post code.
    if not any(reading.concept in ("zip_code", "zip_city") for reading in out):
        for at, reading in enumerate(out):
            near = {
                out[other].concept for other in range(max(0, at - _NEAR), min(len(out), at + _NEAR + 1)) if other != at
            }
            if (
                reading.concept == "id"
                and at
                and near & {"city", "state", "street"}
                and values[at].zips >= 0.8
                and values[at].with_digits == 1
            ):
                out[at] = reading.as_("zip_code")
                break
    return out


def _addresses(
    out: Assignment, groups: list[AddressGroup], readings: Sequence[Reading], values: Sequence[ColumnValues]
) -> None:
    types = [at for at, reading in enumerate(readings) if reading.concept == "address_type"]
    placed = [group for group in groups if group.slot is not None]
    out.addresses = placed
    single = len(placed) == 1
    out.address_type = next(
        (at for at in types if single and (values[at].blank or values[at].few and _says_types(values[at]))), None
    )
    for group in placed:
        path = group.path if out.address_type is None else "addresses.any"
        for at in group.packed:
            parts = _PACKED
            if readings[at].concept == "zip_city":
                parts = _TOWN if values[at].codes_at_end >= 0.5 else _TOWN[:2]
            if readings[at].concept != "zip_city" and len(group.packed) > 1 and group.parts.get("zip_city"):
                parts = ("address_line_1",) if at in group.parts.get("line_1", ()) else ("address_line_2",)
            out.give(at, *(f"{path}.{part}" for part in parts))
        for part, columns in group.parts.items():
            for at in columns:
                if at not in group.packed and part not in ("zip_city", "district"):
                    out.give(at, f"{path}.{_ADDRESS_FIELDS.get(part, part)}")
    if out.address_type is not None:
        out.give(out.address_type, "addresses.any.type")


def _says_types(values: ColumnValues) -> bool:
    """Whether values say billing or shipping, or are codes that may."""
    return values.words("billing", "shipping", "both") > 0 or values.share(lambda text: len(text) <= _CODE) == 1


def _flags(out: Assignment, readings: Sequence[Reading], values: Sequence[ColumnValues]) -> None:
    """``Default Billing`` and ``Default Shipping`` say which type an address has; ``Default`` which one is used."""
    for at, reading in enumerate(readings):
        if reading.concept != "is_default" or reading.unknown or not values[at].few:
            continue
        role = next((role for role in ("billing", "shipping") if role in reading.roles), None)
        number = reading.group if reading.group is not None else reading.part
        same = [group for group in out.addresses if group.number == number]
        group = same[0] if len(same) == 1 else out.addresses[0] if len(out.addresses) == 1 else None
        if role is not None and group is not None:
            group.flags.setdefault(role, at)
        elif role is None and not reading.roles & {"contact", "person"} and out.is_default is None and out.addresses:
            out.is_default = at
            out.give(at, "addresses.any.is_default")
    for group in out.addresses:
        if len(group.flags) < len(("billing", "shipping")):
            group.flags.clear()
        for at in group.flags.values():
            out.give(at, "addresses.any.type" if len(out.addresses) == 1 else f"{group.path}.type")


def _likely_name(out: Assignment, values: Sequence[ColumnValues]) -> int | None:
    """The column that holds names of companies: by their legal forms, or several words, different in each row."""
    free = [at for at in range(len(values)) if at not in out.targets and not values[at].blank]
    forms = [at for at in free if values[at].companies >= _SOME_COMPANIES]
    if forms:
        return max(forms, key=lambda at: (values[at].filled > _MOSTLY, values[at].companies))
    words = [
        at
        for at in free
        if values[at].filled > _MOSTLY and values[at].spaced >= _MANY_SPACES and values[at].with_digits < _FEW_DIGITS
        and values[at].distinct > _MOSTLY * values[at].rows * values[at].filled
    ]  # fmt: skip
    return min(words, default=None)


def _names(out: Assignment, readings: Sequence[Reading], values: Sequence[ColumnValues]) -> None:
    """The company's name, and the name that people see. Where no header says so, the column with legal forms."""
    if not any(reading.concept in ("company_name", "display_name", *_PEOPLE) for reading in readings):
        best = _likely_name(out, values)
        if best is not None:
            out.readings[best] = readings[best].as_("company_name")
            readings = out.readings
    found = [
        at for at, reading in enumerate(readings) if reading.concept == "company_name" and not (reading.part or 0) > 1
    ]
    found.sort(key=lambda at: (bool(readings[at].unknown), -round(values[at].filled, 1), bool(readings[at].roles), at))
    shown = [at for at, reading in enumerate(readings) if reading.concept == "display_name"]
    if not found and shown:
        found, shown = shown[:1], shown[1:]
    if found:
        out.customer["company_name"] = found[:1]
        out.give(found[0], "company_name")
        sparse = values[found[0]].filled < 0.95
        for at in found[1:]:
            if sparse and not readings[at].unknown and not readings[at].roles and values[at].filled > 0:
                out.customer["company_name"].append(at)
                out.give(at, "company_name")
    if shown and not readings[shown[0]].unknown:
        out.customer["display_name"] = shown[:1]
        out.give(shown[0], "display_name")


def _people(out: Assignment, readings: Sequence[Reading], values: Sequence[ColumnValues]) -> None:
    """First, last, and whole names, and what people do: of contacts, or of addresses."""
    slots = {group.role: group for group in reversed(out.addresses) if group.role in ("billing", "shipping")}
    numbered = any(
        reading.concept in ("first_name", "full_name")
        and 1 in (reading.group, reading.part)
        and not reading.roles & _OF_PLACES
        for reading in readings
    )
    for at, reading in enumerate(readings):
        if reading.concept not in ("first_name", "last_name", "full_name", "designation") or reading.unknown:
            continue
        if "accounting" in reading.roles or "other" in reading.roles and reading.group is None:
            continue
        if reading.concept == "designation" and AT_ADDRESS in reading.roles:
            continue
        fields = ["first_name", "last_name"] if reading.concept == "full_name" else [str(reading.concept)]
        role = next((role for role in ("billing", "shipping") if role in reading.roles), None)
        group = slots.get(role or "")
        if role and reading.concept == "designation":
            role, group = None, None
        if role and group is None:
            continue
        if group is not None:
            if (reading.group or group.number) != group.number and reading.group is not None:
                group = next((one for one in out.addresses if one.role == role and one.number == reading.group), None)
            if group is not None:
                own = out.people.setdefault(group.path, {})
                for name in fields:
                    own.setdefault(name, []).append(at)
                    out.give(at, f"{group.path}.{name}")
            continue
        if reading.roles & {"home", "visiting", "mailing"}:
            continue
        number = reading.group or reading.part
        _contact(out, at, reading, number if number is not None else 0 if numbered else 1, fields)


def _contact(out: Assignment, at: int, reading: Reading, number: int, fields: Sequence[str]) -> None:
    contact = out.contacts.setdefault(number, {})
    for name in fields:
        contact.setdefault(name, []).append(at)
        out.give(
            at, f"contacts[{number}].{name}" if number else name if name != "designation" else f"contacts[1].{name}"
        )


def _details(out: Assignment, readings: Sequence[Reading], values: Sequence[ColumnValues]) -> None:
    """Phones and email addresses: of the customer, of a contact, or of an address."""
    slots = [group for group in out.addresses if group.slot]
    for kind in ("phone", "email", "mobile"):
        own: list[int] = []
        for at, reading in enumerate(readings):
            if reading.concept != kind or reading.unknown:
                continue
            role = next((role for role in ("billing", "shipping") if role in reading.roles), "")
            of_contact = reading.roles & {"contact", "person"}
            group = next(
                (
                    one
                    for one in slots
                    if one.role == role and (role or one.number is not None) and one.number == reading.group
                ),
                None,
            )
            if role or (reading.group is not None and not of_contact and group is not None):
                if group is not None and reading.part in (None, 1) and kind != "mobile":
                    _of_address(out, group, at, kind)
            elif of_contact:
                number = reading.group or reading.part or 1
                if number == 1 or out.contacts.get(number) or kind != "phone":
                    _first_of_contact(out, at, reading, number, "phone" if kind == "mobile" else kind)
            elif AT_ADDRESS in reading.roles and kind != "mobile":
                plain = next((one for one in slots if not one.role and one.number is None), None)
                if plain is not None and reading.part in (None, 1):
                    _of_address(out, plain, at, kind)
            elif not reading.roles - _OWN_ROLES and reading.group is None:
                own.append(at)
        _own_details(out, kind, own, readings, values)


def _of_address(out: Assignment, group: AddressGroup, at: int, kind: str) -> None:
    own = out.people.setdefault(group.path, {})
    if kind not in own:
        own[kind] = [at]
        out.give(at, f"{group.path}.{kind}")


def _first_of_contact(out: Assignment, at: int, reading: Reading, number: int, name: str) -> None:
    contact = out.contacts.setdefault(number, {})
    if name not in contact or name == "phone":
        contact.setdefault(name, []).append(at)
        out.give(at, f"contacts[{number}].{name}")


def _own_details(
    out: Assignment, kind: str, own: list[int], readings: Sequence[Reading], values: Sequence[ColumnValues]
) -> None:
    """The customer's own: the one without a number, or the first one; mobile numbers are a person's."""
    order = sorted(
        own,
        key=lambda at: (
            values[at].blank,
            readings[at].part or 0,
            "main" not in readings[at].roles,
            bool(readings[at].roles),
            at,
        ),
    )
    if kind == "mobile":
        for at in order[:1]:
            _contact(out, at, readings[at], min((*out.contacts, 1)), ["phone"])
        return
    for at in order[:1]:
        out.customer[kind] = [at]
        out.give(at, kind)
    for at in order[1:]:
        if (
            readings[at].part is None
            and not values[at].blank
            and kind == "phone"
            and readings[at].roles & {"main", "work", "company"}
        ):
            out.customer[kind].append(at)
            out.give(at, kind)
    for at in own:
        if values[at].blank and at not in out.targets and readings[at].part in (None, 1):
            out.give(at, kind)


def _terms(out: Assignment, readings: Sequence[Reading], values: Sequence[ColumnValues]) -> None:
    """Terms and the like: one column each, words before numbers of days."""
    for concept, name in _COMMERCIAL.items():
        found = [
            at for at, reading in enumerate(readings)
            if reading.concept == concept and not reading.unknown and not reading.roles & {"billing", "shipping"} or
            (reading.concept == concept and not reading.unknown and concept in ("shipping_method", "freight_term", "sales_rep"))
        ]  # fmt: skip
        found.sort(key=lambda at: (values[at].blank, values[at].numbers > 0.5, readings[at].part or 0, at))
        if found:
            out.customer[name] = found[:1]
            out.give(found[0], name)


def _rows(out: Assignment, readings: Sequence[Reading], values: Sequence[ColumnValues]) -> None:
    """Columns that decide whether a row is a customer, and those that name a parent."""
    for at, reading in enumerate(readings):
        if reading.roles & {"contact", "person", "billing", "shipping"} and reading.concept != "kind":
            continue
        known = values[at].blank or values[at].distinct > 1 or values[at].words(*_ALL_KINDS) > 0 or values[at].flags > 0
        if reading.concept == "kind" and not values[at].blank:
            known = known and values[at].words("customer", "supplier", "lead", "partner", "employee") > 0
        if reading.concept in SKIPPING and not reading.unknown and not reading.about and known:
            out.skipping[at] = str(reading.concept)
        elif (
            reading.concept in ("group", "meta", "person_kind", "kind", "status")
            and values[at].few
            and (values[at].words(*_OTHER_KINDS) > 0 and values[at].words("customer", "active") > 0)
        ):
            out.skipping[at] = "kind"
        elif reading.concept == "parent":
            out.parent.append(at)
    for at in out.skipping:
        out.give(at, "skip_rule")
