"""What each type of attribute accepts, what is sent for a label, and which attributes are missing."""

from typing import Any

import pytest

from importer.records import Severity
from importer.validation.attributes import AttributeDefinition, check_attributes, defined_columns, used_attributes
from importer.validation.contract import validate
from importer.validation.policies import apply_policies
from tests.support import make_tables

OPTIONS = ("Red", "Dark blue", "A, B")
TAKEN = [
    ("number", ["0", "-1.5", "+3", ".5", "1234.50", "007"]),
    ("percentage", ["12.5", "12.5%", "3 %", "0"]),
    ("date_only", ["2025-01-31", "2024-02-29"]),
    ("email", ["ann@example.com"]),
    ("phone_e164", ["+14155550123"]),
    ("checkbox", ["true", "False"]),
    ("url", ["https://example.com", "http://shop.example.com:8080/a?b#c", "HTTPS://example.com/ü"]),
    ("select", [*OPTIONS]),
    ("multi_select", ["Red", "Red, Dark blue", "Red;Dark blue", "A, B", "Red | Dark blue"]),
    *((kind, ["anything", "two\nlines"]) for kind in ("text", "long_text", "html", "file", "of tomorrow", "")),
]
REFUSED = [
    ("number", ["1,234.5", "1 000", "5 kg", "1e5", "", "-"], "attribute_invalid"),
    ("percentage", ["half", "%", "1,5%"], "attribute_invalid"),
    ("date_only", ["2025-02-30", "31/01/2025", "20250131", "2025-1-31"], "attribute_invalid"),
    ("email", ["ann@localhost", "ann"], "attribute_invalid"),
    ("phone_e164", ["(415) 555-0123"], "attribute_invalid"),
    ("checkbox", ["yes", "1", "T"], "attribute_invalid"),
    ("url", ["example.com", "ftp://example.com", "https:// example.com", "https://"], "attribute_invalid"),
    ("select", ["red", "Red, Dark blue", "Green"], "attribute_option"),
    ("multi_select", ["Red, Green", "red"], "attribute_option"),
]


def check(data_type: str, values: list[str]):
    sources, tables = make_tables([{"reference_id": str(n), "attributes.X": text} for n, text in enumerate(values)])
    options = OPTIONS if "select" in data_type else ()
    definition = AttributeDefinition("X", data_type, options)
    changed, problems = check_attributes(tables, sources, {"customer": {"X": definition}})
    assert changed.customers["attributes.X"].tolist() == values
    return problems.frame


@pytest.mark.parametrize(("data_type", "values"), TAKEN)
def test_valid_attribute_values_are_accepted(data_type, values) -> None:
    assert check(data_type, values).empty


@pytest.mark.parametrize(("data_type", "values", "code"), REFUSED)
def test_invalid_attribute_values_are_reported(data_type, values, code) -> None:
    found = check(data_type, values)
    assert found["record"].tolist() == list(range(len(values)))
    assert set(found["code"]) == {code}
    assert found["field"].unique().tolist() == ["attributes.X"]
    assert found["hint"].str.len().min() > 20


LABELS = {"Red": "r", "Dark blue": "db", "2": "two"}


@pytest.mark.parametrize(
    ("data_type", "text", "sent"),
    [
        ("select", "Red", "r"),
        ("select", "r", "r"),
        ("select", "1", "1"),  # a value that is not also a label
        ("select", "2", "2"),  # a value overrides a label
        ("multi_select", "Dark blue", "db"),
        ("multi_select", "Red, Dark blue", "r, db"),
        ("multi_select", "r;Dark blue | 1", "r;db | 1"),
        ("multi_select", "r, db", "r, db"),
    ],
)
def test_option_label_or_value_is_accepted_and_the_value_sent(data_type, text, sent) -> None:
    given = [{"reference_id": "1", "attributes.X": text}, {"reference_id": "2", "attributes.X": None}]
    sources, tables = make_tables(given)
    definition = AttributeDefinition("X", data_type, ("r", "db", "two", "2", "1"), LABELS)
    changed, problems = check_attributes(tables, sources, {"customer": {"X": definition}})
    assert changed.customers["attributes.X"].tolist()[0] == sent
    assert changed.customers["attributes.X"].isna().tolist() == [False, True]
    assert problems.frame.empty
    assert tables.customers["attributes.X"].tolist()[0] == text


@pytest.mark.parametrize(("data_type", "text"), [("select", "Rad"), ("multi_select", "Red, Rad"), ("select", "Red, r")])
def test_unknown_option_is_reported_with_the_labels(data_type, text) -> None:
    sources, tables = make_tables([{"reference_id": "1", "attributes.X": text}])
    definition = AttributeDefinition("X", data_type, ("r", "db"), LABELS)
    changed, problems = check_attributes(tables, sources, {"customer": {"X": definition}})
    assert problems.frame["code"].tolist() == ["attribute_option"]
    assert "The options are 'Red', 'Dark blue';" in problems.frame["hint"][0]
    assert changed.customers["attributes.X"].tolist() == [text]


def test_choice_without_options_accepts_anything() -> None:
    sources, tables = make_tables([{"reference_id": "1", "attributes.X": "odd"}])
    defined = {"customer": {"X": AttributeDefinition("X", "select")}}
    assert check_attributes(tables, sources, defined)[1].frame.empty


def test_similar_name_is_suggested_and_a_long_value_cut() -> None:
    sources, tables = make_tables([{"reference_id": "1", "attributes.Colour": "x", "attributes.Size": "y" * 200}])
    defined = {"customer": {name: AttributeDefinition(name, "number") for name in ("color", "Size")}}
    found = check_attributes(tables, sources, defined)[1].frame.set_index("code")
    assert found.loc["attribute_unknown", "hint"].startswith("Did you mean 'color'? ")
    assert len(found.loc["attribute_invalid", "message"]) < 120


def test_columns_without_values_are_not_looked_up() -> None:
    _, tables = make_tables([{"reference_id": "1", "attributes.X": None}], [], [])
    assert used_attributes(tables) == {}


CUSTOMERS = [{"reference_id": "1", "company_name": "Owl"}, {"reference_id": "2", "company_name": "Wren"}]
ADDRESS = {"address_line_1": "1 Main St", "city": "Marlow", "type": "billing"}
MANDATORY = {
    "customer": {name: AttributeDefinition(name, "text", mandatory=name != "Size") for name in ("Region", "Size")},
    "address": {"Dock: no.": AttributeDefinition("Dock: no.", "text", mandatory=True)},
}


def lacking(**more: Any):
    """Two customers with an address each: both lack the address's mandatory attribute, the second also its own."""
    customers = [{**CUSTOMERS[0], "attributes.Region": "West"}, {**CUSTOMERS[1], "attributes.Region": None}]
    addresses = [{**ADDRESS, "reference_id": f"A{n}", "customer": n} for n in range(2)]
    return make_tables(customers, addresses, **more)


def test_missing_mandatory_attribute_is_an_error_at_its_location() -> None:
    sources, tables = lacking()
    found = check_attributes(tables, sources, MANDATORY)[1].frame
    assert found[["severity", "code", "entity", "record", "customer", "field", "row"]].to_numpy().tolist() == [
        ["error", "attribute_missing", "customer", 1, 1, "attributes.Region", 1],
        ["error", "attribute_missing", "address", 0, 0, "attributes.Dock: no.", 2],
        ["error", "attribute_missing", "address", 1, 1, "attributes.Dock: no.", 3],
    ]
    assert found["message"][0] == "The customer is missing the attribute 'Region', which is mandatory in WizCommerce"
    assert found["column"].fillna("").tolist() == ["customer attributes.Region", "", ""]
    assert found["hint"].tolist() == [
        "Fill in the customer attribute Region, or set a `default`.",
        *['In the mapping, add `"Dock: no.": COLUMN` to the `attributes` under `addresses`.'] * 2,
    ]


def validated(tables, sources, **more: Any):
    problems = check_attributes(tables, sources, MANDATORY)[1]
    mandatory = defined_columns(MANDATORY, lambda definition: definition.mandatory)
    return apply_policies(tables, problems, mandatory=mandatory, **more)


def test_missing_mandatory_attribute_follows_the_policies() -> None:
    sources, tables = lacking()
    assert validated(tables, sources).rejected.tolist() == [True, True]
    sources, tables = lacking(drop=["address"], blank=["customer attributes.Region"])
    done = validated(tables, sources)
    assert (done.rejected.tolist(), done.lost_child.tolist()) == ([False, True], [True, True])
    assert done.tables.addresses.empty
    done = validated(tables, sources, severities={"attribute_missing": Severity.WARNING})
    assert (done.rejected.tolist(), done.lost_child.tolist()) == ([False, False], [False, False])
    assert not done.problems.frame["message"].str.contains("left out").any()


def test_wrong_value_of_a_mandatory_attribute_is_not_left_out() -> None:
    given = [{**CUSTOMERS[0], "attributes.Region": "North"}, {**CUSTOMERS[1], "attributes.Size": "huge"}]
    sources, tables = make_tables(given, blank=["customer attributes.Region", "customer attributes.Size"])
    defined = {
        "customer": {
            "Region": AttributeDefinition("Region", "select", ("West",), mandatory=True),
            "Size": AttributeDefinition("Size", "number"),
        }
    }
    tables, problems = check_attributes(tables, sources, defined)
    done = apply_policies(tables, problems, mandatory=defined_columns(defined, lambda definition: definition.mandatory))
    assert done.rejected.tolist() == [True, True]
    codes = done.problems.frame[["severity", "code", "customer"]].to_numpy().tolist()
    assert codes == [
        ["error", "attribute_option", 0],
        ["warning", "attribute_invalid", 1],
        ["error", "attribute_missing", 1],
    ]


def test_only_long_texts_and_html_are_unlimited() -> None:
    names = ("text", "long_text", "html", "url", "of tomorrow")
    given = {**CUSTOMERS[0], **{f"attributes.{name}": "x" * 256 for name in names}}
    sources, tables = make_tables([given], [{**ADDRESS, "reference_id": "A", "attributes.html": "x" * 256}])
    defined = {"customer": {name: AttributeDefinition(name, name) for name in names}}
    unlimited = defined_columns(defined, lambda definition: definition.unlimited)

    def too_long(**more: Any) -> set[str]:
        found = validate(tables, sources, **more).frame
        long = found[found["code"] == "too_long"]
        assert long["hint"].str.contains("long_text").all()
        return {f"{entity} {field}" for entity, field in zip(long["entity"], long["field"], strict=True)}

    kept = {f"customer attributes.{name}" for name in ("text", "url", "of tomorrow")} | {"address attributes.html"}
    assert too_long(unlimited=unlimited) == kept
    assert too_long() == kept | {"customer attributes.long_text", "customer attributes.html"}
