"""Checks the columns of keys and reference IDs for IDs that a program wrote as numbers, and for IDs that look wrong.

IDs that look wrong are used unchanged, with a warning: they may differ from those in the source system.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.cell_text import MADE_A_DATE
from importer.mapping.cell_problems import column_warning
from importer.mapping.language.mapping_model import Mapping
from importer.mapping.language.mapping_rules import NUMBER, FieldRule
from importer.mapping.table_rows import TableData
from importer.mapping.transforms.text_forms import whole_numbers
from importer.tables import ProblemTable
from importer.wording import counted

_DATE = rf"^(?:{MADE_A_DATE}(?:-[0-9]{{2,4}})?|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?: .*)?)$"  # also as workbooks have it
_SEPARATORS = (",", r"\.", r"[ \x{a0}\x{202f}]", "'", "\u2019")  # between thousands, in one country or another
_GROUPED = rf"^[1-9][0-9]{{0,2}}(?:{'|'.join(f'(?:{sign}[0-9]{{3}})+' for sign in _SEPARATORS)})$"
# If these occur, such signs are not thousands separators.
_UNGROUPED = r"^[0-9]{4}|[^0-9., \x{a0}\x{202f}'\x{2019}]"
_QUOTED = "^'[0-9]"
_LONG, _ROUNDED = "^[0-9]{16,}$", "^[0-9]{15}0+$"
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
                problems += _rewritten(table, reference)
            problems += _placeholders(table, reference)
        numbered += _parents_as_numbers(mapping, table, name, numbered, problems)
        key = mapping.tables[name].key
        if name == mapping.main_table and len(key) == 1:  # the same number is in several divisions
            problems += _zeros_lost(table, key[0].columns()[0])
            problems += _missing(table, key[0])
        found[name] = replace(table, numbered=frozenset(numbered))
    return found, problems


def _parents_as_numbers(
    mapping: Mapping, table: TableData, name: str, numbered: list[str], problems: list[ProblemTable]
) -> Iterator[str]:
    """The columns that name parents by numbers such as ``7.0``, if the rows themselves have no such numbers."""
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
    message = f"{len(at):,} of {count:,} filled cells in this column {are}, and stay as they are"
    if every:
        cells = "the only filled cell" if count == 1 else f"all {count:,} filled cells"
        message = f"{cells} in this column {are}; the IDs are read as whole numbers"
    problems += column_warning(table, at, reference, "ids_as_numbers", message, _AS_NUMBERS)
    return every


def _placeholders(table: TableData, reference: str) -> Iterator[ProblemTable]:
    """A warning about a column of ids with texts that count as blank in other columns."""
    column = table.column(reference)
    at = np.flatnonzero(column.rows_with(table.blanks.among(column.values, "")))
    cells, uses = counted(len(at), "cell"), "use" if len(at) > 1 else "uses"
    message = f"the text may be a placeholder; {cells} in this column {uses} such text as an ID"
    return column_warning(table, at, reference, "id_like_blank", message, _PLACEHOLDERS)


def _rewritten(table: TableData, reference: str) -> Iterator[ProblemTable]:
    """Warnings about a column of ids: dates, rounded numbers, thousands separators, and apostrophes."""
    values = table.column(reference).values
    dates, grouped, quoted = (pc.match_substring_regex(values, form) for form in (_DATE, _GROUPED, _QUOTED))
    words = ("looks like a date", "look like dates")
    yield from _warning(table, reference, dates, words, "Spreadsheets turn IDs such as 1-2 into dates.")
    if pc.any(grouped).as_py() and not pc.any(pc.match_substring_regex(values, _UNGROUPED)).as_py():
        words = ("contains a thousands separator", "contain thousands separators")
        first = values.filter(grouped)[0].as_py()
        sign = next(character for character in first if not character.isdecimal())
        sign = " " if sign.isspace() else sign
        hint = f'If your IDs have no separators, remove them in the mapping (`as: {{replace: ["{sign}", ""]}}`).'
        yield from _warning(table, reference, grouped, words, hint)
    rounded = pc.match_substring_regex(values, _ROUNDED)
    if pc.any(rounded).as_py() and rounded.equals(pc.match_substring_regex(values, _LONG)):
        words = ("has only zeros after the 15th digit", "have only zeros after the 15th digit")
        yield from _warning(table, reference, rounded, words, "Spreadsheets turn all digits after the 15th into zeros.")
    words = ("begins with an apostrophe", "begin with an apostrophe")
    yield from _warning(
        table, reference, quoted, words, "If your IDs have no apostrophe, remove it in the mapping (`as: unquote`)."
    )


def _zeros_lost(table: TableData, reference: str) -> Iterator[ProblemTable]:
    """A warning about ids such as 17 in a column that also has 0017."""
    values = table.column(reference).values
    padded = pc.match_substring_regex(values, "^0+[1-9][0-9]*$")
    if pc.any(padded).as_py():
        short = pc.is_in(values, value_set=pc.utf8_ltrim(values.filter(padded), characters="0"))
        words = ("differs from another one only in leading zeros", "differ from others only in leading zeros")
        hint = "Leading zeros may have been lost. If it is the same customer, use the same ID in all rows."
        yield from _warning(table, reference, short, words, hint)


def _missing(table: TableData, rule: FieldRule) -> Iterator[ProblemTable]:
    """A warning if rows without an ID get a different column's text as ID, and other rows with that text have one."""
    columns = rule.own_columns()
    if rule.take != "first" or len(columns) < 2 or not all(map(table.names, columns[:2])):
        return
    own, other = (table.column(reference) for reference in columns[:2])
    known = np.zeros(len(other.values) + 1, bool)
    known[other.codes[own.filled]] = True
    known[-1] = False
    at = np.flatnonzero(~own.filled & known[other.codes])
    if len(at):
        name = table.names(columns[1])[0]
        some = counted(len(at), "row has no ID", "rows have no ID")
        message = f'{some}, although other rows with the same value in "{name}" have one'
        hint = (
            f'The text in "{name}" is used as the ID of a separate customer. If it is the same customer, enter its ID.'
        )
        yield from column_warning(table, at, columns[0], "id_doubtful", message, hint)


def _warning(
    table: TableData, reference: str, found: pa.Array, words: Sequence[str], hint: str
) -> Iterator[ProblemTable]:
    """One warning for a column, at its first cell. ``words``: the text for one ID, and the text for several."""
    at = np.flatnonzero(table.column(reference).rows_with(found.to_numpy(zero_copy_only=False)))
    message = f"{counted(len(at), 'ID')} in this column {words[len(at) > 1]}"
    return column_warning(table, at, reference, "id_doubtful", message, hint)
