"""Continuation rows (`blank_key: above`): rows with a blank key belong to the customer of the row above."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.errors import MappingError
from tests.mapping.support import Mapped, apply, column, loaded, problems, records, sheet
from tests.mapping.test_rows import assert_one_status_each, row_statuses

ABOVE = """
title: T
key: Id
blank_key: above
skip: [{column: Kind, is: S, reason: supplier}]
customer: {company_name: Name}
addresses: [{type: {constant: shipping}, address_line_1: Street}]
contacts: [{first_name: Person}]
"""
HEAD = "Id|Name|Kind|Street|Person"
TWO = ABOVE.replace("key: Id", "key: [Site, Id]")


def test_blank_key_rows_add_children_to_the_customer_above() -> None:
    cells = f"{HEAD}\n1|Kettle||a|Ada\n|||b|\n||||Bea\n2|Copper|||\n|||c|Cleo\n\u00a0|||d|"
    made = apply(ABOVE, cells)
    assert_one_status_each(made)
    assert row_statuses(made) == ["0", "0", "0", "1", "1", "1"]
    assert column(made, "company_name") == ["Kettle", "Copper"]
    assert [(a["_customer"], a["address_line_1"]) for a in records(made, "address")] == [
        (0, "a"),
        (0, "b"),
        (1, "c"),
        (1, "d"),
    ]
    assert [(c["_customer"], c["first_name"]) for c in records(made, "contact")] == [
        (0, "Ada"),
        (0, "Bea"),
        (1, "Cleo"),
    ]
    assert not problems(made)


def test_blank_key_rows_are_rejected_without_the_option() -> None:
    made = apply(ABOVE.replace("blank_key: above", "blank_key: reject"), f"{HEAD}\n1|Kettle||a|Ada\n|||b|")
    assert row_statuses(made) == ["0", "rejected"]
    assert problems(made) == [("key_blank", 3, "Id")]


def test_continuation_row_may_fill_blanks_but_not_contradict() -> None:
    mapping = ABOVE.replace("{company_name: Name}", "{company_name: Name, display_name: Kind}")
    made = apply(mapping, f"{HEAD}\n1|Kettle|||\n||Tea||\n|Copper|||")
    assert column(made, "display_name") == ["Tea"]
    assert problems(made, "code", "row", "column", "customer") == [("customer_conflict", 4, "Name", 0)]


def test_each_continuation_row_at_the_start_is_rejected() -> None:
    made = apply(ABOVE, f"{HEAD}\n|||a|\n|||b|\n1|Kettle|||\n|||c|")
    assert row_statuses(made) == ["rejected", "rejected", "0", "0"]
    assert problems(made) == [("continuation_lost", 2, "Id"), ("continuation_lost", 3, "Id")]


def test_continuation_of_a_skipped_row_is_skipped_for_the_same_reason() -> None:
    made = apply(ABOVE, f"{HEAD}\n1|Kettle|||\n2|Copper|S||\n|||b|\n3|Thimble|||\n||S|c|\n|||d|")
    # If a continuation row itself is skipped, no other row is.
    assert row_statuses(made) == ["0", "supplier", "supplier", "1", "supplier", "1"]
    assert column(made, "address_line_1", "address") == ["d"]


def test_continuation_of_a_broken_row_is_not_added_to_the_customer_before() -> None:
    table = sheet(f"{HEAD}\n1|Kettle|||\n2|torn|||\n|||b|\n|||c|\n3|Thimble|||\n|||d|", broken=np.arange(6) == 1)
    made = apply(ABOVE, table)
    assert_one_status_each(made)
    assert row_statuses(made) == ["0", "rejected", "rejected", "rejected", "1", "1"]
    assert problems(made) == [("continuation_lost", 4, "Id"), ("continuation_lost", 5, "Id")]


def test_continuation_does_not_cross_files() -> None:
    made = apply(ABOVE, sheet(f"{HEAD}\n1|Kettle|||", "a.csv"), sheet(f"{HEAD}\n|||b|\n2|Copper|||\n|||c|", "b.csv"))
    assert row_statuses(made) == ["0", "rejected", "1", "1"]


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        ("w|1|K|||\n|||| a|", ["0", "0"]),
        ("w|1|K|||\nw||||a|", ["0", "0"]),  # the filled part of the key agrees
        ("w|1|K|||\nv||||a|\n|||| b|\nw||||c|", ["0", "rejected", "rejected", "rejected"]),  # here it does not
        ("w|1|K|||\nv||||a|\nw|1|K||b|\n||||c|", ["0", "rejected", "0", "0"]),
        ("w||K|||\n||||a|", ["rejected", "rejected"]),
        ("w|1|K|||\nw|2|L|||\n|1|||a|", ["0", "1", "rejected"]),
    ],
)
def test_multipart_keys_may_continue(cells: str, wanted: list[str]) -> None:
    made = apply(TWO, f"Site|{HEAD}\n{cells}")
    assert_one_status_each(made)
    assert row_statuses(made) == wanted
    assert len(problems(made)) == wanted.count("rejected")


TABLES = """
title: T
tables:
  firms: {has: Name, key: Id, skip: [{column: Kind, is: S, reason: supplier}]}
  places: {has: Street, key: Firm, blank_key: above}
customer: {company_name: Name}
addresses: [{table: places, type: {constant: shipping}, address_line_1: Street}]
contacts: [{table: places, first_name: Person}]
"""


def test_several_contacts_under_one_address_in_another_table_are_joined() -> None:
    firms = sheet("Id|Name|Kind\n1|Kettle|\n2|Copper|S\n|Lost|", "firms.csv")
    places = sheet("Firm|Street|Person\n|x|\n1|a|Ada\n||Bea\n2|b|Cleo\n||Dora\n9|c|\n|d|", "places.csv")
    made = apply(TABLES, firms, places)
    assert row_statuses(made)[:3] == ["0", "supplier", "rejected"]
    assert row_statuses(made)[3:] == ["rejected", "0", "0", "supplier", "supplier", "rejected", "rejected"]
    assert column(made, "first_name", "contact") == ["Ada", "Bea"]
    assert [code for code, *_ in problems(made)] == ["key_blank", "continuation_lost", "orphan_row", "orphan_row"]


def test_blank_key_must_be_reject_or_above() -> None:
    with pytest.raises(MappingError, match="blank_key"):
        loaded(ABOVE.replace("above", "below"))


ROW = st.tuples(
    st.sampled_from(["", "", "1", "2", "3"]), st.sampled_from(["", "S"]), st.booleans(), st.sampled_from("abc")
)


def expected(rows: list[tuple[str, str, bool, str]]) -> list[str]:
    """The statuses, found row by row as a person would do it."""
    out: list[str] = []
    customers: list[str] = []
    head = "rejected"
    for key, kind, broken, _ in rows:
        if broken:
            head = "rejected"
            out.append(head)
            continue
        if key and kind != "S" and key not in customers:
            customers.append(key)
        own = "supplier" if kind == "S" else str(customers.index(key)) if key else head
        head = own if key else head
        out.append(own)
    return out


@settings(max_examples=40)
@given(st.lists(ROW, min_size=1, max_size=15))
def test_statuses_of_continuation_rows_match_a_simple_model(rows: list[tuple[str, str, bool, str]]) -> None:
    cells = "\n".join([HEAD, *(f"{key}|{key and 'N' + key}|{kind}|{street}|" for key, kind, _, street in rows)])
    made: Mapped = apply(ABOVE, sheet(cells, broken=np.array([broken for _, _, broken, _ in rows])))
    assert_one_status_each(made)
    assert row_statuses(made) == expected(rows)
