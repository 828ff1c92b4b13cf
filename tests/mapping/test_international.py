"""Customers in 44 countries, written as people there do, with the mapping for handmade lists."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.mapping.golden import bodies, check

FOLDER = Path(__file__).parent / "international"  # all data is invented
EXPECTED = list(csv.DictReader((FOLDER / "expected.csv").read_text(encoding="utf-8").splitlines()))
OF_ADDRESS = ("address_line_1", "city", "state", "zip_code", "country")


@pytest.fixture(scope="module")
def made() -> dict[str, dict[str, Any]]:
    """The body of each customer, with the fields of its billing address added; all customers are valid."""
    lines = bodies(check("generic-wide", [FOLDER / "customers.csv"])).splitlines()
    found = {body["reference_id"]: body for body in map(json.loads, lines)}
    for body in found.values():
        (billing,) = (address for address in body["addresses"] if address["type"] == "billing")
        body |= {name: billing.get(name, "") for name in OF_ADDRESS}
    assert len(found) == len(EXPECTED)
    return found


@pytest.mark.parametrize("wanted", EXPECTED, ids=lambda wanted: wanted["company_name"])
def test_customers_have_the_expected_fields(made: dict[str, dict[str, Any]], wanted: dict[str, str]) -> None:
    body = made[wanted["reference_id"]]
    assert {name: body.get(name, "") for name in wanted} == wanted
