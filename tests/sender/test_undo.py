"""Undoing what a run created, and nothing else."""

import pytest

from importer.api import Turns
from importer.errors import ApiUnavailableError, InterruptedRunError, KeyRefusedError
from importer.ledger import LedgerStep, State
from importer.records import OutcomeKind
from importer.sender.customer_rounds import MOST_MISSES
from tests.sender.scene import KilledError, Steps, scene


def deletes(scene):
    return [seen for seen in scene.box.requests() if seen.method == "DELETE"]


def test_created_customer_is_deleted_and_can_be_created_again(s):
    s.post("old")
    sent = s.send(["a", "b", "old"], {"old": s.id_of("old")})
    assert s.undo(sent) == {"a": "deleted", "b": "deleted"}
    assert s.names() == ["old"]
    assert s.states("a", "b", "old") == {"a": "absent", "b": "absent", "old": "exists"}
    assert s.undo(sent) == {}
    again = s.send(["a", "b"])
    assert sorted(s.names()) == ["a", "b", "old"]
    assert s.undo(sent) == {}, "the second run's customers are not the first one's"
    assert s.undo(again) == {"a": "deleted", "b": "deleted"}


def test_deactivated_customers_exist_afterward(tmp_path):
    with scene(tmp_path, delete="deactivate") as s:
        sent = s.send(["a"])
        assert s.undo(sent) == {"a": "deactivated"}
        assert s.states("a") == {"a": "exists"}
        assert s.undo(sent) == {}
        assert s.verify(sent) == {"a": "undone"}
        assert s.outcomes(s.send(["a"])[0]) == {"a": "exists"}


def test_later_changes_are_left_alone_unless_forced(s):
    sent = s.send(["a", "b", "gone"])
    s.patch("a", company_name="Changed by hand")
    s.delete("gone")
    assert s.undo(sent) == {"a": "changed", "b": "deleted", "gone": "deleted"}
    assert s.last["a"].details == "company_name"
    assert s.names() == ["a"]
    assert s.states("a") == {"a": "created"}
    assert len(deletes(s)) == 2  # the manual one, and b
    assert s.undo(sent, force=True) == {"a": "deleted"}
    assert s.names() == []


def test_unsent_field_filled_in_by_hand_counts_as_changed(s):
    sent = s.send(["a", "b"])
    s.patch("a", phone="+12125550123")
    assert s.undo(sent) == {"a": "changed", "b": "deleted"}
    assert "in fields that the importer does not send" in s.last["a"].details
    assert s.undo(sent, force=True) == {"a": "deleted"}


def test_unanswered_requests_are_looked_up_first(tmp_path):
    with scene(tmp_path, duplicates="allow") as s:
        run, bodies = s.plan(["made", "not", "twice", "edited"])
        s.ledger.mark_sending(run, s.ledger.pending(run, after=-1, count=9))
        for name in ("made", "twice", "twice", "edited"):
            s.post(name, company_name="Ex")
        s.patch("edited", company_name="By hand")
        results = {"made": "deleted", "twice": "duplicate", "edited": "changed"}
        assert s.undo((run, bodies)) == {**results, "not": "unknown"}
        assert sorted(s.names()) == ["edited", "twice", "twice"]
        assert s.states("made", "not", "twice") == {"made": "absent", "not": "sending", "twice": "sending"}
        del results["made"]
        assert s.undo((run, bodies), later=61.0) == {**results, "not": "absent"}
        ended = {"made": "created", "not": "failed", "twice": "unknown", "edited": "created"}
        assert s.outcomes(run) == ended
        frame = s.ledger.outcomes(run.id)
        assert frame.loc[frame["reference_id"] == "made", "customer_id"].notna().all()


def test_customer_found_by_a_later_run_was_created_by_the_first(s):
    run, bodies = s.plan(["a"])
    items = s.ledger.pending(run, after=-1, count=9)
    s.ledger.mark_sending(run, items)
    there = s.post("a", company_name="Ex")
    later = s.plan(["a"])
    found = LedgerStep(0, "a", State.CREATED, OutcomeKind.UNCHANGED, 0, there)
    s.ledger.record(later[0], [found])
    assert s.undo(later) == {}
    assert s.undo((run, bodies)) == {"a": "deleted"}
    assert s.outcomes(run) == {"a": "created"}, "or resuming would send it once more"


@pytest.mark.parametrize("fault", ["drop-after", "500-after", "cut", "malformed", "drop-before", "503-html", "429"])
def test_undo_survives_faults(s, fault):
    sent = s.send(["a", "b"])
    s.box.set_faults(aimed={"a": [fault]})
    assert s.undo(sent) == {"a": "deleted", "b": "deleted"}
    assert s.names() == []


def test_delete_without_effect_is_a_failure(s):
    sent = s.send(["a"])
    s.box.set_faults(aimed={"a": ["503-html"] * 3})
    assert s.undo(sent) == {"a": "failed"}
    assert "still there" in s.last["a"].details
    assert s.states("a") == {"a": "created"}
    assert s.undo(sent) == {"a": "deleted"}


def test_interrupted_undo_is_continued(s, monkeypatch):
    monkeypatch.setattr("importer.sender.undo.BLOCK", 4)
    names = [f"c{number}" for number in range(12)]
    sent = s.send(names)
    with pytest.raises(InterruptedRunError):
        s.undo(sent, after=lambda stop, found: stop.set() if len(found) >= 4 else None)
    first = set(s.last)
    assert first == set(names[:4])
    assert sorted(s.names()) == sorted(names[4:])
    second = s.undo(sent)
    assert set(second) == set(names[4:])
    assert set(second.values()) == {"deleted"}
    assert s.names() == []


class StopAtDelete:
    """A client that is asked to stop while its first DELETE is in flight."""

    def __init__(self, client, stop, _scope):
        self._turns = Turns()
        self._client = client.with_turns(self._turns)
        self._stop = stop

    def __getattr__(self, name):
        return getattr(self._client, name)

    async def delete(self, customer_id):
        answer = await self._client.delete(customer_id)
        self._stop.set()
        self._turns.cancel()
        return answer


@pytest.mark.parametrize("delete", ["remove", "deactivate"])
def test_stop_sends_nothing_more_and_undo_continues(tmp_path, delete):
    with scene(tmp_path, delete=delete) as s:
        sent = s.send(["a", "b", "c"])
        with pytest.raises(InterruptedRunError):
            s.undo(sent, wrap=StopAtDelete, concurrency=1)
        assert (s.last, len(deletes(s)), s.box.requests()[-1].method) == ({}, 1, "DELETE")
        assert sorted(s.verify(sent).values()) == ["ok", "ok", "undone"]
        assert s.undo(sent) == dict.fromkeys("abc", "deleted" if delete == "remove" else "deactivated")


class CancelAtDelete:
    """A client whose second DELETE is canceled in flight."""

    def __init__(self, client, _stop, scope):
        self._client = client
        self._scope = scope
        self._deletes = 0

    def __getattr__(self, name):
        return getattr(self._client, name)

    async def delete(self, customer_id):
        self._deletes += 1
        if self._deletes == 2:
            self._scope.cancel()
        return await self._client.delete(customer_id)


def test_completed_deletions_are_recorded_when_undo_is_canceled(s):
    sent = s.send(["a", "b", "c"])
    s.undo(sent, wrap=CancelAtDelete, concurrency=1)
    assert {name: str(one.result) for name, one in s.last.items()} == {"a": "deleted"}
    assert s.states("a", "b", "c") == {"a": "absent", "b": "created", "c": "created"}
    assert s.undo(sent) == {"b": "deleted", "c": "deleted"}


def test_unsent_deletion_is_closed_if_the_customer_was_changed_since(s):
    sent = s.send(["a"])
    steps = Steps(6, late=False)
    with pytest.raises(KilledError):
        s.undo(sent, steps=steps)
    assert [write.method for write in s.ledger.open_writes("acme", ["a"])["a"]] == ["DELETE"]
    assert deletes(s) == []
    s.patch("a", company_name="By hand")
    assert s.undo(sent) == {"a": "changed"}
    assert s.ledger.open_writes("acme", ["a"]) == {"a": []}


def test_manually_deactivated_customer_counts_as_changed(tmp_path):
    with scene(tmp_path, delete="deactivate") as s:
        sent = s.send(["a"])
        s.delete("a")
        assert s.undo(sent) == {"a": "changed"}
        assert s.last["a"].details == "status"
        assert s.verify(sent) == {"a": "inactive"}


def test_refused_key_stops_the_undo_immediately(tmp_path):
    with scene(tmp_path, keys=("k",)) as s:
        sent = s.send([f"c{number}" for number in range(40)])
        before = len(s.box.requests())
        with pytest.raises(KeyRefusedError):
            s.undo(sent, key="withdrawn")
        assert len(s.box.requests()) - before <= 8
        assert set(s.states("c0", "c39").values()) == {"created"}


def test_unreachable_api_stops_the_undo(tmp_path):
    with scene(tmp_path, fault_reads=True) as s:
        sent = s.send([f"c{number}" for number in range(100)])
        s.box.set_faults("503-html=100%")
        before = len(s.box.requests())
        with pytest.raises(ApiUnavailableError):
            s.undo(sent)
        assert len(s.box.requests()) - before <= 3 * (MOST_MISSES + 8)
        assert set(s.last.values()) == {one for one in s.last.values() if one.result == "failed"}
        assert len(s.names()) == 100
