"""QuickBooks Desktop's customer list: five unlabeled lines for each of two addresses, and jobs as ``Parent:Job``.

cp1252, comma, CRLF; the first column has no name. The first address line repeats the firm, the second can be
``ATTN: …``, and there can be a phone below the address. Harmless dirt: ``not_active`` (not imported), ``job, attention,
phone_in_address, no_company, nbsp``. Harmful besides the usual: ``orphan``, a job without a customer.
"""

import random

from tests.samples.accounts import ID, Account, accounts, harm, make_sample
from tests.samples.dirt import Draft, Row, Sample
from tests.samples.pools import Inventor, Place
from tests.samples.quickbooks import block

__all__ = ["COLUMNS", "make"]

FILE = "customers.csv"
_LINES = {kind: tuple(f"{kind} to {number}" for number in range(1, 6)) for kind in ("Bill", "Ship")}
COLUMNS = (
    *("", "Active Status", "Customer", "Balance", "Balance Total", "Company", "Mr./Ms./...", "First Name", "M.I."),
    *(
        "Last Name",
        "Primary Contact",
        "Main Phone",
        "Fax",
        "Alt. Phone",
        "Secondary Contact",
        "Job Title",
        "Main Email",
    ),
    *(*_LINES["Bill"], *_LINES["Ship"], "Customer Type", "Terms", "Rep", "Sales Tax Code", "Tax item", "Resale Num"),
    *("Account No.", "Credit Limit", "Job Status", "Job Type", "Job Description"),
)


def make(seed: int = 20250416) -> Sample:
    """The sample: 130 customers and their jobs."""
    rng = random.Random(f"quickbooks-desktop/{seed}")
    draft = Draft(FILE, COLUMNS, key=ID)
    for account in accounts(Inventor(rng), 130, shipping=2, people=2):
        draft.rows += _rows(rng, draft, account)
    heads = [row for row in draft.rows if ":" not in row["Customer"] and row["Active Status"] == "Active"]
    wanted = [row[ID] for row in heads]
    harm(rng, [(draft, "phone", "Main Phone"), (draft, "email", "Main Email")], wanted)
    orphan = {ID: "", "Active Status": "Active", "Customer": "Nowhere at all:Warehouse", "Ship to 1": "4 Pier Rd"}
    draft.rows.append(orphan)
    draft.note("orphan", orphan, "Customer", harmful=True)
    draft.soil(rng, "nbsp", ("Main Phone",), lambda text: text.replace(" ", "\u00a0"), count=4)
    return make_sample("quickbooks-desktop", [draft], {FILE: draft.render(encoding="cp1252")}, wanted)


def _lines(kind: str, name: str, place: Place, *, attention: str = "", phone: str = "") -> Row:
    lines = [name, attention, *block(place)]
    kept = [line for line in lines if line][:5]
    if phone and len(kept) < len(_LINES[kind]):
        kept.append(phone)
    return dict(zip(_LINES[kind], kept, strict=False))


def _rows(rng: random.Random, draft: Draft, account: Account) -> list[Row]:
    name = account.firm.name.encode("cp1252", "replace").decode("cp1252")
    person = account.person
    attention = f"ATTN: {person.first} {person.last}" if person and rng.random() < 0.2 else ""
    phone = account.billing.phone if account.firm.country == "US" and rng.random() < 0.1 else ""
    row = {
        ID: name,
        "Active Status": "Not-active" if account.gone else "Active",
        "Customer": name,
        "Balance": "0.00",
        "Balance Total": "0.00",
        "Company": name if rng.random() < 0.9 else "",
        "Main Phone": account.firm.phone,
        "Main Email": account.firm.email,
        "Terms": account.terms,
        "Rep": "".join(part[0] for part in account.rep.split()),
        "Customer Type": "Retail",
        **_lines("Bill", name, account.billing, attention=attention, phone=phone),
    }
    if person:
        row |= {"First Name": person.first, "Last Name": person.last, "Job Title": person.title}
    if len(account.people) > 1:
        row["Secondary Contact"] = f"{account.people[1].first} {account.people[1].last}"
    if account.shipping:
        row |= _lines("Ship", name, account.shipping[0])
    for code, column, found in (
        ("not_active", "Active Status", account.gone),
        ("no_company", "Company", not row["Company"]),
        ("attention", "Bill to 2", bool(attention)),
        ("phone_in_address", "", phone in row.values() and bool(phone)),
    ):
        if found:
            draft.note(code, row, column)
    rows = [row]
    for place in account.shipping[1:]:
        job = {ID: name, "Active Status": row["Active Status"], "Customer": f"{name}:Warehouse"}
        rows.append(job | _lines("Ship", name, place))
        draft.note("job", rows[-1], "Customer")
    return rows
