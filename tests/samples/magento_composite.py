"""Magento's composite file: customers with their addresses; further addresses are in rows with a blank customer.

UTF-8, comma, CRLF. Harmless dirt: ``continued`` (a row of the customer above), ``no_address, no_company,
secret, outer_spaces, nbsp``.
"""

import random

from tests.samples.accounts import ID, accounts, harm, make_sample
from tests.samples.dirt import Draft, Row, Sample
from tests.samples.magento import address_row, customer_row
from tests.samples.pools import Inventor

__all__ = ["COLUMNS", "make"]

FILE = "customer_composite.csv"
_PREFIX = "_address_"
_ADDRESS = (
    *("city", "company", "country_id", "fax", "firstname", "lastname", "middlename", "postcode", "prefix", "region"),
    *("street", "suffix", "telephone", "vat_id"),
)
COLUMNS = (
    *("email", "_website", "_store", "confirmation", "created_at", "created_in", "disable_auto_group_change", "dob"),
    *("firstname", "gender", "group_id", "lastname", "middlename", "password_hash", "prefix", "rp_token"),
    *("store_id", "suffix", "taxvat", "website_id", "password"),
    *(f"{_PREFIX}{name}" for name in _ADDRESS),
    *("_address_default_billing_", "_address_default_shipping_"),
)


def make(seed: int = 20250410) -> Sample:
    """The sample: 120 customers in about 200 rows."""
    rng = random.Random(f"magento-composite/{seed}")
    draft = Draft(FILE, COLUMNS, key=ID)
    for account in accounts(Inventor(rng), 120, people=1):
        head = customer_row(rng, account)
        rows: list[Row] = []
        for number, place in enumerate(() if account.gone else (account.billing, *account.shipping)):
            first = number == 0
            both = not account.shipping
            rows.append(
                address_row(account, place, billing=first, shipping=both or number == 1, prefix=_PREFIX)
                | {ID: head[ID]}
            )
        rows[:1] = [head | (rows[0] if rows else {})]
        draft.rows += rows
        draft.note("secret", rows[0], "password_hash")
        if account.gone:
            draft.note("no_address", rows[0], "")
        elif rng.random() < 0.15:
            for row in rows:
                row["_address_company"] = ""
            draft.note("no_company", rows[0], "_address_company")
        for row in rows[1:]:
            draft.note("continued", row, "")
    wanted = [row[ID] for row in draft.rows]
    harm(
        rng,
        [
            (draft, "city_too_long", "_address_city"),
            (draft, "city_missing", "_address_city"),
            (draft, "country_unknown", "_address_country_id"),
        ],
        dict.fromkeys(row[ID] for row in draft.rows if row.get("email")),
    )
    draft.soil(rng, "outer_spaces", ("_address_city", "_address_street"), lambda text: f" {text}  ", count=6)
    draft.soil(rng, "nbsp", ("_address_telephone",), lambda text: text.replace(" ", "\u00a0"), count=4)
    return make_sample("magento-composite", [draft], {FILE: draft.render(encoding="utf-8")}, wanted)
