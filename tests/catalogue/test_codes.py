"""Every code that the program gives to a problem is in the catalogue, and the catalogue has no other."""

import pytest

from importer.catalogue import CODES, Code, find, near
from tests.catalogue.emitted import FORM, emitted


def test_catalogue_has_exactly_the_codes_the_program_uses() -> None:
    found = {"http_4xx" if code == "http_" else code: file for code, file in emitted().items()}
    assert {code: file for code, file in found.items() if code not in CODES} == {}, "give these codes an entry"
    assert sorted(CODES.keys() - found.keys()) == [], "nothing gives these codes to a problem"


@pytest.mark.parametrize("code", CODES.values(), ids=lambda code: code.name)
def test_entries_are_well_formed(code: Code) -> None:
    assert FORM.fullmatch(code.name)
    assert 8 < len(code.title) < 60
    assert not code.title.endswith(".")
    for text in (code.explanation, code.fix, code.example):
        assert text[0] == "`" or text[0].isupper()
        assert text.endswith(".")
        assert "  " not in text
    assert not code.locked.endswith(".")


def test_titles_are_unique() -> None:
    assert len({code.title for code in CODES.values()}) == len(CODES)


@pytest.mark.parametrize(("name", "code"), [(" Too_Long ", "too_long"), ("http_422", "http_4xx"), ("http_500", None)])
def test_code_is_found_by_its_name(name: str, code: str | None) -> None:
    found = find(name)
    assert (found.name if found else None) == code


@pytest.mark.parametrize(
    ("name", "code"),
    [("phone_invalid", "invalid_phone"), ("to_long", "too_long"), ("key blank", "key_blank"), ("zzzzzzz", None)],
)
def test_similar_code_is_suggested(name: str, code: str | None) -> None:
    assert near(name) == code
