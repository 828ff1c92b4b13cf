"""The handwritten checks agree with the document's schemas, made as strict as the sandbox claims to be."""

import copy
from typing import Any

import pycountry
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.sandbox.checks import CREATE, UPDATE, find_problems
from tests.sandbox.support import DOCUMENT, address, contact, customer, validator

ALPHA_2 = sorted(country.alpha_2 for country in pycountry.countries)


def strict_document() -> dict[str, Any]:
    """The document, made strict about empty and long texts, unknown fields, countries, and odd values."""
    document = copy.deepcopy(DOCUMENT)
    for name in ("Attribute", "AddressCreate", "ContactCreate", "CustomerCreate"):
        schema = document["components"]["schemas"][name]
        schema["additionalProperties"] = False
        for field, rule in schema["properties"].items():
            if rule.get("type") == "string" and "enum" not in rule:
                rule.setdefault("minLength", 1)
                rule.setdefault("maxLength", 255)
            if "pattern" in rule:
                rule["pattern"] = r"^\+[1-9][0-9]{1,14}$"  # JSON Schema's \d means ASCII digits, Python's more
            if rule.get("format") == "email":
                rule["pattern"] = r"^[^@\s]+@([^@\s.]+\.)+[^@\s.]+$"
            if field == "country":
                rule["enum"] = ALPHA_2
    texts = {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}}
    value = [{"type": "string", "minLength": 1}, {"type": "number"}, {"type": "boolean"}, texts]
    document["components"]["schemas"]["Attribute"]["properties"]["value"] = {"anyOf": value}
    return document


STRICT = strict_document()
NOTHING_REQUIRED = copy.deepcopy(STRICT)
del NOTHING_REQUIRED["components"]["schemas"]["CustomerCreate"]["required"]
OPEN = validator({"$ref": "#/components/schemas/CustomerCreate"})
CLOSED = validator({"$ref": "#/components/schemas/CustomerCreate"}, STRICT)
LOOSE = validator({"$ref": "#/components/schemas/CustomerCreate"}, NOTHING_REQUIRED)
UPDATED = validator({"$ref": "#/components/schemas/CustomerUpdate"})

TEXTS = st.one_of(
    st.sampled_from(["x", "é", " ", "x" * 50, "x" * 51, "x" * 255, "x" * 256, "+14155550100", "a@example.com"]),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8),
)
PHONES = ["+14155550100", "+1", "+12", "+" + "9" * 15, "+" + "9" * 16, "+0123", "14155550100", "+1 415", "+١٢٣"]
EMAILS = [
    "a@example.com",
    "a.b+c@mail.example.org",
    "a",
    "@example.com",
    "a@",
    "a b@example.com",
    "a@example",
    "a@b@c.d",
]
UUIDS = [
    "01f5d171-d3e3-4b2b-bd57-0727194b5bed",
    "01F5D171-D3E3-4B2B-BD57-0727194B5BED",
    "01f5d171d3e34b2bbd570727194b5bed",
]
WRONG = st.sampled_from([None, 1, 1.5, True, [], {}, ["x"], {"x": 1}, ""])


def values(field: str) -> st.SearchStrategy[Any]:
    fitting: dict[str, st.SearchStrategy[Any]] = {
        "phone": st.sampled_from(PHONES),
        "email": st.sampled_from(EMAILS),
        "type": st.sampled_from(["billing", "shipping", "Billing"]),
        "country": st.sampled_from(["US", "DE", "GB", "USA", "us", "XX"]),
        "is_default": st.booleans(),
        "assigned_price_list_id": st.sampled_from(UUIDS),
        "assigned_sales_rep_ids": st.lists(st.sampled_from(UUIDS), max_size=2) | st.just(["x", None]),
        "value": st.sampled_from([0, 1.5, False, "red", "x" * 300, ["a", "b"], [""], [1], {"a": 1}, None]),
    }
    return st.one_of(fitting.get(field, TEXTS), fitting.get(field, TEXTS), WRONG)


def objects(name: str, good: dict[str, Any], nested: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """Good objects with a few fields added, changed, or removed."""
    fields = [field for field in DOCUMENT["components"]["schemas"][name]["properties"] if field not in nested]
    changes = st.dictionaries(st.sampled_from(fields), st.none(), max_size=3).flatmap(
        lambda picked: st.fixed_dictionaries({field: values(field) for field in picked})
    )
    extra = st.sampled_from([{}, {}, {}, {"colour": "red"}])
    gone = st.sampled_from([None, None, None, *good])
    children = st.fixed_dictionaries({}, optional={field: strategy | WRONG for field, strategy in nested.items()})
    return st.builds(
        lambda change, more, inner, without: {
            field: value for field, value in {**good, **change, **more, **inner}.items() if field != without
        },
        changes,
        extra,
        children,
        gone,
    )


ATTRIBUTES = st.lists(objects("Attribute", {"name": "Tier", "value": "gold"}, {}), max_size=2)
CHILD = {"attributes": ATTRIBUTES}
ADDRESSES = st.lists(objects("AddressCreate", address(), CHILD), max_size=2)
CONTACTS = st.lists(objects("ContactCreate", contact(), CHILD), max_size=2)
LISTS = {"addresses": ADDRESSES, "contacts": CONTACTS, "attributes": ATTRIBUTES}
BODIES = objects("CustomerCreate", customer(), LISTS)


def made_unique(body: dict[str, Any]) -> dict[str, Any]:
    """Make the children's reference IDs unique: the document has no such rule, and another test covers it."""
    for kind in ("addresses", "contacts"):
        children = body.get(kind)
        for place, child in enumerate(children if isinstance(children, list) else ()):
            if isinstance(child, dict) and isinstance(child.get("reference_id"), str) and child["reference_id"]:
                child["reference_id"] = f"{place}{child['reference_id'][1:]}"
    return body


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(BODIES)
def test_checks_of_a_new_customer_agree_with_the_document(body: dict[str, Any]) -> None:
    body = made_unique(copy.deepcopy(body))
    details = find_problems(body, CREATE)
    wrong = list(CLOSED.iter_errors(body))
    assert bool(details) == bool(wrong), (details, wrong)
    if not details:
        OPEN.validate(body)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(BODIES)
def test_checks_of_a_change_agree_with_the_document_without_required_fields(body: dict[str, Any]) -> None:
    body = made_unique(copy.deepcopy(body))
    wrong = list(LOOSE.iter_errors(body))
    details = find_problems(body, UPDATE)
    assert bool(details) == bool(wrong), (details, wrong)
    if not details:
        UPDATED.validate(body)


@pytest.mark.parametrize("body", [None, [], "x", 1])
def test_body_must_be_an_object(body: Any) -> None:
    assert find_problems(body, CREATE) == [{"field": "", "reason": "must be an object"}]


def test_every_problem_has_a_path() -> None:
    body = {
        "reference_id": "",
        "colour": "red",
        "phone": None,
        "assigned_sales_rep_ids": [UUIDS[0], "x"],
        "addresses": [address(), address("A2", city="x" * 51, zip_code=2138), "x"],
        "contacts": [{"reference_id": "P1", "attributes": [{"name": "Tier"}]}],
    }
    assert {detail["field"]: detail["reason"] for detail in find_problems(body, CREATE)} == {
        "reference_id": "must not be empty",
        "company_name": "is required",
        "colour": "is not a known field",
        "phone": "must not be null",
        "assigned_sales_rep_ids[1]": "must be a UUID",
        "addresses[1].city": "must be at most 50 characters",
        "addresses[1].zip_code": "must be text",
        "addresses[2]": "must be an object",
        "contacts[0].first_name": "is required",
        "contacts[0].attributes[0].value": "is required",
    }


def test_children_in_one_body_cannot_share_a_reference_id() -> None:
    repeated = {"addresses": [address("A"), address("A")], "contacts": [contact("P"), contact("Q"), contact("P")]}
    assert [detail["field"] for detail in find_problems(customer(**repeated), CREATE)] == [
        "addresses[1].reference_id",
        "contacts[2].reference_id",
    ]
    assert find_problems(customer(addresses=[address("A")], contacts=[contact("A")]), CREATE) == []


def test_child_with_an_id_needs_nothing_else() -> None:
    assert find_problems({"addresses": [{"id": "x", "city": "Anytown"}]}, UPDATE) == []
    assert find_problems({"addresses": [{"city": "Anytown"}]}, UPDATE)
    assert find_problems({"id": "x"}, UPDATE)
    assert find_problems(customer(addresses=[address(id="x")]), CREATE)
