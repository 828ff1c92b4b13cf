"""Several files of one system: what joins them, what each provides, and why one provides nothing."""

import pytest

from importer.drafting.column_choices import ColumnChoices
from importer.drafting.draft import Draft, draft_sources
from importer.drafting.draft_text import draft_text
from importer.mapping.language.mapping_files import load_mapping
from importer.tables import EntityTables, Sources
from tests.drafting.support import Row, drafted, plain, written
from tests.mapping.support import apply_mapping
from tests.support import make_source

COUNT = 6
FIRMS = [plain(n, Street=f"{n} High St") for n in range(COUNT)]
PEOPLE = [{"First Name": "Ann", "Last Name": f"Lee{n}", "Email": f"a{n}@example.com"} for n in range(2 * COUNT)]


def linked(name: str, text: str, rows: list[Row] = PEOPLE) -> list[Row]:
    """The rows, two per customer, with a column that names the customer."""
    return [{name: text.format(n=n // 2), **row} for n, row in enumerate(rows)]


def sent(made: Draft, files: list[list[Row]], tmp_path) -> EntityTables:
    sources = Sources(tuple(make_source(f"file {at}.csv", rows) for at, rows in enumerate(files)))
    return apply_mapping(load_mapping(str(written(made, tmp_path))), sources).tables


def given(made: Draft, file: str) -> dict[str, list[str]]:
    return {one.header: one.targets for one in made.columns if one.file == file and set(one.targets) - {"ignore"}}


IDS = [{"ID": f"{n + 17}", **row} for n, row in enumerate(FIRMS)]
OWN_IDS = [{"ID": f"{n + 17}", "Customer ID": f"{n // 2 + 17}", **row} for n, row in enumerate(PEOPLE)]
GUID = "0000000{n}-0000-4000-8000-000000000000"
GUIDS = [{"accountid": GUID.format(n=n), **row} for n, row in enumerate(FIRMS)]


@pytest.mark.parametrize(
    ("firms", "people", "key"),
    [
        (FIRMS, linked("Cust No", "10{n}"), "Customer Number"),
        (IDS, OWN_IDS, "ID"),
        (GUIDS, linked("_parentcustomerid_value", GUID), "accountid"),
    ],
)
def test_key_is_what_other_files_reference(firms, people, key, tmp_path) -> None:
    made = drafted([firms, people])
    assert (made.key, made.open) == ([key], [])
    tables = sent(made, [firms, people], tmp_path)
    assert (len(tables.customers), len(tables.contacts)) == (COUNT, 2 * COUNT)
    assert set(tables.customers["display_id"]) == {row["Customer Number"] for row in FIRMS}


@pytest.mark.parametrize(("main", "other", "how"), [("000{n}", "{n}", "added to"), ("{n}", "000{n}", "removed from")])
def test_leading_zeros_lost_in_one_file_are_matched(main, other, how, tmp_path) -> None:
    firms = [{"Customer ID": main.format(n=n + 101), "Name": f"Firm {n} Ltd"} for n in range(COUNT)]
    people = [{"Customer ID": other.format(n=n // 2 + 101), **row} for n, row in enumerate(PEOPLE)]
    made = drafted([firms, people])
    assert made.notes == [f"Leading zeros are {how} Customer ID in file 1.csv, to match file 0.csv."]
    tables = sent(made, [firms, people], tmp_path)
    assert (len(tables.customers), len(tables.contacts)) == (COUNT, 2 * COUNT)


def test_names_as_key_cause_a_question(tmp_path) -> None:
    files = [FIRMS, linked("Company", "Firm {n} Ltd")]
    made = drafted(files)
    assert (made.key, [one.id for one in made.open]) == (["Company Name"], ["key"])
    assert len(sent(made, files, tmp_path).contacts) == 2 * COUNT
    by_number = drafted(files, answers={"key": "Customer Number"})
    assert by_number.key == ["Customer Number"]
    why = "it refers to customers by Company, but file 0.csv identifies them by Customer Number."
    assert by_number.notes == [f"Left out: file 1.csv, because {why}"]


def test_chosen_key_is_kept() -> None:
    sources = Sources((make_source("a.csv", GUIDS), make_source("b.csv", linked("_parentcustomerid_value", GUID))))
    chosen = ColumnChoices(targets={"Customer Number": "reference_id"})
    assert draft_sources(sources, "GB", {}, choices=chosen).key == ["Customer Number"]


def test_division_and_number_form_a_combined_key(tmp_path) -> None:
    both = [{"Division": f"0{n % 2}", "Customer No": f"{100 + n // 2}"} for n in range(COUNT)]
    firms = [own | {"Name": f"Firm {n} Ltd", "Street": f"{n} High St"} for n, own in enumerate(both)]
    places = [own | {"Ship To Name": f"Dock {n}", "Ship To Street": f"{n} Dock Rd"} for n, own in enumerate(both)]
    made = drafted([firms, places])
    assert made.key == ["Division", "Customer No"]
    assert given(made, "file 1.csv").keys() == {"Division", "Customer No", "Ship To Street"}
    tables = sent(made, [firms, places], tmp_path)
    assert (len(tables.customers), len(tables.addresses)) == (COUNT, 2 * COUNT)


def test_name_next_to_a_position_is_a_person_and_next_to_a_street_a_place() -> None:
    people = [{"Name": f"Ann Lee{n}", "Job Title": "Buyer"} for n in range(2 * COUNT)]
    places = [{"Name": f"Dock {n}", "Street": f"{n} Dock Rd", "Phone": "+44 1225 555017"} for n in range(2 * COUNT)]
    made = drafted([FIRMS, linked("Cust No", "10{n}", people), linked("Cust No", "10{n}", places)])
    assert given(made, "file 1.csv")["Name"] == ["contacts[1].first_name", "contacts[1].last_name"]
    assert given(made, "file 2.csv") == {
        "Cust No": ["reference_id"], "Street": ["addresses.shipping.address_line_1"],
        "Phone": ["addresses.shipping.phone"],
    }  # fmt: skip


def test_people_with_mailing_addresses_are_contacts(tmp_path) -> None:
    mailed = [{**row, "Mailing Street": f"{n} Low St", "Mailing City": "Bath"} for n, row in enumerate(PEOPLE)]
    files = [FIRMS, linked("Cust No", "10{n}", mailed)]
    made = drafted(files)
    assert made.notes == ["Left out: the addresses of people in file 1.csv."]
    assert len(sent(made, files, tmp_path).contacts) == 2 * COUNT


def test_file_named_customers_is_the_main_one() -> None:
    firms = [{"Email": f"a{n}@example.com", "Company": f"Firm {n} Ltd"} for n in range(COUNT)]
    places = [{**row, "Street": f"{n} Low St", "City": "Bath", "Phone": ""} for n, row in enumerate(firms)]
    sources = Sources((make_source("addresses.csv", places), make_source("customers.csv", firms)))
    made = draft_sources(sources, "GB", {}, recognize=False)
    assert made.key == ["Email"]
    assert given(made, "addresses.csv")["Street"] == ["addresses.shipping.address_line_1"]


SUPPLIERS = [{"Vendor ID": f"V{n}", "Vendor Name": f"Firm {n} Ltd", "Street": f"{n} Low St"} for n in range(COUNT)]
VENDORS = [{"Vendor No": f"{100 + n}", "Street": f"{n} Low St", "City": "Bath"} for n in range(COUNT)]
TERMS = [{"Cust No": f"{100 + n}", "Terms": "30 days"} for n in range(COUNT)]
LINES = [{"Line": f"{n + 1}", "Street": f"{n} Low St", "City": "Bath"} for n in range(COUNT)]
SMALL = [{"ID": f"{n + 1}", **row} for n, row in enumerate(FIRMS)]


@pytest.mark.parametrize(
    ("firms", "other", "why"),
    [
        (FIRMS, SUPPLIERS, "none of its columns refers to the customers of file 0.csv."),
        (FIRMS, VENDORS, "none of its columns refers to the customers of file 0.csv."),
        (SMALL, LINES, "none of its columns refers to the customers of file 0.csv."),
        (FIRMS, TERMS, "it has no addresses or contacts. Other customer fields are read only from file 0.csv."),
    ],
)
def test_unused_file_is_reported_with_the_reason(firms, other, why) -> None:
    made = drafted([firms, other])
    assert made.notes == made.as_json()["notes"] == [f"Left out: file 1.csv, because {why}"]
    assert f"# {made.notes[0]}" in made.mapping
    assert made.notes[0] in draft_text(made, 200)
    assert given(made, "file 1.csv") == {}
