"""Address parts that can be recognized only by their values and the neighboring columns."""

import re
from collections.abc import Sequence
from dataclasses import replace

from importer.drafting.column_values import ColumnValues
from importer.drafting.concepts import ADDRESS_PARTS, LINES
from importer.drafting.readings import HeaderReading

_NEAR = 2  # columns on either side
_MOST, _OFTEN, _HALF, _SOME = 0.9, 0.75, 0.5, 0.3  # shares of values
_CITIES = frozenset({"city", "zip_city"})
_TOWN = _CITIES | {"zip_code"}
_DESCRIPTION = re.compile("desc|beskr|beschr|bezeichn|omschr|opis|popis")
_FEW, _LONGEST_TOWN = 3, 30  # different values, characters
_LONGEST_CODE = 3  # letters in a state's code
_POST_TOWN = re.compile(r"(?:[A-Z]{1,3}[- ])?(?:\d{4,6}|\d{3} \d\d|\d\d-\d{3})(?: [A-Z]{2})?[ ,]+[^\W\d][^\d,;]*")
SHORT = 6  # the most characters in a house number


def with_address_parts(readings: list[HeaderReading], values: Sequence[ColumnValues]) -> list[HeaderReading]:
    """The readings with postal codes, cities, house numbers, and lines that headers alone do not reveal."""
    found = _with_places(_with_people(readings, values), values)
    found = _with_towns(_with_house_numbers(found, values), values)
    found = _with_described_city(_with_cities(found, values), values)
    return _with_lines(_with_post_codes(_with_codes(found, values), values))


def _with_people(readings: list[HeaderReading], values: Sequence[ColumnValues]) -> list[HeaderReading]:
    """``Contacto morada`` with names of people is the person at the address."""
    return [
        reading.as_("full_name")
        if reading.concept == "address"
        and reading.roles & {"contact", "person"}
        and not own.blank
        and own.with_digits == own.companies == 0
        and own.spaced > _HALF
        else reading
        for reading, own in zip(readings, values, strict=True)
    ]


def _with_codes(readings: list[HeaderReading], values: Sequence[ColumnValues]) -> list[HeaderReading]:
    """``Billing Code`` is the postal code if its values are postal codes, and so is a blank ``Shipping Code`` then."""
    codes = [at for at, reading in enumerate(readings) if reading.concept == "address_name" and values[at].zips >= 0.8]
    roles = {role for at in codes for role in readings[at].roles & {"billing", "shipping"}}
    out = list(readings)
    for at, reading in enumerate(readings):
        own = reading.roles & {"billing", "shipping"}
        known = any(other.concept == "zip_code" and other.roles & own for other in readings)
        likely = at in codes or (bool(roles) and values[at].blank)
        likely &= any(other.concept in ADDRESS_PARTS and other.roles & own for other in readings)
        if reading.concept == "address_name" and own and not known and likely:
            out[at] = reading.as_("zip_code")
    return out


def _with_places(readings: Sequence[HeaderReading], values: Sequence[ColumnValues]) -> list[HeaderReading]:
    """``Ship To`` without other parts is the name of the place if it has digits less often than the plain street."""
    out = list(readings)
    streets = [at for at, one in enumerate(readings) if one.concept in LINES and not one.roles and one.group is None]
    digits = _OFTEN * max((values[at].with_digits for at in streets), default=0)
    for at, reading in enumerate(readings):
        bare = reading.concept == "address" and not reading.phrase and reading.roles and values[at].with_digits < digits
        if bare and sum(one.concept in ADDRESS_PARTS and one.roles == reading.roles for one in readings) == 1:
            out[at] = reading.as_("address_name")
    return out


def _with_house_numbers(readings: list[HeaderReading], values: Sequence[ColumnValues]) -> list[HeaderReading]:
    """``Nr`` next to a street without digits is the house number; ``Número`` far from any street is an ID."""
    out = list(readings)
    for at, reading in enumerate(readings):
        own, near = values[at], around(readings, at, 1) & {*LINES, "address_line_2"}
        if reading.concept == "house_number" and not near and not reading.roles and own.unique and not own.blank:
            out[at] = reading.as_("id")
        if reading.concept not in ("id", "address_name") or at == 0:
            continue
        short = own.with_digits > _MOST and own.share(lambda text: len(text) <= SHORT) == 1
        lines = [at - 1, *(other for other in range(at - 1) if reading.concept == "address_name")]
        for line in lines if short else ():
            street = readings[line].concept in LINES and readings[line].part is None and not values[line].blank
            if street and values[line].with_digits < 1 - _MOST:
                out[at] = replace(readings[line], concept="house_number")
                break
    return out


def _with_towns(readings: list[HeaderReading], values: Sequence[ColumnValues]) -> list[HeaderReading]:
    """``Postadress`` after ``Adress`` is the postal code with the city if it has values such as ``972 38 Luleå``."""
    out = list(readings)
    for at, reading in enumerate(readings):
        roles = reading.roles - {"mailing"}
        own = [one for one in readings[:at] if one.roles == roles and one.concept in ADDRESS_PARTS]
        below = any(one.concept in LINES for one in own) and not any(one.concept in _TOWN for one in own)
        towns = values[at].share(_POST_TOWN.fullmatch)
        named = any(one.concept in _CITIES and one.roles == reading.roles for one in readings)
        letters = values[at].share(lambda text: sum(map(str.isalpha, text)) >= _LONGEST_CODE)
        if reading.concept == "zip_code" and min(towns, letters) >= _MOST and not named:  # "PLZ" with "50667 Köln"
            out[at] = reading.as_("zip_city")
        if reading.concept in {*LINES, "address_line_2"} and below and towns >= _MOST:
            out[at] = replace(reading, concept="zip_city", roles=roles, part=None)
    return out


def _with_cities(readings: list[HeaderReading], values: Sequence[ColumnValues]) -> list[HeaderReading]:
    """``State`` next to a postal code is the city if its values are names and no column has the city.

    Such lists come from countries whose addresses have no state.
    """
    lines = [at for at, reading in enumerate(readings) if reading.concept in LINES and not values[at].blank]
    several = len(lines) > 1 or any(values[at].whole_addresses >= _SOME for at in lines)
    if several or any(reading.concept in _CITIES for reading in readings):
        return readings
    return [
        replace(reading, concept="city")
        if reading.concept == "state"
        and not reading.phrase.startswith("prov")
        and "zip_code" in around(readings, at)
        and values[at].with_digits == 0
        and values[at].share(lambda text: len(text) > _LONGEST_CODE) >= _OFTEN
        else reading
        for at, reading in enumerate(readings)
    ]


def _with_described_city(readings: list[HeaderReading], values: Sequence[ColumnValues]) -> list[HeaderReading]:
    """``Description`` or an unknown column next to the only full postal code is the city if no column has that."""
    codes = [at for at, one in enumerate(readings) if one.concept == "zip_code" and values[at].filled > _MOST]
    if len(codes) != 1 or any(reading.concept in _CITIES for reading in readings):
        return readings
    for at in (codes[0] + 1, codes[0] - 1):
        if not 0 <= at < len(readings) or readings[at].concept is not None or readings[at].roles:
            continue
        reading, own = readings[at], values[at]
        open_ = bool(reading.unknown) or _DESCRIPTION.match(reading.phrase) is not None
        names = own.lettered > _MOST and own.with_digits == own.emails == own.companies == 0 and own.distinct > _FEW
        if open_ and names and own.filled > _MOST and own.share(lambda text: len(text) <= _LONGEST_TOWN) == 1:
            city = replace(readings[codes[0]], concept="city", part=None, phrase=reading.phrase)
            return [*readings[:at], city, *readings[at + 1 :]]
    return readings


def _with_post_codes(readings: list[HeaderReading], values: Sequence[ColumnValues]) -> list[HeaderReading]:
    """``Kod`` next to a street or city is the postal code; an address without digits next to that is the city."""
    out = list(readings)
    concepts = [reading.concept for reading in readings]
    if "zip_code" in concepts and "city" not in concepts:
        codes = [at for at, name in enumerate(concepts) if name == "zip_code"]
        for at, reading in enumerate(readings):
            near = any(abs(at - other) == 1 for other in codes)
            plain = reading.concept == "address" or reading.phrase == "location"
            if plain and near and reading.part is None and not values[at].blank and values[at].with_digits == 0:
                out[at] = replace(reading, concept="city", roles=reading.roles & {"billing", "shipping"})
    if any(name in ("zip_code", "zip_city") for name in concepts):
        return out
    for at, reading in enumerate(readings):
        beside = at > 0 and bool(around(readings, at) & {"city", "state", "street"})
        if reading.concept == "id" and beside and values[at].zips >= 0.8 and values[at].with_digits == 1:
            out[at] = reading.as_("zip_code")
            break
    return out


def _with_lines(readings: list[HeaderReading]) -> list[HeaderReading]:
    """``Delivery address 1`` and ``2`` with one ``Delivery city`` are two lines of one address.

    So are ``Address 1 (street)`` and ``Address 2 (postal code and city)``.
    """
    out = list(readings)
    for key in {(reading.roles, reading.unknown) for reading in readings if reading.concept in LINES}:
        own = [
            at
            for at, reading in enumerate(readings)
            if (reading.roles, reading.unknown) == key and reading.concept in ADDRESS_PARTS
        ]
        lines = [at for at in own if readings[at].concept in LINES and readings[at].group is not None]
        towns = [readings[at] for at in own if readings[at].concept in _TOWN]
        bare = all(readings[at].part is None for at in lines)
        if _each_has_number([readings[at] for at in own]):
            for at in own:
                number = readings[at].group if readings[at].part is None else readings[at].part
                out[at] = replace(readings[at], group=None, part=number if readings[at].concept in LINES else None)
        elif bare and towns and len(lines) > 1 and all(town.group is None and town.part is None for town in towns):
            for at in lines:
                out[at] = replace(readings[at], group=None, part=readings[at].group)
    return out


def _each_has_number(parts: Sequence[HeaderReading]) -> bool:
    """Whether each part of an address has a number of its own, and no part other than lines occurs twice."""
    numbers = {reading.group if reading.part is None else reading.part for reading in parts}
    others = [reading.concept for reading in parts if reading.concept not in LINES]
    both = any(reading.group is not None and reading.part is not None for reading in parts)
    return bool(others) and len(numbers - {None}) == len(parts) and len(others) == len(set(others)) and not both


def around(readings: Sequence[HeaderReading], at: int, far: int = _NEAR) -> set[str | None]:
    """The concepts of the columns on either side."""
    near = range(max(0, at - far), min(len(readings), at + far + 1))
    return {readings[other].concept for other in near if other != at}
