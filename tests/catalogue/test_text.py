"""What users read of the catalogue: the page, and `importer explain`."""

import re
from pathlib import Path

import pytest

from importer.catalogue import CODES
from importer.catalogue.catalogue_text import code_text, codes_text, page_text, severity_text
from tests.workflow.desk import Desk

PAGE = Path(__file__).parents[2] / "mappings" / "PROBLEMS.md"


def test_committed_page_is_up_to_date() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page_text(), "run: python -m importer.catalogue.catalogue_text > mappings/PROBLEMS.md"


def test_page_explains_every_code() -> None:
    text = page_text()
    for code in CODES.values():
        assert f"\n### {code.name}\n" in text
        assert f"[`{code.name}`](#{code.name})" in text
        assert code.explanation in text


def test_what_is_sent_agrees_with_the_explanation() -> None:
    """If the explanation says that something is not sent, or was sent, the usual sentence is left out."""
    for code in CODES.values():
        text = severity_text(code)
        outcome = code.locked.startswith("it reports what happened")
        left_alone = re.search(
            r"nothing is sent|left alone|None of them is imported|not create it again", code.explanation
        )
        if outcome or left_alone:
            assert "is still sent" not in text.replace("the rest of the file is still sent", "")
            assert "the customer or row is not sent" not in text
        assert "nothing is wrong" not in text


@pytest.mark.parametrize("width", [40, 72, 120])
def test_texts_fit_the_width(width: int) -> None:
    for text in (codes_text(width), *(code_text(code, width) for code in CODES.values())):
        assert max(map(len, text.splitlines())) <= width
    assert [line.split()[0] for line in codes_text(120).splitlines() if line.startswith("  ")] == [*CODES]


def test_explain_shows_a_code(desk: Desk) -> None:
    said = desk.do("explain", "too_long")
    assert said.code == 0
    for text in (CODES["too_long"].title, CODES["too_long"].fix):
        assert text in " ".join(said.out.split())


def test_explain_lists_every_code(desk: Desk) -> None:
    said = desk.do("explain")
    assert said.code == 0
    assert all(code in said.out for code in CODES)


def test_explain_refuses_an_unknown_code(desk: Desk) -> None:
    said = desk.do("explain", "to_long")
    assert (said.code, said.out) == (2, "")
    assert "no problem has the code 'to_long'" in said.err
    assert "Did you mean too_long?" in said.err


def test_explain_refers_mapping_names_to_the_mappings_command(desk: Desk) -> None:
    said = desk.do("explain", "netsuite")
    assert (said.code, said.out) == (2, "")
    assert "'netsuite' is a mapping, not a problem code" in said.err
    assert "importer mappings netsuite" in said.err
