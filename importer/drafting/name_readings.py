"""Deciding from values and other columns whether a name is a company's, a person's, or really a number."""

import re
from collections.abc import Sequence
from dataclasses import replace

from importer.drafting.column_values import ColumnValues
from importer.drafting.concepts import LINES, OF_COMPANIES
from importer.drafting.lexicon import lexicon
from importer.drafting.readings import HeaderReading

SOME_COMPANIES = 0.2  # if at least this share of the values has a legal form, the column has names of companies
_MOST, _HALF = 0.9, 0.5  # shares of values or rows
_SOME = 0.1  # share of rows
_FEW_SPACES, _SOME_SPACES = 0.4, 0.5
_FEWEST = 3  # different values
_SHARED = 4  # rows per value: so many customers do not have the same name
_NAMES = frozenset({"company_name", "name", "display_name"})
_PERSON = frozenset({"contact", "person"})
_OTHER_PART = {"first_name": "last_name", "last_name": "first_name"}
_TITLES = frozenset({"title", "titel", "titre", "titulo", "titolo"})
_DESCRIPTIONS = frozenset({"description", "bezeichnung", "descripcion", "descrizione", "omschrijving"})
_LEGAL = re.compile("razonsoc|razaosoc|legal|registered")
_OWN = {
    "company_name": _NAMES,
    "customer_number": frozenset({"customer_number", "id"}),
}
CUSTOMER = re.compile("cust|client|klient|kund|klant|abnehmer|odbiorca|zakazn|asiak|ugyfel|musteri")


def with_names(readings: list[HeaderReading], values: Sequence[ColumnValues]) -> list[HeaderReading]:
    """Decide whether ``Name`` is the company's or a person's; ``Contact`` is the company's if no other column is."""
    readings = _without_brands(_with_parts(readings, values), values)
    readings = _with_whole_names(_with_locations(_with_titles(readings, values), values), values)
    companies = [at for at, own in enumerate(readings) if own.concept == "company_name" and not values[at].blank]
    company = max(companies, key=lambda at: values[at].filled, default=None)
    if company is not None and (named := _fuller_name(readings, values, company)) is not None:
        readings = [*readings[:company], readings[company].as_("company_name_2"), *readings[company + 1 :]]
        readings[named], company = readings[named].as_("company_name"), named
    return [
        reading if reading.concept not in ("name", "full_name") else reading.as_(_name(readings, values, at, company))
        for at, reading in enumerate(readings)
    ]


def _without_brands(readings: list[HeaderReading], values: Sequence[ColumnValues]) -> list[HeaderReading]:
    """Without ``Brand`` of the products in a list of orders, which is the same for many customers."""
    own = ("company_name", "customer_number", "id")
    most = max((values[at].distinct for at, one in enumerate(readings) if one.concept in own), default=0)
    return [
        reading.as_(None)
        if reading.concept == "display_name" and not own.blank and own.distinct * 2 <= (most or own.count)
        else reading
        for reading, own in zip(readings, values, strict=True)
    ]


def _fuller_name(readings: Sequence[HeaderReading], values: Sequence[ColumnValues], company: int) -> int | None:
    """The column ``Name`` with other companies than the column for them, which is blank in many rows."""
    for at, reading in enumerate(readings):
        own, plain = values[at], not (reading.roles or reading.unknown or reading.part)
        if reading.concept == "name" and plain and own.companies > SOME_COMPANIES and own.filled > _MOST:
            fuller = values[company].filled < _HALF and not set(own.texts) & set(values[company].texts)
            return at if fuller else None
    return None


def of_further(readings: list[HeaderReading], values: Sequence[ColumnValues]) -> list[HeaderReading]:
    """Names in a table of addresses or contacts: ``Name`` is the place's if there is a street, or else the person's."""
    streets = any(own.concept in LINES for own in readings)
    people = {own.concept for own in readings} & {"first_name", "last_name", "full_name"}
    out = []
    for reading, own in zip(readings, values, strict=True):
        concept = reading.concept
        if concept == "name" and people == {"first_name"}:
            concept = "last_name"
        elif concept == "name":
            of_place = streets or people or own.companies >= SOME_COMPANIES
            concept = "address_name" if of_place else "full_name"
        out.append(reading.as_(concept))
    return out


def _with_locations(readings: list[HeaderReading], values: Sequence[ColumnValues]) -> list[HeaderReading]:
    """``Location Name`` or ``Description`` is the customer's name in a list that has no other name."""
    if any(own.concept in _NAMES and not own.about and not values[at].blank for at, own in enumerate(readings)):
        return readings
    for at, reading in enumerate(readings):
        own = values[at]
        named = reading.concept == "address_name" and reading.roles <= {"visiting"} and reading.phrase.endswith("name")
        named |= reading.phrase in _DESCRIPTIONS and own.spaced > _SOME_SPACES and own.with_digits < _SOME_SPACES
        if named and own.filled > _MOST and own.lettered > _MOST and own.distinct > _MOST * own.count:
            return [*readings[:at], reading.as_("company_name"), *readings[at + 1 :]]
    return readings


def _with_titles(readings: list[HeaderReading], values: Sequence[ColumnValues]) -> list[HeaderReading]:
    """A blank ``Title`` beside ``Job Title`` or ``Salutation`` is for titles such as Dr. and Prof."""
    titles = {at for at, own in enumerate(readings) if own.concept == "designation" and own.phrase in _TITLES}
    others = any(own.concept == "designation" and at not in titles for at, own in enumerate(readings))
    others |= any(said.name == "salutation" for own in readings for said in lexicon().phrases.get(own.phrase, ()))
    return [
        reading.as_(None) if at in titles and values[at].blank and others else reading
        for at, reading in enumerate(readings)
    ]


def _with_parts(readings: list[HeaderReading], values: Sequence[ColumnValues]) -> list[HeaderReading]:
    """``cli_nombre`` next to ``cli_apellido`` is the first name, and ``cli_nom`` next to ``cli_prenom`` the last."""
    parts = {at: str(one.concept) for at, one in enumerate(readings) if one.roles == {"company"}}
    parts = {at: concept for at, concept in parts.items() if concept in _OTHER_PART}
    if len(set(parts.values())) != 1:
        return readings
    out = list(readings)
    for at, reading in enumerate(readings):
        own = values[at]
        words = not own.blank and own.spaced < _FEW_SPACES and own.companies == own.with_digits == 0
        beside = [parts[other] for other in (at - 1, at + 1) if other in parts]
        if reading.concept == "company_name" and words and beside:
            out[at] = replace(reading, concept=_OTHER_PART[beside[0]], roles=frozenset({"company"}))
    return out


def _with_whole_names(readings: list[HeaderReading], values: Sequence[ColumnValues]) -> list[HeaderReading]:
    """``First name`` with values such as ``Ann Lee`` is a whole name if there is no last name anywhere."""
    people = {"last_name", "full_name"}
    people |= {str(own.concept) for at, own in enumerate(readings) if values[at].companies < SOME_COMPANIES} & {"name"}
    if any(reading.concept in people for reading in readings):
        return readings
    whole = {at for at, own in enumerate(readings) if own.concept == "first_name" and values[at].spaced > _MOST}
    return [reading.as_("full_name") if at in whole else reading for at, reading in enumerate(readings)]


def _name(readings: list[HeaderReading], values: Sequence[ColumnValues], at: int, company: int | None) -> str:
    """The concept of a column of names. ``company``: the column with the company's name, if there is one."""
    reading, own = readings[at], values[at]
    if reading.concept == "full_name":
        return _of_person(readings, reading, own, alone=company is None)
    of_other = bool(reading.unknown) and own.companies < SOME_COMPANIES  # "Product name"
    if of_other or reading.part not in (None, 1):
        return "search_name" if of_other else "company_name_2"
    missing = _missing_part(readings, frozenset())
    whole = any(one.concept == "full_name" and one.roles == {"contact"} for one in readings)
    if missing and own.companies < SOME_COMPANIES and not (whole and company is None):
        return missing
    if company is None:
        return "company_name"
    same = len(set(own.texts) & set(values[company].texts)) / max(len(own.texts), 1)
    if own.blank or same > 0.5 or own.companies > SOME_COMPANIES or _is_trade_name(readings, values, at, company):
        return "display_name" if same <= 0.9 else "search_name"
    parts = {one.concept for one in readings if not one.roles & {"billing", "shipping"}}
    return "search_name" if {"first_name", "last_name"} <= parts else "full_name"


def _is_trade_name(readings: list[HeaderReading], values: Sequence[ColumnValues], at: int, company: int) -> bool:
    """Whether ``Name`` is in the company's name (``Vidal``, ``Bodegas Vidal``), or stands beside ``Legal name``."""
    companies = [text.casefold() for text in values[company].texts]
    within = values[at].share(lambda text: any(text.casefold() in name for name in companies)) >= _HALF
    people = {"first_name", "last_name"} & {reading.concept for reading in readings}
    return within or (_LEGAL.match(readings[company].phrase) is not None and not people)


def _of_person(readings: list[HeaderReading], reading: HeaderReading, values: ColumnValues, *, alone: bool) -> str:
    """A whole name, the part that is missing beside the other part, or the company. ``alone``: no column has that."""
    roles = reading.roles & {"billing", "shipping"}
    if roles and values.spaced < _FEW_SPACES and _missing_part(readings, roles) == "last_name":
        return "last_name"
    own = reading.roles - _PERSON
    beside = {one.concept for one in readings if (one.roles - _PERSON, one.group) == (own, reading.group)}
    lacking = [_OTHER_PART[str(name)] for name in beside & _OTHER_PART.keys()]
    if len(lacking) == 1 and values.spaced < _FEW_SPACES and not reading.unknown and not values.blank:
        return lacking[0]
    companies = values.companies > SOME_COMPANIES and not reading.roles & OF_COMPANIES and reading.group is None
    return "company_name" if alone and companies else "full_name"


def _missing_part(readings: list[HeaderReading], roles: frozenset[str]) -> str | None:
    """The part of a person's name that a table lacks: ``Name`` next to ``Vorname`` is the last name."""
    places = {"billing", "shipping"}
    parts = {
        one.concept
        for one in readings
        if not one.unknown and (one.roles & places == roles if roles else not one.roles & places)
    }
    if ("first_name" in parts) == ("last_name" in parts):
        return None
    return "last_name" if "first_name" in parts else "first_name"


def with_customers(readings: Sequence[HeaderReading], values: Sequence[ColumnValues]) -> list[HeaderReading]:
    """The readings, after deciding whether ``Customer`` is a number or a person.

    It is a number if it has codes, and there is ``Name``. ``Customer Name`` with people is a person if there is a
    ``Company``. A company that is the same in all rows is ignored.
    """
    names = [at for at, own in enumerate(readings) if own.concept in ("company_name", "name") and not own.part]
    readings = _of_bill_to(readings)
    numbers = [values[at].distinct for at, own in enumerate(readings) if own.concept in _OWN["customer_number"]]
    out = list(readings)
    for at in names:
        reading, own = readings[at], values[at]
        everywhere = own.filled > _MOST > own.flags and own.distinct <= max(1, own.count // _SHARED)
        if everywhere and max(numbers, default=0) > _FEWEST and _other_names(readings, values, at):
            out[at] = reading.as_(None)  # the companies that the system belongs to, or "company" and "person"
        others = [other for other in names if other != at and values[other].filled > _SOME]
        if reading.concept != "company_name" or own.blank or not others:
            continue
        short = CUSTOMER.match(reading.phrase) is not None and own.share(str.isupper) == 1
        if not own.spaced and (own.with_digits == 1 or short) and own.distinct > _FEWEST:
            out[at] = reading.as_("customer_number")
        elif CUSTOMER.match(reading.phrase) and own.spaced > _MOST and own.with_digits == own.companies == 0:
            firms = [other for other in others if values[other].companies >= SOME_COMPANIES]
            if firms and not set(own.texts) & set(values[firms[0]].texts):
                out[at] = replace(reading, concept="full_name", roles=frozenset())
    return out


def _other_names(readings: Sequence[HeaderReading], values: Sequence[ColumnValues], at: int) -> bool:
    """Whether another column has different names; it may be a column for names, or have an unknown header."""
    return any(
        own.distinct > _FEWEST and own.spaced > _SOME_SPACES and own.with_digits < _SOME
        for other, (reading, own) in enumerate(zip(readings, values, strict=True))
        if other != at and (reading.concept in ("company_name", "name") or reading.unknown)
    )


def _of_bill_to(readings: Sequence[HeaderReading]) -> list[HeaderReading]:
    """``Bill to customer name`` and ``Bill to number`` are the customer's own if the list has no others."""
    given, out = {reading.concept for reading in readings}, list(readings)
    for concept, others in _OWN.items():
        of_number = concept == "customer_number"
        for at, reading in enumerate(readings):
            meanings = lexicon().phrases.get(reading.phrase, ())
            of_bill_to = "billing" in reading.roles or reading.phrase.startswith("bill")
            named = reading.concept in ("address_name", "other_number") and of_bill_to
            said = any(meaning.name == concept for meaning in meanings)
            said |= of_number and reading.phrase.startswith("bill") and not reading.phrase.endswith("name")
            if named and said and not given & others:
                out[at] = replace(reading, concept=concept, roles=frozenset(), unknown=())
                break
    return out
