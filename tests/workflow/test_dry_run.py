"""``check``: no connection, no key, no ledger; the bodies contain names that are not looked up yet."""

import json
import socket

import pytest

from tests.workflow.desk import KEY

LOOKUPS = """\
title: Names that the API knows
key: Id
customer:
  company_name: Name
  assigned_sales_rep_ids: {from: Rep, split: ";", lookup: sales_rep}
  assigned_price_list_id: {from: Prices, lookup: price_list}
"""


@pytest.fixture
def offline(monkeypatch) -> list[str]:
    """Any attempt to open a connection fails and is listed; only a patch can detect this."""
    attempts: list[str] = []

    def refused(*_: object, **__: object) -> None:
        attempts.append("a connection was opened")
        raise AssertionError(attempts[-1])

    for name in ("connect", "connect_ex", "sendto", "bind"):
        monkeypatch.setattr(socket.socket, name, refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    return attempts


def test_check_needs_no_network_key_or_ledger(desk, offline) -> None:
    desk.environment["WIZCOMMERCE_API_KEY"] = ""
    said = desk.do("check", *desk.small(), "--json")
    assert (said.code, said.err) == (0, "")
    assert offline == []
    assert said.summary["customers"]["valid"] == 3
    assert list(said.summary["timings"]) == ["load", "map", "validate", "payloads", "reports"]
    assert not desk.state.exists()
    assert {line["outcome"] for line in said.table("results.csv")} == {"valid"}
    bodies = [json.loads(line) for line in (said.folder / "payloads.jsonl").read_text().splitlines()]
    assert [body["reference_id"] for body in bodies] == ["C0", "C1", "C2"]


@pytest.mark.usefixtures("at_once")
def test_offline_fixture_detects_a_run(desk, offline) -> None:
    """So that the test above cannot pass for the wrong reason."""
    with pytest.raises(AssertionError, match="a connection was opened"):
        socket.create_connection(("127.0.0.1", 9))
    offline.clear()
    assert desk.run("http://127.0.0.1:9", *desk.small()).code == 3
    assert offline


def test_names_are_not_resolved_in_a_check_but_counted_as_warnings(desk, offline) -> None:
    desk.write("reps.yaml", LOOKUPS)
    desk.write(
        "reps.csv",
        "Id,Name,Rep,Prices\n1,One,Robin Vale;Sam Okoro,Wholesale\n2,Two,Robin Vale,\n3,Three,,\n4,Four,Ines Duarte,\n",
    )
    said = desk.do("check", "reps.csv", "-m", "reps.yaml", "--json")
    assert said.code == 0
    bodies = [json.loads(line) for line in (said.folder / "payloads.jsonl").read_text().splitlines()]
    rep = {"$lookup": {"sales_rep": "Robin Vale"}}
    assert bodies[0]["assigned_sales_rep_ids"] == [rep, {"$lookup": {"sales_rep": "Sam Okoro"}}]
    assert bodies[0]["assigned_price_list_id"] == {"$lookup": {"price_list": "Wholesale"}}
    assert bodies[1]["assigned_sales_rep_ids"] == [rep]
    assert "assigned_sales_rep_ids" not in bodies[2]
    pending = [line for line in said.table("errors.csv") if line["code"] == "lookup_pending"]
    assert {(line["severity"], line["value"], line["row"]) for line in pending} == {
        ("warning", "Robin Vale", "2"),
        ("warning", "Ines Duarte", "5"),
        ("warning", "Wholesale", "2"),
    }


def test_report_shows_no_sending_options(desk) -> None:
    desk.write("job.toml", 'api = "staging"\nmode = "upsert"\nrate = 5\nmax-failed = 3\ncountry = "US"\n')
    said = desk.do("check", *desk.small(), "--config", "job.toml", "--json")
    assert said.summary["options"].keys() == {"sources", "mapping", "dedupe", "country"}
    facts = (said.folder / "report.html").read_text(encoding="utf-8").partition('id="facts"')[2]
    assert "US" in facts
    assert "staging" not in facts
    assert "concurrency" not in facts


def test_key_is_not_stored_or_shown(desk) -> None:
    said = desk.do("check", *desk.small())
    assert KEY not in said.out + said.err
    assert all(KEY.encode() not in path.read_bytes() for path in desk.files())


@pytest.mark.parametrize("partial", [True, False])
def test_missing_table_is_not_reported_with_partial(desk, partial) -> None:
    part = desk.write("BusinessPartners.csv", "CardCode,CardName,Phone1\nC1,Harbor Goods,+14155550101\n")
    said = desk.do("check", part, "-m", "sap-business-one", "--json", *["--partial"][:partial])
    assert said.code == 0
    missing = [problem["count"] for problem in said.summary["problems"] if problem["code"] == "table_missing"]
    assert (missing, said.summary["options"].get("partial")) == (([], True) if partial else ([2], None))
