"""Shopify's customer export: wide, one row and one address per customer, with consumers among the firms.

UTF-8, comma, CRLF. IDs, ZIP codes, and phones start with an apostrophe. Harmless dirt: ``no_company`` (uses the
person's name), ``subscriber`` (neither company nor name), ``erased`` (only an ID), ``country_only`` (no
address), ``outer_spaces, double_space, nbsp, doubled_quotes, blank_row``.
"""

import random

from tests.samples.accounts import ID, Account, accounts, harm, lay, make_sample, soil
from tests.samples.dirt import Draft, Row, Sample
from tests.samples.pools import Inventor

__all__ = ["COLUMNS", "make"]

FILE = "customers_export.csv"
_ADDRESS = ("Address1", "Address2", "City", "Province Code", "Zip", "Country Code")
_PLACE = tuple(f"Default Address {name}" for name in _ADDRESS)
COLUMNS = (
    *("Customer ID", "First Name", "Last Name", "Email", "Accepts Email Marketing", "Default Address Company"),
    *("Default Address Address1", "Default Address Address2", "Default Address City", "Default Address Province Code"),
    *("Default Address Country Code", "Default Address Zip", "Default Address Phone", "Phone"),
    *("Accepts SMS Marketing", "Total Spent", "Total Orders", "Note", "Tax Exempt", "Tags"),
)


def make(seed: int = 20250404) -> Sample:
    """The sample: 160 rows; some of them are not customers."""
    rng = random.Random(f"shopify/{seed}")
    draft = Draft(FILE, COLUMNS, key=ID)
    for account in accounts(Inventor(rng), 160, shipping=0, people=2):
        draft.rows.append(_row(rng, draft, account))
    wanted = [row[ID] for row in draft.rows if row.get("Default Address Company") or row.get("First Name")]
    harm(
        rng,
        [
            (draft, "phone", "Phone"),
            (draft, "email", "Email"),
            (draft, "city_too_long", "Default Address City"),
            (draft, "city_missing", "Default Address City"),
            (draft, "country_unknown", "Default Address Country Code"),
        ],
        wanted,
    )
    soil(rng, draft, names=["Default Address Company"], places=_PLACE[:1], phones=["Phone", "Default Address Phone"])
    draft.scatter_blanks(rng, 2)
    return make_sample("shopify", [draft], {FILE: draft.render(encoding="utf-8")}, wanted)


def _row(rng: random.Random, draft: Draft, account: Account) -> Row:
    identity = str(7210448301122 + 32769 * account.number)
    row = {ID: identity, "Customer ID": f"'{identity}"}
    kind = rng.choices(("firm", "person", "subscriber", "erased"), (78, 12, 7, 3))[0]
    if kind == "erased":
        draft.note("erased", row, "")
        return row
    row |= {"Email": account.firm.email, "Accepts Email Marketing": rng.choice(("yes", "no")), "Total Orders": "0"}
    row |= {"Accepts SMS Marketing": "no", "Total Spent": "0.00", "Tax Exempt": "no"}
    if kind == "subscriber":
        row |= {"Default Address Country Code": account.firm.country}
        draft.note("subscriber", row, "")
        return row
    if account.person or kind == "person":
        person = account.person or Inventor(rng).person()
        row |= {"First Name": person.first, "Last Name": person.last}
        row["Phone"] = f"'{person.phone}" if person.phone.startswith("+") else person.phone
    if kind == "firm":
        row |= {"Default Address Company": account.firm.name, "Tax Exempt": "yes", "Tags": "wholesale, tier-2"}
    else:
        draft.note("no_company", row, "Default Address Company")
    if rng.random() < 0.1:
        row["Default Address Country Code"] = account.firm.country
        draft.note("country_only", row, "")
        return row
    row |= lay(account.billing, _PLACE)
    row["Default Address Zip"] = f"'{row['Default Address Zip']}"
    row["Default Address Phone"] = account.billing.phone
    return row
