"""A NetSuite saved search of customers joined with addresses: long, with the customer's columns on each row.

cp1252, comma, CRLF, quoted line breaks; three title rows and a blank row above the header; blank rows and a total
below. The key is ``Internal ID``. Column labels are those of a saved search's results; those of the contact are custom
labels. A row has one address and one contact, and either may be missing; the same address is there once per role.
Harmless dirt: ``inactive`` (an inverted flag) and ``id_only_customer`` (both not imported), ``company_name_blank``
(``Name`` is filled), ``trailing_comma_zip, id_only_row, same_address_again, same_address_per_role, row_away,
no_address, outer_spaces, double_space, nbsp, phone_extension, upper_case_email, line_break, doubled_quotes, accents,
leading_zero_zip, country_alpha3, country_short_form`` (``UK``), ``blank_row``.
"""

import random

from tests.samples.dirt import Draft, Row, Sample, lucky, spread
from tests.samples.pools import COUNTRY_FORMS, SALES_REPS, Firm, Inventor, Person

__all__ = ["COLUMNS", "SHIPPING", "TERMS", "make"]

FILE = "customers.csv"
CUSTOMERS = 220
_CUSTOMER = (
    *("Internal ID", "Inactive", "ID", "Name", "Company Name", "Phone", "Office Phone", "Email"),
    *("Terms", "Shipping Method", "Sales Rep"),
)
_CONTACT = ("Contact First Name", "Contact Last Name", "Contact Email", "Contact Phone", "Contact Title")
_ADDRESS = (
    *("Address Label", "Default Billing Address", "Default Shipping Address", "Addressee", "Address 1", "Address 2"),
    *("City", "State/Province", "Zip Code", "Country", "Address Phone"),
)
COLUMNS = (*_CUSTOMER, *_CONTACT, *_ADDRESS)
TERMS = ("Net 30", "Net 15", "Net 60", "Due on receipt", "1% 10 Net 30", "")
SHIPPING = ("UPS® Ground", "FedEx Ground", "Will Call", "LTL Freight", "")


def make(seed: int = 20250402) -> Sample:
    """The sample: 220 customers in about 400 rows of ``customers.csv``."""
    rng = random.Random(f"netsuite/{seed}")
    inventor = Inventor(rng)
    draft = Draft(FILE, COLUMNS, key="Internal ID")
    for number in range(CUSTOMERS):
        draft.rows += _customer(draft, inventor, number)
    sizes = _sizes(draft)
    _harm(draft, rng, sizes)
    _quirks(draft, rng, sizes)
    _soil(draft, rng)
    _id_only(draft, rng)
    for row in spread(rng, draft.rows, key="Internal ID", count=16):
        draft.note("row_away", row, "")
    draft.scatter_blanks(rng, 5)
    draft.above = [["Wobblewick Trading Group, Inc."], ["Customers with Addresses"], ["As of 03/31/2025"], []]
    draft.below = [[""] * len(COLUMNS), [], ["Total", *[""] * (len(COLUMNS) - 1)], []]
    real = [row for row in draft.rows if row.keys() - {"Internal ID"}]
    active = (row["Internal ID"].strip() for row in real if row.get("Inactive") != "Yes")
    return Sample(
        "netsuite",
        {FILE: draft.render(encoding="cp1252")},
        tuple(dict.fromkeys(active)),
        tuple(draft.planted()),
        {FILE: len(draft.records())},
    )


def _customer(draft: Draft, inventor: Inventor, number: int) -> list[Row]:
    """The rows of one customer: every address once per role, and more rows if there are more contacts."""
    rng = inventor.rng
    firm = inventor.firm()
    head = _head(inventor, firm, number)
    people = [inventor.person(firm.country) for _ in range(rng.choices((0, 1, 2, 3), (25, 50, 20, 5))[0])]
    addresses = _addresses(inventor, firm)
    rows = []
    for place in range(max(len(people), len(addresses), 1)):
        person = _person(people[place % len(people)]) if people else {}
        address = addresses[place] if place < len(addresses) else {}
        rows.append({**head, **person, **address})
    per_role = [row for row in rows if row.get("Address Label", "").startswith("Same")]
    for row in per_role:
        draft.note("same_address_per_role", row, "Address 1")
        row["Address Label"] = row["Address Label"].removeprefix("Same ")
    if not addresses:
        draft.note("no_address", rows[0], "")
    if head["Inactive"] == "Yes":
        for row in rows:
            draft.note("inactive", row, "Inactive")
    return rows


def _head(inventor: Inventor, firm: Firm, number: int) -> Row:
    rng = inventor.rng
    office = inventor.phone(firm.country, abroad=True) if rng.random() < 0.3 else ""
    return {
        "Internal ID": str(1204 + 13 * number),
        "Inactive": "Yes" if rng.random() < 0.15 else "No",
        "ID": f"CUST{number + 1:05}",
        "Name": firm.name,
        "Company Name": firm.name,
        "Phone": firm.phone,
        "Office Phone": office,
        "Email": firm.email,
        "Terms": rng.choice(TERMS),
        "Shipping Method": rng.choice(SHIPPING),
        "Sales Rep": rng.choice((*SALES_REPS, "")),
    }


def _person(person: Person) -> Row:
    return dict(zip(_CONTACT, (person.first, person.last, person.email, person.phone, person.title), strict=True))


def _addresses(inventor: Inventor, firm: Firm) -> list[Row]:
    rng = inventor.rng
    kind = rng.choices(("both in one", "once per role", "two", "three", "billing", "none"), (30, 12, 25, 13, 14, 6))[0]
    one = _address(inventor, firm)
    billing = one | {"Address Label": "Billing", "Default Billing Address": "Yes", "Default Shipping Address": "No"}
    shipping = {"Address Label": "Shipping", "Default Billing Address": "No", "Default Shipping Address": "Yes"}
    if kind == "both in one":
        return [one | {"Address Label": "Main", "Default Billing Address": "Yes", "Default Shipping Address": "Yes"}]
    if kind == "once per role":
        return [billing, one | shipping | {"Address Label": "Same Shipping"}]
    rows = [billing, _address(inventor, firm) | shipping]
    if kind == "three":
        neither = {"Address Label": f"Store {rng.randint(2, 40)}"}
        rows.append(_address(inventor, firm) | shipping | neither | {"Default Shipping Address": "No"})
    return rows[: {"billing": 1, "none": 0}.get(kind, 3)]


def _address(inventor: Inventor, firm: Firm) -> Row:
    place = inventor.place(firm.country)
    form = inventor.rng.choice(COUNTRY_FORMS[place.country])
    phone = place.phone if inventor.rng.random() < 0.4 else ""
    cells = (firm.name, place.line_1, place.line_2, place.city, place.state, place.post_code, form, phone)
    return dict(zip(_ADDRESS[3:], cells, strict=True))


def _sizes(draft: Draft) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for row in draft.rows:
        sizes[row["Internal ID"]] = sizes.get(row["Internal ID"], 0) + 1
    return sizes


def _harm(draft: Draft, rng: random.Random, sizes: dict[str, int]) -> None:
    """Spoil thirteen active customers: eleven with one row and one wrong cell, and two with contradictory rows."""

    def take(code: str, column: str, count: int) -> None:
        active = [row for row in draft.sound() if row["Inactive"] == "No" and row.get("City")]
        rows = [row for row in active if sizes[row["Internal ID"]] == 1]
        for row in draft.harm(rng, code, column, rows, count=count):
            if code == "company_name_missing":
                row["Name"] = ""
            if code == "country_unknown":  # without a country, the phone would be wrong as well; one fault is enough
                row["Address Phone"] = ""

    take("phone", "Phone", 1)
    take("phone", "Address Phone", 1)
    take("email", "Email", 1)
    take("email", "Contact Email", 1)
    take("city_too_long", "City", 1)
    take("city_missing", "City", 2)
    take("company_name_missing", "Company Name", 2)
    take("country_unknown", "Country", 2)
    for column, values in (("Terms", ("Net 15", "Net 60")), ("Phone", ("(907) 555-0199",))):
        sound = {id(row) for row in draft.sound()}
        pairs = [
            (first, second)
            for first, second in zip(draft.rows, draft.rows[1:], strict=False)
            if first["Internal ID"] == second["Internal ID"] and first["Inactive"] == "No" and first[column]
            if sizes[first["Internal ID"]] == 2 and {id(first), id(second)} <= sound
        ]
        first, second = rng.choice(pairs)
        second[column] = next(value for value in values if value != first[column])
        draft.conflict(first, second, column)


def _quirks(draft: Draft, rng: random.Random, sizes: dict[str, int]) -> None:
    """Blank company names, rows with only an ID, repeated rows, and commas after postal codes."""
    wrong = {row["Internal ID"] for row in draft.harmed()}
    sound = [row for row in draft.rows if row["Internal ID"] not in wrong and row["Inactive"] == "No"]
    single = [row for row in sound if sizes[row["Internal ID"]] == 1]
    for row in rng.sample(single, 9):
        row["Company Name"] = ""
        draft.note("company_name_blank", row, "Company Name")
    draft.soil(rng, "trailing_comma_zip", ("Zip Code",), lambda text: f"{text},", count=10, rows=single)
    firsts = {row["Internal ID"]: row for row in sound if row.get("City")}
    for number, key in enumerate(rng.sample(sorted(firsts), 12)):
        original = firsts[key]
        only_id = number < 4
        row = {"Internal ID": key} if only_id else dict(original)
        at = next(place for place, other in enumerate(draft.rows) if other is original)
        draft.rows.insert(at + 1, row)
        draft.note("id_only_row" if only_id else "same_address_again", row, "" if only_id else "Address 1")


def _id_only(draft: Draft, rng: random.Random) -> None:
    """Insert three customers with nothing but an ID between the others."""
    keys = [row["Internal ID"].strip() for row in draft.rows]
    borders = [place for place in range(1, len(keys)) if keys[place - 1] != keys[place]]
    for number, place in enumerate(sorted(rng.sample(borders, 3), reverse=True)):
        draft.rows.insert(place, {"Internal ID": str(90001 + number)})
        draft.note("id_only_customer", draft.rows[place], "")


def _soil(draft: Draft, rng: random.Random) -> None:
    sizes = _sizes(draft)
    single = [row for row in draft.rows if sizes[row["Internal ID"]] == 1]
    draft.soil(rng, "outer_spaces", ("City", "Email", "Company Name"), lambda text: f" {text}  ", count=16)
    draft.soil(rng, "outer_spaces", ("Internal ID",), lambda text: f"{text} ", count=4)
    draft.soil(rng, "double_space", ("Address 1",), lambda text: text.replace(" ", "  "), count=6, rows=single)
    draft.soil(rng, "nbsp", ("Phone", "Address 1"), lambda text: text.replace(" ", "\u00a0"), count=10, rows=single)
    draft.soil(rng, "phone_extension", ("Phone",), lambda text: f"{text} ext. 204", count=7, rows=single)
    draft.soil(rng, "upper_case_email", ("Email", "Contact Email"), str.upper, count=8, rows=single)
    draft.soil(rng, "line_break", ("Address 1",), lambda text: f"{text}\r\nrear entrance", count=5, rows=single)
    for row in rng.sample([row for row in single if row["Company Name"]], 5):
        row["Name"] = row["Company Name"] = lucky(row["Company Name"].strip())
        draft.note("doubled_quotes", row, "Company Name")
    draft.notice("leading_zero_zip", "Zip Code", r"^0")
    draft.notice("country_alpha3", "Country", r"^(USA|CAN|GBR|DEU)$")
    draft.notice("country_short_form", "Country", r"^UK$")
    draft.notice("accents", "Company Name", r"[^\x00-\xa0]")
