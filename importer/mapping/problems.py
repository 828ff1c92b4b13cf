"""Findings about rows turned into problems about records, with the cell as it stands in the file."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.mapping.columns import Codes
from importer.mapping.fields import RowFinding
from importer.mapping.tabledata import TableData
from importer.records import Severity
from importer.tables import Entity, ProblemTable

__all__ = ["field_problems", "quoted", "row_problems"]


def quoted(values: pa.Array, predicate: pa.Array | str) -> pa.Array:
    """``'value' predicate`` for each value; a blank value leaves the predicate alone."""
    text = pc.binary_join_element_wise("'", pc.fill_null(values, ""), "' ", predicate, "")
    return pc.if_else(pc.equal(pc.fill_null(values, ""), ""), predicate, text)


def field_problems(
    findings: Sequence[RowFinding],
    table: TableData,
    *,
    entity: Entity,
    field: str,
    records: tuple[Codes, Codes, Codes],
) -> Iterator[ProblemTable]:
    """Problems of one field. ``records``: (row index into ``table``, customer, record) of every record made from a row.

    The same wrong text of the same record is told once, at its first row.
    """
    rows, customers, numbers = records
    for found in findings:
        texts = np.full(len(table), -1, np.int64)
        texts[found.at] = found.numbers
        chosen = np.flatnonzero((texts[rows] >= 0) & (numbers >= 0))
        frame = pd.DataFrame({"record": numbers[chosen], "text": texts[rows[chosen]]})
        chosen = chosen[~frame.duplicated().to_numpy()]
        if not len(chosen):
            continue
        at = rows[chosen]
        which = texts[at]
        told = {int(number): found.finding.texts(int(number)) for number in np.unique(which)}
        predicates = pa.array([told[int(number)][0] for number in which], pa.string())
        cells = table.cells(found.reference, at)
        names = table.names(found.reference)
        yield ProblemTable.build(
            len(chosen),
            severity=found.finding.severity,
            code=found.finding.code,
            customer=customers[chosen],
            entity=entity,
            record=numbers[chosen],
            field=field,
            row=table.rows[at],
            column=names[0] if names else None,
            value=cells.to_pandas(types_mapper=pd.ArrowDtype),
            message=quoted(pc.utf8_trim_whitespace(cells), predicates).to_pandas(types_mapper=pd.ArrowDtype),
            hint=[told[int(number)][1] for number in which],
        )


def row_problems(
    table: TableData, at: Codes, *, code: str, reference: str | None, message: str | pa.Array, hint: str
) -> ProblemTable:
    """Errors about whole rows that are rejected alone; ``message`` may follow the cell of ``reference``."""
    names = table.names(reference) if reference else ()
    cells = table.cells(reference, at) if reference else pa.nulls(len(at), pa.string())
    return ProblemTable.build(
        len(at),
        severity=Severity.ERROR,
        code=code,
        row=table.rows[at],
        column=names[0] if names else None,
        value=cells.to_pandas(types_mapper=pd.ArrowDtype),
        message=message.to_pandas(types_mapper=pd.ArrowDtype) if isinstance(message, pa.Array) else message,
        hint=hint,
    )
