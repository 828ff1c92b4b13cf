"""A draft: what an unknown file means, what is uncertain about it, and a mapping that reads it."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from importer.drafting.column_choices import NO_CHOICES, ColumnChoices, full_name
from importer.drafting.concepts import ADDRESS_PARTS, NEVER
from importer.drafting.draft_mapping import draft_content, stand_in
from importer.drafting.headerless import name_columns
from importer.drafting.known_mappings import KnownMapping, best_known
from importer.drafting.mapping_text import mapping_text
from importer.drafting.open_questions import Questions, applying_skip_rules, ask_about_rows, ask_about_same_addresses
from importer.drafting.readings import read_headers
from importer.drafting.skip_rules import Question
from importer.drafting.table_draft import TableDraft, table_drafts
from importer.drafting.table_joins import Joined, joined, joined_to
from importer.errors import NoSourceError
from importer.tables import Sources
from importer.wording import shortened

# Confidence in a column's targets: from its name and values, only from its name, only from its values, from a mapping.
_BOTH, _NAME, _VALUES, _MAPPING = 0.97, 0.8, 0.6, 0.99
_IN_ROWS = frozenset({*ADDRESS_PARTS, "phone", "email"})  # a table with its fields in rows has some of these
_MOST_FIELDS, _MOSTLY = 100, 0.75
_BETWEEN_CELLS = re.compile(r"[,;|\t]| {2,}")
_MOST_SHOWN = 40
_ROWS = {
    "wide": "One row per customer",
    "numbered groups": "One row per customer, with numbered groups of columns",
    "packed": "One row per customer, with a whole address in one cell",
    "long": "Several rows per customer",
    "blank parent": "Several rows per customer, with the customer's own columns filled only in the first",
    "parent reference": "Several rows per customer, some of which name the row that they belong to",
    "joined tables": "Several tables, joined by the customer",
}


@dataclass(frozen=True)
class DraftColumn:
    """A column: its position from 1, its place, its targets, the confidence in them, and the reasons.

    ``filled``: the share of filled rows. ``name``: the column's name in :class:`ColumnChoices`.
    """

    n: int
    file: str
    sheet: str | None
    header: str
    targets: list[str]
    confidence: float
    why: list[str]
    samples: list[str]
    filled: float
    name: str


@dataclass(frozen=True)
class Draft:
    """The result of :func:`draft_sources`.

    ``fits``: the existing mapping that reads the file, and its coverage. ``layout``: the kind of row structure.
    ``key``: headers; ``instead``: the column that is the key if the key's own column is blank.
    ``answers``: what the draft assumes for each question; ``open``: questions that nobody answered. ``mapping``: YAML.
    ``notes``: tables and addresses that are not used, each with the reason, and columns with zeros added or removed.
    """

    fits: tuple[str, float] | None
    layout: str
    key: list[str]
    columns: list[DraftColumn]
    questions: list[Question]
    answers: dict[str, str]
    open: list[Question]
    mapping: str
    instead: str | None = None
    notes: Sequence[str] = ()

    @property
    def rows_in_words(self) -> str:
        """What a row is, depending on the layout."""
        return _ROWS[self.layout]

    @property
    def identified_by(self) -> str:
        """The key in words; blank without one."""
        return " and ".join(self.key) + (f", or {self.instead} where that is blank" if self.instead else "")

    def as_json(self) -> dict[str, Any]:
        return {
            "fits": None if self.fits is None else {"mapping": self.fits[0], "coverage": round(self.fits[1], 3)},
            "layout": self.layout,
            "key": self.key,
            "columns": [vars(column) for column in self.columns],
            "notes": list(self.notes),
            "questions": [{**vars(question), "choices": list(question.choices)} for question in self.questions],
            "mapping": self.mapping,
        }


def draft_sources(
    sources: Sources,
    country: str | None,
    answers: Mapping[str, str],
    *,
    recognize: bool = True,
    choices: ColumnChoices = NO_CHOICES,
) -> Draft:
    """Draft a mapping for the tables of one export.

    ``country``: the country of customers without one (alpha-2). ``answers``: question ID → choice. ``recognize``:
    whether an existing mapping may be extended, which is not done if there are ``choices``. These override what headers
    and values suggest. Raises :class:`NoSourceError` if no column can be a customer's name, and :class:`UsageError` for
    an answer without a question, and for a choice that is invalid.
    """
    questions = Questions(answers)
    sources, named = name_columns(sources, questions)
    choices.check(sources.tables)
    tables = table_drafts(sources, country, choices)
    if recognize and not named and not choices:
        filled = {
            (at, header): not draft.values[column].blank
            for at, table in enumerate(sources.tables)
            for draft in tables
            if any(table is own for own in (draft.table, *draft.same))
            for column, header in enumerate(draft.headers)
        }
        known = best_known(sources, filled)
        if known is not None:
            questions.refuse_others()
            return _extending(known, tables, sources, country)
    for draft in tables:
        draft.headerless = any(draft.table is sources.tables[at] for at in named)
    return _drafted(joined(tables, country, choices), country, questions, choices)


def _drafted(found: Joined, country: str | None, questions: Questions, choices: ColumnChoices) -> Draft:
    main, key = found.tables[0], found.tables[0].structure.key
    _refuse_without_names(main)
    ask_about_rows(main, questions)
    if main.structure.key != key:
        found = joined_to(main, [*found.tables, *(draft for draft, _ in found.others)], country, choices)
    ordered, joins, others = found.tables, found.columns, [draft for draft, _ in found.others]
    for draft in ordered:
        ask_about_same_addresses(draft, questions)
    rules = applying_skip_rules(ordered, questions, choices)
    questions.refuse_others()
    name = main.table.file.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    content = {"title": name, **({} if country is None else {"country": country})}
    content |= draft_content(ordered, joins, rules, others)
    heading = [f"A draft mapping for {main.table.name}. Read it line by line, then run: importer check … -m THIS_FILE"]
    heading += [f"{question.text} Assumed: {questions.answers[question.id]}." for question in questions.open]
    notes = [f"Left out: {draft.table.name}, because {why}" for draft, why in found.others]
    notes += [f"Left out: the addresses of people in {draft.table.name}." for draft in ordered if draft.own_addresses]
    notes += [
        f"Leading zeros are {how} {draft.headers[at]} in {draft.table.name}, to match {main.table.name}."
        for draft in ordered
        for at, how in ((at, "added to" if width else "removed from") for at, width in draft.widths.items())
    ]
    heading += notes
    for draft in others:
        draft.assignment.targets.clear()
    return Draft(
        fits=None,
        layout="joined tables" if joins else main.structure.layout,
        key=[main.headers[at] for at in main.structure.key],
        columns=_named([column for draft in (*ordered, *others) for column in _columns(draft)], choices),
        questions=questions.asked,
        answers=questions.answers,
        open=questions.open,
        mapping=mapping_text(content, heading),
        instead=stand_in(main),
        notes=notes,
    )


def _refuse_without_names(main: TableDraft) -> None:
    given = main.assignment
    hint = "Is it a list of customers? If it is, write a mapping yourself: see mappings/README.md."
    if _has_fields_in_rows(main):
        message = f"{main.table.name}: the first column contains the names of fields ({main.headers[0]}, …)"
        raise NoSourceError(message, "Put each customer in a row, and each field in a column (in Excel: Transpose).")
    if len(main.headers) == 1 and len(_BETWEEN_CELLS.split(main.headers[0])) > 2:
        message = f"{main.table.name}: each row is in one cell ({shortened(main.headers[0], _MOST_SHOWN)})"
        raise NoSourceError(message, "Export the list again, or split the cells (in Excel: Data > Text to Columns).")
    if "company_name" not in given.customer and not given.contacts:
        raise NoSourceError(f"{main.table.name}: no column with customer names was recognized", hint)
    if not main.structure.key:
        raise NoSourceError(f"{main.table.name}: no column tells one customer from another", hint)


def _has_fields_in_rows(main: TableDraft) -> bool:
    """Whether the first column has names of fields, and most headers of the others do not: they are a customer's."""
    texts = list(dict.fromkeys([main.headers[0], *main.values[0].texts]))[:_MOST_FIELDS]
    readings = [reading for reading in read_headers(texts) if reading.concept and not reading.unknown]
    concepts = {reading.concept for reading in readings}
    named = sum(reading.concept is not None for reading in main.readings[1:])
    if 2 * named > len(main.readings) - 1 or len(readings) < _MOSTLY * len(texts):
        return False
    return len(_IN_ROWS & concepts) > 1 and len(concepts) > 2


def _columns(draft: TableDraft) -> list[DraftColumn]:
    """The columns of a table, with what is known about them."""
    table = draft.table
    return [
        DraftColumn(
            *(at + 1, table.file, table.sheet, header, *_said(draft, at), own.samples, round(own.filled, 3)),
            name=full_name(table, header),
        )
        for at, (header, own) in enumerate(zip(draft.headers, draft.values, strict=True))
    ]


def _named(columns: Sequence[DraftColumn], choices: ColumnChoices = NO_CHOICES) -> list[DraftColumn]:
    """The columns, named by their headers if these are unique. What a person chose is certain."""
    count = Counter(column.header for column in columns)
    chosen = {*choices.targets, *choices.skip}
    found = []
    for column in columns:
        name = column.header if count[column.header] == 1 else column.name
        certain: dict[str, Any] = {"confidence": 1.0, "why": ["chosen"]} if chosen & {name, column.header} else {}
        found.append(replace(column, name=name, **certain))
    return found


def _said(draft: TableDraft, at: int) -> tuple[list[str], float, list[str]]:
    """The targets of a column, the confidence in them, and the reasons."""
    values, reading = draft.values[at], draft.readings[at]
    targets = list(draft.assignment.targets.get(at, ()))
    if not targets:
        return (["ignore"] if reading.concept in NEVER and not values.blank else []), 0.0, []
    named = reading.concept is not None and not reading.unknown
    coded = draft.codes is not None and bool(draft.codes.label(draft.headers[at]))
    why = (["code"] if coded else ["name"] if named else []) + ([] if values.blank else ["values"])
    return targets, (_NAME if values.blank else _BOTH) if named or coded else _VALUES, why


def _extending(known: KnownMapping, tables: Sequence[TableDraft], sources: Sources, country: str | None) -> Draft:
    """The draft of a mapping that extends an existing one."""
    columns = []
    for at, table in enumerate(sources.tables):
        for column in (own for draft in tables if draft.table is table for own in _columns(draft)):
            place = at, column.header
            targets = known.targets.get(place) or known.others.get(place, [])
            sure, why = (_MAPPING, ["mapping"]) if targets else (0.0, [])
            columns.append(replace(column, targets=targets, confidence=sure, why=why))
    content: dict[str, Any] = {"title": known.loaded.mapping.title, "extends": known.name}
    content |= {} if country is None else {"country": country}
    heading = (
        f"{known.name} fits: it recognizes {known.coverage:.0%} of the filled columns. "
        "Settings in this file override it."
    )
    layout = next((one.structure.layout for one in tables if known.keys and known.keys[0] in one.headers), "wide")
    return Draft(
        fits=(known.name, known.coverage),
        layout="joined tables" if len(known.loaded.mapping.tables) > 1 else layout,
        key=known.keys,
        columns=_named(columns),
        questions=[],
        answers={},
        open=[],
        mapping=mapping_text(content, [heading]),
    )
