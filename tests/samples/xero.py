"""A Xero contact list: wide, a row per contact, ``PO`` (billing) and ``SA`` (street) addresses, up to five people.

UTF-8, comma, CRLF. The columns are those of Xero's export. The key is the name: a firm can be listed twice. Customers
and suppliers are in the same file, without a flag. Harmless dirt: ``outer_spaces, double_space, nbsp, phone_extension,
upper_case_email, same_customer_again, same_address_twice, no_address, leading_zero_zip, country_alpha3,
country_short_form`` (``UK``), ``doubled_quotes, accents, blank_row``.
"""

import random
from collections import Counter

from tests.samples.dirt import Draft, Row, Sample, lucky
from tests.samples.pools import COUNTRY_FORMS, Firm, Inventor, Place

__all__ = ["COLUMNS", "make"]

FILE = "contacts.csv"
CUSTOMERS = 240
_ADDRESS = (
    *("AttentionTo", "AddressLine1", "AddressLine2", "AddressLine3", "AddressLine4"),
    *("City", "Region", "PostalCode", "Country"),
)
COLUMNS = (
    *("*ContactName", "AccountNumber", "EmailAddress", "FirstName", "LastName"),
    *(f"{group}{name}" for group in ("PO", "SA") for name in _ADDRESS),
    *("PhoneNumber", "FaxNumber", "MobileNumber", "DDINumber", "SkypeName"),
    *("BankAccountName", "BankAccountNumber", "BankAccountParticulars"),
    *("TaxNumber", "AccountsReceivableTaxCodeName", "AccountsPayableTaxCodeName"),
    *("Website", "LegalName", "Discount", "CompanyNumber"),
    *("DueDateBillDay", "DueDateBillTerm", "DueDateSalesDay", "DueDateSalesTerm", "SalesAccount", "PurchasesAccount"),
    *("TrackingName1", "SalesTrackingOption1", "PurchasesTrackingOption1"),
    *("TrackingName2", "SalesTrackingOption2", "PurchasesTrackingOption2"),
    *("BrandingTheme", "DefaultTaxBills", "DefaultTaxSales"),
    *(f"Person{n}{name}" for n in range(1, 6) for name in ("FirstName", "LastName", "Email", "IncludeInEmail")),
)
_PHONES = ("PhoneNumber", "MobileNumber", "DDINumber")
_TERMS = (("30", "Days After"), ("14", "Days After"), ("20", "Following Month"), ("", ""))


def make(seed: int = 20250401) -> Sample:
    """The sample: 240 customers, three of them listed twice, in ``contacts.csv``."""
    rng = random.Random(f"xero/{seed}")
    inventor = Inventor(rng)
    draft = Draft(FILE, COLUMNS, key="*ContactName")
    draft.rows = [_row(inventor, number) for number in range(CUSTOMERS)]
    _harm(draft, rng)
    _list_again(draft, rng)
    _soil(draft, rng)
    draft.scatter_blanks(rng, 3)
    names = (row.get("*ContactName", "").strip() for row in draft.rows if row)
    return Sample(
        "xero",
        {FILE: draft.render(encoding="utf-8")},
        tuple(dict.fromkeys(name for name in names if name)),
        tuple(draft.planted()),
        {FILE: len(draft.records())},
    )


def _row(inventor: Inventor, number: int) -> Row:
    rng = inventor.rng
    firm = inventor.firm()
    day, term = rng.choice(_TERMS)
    row = {
        "*ContactName": firm.name,
        "AccountNumber": f"{number + 17:06}" if rng.random() < 0.8 else "",
        "EmailAddress": firm.email,
        "PhoneNumber": firm.phone,
        "TaxNumber": f"00-{rng.randint(0, 9999999):07}" if rng.random() < 0.3 else "",
        "AccountsReceivableTaxCodeName": "Tax on Sales" if rng.random() < 0.5 else "",
        "Website": f"http://www.example.com/{number}" if rng.random() < 0.3 else "",
        "LegalName": f"{firm.name} (legal)" if rng.random() < 0.1 else "",
        "Discount": rng.choice(("", "", "", "5.00", "12.50")),
        "DueDateSalesDay": day,
        "DueDateSalesTerm": term,
        "SalesAccount": "200",
    }
    if rng.random() < 0.6:
        person = inventor.person(firm.country)
        row |= {"FirstName": person.first, "LastName": person.last, "MobileNumber": person.phone}
    if rng.random() < 0.2:
        row["DDINumber"] = inventor.phone(firm.country, abroad=True)
    if rng.random() < 0.12:  # these may be suppliers; the file does not say so
        row |= {"BankAccountName": firm.name, "BankAccountNumber": f"00-0000-{number:07}-00", "PurchasesAccount": "310"}
    _people(row, inventor, firm)
    _addresses(row, inventor, firm)
    return row


def _people(row: Row, inventor: Inventor, firm: Firm) -> None:
    count = inventor.rng.choices(range(6), (45, 30, 12, 7, 4, 2))[0]
    for number in range(1, count + 1):
        person = inventor.person(firm.country)
        row |= {
            f"Person{number}FirstName": person.first,
            f"Person{number}LastName": person.last,
            f"Person{number}Email": person.email,
            f"Person{number}IncludeInEmail": inventor.rng.choice(("TRUE", "FALSE")),
        }


def _addresses(row: Row, inventor: Inventor, firm: Firm) -> None:
    rng = inventor.rng
    kind = rng.choices(("both", "same", "PO", "SA", "none"), (40, 20, 25, 10, 5))[0]
    billing = inventor.place(firm.country)
    form = rng.choice(COUNTRY_FORMS[firm.country])
    attention = inventor.person(firm.country)
    if kind in {"both", "same", "PO"}:
        row |= _group("PO", billing, form)
        row["POAttentionTo"] = f"{attention.first} {attention.last}" if rng.random() < 0.25 else ""
    if kind == "same":
        row |= _group("SA", billing, form)
    if kind in {"both", "SA"}:
        row |= _group("SA", inventor.place(firm.country), form)


def _group(group: str, place: Place, country: str) -> Row:
    cells = (place.line_1, place.line_2, place.city, place.state, place.post_code, country)
    names = ("AddressLine1", "AddressLine2", "City", "Region", "PostalCode", "Country")
    return {f"{group}{name}": cell for name, cell in zip(names, cells, strict=True)}


def _harm(draft: Draft, rng: random.Random) -> None:
    """Harmful dirt in one cell of twelve customers; the contradiction is added later."""

    def take(code: str, column: str, count: int) -> None:
        rows = [row for row in draft.sound() if row.get("POCity") != row.get("SACity")]
        draft.harm(rng, code, column, rows, count=count)

    take("phone", "PhoneNumber", 2)
    take("email", "EmailAddress", 2)
    take("email", "Person1Email", 1)
    take("company_name_missing", "*ContactName", 2)
    take("city_too_long", "POCity", 1)
    take("city_missing", "SACity", 2)
    take("country_unknown", "POCountry", 2)


def _list_again(draft: Draft, rng: random.Random) -> None:
    """List three customers twice: one with fewer cells, one with another phone, and one with another address."""
    sound = [row for row in draft.sound() if row.get("POCity")]
    alike, contradicting, elsewhere = rng.sample(sound, 3)
    again = {name: alike[name] for name in ("*ContactName", "EmailAddress", "PhoneNumber")}
    other = dict(contradicting)
    other["PhoneNumber"] = "+1 907 555 0199"
    moved = {name: elsewhere[name] for name in ("*ContactName", "EmailAddress")}
    moved |= _group("PO", Inventor(rng).place("US"), "US")
    for row in (again, other, moved):
        draft.rows.insert(rng.randrange(len(draft.rows) // 2, len(draft.rows)), row)
    draft.note("same_customer_again", again, "*ContactName")
    draft.note("same_customer_again", moved, "*ContactName")
    draft.conflict(contradicting, other, "PhoneNumber")


def _soil(draft: Draft, rng: random.Random) -> None:
    times = Counter(row["*ContactName"] for row in draft.rows)
    once = [row for row in draft.rows if times[row["*ContactName"]] == 1]
    draft.soil(rng, "outer_spaces", ("POCity", "SAAddressLine1", "FirstName"), lambda text: f"  {text} ", count=14)
    draft.soil(rng, "outer_spaces", ("*ContactName",), lambda text: f" {text} ", count=4, rows=once)
    draft.soil(rng, "double_space", ("POAddressLine1",), lambda text: text.replace(" ", "  "), count=6)
    draft.soil(rng, "nbsp", ("SAAddressLine1", *_PHONES), lambda text: text.replace(" ", "\u00a0"), count=8)
    draft.soil(rng, "phone_extension", ("PhoneNumber",), lambda text: f"{text} x399", count=7, rows=once)
    draft.soil(rng, "upper_case_email", ("EmailAddress", "Person1Email"), str.upper, count=8, rows=once)
    draft.soil(rng, "doubled_quotes", ("*ContactName",), lucky, count=4, rows=once)
    for group in ("PO", "SA"):
        draft.notice("leading_zero_zip", f"{group}PostalCode", r"^0")
        draft.notice("country_alpha3", f"{group}Country", r"^(USA|CAN|GBR|DEU)$")
        draft.notice("country_short_form", f"{group}Country", r"^UK$")
    draft.notice("accents", "*ContactName", r"[^\x00-\xa0]")
    for row in draft.rows:
        if not row.get("POCity") and not row.get("SACity") and not row.get("POAddressLine1", row.get("SAAddressLine1")):
            draft.note("no_address", row, "")
        elif row.get("POAddressLine1") and _same_address(row):
            draft.note("same_address_twice", row, "SAAddressLine1")


def _same_address(row: Row) -> bool:
    return all(row.get(f"PO{name}", "").split() == row.get(f"SA{name}", "").split() for name in _ADDRESS[1:])
