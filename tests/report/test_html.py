"""``report.html`` as a file: what it says, that it adds up, that its size is limited, and that values are escaped."""

import html
import json
import re
import stat
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from importer.records import Severity
from importer.report.html import shown_customers as customers
from importer.report.html.page import series_points, subtitle, tiles, title, write_html
from importer.report.report_input import ReportInput
from importer.report.summary import RunFacts, build_summary
from importer.tables import TEXT, ProblemTable
from tests.report.build import small_run

EVIL = "</script><script>alert(1)</script><!-- \u2028 & \u2029"
MOMENT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def summary_of(report: ReportInput, **more: Any) -> dict[str, Any]:
    facts = {"command": "run", "exit_code": 1, "mapping": "mine", "mapping_sha256": "ab", "folder": "results/r"}
    return build_summary(report, RunFacts(run_id="r", started=MOMENT, finished=MOMENT, **{**facts, **more}))


def written(folder: Path, report: ReportInput, summary: Mapping[str, Any] | None = None) -> str:
    path = folder / "report.html"
    write_html(path, report, summary or summary_of(report), folder / "payloads.jsonl", folder / "changes.csv")
    return path.read_text(encoding="utf-8")


def embedded(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="embedded">(.*?)</script>', text, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def test_report_is_private(tmp_path: Path) -> None:
    written(tmp_path, small_run())
    assert stat.S_IMODE((tmp_path / "report.html").stat().st_mode) == 0o600


def test_nothing_is_loaded_from_elsewhere(tmp_path: Path) -> None:
    text = written(tmp_path, small_run())
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy
    assert html.unescape(policy[1]).startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy[1]
    assert re.findall(r"""(?:src|href)=["'](?!#|data:,)""", text) == []
    assert "http://" not in text
    assert "https://" not in text


def test_data_cannot_end_the_script(tmp_path: Path) -> None:
    report = small_run()
    frame = report.tables.customers.assign(
        company_name=report.tables.customers["company_name"].where(report.tables.customers.index != 0, EVIL)
    )
    report = replace(report, tables=replace(report.tables, customers=frame.astype({"company_name": TEXT})))
    text = written(tmp_path, report)
    assert text.count("</script>") == 2
    assert "<script>alert" not in text
    assert not {"\u2028", "\u2029"} & set(text)
    assert any(line[1] == EVIL for line in embedded(text)["customers"])


def test_customers_with_problems_come_first(tmp_path: Path) -> None:
    report = small_run()
    lines = embedded(written(tmp_path, report))["customers"]
    assert [line[0] for line in lines] == ["B", "C", "D", "E", "A"]
    assert {line[0]: line[2] for line in lines} == dict(
        zip(report.tables.customers["reference_id"], report.outcomes["outcome"], strict=True)
    )
    located = report.located.kinds
    for position, name in enumerate(report.tables.customers["reference_id"]):
        own = located[located["_customer"] == position]
        line = next(line for line in lines if line[0] == name)
        assert line[3:5] == [(own["severity"] == kind).sum() for kind in ("error", "warning")]
        assert len(line[9]) == len(own)


def test_command_is_separated_from_the_text_before_it(tmp_path: Path) -> None:
    steps = ["Fix it and import it again: importer run a & b", "Nothing of `x` is left"]
    text = written(tmp_path, small_run(), {**summary_of(small_run()), "next": steps})
    assert 'import it again:<code class="command">importer run a &amp; b</code></li>' in text
    assert "<li>Nothing of <code>x</code> is left</li>" in text


@pytest.mark.parametrize(("rate", "shown"), [("auto", "auto"), (5.0, "5.0 requests per second")])
def test_only_numbers_have_a_unit(tmp_path: Path, rate: object, shown: str) -> None:
    report = small_run()
    text = written(tmp_path, report, summary_of(report, options={"rate": rate}))
    assert f"<dt>rate</dt><dd>{shown}</dd>" in text


def test_plan_counts_planned_actions(tmp_path: Path) -> None:
    names = ("create", "update", "exists", "unchanged", "in_doubt", "lost", "left_out", "rejected")
    counts = dict.fromkeys(names, 0) | {"create": 2, "update": 1, "lost": 1, "rejected": 1}
    planned = summary_of(small_run(), command="plan", plan={**counts, "examples": []})
    whole, *_ = tiles(planned)
    assert [(part["label"], part["count"]) for part in whole["parts"]] == [
        *[("to create", 2), ("to update", 1), ("no longer in WizCommerce", 1), ("rejected", 1)]
    ]
    assert whole["count"] == sum(part["count"] for part in whole["parts"])
    outcomes = {line[0]: line[2] for line in embedded(written(tmp_path, small_run(), planned))["customers"]}
    assert outcomes["B"] == "rejected"


def test_each_customer_is_shown_with_its_rows_and_body(tmp_path: Path) -> None:
    report = small_run()
    sent = [name for name, gone in zip("ABCDE", report.rejected, strict=True) if not gone]
    (tmp_path / "payloads.jsonl").write_text("".join(f'{{"reference_id":"{name}"}}\n' for name in sent))
    data = embedded(written(tmp_path, report))
    for line in data["customers"]:
        assert line[11] == (f'{{"reference_id":"{line[0]}"}}' if line[0] in sent else None)
        for table, _, cells in line[10]:
            columns = data["tables"][table]["columns"]
            assert dict([columns[column], cell] for column, cell in cells)[columns[0]] == line[0]
    rows = [(data["tables"][table]["name"], number) for line in data["customers"] for table, number, _ in line[10]]
    owned = report.tables.rows["customer"].to_numpy()
    assert sorted(rows) == sorted(
        (report.sources.tables[int(table)].name, int(number))
        for table, number in zip(
            report.sources.split(np.flatnonzero(owned >= 0))[0],
            report.sources.row_numbers(np.flatnonzero(owned >= 0)),
            strict=True,
        )
    )


@pytest.mark.parametrize(("name", "bound"), [("CUSTOMERS", 2), ("CELLS", 12), ("WEIGHT", 700)])
def test_embedded_data_is_limited_and_the_page_says_so(
    name: str, bound: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(customers, name, bound)
    text = written(tmp_path, small_run())
    listed = len(embedded(text)["customers"])
    assert 0 < listed < 5
    assert f"This page shows {listed} of 5 customers" in text


def test_rows_cells_and_bodies_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ROWS", "PROBLEMS", "TEXT", "BODY"):
        monkeypatch.setattr(customers, name, 1)
    (tmp_path / "payloads.jsonl").write_text("{}\n" * 4)
    lines = embedded(written(tmp_path, small_run()))["customers"]
    assert all(len(line[10]) <= 1 and len(line[9]) <= 1 for line in lines)
    assert {line[12] for line in lines} == {0, 2}
    assert {line[11] for line in lines} == {None, ""}
    assert all(len(cell) <= 2 for line in lines for row in line[10] for _, cell in row[2])


def test_every_code_is_shown_with_its_count_and_fix(tmp_path: Path) -> None:
    report = small_run()
    located = report.located.kinds
    extra = ProblemTable.build(3, severity=Severity.ERROR, code="too_long", customer=1, value="x", message="long")
    report = replace(report, problems=ProblemTable.concat([report.problems, extra]))
    text = written(tmp_path, report)
    for code in {*located["code"], "too_long"}:
        assert f'<span class="name mono">{code}</span>' in text
    assert "Nothing is cut off, because no one would notice what was lost." in text
    assert ">Errors: " in text


def test_problem_reported_once_counts_no_customers(tmp_path: Path) -> None:
    """Its line names the first customer that has the problem."""
    report = small_run()
    told = ProblemTable.build(1, severity=Severity.WARNING, code="word_unknown", customer=1, value="x", message="m")
    affected = []
    for code in ("word_unknown", "too_long"):
        page = written(tmp_path, replace(report, problems=replace(told, frame=told.frame.assign(code=code))))
        affected.append(page.count("1 customer affected"))
    assert affected == [1, 2]  # the files also have a problem


def test_sums_add_up() -> None:
    summary = summary_of(small_run())
    for total in tiles(summary):
        assert total["count"] == sum(part["count"] for part in total["parts"]) > 0


def title_of(command: str, exit_code: int = 0, stopped: str | None = None, alone: int = 0, **counts: int) -> str:
    summary = {
        "command": command,
        "exit_code": exit_code,
        "stopped": stopped,
        "customers": {"read": sum(counts.values()), **counts},
        "rows": {"rejected_alone": alone},
        "columns": [],
    }
    found = title(summary)
    return f"{found['tone']}: {found['text']}"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"command": "check", "valid": 3, "rejected": 0}, "good: Ready to import: all 3 customers are valid"),
        ({"command": "check", "valid": 1}, "good: Ready to import: the only customer is valid"),
        (
            {"command": "plan", "exit_code": 1, "valid": 2, "rejected": 1},
            "warn: Not ready to import yet: 1 of 3 customers is rejected",
        ),
        (
            {"command": "check", "exit_code": 1, "rejected": 2},
            "bad: Not ready to import: both customers are rejected",
        ),
        (
            {"command": "check", "exit_code": 1, "alone": 2, "valid": 1},
            "warn: Not ready to import yet: 2 rows without a customer",
        ),
        ({"command": "check"}, "bad: Nothing to import"),
        ({"command": "run", "created": 2}, "good: Import finished: no customer needs attention"),
        (
            {"command": "run", "exit_code": 1, "created": 2, "failed": 1},
            "warn: Imported, but 1 of 3 customers needs attention",
        ),
        ({"command": "run", "exit_code": 1, "created": 2, "alone": 1}, "warn: Imported, but 1 row could not be used"),
        (
            {"command": "run", "exit_code": 3, "stopped": "interrupted", "created": 1, "pending": 1},
            "bad: Stopped early",
        ),
    ],
)
def test_title_states_the_result(facts: dict[str, Any], expected: str) -> None:
    assert title_of(**facts) == expected


def test_subtitle_counts_errors_and_warnings() -> None:
    report = small_run()
    summary = {**summary_of(report, command="check"), "lost_child": 1}
    counts = report.located.kinds["severity"].value_counts()
    expected = f"{counts['error']} errors and {counts['warning']} warnings."
    assert subtitle(summary) == f"{expected} 1 customer has an invalid address or contact, which was left out."
    assert subtitle({**summary, "problems": [], "lost_child": 0}) == "No errors or warnings."


def test_pace_over_time_is_drawn_if_recorded(tmp_path: Path) -> None:
    report = small_run()
    assert series_points(None) is None
    assert series_points({"requests": 3}) is None
    assert series_points({"series": {"every": 1.0, "requests": [3, 3], "throttled": [0, 0]}}) is None
    pace = {"series": {"every": 2.0, "requests": [10, 40, 20], "throttled": [0, 1, 0]}}
    drawn = series_points(pace)
    assert drawn is not None
    assert (drawn["top"], drawn["seconds"], len(drawn["throttled"])) == (20.0, 6.0, 1)
    text = written(tmp_path, report, summary_of(report, pace=pace))
    assert "Pace over time" in text
    assert "Requests per second over 6 seconds: 11.7 on average, 20.0 at most" in text
    assert "Pace over time" not in written(tmp_path, report)
