"""Included mappings with headers that differ from the samples': other versions, languages, spellings."""

import csv
import io
import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from importer.errors import ImporterError
from tests.mapping.golden import bodies, check
from tests.samples.__main__ import SAMPLE_DATA


def sent_bodies(system: str, files: dict[str, str], folder: Path) -> dict[str, dict[str, Any]]:
    """Reference ID → the body that would be sent."""
    for name, text in files.items():
        (folder / name).write_text(dedent(text).strip() + "\n", encoding="utf-8")
    lines = bodies(check(system, [folder / name for name in files])).splitlines()
    return {body["reference_id"]: body for body in map(json.loads, lines)}


def shape(body: dict[str, Any]) -> tuple[str, list[tuple[str, str, str | None]], list[str]]:
    """The company's name, (type, city, state) of its addresses, and the names of its contacts."""
    addresses = [(one["type"], one["city"], one.get("state")) for one in body.get("addresses", ())]
    people = [" ".join(filter(None, (one["first_name"], one.get("last_name")))) for one in body.get("contacts", ())]
    return body["company_name"], addresses, people


BOTH = [("billing", "Austin", "TX"), ("shipping", "Austin", "TX")]
CASES = {
    "shopify, before it had IDs": (
        "shopify",
        """
        First Name,Last Name,Email,Company,Address1,City,Province,Province Code,Country,Country Code,Zip,Phone,Tags
        Dana,Reyes,dana@example.com,Harbor Goods,4 Pier Rd,Austin,Texas,TX,United States,US,78701,5125550147,"a, b"
        Lee,Park,lee@example.com,,9 Dock St,Toronto,Ontario,ON,Canada,CA,M5V 2T6,416-555-0132,
        ,,news@example.com,,,,,,,,,,newsletter
        """,
        {
            "dana@example.com": ("Harbor Goods", BOTH, ["Dana Reyes"]),
            "lee@example.com": (
                "Lee Park",
                [("billing", "Toronto", "ON"), ("shipping", "Toronto", "ON")],
                ["Lee Park"],
            ),
        },
    ),
    "shopify, with commands that are not obeyed": (
        "shopify",
        """
        ID,Command,Email,First Name,Last Name,Address Company,Address Line 1,Address City,Address Province Code
        '71,DELETE,gone@example.com,Lee,Park,Old Goods,1 Mill Ln,Austin,TX
        '72,MERGE,dana@example.com,Dana,Reyes,Harbor Goods,4 Pier Rd,Austin,TX
        """,
        {"72": ("Harbor Goods", BOTH, ["Dana Reyes"])},
    ),
    "netsuite template, by internal names, with labels and instructions": (
        "netsuite-template",
        """
        externalId,companyName,firstName,lastName,isInactive,address1_line1,address1_city,address1_defaultBilling
        External ID,Company Name,First Name,Last Name,Inactive,Address 1,City,Default Billing
        Required,Max 83 characters,Optional,Optional,T or F,Optional,Optional,T or F
        E1,Harbor Goods,,,F,4 Pier Rd,Austin,F
        E2,,Lee,Park,F,9 Dock St,Austin,T
        E3,Old Co,,,T,,,
        """,
        {
            "E1": ("Harbor Goods", [("shipping", "Austin", None)], []),
            "E2": ("Lee Park", [("billing", "Austin", None)], ["Lee Park"]),
        },
    ),
    "netsuite template, British labels with markers": (
        "netsuite-template",
        """
        External ID 2,Company Name,Address 1 : Address 1,Address 1 : City,Address 1 : County,Address 1 : Country (Req) 1
        17,Harbor Goods,4 Pier Rd,Luton,Bedfordshire,united kingdom
        """,
        {"17": ("Harbor Goods", [("shipping", "Luton", "Bedfordshire")], [])},
    ),
    "business central, German": (
        "business-central",
        """
        Nr.;Name;Adresse;PLZ-Code;Ort;Länder-/Regionscode;Telefonnr.;E-Mail;Kontakt;Gesperrt
        01121212;Krähwinkel GmbH;Hauptstraße 5;10115;Berlin;DE;030 23125123;info@example.com;Jürgen Ötz; \n\
        01121213;Alte Firma;Weg 1;20095;Hamburg;DE;;;;Alle
        """,
        {"01121212": ("Krähwinkel GmbH", [("billing", "Berlin", None)], ["Jürgen Ötz"])},
    ),
    "business central, as a web service": (
        "business-central",
        """
        No,Name,Address,City,County,Post_Code,Country_Region_Code,Phone_No,E_Mail,Blocked
        01121212,Harbor Goods,4 Pier Rd,Miami,,US-FL 37125,US,305-555-0101,spot@example.com,
        """,
        {"01121212": ("Harbor Goods", [("billing", "Miami", "FL")], [])},
    ),
    "odoo, by technical names": (
        "odoo",
        """
        id,name,is_company,parent_id/id,type,street,city,state_id,zip,country_id,customer_rank,supplier_rank
        p_3,Dana Reyes,False,p_1,contact,,,,,,0,0
        p_1,Harbor Goods,True,,contact,4 Pier Rd,Austin,Texas (US),78701,United States,3,0
        p_2,Warehouse,False,p_1,delivery,9 Dock St,Austin,Texas (US),78702,United States,0,0
        p_4,Paper Mill,True,,contact,1 Mill Ln,Austin,Texas (US),78702,United States,0,5
        """,
        {"p_1": ("Harbor Goods", [*BOTH, BOTH[1]], ["Dana Reyes"])},
    ),
    "odoo, by names only": (
        "odoo",
        """
        Name,Is a company,Related company,Address type,Street,ZIP,City,State,Country
        Harbor Goods,1,,,4 Pier Rd,20001,Washington,D.C.,United States
        Dana Reyes,0,Harbor Goods,Contact,,,,,
        Accounts,0,Harbor Goods,Invoice address,1 Bill St,78701,Austin,Texas,United States
        """,
        {
            "Harbor Goods": (
                "Harbor Goods",
                [("billing", "Washington", "DC"), ("shipping", "Washington", "DC"), BOTH[0]],
                ["Dana Reyes"],
            )
        },
    ),
    "odoo, in German": (
        "odoo",
        """
        Externe ID,Name,Ist ein Unternehmen,Zugehöriges Unternehmen,Adresstyp,Straße,PLZ,Stadt,Bundesland,Land,Telefon
        p_1,Hafenwaren,1,,Kontakt,Pier 4,10115,Berlin,,Deutschland,030 901820
        p_2,Lager,0,Hafenwaren,Lieferadresse,Dock 9,20095,Hamburg,,Deutschland,
        p_3,Dana Reyes,0,Hafenwaren,Kontakt,,,,,,
        """,
        {
            "p_1": (
                "Hafenwaren",
                [("billing", "Berlin", None), ("shipping", "Berlin", None), ("shipping", "Hamburg", None)],
                ["Dana Reyes"],
            )
        },
    ),
    "odoo, in French": (
        "odoo",
        """
        Nom,Est une société,Société liée,Type d'adresse,Rue,Code postal,Ville,Pays
        Port SA,VRAI,,Contact,4 quai,75001,Paris,France
        Compta,FAUX,Port SA,Adresse de facturation,9 quai,69001,Lyon,France
        """,
        {
            "Port SA": (
                "Port SA",
                [("billing", "Paris", None), ("shipping", "Paris", None), ("billing", "Lyon", None)],
                [],
            )
        },
    ),
    "sage 50, with one column for the contact": (
        "sage-50",
        """
        Customer ID,Customer Name,Prospect,Contact,Ship to Address 1-Line One,Ship to City 1,Ship to State 1
        HARB,Harbor Goods,FALSE,Dana Reyes,9 Dock St,Austin,TX
        LEAD,Someday Goods,TRUE,,,,
        """,
        {"HARB": ("Harbor Goods", BOTH[1:], ["Dana Reyes"])},
    ),
    "sage 100, by labels, only customers": (
        "sage-100",
        """
        AR Division No,Customer No,Customer Name,Address Line 1,City,State,Zip Code,Customer Status
        01,ABF,Harbor Goods,4 Pier Rd,Austin,TX,78701,A
        """,
        {"01-ABF": ("Harbor Goods", BOTH[:1], [])},
    ),
    "quickbooks online, an older report": (
        "quickbooks-online",
        """
        "Wobblewick Trading, Inc."
        Customer Contact List
        As of April 2 2025

        Customer,Phone Numbers,Email,Full Name,Billing Address,Shipping Address,Open Balance,Currency
        Harbor Goods,Phone:(512) 555-0147,office@example.com,Dana Reyes,4 Pier Rd Austin TX 78701,,0.00,USD
        Old Goods (deleted),,,,,,0.00,USD
        TOTAL,,,,,,0.00,
        """,
        {"Harbor Goods": ("Harbor Goods", BOTH[:1], ["Dana Reyes"])},
    ),
    "quickbooks online, the list from the Customers page": (
        "quickbooks-online",
        """
        Name,Company name,Street Address,City,State,Country,Zip,Phone,Email,Open balance
        Dana,Harbor Goods,4 Pier Rd,Austin,TX,US,78701,(512) 555-0147,office@example.com,0.00
        """,
        {"Dana": ("Harbor Goods", BOTH[:1], [])},
    ),
    "quickbooks desktop, with address parts": (
        "quickbooks-desktop",
        """
        ,Active Status,Customer,Company,Primary Contact,Bill to 1,Bill to 2,Bill to 3,Street1,City,State,Zip
        ,Active,Harbor,Harbor Goods,Dana Reyes,Harbor Goods,4 Pier Rd,"Austin, TX 78701",4 Pier Rd,Austin,TX,78701
        ,Not-active,Old,Old Goods,,,,,,,,
        """,
        {"Harbor": ("Harbor Goods", BOTH[:1], ["Dana Reyes"])},
    ),
    "by hand, a very simple list": (
        "generic-wide",
        """
        Company,Address 1,City,State,Zip,Country,Phone,Email,Contact
        Harbor Goods,4 Pier Rd,Austin,TX,78701,USA,(512) 555-0147,office@example.com,Dana Reyes
        """,
        {"Harbor Goods": ("Harbor Goods", BOTH, ["Dana Reyes"])},
    ),
    "by hand, Billing Code is a ZIP and Billing Address a line": (
        "generic-wide",
        """
        Account #,Name,First Name,Last Name,Billing Address,Billing City,Billing State,Billing Code,County,Country
        0012,Harbor Goods,Dana,Reyes,4 Pier Rd,Austin,TX,78701,Travis,USA
        """,
        {"0012": ("Harbor Goods", BOTH[:1], ["Dana Reyes"])},
    ),
    "by hand, addresses in rows, flags for their types": (
        "generic-long",
        """
        Customer No,Company,Address,City,State,Default Billing,Default Shipping
        1,Harbor Goods,4 Pier Rd,Austin,TX,Yes,No
        1,Harbor Goods,9 Dock St,Austin,TX,No,Yes
        """,
        {"1": ("Harbor Goods", BOTH, [])},
    ),
    "by hand, with database column names": (
        "generic-wide",
        """
        customer_id,company_name,billing_address_1,billing_city,billing_state,shippingAddress1,ship-to-city,ship_to_state
        1,Harbor Goods,4 Pier Rd,Austin,TX,9 Dock St,Austin,TX
        """,
        {"1": ("Harbor Goods", BOTH, [])},
    ),
    "from a database, addresses and people in rows": (
        "generic-long",
        """
        customer_id,company_name,address_type,address1,city,state,first_name,last_name,email,phone
        1,Harbor Goods,BILL,4 Pier Rd,Austin,TX,Dana,Reyes,dana@example.com,5125550147
        1,Harbor Goods,SHIP,9 Dock St,Austin,TX,Lee,Park,lee@example.com,5125550148
        """,
        {"1": ("Harbor Goods", BOTH, ["Dana Reyes", "Lee Park"])},
    ),
    "magento, where _email is not email": (
        "magento",
        """
        email,_website,firstname,lastname,_email
        dana@example.com,base,Dana,Reyes,no@example.com
        """,
        {"dana@example.com-base": ("Dana Reyes", [], ["Dana Reyes"])},
    ),
    "wizcommerce, by the API's names": (
        "wizcommerce-template",
        """
        reference_id,company_name,payment_term
        17,Harbor Goods,Net 30
        """,
        {"17": ("Harbor Goods", [], [])},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_other_header_spellings_of_a_system_are_understood(case: str, tmp_path: Path) -> None:
    system, text, wanted = CASES[case]
    assert {key: shape(body) for key, body in sent_bodies(system, {"export.csv": text}, tmp_path).items()} == wanted


def test_sap_header_rows_may_be_in_either_order(tmp_path: Path) -> None:
    for path in (SAMPLE_DATA / "sap-business-one").iterdir():
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""), delimiter="\t"))
        rows[0], rows[1] = rows[1], rows[0]
        out = io.StringIO()
        csv.writer(out, delimiter="\t", lineterminator="\r\n").writerows(rows)
        (tmp_path / path.name).write_text(out.getvalue(), encoding="utf-8", newline="")
    assert bodies(check("sap-business-one", [tmp_path])) == bodies(
        check("sap-business-one", [SAMPLE_DATA / "sap-business-one"])
    )


def test_mapped_credit_card_column_is_refused(tmp_path: Path) -> None:
    mapping = tmp_path / "mine.yaml"
    mapping.write_text("extends: sage-50\ncustomer: {payment_mode: Credit Card Number}\n", encoding="utf-8")
    export = tmp_path / "export.csv"
    export.write_text(
        "Customer ID,Customer Name,Credit Card Number\n1,Harbor Goods,4111111111111111\n", encoding="utf-8"
    )
    with pytest.raises(ImporterError, match="which contains sensitive data"):
        check(str(mapping), [export])
