"""Warnings about ids that are used as they are, and may not be those of the system that they come from."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.cell_text import MADE_A_DATE
from importer.mapping.cell_problems import cell_problems
from importer.mapping.columns import Codes
from importer.mapping.language.mapping_rules import FieldRule
from importer.mapping.table_rows import TableData
from importer.records import Severity
from importer.tables import ProblemTable
from importer.wording import counted

_DATE = rf"^(?:{MADE_A_DATE}(?:-[0-9]{{2,4}})?|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?: .*)?)$"  # also as workbooks have it
_SEPARATORS = (",", r"\.", r"[ \x{a0}\x{202f}]", "'", "\u2019")  # between thousands, in one country or another
_GROUPED = rf"^[1-9][0-9]{{0,2}}(?:{'|'.join(f'(?:{sign}[0-9]{{3}})+' for sign in _SEPARATORS)})$"
# Where these are, such signs are no thousands separators.
_UNGROUPED = r"^[0-9]{4}|[^0-9., \x{a0}\x{202f}'\x{2019}]"
_QUOTED = "^'[0-9]"
_LONG, _ROUNDED = "^[0-9]{16,}$", "^[0-9]{15}0+$"


def rewritten_ids(table: TableData, reference: str) -> Iterator[ProblemTable]:
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


def zeros_lost(table: TableData, reference: str) -> Iterator[ProblemTable]:
    """A warning about ids such as 17 in a column that also has 0017."""
    values = table.column(reference).values
    padded = pc.match_substring_regex(values, "^0+[1-9][0-9]*$")
    if pc.any(padded).as_py():
        short = pc.is_in(values, value_set=pc.utf8_ltrim(values.filter(padded), characters="0"))
        words = ("differs from another one only in leading zeros", "differ from others only in leading zeros")
        hint = "Leading zeros may have been lost. If it is the same customer, use the same ID in all rows."
        yield from _warning(table, reference, short, words, hint)


def missing_ids(table: TableData, rule: FieldRule) -> Iterator[ProblemTable]:
    """A warning where a row without an id gets another column's text as its id, and other rows with it have one."""
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
        some = f"{counted(len(at), 'row')} {'has' if len(at) == 1 else 'have'} no ID"
        message = f'{some}, although other rows with the same value in "{name}" have one'
        hint = (
            f'The text in "{name}" is used as the ID of a separate customer. If it is the same customer, enter its ID.'
        )
        yield _problem(table, columns[0], at, message, hint)


def _warning(
    table: TableData, reference: str, found: pa.Array, words: Sequence[str], hint: str
) -> Iterator[ProblemTable]:
    """One warning for a column, at its first cell. ``words``: what is said of one id, and of several."""
    at = np.flatnonzero(table.column(reference).rows_with(found.to_numpy(zero_copy_only=False)))
    if len(at):
        message = f"{counted(len(at), 'ID')} in this column {words[len(at) > 1]}"
        yield _problem(table, reference, at, message, hint)


def _problem(table: TableData, reference: str, at: Codes, message: str, hint: str) -> ProblemTable:
    texts = {"severity": Severity.WARNING, "code": "id_doubtful", "message": message, "hint": hint}
    return cell_problems(table, at[:1], reference, **texts)
