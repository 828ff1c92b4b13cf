"""The columns that keys and reference ids come from: ids that a program wrote as numbers, and ids that look wrong."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.mapping.cell_problems import cell_problems
from importer.mapping.grouping.doubtful_ids import missing_ids, rewritten_ids, zeros_lost
from importer.mapping.language.mapping_model import Mapping
from importer.mapping.language.mapping_rules import NUMBER, FieldRule
from importer.mapping.table_rows import TableData
from importer.mapping.transforms.text_forms import whole_numbers
from importer.records import Severity
from importer.tables import ProblemTable
from importer.wording import counted

_AS_NUMBERS = "Some programs write whole numbers like that. If the IDs lost leading zeros, export them as text."
_PLACEHOLDERS = "Enter the right ID. If the row is not a customer, delete it."


def read_id_columns(mapping: Mapping, tables: dict[str, TableData]) -> tuple[dict[str, TableData], list[ProblemTable]]:
    """The tables with their columns of ids that are all written as ``7.0``, and warnings about ids that look wrong."""
    found: dict[str, TableData] = {}
    problems: list[ProblemTable] = []
    for name, table in tables.items():
        numbered = []
        rules = _id_rules(mapping, name)
        plain = _columns([rule for rule in rules if rule.as_ is None])
        for reference in _columns(rules):
            if _are_numbers(table, reference, problems):
                numbered.append(reference)
            elif reference in plain:
                problems += rewritten_ids(table, reference)
            _find_placeholders(table, reference, problems)
        numbered += _parents_as_numbers(mapping, table, name, numbered, problems)
        key = mapping.tables[name].key
        if name == mapping.main_table and len(key) == 1:  # the same number is in several divisions
            problems += zeros_lost(table, key[0].columns()[0])
            problems += missing_ids(table, key[0])
        found[name] = replace(table, numbered=frozenset(numbered))
    return found, problems


def _parents_as_numbers(
    mapping: Mapping, table: TableData, name: str, numbered: list[str], problems: list[ProblemTable]
) -> Iterator[str]:
    """The columns that name parents by numbers such as ``7.0``, where the rows themselves have no such numbers."""
    rule = mapping.tables[name].parent
    if rule is None:
        return
    own = (table.column(reference) for reference in _columns(rule.match) if reference not in numbered)
    if not any(pc.any(whole_numbers(column.values).is_valid()).as_py() for column in own):
        for reference in _columns([rule.field]):
            if reference not in numbered and _are_numbers(table, reference, problems):
                yield reference


def _id_rules(mapping: Mapping, table: str) -> list[FieldRule]:
    """The rules of a table's keys and reference ids."""
    rules = list(mapping.tables[table].key)
    sections = [mapping.customer] if table == mapping.main_table else []
    sections += [entry for entry in mapping.children() if (entry.table or mapping.main_table) == table]
    return rules + [section.reference_id for section in sections if section.reference_id is not None]


def _columns(rules: Iterable[FieldRule]) -> dict[str, None]:
    return dict.fromkeys(reference for rule in rules for reference in rule.columns() if NUMBER not in reference)


def _are_numbers(table: TableData, reference: str, problems: list[ProblemTable]) -> bool:
    """Whether all ids of a column are written as ``7.0`` or ``7,0``. Adds a warning if all or some are."""
    column = table.column(reference)
    whole = whole_numbers(column.values).is_valid().to_numpy(zero_copy_only=False)
    decimals = pc.match_substring_regex(column.values, "[0-9][.,][0-9]").to_numpy(zero_copy_only=False)
    at = np.flatnonzero(column.rows_with(whole))
    if not len(at) or (decimals & ~whole).any():
        return False
    every, count = bool(whole.all()), int(column.filled.sum())
    are = f"{'ends' if count == 1 else 'end'} in .0 or ,0"
    if pc.any(pc.match_substring(column.values.filter(pa.array(whole)), "E")).as_py():
        are += ", or in an exponent (1.2345678E7)"
    message = f"{len(at):,} of {count:,} filled cells of this column {are}, and stay as they are"
    if every:
        cells = "the only filled cell" if count == 1 else f"all {count:,} filled cells"
        message = f"{cells} of this column {are}; the IDs are read as whole numbers"
    texts = {"severity": Severity.WARNING, "code": "ids_as_numbers", "message": message, "hint": _AS_NUMBERS}
    problems.append(cell_problems(table, at[:1], reference, **texts))
    return every


def _find_placeholders(table: TableData, reference: str, problems: list[ProblemTable]) -> None:
    """Add a warning if a column of ids has texts that count as blank in other columns."""
    column = table.column(reference)
    at = np.flatnonzero(column.rows_with(table.blanks.among(column.values, "")))
    if len(at):
        cells, uses = counted(len(at), "cell"), "use" if len(at) > 1 else "uses"
        message = f"the text may be a placeholder; {cells} of this column {uses} such text as an ID"
        texts = {"severity": Severity.WARNING, "code": "id_like_blank", "message": message, "hint": _PLACEHOLDERS}
        problems.append(cell_problems(table, at[:1], reference, **texts))
