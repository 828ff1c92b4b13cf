"""``plan`` shows what a run would do; the API fails on every request that would change something."""

import json
import re

import pytest

from importer.commands import plan as planning
from importer.sandbox import SandboxConfig
from tests.running_sandbox import running
from tests.workflow.desk import KEY
from tests.workflow.strict_api import REP, strict_api
from tests.workflow.test_dry_run import LOOKUPS


def plan(desk, api, *words):
    return desk.do("plan", *words, "--api", api.url, "--json")


def counts(said) -> dict[str, int]:
    return {name: count for name, count in said.summary["plan"].items() if count and name != "examples"}


def by_hand(api, reference_id, **fields) -> dict:
    held = {"id": f"by-hand-{reference_id}", "reference_id": reference_id, "name": "By hand", "status": "active"}
    held |= fields
    api.customers[reference_id] = held
    return held


def test_plan_reports_and_sends_nothing(desk) -> None:
    words = desk.small(4)
    text = (desk.path / "small.csv").read_text().replace("+14155550103", "odd")
    desk.write("small.csv", text)
    with strict_api(read_only=True) as api:
        by_hand(api, "C1")
        said = plan(desk, api, *words)
        assert api.broken == []
        assert {line.split()[0] for line in api.seen} == {"GET"}
    assert said.code == 1
    assert counts(said) == {"create": 2, "exists": 1, "rejected": 1}
    found = [(line["reference_id"], line["action"], line["outcome"]) for line in said.table("results.csv")]
    assert found == [
        ("C0", "create", "valid"),
        ("C1", "none", "valid"),
        ("C2", "create", "valid"),
        ("C3", "none", "rejected"),
    ]
    assert said.table("results.csv")[1]["customer_id"] == "by-hand-C1"
    bodies = [json.loads(line)["reference_id"] for line in (said.folder / "payloads.jsonl").read_text().splitlines()]
    assert bodies == ["C0", "C1", "C2"]
    assert len(said.table("rejected/small.csv")) == 1
    assert not (said.folder / "changes.csv").exists()


def test_plan_summary_on_the_terminal(desk, api) -> None:
    """The approved output for users."""
    words = desk.small(3)
    desk.run(api.url, *words)
    del api.customers["C2"]
    desk.write(
        "small.csv", (desk.path / "small.csv").read_text().replace("Company 1,+14155550101", "Firm,+14155550108")
    )
    desk.write("more.csv", "Id,Name,Phone,Mail,Street,Town\nC7,Company 7,,,,\n")
    said = desk.do("plan", "*.csv", *words[1:], "--api", api.url, "--mode", "upsert", "--recheck", "--quiet")
    assert said.code == 0
    assert (
        said.out.partition("\n\nWhat to do\n  Send exactly what the plan shows:\n    importer run --plan ")[0]
        == """\
All 4 customers are valid.

What a run would do now
  1  to create
  1  to update
       C1: company_name, display_name, phone
  1  unchanged
  1  lost: sent before, and no longer in WizCommerce

Customers  4
  valid    4
Rows read  6  from 2 files
  used     4
  skipped  2  header row: 2

Problems, with the first location of each
  warning  1  lost_in_api  small.csv:4 [Id]"""
    )


def test_plan_for_production_asks_nothing_and_stores_no_key(desk) -> None:
    with strict_api(keys=("another-key-1", KEY)) as api:
        said = plan(desk, api, *desk.small(), "--tenant", "shop")
        assert (said.code, said.err) == (0, "")
        assert desk.tenants() == []
        desk.environment["WIZCOMMERCE_API_KEY"] = "another-key-1"
        assert desk.run(api.url, *desk.small(), "--tenant", "shop").code == 0
        desk.environment["WIZCOMMERCE_API_KEY"] = KEY
        other = plan(desk, api, *desk.small(), "--tenant", "shop")
        assert (other.code, other.out) == (2, "")
        assert "not the one that was used for account shop before" in other.err
        assert plan(desk, api, *desk.small(), "--tenant", "shop", "--accept-key").code == 0


def test_run_after_a_plan_looks_up_customers_itself(desk, api) -> None:
    """If a plan found a customer absent, a run does not rely on that."""
    assert counts(plan(desk, api, *desk.small(3))) == {"create": 3}
    by_hand(api, "C1")
    said = desk.run(api.url, *desk.small(3))
    assert said.outcomes == {"C0": "created", "C1": "exists", "C2": "created"}


def changed(desk) -> None:
    text = (desk.path / "small.csv").read_text()
    desk.write(
        "small.csv", text.replace("Company 1,+14155550101", "Firm 1,").replace("2 Main Street", "20 Main Street")
    )


def test_updates_are_shown_by_field_with_their_cells(desk, api) -> None:
    """Compared with the ledger, without requesting customers; what the source no longer has stays unchanged."""
    words = desk.small(4)
    desk.run(api.url, *words)
    changed(desk)
    api.read_only, api.seen = True, []
    said = plan(desk, api, *words, "--mode", "upsert")
    assert api.broken == []
    assert not [line for line in api.seen if line.startswith("GET /v1/customers/")]
    created = plan(desk, api, *words)
    assert (counts(said), counts(created)) == ({"update": 2, "unchanged": 2}, {"exists": 2, "unchanged": 2})
    lines = [tuple(line.values()) for line in said.table("changes.csv")]
    assert [line for line in lines if not line[1].endswith("reference_id")] == [
        ("C1", "company_name", "Company 1", "Firm 1", "small.csv:3 [Name]"),
        ("C1", "display_name", "Company 1", "Firm 1", "small.csv:3"),
        ("C2", lines[-1][1], "2 Main Street", "20 Main Street", "small.csv:4 [Street]"),
    ]
    assert re.fullmatch(r"addresses\[C2-billing-\w+\]\.address_line_1", lines[-1][1])
    assert [line["action"] for line in said.table("results.csv")] == ["none", "update", "update", "none"]


def test_run_and_report_list_the_changes(desk, api) -> None:
    words = desk.small(4)
    assert "changes.csv" not in desk.run(api.url, *words).summary["files"]
    changed(desk)
    said = desk.run(api.url, *words, "--mode", "upsert")
    lines = [tuple(line.values()) for line in said.table("changes.csv")]
    assert lines[:2] == [
        ("C1", "company_name", "Company 1", "Firm 1", "small.csv:3 [Name]"),
        ("C1", "display_name", "Company 1", "Firm 1", "small.csv:3"),
    ]
    assert [(line[0], line[1].partition("]")[2], *line[2:4]) for line in lines[2:]] == [
        ("C2", ".address_line_1", "2 Main Street", "20 Main Street")
    ]
    (said.folder / "changes.csv").unlink()
    assert desk.do("report", "--json").code == 0
    assert [tuple(line.values()) for line in said.table("changes.csv")] == lines


def test_api_is_read_once_if_the_ledger_has_no_body(desk, api) -> None:
    words = desk.small(3)
    desk.run(api.url, *words)
    api.customers["C2"]["name"], api.customers["C2"]["phone"] = "Company Two", None
    api.seen, api.read_only = [], True
    said = plan(desk, api, *words, "--mode", "upsert", "--ledger", "fresh.db", "--concurrency", 2)
    assert api.broken == []
    assert len([line for line in api.seen if line.startswith("GET /v1/customers/")]) == 3
    assert counts(said) == {"update": 1, "unchanged": 2}
    assert [tuple(line.values())[:4] for line in said.table("changes.csv")] == [
        ("C2", "company_name", "Company Two", "Company 2"),
        ("C2", "phone", "", "+14155550102"),
    ]


def test_possible_duplicates_in_the_api_are_reported(desk) -> None:
    words = desk.small()
    desk.write(
        "small.csv",
        "Id,Name,Phone,Mail,Street,Town\n"
        "C1,Harbor  GOODS,,,,\nC2,Two,,Orders@Example.com,,\nC3,Three,,,,\nC4,Four,,,,\n",
    )
    with strict_api(read_only=True) as api:
        by_hand(api, "X9", name="harbor goods", status="inactive")
        by_hand(api, "", name="Else", email="orders@example.com")["reference_id"] = None
        by_hand(api, "C4", name="Three")
        said = plan(desk, api, *words)
        assert api.broken == []
    lines = [line for line in said.table("errors.csv") if line["severity"] == "warning"]
    assert [tuple(line[name] for name in ("code", "reference_id", "row", "column")) for line in lines] == [
        ("name_in_api", "C1", "2", "Name"),
        ("email_in_api", "C2", "3", "Mail"),
    ]
    messages = [line["message"] for line in lines]
    assert messages[0].endswith("'harbor goods', reference ID X9, inactive")
    assert messages[1].endswith("'Else', without a reference ID")
    assert said.code == 0


def test_account_too_large_to_compare_is_reported(desk, monkeypatch) -> None:
    monkeypatch.setattr(planning, "MOST_PAGES", 2)
    with strict_api(read_only=True) as api:
        for number in range(301):
            by_hand(api, f"X{number}")
        said = plan(desk, api, *desk.small())
        assert api.seen.count("GET /v1/customers") <= 4
    assert [(line["severity"], line["code"]) for line in said.table("errors.csv")] == [("info", "names_not_compared")]


def test_recheck_reports_deleted_customers_despite_a_lagging_list(desk, box) -> None:
    words = desk.small(4)
    desk.run(box.url, *words)
    gone = next(one["id"] for one in box.customers() if one["reference_id"] == "C2")
    import httpx

    httpx.delete(f"{box.url}/v1/customers/{gone}", headers={"X-API-Key": KEY}).raise_for_status()
    plain = plan(desk, box, *words)
    said = plan(desk, box, *words, "--recheck")
    assert len(box.customers()) == 3
    assert desk.run(box.url, *words).outcomes["C2"] == "unchanged"
    assert counts(plain) == {"unchanged": 4}
    assert counts(said) == {"unchanged": 3, "lost": 1}
    assert [(line["code"], line["reference_id"]) for line in said.table("errors.csv")] == [("lost_in_api", "C2")]
    with running(SandboxConfig(list_lag=60)) as lagging:
        desk.environment["IMPORTER_LEDGER"] = "other.db"
        assert desk.run(lagging.url, *words, "--settle", 0).code == 0
        assert counts(plan(desk, lagging, *words, "--recheck")) == {"unchanged": 4}


def test_only_selected_customers_are_planned(desk) -> None:
    with strict_api(read_only=True) as api:
        said = plan(desk, api, *desk.small(4), "--only", "C2")
    assert counts(said) == {"create": 1, "left_out": 3}


@pytest.mark.parametrize("words", [("--mode", "other"), ("--api", "http://example.com")])
def test_wrong_options_are_usage_errors(desk, words) -> None:
    said = desk.do("plan", *desk.small(), "--api", "sandbox", *words)
    assert (said.code, said.out) == (2, "")


def test_refused_key_stops_the_plan(desk) -> None:
    with strict_api(keys=("other",)) as api:
        said = plan(desk, api, *desk.small())
    assert (said.code, said.out) == (3, "")
    assert "refused the key" in said.err
    assert all(KEY.encode() not in path.read_bytes() for path in desk.files())


def test_names_are_resolved_in_the_bodies_of_a_plan(desk) -> None:
    desk.write("reps.yaml", LOOKUPS)
    desk.write("reps.csv", "Id,Name,Rep,Prices\n1,One,Robin Vale,\n2,Two,Nobody,\n")
    with strict_api(read_only=True) as api:
        said = plan(desk, api, "reps.csv", "-m", "reps.yaml")
    (body,) = map(json.loads, (said.folder / "payloads.jsonl").read_text().splitlines())
    assert body["assigned_sales_rep_ids"] == [REP["id"]]
    assert counts(said) == {"create": 1, "rejected": 1}
