"""Attribute definitions and terms: how they are listed, and what they cause to be refused."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from importer.sandbox import SandboxConfig
from tests.running_sandbox import running
from tests.sandbox.support import address, assert_documented, client, contact, customer

DEFINITIONS = [
    {"entity": "customer", "name": "Tier", "data_type": "select", "is_mandatory": True, "options": ["gold", "tin"]},
    {"entity": "customer", "name": "Note", "data_type": "text"},
    {"entity": "customer", "name": "Story", "data_type": "long_text"},
    {
        "entity": "address",
        "name": "Dock",
        "data_type": "select",
        "is_mandatory": True,
        "configuration": {"options": [{"label": "Left", "value": "left"}]},
    },
    {"entity": "contact", "name": "Bio", "data_type": "html"},
    {"entity": "contact", "name": "Role", "data_type": "text", "is_mandatory": False},
]
GOLD, LEFT = {"name": "Tier", "value": "gold"}, {"name": "Dock", "value": "left"}


@pytest.fixture
def fixtures(tmp_path: Path) -> Path:
    file = tmp_path / "fixtures.json"
    attributes = [{"id": f"{item['entity']}-{item['name']}", **item} for item in DEFINITIONS]
    file.write_bytes(orjson.dumps({"attributes": attributes}))
    return file


def attribute(name: str, value: Any) -> dict[str, Any]:
    return {"name": name, "value": value}


def test_definitions_are_listed_as_given(fixtures: Path) -> None:
    with running(SandboxConfig(fixtures=fixtures)) as sandbox, client(sandbox) as api:
        for entity in ("customer", "address", "contact"):
            answer = api.get("/v1/attributes", params={"entity": entity})
            found = assert_documented(answer, "get", "/v1/attributes")["data"]
            assert [{**item, "id": 0} for item in found] == [
                {**item, "id": 0} for item in DEFINITIONS if item["entity"] == entity
            ]


def test_only_long_text_types_accept_long_values(fixtures: Path) -> None:
    with running(SandboxConfig(fixtures=fixtures)) as sandbox, client(sandbox) as api:
        long = "x" * 256
        good = customer(
            attributes=[attribute("Story", long), attribute("Note", "x" * 255), attribute("Undefined", long)],
            contacts=[contact(attributes=[attribute("Bio", long)])],
        )
        made = api.post("/v1/customers", json=good).json()["data"]
        bad = {
            "attributes": [attribute("Story", long), attribute("Note", long)],
            "contacts": [contact("P2", attributes=[attribute("Role", long)])],
        }
        for answer in (
            api.post("/v1/customers", json=customer("C2", **bad)),
            api.patch(f"/v1/customers/{made['id']}", json=bad),
        ):
            assert answer.status_code == 422
            assert [detail["field"] for detail in answer.json()["details"]] == [
                "attributes[1].value",
                "contacts[0].attributes[0].value",
            ]
        child = contact("P2", attributes=[attribute("Role", long)])
        answer = api.post(f"/v1/customers/{made['id']}/contacts", json=child)
        assert [detail["field"] for detail in answer.json()["details"]] == ["attributes[0].value"]


@pytest.mark.parametrize("mandatory", [True, False])
def test_missing_mandatory_attributes_are_refused_on_request(fixtures: Path, mandatory: bool) -> None:
    with running(SandboxConfig(fixtures=fixtures, require_mandatory=mandatory)) as sandbox, client(sandbox) as api:
        answer = api.post("/v1/customers", json=customer(addresses=[address()], contacts=[contact()]))
        assert answer.status_code == (422 if mandatory else 201)
        if mandatory:
            assert answer.json()["details"] == [
                {"field": "attributes", "reason": "the mandatory attribute 'Tier' is missing"},
                {"field": "addresses[0].attributes", "reason": "the mandatory attribute 'Dock' is missing"},
            ]
        good = customer("C2", attributes=[GOLD], addresses=[address(attributes=[LEFT])], contacts=[contact()])
        made = api.post("/v1/customers", json=good).json()["data"]
        one = f"/v1/customers/{made['id']}"
        assert api.patch(one, json={"attributes": [attribute("Note", "x")]}).status_code == 201
        expected = (422, 422, 201) if mandatory else (201, 200, 201)
        assert (
            api.post(f"{one}/addresses", json=address("A2")).status_code,
            api.put(f"{one}/addresses/{made['addresses'][0]['id']}", json=address()).status_code,
            api.post(f"{one}/contacts", json=contact("P2")).status_code,
        ) == expected


def test_unknown_terms_are_refused_on_request() -> None:
    config = SandboxConfig(known_terms={"payment_term": ("NET30", "NET60"), "shipping_method": ("DHL",)})
    assert SandboxConfig.from_json(config.to_json()) == config
    with running(config) as sandbox, client(sandbox) as api:
        good = {"payment_term": "NET60", "payment_mode": "anything"}
        made = api.post("/v1/customers", json=customer(**good)).json()["data"]
        bad = {"payment_term": "net30", "shipping_method": "UPS", "freight_term": "anything"}
        for answer in (
            api.post("/v1/customers", json=customer("C2", **bad)),
            api.patch(f"/v1/customers/{made['id']}", json=bad),
        ):
            assert answer.status_code == 422
            assert answer.json()["details"] == [
                {"field": "payment_term", "reason": "is not a known payment_term"},
                {"field": "shipping_method", "reason": "is not a known shipping_method"},
            ]
        assert api.patch(f"/v1/customers/{made['id']}", json={"shipping_method": "DHL"}).status_code == 201
