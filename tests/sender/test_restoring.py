"""Undo reverts updates: earlier values are restored, and what others changed stays."""

from dataclasses import replace

import pytest

from importer.api import NoListError
from importer.errors import InterruptedRunError
from importer.ledger import LedgerStep, State
from importer.records import OutcomeKind
from importer.sender.restoring import Forecast, forecast
from tests.sandbox.support import address, contact
from tests.sender.scene import Change, KilledError, Steps, company, scene


def whole(**fields):
    """A customer with an address, a contact, and attributes."""
    children = {"addresses": [address("A1", phone="+14155550101")], "contacts": [contact("P1", designation="Buyer")]}
    attributes = [{"name": "Color", "value": "red"}, {"name": "Size", "value": "L"}]
    return company("c", payment_term="Net 30", attributes=attributes, **children) | fields


# Everything that an update can change. The phone and the attribute Tier had no values before.
EVERYTHING = Change(
    patch={"company_name": "New", "phone": "+12125550199", "attributes": {"Color": "blue", "Tier": "gold"}},
    put={"A1": {"city": "Newtown", "address_line_2": "Floor 2"}, "P1": {"designation": "Owner"}},
    post={"addresses": address("A2", city="Added"), "contacts": contact("P2")},
)


def content(customer):
    """A customer's content, without IDs and times."""
    attributes = {one["name"]: one["value"] for one in customer["attributes"]}
    kinds = {
        kind: [_child(one) for one in customer[kind] if one["status"] == "active"] for kind in ("addresses", "contacts")
    }
    own = ("reference_id", "name", "phone", "payment_term", "freight_term", "status")
    return {name: customer.get(name) for name in own} | kinds | {"attributes": attributes}


def _child(child):
    shown = {name: value for name, value in child.items() if value not in (None, "")}
    for name in ("id", "customer_id", "created_at", "updated_at"):
        shown.pop(name, None)
    return shown | {"attributes": {one["name"]: one["value"] for one in child.get("attributes") or ()}}


def writes(s, method=None):
    return [seen.method for seen in s.box.requests() if seen.method != "GET" and method in (None, seen.method)]


def restorable(change=EVERYTHING):
    """The same change, without what cannot be undone."""
    return replace(change, patch={"company_name": "New", "attributes": {"Color": "blue"}})


@pytest.mark.parametrize("delete", ["remove", "deactivate"])
def test_update_is_undone_and_can_be_sent_again(tmp_path, delete):
    with scene(tmp_path, delete=delete) as s:
        s.send({"c": whole()})
        before = content(s.whole("c"))
        sent = s.update({"c": restorable()})
        assert content(s.whole("c")) != before
        assert s.undo(sent) == {"c": "restored"}
        assert content(s.whole("c")) == before
        assert s.verify(sent) == {"c": "undone"}
        assert s.undo(sent) == {}
        run, _ = s.plan(s.bodies, mode="upsert")
        assert [item.action for item in s.ledger.pending(run, after=-1, count=9)] == ["update"]
        assert s.ledger.bases(run, s.ledger.pending(run, after=-1, count=9))["c"].body is None


def test_field_without_a_previous_value_is_kept_and_named(s):
    s.send({"c": whole()})
    before = content(s.whole("c"))
    sent = s.update({"c": EVERYTHING})
    assert s.undo(sent) == {"c": "not_taken_back"}
    assert "phone, attributes[Tier]" in s.last["c"].details
    left = {"phone": "+12125550199", "attributes": {**before["attributes"], "Tier": "gold"}}
    assert content(s.whole("c")) == before | left
    assert s.verify(sent) == {"c": "undone"}
    assert s.last["c"].details == "not undone: phone, attributes[Tier]"
    assert s.undo(sent) == {}


def test_undo_of_fields_without_previous_values_sends_nothing(s):
    s.send({"c": whole()})
    sent = s.update({"c": Change(patch={"phone": "+12125550199"})})
    before = len(writes(s))
    assert s.undo(sent) == {"c": "not_taken_back"}
    assert "phone" in s.last["c"].details
    assert len(writes(s)) == before
    assert s.verify(sent) == {"c": "ok"}
    assert s.undo(sent) == {}


def test_later_additions_by_others_survive(s):
    s.send({"c": whole()})
    sent = s.update({"c": restorable()})
    one = s.whole("c")
    path = f"/v1/customers/{one['id']}"
    s.patch("c", freight_term="By hand", attributes=[*_named(one["attributes"]), {"name": "Hand", "value": "1"}])
    child = next(child for child in one["addresses"] if child["reference_id"] == "A1")
    body = address("A1", city="Newtown", address_line_2="Floor 2", phone="+14155550101", zip_code="99999")
    s.ask("PUT", f"{path}/addresses/{child['id']}", body | {"attributes": [{"name": "Dock", "value": "7"}]})
    s.ask("POST", f"{path}/contacts", contact("P9"))
    assert s.undo(sent) == {"c": "restored"}
    now = content(s.whole("c"))
    assert (now["freight_term"], now["attributes"]["Hand"]) == ("By hand", "1")
    there = next(one for one in now["addresses"] if one["reference_id"] == "A1")
    assert (there["city"], there["zip_code"], there["attributes"]) == ("Anytown", "99999", {"Dock": "7"})
    assert "address_line_2" not in there
    assert "P9" in [one["reference_id"] for one in now["contacts"]]


def _named(attributes):
    return [{"name": one["name"], "value": one["value"]} for one in attributes]


def test_later_changes_are_left_alone_unless_forced(s):
    s.send({"c": whole()})
    before = content(s.whole("c"))
    sent = s.update({"c": restorable()})
    one = s.whole("c")
    added = next(child["id"] for child in one["addresses"] if child["reference_id"] == "A2")
    path = f"/v1/customers/{one['id']}"
    s.patch("c", company_name="By hand")
    s.ask("PUT", f"{path}/addresses/{added}", address("A2", city="Added", phone="+14155550109"))
    assert s.undo(sent) == {"c": "changed"}
    assert s.last["c"].details == "addresses[A2].phone; company_name"
    now = content(s.whole("c"))
    assert now["name"] == "By hand"
    assert "A2" in [child["reference_id"] for child in now["addresses"]]
    assert now["contacts"] == before["contacts"], "what nobody changed is undone"
    assert s.verify(sent) == {"c": "changed"}
    assert s.undo(sent) == {"c": "changed"}
    assert s.undo(sent, force=True) == {"c": "restored"}
    assert content(s.whole("c")) == before


def test_manually_undone_update_needs_no_request_and_can_be_sent_again(s):
    s.send({"c": whole()})
    sent = s.update({"c": Change(patch={"company_name": "New"})})
    s.patch("c", company_name="Ex")
    before = len(writes(s))
    assert s.undo(sent) == {"c": "restored"}
    assert len(writes(s)) == before
    assert s.verify(sent) == {"c": "undone"}
    assert s.ledger.known("acme", ["c"])["hash"].isna().all()
    assert s.ledger.accepted("acme", ["c"]) == {}


def test_customer_is_compared_with_the_latest_run(s):
    s.send({"c": whole()})
    sent = s.update({"c": Change(patch={"company_name": "New"})})
    assert s.undo(sent) == {"c": "restored"}
    s.update({"c": Change(patch={"company_name": "Newer"})})
    assert s.verify(sent) == {"c": "ok"}


def test_child_that_cannot_be_replaced_is_kept_with_the_reason(tmp_path):
    with scene(tmp_path, delete="deactivate") as s:
        s.send({"c": whole()})
        sent = s.update({"c": Change(put={"A1": {"city": "Newtown"}})})
        one = s.whole("c")
        s.ask("DELETE", f"/v1/customers/{one['id']}/addresses/{one['addresses'][0]['id']}")
        assert s.undo(sent) == {"c": "not_taken_back"}
        assert "addresses[A1]: it is inactive" in s.last["c"].details


def test_deleted_child_or_customer_is_reported_once(s):
    s.send({"c": whole(), "d": whole(reference_id="d")})
    sent = s.update({"c": Change(put={"A1": {"city": "Newtown"}}), "d": restorable()})
    one = s.whole("c")
    s.ask("DELETE", f"/v1/customers/{one['id']}/addresses/{one['addresses'][0]['id']}")
    s.delete("d")
    assert s.undo(sent) == {"c": "not_taken_back", "d": "not_taken_back"}
    assert "addresses[A1] is no longer in WizCommerce" in s.last["c"].details
    assert "customer is no longer in WizCommerce" in s.last["d"].details
    assert s.undo(sent) == {}


def test_created_and_updated_customers_of_one_run_are_undone(s):
    s.send({"c": whole(), "other": company("other")})
    before = content(s.whole("c"))
    sent = s.update({"c": restorable(), "new": Change()})
    assert sorted(s.names()) == ["c", "new", "other"]
    assert s.undo(sent) == {"new": "deleted", "c": "restored"}
    assert sorted(s.names()) == ["c", "other"]
    assert content(s.whole("c")) == before
    assert s.verify(sent) == {"new": "undone", "c": "undone"}


def test_creating_run_can_be_undone_after_the_updating_run(s):
    created = s.send({"c": whole()})
    assert s.undo(s.update({"c": restorable()})) == {"c": "restored"}
    assert s.undo(created) == {"c": "deleted"}


@pytest.mark.parametrize("end", ["unanswered", "lost"])
def test_writes_without_an_answer_are_checked_first(s, end):
    s.send({"c": whole()})
    before = content(s.whole("c"))
    sent = s.update({"c": restorable()}, end=end)
    assert s.verify(sent) == {"c": "unknown"}
    if end == "lost":
        assert s.undo(sent) == {"c": "unknown"}
        assert "run undo again in" in s.last["c"].details
    assert s.undo(sent, later=61.0) == {"c": "restored" if end == "unanswered" else "absent"}
    assert content(s.whole("c")) == before
    assert s.states("c") == {"c": "updated"}
    assert s.outcomes(sent[0]) == {"c": "updated" if end == "unanswered" else "failed"}
    assert s.undo(sent) == {}


def test_customer_a_later_run_may_have_changed_is_not_touched(s):
    s.send({"c": whole()})
    sent = s.update({"c": Change(patch={"company_name": "New"})})
    s.update({"c": Change(patch={"company_name": "Newer"})}, end="unanswered")
    before = len(writes(s))
    assert s.undo(sent, later=61.0) == {"c": "unknown"}
    assert "later run" in s.last["c"].details
    assert len(writes(s)) == before


def test_updates_without_previous_values_are_listed(s):
    s.send({"c": whole()})
    sent = s.update({"c": Change()})
    assert s.undo(sent) == {"c": "not_taken_back"}
    assert "older version" in s.last["c"].details


def test_other_customer_with_the_id_is_never_touched(s):
    created = s.send(["a", "b"])
    updated = s.update({"b": Change(patch={"company_name": "New"}), "a": Change(patch={"company_name": "New"})})
    for run, name, number in ((created[0], "b", s.id_of("a")), (updated[0], "b", s.id_of("a"))):
        there = next(
            one for one in s.ledger.customers_to_verify(run, after=-1, count=9) if one.item.reference_id == name
        )
        step = LedgerStep(there.item.position, name, State.UPDATED, there.outcome, 1, number)
        s.ledger.record(run, [step])
    before = len(writes(s))
    assert s.undo(updated, force=True)["b"] == "failed"
    assert "another record under this ID, with the reference ID a" in s.last["b"].details
    assert len(writes(s)) == before + 1
    assert s.undo(created, force=True) == {"a": "deleted", "b": "failed"}
    assert s.names() == ["b"]


def test_answers_about_another_customer_are_not_used(tmp_path):
    with scene(tmp_path, fault_reads=True) as s:
        sent = s.send(["a", "b"])
        s.box.set_faults(aimed={"a": ["foreign"] * 3})
        assert s.undo(sent, force=True, concurrency=1) == {"a": "failed", "b": "deleted"}
        assert "a different ID" in s.last["a"].details
        assert s.names() == ["a"]
        assert s.undo(sent) == {"a": "deleted"}


def test_erased_values_cannot_be_restored(s):
    s.send({"c": whole()})
    sent = s.update({"c": restorable()})
    s.ledger.erase_values(sent[0])
    before = content(s.whole("c"))
    assert forecast(s.ledger, sent[0]) == Forecast(0, 0, 1)
    assert s.undo(sent, force=True) == {"c": "not_taken_back"}
    assert s.last["c"].details == "the previous values were erased"
    assert content(s.whole("c")) == before


def test_api_without_child_paths_ends_the_undo(tmp_path):
    data = tmp_path / "sandbox.db"
    with scene(tmp_path, data=data) as s:
        s.send({"c": whole()})
        sent = s.update({"c": Change(put={"A1": {"city": "Newtown"}})})
    with scene(tmp_path, data=data, child_endpoints=False) as s:
        with pytest.raises(NoListError):
            s.undo(sent)
        assert s.last == {}
    with scene(tmp_path, data=data) as s:
        assert s.undo(sent) == {"c": "restored"}


def test_odd_id_fails_only_one_customer(s):
    sent = s.send(["a", "b"])
    there = next(
        one for one in s.ledger.customers_to_verify(sent[0], after=-1, count=9) if one.item.reference_id == "a"
    )
    odd = LedgerStep(there.item.position, "a", State.CREATED, OutcomeKind.CREATED, 1, "../odd?x=1")
    s.ledger.record(sent[0], [odd])
    assert s.verify(sent) == {"a": "changed", "b": "ok"}, "it is listed under another id"
    assert s.undo(sent) == {"a": "failed", "b": "deleted"}
    s.delete("a")
    assert s.verify(sent) == {"a": "failed", "b": "undone"}


@pytest.mark.parametrize("fault", ["drop-after", "500-after", "cut", "malformed", "drop-before", "503-html", "429"])
def test_undo_survives_faults(s, fault):
    s.send({"c": whole()})
    before = content(s.whole("c"))
    sent = s.update({"c": restorable()})
    s.box.set_faults(aimed={"c": [fault]})
    assert s.undo(sent) == {"c": "restored"}
    assert content(s.whole("c")) == before


def test_restore_without_effect_fails_and_can_be_repeated(s):
    s.send({"c": whole()})
    before = content(s.whole("c"))
    sent = s.update({"c": Change(patch={"company_name": "New"})})
    s.box.set_faults(aimed={"c": ["503-html"] * 3})
    assert s.undo(sent) == {"c": "failed"}
    assert "the customer was not restored" in s.last["c"].details
    assert s.undo(sent) == {"c": "restored"}
    assert content(s.whole("c")) == before


def test_undo_continues_after_a_stop_between_customers(s, monkeypatch):
    monkeypatch.setattr("importer.sender.undo.BLOCK", 2)
    names = [f"c{number}" for number in range(6)]
    s.send({name: company(name) for name in names})
    sent = s.update({name: Change(patch={"company_name": "New"}) for name in names})
    with pytest.raises(InterruptedRunError):
        s.undo(sent, after=lambda stop, _found: stop.set())
    assert set(s.last) == set(names[:2])
    assert s.undo(sent) == dict.fromkeys(names[2:], "restored")


@pytest.mark.parametrize(("delete", "late"), [("remove", False), ("deactivate", True)])
def test_undo_continues_after_a_kill_at_any_step(tmp_path, delete, late):
    """Each kill gets two new customers in the same ledger."""
    with scene(tmp_path, delete=delete) as s:
        for at in range(1, 200):
            if not _killed_at(s, Steps(at, late=late), "deleted" if delete == "remove" else "deactivated"):
                assert at > 20
                return
    pytest.fail("it never came to its end")


def _killed_at(s, steps, deleted):
    """Kill undo at a step, and then undo to the end. Returns whether it was killed."""
    old, new = f"c{steps.at}", f"new{steps.at}"
    end = {new: deleted, old: "restored"}
    change = Change(patch={"company_name": "New"}, put={"A1": {"city": "Newtown"}}, post={"contacts": contact("P2")})
    s.send({old: whole(reference_id=old)})
    before = content(s.whole(old))
    sent = s.update({old: change, new: Change()})
    try:
        assert s.undo(sent, steps=steps, concurrency=1) == end
    except KilledError:
        assert s.verify(sent)[new] in ("undone", "ok"), steps.at
        assert {**end, **s.undo(sent)} == end, steps.at
    assert content(s.whole(old)) == before, steps.at
    assert new not in s.names(), steps.at
    assert s.states(old, new) == {old: "updated", new: "absent" if deleted == "deleted" else "exists"}, steps.at
    assert not any(s.ledger.open_writes("acme", [old, new]).values()), steps.at
    assert s.verify(sent) == {old: "undone", new: "undone"}, steps.at
    assert s.undo(sent) == {}, steps.at
    return steps.killed
