"""What each type of attribute takes."""

import pytest

from importer.validation import AttributeDefinition, check_attributes, used_attributes
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
    return check_attributes(tables, sources, {"customer": {"X": AttributeDefinition("X", data_type, options)}}).frame


@pytest.mark.parametrize(("data_type", "values"), TAKEN)
def test_what_fits(data_type, values) -> None:
    assert check(data_type, values).empty


@pytest.mark.parametrize(("data_type", "values", "code"), REFUSED)
def test_what_does_not(data_type, values, code) -> None:
    found = check(data_type, values)
    assert found["record"].tolist() == list(range(len(values)))
    assert set(found["code"]) == {code}
    assert found["field"].unique().tolist() == ["attributes.X"]
    assert found["hint"].str.len().min() > 20


def test_a_choice_without_options_takes_anything() -> None:
    sources, tables = make_tables([{"reference_id": "1", "attributes.X": "odd"}])
    defined = {"customer": {"X": AttributeDefinition("X", "select")}}
    assert check_attributes(tables, sources, defined).frame.empty


def test_a_name_is_proposed_when_it_is_near_and_a_long_value_is_cut() -> None:
    sources, tables = make_tables([{"reference_id": "1", "attributes.Colour": "x", "attributes.Size": "y" * 200}])
    defined = {"customer": {name: AttributeDefinition(name, "number") for name in ("color", "Size")}}
    found = check_attributes(tables, sources, defined).frame.set_index("code")
    assert found.loc["attribute_unknown", "hint"].startswith("Did you mean 'color'? ")
    assert len(found.loc["attribute_invalid", "message"]) < 120


def test_columns_without_values_are_not_asked_for() -> None:
    _, tables = make_tables([{"reference_id": "1", "attributes.X": None}], [], [])
    assert used_attributes(tables) == {}
