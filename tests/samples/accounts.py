"""Invented customers with their addresses and people, and what the samples of the smaller systems share.

A system's module writes the accounts as rows of its own export. Then :func:`harm` spoils single cells, one per
customer, and :func:`soil` adds dirt that the importer handles by itself.
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

ID = "_id"  # the customer's reference ID, in every drafted row but not in the files
PLACE = ("line_1", "line_2", "city", "state", "post_code", "country")
TERMS = ("Net 30", "Net 15", "Net 60", "Due on receipt", "")
CARRIERS = ("UPS Ground", "FedEx Ground", "Will Call", "LTL Freight", "")
Wish = tuple[Draft, str, str]


@dataclass(frozen=True)
class Account:
    """A firm with its addresses and people; ``country`` is written in one of the forms that exports use."""

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
    """``count`` accounts with at most so many shipping addresses and people each; one in twelve is inactive."""
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
    """An address in six columns, in the order of :data:`PLACE`; ``country`` replaces its alpha-2 code."""
    cells = [getattr(place, name) for name in PLACE]
    if country is not None:
        cells[-1] = country
    return {column: cell for column, cell in zip(columns, cells, strict=True) if column}


def harm(rng: random.Random, wishes: Iterable[Wish], customers: Collection[str]) -> None:
    """Spoil one cell for each wish (draft, kind of fault, column), each of a different customer."""
    free = set(customers)
    for draft, code, column in wishes:
        rows = [row for row in draft.rows if row.get(ID) in free]
        free.difference_update(row[ID] for row in draft.harm(rng, code, column, rows, count=1))


def soil(
    rng: random.Random, draft: Draft, *, names: Sequence[str], places: Sequence[str], phones: Sequence[str]
) -> None:
    """Add spaces and quotes. Each customer has only one value in these columns, in one row."""
    draft.soil(rng, "outer_spaces", places, lambda text: f"  {text} ", count=8)
    draft.soil(rng, "double_space", places, lambda text: text.replace(" ", "  "), count=4)
    draft.soil(rng, "nbsp", phones, lambda text: text.replace(" ", "\u00a0"), count=4)
    draft.soil(rng, "doubled_quotes", names, lucky, count=3)


def make_sample(system: str, drafts: Sequence[Draft], files: Mapping[str, bytes], customers: Iterable[str]) -> Sample:
    """The sample of a system; ``customers``: reference IDs of all candidates in the order of their rows."""
    planted = tuple(dirt for draft in drafts for dirt in draft.planted())
    return Sample(system, files, tuple(dict.fromkeys(customers)), planted, {d.file: len(d.records()) for d in drafts})


def workbook(drafts: Sequence[Draft]) -> bytes:
    """An ``.xlsx`` file with a sheet for each draft and only text cells; the same rows give the same bytes."""
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
