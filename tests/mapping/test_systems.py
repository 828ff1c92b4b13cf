"""Rows as real systems export them, with the included mappings: branches, defaults, closed customers, languages."""

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from importer.mapping.language.mapping_files import list_mappings
from tests.mapping.golden import Checked, bodies, check, checked

Body = dict[str, Any]


def run(system: str, folder: Path, *texts: str) -> tuple[dict[str, Body], Checked]:
    """(reference ID → the body that would be sent, everything else that the check found)."""
    for number, text in enumerate(texts):
        (folder / f"{number}.csv").write_text(dedent(text).strip() + "\n", encoding="utf-8")
    made = check(system, [folder])
    return {body["reference_id"]: body for body in map(json.loads, bodies(made).splitlines())}, made


def sent(system: str, folder: Path, *texts: str) -> dict[str, Body]:
    return run(system, folder, *texts)[0]


def defaults(body: Body) -> dict[str, str]:
    """Type → the first line of the default address."""
    return {one["type"]: one["address_line_1"] for one in body.get("addresses", ()) if one["is_default"]}


def people(body: Body) -> list[str]:
    return [" ".join(filter(None, (one["first_name"], one.get("last_name")))) for one in body.get("contacts", ())]


def skipped(made: Checked) -> list[str]:
    return sorted(made.mapped.tables.rows["skipped"].dropna())


@pytest.mark.parametrize("system", list_mappings())
def test_no_filled_sample_column_is_unused(system: str) -> None:
    made = checked(system)
    for table in made.sources.tables:
        for name in made.mapped.tables.unused_columns.get(table.name, ()):
            assert not table.frame[name].str.strip().any(), (table.name, name)


ALIASES = ["Internal ID,ID,Company Name", "INTERNAL ID,ID,Company Name", "internal_id,ID,company_name"]


@pytest.mark.parametrize("header", [*ALIASES, "Internal\u00a0ID (Req),*ID,COMPANY NAME"])
def test_netsuite_uses_the_first_of_its_ids(header: str, tmp_path: Path) -> None:
    assert sent("netsuite", tmp_path, f"{header}\n1204,CUST00001,Harbor Goods") == {
        "1204": {
            "reference_id": "1204",
            "company_name": "Harbor Goods",
            "display_id": "CUST00001",
            "display_name": "Harbor Goods",
        }
    }


@pytest.mark.parametrize("header", ["COMPANY", "Company", "company*", "\u200bCompany"])
def test_company_takes_precedence_over_name_in_any_spelling(header: str, tmp_path: Path) -> None:
    (body,) = sent("generic-wide", tmp_path, f"{header},Name,E-mail\nHarbor Goods,Dana,d@example.com").values()
    assert body["company_name"] == "Harbor Goods"


ODOO = "ID,Name,Related Company,Address Type,Street,City"
ODOO_ROWS = [
    "1,Harbor Goods,,Contact,4 Pier Rd,Marlow",
    "2,Warehouse,Harbor Goods,Delivery,9 Dock St,Marlow",
    "3,AP,Harbor Goods,Invoice,1 Bill St,Marlow",
]


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 1, 0)])
def test_odoo_defaults_do_not_depend_on_row_order(order: tuple[int, ...], tmp_path: Path) -> None:
    text = "\n".join([ODOO, *(ODOO_ROWS[place] for place in order)])
    assert defaults(sent("odoo", tmp_path, text)["1"]) == {"billing": "1 Bill St", "shipping": "9 Dock St"}


@pytest.mark.parametrize(
    ("flag", "yes", "no"),
    [("Is a Company", "TRUE", "FALSE"), ("Company Type", "Company", "Individual"), ("is_company", "1", "0")],
)
def test_odoo_branches_become_addresses_and_people_contacts(flag: str, yes: str, no: str, tmp_path: Path) -> None:
    text = f"""
    External ID,Name,Related Company,{flag},Address Type,Street,City,State,Zip,Country,Email
    p10,Harbor Goods,,{yes},Contact,4 Pier Rd,Marlow,Massachusetts (US),02138,United States,office@example.com
    p11,Harbor Goods Toronto,Harbor Goods,{yes},Contact,9 King St,Toronto,Ontario (CA),M5V 1E3,Canada,to@example.com
    p12,Dana Reyes,Harbor Goods,{no},Contact,7 Home Rd,Austin,Texas (US),78701,United States,dana@example.com
    """
    made, found = run("odoo", tmp_path, text)
    assert [(one["type"], one["city"]) for one in made["p10"]["addresses"]] == [
        ("billing", "Marlow"),
        ("shipping", "Marlow"),
        ("shipping", "Toronto"),
    ]
    assert people(made["p10"]) == ["Dana Reyes"]
    told = found.validated.problems.frame
    assert list(told[told["code"] == "address_label"]["value"]) == ["Harbor Goods Toronto"]


@pytest.mark.parametrize(
    ("header", "archived", "supplier"),
    [
        ("Name,Zugehöriges Unternehmen,Straße,Stadt,Aktiv,Kunde,Lieferant", "False,True,False", "True,False,True"),
        ("Nom,Société liée,Rue,Ville,Actif,Est un client,Est un fournisseur", "FAUX,VRAI,FAUX", "VRAI,FAUX,VRAI"),
        (
            "Nombre,Empresa relacionada,Calle,Ciudad,Activo,Es un cliente,Es un proveedor",
            "FALSO,Sí,No",
            "VERDADERO,No,Sí",
        ),
        ("Naam,Gerelateerd bedrijf,Straat,Plaats,Actief,Klant,Leverancier", "ONWAAR,ja,nee", "WAAR,nee,ja"),
        ("Nome,Azienda collegata,Via,Città,Attivo,È un cliente,È un fornitore", "FALSO,sì,no", "VERO,no,sì"),
    ],
)
def test_odoo_is_read_in_its_main_languages(header: str, archived: str, supplier: str, tmp_path: Path) -> None:
    active = supplier.partition(",")[0]
    rows = [f"Alt,,Kai 1,Kiel,{archived}", f"Papier,,Weg 2,Kiel,{supplier}", f"Neu,,Kai 3,Kiel,{active},,"]
    made, found = run("odoo", tmp_path, "\n".join([header, *rows]))
    assert list(made) == ["Neu"]
    assert made["Neu"]["addresses"][0]["city"] == "Kiel"
    assert skipped(found) == ["archived", "supplier"]


@pytest.mark.parametrize(
    "header",
    ["related_company_external_id", "Related Company/External ID", "RELATED COMPANY / EXTERNAL ID", "parent_id/id"],
)
def test_odoo_company_ids_link_addresses(header: str, tmp_path: Path) -> None:
    text = f"""
    external_id,name,related_company,{header},address_type,street,city
    c1,Harbor Goods,,,contact,4 Pier Rd,Marlow
    c2,Warehouse,,c1,delivery,9 Dock St,Marlow
    """
    assert [one["address_line_1"] for one in sent("odoo", tmp_path, text)["c1"]["addresses"]] == [
        "4 Pier Rd",
        "4 Pier Rd",
        "9 Dock St",
    ]


SAP = """
ParentKey,LineNum,AddressName,Street,City,AddressType
C1,0,Old Office,1 Old St,Marlow,bo_BillTo
C1,1,Head Office,4 Pier Rd,Marlow,bo_BillTo
C1,2,Store 1,5 A St,Marlow,bo_ShipTo
C1,3,Store 2,6 B St,Marlow,bo_ShipTo
C1,4,Head Office,7 C St,Marlow,bo_ShipTo
"""


@pytest.mark.parametrize(
    ("partner", "wanted"),
    [
        ("Head Office,Store 2", {"billing": "4 Pier Rd", "shipping": "6 B St"}),
        ("HEAD  OFFICE,Head Office", {"billing": "4 Pier Rd", "shipping": "7 C St"}),
        (",", {"billing": "1 Old St", "shipping": "5 A St"}),
        ("Gone,Store 2", {"billing": "1 Old St", "shipping": "6 B St"}),
    ],
)
def test_sap_partners_name_their_default_addresses(partner: str, wanted: dict[str, str], tmp_path: Path) -> None:
    partners = f"CardCode,CardName,CardType,BilltoDefault,ShipToDefault\nC1,Harbor Goods,cCustomer,{partner}"
    assert defaults(sent("sap-business-one", tmp_path, partners, SAP)["C1"]) == wanted


def test_sap_partners_name_their_default_person(tmp_path: Path) -> None:
    partners = "CardCode,CardName,ContactPerson\nC1,Harbor Goods,lee"
    persons = "ParentKey,Name,FirstName,Position\nC1,dana,Dana,Buyer\nC1,lee,Lee,Owner"
    body = sent("sap-business-one", tmp_path, partners, persons)["C1"]
    assert [(one["first_name"], one["is_default"]) for one in body["contacts"]] == [("Dana", False), ("Lee", True)]


MATRIXIFY = (
    "ID,Email,First Name,Last Name,Phone,Address ID,Address First Name,Address Last Name,Address Phone,"
    "Address Company,Address Line 1,Address City,Address Province Code,Address Country Code,Address Is Default"
)
MATRIXIFY_ROWS = [
    "1002,lee@example.com,Lee,Park,,5003,Lee,Park,,Kestrel & Sons,1 Mill Ln,Austin,TX,US,FALSE",
    "1002,,,,,5004,Sam,Cole,+14155550147,Kestrel Depot,2 Elm St,Austin,TX,US,TRUE",
]


@pytest.mark.parametrize("rows", [MATRIXIFY_ROWS, MATRIXIFY_ROWS[::-1]])
def test_matrixify_marks_the_default_address(rows: list[str], tmp_path: Path) -> None:
    body = sent("shopify", tmp_path, "\n".join([MATRIXIFY, *rows]))["1002"]
    assert defaults(body) == {"billing": "2 Elm St", "shipping": "2 Elm St"}
    assert {one["first_name"] for one in body["addresses"] if one["is_default"]} == {"Sam"}
    assert (body["company_name"], body.get("phone"), people(body)) == ("Kestrel Depot", None, ["Lee Park"])


def test_matrixify_customers_without_a_company_use_their_name(tmp_path: Path) -> None:
    rows = [row.replace("Kestrel & Sons", "").replace("Kestrel Depot", "") for row in MATRIXIFY_ROWS]
    assert sent("shopify", tmp_path, "\n".join([MATRIXIFY, *rows]))["1002"]["company_name"] == "Lee Park"


def test_netsuite_template_titles_are_not_contacts(tmp_path: Path) -> None:
    text = """
    entityId,isPerson,firstName,lastName,title,companyName,email
    C1,TRUE,Ann,Lee,Owner,,ann@example.com
    C2,FALSE,,,Owner,Harbor Goods,a@example.com
    """
    made = sent("netsuite-template", tmp_path, text)
    assert [people(body) for body in made.values()] == [["Ann Lee"], []]
    assert made["C1"]["contacts"][0]["designation"] == "Owner"


def test_netsuite_rows_with_only_an_id_are_skipped_and_closed_names_reported(tmp_path: Path) -> None:
    text = """
    Inactive,ID,Name,Company Name,Billing Address 1,Billing City
    No,503,,,,
    No,505,Closed Shop (Closed),,3 X St,Leeds
    No,506,Open Shop (Leeds),,4 Y St,Leeds
    Yes,502,Gone,,,
    """
    made, found = run("netsuite", tmp_path, text)
    assert list(made) == ["505", "506"]
    assert skipped(found) == ["inactive", "only an ID"]
    told = found.validated.problems.frame
    assert list(told[told["severity"] == "warning"]["code"]) == ["name_says_closed"]


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        *((name, ["name_says_closed"]) for name in ("Shop (CLOSED)", "Laden (geschlossen)", "Tienda [cerrada]")),
        *(
            (name, ["name_says_closed"])
            for name in ("Shop (Inactive) ", "Shop - CLOSED", "*Closed* Shop", "Shop: inactive")
        ),
        *((name, ["name_says_closed"]) for name in ("CLOSED - Shop", "Shop **DO NOT USE**", "Shop (ceased trading)")),
        *((name, ["name_says_closed"]) for name in ("TEST", "zz-Test Customer 2", "Dummy account", "asdf", "XXX")),
        *((name, []) for name in ("Test Equipment Co", "Testa Rossa", "Dummy Co Ltd", "XX", "Contest")),
        *((name, []) for name in ("Closed Loop Ltd", "Closed-Cell Foam", "Enclosed (Spaces)", "Inactive Life")),
    ],
)
def test_names_that_say_closed_are_reported(name: str, codes: list[str], tmp_path: Path) -> None:
    _, found = run("xero", tmp_path, f"*ContactName,EmailAddress\n{name},a@example.com")
    assert list(found.validated.problems.frame["code"]) == codes


@pytest.mark.parametrize("cells", [",,Australia", ",,Nowhere", ",,"])
def test_xero_countries_alone_are_not_addresses(cells: str, tmp_path: Path) -> None:
    header = "*ContactName,EmailAddress,FirstName,LastName,POAddressLine1,POCity,POCountry"
    (body,) = sent("xero", tmp_path, f"{header}\nNorthcote,ian@example.com,Ian,Northcote,{cells}").values()
    assert "addresses" not in body
    assert people(body) == ["Ian Northcote"]


def test_quickbooks_jobs_repeat_the_person(tmp_path: Path) -> None:
    text = """
    Customer,First Name,Last Name,Main Phone,Main Email
    "Abercrombie, Kristy",Kristy,Abercrombie,415-554-6579,kristy@example.com
    "Abercrombie, Kristy:Family Room",Kristy,Abercrombie,,
    "Abercrombie, Kristy:Kitchen",Rob,Abercrombie,,
    """
    (body,) = sent("quickbooks-desktop", tmp_path, text).values()
    assert people(body) == ["Kristy Abercrombie", "Rob Abercrombie"]
    assert body["contacts"][0]["phone"] == "+14155546579"


@pytest.mark.parametrize(
    "header",
    [
        "Nr.;Name;Adresse;Ort;PLZ;Länder-/Regionscode;Gesperrt",
        "N°;Nom;Adresse;Ville;Code postal;Code pays/région;Bloqué",
        "Nº;Nombre;Dirección;Población;C.P.;Cód. país/región;Bloqueado",
        "Nr.;Naam;Adres;Plaats;Postcode;Land-/regiocode;Geblokkeerd",
        "Nr.;Nome;Indirizzo;Città;CAP;Codice paese;Bloccato",
    ],
)
def test_business_central_is_read_in_its_main_languages(header: str, tmp_path: Path) -> None:
    made, found = run(
        "business-central", tmp_path, f"{header}\n01;Hafen;Kai 1;Kiel;24103;DE; \n02;Alt;Kai 2;Kiel;;;Alle"
    )
    place = made["01"]["addresses"][0]
    assert (place["address_line_1"], place["city"], place["zip_code"], place["country"]) == (
        "Kai 1",
        "Kiel",
        "24103",
        "DE",
    )
    assert not found.mapped.tables.unused_columns
    assert skipped(found) == ["blocked"]


def test_company_of_any_address_takes_precedence_over_the_person_name(tmp_path: Path) -> None:
    text = """
    email,_website,firstname,lastname,_address_company,_address_street,_address_city
    dana@example.com,base,Dana,Reyes,,,
    ,,,,Harbor Goods,4 Pier Rd,Marlow
    """
    (body,) = sent("magento-composite", tmp_path, text).values()
    assert (body["company_name"], people(body)) == ("Harbor Goods", ["Dana Reyes"])


def test_first_sap_address_with_the_default_name_is_the_default(tmp_path: Path) -> None:
    partners = "CardCode,CardName,BilltoDefault\nC1,Harbor Goods,Head Office"
    made, found = run("sap-business-one", tmp_path, partners, SAP.replace("Old Office", "Head Office"))
    assert defaults(made["C1"])["billing"] == "1 Old St"
    assert not found.rejected


def test_matrixify_leaves_out_addresses_marked_for_deletion(tmp_path: Path) -> None:
    text = """
    ID,Email,First Name,Last Name,Top Row,Address ID,Address Command,Address Line 1,Address City,Address Is Default
    1002,lee@example.com,Lee,Park,TRUE,5003,DELETE,1 Mill Ln,Austin,FALSE
    1002,,,,,5004,MERGE,2 Elm St,Austin,TRUE
    """
    (body,) = sent("shopify", tmp_path, text).values()
    assert {one["address_line_1"] for one in body["addresses"]} == {"2 Elm St"}


def test_netsuite_addresses_may_be_in_one_cell_or_in_parts(tmp_path: Path) -> None:
    text = """
    Internal ID,Name,Billing Address,Billing City,Billing Zip,Shipping Address
    17,Harbor Goods,"Harbor Goods
    4 Pier Rd
    Marlow OH 43000",,43000,"9 Dock St
    Marlow OH 43001"
    18,1001 Harbor Goods : 1002 Harbor East,1 Mill Ln,Austin,,
    """
    made = sent("netsuite", tmp_path, text)
    assert [(one["type"], one["address_line_1"], one["city"]) for one in made["17"]["addresses"]] == [
        ("billing", "4 Pier Rd", "Marlow"),
        ("shipping", "9 Dock St", "Marlow"),
    ]
    assert [(one["address_line_1"], one["city"]) for one in made["18"]["addresses"]] == [("1 Mill Ln", "Austin")]
    assert made["18"]["company_name"] == "1002 Harbor East"


def test_sap_county_is_the_state_only_without_a_state(tmp_path: Path) -> None:
    partners = "CardCode,CardName\nC1,Harbor Goods\nC2,Kestrel"
    places = """
    ParentKey,AddressName,Street,City,County,State,Country,AddressType
    C1,HQ,4 Pier Rd,Marlow,Pike,OH,US,bo_BillTo
    C2,HQ,1 Mill Ln,Leeds,Yorkshire,,GB,bo_BillTo
    """
    made, found = run("sap-business-one", tmp_path, partners, places)
    assert [body["addresses"][0]["state"] for body in made.values()] == ["OH", "Yorkshire"]
    assert "state_unknown" not in set(found.validated.problems.frame["code"])


def test_business_central_web_service_names_are_recognized(tmp_path: Path) -> None:
    text = """
    number,displayName,addressLine1,city,state,country,postalCode,email,blocked
    C1,Harbor Goods,4 Pier Rd,Marlow,OH,US,43000,o@example.com,_x0020_
    """
    ((address,),) = (body["addresses"] for body in sent("business-central", tmp_path, text).values())
    assert (address["country"], address["zip_code"]) == ("US", "43000")


def test_netsuite_template_addressees_are_reported(tmp_path: Path) -> None:
    text = """
    Customer ID (Req),Company Name (Req),Address 1 : Addressee,Address 1 : Address 1,Address 1 : City
    C1,Harbor Goods,Harbor East,4 Pier Rd,Marlow
    """
    _, found = run("netsuite-template", tmp_path, text)
    told = found.validated.problems.frame
    assert list(told[told["code"] == "address_label"]["value"]) == ["Harbor East"]
    assert not any(found.mapped.tables.unused_columns.values())
