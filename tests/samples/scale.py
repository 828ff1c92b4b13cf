"""Large files in the layout of :mod:`tests.samples.netsuite`, made column by column, for benchmarks.

UTF-8, comma, LF, header in the first row, 40 columns: those of the NetSuite sample and a few that no mapping needs.
About 3.3 rows, 1.6 addresses, and 1.0 contacts per customer; one row in twenty is away from its customer's block;
phones are written in twelve ways, some with an extension; a few second address lines contain a quoted line break.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc

from tests.samples import netsuite, pools
from tests.samples.dirt import HARMFUL

__all__ = ["COLUMNS", "Scaled", "write_netsuite"]

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_FILLERS: dict[str, tuple[str, ...]] = {
    "Category": ("Wholesale", "Retail", "Distributor", ""),
    "Subsidiary": ("West", "East"),
    "Currency": ("USD", "CAD"),
    "Price Level": ("Wholesale", ""),
    "Credit Limit": ("28500.00", "5000.00", "", "0.00"),
    "Balance": ("0.00", "1204.50", "-17.25", ""),
    "Territory": ("",) * 3 + ("West", "Midwest"),
    "Lead Source": ("",) * 3 + ("Trade Show", "Web"),
    "Date Created": ("01/15/2019", "11/03/2021", "06/30/2023"),
    "Tax Item": ("",) * 3 + ("Not Taxable",),
    "Language": ("en", "fr"),
    "Comments": ("",) * 18 + ("Calls on Mondays, never on Fridays", 'Ask for the "good" kettles'),
    "Fax": ("",),
}
COLUMNS = (*netsuite.COLUMNS, *_FILLERS)
_QUOTED = ("Address 2", "Comments")  # quoted here only if needed; pyarrow.csv would quote every text
_BLOCK = 20_000
# What is before the area code, after it, and after 555.
_PHONE_FORMS = (
    *(("(", ") ", "-"), ("", "-", "-"), ("", ".", "."), ("+1 ", " ", " "), ("", "", ""), ("1-", "-", "-")),
    *(("", " ", " "), ("+1 (", ") ", "-"), ("+1", "", ""), ("+1-", "-", "-"), ("1 ", " ", " "), ("", "/", "-")),
)


@dataclass(frozen=True)
class Scaled:
    """What a file contains.

    ``rows``: data rows, without the header; ``customers``: those to import, without the ``inactive`` ones;
    ``bad_customers``: those of ``customers`` with at least one wrong value.
    """

    rows: int
    customers: int
    inactive: int
    bad_customers: int


@dataclass(frozen=True)
class _Rows:
    """For each row of the file: its customer, address, and contact (-1 for none)."""

    customer: Ints
    address: Ints
    contact: Ints
    customers: int
    address_customer: Ints
    contact_customer: Ints
    address_slot: Ints
    address_last: Flags


def write_netsuite(path: Path, rows: int, seed: int, bad: float) -> Scaled:
    """Write ``rows`` data rows; ``bad`` is the share of wrong values among those that can be wrong.

    Names, main phones, and email addresses are spoiled per customer; cities, countries, and phones per address; email
    addresses and phones per contact. So the rows of a customer agree.
    """
    rng = np.random.default_rng(seed)
    layout = _layout(rng, rows)
    spoiler = _Spoiler(rng, bad, np.zeros(layout.customers, dtype=np.bool_))
    by_customer = _customers(spoiler, layout.customers)
    by_address = _addresses(spoiler, layout)
    by_contact = _contacts(spoiler, layout)
    inactive = by_customer["Inactive"].to_numpy(zero_copy_only=False) == "Yes"
    with path.open("wb") as file:
        file.write((",".join(COLUMNS) + "\n").encode())
        for start in range(0, rows, _BLOCK):
            block = slice(start, start + _BLOCK)
            cells = {name: column.take(layout.customer[block]) for name, column in by_customer.items()}
            cells |= {name: column.take(layout.address[block]) for name, column in by_address.items()}
            contact = pa.array(layout.contact[block], mask=layout.contact[block] < 0)
            cells |= {name: pc.fill_null(column.take(contact), "") for name, column in by_contact.items()}
            cells |= {name: _quoted(cells[name]) for name in _QUOTED}
            file.write(_lines([cells[name] for name in COLUMNS]))
    return Scaled(rows, int((~inactive).sum()), int(inactive.sum()), int((spoiler.customers & ~inactive).sum()))


def _layout(rng: np.random.Generator, rows: int) -> _Rows:
    sizes = rng.choice(np.arange(1, 8), size=rows, p=(0.12, 0.22, 0.26, 0.18, 0.12, 0.06, 0.04))
    ends = np.cumsum(sizes)
    count = int(np.searchsorted(ends, rows)) + 1
    sizes = sizes[:count]
    sizes[-1] -= ends[count - 1] - rows
    customer = np.repeat(np.arange(count), sizes)
    place = np.arange(rows) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    addresses = np.minimum(sizes, rng.choice((1, 2, 3), size=count, p=(0.45, 0.4, 0.15)))
    contacts = np.minimum(sizes, rng.choice((0, 1, 2, 3), size=count, p=(0.2, 0.55, 0.2, 0.05)))
    slot = place % addresses[customer]
    address = (np.cumsum(addresses) - addresses)[customer] + slot
    contact = (np.cumsum(contacts) - contacts)[customer] + place % np.maximum(contacts, 1)[customer]
    contact = np.where(contacts[customer] > 0, contact, -1)
    order = np.arange(rows)
    away = np.sort(rng.choice(rows, size=rows // 20, replace=False))
    order[away] = rng.permutation(away)
    owner = np.repeat(np.arange(count), addresses)
    slots = np.arange(len(owner)) - np.repeat(np.cumsum(addresses) - addresses, addresses)
    return _Rows(
        *(customer[order], address[order], contact[order], count),
        address_customer=owner,
        contact_customer=np.repeat(np.arange(count), contacts),
        address_slot=slots,
        address_last=slots == addresses[owner] - 1,
    )


def _quoted(cells: pa.Array) -> pa.Array:
    doubled = _join('"', pc.replace_substring(cells, '"', '""'), '"')
    return pc.if_else(pc.match_substring_regex(cells, '[",\r\n]'), doubled, cells)


def _lines(columns: Sequence[pa.Array]) -> pa.Buffer:
    lines = _join(pc.binary_join_element_wise(*columns, ","), "\n")
    return lines.buffers()[2]  # offsets come first; a new array has no slack around its text


def _pick(rng: np.random.Generator, pool: Sequence[str], count: int) -> pa.Array:
    return pa.array(pool, pa.string()).take(pa.array(rng.integers(len(pool), size=count)))


def _numbers(values: Ints) -> pa.Array:
    return pa.array(values).cast(pa.string())


def _join(*parts: pa.Array | str) -> pa.Array:
    return pc.binary_join_element_wise(*parts, "")


@cache
def _areas() -> tuple[str, ...]:
    """Every area code of the United States for which phonenumbers accepts 555-01xx as valid."""
    made = (f"{area}" for area in range(201, 990))
    return tuple(
        area
        for area in made
        if phonenumbers.is_valid_number_for_region(phonenumbers.parse(f"+1{area}5550100", None), "US")
    )


def _phones(rng: np.random.Generator, count: int) -> pa.Array:
    form = pa.array(rng.integers(len(_PHONE_FORMS), size=count))
    before, middle, after = (pa.array(parts, pa.string()).take(form) for parts in zip(*_PHONE_FORMS, strict=True))
    line = _numbers(rng.integers(100, 200, size=count))
    extension = pa.array([""] * 95 + [f" x{number}" for number in range(11, 16)]).take(
        pa.array(rng.integers(100, size=count))
    )
    return _join(before, _pick(rng, _areas(), count), middle, "555", after, "0", line, extension)


@dataclass(frozen=True)
class _Spoiler:
    """Replaces a share (``bad``) of right values with wrong ones, and marks their customers in ``customers``."""

    rng: np.random.Generator
    bad: float
    customers: Flags

    def spoil(self, values: pa.Array, code: str, owner: Ints) -> pa.Array:
        hit = self.rng.random(len(values)) < self.bad
        self.customers[owner[hit]] = True
        return pc.if_else(pa.array(hit), _pick(self.rng, HARMFUL[code], len(values)), values)


def _customers(spoiler: _Spoiler, count: int) -> dict[str, pa.Array]:
    rng = spoiler.rng
    number, owner = _numbers(np.arange(count) + 1000), np.arange(count)
    head, tail = _pick(rng, pools.FIRM_HEADS, count), _pick(rng, pools.FIRM_TAILS, count)
    name = _join(head, " ", tail, " ", _pick(rng, ("Inc.", "LLC", "Co."), count), " ", number)
    name = spoiler.spoil(name, "company_name_missing", owner)
    email = _join("orders.", pc.utf8_lower(head), ".", number, "@example.com")
    columns = {
        "Internal ID": number,
        "Inactive": _pick(rng, ("No",) * 29 + ("Yes",), count),
        "ID": _join("CUST", pc.utf8_lpad(number, 8, "0")),
        "Name": name,
        "Company Name": name,
        "Phone": spoiler.spoil(_phones(rng, count), "phone", owner),
        "Office Phone": pc.if_else(pa.array(rng.random(count) < 0.3), _phones(rng, count), ""),
        "Email": spoiler.spoil(email, "email", owner),
        "Terms": _pick(rng, netsuite.TERMS, count),
        "Shipping Method": _pick(rng, netsuite.SHIPPING, count),
        "Sales Rep": _pick(rng, (*pools.SALES_REPS, ""), count),
    }
    return columns | {name: _pick(rng, pool, count) for name, pool in _FILLERS.items()}


def _addresses(spoiler: _Spoiler, layout: _Rows) -> dict[str, pa.Array]:
    rng = spoiler.rng
    owner = layout.address_customer
    count = len(owner)
    town = pa.array(rng.integers(len(pools.TOWNS), size=count))
    city, state, head = (
        pa.array(parts, pa.string()).take(town)
        for parts in zip(*((each.name, each.state, each.zip_head) for each in pools.TOWNS), strict=True)
    )
    second = ("",) * 60 + ("Suite 200", "Apt 4B", "Dock 7") * 12 + ("Dock 7\nrear entrance", "Floor 3, left") * 2
    phone = spoiler.spoil(_phones(rng, count), "phone", owner)
    yes_no = pa.array(["No", "Yes"])
    return {
        "Address Label": pa.array(["Main", "Shipping", "Store 2"]).take(pa.array(layout.address_slot)),
        "Default Billing Address": yes_no.take(pa.array((layout.address_slot == 0).astype(np.int64))),
        "Default Shipping Address": yes_no.take(pa.array(layout.address_last.astype(np.int64))),
        "Addressee": _pick(rng, ("", "Receiving", "Accounts Payable"), count),
        "Address 1": _join(_numbers(rng.integers(1, 9999, size=count)), " ", _pick(rng, pools.STREETS, count)),
        "Address 2": _pick(rng, second, count),
        "City": spoiler.spoil(city, "city_too_long", owner),
        "State/Province": state,
        "Zip Code": _join(head, _numbers(rng.integers(10, 100, size=count))),
        "Country": spoiler.spoil(_pick(rng, pools.COUNTRY_FORMS["US"], count), "country_unknown", owner),
        "Address Phone": phone,
    }


def _contacts(spoiler: _Spoiler, layout: _Rows) -> dict[str, pa.Array]:
    rng = spoiler.rng
    owner = layout.contact_customer
    count = len(owner)
    first, last = _pick(rng, pools.FIRST_NAMES, count), _pick(rng, pools.SURNAMES, count)
    email = _join(_pick(rng, ("ada", "kit", "flora", "nettie"), count), ".", _numbers(np.arange(count)), "@example.org")
    return {
        "Contact First Name": first,
        "Contact Last Name": last,
        "Contact Email": spoiler.spoil(email, "email", owner),
        "Contact Phone": spoiler.spoil(_phones(rng, count), "phone", owner),
        "Contact Title": _pick(rng, pools.TITLES, count),
    }
