"""Warnings about yes/no columns of skip rules that do not say of each row whether to leave it out."""

from collections.abc import Iterator

import numpy as np

from importer.mapping.cell_problems import column_warning
from importer.mapping.columns import Mask
from importer.mapping.language.mapping_rules import TableRule
from importer.mapping.table_rows import TableData
from importer.mapping.transforms.registry import read_flag
from importer.tables import ProblemTable
from importer.wording import counted


def unread_flags(rule: TableRule, table: TableData, skipped: Mask) -> Iterator[ProblemTable]:
    """For each such column a warning about the rows, not ``skipped`` otherwise, that say neither yes nor no."""
    parts = [(part.column, part.flag) for skip in rule.skip for part in skip.parts() if part.column is not None]
    otherwise = {column for column, flag in parts if flag is None}  # which knows other words
    for reference in dict.fromkeys(column for column, _ in parts if column not in otherwise):
        column = table.column(reference)
        unread = np.array([read_flag(text) is None for text in column.values.to_pylist()], bool)
        at = np.flatnonzero(~skipped & column.rows_with(unread & ~table.blanks.among(column.values, "")))
        are, rows = ("is", "its row is") if len(at) == 1 else ("are", "their rows are")
        message = f"{counted(len(at), 'cell')} in this column {are} neither yes nor no, so {rows} not left out"
        hint = "If such rows should be left out, list the values in the mapping's skip rule with `is`."
        yield from column_warning(table, at, reference, "skip_unsure", message, hint)
