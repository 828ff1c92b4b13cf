"""Phone numbers by whole columns: those that are written plainly and that the numbering plan of their country has.

The plans are libphonenumber's. What its parser would do to a number is done here only where the plan makes it certain;
everything else comes back as null and is left to the parser, so that both say the same of every number.
"""

import re
from collections.abc import Iterator
from functools import cache

import numpy as np
import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc
from phonenumbers import PhoneMetadata

from importer.mapping.columns import Codes, Mask

__all__ = ["plain_numbers"]

# A plus (or 00), digits with what stands between them, and perhaps an extension, too short to be a number itself.
_WRITTEN = (
    r"^(?P<abroad>\(?\+|00)?(?P<body>[0-9 ().\-/]*[0-9])"
    r"(?: *,? *(?i:x|#|ext|extn|extension)[.:]? *(?P<extension>[0-9]{1,6}))?$"
)
_LONGEST = 100  # characters; libphonenumber refuses more than 250
_MOST_DIGITS = 13  # of a number with a slash: more may be two numbers
_KINDS = (
    *("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost"),
    *("personal_number", "voip", "pager", "uan", "voicemail"),
)


def plain_numbers(values: pa.Array, countries: pa.Array) -> tuple[pa.Array, pa.Array]:
    """(E.164, extension) of plain valid numbers, null for everything else.

    ``countries``: ``"GB"`` or ``"GB|US"``, of which the first counts, or null.
    """
    parts = pc.extract_regex(values, _WRITTEN)
    abroad, body, extension = (pc.struct_field(parts, name) for name in ("abroad", "body", "extension"))
    digits = pc.replace_substring_regex(body, "[^0-9]", "")
    length = pc.add(pc.utf8_length(abroad), pc.utf8_length(digits))
    fits = pc.or_(pc.less_equal(length, _MOST_DIGITS), pc.invert(pc.match_substring(body, "/")))
    fits = _mask(pc.and_(fits, pc.less_equal(pc.binary_length(values), _LONGEST)))
    marked = _mask(pc.not_equal(abroad, ""))
    place = np.full(len(values), -1, np.int64)
    found = [pa.array([], pa.string())]
    count = 0
    for at, numbers in _by_plan(digits, countries, fits & marked, fits & ~marked):
        place[at] = np.arange(count, count + len(at))
        found.append(numbers)
        count += len(at)
    numbers = pa.concat_arrays(found).take(pa.array(place, mask=place < 0))
    kept = pc.and_(numbers.is_valid(), pc.not_equal(extension, ""))
    return numbers, pc.if_else(kept, extension, pa.scalar(None, pa.string()))


def _by_plan(digits: pa.Array, countries: pa.Array, abroad: Mask, home: Mask) -> Iterator[tuple[Codes, pa.Array]]:
    """Numbers by the plan that they are read with: (their places, E.164 or null)."""
    at = np.flatnonzero(abroad).astype(np.int64)
    parts = pc.extract_regex(digits.take(pa.array(at)), _country_codes())
    for text, own in _groups(pc.struct_field(parts, "code")):
        national, code = pc.struct_field(parts, "national").take(pa.array(own)), int(text)
        yield at[own], _numbers(national, code, phonenumbers.region_code_for_country_code(code), at_home=False)
    at = np.flatnonzero(home).astype(np.int64)
    for text, own in _groups(countries.take(pa.array(at))):
        region = text.partition("|")[0]
        if region in phonenumbers.SUPPORTED_REGIONS:
            code = phonenumbers.country_code_for_region(region)
            yield at[own], _numbers(digits.take(pa.array(at[own])), code, region, at_home=True)


def _groups(texts: pa.Array) -> Iterator[tuple[str, Codes]]:
    """Each distinct text and where it stands; nulls are left out."""
    encoded = texts.dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    for number, text in enumerate(encoded.dictionary.to_pylist()):
        yield text, np.flatnonzero(codes == number).astype(np.int64)


@cache
def _country_codes() -> str:
    """A country code and what follows; no code begins with another one."""
    codes = [code for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items() if regions != ("001",)]
    return f"^(?P<code>{'|'.join(map(str, codes))})(?P<national>[0-9]+)$"


def _numbers(digits: pa.Array, code: int, region: str, *, at_home: bool) -> pa.Array:
    """E.164 of digits that are read by one region's plan; ``at_home``: they stand without their country code."""
    national = _national(digits, region, str(code) if at_home else None)
    certain = np.flatnonzero(national.is_valid().to_numpy(zero_copy_only=False)).astype(np.int64)
    valid = certain[_valid(national.take(pa.array(certain)), code)]
    number = pc.binary_join_element_wise(f"+{code}", national, "")
    sound = np.zeros(len(digits), bool)
    sound[valid] = True
    return pc.if_else(pa.array(sound), number, pa.scalar(None, pa.string()))


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
