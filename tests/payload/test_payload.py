"""Request bodies: the exact bytes, what is left out, and finding the cell for a refusal by the API."""

import hashlib
import io
import json
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openapi_schema_validator import OAS30Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from importer.errors import InternalError
from importer.payload import record_of, write_payloads
from importer.records import content_hash
from importer.tables import ADDRESS_FIELDS, CONTACT_FIELDS, CUSTOMER_FIELDS, EntityTables
from importer.validation.policies import complete_defaults
from tests.support import api_document, make_tables

UUID = "01f5d171-d3e3-4b2b-bd57-0727194b5bed"


def write(tables: EntityTables, keep: list[bool] | None = None, **options: Any) -> tuple[bytes, pd.DataFrame]:
    file = io.BytesIO()
    marks = np.array([True] * len(tables.customers) if keep is None else keep, dtype=np.bool_)
    index = write_payloads(tables, marks, file, **{"unresolved_lookups": False, **options})
    return file.getvalue(), index


GOLDEN = (
    '{"reference_id":"CUS123","assigned_sales_rep_ids":["UUID","UUID"],"assigned_price_list_id":"UUID",'
    '"company_name":"Wren \\"& Söhne\\"","display_id":"1234567890","display_name":"Wren","freight_term":"FOB",'
    '"shipping_method":"DHL","payment_mode":"AMEX","payment_term":"NET30","first_name":"John","last_name":"Doe",'
    '"phone":"+14155550171","email":"john.doe@example.com","addresses":[{"reference_id":"ADDR123",'
    '"address_line_1":"123 Main St","city":"Anytown","type":"billing","first_name":"John","last_name":"Doe",'
    '"phone":"+14155550171","email":"john.doe@example.com","address_line_2":"Apt 101","state":"CA","country":"US",'
    '"zip_code":"02345","is_default":true,"attributes":[{"name":"dock","value":"red"}]},{"reference_id":"ADDR124",'
    '"address_line_1":"1 Back\\\\Lane","city":"Anytown","type":"shipping","is_default":false}],"contacts":'
    '[{"reference_id":"CUS123","first_name":"John","last_name":"Doe","email":"john.doe@example.com",'
    '"phone":"+14155550171","designation":"Sales Manager","is_default":true,"attributes":[{"name":"tie",'
    '"value":"yes"}]}],"attributes":[{"name":"b \\"2\\"","value":"two\\nlines\\u0001"},{"name":"a","value":"x"}]}\n'
    '{"reference_id":"C2","company_name":"Owl","display_name":"Owl"}\n'
).replace("UUID", UUID)


def golden_tables() -> EntityTables:
    person = {"first_name": "John", "last_name": "Doe", "phone": "+14155550171", "email": "john.doe@example.com"}
    customer = {
        # Not in the order in which the fields are sent.
        'attributes.b "2"': "two\nlines\x01",
        **person,
        "company_name": 'Wren "& Söhne"',
        "reference_id": "CUS123",
        "attributes.a": "x",
        "assigned_sales_rep_ids": [UUID, UUID],
        "assigned_price_list_id": UUID,
        "display_id": "1234567890",
        "display_name": "Wren",
        "freight_term": "FOB",
        "shipping_method": "DHL",
        "payment_mode": "AMEX",
        "payment_term": "NET30",
    }
    address = {
        **person,
        "zip_code": "02345",
        "country": "US",
        "state": "CA",
        "reference_id": "ADDR123",
        "address_line_1": "123 Main St",
        "address_line_2": "Apt 101",
        "city": "Anytown",
        "type": "billing",
        "attributes.dock": "red",
        "is_default": True,
    }
    second = {"reference_id": "ADDR124", "address_line_1": "1 Back\\Lane", "city": "Anytown", "type": "shipping"}
    contact = {
        **person,
        "reference_id": "CUS123",
        "designation": "Sales Manager",
        "attributes.tie": "yes",
        "is_default": True,
    }
    customers = [customer, {"reference_id": "C2", "company_name": "Owl"}]
    return make_tables(customers, [address, {**second, "is_default": False}], [contact])[1]


def test_body_matches_the_golden_one() -> None:
    body, index = write(golden_tables())
    assert body.decode() == GOLDEN
    assert index["position"].tolist() == [0, 1]
    assert index["reference_id"].tolist() == ["CUS123", "C2"]


def test_index_refers_to_the_exact_bytes() -> None:
    data, index = write(golden_tables())
    lines = data.splitlines()
    for number, (offset, length, digest) in enumerate(
        zip(index["offset"], index["length"], index["hash"], strict=True)
    ):
        body = data[offset : offset + length]
        assert body == lines[number]
        assert digest == content_hash(body) == hashlib.sha256(body).hexdigest()


def test_only_selected_customers_are_written_with_their_own_children() -> None:
    customers = [{"reference_id": f"C{n}", "company_name": "Wren"} for n in range(4)]
    contacts = [{"reference_id": f"K{n}", "first_name": "Ann", "customer": n // 2} for n in range(8)]
    data, index = write(make_tables(customers, [], contacts)[1], keep=[False, True, False, True])
    bodies = [json.loads(line) for line in data.splitlines()]
    assert index["position"].tolist() == [1, 3]
    assert [[c["reference_id"] for c in body["contacts"]] for body in bodies] == [["K2", "K3"], ["K6", "K7"]]
    assert all("addresses" not in body for body in bodies)


@pytest.mark.parametrize("count", [0, 3])
def test_no_customers_write_nothing(count: int) -> None:
    customers = [{"reference_id": f"C{n}", "company_name": "Wren"} for n in range(count)]
    tables = make_tables(customers or [{"reference_id": "C", "company_name": "Wren"}])[1]
    data, index = write(tables, keep=[False] * len(tables.customers))
    assert data == b""
    assert {name: str(kind) for name, kind in index.dtypes.items()} == {
        "position": "int64",
        "reference_id": "string[pyarrow]",
        "hash": "string[pyarrow]",
        "offset": "int64",
        "length": "int64",
    }


def test_unresolved_lookups_are_kept_only_for_entries_with_a_lookup() -> None:
    customers: list[dict[str, Any]] = [
        {"reference_id": "C1", "company_name": "Wren", "assigned_sales_rep_ids": ['Jane "J"', "Bob"]},
        {"reference_id": "C2", "company_name": "Wren", "assigned_price_list_id": "Retail"},
    ]
    tables = make_tables(customers, lookups={"assigned_sales_rep_ids": "sales_rep"})[1]
    first, second = write(tables, unresolved_lookups=True)[0].splitlines()
    reps = [{"$lookup": {"sales_rep": 'Jane "J"'}}, {"$lookup": {"sales_rep": "Bob"}}]
    assert json.loads(first)["assigned_sales_rep_ids"] == reps
    assert json.loads(second)["assigned_price_list_id"] == "Retail"
    assert "assigned_sales_rep_ids" not in json.loads(second)
    assert json.loads(write(tables)[0].splitlines()[0])["assigned_sales_rep_ids"] == ['Jane "J"', "Bob"]


@pytest.mark.parametrize("fields", [{"reference_id": None, "company_name": "Wren"}, {"reference_id": "C1"}])
def test_body_without_a_required_field_is_an_internal_error(fields: dict[str, Any]) -> None:
    with pytest.raises(InternalError, match=r"without (reference_id|company_name)"):
        write(make_tables([fields])[1])


PATHS = [
    ("phone", ("customer", 1, "phone")),
    ("data.phone", ("customer", 1, "phone")),
    ("body.addresses.1.zip_code", ("address", 2, "zip_code")),
    ("addresses[1].zip_code", ("address", 2, "zip_code")),
    ("/addresses/1/zip_code", ("address", 2, "zip_code")),
    ("addresses[0]", ("address", 1, None)),
    ("addresses[1].floor", ("address", 2, None)),
    ("addresses[2].city", None),
    ("contacts[0].email", ("contact", 0, "email")),
    ("contacts[0].attributes[0].value", ("contact", 0, "attributes.tie")),
    ("attributes[0].value", ("customer", 1, "attributes.b")),
    ("attributes[1].value", ("customer", 1, "attributes.c")),
    ("attributes[2].value", ("customer", 1, None)),
    ("assigned_sales_rep_ids[0]", ("customer", 1, "assigned_sales_rep_ids")),
    ("name", ("customer", 1, "company_name")),
    ("addresses", ("customer", 1, None)),
    ("nonsense", ("customer", 1, None)),
    ("", None),
]


@pytest.mark.parametrize(("path", "expected"), PATHS)
def test_refusal_is_traced_to_its_record(path: str, expected: object) -> None:
    customers = [
        {"reference_id": "C1", "company_name": "Wren", "attributes.a": "1"},
        {"reference_id": "C2", "company_name": "Owl", "attributes.a": None, "attributes.b": "2", "attributes.c": "3"},
    ]
    addresses = [{"reference_id": f"A{n}", "customer": min(n, 1)} for n in range(3)]
    contacts = [{"reference_id": "K", "first_name": "Ann", "customer": 1, "attributes.tie": "x"}]
    tables = make_tables(customers, addresses, contacts)[1]
    assert record_of(tables, 1, path) == expected


def test_unknown_customer_has_no_record() -> None:
    assert record_of(make_tables([{"reference_id": "C1"}])[1], 1, "phone") is None
    assert record_of(make_tables([{"reference_id": "C1"}])[1], -1, "phone") is None


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
FORMS = {
    "type": st.sampled_from(["billing", "shipping"]),
    "city": TEXTS,
    "phone": st.just("+14155550123"),
    "email": st.just("ann@example.com"),
    "is_default": st.none() | st.booleans(),
    "assigned_sales_rep_ids": st.lists(st.just(UUID), max_size=2),
    "assigned_price_list_id": st.just(UUID),
}
NEEDED = {"reference_id", "company_name", "address_line_1", "city", "type", "first_name"}


def records(fields: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    names = (*fields, "attributes.one", 'attributes."two"')
    return st.fixed_dictionaries(
        {name: FORMS.get(name, TEXTS) for name in names if name in NEEDED},
        optional={name: st.none() | FORMS.get(name, TEXTS) for name in names if name not in NEEDED},
    )


@st.composite
def tables_of(draw: st.DrawFn) -> EntityTables:
    customers = draw(st.lists(records(CUSTOMER_FIELDS), min_size=1, max_size=6))
    children = []
    for fields in (ADDRESS_FIELDS, CONTACT_FIELDS):
        owners = sorted(draw(st.lists(st.integers(0, len(customers) - 1), max_size=8)))
        children.append([{**draw(records(fields)), "customer": owner} for owner in owners])
    return complete_defaults(make_tables(customers, *children)[1])


def expected_body(tables: EntityTables, customer: int) -> bytes:
    """The body, built record by record."""

    def record(frame: pd.DataFrame, position: int, fields: tuple[str, ...], **more: Any) -> dict[str, Any]:
        cells = {name: pa.array(frame[name])[position].as_py() for name in frame}
        row = {name: value for name, value in cells.items() if value is not None}
        if "company_name" in row:
            row.setdefault("display_name", row["company_name"])
        attributes = [{"name": k[11:], "value": v} for k, v in row.items() if str(k).startswith("attributes.")]
        made = {name: row[name] for name in fields if name in row} | more | {"attributes": attributes}
        return {name: value for name, value in made.items() if value not in ([], None)}

    children = {
        key: [record(frame, n, fields) for n, owner in enumerate(frame["_customer"]) if owner == customer]
        for key, frame, fields in (
            ("addresses", tables.addresses, ADDRESS_FIELDS),
            ("contacts", tables.contacts, CONTACT_FIELDS),
        )
    }
    return orjson.dumps(record(tables.customers, customer, CUSTOMER_FIELDS, **children))


VALIDATOR = OAS30Validator(
    {"$ref": "urn:spec#/components/schemas/CustomerCreate"},
    registry=Registry().with_resource("urn:spec", Resource.from_contents(api_document(), default_specification=DRAFT4)),
    format_checker=OAS30Validator.FORMAT_CHECKER,
)


@settings(max_examples=20)
@given(tables_of(), st.integers(1, 9))
def test_bodies_follow_the_contract_with_any_block_size(tables: EntityTables, block: int) -> None:
    data, index = write(tables)
    bodies = data.split(b"\n")[:-1]
    assert bodies == [expected_body(tables, customer) for customer in range(len(tables.customers))]
    for body in bodies:
        VALIDATOR.validate(json.loads(body))
    again, same = write(tables, block_records=block)
    assert again == data
    pd.testing.assert_frame_equal(index, same)


def test_bytes_and_offsets_are_the_same_without_hashes() -> None:
    whole, index = write(golden_tables())
    same, bare = write(golden_tables(), hashed=False)
    assert same == whole
    assert bare["hash"].isna().all()
    pd.testing.assert_frame_equal(bare.drop(columns="hash"), index.drop(columns="hash"))
