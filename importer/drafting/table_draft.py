"""One table of the sources, read as far as its headers and values tell."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from importer.drafting.assigned_fields import Assignment
from importer.drafting.assignment import assign
from importer.drafting.code_tables import CodeTable, recognized
from importer.drafting.column_values import ColumnValues, column_values
from importer.drafting.header_words import words
from importer.drafting.readings import Reading, read_headers
from importer.drafting.row_structure import RowStructure, row_structure
from importer.tables import SourceTable

# Languages that lists of a country are in, beside English.
_LANGUAGES = {
    "de": "DE AT CH LI LU", "fr": "FR BE CH LU CA MC", "es": "ES MX AR CO CL PE UY EC VE", "nl": "NL BE",
    "it": "IT CH SM", "pt": "PT BR", "sv": "SE FI", "da": "DK", "no": "NO", "pl": "PL",
}  # fmt: skip


@dataclass
class TableDraft:
    """A table with what its columns mean.

    ``headerless``: the file has no header, and the names of the columns are made up. ``varying``: columns that differ
    within the rows of a customer. ``same``: further tables with the same columns.
    """

    table: SourceTable
    headers: list[str]
    codes: CodeTable | None
    readings: list[Reading]
    values: list[ColumnValues]
    assignment: Assignment
    structure: RowStructure
    varying: frozenset[int] = frozenset()
    headerless: bool = False
    same: list[SourceTable] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The table as reports name it."""
        return self.table.name


def _label(codes: CodeTable, header: str) -> str:
    """The label of a code; a header that is no code of the table is read if it is written as words."""
    label = codes.label(header)
    if label is not None:
        return label
    return header if not header.isupper() and (len(words(header)) > 1 or not header.islower()) else ""


def _with_number(assignment: Assignment, structure: RowStructure, values: Sequence[ColumnValues]) -> None:
    """A number of the customer beside the key is the one that people see."""
    for concept in ("customer_number", "id"):
        for at, reading in enumerate(assignment.readings):
            free = at not in structure.key and at not in assignment.targets
            if (
                free
                and reading.concept == concept
                and not reading.unknown
                and not reading.roles
                and values[at].guids < 0.5
            ):
                assignment.customer["display_id"] = [at]
                assignment.give(at, "display_id")
                return


def languages_of(country: str | None) -> Collection[str]:
    """Languages that the country suggests."""
    return [language for language, where in _LANGUAGES.items() if country is not None and country in where.split()]


def draft_table(table: SourceTable, country: str | None) -> TableDraft:
    """Read one table: codes of known systems first, then headers, values, fields, and rows."""
    headers = list(table.frame.columns)
    codes = recognized(headers)
    labels = headers if codes is None else [_label(codes, header) for header in headers]
    readings = read_headers(labels, () if codes is not None else languages_of(country))
    values = [column_values(table.column(header)) for header in headers]
    for at, header in enumerate(headers):
        if header in table.secrets:
            readings[at] = readings[at].as_("sensitive")
    assignment = assign(readings, values)
    structure = row_structure(table, assignment, values)
    _with_number(assignment, structure, values)
    for at in structure.key:
        if assignment.readings[at].concept not in ("company_name", "display_name", "email"):
            assignment.targets[at] = ["reference_id"]
    if structure.parent is not None:
        assignment.targets[structure.parent] = ["parent_key"]
    varying = varying_columns(table, structure, sorted({at for own in assignment.customer.values() for at in own}))
    return TableDraft(table, headers, codes, readings, values, assignment, structure, varying)


def varying_columns(table: SourceTable, structure: RowStructure, columns: Sequence[int]) -> frozenset[int]:
    """The columns with different texts in rows that share a key."""
    if structure.layout not in ("long", "blank parent") or not structure.key:
        return frozenset()
    headers = list(table.frame.columns)
    keys = [headers[at] for at in structure.key]
    groups = table.frame[keys + [headers[at] for at in columns if headers[at] not in keys]].replace("", None)
    if structure.layout == "blank parent":
        groups[keys] = groups[keys].ffill()
    counts = groups.groupby(keys, sort=False).nunique()
    return frozenset(at for at in columns if headers[at] in counts and bool((counts[headers[at]] > 1).any()))
