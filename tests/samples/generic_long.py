"""A handmade list with a row for each address: the customer's columns repeat, and some rows have a contact.

UTF-8 with a BOM, tab, CRLF. Harmless dirt: ``inactive`` (not imported), ``no_type`` (an address without a type),
``both, outer_spaces, nbsp, row_away, blank_row``. Harmful besides the usual: ``conflict``.
"""

import random

from tests.samples.accounts import ID, Account, accounts, harm, lay, make_sample
from tests.samples.dirt import UTF8_BOM, Draft, Row, Sample, spread
from tests.samples.pools import Inventor

__all__ = ["COLUMNS", "make"]

FILE = "customers by address.txt"
_ADDRESS = ("Street", "Street 2", "Town", "State", "Postcode", "Country")
COLUMNS = (
    *("Account No.", "Customer Name", "Phone", "Email", "Payment Terms", "Address Type", *_ADDRESS),
    *("First Name", "Last Name", "Job Title", "Mobile", "Active"),
)


def make(seed: int = 20250413) -> Sample:
    """The sample: 110 customers in about 230 rows."""
    rng = random.Random(f"generic-long/{seed}")
    draft = Draft(FILE, COLUMNS, key=ID)
    for account in accounts(Inventor(rng), 110, people=2):
        draft.rows += _rows(rng, draft, account)
    wanted = [row[ID] for row in draft.rows if row["Active"] == "Y"]
    harm(
        rng,
        [
            (draft, "city_too_long", "Town"),
            (draft, "city_missing", "Town"),
            (draft, "country_unknown", "Country"),
        ],
        wanted,
    )
    harmed = {row[ID] for row in draft.harmed()}
    several = [row for row in draft.rows[1:] if row[ID] in {*wanted} - harmed and row["Address Type"] == "Ship to"]
    second = rng.choice(several)
    own = [row for row in draft.rows if row[ID] == second[ID]]
    first = own[0]
    for row in own:
        row["Payment Terms"] = "Net 90" if row is second else "Net 30"
    draft.conflict(first, second, "Payment Terms")
    draft.soil(rng, "outer_spaces", ("Street", "Town"), lambda text: f" {text}  ", count=8)
    draft.soil(rng, "nbsp", ("Street",), lambda text: text.replace(" ", "\u00a0"), count=4)
    settled = {row[ID] for row in draft.harmed()}
    loose = [row for row in draft.rows if row[ID] not in settled]
    for row in spread(rng, loose, key=ID, count=6):
        draft.note("row_away", row, "")
    draft.rows = [*(row for row in draft.rows if row[ID] in settled), *loose]
    draft.scatter_blanks(rng, 2)
    customers = [row[ID] for row in draft.rows if row.get("Active") == "Y"]
    content = draft.render(encoding="utf-8", delimiter="\t", bom=UTF8_BOM)
    return make_sample("generic-long", [draft], {FILE: content}, customers)


def _rows(rng: random.Random, draft: Draft, account: Account) -> list[Row]:
    number = f"{account.number + 1:05}"
    head = {
        ID: number,
        "Account No.": number,
        "Customer Name": account.firm.name,
        "Phone": account.firm.phone,
        "Email": account.firm.email,
        "Payment Terms": account.terms,
        "Active": "N" if account.gone else "Y",
    }
    rows = []
    for place_number, place in enumerate((account.billing, *account.shipping)):
        kind = "Ship to" if place_number else "Bill to" if account.shipping else rng.choice(("Both", ""))
        row = head | {"Address Type": kind} | lay(place, _ADDRESS, account.country)
        if place_number < len(account.people):
            person = account.people[place_number]
            row |= {"First Name": person.first, "Last Name": person.last, "Job Title": person.title}
            row |= {"Mobile": person.phone}
        rows.append(row)
        if kind in {"Both", ""}:
            draft.note("both" if kind else "no_type", row, "Address Type")
        if account.gone:
            draft.note("inactive", row, "Active")
    return rows
