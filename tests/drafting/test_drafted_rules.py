"""Drafts for exports with unusual layouts: the customers that their mappings produce."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

import importer
from importer.drafting.draft import Draft
from importer.mapping.language.mapping_files import load_mapping
from importer.tables import EntityTables, Sources
from tests.drafting.support import TOWNS, draft, drafted, plain, targets, written
from tests.mapping.support import apply_mapping
from tests.support import make_source

Row = Mapping[str, str]


def lines(n: int) -> Row:
    return plain(n, Street=f"{n} High St\nUnit {n}" if n else "1 High St")


def notes(n: int) -> Row:
    blank = dict.fromkeys(plain(n, Street=""), "")
    return plain(n, Street=f"{n} High St") if n < 5 else blank | {"Customer Number": ("", "Report", "Page 1")[n - 5]}


def of_both_kinds(n: int) -> Row:
    of_supplier = {"Customer Number": "", "Supplier No": f"S{n}"}
    return plain(n, **{"Supplier No": ""}) | (of_supplier if n % 4 == 0 else {})


def typed(n: int) -> Row:
    kind = ("Bill to", "Ship to", "Both", "")[n % 4]
    return plain(n, Street=f"{n} High St", **{"Address Type": kind})


def flagged(n: int) -> Row:
    """Both addresses of each customer may be used for bills."""
    number = {"Customer Number": f"{100 + n // 2}", "Company Name": f"Firm {n // 2} Ltd"}
    return plain(n, Street=f"{n} High St", Billing="Yes", Shipping="No") | number


NUMBERED = {"Dir. entrega 1": "Calle Sol 1", "Dir. entrega 2": "Local 2", "Población entrega": "Soria"}
# name: the rows, the country, the table and column to look at, and its values (without blanks).
RULES: dict[str, tuple[Callable[[int], Row], str, str, str, list[Any]]] = {
    "a separate area code": (
        lambda n: plain(n, **{"Area Code": "415", "Phone": f"555-013{n}"}), "US",
        "customers", "phone", [f"+1415555013{n}" for n in range(8)],
    ),
    "apostrophes in front of numbers": (
        lambda n: plain(n, **{"Customer Number": f"'00{n}", "Phone": f"'415555013{n}"}), "US",
        "customers", "display_id", [f"00{n}" for n in range(8)],
    ),
    "the town after a postal code that also has its own column": (
        lambda n: {"AccNo": f"3{n}", "Name": f"Firm {n} Ltd", "Address1": f"{n} Low St", "Address2": ""}
        | {"Address3": f"5045{n} Kuala Lumpur", "PostCode": f"5045{n}"}, "MY",
        "addresses", "city", ["Kuala Lumpur"] * 16,
    ),
    "a suburb if the city is blank": (
        lambda n: {"Code": f"C{n}", "Name": f"Firm {n} Ltd", "Street": f"{n} Low St", "Suburb": TOWNS[n % 4]}
        | {"City": "Perth" if n == 0 else "", "Postcode": f"600{n}"}, "AU",
        "addresses", "city", ["Perth", *(TOWNS[n % 4] for n in range(1, 8))] * 2,
    ),
    "labels in a cell": (
        lambda n: plain(n, Phone=f"Fax:(415) 555-0199 Phone:(415) 555-013{n}"), "US",
        "customers", "phone", [f"+1415555013{n}" for n in range(8)],
    ),
    "the email address of a blank billing address": (
        lambda n: plain(n, Street=f"{n} High St") | {"Billing Email": f"a{n}@example.com"}
        | {"Billing Street": f"{n} Low St" * (n % 2), "Billing City": "York" * (n % 2)}, "GB",
        "addresses", "email", [f"a{n}@example.com" for n in range(1, 8, 2)],
    ),
    "an address in one cell beside its postal code": (
        lambda n: {"No": f"{n}", "Name": f"Firm {n} Ltd", "Address": f"{n} High St\nBath", "Postcode": "BA1 1AA"},
        "GB", "addresses", "city", ["Bath"] * 16,
    ),
    "flags of billing and shipping locations": (
        lambda n: plain(n, Address=f"{n} High St", **{"Billing Location": ("TRUE", "FALSE")[n % 2]})
        | {"Shipping Location": "TRUE"}, "GB",
        "addresses", "type", [kind for n in range(8) for kind in (["billing"] * (n % 2 == 0) + ["shipping"])],
    ),
    "a country without an address": (
        lambda n: {"Customer Number": f"{n}", "Company": f"Firm {n} Ltd", "Phone": f"030 2312500{n}", "Country": "DE"},
        "US", "customers", "phone", [f"+49302312500{n}" for n in range(8)],
    ),
    "lines of a street in one cell": (
        lines, "GB", "addresses", "address_line_2", [f"Unit {n}" for n in range(1, 8)] * 2,
    ),
    "country codes as on vehicles": (
        lambda n: plain(n, Street=f"{n} Weg", Country="D"), "AT", "addresses", "country", ["DE"] * 16,
    ),
    "a person without a role": (
        lambda n: plain(n, Street=f"{n} High St", Contact=f"Ann Lee{n}"), "GB",
        "addresses", "last_name", [f"Lee{n}" for n in range(8)] * 2,
    ),
    "a name if the company is blank": (
        lambda n: plain(n) | {"Company Name": f"Firm {n} Ltd" if n else "", "Name": f"Firm {n} Ltd"}, "GB",
        "customers", "company_name", [f"Firm {n} Ltd" for n in range(8)],
    ),
    "a second contact": (
        lambda n: plain(n, Contact=f"Ann Lee{n}", **{"Second Contact": f"Bo Ray{n}"}), "GB",
        "contacts", "first_name", [name for n in range(8) for name in ("Ann", "Bo")],
    ),
    "names that end in a currency": (
        lambda n: plain(n) | {"Company Name": f"Firm {n} - {('USD', 'EUR')[n % 2]}"}, "US",
        "customers", "company_name", [f"Firm {n}" for n in range(8)],
    ),
    "two lines beside one town": (
        lambda n: plain(n, Street=f"{n} Calle Mar", **NUMBERED), "ES",
        "addresses", "address_line_2", ["Local 2"] * 8,
    ),
    "one country for two addresses": (
        lambda n: {
            "Kundenr.": f"{n}", "Navn": f"Firma {n} AS", "Postadresse": f"Vei {n}", "Postadresse sted": "Oslo",
            "Besøksadresse": f"Gate {n}", "Besøksadresse sted": "Oslo", "Land": "Norge",
        }, "SE", "addresses", "country", ["NO"] * 16,
    ),
    "a town in the third or the fourth line": (
        lambda n: {
            "Acct No": f"{n}", "Name": f"Firm {n} Ltd", "Addr 1": f"{n} Mill Lane", "Addr 2": "Unit B" if n % 2 else "",
            "Addr 3": "Otley" if n % 2 else TOWNS[n % 4], "Addr 4": "Leeds" if n % 2 else "", "Post Code": f"LS{n} 4AP",
        }, "GB", "addresses", "city", [TOWNS[n % 4] for n in (0, 2, 4, 6)] * 2 + ["Leeds"] * 8,
    ),
    "a complete address beside the town": (
        lambda n: {"No": f"{n}", "Name": f"Firm {n} Ltd", "Address": f"{n} Low St, Leeds LS1 4AP", "City": "Leeds"}
        | {"Postcode": "LS1 4AP"}, "GB", "addresses", "address_line_1", [f"{n} Low St" for n in range(8)] * 2,
    ),
    "a complete address beside blank parts": (
        lambda n: {"No": f"{n}", "Name": f"Firm {n} Ltd", "Address": f"{n} Low St, Leeds LS1 4AP", "City": ""},
        "GB", "addresses", "city", ["Leeds"] * 16,
    ),
    "kinds of phones": (
        lambda n: plain(n, **{"Phone 1 Type": ("Work Fax", "Office")[n % 2], "Phone 1": f"+44 20 7946 00{n}1"})
        | {"Phone 2 Type": "Mobile", "Phone 2": f"+44 7400 900 0{n}2"}, "GB",
        "customers", "phone", [f"+447400900{n:02}2" if n % 2 == 0 else f"+4420794600{n}1" for n in range(8)],
    ),
    "streets of numbered addresses": (
        lambda n: plain(n, **{"Address 1 Street": f"{n} Low St", "Address 1 City": "Leeds"})
        | {"Address 2 Street": f"{n} Mill Lane", "Address 2 City": "Otley"}, "GB",
        "addresses", "address_line_1", [f"{n} Low St" for n in range(8)] + [f"{n} Mill Lane" for n in range(8)],
    ),
    "a county beside the state": (
        lambda n: plain(n, Address=f"{n} Low St", County="Union", State="OH"), "US", "addresses", "state", ["OH"] * 16,
    ),
    "the same headers for two addresses": (
        lambda n: plain(n, Street=f"{n} Low St", **{"Street 2": "Unit B", "Street#2": f"{n} Mill Lane"})
        | {"Street 2#2": "", "City#2": "Otley"}, "GB", "addresses", "address_line_2", ["Unit B"] * 8,
    ),
    "types of numbered addresses": (
        lambda n: plain(n, **{"Address 1 Type": ("Shipping", "Billing")[n % 2], "Address 1": f"{n} Low St"})
        | {"City 1": "Leeds", "Address 2 Type": ("Billing", "")[n % 2], "Address 2": f"{n} Mill Lane"}
        | {"City 2": "Otley"},
        "GB", "addresses", "type", ["shipping", "billing"] * 8,
    ),
    "a town with its state": (
        lambda n: {"Código": f"{n}", "Razão Social": f"Firma {n} Ltda", "Endereço": f"Rua {n}", "Cidade/UF": "Belém/PA"}
        | {"CEP": "66010-000"}, "BR", "addresses", "state", ["PA"] * 16,
    ),
    "house numbers of an address": (
        lambda n: plain(n, **{"Postadres straat": "Kade", "Postadres huisnr.": f"{n}", "Postadres plaats": "Breda"}),
        "NL", "addresses", "address_line_1", [f"Kade {n}" for n in range(8)],
    ),
}  # fmt: skip
COUNTS: dict[str, tuple[Callable[[int], Row], int, int]] = {
    "jobs of a customer": (
        lambda n: {"Customer": ("Harbor", "Harbor:Dock", "Bay", "Bay:Pier")[n], "City": "Bath"}, 4, 2,
    ),
    "notes below the rows": (notes, 8, 5),
    "suppliers without a customer number": (of_both_kinds, 8, 6),
    "names that say deleted": (
        lambda n: plain(n) | ({"Company Name": f"Firm {n} Ltd (deleted)"} if n % 4 == 0 else {}), 8, 6,
    ),
    "commercial customers": (lambda n: plain(n, Type=("commercial", "insurance", "fleet")[n % 3]), 8, 8),
    "a status of one letter": (lambda n: plain(n, Status=("E", "E", "E", "D")[n % 4]), 8, 6),
    "branches with their own numbers": (
        lambda n: plain(n, **{"Parent Customer": "100" if n > 5 else ""}), 8, 8,
    ),
    "an inactive date": (lambda n: plain(n, Inactive="2023-05-01" if n == 3 else ""), 8, 7),
    "a date of deletion": (lambda n: plain(n, deleted_at="2023-05-01 10:00:00" if n == 3 else ""), 8, 7),
    "a date of deletion in German": (lambda n: plain(n, **{"Gelöscht am": "01.05.2023" if n == 3 else ""}), 8, 7),
    "a date of archiving": (lambda n: plain(n, **{"Archived At": "2023-05-01" if n == 3 else ""}), 8, 7),
    "a date that almost all have": (lambda n: plain(n, deleted_at="1900-01-01" if n else "2023-05-01"), 8, 8),
}  # fmt: skip


def given(made: Draft, rows: list[Row], tmp_path: Any) -> EntityTables:
    loaded = load_mapping(str(written(made, tmp_path)))
    country = loaded.mapping.country
    return apply_mapping(loaded, Sources((make_source("file 0.csv", rows),)), country=country).tables


@pytest.mark.parametrize("name", RULES)
def test_drafted_rules_read_the_values(name, tmp_path) -> None:
    row, country, table, column, values = RULES[name]
    tables = given(draft(row, country=country), [row(n) for n in range(8)], tmp_path)
    got = [str(value) for value in getattr(tables, table)[column] if isinstance(value, str) and value]
    assert sorted(got) == sorted(values)


@pytest.mark.parametrize("name", COUNTS)
def test_rows_become_the_right_number_of_customers(name, tmp_path) -> None:
    row, count, customers = COUNTS[name]
    assert len(given(draft(row, count), [row(n) for n in range(count)], tmp_path).customers) == customers


@pytest.mark.parametrize("header", ["Business 1", "Location phone", "Wireless", "Zzyx"])
def test_unused_phone_columns_are_not_added_to_ignore(header, tmp_path) -> None:
    made = draft(lambda n: plain(n, **{"Phone": f"415-555-010{n}", header: f"415-555-013{n}", "Fax": "415-555-0199"}))
    ignored = load_mapping(str(written(made, tmp_path))).mapping.tables["customers"].ignore
    assert ignored == ["Fax"]


def test_area_code_is_used_for_the_phone() -> None:
    made = draft(lambda n: plain(n, **{"Area Code": "415", "Phone": f"555-013{n}"}))
    assert (targets(made)["Area Code"], targets(made)["Phone"]) == (["phone"], ["phone"])


def test_list_that_begins_with_a_preferred_way_of_contact_is_drafted() -> None:
    made = draft(lambda n: {"Contact by": ("Phone", "Email")[n % 2]} | plain(n))
    assert made.key == ["Customer Number"]


def test_untyped_address_is_used_for_both_types(tmp_path) -> None:
    tables = given(draft(typed), [typed(n) for n in range(8)], tmp_path)
    assert sorted(tables.addresses["type"]) == ["billing"] * 6 + ["shipping"] * 6


def test_flags_for_allowed_address_uses_set_no_default(tmp_path) -> None:
    made = draft(flagged)
    assert "flags" not in made.mapping
    assert list(given(made, [flagged(n) for n in range(8)], tmp_path).addresses["type"]) == ["billing"] * 8


def test_address_type_overrides_default_flags(tmp_path) -> None:
    def row(n: int) -> Row:
        kind, number = ("Billing", "Shipping")[n % 2], {"Customer Number": f"{100 + n // 2}"}
        flags = {"Default Billing": ("TRUE", "FALSE")[n // 2 or n % 2], "Default Shipping": "FALSE"} if n < 4 else {}
        flags = flags or {"Default Billing": "FALSE", "Default Shipping": "FALSE"}
        return plain(n, Street=f"{n} High St", **{"Address Type": kind}) | number | flags

    tables = given(draft(row), [row(n) for n in range(8)], tmp_path)
    assert list(tables.addresses["type"]) == ["billing", "shipping"] * 4


def delivered(n: int) -> Row:
    """Customers 2 and 3 get deliveries at their billing address; 4 has only a delivery town."""
    delivery = {"Delivery Street": f"{n} Dock Rd", "Delivery City": "Bath"}
    delivery |= {2: {"Delivery Street": "SAME", "Delivery City": ""}, 3: {"Delivery Street": "same as billing"}}.get(
        n, {}
    )
    delivery |= {"Delivery Street": ""} if n == 4 else {}
    return plain(n, Street=f"{n} High St") | delivery


@pytest.mark.parametrize("answer", ["yes", "no"])
def test_identical_address_is_asked_about_and_used_for_both_types(answer, tmp_path) -> None:
    made = draft(delivered, **({} if answer == "yes" else {"same:Delivery Street": "no"}))
    assert [(one.id, one.text.partition(".")[0]) for one in made.questions] == [
        ("same:Delivery Street", "Delivery Street: 2 rows with SAME, same as billing")
    ]
    addresses = given(made, [delivered(n) for n in range(8)], tmp_path).addresses
    shipping = addresses[addresses["type"] == "shipping"].fillna("")
    got = {
        n: (street, city)
        for n, street, city in shipping[["_customer", "address_line_1", "city"]].itertuples(index=False)
    }
    assert got[1] == ("1 Dock Rd", "Bath")
    assert (got[2], got[3]) == (
        (("2 High St", "York"), ("3 High St", "Kent"))
        if answer == "yes"
        else (("SAME", ""), ("same as billing", "Bath"))
    )
    assert got[4] == ("", "Bath")  # an error: its street is blank


def test_visiting_address_is_used_without_another_address(tmp_path) -> None:
    def row(n: int) -> Row:
        other = {"Mailing Street": "PO Box 1", "Mailing City": "York"} if n else {}
        other = other or {"Mailing Street": "", "Mailing City": ""}
        return plain(n) | {"Visiting Street": f"{n} High St", "Visiting City": "Bath"} | other

    tables = given(draft(row), [row(n) for n in range(8)], tmp_path)
    assert list(tables.addresses["type"]).count("billing") == 8


def test_delivery_person_is_the_contact_if_there_is_no_other(tmp_path) -> None:
    def row(n: int) -> Row:
        person = {"Delivery Contact": f"Ann Lee{'abcdefgh'[n]}", "Mobile": f"415-555-017{n}"}
        return plain(n, Street=f"{n} High St") | {"Delivery Street": f"{n} Dock Rd", "Delivery City": "Bath"} | person

    tables = given(draft(row, country="US"), [row(n) for n in range(8)], tmp_path)
    assert list(tables.contacts["phone"]) == [f"+1415555017{n}" for n in range(8)]


def test_exception_to_the_main_address_is_for_shipping() -> None:
    def row(n: int) -> Row:
        return plain(n, Street=f"{n} High St", **{"Mailing Street": "PO Box 1" if n == 0 else "", "Mailing City": ""})

    given_ = targets(draft(row))
    assert given_["Street"] == ["addresses.billing.address_line_1"]
    assert given_["Mailing Street"] == ["addresses.shipping.address_line_1"]


def test_one_letter_group_is_not_an_address_type() -> None:
    made = draft(lambda n: plain(n, Street=f"{n} High St", **{"Customer Group": "ABC"[n % 3]}))
    assert targets(made)["Street"] == ["addresses.billing.address_line_1"]
    assert "Customer Group" not in targets(made)
    assert made.questions == []


def test_code_values_separate_customers_from_suppliers() -> None:
    made = draft(
        lambda n: {
            "CT_Num": f"C{n}", "CT_Intitule": f"Firme {n} SARL", "CT_Type": f"{n % 4 // 3}", "CT_Adresse": f"{n} rue A",
            "CT_Ville": "Lyon", "CT_CodePostal": "69002",
        }
    )  # fmt: skip
    assert [(one.id, one.text) for one in made.open] == [
        ("skip:CT_Type", 'Column CT_Type has these values: 0 (6), 1 (2). Leave out the rows with "1"?')
    ]


def test_contact_id_is_the_key_without_another_number() -> None:
    made = draft(lambda n: {"Contact ID": f"{n}", "Company": f"Firm {n} Ltd", "First Name": "Ann", "Last Name": "Lee"})
    assert made.key == ["Contact ID"]


def test_check_skips_files_that_are_not_part_of_the_customer_list(tmp_path) -> None:
    """Even a file whose only column the customers also have."""
    folder = tmp_path / "export"
    folder.mkdir()
    rows = "".join(f"{n},Firm {n} Ltd,{TOWNS[n % 4]}\n" for n in range(1, 9))
    (folder / "customers.csv").write_text(f"Customer Number,Company Name,City\n{rows}", "utf-8")
    (folder / "items.csv").write_text("Item,Price\n1,2.50\n2,3.50\n", "utf-8")
    (folder / "towns.csv").write_text("City\nBath\nLeeds\n", "utf-8")
    made = importer.suggest(folder, country="GB")
    checked = importer.check(folder, str(written(made, tmp_path)), country="GB", out=tmp_path / "out")
    assert checked.exit_code == 0
    assert checked.summary["customers"]["valid"] == 8
    assert checked.summary["rows"]["skipped_by_reason"]["not part of the customer list"] == 4


def test_tables_without_useful_columns_are_not_joined() -> None:
    made = drafted([[plain(n) for n in range(8)], [{"Code": f"{100 + n}", "Price": "2.50"} for n in range(8)]])
    assert made.layout == "wide"
    assert "# Left out: file 1.csv" in made.mapping


def test_flag_that_is_never_set_causes_no_question() -> None:
    assert draft(lambda n: plain(n, **{"Stop Credit": "N"})).questions == []
