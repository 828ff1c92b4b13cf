"""Readings of headers once the values have been looked at: contradicted ones go, open ones are settled."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from importer.drafting.column_values import ColumnValues
from importer.drafting.concepts import ADDRESS_PARTS, COMMERCIAL, LINES, NEVER, OF_COMPANIES, OF_OTHERS
from importer.drafting.readings import Reading

SOME_COMPANIES = 0.2  # of the values have a legal form: the column holds names of companies
_STATUS_WORDS = ("active", "inactive", "blocked", "closed", "prospect")
_STATE_OR_STATUS = ("estado", "etat", "stato")
_MOST = 0.9  # of the rows
_NEAR = 2  # columns
_FLAG_VALUES, _ALL_FLAGS = 3, 0.99
_FEW_SPACES = 0.4
_ABOUT_ITSELF = frozenset({"address_type", "kind", "status"})  # "Address type" says something of its own
_OF_OTHERS_TOO = frozenset({"sales_rep", "shipping_method", "supplier_flag", "parent"})
_TOWN = frozenset({"city", "zip_code", "zip_city"})
_SHORT = 6  # characters of a house number
_TEXTS = frozenset({"city", "zip_code", "zip_city", "address", "street", "name", "full_name"})
_CUSTOMER = re.compile("cust|client|klient|kund|klant|abnehmer|odbiorca")
_SUPPLIER = re.compile(
    "lieferant|kreditor|suppl|vendor|fourniss|proveed|acreed|fornec|fornit|leveranc|lever|dostaw|credit"
)
_BANK = re.compile("ban[ckq]|iban|bic|swift|blz|sepa|konto|conto|cuenta|compte|rekening|card|karte")


def settled_readings(readings: Sequence[Reading], values: Sequence[ColumnValues]) -> list[Reading]:
    """What each column means, by its header, its values, and the columns beside it. None as a concept: nothing."""
    plain = _with_record_ids(_states(readings, values), values)
    settled = [_settled(reading, own) for reading, own in zip(plain, values, strict=True)]
    settled = _with_post_codes(_with_codes(_with_names(settled, values), values), values)
    return _without_banks(_with_lines(settled), readings)


def _states(readings: Sequence[Reading], values: Sequence[ColumnValues]) -> list[Reading]:
    """``Estado`` and ``État`` are a status or a state: their values and neighbors tell."""
    out = list(readings)
    for at, reading in enumerate(readings):
        either = reading.phrase.startswith(_STATE_OR_STATUS)
        beside_town = bool(_around(readings, at) & {"city", "zip_code"})
        words = values[at].words(*_STATUS_WORDS)
        if reading.concept == "status" and either and beside_town and not words and not reading.about:
            if values[at].blank or values[at].lettered > 0:
                out[at] = reading.as_("state")
        elif reading.concept == "state" and values[at].few and (words >= 0.8 or (either and values[at].flags == 1)):
            out[at] = reading.as_("status")
    return out


def _with_record_ids(readings: list[Reading], values: Sequence[ColumnValues]) -> list[Reading]:
    """``Contact ID`` identifies the rows of a list that has no other number."""
    if any(own.concept in ("customer_number", "id") and values[at].filled > _MOST for at, own in enumerate(readings)):
        return readings
    for at, reading in enumerate(readings):
        ids = reading.concept == "other_number" and reading.roles == {"contact"} and not reading.unknown
        if ids and reading.group is None and values[at].unique and values[at].filled > _MOST:
            return [*readings[:at], replace(reading, concept="id", roles=frozenset()), *readings[at + 1 :]]
    return readings


def _around(readings: Sequence[Reading], at: int) -> set[str | None]:
    """The concepts of the columns on either side."""
    near = range(max(0, at - _NEAR), min(len(readings), at + _NEAR + 1))
    return {readings[other].concept for other in near if other != at}


def _settled(reading: Reading, values: ColumnValues) -> Reading:
    """A reading that the values do not contradict; where they do, what they say instead, or nothing."""
    concept = reading.concept
    if concept is None:  # values name a column only if they are email addresses
        named = values.emails >= 0.9 and len(reading.unknown) < 2
        return replace(reading, concept="email", unknown=()) if named else reading
    if instead := _kept(reading, values):
        return reading.as_(instead)
    if _is_of_others(reading) or concept in NEVER:
        return reading if concept == "group" and values.few else reading.as_(None)
    if other := _contradicted(reading, values):
        return reading.as_(other)
    if concept == "address" and not reading.phrase:
        return _of_role(reading, values)
    return reading if _fits(concept, values) else reading.as_(None)


def _kept(reading: Reading, values: ColumnValues) -> str | None:
    """What a column without a field is good for: ``Login`` is an email address, ``Supplier No.`` tells rows apart."""
    if reading.concept in ("user", "setting") and values.emails >= 0.9:
        return "email"
    supplier = reading.concept == "other_number" and _SUPPLIER.search(reading.phrase)
    return "supplier_number" if supplier and not values.blank else None


def _is_of_others(reading: Reading) -> bool:
    """``Phone type`` is about a phone, ``Bank city`` is the bank's."""
    about = reading.about and reading.concept not in _ABOUT_ITSELF | COMMERCIAL
    return about or (bool(reading.roles & OF_OTHERS) and reading.concept not in _OF_OTHERS_TOO)


def _contradicted(reading: Reading, values: ColumnValues) -> str | None:
    """What the values say instead of the header."""
    flags = values.flags > _ALL_FLAGS
    is_flag = values.distinct <= _FLAG_VALUES and flags and _CUSTOMER.match(reading.phrase)
    if reading.concept == "company_name" and is_flag:
        return "customer_flag"
    if reading.concept in ("company_name", "name") and values.guids >= 0.9:
        return "id"
    if reading.concept == "address" and values.few and flags and reading.roles & {"billing", "shipping"}:
        return "is_default"
    if reading.concept in _TEXTS and values.emails >= 0.8 and not reading.roles & OF_COMPANIES:
        return "email"
    numbers = values.lettered < 0.3 and values.with_digits >= 0.9
    if reading.concept == "address" and reading.phrase and numbers:
        return "house_number" if values.share(lambda text: len(text) <= _SHORT) >= 0.9 else None
    return None


def _of_role(reading: Reading, values: ColumnValues) -> Reading:
    """``Ship To`` alone: an address if the values are, a shipping method if they are few words, else nothing."""
    written = values.with_digits >= 0.5 and values.spaced >= 0.5
    if reading.part is not None or values.whole_addresses >= 0.3 or written:
        return reading
    is_method = "shipping" in reading.roles and values.few and values.lettered > 0.7
    return Reading("shipping_method", language=reading.language) if is_method else reading.as_(None)


def _with_names(readings: list[Reading], values: Sequence[ColumnValues]) -> list[Reading]:
    """``Name`` as the company's or a person's, and ``Contact`` as the company's where no other column is."""
    companies = [at for at, own in enumerate(readings) if own.concept == "company_name" and not values[at].blank]
    company = max(companies, key=lambda at: values[at].filled, default=None)
    return [
        reading if reading.concept not in ("name", "full_name") else reading.as_(_name(readings, values, at, company))
        for at, reading in enumerate(readings)
    ]


def _name(readings: list[Reading], values: Sequence[ColumnValues], at: int, company: int | None) -> str:
    """What a column of names is. ``company``: the column with the company's name, if there is one."""
    reading, own = readings[at], values[at]
    if reading.concept == "full_name":
        return _of_person(readings, reading, own, alone=company is None)
    of_other = bool(reading.unknown) and own.companies < SOME_COMPANIES  # "Product name"
    if of_other or reading.part not in (None, 1):
        return "search_name" if of_other else "company_name_2"
    missing = _missing_part(readings, frozenset())
    if missing and own.companies < SOME_COMPANIES:
        return missing
    if company is None:
        return "company_name"
    same = len(set(own.texts) & set(values[company].texts)) / max(len(own.texts), 1)
    if own.blank or same > 0.5 or own.companies > SOME_COMPANIES:
        return "display_name" if same <= 0.9 else "search_name"
    parts = {one.concept for one in readings if not one.roles & {"billing", "shipping"}}
    return "search_name" if {"first_name", "last_name"} <= parts else "full_name"


def _of_person(readings: list[Reading], reading: Reading, values: ColumnValues, *, alone: bool) -> str:
    """A whole name, the last name beside a first name, or the company where no column is ``alone`` for it."""
    roles = reading.roles & {"billing", "shipping"}
    if roles and values.spaced < _FEW_SPACES and _missing_part(readings, roles) == "last_name":
        return "last_name"
    beside = {one.concept for one in readings if (one.roles, one.group) == (reading.roles, reading.group)}
    if "first_name" in beside and "last_name" not in beside and values.spaced < _FEW_SPACES and not reading.unknown:
        return "last_name"
    companies = values.companies > SOME_COMPANIES and not reading.roles & OF_COMPANIES and reading.group is None
    return "company_name" if alone and companies else "full_name"


def _missing_part(readings: list[Reading], roles: frozenset[str]) -> str | None:
    """The part of a person's name that a table lacks: ``Name`` beside ``Vorname`` is the last name."""
    places = {"billing", "shipping"}
    parts = {one.concept for one in readings if (one.roles & places == roles if roles else not one.roles & places)}
    if ("first_name" in parts) == ("last_name" in parts):
        return None
    return "last_name" if "first_name" in parts else "first_name"


def _with_codes(readings: list[Reading], values: Sequence[ColumnValues]) -> list[Reading]:
    """``Billing Code`` is the post code where its values are, and so is a blank ``Shipping Code`` beside it."""
    codes = [at for at, reading in enumerate(readings) if reading.concept == "address_name" and values[at].zips >= 0.8]
    roles = {role for at in codes for role in readings[at].roles & {"billing", "shipping"}}
    out = list(readings)
    for at, reading in enumerate(readings):
        own = reading.roles & {"billing", "shipping"}
        known = any(other.concept == "zip_code" and other.roles & own for other in readings)
        likely = at in codes or (bool(roles) and values[at].blank)
        if reading.concept == "address_name" and own and not known and likely:
            out[at] = reading.as_("zip_code")
    return out


def _with_post_codes(readings: list[Reading], values: Sequence[ColumnValues]) -> list[Reading]:
    """``Kod`` between street and city is the post code; an address without digits beside a post code is the city."""
    out = list(readings)
    concepts = [reading.concept for reading in readings]
    if "zip_code" in concepts and "city" not in concepts:
        codes = [at for at, name in enumerate(concepts) if name == "zip_code"]
        for at, reading in enumerate(readings):
            near = any(abs(at - other) == 1 for other in codes)
            plain = reading.concept == "address" and reading.part is None and near
            if plain and not values[at].blank and values[at].with_digits == 0:
                out[at] = replace(reading, concept="city", roles=reading.roles & {"billing", "shipping"})
    if any(name in ("zip_code", "zip_city") for name in concepts):
        return out
    for at, reading in enumerate(readings):
        beside = at > 0 and bool(_around(readings, at) & {"city", "state", "street"})
        if reading.concept == "id" and beside and values[at].zips >= 0.8 and values[at].with_digits == 1:
            out[at] = reading.as_("zip_code")
            break
    return out


def _with_lines(readings: list[Reading]) -> list[Reading]:
    """``Delivery address 1`` and ``2`` beside one ``Delivery city`` are two lines of one address."""
    out = list(readings)
    for roles in {reading.roles for reading in readings if reading.concept in LINES and reading.group is not None}:
        own = [at for at, reading in enumerate(readings) if reading.roles == roles and reading.concept in ADDRESS_PARTS]
        lines = [at for at in own if readings[at].concept in LINES and readings[at].group is not None]
        towns = [readings[at] for at in own if readings[at].concept in _TOWN]
        bare = all(readings[at].part is None for at in lines)
        if bare and towns and len(lines) > 1 and all(town.group is None and town.part is None for town in towns):
            for at in lines:
                out[at] = replace(readings[at], group=None, part=readings[at].group)
    return out


def _without_banks(settled: list[Reading], readings: Sequence[Reading]) -> list[Reading]:
    """An account beside bank columns is the bank's; so is a country or a name with a bank's number."""
    banks = [
        at
        for at, reading in enumerate(readings)
        if "bank" in reading.roles or (reading.concept == "sensitive" and _BANK.search(reading.phrase))
    ]
    numbers = {readings[at].part or readings[at].group for at in banks} - {None}
    out = list(settled)
    for at, reading in enumerate(settled):
        near = any(0 < abs(bank - at) <= _NEAR for bank in banks)
        account = reading.concept in ("customer_number", "id", "other_number", "name") and at > _NEAR
        numbered = reading.concept in ("country", "name", "city") and (reading.part or reading.group) in numbers
        if near and (account or numbered):
            out[at] = reading.as_(None)
    return out


_FITS: dict[str, Callable[[ColumnValues], bool]] = {
    "email": lambda column: column.emails >= 0.5,
    "phone": lambda column: column.digits_enough >= 0.5 and column.emails < 0.3 and column.dates < 0.5,
    "mobile": lambda column: column.digits_enough >= 0.5 and column.emails < 0.3 and column.dates < 0.5,
    "zip_code": lambda column: column.with_digits >= 0.6 and column.emails == 0 and column.dates < 0.5,
    "zip_city": lambda column: column.lettered >= 0.5,
    "country": lambda column: column.countries >= 0.4,
    "state": lambda column: not _flags_only(column) and column.emails == 0 and (column.lettered > 0 or column.few),
    "city": lambda column: column.lettered >= 0.7 and column.emails == 0 and column.phones < 0.3,
    "address": lambda column: column.lettered >= 0.6 and column.emails < 0.3 and not _flags_only(column),
    "street": lambda column: column.lettered >= 0.6 and column.emails < 0.3 and not _flags_only(column),
    "address_line_2": lambda column: not _flags_only(column) and column.emails < 0.3,
    "po_box": lambda column: not _flags_only(column),
    "company_name": lambda column: column.lettered >= 0.6 and column.emails < 0.5 and not _flags_only(column),
    "name": lambda column: column.lettered >= 0.6 and column.emails < 0.5 and column.salutations < 0.5,
    "display_name": lambda column: column.lettered >= 0.5 and column.emails < 0.5,
    "first_name": lambda column: column.lettered >= 0.7 and column.emails < 0.3 and not _flags_only(column),
    "last_name": lambda column: column.lettered >= 0.7 and column.emails < 0.3 and not _flags_only(column),
    "full_name": lambda column: (
        column.lettered >= 0.7 and column.emails < 0.3 and column.salutations < 0.7 and not _flags_only(column)
    ),
    "designation": lambda column: column.salutations < 0.5 and column.lettered >= 0.7 and not _flags_only(column),
    "payment_term": lambda column: not _flags_only(column) and column.dates < 0.5,
    "payment_mode": lambda column: not _flags_only(column) and column.dates < 0.5,
    "shipping_method": lambda column: not _flags_only(column) and column.whole_addresses < 0.3,
    "freight_term": lambda column: not _flags_only(column) and column.whole_addresses < 0.3,
    "price_list": lambda column: not _flags_only(column) or column.distinct > 1,
    "sales_rep": lambda column: not _flags_only(column) and column.phones < 0.5,
    "customer_number": lambda column: column.dates < 0.5 and not _flags_only(column),
    **dict.fromkeys(("active_flag", "inactive_flag", "blocked_flag", "status", "kind"), lambda column: column.few),
    "deleted_flag": lambda column: column.few or column.dates > 0.5,
}  # fmt: skip


def _fits(concept: str, column: ColumnValues) -> bool:
    """Whether the values of a column can be of a concept. A blank column can be of any."""
    test = _FITS.get(concept)
    return column.blank or test is None or test(column)


def _flags_only(column: ColumnValues) -> bool:
    return column.distinct <= 3 and column.flags > 0.99
