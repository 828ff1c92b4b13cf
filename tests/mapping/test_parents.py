"""`parent`: companies, people, and addresses in one list, in any order; each row names its company."""

import random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from importer.errors import MappingError
from tests.mapping.support import Mapped, apply, column, loaded, problems, records, sheet
from tests.mapping.test_rows import assert_one_status_each, row_statuses

FAMILY = """
title: T
key: Id|Name
parent: {from: Parent, match: [Name, Id]}
skip: [{column: Kind, is: S, reason: supplier}, {column: Kind, is: old, reason: archived}]
customer: {company_name: Name, email: {from: Mail, optional: true}}
addresses:
  - {type: {constant: shipping}, address_line_1: Street}
contacts:
  - {when: {column: Kind, is: P}, first_name: Name}
"""
HEAD = "Id|Name|Parent|Kind|Street"


def problem_messages(made: Mapped) -> list[tuple[str, int, str]]:
    return [(code, row, message) for code, row, message in problems(made, "code", "row", "message")]


def test_children_are_found_in_any_order_by_name_or_id() -> None:
    cells = f"{HEAD}\n7|Ada|Kettle|P|\n1|Kettle||C|a\n8|Bea|1|P|b\n2|Copper||C|\n9|Depot|KETTLE  |A|c\n5|Cleo||C|"
    made = apply(FAMILY, cells)
    assert_one_status_each(made)
    assert row_statuses(made) == ["0", "0", "0", "1", "0", "2"]
    assert column(made, "reference_id") == ["1", "2", "5"]
    assert column(made, "company_name") == ["Kettle", "Copper", "Cleo"]  # a person without a company is a customer
    assert [(c["_customer"], c["first_name"]) for c in records(made, "contact")] == [(0, "Ada"), (0, "Bea")]
    assert [(a["_customer"], a["address_line_1"]) for a in records(made, "address")] == [(0, "a"), (0, "b"), (0, "c")]
    assert made.tables.customers["_row"].tolist() == [1, 3, 5]
    assert not problems(made)


def test_parents_exported_as_decimals_are_matched() -> None:
    made = apply(FAMILY, f"{HEAD}\n7|Ada|1.0|P|\n1|Kettle||C|a\n8|Bea|1.0|P|b")
    assert row_statuses(made) == ["0", "0", "0"]
    assert problems(made) == [("ids_as_numbers", 2, "Parent")]
    assert row_statuses(apply(FAMILY, f"{HEAD}\n7|Ada|1.0|P|\n1.0|Kettle||C|a\nA-2|Bea||C|b")) == ["0", "0", "1"]


def test_customer_fields_come_only_from_the_customer_rows() -> None:
    cells = "Id|Name|Parent|Kind|Street|Mail\n7|Ada|Kettle|P||ada@example.com\n1|Kettle||C||"
    made = apply(FAMILY, cells)
    assert records(made)[0] == {"reference_id": "1", "company_name": "Kettle"}
    assert not problems(made)


def test_case_and_spaces_are_ignored_only_without_an_exact_match() -> None:
    cells = f"{HEAD}\n1|Kettle||C|\n2|KETTLE||C|\n3||KETTLE|A|a\n4||kettle|A|b\n5||Kettle|A|c"
    made = apply(FAMILY, cells)
    assert row_statuses(made) == ["0", "1", "1", "rejected", "0"]
    assert problem_messages(made) == [
        ("parent_ambiguous", 5, "'kettle' matches the name in several rows: customers.csv:2, customers.csv:3")
    ]


def test_shared_name_is_reported_with_all_rows_and_rejects_only_the_child() -> None:
    cells = f"{HEAD}\n1|Kettle||C|\n3|Ada|Kettle|P|\n2|Kettle||C|\n4|Bea|2|P|\n5|x|Ada|A|"
    made = apply(FAMILY, cells)
    assert row_statuses(made) == ["0", "rejected", "1", "1", "rejected"]
    assert problems(made, "code", "row", "column", "value", "customer") == [
        ("parent_ambiguous", 3, "Parent", "Kettle", -1),
        ("parent_rejected", 6, "Parent", "Ada", -1),
    ]
    assert problem_messages(made)[0][2].endswith(": customers.csv:2, customers.csv:4")


def test_rows_of_one_customer_may_share_their_name() -> None:
    assert row_statuses(apply(FAMILY, f"{HEAD}\n1|Kettle||C|a\n1|Kettle||C|b\n3|Ada|Kettle|P|")) == ["0", "0", "0"]


def test_name_equal_to_another_id_is_ambiguous() -> None:
    assert row_statuses(apply(FAMILY, f"{HEAD}\n1|2||C|\n2|Copper||C|\n3|Ada|2|P|")) == ["0", "1", "rejected"]


def test_missing_parent_is_reported() -> None:
    made = apply(FAMILY, f"{HEAD}\n1|Kettle||C|\n3|Ada|Ketle|P|\n4|Depot|Ada|A|")
    assert row_statuses(made) == ["0", "rejected", "rejected"]
    assert problem_messages(made) == [
        ("orphan_row", 3, "'Ketle' does not match any row in the file"),
        ("parent_rejected", 4, "'Ada' belongs to a row that was rejected"),
    ]


def test_grandparents_and_company_person_names_are_resolved() -> None:
    rows = [
        "1|Harbor, Inc.||C|",
        "2|Ada|Harbor, Inc.|P|",
        "3|Depot|Ada|A|a",  # a person's name
        "4|Home|Harbor, Inc., Ada|A|b",  # how Odoo shows a person
        "5|Attic|harbor, inc., home|A|c",  # the company's name is enough for the levels in between
        "6|Chest|Harbor, Inc., Ada, Home|A|d",
    ]
    made = apply(FAMILY, "\n".join([HEAD, *random.Random(5).sample(rows, len(rows))]))
    assert set(row_statuses(made)) == {"0"}


def test_people_are_named_without_their_company() -> None:
    cells = f"{HEAD}\n1|Kettle, Inc.||C|a\n7|Kettle, Inc., Ada|1|P|\n8|Kettle, Bea|1|P|\n9|Kettle, Inc.,|1|P|"
    made = apply(FAMILY, cells)
    assert [c["first_name"] for c in records(made, "contact")] == ["Ada", "Kettle, Bea", "Kettle, Inc.,"]
    assert column(made, "company_name") == ["Kettle, Inc."]
    said = "'Kettle, Inc., Ada' is read as 'Ada', because the row belongs to that company"
    assert problem_messages(made) == [("name_split", 3, said)]


def test_people_are_named_without_their_own_company_among_repeated_rows() -> None:
    rows = ["1|Harbor||C|a", "1|Harbor||C|a", "3|Kettle||C|b", "4|Kettle, Bea|3|P|", "5|Harbor, Cy|3|P|"]
    made = apply(FAMILY, "\n".join([HEAD, *rows]))
    assert [c["first_name"] for c in records(made, "contact")] == ["Bea", "Harbor, Cy"]


def test_person_name_in_two_companies_is_ambiguous() -> None:
    rows = ["1|Harbor||C|", "2|Ada|Harbor|P|", "3|Ada|4|P|", "4|Kettle||C|", "5|x|Kettle, Ada|A|e"]
    rows += ["6|z|Ada|A|g", "7|y|Harbor, Bea|A|f"]  # which Ada? And there is no Bea in that company
    made = apply(FAMILY, "\n".join([HEAD, *rows]))
    assert row_statuses(made) == ["0", "0", "1", "1", "1", "rejected", "rejected"]
    assert [code for code, *_ in problem_messages(made)] == ["parent_ambiguous", "orphan_row"]


def test_customer_takes_precedence_over_a_person_with_the_same_name() -> None:
    assert row_statuses(apply(FAMILY, f"{HEAD}\n1|Kettle||C|\n2|Ada|Kettle|P|\n3|Ada||C|\n4|x|Ada|A|a")) == [
        "0",
        "0",
        "1",
        "1",
    ]


def test_children_of_a_skipped_row_are_skipped_for_the_same_reason() -> None:
    rows = ["1|Kettle||S|", "2|Ada|Kettle|P|", "3|x|Ada|A|a", "4|Copper||C|", "5|Bea|4|old|", "6|y|Bea|A|b", "7|z|4|S|"]
    made = apply(FAMILY, "\n".join([HEAD, *rows]))
    assert row_statuses(made) == ["supplier", "supplier", "supplier", "0", "archived", "archived", "supplier"]
    assert not problems(made)


def test_rejected_parent_rejects_its_children() -> None:
    made = apply(FAMILY.replace("Id|Name", "Id"), f"{HEAD}\n|Kettle||C|\n2|Ada|Kettle|P|\n3|x|Ada|A|a")
    assert row_statuses(made) == ["rejected"] * 3
    assert [code for code, *_ in problem_messages(made)] == ["key_blank", "parent_rejected", "parent_rejected"]


def test_children_of_a_broken_row_are_rejected() -> None:
    table = sheet(f"{HEAD}\n1|Kettle||C|\n2|Ada|Kettle|P|", broken=np.array([True, False]))
    assert row_statuses(apply(FAMILY, table)) == ["rejected", "rejected"]


def test_circular_parents_are_reported() -> None:
    cells = f"{HEAD}\n1|Ada|Bea|P|\n2|Bea|Ada|P|\n3|x|Ada|A|\n4|Kettle||C|"
    made = apply(FAMILY, cells)
    assert row_statuses(made) == ["rejected", "rejected", "rejected", "0"]
    assert {code for code, *_ in problem_messages(made)} == {"parent_circle"}


def test_overlong_chains_of_parents_are_rejected() -> None:
    made = apply(FAMILY, "\n".join([HEAD, "0|0||C|", *(f"{n}|{n}|{n - 1}|A|" for n in range(1, 80))]))
    assert row_statuses(made)[:40] == ["0"] * 40
    assert set(row_statuses(made)[60:]) == {"rejected"}


def test_row_that_names_itself_has_no_parent() -> None:
    made = apply(FAMILY, f"{HEAD}\n1|Kettle|1|C|\n2|Ada|1|P|\n3|Copper|Copper|C|\n4|Bea|Copper|P|")
    assert row_statuses(made) == ["0", "0", "1", "1"]


def test_row_with_its_own_name_as_parent_may_mean_another_row() -> None:
    assert row_statuses(apply(FAMILY, f"{HEAD}\n1|Ada|Ada|P|\n2|Ada||C|")) == ["0", "0"]
    assert row_statuses(apply(FAMILY, f"{HEAD}\n1|Ada|Ada|P|\n2|Ada|Kettle|P|\n3|Kettle||C|")) == ["rejected", "0", "0"]


def test_first_filled_column_names_the_parent_after_transforms() -> None:
    mapping = FAMILY.replace("from: Parent", "from: [Parent, Job], as: {extract: '^(.*):'}")
    made = apply(mapping, f"{HEAD}|Job\n1|Kettle||C||\n2|Ada||P||Kettle:Ada\n3|x|Kettle:y|A||9:9\n4|z|Keetle:z|A||")
    assert row_statuses(made) == ["0", "0", "0", "rejected"]
    assert problems(made) == [("orphan_row", 5, "Parent")]
    assert row_statuses(apply(mapping, f"{HEAD}\n1|Kettle||C|\n2|Ada|Kettle:Ada|P|")) == [
        "0",
        "0",
    ]  # one of the columns is enough


def test_invalid_parent_value_is_not_treated_as_no_parent() -> None:
    mapping = FAMILY.replace("from: Parent", "from: Parent, as: {date: '%d.%m.%Y'}")
    made = apply(mapping, f"{HEAD}\n1|2020-01-02||C|\n2|Ada|02.01.2020|P|\n3|Bea|soon|P|")
    assert row_statuses(made) == ["0", "0", "rejected"]


def test_continuation_rows_below_children_are_assigned() -> None:
    mapping = FAMILY.replace("key: Id|Name", "key: Id\nblank_key: above")
    made = apply(mapping, f"{HEAD}\n1|Kettle||C|a\n|||A|b\n2|Ada|Copper|P|\n|||A|c\n3|Copper||C|\n||Kettle|A|d")
    assert row_statuses(made) == ["0", "0", "1", "1", "1", "0"]
    assert [(a["_customer"], a["address_line_1"]) for a in records(made, "address")] == [
        (0, "a"),
        (0, "b"),
        (0, "d"),
        (1, "c"),
    ]


def test_children_in_another_table_are_joined() -> None:
    mapping = """
    title: T
    tables:
      people: {has: Parent, key: Name, parent: {from: Parent, match: Name}}
      mails: {has: Mail, key: Firm}
    customer: {company_name: Name}
    contacts: [{table: mails, first_name: Who, email: Mail}, {when: {column: Parent, blank: no}, first_name: Name}]
    """
    made = apply(
        mapping,
        sheet("Name|Parent\nAda|Kettle\nKettle|", "p.csv"),
        sheet("Firm|Who|Mail\nKettle|B|b@example.com", "m.csv"),
    )
    assert column(made, "first_name", "contact") == ["Ada", "B"]


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("{from: Parent}", "match is missing"),
        ("{match: Name}", "from is missing"),
        ("{from: Parent, match: []}", "match"),
        ("{from: Parent, match: {constant: x}}", "a match must come from columns"),
        ("{from: Parent, match: Name, take: first}", "unknown key 'take'"),
    ],
)
def test_invalid_parent_entries_are_refused(rule: str, wanted: str) -> None:
    with pytest.raises(MappingError, match=wanted):
        loaded(FAMILY.replace("{from: Parent, match: [Name, Id]}", rule))


def test_parents_are_only_allowed_in_the_first_table() -> None:
    tables = "tables:\n  a: {key: Id}\n  b:\n    key: Id\n    parent: {from: P, match: N}\n"
    text = f"title: T\n{tables}customer: {{company_name: N}}\n"
    with pytest.raises(MappingError, match=r":6: tables.b.parent: is for the table with the customers only, a"):
        loaded(text)


def test_absent_columns_are_named() -> None:
    with pytest.raises(MappingError, match=r"(?s)'Parent'.*'Name' or 'Id'"):
        apply(
            FAMILY.replace("key: Id|Name", "key: No").replace("Name", "Nome").replace("[Nome, Id]", "[Name, Id]"),
            "No|Nome|Kind|Street\n1|x|y|z",
        )


NAMES = ["", "Kettle", "KETTLE", "Copper", "Ada", "1", "2", "Kettle, Ada", "Ada, Bea", "nobody"]
ROW = st.tuples(st.sampled_from(["", "1", "2", "3", "4"]), st.sampled_from([*NAMES[:5], "Bea"]), st.sampled_from(NAMES))
TAIL = st.tuples(st.sampled_from(["P", "C", "S", "old", ""]), st.sampled_from(["", "a"]), st.booleans())


@settings(max_examples=25)
@given(st.lists(st.tuples(ROW, TAIL), min_size=1, max_size=16), st.sampled_from(["reject", "above"]))
def test_every_row_has_one_status_with_any_parents(rows: list, blank_key: str) -> None:
    cells = "\n".join([HEAD, *("|".join([*row, kind, street]) for row, (kind, street, _) in rows)])
    broken = np.array([torn for _, (_, _, torn) in rows])
    made = apply(FAMILY.replace("key: Id|Name", f"key: Id\nblank_key: {blank_key}"), sheet(cells, broken=broken))
    assert_one_status_each(made)
    said = made.problems.frame.query("severity == 'error' and row >= 0 and customer < 0")["row"].tolist()
    assert sorted(said) == [row for row, torn in enumerate(broken) if made.tables.rows["rejected"][row] and not torn]
    owners = made.tables.rows["customer"].to_numpy()
    for children in (made.tables.addresses, made.tables.contacts):
        assert (owners[children["_row"].to_numpy()] == children["_customer"].to_numpy()).all()


SKIPPED_ALIKE = [  # the two suppliers are unrelated, so "Ada, Bea" is neither of them
    (("", "Ada", ""), ("S", "", False)),
    (("", "", ""), ("S", "", False)),
    (("", "", "Ada, Bea"), ("P", "", False)),
    (("", "Bea", "KETTLE"), ("S", "", False)),
]


@example(SKIPPED_ALIKE, random.Random(2))
@example(SKIPPED_ALIKE[::-1], random.Random(2))
@settings(max_examples=15)
@given(st.lists(st.tuples(ROW, TAIL), min_size=3, max_size=12), st.randoms(use_true_random=False))
def test_row_order_does_not_matter(rows: list, shuffle: random.Random) -> None:
    def by_row(order: list[int]) -> dict[int, str]:
        cells = "\n".join([HEAD, *("|".join([*rows[n][0], *rows[n][1][:2]]) for n in order)])
        made = apply(FAMILY.replace("Id|Name", "Id"), cells)
        ids = column(made, "reference_id")
        ends = (ids[int(status)] if status.isdigit() else status for status in row_statuses(made))
        return dict(zip(order, ends, strict=True))

    order = list(range(len(rows)))
    assert by_row(order) == by_row(shuffle.sample(order, len(order)))
