"""What the steps of a mapping's fields did on each row, recorded by the evaluation itself if there is a trace."""

from dataclasses import dataclass, field, replace

import numpy as np

from importer.mapping.columns import Codes, Column, Mask
from importer.mapping.table_rows import TableData

READ = "read"  # no step: the cells of a column, trimmed
RESULT = "result"  # no step: what a field's evaluation gave


@dataclass(frozen=True)
class StepTrace:
    """What one step made of a field's texts, on every row of a table; a step that is not run changes nothing.

    ``step``: as the mapping calls it, such as ``split``, ``phone``, ``take first``; or ``READ`` or ``RESULT``.
    ``reference``: the column that the texts come from; ``""`` once several were brought together.
    """

    field: str
    step: str
    reference: str
    before: Column
    after: Column

    def only(self, rows: Mask) -> "StepTrace":
        return replace(self, before=self.before.where(rows), after=self.after.where(rows))


@dataclass(frozen=True)
class Trace:
    """Collects the steps of one entry's fields, in the order in which they run. ``steps`` is shared by all fields."""

    steps: list[StepTrace]
    field: str = ""
    prefix: str = ""

    def add(self, step: str, before: Column, after: Column, reference: str = "") -> None:
        self.steps.append(StepTrace(self.field, f"{self.prefix}{step}", reference, before, after))


@dataclass(frozen=True)
class TraceRecorder:
    """The steps of all entries, in the order of ``EntityTables.entries``: each with the rows that they ran on."""

    entries: list[tuple[TableData, list[StepTrace]]] = field(default_factory=list)

    def entry(self, table: TableData) -> Trace:
        """Where the next entry's fields record, which are evaluated on the rows of ``table``."""
        steps: list[StepTrace] = []
        self.entries.append((table, steps))
        return Trace(steps)


def spread(column: Column, at: Codes, length: int) -> Column:
    """A column by candidate as one by row: ``at`` has each candidate's row, no row twice."""
    codes = np.full(length, -1, np.int64)
    codes[at] = column.codes
    return Column(codes, column.values)
