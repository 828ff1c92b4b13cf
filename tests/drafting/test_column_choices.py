"""What the user chose for a column overrides what is suggested."""

import pytest
import yaml

from importer.drafting.column_choices import ColumnChoices
from importer.drafting.draft import Draft, draft_sources
from importer.errors import UsageError
from importer.tables import Sources
from tests.drafting.support import plain, targets
from tests.support import make_source


def chosen(skip: dict[str, list[str]] | None = None, **given: str) -> Draft:
    """The draft for a list with a street, two phones, a code, and a status."""
    rows = [
        plain(
            n, Street=f"{n} High St", Phone=f"+44 1225 5550{n:02}", Zebra=f"plum {n}", Code=f"Z{n}", Status="AX"[n % 2]
        )
        for n in range(8)
    ]
    sources = Sources((make_source("list.csv", rows),))
    return draft_sources(sources, "GB", {}, choices=ColumnChoices(given, skip or {}))


def test_column_maps_only_to_the_chosen_field() -> None:
    made = chosen(City="addresses.shipping.city", Street="addresses.shipping.address_line_1", Phone="contacts[1].phone")
    assert targets(made)["City"] == ["addresses.shipping.city"]
    assert targets(made)["Phone"] == ["contacts[1].phone"]
    content = yaml.safe_load(made.mapping)
    assert content["addresses"] == [{"type": "shipping", "address_line_1": "Street", "city": "City"}]
    assert "phone" not in content["customer"]
    assert [(one.confidence, one.why) for one in made.columns if one.header == "City"] == [(1.0, ["chosen"])]


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"Zebra": "attributes.Fur"}, ("customer", "attributes", {"Fur": "Zebra"})),
        ({"Zebra": "payment_term"}, ("customer", "payment_term", "Zebra")),
        ({"Code": "reference_id"}, ("key", "Code")),
        ({"Zebra": "company_name"}, ("customer", "company_name", "Zebra")),
        ({"Phone": "ignore"}, ("customer", "phone", None)),
        ({"Street": "addresses.billing"}, ("addresses", 0, "packed", "Street")),
        ({"Zebra": "contacts[1].name"}, ("contacts", 0, "last_name", {"from": "Zebra", "as": "last_name"})),
    ],
)
def test_choices_are_in_the_mapping(given: dict[str, str], rule: tuple[object, ...]) -> None:
    content = yaml.safe_load(chosen(**given).mapping)
    *path, expected = rule
    for step in path:
        content = content.get(step) if isinstance(content, dict) else content[step]
    assert content == expected


def test_chosen_column_replaces_the_previous_one_of_its_field() -> None:
    made = chosen(Zebra="addresses.billing.city")
    assert targets(made)["Zebra"] == ["addresses.billing.city"]
    assert "City" not in targets(made)


def test_chosen_values_skip_rows_without_a_question() -> None:
    made = chosen(skip={"Status": ["X"], "Zebra": ["plum 1", "plum 2"]})
    assert made.questions == []
    assert yaml.safe_load(made.mapping)["skip"] == [
        {"column": "Zebra", "is": ["plum 1", "plum 2"], "reason": "Zebra"},
        {"column": "Status", "is": "X", "reason": "Status"},
    ]


def test_columns_of_several_tables_are_distinguished() -> None:
    names = ("one.csv", "two.csv")
    extra = ({}, {"Fax": "none"})
    tables = [
        make_source(n, [plain(at, Zebra=f"z{at}", **more) for at in range(5)])
        for n, more in zip(names, extra, strict=True)
    ]
    made = draft_sources(Sources(tuple(tables)), None, {}, choices=ColumnChoices({"one.csv: Zebra": "display_name"}))
    given = {one.name: one.targets for one in made.columns}
    assert given["one.csv: Zebra"] == ["display_name"]
    assert given["two.csv: Zebra"] != ["display_name"]
    assert "Fax" in given


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"Zebr": "phone"}, "Did you mean 'Zebra'?"),
        ({"Zebra": "pone"}, "Did you mean 'phone'?"),
        ({"Zebra": "addresses.billing.fax"}, "not a field that a column can map to"),
        ({"Zebra": "contacts[0].email"}, "not a field that a column can map to"),
        ({"Zebra": "attributes."}, "not a field that a column can map to"),
    ],
)
def test_invalid_choices_are_refused(given: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError) as raised:
        chosen(**given)
    assert says in f"{raised.value.message} {raised.value.hint}"
