"""Rows that name a parent: a list of companies, people, and addresses, in any order, that each name their company."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.mapping.cell_problems import cell_problems
from importer.mapping.columns import Codes, Column, Mask, caseless, combine, first_of, first_rows, pick
from importer.mapping.fields import Context, evaluate
from importer.mapping.language.mapping_rules import ParentRule
from importer.mapping.table_rows import TableData
from importer.records import Severity
from importer.tables import ProblemTable, Sources
from importer.wording import first_few

OPEN, ABSENT, SEVERAL, CIRCLE = -1, -2, -3, -4  # instead of an end: it is not known yet, or why there is none
_MOST_PLACES = 20  # of rows with the same name, in one message
_MOST_LEVELS = 50  # levels of parents; anything deeper counts as circular
_SHOWN = ", "  # between a company and a person
_NONE = -9  # of a search: no row has this name

_Form = Callable[[pa.Array], pa.Array]


@dataclass(frozen=True)
class Names:
    """Each row's parent as its cells name it (blank: none), and the row's ``own`` names."""

    parent: Column
    own: tuple[Column, ...]

    def take(self, rows: Codes) -> "Names":
        """The names, but each row has the parent of the row at these indices."""
        return Names(self.parent.take(rows), self.own)

    def themselves(self) -> Mask:
        """True on rows that name themselves if no other row has that name: they have no parent either."""
        same = np.zeros(len(self.parent), bool)
        for column in self.own:
            both = Column.from_text(pa.chunked_array([self.parent.to_arrow(), column.to_arrow()]))
            same |= self.parent.filled & (both.codes[: len(same)] == both.codes[len(same) :])
        if not same.any():
            return same
        nowhere = np.zeros(len(same), np.int64)
        searches = [_Search(self.own, ~same, form).match(self.parent.values, nowhere) for form in (_exact, caseless)]
        return same & self.parent.rows_with(np.maximum(*searches) == _NONE)


def read_names(rule: ParentRule, table: TableData, folder: Path) -> Names:
    """The names of rows and of their parents. If a transform rejects a parent's name, the name is left unchanged."""
    context = Context(Column.blank(len(table)), folder)
    found = evaluate("parent", rule.field, table, "", context)
    raw = first_of([table.column(reference) for reference in rule.from_])[0]
    parent = first_of([found.column, raw.where(found.wrong())])[0]
    own = tuple(evaluate("parent", part, table, "", context).column for part in rule.match)
    names = Names(parent, own)
    return Names(parent.where(~names.themselves()), own)


def find_parents(names: Names, ends: Codes, customers: int, rejected: int) -> tuple[Codes, dict[str, Codes]]:
    """(Each row's end, or why it has none; the name of an ambiguous parent → the rows that have it).

    ``ends``: the end (≥ 0) of every row that is known, ``OPEN`` for the others. A row has the end of its parent, or of
    its parent's parent if the parent has one itself, and so on. Rows without a parent are searched first: by the exact
    name, then without case and surplus blanks. ``customers``: how many of the ends are customers; other ends are shared
    by otherwise unrelated rows. ``rejected``: the end of rows whose parent is not found.
    """
    wanted = names.parent.values
    found = np.full(len(wanted), OPEN, np.int64)
    top = ~names.parent.filled
    namesakes: dict[str, Codes] = {}
    _find_parents(found, wanted, [_Search(names.own, top, form) for form in (_exact, caseless)], ends, namesakes)
    first = first_rows(ends, customers + 1, top & (ends >= 0) & (ends < customers))
    for _ in range(_MOST_LEVELS):
        current = _ends_of(names, ends, found, rejected)
        if not (found == OPEN).any():
            break
        before = found.copy()
        waiting = _find_parents(found, wanted, list(_among_children(names, ~top, current, first)), current, namesakes)
        if np.array_equal(found, before):
            absent = (found == OPEN) & ~waiting
            if not absent.any():
                break
            found[absent] = ABSENT
    found[found == OPEN] = CIRCLE
    own = np.append(found, OPEN)[names.parent.codes]
    return np.where(ends != OPEN, ends, own), namesakes


def parent_problems(
    rule: ParentRule,
    names: Names,
    table: TableData,
    found: tuple[Codes, dict[str, Codes]],
    lost: Mask,
    sources: Sources,
) -> Iterator[ProblemTable]:
    """Why the ``lost`` rows have no customer, at the cells that name their parents."""
    hint = "Correct the cell, add the row that it names, or clear the cell if this row is a customer itself."
    ends, namesakes = found
    why = np.minimum(ends, OPEN)  # an end ≥ 0 is that of a rejected row here
    reasons = (
        (
            SEVERAL,
            "parent_ambiguous",
            "matches the name in several rows",
            "Use the parent's ID, or give the rows different names.",
        ),
        (ABSENT, "orphan_row", "does not match any row in the file", hint),
        (OPEN, "parent_rejected", "belongs to a row that was rejected", "Correct that row first."),
        (CIRCLE, "parent_circle", "does not lead to a customer: the rows refer to each other in a circle", hint),
    )
    places = {text: _places(table.rows[rows], sources) for text, rows in namesakes.items()}
    texts = names.parent.to_arrow()
    for reason, code, text, advice in reasons:
        at = np.flatnonzero(lost & (why == reason))
        own = texts.take(pa.array(at))
        same = [places[text] if reason == SEVERAL else "" for text in own.to_pylist()]
        message = pc.binary_join_element_wise("'", own, f"' {text}", pa.array(same, pa.string()), "")
        for reference, rows in _by_column(rule, table, at):
            which = message.take(pa.array(np.searchsorted(at, rows)))
            yield cell_problems(table, rows, reference, severity=Severity.ERROR, code=code, message=which, hint=advice)


def own_names(
    rule: ParentRule, table: TableData, customers: Codes, companies: TableData, first: Codes
) -> tuple[TableData, list[ProblemTable]]:
    """The rows with ``Person`` where they have ``Company, Person``, as Odoo shows a company's people.

    ``customers``: each row's customer; ``companies``: the customers' own rows, of which ``first`` are their first ones.
    """
    problems = []
    for reference in dict.fromkeys(column for part in rule.match for column in part.columns()):
        column, company = table.column(reference), companies.column(reference).take(first[customers])
        may_have = column.rows_with(pc.match_substring(column.values, _SHOWN).to_numpy(zero_copy_only=False))
        pairs, distinct = combine([column.where(may_have), company.where(may_have)])
        own = map(_without, *(one.to_arrow().to_pylist() for one in distinct))
        names = Column.from_text(pa.array(own, pa.string())).take(pairs)
        at = np.flatnonzero(names.filled)
        if not len(at):
            continue
        before, after = (one.take(at).to_arrow() for one in (column, names))
        parts = ("'", before, "' is read as '", after, "', because the row belongs to that company")
        message = pc.binary_join_element_wise(*parts, "")
        details = {"severity": Severity.INFO, "code": "name_split", "message": message, "hint": ""}
        table = table.replaced(reference, pick([column, names], names.filled.astype(np.int64)))
        problems.append(cell_problems(table, at, reference, **details))
    return table, problems


def _without(text: str | None, company: str | None) -> str | None:
    """The name after the company's; None if the text has no company."""
    if not text or not company or not text.startswith(f"{company}{_SHOWN}"):
        return None
    return text[len(company) + len(_SHOWN) :].strip()


def _places(rows: Codes, sources: Sources) -> str:
    return f": {first_few(rows.tolist(), _MOST_PLACES, text=lambda row: str(sources.location(row)))}"


def _by_column(rule: ParentRule, table: TableData, at: Codes) -> Iterator[tuple[str, Codes]]:
    """Yield the rows by the column that names their parent; those that continue other rows by the first column."""
    chosen = first_of([table.column(reference) for reference in rule.from_])[1][at]
    for number, reference in enumerate(rule.from_):
        rows = at[np.maximum(chosen, 0) == number]
        if len(rows):
            yield reference, rows


def _ends_of(names: Names, ends: Codes, found: Codes, rejected: int) -> Codes:
    """The ends of all rows as far as they are known: a row whose parent is not found is rejected."""
    settled = np.where(found < OPEN, rejected, found)
    return np.where(ends != OPEN, ends, np.append(settled, OPEN)[names.parent.codes]).astype(np.int64)


def _among_children(names: Names, children: Mask, ends: Codes, first: Codes) -> Iterator["_Search"]:
    """How to search for a parent that is not a customer: by name, then as ``Company, Person``; exact matches first."""
    last = len(first) - 1  # no customer
    company = names.own[0].take(first[np.where((ends >= 0) & (ends < last), ends, last)])
    shown = tuple(
        Column.from_text(pc.binary_join_element_wise(above.to_arrow(), own.to_arrow(), _SHOWN))
        for above in (names.parent, company)
        for own in names.own
    )
    for form in (_exact, caseless):
        yield _Search(names.own, children, form)
        yield _Search(shown, children, form)


def _find_parents(
    found: Codes, wanted: pa.Array, searches: Sequence["_Search"], ends: Codes, namesakes: dict[str, Codes]
) -> Mask:
    """Set the ends of parents that are open, by the first search that finds them. Return those that must wait."""
    waiting = np.zeros(len(found), bool)
    for search in searches:
        undecided = (found == OPEN) & ~waiting
        if not undecided.any():
            break
        got = search.match(wanted, ends)
        waiting |= undecided & (got == OPEN)
        decided = undecided & (got > OPEN)
        found[decided] = got[decided]
        for number in np.flatnonzero(undecided & (got == SEVERAL)):
            found[number] = SEVERAL
            namesakes[wanted[int(number)].as_py()] = search.rows(wanted.slice(int(number), 1))
    return waiting


def _exact(values: pa.Array) -> pa.Array:
    return values


@dataclass(frozen=True)
class _Search:
    """Finds the rows ``among`` which one of ``texts`` is the wanted text, in this form of both."""

    texts: tuple[Column, ...]
    among: Mask
    form: _Form

    def match(self, wanted: pa.Array, ends: Codes) -> Codes:
        """For each wanted text, the only end of its rows, ``SEVERAL``, ``OPEN`` if a row has that end, or ``_NONE``."""
        groups = self.form(wanted).dictionary_encode()
        rows, numbers = self._pairs(groups.dictionary)
        pairs = pd.DataFrame({"number": numbers, "end": ends[rows]}).drop_duplicates()
        found = pairs.groupby("number")["end"].agg(["min", "size"])  # the least end is OPEN if there is one
        by_group = np.full(len(groups.dictionary) + 1, _NONE, np.int64)
        by_group[found.index] = np.where((found["size"] > 1) & (found["min"] != OPEN), SEVERAL, found["min"])
        matched: Codes = by_group[groups.indices.to_numpy(zero_copy_only=False)]
        return matched

    def rows(self, text: pa.Array) -> Codes:
        """The rows that have one text."""
        return np.unique(self._pairs(self.form(text))[0])

    def _pairs(self, texts: pa.Array) -> tuple[Codes, Codes]:
        """(row, number of the text in ``texts``, which are distinct) wherever a row has one of them."""
        rows, numbers = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for column in self.texts:
            place = pc.index_in(self.form(column.values), value_set=texts).fill_null(-1)
            number = np.append(place.to_numpy(zero_copy_only=False), -1)[column.codes]
            own = np.flatnonzero(self.among & (number >= 0))
            rows.append(own)
            numbers.append(number[own].astype(np.int64))
        return np.concatenate(rows), np.concatenate(numbers)
