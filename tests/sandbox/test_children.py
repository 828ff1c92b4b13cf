"""The endpoints for addresses and contacts: what they answer, what they change, and each of their options."""

import uuid
from typing import Any

import httpx
import pytest

from importer.sandbox import SandboxConfig
from tests.running_sandbox import running
from tests.sandbox.support import HandClock, address, assert_documented, client, contact, customer

CUSTOMERS = "/v1/customers"
KINDS = {"addresses": address, "contacts": contact}
SEVERAL = {"addresses": "/v1/customers/{id}/addresses", "contacts": "/v1/customers/{id}/contacts"}
ONE = {"addresses": SEVERAL["addresses"] + "/{address_id}", "contacts": SEVERAL["contacts"] + "/{contact_id}"}
GOLD = {"name": "Tier", "value": "gold"}


def create(api: httpx.Client, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = api.post(CUSTOMERS, json=customer(**fields)).json()["data"]
    return made


def several(made: dict[str, Any], kind: str) -> str:
    return f"{CUSTOMERS}/{made['id']}/{kind}"


def add(api: httpx.Client, made: dict[str, Any], kind: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = api.post(several(made, kind), json=body)
    child: dict[str, Any] = assert_documented(answer, "post", SEVERAL[kind])["data"]
    assert answer.status_code == 201, child
    return child


def put(api: httpx.Client, made: dict[str, Any], kind: str, child_id: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = api.put(f"{several(made, kind)}/{child_id}", json=body)
    child: dict[str, Any] = assert_documented(answer, "put", ONE[kind])["data"]
    assert answer.status_code == 200, child
    return child


def listed(api: httpx.Client, made: dict[str, Any], kind: str, **query: Any) -> list[str]:
    answer = api.get(several(made, kind), params=query)
    assert answer.status_code == 200, answer.text
    return [child["reference_id"] for child in assert_documented(answer, "get", SEVERAL[kind])["data"]]


def whole(api: httpx.Client, made: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"{CUSTOMERS}/{made['id']}").json()["data"]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_added_child_is_returned_and_shown_everywhere(api: httpx.Client, kind: str) -> None:
    made = create(api, **{kind: [KINDS[kind]("X1")]})
    child = add(api, made, kind, KINDS[kind]("X2", phone="+14155550100", attributes=[GOLD]))
    assert (child["reference_id"], child["status"], child["is_default"]) == ("X2", "active", False)
    assert child.get("customer_id") == (made["id"] if kind == "addresses" else None)
    assert child.get("country") == ("USA" if kind == "addresses" else None)
    assert [(uuid.UUID(item["id"]).version, item["value"]) for item in child["attributes"]] == [(4, "gold")]
    answer = api.get(f"{several(made, kind)}/{child['id'].upper()}")
    assert assert_documented(answer, "get", ONE[kind])["data"] == child
    after = whole(api, made)
    assert after[kind] == [*made[kind], child]
    assert after["updated_at"] == child["updated_at"] > made["updated_at"]
    assert {name: after[name] for name in made if name not in (kind, "updated_at")} == {
        name: made[name] for name in made if name not in (kind, "updated_at")
    }
    assert listed(api, made, kind) == ["X1", "X2"]


@pytest.mark.parametrize("kind", KINDS)
def test_put_replaces_the_whole_child_and_nothing_else(api: httpx.Client, kind: str) -> None:
    full = KINDS[kind]("X1", last_name="Lee", phone="+14155550100", is_default=True, attributes=[GOLD])
    made = create(api, **{kind: [full, KINDS[kind]("X2")]})
    known, sibling = made[kind]
    body = {**KINDS[kind]("X9"), "attributes": [{"name": "Tier", "value": "tin"}, {"name": "New", "value": "1"}]}
    if kind == "addresses":
        body["country"] = "DE"
    child = put(api, made, kind, known["id"], body)
    assert child.keys() == known.keys() - {"last_name", "phone"}
    kept = ("id", "customer_id", "created_at", "status")
    assert [child.get(name) for name in kept] == [known.get(name) for name in kept]
    assert (child["reference_id"], child["is_default"], child.get("country")) == (
        "X9",
        False,
        "DEU" if kind == "addresses" else None,
    )
    assert [item["value"] for item in child["attributes"]] == ["tin", "1"]
    assert child["attributes"][0]["id"] == known["attributes"][0]["id"]
    assert child["updated_at"] > known["updated_at"]
    assert whole(api, made)[kind] == [child, sibling]
    again = put(api, made, kind, known["id"], body)
    assert {**again, "updated_at": 0, "attributes": 0} == {**child, "updated_at": 0, "attributes": 0}
    assert put(api, made, kind, known["id"], KINDS[kind]("X9"))["attributes"] == []


@pytest.mark.parametrize("kind", KINDS)
def test_deleted_child_is_gone(api: httpx.Client, kind: str) -> None:
    made = create(api, **{kind: [KINDS[kind]("X1"), KINDS[kind]("X2")]})
    path = f"{several(made, kind)}/{made[kind][0]['id']}"
    answer = api.delete(path)
    assert_documented(answer, "delete", ONE[kind])
    assert answer.status_code == 200
    for method in ("get", "delete", "put"):
        body = {"json": KINDS[kind]()} if method == "put" else {}
        again = api.request(method, path, **body)
        assert_documented(again, method, ONE[kind])
        assert again.status_code == 404
    assert whole(api, made)[kind] == made[kind][1:]
    assert whole(api, made)["updated_at"] > made["updated_at"]


@pytest.mark.parametrize(
    ("kind", "body", "field"),
    [
        ("addresses", {"reference_id": "A9", "city": "x", "type": "billing"}, "address_line_1"),
        ("addresses", address("A9", country="USA"), "country"),
        ("addresses", address("A9", id="x"), "id"),
        ("addresses", address("A9", status="active"), "status"),
        ("addresses", contact("P9"), "city"),
        ("addresses", address("A9", attributes=[{"name": "Tier"}]), "attributes[0].value"),
        ("contacts", {"reference_id": "P9"}, "first_name"),
        ("contacts", contact("P9", phone=None), "phone"),
        ("contacts", [], ""),
    ],
)
def test_wrong_children_are_refused_without_changes(
    api: httpx.Client, kind: str, body: dict[str, Any], field: str
) -> None:
    made = create(api, addresses=[address()], contacts=[contact()])
    for method, path in (("post", ""), ("put", f"/{made[kind][0]['id']}")):
        answer = api.request(method, several(made, kind) + path, json=body)
        assert answer.status_code == 422
        details = assert_documented(answer, method, ONE[kind] if path else SEVERAL[kind])["details"]
        assert field in {detail["field"] for detail in details}
    assert whole(api, made) == made


def test_children_belong_to_their_customer_and_kind(api: httpx.Client) -> None:
    made, other = create(api, addresses=[address()], contacts=[contact()]), create(api, reference_id="C2")
    stranger = made["addresses"][0]["id"]
    for path in (
        f"{several(other, 'addresses')}/{stranger}",
        f"{several(made, 'contacts')}/{stranger}",
        f"{CUSTOMERS}/{uuid.UUID(int=1)}/addresses/{stranger}",
    ):
        assert [api.get(path).status_code, api.delete(path).status_code] == [404, 404]
        assert api.put(path, json=address()).status_code == 404
    assert api.post(f"{CUSTOMERS}/{uuid.UUID(int=1)}/contacts", json=contact()).status_code == 404
    assert api.get(f"{CUSTOMERS}/{uuid.UUID(int=1)}/contacts").status_code == 404
    assert whole(api, made) == made
    assert api.patch(f"{several(made, 'addresses')}/{stranger}", json={}).status_code == 405


@pytest.mark.parametrize("kind", KINDS)
def test_duplicate_child_reference_id_is_refused_unless_allowed(kind: str) -> None:
    with running(SandboxConfig(duplicates="allow")) as sandbox, client(sandbox) as api:
        made = create(api, **{kind: [KINDS[kind]("X1"), KINDS[kind]("X2")]})
        for method, path in (("post", ""), ("put", f"/{made[kind][1]['id']}")):
            answer = api.request(method, several(made, kind) + path, json=KINDS[kind]("X1"))
            refusal = assert_documented(answer, method, ONE[kind] if path else SEVERAL[kind])
            assert (answer.status_code, refusal["details"][0]["field"]) == (409, "reference_id")
        assert put(api, made, kind, made[kind][0]["id"], KINDS[kind]("X1"))["reference_id"] == "X1"
        assert add(api, create(api, reference_id="C2"), kind, KINDS[kind]("X1"))
    with running(SandboxConfig(child_duplicates="allow")) as sandbox, client(sandbox) as api:
        made = create(api, **{kind: [KINDS[kind]("X1")]})
        assert add(api, made, kind, KINDS[kind]("X1"))["id"] != made[kind][0]["id"]
        assert listed(api, made, kind) == ["X1", "X1"]


def test_child_lists_filter_and_page(api: httpx.Client) -> None:
    made = create(api, addresses=[address(f"A{n}") for n in range(25)], contacts=[contact(f"P{n}") for n in range(3)])
    assert listed(api, made, "addresses") == [f"A{n}" for n in range(20)]
    assert listed(api, made, "addresses", page=2) == [f"A{n}" for n in range(20, 25)]
    assert listed(api, made, "addresses", reference_ids="A7,A24,B1") == ["A7", "A24"]
    assert listed(api, made, "contacts", page_size=2, page=2, status="active") == ["P2"]
    pagination = api.get(several(made, "contacts"), params={"page_size": 2}).json()["pagination"]
    assert (pagination["total_records"], pagination["total_pages"], pagination["next_page"]) == (3, 2, 2)
    for kind, query in (("contacts", "reference_ids=P1"), ("addresses", "page_size=101"), ("contacts", "status=all")):
        answer = api.get(f"{several(made, kind)}?{query}")
        assert answer.status_code == 400
        assert assert_documented(answer, "get", SEVERAL[kind])["details"][0]["field"] == query.partition("=")[0]


@pytest.mark.parametrize("lists", ["active", "all"])
@pytest.mark.parametrize("kind", KINDS)
def test_deactivated_child_stays_inactive(kind: str, lists: Any) -> None:
    with running(SandboxConfig(delete="deactivate", child_lists=lists)) as sandbox, client(sandbox) as api:
        made = create(api, **{kind: [KINDS[kind]("X1"), KINDS[kind]("X2"), KINDS[kind]("X3")]})
        first = made[kind][0]
        path = f"{several(made, kind)}/{made[kind][1]['id']}"
        assert [api.delete(path).status_code for _ in range(2)] == [200, 200]
        assert api.get(path).json()["data"]["status"] == "inactive"
        assert [child["status"] for child in whole(api, made)[kind]] == ["active", "inactive", "active"]
        assert listed(api, made, kind) == (["X1", "X3"] if lists == "active" else ["X1", "X2", "X3"])
        assert listed(api, made, kind, status="inactive") == ["X2"]
        assert listed(api, made, kind, status="active") == ["X1", "X3"]
        assert put(api, made, kind, made[kind][1]["id"], KINDS[kind]("X2"))["status"] == "inactive"
        assert whole(api, made)[kind][0] == first


def test_child_lists_can_be_plain_arrays() -> None:
    with running(SandboxConfig(bare_lists=True)) as sandbox, client(sandbox) as api:
        made = create(api, addresses=[address(f"A{n}") for n in range(21)])
        assert len(api.get(several(made, "addresses")).json()) == 21
        assert api.get(several(made, "contacts")).json() == []


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_added_child_is_listed_after_the_lag(kind: str, fresh: bool) -> None:
    hand = HandClock()
    with (
        running(SandboxConfig(list_lag=30, fresh_children=fresh), clock=hand.clock()) as sandbox,
        client(sandbox) as api,
    ):
        made = create(api, **{kind: [KINDS[kind]("X1")]})
        assert listed(api, made, kind) == []
        assert whole(api, made) == made
        hand.now += 31
        child = add(api, made, kind, KINDS[kind]("X2"))
        hand.now += 29
        assert listed(api, made, kind) == ["X1"]
        assert api.get(f"{several(made, kind)}/{child['id']}").json()["data"] == child
        assert len(whole(api, made)[kind]) == (2 if fresh else 1)
        assert api.post(several(made, kind), json=KINDS[kind]("X2")).status_code == 409
        hand.now += 1.5
        assert listed(api, made, kind) == ["X1", "X2"]
        assert len(whole(api, made)[kind]) == 2


@pytest.mark.parametrize("siblings", ["clear", "keep"])
def test_new_default_replaces_that_of_its_siblings(siblings: Any) -> None:
    with running(SandboxConfig(default_siblings=siblings)) as sandbox, client(sandbox) as api:
        made = create(
            api,
            addresses=[
                address("A1", is_default=True),
                address("A2"),
                address("A3", type="shipping", is_default=True),
            ],
            contacts=[contact("P1", is_default=True)],
        )

        def defaults(kind: str) -> list[str]:
            return [child["reference_id"] for child in whole(api, made)[kind] if child["is_default"]]

        kept = ["A1"] if siblings == "keep" else []
        put(api, made, "addresses", made["addresses"][1]["id"], address("A2", is_default=True))
        assert defaults("addresses") == [*kept, "A2", "A3"]
        second = whole(api, made)["addresses"]
        put(api, made, "addresses", made["addresses"][2]["id"], address("A3", type="shipping", is_default=True))
        assert whole(api, made)["addresses"][:2] == second[:2]
        add(api, made, "addresses", address("A4"))
        assert defaults("addresses") == [*kept, "A2", "A3"]
        add(api, made, "contacts", contact("P2", is_default=True))
        assert defaults("contacts") == (["P1", "P2"] if siblings == "keep" else ["P2"])
        assert defaults("addresses") == [*kept, "A2", "A3"]


def test_customer_may_keep_its_update_time() -> None:
    with running(SandboxConfig(touch_customer=False)) as sandbox, client(sandbox) as api:
        made = create(api, contacts=[contact()])
        put(api, made, "contacts", made["contacts"][0]["id"], contact(first_name="Bea"))
        after = whole(api, made)
        assert (after["contacts"][0]["first_name"], after["updated_at"]) == ("Bea", made["updated_at"])
        query = {"updated_after": made["updated_at"]}
        assert api.get(CUSTOMERS, params=query).json()["data"] == []


@pytest.mark.parametrize("status", [404, 405])
def test_child_paths_may_be_missing(status: Any) -> None:
    with running(SandboxConfig(child_endpoints=False, missing_status=status)) as sandbox, client(sandbox) as api:
        made = create(api, addresses=[address()], contacts=[contact()])
        for kind, body in (("addresses", address("A9")), ("contacts", contact("P9"))):
            one = f"{several(made, kind)}/{made[kind][0]['id']}"
            calls = [("get", several(made, kind)), ("post", several(made, kind)), ("get", one), ("put", one)]
            for method, path in [*calls, ("delete", one)]:
                answer = api.request(method, path, **({"json": body} if method in ("post", "put") else {}))
                assert answer.status_code == status
                assert answer.json()["code"] == ("not_found" if status == 404 else "method_not_allowed")
        assert whole(api, made) == made
        assert [entry.status for entry in sandbox.requests()][1:11] == [status] * 10


def test_keys_rate_and_latency_apply_to_children() -> None:
    hand = HandClock()
    config = SandboxConfig(keys=("right",), rate=2, latency=0.05)
    with running(config, clock=hand.clock()) as sandbox, client(sandbox, "right") as api:
        made = create(api)
        assert api.post(several(made, "contacts"), json=contact()).status_code == 201
        assert api.get(several(made, "contacts")).status_code == 429
        hand.now += 1
        assert api.get(several(made, "contacts"), headers={"X-API-Key": "wrong"}).status_code == 403
        assert api.get(several(made, "contacts")).status_code == 200
        assert hand.slept == [0.05] * 3


def test_data_file_keeps_children(tmp_path: Any) -> None:
    config = SandboxConfig(data=tmp_path / "sandbox.db")
    with running(config) as sandbox, client(sandbox) as api:
        made = create(api)
        add(api, made, "addresses", address())
        kept = sandbox.customers()
    with running(config) as again, client(again) as api:
        assert again.customers() == kept
        assert listed(api, made, "addresses") == ["A1"]
