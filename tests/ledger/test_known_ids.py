"""The IDs in WizCommerce: of a reference ID, of children, and which customer an ID belongs to."""

from dataclasses import replace

import pytest

from importer.ledger import Accepted, LedgerStep, State, open_ledger
from importer.records import OutcomeKind
from importer.tables import TEXT
from tests.sender.support import TENANT, found_frame, plan_run

CHILDREN = (
    '[{"entity":"address","reference_id":"A-1","id":"id-1"},{"entity":"contact","reference_id":null,"id":"id-2"},'
    '{"entity":"contact","reference_id":"P-3","id":null}]'
)


@pytest.fixture
def ledger(place):
    with open_ledger(place) as opened:
        yield opened


@pytest.fixture
def run(ledger, tmp_path):
    """It created b with children and a without known children, and left c and e pending; d existed before."""
    made, _ = plan_run(ledger, tmp_path, ["b", "a", "c", "d", "e"], {"d": "id-d"})
    ledger.mark_sending(made, ledger.pending(made, after=-1, count=2))
    steps = [
        LedgerStep(
            0, "b", State.CREATED, OutcomeKind.CREATED, 1, "id-b", accepted=Accepted(b"{}", CHILDREN), display_id="WC_1"
        ),
        LedgerStep(1, "a", State.CREATED, OutcomeKind.CREATED, 1, "id-a", accepted=Accepted(b"{}", None)),
    ]
    ledger.record(made, steps)
    return made


def rows(frame) -> list[tuple[str | None, ...]]:
    assert (frame.dtypes == TEXT).all()
    return [tuple(row) for row in frame.astype(object).where(frame.notna(), None).itertuples(index=False)]


def test_all_ids_of_a_tenant_are_listed(ledger, run):
    frame = ledger.ids(TENANT)
    assert frame.columns.tolist() == ["reference_id", "kind", "child_reference_id", "id", "display_id"]
    assert rows(frame) == [
        ("a", "customer", None, "id-a", None),
        ("b", "customer", None, "id-b", "WC_1"),
        ("b", "address", "A-1", "id-1", None),
        ("b", "contact", None, "id-2", None),
        ("d", "customer", None, "id-d", None),
    ]
    assert rows(ledger.ids("other")) == []


def test_children_of_a_run_are_listed(ledger, run, tmp_path):
    frame = ledger.children_of(run.id)
    assert frame.columns.tolist() == ["reference_id", "kind", "child_reference_id", "id"]
    assert rows(frame) == [("b", "address", "A-1", "id-1"), ("b", "contact", None, "id-2")]
    more = '[{"entity":"address","reference_id":"A-9","id":"id-9"}]'
    step = LedgerStep(1, "a", State.CREATED, OutcomeKind.CREATED, 1, "id-a", accepted=Accepted(b"{}", more))
    ledger.record(run, [step])
    ledger.tenant("other")
    ledger.record_lookup("other", ["a"], found_frame({}))
    ledger.record(replace(run, tenant="other"), [step])
    assert rows(ledger.children_of(run.id))[1:] == [("b", "contact", None, "id-2"), ("a", "address", "A-9", "id-9")]
    assert rows(ledger.children_of(ledger.start_run(TENANT, "run", out=tmp_path, mapping="m").id)) == []


def test_customers_sent_with_a_mapping_include_unknown_outcomes(ledger, run):
    """Not d, which existed before, and not e, which was not sent yet."""
    ledger.mark_sending(run, ledger.pending(run, after=-1, count=1))
    assert rows(ledger.sent_with(TENANT, "example")) == [("a", "id-a"), ("b", "id-b"), ("c", None)]
    assert rows(ledger.sent_with(TENANT, "another")) == rows(ledger.sent_with("other", "example")) == []


def test_deleted_customer_counts_as_never_sent(ledger, run):
    ledger.record_gone(TENANT, ["b"])
    known = ledger.known(TENANT, ["a", "b"]).sort_values("reference_id")
    assert rows(known[["state", "customer_id"]]) == [("created", "id-a"), ("absent", None)]
    assert known["hash"].isna().tolist() == [False, True]
    assert ledger.accepted(TENANT, ["a", "b"]) == {"a": b"{}"}
    with ledger._read() as connection:
        gone = connection.exec_driver_sql("SELECT absent_at, updated_at FROM customers WHERE reference_id = 'b'").one()
    assert gone.absent_at == gone.updated_at


def test_existing_customer_may_be_deleted_later(ledger, run):
    ledger.record_lookup(TENANT, ["a", "d"], found_frame({}))
    known = ledger.known(TENANT, ["a", "d"]).sort_values("reference_id")
    assert rows(known[["state", "customer_id"]]) == [("created", "id-a"), ("absent", None)]
    with ledger._read() as connection:
        gone = connection.exec_driver_sql("SELECT absent_at, updated_at FROM customers WHERE reference_id = 'd'").one()
    assert gone.absent_at == gone.updated_at


def test_ids_are_traced_to_their_customers(ledger, run):
    assert ledger.reference_ids_of(TENANT, ["id-a", "id-d", "nobody's", "WC_1"]) == {"id-a": "a", "id-d": "d"}
    ledger.tenant("other")
    ledger.record_lookup("other", ["theirs"], found_frame({"theirs": "id-a"}))
    assert ledger.reference_ids_of("other", ["id-a", "id-d"]) == {"id-a": "theirs"}
    assert ledger.reference_ids_of(TENANT, []) == {}
