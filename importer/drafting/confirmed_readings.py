"""Readings of headers after comparison with the values: contradicted readings are dropped, and open ones confirmed."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from importer.drafting.address_readings import SHORT, around, with_address_parts
from importer.drafting.column_values import ColumnValues
from importer.drafting.concepts import COMMERCIAL, NEVER, OF_COMPANIES, OF_OTHERS
from importer.drafting.name_readings import CUSTOMER, of_further, with_customers, with_names
from importer.drafting.readings import HeaderReading

_STATUS_WORDS = ("active", "inactive", "blocked", "closed", "prospect")
_STATE_OR_STATUS = ("estado", "etat", "stato")
_MOST, _HALF = 0.9, 0.5  # shares of rows or values
_NEAR = 2  # columns
_FEW_REPS = 4  # up to this many sales reps may have one customer each
_FEW_NUMBERS = 4  # up to this many may be numbers of the companies that use the system
_PHONE = re.compile(r"\+[\d ()./-]{8,}|\(\d{2,5}\)[\d ./-]{5,}|\d{2,5}[ /.-]\d{2,5}[ /.-][\d ./-]{2,}")
# Certain postal codes only: "Apt 12" could be one only if a header says so.
_POST_CODE = re.compile(r"\d{4,6}(?:-\d{3,4})?|\d{3} \d\d|[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}|[A-Z]\d[A-Z] \d[A-Z]\d")
_REGION = re.compile("regio|zon[ae]")
_STATE_NUMBER = re.compile("id$|regioncode|cod(?:e|igo|ice|igode)?region")
_IDS = frozenset({"id", "customer_number", "other_number", "parent"})
_TYPES = frozenset({"billing", "shipping"})
_FLAG_VALUES, _ALL_FLAGS = 3, 0.99
_ABOUT_ITSELF = frozenset({"address_type", "kind", "status"})  # "Address type" has a meaning of its own
_OF_OTHERS_TOO = frozenset({"sales_rep", "shipping_method", "supplier_flag", "parent"})
_TEXTS = frozenset({"city", "zip_code", "zip_city", "address", "street", "name", "full_name"})
_REFERENCE = re.compile(f"^ref|{CUSTOMER.pattern}")
_SUPPLIER = re.compile(
    "lieferant|kreditor|suppl|vendor|fourniss|proveed|acreed|fornec|fornit|leveranc|lever|dostaw|credit"
)
_BANK = re.compile("^cc|ban[ckq]|iban|bic|swift|blz|sepa|konto|conto|cuenta|compte|rekening|card|karte")


def confirmed_readings(
    readings: Sequence[HeaderReading], values: Sequence[ColumnValues], *, further: bool = False
) -> list[HeaderReading]:
    """The meaning of each column, from its header, its values, and the adjacent columns. Concept None: not used.

    ``further``: a different table has the customers, so names are those of people and places.
    """
    plain = _with_record_ids(_states(with_customers(readings, values), values), values)
    mails = any(own.concept == "email" and values[at].filled > _HALF and not own.about for at, own in enumerate(plain))
    confirmed = [_confirmed(reading, own, mails=mails) for reading, own in zip(plain, values, strict=True)]
    confirmed = _with_only_phones(confirmed, values)
    named = of_further(confirmed, values) if further else with_names(confirmed, values)
    return _without_banks(with_address_parts(named, values), readings)


def _states(readings: Sequence[HeaderReading], values: Sequence[ColumnValues]) -> list[HeaderReading]:
    """Decide from values and neighbors whether ``Estado`` or ``État`` is a status or a state."""
    out = list(readings)
    plain = any(one.concept == "state" and not _REGION.match(one.phrase) for one in readings)
    for at, reading in enumerate(readings):
        either = reading.phrase.startswith(_STATE_OR_STATUS) or reading.phrase == "stat"
        beside_town = bool(around(readings, at) & {"city", "zip_code"})
        words = values[at].words(*_STATUS_WORDS)
        if reading.concept == "status" and either and beside_town and not words and not reading.about:
            if values[at].blank or values[at].lettered > 0:
                out[at] = reading.as_("state")
        elif reading.concept == "state" and either and reading.unknown:
            out[at] = reading.as_(None)  # "Estado do contrato"
        elif reading.concept == "state" and plain and not reading.roles and _REGION.match(reading.phrase):
            out[at] = reading.as_(None)  # a sales region
        elif reading.concept == "state" and values[at].few and (words >= 0.8 or (either and values[at].flags == 1)):
            out[at] = reading.as_("status")
    return out


def _with_record_ids(readings: list[HeaderReading], values: Sequence[ColumnValues]) -> list[HeaderReading]:
    """``Contact ID`` or ``ERP customer number`` identifies the rows if the list has no other number."""
    if any(own.concept in ("customer_number", "id") and values[at].filled > _MOST for at, own in enumerate(readings)):
        return readings
    for at, reading in enumerate(readings):
        ids = reading.concept == "other_number" and not reading.unknown
        ids &= reading.roles == {"contact"} or (not reading.roles and bool(_REFERENCE.search(reading.phrase)))
        if ids and reading.group is None and values[at].unique and values[at].filled > _MOST:
            return [*readings[:at], replace(reading, concept="id", roles=frozenset()), *readings[at + 1 :]]
    return readings


def _confirmed(reading: HeaderReading, values: ColumnValues, *, mails: bool) -> HeaderReading:
    """The reading if the values do not contradict it; otherwise, what the values mean, or nothing.

    ``mails``: a column with a header for email addresses is filled in most rows.
    """
    concept = reading.concept
    if concept is None:
        return _by_values(reading, values)
    if instead := _kept(reading, values, mails=mails):
        return reading.as_(instead)
    if _is_of_others(reading) or concept in NEVER:
        return reading if concept == "group" and values.few else reading.as_(None)
    if other := _contradicted(reading, values):
        return replace(reading, concept=other, part=None if other == "zip_code" else reading.part)
    if concept == "address" and not reading.phrase:
        return _of_role(reading, values)
    return reading if _fits(concept, values) else reading.as_(None)


def _by_values(reading: HeaderReading, values: ColumnValues) -> HeaderReading:
    """Recognize a column by its values alone, only if they are email addresses, or phone numbers below ``Work``."""
    if reading.roles == {"work"} and not reading.unknown and values.phones >= _MOST:
        return reading.as_("phone")
    named = values.emails >= _MOST and len(reading.unknown) < 2
    return replace(reading, concept="email", unknown=()) if named else reading


def _with_only_phones(readings: list[HeaderReading], values: Sequence[ColumnValues]) -> list[HeaderReading]:
    """If just one column has phone numbers, it is the phone although its header is unknown."""
    if any(own.concept in ("phone", "mobile") and not values[at].blank for at, own in enumerate(readings)):
        return readings
    found = [
        at
        for at, own in enumerate(readings)
        if own.concept is None
        and len(own.unknown) == 1
        and not own.roles
        and min(values[at].phones, values[at].share(_PHONE.fullmatch)) >= _MOST
    ]
    if len(found) != 1:
        return readings
    return [replace(own, concept="phone", unknown=()) if at == found[0] else own for at, own in enumerate(readings)]


def _kept(reading: HeaderReading, values: ColumnValues, *, mails: bool) -> str | None:
    """The use of a column that has no field: ``Login`` is an email address, and ``Supplier No.`` distinguishes rows."""
    if reading.concept in ("user", "setting") and values.emails >= 0.9 and not mails:
        return "email"
    supplier = reading.concept == "other_number" and _SUPPLIER.search(reading.phrase)
    return "supplier_number" if supplier and not values.blank else None


def _is_of_others(reading: HeaderReading) -> bool:
    """Whether it is only about a concept (``Phone type``) or belongs to someone else (``Bank city``)."""
    about = reading.about and reading.concept not in _ABOUT_ITSELF | COMMERCIAL
    return about or (bool(reading.roles & OF_OTHERS) and reading.concept not in _OF_OTHERS_TOO)


def _contradicted(reading: HeaderReading, values: ColumnValues) -> str | None:
    """The concept that the values have if they contradict the header; otherwise None."""
    flags = values.flags > _ALL_FLAGS
    is_flag = values.distinct <= _FLAG_VALUES and flags and CUSTOMER.match(reading.phrase)
    if reading.concept == "company_name" and is_flag:
        return "customer_flag"
    if reading.concept in ("company_name", "name") and values.guids >= 0.9:
        return "id"
    if reading.concept == "company_name" and values.share(str.isdigit) >= _MOST and values.distinct > _FEW_NUMBERS:
        return "customer_number"
    if reading.concept in ("address", "address_name") and values.few and flags and reading.roles & _TYPES:
        return "is_default"
    if reading.concept in _TEXTS and values.emails >= 0.8 and not reading.roles & OF_COMPANIES:
        return "email"
    return _of_numbers(reading, values)


def _of_numbers(reading: HeaderReading, values: ColumnValues) -> str | None:
    """The concept of numbers that contradict the header, or of words if a number is expected; otherwise None."""
    if (
        reading.concept in ("address", "street")
        and (reading.part or 0) > 1
        and values.share(_POST_CODE.fullmatch) >= _MOST
    ):
        return "zip_code"
    own_of_each = reading.concept == "sales_rep" and values.unique and values.count > _FEW_REPS
    if own_of_each and (values.numbers >= _MOST or reading.phrase.startswith("represent")):
        return "other_number" if values.numbers >= _MOST else "full_name"  # a customer's legal representative
    of_state = reading.concept == "state" and _STATE_NUMBER.search(reading.phrase) is not None  # in another table
    of_line = reading.concept == "address_line_2" and bool(reading.unknown)
    if (of_state or of_line) and values.share(str.isdigit) >= _MOST:
        return "other_number"
    if reading.concept == "house_number" and values.lettered >= _MOST and values.spaced >= _MOST:
        return "street"
    numbers = values.lettered < 0.3 and values.with_digits >= 0.9 and not values.flags_only
    if reading.concept == "address" and reading.phrase and numbers:
        return "house_number" if values.share(lambda text: len(text) <= SHORT) >= 0.9 else None
    return None


def _of_role(reading: HeaderReading, values: ColumnValues) -> HeaderReading:
    """``Ship To`` alone is an address, a shipping method (few different words), or unused, depending on the values."""
    if reading.roles == {"mailing"} and reading.part is None and values.zips >= _MOST:
        return replace(reading, concept="zip_code", roles=frozenset())  # "Postal"
    written = values.with_digits >= 0.5 and values.spaced >= 0.5
    if reading.part is not None or values.whole_addresses >= 0.3 or written:
        return reading
    is_method = "shipping" in reading.roles and values.few and not values.unique and values.lettered > 0.7
    return HeaderReading("shipping_method", language=reading.language) if is_method else reading.as_(None)


def _without_banks(confirmed: list[HeaderReading], readings: Sequence[HeaderReading]) -> list[HeaderReading]:
    """Drop readings that belong to a bank: an account beside bank columns, or a country or name with its number."""
    banks = [
        at
        for at, reading in enumerate(readings)
        if "bank" in reading.roles or (reading.concept == "sensitive" and _BANK.search(reading.phrase))
    ]
    numbers = {readings[at].part or readings[at].group for at in banks} - {None}
    out = list(confirmed)
    for at, reading in enumerate(confirmed):
        near = any(0 < abs(bank - at) <= _NEAR for bank in banks)
        account = reading.concept in ("customer_number", "id", "other_number", "name") and at > _NEAR
        numbered = reading.concept in ("country", "name", "city") and (reading.part or reading.group) in numbers
        if near and (account or numbered):
            out[at] = reading.as_(None)
    return out


_FITS: dict[str, Callable[[ColumnValues], bool]] = {
    "email": lambda own: own.emails >= 0.5,
    **dict.fromkeys(("phone", "mobile"), lambda own: own.digits_enough >= 0.5 and own.emails < 0.3 and own.dates < 0.5),
    "zip_code": lambda own: own.with_digits >= 0.6 and own.emails == 0 and own.dates < 0.5,
    "zip_city": lambda own: own.lettered >= 0.5,
    "country": lambda own: own.countries >= 0.4,
    "state": lambda own: (
        (not own.flags_only or own.share(_is_code) == 1)
        and own.emails == 0
        and (own.lettered > 0 or own.few)
    ),
    "city": lambda own: own.lettered >= 0.7 and own.emails == 0 and own.phones < 0.3,
    **dict.fromkeys(("address", "street"), lambda own: own.lettered >= 0.6 and own.emails < 0.3 and not own.flags_only),
    "address_line_2": lambda own: (
        not own.flags_only and own.emails < 0.3 and own.dates < 0.5 and own.salutations < 0.5
    ),
    "po_box": lambda own: own.with_digits >= 0.5,
    "company_name": lambda own: own.lettered >= 0.6 and own.emails < 0.5 and not own.flags_only,
    "name": lambda own: own.lettered >= 0.6 and own.emails < 0.5 and own.salutations < 0.5,
    "display_name": lambda own: own.lettered >= 0.5 and own.emails < 0.5,
    "first_name": lambda own: own.lettered >= 0.7 and own.emails < 0.3 and not own.flags_only,
    "last_name": lambda own: own.lettered >= 0.7 and own.emails < 0.3 and not own.flags_only,
    "full_name": lambda own: own.lettered >= 0.7 and own.emails < 0.3 and own.salutations < 0.7 and not own.flags_only,
    "designation": lambda own: own.salutations < 0.5 and own.lettered >= 0.7 and not own.flags_only,
    **dict.fromkeys(("payment_term", "payment_mode"), lambda own: not own.flags_only and own.dates < 0.5),
    **dict.fromkeys(("shipping_method", "freight_term"), lambda own: not own.flags_only and own.whole_addresses < 0.3),
    "price_list": lambda own: not own.flags_only or own.distinct > 1,
    "sales_rep": lambda own: not own.flags_only and own.phones < 0.5,
    "id": lambda own: min(own.phones, own.spaced) < 0.9,
    "customer_number": lambda own: own.dates < 0.5 and min(own.phones, own.spaced) < 0.9 and not own.flags_only,
    **dict.fromkeys(("active_flag", "inactive_flag", "blocked_flag", "status", "kind"), lambda own: own.few),
    "deleted_flag": lambda own: own.few or own.dates > 0.5,
}  # fmt: skip


def _fits(concept: str, column: ColumnValues) -> bool:
    """Whether the values of a column fit a concept. A blank column fits any concept."""
    test = _FITS.get(concept)
    if column.guids >= _MOST and concept not in _IDS:
        return False
    return column.blank or test is None or test(column)


def _is_code(text: str) -> bool:
    return len(text) == 2 and text.isalpha() and text.isupper()  # "NE" is Nebraska, and "no" in Czech
