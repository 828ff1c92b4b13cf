"""Intentional faults in sample files: drafts of rows, the dirt that is put into them, and a list of it.

Harmful dirt (the customer cannot be imported): ``phone``, ``email``, ``city_too_long``, ``city_missing``,
``company_name_missing``, ``country_unknown``, ``conflict``, ``orphan``. Everything else is harmless: real files contain
it, and the importer handles it. The generators list the kinds for each system.
"""

import codecs
import csv
import io
import itertools
import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["HARMFUL", "UTF8_BOM", "Draft", "Planted", "Row", "Sample", "lucky", "spread"]

Row = dict[str, str]
UTF8_BOM = codecs.BOM_UTF8

HARMFUL = {
    "phone": ("call the office", "555-0123", "415-555-01", "ask for Flora"),
    "email": ("ada.pennyfarthing.example.com", "orders at example dot com", "accounts.example.org"),
    "city_too_long": ("The Village of Upper Thimblewick beneath the Old Copper Mine Hill",),
    "city_missing": ("",),
    "company_name_missing": ("",),
    "country_unknown": ("Thimbleshire", "Kingdom of Umber"),
}


@dataclass(frozen=True)
class Planted:
    """One piece of dirt.

    ``row`` counts from 1 as in a spreadsheet (a record with a quoted line break is one row); ``column`` is the header,
    or ``""`` for an entire row; ``customer`` is the key in the file, trimmed; ``value`` is the unchanged cell;
    ``other_row`` is the row that a ``conflict`` contradicts.
    """

    code: str
    file: str
    row: int
    column: str
    customer: str
    value: str
    harmful: bool
    other_row: int | None = None


@dataclass(frozen=True)
class Sample:
    """The files of one system and what they contain.

    ``customers``: the keys of all candidates for import (not suppliers, not inactive), in the order of their first
    rows; those in ``rejected`` have harmful dirt. ``rows``: file → number of physical records, including the header and
    blank rows.
    """

    system: str
    files: Mapping[str, bytes]
    customers: tuple[str, ...]
    planted: tuple[Planted, ...]
    rows: Mapping[str, int]

    @property
    def rejected(self) -> frozenset[str]:
        """The keys of customers that cannot be imported (``""`` for rows without a key)."""
        return frozenset(dirt.customer for dirt in self.planted if dirt.harmful)

    def of(self, code: str) -> tuple[Planted, ...]:
        """The dirt of one kind, in row order."""
        return tuple(dirt for dirt in self.planted if dirt.code == code)


@dataclass
class Draft:
    """The rows of one file, under construction. A row is a dict of its filled cells; a blank row is an empty dict."""

    file: str
    columns: tuple[str, ...]
    key: str
    above: list[list[str]] = field(default_factory=list)
    below: list[list[str]] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    _notes: list[tuple[str, Row, str, bool, Row | None]] = field(default_factory=list)
    _touched: set[tuple[int, str]] = field(default_factory=set)

    def note(self, code: str, row: Row, column: str, *, harmful: bool = False, other: Row | None = None) -> None:
        """Record that ``row`` has this dirt; :meth:`soil` then leaves the cell alone."""
        self._notes.append((code, row, column, harmful, other))
        self._touched.add((id(row), column))

    def conflict(self, first: Row, second: Row, column: str) -> None:
        """Record that two rows of one customer contradict each other in ``column``."""
        self.note("conflict", second, column, harmful=True, other=first)

    def harmed(self) -> list[Row]:
        """The rows with harmful dirt so far, including both rows of a contradiction."""
        return [
            each for _, row, _, harmful, other in self._notes if harmful for each in (row, other) if each is not None
        ]

    def sound(self) -> list[Row]:
        """All the others."""
        harmed = {id(row) for row in self.harmed()}
        return [row for row in self.rows if id(row) not in harmed]

    def harm(self, rng: random.Random, code: str, column: str, rows: Sequence[Row], *, count: int) -> list[Row]:
        """Put harmful dirt into ``column`` of ``count`` rows in which it is filled; returns these rows."""
        chosen = rng.sample([row for row in rows if row.get(column)], count)
        for number, row in enumerate(chosen):
            values = HARMFUL[code]
            row[column] = values[number % len(values)]
            self.note(code, row, column, harmful=True)
        return chosen

    def soil(
        self,
        rng: random.Random,
        code: str,
        columns: Sequence[str],
        change: Callable[[str], str],
        *,
        count: int,
        rows: Iterable[Row] | None = None,
    ) -> None:
        """Change ``count`` filled cells in these columns that have no dirt yet, and note each as harmless."""
        open_cells = [
            (row, column)
            for row in (self.rows if rows is None else rows)
            for column in columns
            if row.get(column) and (id(row), column) not in self._touched and change(row[column]) != row[column]
        ]
        for row, column in rng.sample(open_cells, count):
            row[column] = change(row[column])
            self.note(code, row, column)

    def notice(self, code: str, column: str, pattern: str) -> None:
        """Note every untouched cell of a column that matches ``pattern``: dirt that came with the data."""
        for row in self.rows:
            if (id(row), column) not in self._touched and re.search(pattern, row.get(column, "")):
                self._notes.append((code, row, column, False, None))

    def scatter_blanks(self, rng: random.Random, count: int) -> None:
        """Insert ``count`` blank rows between the others."""
        for _ in range(count):
            self.rows.insert(rng.randrange(1, len(self.rows)), {})

    def planted(self) -> list[Planted]:
        """The notes with row numbers of the finished file, sorted by row."""
        place = {id(row): number for number, row in enumerate(self.rows, start=len(self.above) + 2)}
        found = []
        for code, noted, column, harmful, other in self._notes:
            row, before = noted, None
            if other is not None:  # of two contradictory rows, the later one counts as wrong
                row, before = sorted((noted, other), key=lambda each: -place[id(each)])
            key, value = row.get(self.key, "").strip(), row.get(column, "")
            other_row = None if before is None else place[id(before)]
            found.append(Planted(code, self.file, place[id(row)], column, key, value, harmful, other_row))
        blank = [place[id(row)] for row in self.rows if not row]
        found += [Planted("blank_row", self.file, number, "", "", "", harmful=False) for number in blank]
        return sorted(found, key=lambda dirt: (dirt.row, dirt.column, dirt.code))

    def records(self) -> list[list[str]]:
        """Every physical record: lines above the header, the header, the rows, and lines below."""
        body = [[row.get(column, "") for column in self.columns] for row in self.rows]
        return [*self.above, list(self.columns), *body, *self.below]

    def render(self, *, encoding: str, delimiter: str = ",", bom: bytes = b"") -> bytes:
        """The file's bytes, with CRLF line ends; blank rows at even positions have no delimiters."""
        text = io.StringIO()
        writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
        for number, record in enumerate(self.records()):
            bare = not any(record) and number % 2 == 0
            text.write("\r\n") if bare else writer.writerow(record)
        return bom + text.getvalue().encode(encoding)


def lucky(name: str) -> str:
    """The name with a quoted word; a CSV file doubles these quotes."""
    return name.replace(" ", ' "Lucky" ', 1)


def spread(rng: random.Random, rows: list[Row], *, key: str, count: int, gap: int = 5) -> list[Row]:
    """Move ``count`` rows that are not their customer's first away from its other rows; returns the moved rows."""
    later = [row for before, row in itertools.pairwise(rows) if before[key].strip() == row[key].strip()]
    moved = rng.sample(later, count)
    for row in moved:
        rows[:] = [other for other in rows if other is not row]
        keys = [other[key].strip() for other in rows]
        own = {place for place, value in enumerate(keys) if value == row[key].strip()}
        near = {place + step for place in own for step in range(-gap, gap + 1)}
        inside = {place for place in range(1, len(keys)) if keys[place - 1] == keys[place]}
        rows.insert(rng.choice([place for place in range(1, len(rows)) if place not in near | inside]), row)
    return moved
