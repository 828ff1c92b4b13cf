"""Business Central: Customer and Ship-to Address as two sheets of a workbook.

Numbers have leading zeros; the postal code may contain the state (``US-FL 37125``); ``Blocked`` is one space for
active customers. Harmless dirt: ``blocked`` (not imported), ``state_in_post_code``, ``outer_spaces, double_space, nbsp,
doubled_quotes, blank_row``.
"""

import random

from tests.samples.accounts import ID, Account, accounts, harm, lay, make_sample, soil, workbook
from tests.samples.dirt import Draft, Sample
from tests.samples.pools import Inventor

__all__ = ["make"]

FILE = "customers.xlsx"
_ADDRESS = ("Address", "Address 2", "City", "County", "Post Code", "Country/Region Code")
CUSTOMER = (
    *("No.", "Name", "Search Name", "Name 2", "Address", "Address 2", "City", "Contact", "Phone No."),
    *("Customer Posting Group", "Currency Code", "Payment Terms Code", "Salesperson Code", "Shipment Method Code"),
    *("Shipping Agent Code", "Country/Region Code", "Blocked", "Payment Method Code", "Balance (LCY)"),
    *("VAT Registration No.", "Post Code", "County", "E-Mail", "Home Page"),
)
SHIP_TO = (
    *("Customer No.", "Code", "Name", "Address", "Address 2", "City", "Contact", "Phone No."),
    *("Country/Region Code", "Post Code", "County", "E-Mail"),
)


def make(seed: int = 20250407) -> Sample:
    """The sample: 130 customers and about 190 ship-to addresses."""
    rng = random.Random(f"business-central/{seed}")
    customers = Draft("Customer", CUSTOMER, key=ID)
    ship_to = Draft("Ship-to Address", SHIP_TO, key=ID)
    for account in accounts(Inventor(rng), 130):
        _lay(rng, customers, ship_to, account)
    wanted = [row[ID] for row in customers.rows if row["Blocked"] != "All"]
    harm(
        rng,
        [
            (customers, "phone", "Phone No."),
            (customers, "email", "E-Mail"),
            (customers, "company_name_missing", "Name"),
            (ship_to, "city_too_long", "City"),
            (ship_to, "city_missing", "City"),
            (customers, "country_unknown", "Country/Region Code"),
        ],
        wanted,
    )
    soil(rng, customers, names=["Name"], places=["Address", "City"], phones=["Phone No."])
    for draft in (customers, ship_to):
        draft.scatter_blanks(rng, 1)
    drafts = (customers, ship_to)
    return make_sample("business-central", drafts, {FILE: workbook(drafts)}, wanted)


def _lay(rng: random.Random, customers: Draft, ship_to: Draft, account: Account) -> None:
    number = f"{1121212 + 7 * account.number:08}"
    person = account.person
    row = {
        ID: number,
        "No.": number,
        "Name": account.firm.name,
        "Search Name": account.firm.name.upper(),
        **lay(account.billing, _ADDRESS),
        "Contact": f"{person.first} {person.last}" if person else "",
        "Phone No.": account.firm.phone,
        "E-Mail": account.firm.email,
        "Payment Terms Code": rng.choice(("30 DAYS", "1M(8D)", "COD")),
        "Salesperson Code": rng.choice(("RV", "SO", "ID", "")),
        "Shipment Method Code": rng.choice(("EXW", "CIF", "")),
        "Customer Posting Group": "DOMESTIC",
        "Balance (LCY)": "0.00",
        "Blocked": "All" if account.gone else rng.choice((" ", " ", " ", "Invoice")),
    }
    if account.firm.country == "US" and len(row["County"]) == 2 and rng.random() < 0.3:
        row |= {"Post Code": f"US-{row['County']} {row['Post Code']}", "County": ""}
        customers.note("state_in_post_code", row, "Post Code")
    if account.gone:
        customers.note("blocked", row, "Blocked")
    customers.rows.append(row)
    for code, place in enumerate(account.shipping, start=1):
        own = {ID: number, "Customer No.": number, "Code": f"STORE{code}", "Name": f"{account.firm.name} {code}"}
        ship_to.rows.append(own | lay(place, _ADDRESS) | {"Phone No.": place.phone})
