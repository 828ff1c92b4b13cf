"""Every operation over HTTP, with its answers compared with the document."""

import re
import uuid
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from importer.sandbox import SandboxConfig
from importer.sandbox.operations import OPERATIONS
from tests.running_sandbox import RunningSandbox, running
from tests.sandbox.support import DOCUMENT, HandClock, address, assert_documented, client, contact, customer

CUSTOMERS, ONE = "/v1/customers", "/v1/customers/{id}"


def create(api: httpx.Client, body: dict[str, Any]) -> dict[str, Any]:
    answer = api.post(CUSTOMERS, json=body)
    made: dict[str, Any] = assert_documented(answer, "post", CUSTOMERS)["data"]
    assert answer.status_code == 201, made
    return made


def change(api: httpx.Client, customer_id: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = api.patch(f"{CUSTOMERS}/{customer_id}", json=body)
    made: dict[str, Any] = assert_documented(answer, "patch", ONE)["data"]
    assert answer.status_code == 201, made
    return made


def test_created_customer_is_returned_and_can_be_read(api: httpx.Client) -> None:
    rep = api.get("/v1/sales-reps").json()["data"][0]
    prices = api.get("/v1/price-lists").json()["data"][0]
    attribute = {"name": "Tier", "value": "gold"}
    body = customer(
        phone="+14155550100",
        assigned_sales_rep_ids=[rep["id"].upper()],
        assigned_price_list_id=prices["id"],
        addresses=[address(is_default=True, attributes=[attribute]), address("A2", type="shipping")],
        contacts=[contact()],
        attributes=[attribute],
    )
    made = create(api, body)
    assert made["name"] == "Company C1"
    assert "company_name" not in made
    assert made["status"] == "active"
    assert re.fullmatch(r"WC_\d{10}", made["display_id"])
    assert (made["assigned_sales_reps"], made["assigned_price_list"]) == ([rep], prices)
    assert [child["country"] for child in made["addresses"]] == ["USA", "USA"]
    assert [child["is_default"] for child in made["addresses"]] == [True, False]
    assert {child["customer_id"] for child in made["addresses"]} == {made["id"]}
    parts = [made, *made["addresses"], *made["contacts"], *made["attributes"], *made["addresses"][0]["attributes"]]
    assert len({uuid.UUID(part["id"]) for part in parts}) == len(parts)
    assert all(part["created_at"] == part["updated_at"] for part in parts)
    assert "email" not in made
    answer = api.get(f"{CUSTOMERS}/{made['id']}")
    assert assert_documented(answer, "get", ONE)["data"] == made


def test_given_display_id_is_kept(api: httpx.Client) -> None:
    assert create(api, customer(display_id="D7"))["display_id"] == "D7"


@pytest.mark.parametrize(
    ("content", "kind", "status", "field"),
    [
        (b"{", "application/json", 400, None),
        (b'{"a": "\xff"}', "application/json", 400, None),
        (b"{}", "text/plain", 415, None),
        (b"[]", "application/json", 422, ""),
        (orjson.dumps(customer(colour="red")), "application/json; charset=utf-8", 422, "colour"),
        (orjson.dumps(customer(assigned_sales_rep_ids=[str(uuid.UUID(int=1))])), "application/json", 422, "rep_ids[0]"),
        (
            orjson.dumps(customer(assigned_price_list_id=str(uuid.UUID(int=1)))),
            "application/json",
            422,
            "price_list_id",
        ),
        (orjson.dumps(customer(display_name="x" * 6_000_000)), "application/json", 413, None),
    ],
)
def test_invalid_bodies_are_refused(
    api: httpx.Client, content: bytes, kind: str, status: int, field: str | None
) -> None:
    answer = api.post(CUSTOMERS, content=content, headers={"Content-Type": kind})
    refusal = assert_documented(answer, "post", CUSTOMERS)
    assert answer.status_code == status
    assert refusal.keys() == {"code", "message", "details"}
    assert ([] if field is None else [True]) == [detail["field"].endswith(field or "") for detail in refusal["details"]]
    assert api.get(CUSTOMERS).json()["data"] == []


def test_duplicate_reference_id_is_refused(sandbox: RunningSandbox, api: httpx.Client) -> None:
    create(api, customer())
    answer = api.post(CUSTOMERS, json=customer())
    assert assert_documented(answer, "post", CUSTOMERS)["details"][0]["field"] == "reference_id"
    assert answer.status_code == 409
    assert len(sandbox.customers()) == 1


def test_options_select_undocumented_behavior() -> None:
    config = SandboxConfig(duplicates="allow", patch_children="replace", delete="deactivate", bare_lists=True)
    with running(config) as sandbox, client(sandbox) as api:
        first, second = create(api, customer(addresses=[address()])), create(api, customer())
        assert first["id"] != second["id"]
        assert first["display_id"] != second["display_id"]
        assert len(api.get(CUSTOMERS, params={"reference_ids": "C1"}).json()["data"]) == 2
        attributes = [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]
        made = change(api, first["id"], {"addresses": [address("A2")], "attributes": attributes})
        assert [child["reference_id"] for child in made["addresses"]] == ["A2"]
        assert [item["name"] for item in change(api, first["id"], {"attributes": attributes[1:]})["attributes"]] == [
            "b"
        ]
        assert api.delete(f"{CUSTOMERS}/{first['id']}").status_code == 200
        assert api.get(f"{CUSTOMERS}/{first['id']}").json()["data"]["status"] == "inactive"
        assert [one["id"] for one in api.get(CUSTOMERS).json()["data"]] == [second["id"]]
        assert [one["id"] for one in api.get(CUSTOMERS, params={"status": "inactive"}).json()["data"]] == [first["id"]]
        assert sandbox.counts()["inactive"] == 1
        for path in ("sales-reps", "price-lists", "attributes?entity=customer"):
            assert isinstance(api.get(f"/v1/{path}").json(), list)


def test_deleted_customer_is_gone_and_its_reference_id_free(api: httpx.Client) -> None:
    made = create(api, customer())
    answer = api.delete(f"{CUSTOMERS}/{made['id']}")
    assert_documented(answer, "delete", ONE)
    assert answer.status_code == 200
    for method in ("get", "delete"):
        again = api.request(method, f"{CUSTOMERS}/{made['id']}")
        assert_documented(again, method, ONE)
        assert again.status_code == 404
    assert create(api, customer())["display_id"] != made["display_id"]


def test_list_filters_sorts_and_pages() -> None:
    hand = HandClock()
    with running(SandboxConfig(), clock=hand.clock()) as sandbox, client(sandbox) as api:
        for number in range(5):
            hand.now += 60
            create(api, customer(f"C{number}", company_name=f"Firm {9 - number}", addresses=[address()]))
        create(api, customer("C,5"))

        def listed(**query: Any) -> list[str]:
            answer = api.get(CUSTOMERS, params=query)
            assert answer.status_code == 200, answer.text
            return [one["reference_id"] for one in assert_documented(answer, "get", CUSTOMERS)["data"]]

        assert listed() == ["C,5", "C4", "C3", "C2", "C1", "C0"]
        assert listed(sort="asc", page_size=2, page=2) == ["C2", "C3"]
        assert listed(sort_by="company_name", sort="asc") == ["C,5", "C4", "C3", "C2", "C1", "C0"]
        assert listed(reference_ids="C1,C9,C3,C1") == ["C3", "C1"]
        assert listed(reference_ids="C,5") == []
        assert listed(page=9) == []
        middle = api.get(CUSTOMERS, params={"reference_ids": "C2"}).json()["data"][0]
        assert middle.keys().isdisjoint({"addresses", "contacts", "attributes"})
        assert listed(created_after=middle["created_at"]) == ["C,5", "C4", "C3"]
        assert listed(created_before=middle["created_at"]) == ["C1", "C0"]
        hand.now += 60
        change(api, middle["id"], {"display_name": "Later"})
        assert listed()[0] == "C2"
        assert listed(updated_after="1970-01-12T13:52:00Z") == ["C2"]
        assert listed(updated_before="1970-01-12T13:52:00+00:00", page_size=1) == ["C,5"]
        pagination = api.get(CUSTOMERS, params={"page_size": 4, "page": 2}).json()["pagination"]
        counts = {"total_records": 6, "total_pages": 2, "current_page": 2, "next_page": 0, "prev_page": 1}
        assert pagination == {**counts, "page_size": 4}


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (CUSTOMERS, "page_size=101"),
        (CUSTOMERS, "page=0"),
        (CUSTOMERS, "page=x"),
        (CUSTOMERS, "status=both"),
        (CUSTOMERS, "sort_by=phone"),
        (CUSTOMERS, "created_after=yesterday"),
        (CUSTOMERS, "created_after=2025-01-01"),
        (CUSTOMERS, "reference_id=C1"),
        ("/v1/sales-reps", "sort_by=email"),
        ("/v1/price-lists", "page_size=1000"),
        ("/v1/attributes", ""),
        ("/v1/attributes", "entity=firm"),
    ],
)
def test_wrong_queries_are_refused(api: httpx.Client, path: str, query: str) -> None:
    answer = api.get(f"{path}?{query}")
    assert answer.status_code == 400
    assert assert_documented(answer, "get", path)["details"][0]["field"] in {query.split("=", maxsplit=1)[0], "entity"}


def test_change_affects_only_the_given_fields(api: httpx.Client) -> None:
    attribute = {"name": "Tier", "value": "gold"}
    body = customer(
        phone="+14155550100",
        addresses=[address("A1", attributes=[attribute]), address("A2", type="shipping")],
        contacts=[contact()],
    )
    made = create(api, body)
    first, second = made["addresses"]
    sent = [{"id": second["id"], "city": "Elsewhere", "country": "DE"}, address("A3")]
    changed = change(api, made["id"], {"company_name": "Other", "addresses": sent})
    assert changed["name"] == "Other"
    assert changed["addresses"][0] == first
    assert changed["addresses"][1] == second | {
        "city": "Elsewhere",
        "country": "DEU",
        "updated_at": changed["updated_at"],
    }
    assert changed["addresses"][2]["reference_id"] == "A3"
    kept = made.keys() - {"name", "addresses", "updated_at"}
    assert {name: changed[name] for name in kept} == {name: made[name] for name in kept}
    assert changed["updated_at"] > made["updated_at"]
    nested = {"addresses": [{"id": first["id"], "attributes": [{"name": "Tier", "value": "tin"}]}]}
    attributes = change(api, made["id"], nested)["addresses"][0]["attributes"]
    assert [(item["id"], item["value"]) for item in attributes] == [(first["attributes"][0]["id"], "tin")]
    assert change(api, made["id"], {"default_shipping_address_id": second["id"]})["addresses"][1]["is_default"]
    assert change(api, made["id"], {"primary_contact_id": made["contacts"][0]["id"]})["contacts"][0]["is_default"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"addresses": [{"id": "unknown", "city": "x"}]}, "addresses[0].id"),
        ({"addresses": [{"city": "x"}]}, "addresses[0].reference_id"),
        ({"default_billing_address_id": "unknown"}, "default_billing_address_id"),
        ({"status": "inactive"}, "status"),
        ({"phone": None}, "phone"),
        ({"reference_id": "C2"}, "reference_id"),
    ],
)
def test_wrong_changes_are_refused_without_effect(api: httpx.Client, body: dict[str, Any], field: str) -> None:
    create(api, customer("C2"))
    made = create(api, customer("C1"))
    answer = api.patch(f"{CUSTOMERS}/{made['id']}", json=body)
    assert answer.status_code == (409 if field == "reference_id" else 422)
    assert assert_documented(answer, "patch", ONE)["details"][0]["field"] == field
    assert api.get(f"{CUSTOMERS}/{made['id']}").json()["data"] == made


def test_lists_of_reps_prices_and_attributes_are_served(api: httpx.Client) -> None:
    reps = assert_documented(api.get("/v1/sales-reps", params={"page_size": 2}), "get", "/v1/sales-reps")
    assert (len(reps["data"]), reps["pagination"]["total_pages"]) == (2, 3)
    found = api.get("/v1/sales-reps", params={"email": "sam.okoro@example.com"}).json()["data"]
    assert [rep["first_name"] for rep in found] == ["Sam"]
    query = {"status": "active", "sort_by": "name", "sort": "asc"}
    prices = assert_documented(api.get("/v1/price-lists", params=query), "get", "/v1/price-lists")
    assert [one["name"] for one in prices["data"]] == ["Europe", "Retail", "Wholesale"]
    query = {"entity": "contact"}
    attributes = assert_documented(api.get("/v1/attributes", params=query), "get", "/v1/attributes")
    assert attributes["data"] == []  # so that a mapping may use any attribute


def test_fixtures_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "fixtures.json"
    rep = {"id": str(uuid.UUID(int=7)), "first_name": "Own", "email": "own@example.com"}
    file.write_bytes(orjson.dumps({"sales_reps": [rep]}))
    with running(SandboxConfig(fixtures=file)) as sandbox, client(sandbox) as api:
        assert api.get("/v1/sales-reps").json()["data"] == [rep]
        assert create(api, customer(assigned_sales_rep_ids=[rep["id"]]))["assigned_sales_reps"] == [rep]
        assert len(api.get("/v1/price-lists").json()["data"]) == 4
    for wrong in (b"{", b"[]", b'{"reps": []}', b'{"sales_reps": [{}]}'):
        file.write_bytes(wrong)
        with pytest.raises(ValueError, match=r"fixtures\.json"), running(SandboxConfig(fixtures=file)):
            pass


def test_operations_match_the_document() -> None:
    documented = {(method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item}
    served = {(operation.method, operation.path) for operation in OPERATIONS}
    assert served == {(method, path) for method, path in documented if method != "PARAMETERS"}
    for operation in OPERATIONS:
        described = DOCUMENT["paths"][operation.path][operation.method.lower()]
        assert operation.has_body == ("requestBody" in described)


def test_unknown_paths_and_methods_are_refused_as_json(api: httpx.Client) -> None:
    assert api.get("/v2").json()["code"] == "not_found"
    assert api.put(CUSTOMERS, json={}).status_code == 405
