"""Single rules, held against their sources."""

import pyarrow as pa
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from importer.validation import rules


def taken_by_validator(text: str) -> bool:
    try:
        validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        return False
    return True


EMAIL_PARTS = st.sampled_from(
    [
        *"aZ09.-_+@!#$%&'*/=?^`{|}~ ,;:<>()[]\"\\é。@ü",
        "@",
        ".",
        "com",
        "test",
        ".invalid",
        "localhost",
        "@example.com",
        "xn--",
        "--",
    ]
)


@given(
    st.one_of(
        st.emails(), st.lists(EMAIL_PARTS, max_size=14).map("".join), st.text(max_size=12).map(lambda t: f"a{t}@b.de")
    )
)
def test_an_email_is_what_email_validator_takes(text: str) -> None:
    # Control characters and over-long texts are other rules' business.
    if rules.is_printable(pa.array([text]))[0].as_py() and rules.is_one_line(pa.array([text]))[0].as_py():
        assert rules.is_email(pa.array([text]))[0].as_py() == (taken_by_validator(text) or len(text) > 255)


def test_no_special_domain_has_a_usual_ending() -> None:
    emails = pa.array([f"ann@a.{name}" for name in SPECIAL_USE_DOMAIN_NAMES])
    assert not any(rules.is_email(emails).to_pylist())
    known = pa.array([*emails.to_pylist(), "ann@b.com", "jürgen@b.shop", "jürgen@b.shop", "no", "no@b"])
    assert rules.is_email(known).to_pylist() == [taken_by_validator(text) for text in known.to_pylist()]
