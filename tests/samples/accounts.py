"""Invented customers with their addresses and people, and what samples of the smaller systems have in common.

A system's module lays the accounts out in the rows of its own export; :func:`harm` then spoils single cells, one a
customer, and :func:`soil` puts in what an importer takes in its stride.
"""

import io
import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import xlsxwriter

from tests.samples.dirt import Draft, Row, Sample, lucky
from tests.samples.pools import COUNTRY_FORMS, SALES_REPS, Firm, Inventor, Person, Place

__all__ = ["ID", "PLACE", "Account", "accounts", "harm", "lay", "make_sample", "soil", "workbook"]

ID = "_id"  # the customer's reference id, in every row that is drafted and in no file
PLACE = ("line_1", "line_2", "city", "state", "post_code", "country")
TERMS = ("Net 30", "Net 15", "Net 60", "Due on receipt", "")
CARRIERS = ("UPS Ground", "FedEx Ground", "Will Call", "LTL Freight", "")
Wish = tuple[Draft, str, str]


@dataclass(frozen=True)
class Account:
    """A firm with its addresses and people; ``country`` is one of the forms in which exports write it."""

    number: int
    firm: Firm
    billing: Place
    shipping: tuple[Place, ...]
    people: tuple[Person, ...]
    country: str
    terms: str
    carrier: str
    rep: str
    gone: bool

    @property
    def person(self) -> Person | None:
        """The first of its people."""
        return self.people[0] if self.people else None


def accounts(inventor: Inventor, count: int, *, shipping: int = 3, people: int = 3) -> list[Account]:
    """``count`` accounts, each with at most so many shipping addresses and people; one in twelve is gone."""
    rng = inventor.rng
    made = []
    for number in range(count):
        firm = inventor.firm()
        made.append(
            Account(
                number,
                firm,
                inventor.place(firm.country),
                tuple(inventor.place(firm.country) for _ in range(rng.randint(0, shipping))),
                tuple(inventor.person(firm.country) for _ in range(rng.randint(0, people))),
                rng.choice(COUNTRY_FORMS[firm.country]),
                rng.choice(TERMS),
                rng.choice(CARRIERS),
                rng.choice((*SALES_REPS, "")),
                rng.random() < 1 / 12,
            )
        )
    return made


def lay(place: Place, columns: Sequence[str], country: str | None = None) -> Row:
    """An address in six columns, in the order of :data:`PLACE`; ``country`` instead of its alpha-2 code."""
    cells = [getattr(place, name) for name in PLACE]
    if country is not None:
        cells[-1] = country
    return {column: cell for column, cell in zip(columns, cells, strict=True) if column}


def harm(rng: random.Random, wishes: Iterable[Wish], customers: Collection[str]) -> None:
    """Spoil one cell for each wish (draft, kind of fault, column), each of another customer."""
    free = set(customers)
    for draft, code, column in wishes:
        rows = [row for row in draft.rows if row.get(ID) in free]
        free.difference_update(row[ID] for row in draft.harm(rng, code, column, rows, count=1))


def soil(
    rng: random.Random, draft: Draft, *, names: Sequence[str], places: Sequence[str], phones: Sequence[str]
) -> None:
    """Spaces, capitals and quotes as they come; the columns named hold one value a customer, in one row."""
    draft.soil(rng, "outer_spaces", places, lambda text: f"  {text} ", count=8)
    draft.soil(rng, "double_space", places, lambda text: text.replace(" ", "  "), count=4)
    draft.soil(rng, "nbsp", phones, lambda text: text.replace(" ", "\u00a0"), count=4)
    draft.soil(rng, "doubled_quotes", names, lucky, count=3)


def make_sample(system: str, drafts: Sequence[Draft], files: Mapping[str, bytes], customers: Iterable[str]) -> Sample:
    """The sample of a system; ``customers``: reference ids of all candidates in the order of their rows."""
    planted = tuple(dirt for draft in drafts for dirt in draft.planted())
    return Sample(system, files, tuple(dict.fromkeys(customers)), planted, {d.file: len(d.records()) for d in drafts})


def workbook(drafts: Sequence[Draft]) -> bytes:
    """An ``.xlsx`` file with a sheet for each draft, all cells texts; the same bytes for the same rows."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_numbers": False, "strings_to_formulas": False})
    book.set_properties({"created": datetime(2025, 4, 1, tzinfo=UTC)})
    for draft in drafts:
        sheet = book.add_worksheet(draft.file)
        for number, record in enumerate(draft.records()):
            for place, cell in enumerate(record):
                if cell:
                    sheet.write_string(number, place, cell)
    book.close()
    return out.getvalue()
