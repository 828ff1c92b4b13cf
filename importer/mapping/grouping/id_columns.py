"""The columns that keys and reference ids come from: ids that a program wrote as numbers, and ids that look wrong."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pyarrow.compute as pc

from importer.mapping.cell_problems import cell_problems
from importer.mapping.grouping.doubtful_ids import missing_ids, rewritten_ids, zeros_lost
from importer.mapping.language.mapping_model import Mapping
from importer.mapping.language.mapping_rules import NUMBER, FieldRule
from importer.mapping.table_rows import TableData
from importer.mapping.transforms.text_forms import WHOLE
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
        key = mapping.tables[name].key
        if name == mapping.main_table and len(key) == 1:  # the same number is in several divisions
            problems += zeros_lost(table, key[0].columns()[0])
            problems += missing_ids(table, key[0])
        found[name] = replace(table, numbered=frozenset(numbered))
    return found, problems


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
    whole = pc.match_substring_regex(column.values, f"^[0-9]+{WHOLE}").to_numpy(zero_copy_only=False)
    decimals = pc.match_substring_regex(column.values, "[0-9][.,][0-9]").to_numpy(zero_copy_only=False)
    at = np.flatnonzero(column.rows_with(whole))
    if not len(at) or (decimals & ~whole).any():
        return False
    every, count = bool(whole.all()), int(column.filled.sum())
    message = f"{len(at):,} of {count:,} filled cells of this column end in .0 or ,0, and stay as they are"
    if every:
        message = f"all {count:,} filled cells of this column end in .0 or ,0, which is removed"
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
