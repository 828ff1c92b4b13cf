"""Phones, e-mail addresses and people's names: the quick ways give what the libraries give."""

import itertools

import email_validator
import phonenumbers
import pyarrow as pa
import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given, settings
from hypothesis import strategies as st
from nameparser import HumanName
from nameparser.config import CONSTANTS

from importer.mapping.emails import email
from importer.mapping.people import split_name
from importer.mapping.phones import phone


def read(value: str, countries: str | None = "US") -> tuple[str | None, str | None, str | None]:
    """(number, extension, what is wrong)"""
    result = phone(pa.array([value]), pa.array([countries], pa.string()))
    assert result.extensions is not None
    reason = result.findings[0].texts(0)[0] if result.findings else None
    return result.values[0].as_py(), result.extensions[0].as_py(), reason


@pytest.mark.parametrize(
    ("value", "countries", "number", "extension"),
    [
        ("(415) 555-0132", "US", "+14155550132", None),
        ("415.555.0132 ext. 204", "US", "+14155550132", "204"),
        ("415-555-0132 x 7", "US", "+14155550132", "7"),
        ("41555501321234", "US", "+14155550132", "1234"),
        ("00 44 20 7946 0018", "US", "+442079460018", None),
        ("+44 (0)20 7946 0018", None, "+442079460018", None),
        ("020 7946 0018", "GB", "+442079460018", None),
        ("020 7946 0018", "GB|US", "+442079460018", None),
        ("415-555-0132", "GB|US", "+14155550132", None),
        ("Phone: 415 555 0132", "US", "+14155550132", None),
        ("1-800-555-0199", "CA", "+18005550199", None),
        ("1 (415) / 555-0132", "US", "+14155550132", None),
    ],
)
def test_phones(value: str, countries: str | None, number: str, extension: str | None) -> None:
    assert read(value, countries) == (number, extension, None)


@pytest.mark.parametrize(
    ("value", "countries", "reason"),
    [
        ("call the office", "US", "is no phone number"),
        ("555-0132", "US", "has no area code"),
        ("415-555-01", "US", "has too few digits"),
        ("415 555 0132 415 555", "US", "has too many digits"),
        ("(155) 555-0132", "US", "is not a number in use in US"),
        ("020 7946 0018", "US", "has too many digits"),
        ("415 555 0132", None, "has no country code, and the country is not known"),
        ("4.16E+09", "US", "was turned into a rounded number by a spreadsheet"),
        ("415-555-0132 / 415-555-0133", "US", "holds more than one phone number"),
        ("415-555-0132 or 415-555-0133", "US", "holds more than one phone number"),
        ("Phone:(415) 555-0132 Mobile:(415) 555-0133", "US", "holds more than one phone number"),
        ("+999 123 4567", "US", "has no country code"),
    ],
)
def test_wrong_phones(value: str, countries: str | None, reason: str) -> None:
    number, extension, told = read(value, countries)
    assert (number, extension) == (None, None)
    assert told is not None
    assert reason in told


AMERICAN = r"(\+?1?[ .-]?)?\(?[2-9]\d{2}\)?[ .\-/]?[2-9]\d{2}[ .-]?\d{4}( ?(x|ext\.?) ?\d{1,5})?"


@settings(max_examples=400, deadline=None)
@given(
    st.from_regex(
        r"(\+?1?[ .-]?)?\(?[2-9]\d{2}\)?[ .\-/]?[2-9]\d{2}[ .-]?\d{4}( ?(x|ext\.?) ?\d{1,5})?", fullmatch=True
    ),
    st.sampled_from(["US", "CA", "GB", "US|CA", "GB|US", "DE|US", None]),
)
def test_phones_are_read_as_libphonenumber_reads_them(value: str, countries: str | None) -> None:
    wanted: tuple[str | None, str | None] = (None, None)
    for region in (countries or "").split("|"):
        try:
            parsed = phonenumbers.parse(value, region or None)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(parsed):
            wanted = (phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164), parsed.extension or None)
            break
    number, extension, reason = read(value, countries)
    if wanted == (None, None) and extension is not None and len(extension) == 4:
        return  # number and extension run together, which libphonenumber does not take apart
    assert (number, extension) == wanted
    assert (reason is None) == (number is not None)


def judge(value: str) -> tuple[str | None, bool]:
    result = email(pa.array([value]))
    return result.values[0].as_py(), bool(result.findings)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("ada@example.com", "ada@example.com"),
        ("ADA.L@EXAMPLE.COM", "ada.l@example.com"),
        ("Ada.L@Example.COM", "Ada.L@example.com"),
        ("mailto:ada@example.com", "ada@example.com"),
        ("Ada Lovelace <ada@example.com>", "ada@example.com"),
        ("<ada@example.com>;", "ada@example.com"),
        ("ada@example.com.", "ada@example.com"),
        ("ada@example.com ,", "ada@example.com"),
        ("jürgen@bücher.example.com", "jürgen@bücher.example.com"),
    ],
)
def test_emails_are_tidied(value: str, wanted: str) -> None:
    assert judge(value) == (wanted, False)


@pytest.mark.parametrize(
    "value",
    ["ada", "@example.com", "ada@", "a b@example.com", "a@b@example.com", "ada@example", "ada@host.local", "<>"],
)
def test_wrong_emails(value: str) -> None:
    assert judge(value)[1]


SPECIAL = [f"host.{name}" for name in email_validator.SPECIAL_USE_DOMAIN_NAMES]
LABEL = st.text("abcXYZ019-", min_size=1, max_size=6) | st.text("ab-", min_size=60, max_size=66)
DOMAIN = st.lists(LABEL, min_size=1, max_size=4).map(".".join) | st.sampled_from(SPECIAL)
LOCAL = st.text("abzAZ09._+'-!#%&*/=?^`{|}~", min_size=1, max_size=8) | st.text("ab.", min_size=60, max_size=66)


@settings(max_examples=600, deadline=None)
@given(LOCAL, DOMAIN, st.sampled_from(["", ".com", ".org", ".x", ".c0m", ".museum"]))
@example("ada", "ab--cd", ".com")
@example("ada", "xn--a", ".com")
@example("a" * 65, "example", ".com")
@example("ada", ".".join(["a" * 60] * 5), ".com")
@example("ada", "example", ".TEST")
@example(".ada", "example", ".com")
@example("a..b", "example", ".com")
def test_the_quick_check_of_emails_agrees_with_email_validator(local: str, domain: str, top: str) -> None:
    value = f"{local}@{domain}{top}".lower()
    try:
        wanted = validate_email(value, check_deliverability=False, strict=False).normalized
    except EmailNotValidError:
        wanted = None
    got, wrong = judge(value)
    if value.endswith("."):
        return  # a trailing dot is taken off first
    assert (None if wrong else got) == wanted


def by_nameparser(text: str) -> tuple[str, str]:
    name = HumanName(text)
    first = " ".join(part for part in (name.first, name.middle) if part)
    if not first and not name.last:
        return text, ""
    return (first, name.last) if first else (name.last, "")


def test_two_plain_words_are_split_as_nameparser_splits_them() -> None:
    groups = [name for name in dir(CONSTANTS) if not name.startswith("_")]
    special: set[str] = set()
    for group in groups:
        words = getattr(CONSTANTS, group)
        if hasattr(words, "__iter__") and not isinstance(words, str):
            special |= {word for word in words if isinstance(word, str) and word.isalpha()}
    assert len(special) > 300
    plain = ["Ada", "lovelace", "MARY", "Øyvind", "Nguyễn", "O", "Li", "Émile", "McAdam", "Ivanovich", "Petrovna"]
    spelled = [spelling for word in special for spelling in (word, word.title())]
    pairs = itertools.chain(
        itertools.product(plain, plain),
        itertools.product(spelled, ["Lovelace"]),
        itertools.product(["Ada"], spelled),
    )
    different = [text for pair in pairs if split_name(text := " ".join(pair)) != by_nameparser(text)]
    assert not different


@settings(max_examples=300, deadline=None)
@given(st.from_regex(r"[A-Za-zÀ-ÿ]{1,9}\s{1,2}[A-Za-zÀ-ÿ]{1,9}", fullmatch=True))
def test_any_two_words_are_split_as_nameparser_splits_them(text: str) -> None:
    assert split_name(text) == by_nameparser(text)
