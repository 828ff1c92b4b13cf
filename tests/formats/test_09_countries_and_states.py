"""Countries by name, alpha-2, alpha-3, or junk; states by name or code; a state inside the postal code."""

import pytest

from tests.mapping.support import apply, column, problems, records

MAPPING = """
title: T
key: Id
customer: {company_name: Id}
addresses:
  - type: {constant: billing}
    address_line_1: Id
    city: Id
    state: {from: State, optional: true}
    zip_code: {from: Zip, optional: true}
    country: Country
"""


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("US", "US"), ("usa", "US"), ("U.S.", "US"), ("U.S.A.", "US"), ("United States", "US"), ("America", "US"),
        ("Vereinigte Staaten", "US"), ("États-Unis", "US"), ("Estados Unidos", "US"), ("Stati Uniti", "US"),
        ("Verenigde Staten", "US"), ("UK", "GB"), ("England", "GB"), ("GBR", "GB"), ("Holland", "NL"),
        ("Deutschland", "DE"), ("Allemagne", "DE"), ("Alemania", "DE"), ("Germania", "DE"), ("Alemanha", "DE"),
        ("Duitsland", "DE"), ("ドイツ", "DE"), ("德国", "DE"), ("日本", "JP"), ("Korea", "KR"), ("Schweiz", "CH"),
        ("Brasil", "BR"), ("México", "MX"), ("Espana", "ES"),
    ],
)  # fmt: skip
def test_countries_become_codes(text: str, code: str) -> None:
    made = apply(MAPPING, f"Id|Country\n1|{text}")
    assert column(made, "country", "address") == [code]
    assert not problems(made)


@pytest.mark.parametrize(
    ("text", "hint"),
    [("Kent", "Kenya"), ("Untied States", "United States (US)"), ("Ohio", "a state in the United States")],
)
def test_invalid_country_is_an_error_with_a_hint(text: str, hint: str) -> None:
    made = apply(MAPPING, f"Id|Country\n1|{text}")
    assert problems(made, "severity", "code", "column") == [("error", "invalid_country", "Country")]
    assert hint in made.problems.frame["hint"][0]
    assert column(made, "country", "address") == [None]


@pytest.mark.parametrize(
    ("state", "country", "code"),
    [
        ("California", "US", "CA"),
        ("D.C.", "US", "DC"),
        ("Puerto Rico", "US", "PR"),
        ("AP", "US", "AP"),
        ("Armed Forces Europe", "US", "AE"),
        ("Québec", "CA", "QC"),
        ("New South Wales", "AU", "NSW"),
        ("Kent", "GB", "Kent"),
        ("Bayern", "DE", "Bayern"),
    ],
)
def test_states_become_codes(state: str, country: str, code: str) -> None:
    made = apply(MAPPING, f"Id|State|Country\n1|{state}|{country}")
    assert column(made, "state", "address") == [code]
    assert not problems(made)


def test_state_in_the_postal_code_and_comma_after_it() -> None:
    made = apply(MAPPING, 'Id|Zip|Country\n1|US-FL 33101|\n2|"OX14 4PG,"|GB'.replace('"', ""))
    assert [(one.get("state"), one.get("zip_code"), one.get("country")) for one in records(made, "address")] == [
        ("FL", "33101", "US"),
        (None, "OX14 4PG", "GB"),
    ]
    assert problems(made, "severity", "code") == [("info", "state_from_zip")]


def test_contradictory_state_postal_code_and_country_are_reported() -> None:
    made = apply(MAPPING, "Id|State|Zip|Country\n1|TX|90210|US\n2|ON|90210|CA\n3|Ontario|78701|US")
    assert {code for (code,) in problems(made, "code")} == {
        "state_zip_mismatch",
        "zip_country_mismatch",
        "state_unknown",
    }
    assert set(made.problems.frame["severity"]) == {"warning"}
