"""Sage 100: AR_Customer, SO_ShipToAddress, and AR_CustomerContact as three sheets of a workbook.

A customer is identified by division and number; the division is padded with zeros. Harmless dirt: ``inactive`` (not
imported), ``temporary``, ``outer_spaces, double_space, nbsp, doubled_quotes, blank_row``. Harmful besides the usual:
``orphan``, a ship-to address without a customer.
"""

import random

from tests.samples.accounts import ID, Account, accounts, harm, lay, make_sample, soil, workbook
from tests.samples.dirt import Draft, Row, Sample
from tests.samples.pools import Inventor

__all__ = ["make"]

FILE = "customers.xlsx"
_KEY = ("ARDivisionNo", "CustomerNo")
_LINES = ("AddressLine1", "AddressLine2", "City", "State", "ZipCode", "CountryCode")
_SHIP = ("ShipToAddress1", "ShipToAddress2", "ShipToCity", "ShipToState", "ShipToZipCode", "ShipToCountryCode")
CUSTOMER = (
    *(*_KEY, "CustomerName", "AddressLine1", "AddressLine2", "AddressLine3", "ZipCode", "CountryCode", "City", "State"),
    *("TelephoneNo", "TelephoneExt", "FaxNo", "EmailAddress", "ContactCode", "ShipMethod", "TermsCode"),
    *("SalespersonDivisionNo", "SalespersonNo", "PriceLevel", "CustomerStatus", "TemporaryCustomer", "CreditLimit"),
)
SHIP_TO = (
    *(*_KEY, "ShipToCode", "ShipToName", "ShipToAddress1", "ShipToAddress2", "ShipToAddress3", "ShipToCity"),
    *("ShipToState", "ShipToZipCode", "ShipToCountryCode", "TelephoneNo", "ContactCode"),
)
CONTACT = (*_KEY, "ContactCode", "ContactName", "ContactTitle", "TelephoneNo1", "TelephoneExt1", "EmailAddress")
_ORPHAN = "02-ZZZ9999"


def make(seed: int = 20250406) -> Sample:
    """The sample: 130 customers, about 190 ship-to addresses, and as many contacts."""
    rng = random.Random(f"sage-100/{seed}")
    customers = Draft("AR_Customer", CUSTOMER, key=ID)
    ship_to = Draft("SO_ShipToAddress", SHIP_TO, key=ID)
    contacts = Draft("AR_CustomerContact", CONTACT, key=ID)
    drafts = (customers, ship_to, contacts)
    for account in accounts(Inventor(rng), 130):
        _lay(rng, drafts, account)
    wanted = [row[ID] for row in customers.rows if row["CustomerStatus"] == "A" and row["TemporaryCustomer"] == "N"]
    harm(
        rng,
        [
            (customers, "phone", "TelephoneNo"),
            (customers, "email", "EmailAddress"),
            (customers, "company_name_missing", "CustomerName"),
            (ship_to, "city_too_long", "ShipToCity"),
            (ship_to, "city_missing", "ShipToCity"),
            (customers, "country_unknown", "CountryCode"),
            (contacts, "email", "EmailAddress"),
        ],
        wanted,
    )
    orphan = ship_to.sound()[-1] | {ID: _ORPHAN, "ARDivisionNo": "02", "CustomerNo": "ZZZ9999"}
    ship_to.rows.append(orphan)
    ship_to.note("orphan", orphan, "CustomerNo", harmful=True)
    soil(rng, customers, names=["CustomerName"], places=["AddressLine1", "City"], phones=["TelephoneNo"])
    for draft in drafts:
        draft.scatter_blanks(rng, 1)
    return make_sample("sage-100", drafts, {FILE: workbook(drafts)}, (*wanted, _ORPHAN))


def _lay(rng: random.Random, drafts: tuple[Draft, Draft, Draft], account: Account) -> None:
    customers, ship_to, contacts = drafts
    division, number = rng.choice(("00", "01", "02")), f"{account.firm.name[:3].upper()}{account.number:04}"
    own: Row = {ID: f"{division}-{number}", "ARDivisionNo": division, "CustomerNo": number}
    row = own | {
        "CustomerName": account.firm.name,
        **lay(account.billing, _LINES),
        "TelephoneNo": account.firm.phone,
        "TelephoneExt": "31" if rng.random() < 0.1 else "",
        "EmailAddress": account.firm.email,
        "ShipMethod": account.carrier,
        "TermsCode": rng.choice(("00", "01", "02")),
        "SalespersonDivisionNo": "01",
        "SalespersonNo": f"{rng.randint(1, 9):04}",
        "PriceLevel": rng.choice(("", "1", "2")),
        "CustomerStatus": "I" if account.gone else "A",
        "TemporaryCustomer": "Y" if rng.random() < 0.04 and not account.gone else "N",
        "CreditLimit": "10000",
    }
    customers.rows.append(row)
    if account.gone:
        customers.note("inactive", row, "CustomerStatus")
    elif row["TemporaryCustomer"] == "Y":
        customers.note("temporary", row, "TemporaryCustomer")
    for code, place in enumerate(account.shipping, start=1):
        ship_to.rows.append(own | {"ShipToCode": f"{code:04}", "ShipToName": f"Store {code}", **lay(place, _SHIP)})
    for person in account.people:
        name = f"{person.first} {person.last}"
        more = {"ContactName": name, "ContactTitle": person.title, "EmailAddress": person.email}
        contacts.rows.append(own | {"ContactCode": person.last[:8].upper(), "TelephoneNo1": person.phone, **more})
