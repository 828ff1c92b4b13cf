"""Converts phone numbers to E.164 with Google's libphonenumber metadata; extensions are separated."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import phonenumbers
import pyarrow as pa
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType, ValidationResult

from importer.mapping.transform_results import TransformResult, failures
from importer.mapping.transforms.phone_text import NumberText, number_text
from importer.mapping.transforms.plain_phones import plain_numbers
from importer.mapping.transforms.text_forms import ROUNDED, narrow, whole_number
from importer.records import Severity

_HINT = "Enter the number with its country code, such as +1 415 555 0132."
_NO_COUNTRY = "has no country code, and the country is not known"
_ROUNDED = "was turned into a rounded number by a spreadsheet; its last digits are lost"
_ROUNDED_HINT = "Export again with the column formatted as text, or enter the whole number."
_COUNTRY_HINT = "Set the default country (--country US), or enter the number with its country code."
_CODE_HINT = "If that is wrong, enter the number with + and its country code, or with its leading zero."
_SPLIT_HINT = "To keep the others, split the cell in the mapping, and map one to the phone and another to a contact."
_FAX = "is a fax number, and is left out"
_FAX_HINT = "If it is also a phone number, remove the label."
_TWICE = "has its country code twice"
_AS_NUMBER = re.compile(r"^(\+?\d{7,})[.,]0{1,2}$")  # as a spreadsheet writes it; more zeros may be digits
# 0800 FLOWERS; possessive, because some cells have long notes in capitals.
_SPELT = re.compile(r"^[+\d\s().\-]*\d[\s\-.]*(?=[A-Z\-]*[A-Z]{3})[A-Z]++(?:[\-\s]?[A-Z\d]++)*+$")
_FAKE = re.compile(r"(\d)\1{6,}|1234567890|0123456789|123456789")
_NANP = 1
# Prefixes that a country no longer uses, but that lists still have in front of a complete number.
_FORMER_PREFIXES = {"MX": re.compile(r"^(?:(?:\+|00)?\s*52\W*1|01|04[45])\W*(?=(?:\d\W*){10}$)")}
_LONGEST_NATIONAL = 12  # digits, or more: such a number that begins with its own country code has it twice
_FREE = frozenset(
    {PhoneNumberType.TOLL_FREE, PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST, PhoneNumberType.UAN}
)
_REASONS = {
    ValidationResult.TOO_SHORT: "has too few digits for a phone number",
    ValidationResult.TOO_LONG: "has too many digits for a phone number",
    ValidationResult.INVALID_LENGTH: "has the wrong number of digits for a phone number",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "has no area code",
    ValidationResult.INVALID_COUNTRY_CODE: "has a country code that does not exist",
}


@dataclass(frozen=True, slots=True)
class _Reading:
    """A number, or the reason why there is none. ``others``, ``assumed``: what is reported about it."""

    number: str | None = None
    extension: str | None = None
    reason: str | None = None
    others: str | None = None
    assumed: str | None = None


def phone(values: pa.Array, countries: pa.Array) -> TransformResult:
    """Distinct (number, country) pairs → E.164.

    Labels and remarks around a number are left out. Of several numbers in a cell the first is taken, with a warning.
    ``countries``: ``"GB"``, or ``"GB|US"`` for the record's own country and then the default one; null when neither is
    known. A number that is not valid in any of them is an error; nothing is guessed.
    """
    values = narrow(values)
    numbers, extensions = plain_numbers(values, countries)
    at = np.flatnonzero(numbers.is_null().to_numpy(zero_copy_only=False))
    left = _parse(values.take(pa.array(at)), countries.take(pa.array(at)))
    return left.among(at, TransformResult(numbers, extensions=extensions))


def _parse(values: pa.Array, countries: pa.Array) -> TransformResult:
    """Read each number with libphonenumber's parser."""
    pairs = zip(values.to_pylist(), countries.to_pylist(), strict=True)
    readings = [_read(value, (regions or "").split("|")) for value, regions in pairs]
    reasons = [None if reading.reason == _ROUNDED else reading.reason for reading in readings]
    hints = [_COUNTRY_HINT if reason == _NO_COUNTRY else _HINT for reason in reasons]
    rounded = [reading.reason if reading.reason == _ROUNDED else None for reading in readings]
    others, assumed = [reading.others for reading in readings], [reading.assumed for reading in readings]
    findings = (
        *failures("invalid_phone", reasons, hints),
        *failures("excel_damaged", rounded, _ROUNDED_HINT),
        *failures(
            "phones_left_out",
            others,
            [_FAX_HINT if message == _FAX else _SPLIT_HINT for message in others],
            Severity.WARNING,
            replaces=True,
        ),
        *failures("phone_code_assumed", assumed, _CODE_HINT, Severity.WARNING, replaces=True),
    )
    numbers, extensions = ([getattr(one, name) for one in readings] for name in ("number", "extension"))
    return TransformResult(pa.array(numbers, pa.string()), findings, pa.array(extensions, pa.string()))


def _read(value: str, regions: list[str]) -> _Reading:
    value = whole_number(value) or value
    if ROUNDED.fullmatch(value):
        return _Reading(reason=_ROUNDED)
    if number := _AS_NUMBER.match(value):
        value = number[1]
    found = number_text(value)
    if found is None:
        return _Reading(reason="is not a phone number")
    if found.fax:
        return _Reading(others=_FAX)
    if found.twice:
        return _Reading(reason=_TWICE)
    reading = _first_valid(_candidates(found, regions))
    if reading.number is None and (former := _without_former_prefix(found.forms, regions)):
        reading = former
    if reading.number is None and _SPELT.match(value):
        spelled = _first_valid(_parsed(value, region or None) for region in regions)
        reading = spelled if spelled.number else reading
    if reading.number is None:
        return _why_not(found, reading)
    if found.others:
        more = "one number" if found.numbers > 1 else "a phone number"
        message = f"contains more than {more}; {reading.number} is used, and the rest is left out"
        reading = replace(reading, others=message)
    return replace(reading, extension=found.extension or reading.extension)


def _candidates(found: NumberText, regions: list[str]) -> Iterator[_Reading]:
    for form in found.forms:
        texts = ["+" + form[2:], form] if form.startswith("00") else [form]  # 0011 is Australia's international prefix
        for text, region in product(texts, regions):
            reading = _as_number(text, region or None)
            if found.letter and not (reading.number or "").startswith(f"+{_NANP}"):
                reading = _Reading(reason="has a letter among its digits")
            yield reading


def _without_former_prefix(forms: tuple[str, ...], regions: list[str]) -> _Reading | None:
    for region, prefix in _FORMER_PREFIXES.items():
        code = f"+{phonenumbers.country_code_for_region(region)}"
        if region in regions or any(form.startswith(code) for form in forms):
            found = _first_valid(_parsed(prefix.sub("", form), region) for form in forms)
            return found if found.number else None
    return None


def _first_valid(readings: Iterator[_Reading]) -> _Reading:
    """The first reading with a number, or the first reading if none has one."""
    first: _Reading | None = None
    for reading in readings:
        if reading.number is not None:
            return reading
        first = first or reading
    return first or _Reading(reason="is not a phone number")


def _why_not(found: NumberText, reading: _Reading) -> _Reading:
    if found.numbers > 1:
        return _Reading(reason="contains more than one phone number")
    if _FAKE.search("".join(filter(str.isdigit, found.forms[0]))):
        return _Reading(reason="is a placeholder, not a phone number")
    return reading


def _as_number(text: str, region: str | None) -> _Reading:
    """A number by its region's plan; without ``+``, its own country code may be in front."""
    code = phonenumbers.country_code_for_region(region) if region else 0
    digits = "".join(filter(str.isdigit, text))
    if "+" in text or code in (0, _NANP) or not digits.startswith(str(code)):
        return _parsed(text, region)
    national, international = _parsed(text, region), _parsed(f"+{digits}", region)
    if international.number is None and international.reason != _TWICE:
        return national
    if national.number in (None, international.number) or international.number is None:
        return international
    message = f"is read as {international.number}: it begins with the country code of {region}, but has no plus sign"
    return replace(international, assumed=message)


def _parsed(text: str, region: str | None) -> _Reading:
    """What libphonenumber makes of a text."""
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException as error:
        if error.error_type == NumberParseException.INVALID_COUNTRY_CODE:
            return _Reading(reason=_NO_COUNTRY)
        return _Reading(reason="is not a phone number")
    if not phonenumbers.is_valid_number(number):
        return _attached_extension(number, text) or _Reading(reason=_reason(number))
    if _SPELT.match(text) and number.country_code != _NANP and phonenumbers.number_type(number) not in _FREE:
        return _Reading(reason="has letters among its digits")
    if _has_code_twice(number, text):
        return _Reading(reason=_TWICE)
    return _Reading(phonenumbers.format_number(number, PhoneNumberFormat.E164))


def _has_code_twice(number: PhoneNumber, text: str) -> bool:
    """``+49 49 171 6783154``: the country code is followed by itself, and then by a complete number."""
    code, national = str(number.country_code), phonenumbers.national_significant_number(number)
    if number.country_code == _NANP or not national.startswith(code):
        return False
    try:
        inner = phonenumbers.parse(f"+{national}")
    except NumberParseException:
        return False
    apart = re.match(rf"\W*(?:00)?\s*{code}\D*(?:00)?{code}\D", text) is not None
    return phonenumbers.is_valid_number(inner) and (apart or len(national) >= _LONGEST_NATIONAL)


def _attached_extension(number: PhoneNumber, text: str) -> _Reading | None:
    """North American exports run number and four-digit extension together: 41555501321234."""
    national = str(number.national_number)
    if number.country_code != _NANP or len(national) != 14 or not re.fullmatch(r"\d{14}", text):
        return None
    short = PhoneNumber(country_code=_NANP, national_number=int(national[:10]))
    if not phonenumbers.is_valid_number(short):
        return None
    return _Reading(phonenumbers.format_number(short, PhoneNumberFormat.E164), national[10:])


def _reason(number: PhoneNumber) -> str:
    reason = phonenumbers.is_possible_number_with_reason(number)
    region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    where = "" if region == "001" else f" in {region}"
    return _REASONS.get(reason, f"is not a valid phone number{where}")
