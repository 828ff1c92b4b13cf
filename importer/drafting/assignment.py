"""Assign all columns of a table at once, so that no two columns claim the same field."""

from collections.abc import Sequence

from importer.drafting.address_groups import address_groups
from importer.drafting.assigned_fields import AddressGroup, Assignment
from importer.drafting.column_values import ColumnValues
from importer.drafting.concepts import COMMERCIAL
from importer.drafting.confirmed_readings import confirmed_readings
from importer.drafting.name_readings import SOME_COMPANIES
from importer.drafting.people_assignment import assign_people
from importer.drafting.readings import HeaderReading

_ADDRESS_FIELDS = {"line_1": "address_line_1", "line_2": "address_line_2", "house_number": "address_line_1"}
_PACKED: tuple[str, ...] = ("address_line_1", "address_line_2", "city", "state", "zip_code", "country")
_TOWN: tuple[str, ...] = ("zip_code", "city", "state")
_TERMS = {"price_list": "assigned_price_list_id", "sales_rep": "assigned_sales_rep_ids"}
_OF_ANY_ADDRESS = frozenset({"shipping_method", "freight_term", "sales_rep"})  # "Ship via" is no address's
_TYPES = 0.6  # share of values that are types of addresses
_MOSTLY, _MANY_SPACES, _FEW_DIGITS, _NEARLY_ALL = 0.8, 0.6, 0.3, 0.95
_SAME = 0.5  # share of names that are also in another column
_NAMES = frozenset({"company_name", "display_name", "first_name", "last_name", "full_name"})
_FLAGS = ("active", "inactive", "blocked", "deleted", "customer", "supplier", "lead")
_FEW_ROWS = 3
SKIPPING = frozenset({"status", "kind", *(f"{name}_flag" for name in _FLAGS)})
_OTHER_KINDS = ("supplier", "lead", "employee", "inactive", "closed")
_PARTNERS = ("customer", "supplier", "lead", "partner", "employee")
ROW_KINDS = frozenset({"supplier", "lead", "prospect", "employee", "inactive", "closed", "deleted", "blocked"})
_ALL_KINDS = (*_PARTNERS, "active", "inactive", "blocked", "closed", "prospect", "deleted")


def assign(readings: Sequence[HeaderReading], values: Sequence[ColumnValues], *, further: bool = False) -> Assignment:
    """The assignment of a table's columns, without its key. ``further``: a different table has the customers."""
    confirmed = confirmed_readings(readings, values, further=further)
    groups = address_groups(confirmed, values, further=further)
    streets = sum(bool(group.packed or group.parts.get("line_1")) for group in groups)
    out = Assignment(readings=confirmed, groups=streets)
    _addresses(out, groups, values)
    _flags(out, values)
    if not further:
        _names(out, values)
    assign_people(out, values)
    _terms(out, values)
    _rows(out, values)
    return out


def _addresses(out: Assignment, groups: list[AddressGroup], values: Sequence[ColumnValues]) -> None:
    out.addresses = [group for group in groups if group.slot is not None]
    types = [at for at, reading in enumerate(out.readings) if reading.concept == "address_type"]
    kinds = [at for at, reading in enumerate(out.readings) if reading.concept in ("kind", "group", None)]
    types += [at for at in kinds if values[at].few and values[at].distinct > 1 and _are_types(values[at])]
    if len(out.addresses) == 1:
        out.address_type = next((at for at in types if _says_types(values[at])), None)
    numbered = {out.readings[at].group or out.readings[at].part or 1: at for at in types if _are_types(values[at])}
    if len(out.addresses) > 1 and all(group.number in numbered for group in out.addresses):
        for group in out.addresses:
            group.types = numbered[group.number or 1]
            out.give(group.types, f"{group.path}.type")
    for group in out.addresses:
        path = group.path if out.address_type is None else "addresses.any"
        for at in group.packed:
            out.give(at, *(f"{path}.{part}" for part in _packed_parts(out, group, at, values[at])))
        for part, columns in group.parts.items():
            for at in columns:
                if at not in group.packed and part not in ("zip_city", "district"):
                    out.give(at, f"{path}.{_ADDRESS_FIELDS.get(part, part)}")
    if out.address_type is not None:
        out.give(out.address_type, "addresses.any.type")


def _packed_parts(out: Assignment, group: AddressGroup, at: int, values: ColumnValues) -> tuple[str, ...]:
    """The parts of an address in a column that is to be split."""
    if out.readings[at].concept == "zip_city":
        return _TOWN if values.codes_at_end >= 0.5 else _TOWN[:2]
    if at in group.parts.get("zip_code", ()):
        return ("zip_code",)
    if group.parts.get("zip_code"):  # lines in any order above a postal code
        return ("address_line_1",) if at == group.packed[0] else ("address_line_2", "city", "state")
    if len(group.packed) > 1 and group.parts.get("zip_city"):
        return ("address_line_1",) if at in group.parts.get("line_1", ()) else ("address_line_2",)
    return _PACKED


def _are_types(values: ColumnValues) -> bool:
    """Whether values are words for billing or shipping; letters such as ``A``, ``B``, and ``C`` are classes."""
    words = values.words("billing", "shipping", "both") >= _TYPES
    return words and values.share(lambda text: len(text) > 2) == 1


def _says_types(values: ColumnValues) -> bool:
    """Whether values mean billing or shipping, or are codes that may mean that."""
    codes = values.share(lambda text: len(text) <= 2) == 1
    return values.blank or (values.few and (codes or values.words("billing", "shipping", "both") > 0))


def _flags(out: Assignment, values: Sequence[ColumnValues]) -> None:
    """Use ``Default Billing`` and ``Default Shipping`` for types of addresses, and ``Default`` for ``is_default``."""
    for at, reading in enumerate(out.readings):
        if reading.concept != "is_default" or reading.unknown or not values[at].few:
            continue
        role = next((role for role in ("billing", "shipping") if role in reading.roles), None)
        number = reading.group if reading.group is not None else reading.part
        same = [group for group in out.addresses if group.number == number or len(out.addresses) == 1]
        if role is not None and out.address_type is not None and not values[out.address_type].blank:
            continue  # a column has the types
        if role is not None and len(same) == 1:
            same[0].flags.setdefault(role, at)
        elif role is None and not reading.roles & {"contact", "person"} and out.is_default is None and out.addresses:
            out.is_default = at
            out.give(at, "addresses.any.is_default")
    for group in out.addresses:
        if len(group.flags) == 1:
            group.flags.clear()
        for at in group.flags.values():
            out.give(at, "addresses.any.type" if len(out.addresses) == 1 else f"{group.path}.type")


def _names(out: Assignment, values: Sequence[ColumnValues]) -> None:
    """Find the company's name and the display name. If no header has the company, use the column that looks like it."""
    named = [at for at, own in enumerate(out.readings) if own.concept in ("company_name", "display_name")]
    if not any(out.readings[at].concept == "company_name" or not values[at].blank for at in named):
        best = _likely_name(out, values, alone=not any(reading.concept in _NAMES for reading in out.readings))
        if best is not None:
            out.readings[best] = out.readings[best].as_("company_name")
    readings = out.readings
    found = [at for at, own in enumerate(readings) if own.concept == "company_name" and not (own.part or 0) > 1]
    found.sort(key=lambda at: (bool(readings[at].unknown), -round(values[at].filled, 1), bool(readings[at].roles), at))
    shown = [at for at, reading in enumerate(readings) if reading.concept == "display_name"]
    if not found:
        found, shown = shown[:1], shown[1:]
    if found:
        sparse = values[found[0]].filled < _NEARLY_ALL
        more = [at for at in found[1:] if sparse and not readings[at].unknown and not readings[at].roles]
        out.customer["company_name"] = [found[0], *(at for at in more if not values[at].blank)]
        for at in out.customer["company_name"]:
            out.give(at, "company_name")
        if values[found[0]].filled < 1:
            out.customer["company_name"] += [at for at in _same_names(out, values, found[0]) if at not in found]
    if shown and not readings[shown[0]].unknown:
        out.customer["display_name"] = shown[:1]
        out.give(shown[0], "display_name")


def _same_names(out: Assignment, values: Sequence[ColumnValues], company: int) -> list[int]:
    """Columns with the same names that are filled more often: ``Name`` beside ``Company Name``."""
    known, filled = set(values[company].texts), values[company].filled
    return [
        at
        for at, reading in enumerate(out.readings)
        if reading.concept in ("search_name", "display_name")
        and not reading.roles
        and not reading.unknown
        and values[at].filled > filled
        and len(known & set(values[at].texts)) > _SAME * len(known)
    ]


def _likely_name(out: Assignment, values: Sequence[ColumnValues], *, alone: bool) -> int | None:
    """The column that probably has names of companies: they have legal forms, or several words that differ in each row.

    ``alone``: no other column has names.
    """
    free = [at for at in range(len(values)) if at not in out.targets and not values[at].blank]
    forms = [at for at in free if values[at].companies >= SOME_COMPANIES]
    if forms:
        return max(forms, key=lambda at: (values[at].filled > _MOSTLY, values[at].companies))
    if not alone:  # an unknown header to the left of the person
        people = [at for at, reading in enumerate(out.readings) if reading.concept in _NAMES]
        free = [at for at in free if at < people[0] and (out.readings[at].unknown or out.readings[at].concept)]
    full = [at for at in free if values[at].filled > _MOSTLY and values[at].distinct > _MOSTLY * values[at].count]
    words = (at for at in full if values[at].spaced >= _MANY_SPACES and values[at].with_digits < _FEW_DIGITS)
    return min(words, default=None)


def _terms(out: Assignment, values: Sequence[ColumnValues]) -> None:
    """Assign terms and the like: one column for each, and rather words than numbers of days."""
    for concept in sorted(COMMERCIAL):
        found = [
            at
            for at, reading in enumerate(out.readings)
            if reading.concept == concept
            and not reading.unknown
            and (concept in _OF_ANY_ADDRESS or not reading.roles & {"billing", "shipping"})
        ]
        named = concept == "sales_rep"  # by a name before an ID
        found.sort(
            key=lambda at: (
                values[at].blank,
                values[at].numbers > 0.5,
                named and values[at].spaced < 0.5,
                out.readings[at].part or 0,
                at,
            )
        )
        if found:
            name = _TERMS.get(concept, concept)
            out.customer[name] = found[:1]
            out.give(found[0], name)


def _rows(out: Assignment, values: Sequence[ColumnValues]) -> None:
    """Find the columns that decide whether a row is a customer, and those that name a parent."""
    for at, reading in enumerate(out.readings):
        kind = reading.concept == "kind"  # "Contact type" may be the row's, "Contact 2 type" is not
        of_person = reading.roles & {"contact", "person", "billing", "shipping", "visiting"}
        if (of_person and not kind) or (kind and (reading.group or reading.part or 1) > 1):
            continue
        if reading.concept == "status" and (reading.unknown or "accounting" in reading.roles):
            continue  # "Deal status", "Payment status"
        named = reading.concept == "supplier_flag" and values[at].flags < 0.5 and not values[at].blank
        if reading.concept == "supplier_number" or named:
            out.suppliers.append(at)
        if reading.concept == "parent":
            out.parent.append(at)
        elif reading.concept in SKIPPING and not (reading.unknown or reading.about) and _decides(reading, values[at]):
            out.skipping[at] = str(reading.concept)
        elif reading.concept in ("group", "kind", "status") and _tells_kinds_apart(values[at]):
            out.skipping[at] = "kind"
    for at in out.skipping:
        out.give(at, "skip_rule")


def _decides(reading: HeaderReading, values: ColumnValues) -> bool:
    """Whether a status, kind, or flag can distinguish rows.

    It cannot if it is the same unknown word everywhere, or has a name that is different in each row.
    """
    if values.blank:
        return True
    if values.unique and values.count > _FEW_ROWS and values.dates < 0.5:
        return False
    if reading.concept == "kind":
        return values.words(*_PARTNERS) > 0
    return values.distinct > 1 or values.words(*_ALL_KINDS) > 0 or values.flags > 0 or values.dates > 0.5


def _tells_kinds_apart(values: ColumnValues) -> bool:
    """Whether values include words for both customers and others."""
    words = values.share(lambda text: len(text) > 1) == 1
    return words and values.few and values.words(*_OTHER_KINDS) > 0 and values.words("customer", "active") > 0
