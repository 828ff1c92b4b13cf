"""Files for which there is a mapping: the draft names it and extends it."""

from dataclasses import replace
from pathlib import Path

import pytest

import importer
from importer.commands.suggest import suggest
from importer.drafting.draft_text import draft_text
from importer.drafting.known_mappings import best_known
from importer.errors import UsageError
from importer.mapping.fitting import best_fit
from importer.mapping.language.mapping_files import load_mapping
from importer.settings import Options
from importer.tables import Sources
from importer.workflow.open_sources import open_unmapped
from tests.support import make_source
from tests.workflow.desk import SAMPLES

GENERIC = {"generic-long", "generic-wide"}
SYSTEMS = sorted(path.name for path in SAMPLES.iterdir() if path.is_dir() and path.name not in GENERIC)


def sources_of(name: str) -> Sources:
    return open_unmapped(Options(sources=(str(SAMPLES / name),), country="US"))


@pytest.mark.parametrize(
    "name",
    SYSTEMS,
)
def test_export_of_a_shipped_mapping_is_recognized(name, tmp_path) -> None:
    draft = suggest(Options(country="US"), sources=sources_of(name))
    assert draft.fits is not None
    assert draft.fits[0] == name
    assert draft.fits[1] > (0.85 if name == "quickbooks-iif" else 0.99)  # an IIF file also has columns of other lists
    assert (draft.questions, draft.open) == ([], [])
    path = tmp_path / "own.yaml"
    path.write_text(draft.mapping, encoding="utf-8")
    loaded = load_mapping(str(path))
    assert f"extends: {name}" in draft.mapping
    assert loaded.mapping.country == "US"
    assert any(one.why == ["mapping"] and one.targets for one in draft.columns)


@pytest.mark.parametrize("name", sorted(GENERIC))
def test_other_lists_are_drafted(name) -> None:
    assert suggest(Options(country="US"), sources=sources_of(name)).fits is None


def renamed(sources: Sources, names: dict[str, str]) -> Sources:
    tables = (replace(table, frame=table.frame.rename(columns=names)) for table in sources.tables)
    return Sources(tuple(tables))


@pytest.mark.parametrize(
    ("name", "old"), [("netsuite", "Phone"), ("xero", "EmailAddress"), ("odoo", "Phone"), ("shopify", "Phone")]
)
def test_renamed_column_does_not_prevent_recognition(name, old) -> None:
    sources = renamed(sources_of(name), {old: "Something Else"})
    assert any("Something Else" in table.frame.columns for table in sources.tables)
    draft = suggest(Options(country="US"), sources=sources)
    assert draft.fits is not None
    assert draft.fits[0] == name
    assert 0.7 < draft.fits[1] < 1


def test_from_scratch_drafts_despite_a_match() -> None:
    draft = suggest(Options(country="US"), sources=sources_of("xero"), from_scratch=True)
    assert (draft.fits, draft.key) == (None, ["AccountNumber"])


def test_matching_mapping_asks_nothing() -> None:
    with pytest.raises(UsageError, match="there is no question"):
        suggest(Options(country="US"), {"key": "a"}, sources=sources_of("xero"))


@pytest.mark.parametrize(
    "headers",
    [
        "Konto;Name;Straße;PLZ;Ort;Land;Telefon",  # Odoo's key, but no column for the parent that its mapping needs
        "Konto;Firma;Straße;Postleitzahl;Ort;Land;Telefon",  # Shopify's columns without its key
        "Numéro;Entreprise;Adresse;Code postal;Ville;Pays;Téléphone",
    ],
)
def test_mapping_without_its_key_or_a_required_column_does_not_match(headers, tmp_path) -> None:
    file = tmp_path / "list.csv"
    file.write_text(
        f"{headers}\n1;Harbor;Weg 1;10115;Berlin;DE;030 123456\n2;Kestrel;Weg 2;10117;Berlin;DE;030 123457\n"
    )
    draft = suggest(Options(sources=(str(file),), country="DE"))
    assert (draft.fits, draft.key) == (None, [headers.split(";")[0]])
    (tmp_path / "own.yaml").write_text(draft.mapping)
    assert importer.check(str(file), mapping=str(tmp_path / "own.yaml"), out=tmp_path / "out").exit_code == 0
    best = best_fit(open_unmapped(Options(sources=(str(file),), country="DE")))
    assert best is None or best.name not in ("odoo", "shopify")


@pytest.mark.parametrize(
    ("row", "key"),
    [
        ({"Kundennummer": "101", "Firma": "Nord GmbH", "Vorname": "Ann", "Nachname": "Lee"}, "Kundennummer"),
        ({"Firma": "Nord GmbH", "Vorname": "Ann", "Nachname": "Lee"}, "Firma"),
    ],
    ids=["a number that Shopify has not", "words that Shopify has in common with every list"],
)
def test_plain_list_in_another_language_is_not_a_known_export(row, key) -> None:
    row |= {"E-Mail": "a@example.com", "Adresse": "Weg 1", "PLZ": "10115", "Ort": "Berlin", "Land": "DE"}
    draft = suggest(Options(country="DE"), sources=Sources((make_source("list.csv", [row]),)))
    assert (draft.fits, draft.key) == (None, [key])


def test_foreign_number_column_means_not_a_known_export() -> None:
    place = {"Address1": "Weg 1", "City": "Berlin", "Zip": "10115", "Country Code": "DE"}
    row = {"Cust No": "101", "Company": "Nord GmbH", "First Name": "Ann", "Last Name": "Lee", "Email": "a@example.com"}
    row |= {f"Default Address {part}": text for part, text in place.items()}
    draft = suggest(Options(country="DE"), sources=Sources((make_source("list.csv", [row]),)))
    assert (draft.fits, draft.key) == (None, ["Cust No"])


OWN = """\
title: Ours
key: Kdnr
customer: {company_name: Bezeichnung, phone: Ruf, email: Post}
addresses: [{type: {constant: billing}, address_line_1: Weg, city: Stadtname}]
"""


def test_mappings_in_the_working_folder_are_used(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mappings").mkdir()
    Path("mappings/ours.yaml").write_text(OWN)
    Path("list.csv").write_text("Kdnr,Bezeichnung,Ruf,Post,Weg,Stadtname\n1,Nord GmbH,030 123456,,Weg 1,Köln\n")
    draft = suggest(Options(sources=("list.csv",), country="DE"))
    assert draft.fits is not None
    assert Path(draft.fits[0]) == Path("mappings/ours.yaml")


def test_recognized_columns_show_their_use() -> None:
    draft = suggest(Options(country="US"), sources=sources_of("sage-100"))
    silent = [column.header for column in draft.columns if column.filled and not column.targets]
    assert draft.fits is not None
    assert (draft.fits[0], silent) == ("sage-100", ["ShipToName"])  # it only names an address
    shown = {line.split("  ")[0]: line for line in draft_text(draft, 200).splitlines()}
    assert any("which rows to skip" in line for line in shown.values())
    assert any("key of the customer" in line for line in shown.values())


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        (
            "odoo",
            "Complete Name,Is a Company,Related Company/External ID,External ID,Address Type,Street,City,Zip,Phone",
        ),
        ("odoo", "id,name,is_company,parent_id,email,phone,function,active,create_date,write_date"),
        ("shopify", "First Name,Last Name,Email,Company,Address1,City,Province Code,Zip,Accepts Marketing,Total Spent"),
        ("quickbooks-online", "Customer,Phone Numbers,Email,Full Name,Billing Address,Open Balance,Currency"),
        ("netsuite", "Internal ID,Company Name,Email,Phone,Billing Address 1,Billing City,Billing Zip,Terms"),
    ],
)
def test_columns_that_a_system_has_without_a_field_also_show_the_system(name, headers) -> None:
    row = dict.fromkeys(headers.split(","), "x")
    draft = suggest(Options(country="US"), sources=Sources((make_source("list.csv", [row]),)))
    assert draft.fits is not None
    assert draft.fits[0] == name


def test_plain_list_of_people_is_not_a_known_export() -> None:
    person = {"Name": "Dana Reyes", "Company": "Harbor Goods", "Email": "dana@example.com", "Phone": "415-555-0132"}
    place = {"Street": "4 Pier Rd", "City": "Marlow", "State": "OH", "ZIP": "43000", "Country": "US"}
    row = person | {"Mobile": "415-555-0133"} | place | {"Created on": "2024-01-02", "Currency": "USD"}
    draft = suggest(Options(country="US"), sources=Sources((make_source("list.csv", [row]),)))
    assert draft.fits is None


@pytest.mark.parametrize(
    "headers",
    [
        "Customer ID,Company Name,Phone,Email,Zip Code,City,State,Country,Fax,Web Address,Last Modified,Subsidiary",
        "Internal ID,Company Name,Phone,Email,City,State,Zip,Country,Size,Shade,Color",
    ],
    ids=["only ignored columns are the system's", "the system's key beside unknown columns"],
)
def test_list_with_few_columns_of_a_system_is_not_its_export(headers) -> None:
    names = headers.split(",")
    sources = Sources((make_source("list.csv", [dict.fromkeys(names, "x")]),))
    assert best_known(sources, {(0, name): True for name in names}) is None
