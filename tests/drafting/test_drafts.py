"""Drafts for small tables: the layout, the key, the questions, and a mapping that the importer accepts."""

from pathlib import Path

import pytest

import importer
from importer.drafting.draft import draft_sources
from importer.errors import NoSourceError, UsageError
from importer.loader import LoadOptions, load
from importer.mapping.language.mapping_files import load_mapping
from importer.tables import Sources
from tests.drafting.support import draft, drafted, plain, targets, written
from tests.mapping.support import apply_mapping
from tests.support import make_source

LAYOUTS = {
    "wide": lambda n: plain(n, Phone=f"+44 1225 55501{n}"),
    "numbered groups": lambda n: {
        "ID": f"{n}", "Name": f"Firm {n} Ltd", "Ship To 1 Street": f"{n} A St", "Ship To 1 City": "Bath",
        "Ship To 2 Street": f"{n} B St", "Ship To 2 City": "Leeds",
    },
    "long": lambda n: {
        "Customer ID": f"{n // 2}", "Company": f"Firm {n // 2} Ltd", "Address Type": ("Billing", "Shipping")[n % 2],
        "Street": f"{n} A St", "City": "Bath", "Zip": "BA1 1AA",
    },
    "blank parent": lambda n: {
        "Code": f"C{n}" if n % 2 == 0 else "", "Name": f"Firm {n} Ltd" if n % 2 == 0 else "",
        "Phone": f"+44 1225 55501{n}" if n % 2 == 0 else "", "Terms": "30 days" if n % 2 == 0 else "",
        "Street": f"{n} A St", "City": "Bath",
    },
    "parent reference": lambda n: {
        "ID": f"{n}", "Name": f"Firm {n} Ltd" if n < 4 else f"Ann Lee{n}", "Parent ID": "" if n < 4 else f"{n - 4}",
        "Email": f"a{n}@example.com", "City": "Bath",
    },
    "packed": lambda n: {"No": f"{n}", "Company": f"Firm {n} Ltd", "Address": f"{n} A St, Bath, BA{n} 1AA, England"},
}  # fmt: skip
CUSTOMERS = {"long": 4, "blank parent": 4, "parent reference": 4}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_is_reported_and_the_mapping_groups_the_rows(layout, tmp_path) -> None:
    made = draft(LAYOUTS[layout])
    assert made.layout == layout
    assert made.rows_in_words.startswith("Several rows per customer" if layout in CUSTOMERS else "One row per customer")
    loaded = load_mapping(str(written(made, tmp_path)))
    sources = Sources((make_source("file 0.csv", [LAYOUTS[layout](n) for n in range(8)]),))
    assert len(apply_mapping(loaded, sources).tables.customers) == CUSTOMERS.get(layout, 8)


def test_files_that_reference_customers_are_joined(tmp_path) -> None:
    files = [
        [plain(n) for n in range(4)],
        [{"Cust No": f"{100 + n // 2}", "Street": f"{n} High St", "Town": "Bath"} for n in range(8)],
        [{"Cust No": f"{100 + n}", "First Name": "Ann", "Last Name": f"Lee{n}"} for n in range(4)],
    ]
    made = drafted(files)
    assert (made.layout, made.key) == ("joined tables", ["Customer Number"])
    assert {one.file for one in made.columns} == {"file 0.csv", "file 1.csv", "file 2.csv"}
    loaded = load_mapping(str(written(made, tmp_path)))
    tables = apply_mapping(loaded, Sources(tuple(make_source(f"{n}.csv", rows) for n, rows in enumerate(files)))).tables
    assert [len(tables.customers), len(tables.addresses), len(tables.contacts)] == [4, 8, 4]


@pytest.mark.parametrize(
    ("row", "key"),
    [
        (lambda n: plain(n, ID=f"{n}"), ["Customer Number"]),
        (lambda n: {"GUID": f"0000000{n}-0000-4000-8000-000000000000", "Company": f"Firm {n} Ltd"}, ["GUID"]),
        (lambda n: {"ID": f"{n}", "Company": f"Firm {n} Ltd"}, ["ID"]),
        (lambda n: {"Company": f"Firm {n} Ltd", "Email": f"a{n}@example.com"}, ["Company"]),
        (lambda n: {"ID": f"{n}", "Customer Number": f"C{n // 2}", "Company": f"Firm {n // 2}"}, ["Customer Number"]),
        (lambda n: {"Parent ID": f"{n}", "Customer Number": f"C{n}", "Company": f"Firm {n}"}, ["Customer Number"]),
    ],
)
def test_key_distinguishes_customers(row, key) -> None:
    made = draft(row)
    assert (made.key, made.open) == (key, [])


def sometimes(n: int) -> dict[str, str]:
    return plain(n, Email=f"a{n}@example.com") | ({"Customer Number": ""} if n % 3 == 0 else {})


def test_incomplete_key_causes_a_question(tmp_path) -> None:
    made = draft(sometimes)
    (question,) = made.open
    assert (question.id, question.proposed) == ("key", "Customer Number")
    assert question.choices == ("Customer Number", "Company Name", "Email")
    assert "Customer Number (5 values, 62% filled)" in question.text
    assert load_mapping(str(written(made, tmp_path))).mapping.tables["customers"].key
    answered = draft(sometimes, key="Email")
    assert (answered.key, answered.open) == (["Email"], [])
    assert made.identified_by == "Customer Number, or Company Name where that is blank"
    assert answered.identified_by == "Email"
    assert "Assumed" not in answered.mapping


SKIPS = {
    "Status": (("Active", "Active", "Inactive", "Prospect"), "leave out", 4),
    "Customer Status": (("open", "open", "closed", "open"), "leave out", 6),
    "Active": (("Yes", "Yes", "Yes", "No"), "leave out", 6),
    "Inactive": (("", "", "", "X"), "leave out", 6),
    "Type": (("Customer", "Customer", "Vendor", "Customer/Vendor"), "leave out", 6),
    "Blocked": (("1", "1", "0", "0"), "keep", 8),
    "Gesperrt": (("nein", "nein", "nein", "ja"), "leave out", 6),
    "En sommeil": (("Non", "Oui", "Non", "Non"), "leave out", 6),
    "Lead": (("0", "0", "1", "0"), "leave out", 6),
    "Group": (("Sundry Debtors", "Sundry Debtors", "Sundry Creditors", "Sundry Debtors"), "leave out", 6),
    "Stat": (("A", "A", "A", "I"), "leave out", 6),
    "status_flag": (("A", "A", "A", "I"), "leave out", 6),
}


@pytest.mark.parametrize("header", SKIPS)
def test_rows_that_are_not_customers_are_asked_about_and_left_out(header, tmp_path) -> None:
    cells, proposed, customers = SKIPS[header]

    def row(n: int) -> dict[str, str]:
        return plain(n) | {header: cells[n % 4]}

    sources = Sources((make_source("file 0.csv", [row(n) for n in range(8)]),))

    def count(made) -> int:
        mapped = apply_mapping(load_mapping(str(written(made, tmp_path))), sources)
        return len(mapped.tables.customers)

    made = draft(row)
    assert [(one.id, one.proposed) for one in made.open] == [(f"skip:{header}", proposed)]
    assert made.open[0].text.startswith(f"Column {header} has ")
    assert count(made) == customers
    assert count(draft(row, **{f"skip:{header}": "keep"})) == 8
    assert count(draft(row, **{f"skip:{header}": "leave out"})) < 8


@pytest.mark.parametrize("header", ["Status", "Kundenart"])
def test_values_unrelated_to_skipping_cause_no_question(header) -> None:
    assert draft(lambda n: plain(n) | {header: ("Gold", "Silver")[n % 2]}).questions == []


def test_questions_about_rows_can_be_answered() -> None:
    assert draft(LAYOUTS["blank parent"], rows="no").layout == "wide"
    assert draft(LAYOUTS["parent reference"], parent="no").layout == "wide"
    made = draft(LAYOUTS["parent reference"], parent="yes")
    assert (made.layout, made.open, made.answers) == ("parent reference", [], {"parent": "yes"})


def test_wrong_answer_is_reported_with_suggestion_and_choices() -> None:
    def row(n: int) -> dict[str, str]:
        return plain(n, Status=("Active", "Inactive")[n % 2])

    with pytest.raises(UsageError, match=r"(?s)skip:Statsu.*Did you mean 'skip:Status'"):
        draft(row, **{"skip:Statsu": "keep"})
    with pytest.raises(UsageError, match=r"(?s)'perhaps' is not an answer.*leave out, keep"):
        draft(row, **{"skip:Status": "perhaps"})


@pytest.mark.parametrize(
    "rows", [[{"Foo": "1", "Bar": "2"}], [{"Order": "1", "Amount": "2.50", "Date": "2024-03-05"}], [{"A": "", "B": ""}]]
)
def test_table_without_customers_is_refused(rows) -> None:
    with pytest.raises(NoSourceError, match="no column with customer names"):
        drafted([rows])


def test_table_without_rows_is_refused() -> None:
    with pytest.raises(NoSourceError, match="no data rows"):
        drafted([[]])


def test_columns_have_position_field_samples_and_reason() -> None:
    made = draft(lambda n: plain(n, Fax="", Notes=f"n{n}"))
    assert [one.n for one in made.columns] == [1, 2, 3, 4, 5]
    company = made.columns[1]
    assert (company.file, company.sheet, company.header) == ("file 0.csv", None, "Company Name")
    assert (company.targets, company.samples, company.filled) == (
        ["company_name"], ["Firm 0 Ltd", "Firm 1 Ltd", "Firm 2 Ltd"], 1.0,
    )  # fmt: skip
    assert company.confidence > 0.9
    assert company.why == ["name", "values"]
    assert (made.columns[3].targets, made.columns[3].filled, made.columns[3].confidence) == ([], 0.0, 0.0)


def test_mapping_says_what_it_leaves_out_and_why() -> None:
    text = draft(lambda n: plain(n, Fax="", Website="www.example.com")).mapping
    assert "  - Fax  # blank" in text
    assert "  - Website  # no field for it; to keep it, send it as a custom attribute" in text


def test_single_numbered_contact_is_not_a_column_group() -> None:
    def row(n: int) -> dict[str, str]:
        return plain(n) | {
            "First name contact 1": "Ann",
            "Last name contact 1": "Lee",
            "Email contact 1": "a@example.com",
        }

    assert draft(row).layout == "wide"
    assert draft(lambda n: row(n) | {"Email contact 2": f"b{n}@example.com"}).layout == "numbered groups"


def test_placeholder_texts_count_as_blank() -> None:
    made = draft(lambda n: plain(n, Fax="N/A", Website=("-", "www.example.com")[n % 2]))
    assert [(one.filled, one.samples) for one in made.columns[3:]] == [(0.0, []), (0.5, ["www.example.com"])]
    assert "  - Fax  # blank" in made.mapping


def test_column_that_is_never_read_is_not_called_blank(tmp_path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text("No.,Company,City,IBAN\n" + "".join(f"{n},Firm {n} Ltd,Bath,XX0{n}\n" for n in range(5)))
    assert "  - IBAN  # never sent" in draft_sources(load([str(path)], LoadOptions()), "GB", {}).mapping


def test_sparse_column_is_not_a_choice_for_the_key() -> None:
    made = draft(lambda n: {"Company": f"Firm {n % 7} Ltd", "Email": f"a{n}@example.com", "Code": ("A", "B")[n % 2]})
    assert [question.choices for question in made.questions] == [("Company", "Email")]


def test_column_that_mappings_cannot_name_must_be_renamed() -> None:
    mapping = draft(lambda n: plain(n, **{"Size {n}": f"plum {n}", "Zebra": f"plum {n}"})).mapping
    assert '- "Size {n}"  # rename it to use it' in mapping
    assert mapping.count("rename it") == 1


def test_two_columns_for_one_field_are_both_used() -> None:
    given = targets(draft(lambda n: plain(n, Phone="+44 1225 555010", Mobile="+44 7700 900123")))
    assert given["Phone"] == ["phone"]


def test_abbreviation_next_to_code_table_words_is_recognized() -> None:
    row = {"Konto": "1001", "Name": "Huber AG", "Straße": "Ring 2", "PLZ": "10115", "Ort": "Berlin", "Land": "DE"}
    made = draft(lambda n: {**row, "Konto": f"{1000 + n}", "Telefon": f"+49 30 12345{n}"}, country="DE")
    assert targets(made)["PLZ"] == ["addresses.billing.zip_code"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "Company,Harbor,Kestrel\nStreet,4 Pier Rd,77 Hill Ave\nCity,Ulm,Bern\n",
            "the first column contains the names of",
        ),
        (
            "Customer:,C1\nStreet:,4 Pier Rd\nPhone:,1\n,\nCustomer:,C2\nStreet:,9 Dock St\n",
            "the first column contains",
        ),
        ("No    Company     City\nC1    Harbor      Ulm\n", "each row is in one cell (No    Company     City)"),
    ],
)
def test_table_that_must_be_rearranged_is_refused_with_the_reason(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "list.csv").write_text(text, encoding="utf-8")
    with pytest.raises(NoSourceError) as raised:
        importer.suggest(tmp_path / "list.csv")
    assert message in raised.value.message


def test_kinds_of_rows_in_the_first_column_are_not_fields(tmp_path: Path) -> None:
    rows = "Type,Company,City\nCustomer,Harbor LLC,Ulm\nVendor,Kestrel LLC,Bern\nContact,Alder LLC,Ulm\n"
    (tmp_path / "list.csv").write_text(rows, encoding="utf-8")
    assert importer.suggest(tmp_path / "list.csv").key == ["Company"]
