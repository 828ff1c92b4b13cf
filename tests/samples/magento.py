"""Magento's two files: the customers' main file and their addresses, joined by email address and website.

UTF-8, comma, LF. Street cells have line breaks; one row can be the default for both purposes; the file contains
password hashes and tokens. Harmless dirt: ``no_address, default_for_both, secret, outer_spaces, double_space, nbsp,
blank_row``. Harmful besides the usual: ``orphan``, an address without a customer.
"""

import random

from tests.samples.accounts import ID, Account, accounts, harm, make_sample
from tests.samples.dirt import Draft, Row, Sample
from tests.samples.pools import Inventor, Place

__all__ = ["address_row", "customer_row", "make"]

CUSTOMERS, ADDRESSES = "customer.csv", "customer_address.csv"
CUSTOMER = (
    *("email", "_website", "_store", "confirmation", "created_at", "created_in", "disable_auto_group_change", "dob"),
    *("firstname", "gender", "group_id", "lastname", "middlename", "password_hash", "prefix", "rp_token"),
    *("rp_token_created_at", "store_id", "suffix", "taxvat", "website_id", "password"),
)
ADDRESS = (
    *("_website", "_email", "_entity_id", "city", "company", "country_id", "fax", "firstname", "lastname"),
    *("middlename", "postcode", "prefix", "region", "region_id", "street", "suffix", "telephone", "vat_id"),
    *("_address_default_billing_", "_address_default_shipping_"),
)
_ORPHAN = "nobody.at.all@example.com"


def customer_row(rng: random.Random, account: Account) -> Row:
    """The customer's own columns, including the secrets."""
    person = account.person or Inventor(rng).person(account.firm.country)
    email = account.firm.email.replace("@", f".{account.number}@")
    website = rng.choice(("base", "base", "trade"))
    return {
        ID: f"{email}-{website}",
        "email": email,
        "_website": website,
        "_store": "default",
        "created_at": "2024-02-03 10:11:12",
        "created_in": "Default Store View",
        "disable_auto_group_change": "0",
        "firstname": person.first,
        "group_id": "2",
        "lastname": person.last,
        "password_hash": f"{rng.getrandbits(128):032x}:Hq7:2",
        "rp_token": f"{rng.getrandbits(64):016x}",
        "store_id": "1",
        "website_id": "1",
    }


def address_row(account: Account, place: Place, *, billing: bool, shipping: bool, prefix: str = "") -> Row:
    """One address with Magento's column names, each with ``prefix``."""
    street = "\n".join(filter(None, (place.line_1, place.line_2)))
    person = account.person
    cells = {
        "city": place.city,
        "company": account.firm.name,
        "country_id": place.country,
        "firstname": person.first if person else "",
        "lastname": person.last if person else "",
        "postcode": place.post_code,
        "region": place.state,
        "street": street,
        "telephone": place.phone,
    }
    flags = {"_address_default_billing_": "1" if billing else "", "_address_default_shipping_": "1" if shipping else ""}
    return {f"{prefix}{name}": cell for name, cell in cells.items()} | flags


def make(seed: int = 20250409) -> Sample:
    """The sample: 130 customers with about 200 addresses."""
    rng = random.Random(f"magento/{seed}")
    customers = Draft(CUSTOMERS, CUSTOMER, key=ID)
    addresses = Draft(ADDRESSES, ADDRESS, key=ID)
    for account in accounts(Inventor(rng), 130, people=1):
        _lay(rng, customers, addresses, account)
    wanted = [row[ID] for row in customers.rows]
    harm(
        rng,
        [
            (addresses, "city_too_long", "city"),
            (addresses, "city_missing", "city"),
            (addresses, "country_unknown", "country_id"),
        ],
        wanted,
    )
    orphan = addresses.sound()[-1] | {ID: f"{_ORPHAN}-base", "_email": _ORPHAN, "_website": "base"}
    addresses.rows.append(orphan)
    addresses.note("orphan", orphan, "_email", harmful=True)
    addresses.soil(rng, "outer_spaces", ("city", "street"), lambda text: f" {text}  ", count=6)
    addresses.soil(rng, "nbsp", ("telephone",), lambda text: text.replace(" ", "\u00a0"), count=4)
    drafts = (customers, addresses)
    for draft in drafts:
        draft.scatter_blanks(rng, 1)
    files = {draft.file: draft.render(encoding="utf-8") for draft in drafts}
    return make_sample("magento", drafts, files, (*wanted, orphan[ID]))


def _lay(rng: random.Random, customers: Draft, addresses: Draft, account: Account) -> None:
    row = customer_row(rng, account)
    customers.rows.append(row)
    customers.note("secret", row, "password_hash")
    if account.gone:
        customers.note("no_address", row, "")
        return
    own = {ID: row[ID], "_email": row["email"], "_website": row["_website"]}
    both = not account.shipping
    for number, place in enumerate((account.billing, *account.shipping)):
        made = address_row(account, place, billing=number == 0, shipping=both or number == 1)
        addresses.rows.append(own | made | {"_entity_id": str(500 + 4 * account.number + number)})
    if both:
        addresses.note("default_for_both", addresses.rows[-1], "_address_default_billing_")
