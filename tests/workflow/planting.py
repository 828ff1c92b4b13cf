"""Clean exports in several layouts, and single wrong cells put into them, each with the problem to be reported."""

import csv
import io
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import xlsxwriter

from tests.samples.accounts import Account, accounts
from tests.samples.pools import Inventor, Person, Place

__all__ = ["LAYOUTS", "Fault", "Layout", "Line", "plant", "write"]

LONG = "Grand Old Emporium of Curious Goods " * 8
FAULTS: Mapping[str, Sequence[tuple[str, str, Callable[[str], str]]]] = {
    "name": [
        ("required", "error", lambda _: ""),
        ("too_long", "error", lambda _: LONG),
        ("control_character", "error", lambda text: text[:3] + "\x07" + text[3:]),
        ("replacement_character", "warning", lambda text: text + "\ufffd"),
    ],
    "street": [("required", "error", lambda _: ""), ("mojibake", "warning", lambda _: "4 MÃ¼hlstraÃŸe")],
    "town": [("required", "error", lambda _: ""), ("too_long", "error", lambda _: "Upper Thimblewick " * 4)],
    "country": [("invalid_country", "error", lambda _, text=text: text) for text in ("Narnia", "XX", "Untied States")],
    "code": [("excel_damaged", "error", lambda _: "1.23E+05")],
    "phone": [
        ("excel_damaged", "error", lambda _: "4.15556E+09"),
        ("phone_extension_dropped", "warning", lambda _: "415-555-0132 ext. 12"),
        *(("invalid_phone", "error", lambda _, text=text: text) for text in ("ask Dana", "+1 415 555 013", "12")),
    ],
    "mail": [("invalid_email", "error", lambda _, text=text: text) for text in ("dana@", "a@b@example.com", "dana")],
    "type": [("value_unlisted", "error", lambda _: "Invoyce")],
    "flag": [("invalid_flag", "error", lambda _: "maybe")],
    "key": [("key_blank", "error", lambda _: "")],
    "foreign": [("key_blank", "error", lambda _: ""), ("orphan_row", "error", lambda text: f"Z{text}")],
    "again": [("customer_conflict", "error", lambda text: f"{text} II")],
}


@dataclass
class Line:
    """A row of a table. ``cells``: column → text; ``kinds``: column → the kind of faults it can have."""

    table: str
    customer: str
    cells: dict[str, str]
    kinds: dict[str, str]
    number: int = 0


@dataclass(frozen=True)
class Layout:
    """``lines`` of accounts for a ``mapping``; ``sheets``: a workbook instead of CSV files; ``above``: title rows."""

    mapping: str
    lines: Callable[[Sequence[Account]], Iterator[Line]]
    sheets: bool
    above: int = 0


@dataclass(frozen=True)
class Fault:
    """A wrong cell as ``errors.csv`` must report it."""

    severity: str
    code: str
    source: str
    sheet: str
    row: int
    column: str
    value: str = field(default="")


def _place(place: Place, country: str, columns: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    texts = (place.line_1, place.line_2, place.city, place.state, place.post_code, country)
    kinds = ("street", "", "town", "", "code", "country")
    return dict(zip(columns, texts, strict=True)), {c: kind for c, kind in zip(columns, kinds, strict=True) if kind}


def _grouped(made: Sequence[Account]) -> Iterator[Line]:
    """NetSuite: the customer's columns repeat; each row has an address."""
    columns = ("Address 1", "Address 2", "City", "State/Province", "Zip Code", "Country")
    for account in made:
        for number, place in enumerate((account.billing, *account.shipping)):
            cells, kinds = _place(place, account.country, columns)
            own = {"Internal ID": f"N{account.number}", "Company Name": account.firm.name}
            own |= {"Default Billing Address": "No" if number else "Yes", "Default Shipping Address": ""}
            kinds |= {"Default Billing Address": "flag", "Company Name": "again" if number else ""}
            if not number:
                own |= {"Phone": "415-555-0132", "Email": f"a{account.number}@example.com"}
                kinds |= {"Phone": "phone", "Email": "mail"}
                kinds["Company Name"] = "" if account.shipping else "name"
            yield Line("customers", own["Internal ID"], own | cells, kinds)


def _joined(made: Sequence[Account]) -> Iterator[Line]:
    """WizCommerce's workbook: sheets of customers, addresses, and contacts, joined by the customer's ID."""
    columns = ("Address Line 1", "Address Line 2", "City", "State", "Zip Code", "Country")
    for account in made:
        key = {"Customer ID": f"W{account.number}"}
        cells = {"Company Name": account.firm.name, "Phone": "415-555-0132"}
        yield Line("Customers", key["Customer ID"], key | cells, {"Company Name": "name", "Phone": "phone"})
        for number, place in enumerate((account.billing, *account.shipping)):
            cells, kinds = _place(place, account.country, columns)
            cells |= {"Type": "Shipping" if number else "Billing", "Is Default": ""}
            kinds |= {"Type": "type", "Customer ID": "foreign"}
            yield Line("Addresses", key["Customer ID"], key | cells, kinds)
        for number, person in enumerate(account.people):
            yield Line(
                "Contacts", key["Customer ID"], key | _person(person, number), {"Email": "mail", "Phone": "phone"}
            )


def _person(person: Person, number: int) -> dict[str, str]:
    return {"First Name": person.first, "Email": f"p{number}@example.com", "Phone": "(415) 555-0147"}


def _wide(made: Sequence[Account]) -> Iterator[Line]:
    """A handmade list: one row per customer."""
    columns = (
        "Billing Address",
        "Billing Address 2",
        "Billing City",
        "Billing State",
        "Billing Zip",
        "Billing Country",
    )
    ship = tuple(name.replace("Billing", "Ship To") for name in columns)
    for account in made:
        cells, kinds = _place(account.billing, account.country, columns)
        for place in account.shipping[:1]:
            more, of_more = _place(place, account.country, ship)
            cells, kinds = cells | more, kinds | of_more
        own = {"Customer #": f"0{account.number}", "Company": account.firm.name, "Phone": "415-555-0132"}
        own |= {"E-mail": f"a{account.number}@example.com"}
        kinds |= {"Company": "name", "Phone": "phone", "E-mail": "mail"}
        yield Line("list", own["Customer #"], own | cells, kinds)


LAYOUTS = {
    "grouped rows under titles": Layout("netsuite", _grouped, sheets=False, above=3),
    "joined sheets": Layout("wizcommerce-template", _joined, sheets=True),
    "one row each": Layout("generic-wide", _wide, sheets=True, above=2),
}


def made(layout: Layout, seed: int, count: int) -> list[Line]:
    """The clean lines."""
    rng = random.Random(seed)
    return list(layout.lines(accounts(Inventor(rng), count, shipping=2, people=2)))


def plant(layout: Layout, seed: int, count: int) -> tuple[list[Line], list[tuple[Line, str, str, str]]]:
    """Lines with one wrong cell for most customers; and the line, column, code, and severity of each."""
    rng = random.Random(seed)
    lines = made(layout, seed, count)
    cells: dict[str, list[tuple[Line, str]]] = {}
    for line in lines:
        for column, kind in line.kinds.items():
            if kind and line.cells.get(column):
                cells.setdefault(kind, []).append((line, column))
    used: set[str] = set()
    planted = []
    for kind, own in sorted(cells.items()) * 3:
        for code, severity, change in FAULTS[kind]:
            free = [(line, column) for line, column in own if line.customer not in used]
            if free:
                line, column = rng.choice(free)
                used.add(line.customer)
                line.cells[column] = change(line.cells[column])
                planted.append((line, column, code, severity))
    return lines, planted


def write(layout: Layout, lines: Sequence[Line], folder: Path) -> dict[str, tuple[str, str]]:
    """Write the lines and set their row numbers; returns table → (file, sheet)."""
    folder.mkdir(parents=True)
    tables = list(dict.fromkeys(line.table for line in lines))
    grids: dict[str, list[list[str]]] = {}
    for name in tables:
        own = [line for line in lines if line.table == name]
        header = list(dict.fromkeys(column for line in own for column in line.cells))
        grid = [*([["Customers"], ["As of 03/05/2024"], []][: layout.above]), header]
        for line in own:
            grid.append([line.cells.get(column, "") for column in header])
            line.number = len(grid)
        grids[name] = grid
    if not layout.sheets:
        for name, grid in grids.items():
            text = io.StringIO(newline="")
            csv.writer(text).writerows(grid)
            (folder / f"{name}.csv").write_text(text.getvalue(), encoding="utf-8-sig", newline="")
        return {name: (f"{name}.csv", "") for name in tables}
    book = xlsxwriter.Workbook(folder / "book.xlsx")
    for name, grid in grids.items():
        sheet = book.add_worksheet(name)
        for row, cells in enumerate(grid):
            for column, cell in enumerate(cells):
                if cell:
                    sheet.write_string(row, column, cell)
    book.close()
    return {name: ("book.xlsx", name) for name in tables}
