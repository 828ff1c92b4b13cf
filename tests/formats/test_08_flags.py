"""Flags in all forms, inverted ones, and a clear message for values that mean neither yes nor no."""

import pytest

from tests.mapping.support import apply, column, field, problems

FORMS = [
    *(("Yes", "No"), ("Y", "N"), ("T", "F"), ("TRUE", "FALSE"), ("True", "False"), ("1", "0"), ("tYES", "tNO")),
    *(("Active", "Inactive"), ("x", "-"), ("Ja", "Nein"), ("Oui", "Non"), ("on", "off")),
]


@pytest.mark.parametrize(("yes", "no"), FORMS)
def test_flags_are_read_and_can_be_inverted(yes: str, no: str) -> None:
    cells = f"Id|A\n1|{yes}\n2|{no.upper()}\n3|"
    assert column(field("{from: A, as: flag}", cells), "display_name") == ["true", "false", None]
    assert column(field("{from: A, as: not_flag}", cells), "display_name") == ["false", "true", None]


@pytest.mark.parametrize(("yes", "no"), FORMS)
def test_flags_skip_rows(yes: str, no: str) -> None:
    mapping = """
    title: T
    key: Id
    skip: [{column: Inactive, flag: yes, reason: inactive}]
    customer: {company_name: Id}
    """
    made = apply(mapping, f"Id|Inactive\n1|{yes}\n2|{no}\n3|")
    assert column(made, "reference_id") == ["2", "3"]


@pytest.mark.parametrize("text", ["maybe", "2", "?", "Yes and no"])
def test_other_flag_values_are_errors_listing_valid_forms(text: str) -> None:
    made = field("{from: A, as: flag}", f"Id|A\n1|{text}")
    assert problems(made, "severity", "code", "message") == [
        ("error", "invalid_flag", f"'{text}' is neither yes nor no")
    ]
    (hint,) = made.problems.frame["hint"]
    for form in ("Yes", "Y/N", "T/F", "TRUE/FALSE", "1/0", "Active/Inactive"):
        assert form in hint
