from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.errors import InternalError
from importer.records import OutcomeKind, Totals
from importer.report.html.owner_page import column_map
from importer.report.report_input import totals
from importer.tables import EntityTables, Sources
from tests.report.build import outcomes, rows, small_run, table


def test_every_row_is_counted_once() -> None:
    assert small_run().totals == Totals(
        rows_read=18,
        rows_used=8,
        rows_rejected=4,
        rows_skipped={"blank": 1, "header": 2, "supplier": 1, "title": 1, "total": 1},
        customers=5,
        outcomes={OutcomeKind.CREATED: 3, OutcomeKind.REJECTED: 1, OutcomeKind.FAILED: 1},
    )


@settings(max_examples=20)
@given(st.data())
def test_totals_are_consistent(data: st.DataObject) -> None:
    count = data.draw(st.integers(0, 5))
    rejected = np.array([data.draw(st.booleans()) for _ in range(count)], dtype=np.bool_)
    ends = data.draw(st.lists(st.sampled_from(["skip", "alone", "broken", *range(count)]), max_size=30))
    cut = data.draw(st.integers(0, len(ends)))
    read = [
        table(f"{part}.csv", None, {"a": [""] * len(own)}, list(range(2, len(own) + 2)), skipped=[(1, "header")])
        for part, own in enumerate((ends[:cut], ends[cut:]))
    ]
    read = [
        replace(item, broken=np.array([end == "broken" for end in own], dtype=np.bool_))
        for item, own in zip(read, (ends[:cut], ends[cut:]), strict=True)
    ]
    owner = [end if isinstance(end, int) else -1 for end in ends]
    skipped = {row: "inactive" for row, end in enumerate(ends) if end == "skip"}
    alone = tuple(row for row, end in enumerate(ends) if end == "alone")
    frame = small_run().tables.customers.iloc[:count]
    found = totals(
        Sources(tuple(read)),
        EntityTables(frame, frame[:0], frame[:0], (), rows(owner, skipped, alone)),
        rejected,
        outcomes(*[(str(c), "create", "rejected" if bad else "valid", *[None] * 7) for c, bad in enumerate(rejected)]),
    )
    assert found.rows_read == len(ends) + 2 == found.rows_used + sum(found.rows_skipped.values()) + found.rows_rejected
    assert found.rows_rejected == sum(
        end in {"alone", "broken"} or (end != "skip" and rejected[int(end)]) for end in ends
    )
    assert found.rows_skipped.get("inactive", 0) == ends.count("skip")
    assert found.rows_skipped["header"] == 2
    assert sum(found.outcomes.values()) == found.customers == count
    assert found.outcomes.get(OutcomeKind.REJECTED, 0) == rejected.sum()


@pytest.mark.parametrize(
    ("skipped", "said"),
    [({}, r"1 of 13 rows .* list\.csv:8$"), ({4: "supplier", 0: "supplier"}, r"list\.csv:3$")],
    ids=["no end", "two ends"],
)
def test_row_without_exactly_one_status_is_an_internal_error(skipped: dict[int, str], said: str) -> None:
    run = small_run()
    wrong = rows([0, 0, 1, 1, -1, 2, 3, -1, 4, 0, 1, 3, 3], skipped, rejected=(7,))
    with pytest.raises(InternalError, match=said):
        totals(run.sources, replace(run.tables, rows=wrong), run.rejected, run.outcomes)


def test_contradictory_outcomes_are_an_internal_error() -> None:
    run = small_run()
    with pytest.raises(InternalError, match="4 outcomes"):
        totals(run.sources, run.tables, run.rejected, run.outcomes.iloc[:4])
    with pytest.raises(InternalError, match="2 customers are rejected in one place only, the first is number 1"):
        totals(run.sources, run.tables, np.roll(run.rejected, -1), run.outcomes)


def test_unsent_columns_have_a_reason() -> None:
    """The key column of an address table fills no field: the customer's ID comes from another column."""
    lines = [
        {"source": "a.csv", "column": name, "fields": [], "samples": [], "filled": 2, "categories": categories}
        for name, categories in {
            "ParentKey": {"used": 2},
            "Parent": {"rule": 2},
            "Gone": {"skipped_row": 2},
            "Notes": {"unused": 1, "rejected_row": 1},
        }.items()
    ]
    assert [line["why"] for line in column_map(lines)] == [
        "Only used to match rows to their customer",
        "Only used to match rows to their customer, or to decide which rows to import and how",
        "Its rows are not sent",
        "Not used",
    ]


def test_column_is_sent_if_a_value_is_or_would_be() -> None:
    lines = [
        {"source": "a.csv", "column": name, "fields": ["phone"], "samples": [], "filled": 4, "categories": categories}
        for name, categories in {
            "Phone": {"used": 1, "passed_over": 3},
            "Mobile": {"passed_over": 3, "rejected_row": 1},
            "Rejected": {"passed_over": 1, "rejected_row": 3},
        }.items()
    ]
    assert [(line["column"], line["fields"], line["why"]) for line in column_map(lines) if not line["fields"]] == [
        ("Mobile", [], "Not used: another column's value is used instead")
    ]
