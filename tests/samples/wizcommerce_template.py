"""WizCommerce's own template: customers, addresses, and contacts as three sheets of a workbook.

Labels of required columns end with ``*``. Harmless dirt: ``inactive`` and ``marked`` (with the ``Action`` Delete), both
not imported, ``both`` (an address for both purposes), ``outer_spaces, double_space, nbsp, doubled_quotes, blank_row``.
Harmful besides the usual: ``orphan``, a contact without a customer.
"""

import random

from tests.samples.accounts import ID, Account, accounts, harm, lay, make_sample, soil, workbook
from tests.samples.dirt import Draft, Sample
from tests.samples.pools import Inventor

__all__ = ["make"]

FILE = "wizcommerce_customers.xlsx"
_ADDRESS = ("Address Line 1*", "Address Line 2", "City*", "State", "Zip Code", "Country")
CUSTOMER = (
    *("Customer ID*", "Company Name*", "Display Name", "Phone", "Email", "Price List", "Payment Terms"),
    *("Mode of Payment", "Shipping Method", "Sales Reps", "Status", "Action"),
)
ADDRESS = ("Customer ID*", "Address Type*", "First Name", "Last Name", *_ADDRESS, "Phone", "Is Default")
CONTACT = ("Customer ID*", "First Name*", "Last Name", "Email", "Phone", "Designation", "Primary")
_ORPHAN = "WZ99999"


def make(seed: int = 20250411) -> Sample:
    """The sample: 120 customers, about 300 addresses, and about 180 contacts."""
    rng = random.Random(f"wizcommerce-template/{seed}")
    customers = Draft("Customers", CUSTOMER, key=ID)
    addresses = Draft("Addresses", ADDRESS, key=ID)
    contacts = Draft("Contacts", CONTACT, key=ID)
    drafts = (customers, addresses, contacts)
    for account in accounts(Inventor(rng), 120):
        _lay(rng, drafts, account)
    wanted = [row[ID] for row in customers.rows if row["Status"] == "Active" and not row["Action"]]
    harm(
        rng,
        [
            (customers, "phone", "Phone"),
            (customers, "email", "Email"),
            (customers, "company_name_missing", "Company Name*"),
            (addresses, "city_too_long", "City*"),
            (addresses, "city_missing", "City*"),
            (addresses, "country_unknown", "Country"),
            (contacts, "email", "Email"),
        ],
        wanted,
    )
    orphan = contacts.sound()[-1] | {ID: _ORPHAN, "Customer ID*": _ORPHAN}
    contacts.rows.append(orphan)
    contacts.note("orphan", orphan, "Customer ID*", harmful=True)
    soil(rng, customers, names=["Company Name*"], places=["Company Name*"], phones=["Phone"])
    for draft in drafts:
        draft.scatter_blanks(rng, 1)
    return make_sample("wizcommerce-template", drafts, {FILE: workbook(drafts)}, (*wanted, _ORPHAN))


def _lay(rng: random.Random, drafts: tuple[Draft, Draft, Draft], account: Account) -> None:
    customers, addresses, contacts = drafts
    number = f"WZ{account.number + 1:05}"
    own = {ID: number, "Customer ID*": number}
    row = own | {
        "Company Name*": account.firm.name,
        "Phone": account.firm.phone,
        "Email": account.firm.email,
        "Payment Terms": account.terms,
        "Mode of Payment": rng.choice(("Check", "Wire", "")),
        "Shipping Method": account.carrier,
        "Sales Reps": account.rep,
        "Status": "Inactive" if account.gone else "Active",
        "Action": "Delete" if rng.random() < 0.04 and not account.gone else "",
    }
    customers.rows.append(row)
    if account.gone:
        customers.note("inactive", row, "Status")
    elif row["Action"]:
        customers.note("marked", row, "Action")
    for place_number, place in enumerate((account.billing, *account.shipping)):
        kind = "Billing" if account.shipping and not place_number else "Shipping" if place_number else "Both"
        made = own | {"Address Type*": kind, **lay(place, _ADDRESS, account.country), "Is Default": "No"}
        made["Is Default"] = "Yes" if place_number < 2 else "No"
        addresses.rows.append(made)
        if kind == "Both":
            addresses.note("both", made, "Address Type*")
    for place_number, person in enumerate(account.people):
        named = {"First Name*": person.first, "Last Name": person.last, "Email": person.email, "Phone": person.phone}
        primary = {"Designation": person.title, "Primary": "Yes" if not place_number else "No"}
        contacts.rows.append(own | named | primary)
