"""A draft: what a never-seen file means, what it leaves open, and a mapping that reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from importer.did_you_mean import nearest
from importer.drafting.concepts import NEVER
from importer.drafting.draft_mapping import Builder
from importer.drafting.known_mappings import KnownMapping, best_known
from importer.drafting.mapping_text import mapping_text
from importer.drafting.row_structure import RowStructure
from importer.drafting.skip_rules import Question, SkipRule, skip_rules
from importer.drafting.table_draft import TableDraft, draft_table, varying_columns
from importer.errors import NoSourceError, UsageError
from importer.tables import Sources

_INCLUDED = 0.8  # of a table's values that are keys of the main one
_YES, _NO = "yes", "no"
_MOST_KEYS = 4


@dataclass(frozen=True)
class DraftColumn:
    """A column: its position from 1, where it is, what it gives, how sure that is, and why; filled: a share."""

    n: int
    file: str
    sheet: str | None
    header: str
    targets: list[str]
    confidence: float
    why: list[str]
    samples: list[str]
    filled: float


@dataclass(frozen=True)
class Draft:
    """The result of :func:`draft_sources`.

    ``fits``: the mapping that reads the file already, and its coverage. ``layout``: the family. ``key``: headers.
    ``answers``: what the draft assumes for each question; ``open``: those that nobody answered. ``mapping``: YAML.
    """

    fits: tuple[str, float] | None
    layout: str
    key: list[str]
    columns: list[DraftColumn]
    questions: list[Question]
    answers: dict[str, str]
    open: list[Question]
    mapping: str

    def as_json(self) -> dict[str, Any]:
        """The one object of ``--json``."""
        return {
            "fits": None if self.fits is None else {"mapping": self.fits[0], "coverage": round(self.fits[1], 3)},
            "layout": self.layout,
            "key": self.key,
            "columns": [vars(column) for column in self.columns],
            "questions": [
                {"id": own.id, "text": own.text, "choices": list(own.choices), "proposed": own.proposed}
                for own in self.questions
            ],
            "mapping": self.mapping,
        }


def draft_sources(
    sources: Sources, country: str | None, answers: Mapping[str, str], *, recognize: bool = True
) -> Draft:
    """Draft a mapping for the tables of one export.

    ``country``: where customers without a country are (alpha-2). ``answers``: the id of a question → the choice.
    ``recognize``: whether a mapping that is there already may be extended. Raises :class:`NoSourceError` where no
    column can be a customer's name, and :class:`UsageError` for an answer to no question.
    """
    tables = _tables(sources, country)
    filled = {
        (at, header): not draft.values[column].blank
        for at, table in enumerate(sources.tables)
        for draft in tables
        if table is draft.table or any(table is same for same in draft.same)
        for column, header in enumerate(draft.headers)
    }
    known = best_known(sources, filled) if recognize else None
    if known is not None:
        if answers:
            raise UsageError(
                f"no question is called {next(iter(answers))!r}", "The draft has no questions: a mapping fits."
            )
        return _extending(known, tables, sources, country)
    ordered, joins = _joined(tables)
    return _Drafting(ordered, joins, country, answers).draft()


def _tables(sources: Sources, country: str | None) -> list[TableDraft]:
    """One draft for all tables with the same columns."""
    found: dict[tuple[str, ...], TableDraft] = {}
    for table in sources.tables:
        headers = tuple(table.frame.columns)
        if not headers or not len(table):
            continue
        if headers in found:
            found[headers].same.append(table)
        else:
            found[headers] = draft_table(table, country)
    if not found:
        raise NoSourceError(
            "the sources have no data rows", "Check the files: are they the right export, and complete?"
        )
    return list(found.values())


def _joined(tables: list[TableDraft]) -> tuple[list[TableDraft], dict[int, int]]:
    """The main table, and those that name its customers with the column that does; other tables are left out."""

    def rank(draft: TableDraft) -> tuple[bool, bool, int, int]:
        given = draft.assignment
        key = draft.structure.key
        unique = bool(key) and draft.values[key[0]].unique
        return "company_name" in given.customer, unique, len(given.customer), len(given.targets)

    main = max(tables, key=rank)
    ordered, joins = [main], {}
    for draft in tables:
        if draft is not main and (at := _naming(main, draft)) is not None:
            joins[len(ordered)] = at
            ordered.append(draft)
    return ordered, joins


def _naming(main: TableDraft, other: TableDraft) -> int | None:
    """The column of another table whose values are keys of the main table."""
    if not main.structure.key:
        return None
    known = set(main.values[main.structure.key[0]].texts)
    complete = main.values[main.structure.key[0]].distinct == len(known)
    best, most = None, 0.0
    for at, values in enumerate(other.values):
        share = len(known & set(values.texts)) / len(values.texts) if values.texts else 0.0
        share *= values.filled
        if share > most and (share >= _INCLUDED or (not complete and share > 0.3)):
            best, most = at, share
    return best


class _Drafting:
    """The draft of a list of customers, with what was answered."""

    def __init__(
        self, tables: list[TableDraft], joins: dict[int, int], country: str | None, answers: Mapping[str, str]
    ) -> None:
        self._tables = tables
        self._joins = joins
        self._country = country
        self._given = answers
        self.main = tables[0]
        self._questions: list[Question] = []
        self._chosen: dict[str, str] = {}

    def draft(self) -> Draft:
        """Ask what is open, take the answers, and write the mapping."""
        given = self.main.assignment
        if "company_name" not in given.customer and not given.contacts:
            raise NoSourceError(
                f"{self.main.name}: no column with the names of customers is recognized",
                "Is it a list of customers? If it is, write a mapping by hand: see mappings/README.md.",
            )
        self._settle_rows()
        rules = self._skip_rules()
        unknown = self._given.keys() - self._chosen.keys()
        if unknown:
            name = sorted(unknown)[0]
            near = "".join(f"Did you mean {one!r}? " for one in nearest(name, sorted(self._chosen)))
            raise UsageError(
                f"no question is called {name!r}", f"{near}The questions are: {', '.join(self._chosen) or 'none'}."
            )
        content = Builder(self._tables, self._joins, rules, self._chosen).content(self._title(), self._country)
        heading = [
            f"A draft for {self.main.name}. Read it line by line, then run: importer check … -m THIS_FILE",
            *(f"Assumed: {own.text} {self._chosen[own.id]}." for own in self._questions if own.id not in self._given),
        ]
        return Draft(
            None,
            "joined files" if len(self._tables) > 1 else self.main.structure.layout,
            [self.main.headers[at] for at in self.main.structure.key],
            [column for draft in self._tables for column in _columns(draft)],
            self._questions,
            dict(self._chosen),
            [own for own in self._questions if own.id not in self._given],
            mapping_text(content, heading),
        )

    def _title(self) -> str:
        return f"{self.main.table.file.rsplit('/', 1)[-1].rsplit('.', 1)[0]} – customers"

    def _ask(self, question: Question) -> str:
        """The given answer, or what is proposed."""
        answer = self._given.get(question.id, question.proposed)
        if answer not in question.choices:
            raise UsageError(
                f"the answer to {question.id!r} cannot be {answer!r}", f"Choose one of: {', '.join(question.choices)}."
            )
        self._questions.append(question)
        self._chosen[question.id] = answer
        return answer

    def _settle_rows(self) -> None:
        """Key, parent, and rows that go on with the customer above: asked unless they are certain."""
        draft, structure = self.main, self.main.structure
        headers = draft.headers
        candidates = [at for at in (*structure.key, *structure.others) if not draft.values[at].blank][:_MOST_KEYS]
        if not structure.certain and len(candidates) > 1:
            counts = ", ".join(
                f"{headers[at]} ({draft.values[at].distinct:,} values, {draft.values[at].filled:.0%} filled)"
                for at in candidates
            )
            question = Question(
                "key",
                f"Which column identifies a customer? {counts}.",
                tuple(headers[at] for at in candidates),
                headers[candidates[0]],
            )
            key = headers.index(self._ask(question))
            if (key,) != structure.key:
                self._with_key(key)
        structure = self.main.structure
        if structure.layout == "parent reference" and structure.parent is not None and structure.named is not None:
            count = round(draft.values[structure.parent].filled * draft.values[structure.parent].rows)
            text = f"{headers[structure.parent]}: {count:,} rows name another row by its {headers[structure.named]}. Do they belong to it?"
            if self._ask(Question("parent", text, (_YES, _NO), _YES)) == _NO:
                self.main.structure = replace(structure, layout="wide", parent=None, named=None)
        elif structure.layout == "blank parent":
            values = draft.values[structure.key[0]]
            count = values.rows - round(values.filled * values.rows)
            text = f"{headers[structure.key[0]]}: {count:,} rows without one follow a row with one. Do they belong to the customer above?"
            if self._ask(Question("rows", text, (_YES, _NO), _YES)) == _NO:
                self.main.structure = replace(structure, layout="wide")

    def _with_key(self, key: int) -> None:
        draft = self.main
        layout = "wide" if draft.values[key].unique else "long"
        draft.structure = RowStructure(layout, (key,), True)  # type: ignore[arg-type]  # one of the families
        columns = sorted({at for own in draft.assignment.customer.values() for at in own})
        draft.varying = varying_columns(draft.table, draft.structure, columns)

    def _skip_rules(self) -> list[list[SkipRule]]:
        found = [list(skip_rules(draft)) for draft in self._tables]
        for rules in found:
            for rule in rules:
                self._ask(rule.question)
        return found


def _columns(draft: TableDraft) -> list[DraftColumn]:
    """What is said of each column of a table."""
    out = []
    for at, header in enumerate(draft.headers):
        values, reading = draft.values[at], draft.readings[at]
        targets = draft.assignment.targets.get(at, [])
        if not targets and reading.concept in NEVER and not values.blank:
            targets = ["ignore"]
        by_name = reading.concept is not None and not reading.unknown
        why = ["code"] if draft.codes is not None and draft.codes.label(header) else ["name"] if by_name else []
        why += ["values"] if not values.blank and targets else []
        confidence = (
            (0.97 if by_name and not values.blank else 0.8 if by_name else 0.6)
            if targets and targets != ["ignore"]
            else 0.0
        )
        out.append(
            DraftColumn(
                at + 1,
                draft.table.file,
                draft.table.sheet,
                header,
                list(targets),
                confidence,
                why,
                values.samples,
                round(values.filled, 3),
            )
        )
    return out


def _extending(known: KnownMapping, tables: Sequence[TableDraft], sources: Sources, country: str | None) -> Draft:
    """A mapping that extends one that is there."""
    columns = []
    for at, table in enumerate(sources.tables):
        draft = next((one for one in tables if table is one.table), None)
        if draft is None:
            continue
        for column in _columns(draft):
            targets = known.targets.get((at, column.header), [])
            columns.append(
                replace(
                    column, targets=targets, confidence=0.99 if targets else 0.0, why=["mapping"] if targets else []
                )
            )
    content: dict[str, Any] = {"title": known.loaded.mapping.title, "extends": known.name}
    if country is not None:
        content["country"] = country
    heading = [
        f"{known.name} fits: it knows {known.coverage:.0%} of the filled columns. What is said here overrides it."
    ]
    layout = next((one.structure.layout for one in tables if known.keys and known.keys[0] in one.headers), "wide")
    many = len(known.loaded.mapping.tables) > 1
    return Draft(
        (known.name, known.coverage),
        "joined files" if many else layout,
        known.keys,
        columns,
        [],
        {},
        [],
        mapping_text(content, heading),
    )
