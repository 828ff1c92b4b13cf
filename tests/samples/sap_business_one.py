"""SAP Business One: partners, their addresses, and their contacts, in three files joined by ``CardCode``.

UTF-8 with a BOM, tab, CRLF. Two header rows: the API's names, then labels. Codes have leading zeros. Suppliers
(``cSupplier``), leads (``cLid``), and frozen partners (``Frozen`` = ``tYES``) are not imported, and neither are their
addresses and contacts. Payment terms, shipping types, salespeople, and price lists are numbers, as in the database.
Harmless dirt: ``supplier, lead, frozen`` (partners), ``no_address, inactive_contact, contact_name_only`` (no first and
last name), ``outer_spaces, nbsp, phone_extension, upper_case_email, doubled_quotes, accents, leading_zero_zip,
same_address_again, children_away, blank_row``.
Harmful besides the usual: ``orphan``, an address or contact whose ``ParentKey`` is not in any partner row.
"""

import random

from tests.samples.dirt import UTF8_BOM, Draft, Row, Sample, lucky, spread
from tests.samples.pools import Firm, Inventor

__all__ = ["ADDRESS_COLUMNS", "CONTACT_COLUMNS", "PARTNER_COLUMNS", "make"]

PARTNERS, ADDRESSES, CONTACTS = "BusinessPartners.csv", "BPAddresses.csv", "ContactEmployees.csv"
COUNT = 150
ORPHANS = ("0019998", "0019999")
PARTNER_COLUMNS = {
    "CardCode": "BP Code",
    "CardName": "BP Name",
    "CardType": "BP Type",
    "GroupCode": "Group Code",
    "Phone1": "Telephone 1",
    "Phone2": "Telephone 2",
    "Fax": "Fax Number",
    "E_Mail": "E-Mail",
    "ContactPerson": "Contact Person",
    "PayTermsGrpCode": "Payment Terms Code",
    "ShippingType": "Shipping Type",
    "SalesPersonCode": "Sales Employee Code",
    "PriceListNum": "Price List No.",
    "Currency": "BP Currency",
    "FederalTaxID": "Federal Tax ID",
    "BilltoDefault": "Bill-to Default",
    "ShipToDefault": "Ship-to Default",
    "Valid": "Active",
    "Frozen": "Inactive",
    "FreeText": "Remarks",
}
ADDRESS_COLUMNS = {
    "ParentKey": "BP Code",
    "LineNum": "Row Number",
    "AddressName": "Address ID",
    "Street": "Street/PO Box",
    "StreetNo": "Street No.",
    "Block": "Block",
    "ZipCode": "Zip Code",
    "City": "City",
    "County": "County",
    "State": "State",
    "Country": "Country/Region",
    "AddressType": "Address Type",
}
CONTACT_COLUMNS = {
    "ParentKey": "BP Code",
    "LineNum": "Row Number",
    "Name": "Contact ID",
    "FirstName": "First Name",
    "LastName": "Last Name",
    "Position": "Position",
    "Phone1": "Telephone 1",
    "MobilePhone": "Mobile Phone",
    "E_Mail": "E-Mail",
    "Active": "Active",
}


def make(seed: int = 20250403) -> Sample:
    """The sample: 150 partners, about 300 addresses, and about 200 contacts."""
    rng = random.Random(f"sap-business-one/{seed}")
    inventor = Inventor(rng)
    partners = Draft(PARTNERS, tuple(PARTNER_COLUMNS), key="CardCode")
    addresses = Draft(ADDRESSES, tuple(ADDRESS_COLUMNS), key="ParentKey")
    contacts = Draft(CONTACTS, tuple(CONTACT_COLUMNS), key="ParentKey")
    for number in range(COUNT):
        _partner(inventor, number, partners, addresses, contacts)
    _harm(rng, partners, addresses, contacts)
    _soil(rng, partners, addresses, contacts)
    drafts = (partners, addresses, contacts)
    for draft, labels in zip(drafts, (PARTNER_COLUMNS, ADDRESS_COLUMNS, CONTACT_COLUMNS), strict=True):
        draft.scatter_blanks(rng, 2)
        draft.rows.insert(0, dict(labels))
    return Sample(
        "sap-business-one",
        {draft.file: draft.render(encoding="utf-8", delimiter="\t", bom=UTF8_BOM) for draft in drafts},
        tuple(dict.fromkeys((*_wanted(partners), *ORPHANS))),
        tuple(dirt for draft in drafts for dirt in draft.planted()),
        {draft.file: len(draft.records()) for draft in drafts},
    )


def _wanted(partners: Draft) -> list[str]:
    """The codes of customers that are not frozen."""
    return [row["CardCode"] for row in partners.rows if row.get("CardType") == "cCustomer" and row["Frozen"] == "tNO"]


def _partner(inventor: Inventor, number: int, partners: Draft, addresses: Draft, contacts: Draft) -> None:
    rng = inventor.rng
    firm = inventor.firm()
    kind = rng.choices(("cCustomer", "cSupplier", "cLid"), (80, 13, 7))[0]
    code = f"{ {'cCustomer': 10000, 'cSupplier': 70000, 'cLid': 90000}[kind] + 3 * number:07}"
    places = _addresses(inventor, firm, code)
    people = _contacts(inventor, firm, code)
    row = {
        "CardCode": code,
        "CardName": firm.name,
        "CardType": kind,
        "GroupCode": "101" if kind == "cSupplier" else rng.choice(("100", "102", "103")),
        "Phone1": firm.phone,
        "Phone2": inventor.phone(firm.country, abroad=True) if rng.random() < 0.2 else "",
        "E_Mail": firm.email,
        "ContactPerson": people[0]["Name"] if people else "",
        "PayTermsGrpCode": rng.choice(("-1", "1", "2", "3")),
        "ShippingType": rng.choice(("1", "2", "3", "-1")),
        "SalesPersonCode": rng.choice(("1", "2", "3", "4", "-1")),
        "PriceListNum": rng.choice(("1", "2", "3")),
        "Currency": "##" if rng.random() < 0.1 else {"GB": "GBP", "DE": "EUR", "CA": "CAD"}.get(firm.country, "USD"),
        "FederalTaxID": f"00-{rng.randint(0, 9999999):07}" if rng.random() < 0.4 else "",
        "BilltoDefault": _first_name(places, "bo_BillTo"),
        "ShipToDefault": _first_name(places, "bo_ShipTo"),
        "Valid": "tYES",
        "Frozen": "tNO",
        "FreeText": rng.choice(("", "", "", 'Leave parcels at the "blue" door', "Closed on Mondays")),
    }
    if kind == "cCustomer" and rng.random() < 0.08:
        row |= {"Valid": "tNO", "Frozen": "tYES"}
        partners.note("frozen", row, "Frozen")
    if kind != "cCustomer":
        partners.note("supplier" if kind == "cSupplier" else "lead", row, "CardType")
    if not places:
        partners.note("no_address", row, "")
    partners.rows.append(row)
    addresses.rows += places
    contacts.rows += people


def _first_name(places: list[Row], kind: str) -> str:
    return next((place["AddressName"] for place in places if place["AddressType"] == kind), "")


def _addresses(inventor: Inventor, firm: Firm, code: str) -> list[Row]:
    """Billing and shipping addresses; the first shipping address can be the billing address again."""
    rng = inventor.rng
    shipping = rng.choices((None, 0, 1, 2, 4), (8, 25, 45, 16, 6))[0]
    kinds = [] if shipping is None else ["bo_BillTo", *["bo_ShipTo"] * shipping]
    rows: list[Row] = []
    for number, kind in enumerate(kinds):
        place = inventor.place(firm.country)
        head, _, tail = place.line_1.rpartition(" ")
        split = firm.country == "DE"  # the house number has its own column if it follows the street
        row = {
            "ParentKey": code,
            "LineNum": str(number),
            "AddressName": "Head Office" if number == 0 else f"Store {number}",
            "Street": head if split else place.line_1,
            "StreetNo": tail if split else "",
            "Block": place.line_2,
            "ZipCode": place.post_code,
            "City": place.city,
            "State": place.state,
            "Country": firm.country,
            "AddressType": kind,
        }
        if number == 1 and kind == "bo_ShipTo" and rng.random() < 0.3:
            row = rows[0] | {"LineNum": "1", "AddressType": kind}
        rows.append(row)
    return rows


def _contacts(inventor: Inventor, firm: Firm, code: str) -> list[Row]:
    rng = inventor.rng
    rows = []
    for number in range(rng.choices(range(5), (25, 35, 25, 10, 5))[0]):
        person = inventor.person(firm.country)
        rows.append(
            {
                "ParentKey": code,
                "LineNum": str(number),
                "Name": f"{person.first} {person.last}",
                "FirstName": person.first,
                "LastName": person.last,
                "Position": person.title,
                "Phone1": person.phone,
                "MobilePhone": inventor.phone(firm.country, abroad=True) if rng.random() < 0.3 else "",
                "E_Mail": person.email,
                "Active": "tYES",
            }
        )
    return rows


def _harm(rng: random.Random, partners: Draft, addresses: Draft, contacts: Draft) -> None:
    """Harmful dirt for nine customers, one of them listed twice, and two parents that do not exist."""
    free = set(_wanted(partners))

    def take(draft: Draft, code: str, column: str, count: int = 1) -> None:
        rows = [row for row in draft.rows if row[draft.key] in free]
        free.difference_update(row[draft.key] for row in draft.harm(rng, code, column, rows, count=count))

    take(partners, "phone", "Phone1")
    take(partners, "email", "E_Mail")
    take(partners, "company_name_missing", "CardName")
    take(addresses, "city_too_long", "City")
    take(addresses, "city_missing", "City")
    take(addresses, "country_unknown", "Country")
    take(contacts, "email", "E_Mail")
    take(contacts, "phone", "Phone1")
    first = rng.choice([row for row in partners.rows if row["CardCode"] in free])
    second = first | {"CardName": f"{first['CardName']} (old)"}
    partners.rows.append(second)
    partners.conflict(first, second, "CardName")
    for draft, code in zip((addresses, contacts), ORPHANS, strict=True):
        orphan = draft.sound()[-1] | {"ParentKey": code, "LineNum": "0"}
        draft.rows.append(orphan)
        draft.note("orphan", orphan, "ParentKey", harmful=True)


def _soil(rng: random.Random, partners: Draft, addresses: Draft, contacts: Draft) -> None:
    codes = [row["CardCode"] for row in partners.rows]
    once = [row for row in partners.rows if codes.count(row["CardCode"]) == 1]
    partners.soil(rng, "outer_spaces", ("CardName", "E_Mail"), lambda text: f"{text}  ", count=6)
    partners.soil(rng, "nbsp", ("Phone1", "Phone2"), lambda text: text.replace(" ", "\u00a0"), count=5)
    partners.soil(rng, "phone_extension", ("Phone1",), lambda text: f"{text} Ext 31", count=5, rows=once)
    partners.soil(rng, "upper_case_email", ("E_Mail",), str.upper, count=5, rows=once)
    partners.soil(rng, "doubled_quotes", ("CardName",), lucky, count=3, rows=once)
    partners.notice("accents", "CardName", r"[^\x00-\xa0]")
    addresses.soil(rng, "outer_spaces", ("City", "Street"), lambda text: f" {text} ", count=8)
    addresses.notice("leading_zero_zip", "ZipCode", r"^0")
    before: Row = {}
    for row in addresses.rows:
        if before and (before["ParentKey"], before["Street"].strip()) == (row["ParentKey"], row["Street"].strip()):
            addresses.note("same_address_again", row, "Street")
        before = row
    contacts.soil(rng, "upper_case_email", ("E_Mail",), str.upper, count=4)
    contacts.soil(rng, "phone_extension", ("Phone1",), lambda text: f"{text} x31", count=4)
    for row in rng.sample(contacts.sound(), 5):
        row["FirstName"] = row["LastName"] = ""
        contacts.note("contact_name_only", row, "Name")
    for row in rng.sample(contacts.sound(), 4):
        row["Active"] = "tNO"
        contacts.note("inactive_contact", row, "Active")
    for draft in (addresses, contacts):
        for row in spread(rng, draft.rows, key="ParentKey", count=6):
            draft.note("children_away", row, "")
