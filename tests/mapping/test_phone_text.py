"""Exactly one number from a cell: no digits of words, hours, suffixes, or second numbers."""

import pyarrow as pa
import pytest

from importer.mapping.transforms.phones import phone
from importer.records import Severity

LEFT_OUT, ASSUMED = "phones_left_out", "phone_code_assumed"


def read(value: str, country: str) -> tuple[str | None, str | None, list[str]]:
    """(number, extension, codes of the warnings)"""
    result = phone(pa.array([value]), pa.array([country]))
    assert result.extensions is not None
    assert {finding.severity for finding in result.findings} <= {Severity.WARNING}
    return result.values[0].as_py(), result.extensions[0].as_py(), [finding.code for finding in result.findings]


@pytest.mark.parametrize(
    ("value", "country", "number"),
    [
        ("+49 171 6783154", "DE", "+491716783154"),
        ("0171 6783154", "DE", "+491716783154"),
        ("+49 (0) 171-678 31 54", "DE", "+491716783154"),
        ("04921 123456", "DE", "+494921123456"),  # the area code starts with the digits of the country code
        ("+49 4921 123456", "DE", "+494921123456"),
        ("089/1234567", "DE", "+49891234567"),
        ("0049 89 / 1234567", "DE", "+49891234567"),
        ("Zentrale 030/901820-0", "DE", "+49309018200"),
        ("3023125123.0", "DE", "+493023125123"),
        ("4155550132.0", "US", "+14155550132"),
        ("01/5123456", "AT", "+4315123456"),
        ("+43 1 5123456", "AT", "+4315123456"),
        ("02 1234567", "IT", "+39021234567"),
        ("39 02 1234567", "IT", "+39021234567"),
        ("3331234567.0", "IT", "+393331234567"),
        ("0812-3456-7890", "ID", "+6281234567890"),
        ("+62 21 2112345", "ID", "+62212112345"),
        ("03-1234-5678", "JP", "+81312345678"),
        ("81-3-1234-5678", "JP", "+81312345678"),
        ("\uff10\uff13-\uff11\uff12\uff13\uff14-\uff15\uff16\uff17\uff18", "JP", "+81312345678"),
        ("415/555/0132", "US", "+14155550132"),
        ("224/7000000", "US", "+12247000000"),  # not open 24/7
        ("415-555-0132 CELL", "US", "+14155550132"),
        ("555-0132 / 415-555-0132", "US", "+14155550132"),
        ("+49 30 9018201 / 030 9018201", "DE", "+49309018201"),
        ("1-800-GO-FEDEX", "US", "+18004633339"),
        ("Tel 030 901820", "DE", "+4930901820"),
        ("+52 1 55 1234 5678", "MX", "+525512345678"),  # a mobile number until 2019
        ("+52 1 55 1234 5678", "US", "+525512345678"),
        ("01 (55) 1234-5678", "MX", "+525512345678"),
        ("044 55 1234 5678", "MX", "+525512345678"),
    ],
)
def test_single_number_is_read(value: str, country: str, number: str) -> None:
    assert read(value, country) == (number, None, [])


@pytest.mark.parametrize(
    ("value", "country", "number", "extension", "told"),
    [
        ("089 1234567/68", "DE", "+49891234567", None, LEFT_OUT),
        ("0711 123456 oder 57", "DE", "+49711123456", None, LEFT_OUT),
        ("06 12345678/9", "IT", "+390612345678", None, LEFT_OUT),
        ("0662/8044/0", "AT", "+436628044", None, LEFT_OUT),
        ("030 901820 9-17 Uhr", "DE", "+4930901820", None, LEFT_OUT),
        ("030 901820 (Mo-Fr 8:00-17:00)", "DE", "+4930901820", None, LEFT_OUT),
        ("415-555-0132 8am-5pm", "US", "+14155550132", None, LEFT_OUT),
        ("030 901820 030 901821", "DE", "+4930901820", None, LEFT_OUT),
        ("+49 30 901820 (+49 30 901821)", "DE", "+4930901820", None, LEFT_OUT),
        ("Fax 030 901821, Tel. 030 901820", "DE", "+4930901820", None, LEFT_OUT),
        ("Raum 5, 030 901820", "DE", "+4930901820", None, LEFT_OUT),
        ("415-555-0132, ext. 12 or 415-555-0133", "US", "+14155550132", "12", LEFT_OUT),
        ("415-555-0132 (fax) 415-555-0199 (office)", "US", "+14155550199", None, LEFT_OUT),
        ("415-555-0132 fax, 415-555-0199 office", "US", "+14155550199", None, LEFT_OUT),
        ("415-555-0132 office fax 415-555-0199", "US", "+14155550132", None, LEFT_OUT),
        ("415-555-0199 (F) 415-555-0132 (P)", "US", "+14155550132", None, LEFT_OUT),
        ("(415) 555-0132 (fax: (415) 555-0199)", "US", "+14155550132", None, LEFT_OUT),
        ("030 901820 Fax 030 901821", "DE", "+4930901820", None, LEFT_OUT),
        ("Tel: 030 901820 Telefaks: 030 901821", "DE", "+4930901820", None, LEFT_OUT),
        ("T\u00e9l\u00e9copie 01 23 45 67 90, 01 23 45 67 89", "FR", "+33123456789", None, LEFT_OUT),
        ("Phone: 415-555-0132 Fax:", "US", "+14155550132", None, None),
        ("Phone: 415-555-0132 Fax", "US", "+14155550132", None, None),  # no number after the second label
        ("Tel/Fax 030 901820", "DE", "+4930901820", None, None),
        ("(415) 555-0132 (415) 555-0199", "US", "+14155550132", None, LEFT_OUT),
        ("(11) 91234-5678 (11) 91234-5679", "BR", "+5511912345678", None, LEFT_OUT),
        ("415-555-0132 415-555-0199", "US", "+14155550132", None, LEFT_OUT),
        ("01 23 45 67 89 01 23 45 67 90", "FR", "+33123456789", None, LEFT_OUT),
        ("+1-415-555-0132 / +1-415-555-0132", "US", "+14155550132", None, None),
        ("(415) 555-0132, +1 415 555 0132", "US", "+14155550132", None, None),
        ("415-555-0132 / 415-555-0132 9am-5pm", "US", "+14155550132", None, LEFT_OUT),
        ("415-555-0132 / 50132", "US", "+14155550132", None, LEFT_OUT),  # too short to be the same
        ("491716783154", "DE", "+491716783154", None, None),
        ("49 171 6783154", "DE", "+491716783154", None, None),
        ("4930901820", "DE", "+4930901820", None, None),
        ("62 21 2112345", "ID", "+62212112345", None, ASSUMED),
    ],
)
def test_first_number_is_used_and_the_rest_reported(
    value: str, country: str, number: str, extension: str | None, told: str | None
) -> None:
    assert read(value, country) == (number, extension, [told] if told else [])


@pytest.mark.parametrize(
    ("value", "country", "extension"),
    [
        ("030 23125123 App. 4", "DE", "4"),
        ("030 23125123 Durchwahl 12", "DE", "12"),
        ("0662 8044 DW 123", "AT", "123"),
        ("01 23 45 67 89 poste 12", "FR", "12"),
        ("415-555-0132 #12", "US", "12"),
        ("415-555-0132x12", "US", "12"),
        ("06 12345678 int. 9", "IT", "9"),
        ("021-12345678\u8f6c801", "CN", "801"),
        ("03-1234-5678 \u5185\u7dda12", "JP", "12"),
        ("+7 495 123-45-67 \u0434\u043e\u0431. 12", "RU", "12"),
    ],
)
def test_extension_is_recognized_by_its_mark(value: str, country: str, extension: str) -> None:
    assert read(value, country)[1:] == (extension, [])


@pytest.mark.parametrize(
    ("value", "country", "reason"),
    [
        ("+49 49 171 6783154", "DE", "has its country code twice"),
        ("0049 49 171 6783154", "DE", "has its country code twice"),
        ("+49491716783154", "DE", "has its country code twice"),
        ("+49 0049 171 6783154", "DE", "has its country code twice"),
        ("141555501321234", "US", "has too many digits"),
        ("415555013212345", "US", "has too many digits"),
        ("415-555-01 / 415-555-0132", "US", "contains more than one phone number"),
    ],
)
def test_text_that_is_not_one_number_is_an_error(value: str, country: str, reason: str) -> None:
    result = phone(pa.array([value]), pa.array([country]))
    assert result.values.to_pylist() == [None]
    assert reason in result.findings[0].texts(0)[0]


@pytest.mark.parametrize(
    "value",
    [
        "415-555-0159 (fax)",
        "Fax 415-555-0159",
        "415-555-0159 fax",
        "415-555-0159 Work Fax",
        "415-555-0159 (office fax)",
        "\u30d5\u30a1\u30c3\u30af\u30b9 415-555-0159",
    ],
)
def test_fax_number_is_left_out(value: str) -> None:
    assert read(value, "US") == (None, None, [LEFT_OUT])


@pytest.mark.parametrize(
    ("value", "more"),
    [
        ("415-555-0132 / 415-555-0199", "one number"),
        ("415-555-0132 after 5pm", "a phone number"),
        ("415-555-0132 opt 2", "a phone number"),
        ("415-555-0132 M-F 9-5", "a phone number"),
    ],
)
def test_omitted_rest_is_called_a_number_only_if_it_is_one(value: str, more: str) -> None:
    (finding,) = phone(pa.array([value]), pa.array(["US"])).findings
    assert finding.texts(0)[0] == f"contains more than {more}; +14155550132 is used, and the rest is left out"
