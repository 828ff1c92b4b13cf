"""A workbook for importing customers into NetSuite: wide, with the address columns repeated three times.

One sheet with the labels of the template; row 2 contains instructions. Some labels are British (``County``,
``Post Code``) or marked with ``(Req)``. Harmless dirt: ``inactive`` (an inverted flag), ``individual`` (no
company), ``trailing_comma_zip, outer_spaces, double_space, nbsp, doubled_quotes, blank_row``.
"""

import random

from tests.samples.accounts import ID, Account, accounts, harm, lay, make_sample, soil, workbook
from tests.samples.dirt import Draft, Row, Sample
from tests.samples.pools import Inventor

__all__ = ["make"]

FILE = "customer_template.xlsx"
_MOST = 3


def _group(number: int) -> tuple[str, ...]:
    names = ("Address 1", "Address 2", "City", "County", "Post Code", f"Country (Req) {number}")
    return tuple(f"Address {number} : {name}" for name in names)


_FLAGS = {kind: tuple(f"Address {n} : Default {kind}" for n in range(1, _MOST + 1)) for kind in ("Billing", "Shipping")}
COLUMNS = (
    *("Customer ID (Req)", "isPerson", "Company Name (Req)", "First Name", "Last Name", "Email", "Phone", "Alt. Phone"),
    *("Inactive", "Terms", "Shipping Method", "Sales Rep", "Primary Subsidiary (Req)", "Currency"),
    *(name for n in range(1, _MOST + 1) for name in (*_group(n), _FLAGS["Billing"][n - 1], _FLAGS["Shipping"][n - 1])),
)
_INSTRUCTIONS = {"Customer ID (Req)": "Required. Unique.", "Company Name (Req)": "Required. Max 83 characters"}


def make(seed: int = 20250408) -> Sample:
    """The sample: 120 customers below a row of instructions."""
    rng = random.Random(f"netsuite-template/{seed}")
    draft = Draft("Customers", COLUMNS, key=ID)
    for account in accounts(Inventor(rng), 120, shipping=2, people=1):
        draft.rows.append(_row(rng, draft, account))
    wanted = [row[ID] for row in draft.rows if row["Inactive"] == "No"]
    harm(
        rng,
        [
            (draft, "phone", "Phone"),
            (draft, "email", "Email"),
            (draft, "city_too_long", "Address 1 : City"),
            (draft, "city_missing", "Address 2 : City"),
            (draft, "country_unknown", "Address 1 : Country (Req) 1"),
        ],
        wanted,
    )
    codes = [f"Address {n} : Post Code" for n in (1, 2)]
    draft.soil(rng, "trailing_comma_zip", codes, lambda text: f"{text},", count=6)
    soil(rng, draft, names=["Company Name (Req)"], places=["Address 1 : Address 1"], phones=["Phone"])
    draft.scatter_blanks(rng, 1)
    draft.rows.insert(0, dict.fromkeys(COLUMNS, "Optional") | _INSTRUCTIONS)
    return make_sample("netsuite-template", [draft], {FILE: workbook([draft])}, wanted)


def _row(rng: random.Random, draft: Draft, account: Account) -> Row:
    number, person = f"C{account.number + 101:05}", account.person
    row = {
        ID: number,
        "Customer ID (Req)": number,
        "isPerson": "F",
        "Company Name (Req)": account.firm.name,
        "Email": account.firm.email,
        "Phone": account.firm.phone,
        "Inactive": "Yes" if account.gone else "No",
        "Terms": account.terms,
        "Shipping Method": account.carrier,
        "Sales Rep": account.rep,
        "Primary Subsidiary (Req)": "1",
        "Currency": "USD",
    }
    if person:
        row |= {"First Name": person.first, "Last Name": person.last}
        if rng.random() < 0.15:
            row |= {"isPerson": "T", "Company Name (Req)": ""}
            draft.note("individual", row, "Company Name (Req)")
    if account.gone:
        draft.note("inactive", row, "Inactive")
    for number_, place in enumerate((account.billing, *account.shipping), start=1):
        row |= lay(place, _group(number_), account.country)
        row[_FLAGS["Billing"][number_ - 1]] = "Yes" if number_ == 1 else "No"
        row[_FLAGS["Shipping"][number_ - 1]] = "Yes" if number_ == min(2, 1 + len(account.shipping)) else "No"
    return row
