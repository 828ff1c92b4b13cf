"""Individual rules, compared with the libraries that they follow."""

import re
from functools import partial

import pyarrow as pa
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from importer.validation import schemas as rules


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
def test_emails_match_email_validator(text: str) -> None:
    # Other rules check control characters and overlong texts.
    if rules.is_printable(pa.array([text]))[0].as_py() and rules.is_one_line(pa.array([text]))[0].as_py():
        assert rules.is_email(pa.array([text]))[0].as_py() == (taken_by_validator(text) or len(text) > 255)


def test_no_special_domain_has_a_common_ending() -> None:
    emails = pa.array([f"ann@a.{name}" for name in SPECIAL_USE_DOMAIN_NAMES])
    assert not any(rules.is_email(emails).to_pylist())
    known = pa.array([*emails.to_pylist(), "ann@b.com", "jürgen@b.shop", "jürgen@b.shop", "no", "no@b"])
    assert rules.is_email(known).to_pylist() == [taken_by_validator(text) for text in known.to_pylist()]


@given(st.lists(st.text(st.sampled_from("1.,Ee+-x\u00e9\x7f\u0085\n\u2028\ufffd"), max_size=9), max_size=6))
def test_byte_shortcuts_do_not_change_results(texts: list[str]) -> None:
    column = pa.array(texts, pa.string())
    number = r"[0-9]([.,][0-9]+)?[Ee][+-][0-9]{2,3}"
    plain = {
        rules.is_whole_number: lambda text: re.fullmatch(number, text) is None,
        rules.is_whole_composite_id: lambda text: re.search(rf"(^|-){number}(-|\Z)", text) is None,
        rules.is_printable: lambda text: not set(text) & set("\x7f"),
        rules.is_one_line: lambda text: not set(text) & set("\n\x85\u2028"),
        rules.keeps_its_letters: lambda text: "\ufffd" not in text,
        partial(rules.no_longer_than, limit=4): lambda text: len(text) <= 4,
    }
    for rule, sound in plain.items():
        for part, own in ((column, texts), (column.slice(1), texts[1:])):
            assert rule(part).to_pylist() == [sound(text) for text in own]
