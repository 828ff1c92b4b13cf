"""The data files of the lexicon and of code tables: complete, without contradictions, and known to the code."""

import tomllib
from importlib.resources import files

import pyarrow as pa
import pytest

from importer.drafting.column_values import column_values
from importer.drafting.concepts import ADDRESS_PARTS, NEVER, OF_ADDRESSES, OF_OTHERS
from importer.drafting.lexicon import HEAD_FIRST, code_tables, letters_and_digits, lexicon, recognized
from importer.drafting.readings import read_headers

LEXICON = {
    path.name.removesuffix(".toml"): tomllib.loads(path.read_text("utf-8"))
    for path in files("importer.drafting").joinpath("lexicon").iterdir()
    if path.name.endswith(".toml")
}
SECTIONS = {"concepts", "roles", "also_roles", "also_meta", "fillers", "cell_words"}
TITLES = [table.title for table in code_tables()]


def test_nineteen_languages_are_included() -> None:
    assert " ".join(sorted(LEXICON)) == "ar cs da de en es fi fr hu it ja ko nl no pl pt sv tr zh"
    assert set(LEXICON) > HEAD_FIRST


@pytest.mark.parametrize("language", LEXICON)
def test_language_file_has_all_sections_and_only_texts(language) -> None:
    content = LEXICON[language]
    assert set(content) - {"countries"} == SECTIONS
    for section in SECTIONS:
        for name, phrases in content[section].items():
            assert phrases, f"{section}.{name}"
            assert all(isinstance(phrase, str) and letters_and_digits(phrase) for phrase in phrases), (
                f"{section}.{name}"
            )


@pytest.mark.parametrize("language", LEXICON)
def test_phrase_belongs_to_one_concept_per_language(language) -> None:
    """A phrase may also be a role (``also_roles``), but not two concepts, and not the same concept twice."""
    seen: dict[str, str] = {}
    twice = []
    for name, phrases in LEXICON[language]["concepts"].items():
        for phrase in phrases:
            if phrase in seen:
                twice.append((phrase, seen[phrase], name))
            seen[phrase] = name
    assert [one for one in twice if one[0] != "Additional Address"] == []


@pytest.mark.parametrize("language", LEXICON)
def test_names_match_the_english_file(language) -> None:
    """Phrases under an unknown name would have no effect."""
    english = LEXICON["en"]
    for section in ("concepts", "cell_words"):
        assert set(LEXICON[language][section]) <= set(english[section]), section
    roles = {*LEXICON[language]["roles"], *LEXICON[language]["also_roles"]}
    assert roles <= {*english["roles"], *english["also_roles"]}
    assert {*NEVER, *ADDRESS_PARTS} <= set(english["concepts"])
    assert {*english["roles"], *english["also_roles"]} >= OF_ADDRESSES | OF_OTHERS


def test_cells_are_compared_without_case_or_accents() -> None:
    known = lexicon()
    assert known.is_cell("INACTIVE", "inactive")
    assert known.is_cell("Lieferant", "supplier")
    assert known.is_cell("Oui", "yes")
    assert not known.is_cell("Gold", "active", "inactive", "supplier")


@pytest.mark.parametrize("title", TITLES)
def test_code_table_labels_are_understood_as_headers(title) -> None:
    table = next(one for one in code_tables() if one.title == title)
    labels = sorted({label for label in [*table.labels.values(), *(label for _, label in table.numbered)] if label})
    unknown = [
        label
        for label, reading in zip(labels, read_headers([one.replace("{n}", "2") for one in labels]), strict=True)
        if reading.concept is None
    ]
    assert unknown == []


@pytest.mark.parametrize("title", TITLES)
def test_code_table_recognizes_its_own_columns(title) -> None:
    table = next(one for one in code_tables() if one.title == title)
    found = recognized(sorted(table.codes))
    assert found is not None
    assert len(found.codes & table.codes) >= 0.9 * len(table.codes)


def test_titles_are_unique() -> None:
    assert len(set(TITLES)) == len(TITLES) >= 60


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (["KUNNR", "NAME1", "STRAS", "ORT01", "PSTLZ", "LAND1"], "SAP"),
        (["CUSTNMBR", "CUSTNAME", "ADDRESS1", "CITY", "ZIP"], "GP"),
        (["CT_Num", "CT_Intitule", "CT_Adresse", "CT_CodePostal", "CT_Ville"], "Sage"),
        (["Customer Number", "Company Name", "City", "Zip Code"], None),
        (["KUNNR", "NAME1", "City"], None),
    ],
)
def test_tables_of_known_systems_are_recognized(headers, found) -> None:
    table = recognized(headers)
    assert (table is None) == (found is None)
    assert found is None or found in table.title


def test_code_is_matched_as_in_its_system_or_in_one_case() -> None:
    table = recognized(["KUNNR", "NAME1", "STRAS", "ORT01", "PSTLZ", "LAND1"])
    assert table.label("KUNNR") == table.label("kunnr") != ""
    assert table.label("Kunnr") is None
    assert table.label("nothing") is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (["CUSTNO", "CUSNM1", "CUADD1", "CUCITY", "SHPAD1", "SHPZIP", "CNTNM"], "Shipping Street 1"),
        (["OECUST", "OENAME", "OEADD1", "OECITY", "OEZIP", "OETELE", "OETRMS"], None),
        (["KDNR", "KDNAME1", "KDSTR", "KDPLZ", "KDORT", "LFSTR", "LFPLZ", "LFORT"], None),
    ],
)
def test_codes_are_composed_of_abbreviations(headers, expected) -> None:
    table = recognized(headers)
    assert all(table.label(header) for header in headers)
    assert table.label("XYZ") is None
    assert expected is None or table.label("SHPAD1") == expected


def test_words_are_not_abbreviations() -> None:
    assert recognized(["Company Name", "Address", "City", "Phone No", "Contact", "Terms"]) is None


@pytest.mark.parametrize(
    "name", ["Holub s.r.o.", "Lis Sp. z o.o.", "Lopes, Lda", "Ek HB", "Greco S.n.c.", "Foo SAS", "BAR SPOL. S R.O."]
)
def test_a_legal_form_makes_a_company(name) -> None:
    assert column_values(pa.chunked_array([[name]])).companies == 1


@pytest.mark.parametrize("name", ["Ana Mei", "Maria As", "Sas", "Lda", "Eva Sia", "s.r.o."])
def test_a_person_has_no_legal_form(name) -> None:
    assert column_values(pa.chunked_array([[name]])).companies == 0
