"""Phone numbers by whole columns: those that are written plainly and that the numbering plan of their country has.

The plans are libphonenumber's. What its parser would do to a number is done here only where the plan makes it certain;
everything else comes back as null and is left to the parser, so that both say the same of every number.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc
from phonenumbers import PhoneMetadata

from importer.mapping.columns import Codes, Mask
from importer.mapping.transforms.leading_digits import Heads, NumberFates, free_digits, width
from importer.mapping.transforms.phone_text import digits_of

__all__ = ["plain_numbers"]

_LONGEST_CODE = 3
_OF_NOBODY = ("001",)
_LEFT, _AS_IT_STANDS, _WITHOUT_PREFIX = 1, 2, 3  # what becomes of digits
_KINDS = (
    *("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost"),
    *("personal_number", "voip", "pager", "uan", "voicemail"),
)


def plain_numbers(values: pa.Array, countries: pa.Array) -> tuple[pa.Array, pa.Array]:
    """(E.164, extension) of plain valid numbers, null for everything else.

    ``countries``: ``"GB"`` or ``"GB|US"``, of which the first counts, or null.
    """
    written = digits_of(values)
    read = _mask(written.digits.is_valid())
    place = np.full(len(values), -1, np.int64)
    found = [pa.array([], pa.string())]
    count = 0
    for at, numbers in _by_plan(written.digits, countries, read & written.abroad, read & ~written.abroad):
        place[at] = np.arange(count, count + len(at))
        found.append(numbers)
        count += len(at)
    numbers = pa.concat_arrays(found).take(pa.array(place, mask=place < 0))
    return numbers, pc.if_else(numbers.is_valid(), written.extensions, pa.scalar(None, pa.string()))


def _by_plan(digits: pa.Array, countries: pa.Array, abroad: Mask, home: Mask) -> Iterator[tuple[Codes, pa.Array]]:
    """Numbers by the plan that they are read with: (their places, E.164 or null)."""
    at = np.flatnonzero(abroad).astype(np.int64)
    for code, own in _by_country_code(digits.take(pa.array(at))):
        national = pc.utf8_slice_codeunits(digits.take(pa.array(at[own])), len(str(code)))
        yield at[own], _numbers(national, code, phonenumbers.region_code_for_country_code(code), at_home=False)
    at = np.flatnonzero(home).astype(np.int64)
    for text, own in _groups(countries.take(pa.array(at))):
        region = text.partition("|")[0]
        if region in phonenumbers.SUPPORTED_REGIONS:
            code = phonenumbers.country_code_for_region(region)
            yield at[own], _numbers(digits.take(pa.array(at[own])), code, region, at_home=True)


def _by_country_code(digits: pa.Array) -> Iterator[tuple[int, Codes]]:
    """Each country code that digits begin with, and where they stand."""
    starts = pc.utf8_slice_codeunits(digits, 0, _LONGEST_CODE + 1)  # a code alone is no number
    encoded = starts.dictionary_encode()
    codes = np.array([_country_code(text) for text in encoded.dictionary.to_pylist()], np.int64)
    own = codes[encoded.indices.to_numpy()]
    for code in np.unique(codes[codes >= 0]).tolist():
        yield code, np.flatnonzero(own == code).astype(np.int64)


@cache
def _country_code(start: str) -> int:
    """The country code that digits begin with, or -1; no code begins with another one."""
    lengths = range(1, min(len(start), _LONGEST_CODE + 1) if start[0] != "0" else 1)
    found = (int(start[:length]) for length in lengths)
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE
    return next((code for code in found if regions.get(code, _OF_NOBODY) != _OF_NOBODY), -1)


def _groups(texts: pa.Array) -> Iterator[tuple[str, Codes]]:
    """Each distinct text and where it stands; nulls are left out."""
    encoded = texts.dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    for number, text in enumerate(encoded.dictionary.to_pylist()):
        yield text, np.flatnonzero(codes == number).astype(np.int64)


def _numbers(digits: pa.Array, code: int, region: str, *, at_home: bool) -> pa.Array:
    """E.164 of digits that are read by one region's plan; ``at_home``: they stand without their country code."""

    def judge(some: pa.Array) -> NumberFates:
        return _fates(some, code, region, at_home=at_home)

    lengths = pc.binary_length(digits).to_numpy()
    fates = np.zeros(len(digits), np.int8)
    for length in np.unique(lengths).tolist():
        own = np.flatnonzero(lengths == length)
        same, heads = digits.take(pa.array(own)), _heads(length, code, region, at_home=at_home)
        fates[own] = judge(same) if heads is None else heads.fates(same, judge)
    prefix = _plan(region).national_prefix or ""
    national = pc.if_else(pa.array(fates == _WITHOUT_PREFIX), pc.utf8_slice_codeunits(digits, len(prefix)), digits)
    number = pc.binary_join_element_wise(f"+{code}", national, "")
    return pc.if_else(pa.array(fates != _LEFT), number, pa.scalar(None, pa.string()))


def _fates(digits: pa.Array, code: int, region: str, *, at_home: bool) -> NumberFates:
    """Whether digits are a number as they stand, or without a national prefix, or are left to the parser."""
    national = _national(digits, region, str(code) if at_home else None)
    fates = np.full(len(digits), _LEFT, np.int8)
    certain = np.flatnonzero(national.is_valid().to_numpy(zero_copy_only=False)).astype(np.int64)
    valid = certain[_valid(national.take(pa.array(certain)), code)]
    own = pa.array(valid)
    shorter = pc.less(pc.binary_length(national.take(own)), pc.binary_length(digits.take(own)))
    fates[valid] = np.where(_mask(shorter), _WITHOUT_PREFIX, _AS_IT_STANDS)
    return fates


@cache
def _heads(length: int, code: int, region: str, *, at_home: bool) -> Heads | None:
    """What is found out about digits of this length, by their first ones; None where they are read one by one.

    Regions of a country code that tell their numbers by leading digits count for those numbers alone.
    """
    plan = _plan(region)
    prefix, parsed = plan.national_prefix or "", plan.national_prefix_for_parsing or ""
    if parsed.strip("0123456789"):
        return None
    nationals = (length, length - len(prefix))
    regions = {name: _free(name, nationals) for name in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]}
    leading = {name: _plan(name).leading_digits for name in regions}
    free = min([_free(region, nationals), *(own for name, own in regions.items() if leading[name] is None)])
    widths = [width(pattern) for pattern in (plan.international_prefix or "", *filter(None, leading.values()))]
    if None in widths:
        return None
    apart = [leading[name] for name, own in regions.items() if leading[name] is not None and own < free]
    home = len(str(code)) if at_home else 0
    looked_at = len(prefix) + max(len(parsed), home, *(own for own in widths if own is not None))
    return Heads.of(length, free, looked_at, f"^(?:{prefix})?(?:{'|'.join(map(str, apart))})" if apart else None)


def _free(region: str, lengths: Sequence[int]) -> int:
    """How many last digits of numbers of these lengths do not matter to a region's plan."""
    return min(
        free_digits(pattern[1:-1], length) if length in possible else length
        for length in lengths
        for possible, pattern in _patterns(region)
    )


def _national(digits: pa.Array, region: str, home: str | None) -> pa.Array:
    """The digits without a national prefix; null where the parser might take off another one, or a country code.

    The parser leaves a prefix where the rest is no number by the region's own plan. ``home``: the country code where
    the digits stand without one.
    """
    plan = _plan(region)
    nothing = pa.scalar(None, pa.string())
    prefix = plan.national_prefix or ""
    taken = _taken(digits, plan.national_prefix_for_parsing or "")
    begins = pc.not_equal(taken, "")
    without = pc.utf8_slice_codeunits(digits, len(prefix))
    certain = pc.and_(pc.equal(taken, prefix), pa.array(_fits(without, *_patterns(region)[0])))
    rest = pc.if_else(begins, pc.if_else(certain, without, nothing), digits)
    if home is None:
        return rest
    unclear = pc.match_substring_regex(digits, f"^(?:{plan.international_prefix})")
    both = pc.and_(begins, pc.starts_with(digits, home))  # a one before a North American number is either
    if prefix == home:
        both = pc.and_(both, pc.fill_null(pc.starts_with(rest, prefix), True))
    return pc.if_else(pc.or_(unclear, both), nothing, rest)


def _taken(digits: pa.Array, pattern: str) -> pa.Array:
    """What the parser takes for a national prefix, and perhaps rewrites; ``""`` where there is none."""
    if pattern.isdecimal():
        return pc.if_else(pc.starts_with(digits, pattern), pattern, "")
    without_groups = re.sub(r"\((?!\?)", "(?:", pattern)
    return pc.struct_field(pc.extract_regex(digits, f"^(?P<taken>{without_groups}|)"), "taken")


def _valid(national: pa.Array, code: int) -> Mask:
    """Whether the regions of a country code have such numbers: the first that claims a number decides."""
    valid = np.zeros(len(national), bool)
    left = np.arange(len(national), dtype=np.int64)
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]
    for region in regions:
        own = national if len(left) == len(national) else national.take(pa.array(left))
        typed = _typed(own, region)
        leading = _plan(region).leading_digits
        claimed = typed if leading is None else _mask(pc.match_substring_regex(own, f"^(?:{leading})"))
        claimed = typed if len(regions) == 1 else claimed
        valid[left[claimed & typed]] = True
        left = left[~claimed]
        if not len(left):
            break
    return valid


def _typed(national: pa.Array, region: str) -> Mask:
    """Whether the numbers are of any type that the region's plan has."""
    general, *kinds = _patterns(region)
    some: Mask = np.zeros(len(national), bool)
    for kind in kinds:
        some |= _fits(national, *kind)
    return some & _fits(national, *general)


def _fits(national: pa.Array, lengths: tuple[int, ...], pattern: str) -> Mask:
    fits: Mask = _mask(pc.match_substring_regex(national, pattern))
    fits &= np.isin(pc.utf8_length(national).to_numpy(), lengths)
    return fits


def _plan(region: str) -> PhoneMetadata:
    plan = PhoneMetadata.metadata_for_region(region)
    assert plan is not None  # regions come from libphonenumber's own lists
    return plan


@cache
def _patterns(region: str) -> list[tuple[tuple[int, ...], str]]:
    """(Possible lengths, pattern) of all numbers of a region, then of its types, those of the same lengths as one.

    All numbers are wider than all types: neither alone will do.
    """
    plan = _plan(region)
    everything = plan.general_desc
    assert everything is not None  # as of every plan
    kinds: dict[tuple[int, ...], list[str]] = {}
    for name in _KINDS:
        kind = getattr(plan, name)
        if kind is not None and kind.national_number_pattern:
            own = kinds.setdefault(tuple(kind.possible_length) or tuple(everything.possible_length), [])
            own.append(f"(?:{kind.national_number_pattern})")
    whole = (tuple(everything.possible_length), f"^(?:{everything.national_number_pattern})$")
    return [whole, *((lengths, f"^(?:{'|'.join(patterns)})$") for lengths, patterns in kinds.items())]


def _mask(flags: pa.Array) -> Mask:
    mask: Mask = pc.fill_null(flags, False).to_numpy(zero_copy_only=False)
    return mask
