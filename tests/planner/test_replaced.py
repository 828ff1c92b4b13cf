"""The values that a write replaced, compared with WizCommerce: still in effect, undone, or changed by others."""

import pytest

from importer.planner.compare import NotReplaceableError
from importer.planner.readback import Replaced

UPPER, LOWER = "0A5D8B6E-0C8B-4A8E-9D62-5B9C2F3A7E11", "0a5d8b6e-0c8b-4a8e-9d62-5b9c2f3a7e11"
PATCH = Replaced(
    "PATCH",
    None,
    {"company_name": "Old", "phone": None, "attributes": {"Color": "red", "Tier": None}},
    {"company_name": "New", "phone": "+12125550199", "attributes": {"Color": "blue", "Tier": 3}},
)
PUT = Replaced("PUT", "addresses", {"city": "Old", "address_line_2": None}, {"city": "New", "address_line_2": "2"})
POST = Replaced("POST", "contacts", None, {"reference_id": "P", "first_name": "Ann", "attributes": []})


def customer(name="New", phone="+12125550199", **attributes):
    shown = [{"name": name, "value": value} for name, value in ({"Color": "blue", "Tier": "3"} | attributes).items()]
    return {"id": "1", "reference_id": "C", "name": name, "phone": phone, "attributes": shown}


def address(**fields):
    body = {"reference_id": "A", "type": "billing", "address_line_1": "1 Main St", "city": "New", "address_line_2": "2"}
    return {"id": "2", "status": "active", "country": "USA", **body, **fields}


def contact(**fields):
    return {"id": "3", "reference_id": "P", "first_name": "Ann", "status": "active", "is_default": True} | fields


def test_write_in_place_is_neither_undone_nor_changed():
    for written, record in ((PATCH, customer()), (PUT, address()), (POST, contact())):
        assert (written.left(record, deleted=False), written.changed(record)) == (None, [])


def test_values_that_could_not_be_cleared_are_left():
    assert PATCH.left(customer("Old", Color="red"), deleted=False) == ["phone", "attributes[Tier]"]
    assert PATCH.left(customer("Old", "", Color="red", Tier=None), deleted=False) == []
    assert PUT.left(address(city="Old", address_line_2=""), deleted=False) == []
    assert PUT.left(None, deleted=True) is None, "nobody knows what it had"


def test_changed_default_and_zeros_are_differences():
    default = Replaced("PUT", "addresses", {"is_default": False}, {"is_default": True})
    assert default.changed(address(is_default=False)) == ["is_default"]
    assert default.left(address(), deleted=False) == [], "one that does not say is none"
    tier = Replaced("PATCH", None, {"attributes": {"Tier": None}}, {"attributes": {"Tier": 0}})
    assert tier.changed(customer(Tier=0)) == []
    assert tier.changed(customer(Tier=None)) == ["attributes[Tier]"]


def test_new_child_is_undone_if_deleted_or_deactivated_by_the_importer():
    assert POST.left(None, deleted=False) == []
    assert POST.left(contact(status="inactive"), deleted=True) == []
    assert POST.left(contact(status="inactive"), deleted=False) is None
    assert POST.left(contact(status="active"), deleted=True) is None
    assert POST.changed(contact(status="inactive")) == ["status"]


def test_changes_by_others_are_named():
    assert PATCH.changed(customer("By hand", Color="green")) == ["company_name", "attributes[Color]"]
    assert POST.changed(contact(phone="+12125550123", first_name="Bo")) == ["first_name", "phone"]


def test_restoring_body_has_previous_values_and_keeps_the_rest():
    body = PATCH.body(customer(Hand=1))
    values = {"Color": "red", "Tier": "3", "Hand": 1}
    assert body == {"company_name": "Old", "attributes": [{"name": k, "value": v} for k, v in values.items()]}
    kept = {"reference_id": "A", "type": "billing", "address_line_1": "1 Main St", "country": "US", "zip_code": "9"}
    assert PUT.body(address(zip_code="9")) == kept | {"city": "Old"}
    with pytest.raises(NotReplaceableError, match="inactive"):
        PUT.body(address(status="inactive"))


@pytest.mark.parametrize(
    ("written", "restorable"),
    [
        (PATCH, True),
        (PUT, True),
        (POST, True),
        (Replaced("PATCH", None, {"phone": None, "attributes": {"Tier": None}}, {"phone": "1"}), False),
        (Replaced("PUT", "addresses", {"address_line_2": None}, {"address_line_2": "2"}), True),
        (Replaced("PATCH", None, None, None), False),
        (Replaced("PUT", "addresses", None, None), False),
        (Replaced("POST", "addresses", None, None), False),
    ],
)
def test_undoable_writes_are_recognized(written, restorable):
    assert written.restorable is restorable


def test_format_of_a_value_is_not_a_change():
    ids = Replaced("PATCH", None, {"assigned_sales_rep_ids": None}, {"assigned_sales_rep_ids": [UPPER]})
    assert ids.changed({"assigned_sales_reps": [{"id": LOWER}]}) == []
    number = Replaced("PUT", "addresses", None, {"attributes": {"Dock": 7, "Open": True}, "is_default": False})
    shown = [{"name": "Dock", "value": "7"}, {"name": "Open", "value": "true"}]
    assert number.changed(address(attributes=shown)) == []
