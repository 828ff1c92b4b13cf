"""Odoo's contacts in one sheet: companies, people, and addresses, with the name or ID of their company.

Harmless dirt: ``supplier, archived`` (not imported, with everything that belongs to them), ``before_its_company`` (a
person or address above its company), ``by_id`` (refers to the company by its external ID), ``pseudo_name`` (an address
called ``Warehouse``), ``individual`` (a person without a company), ``outer_spaces, double_space, nbsp, blank_row``.
Harmful besides the usual: ``orphan``, a person whose company is not in the file.
"""

import random

from tests.samples.accounts import ID, Account, accounts, harm, lay, make_sample, workbook
from tests.samples.dirt import Draft, Row, Sample
from tests.samples.pools import Inventor, Place

__all__ = ["COLUMNS", "make"]

FILE = "res.partner.xlsx"
_ADDRESS = ("Street", "Street2", "City", "State", "ZIP", "Country")
_BY_ID, _BY_NAME = "Related Company/External ID", "Related Company"
COLUMNS = (
    *("External ID", "Name", "Is a Company", _BY_NAME, _BY_ID, "Customer", "Supplier", "Address Type", "Active"),
    *_ADDRESS,
    *("Website", "Phone", "Mobile", "Email", "Job Position", "Salesperson", "Customer Payment Terms"),
)
_COUNTRIES = {"US": "United States", "CA": "Canada", "GB": "United Kingdom", "DE": "Germany"}


def make(seed: int = 20250414) -> Sample:
    """The sample: 110 companies and individuals with about 240 people and addresses."""
    rng = random.Random(f"odoo/{seed}")
    draft = Draft("Contacts", COLUMNS, key=ID)
    copies = [
        copy for account in accounts(Inventor(rng), 110, shipping=2, people=2) for copy in _lay(rng, draft, account)
    ]
    alone = [row for row in draft.rows if not row.get(_BY_ID) and not row.get(_BY_NAME)]
    wanted = [row[ID] for row in alone if row["Active"] == "TRUE" and row["Customer"] == "TRUE"]
    harm(
        rng,
        [
            (draft, "phone", "Phone"),
            (draft, "email", "Email"),
            (draft, "city_too_long", "City"),
            (draft, "city_missing", "City"),
            (draft, "country_unknown", "Country"),
        ],
        wanted,
    )
    for row, place in copies:  # a person's address is a copy of the company's
        row.update(_placed(place))
    orphan = _child("Flora Nowhere", "Contact") | {ID: "", _BY_NAME: "Nowhere at all", "External ID": "c_nowhere"}
    draft.rows.append(orphan)
    draft.note("orphan", orphan, _BY_NAME, harmful=True)
    for row in rng.sample([row for row in draft.rows if row.get(_BY_NAME) and row[ID]], 8):
        draft.rows[:] = [row, *(other for other in draft.rows if other is not row)]
        draft.note("before_its_company", row, "")
    draft.soil(rng, "outer_spaces", ("Street", "City"), lambda text: f" {text}  ", count=8)
    draft.soil(rng, "nbsp", ("Street",), lambda text: text.replace(" ", "\u00a0"), count=4)
    draft.scatter_blanks(rng, 1)
    return make_sample("odoo", [draft], {FILE: workbook([draft])}, wanted)


def _child(name: str, kind: str, place: Place | None = None) -> Row:
    flags = {"Is a Company": "FALSE", "Customer": "TRUE", "Supplier": "FALSE", "Active": "TRUE"}
    return flags | {"Name": name, "Address Type": kind} | (_placed(place) if place else {})


def _placed(place: Place) -> Row:
    return lay(place, _ADDRESS, _COUNTRIES[place.country])


def _lay(rng: random.Random, draft: Draft, account: Account) -> list[tuple[Row, Place]]:
    """Draft an account's rows; returns the people whose rows repeat the company's address."""
    identity = f"c_{account.number:04}"
    kind = rng.choices(("company", "individual", "supplier"), (85, 8, 7))[0]
    person = account.person
    head = {ID: identity, "External ID": identity, "Name": account.firm.name, "Address Type": "Contact"}
    head |= {"Is a Company": "TRUE", "Customer": "TRUE", "Supplier": "FALSE", "Active": "TRUE"}
    head |= {**_placed(account.billing), "Phone": account.firm.phone, "Email": account.firm.email}
    head |= {"Salesperson": account.rep, "Customer Payment Terms": account.terms}
    if kind == "individual" and person:
        head |= {"Name": f"{person.first} {person.last}", "Is a Company": "FALSE", "Email": person.email}
        draft.rows.append(head)
        draft.note("individual", head, "Name")
        return []
    if kind == "supplier":
        head |= {"Customer": "FALSE", "Supplier": "TRUE"}
        draft.note("supplier", head, "Supplier")
    elif account.gone:
        head["Active"] = "FALSE"
        draft.note("archived", head, "Active")
    draft.rows.append(head)
    return _lay_children(rng, draft, account, head)


def _lay_children(rng: random.Random, draft: Draft, account: Account, head: Row) -> list[tuple[Row, Place]]:
    rows = []
    for place, (name, kind) in zip(
        account.shipping, (("Warehouse", "Delivery address"), ("Accounts", "Invoice address")), strict=False
    ):
        rows.append(_child(name, kind, place))
        draft.note("pseudo_name", rows[-1], "Name")
    for one in account.people:
        row = _child(f"{one.first} {one.last}", "Contact")
        rows.append(row | {"Email": one.email, "Mobile": one.phone, "Job Position": one.title})
    for number, row in enumerate(rows):
        row |= {ID: head[ID], "External ID": f"{head[ID]}_{number}"}
        if rng.random() < 0.3:
            row[_BY_ID] = head["External ID"]
            draft.note("by_id", row, _BY_ID)
        else:
            row[_BY_NAME] = head["Name"]
        draft.rows.append(row)
    return [(row, account.billing) for row in rows if row["Address Type"] == "Contact" and rng.random() < 0.5]
