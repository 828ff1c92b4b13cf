"""The same customer twice in a file with the same key: merged, or reported if the rows contradict each other."""

from tests.mapping.support import apply, column, problems, records

MAPPING = """
title: T
key: Code
customer: {company_name: Customer, email: {from: Mail, optional: true}}
addresses: [{type: {constant: shipping}, address_line_1: Street, city: City}]
"""


def test_agreeing_rows_with_one_key_are_merged() -> None:
    rows = ["17|Harbor||4 Pier Rd|Marlow", "18|Kestrel|||", "17|Harbor|a@example.com|4 PIER RD|Marlow"]
    made = apply(MAPPING, "\n".join(["Code|Customer|Mail|Street|City", *rows]))
    assert column(made, "reference_id") == ["17", "18"]
    assert column(made, "email") == ["a@example.com", None]  # one row may fill in what the other leaves blank
    assert len(records(made, "address")) == 1
    assert not made.problems.frame["severity"].eq("error").any()


def test_contradictory_rows_with_one_key_are_reported_with_both_rows() -> None:
    rows = "17|Harbor|4 Pier Rd|Marlow\n18|Kestrel||\n17|Harbour|4 Pier Rd|Marlow"
    made = apply(MAPPING, f"Code|Customer|Street|City\n{rows}")
    assert problems(made, "severity", "code", "customer", "row", "column", "message") == [
        (
            "error",
            "customer_conflict",
            0,
            4,
            "Customer",
            "This row has 'Harbour', but row 2 of customers.csv has 'Harbor'",
        )
    ]
