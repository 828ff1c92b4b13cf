"""Converts plainly written phone numbers to E.164, a whole column at once, with libphonenumber's patterns."""

from collections.abc import Iterator

import numpy as np
import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc
from phonenumbers import PhoneMetadata
from phonenumbers.phonemetadata import PhoneNumberDesc

from importer.mapping.columns import Codes, Mask

_PLAIN = r"^(?:\(?\+|00)?[0-9 ().\-/]*[0-9]$"
_MARKS = " ().-/+"
# What may be more than one number, or a number that a spreadsheet wrote with a fraction: a closer look decides.
_SLASH_IN_NUMBER = r"/ *(?:[0-9][ .()\-]*){5,}$"
_DOUBTFUL = (
    r"[0-9]\.0+$|/.*/|^(?:[^0-9]*[0-9]){7}.*(?:/| - )"
    r"|^(?:[^0-9]*[0-9]){7}.* +0[0-9]{1,5}[ /\-]*[0-9]{5}|^(?:[^0-9]*[0-9]){16}"
)
_EXTENSION = " *,? *(?i:x|#|ext|extn|extension)[.:]? *[0-9]{1,6}$"  # shorter than any number
_LONGEST = 100  # characters; libphonenumber refuses more than 250
_NANP = 1
_FEWEST = 50  # numbers of a country; fewer are parsed in the time that it takes to compile the patterns
_TYPES = (
    *("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost"),
    *("personal_number", "voip", "pager", "uan", "voicemail"),
)


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
    slash_in_number = pc.or_(
        pc.match_substring_regex(values, _SLASH_IN_NUMBER), pc.invert(pc.match_substring(values, "/"))
    )
    plain = pc.and_not(pc.and_(plain, slash_in_number), pc.match_substring_regex(values, _DOUBTFUL))
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
    # The parser keeps a prefix, or removes a country code, if the rest is not a number in the region's own plan.
    certain = _mask(pc.or_(pc.equal(national, digits), pc.equal(prefixed, digits)))
    certain &= _fits(national, _general(plan).national_number_pattern)
    certain &= np.isin(pc.utf8_length(national).to_numpy(), _general(plan).possible_length)
    if code != _NANP:  # its own country code in front, or a second time
        certain &= ~_mask(pc.starts_with(digits, str(code)))
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
