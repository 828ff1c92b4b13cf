"""Lists from QuickBooks Desktop as an IIF file: tab-separated and tagged, with several kinds of rows.

cp1252, CRLF, no title. Besides customers, the file has its own header, vendors, and terms. Harmless dirt: ``hidden``
(inactive, not imported), ``job, vendor`` (a row of another kind).
"""

import csv
import io
import random

from tests.samples.accounts import ID, Account, accounts, harm, make_sample
from tests.samples.dirt import Draft, Row, Sample
from tests.samples.pools import Inventor, Place
from tests.samples.quickbooks import block

__all__ = ["COLUMNS", "make"]

FILE = "customers.iif"
_LINES = {kind: tuple(f"{kind}ADDR{number}" for number in range(1, 6)) for kind in ("B", "S")}
COLUMNS = (
    *("NAME", "REFNUM", "TIMESTAMP", *_LINES["B"], *_LINES["S"], "PHONE1", "PHONE2", "FAXNUM", "EMAIL", "NOTE"),
    *("CONT1", "CONT2", "CTYPE", "TERMS", "TAXABLE", "SALESTAXCODE", "LIMIT", "RESALENUM", "REP", "TAXITEM"),
    *("NOTEPAD", "SALUTATION", "COMPANYNAME", "FIRSTNAME", "MIDINIT", "LASTNAME", "JOBDESC", "JOBTYPE", "JOBSTATUS"),
    *("JOBSTART", "JOBPROJEND", "JOBEND", "HIDDEN", "DELCOUNT", "PRICELEVEL"),
)
_ABOVE = [
    ["!HDR", "PROD", "VER", "REL", "IIFVER", "DATE", "TIME"],
    ["HDR", "QuickBooks Pro", "Version 29.0D", "Release R1P", "1", "2025-04-01", "1743508800"],
    ["!CUSTNAMEDICT", "INDEX", "LABEL", "CUSTOMER", "VENDOR", "EMPLOYEE"],
    ["CUSTNAMEDICT", "0", "", "N", "N", "N"],
    ["!ENDCUSTNAMEDICT"],
    ["ENDCUSTNAMEDICT"],
]
_BELOW = [
    ["!VEND", "NAME", "ADDR1", "ADDR2", "PHONE1", "EMAIL"],
    ["VEND", "Quillfeather Paper Mill", "9 Thimble Street", "Fogbell, CA 94101", "415-555-0101", "mill@example.com"],
    ["!TERMS", "NAME", "DUEDAYS"],
    ["TERMS", "Net 30", "30"],
]


def make(seed: int = 20250417) -> Sample:
    """The sample: 120 customers and their jobs."""
    rng = random.Random(f"quickbooks-iif/{seed}")
    draft = Draft("CUST", COLUMNS, key=ID, above=_ABOVE, below=_BELOW)
    for account in accounts(Inventor(rng), 120, shipping=2, people=2):
        draft.rows += _rows(draft, account)
    wanted = [row[ID] for row in draft.rows if ":" not in row["NAME"] and row["HIDDEN"] == "N"]
    harm(rng, [(draft, "phone", "PHONE1"), (draft, "email", "EMAIL")], wanted)
    return make_sample("quickbooks-iif", [draft], {FILE: _render(draft)}, wanted)


def _render(draft: Draft) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\r\n")
    body = [["CUST", *(row.get(column, "") for column in COLUMNS)] for row in draft.rows]
    writer.writerows([*_ABOVE, ["!CUST", *COLUMNS], *body, *_BELOW])
    return text.getvalue().encode("cp1252")


def _lines(kind: str, name: str, place: Place) -> Row:
    return dict(zip(_LINES[kind], [name, *block(place)][:5], strict=False))


def _rows(draft: Draft, account: Account) -> list[Row]:
    name = account.firm.name.encode("cp1252", "replace").decode("cp1252")
    row = {
        ID: name,
        "NAME": name,
        "REFNUM": str(account.number + 1),
        "TIMESTAMP": "1743508800",
        **_lines("B", name, account.billing),
        "PHONE1": account.firm.phone,
        "EMAIL": account.firm.email,
        "TERMS": account.terms,
        "COMPANYNAME": name,
        "TAXABLE": "N",
        "HIDDEN": "Y" if account.gone else "N",
        "DELCOUNT": "0",
    }
    if account.person:
        row |= {"FIRSTNAME": account.person.first, "LASTNAME": account.person.last}
    if len(account.people) > 1:
        row["CONT2"] = f"{account.people[1].first} {account.people[1].last}"
    if account.shipping:
        row |= _lines("S", name, account.shipping[0])
    if account.gone:
        draft.note("hidden", row, "HIDDEN")
    rows = [row]
    for place in account.shipping[1:]:
        job = {ID: name, "NAME": f"{name}:Warehouse", "HIDDEN": row["HIDDEN"], "DELCOUNT": "0"}
        rows.append(job | _lines("S", name, place))
        draft.note("job", rows[-1], "NAME")
    return rows
