"""How reports show values that were rewritten, column by column."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from importer.report.html.page import write_html
from importer.report.report_input import ReportInput
from importer.report.summary import build_summary
from importer.tables import CHANGE_DTYPES
from tests.report.build import small_run
from tests.report.test_summary import FACTS

LINES = [
    ("phone_rewritten", "customer", "phone", "Phone", 1204, 1, "(415) 555-0132", "+14155550132"),
    ("value_left_out", "contact", "email", "Mail", 1, 10, "b@", None),
    ("value_passed_over", "customer", "phone", "Phone", 2, 0, "1", "2"),
]


def run_with_changes() -> ReportInput:
    run = small_run()
    data = {
        name: pd.Series([line[number] for line in LINES], dtype=dtype)
        for number, (name, dtype) in enumerate(CHANGE_DTYPES.items())
    }
    return replace(run, tables=replace(run.tables, changes=pd.DataFrame(data)))


def test_each_change_is_an_info_at_its_first_location_without_a_customer() -> None:
    run = run_with_changes()
    codes = [code for code, *_ in LINES]
    kinds = run.located.kinds
    at = np.flatnonzero(kinds["code"].isin(codes))
    located = run.located.lines(at)
    assert located[["severity", "code", "source", "row", "column", "value"]].to_numpy().tolist() == [
        ["info", "value_passed_over", "list.csv", 3, "Phone", "1"],
        ["info", "phone_rewritten", "list.csv", 4, "Phone", "(415) 555-0132"],
        ["info", "value_left_out", "staff.xlsx", 3, "Mail", "b@"],
    ]
    assert located["message"].to_list() == [
        "2 cells were not used for the phone. Example: '1', because '2' was used",
        "1,204 cells were rewritten. Example: '(415) 555-0132' → '+14155550132'",
        "1 cell was left out of the contact's email: 'b@'",
    ]
    assert (kinds["_customer"].take(at) == -1).all()
    assert located["reference_id"].isna().all()


def test_other_lines_and_their_order_are_unchanged() -> None:
    codes = [code for code, *_ in LINES]
    run, plain = run_with_changes(), small_run()
    rest = run.located.lines(np.flatnonzero(~run.located.kinds["code"].isin(codes)))
    pd.testing.assert_frame_equal(rest, plain.located.lines(np.arange(len(plain.located))))


def test_summary_counts_changes_without_examples() -> None:
    summary = build_summary(run_with_changes(), FACTS)
    assert summary["changes"] == [
        {"code": "phone_rewritten", "entity": "customer", "field": "phone", "column": "Phone", "count": 1204,
         "source": "list.csv", "first": "list.csv:4 [Phone]"},
        {"code": "value_left_out", "entity": "contact", "field": "email", "column": "Mail", "count": 1,
         "source": "staff.xlsx!People", "first": "staff.xlsx!People:3 [Mail]"},
        {"code": "value_passed_over", "entity": "customer", "field": "phone", "column": "Phone", "count": 2,
         "source": "list.csv", "first": "list.csv:3 [Phone]"},
    ]  # fmt: skip
    assert summary["problems"] == build_summary(small_run(), FACTS)["problems"]
    assert build_summary(small_run(), FACTS)["changes"] == []


def rewritten_message(**more: object) -> str:
    """The message about rewritten phones; ``more`` replaces values of their line."""
    run = run_with_changes()
    located = replace(run, tables=replace(run.tables, changes=run.tables.changes.assign(**more))).located
    lines = located.lines(np.flatnonzero(located.kinds["code"] == "phone_rewritten"))
    return str(lines["message"].item())


@pytest.mark.parametrize("line_break", ["\n", "\r", "\r\n"])
@pytest.mark.parametrize("count", [np.int64(1), np.int64(5)])
def test_long_examples_are_cut_to_one_line(count: np.int64, line_break: str) -> None:
    message = rewritten_message(before=f"a{line_break}b " + "x" * 100, count=count)
    assert "'a[line break]b xxx" in message
    assert "…' → " in message
    assert len(message) < 120


def test_invisible_and_space_like_characters_are_named() -> None:
    message = rewritten_message(before="519\u00a0Lantern\u200b Court", after="519 Lantern Court", count=1)
    assert "'519[no-break space]Lantern[zero width space] Court' → '519 Lantern Court'" in message


def test_unused_values_are_not_listed_as_rewritten(tmp_path) -> None:
    run = run_with_changes()
    write_html(tmp_path / "a.html", run, build_summary(run, FACTS), tmp_path / "payloads.jsonl", tmp_path / "none.csv")
    rewritten, _, unused = (tmp_path / "a.html").read_text().partition("<h3>Values not used</h3>")
    assert "(415) 555-0132" in rewritten.partition("<h3>Rewritten values</h3>")[2]
    assert "Columns whose values were not used" not in rewritten
    assert '<td class="mono">1</td><td class="mono">2</td>' in unused
