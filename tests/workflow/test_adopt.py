"""``importer adopt``: a lost ledger is rebuilt, and the next night sends only differences."""

import copy
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from importer.sandbox import SandboxConfig
from tests.postgres import database
from tests.running_sandbox import running
from tests.workflow.desk import KEY, make_desk
from tests.workflow.strict_api import StrictApi, strict_api
from tests.workflow.test_upsert import MAPPING, asked, counts, export, row, write


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request, tmp_path: Path) -> Iterator[tuple[str, ...]]:
    """The options for an empty ledger."""
    if request.param == "sqlite":
        yield ("--ledger", str(tmp_path / "fresh.db"), "--out", "fresh")
    else:
        with database() as url:
            yield ("--ledger", url, "--out", "fresh")


@pytest.fixture(scope="module")
def first_night(tmp_path_factory) -> dict[str, Any]:
    """An API's customers after a first night."""
    desk = make_desk(tmp_path_factory.mktemp("first"))
    with strict_api() as api:
        desk.run(api.url, *write(desk, export(5)))
        return api.customers


@pytest.fixture
def after(first_night):
    """A server with the first ``count`` customers of a night that no ledger knows."""

    @contextmanager
    def serve(count: int, **more: Any) -> Iterator[StrictApi]:
        customers = copy.deepcopy({f"C{number}": first_night[f"C{number}"] for number in range(count)})
        with strict_api(customers=customers, ticks=1000, **more) as api:
            yield api

    return serve


def adopt(desk, api: StrictApi, *words: object):
    """Adopt from a server that counts any change as an error."""
    api.read_only = True
    try:
        return desk.do("adopt", *words, "--api", api.url, "--json")
    finally:
        api.read_only = False


def found(said) -> dict[str, int]:
    adopted = said.summary["adopted"]
    return {name: count for name, count in adopted.items() if name != "examples" and count}


def test_next_night_sends_only_differences(desk, api, fresh) -> None:
    rows = export(40)
    desk.run(api.url, *write(desk, rows))
    api.customers["C1"] |= {"phone": "+16505550100", "freight_term": "FOB", "status": "inactive"}
    api.customers["C2"]["addresses"].append({"id": "x", "type": "shipping", "address_line_1": "D", "city": "E"})
    del api.customers["C3"]
    rows["C4"]["Street"] = "9 New Street"
    rows["C5"]["Phone"] = "odd"
    words = write(desk, rows)[:3]
    asked(api)
    said = adopt(desk, api, *words, *fresh)
    assert asked(api)["GET"] == 38 + 2 + 3, "each that is there, two lists, and attributes"
    assert (said.code, api.broken) == (1, []), "C5 is rejected"
    assert found(said) == {"same": 36, "differ": 2, "absent": 1, "rejected": 1}
    assert {line["reference_id"]: line["field"] for line in said.table("changes.csv")} == {
        "C1": "phone",
        "C4": "addresses[A-C4].address_line_1",
    }
    outcomes = said.outcomes
    assert {name: outcomes.pop(name) for name in ("C1", "C3", "C4", "C5")} == {
        "C1": "exists", "C3": "pending", "C4": "exists", "C5": "rejected",
    }  # fmt: skip
    assert set(outcomes.values()) == {"unchanged"}
    told = {line["reference_id"]: line for line in said.table("errors.csv") if line["code"] == "differs_in_api"}
    assert set(told) == {"C1", "C4"}
    assert told["C1"]["message"] == "WizCommerce has a different value in phone"

    assert found(adopt(desk, api, *words, *fresh)) == {"known": 38, "absent": 1, "rejected": 1}
    assert asked(api)["GET"] <= 3 + 2
    night = desk.run(api.url, *write(desk, rows), *fresh)
    assert counts(night) == {"created": 1, "updated": 2, "unchanged": 36, "rejected": 1}
    assert api.patches["C1"] == [{"phone": "+14155550101"}]
    assert [set(patch) for patch in api.patches["C4"]] == [{"addresses"}]
    assert len(api.customers["C2"]["addresses"]) == 2
    third = asked(api)
    assert (third["POST"], third["PATCH"], third["PUT"]) == (1, 1, 1)
    del rows["C6"]
    quiet = desk.run(api.url, *write(desk, rows), *fresh)
    assert counts(quiet) == {"unchanged": 38, "rejected": 1}
    assert quiet.summary["missing_from_source"] == 1
    assert asked(api)["GET"] <= 5
    assert desk.do("ledger", "check", *fresh[:2]).code == 0


def test_later_changes_in_the_api_are_conflicts(desk, after) -> None:
    rows = export(2)
    with after(2) as api:
        api.customers["C0"]["phone"] = api.customers["C1"]["phone"] = "+16505550100"
        assert found(adopt(desk, api, *write(desk, rows)[:3])) == {"differ": 2}
        api.customers["C1"]["phone"] = "+16505550177"
        api.touch("C1")
        assert desk.run(api.url, *write(desk, rows)).outcomes == {"C0": "updated", "C1": "exists"}
        # After another adopt, the next night starts from what is there now.
        said = adopt(desk, api, *write(desk, rows)[:3], "--only", "C1")
        assert found(said) == {"differ": 1, "left_out": 1}
        assert desk.run(api.url, *write(desk, rows)).outcomes == {"C0": "unchanged", "C1": "updated"}
        assert api.customers["C1"]["phone"] == "+14155550101"


def test_deleted_customer_is_created_after_adopting_it_by_id(desk, after) -> None:
    rows = export(2)
    with after(2) as api:
        assert found(adopt(desk, api, *write(desk, rows)[:3])) == {"same": 2}
        del api.customers["C1"]
        rows["C1"]["Phone"] = "+12125550199"
        said = desk.run(api.url, *write(desk, rows))
        assert (said.code, said.outcomes) == (1, {"C0": "unchanged", "C1": "failed"})
        assert "C1" not in api.customers
        assert found(adopt(desk, api, *write(desk, rows)[:3], "--only", "C1")) == {"absent": 1, "left_out": 1}
        assert desk.run(api.url, *write(desk, rows)).outcomes == {"C0": "unchanged", "C1": "created"}


def test_duplicate_customer_is_not_adopted_or_updated(desk, after) -> None:
    rows = export(3)
    with after(3) as api:
        api.customers["twin"] = {**api.customers["C1"], "id": "another", "status": "inactive"}
        api.customers["C2"]["phone"] = "+16505550100"
        said = adopt(desk, api, *write(desk, rows)[:3])
        assert (said.code, found(said)) == (1, {"same": 1, "differ": 1, "twice": 1})
        line = next(line for line in said.table("results.csv") if line["reference_id"] == "C1")
        assert (line["outcome"], line["error_code"]) == ("failed", "duplicate_in_api")
        assert "another" in line["error_message"]
        for _ in range(2):
            night = desk.run(api.url, *write(desk, rows))
            assert (night.code, night.outcomes["C1"]) == (1, "failed")
        assert set(api.patches) == {"C2"}
        del api.customers["twin"]
        assert desk.run(api.url, *write(desk, rows)).outcomes["C1"] == "unchanged"


@pytest.mark.usefixtures("at_once")
def test_unreadable_customer_stops_adopt_which_continues_later(desk, after) -> None:
    rows = export(5)
    with after(5) as api:
        answer, wrong = api.answer, api.customers["C3"]["id"]
        api.answer = lambda method, target, *rest: (500, {}) if wrong in target else answer(method, target, *rest)
        said = adopt(desk, api, *write(desk, rows)[:3])
        assert (said.code, found(said)) == (3, {"same": 4, "unread": 1})
        assert "customer C3 could not be read" in said.summary["stopped"]
        assert "importer adopt" in " ".join(said.summary["next"])
        api.answer = answer
        assert found(adopt(desk, api, *write(desk, rows)[:3])) == {"known": 4, "same": 1}


def test_unknown_outcome_is_left_to_its_run(desk, api) -> None:
    rows = export(3)
    answer = api.answer
    api.answer = lambda method, *rest: (401, {}) if method == "POST" else answer(method, *rest)
    desk.run(api.url, *write(desk, rows))
    api.answer = answer
    with closing(sqlite3.connect(desk.state / "importer" / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE customers SET state = 'unknown' WHERE reference_id = 'C1'")
    said = adopt(desk, api, *write(desk, rows)[:3])
    assert (said.code, found(said)) == (3, {"in_doubt": 1, "absent": 2})


def test_adopt_sends_nothing_and_cannot_be_resumed(desk) -> None:
    with running(SandboxConfig(keys=())) as box:
        words = desk.small(4)
        desk.run(box.url, *words)
        before = len(box.requests())
        lost = ("--ledger", "fresh.db", "--out", "fresh")
        said = desk.do("adopt", *words, "--api", box.url, *lost, "--json")
        assert (said.code, found(said)) == (0, {"same": 4})
        assert {request.method for request in box.requests()[before:]} == {"GET"}
        assert "The ledger now has 4 of 4 customers." in desk.do("adopt", *words, "--api", box.url, *lost).out
        for command in ("resume", "retry"):
            refused = desk.do(command, "--ledger", "fresh.db")
            assert (refused.code, refused.out) == (2, "")
            assert "is a run of `importer adopt`" in refused.err
        assert desk.do("undo", said.summary["run_id"], "--ledger", "fresh.db", "--yes").code == 0
        assert box.counts()["customers"] == 4
        assert desk.do("verify", said.summary["run_id"], "--ledger", "fresh.db").code == 0
        again = desk.do("report", said.summary["run_id"], "--ledger", "fresh.db", "--json")
        assert again.summary["adopted"] == said.summary["adopted"]
        assert "adopt" in desk.do("runs", "--ledger", "fresh.db", "--json").out


def test_guards_and_keys_apply_to_adopt(desk) -> None:
    rows = export(3) | {"C9": {**row(9), "Phone": "odd"}}
    with strict_api(keys=(KEY, "another-key")) as api:
        words = (*write(desk, rows)[:3], "--tenant", "acme")
        said = adopt(desk, api, *words, "--strict")
        assert said.code == 3
        assert "--strict" in said.summary["stopped"]
        desk.environment["WIZCOMMERCE_API_KEY"] = "another-key"
        refused = adopt(desk, api, *words)
        assert (refused.code, refused.out) == (2, "")
        assert "--accept-key" in refused.err


def test_blank_that_clears_a_field_is_a_difference(desk, after) -> None:
    rows = export(2)
    clearing = MAPPING.replace("phone: {from: Phone, optional: true}", "phone: {from: Phone, clear_when_blank: true}")
    with after(2) as api:
        rows["C1"]["Phone"] = rows["C0"]["Mail"] = ""
        said = adopt(desk, api, *write(desk, rows, clearing)[:3])
        assert found(said) == {"same": 1, "differ": 1}
        assert [(line["reference_id"], line["field"]) for line in said.table("changes.csv")] == [("C1", "phone")]
