"""Comparing the ledger with what WizCommerce has."""

import anyio
import pytest

from importer.commands.verify import compare_run as verify
from importer.errors import InterruptedRunError
from tests.sender.scene import api_client, scene


def test_every_kind_of_difference_is_named(tmp_path):
    with scene(tmp_path, duplicates="allow") as s:
        s.post("old")
        names = ["ok", "edited", "gone", "twice", "undone", "replaced", "old"]
        sent = s.send(names, {"old": s.id_of("old")})
        s.patch("edited", company_name="By hand")
        s.delete("gone")
        s.post("twice")
        s.delete("replaced")
        s.post("replaced")
        s.undo(s.send(["other"]))
        before = s.box.customers()
        assert s.verify(sent) == {
            "ok": "ok",
            "edited": "changed",
            "gone": "missing",
            "twice": "duplicate",
            "undone": "ok",
            "replaced": "changed",
            "old": "ok",
        }
        assert s.last["edited"].details == "company_name"
        assert "another customer" in s.last["replaced"].details
        assert s.box.customers() == before
        assert s.states("gone", "edited") == {"gone": "created", "edited": "created"}


def test_undone_customers_are_expected_to_be_gone(s):
    sent = s.send(["a", "b"])
    s.undo(sent)
    assert s.verify(sent) == {"a": "undone", "b": "undone"}
    s.post("b")
    assert s.verify(sent) == {"a": "undone", "b": "changed"}


def test_unknown_outcomes_stay_unknown(s):
    run, bodies = s.plan(["there", "not"])
    s.ledger.mark_sending(run, s.ledger.pending(run, after=-1, count=9))
    s.post("there")
    assert s.verify((run, bodies)) == {"there": "unknown", "not": "unknown"}
    assert s.states("there", "not") == {"there": "sending", "not": "sending"}


def test_lagging_list_hides_nothing(tmp_path):
    with scene(tmp_path, list_lag=60) as s:
        sent = s.send(["a"])
        assert s.http.get("/v1/customers", params={"reference_ids": "a"}).json()["data"] == []
        assert s.verify(sent) == {"a": "ok"}


def test_verify_stops_on_request(s):
    run, _ = s.send(["a"])

    async def work():
        stop = anyio.Event()
        stop.set()
        async with api_client(s.box.url) as api:
            await verify(s.ledger, api, run, concurrency=2, found=lambda _group: None, stop=stop)

    with pytest.raises(InterruptedRunError):
        anyio.run(work)
