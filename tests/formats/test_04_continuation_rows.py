"""Continuation rows; the same address once per role; customers without any address."""

from tests.mapping.support import apply, column, records
from tests.mapping.test_rows import assert_one_status_each

MAPPING = """
title: T
key: Code
blank_key: above
customer: {company_name: Customer}
addresses:
  - {type: {from: Role, values: {B: billing, S: shipping}, otherwise: error}, address_line_1: Street, city: City}
"""
ROWS = """
Code|Customer|Role|Street|City
0017|Harbor Goods|B|4 Pier Rd|Marlow
||S|4 Pier Rd|Marlow
||S|9 Dock St|Austin
0018|Kestrel & Sons|||
0019|Alder Supply|S|1 Mill Ln|Austin
"""


def test_continuation_rows_belong_to_the_customer_above() -> None:
    made = apply(MAPPING, ROWS)
    assert_one_status_each(made)
    assert made.tables.rows["customer"].tolist() == [0, 0, 0, 1, 2]
    assert not made.problems.frame["severity"].eq("error").any()


def test_same_address_per_role_becomes_one_of_each_type() -> None:
    found = [(a["_customer"], a["type"], a["address_line_1"]) for a in records(apply(MAPPING, ROWS), "address")]
    assert found == [
        (0, "billing", "4 Pier Rd"),
        (0, "shipping", "4 Pier Rd"),
        (0, "shipping", "9 Dock St"),
        (2, "shipping", "1 Mill Ln"),
    ]


def test_customer_without_an_address_is_still_a_customer() -> None:
    assert column(apply(MAPPING, ROWS), "company_name")[1] == "Kestrel & Sons"
