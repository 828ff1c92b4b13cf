"""Phone numbers to E.164 by Google's libphonenumber metadata; extensions are kept apart."""

import re
from dataclasses import dataclass

import phonenumbers
import pyarrow as pa
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, ValidationResult

from importer.mapping.findings import Result, failures

__all__ = ["phone"]

_HINT = "Write the number with its country code, such as +1 415 555 0132."
_NO_COUNTRY = "has no country code, and the country is not known"
_COUNTRY_HINT = "Say which country's numbers these are (--country US), or write the number with its country code."
_EXPONENT = re.compile(r"^\d(?:[.,]\d+)?E\+\d+$", re.IGNORECASE)
# Two numbers in one cell: libphonenumber would take the first and say nothing.
_SEVERAL = re.compile(r"\d[\d\s().-]{5,}(?:[;,/|\n]|\bor\b|\band\b|[A-Za-z]{3,}:)[^\d+]*\+?[\d(][\d\s().-]{5,}\d")
_TOO_LONG = 17  # digits; E.164 has at most 15, and two may be a trunk or international prefix
_NANP = 1
_REASONS = {
    ValidationResult.TOO_SHORT: "has too few digits for a phone number",
    ValidationResult.TOO_LONG: "has too many digits for a phone number",
    ValidationResult.INVALID_LENGTH: "has the wrong number of digits for a phone number",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "has no area code",
    ValidationResult.INVALID_COUNTRY_CODE: "has a country code that does not exist",
}


@dataclass(frozen=True, slots=True)
class _Reading:
    number: str | None = None
    extension: str | None = None
    reason: str | None = None


def phone(values: pa.Array, countries: pa.Array) -> Result:
    """Distinct (number, country) pairs → E.164.

    ``countries``: ``"GB"``, or ``"GB|US"`` for the record's own country and then the default one; null when neither is
    known. A number that is not valid in any of them is an error; nothing is guessed.
    """
    readings = [_read(v, (c or "").split("|")) for v, c in zip(values.to_pylist(), countries.to_pylist(), strict=True)]
    hints = [_COUNTRY_HINT if reading.reason == _NO_COUNTRY else _HINT for reading in readings]
    return Result(
        pa.array([reading.number for reading in readings], pa.string()),
        failures("phone_invalid", [reading.reason for reading in readings], hints),
        pa.array([reading.extension for reading in readings], pa.string()),
    )


def _read(value: str, regions: list[str]) -> _Reading:
    digits = sum(map(str.isdigit, value))
    if digits == 0:
        return _Reading(reason="is no phone number")
    if _EXPONENT.match(value):
        return _Reading(reason="was turned into a rounded number by a spreadsheet; its last digits are lost")
    if _SEVERAL.search(value):
        return _Reading(reason="holds more than one phone number")
    text = "+" + value[2:] if value.startswith("00") else value
    first: _Reading | None = None
    for region in regions:
        reading = _read_as(text, region or None)
        if reading.number is not None:
            return reading
        first = first or reading
    return first or _Reading(reason="is no phone number")


def _read_as(text: str, region: str | None) -> _Reading:
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException as error:
        if error.error_type == NumberParseException.INVALID_COUNTRY_CODE:
            return _Reading(reason=_NO_COUNTRY)
        return _Reading(reason="is no phone number")
    if phonenumbers.is_valid_number(number):
        return _Reading(phonenumbers.format_number(number, PhoneNumberFormat.E164), number.extension or None)
    return _attached_extension(number) or _Reading(reason=_reason(number))


def _attached_extension(number: PhoneNumber) -> _Reading | None:
    """North American exports run number and four-digit extension together: 41555501321234."""
    national = str(number.national_number)
    if number.country_code != _NANP or len(national) != 14 or number.extension:
        return None
    short = PhoneNumber(country_code=_NANP, national_number=int(national[:10]))
    if not phonenumbers.is_valid_number(short):
        return None
    return _Reading(phonenumbers.format_number(short, PhoneNumberFormat.E164), national[10:])


def _reason(number: PhoneNumber) -> str:
    verdict = phonenumbers.is_possible_number_with_reason(number)
    region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    return _REASONS.get(verdict, f"is not a number in use in {region}" if region != "001" else "is not a number in use")
