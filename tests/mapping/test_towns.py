"""City cells that also contain the state, the postal code, or the country."""

import pytest

from tests.mapping.support import apply, problems, records

MAPPING = """
title: T
key: Id
customer: {company_name: Id}
addresses:
  - {type: billing, address_line_1: Id, city: City, state: S, zip_code: Z, country: C}
"""
PARTS = ("city", "state", "zip_code", "country")


def read(cells: str, default: str | None = "US") -> tuple[tuple[str, ...], list[tuple[str, str]]]:
    """The parts of an address as they are sent, from the cells city, state, postal code, and country; the problems."""
    made = apply(MAPPING, f"Id|City|S|Z|C\n4 Pier Rd|{cells}", country=default)
    (address,) = records(made, "address")
    assert address["address_line_1"] == "4 Pier Rd"
    return tuple(address.get(name, "") for name in PARTS), problems(made, "code", "column")


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        ("Marlow, OH 43000|||US", "Marlow|OH|43000|US"),
        ("Marlow OH 43000|||", "Marlow|OH|43000|"),
        ("Marlow, Ohio|||US", "Marlow|OH||US"),
        ("Marlow OH|OH|43000|US", "Marlow|OH|43000|US"),
        ("Marlow, OH 43000|OH|43000-1234|US", "Marlow|OH|43000-1234|US"),
        ("Washington, D.C.||20001|US", "Washington|DC|20001|US"),
        ("Marlow, OH 43000 USA|||", "Marlow|OH|43000|US"),
        ("Toronto, ON M5V 3L9|||CA", "Toronto|ON|M5V 3L9|CA"),
        ("Sydney NSW 2000|||AU", "Sydney|NSW|2000|AU"),
        ("80331 München|||DE", "München||80331|DE"),
        ("20121 Milano MI|||IT", "Milano|MI|20121|IT"),
        ("London SW1A 1AA|||GB", "London||SW1A 1AA|GB"),
    ],
)
def test_other_parts_are_moved_out_of_the_city(cells: str, wanted: str) -> None:
    assert read(cells) == (tuple(wanted.split("|")), [("city_split", "City")])


@pytest.mark.parametrize(
    "cells",
    [
        "Dublin 4|||IE",
        "Paris 8e||75008|FR",
        "Kansas City|||US",
        "Port Washington|NY|11050|US",
        "New York|NY|10001|US",
        "29 Palms|||US",
        "Den Haag|||NL",
    ],
)
def test_cities_are_kept(cells: str) -> None:
    assert read(cells) == (tuple(cells.split("|")), [])


@pytest.mark.parametrize(
    "cells",
    [
        "Marlow, OH 43000|PA||US",
        "Marlow, OH 43000||43001|US",
        "Suite 5, Marlow, OH 43000|||US",
    ],
)
def test_contradictory_city_is_reported_and_kept(cells: str) -> None:
    assert read(cells) == (tuple(cells.split("|")), [("city_doubtful", "City")])


def test_city_below_a_fax_number_is_reported_and_kept() -> None:
    lines = MAPPING.replace("city: City", 'city: {from: City, as: [{replace: ["~", "\\n"]}]}')
    made = apply(lines, "Id|City|S|Z|C\n4 Pier Rd|Fax: 415 555 0133~London SW1A 1AA|||GB")
    assert problems(made, "code", "column") == [("city_doubtful", "City")]
    assert [address["city"] for address in records(made, "address")] == ["Fax: 415 555 0133\nLondon SW1A 1AA"]


def test_packed_address_is_not_split_again() -> None:
    mapping = "title: T\nkey: Id\ncustomer: {company_name: Id}\naddresses: [{type: billing, packed: Bill}]"
    made = apply(mapping, "Id|Bill\n1|4 Pier Rd, Dublin 4, Ireland", country="US")
    assert "city_split" not in {code for (code,) in problems(made, "code")}
    assert [address["city"] for address in records(made, "address")] == ["Dublin 4"]
