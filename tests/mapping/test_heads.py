"""What numbers with the same first digits have in common, and how numbers are written: as one by one, all at once."""

import random
from functools import partial

import numpy as np
import phonenumbers
import pyarrow as pa
import pytest

from importer.mapping.transforms.leading_digits import Heads, free_digits, width
from importer.mapping.transforms.phone_text import _with_extension, digits_of
from importer.mapping.transforms.registry import number_plans as numberplans

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


@pytest.mark.parametrize(
    ("pattern", "length", "free"),
    [
        (r"[2-9]\d{9}|3\d{6}", 10, 9),
        (r"[2-9]\d{9}|3\d{6}", 7, 6),
        (r"(?:2(?:04|[23]6)|983)[2-9]\d{6}", 10, 6),
        (r"(?:800\d{6}|8001111)", 7, 0),
        (r"(?:800\d{6}|8001111)", 9, 6),  # the other one is too short
        (r"8(?:4[2-5]|7[0-3])\d{2,7}\d", 9, 3),
        (r"(?:12|34)\d{4}|5(?:6|78)", 6, 0),  # groups may be as long as they like
        (r"1\d{3}(?:\d{2})?", 6, 0),
        (r"1\d{3}\d?", 5, 0),
        (r"(?:1\d{3})|(?:2\d{2})", 3, 2),
        (r"5\d", 9, 9),  # no such number: none of its digits matter
    ],
)
def test_digits_that_a_pattern_does_not_look_at(pattern: str, length: int, free: int) -> None:
    assert free_digits(pattern, length) == free


@pytest.mark.parametrize(
    ("pattern", "most"),
    [("", 0), ("011", 3), (r"8001|8[024]9", 4), (r"[2-9]\d", 2), (r"00(?:1|2)", 9), (r"1\d{3}", None), ("1+", None)],
)
def test_characters_that_a_pattern_looks_at(pattern: str, most: int | None) -> None:
    assert width(pattern) == most


@pytest.mark.parametrize("at_home", [True, False])
def test_numbers_that_begin_alike_share_their_fate(at_home: bool) -> None:
    rng = random.Random(20250502)
    shared = 0
    for region in REGIONS:
        code = phonenumbers.country_code_for_region(region)
        judge = partial(numberplans._fates, code=code, region=region, at_home=at_home)
        for length in (7, 9, 10, 11):
            heads = numberplans._heads(length, code, region, at_home=at_home)
            starts = [_start(rng, region) for _ in range(40)]
            texts = [(start + "".join(rng.choices("0123456789", k=length)))[:length] for start in starts]
            if heads is not None:
                shared += 1
                digits = pa.array(texts)
                assert np.array_equal(heads.fates(digits, judge), judge(digits)), region
                assert np.array_equal(heads.fates(digits, judge), judge(digits)), region  # known by now
    assert shared > 300


def _start(rng: random.Random, region: str) -> str:
    """The beginning of a number that is in use, or nothing."""
    example = phonenumbers.example_number_for_type(region, rng.randrange(5))
    national = phonenumbers.national_significant_number(example) if example else ""
    return rng.choice(("", "0", "1")) + national[: rng.randrange(8)]


def test_regions_of_few_numbers_do_not_make_all_others_of_the_country_code_apart() -> None:
    heads = numberplans._heads(10, 1, "US", at_home=True)
    assert heads is not None
    assert heads.free >= 4
    assert heads.apart is not None
    assert "246" in heads.apart  # Barbados, where five digits matter


def test_too_many_digits_that_matter_are_not_kept() -> None:
    assert Heads.of(11, 2, 0, None) is None
    assert Heads.of(30, 25, 0, None) is None
    assert Heads.of(5, 4, 6, None) is None


def test_digits_byte_by_byte_are_those_of_the_pattern() -> None:
    rng = random.Random(20250503)
    letters = "0123456789" * 3 + " ().-/+x#\u00e9"
    texts = {"".join(rng.choices(letters, k=rng.randrange(1, 20))) for _ in range(4000)}
    texts |= {"0" * count for count in range(1, 5)} | {
        "+",
        "(+",
        "(+1",
        "+ 1",
        "00 1",
        "00)",
        "1/2",
        "1" * 100,
        "1" * 101,
    }
    texts |= {before + text for before in ("+", "(+", "00", "(") for text in list(texts)[:500]}
    values = pa.array(sorted(texts))
    found, expected = digits_of(values), _with_extension(values)
    short = np.array([len(text.encode()) <= 100 for text in values.to_pylist()])
    known = short & expected.digits.is_valid().to_numpy(zero_copy_only=False)
    assert np.array_equal(found.digits.is_valid().to_numpy(zero_copy_only=False), known)
    kept = pa.array(known)
    assert found.digits.filter(kept) == expected.digits.filter(kept)
    assert found.extensions.filter(kept) == expected.extensions.filter(kept)
    assert np.array_equal(found.abroad[known], expected.abroad[known])


def test_digits_of_a_slice_and_of_nothing() -> None:
    values = pa.array(["030/1", "+49 30 1", "call me", "1 x2"])
    assert digits_of(values.slice(1)).digits.to_pylist() == ["49301", None, "1"]
    assert digits_of(values.slice(4)).digits.to_pylist() == []
    assert digits_of(pa.array(["1" * 70_000, "12"])).digits.to_pylist() == [None, "12"]
