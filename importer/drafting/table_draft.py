"""Reading the tables of an export as far as possible from their headers and values."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from importer.drafting.assigned_fields import Assignment
from importer.drafting.assignment import ROW_KINDS, assign
from importer.drafting.column_choices import KEY, NO_CHOICES, ColumnChoices, apply_targets, chosen_in
from importer.drafting.column_values import ColumnValues, column_values
from importer.drafting.header_segments import words
from importer.drafting.lexicon import CodeTable, lexicon, recognized
from importer.drafting.readings import HeaderReading, read_headers
from importer.drafting.row_structure import RowStructure, row_structure
from importer.errors import NoSourceError
from importer.mapping.language.mapping_rules import ALTERNATIVE, NUMBER
from importer.tables import Sources, SourceTable

_MOST_NOTES = 20  # rows below the data
_NEARLY_ALL = 0.8  # share of headers
_WORD = 4  # the fewest letters in a word that is not a code
_FEWEST = 4  # the fewest columns of a table whose last rows can be notes


@dataclass(eq=False)  # compared by identity, because frames cannot be compared
class TableDraft:
    """A table with what its columns mean.

    ``headerless``: the file has no header, and the names of the columns are made up. ``varying``: columns that differ
    within the rows of a customer. ``notes``: the column with notes below the rows. ``same``: other tables with the same
    columns. ``people``: its rows are people, and a different table has the customers; ``own_addresses``: the people
    have their own addresses, which are left out. ``widths``: column of customers' numbers → how many digits they have
    in the table with the customers, including leading zeros; 0 if they have no leading zeros there.
    """

    table: SourceTable
    headers: list[str]
    codes: CodeTable | None
    readings: list[HeaderReading]
    values: list[ColumnValues]
    assignment: Assignment
    structure: RowStructure
    varying: frozenset[int] = frozenset()
    headerless: bool = False
    notes: int | None = None
    same: list[SourceTable] = field(default_factory=list)
    people: bool = False
    own_addresses: bool = False
    widths: dict[int, int] = field(default_factory=dict)


def can_be_named(header: str) -> bool:
    """Whether a mapping can refer to the header as it is: ``{n}`` and ``|`` have a special meaning in a mapping."""
    return NUMBER not in header and ALTERNATIVE not in header


def _codes(headers: Sequence[str]) -> CodeTable | None:
    """The table whose codes the headers are; None if only some are, and these are words such as ``customer_id``."""
    codes = recognized(headers)
    if codes is None:
        return None
    found = [header for header in headers if codes.label(header) is not None]
    plain = all(word.text in lexicon().phrases for header in found for word in words(header))
    return None if plain and len(found) < _NEARLY_ALL * len(headers) else codes


def _label(codes: CodeTable, header: str) -> str:
    """The label of a code. A header that is not a code of the table is its own label if it consists of words."""
    label = codes.label(header)
    if label is not None:
        return label
    found = words(header)
    if all(word.text in lexicon().phrases for word in found) and (len(found) > 1 or len(header) >= _WORD):
        return header
    if header.isupper():  # may also be a code if codes are in capitals; otherwise, an abbreviation such as PLZ
        return "" if codes.in_capitals else header
    return header if len(found) > 1 or not header.islower() else ""


def _with_number(assignment: Assignment, structure: RowStructure, values: Sequence[ColumnValues]) -> None:
    """Use a number of the customer beside the key as the display ID, but not an ID of the system."""
    keys = {assignment.readings[at].concept for at in structure.key}
    customers = max((values[at].distinct for at in structure.key), default=0)
    for concept in ("customer_number", "id"):
        for at, reading in enumerate(assignment.readings):
            free = at not in structure.key and at not in assignment.targets
            plain = reading.concept == concept and not (reading.unknown or reading.roles or (reading.part or 0) > 1)
            of_system = concept == "id" and "customer_number" in keys and reading.phrase.endswith("id")
            if free and plain and not of_system and values[at].guids < 0.5 and _is_number(values[at], customers):
                assignment.customer["display_id"] = [at]
                assignment.give(at, "display_id")
                return


def _is_number(values: ColumnValues, customers: int) -> bool:
    """Whether people can know customers by the values: most customers have their own, and they do not count rows."""
    counted = [str(number) for number in range(1, len(values.texts) + 1)]
    own = values.distinct > min(values.count, customers) / 2
    return values.blank or (own and list(values.texts) != counted)


def key_structure(key: tuple[int, ...], values: Sequence[ColumnValues]) -> RowStructure:
    """The row structure for a settled key: a customer is one row, or the rows that share a key."""
    alone = len(key) == 1 and values[key[0]].unique
    return RowStructure("wide" if alone else "long", key, certain=True)


def _with_coded_rows(assignment: Assignment, codes: CodeTable, headers: Sequence[str]) -> None:
    """Add skip rules for codes whose values distinguish customers from others."""
    for at, header in enumerate(headers):
        if codes.cells.get(header.strip().lower(), {}).keys() & ROW_KINDS and at not in assignment.targets:
            assignment.skipping[at] = "kind"
            assignment.give(at, "skip_rule")


def _without_notes(table: SourceTable) -> tuple[SourceTable, int | None]:
    """The table without the notes below its rows, and the only column that has such notes (None: no notes)."""
    tail = table.frame.tail(_MOST_NOTES).map(str.strip) != ""
    lonely = (tail.sum(axis=1) <= 1).to_numpy()
    notes = len(lonely) if lonely.all() else int(np.argmin(lonely[::-1]))
    columns = np.flatnonzero(tail.tail(notes).any(axis=0)) if notes else np.array([], int)
    if len(columns) != 1 or notes == len(lonely) or len(table.frame.columns) < _FEWEST:
        return table, None
    rows = slice(0, len(table) - notes)
    frame, numbers, broken = table.frame.iloc[rows], table.row_numbers[rows], table.broken[rows]
    return replace(table, frame=frame, row_numbers=numbers, broken=broken, stored=None), int(columns[0])


def draft_table(
    table: SourceTable, country: str | None, choices: ColumnChoices, *, further: bool = False
) -> TableDraft:
    """Read one table: codes of known systems first, then headers, values, fields, and rows; ``choices`` override.

    ``further``: the table has no customers, but addresses or contacts of another table's customers.
    """
    rows, notes = _without_notes(table)
    headers = list(table.frame.columns)
    codes = _codes(headers)
    labels = headers if codes is None else [_label(codes, header) for header in headers]
    likely = lexicon().languages.get(country, ()) if country is not None and codes is None else ()
    readings = read_headers(labels, likely, headers)
    if further and codes is not None:  # "name" is a company only in the table of customers
        by_words = read_headers(headers)
        readings = [word if word.concept == "name" else own for own, word in zip(readings, by_words, strict=True)]
    values = [column_values(rows.column(header)) for header in headers]
    for at, header in enumerate(headers):
        if header in table.secrets or not can_be_named(header):
            readings[at] = readings[at].as_("sensitive")
    assignment = assign(readings, values, further=further)
    if codes is not None:
        _with_coded_rows(assignment, codes, headers)
    chosen = chosen_in(table, choices.targets)
    apply_targets(assignment, chosen)
    structure = row_structure(rows, assignment, values)
    keys = tuple(at for at, target in chosen.items() if target == KEY)
    if keys:
        structure = replace(key_structure(keys, values), others=structure.others)
    _with_number(assignment, structure, values)
    for at in structure.key:
        if at in keys or assignment.readings[at].concept not in ("company_name", "display_name", "email"):
            assignment.targets[at] = [KEY]
    for at, _ in structure.parents:
        assignment.targets[at] = ["parent_key"]
    varying = varying_columns(rows, structure, assignment)
    return TableDraft(table, headers, codes, readings, values, assignment, structure, varying, notes=notes)


def varying_columns(table: SourceTable, structure: RowStructure, assignment: Assignment) -> frozenset[int]:
    """The columns of the customer's own fields with different texts in rows that share a key."""
    if structure.layout not in ("long", "blank parent") or not structure.key:
        return frozenset()
    headers = table.headers
    columns = sorted({at for own in assignment.customer.values() for at in own})
    keys = [headers[at] for at in structure.key]
    groups = table.frame[keys + [headers[at] for at in columns if headers[at] not in keys]].replace("", None)
    if structure.layout == "blank parent":
        groups[keys] = groups[keys].ffill()
    counts = groups.groupby(keys, sort=False).nunique()
    return frozenset(at for at in columns if headers[at] in counts and bool((counts[headers[at]] > 1).any()))


def table_drafts(sources: Sources, country: str | None, choices: ColumnChoices = NO_CHOICES) -> list[TableDraft]:
    """One draft for all tables with the same columns. Raises :class:`NoSourceError` if there are no data rows."""
    found: dict[tuple[str, ...], TableDraft] = {}
    for table in sources.tables:
        if not table.headers or not len(table):
            continue
        if table.headers in found:
            found[table.headers].same.append(table)
        else:
            found[table.headers] = draft_table(table, country, choices)
    if not found:
        hint = "Check the files: are they the right export, and complete?"
        raise NoSourceError("the sources have no data rows", hint)
    return list(found.values())
