"""Phone numbers to E.164 by Google's libphonenumber metadata, extensions apart; and one of several labeled numbers."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumber, PhoneNumberFormat, ValidationResult
from phonenumbers.phonemetadata import PhoneNumberDesc

from importer.mapping.columns import Codes, Mask
from importer.mapping.transform_results import Result, failures
from importer.records import Severity

_HINT = "Write the number with its country code, such as +1 415 555 0132."
_NO_COUNTRY = "has no country code, and the country is not known"
_ROUNDED = "was turned into a rounded number by a spreadsheet; its last digits are lost"
_ROUNDED_HINT = "Export again with the column formatted as text, or write the whole number."
_COUNTRY_HINT = "Say which country's numbers these are (--country US), or write the number with its country code."
_EXPONENT = re.compile(r"^\d(?:[.,]\d+)?E\+\d+$", re.IGNORECASE)
# Two numbers in one cell: libphonenumber would take the first and say nothing.
_SEVERAL = re.compile(r"(?:\d[\s().-]*){7}(?:[;,/|\n]|\bor\b|\band\b|[A-Za-z]{3,}:)[^\d+]*\+?(?:[\s().-]*\d){7}")
_SPLIT_HINT = "To keep the others, split the cell in the mapping: one to the phone, one to a contact or an attribute."
_BETWEEN = re.compile(r"[;,/|\n]|\bor\b|\band\b|(?<=\d)\s+(?=[A-Za-z]{3,}:)")
_LABEL = re.compile(r"^([A-Za-z][A-Za-z .]*)(?:[ #]?\d)?[ ]*[:=][ ]*(?=[+(\d])")
_FAX = re.compile(r"^\s*(?:fax|telefax|f)\b", re.IGNORECASE)
_REMARK = re.compile(r"\s*[(\[][^\d()\[\]]{2,}[)\]]\s*$")  # (ask for Dana)
_WORDS = re.compile(r"(?<=\d)\s+[^\W\d_]\D*$")  # 030 23125 123 mobile
# libphonenumber passes over a letter, as if 02O were 02; where numbers have no fixed length, what is left is one.
_LETTER = re.compile(r"\d[^\W\d_]|\d.*[^\W\d_]\d")
_SPELT = re.compile(r"[A-Z]{3}")  # 0800 FLOWERS
_FAKE = re.compile(r"(\d)\1{6,}|1234567890|0123456789|123456789")
_NANP = 1
_REASONS = {
    ValidationResult.TOO_SHORT: "has too few digits for a phone number",
    ValidationResult.TOO_LONG: "has too many digits for a phone number",
    ValidationResult.INVALID_LENGTH: "has the wrong number of digits for a phone number",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "has no area code",
    ValidationResult.INVALID_COUNTRY_CODE: "has a country code that does not exist",
}

# The words of labels, as people write them; any other word is a label of its own.
_LABEL_WORDS = {
    "phone": ("phone", "tel", "telephone", "ph", "p", "t", "telefon", "telefono", "tél", "phones", "number", "no"),
    "mobile": ("mobile", "cell", "cellular", "mob", "m", "c", "handy", "portable"),
    "fax": ("fax", "facsimile", "f", "telefax"),
    "work": ("work", "office", "business", "bus", "w"),
    "home": ("home", "h"),
    "other": ("other", "alt", "alternate"),
}
_SAME = {word: name for name, words in _LABEL_WORDS.items() for word in words}
_STRONGEST = ("fax", "mobile")  # a "work fax" is a fax
_LONGEST_LABEL = 24  # characters of a label
_NO_LABEL = re.compile(r"^(?:ext|extn|extension|x|or|and|https?)$", re.IGNORECASE)
_KNOWN = "|".join(sorted(map(re.escape, _SAME), key=len, reverse=True))
_BEFORE_A_COLON = r"([^\W\d_][^\W\d_.\- ]*(?:[ .\-]+[^\W\d_]+){0,2}\.?)\s*[:=]"
_BEFORE_A_NUMBER = rf"({_KNOWN})\.?(?=\s*[+(]?\d)"
_ANY_LABEL = re.compile(rf"(?:^|(?<=[\s,;/|)\d]))(?:{_BEFORE_A_COLON}|{_BEFORE_A_NUMBER})\s*", re.IGNORECASE)
_LABEL_BEHIND = re.compile(rf"^(.*\d)\s*[(\[]?({_KNOWN})\.?[)\]]?$", re.IGNORECASE | re.DOTALL)
_BETWEEN_LABELED = re.compile(r"[;|\n]+|,(?!\s*(?:x|ext))", re.IGNORECASE)
_EDGES = " \t\r\n,;|/"

# Plainly written numbers are read by whole columns, with the patterns of libphonenumber's numbering plans.
_PLAIN = r"^(?:\(?\+|00)?[0-9 ().\-/]*[0-9]$"
_MARKS = " ().-/+"
_EXTENSION = " *,? *(?i:x|#|ext|extn|extension)[.:]? *[0-9]{1,6}$"  # shorter than any number
_LONGEST = 100  # characters; libphonenumber refuses more than 250
_MOST_DIGITS = 13  # beside a slash; more may be two numbers
_FEWEST = 50  # numbers of a country; fewer are parsed in the time that it takes to compile the patterns
_TYPES = (
    *("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost"),
    *("personal_number", "voip", "pager", "uan", "voicemail"),
)


@dataclass(frozen=True, slots=True)
class _Reading:
    number: str | None = None
    extension: str | None = None
    reason: str | None = None
    others: str | None = None


def phone(values: pa.Array, countries: pa.Array) -> Result:
    """Distinct (number, country) pairs → E.164.

    Labels and remarks around a number are left out. Of several numbers in a cell the first is taken, with a warning.
    ``countries``: ``"GB"``, or ``"GB|US"`` for the record's own country and then the default one; null when neither is
    known. A number that is not valid in any of them is an error; nothing is guessed.
    """
    numbers, extensions = plain_numbers(values, countries)
    at = np.flatnonzero(numbers.is_null().to_numpy(zero_copy_only=False))
    left = _parse(values.take(pa.array(at)), countries.take(pa.array(at)))
    return left.among(at, Result(numbers, extensions=extensions))


def _parse(values: pa.Array, countries: pa.Array) -> Result:
    """Read each number with libphonenumber's parser."""
    pairs = zip(values.to_pylist(), countries.to_pylist(), strict=True)
    readings = [_read(value, (regions or "").split("|")) for value, regions in pairs]
    reasons = [None if reading.reason == _ROUNDED else reading.reason for reading in readings]
    hints = [_COUNTRY_HINT if reason == _NO_COUNTRY else _HINT for reason in reasons]
    rounded = [reading.reason if reading.reason == _ROUNDED else None for reading in readings]
    others = [reading.others for reading in readings]
    findings = (
        *failures("invalid_phone", reasons, hints),
        *failures("excel_damaged", rounded, _ROUNDED_HINT),
        *failures("phones_left_out", others, _SPLIT_HINT, Severity.WARNING, replaces=True),
    )
    numbers, extensions = ([getattr(one, name) for one in readings] for name in ("number", "extension"))
    return Result(pa.array(numbers, pa.string()), findings, pa.array(extensions, pa.string()))


def _read(value: str, regions: list[str]) -> _Reading:
    digits = sum(map(str.isdigit, value))
    if digits == 0:
        return _Reading(reason="is not a phone number")
    if _EXPONENT.match(value):
        return _Reading(reason=_ROUNDED)
    if _SEVERAL.search(value):
        return _first_of(value, regions)
    return _read_one(value, regions)


def _first_of(value: str, regions: list[str]) -> _Reading:
    """The first of several numbers that are all valid; a fax number does not count."""
    pieces = [piece.strip() for piece in _BETWEEN.split(value) if any(map(str.isdigit, piece))]
    readings = [_read_one(piece, regions) for piece in pieces if not _FAX.match(piece)]
    if len(pieces) < 2 or not readings or any(reading.number is None for reading in readings):
        return _Reading(reason="contains more than one phone number")
    return replace(
        readings[0], others=f"contains several numbers; {readings[0].number} is taken, the others are left out"
    )


def _read_one(value: str, regions: list[str]) -> _Reading:
    value = _REMARK.sub("", _LABEL.sub("", value))
    text = "+" + value[2:] if value.startswith("00") else value
    first: _Reading | None = None
    for form in dict.fromkeys((_WORDS.sub("", text), text)):
        for region in regions:
            reading = _read_as(form, region or None)
            if reading.number is not None:
                return reading
            first = first or reading
    if _FAKE.search("".join(filter(str.isdigit, text))):
        return _Reading(reason="is a placeholder, not a phone number")
    return first or _Reading(reason="is not a phone number")


def _read_as(text: str, region: str | None) -> _Reading:
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException as error:
        if error.error_type == NumberParseException.INVALID_COUNTRY_CODE:
            return _Reading(reason=_NO_COUNTRY)
        return _Reading(reason="is not a phone number")
    if phonenumbers.is_valid_number(number):
        if (
            number.extension is None
            and number.country_code != _NANP
            and _LETTER.search(text)
            and not _SPELT.search(text)
        ):
            return _Reading(reason="has a letter among its digits")
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


def labelled(values: pa.Array, labels: Sequence[str]) -> Result:
    """Of every cell the first number with the first of ``labels`` that it has; a number without one is a phone.

    Labels are compared by what they mean (``Tel.`` is ``Phone``, ``Cell`` is ``Mobile``). What else a cell
    contains is reported.
    """
    wanted = [_meaning(label) for label in labels]
    taken: list[str | None] = []
    told: list[str | None] = []
    for value in values.to_pylist():
        numbers = _labeled_numbers(value)
        chosen = next((one for label in wanted for one in numbers if one[0] == label), None)
        taken.append(None if chosen is None else chosen[1])
        left = ", ".join(" ".join(one) for one in numbers if one is not chosen)
        told.append(f"contains more than is taken here; not taken: {left}" if left else None)
    return Result(pa.array(taken, pa.string()), failures("value_not_taken", told, "", Severity.INFO))


@cache
def _meaning(label: str) -> str:
    """``Cell Phone`` → ``mobile``: what a label says, however it is spelled."""
    words = [_SAME.get(word, word) for word in re.findall(r"[^\W\d_]+", label.casefold())]
    strong = next((word for word in _STRONGEST if word in words), None)
    special = [word for word in words if word != "phone"]
    return strong or " ".join(special) or "phone"


def _labeled_numbers(value: str) -> list[tuple[str, str]]:
    """(What its label means, number) of each number in a cell."""
    found: list[tuple[str, str]] = []
    label, start = "", 0
    for match in _ANY_LABEL.finditer(value):
        name = match[1] or match[2]
        if len(name) > _LONGEST_LABEL or _NO_LABEL.match(name):
            continue
        found += _pieces(label, value[start : match.start()])
        label, start = name, match.end()
    return [*found, *_pieces(label, value[start:])]


def _pieces(label: str, text: str) -> Iterator[tuple[str, str]]:
    """The numbers behind one label, ``""`` where there is none: then it may be behind the number."""
    for piece in _BETWEEN_LABELED.split(text):
        number = piece.strip(_EDGES)
        behind = None if label else _LABEL_BEHIND.match(number)
        if behind is not None:
            yield (_meaning(behind[2]), behind[1].strip(_EDGES))
        elif number:
            yield (_meaning(label) if label else "phone", number)


def plain_numbers(values: pa.Array, countries: pa.Array) -> tuple[pa.Array, pa.Array]:
    """(E.164, extension) of plainly written, valid numbers; null for all others.

    The first country counts. Only what is certain is decided here, so that the result is the parser's: a number that is
    read as it is written, or without the national prefix of its country, and that fits the pattern of a number type.
    """
    nothing = pa.nulls(len(values), pa.string())
    bare = pc.replace_substring_regex(values, _EXTENSION, "")
    extended = pc.not_equal(bare, values)
    extensions = pc.replace_substring_regex(values.filter(extended), "^.*[^0-9]", "")
    found = _bare_numbers(bare, countries)
    return found, pc.if_else(found.is_valid(), pc.replace_with_mask(nothing, extended, extensions), nothing)


def _bare_numbers(values: pa.Array, countries: pa.Array) -> pa.Array:
    """The numbers of the countries that occur often enough; the first one of a text counts."""
    numbers = pa.nulls(len(values), pa.string())
    for text, count in (counted.values() for counted in pc.value_counts(countries).to_pylist()):
        region = (text or "").partition("|")[0]
        if count >= _FEWEST and region in phonenumbers.SUPPORTED_REGIONS:
            at = np.flatnonzero(_mask(pc.fill_null(pc.equal(countries, text), False)))
            for rows, found in _of_region(values.take(pa.array(at)), region):
                mask = np.zeros(len(values), bool)
                mask[at[rows]] = True
                numbers = pc.replace_with_mask(numbers, pa.array(mask), found)
    return numbers


def _of_region(values: pa.Array, region: str) -> Iterator[tuple[Codes, pa.Array]]:
    """(Rows, E.164 or null) of the region's numbers without, and then with, their country code."""
    digits = values
    for mark in _MARKS:
        digits = pc.replace_substring(digits, mark, "")
    plain = pc.and_(pc.match_substring_regex(values, _PLAIN), pc.less_equal(pc.utf8_length(values), _LONGEST))
    one = pc.or_(pc.less_equal(pc.utf8_length(digits), _MOST_DIGITS), pc.invert(pc.match_substring(values, "/")))
    plain = pc.and_(plain, one)
    zeros = pc.starts_with(values, "00")
    international = pc.or_(zeros, pc.match_substring(values, "+"))
    code = phonenumbers.country_code_for_region(region)
    rows = np.flatnonzero(_mask(pc.and_not(plain, international)))
    yield rows, _numbers(digits.take(pa.array(rows)), region, code, at_home=True)
    own = pc.if_else(zeros, pc.starts_with(digits, f"00{code}"), pc.starts_with(digits, str(code)))
    rows = np.flatnonzero(_mask(pc.and_(pc.and_(plain, international), own)))
    national = pc.replace_substring_regex(digits.take(pa.array(rows)), f"^(?:00)?{code}", "")
    yield rows, _numbers(national, phonenumbers.region_code_for_country_code(code), code, at_home=False)


def _numbers(digits: pa.Array, region: str, code: int, *, at_home: bool) -> pa.Array:
    """E.164 of digits as the region's plan reads them; ``at_home``: a prefix for calls abroad may be in front."""
    plan = _plan(region)
    national = pc.replace_substring_regex(digits, f"^(?:{plan.national_prefix_for_parsing or ''})", "")
    prefixed = pc.binary_join_element_wise(plan.national_prefix or "", national, "")
    # The parser keeps a prefix, or takes a country code off, where the rest is not a number by the region's own plan.
    certain = _mask(pc.or_(pc.equal(national, digits), pc.equal(prefixed, digits)))
    certain &= _fits(national, _general(plan).national_number_pattern)
    certain &= np.isin(pc.utf8_length(national).to_numpy(), _general(plan).possible_length)
    if at_home:
        certain &= ~_mask(pc.match_substring_regex(digits, f"^(?:{plan.international_prefix})"))
    certain[certain] = _valid(national.filter(pa.array(certain)), code)
    nothing = pa.scalar(None, pa.string())
    return pc.if_else(pa.array(certain), pc.binary_join_element_wise(f"+{code}", national, ""), nothing)


def _valid(national: pa.Array, code: int) -> Mask:
    """Whether the regions of a country code have such numbers: the first region that claims a number decides."""
    valid = np.zeros(len(national), bool)
    left = np.arange(len(national))
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]
    for plan in map(_plan, regions):
        if not len(left):
            break
        own = national.take(pa.array(left))
        claimed = typed = _fits(own, _general(plan).national_number_pattern) & _fits(own, _any_type(plan))
        if plan.leading_digits is not None and len(regions) > 1:
            claimed = _mask(pc.match_substring_regex(own, f"^(?:{plan.leading_digits})"))
        valid[left[claimed & typed]] = True
        left = left[~claimed]
    return valid


def _plan(region: str) -> PhoneMetadata:
    plan = PhoneMetadata.metadata_for_region(region)
    assert plan is not None  # regions come from libphonenumber's own lists
    return plan


def _general(plan: PhoneMetadata) -> PhoneNumberDesc:
    """What all numbers of a plan look like: some that look so are of no type, and are not valid."""
    assert plan.general_desc is not None  # every plan has it
    return plan.general_desc


def _any_type(plan: PhoneMetadata) -> str:
    """The patterns of a plan's types of numbers as one."""
    types = (getattr(plan, name) for name in _TYPES)
    patterns = dict.fromkeys(one.national_number_pattern for one in types if one is not None)
    return "|".join(filter(None, patterns))


def _fits(texts: pa.Array, pattern: str | None) -> Mask:
    return _mask(pc.match_substring_regex(texts, f"^(?:{pattern})$"))


def _mask(flags: pa.Array) -> Mask:
    mask: Mask = flags.to_numpy(zero_copy_only=False)
    return mask
