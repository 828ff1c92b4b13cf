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


ODOO_VERSIONS = {
    "Odoo 18 in German": (
        (
            "Name;Ist ein Unternehmen;Zugehöriges Unternehmen;Adresstyp;Straße;Straße2;Stadt;Bundesland;PLZ;Mobil;"
            "Zahlungsbedingungen des Kunden;Kundenbewertung;Rang des Lieferanten;Website-Link;Stichwörter"
        ),
        ("Wahr", "Falsch", "Kontakt", "Rechnung", "Lieferung", "Andere"),
    ),
    "Odoo 18 in French": (
        (
            "Nom complet;Est une société;Société associée;Type d'adresse;Rue;Rue 2;Ville;État;Code postal;Mobile;"
            "Conditions de paiement du client;Classement client;Rang des fournisseurs;Lien vers un site web;Étiquettes"
        ),
        ("VRAI", "FAUX", "Contact", "Facture", "Livraison", "Autre"),
    ),
    "Odoo 18 in Spanish": (
        (
            "Nombre para mostrar;Es una compañía;Compañía relacionada;Tipo de dirección;Calle;Calle2;Ciudad;Provincia;"
            "C.P.;Móvil;Condiciones de pago de cliente;Rango del cliente;Rango de proveedor;Enlace del sitio web;"
            "Etiquetas"
        ),
        ("VERDADERO", "FALSO", "Contacto", "Factura", "Entrega", "Otro"),
    ),
    "Odoo 18 in Dutch": (
        (
            "Naam;Is een bedrijf;Gerelateerd bedrijf;Soort adres;Straat;Straat2;Plaats;Provincie / Staat;Postcode;"
            "Mobiel;Betaalvoorwaarden klant;Klantrang;Leveranciersrang;Website link;Labels"
        ),
        ("WAAR", "ONWAAR", "Contact", "Factuur", "Levering", "Overige"),
    ),
    "Odoo 18 in Italian": (
        (
            "Nome;È un'azienda;Azienda collegata;Tipologia indirizzo;Indirizzo;Indirizzo 2;Città;Stato/Provincia;CAP;"
            "Dispositivo mobile;Termini di pagamento cliente;Livello cliente;Livello venditore;Link sito web;Etichette"
        ),
        ("VERO", "FALSO", "Contatto", "Fattura", "Consegna", "Altro"),
    ),
    "Odoo 14 in Spanish": (
        (
            "Mostrar nombre;Tipo de compañía;Empresa relacionada;Tipo de dirección;Calle;Calle2;Ciudad;Estado;C.P.;"
            "Móvil;Plazo de pago de cliente;Rango del Cliente;Rango de proveedor;Enlace a página web;Categorías"
        ),
        ("Compañía", "Individual", "Contacto", "Dirección de factura", "Dirección de entrega", "Otra dirección"),
    ),
    "Odoo 14 in French": (
        (
            "Nom affiché;Type de société;Société liée;Type d'adresse;Rue;Rue 2;Ville;État;Code postal;Mobile;"
            "Conditions de paiement Client;Classement client;Rang des fournisseurs;Lien vers un site web;Étiquettes"
        ),
        ("Société", "Particulier", "Contact", "Adresse de facturation", "Adresse de livraison", "Autre adresse"),
    ),
    "Odoo 14 in Dutch": (
        (
            "Schermnaam;Soort bedrijf;Gerelateerd bedrijf;Soort adres;Straat;Straat2;Plaats;Staat / Provincie;Postcode;"
            "Mobiel;Betalingsconditie klant;Klantrang;Leveranciersrang;Website link;Labels"
        ),
        ("Bedrijf", "Persoon", "Contact", "Factuuradres", "Afleveradres", "Ander adres"),
    ),
}


@pytest.mark.parametrize(("header", "words"), ODOO_VERSIONS.values(), ids=ODOO_VERSIONS)
def test_odoo_columns_and_address_types_of_each_version_are_read(
    header: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    yes, no, person, invoice, delivery, other = words
    text = f"""
    {header}
    Hafen;{yes};;{person};Kai 1;Hof;Kiel;;24103;;30 Tage;1;0;www.example.com;VIP
    Dana Reyes;{no};Hafen;{person};;;;;;+49 151 12345678;;0;0;;
    Büro;{no};Hafen;{invoice};Weg 3;;Kiel;;24106;;;0;0;;
    Lager;{no};Hafen;{delivery};Dock 2;;Kiel;;24105;;;0;0;;
    Anbau;{no};Hafen;{other};Gang 4;;Kiel;;24107;;;0;0;;
    Papier;{yes};;{person};Weg 9;;Kiel;;24103;;;0;1;;
    """
    made, found = run("odoo", tmp_path, text)
    assert list(made) == ["Hafen"]
    assert (made["Hafen"]["payment_term"], people(made["Hafen"])) == ("30 Tage", ["Dana Reyes"])
    assert made["Hafen"]["contacts"][0]["phone"] == "+4915112345678"
    assert [(one["type"], one["address_line_1"]) for one in made["Hafen"]["addresses"][2:]] == [
        ("billing", "Weg 3"),
        ("shipping", "Dock 2"),
        ("shipping", "Gang 4"),
    ]
    assert skipped(found) == ["supplier"]
    assert not any(found.mapped.tables.unused_columns.values())


def test_odoo_rows_may_name_their_company_by_the_database_id(tmp_path: Path) -> None:
    text = """
    External ID,.id,Display Name,Company Type,Related Company/.id,Address Type,Street,City,Email
    base.c1,1,Harbor Goods,Company,,Contact,4 Pier Rd,Marlow,
    base.c2,2,"Harbor Goods, Dana Reyes",Individual,1,Contact,,,dana@example.com
    base.c3,3,"Harbor Goods, Dock",Individual,1,Delivery,9 Dock St,Austin,
    """
    made = sent("odoo", tmp_path, text)
    assert list(made) == ["base.c1"]
    assert (people(made["base.c1"]), len(made["base.c1"]["addresses"])) == (["Dana Reyes"], 3)


def test_netsuite_leads_and_prospects_are_skipped(tmp_path: Path) -> None:
    text = """
    Internal ID,Name,Status,Primary Contact,Email
    17,Harbor Goods,CUSTOMER-Closed Won,Harbor Goods : Dana Reyes,a@example.com
    18,Kestrel & Sons,PROSPECT-In Discussion,,
    19,Alder Supply,LEAD-Unqualified,,
    """
    made, found = run("netsuite", tmp_path, text)
    assert {key: people(body) for key, body in made.items()} == {"17": ["Dana Reyes"]}
    assert skipped(found) == ["lead", "prospect"]


def test_netsuite_individuals_are_named_after_the_person(tmp_path: Path) -> None:
    text = """
    Internal ID,Name,Company Name,Is Individual,First Name,Last Name,Email
    17,CUST17 Ann Lee,,Yes,Ann,Lee,ann@example.com
    18,CUST18 Harbor Goods,Harbor Goods,No,Dana,Reyes,dana@example.com
    """
    assert [body["company_name"] for body in sent("netsuite", tmp_path, text).values()] == ["Ann Lee", "Harbor Goods"]


def test_netsuite_billing_and_shipping_columns_may_have_a_person_and_a_phone(tmp_path: Path) -> None:
    billing = "Billing Attention,Billing Phone,Billing Address 1,Billing City,Billing Country Code"
    text = f"""
    Internal ID,Company Name,{billing},Shipping Attention,Shipping Address 1,Shipping City
    17,Harbor Goods,Dana Reyes,+1 415 555 0132,4 Pier Rd,Marlow,US,Lee Park,9 Dock St,Austin
    18,Kestrel & Sons,,,1 Mill Ln,Austin,US,,,
    """
    made = sent("netsuite", tmp_path, text)
    first, second = made["17"]["addresses"]
    assert (first["first_name"], first["phone"], first["country"]) == ("Dana", "+14155550132", "US")
    assert (second["first_name"], second["last_name"], second["city"]) == ("Lee", "Park", "Austin")
    assert [one["address_line_1"] for one in made["18"]["addresses"]] == ["1 Mill Ln"]


def test_netsuite_address_columns_may_begin_with_address(tmp_path: Path) -> None:
    parts = "Attention,Addressee,Address 1,City,Zip Code,Country,Default Billing Address,Default Shipping Address"
    text = f"""
    Internal ID,Company Name,Address : {parts.replace(",", ",Address : ")}
    17,Harbor Goods,Dana Reyes,Harbor Goods,4 Pier Rd,Marlow,43000,United States,Yes,No
    17,Harbor Goods,,Dock,9 Dock St,Austin,78701,United States,No,Yes
    """
    made, found = run("netsuite", tmp_path, text)
    assert defaults(made["17"]) == {"billing": "4 Pier Rd", "shipping": "9 Dock St"}
    assert not any(found.mapped.tables.unused_columns.values())


@pytest.mark.parametrize(
    ("street", "place", "billing", "shipping"),
    [
        ("Address{n}_addr1", "Address{n}_city", "Address{n}_defaultBilling", "Address{n}_defaultShipping"),
        ("Address{n}_Line1", "Address{n}_City", "Address{n}_DefaultBillTo", "Address{n}_DefaultShipTo"),
        ("Address{n} Line 1", "Address{n} City", "Address{n} Default Billing", "Address{n} Default Shipping"),
    ],
)
def test_netsuite_template_columns_may_have_the_names_of_scripts(
    street: str, place: str, billing: str, shipping: str, tmp_path: Path
) -> None:
    headers = (one.replace("{n}", number) for number in "12" for one in (street, place, billing, shipping))
    rows = "X1,Harbor Goods,4 Pier Rd,Marlow,TRUE,FALSE,9 Dock St,Austin,FALSE,TRUE"
    body = sent("netsuite-template", tmp_path, f"externalId,companyName,{','.join(headers)}\n{rows}")["X1"]
    assert defaults(body) == {"billing": "4 Pier Rd", "shipping": "9 Dock St"}


def test_quickbooks_online_mobile_is_the_phone_if_there_is_no_other(tmp_path: Path) -> None:
    text = """
    Name,Company,Phone,Mobile,Street,City,State,ZIP
    Harbor Goods,,+1 415 555 0132,+1 415 555 0133,4 Pier Rd,Marlow,OH,43000
    Kestrel & Sons,,,+1 415 555 0143,,,,
    """
    phones = [body["phone"] for body in sent("quickbooks-online", tmp_path, text).values()]
    assert phones == ["+14155550132", "+14155550143"]


def test_quickbooks_reports_may_have_addresses_in_parts_or_in_one_cell(tmp_path: Path) -> None:
    online = "Customer,Bill to Street,Bill to City,Bill to State,Bill to Zip\nHarbor Goods,4 Pier Rd,Marlow,OH,43000"
    desktop = 'Customer,Bill to,Main Phone\nHarbor Goods,"Harbor Goods\n4 Pier Rd\nMarlow, OH 43000",'
    for system, text in (("quickbooks-online", online), ("quickbooks-desktop", desktop)):
        folder = tmp_path / system
        folder.mkdir()
        ((place,),) = (body["addresses"] for body in sent(system, folder, text).values())
        assert (place["address_line_1"], place["city"], place["state"]) == ("4 Pier Rd", "Marlow", "OH")


def test_iif_customers_may_have_several_shipping_addresses(tmp_path: Path) -> None:
    names = [f"{kind}ADDR{line}" for kind in ("B", "S", "S1", "S2", "SDEFAULT") for line in range(1, 6)]
    first, second = ["9 Dock St", "Austin, TX 78701", "", "", ""], ["2 Elm St", "Austin, TX 78702", "", "", ""]
    cells = ["4 Pier Rd", "Marlow, OH 43000", *[""] * 8, *first, *second, *second]
    lines = ["!CUST", "NAME", *names], ["CUST", "Harbor Goods", *cells]
    (tmp_path / "list.iif").write_text("\n".join("\t".join(line) for line in lines) + "\n", encoding="utf-8")
    (body,) = map(json.loads, bodies(check("quickbooks-iif", [tmp_path])).splitlines())
    assert [one["address_line_1"] for one in body["addresses"]] == ["4 Pier Rd", "2 Elm St", "9 Dock St"]
    assert defaults(body) == {"billing": "4 Pier Rd", "shipping": "2 Elm St"}


def test_sage_100_customers_name_their_primary_address_and_person(tmp_path: Path) -> None:
    customers = """
    ARDivisionNo,CustomerNo,CustomerName,ContactCode,PrimaryShipToCode,CustomerStatus
    01,ABF,Harbor Goods,DREYES,0002,A
    01,TMP,Walk-in,,,T
    """
    places = """
    ARDivisionNo,CustomerNo,ShipToCode,ShipToName,ShipToAddress1,ShipToCity
    01,ABF,0001,Store 1,9 Dock St,Austin
    01,ABF,0002,Store 2,2 Elm St,Austin
    """
    persons = """
    ARDivisionNo,CustomerNo,ContactCode,ContactName
    01,ABF,LPARK,Lee Park
    01,ABF,DREYES,Dana Reyes
    """
    made, found = run("sage-100", tmp_path, customers, places, persons)
    assert defaults(made["01-ABF"]) == {"shipping": "2 Elm St"}
    assert [(one["first_name"], one["is_default"]) for one in made["01-ABF"]["contacts"]] == [
        ("Lee", False),
        ("Dana", True),
    ]
    assert skipped(found) == ["temporary customer"]


def test_business_central_customers_name_their_default_address(tmp_path: Path) -> None:
    customers = """
    No,Name,Address,City,Ship_to_Code
    C1,Harbor Goods,4 Pier Rd,Marlow,DOCK
    """
    places = """
    Customer_No,Code,Name,Address,City
    C1,NORTH,North,2 Elm St,Austin
    C1,DOCK,Dock,9 Dock St,Austin
    """
    made = sent("business-central", tmp_path, customers, places)
    assert defaults(made["C1"]) == {"billing": "4 Pier Rd", "shipping": "9 Dock St"}


def test_business_central_second_line_is_read_in_french(tmp_path: Path) -> None:
    text = "N°;Nom;Adresse;Adresse (2ème ligne);Ville\nC1;Port Bleu;4 rue du Port;Bât. B;Lyon"
    ((place,),) = (body["addresses"] for body in sent("business-central", tmp_path, text).values())
    assert place["address_line_2"] == "Bât. B"


def test_sap_exports_are_read_in_spanish(tmp_path: Path) -> None:
    partners = """
    Código SN;Nombre SN;Tipo SN
    C1;Casa Azul;Cliente
    P1;Papel;Proveedor
    """
    places = """
    Código SN;ID de dirección;Calle;Número de calle;Código postal;Ciudad;Tipo de dirección
    C1;Principal;Calle Mayor;12;28001;Madrid;Facturar a
    C1;Bodega;Calle Menor;1;28002;Madrid;Enviar a
    """
    made = sent("sap-business-one", tmp_path, partners, places)
    assert [defaults(body) for body in made.values()] == [{"billing": "Calle Mayor 12", "shipping": "Calle Menor 1"}]


def test_xero_archived_contacts_and_suppliers_are_skipped(tmp_path: Path) -> None:
    text = """
    ContactName,ContactStatus,IsSupplier,IsCustomer
    Harbor Goods,ACTIVE,true,true
    Old Mill,ARCHIVED,false,true
    Paper Ltd,ACTIVE,true,false
    New Shop,ACTIVE,false,false
    """
    made, found = run("xero", tmp_path, text)
    assert list(made) == ["Harbor Goods", "New Shop"]
    assert skipped(found) == ["archived", "supplier"]


def test_xero_addresses_may_begin_on_the_second_line(tmp_path: Path) -> None:
    text = """
    ContactName,POAddressLine1,POAddressLine2,POAddressLine3,POCity,SAAddressLine1,SAAddressLine2,SACity
    Harbor Goods,,4 Pier Rd,Suite 5,Marlow,Dock 7,9 Dock St,Austin
    """
    (body,) = sent("xero", tmp_path, text).values()
    lines = {one["type"]: (one["address_line_1"], one["address_line_2"]) for one in body["addresses"]}
    assert lines == {"billing": ("4 Pier Rd", "Suite 5"), "shipping": ("Dock 7", "9 Dock St")}


def test_netsuite_billing_and_shipping_columns_are_the_defaults_and_not_repeated(tmp_path: Path) -> None:
    text = """
    Internal ID,Name,Address 1,City,Billing Address 1,Billing City,Shipping Address 1,Shipping City
    17,Harbor Goods,2 Elm St,Austin,4 Pier Rd,Marlow,9 Dock St,Austin
    17,Harbor Goods,4 Pier Rd,Marlow,4 Pier Rd,Marlow,9 Dock St,Austin
    18,Kestrel & Sons,1 Mill Ln,Austin,,,,
    """
    made = sent("netsuite", tmp_path, text)
    assert [(one["type"], one["address_line_1"]) for one in made["17"]["addresses"]] == [
        ("shipping", "2 Elm St"),
        ("billing", "4 Pier Rd"),
        ("shipping", "9 Dock St"),
    ]
    assert defaults(made["17"]) == {"billing": "4 Pier Rd", "shipping": "9 Dock St"}
    assert defaults(made["18"]) == {"shipping": "1 Mill Ln"}


def test_business_central_is_read_in_danish(tmp_path: Path) -> None:
    text = """
    Nummer;Navn;Adresse;Postnr.;By;Lande-/områdekode;Telefon;Mail;Spærret;Betalingsbetingelseskode;Sælgerkode
    D1;Havn ApS;Kajen 4;8000;Aarhus C;DK;86 12 34 56;ap@example.com; ;14D;
    D2;Lukket;Vej 1;8000;Aarhus C;DK;;;Alle;;
    """
    made, found = run("business-central", tmp_path, text)
    assert [(body["email"], body["payment_term"]) for body in made.values()] == [("ap@example.com", "14D")]
    assert skipped(found) == ["blocked"]
    assert not any(found.mapped.tables.unused_columns.values())
