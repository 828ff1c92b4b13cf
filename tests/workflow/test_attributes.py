"""Attributes are compared with the API's definitions: each wrong or missing one is reported at its place."""

import json

import pytest

from importer.sandbox import SandboxConfig
from tests.running_sandbox import running
from tests.workflow.strict_api import strict_api

TYPED = """\
title: Attributes
key: Id
customer:
  company_name: Name
  attributes:
    Customer Type: {from: Type, optional: true}
    Credit Limit: {from: Limit, optional: true, invalid: blank}
contacts:
  - optional: true
    first_name: Person
    attributes:
      Mobil: {from: Mobile, optional: true}
"""
DEFINED = {
    "customer": [
        {"name": "Customer Type", "data_type": "select", "options": ["Wholesale", "Retail"]},
        {"name": "Credit Limit", "data_type": "number"},
    ],
    "contact": [{"name": "Mobile", "data_type": "phone_e164"}],
}


def problems(said) -> list[tuple[str, ...]]:
    names = ("severity", "code", "reference_id", "row", "column", "value")
    return [tuple(line[name] for name in names) for line in said.table("errors.csv") if "attribute" in line["code"]]


def test_attribute_names_options_and_types_are_checked_by_policy(desk) -> None:
    desk.write("typed.yaml", TYPED)
    rows = [
        ("1", "One", "Wholesale", "1234.5", "", ""),
        ("2", "Two", "wholesail", "", "", ""),
        ("3", "Three", "", "1,234.50", "", ""),
        ("4", "Four", "", "", "Robin", "+14155550101"),
    ]
    lines = [",".join(f'"{cell}"' for cell in row) for row in rows]
    desk.write("typed.csv", "\n".join(["Id,Name,Type,Limit,Person,Mobile", *lines, ""]))
    with strict_api(attributes=DEFINED) as api:
        said = desk.run(api.url, "typed.csv", "-m", "typed.yaml")
        assert api.broken == []
        # Two lists of two requests each: no pagination says that the first page is the last.
        assert [line for line in api.seen if "customers" not in line] == ["GET /v1/attributes"] * 4
    assert said.code == 1
    assert said.outcomes == {"1": "created", "2": "rejected", "3": "created", "4": "rejected"}
    assert problems(said) == [
        ("error", "attribute_option", "2", "3", "Type", "wholesail"),
        ("warning", "attribute_invalid", "3", "4", "Limit", "1,234.50"),
        ("error", "attribute_unknown", "4", "5", "Mobile", "+14155550101"),
    ]
    hints = {line["code"]: line["hint"] for line in said.table("errors.csv")}
    assert hints["attribute_option"].startswith("Did you mean 'Wholesale'? The options are 'Wholesale', 'Retail'; ")
    assert hints["attribute_unknown"].startswith("Did you mean 'Mobile'? ")
    sent = {name: json.loads(body).get("attributes") for name, body in api.bodies.items()}
    assert sent["1"] == [{"name": "Customer Type", "value": "Wholesale"}, {"name": "Credit Limit", "value": "1234.5"}]
    assert sent["3"] is None


@pytest.mark.parametrize("bare", [True, False])
def test_sandbox_defines_given_attributes(desk, bare) -> None:
    desk.write("typed.yaml", TYPED.replace("Mobil:", "Mobile:"))
    desk.write("typed.csv", "Id,Name,Type,Limit,Person,Mobile\n1,One,Retail,5,Robin,+14155550101\n2,Two,Retails,,,\n")
    defined = [
        {"id": f"{entity}-{item['name']}", "entity": entity, "options": [], **item}
        for entity, items in DEFINED.items()
        for item in items
    ]
    desk.write("fixtures.json", json.dumps({"attributes": defined}))
    with running(SandboxConfig(bare_lists=bare, fixtures=desk.path / "fixtures.json")) as box:
        said = desk.run(box.url, "typed.csv", "-m", "typed.yaml")
    assert said.outcomes == {"1": "created", "2": "rejected"}
    assert problems(said) == [("error", "attribute_option", "2", "3", "Type", "Retails")]


def test_api_without_an_attribute_list_blocks_nothing(desk, monkeypatch) -> None:
    """The list is empty or does not exist: one warning per kind of record, and everything is sent."""
    desk.write("typed.yaml", TYPED)
    desk.write("typed.csv", "Id,Name,Type,Limit,Person,Mobile\n1,One,odd,many,Robin,none\n2,Two,odd,,,\n")
    with strict_api() as api:
        empty = desk.run(api.url, "typed.csv", "-m", "typed.yaml")
    with strict_api() as api:
        answer = api.answer

        def without(method, target, *more):
            return (404, {"code": "not_found"}) if "attributes" in target else answer(method, target, *more)

        monkeypatch.setattr(api, "answer", without)
        absent = desk.run(api.url, "typed.csv", "-m", "typed.yaml", "--tenant", "other")
        assert len(api.customers) == 2
    for said in (empty, absent):
        assert said.code == 0
        assert [line[:2] for line in problems(said)] == [("info", "attributes_unchecked")] * 2


def test_sandbox_accepts_custom_attributes(desk, box) -> None:
    desk.write("typed.yaml", TYPED)
    desk.write("typed.csv", "Id,Name,Type,Limit,Person,Mobile\n1,One,Anything,5,Robin,x\n")
    said = desk.run(box.url, "typed.csv", "-m", "typed.yaml")
    assert said.outcomes == {"1": "created"}
    assert box.customers()[0]["attributes"][0]["value"] == "Anything"
    assert [line[:2] for line in problems(said)] == [("info", "attributes_unchecked")] * 2


PLAIN = """\
title: No attributes
key: Id
customer: {company_name: Name}
contacts: [{first_name: Person, optional: true}]
"""


def test_missing_mandatory_attribute_is_found_before_sending(desk) -> None:
    """Even if the mapping has no attributes, but only for kinds of records that exist."""
    desk.write("plain.yaml", PLAIN)
    desk.write("plain.csv", "Id,Name,Person\n1,One,Robin\n2,Two,\n")
    required = {"name": "Badge", "data_type": "text", "is_mandatory": True}
    with strict_api(attributes={"contact": [required], "address": [required]}) as api:
        said = desk.run(api.url, "plain.csv", "-m", "plain.yaml")
    assert (said.code, said.outcomes, list(api.bodies)) == (1, {"1": "rejected", "2": "created"}, ["2"])
    assert problems(said) == [("error", "attribute_missing", "1", "2", "", "")]
    (line,) = (line for line in said.table("errors.csv") if line["severity"] == "error")
    assert line["message"] == "The contact is missing the attribute 'Badge', which is mandatory in WizCommerce"
    assert line["hint"] == "In the mapping, add `Badge: COLUMN` to the `attributes` under `contacts`."
    assert (line["entity"], line["field"]) == ("contact", "attributes.Badge")


def test_invalid_mandatory_attribute_is_one_fault(desk) -> None:
    desk.write(
        "dated.yaml", PLAIN.replace("Name}", "Name, attributes: {Since: {from: Since, as: [{date: '%d.%m.%Y'}]}}}")
    )
    desk.write("dated.csv", "Id,Name,Person,Since\n1,One,,soon\n2,Two,,\n3,Three,,1.2.2025\n")
    since = {"name": "Since", "data_type": "date_only", "is_mandatory": True}
    with strict_api(attributes={"customer": [since]}) as api:
        said = desk.run(api.url, "dated.csv", "-m", "dated.yaml")
    found = [
        (line["code"], line["row"], line["column"]) for line in said.table("errors.csv") if line["severity"] == "error"
    ]
    assert found == [("invalid_date", "2", "Since"), ("attribute_missing", "3", "Since")]
    assert list(api.bodies) == ["3"]


def test_labels_become_values_and_long_texts_are_sent_completely(desk) -> None:
    desk.write(
        "typed.yaml", TYPED.replace("Credit Limit: {from: Limit, optional: true, invalid: blank}", "Notes: Limit")
    )
    long = "x" * 3000
    desk.write(
        "typed.csv", f"Id,Name,Type,Limit,Person,Mobile\n1,One,Wholesale,{long},,\n2,Two,rtl,,,\n3,Three,ret,,,\n"
    )
    options = [{"label": "Wholesale", "value": "whl"}, {"label": "Retail", "value": "rtl"}]
    types = {"name": "Customer Type", "data_type": "select", "configuration": {"options": options}}
    notes = {"name": "Notes", "data_type": "long_text"}
    with strict_api(attributes={"customer": [types, notes]}) as api:
        said = desk.run(api.url, "typed.csv", "-m", "typed.yaml")
    sent = {name: json.loads(body).get("attributes") for name, body in api.bodies.items()}
    assert sent == {
        "1": [{"name": "Customer Type", "value": "whl"}, {"name": "Notes", "value": long}],
        "2": [{"name": "Customer Type", "value": "rtl"}],
    }
    assert problems(said) == [("error", "attribute_option", "3", "4", "Type", "ret")]


@pytest.mark.parametrize(("mapping", "code"), [(PLAIN, 0), (TYPED, 3)])
def test_key_without_attribute_access_stops_only_runs_that_send_attributes(
    desk, api, monkeypatch, mapping, code
) -> None:
    desk.write("m.yaml", mapping)
    desk.write("m.csv", "Id,Name,Type,Limit,Person,Mobile\n1,One,odd,5,Robin,\n")
    answer = api.answer

    def without(method, target, *more):
        return (403, {"code": "forbidden"}) if "attributes" in target else answer(method, target, *more)

    monkeypatch.setattr(api, "answer", without)
    said = desk.run(api.url, "m.csv", "-m", "m.yaml", "--log", "log.jsonl")
    assert (said.code, len(api.customers)) == (code, 1 - bool(code))
    logged = [json.loads(line)["event"] for line in (desk.path / "log.jsonl").read_text().splitlines()]
    assert ("mandatory attributes not checked" in logged) == (code == 0)
