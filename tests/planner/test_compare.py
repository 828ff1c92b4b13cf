"""What the API returns, compared with what was sent, and what is sent back."""

import copy

import httpx
import pytest

from importer.planner.compare import (
    VANISHED,
    NotReplaceableError,
    body_of,
    child_names,
    content,
    differences,
    previous,
    replacement,
)
from tests.running_sandbox import running
from tests.sandbox.support import DOCUMENT, address, client, contact, customer, validator

# The body and the answer of the API's own example, as far as they describe the same customer.
SENT = {
    "reference_id": "1234567890",
    "assigned_sales_rep_ids": ["01F5D171-d3e3-4b2b-bd57-0727194b5bed"],
    "assigned_price_list_id": "0c05a9a7-84ed-46f0-819b-653545730920",
    "company_name": "Customer Name",
    "payment_term": "NET30",
    "addresses": [
        {
            "reference_id": "ADDR123",
            "address_line_1": "123 Main St",
            "city": "Anytown",
            "country": "US",
            "type": "billing",
            "attributes": [{"name": "Color", "value": "Red"}],
        }
    ],
    "contacts": [{"reference_id": "CUS123", "first_name": "John"}],
    "attributes": [{"name": "Color", "value": "Red"}],
}
HELD = {
    "id": "01f5d171-d3e3-4b2b-bd57-0727194b5bed",
    "reference_id": "1234567890",
    "display_id": "WC_1234567890",
    "name": "Customer Name",
    "status": "active",
    "payment_term": "NET30",
    "assigned_sales_reps": [{"id": "01f5d171-d3e3-4b2b-bd57-0727194b5bed", "first_name": "John"}],
    "assigned_price_list": {"id": "0c05a9a7-84ed-46f0-819b-653545730920", "name": "Price List 1"},
    "addresses": [
        {
            "id": "a",
            "reference_id": "ADDR123",
            "address_line_1": "123 Main St",
            "city": "Anytown",
            "country": "USA",
            "type": "billing",
            "status": "active",
            "is_default": False,
            "attributes": [{"id": "x", "name": "Color", "value": "Red"}],
        }
    ],
    "contacts": [{"id": "c", "reference_id": "CUS123", "first_name": "John", "status": "active", "attributes": []}],
    "attributes": [{"id": "x", "name": "Color", "value": "Red"}],
}


def test_example_has_no_differences():
    assert differences(SENT, HELD) == []


def changed(path, value):
    held = copy.deepcopy(HELD)
    *way, last = path
    place = held
    for step in way:
        place = place[step]
    place[last] = value
    return held


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("name",), "Another", "company_name"),
        (("payment_term",), None, "payment_term"),
        (("assigned_sales_reps",), [], "assigned_sales_rep_ids"),
        (("assigned_price_list",), None, "assigned_price_list_id"),
        (("addresses", 0, "city"), "Elsewhere", "addresses[ADDR123].city"),
        (("addresses", 0, "country"), "CAN", "addresses[ADDR123].country"),
        (("addresses", 0, "status"), "inactive", "addresses[ADDR123].status"),
        (("addresses", 0, "attributes"), [], "addresses[ADDR123].attributes[Color]"),
        (("addresses",), [], "addresses[ADDR123]"),
        (("contacts", 0, "first_name"), "Jane", "contacts[CUS123].first_name"),
        (("attributes", 0, "value"), "Blue", "attributes[Color]"),
    ],
)
def test_change_is_named(path, value, field):
    assert differences(SENT, changed(path, value)) == [field]


def test_child_added_manually_is_a_difference():
    held = changed(("contacts",), [*HELD["contacts"], {"id": "new", "first_name": "Eve"}])
    assert differences(SENT, held) == ["contacts[new]"]
    assert differences({"reference_id": "1234567890", "company_name": "Customer Name"}, HELD) == [
        "addresses[ADDR123]",
        "contacts[CUS123]",
    ]


@pytest.mark.parametrize(("sent", "held"), [(5, "5"), (5.0, "5"), (True, "true"), (["a", "b"], ["a", "b"])])
def test_attribute_values_are_compared_as_text(sent, held):
    name = {"reference_id": "C1", "company_name": "X"}
    body = {**name, "attributes": [{"name": "Size", "value": sent}]}
    answer = {"reference_id": "C1", "name": "X", "attributes": [{"name": "Size", "value": held}]}
    assert differences(body, answer) == []


def test_sandbox_response_is_not_a_difference():
    with running() as box, client(box) as http:
        rep = http.get("/v1/sales-reps").json()["data"][0]["id"]
        price_list = http.get("/v1/price-lists").json()["data"][0]["id"]
        body = customer(
            assigned_sales_rep_ids=[rep],
            assigned_price_list_id=price_list,
            addresses=[address("A1", country="GB"), address("A2", type="shipping", is_default=True)],
            contacts=[contact("P1"), contact("P2", attributes=[{"name": "Size", "value": "5"}])],
        )
        made: httpx.Response = http.post("/v1/customers", json=body)
        held = http.get(f"/v1/customers/{made.json()['data']['id']}").json()["data"]
    held["addresses"].reverse()
    held["contacts"].reverse()
    assert differences(body, held) == []


def test_body_has_rep_and_price_list_ids_only_if_present():
    said_back = {name: value for name, value in HELD.items() if not name.startswith("assigned_")}
    body = body_of({**said_back, "assigned_sales_rep_ids": ["X"], "assigned_price_list_id": "Y"})
    assert not {"assigned_sales_rep_ids", "assigned_price_list_id"} & body.keys()
    assert body_of(HELD)["assigned_sales_rep_ids"] == ["01f5d171-d3e3-4b2b-bd57-0727194b5bed"]


ADDRESS = {
    **HELD["addresses"][0],
    "customer_id": "c",
    "address_line_2": "",
    "zip_code": None,
    "phone": "+14155550101",
    "created_at": "2025-01-01T00:00:00Z",
    "attributes": [
        {"id": "x", "name": "Floor", "value": 5, "created_by": "me"},
        {"id": "y", "name": "Empty", "value": None},
        {"id": "z", "name": "Color", "value": "Red"},
    ],
}
CONTACT = {**HELD["contacts"][0], "is_default": True, "designation": "Buyer"}
SHAPES = {"addresses": "AddressCreate", "contacts": "ContactCreate"}


def replaced(kind, child, values):
    body = replacement(kind, child, values)
    validator(DOCUMENT["components"]["schemas"][SHAPES[kind]]).validate(body)
    return body


def test_replacement_has_all_writable_fields_and_the_changes():
    body = replaced("addresses", ADDRESS, {"city": "Elsewhere", "attributes": {"Color": "Blue", "Dock": "4"}})
    assert body == {
        "reference_id": "ADDR123",
        "address_line_1": "123 Main St",
        "city": "Elsewhere",
        "country": "US",
        "type": "billing",
        "phone": "+14155550101",
        "is_default": False,
        "attributes": [
            {"name": "Floor", "value": 5},
            {"name": "Color", "value": "Blue"},
            {"name": "Dock", "value": "4"},
        ],
    }
    assert replaced("contacts", CONTACT, {"email": "john@example.com"}) == {
        "reference_id": "CUS123",
        "first_name": "John",
        "email": "john@example.com",
        "is_default": True,
        "designation": "Buyer",
    }


@pytest.mark.parametrize(("shown", "sent"), [("XKX", "XK"), ("XK", "XK"), ("GBR", "GB"), ("Atlantis", "Atlantis")])
def test_countries_are_sent_as_two_letter_codes(shown, sent):
    assert replacement("addresses", {**ADDRESS, "country": shown}, {})["country"] == sent
    assert replacement("addresses", ADDRESS, {"country": shown})["country"] == sent
    assert body_of({"addresses": [{**ADDRESS, "country": shown}]})["addresses"][0]["country"] == sent


def test_other_fields_that_look_like_country_codes_are_kept():
    assert content({"city": "USA", "state": "PER"}) == {("city",): "USA", ("state",): "PER"}


@pytest.mark.parametrize(
    ("kind", "child", "values", "reason"),
    [
        ("addresses", {**ADDRESS, "status": "inactive"}, {}, "inactive"),
        ("addresses", {**ADDRESS, "reference_id": None}, {}, "no reference_id"),
        ("addresses", {**ADDRESS, "address_line_1": "", "type": None}, {}, "no address_line_1 and no type"),
        ("addresses", ADDRESS, {"city": None}, "no city"),
        ("contacts", {**CONTACT, "first_name": ""}, {"phone": "+14155550101"}, "no first_name"),
    ],
)
def test_child_that_cannot_be_replaced_is_refused_with_a_reason(kind, child, values, reason):
    with pytest.raises(NotReplaceableError, match=reason):
        replacement(kind, child, values)
    assert replacement("contacts", {**CONTACT, "first_name": ""}, {"first_name": "Jo"})["first_name"] == "Jo"


@pytest.mark.parametrize(
    "values",
    [
        {"city": "Elsewhere", "zip_code": "02138", "country": "CA", "is_default": True},
        {"attributes": {"Floor": "6", "Empty": "x", "New": "y"}},
    ],
)
def test_previous_values_restore_the_original(values):
    before = previous("addresses", ADDRESS, values)
    assert before.keys() == values.keys()
    changed = replacement("addresses", ADDRESS, values)
    assert replacement("addresses", {**changed, "status": "active"}, before) == replacement("addresses", ADDRESS, {})


def test_previous_values_have_the_format_of_sent_values():
    values = {"country": "CA", "zip_code": "02138", "attributes": {"Floor": "6", "New": "y"}}
    assert previous("addresses", ADDRESS, values) == {
        "country": "US",
        "zip_code": None,
        "attributes": {"Floor": 5, "New": None},
    }
    assert previous("contacts", CONTACT, {"email": "a@example.com"}) == {"email": None}


def test_planner_mark_is_not_a_field():
    assert differences({**SENT, "contacts": [{**SENT["contacts"][0], VANISHED: True}]}, HELD) == []


def test_children_are_named_by_id_or_by_number_if_missing_or_duplicate():
    children = [{"reference_id": "A"}, {"reference_id": "A", "id": "7"}, {"id": "7"}, {}]
    assert child_names(children) == ["A", "7", "#3", "#4"]
