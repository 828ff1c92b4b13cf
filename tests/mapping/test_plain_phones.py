"""Phone numbers read by entire columns: every number found that way equals what libphonenumber finds."""

import random

import phonenumbers
import pyarrow as pa
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from importer.mapping.transforms import phones, plain_phones
from importer.mapping.transforms.phones import phone
from importer.mapping.transforms.plain_phones import plain_numbers

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
BEFORE = ("+", "+", "00", "(+", "+ ", "+(", "011", "+00", "00 ")
BETWEEN = (" ", "-", ".", "/", ") ", "(", " - ", "  ")
PREFIXES = ("", "", "", "0", "1", "8", "00", "06", "02", "011")
EXTENSIONS = (" x", "x", "#", " ext. ", ", ext ", " Ext.", " extension ", "/x", " / x", "EXT:", "  ,  x.", " int ", ";")

Pair = tuple[str, str | None]


def by_parser(value: str, countries: str | None) -> tuple[str | None, str | None]:
    """(E.164, extension) from libphonenumber's parser with the first of the countries."""
    text = "+" + value[2:] if value.startswith("00") else value
    try:
        parsed = phonenumbers.parse(text, (countries or "").partition("|")[0] or None)
    except phonenumbers.NumberParseException:
        return None, None
    if not phonenumbers.is_valid_number(parsed):
        return None, None
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164), parsed.extension or None


def examples() -> list[tuple[str, str, str]]:
    """(region, country code, national number) of an example number of each type in each region."""
    found = [
        (region, phonenumbers.example_number_for_type(region, kind))
        for region in REGIONS
        for kind in PhoneNumberType.values()
    ]
    return [(r, str(e.country_code), phonenumbers.national_significant_number(e)) for r, e in found if e is not None]


def altered(rng: random.Random, digits: str) -> str:
    made = list(digits)
    for _ in range(rng.choice((0, 0, 1, 2, 4))):
        place = rng.randrange(len(made))
        made[place : place + rng.randrange(2)] = rng.choice(("", *"0123456789", *"0123456789"))
        made = made or ["0"]
    return "".join(made)


def written(rng: random.Random, digits: str) -> str:
    return "".join(d + rng.choice(BETWEEN) if rng.random() < 0.2 else d for d in digits).strip()


def hostile(rng: random.Random, count: int) -> list[Pair]:
    """Valid and almost valid numbers in many forms, with and without country codes, prefixes, and extensions."""
    known = examples()
    made: dict[Pair, None] = {}
    while len(made) < count:
        region, code, national = rng.choice(known)
        if rng.random() < 0.4:
            value = rng.choice(BEFORE) + written(
                rng, code + rng.choice(("", "", "0", "1", code)) + altered(rng, national)
            )
        else:
            value = written(rng, rng.choice((*PREFIXES, code, f"0{code}")) + altered(rng, national))
        if rng.random() < 0.2:
            value += rng.choice(EXTENSIONS) + "".join(rng.choices("0123456789", k=rng.randrange(8)))
        made[value, rng.choice((region, region, region, f"{region}|US", rng.choice(REGIONS), None, "ZZ"))] = None
    return list(made)


@pytest.fixture(autouse=True)
def _few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the quick way even for countries with only a few numbers."""
    monkeypatch.setattr(plain_phones, "_FEWEST", 1)


def test_quick_results_match_the_parser() -> None:
    pairs = hostile(random.Random(20250412), 4000)
    numbers, extensions = plain_numbers(*(pa.array(own, pa.string()) for own in zip(*pairs, strict=True)))
    found = [own for own in zip(pairs, numbers.to_pylist(), extensions.to_pylist(), strict=True) if own[1]]
    assert len(found) > 250
    assert [own for own in found if by_parser(*own[0]) != own[1:]] == []


def test_quick_results_match_the_full_text_reading() -> None:
    pairs = hostile(random.Random(20250413), 4000)
    values, countries = (pa.array(own, pa.string()) for own in zip(*pairs, strict=True))
    numbers, extensions = plain_numbers(values, countries)
    at = pa.array([place for place, number in enumerate(numbers.to_pylist()) if number])
    looked = phones._parse(values.take(at), countries.take(at))
    assert looked.extensions is not None
    read = zip(looked.values.to_pylist(), looked.extensions.to_pylist(), strict=True)
    found = zip(numbers.take(at).to_pylist(), extensions.take(at).to_pylist(), strict=True)
    different = [(pairs[place.as_py()], a, b) for place, a, b in zip(at, read, found, strict=True) if a != b]
    assert different == []
    assert looked.findings == ()


@pytest.mark.parametrize("region", ["US", "CA", "GB", "DE", "FR", "IT", "NL", "ES", "IN", "AU", "JP"])
def test_common_formats_of_all_regions_are_read(region: str) -> None:
    example = phonenumbers.example_number(region)
    assert example is not None
    forms = (PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.NATIONAL)
    texts = [phonenumbers.format_number(example, form) for form in forms]
    numbers, extensions = plain_numbers(pa.array([*texts, f"{texts[1]} x12"]), pa.array([region] * 4))
    assert numbers.to_pylist() == [texts[0]] * 4
    assert extensions.to_pylist() == [None, None, None, "12"]


@pytest.mark.parametrize(
    ("value", "country"),
    [
        ("+1 1 310 1234", "CA"),  # a short Canadian number after a prefix that the plan of the country code keeps
        ("00 11310143 - 4", "CA"),
        ("+1 (246) 555", "US"),
        ("00 821) 02/00(00000", None),  # perhaps two numbers
        ("01149 30 901820", "US"),  # dialed abroad
        ("(0049 30 901820", "US"),
        ("4930901820", "DE"),  # its country code without a plus
        ("011 15-2345-6789", "AR"),  # a plan that rewrites numbers
        ("415 555 0132" + " " * 300 + "1", "US"),
        ("(415) 555-0132 x1234567", "US"),
        ("(415) 555-0132 x(12)", "US"),
        ("+800 1234 5678", "US"),  # belongs to no region
        ("+49 30 901820", "US"),  # from another country
    ],
)
def test_uncertain_numbers_are_left_to_the_parser(value: str, country: str | None) -> None:
    numbers, extensions = plain_numbers(pa.array([value]), pa.array([country], pa.string()))
    assert (numbers.to_pylist(), extensions.to_pylist()) == ([None], [None])


def test_few_numbers_of_a_country_go_to_the_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_phones, "_FEWEST", 2)
    values, countries = pa.array(["020 7946 0018", "415 555 0132", "415 555 0133"]), pa.array(["GB", "US", "US|GB"])
    assert plain_numbers(values, countries)[0].null_count == 3
    assert phone(values, countries).values.to_pylist() == ["+442079460018", "+14155550132", "+14155550133"]
