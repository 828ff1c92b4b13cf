"""The mapping's policies decide whether an error rejects the customer or leaves something out."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from importer.records import Severity
from importer.tables import BOOLEAN, DEFAULT_STATED, EntityTables, ProblemTable
from importer.validation.policies import apply_policies, complete_defaults
from tests.support import make_tables, validate_all

CUSTOMERS = [
    {"reference_id": "C1", "company_name": "Wren", "phone": "+14155550123"},
    {"reference_id": "C2", "company_name": "Owl"},
]
ADDRESS = {"address_line_1": "1 Main St", "city": "Marlow", "type": "billing"}


def address(name: str, customer: int = 0, **fields: Any) -> dict[str, Any]:
    return {"reference_id": name, "customer": customer, **ADDRESS, **fields}


def error(code: str = "conflict", **columns: Any) -> ProblemTable:
    return ProblemTable.build(1, severity=Severity.ERROR, code=code, message="Wrong", **columns)


def facts(problems: ProblemTable) -> list[tuple[Any, ...]]:
    return list(problems.frame[["severity", "code", "entity", "record"]].itertuples(index=False, name=None))


def test_invalid_customer_field_rejects_the_customer() -> None:
    sources, tables = make_tables([{**CUSTOMERS[0], "phone": "555"}, CUSTOMERS[1]])
    validated = apply_policies(tables, validate_all(tables, sources))
    assert validated.rejected.tolist() == [True, False]
    assert validated.lost_child.tolist() == [False, False]
    assert validated.tables.customers["phone"].tolist()[0] == "555"


def test_invalid_value_that_may_be_blank_is_left_out_with_a_warning() -> None:
    sources, tables = make_tables([{**CUSTOMERS[0], "phone": "555"}, CUSTOMERS[1]], blank=["customer phone"])
    validated = apply_policies(tables, validate_all(tables, sources))
    assert not validated.rejected.any()
    assert validated.tables.customers["phone"].isna().all()
    assert tables.customers["phone"].tolist()[0] == "555"
    assert facts(validated.problems) == [("warning", "invalid_phone", "customer", 0)]
    assert validated.problems.frame["message"][0].endswith("; the value is left out")
    assert validated.problems.frame["value"][0] == "555"


@pytest.mark.parametrize(("country", "told"), [("XX", []), (None, ["state_unknown", "zip_doubtful"])])
def test_problems_based_on_an_omitted_country_are_dropped(country: str | None, told: list[str]) -> None:
    sources, tables = make_tables(CUSTOMERS, [address("A", country=country), address("B", country="AU")])
    about = {"severity": Severity.WARNING, "entity": "address", "customer": 0, "message": "Odd"}
    doubts = [ProblemTable.build(1, code=code, record=0, **about) for code in ("state_unknown", "zip_doubtful")]
    other = ProblemTable.build(1, code="state_unknown", record=1, **about)
    validated = apply_policies(tables, ProblemTable.concat([*doubts, other, validate_all(tables, sources)]))
    kept = [(code, record) for _, code, _, record in facts(validated.problems) if code != "invalid_country"]
    assert kept == [*((code, 0) for code in told), ("state_unknown", 1)]
    assert validated.problems.frame.index.equals(pd.RangeIndex(len(validated.problems)))


def test_invalid_lists_and_flags_can_be_left_out() -> None:
    sources, tables = make_tables(
        [{**CUSTOMERS[0], "assigned_sales_rep_ids": ["Jane"]}],
        [address("A", is_default=True), address("B", is_default=True)],
        blank=["customer assigned_sales_rep_ids", "address is_default"],
    )
    validated = apply_policies(tables, validate_all(tables, sources))
    assert not validated.rejected.any()
    assert validated.tables.customers["assigned_sales_rep_ids"].isna().all()
    done = complete_defaults(validated.tables).addresses
    assert done["is_default"].tolist() == [True, False]
    assert done[DEFAULT_STATED].tolist() == [True, False]  # a flag that was left out does not count as stated


def test_required_value_cannot_be_left_out() -> None:
    sources, tables = make_tables(CUSTOMERS, [address("A", city="x" * 60)], blank=["address city"])
    validated = apply_policies(tables, validate_all(tables, sources))
    assert validated.rejected.tolist() == [True, False]
    assert validated.tables.addresses["city"].tolist() == ["x" * 60]


def test_invalid_child_is_dropped_if_the_mapping_says_so() -> None:
    addresses = [address("A", city="x" * 60), address("B", 0, state="Caf\ufffd"), address("C", 1, city="x" * 60)]
    sources, tables = make_tables(CUSTOMERS, addresses, drop=["address"])
    validated = apply_policies(tables, validate_all(tables, sources))
    assert validated.rejected.tolist() == [False, False]
    assert validated.lost_child.tolist() == [True, True]
    assert validated.tables.addresses["reference_id"].tolist() == ["B"]
    assert validated.tables.addresses.index.tolist() == [0]
    assert facts(validated.problems) == [
        ("warning", "too_long", "address", -1),
        ("warning", "replacement_character", "address", 0),
        ("warning", "too_long", "address", -1),
    ]
    assert validated.problems.frame["message"][0].endswith("; the address is left out")
    assert len(tables.addresses) == 3


def test_invalid_child_rejects_its_customer_otherwise() -> None:
    sources, tables = make_tables(CUSTOMERS, [address("C", 1, city="x" * 60)])
    validated = apply_policies(tables, validate_all(tables, sources))
    assert validated.rejected.tolist() == [False, True]
    assert not validated.lost_child.any()


def test_optional_value_is_left_out_before_its_child_is_dropped() -> None:
    sources, tables = make_tables(CUSTOMERS, [address("A", phone="5")], blank=["address phone"], drop=["address"])
    validated = apply_policies(tables, validate_all(tables, sources))
    assert not validated.lost_child.any()
    assert validated.tables.addresses["phone"].isna().all()


def test_errors_from_other_stages_count_too() -> None:
    _, tables = make_tables(CUSTOMERS, [address("A", 1)])
    of_record = apply_policies(tables, error(entity="address", record=0))
    assert of_record.rejected.tolist() == [False, True]
    assert of_record.problems.frame["customer"].tolist() == [1]
    assert apply_policies(tables, error(customer=0)).rejected.tolist() == [True, False]


def test_row_rejected_individually_rejects_no_customer() -> None:
    _, tables = make_tables(CUSTOMERS)
    validated = apply_policies(tables, error("blank_key", row=1))
    assert not validated.rejected.any()
    assert facts(validated.problems)[0][:2] == ("error", "blank_key")
    assert validated.problems.frame[["customer", "row"]].to_numpy().tolist() == [[-1, 1]]


def test_no_problems_change_nothing() -> None:
    _, tables = make_tables(CUSTOMERS, [address("A", 1)])
    validated = apply_policies(tables, ProblemTable.empty())
    assert not validated.rejected.any()
    assert validated.tables.addresses.equals(tables.addresses)
    assert len(validated.problems) == 0


def test_blank_explained_by_an_earlier_stage_is_reported_once() -> None:
    sources, tables = make_tables(CUSTOMERS, [address("A", 0), address("B", 0, type=None), address("C", 1, type=None)])
    earlier = error("unknown_value", entity="address", record=1, field="type", customer=0)
    validated = apply_policies(tables, ProblemTable.concat([earlier, validate_all(tables, sources)]))
    assert facts(validated.problems) == [("error", "unknown_value", "address", 1), ("error", "required", "address", 2)]


def test_earlier_warning_does_not_hide_an_error() -> None:
    sources, tables = make_tables([{**CUSTOMERS[0], "company_name": None}])
    note = ProblemTable.build(
        1, severity=Severity.WARNING, code="note", entity="customer", record=0, field="company_name"
    )
    validated = apply_policies(tables, ProblemTable.concat([note, validate_all(tables, sources)]))
    assert validated.rejected.all()
    assert len(validated.problems) == 2


def test_same_code_from_two_stages_is_reported_once() -> None:
    sources, tables = make_tables([{**CUSTOMERS[0], "phone": "555"}])
    place = {"row": 0, "column": "customer phone"}
    earlier = error("invalid_phone", entity="customer", record=0, field="phone", customer=0, **place)
    validated = apply_policies(tables, ProblemTable.concat([earlier, validate_all(tables, sources)]))
    assert validated.problems.frame["message"].tolist() == ["Wrong"]


@pytest.mark.parametrize("required", [False, True])
def test_invalid_contact_email_is_left_out_unless_required(required: bool) -> None:
    contact = {"reference_id": "K", "first_name": "Ann", "email": "ann@"}
    sources, tables = make_tables(CUSTOMERS, [], [contact], blank=["contact email"])
    problems = validate_all(tables, sources, contact_email_required=required)
    validated = apply_policies(tables, problems, contact_email_required=required)
    assert validated.rejected.tolist() == [required, False]
    assert validated.tables.contacts["email"].isna().all() != required


@pytest.mark.parametrize("required", [False, True])
def test_contact_email_removed_by_an_earlier_stage_follows_the_policy(required: bool) -> None:
    contact = {"reference_id": "K", "first_name": "Ann", "email": None}
    sources, tables = make_tables(CUSTOMERS, [], [contact], blank=["contact email"])
    earlier = error("several_emails", entity="contact", record=0, field="email", customer=0)
    problems = ProblemTable.concat([earlier, validate_all(tables, sources, contact_email_required=required)])
    validated = apply_policies(tables, problems, contact_email_required=required)
    assert validated.rejected.tolist() == [required, False]


def test_value_with_an_error_downgraded_to_a_warning_is_left_out() -> None:
    sources, tables = make_tables([{**CUSTOMERS[0], "phone": "555", "email": "x"}, CUSTOMERS[1]])
    ways = {"invalid_phone": Severity.WARNING, "invalid_email": Severity.INFO}
    validated = apply_policies(tables, validate_all(tables, sources), severities=ways)
    assert not validated.rejected.any()
    assert facts(validated.problems) == [
        ("warning", "invalid_phone", "customer", 0),
        ("info", "invalid_email", "customer", 0),
    ]
    assert validated.tables.customers[["phone", "email"]].isna().all(axis=None)
    assert all(validated.problems.frame["message"].str.endswith("; the value is left out"))


def test_required_value_cannot_be_left_out_by_severity() -> None:
    sources, tables = make_tables(CUSTOMERS, [address("A", city="x" * 60)])
    validated = apply_policies(tables, validate_all(tables, sources), severities={"too_long": Severity.WARNING})
    assert validated.rejected.tolist() == [True, False]
    assert facts(validated.problems) == [("error", "too_long", "address", 0)]


def test_conflict_as_a_warning_keeps_the_first_value() -> None:
    _, tables = make_tables(CUSTOMERS)
    conflict = error("customer_conflict", entity="customer", record=0, field="phone", customer=0)
    validated = apply_policies(tables, conflict, severities={"customer_conflict": Severity.WARNING})
    assert not validated.rejected.any()
    assert validated.tables.customers["phone"].tolist()[0] == CUSTOMERS[0]["phone"]
    assert facts(validated.problems) == [("warning", "customer_conflict", "customer", 0)]


def test_warning_upgraded_to_an_error_rejects() -> None:
    sources, tables = make_tables([CUSTOMERS[0], {**CUSTOMERS[1], "company_name": "Caf\ufffd"}])
    validated = apply_policies(
        tables, validate_all(tables, sources), severities={"replacement_character": Severity.ERROR}
    )
    assert validated.rejected.tolist() == [False, True]


def test_existing_warning_is_not_upgraded_to_an_error() -> None:
    _, tables = make_tables(CUSTOMERS)
    passed = ProblemTable.build(
        1, severity=Severity.WARNING, code="invalid_phone", entity="customer", record=0, field="phone", customer=0
    )
    validated = apply_policies(tables, passed, severities={"invalid_phone": Severity.ERROR})
    assert not validated.rejected.any()


def defaults(tables: EntityTables) -> tuple[list[bool], list[bool]]:
    done = complete_defaults(tables)
    return done.addresses["is_default"].tolist(), done.contacts["is_default"].tolist()


def test_each_type_has_one_default_unless_the_source_says_no() -> None:
    _, tables = make_tables(
        CUSTOMERS,
        [
            address("A", is_default=None),
            address("B", is_default=True),
            address("C", type="shipping"),
            address("D", type="shipping", is_default=False),
            address("E", 1, is_default=False),
            address("F", 1),
            address("G", 1, type="shipping", is_default=False),
        ],
        [
            *({"reference_id": f"K{n}", "first_name": "Ann", "customer": n // 2} for n in range(4)),
            {"reference_id": "K4", "first_name": "Ann", "customer": 2, "is_default": False},
        ],
    )
    assert defaults(tables) == ([False, True, True, False, False, True, False], [True, False, True, False, False])
    done = complete_defaults(tables).addresses
    assert done["is_default"].dtype == tables.addresses["is_default"].dtype
    assert done[DEFAULT_STATED].tolist() == [False, True, False, True, True, False, True]
    assert done[DEFAULT_STATED].dtype == BOOLEAN


def test_tables_without_children_have_no_defaults() -> None:
    assert defaults(make_tables(CUSTOMERS)[1]) == ([], [])
    assert np.array_equal(apply_policies(make_tables([])[1], ProblemTable.empty()).rejected, [])
