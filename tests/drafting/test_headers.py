"""What headers say regardless of the values: their words, then concept, role, and numbers."""

import pytest

from importer.drafting.concepts import head
from importer.drafting.header_segments import segments, words
from importer.drafting.lexicon import letters_and_digits, lexicon, spellings
from importer.drafting.readings import read_headers


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("billingAddressCity", "billing address city"),
        ("BillToAddr2", "bill to addr 2"),
        ("ADR1LINE2", "adr 1 line 2"),
        ("Kunden-Nr.", "kunden nr"),
        ("Straße", "strasse"),
        ("kh_Kod", "kh kod"),
        ("Customer's name", "customer name"),
        ("E-mail #2", "e mail 2"),
        ("Phone #", "phone number"),
        ("C_BPartner_Location>C_Location_ID>Postal", "postal"),
        ("  Phone  ", "phone"),
        ("…", ""),
        ("", ""),
    ],
)
def test_header_is_split_into_words(header, expected) -> None:
    assert " ".join(word.text for word in words(header)) == expected


@pytest.mark.parametrize(
    ("header", "numbers"),
    [
        ("Address 2: Line 1", [2, 1]),
        ("Phone II", [2]),
        ("Line three", [3]),
        ("addresses[0].city", [0]),
        ("Street 999", []),
        ("Phone 31", []),
    ],
)
def test_small_numbers_are_positions(header, numbers) -> None:
    assert [word.number for word in words(header) if word.number is not None] == numbers


def test_brackets_and_colons_split_a_header() -> None:
    assert [(word.text, word.breaks, word.aside) for word in words("Ship To (Street)")] == [
        ("ship", False, False),
        ("to", False, False),
        ("street", True, True),
    ]
    assert [word.breaks for word in words("Address: City - Name")] == [False, True, True]


def test_spellings_are_equivalent() -> None:
    assert letters_and_digits("Código-Postal ") == letters_and_digits("CODIGO POSTAL") == "codigopostal"
    assert spellings("Länder") == {"lander", "laender"}
    assert spellings("Besøk") == {"besok", "besoek"}
    assert letters_and_digits("łódź") == "lodz"


def test_leading_number_belongs_to_the_first_phrase() -> None:
    found = segments(["Firma", "Telefon", "2. Telefon"], lexicon(), ["de"])
    assert [one.number for phrases in found for one in phrases] == [None, None, 2]


def test_street_next_to_a_number_or_po_box_is_the_street() -> None:
    for other in ("po_box", "house_number"):
        for names in (["street", other], [other, "street"]):
            assert head(names, first=False) == ("street", "street")


# A table's headers in its language: number, company, billing street or address, billing city, postal code, shipping
# country, first name of a contact, second phone, email, terms, sales rep.
LANGUAGES = {
    "en": "Customer Number|Company Name|Billing Street|Billing City|Zip Code|Shipping Country|Contact First Name"
    "|Phone 2|Email|Payment Terms|Sales Rep",
    "de": "Kundennummer|Firma|Rechnungsadresse Straße|Rechnungsort|PLZ|Lieferland|Ansprechpartner Vorname|Telefon 2"
    "|E-Mail|Zahlungsbedingung|Vertreter",
    "fr": "Code client|Raison sociale|Adresse de facturation|Ville de facturation|Code postal|Pays de livraison"
    "|Prénom du contact|Téléphone 2|Courriel|Conditions de paiement|Représentant",
    "es": "Código de cliente|Razón social|Dirección de facturación|Ciudad de facturación|Código postal|País de envío"
    "|Nombre de pila del contacto|Teléfono 2|Correo electrónico|Condiciones de pago|Vendedor",
    "it": "Codice cliente|Ragione sociale|Indirizzo di fatturazione|Città di fatturazione|CAP|Paese di spedizione"
    "|Nome di battesimo del contatto|Telefono 2|E-mail|Condizioni di pagamento|Agente",
    "nl": "Klantnummer|Bedrijfsnaam|Factuuradres|Factuurplaats|Postcode|Afleverland|Voornaam contactpersoon"
    "|Telefoon 2|E-mailadres|Betalingsconditie|Vertegenwoordiger",
    "pt": "Código do cliente|Razão social|Endereço de cobrança|Cidade de cobrança|CEP|País de entrega"
    "|Primeiro nome do contato|Telefone 2|E-mail|Condição de pagamento|Vendedor",
    "sv": "Kundnummer|Företagsnamn|Fakturaadress|Fakturaort|Postnummer|Leveransland|Kontaktperson förnamn|Telefon 2"
    "|E-post|Betalningsvillkor|Säljare",
    "da": "Kundenummer|Firmanavn|Fakturaadresse|Fakturaadresse by|Postnummer|Leveringsland|Kontaktperson fornavn"
    "|Telefon 2|E-mail|Betalingsbetingelser|Sælger",
    "no": "Kundenummer|Firmanavn|Fakturaadresse|Fakturaadresse poststed|Postnummer|Leveringsland"
    "|Kontaktperson fornavn|Telefon 2|E-post|Betalingsbetingelser|Selger",
    "pl": "Kod klienta|Nazwa firmy|Adres do faktury|Miasto do faktury|Kod pocztowy|Kraj dostawy"
    "|Imię osoby kontaktowej|Telefon 2|E-mail|Warunki płatności|Handlowiec",
    "fi": "Asiakasnumero|Yrityksen nimi|Laskutusosoite|Laskutuskaupunki|Postinumero|Toimitusmaa"
    "|Yhteyshenkilön etunimi|Puhelin 2|Sähköposti|Maksuehto|Myyjä",
    "cs": "Číslo zákazníka|Název firmy|Fakturační adresa|Fakturační město|PSČ|Dodací země"
    "|Křestní jméno kontaktní osoby|Telefon 2|E-mail|Platební podmínky|Obchodník",
    "hu": "Vevőkód|Cégnév|Számlázási cím|Számlázási város|Irányítószám|Szállítási ország"
    "|Kapcsolattartó keresztnév|Telefon 2|E-mail|Fizetési feltétel|Üzletkötő",
    "tr": "Müşteri Kodu|Firma Ünvan\u0131|Fatura Adresi|Fatura Şehir|Posta Kodu|Sevk Ülke"
    "|İletişim Kişi Ad\u0131|Telefon 2|E-posta|Ödeme Plan\u0131|Sat\u0131ş Temsilcisi",
    "ja": "得意先コード|会社名|請求先番地|請求先市区町村|郵便番号|配送先国名"
    "|担当者ファーストネーム|電話番号2|メールアドレス|支払条件|営業担当者",
    "zh": "客户编码|公司名称|开票街道|开票城市|邮政编码|收货国家|联系人名字|电话2|电子邮箱|付款条件|业务员",
    "ko": "거래처코드|회사명|청구지주소|청구지도시|우편번호|배송지국가"
    "|담당자 First Name|전화번호2|이메일|결제조건|영업담당자",
    "ar": "رقم العميل|اسم الشركة|عنوان الفاتورة|مدينة الفاتورة|الرمز البريدي|دولة الشحن|الاسم الأول لجهة الاتصال"
    "|الهاتف 2|البريد الإلكتروني|شروط الدفع|مندوب المبيعات",
}
EXPECTED = (
    ("customer_number", set(), None), ("company_name", set(), None), ("address", {"billing"}, None),
    ("city", {"billing"}, None), ("zip_code", set(), None), ("country", {"shipping"}, None),
    ("first_name", {"contact"}, None), ("phone", set(), 2), ("email", set(), None), ("payment_term", set(), None),
    ("sales_rep", set(), None),
)  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_headers_are_read_in_nineteen_languages(language) -> None:
    headers = LANGUAGES[language].split("|")
    for header, reading, (concept, roles, part) in zip(headers, read_headers(headers), EXPECTED, strict=True):
        found = "address" if reading.concept == "street" else reading.concept
        assert (found, reading.roles, reading.part, reading.unknown) == (concept, roles, part, ()), header


@pytest.mark.parametrize("language", LANGUAGES)
def test_accents_and_case_do_not_matter(language) -> None:
    headers = LANGUAGES[language].split("|")
    plain = [header.upper() for header in headers]
    assert [one.concept for one in read_headers(plain)] == [one.concept for one in read_headers(headers)]


@pytest.mark.parametrize(
    ("header", "concept", "roles", "group", "part"),
    [
        ("Address 2: Line 1", "street", set(), 2, 1),
        ("Ship To 3 Street", "street", {"shipping"}, 3, None),
        ("Billing Address Line 2", "street", {"billing"}, None, 2),
        ("Delivery Post Code", "zip_code", {"shipping"}, None, None),
        ("Invoice town", "city", {"billing"}, None, None),
        ("Contact 2 Email", "email", {"contact"}, 2, None),
        ("Phone type", "setting", set(), None, None),
        ("Bank city", "setting", {"bank"}, None, None),
        ("Ship To #2 Address", "address", {"shipping"}, 2, None),
        ("shipTos[1].city", "city", {"shipping"}, 1, None),
        ("T.a.v.", "full_name", set(), None, None),
        ("Zip/Postal", "zip_code", set(), None, None),
        ("Postal Postcode", "zip_code", {"mailing"}, None, None),
        ("Store city", "city", {"visiting"}, None, None),
        ("Leveringsby", "city", {"shipping"}, None, None),
        ("SHIPADDRESSCITY", "city", {"shipping"}, None, None),
        ("DEFAULTBILLINGADDRESSSTREET", "street", {"billing", "main"}, None, None),
        ("Postitoimipaikka", "city", set(), None, None),
        ("Supplier name", "setting", {"supplier"}, None, None),
        ("Parent company number", "parent", set(), None, None),
        ("Sales rep email", "setting", {"agent"}, None, None),
        ("Land", "country", set(), None, None),
        ("xyzzy", None, set(), None, None),
        ("", None, set(), None, None),
    ],
)
def test_role_number_and_concept_are_read(header, concept, roles, group, part) -> None:
    reading = read_headers([header])[0]
    assert (reading.concept, set(reading.roles), reading.group, reading.part) == (concept, roles, group, part)


def test_common_prefixes_are_ignored() -> None:
    prefixed = ["zz_Kod", "zz_Nazwa", "zz_Miasto", "zz_KodPocztowy", "zz_Telefon", "zz_Email"]
    assert [one.concept for one in read_headers(prefixed)] == [
        "id", "name", "city", "zip_code", "phone", "email",
    ]  # fmt: skip
    short = ["stName", "stCity", "stZip", "btName", "btCity", "btZip", "Email"]
    assert [(one.concept, set(one.roles)) for one in read_headers(short)[1:5:3]] == [
        ("city", {"shipping"}),
        ("city", {"billing"}),
    ]


def test_type_prefixes_are_ignored() -> None:
    read = read_headers(["strName", "strCity", "intCustomerNo", "ysnActive", "dblCreditLimit", "Street"])
    assert [one.concept for one in read] == ["name", "city", "customer_number", "active_flag", "money", "street"]


@pytest.mark.parametrize(("prefix", "role"), [("ST", "shipping"), ("b_", "billing")])
def test_prefix_of_headers_that_also_occur_without_it_is_a_role(prefix, role) -> None:
    bare = ["ADR1", "CITY", "STATE", "ZIPCD"]
    read = read_headers(["CUSTNO", *bare, *(f"{prefix}{header}" for header in bare), "TEL1", "STCD"])
    assert [set(one.roles) for one in read] == [set()] * 5 + [{role}] * 4 + [set()] * 2


def test_same_headers_with_two_prefixes_are_two_addresses() -> None:
    read = read_headers(["CUSTNO", "STADDR1", "STCITY", "STZIP", "BTADDR1", "BTCITY", "BTZIP", "STATE"])
    assert [set(one.roles) for one in read[1:]] == [{"shipping"}] * 3 + [{"billing"}] * 3 + [set()]


def test_postal_header_does_not_set_a_role() -> None:
    read = read_headers(["Ship To", "City", "Prov/State", "Postal/ZIP", "County"])
    assert [set(one.roles) for one in read[1:3] + read[4:]] == [set()] * 3


def test_repeated_headers_belong_to_the_preceding_address() -> None:
    read = read_headers(["Name", "Billing Street", "City", "Zip", "Shipping Street", "City#2", "Zip#2"])
    assert [set(one.roles) for one in read[2:4]] == [{"billing"}] * 2
    assert [set(one.roles) for one in read[5:]] == [{"shipping"}] * 2


def test_other_headers_determine_the_language() -> None:
    """``Ort`` is a town in German and Swedish, ``By`` in Danish; ``Nr.`` and ``Navn`` alone would not decide."""
    assert read_headers(["Kundenavn", "Adresse", "Postnr.", "By"])[3].concept == "city"
    assert read_headers(["Created", "By", "Company"])[1].concept != "city"
