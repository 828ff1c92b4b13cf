"""The words of a source, counted in partitions, add up to those of the entire source."""

import pyarrow as pa

from importer.records import Severity
from importer.report.word_counts import added, word_counts
from importer.tables import ProblemTable
from tests.support import make_tables

TERMS = ["Net 30", "net 30", "", "Cash", "Net 30", "", "Nobody"]
NONE = ProblemTable.empty()
SENT = ["NET30", "NET30", None, "Cash", "NET30", "COD", None]


def counted(numbers: range, problems: ProblemTable = NONE) -> dict[str, pa.Table]:
    customers = [
        {"reference_id": f"C{n}", "payment_term": SENT[n], "cells": {"payment_term": TERMS[n]}} for n in numbers
    ]
    return dict(word_counts(*make_tables(customers, []), problems.frame))


def lines(counts: dict[str, pa.Table]) -> list[tuple[str | None, str | None, int]]:
    return [(line["words"], line["sent"], line["count"]) for line in counts["payment_term"].to_pylist()]


def test_parts_add_up_to_the_total_in_order() -> None:
    whole = counted(range(7))
    assert lines(whole) == [
        ("Net 30", "NET30", 2),
        ("net 30", "NET30", 1),
        (None, None, 1),
        ("Cash", "", 1),
        ("COD", "", 1),
        ("Nobody", None, 1),
    ]
    for parts in ([range(3), range(3, 7)], [range(n, n + 1) for n in range(7)]):
        assert lines(dict(added([counted(numbers) for numbers in parts]))) == lines(whole)
    assert dict(added([{}, {}])) == {}


def test_contradictory_customer_is_not_counted_in_that_field() -> None:
    told = {"severity": Severity.WARNING, "message": "", "entity": "customer"}
    problems = [
        ProblemTable.build(1, code="customer_conflict", field="payment_term", record=[6], **told),
        ProblemTable.build(1, code="customer_conflict", field="company_name", record=[3], **told),
        ProblemTable.build(1, code="too_long", field="payment_term", record=[1], **told),
    ]
    expected = [line for line in lines(counted(range(7))) if line[0] != "Nobody"]
    assert lines(counted(range(7), ProblemTable.concat(problems))) == expected
