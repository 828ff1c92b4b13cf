"""A handmade list with one row per customer, a title above, and totals below.

cp1252, semicolon, CRLF. Harmless dirt: ``inactive, supplier`` (not imported), ``no_number`` (the name is the key),
``no_ship_to`` (one address for both purposes), ``outer_spaces, double_space, nbsp, blank_row``.
"""

import random

from tests.samples.accounts import ID, Account, accounts, harm, lay, make_sample
from tests.samples.dirt import Draft, Row, Sample
from tests.samples.pools import Inventor

__all__ = ["COLUMNS", "make"]

FILE = "our customers.csv"
_ADDRESS = ("Address 1", "Address 2", "City", "State", "Zip", "Country")
_SHIP = ("Ship To Address 1", "Ship To Address 2", "Ship To City", "Ship To State", "Ship To Zip", "Ship To Country")
COLUMNS = (
    *("Customer #", "Company", "Contact", "Title", "Phone", "Cell", "E-mail", *_ADDRESS, *_SHIP),
    *("Terms", "Ship Via", "Sales Rep", "Type", "Status", "Notes"),
)


def make(seed: int = 20250412) -> Sample:
    """The sample: 130 rows."""
    rng = random.Random(f"generic-wide/{seed}")
    draft = Draft(FILE, COLUMNS, key=ID)
    for account in accounts(Inventor(rng), 130, shipping=1):
        draft.rows.append(_row(rng, draft, account))
    wanted = [row[ID] for row in draft.rows if row["Status"] == "Active" and row["Type"] != "Supplier"]
    harm(
        rng,
        [
            (draft, "phone", "Phone"),
            (draft, "email", "E-mail"),
            (draft, "city_too_long", "City"),
            (draft, "city_missing", "Ship To City"),
            (draft, "country_unknown", "Country"),
        ],
        wanted,
    )
    draft.soil(rng, "outer_spaces", ("Address 1", "City", "Contact"), lambda text: f" {text}  ", count=8)
    draft.soil(rng, "double_space", ("Address 1",), lambda text: text.replace(" ", "  "), count=4)
    draft.soil(rng, "nbsp", ("Phone",), lambda text: text.replace(" ", "\u00a0"), count=4)
    draft.scatter_blanks(rng, 3)
    draft.above = [["Customers of Wobblewick Trading"], []]
    draft.below = [[], ["Total", str(len(wanted))]]
    return make_sample("generic-wide", [draft], {FILE: draft.render(encoding="cp1252", delimiter=";")}, wanted)


def _row(rng: random.Random, draft: Draft, account: Account) -> Row:
    name = account.firm.name.encode("cp1252", "replace").decode("cp1252")
    number = f"{account.number + 1:04}" if rng.random() < 0.9 else ""
    row = {
        ID: number or name,
        "Customer #": number,
        "Company": name,
        "Phone": account.firm.phone,
        "E-mail": account.firm.email,
        **lay(account.billing, _ADDRESS, account.country),
        "Terms": account.terms,
        "Ship Via": account.carrier,
        "Sales Rep": account.rep,
        "Type": "Supplier" if rng.random() < 0.06 and not account.gone else "Customer",
        "Status": "Inactive" if account.gone else "Active",
        "Notes": rng.choice(("", "", "", "ring the bell twice")),
    }
    if account.person:
        row |= {"Contact": f"{account.person.first} {account.person.last}", "Title": account.person.title}
    if account.shipping:
        row |= lay(account.shipping[0], _SHIP, account.country)
    else:
        draft.note("no_ship_to", row, "")
    for code, found in (
        ("inactive", account.gone),
        ("supplier", row["Type"] == "Supplier"),
        ("no_number", not number),
    ):
        if found:
            draft.note(code, row, "")
    return row
