"""An update is read back: what was sent is there, and nothing else has changed."""

import copy

import pytest

from importer.planner import ChildChange, CustomerUpdate
from importer.planner.readback import unexpected

BEFORE = {
    "id": "customer",
    "reference_id": "C1",
    "name": "Wren",
    "status": "active",
    "phone": "+14155550101",
    "first_name": "Ann",
    "balance": 7,
    "updated_at": "2025-01-01T00:00:00Z",
    "assigned_sales_reps": [{"id": "AA"}],
    "attributes": [{"name": "Color", "value": "Red"}, {"name": "Size", "value": 5}],
    "addresses": [
        {"id": "1", "reference_id": "A1", "type": "billing", "city": "Marlow", "country": "GBR", "is_default": True},
        {"id": "2", "reference_id": "A2", "type": "billing", "city": "Hull", "fax": "12", "status": "active"},
        {"id": "3", "type": "shipping", "city": "Leeds", "is_default": True, "status": "inactive"},
    ],
    "contacts": [
        {"id": "4", "reference_id": "P1", "first_name": "Ann", "attributes": [{"name": "Desk", "value": "1"}]}
    ],
}
A4 = {"reference_id": "A4", "type": "billing", "city": "York", "country": "XK", "is_default": False}
UPDATE = CustomerUpdate(
    fields={"email": "Ann@Example.com"},
    after={"email": "Ann@Example.com", "attributes": {"Size": "6.50", "Since": "2025-01-01"}},
    children=(
        ChildChange("addresses", "2", "A2", {"city": "Bath", "phone": "+441225555010"}, 1),
        ChildChange("addresses", None, "A4", A4, 2),
        ChildChange("contacts", "4", "P1", {"attributes": {"Desk": "2"}}, 0),
    ),
)


def carried_out() -> dict:
    after = copy.deepcopy(BEFORE)
    after |= {"email": "ann@example.com", "updated_at": "2025-02-02T00:00:00Z", "balance": 8}
    after["attributes"] = [
        {"name": "Since", "value": "2025-01-01T00:00:00.000Z"},
        {"name": "Size", "value": 6.5},
        {"name": "Color", "value": "Red"},
    ]
    after["addresses"][1] |= {"city": "Bath", "phone": "+44 1225 555010", "is_default": False}
    after["addresses"].insert(0, {"id": "9", **A4, "country": "XKX", "status": "active", "state": "made up"})
    after["contacts"][0]["attributes"][0]["value"] = 2
    return after


def test_expected_result_has_no_differences_in_any_api_format() -> None:
    assert unexpected(UPDATE, BEFORE, carried_out()) == []


def changed(path, value) -> dict:
    after = carried_out()
    *way, last = path
    place = after
    for step in way:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return after


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        (("email",), None, ["email (not as sent)"]),
        (("email",), "other@example.com", ["email (not as sent)"]),
        (("phone",), None, ["phone (lost)"]),
        (("phone",), "+14155550102", ["phone (changed)"]),
        (("freight_term",), "FOB", ["freight_term (changed)"]),
        (("balance",), None, ["balance (lost)"]),
        (("status",), "inactive", ["status (changed)"]),
        (("assigned_sales_reps",), [], ["assigned_sales_rep_ids (lost)"]),
        (("attributes", 0), None, ["attributes[Since] (not as sent)"]),
        (("attributes", 1, "value"), 6, ["attributes[Size] (not as sent)"]),
        (("attributes", 2), None, ["attributes[Color] (lost)"]),
        (("addresses", 0, "city"), "Hull", ["addresses[A4].city (not as sent)"]),
        (("addresses", 0, "country"), "ALB", ["addresses[A4].country (not as sent)"]),
        (("addresses", 0), None, ["addresses[A4] (not there)"]),
        (("addresses", 1, "city"), "Hull", ["addresses[A1].city (changed)"]),
        (("addresses", 1, "is_default"), False, ["addresses[A1].is_default (changed)"]),
        (("addresses", 1, "status"), "inactive", ["addresses[A1].status (changed)"]),
        (("addresses", 1), None, ["addresses[A1] (lost)"]),
        (("addresses", 2, "city"), "Hull", ["addresses[A2].city (not as sent)"]),
        (("addresses", 2, "fax"), None, ["addresses[A2].fax (lost)"]),
        (("addresses", 3), None, ["addresses[3] (lost)"]),
        (("contacts", 0, "attributes"), [], ["contacts[P1].attributes[Desk] (not as sent)"]),
        (("contacts", 0, "first_name"), "Bob", ["contacts[P1].first_name (changed)"]),
        (("contacts",), [], ["contacts[P1] (lost)"]),
    ],
)
def test_unexpected_values_are_named(path, value, found) -> None:
    assert unexpected(UPDATE, BEFORE, changed(path, value)) == found


def test_child_added_by_others_is_named() -> None:
    after = carried_out()
    after["addresses"].append({"id": "10", **A4})
    assert unexpected(UPDATE, BEFORE, after) == ["addresses[A4] (added by another)"]


def test_other_default_changes_only_if_one_was_set() -> None:
    after = copy.deepcopy(BEFORE)
    after["addresses"][0]["is_default"], after["addresses"][1]["is_default"] = False, True
    setting = CustomerUpdate(children=(ChildChange("addresses", "2", "A2", {"is_default": True}, 0),))
    assert unexpected(setting, BEFORE, after) == []
    after["addresses"][2]["is_default"] = False
    assert unexpected(setting, BEFORE, after) == ["addresses[3].is_default (changed)"], "it is of another type"
    new = {**A4, "is_default": True}
    adding = CustomerUpdate(children=(ChildChange("addresses", None, "A4", new, 0),))
    after = copy.deepcopy(BEFORE)
    after["addresses"][0]["is_default"] = False
    after["addresses"].append({"id": "9", **new})
    assert unexpected(adding, BEFORE, after) == []
    after["addresses"][-1]["is_default"] = False
    assert unexpected(adding, BEFORE, after) == ["addresses[A4].is_default (not as sent)"]


def test_customer_may_show_the_name_of_its_contact() -> None:
    after = copy.deepcopy(BEFORE)
    after["contacts"][0]["first_name"] = after["first_name"] = "Anna"
    child = CustomerUpdate(children=(ChildChange("contacts", "4", "P1", {"first_name": "Anna"}, 0),))
    own = CustomerUpdate(fields={"first_name": "Anna"}, after={"first_name": "Anna"})
    assert unexpected(child, BEFORE, after) == []
    assert unexpected(own, BEFORE, after) == []
    after["first_name"] = "Bob"
    assert unexpected(child, BEFORE, after) == ["first_name (changed)"]
    assert unexpected(own, BEFORE, after) == ["first_name (not as sent)"]


def test_cleared_field_may_be_empty_or_absent() -> None:
    emptying = CustomerUpdate(fields={"phone": ""}, after={"phone": "", "attributes": {"Color": ""}})
    after = copy.deepcopy(BEFORE)
    assert unexpected(emptying, BEFORE, after) == ["phone (not as sent)", "attributes[Color] (not as sent)"]
    after["phone"] = ""
    after["attributes"] = after["attributes"][1:]
    assert unexpected(emptying, BEFORE, after) == []


def test_customer_phone_in_an_address_is_unexpected() -> None:
    after = copy.deepcopy(BEFORE)
    after["phone"] = after["addresses"][1]["phone"] = "+14155550102"
    own = CustomerUpdate(fields={"phone": "+14155550102"}, after={"phone": "+14155550102"})
    assert unexpected(own, BEFORE, after) == ["addresses[A2].phone (changed)"]
