import json
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from importer.report.summary import RunFacts, build_summary, write_summary
from importer.report.terminal import summary_text
from tests.report.build import small_run, without_problems

FACTS = RunFacts(
    resumable=True,
    command="run",
    run_id="20260102-030405-ab",
    started=datetime(2026, 1, 2, 4, 4, 5, tzinfo=timezone(timedelta(hours=1))),
    finished=datetime(2026, 1, 2, 3, 5, 6, 500_000, tzinfo=UTC),
    exit_code=1,
    mapping="xero",
    mapping_sha256="ee",
    folder="results/20260102-030405-ab",
    files=("results.csv", "errors.csv", "rejected/list.csv", "rejected/staff.csv", "summary.json"),
)
TEXT = """\
1 of 5 customers was rejected and 1 failed. 1 row does not belong to any
customer and could not be used. 1 customer has an invalid address or contact,
which was left out.

Customers    5
  created    3
  rejected   1
  failed     1
Rows read   18  from 2 files and sheets
  used       8
  skipped    6  blank: 1, header row: 2, supplier: 1, title: 1, total: 1
  rejected   4

Problems, with the first location of each
  error    1  blank_key       list.csv:11 [Id]
  error    1  invalid_email   staff.xlsx!People:3 [Mail]
  error    1  invalid_phone   list.csv:5 [Phone]
  warning  1  invalid_email   staff.xlsx!People:5 [Mail]
  warning  1  mixed_encoding  list.csv
  and 3 more kinds of problems: see errors.csv

What to do
  Fix the rows in rejected/ (the import_errors column says what is wrong), and
    import them:
    importer run results/20260102-030405-ab/rejected --partial --mode upsert

Files in results/20260102-030405-ab
  results.csv, errors.csv, rejected/, summary.json"""


def summary(**changes: Any) -> dict[str, Any]:
    return build_summary(small_run(), replace(FACTS, **changes))


def test_summary_text_matches_the_expected_text() -> None:
    assert summary_text(summary(), width=78, color=False) == TEXT


def test_summary_file_matches_the_summary(tmp_path: Path) -> None:
    built = summary(pace={"per_second": 12.5}, timings={"load": 0.12345}, versions={"python": "3.11"})
    path = tmp_path / "summary.json"
    write_summary(path, built)
    assert json.loads(path.read_bytes()) == built
    assert list(json.loads(path.read_bytes())) == list(built)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (built["started"], built["finished"], built["seconds"]) == (
        "2026-01-02T03:04:05Z",
        "2026-01-02T03:05:06Z",
        61.5,
    )
    assert built["timings"] == {"load": 0.123}
    assert built["pace"] == {"per_second": 12.5}
    assert built["unused_columns"] == {"staff.xlsx!People": ["Fax"]}
    assert built["sources"][0]["sha256"] == "ab12"
    assert built["customers"]["read"] == sum(count for name, count in built["customers"].items() if name != "read")


def test_options_contain_no_secrets() -> None:
    options = {
        "ledger": "postgresql://user:hunter2@db.example.com/ledger?sslpassword=hunter2",
        "api_key_file": "hunter2",
        "token": "hunter2",
        "sources": ["https://hunter2@example.com/a.csv?sig=hunter2#hunter2"],
        "nested": {"password": "hunter2", "rate": 5},
        "out": Path("results"),
        "yes": True,
    }
    built = summary(options=options)["options"]
    assert "hunter2" not in json.dumps(built)
    assert built["ledger"] == "postgresql://db.example.com/ledger"
    assert built["sources"] == ["https://example.com/a.csv"]
    assert (built["nested"], built["out"], built["yes"]) == ({"rate": 5}, "results", True)


WARNED = [{"severity": "warning", "code": "phone_extension_dropped", "count": 1, "first": "a.csv:2 [Phone]"}]


def of(command: str = "run", *, exit_code: int = 0, alone: int = 0, lost: int = 0, **outcomes: int) -> dict[str, Any]:
    base = build_summary(without_problems(small_run()), replace(FACTS, command=command, exit_code=exit_code))
    return {
        **base,
        "customers": {"read": sum(outcomes.values()), **outcomes},
        "rows": {**base["rows"], "rejected_alone": alone},
        "lost_child": lost,
    }


@pytest.mark.parametrize(
    ("built", "expected"),
    [
        (of(created=212), "All 212 customers were created."),
        (of(created=1), "The only customer was created."),
        (of(exists=1200), "All 1,200 customers were already in WizCommerce."),
        (
            of(created=2, unchanged=1, exists=4),
            "All 7 customers are in WizCommerce: 2 created, 1 unchanged, and 4 already in WizCommerce.",
        ),
        (of("check", valid=3), "All 3 customers are valid."),
        (of(created=237, rejected=3), "3 of 240 customers were rejected; there are no other problems."),
        (of(created=237, rejected=3) | {"problems": WARNED}, "3 of 240 customers were rejected."),
        (
            of(created=1, rejected=1, alone=2),
            "1 of 2 customers was rejected. 2 rows do not belong to any customer and could not be used.",
        ),
        (of(rejected=2), "2 of 2 customers were rejected."),
        (of(failed=1, pending=2), "1 of 3 customers failed and 2 were not sent yet."),
        (
            of(created=3, lost=1),
            "All 3 customers were created. 1 customer has an invalid address or contact, which was left out.",
        ),
        (of(), "No customers were found."),
        (
            of(created=1, unknown=1, exit_code=3) | {"stopped": "no key"},
            (
                "Stopped early: no key. Of 2 customers, 1 was created and 1 may or may not have been created, "
                "because WizCommerce did not respond."
            ),
        ),
    ],
)
def test_headline_comes_first(built: dict[str, Any], expected: str) -> None:
    assert summary_text(built, width=200, color=False).splitlines()[0] == expected


def test_next_steps_fit_the_result() -> None:
    def steps(**changes: Any) -> str:
        run = small_run()
        ends = run.outcomes.copy()
        for position, outcome in changes.pop("ends", {}).items():
            ends.loc[position, "outcome"] = outcome
        return "\n".join(build_summary(replace(run, outcomes=ends), replace(FACTS, **changes))["next"])

    run = "20260102-030405-ab"
    assert steps(ends={0: "unknown", 3: "pending"}).startswith(
        f"Look up 1 customer whose outcome is unknown before sending again: importer resume {run}\n"
    )
    assert steps(ends={0: "pending", 3: "pending"}).startswith(f"Send the remaining 2: importer resume {run}\n")
    assert f"Retry 1 customer that failed for a temporary reason: importer retry {run}\n" in steps(retryable=1)
    assert "import_errors" in steps()
    assert "plan" not in steps(command="check")
    assert "importer plan --api sandbox" in steps(command="check", exit_code=0)
    for create, update in ((1, 0), (0, 1), (0, 0)):
        said = steps(command="plan", plan={"create": create, "update": update})
        assert (f"importer run --plan {run}" in said) == bool(create or update)


def test_longest_text_is_short() -> None:
    customers = dict.fromkeys(("created", "updated", "unchanged", "exists", "rejected", "failed", "unknown"), 1000)
    built = summary(retryable=5, stopped="interrupted") | {"customers": {"read": 7000, **customers}}
    assert len(summary_text(built, width=80, color=False).splitlines()) <= 35


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({}, "Fix the problem. Then run again: importer run"),
        (
            {"stopped": "--max-rejected 1: 2 of 4 customers were rejected."},
            (
                "Fix the problem in your system or mapping, or change the option --max-rejected. "
                "Then run again: importer run"
            ),
        ),
        ({"options": {"plan": "20260102-0304"}}, "Make a new plan, review it, and run it: importer plan"),
    ],
)
def test_next_steps_do_not_send_only_rejected_rows_if_nothing_was_sent(changes, first) -> None:
    run = small_run()
    ends = run.outcomes.copy()
    ends.loc[0, "outcome"] = "pending"
    steps = build_summary(replace(run, outcomes=ends), replace(FACTS, resumable=False, **changes))["next"]
    assert steps[0] == f"Nothing was sent. {first}"
    assert not any("rejected.xlsx" in step or "rejected/" in step or "resume" in step for step in steps)
