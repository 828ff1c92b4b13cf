"""A customer whose ID is now made differently keeps the ID by which it is known."""

from pathlib import Path

import httpx
import pytest

import importer
from tests.running_sandbox import RunningSandbox
from tests.workflow.desk import KEY

MAPPING = {
    "title": "plain",
    "key": "Id",
    "customer": {"company_name": "Name"},
    "contacts": [{"first_name": "Name", "last_name": {"constant": "Office"}, "email": "Mail"}],
}
MARKED = "0017\u200e"  # an invisible mark; for earlier versions, it was part of the key


def send(box: RunningSandbox, tmp_path: Path, key: str, *, mode: str = "create") -> importer.RunResult:
    source = tmp_path / "list.csv"
    source.write_text(f"Id,Name,Mail\n{key},Harbor,dana@example.com\n0018,Kestrel,eli@example.com\n", encoding="utf-8")
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    target = importer.Target(box.url, key=KEY)
    return importer.run(str(source), MAPPING, target, ledger=ledger, out=tmp_path / "out", mode=mode, rate=5000)


def create(box: RunningSandbox, reference_id: str) -> None:
    body = {"reference_id": reference_id, "company_name": "Harbor"}
    httpx.post(f"{box.url}/v1/customers", headers={"X-API-Key": KEY}, json=body).raise_for_status()


def outcomes(result: importer.RunResult) -> dict[str, str]:
    return dict(zip(result.results["reference_id"], result.results["outcome"], strict=True))


def test_customer_existing_under_its_former_id_is_not_created_again(box: RunningSandbox, tmp_path: Path) -> None:
    create(box, MARKED)
    assert outcomes(send(box, tmp_path, MARKED)) == {MARKED: "exists", "0018": "created"}
    # Now the ledger knows it.
    assert outcomes(send(box, tmp_path, MARKED)) == {MARKED: "exists", "0018": "unchanged"}
    assert outcomes(send(box, tmp_path, MARKED, mode="upsert")) == {MARKED: "updated", "0018": "unchanged"}
    assert outcomes(send(box, tmp_path, MARKED, mode="upsert")) == {MARKED: "unchanged", "0018": "unchanged"}
    assert box.counts()["customers"] == 2


def test_unknown_customer_gets_the_new_id(box: RunningSandbox, tmp_path: Path) -> None:
    assert outcomes(send(box, tmp_path, MARKED)) == {"0017": "created", "0018": "created"}
    assert outcomes(send(box, tmp_path, "0017")) == {"0017": "unchanged", "0018": "unchanged"}


def test_customer_known_by_its_new_id_keeps_it(box: RunningSandbox, tmp_path: Path) -> None:
    send(box, tmp_path, "0017")
    assert outcomes(send(box, tmp_path, MARKED)) == {"0017": "unchanged", "0018": "unchanged"}
    assert box.counts()["customers"] == 2


def test_customer_known_by_both_ids_keeps_the_new_one(box: RunningSandbox, tmp_path: Path) -> None:
    send(box, tmp_path, "0017")
    create(box, MARKED)
    assert outcomes(send(box, tmp_path, MARKED)) == {"0017": "unchanged", "0018": "unchanged"}


@pytest.mark.parametrize("as_key", [True, False])
def test_former_id_may_come_from_another_column(box: RunningSandbox, tmp_path: Path, *, as_key: bool) -> None:
    """Earlier versions preferred a column with exactly the name in the mapping; now the first match is used."""
    columns = "Customer No|Id"
    rules = (
        {"key": columns} if as_key else {"key": "Name", "customer": {"reference_id": columns, "company_name": "Name"}}
    )
    create(box, "17")
    source = tmp_path / "list.csv"
    source.write_text("CUSTOMER NO,Id,Name,Mail\nC-1,17,Harbor,\nC-2,18,Kestrel,\n", encoding="utf-8")
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    target = importer.Target(box.url, key=KEY)
    sent = importer.run(str(source), {**MAPPING, **rules}, target, ledger=ledger, out=tmp_path / "out")
    assert outcomes(sent) == {"17": "exists", "C-2": "created"}
