"""Mappings as text: YAML reads back what was written, whatever the names of the columns."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from importer.drafting.mapping_text import Noted, mapping_text, scalar
from importer.mapping.language.mapping_files import load_mapping
from importer.tables import Sources
from tests.drafting.support import draft, plain, written
from tests.mapping.support import apply_mapping
from tests.support import make_source

ODD = (
    "A: b", "a #b", "#", "# Kunde", "it's", 'say "so"', "back\\slash", "yes", "No", "null", "~", "true", "*Name", "&a",
    "!tag", "- a", "? a", "[a]", "{a}", "a, b", "|", ">", "%", "@", "`", "Größe", "Straße: Nr. #1",
    "two\nlines", "tab\there",
    "007", "1.5", "0x1F", "1e3", "2024-03-05", "=", "<<", "Ж", "名", "a|b", "…", "-", "a:", ":a", "'", '"', "\\",
    "Tel./Fax",
    "zero\u200bwidth", "\u202eright to left", "😀",
)  # fmt: skip


def read(text: str) -> object:
    return yaml.load(text, Loader=yaml.BaseLoader)  # texts only, as mappings are read


@pytest.mark.parametrize("text", ODD)
def test_unusual_texts_are_read_back(text) -> None:
    content = {
        "key": text, "customer": {text: text}, "list": [text, {"from": [text, text], "take": "first"}],
        "ignore": [Noted(text, text), Noted({"column": text, "is": text}, text)],
    }  # fmt: skip
    expected = content | {"ignore": [text, {"column": text, "is": text}]}
    assert read(mapping_text(content, [text])) == expected


@given(st.text(min_size=1, max_size=20))
def test_any_text_is_read_back(text) -> None:
    assert read(f"a: {scalar(text)}") == {"a": text}
    assert read(f"a: [{scalar(text, flow=True)}, b]") == {"a": [text, "b"]}
    assert read(f"{{{scalar(text, flow=True)}: b}}") == {text: "b"}


def test_booleans_are_written_as_yes_and_no() -> None:
    assert mapping_text({"optional": True, "blank": False}, []) == "optional: yes\nblank: no\n"


def test_sections_are_separated_and_long_lines_wrapped() -> None:
    text = mapping_text(
        {"title": "T", "key": "ID", "customer": {"phone": {"from": ["Phone" * 12, "Mobile" * 12]}}}, ["A"]
    )
    assert text.startswith("# A\ntitle: T\n\nkey: ID\n\ncustomer:\n")
    assert max(map(len, text.splitlines())) <= 120


BREAKS = ["\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]


@pytest.mark.parametrize("line_break", BREAKS)
def test_line_break_in_a_cell_or_header_never_starts_a_mapping_line(line_break, tmp_path) -> None:
    injected = f"{line_break}ignore: [City] # "

    def row(n: int) -> dict[str, str]:
        status = ("Active", "Inactive", f"On hold{injected}")[n]
        return plain(n, **{"Status": status, f"Notes{injected}": f"{n}"})

    made = draft(row, count=3)
    assert any("On hold" in question.text for question in made.open)
    loaded = load_mapping(str(written(made, tmp_path)))
    assert "City" not in loaded.mapping.tables["customers"].ignore


LOADABLE = [text for text in (*ODD, "{n}", "Contact {n}", "Phone|Fax") if any(letter.isalnum() for letter in text)]


@pytest.mark.parametrize("header", LOADABLE)
def test_draft_for_unusual_headers_loads_and_reads_the_column(header, tmp_path) -> None:
    """As a status, as an ignored column, and as the key."""

    def row(n: int) -> dict[str, str]:
        return {"Customer Number": f"{n}", "Company Name": f"Firm {n} Ltd", header: f"{n}", f"{header} Fax": "1"}

    loaded = load_mapping(str(written(draft(row), tmp_path)))
    sources = Sources((make_source("file 0.csv", [row(n) for n in range(8)]),))
    assert list(apply_mapping(loaded, sources).tables.customers["company_name"]) == [f"Firm {n} Ltd" for n in range(8)]
