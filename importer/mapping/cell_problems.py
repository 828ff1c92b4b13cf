"""Turns findings and changes on rows into problems of records and counts of changed cells."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.mapping.columns import Codes, Mask
from importer.mapping.field_parts import LIST_SEPARATOR, Evaluated
from importer.mapping.table_rows import TableData, find_column, source_reference
from importer.mapping.transform_results import OF_CELLS, RowChange, RowFinding
from importer.records import Severity
from importer.tables import CHANGE_DTYPES, Entity, ProblemTable, Sources

ChangedFields = tuple[Entity, Mapping[str, Iterable[RowChange]], TableData, Mask]  # see count_changes


def cell_problems(table: TableData, at: Codes, reference: str, **columns: Any) -> ProblemTable:
    """Problems of one column on the rows ``at``, each with its cell; ``columns`` as for ``ProblemTable.build``."""
    names = table.names(reference)
    texts = {"value": table.cells(reference, at), **columns}
    arrays = {name: text for name, text in texts.items() if isinstance(text, pa.Array)}
    texts |= {name: pd.Series(pd.arrays.ArrowExtensionArray(text)) for name, text in arrays.items()}
    return ProblemTable.build(len(at), row=table.rows[at], column=names[0] if names else None, **texts)


def column_warning(
    table: TableData, at: Codes, reference: str, code: str, message: str, hint: str
) -> Iterator[ProblemTable]:
    """One warning about the cells of a column on the rows ``at``, at the first of them; nothing if there are none."""
    if len(at):
        texts = {"severity": Severity.WARNING, "code": code, "message": message, "hint": hint}
        yield cell_problems(table, at[:1], reference, **texts)


def unrepeated(records: Codes, texts: Codes) -> Codes:
    """The places where each pair of a record and a text's number is first; neither number is negative."""
    pairs = records * (texts.max(initial=0) + 1) + texts
    return np.sort(np.unique(pairs, return_index=True)[1])


def _quoted(values: pa.Array, predicate: pa.Array | str) -> pa.Array:
    """``'value' predicate`` for each value; a blank value leaves the predicate alone."""
    values = pc.fill_null(values, "")
    return pc.if_else(pc.equal(values, ""), predicate, pc.binary_join_element_wise("'", values, "' ", predicate, ""))


def field_problems(
    findings: Sequence[RowFinding], table: TableData, entity: Entity, field: str, records: tuple[Codes, Codes, Codes]
) -> Iterator[ProblemTable]:
    """Problems of one field. ``records``: (row index into ``table``, customer, record) of every record made from a row.

    The same wrong text of the same record is reported once, at its first row.
    """
    rows, customers, numbers = records
    for found in findings:
        texts = np.full(len(table), -1, np.int64)
        texts[found.at] = found.numbers
        chosen = np.flatnonzero((texts[rows] >= 0) & (numbers >= 0))
        if not len(chosen):
            continue
        chosen = chosen[unrepeated(numbers[chosen], texts[rows[chosen]])]
        at = rows[chosen]
        distinct, which = np.unique(texts[at], return_inverse=True)
        pairs = [found.finding.texts(int(number)) for number in distinct]
        predicates, hints = (pa.array(own, pa.string()).take(pa.array(which)) for own in zip(*pairs, strict=True))
        cells = pc.utf8_trim_whitespace(table.cells(found.reference, at))
        yield cell_problems(
            table,
            at,
            found.reference,
            severity=found.finding.severity,
            code=found.finding.code,
            customer=customers[chosen],
            entity=entity,
            record=numbers[chosen],
            field=field,
            message=_quoted(cells, predicates),
            hint=hints,
        )


def extension_problems(
    found: Evaluated,
    table: TableData,
    entity: Entity,
    field: str,
    records: tuple[Codes, Codes, Codes],
    target: str | None,
) -> Iterator[ProblemTable]:
    """For each phone with an extension an info that the attribute ``target`` gets it, or a warning that it is dropped.

    ``records`` as for :func:`field_problems`.
    """
    rows, customers, numbers = records
    assert found.extension is not None
    outcome = " is left out" if target is None else f" goes to {target!r}"
    for reference, at in found.by_reference(rows):
        own = np.isin(rows, at)
        extensions = found.extension.take(rows[own]).to_arrow()
        yield cell_problems(
            table,
            rows[own],
            reference,
            severity=Severity.WARNING if target is None else Severity.INFO,
            code="phone_extension_dropped" if target is None else "phone_extension_split",
            customer=customers[own],
            entity=entity,
            record=numbers[own],
            field=field,
            message=pc.binary_join_element_wise("extension ", extensions, outcome, ""),
            hint="To keep it, set an attribute in the mapping: `extension_to: Phone Extension`."
            if target is None
            else "",
        )


def count_changes(sources: Sources, entries: Iterable[ChangedFields]) -> pd.DataFrame:
    """The columns of ``EntityTables.changes``: one example for each source column, field and code, by first cell.

    ``entries``: for each entry of the mapping the changes of its fields, on these rows of its table; text that stands
    for nothing, and what was taken off keys, on all. A cell that goes to two records of a kind counts once.
    """
    lines: dict[tuple[str, Entity, str, int, str], list[tuple[Codes, str | None, str | None]]] = defaultdict(list)
    for entity, fields, table, chosen in entries:
        for name, change in ((name, change) for name, changes in fields.items() for change in changes):
            at = np.flatnonzero(change.hits() & (chosen | (change.code in OF_CELLS)))
            if not len(at):
                continue
            rows, reference = table.rows[at], source_reference(change.reference)
            source = sources.split(rows)[0]
            for number in np.unique(source).tolist():
                own = np.flatnonzero(source == number)
                text = int(change.codes[at[own[0]]])
                column = find_column(reference, sources.tables[number].headers) or reference
                before, after = (_as_list(texts[text].as_py()) for texts in (change.before, change.after))
                lines[change.code, entity, name, number, column].append((rows[own], before, after))
    data = []
    for (code, entity, name, _, column), found in lines.items():
        rows, before, after = min(found, key=lambda line: int(line[0][0]))
        count = len(rows) if len(found) == 1 else len(np.unique(np.concatenate([line[0] for line in found])))
        data.append((code, entity, name, column, count, int(rows[0]), before, after))
    data.sort(key=lambda line: (line[5], *line[:4]))
    return pd.DataFrame(data, columns=list(CHANGE_DTYPES)).astype(CHANGE_DTYPES)


def _as_list(text: str | None) -> str | None:
    """A text with commas between the items of a list."""
    return None if text is None else text.replace(LIST_SEPARATOR, ", ")
