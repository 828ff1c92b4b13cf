"""Columns that look like customer fields but are not: nothing is proposed for them."""

import pytest

from tests.drafting.support import draft, plain, targets

NO_FIELD = {
    "en": "Customer Number|Company Name|City;Credit Limit|Balance|Last Order Date|VAT Number|Currency|Website|Fax"
    "|Created By|Modified On|Opening Hours|Loyalty Points|Warehouse|Discount %|Tax Rate|Bank City|Bank Name|IBAN"
    "|Card Number|Password|Facebook|Newsletter|Color|Weight|Lead Source|Annual Revenue|Number of Employees|Birthday"
    "|Time Zone|Latitude|Shipping Cost|Billing Cycle|Contact Frequency|Email Opt In|Phone Type|Country Manager|City Tax"
    "|State Tax ID|Address Verified|Name Day|Company Size|Zip File|Invoice Email Format|Shipping Insurance"
    "|Account Balance|Number of Contacts|Delivery Days|Last Contact Date|Email Verified|Address Count|Phone Extension"
    "|Vendor Name|Supplier City|Bank Address|Assistant Phone|Spouse Name|Login Name|User Name|Industry|Postage"
    "|Email Bounced|Company Car|Product Name|Order Date",
    "de": "Kundennummer|Firma|Ort;Kreditlimit|Umsatz|USt-IdNr.|Bankleitzahl|Kontoinhaber|Mahnstufe|Geburtsdatum|Skonto"
    "|Rabattgruppe|Anrede|Briefanrede|Steuernummer|Erlöskonto|Angelegt am|Farbe|Gewicht|Lagerort|Kostenstelle"
    "|Lieferantennummer|Sprache|Mandatsreferenz|Lieferzeit|Rechnungsdatum|Versandkosten|E-Mail-Werbung|Telefonart"
    "|Firmengröße|Bank Ort|Bank Land|Ort der Bank|Lieferant Ort|Ländergruppe|Steuerland|Anzahl Kontakte|Artikelname"
    "|Geburtsort|Geburtsland",
    "fr": "Code client|Raison sociale|Ville;Encours autorisé|SIRET|Code NAF|Civilité|Date de création|Remise|Devise"
    "|TVA intracommunautaire|Nom de la banque|Langue|Frais de livraison|Date de facturation|Délai de livraison"
    "|Ville de naissance|Nom du produit|Nom de jeune fille",
    "es": "Código de cliente|Razón social|Ciudad;Límite de crédito|NIF|Fecha de alta|Descuento|Divisa|Banco|Página web"
    "|Observaciones|Idioma|Fecha de facturación|Gastos de envío|Plazo de entrega|Ciudad de nacimiento|Dirección IP",
    "it": "Codice cliente|Ragione sociale|Città;Partita IVA|Codice fiscale|Fido|Sconto|Valuta|Banca|Data di nascita"
    "|Spese di spedizione|Data di fatturazione|Città di nascita|Indirizzo IP",
    "nl": "Klantnummer|Bedrijfsnaam|Plaats;Kredietlimiet|BTW-nummer|KvK-nummer|Korting|Valuta|Bankrekening|Aanhef"
    "|Factuurdatum|Levertijd|Verzendkosten|Geboorteplaats|Naam bank",
    "pt": "Código do cliente|Razão social|Cidade;Limite de crédito|CNPJ|Desconto|Moeda|Banco|Data de nascimento"
    "|Data de cobrança|Prazo de entrega|Cidade de nascimento|Endereço IP",
    "sv": "Kundnummer|Företagsnamn|Ort;Kreditgräns|Organisationsnummer|Rabatt|Valuta|Bankgiro|Skapad|Hemsida"
    "|Fakturadatum|Leveranstid|Fraktkostnad|Födelseort",
    "da": "Kundenummer|Firmanavn|By;Kreditmaksimum|CVR-nummer|Rabat|Valuta|Bankkonto|Oprettet|Hjemmeside|Fakturadato"
    "|Leveringstid|Fødested",
    "no": "Kundenummer|Firmanavn|Poststed;Kredittgrense|Organisasjonsnummer|Rabatt|Valuta|Bankkonto|Opprettet"
    "|Fakturadato|Leveringstid|Fødested",
    "pl": "Kod klienta|Nazwa firmy|Miasto;Limit kredytowy|NIP|REGON|Rabat|Waluta|Nazwa banku|Data urodzenia"
    "|Data faktury|Termin dostawy|Koszt dostawy|Miejsce urodzenia|Adres IP",
}


@pytest.mark.parametrize("language", NO_FIELD)
def test_headers_that_are_not_customer_fields_map_to_nothing(language) -> None:
    """By name only: the columns are blank, so no value can contradict a guess."""
    known, others = (part.split("|") for part in NO_FIELD[language].split(";"))
    made = draft(lambda n: dict(zip(known, (f"{n}", f"Nord {n} Ltd", "Lyon"), strict=True)) | dict.fromkeys(others, ""))
    assert list(targets(made)) == known


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("shipping_address", ("True", "False")),
        ("Title", ("Mr", "Mrs")),
        ("Contact Title", ("Herr", "Frau")),
        ("Email", ("Yes", "No")),
        ("Phone", ("1", "0")),
        ("Country", ("1", "2")),
        ("Zip", ("yes", "no")),
        ("Payment Terms", ("0", "1")),
        ("Sales Rep", ("Y", "N")),
        ("First Name", ("1", "2")),
        ("Billing City", ("a@example.com", "b@example.com")),
        ("mail_state", ("0", "1")),
        ("Name", ("Mr", "Mrs")),
    ],
)
def test_values_contradict_a_header(header, cells) -> None:
    made = draft(lambda n: plain(n) | {header: cells[n % 2]})
    assert header not in targets(made)
    assert made.questions == []


@pytest.mark.parametrize(
    ("header", "country", "cells"),
    [("Briefanrede", "DE", ("Sehr geehrter Herr Ott", "Sehr geehrte Frau Abt")), ("Titre", "FR", ("M.", "Mme"))],
)
def test_salutation_is_not_a_position(header, country, cells) -> None:
    made = draft(lambda n: plain(n) | {"Contact": f"Ann Lee{n}", header: cells[n % 2]}, country=country)
    assert header not in targets(made)


def test_title_with_positions_is_a_position() -> None:
    made = draft(lambda n: plain(n, Contact="Ann Lee", Title=("Buyer", "Owner")[n % 2]))
    assert targets(made)["Title"] == ["contacts[1].designation"]


@pytest.mark.parametrize(
    ("cells", "target"),
    [(("NY", "TX", "CA", "OR"), "addresses.billing.state"), (("Actif", "Inactif", "Actif", "Actif"), "skip_rule")],
)
def test_etat_is_a_state_or_a_status_depending_on_its_values(cells, target) -> None:
    assert targets(draft(lambda n: plain(n, Etat=cells[n % 4])))["Etat"] == [target]


def test_status_is_not_a_state() -> None:
    made = draft(lambda n: plain(n, Status=("Gold", "Silver", "Bronze")[n % 3], State=("NY", "TX", "CA", "OR")[n % 4]))
    assert targets(made)["State"] == ["addresses.billing.state"]
    assert targets(made)["Status"] == ["skip_rule"]
    assert made.questions == []  # none of the words says that a row is not a customer


def test_postadr_with_towns_is_a_city() -> None:
    made = draft(
        lambda n: {
            "KUNDENR": f"{n}", "NAVN": f"Nord {n} AS", "ADRESSE": f"Veien {n}", "POSTNR": f"015{n}", "POSTADR": "OSLO",
        },
        country="NO",
    )  # fmt: skip
    assert targets(made)["POSTADR"] == ["addresses.billing.city"]


@pytest.mark.parametrize(
    "header", ["Card Number", "Credit Card No.", "CVV", "Password", "Passwort", "Mot de passe", "IBAN", "SSN"]
)
def test_sensitive_columns_are_never_proposed(header) -> None:
    made = draft(lambda n: plain(n) | {header: f"411111111111111{n}"})
    assert header not in targets(made)
    assert not any(line.strip().startswith(f"from: {header}") for line in made.mapping.splitlines())


PLACES = ("Salem", "Dover", "Reno", "Provo", "Macon", "Utica", "Flint", "Nome")


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("Deal Status", ("Open", "Closed")),
        ("Payment Status", ("Open", "Closed")),
        ("Zahlungsstatus", ("Open", "Closed")),
        ("Estado de pago", ("Pendiente", "Closed")),
        ("Employer City", PLACES),
        ("Previous City", PLACES),
        ("Old Address", tuple(f"{n} Elm St" for n in range(1, 9))),
        ("Proveedor", tuple(f"{place} SL" for place in PLACES)),
        ("Manufacturer", tuple(f"{place} Ltd" for place in PLACES)),
        ("Brand", ("Alpha", "Beta")),
        ("Code Région", ("84", "53", "11", "24")),
    ],
)
def test_columns_about_something_else_are_not_proposed(header, cells) -> None:
    made = draft(lambda n: plain(n, Street=f"{n} Oak St", Zip=f"0197{n}") | {header: cells[n % len(cells)]})
    assert header not in targets(made)


@pytest.mark.parametrize(
    "header",
    [
        "Invoice Number",
        "Invoice ID",
        "Type de facture",
        "N° de facture",
        "Número de factura",
        "Rechnung Nr.",
        "Factuurtype",
    ],
)
def test_columns_about_invoices_are_not_parts_of_the_billing_address(header) -> None:
    street = {"Invoice Street": "Oak St", "Invoice City": "Salem", "Invoice Zip": "01970"}
    made = draft(lambda n: plain(n) | street | {header: f"55{n}1"})
    assert header not in targets(made)


def test_house_number_of_the_invoice_address_is_no_invoice_number() -> None:
    street = {"Invoice Street": "Oak St", "Invoice City": "Salem"}
    made = draft(lambda n: plain(n) | street | {"Invoice House No": f"{n}"}, country="GB")
    assert targets(made)["Invoice House No"] == ["addresses.billing.address_line_1"]


def test_sales_region_is_not_the_state_beside_another_state() -> None:
    made = draft(lambda n: plain(n, State=("NY", "TX")[n % 2], Region=("North", "South")[n % 2]))
    assert targets(made)["State"] == ["addresses.billing.state"]
    assert "Region" not in targets(made)


def test_state_with_words_is_taken_rather_than_its_number() -> None:
    made = draft(lambda n: plain(n, state_code=f"0{n}", state=("Goa", "Kerala")[n % 2], Zip=f"40006{n}"), country="IN")
    assert targets(made)["state"] == ["addresses.billing.state"]
    assert "state_code" not in targets(made)


def test_abbreviated_state_is_not_a_status() -> None:
    made = draft(
        lambda n: {
            "cm_custnumb": f"{100 + n}", "cm_custzipc": f"0197{n}", "cm_custstat": ("MA", "NH", "TX")[n % 3],
            "cm_custname": f"Firm {n} Ltd", "cm_custaddr": f"{n} Oak St", "cm_custcity": PLACES[n],
        },
    )  # fmt: skip
    assert targets(made)["cm_custstat"] == ["addresses.billing.state"]
    assert targets(made)["cm_custzipc"] == ["addresses.billing.zip_code"]


@pytest.mark.parametrize(("name", "surname"), [("cli_nombre", "cli_apellido"), ("Customer Name", "Customer Surname")])
def test_customer_name_beside_a_surname_is_a_first_name(name, surname) -> None:
    first, last = ("Ada", "Ivo", "Lia", "Teo"), ("Paz", "Sosa", "Vera", "Luna")
    made = draft(lambda n: {"Customer ID": f"{100 + n}", name: first[n % 4], surname: last[n % 4], "City": "Salta"})
    assert targets(made)[name] in (["first_name"], ["contacts[1].first_name"])


def test_street_with_the_apartment_is_a_street() -> None:
    made = draft(lambda n: plain(n) | {"Street and Apt Address": f"{n} Oak St"})
    assert targets(made)["Street and Apt Address"] == ["addresses.billing.address_line_1"]


def test_province_is_not_the_city_of_a_list_without_one() -> None:
    made = draft(
        lambda n: {
            "Código": f"{100 + n}", "Razón social": f"Firma {n} SA", "Calle": f"Colón {n}", "CP": f"5500{n}",
            "Provincia": ("Mendoza", "Salta", "Misiones")[n % 3],
        },
        country="AR",
    )  # fmt: skip
    assert targets(made).get("Provincia") != ["addresses.billing.city"]


def test_phones_are_not_customer_numbers() -> None:
    made = draft(lambda n: {"cust_name": f"Firm {n} Ltd", "cust_number": f"01904 960 1{n}0", "cust_city": PLACES[n]})
    assert "cust_number" not in targets(made)
