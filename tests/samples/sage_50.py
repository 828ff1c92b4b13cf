"""The customer list of Sage 50 US: wide, up to three of twenty numbered shipping addresses, and credit card columns.

cp1252, comma, CRLF. Flags are ``TRUE``/``FALSE``. Harmless dirt: ``inactive, prospect`` (not imported),
``card_number`` (never read), ``outer_spaces, double_space, nbsp, doubled_quotes, blank_row``.
"""

import random

from tests.samples.accounts import ID, Account, accounts, harm, lay, make_sample, soil
from tests.samples.dirt import Draft, Row, Sample
from tests.samples.pools import Inventor

__all__ = ["COLUMNS", "make"]

FILE = "CUSTOMER.CSV"
_LINES = ("Line One", "Line Two")
_BILL = (
    *(f"Bill to Address-{line}" for line in _LINES),
    "Bill to City",
    "Bill to State",
    "Bill to Zip",
    "Bill to Country",
)


def _ship(number: int) -> tuple[str, ...]:
    lines = (f"Ship to Address {number}-{line}" for line in _LINES)
    return (*lines, *(f"Ship to {name} {number}" for name in ("City", "State", "Zipcode", "Country")))


COLUMNS = (
    *(
        "Customer ID",
        "Customer Name",
        "Prospect",
        "Inactive",
        "Bill to Contact First Name",
        "Bill to Contact Last Name",
    ),
    *_BILL,
    "Bill to Sales Tax ID",
    *(name for n in range(1, 21) for name in (f"Ship to Name {n}", *_ship(n), f"Ship to Sales Tax ID {n}")),
    *("Customer Type", "Telephone 1", "Telephone 2", "Fax Number", "Customer E-mail", "Sales Representative ID"),
    *("G/L Sales Account", "Open Purchase Order Number", "Ship Via", "Resale Number", "Pricing Level"),
    *("Use Standard Terms", "C.O.D. Terms", "Prepaid Terms", "Terms Type", "Due Days", "Discount Days"),
    *("Discount Percent", "Credit Limit", "Credit Status", "Charge Finance Charges", "Due Month End Terms"),
    *("Cardholder's Name", "Credit Card Address Line 1", "Credit Card City", "Credit Card Zip Code"),
    *("Credit Card Number", "Credit Card Expiration Date", "Customer Payment Method", "Second Contact"),
    *("Customer Since Date", "Customer Web Site"),
)
_CARD = "4111 1111 1111 1111"  # a well-known test number of payment services


def make(seed: int = 20250405) -> Sample:
    """The sample: 140 rows."""
    rng = random.Random(f"sage-50/{seed}")
    draft = Draft(FILE, COLUMNS, key=ID)
    for account in accounts(Inventor(rng), 140):
        draft.rows.append(_row(rng, draft, account))
    wanted = [row[ID] for row in draft.rows if row["Inactive"] == row["Prospect"] == "FALSE"]
    harm(
        rng,
        [
            (draft, "phone", "Telephone 1"),
            (draft, "email", "Customer E-mail"),
            (draft, "company_name_missing", "Customer Name"),
            (draft, "city_too_long", "Ship to City 1"),
            (draft, "city_missing", "Ship to City 2"),
            (draft, "country_unknown", "Bill to Country"),
        ],
        wanted,
    )
    soil(rng, draft, names=["Customer Name"], places=[_BILL[0], "Ship to City 1"], phones=["Telephone 1"])
    draft.scatter_blanks(rng, 2)
    return make_sample("sage-50", [draft], {FILE: draft.render(encoding="cp1252")}, wanted)


def _row(rng: random.Random, draft: Draft, account: Account) -> Row:
    identity = f"{account.firm.name[:4].upper().replace(' ', '')}{account.number:03}"
    person = account.person
    row = {
        ID: identity,
        "Customer ID": identity,
        "Customer Name": account.firm.name.encode("cp1252", "replace").decode("cp1252"),
        "Inactive": "TRUE" if account.gone else "FALSE",
        "Prospect": "TRUE" if rng.random() < 0.06 and not account.gone else "FALSE",
        "Telephone 1": account.firm.phone,
        "Customer E-mail": account.firm.email,
        "Ship Via": account.carrier,
        "Pricing Level": f"Price Level {rng.randint(1, 3)}",
        "Use Standard Terms": "FALSE",
        "C.O.D. Terms": rng.choice(("TRUE", "FALSE", "FALSE", "FALSE")),
        "Prepaid Terms": "FALSE",
        "Due Days": rng.choice(("30", "15", "0")),
        "Credit Limit": "2500.00",
        "G/L Sales Account": "40000",
    }
    row |= lay(account.billing, _BILL)
    for number, place in enumerate(account.shipping, start=1):
        row |= {f"Ship to Name {number}": account.firm.name.split()[0], **lay(place, _ship(number))}
    if person:
        row |= {"Bill to Contact First Name": person.first, "Bill to Contact Last Name": person.last}
    if len(account.people) > 1:
        row["Second Contact"] = f"{account.people[1].first} {account.people[1].last}"
    if rng.random() < 0.15:
        row |= {"Cardholder's Name": account.firm.name.split()[0], "Credit Card Number": _CARD}
        draft.note("card_number", row, "Credit Card Number")
    for column in ("Inactive", "Prospect"):
        if row[column] == "TRUE":
            draft.note(column.lower(), row, column)
    return row
