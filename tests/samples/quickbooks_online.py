"""QuickBooks Online's Customer Contact List: a report with titles above it and a time below it.

UTF-8, comma, LF. The firm's name in the title is quoted because it contains a comma. Phones share a cell with their
labels; an entire address is in one cell, with line breaks or as one line. Harmless dirt: ``deleted`` (not imported),
``currency`` (``- USD`` after the name), ``sub_customer`` (``Parent:Child``), ``several_emails, one_line_address,
doubled_quotes, nbsp, blank_row``. Harmful besides the usual: ``orphan``, a sub-customer without a parent.
"""

import random

from tests.samples.accounts import ID, Account, accounts, harm, make_sample
from tests.samples.dirt import Draft, Row, Sample, lucky
from tests.samples.pools import Inventor
from tests.samples.quickbooks import block, in_one_line

__all__ = ["COLUMNS", "make"]

FILE = "Customer Contact List.csv"
_NAME = "Customer full name"
COLUMNS = (_NAME, "Phone numbers", "Email", "Full name", "Bill address", "Ship address")


def make(seed: int = 20250415) -> Sample:
    """The sample: 130 customers and their sub-customers."""
    rng = random.Random(f"quickbooks-online/{seed}")
    draft = Draft(FILE, COLUMNS, key=ID)
    for account in accounts(Inventor(rng), 130, shipping=2, people=1):
        draft.rows += _rows(rng, draft, account)
    alone = [row for row in draft.rows if ":" not in row[_NAME] and "(deleted)" not in row[_NAME]]
    wanted = [row[ID] for row in alone]
    harm(
        rng,
        [(draft, "email", "Email"), (draft, "phone", "Phone numbers")],
        {row[ID] for row in alone if "&" in row[ID]},
    )
    orphan = {ID: "", _NAME: "Nowhere at all:Warehouse", "Ship address": draft.rows[0]["Bill address"]}
    draft.rows.append(orphan)
    draft.note("orphan", orphan, _NAME, harmful=True)
    draft.soil(rng, "nbsp", ("Phone numbers",), lambda text: text.replace(") ", ")\u00a0"), count=4)
    draft.scatter_blanks(rng, 1)
    draft.above = [["Wobblewick Trading Group, Inc."], ["Customer Contact List"], []]
    draft.below = [[], [], [" Wednesday, April 02, 2025 01:46 PM GMT-05:00"]]
    return make_sample("quickbooks-online", [draft], {FILE: draft.render(encoding="utf-8")}, wanted)


def _rows(rng: random.Random, draft: Draft, account: Account) -> list[Row]:
    firm = account.firm
    name = lucky(firm.name) if rng.random() < 0.04 else firm.name
    if account.gone:
        name += " (deleted)"
    elif rng.random() < 0.1:
        name += " - USD"
    phones = [f"Phone:{firm.phone}"]
    if account.person:
        phones.append(f"Mobile:{account.person.phone}")
    one_line = firm.country == "US" and rng.random() < 0.3
    row = {
        ID: name,
        _NAME: name,
        "Phone numbers": " ".join(phones),
        "Email": firm.email if rng.random() < 0.85 else f"{firm.email}, accounts@example.com",
        "Full name": f"{account.person.first} {account.person.last}" if account.person else "",
        "Bill address": in_one_line(account.billing) if one_line else "\n".join(block(account.billing)),
    }
    if account.shipping:
        row["Ship address"] = "\n".join(block(account.shipping[0]))
    for code, column, found in (
        ("deleted", _NAME, account.gone),
        ("currency", _NAME, name.endswith(" - USD")),
        ("several_emails", "Email", "," in row["Email"]),
        ("one_line_address", "Bill address", one_line),
    ):
        if found:
            draft.note(code, row, column)
    rows = [row]
    for place in account.shipping[1:]:
        child = {ID: name, _NAME: f"{name}:Warehouse", "Ship address": "\n".join(block(place))}
        rows.append(child)
        draft.note("sub_customer", child, _NAME)
    return rows
