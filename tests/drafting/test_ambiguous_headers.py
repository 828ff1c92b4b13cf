"""Headers that say too little: the values and the other columns decide what they are."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.drafting.support import TOWNS, draft, plain, targets

FIRM = ("Nord Ltd", "Harbor Goods", "Kestrel & Sons", "Old Mill Inc.")
PERSON = ("Ann Lee", "Bo Ray", "Cy Poe", "Di Fox")
NUMBER, COMPANY = ["reference_id"], ["company_name"]
LINE, CITY = ["addresses.billing.address_line_1"], ["addresses.billing.city"]
PLACE = ["addresses.billing.zip_code", "addresses.billing.city"]


def firm(n: int) -> str:
    return FIRM[n % 4].replace(" ", f"{'abcdefgh'[n]} ", 1)


def person(n: int) -> str:
    return f"{PERSON[n % 4]}{'abcdefgh'[n]}"


def german(n: int, role: str) -> dict[str, str]:
    return {f"Straße{role}": f"Gasse {n}", f"PLZ{role}": f"1000{n}", f"Ort{role}": TOWNS[n % 4]}


# name: the rows, the country, and the proposals for some columns (None: nothing).
CASES: dict[str, tuple[Callable[[int], Mapping[str, str]], str, dict[str, Any]]] = {
    "a customer's code beside the name": (
        lambda n: {"Customer": f"C{n:04}", "Name": firm(n), "City": TOWNS[n % 4]}, "GB",
        {"Customer": NUMBER, "Name": COMPANY},
    ),
    "a person as the customer's name beside the company": (
        lambda n: {"No.": f"{n + 70}", "Customer Name": person(n), "Company": firm(n)}, "GB",
        {"Customer Name": ["contacts[1].first_name", "contacts[1].last_name"], "Company": COMPANY},
    ),
    "the company that the system belongs to": (
        lambda n: {"Company": "EPIC", "CustNum": f"{n + 70}", "knavn": firm(n)}, "GB",
        {"Company": None, "knavn": COMPANY},
    ),
    "an unknown header before the person": (
        lambda n: {"Nr": f"{n + 70}", "Zzyx": f"Haus {TOWNS[n % 4]} {'abcdefgh'[n]}", "Ansprechp.": person(n)}, "DE",
        {"Zzyx": COMPANY},
    ),
    "a customer with only bill-to columns": (
        lambda n: {"Bill To Customer Code": f"{n}", "Bill To Customer Name": person(n), "Bill To City": "Bath"}, "GB",
        {"Bill To Customer Code": NUMBER, "Bill To Customer Name": COMPANY},
    ),
    "a number from another system": (
        lambda n: {"Name": firm(n), "ERP Customer Number": f"47-{n}"}, "GB", {"ERP Customer Number": NUMBER},
    ),
    "the name of a place": (
        lambda n: plain(n) | {"Street": f"{n} Low St", "Ship To": f"Dock {'abcdefgh'[n]}"}, "GB",
        {"Ship To": None, "Street": LINE},
    ),
    "the delivery address in one line": (
        lambda n: plain(n) | {"Street": f"{n} Low St", "Ship To": f"{n} Dock Rd"}, "GB",
        {"Ship To": ["addresses.shipping.address_line_1"], "Street": LINE},
    ),
    "the house number after the street": (
        lambda n: {"Klantnr": f"{n + 70}", "Winkel": firm(n), "Straat": "Kade", "Nr": f"{n}", "Plaats": "Breda"}, "NL",
        {"Nr": LINE},
    ),
    "the house number of the delivery address": (
        lambda n: plain(n) | {"Afleveradres: straat": "Kade", "Afleveradres: nummer": f"{n}"},
        "NL", {"Afleveradres: nummer": ["addresses.shipping.address_line_1"]},
    ),
    "a number far from any street": (
        lambda n: {"Número": f"{n + 70}", "Nome": firm(n), "Morada": f"Rua {n}", "Localidade": "Porto"}, "PT",
        {"Número": NUMBER},
    ),
    "the postal code and town below the street": (
        lambda n: {"Kundnr": f"{n}", "Namn": firm(n), "Adress": f"Gatan {n}", "Postadress": f"972 3{n} Luleå"}, "SE",
        {"Adress": LINE, "Postadress": PLACE},
    ),
    "a separate street beside the town": (
        lambda n: {"Nr": f"{n}", "Navn": firm(n), "Besøksadresse": f"Gata {n}", "Postnr": f"35{n}8", "Sted": "Bø"},
        "NO", {"Besøksadresse": LINE, "Sted": CITY},
    ),
    "the row's number and a code that is always the same": (
        lambda n: plain(n) | {"ID": f"{n + 1}", "Code": "A"}, "GB", {"ID": None, "Code": None},
    ),
    "phones in a column of numbers": (
        lambda n: plain(n) | {"06-nummer": f"06 125501{n}2"}, "NL", {"06-nummer": None},
    ),
    "a kind that always means a recipient": (
        lambda n: {"Kod": f"K{n}", "Nazwa": firm(n), "Ulica": f"Lipowa {n}", "Miasto": "Gdynia", "Rodzaj": "odbiorca"},
        "PL", {"Ulica": LINE},
    ),
    "a consignee's name": (
        lambda n: {"Kundnr": f"{n}", "Namn": firm(n), "Godsmottagare": firm(n)}, "SE", {"Godsmottagare": None},
    ),
    "the only phone, of the address": (
        lambda n: plain(n, Street=f"{n} High St") | {"Address phone": f"0113 496 001{n}"}, "GB",
        {"Address phone": ["phone"]},
    ),
    "a shop's phone and street": (
        lambda n: {"Number": f"{n}", "Name": firm(n), "Store address": f"{n} High St", "City": "Bath"}
        | {"Store phone": f"0113 496 001{n}"}, "GB",
        {"Store address": LINE, "Store phone": ["phone"]},
    ),
    "a bill-to and a sold-to address": (
        lambda n: {"No": f"{n}", "Name": firm(n), "Bill To: Street": "High St", "Bill To: City": "Bath"}
        | {"Sold To: Street": f"{n} Low St", "Sold To: City": "Leeds"}, "GB",
        {"Bill To: City": CITY, "Sold To: City": ["addresses.shipping.city"]},
    ),
    "a postal code called postal": (
        lambda n: plain(n) | {"Street": f"{n} High St", "Postal": f"LS{n} 4AP"}, "GB",
        {"Postal": ["addresses.billing.zip_code"]},
    ),
    "a kind of entity beside the name": (
        lambda n: {"Code": f"C{n}", "Entity": "Company", "Name": firm(n)}, "GB", {"Entity": None, "Name": COMPANY},
    ),
    "a place in a list without companies": (
        lambda n: {"Location Name": f"Depot #{n}", "City": "Bath", "Contact": person(n), "Brand": ""}, "GB",
        {"Location Name": COMPANY},
    ),
    "a bill-to number": (
        lambda n: {"BILLTONUMBER": f"C{n // 2}", "BILLTONAME1": firm(n // 2), "SHIPTOCITY": TOWNS[n % 4]}, "GB",
        {"BILLTONUMBER": NUMBER},
    ),
    "a location that is the town": (
        lambda n: {"No": f"{n}", "Name": firm(n), "Address": f"Kade {n}", "Postal code": f"1{n}11 AB"}
        | {"Location": TOWNS[n % 4]}, "NL", {"Location": CITY},
    ),
    "a street beside the billing town": (
        lambda n: {"ID": f"K{n}", "Name": firm(n), "Customer Address": f"{n} High St", "Billing City": "Bath"}
        | {"Billing Zip": f"LS{n} 4AP"}, "GB", {"Customer Address": LINE, "Billing City": CITY},
    ),
    "a code of the delivery address that is not a postal code": (
        lambda n: {"Codice": f"{n}", "Denominazione": firm(n), "Codice Destinazione": f"ABC123{n}", "CAP": "40121"},
        "IT", {"Codice Destinazione": None},
    ),
    "a house number in an address": (
        lambda n: plain(n) | {"address_street": "Markt", "address_city": "Köln", "address_nr": f"{n + 1}"}, "DE",
        {"address_nr": LINE},
    ),
    "a contact's name beside the first name": (
        lambda n: {"Code": f"{n}", "Nom société": firm(n), "Nom contact": "Roy", "Prénom": "Luc"}, "FR",
        {"Nom contact": ["contacts[1].last_name"]},
    ),
    "a full name called first name": (
        lambda n: {"Code": f"{n}", "Name": firm(n), "First name": person(n)}, "GB",
        {"First name": ["contacts[1].first_name", "contacts[1].last_name"]},
    ),
    "a contact's name beside the last name": (
        lambda n: plain(n) | {"nomeContatto": "Luca", "cognomeContatto": "Greco"}, "IT",
        {"nomeContatto": ["contacts[1].first_name"]},
    ),
    "the postal code of an address in one cell": (
        lambda n: plain(n, **{"Delivery Address": f"{n} Low St", "Delivery Postcode": "YO1 7HH"})
        | {"City": "", "Bill Address": f"{n} High St\nBath", "Postcode": "BA1 1AA"}, "GB",
        {"Postcode": ["addresses.billing.zip_code"]},
    ),
    "types of addresses below an unknown header": (
        lambda n: plain(n, Street=f"{n} High St") | {"Spezifikation": ("Rechnungsadresse", "Lieferadresse")[n % 2]},
        "DE", {"Spezifikation": ["addresses.any.type"]},
    ),
    "the kind of a second contact": (
        lambda n: plain(n) | {"Contact 2 name": person(n), "Contact 2 type": ""}, "GB", {"Contact 2 type": None},
    ),
    "a user name beside the email address": (
        lambda n: plain(n) | {"User Name": f"u{n}@example.com", "Admin Email": f"a{n}@example.com"}, "GB",
        {"User Name": None, "Admin Email": ["contacts[1].email"]},
    ),
    "a state whose code means no in Czech": (
        lambda n: plain(n) | {"Street": f"{n} Main St", "State": "NE"}, "US",
        {"State": ["addresses.billing.state"]},
    ),
    "words among codes": (
        lambda n: {
            "customer_number": f"{n}", "customer_name": firm(n), "address1": f"{n} High St", "city": "Bath",
            "PAYMENT_TERM": "30 NET", "fname": person(n),
        }, "GB", {"PAYMENT_TERM": ["payment_term"]},
    ),
    "places where the work is done": (
        lambda n: plain(n, Street=f"{n} High St") | {
            "Property Name": "Dock", "Property Address": f"{n} Low St", "Property City": "Leeds",
            "Property Status": ("Open", "Closed")[n % 2], "Property Phone": f"+44 1225 55501{n}",
        }, "GB",
        {
            "Property Name": None, "Property Address": ["addresses.shipping.address_line_1"], "Property Status": None,
            "Property City": ["addresses.shipping.city"], "Property Phone": ["addresses.shipping.phone"],
        },
    ),
    "warehouses with numbers": (
        lambda n: plain(n, Street=f"{n} High St") | {
            f"Warehouse {at} {part}": f"{n} Low St" for at in (1, 2) for part in ("Street", "City")
        }, "GB", {"Warehouse 2 Street": ["addresses.shipping[2].address_line_1"]},
    ),
    "a group as the last of two numbers": (
        lambda n: plain(n) | {
            f"ShipTo{part}_{at}": f"{n} Low St" for at in (1, 2) for part in ("Address1", "Address2", "City", "Zip")
        }, "GB",
        {
            "ShipToAddress2_1": ["addresses.shipping.address_line_2"],
            "ShipToAddress1_2": ["addresses.shipping[2].address_line_1"],
        },
    ),
    "a second contact": (
        lambda n: plain(n) | {
            "Primary Contact Name": person(n), "Secondary Contact Name": "Kim Roe",
            "Secondary Contact Phone": "+44 1225 555019",
        }, "GB",
        {
            "Secondary Contact Name": ["contacts[2].first_name", "contacts[2].last_name"],
            "Secondary Contact Phone": ["contacts[2].phone"],
        },
    ),
    "levels of a building beside the town": (
        lambda n: plain(n, Address=f"Level {n}, Tower {n}, 10 Pitt St"), "AU", {"Address": LINE, "City": CITY},
    ),
    "a blank county beside the town": (
        lambda n: {"Nº Cliente": f"{n}", "Nome": firm(n), "Morada": f"Rua {n}", "Localidade": "Braga", "Concelho": ""},
        "PT", {"Localidade": CITY, "Concelho": None},
    ),
    "postal code and town in the third line": (
        lambda n: {"Code": f"{n}", "Naam": firm(n), "AddressLine1": f"Kade {n}", "AddressLine3": f"101{n} AB Breda"},
        "NL", {"AddressLine3": PLACE},
    ),
    "a street called house number": (
        lambda n: {"Nr.": f"{n + 70}", "Firma": firm(n), "Hausnr.": f"Am Markt {n}", "PLZ": "20095", "Ort": "Hamburg"},
        "DE", {"Hausnr.": LINE},
    ),
    "an ID where a name is expected": (
        lambda n: plain(n) | {"Main Contact": f"0000000{n}-0000-4000-8000-000000000000"}, "GB", {"Main Contact": None},
    ),
    "the ID of a sales rep before the name": (
        lambda n: plain(n) | {"Account Owner.id": f"crm_{n}", "Account Owner": person(n)}, "GB",
        {"Account Owner.id": None, "Account Owner": ["assigned_sales_rep_ids"]},
    ),
    "a separate number for each owner": (
        lambda n: {"Owner": firm(n), "Owner #": f"{n + 70}", "City": "Bath"}, "GB", {"Owner #": NUMBER},
    ),
    "the employee who sells": (
        lambda n: plain(n) | {"salesPerson.employeeNumber": f"{n % 2 + 7}"}, "DK",
        {"salesPerson.employeeNumber": ["assigned_sales_rep_ids"]},
    ),
    "words that are also codes of a system": (
        lambda n: {"address_id": f"{n}", "customer_id": f"{n + 70}", "company": firm(n), "city": "Akron", "state": "OH"}
        | {"line1": f"{n} Main St", "zip": "44308"}, "US",
        {"zip": ["addresses.billing.zip_code"], "customer_id": NUMBER},
    ),
    "numbers after two signs": (
        lambda n: {
            "CoCustomer": f"C{n + 70}", "CadName": firm(n), "CadAddr##1": f"{n} Low St", "CadAddr##2": "",
            "CadCity": "Bath",
        }, "GB", {"CadAddr##1": LINE},
    ),
    "a code that all customers share": (
        lambda n: {"Company": firm(n), "City": TOWNS[n % 4], "Code": "ILS"}, "IL", {"Code": None, "Company": COMPANY},
    ),
    "customers that are numbers": (
        lambda n: {"Customer": f"{n + 1000}", "Zzyx": firm(n), "City": TOWNS[n % 4]}, "GB",
        {"Customer": NUMBER, "Zzyx": COMPANY},
    ),
    "companies and people": (
        lambda n: {"Kod": f"{n + 70}", "Podmiot": ("Firma", "Osoba fizyczna")[n % 2], "Nazwa": firm(n)}, "PL",
        {"Podmiot": None, "Nazwa": COMPANY},
    ),
    "the name beside the contact's name": (
        lambda n: {"Réf.": f"{n + 70}", "Nom": f"Maison {TOWNS[n % 4]} {'abcdefgh'[n]}"}
        | {"Contact - Nom": "abcdefgh"[n] + "poe", "Contact - Prénom": "Ann"}, "FR",
        {"Nom": COMPANY, "Contact - Nom": ["contacts[1].last_name"]},
    ),
    "a first name that hardly any row has": (
        lambda n: {"Codice": f"{n + 70}", "Denominazione": firm(n), "Cognome": "Rossi" if n == 1 else ""}
        | {"Nome": "Anna" if n == 1 else ""}, "IT", {"Nome": ["contacts[1].first_name"]},
    ),
    "a description that is the name": (
        lambda n: {"Account Code": f"{n + 70}", "Description": f"Casa {TOWNS[n % 4]} {'abcdefgh'[n]}"}
        | {"Contact": person(n)}, "ZA", {"Description": COMPANY},
    ),
    "a postal code in a line": (
        lambda n: plain(n, City="") | {"Address 1": f"{n} Low St", "Address 2": TOWNS[n % 4], "Address 3": f"800{n}"},
        "ZA", {"Address 3": ["addresses.billing.zip_code"]},
    ),
    "apartments in a line": (
        lambda n: plain(n) | {"Address 1": f"{n} Low St", "Address 2": f"Apt {n + 20}"}, "US",
        {"Address 2": ["addresses.billing.address_line_2"]},
    ),
    "a city and a state in lines": (
        lambda n: {"No.": f"{n + 70}", "Name": firm(n), "ADDR1": f"{n} Low St", "ADDR2": TOWNS[n % 4]}
        | {"ADDR3": ("NSW", "WA")[n % 2], "ADDR4": "", "Post Code": f"600{n}"}, "AU",
        {"ADDR1": LINE, "ADDR2": CITY, "ADDR3": ["addresses.billing.state"]},
    ),
    "towns in the column of states": (
        lambda n: {"No.": f"{n + 70}", "Name": firm(n), "Address": f"{n} Low St", "State": TOWNS[n % 4]}
        | {"Zip": f"638210{n}"}, "IL", {"State": CITY},
    ),
    "states next to a line with the town": (
        lambda n: {"No.": f"{n + 70}", "Name": firm(n), "Address 1": f"{n} Low St", "Address 2": TOWNS[n % 4]}
        | {"State": "Goa Land", "Zip": f"40005{n}"}, "IN", {"State": ["addresses.billing.state"], "Address 2": CITY},
    ),
    "a blank title beside the job title": (
        lambda n: plain(n) | {"Title": "", "First Name": "Ann", "Last Name": person(n)[-3:], "Job Title": "Boss"}, "GB",
        {"Title": None, "Job Title": ["contacts[1].designation"]},
    ),
    "phone and fax in one column": (
        lambda n: plain(n) | {"Telefon/Fax": f"020 12345{n}"}, "DE", {"Telefon/Fax": ["phone"]},
    ),
    "phones at work": (
        lambda n: plain(n) | {"Work": f"415-555-013{n}", "Home": ""}, "US", {"Work": ["phone"], "Home": None},
    ),
    "a flag that says that there is another address": (
        lambda n: plain(n) | {"Ulica": f"Rynek {n}", "Inny adres do korespondencji": "0"}, "PL",
        {"Inny adres do korespondencji": None},
    ),
    "the only column with phones": (
        lambda n: plain(n) | {"Zzyx": f"(415) 555-013{n}", "Faxno": ""}, "US", {"Zzyx": ["phone"]},
    ),
    "two unknown columns with phones": (
        lambda n: plain(n) | {"Zzyx": f"(415) 555-013{n}", "Zzyf": f"(415) 555-017{n}"}, "US",
        {"Zzyx": None, "Zzyf": None},
    ),
    "a letter that is not a PO box": (
        lambda n: plain(n) | {"Adres": f"Kade {n}", "BP": "B"}, "NL", {"BP": None, "Adres": LINE},
    ),
    "dates below the street": (
        lambda n: plain(n) | {"ADR1": f"{n} Low St", "FST_SAL_DAT": f"2024-05-0{n + 1}"}, "US", {"FST_SAL_DAT": None},
    ),
    "the mobile phone of a list without people": (
        lambda n: plain(n) | {"Phone": f"415-555-013{n}", "Mobile": f"415-555-017{n}"}, "US", {"Mobile": ["phone"]},
    ),
    "letters for the delivery and the invoice address": (
        lambda n: {"Kundennummer": f"{n + 70}", "Firma": firm(n)} | german(n, " L") | german(n, " R"), "DE",
        {"Ort L": ["addresses.shipping.city"], "Ort R": CITY, "PLZ L": ["addresses.shipping.zip_code"]},
    ),
    "letters as numbers of addresses": (
        lambda n: {"Kundennummer": f"{n + 70}", "Firma": firm(n)} | german(n, " A") | german(n, " B"), "DE",
        {"Straße A": LINE, "Straße B": ["addresses.shipping.address_line_1"]},
    ),
    "unknown letters": (
        lambda n: {"Kundennummer": f"{n + 70}", "Firma": firm(n)} | german(n, "") | german(n, " Q"), "DE",
        {"Straße": LINE, "Straße Q": None, "PLZ Q": None},
    ),
    "a short prefix of all parts of an address": (
        lambda n: plain(n) | {"braddress1": f"{n} Low St", "brcity": "Bath", "brzip": f"1000{n}", "brname": firm(n)},
        "GB", {"brcity": None, "brname": None, "City": CITY},
    ),
    "a number for each line": (
        lambda n: {"Nr": f"{n + 70}", "Nazwa": firm(n), "Adres 1 (ulica i numer)": f"ul. Polna {n}",
                   "Adres 2 (kod pocztowy i miasto)": f"00-00{n} Opole"}, "PL",
        {"Adres 1 (ulica i numer)": LINE, "Adres 2 (kod pocztowy i miasto)": PLACE},
    ),
    "a postal code with the town": (
        lambda n: {"Nr": f"{n + 70}", "Firma": firm(n), "Straße": f"Gasse {n}", "PLZ": f"5066{n} Köln"}, "DE",
        {"Straße": LINE, "PLZ": PLACE},
    ),
    "a postal code without the town": (
        lambda n: {"Nr": f"{n + 70}", "Naam": firm(n), "Straat": f"Kade {n}", "Postcode": f"101{n} AB"}, "NL",
        {"Straat": LINE, "Postcode": ["addresses.billing.zip_code"]},
    ),
    "a city without a header that says so": (
        lambda n: {"Nr": f"{n + 70}", "Navn": firm(n), "Adresse": f"Gata {n}", "PostNr": f"015{n}",
                   "Beskrivelse": TOWNS[n % 4]}, "NO",
        {"Beskrivelse": CITY},
    ),
    "a name beside a company in few rows": (
        lambda n: {"No.": f"{n + 70}", "Name": f"Firm {n} s.r.o.", "Mail Company": "Vlk a.s." if n < 2 else ""}, "CZ",
        {"Name": COMPANY},
    ),
    "a trade name beside the legal name": (
        lambda n: {"Código": f"{n + 70}", "Nombre": person(n), "Razón social": f"Firma {n} S.L."}, "ES",
        {"Nombre": ["display_name"], "Razón social": COMPANY},
    ),
    "the last part of a path": (
        lambda n: {"id": f"{n + 70}", "ragioneSociale": firm(n), "sedeOperativa.via": f"Via Roma {n}",
                   "sedeOperativa.comune.nome": "Bari", "sedeOperativa.comune.provincia.sigla": "BA"}, "IT",
        {"sedeOperativa.comune.nome": CITY,
         "sedeOperativa.comune.provincia.sigla": ["addresses.billing.state"]},
    ),
    "a person at an address": (
        lambda n: {"Código": f"{n + 70}", "Empresa": firm(n), "Contacto morada": person(n), "Morada 1": f"Rua {n}",
                   "Código postal": f"1100-05{n}"}, "PT",
        {"Morada 1": LINE, "Contacto morada": ["contacts[1].first_name", "contacts[1].last_name"]},
    ),
    "a customer's representative": (
        lambda n: {"RUC": f"2010{n}", "Código": f"{n + 70}", "Razón social": firm(n), "Representante": person(n)}, "PE",
        {"Representante": ["contacts[1].first_name", "contacts[1].last_name"]},
    ),
    "an address without a city beside one with a city": (
        lambda n: {"Nr": f"{n + 70}", "Navn": firm(n), "Adresse": f"Gata {n}", "PostNr": f"015{n}", "Sted": "Oslo",
                   "FaktAdresse": f"Vei {n}" if n < 3 else "", "FaktPostNr": f"500{n}" if n < 3 else ""}, "NO",
        {"Adresse": LINE, "FaktAdresse": None, "FaktPostNr": None},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_values_and_neighbors_resolve_an_ambiguous_header(name) -> None:
    row, country, expected = CASES[name]
    found = targets(draft(row, country=country))
    assert {header: found.get(header) for header in expected} == expected


def test_list_of_people_is_grouped_by_company_unless_addresses_differ() -> None:
    """If the addresses differ, the rows are branches with the same name."""

    def row(n: int) -> Mapping[str, str]:
        return {"ID": f"{n + 70}", "Company": firm(n // 2), "Last Name": person(n), "Street": f"{n // 2} High St"}

    assert (draft(row).key, draft(row).layout) == (["Company"], "long")
    assert draft(lambda n: {**row(n), "Street": f"{n} High St"}).key == ["ID"]


def test_unknown_number_after_the_name_is_not_a_key() -> None:
    made = draft(lambda n: {"Name": firm(n), "City": TOWNS[n % 4], "USDOTNumber": f"98{n}-{n}00/7"})
    assert made.key == ["Name"]
