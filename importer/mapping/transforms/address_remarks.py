"""What is reported about a part of an address that is read together with its other parts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from importer.mapping.columns import Codes, Column
from importer.mapping.field_parts import Evaluated
from importer.mapping.transform_results import RowFinding, failures
from importer.records import Severity


@dataclass(frozen=True)
class Remark:
    """What is reported about a part of an address: the words follow the cell's text."""

    code: str
    severity: Severity
    words: str | None = None
    hint: str = ""


def with_remarks(
    name: str,
    parts: Mapping[str, Sequence[str | None]],
    remarks: Sequence[Sequence[Remark]],
    tuples: Codes,
    at: Codes,
    evaluated: dict[str, Evaluated],
    columns: dict[str, Column],
) -> tuple[dict[str, Evaluated], dict[str, Column]]:
    """The fields with new ``parts`` and with ``remarks``, at the cells of the field ``name``.

    ``tuples``: each candidate's number among the distinct addresses, which parts and remarks are given for; ``at``:
    each candidate's row.
    """
    found = evaluated[name]
    for own, texts in parts.items():
        column = Column.keyed(tuples, pa.array([text or None for text in texts], pa.string()))
        if own in columns or column.filled.any():
            columns = {**columns, own: column}
            evaluated = {own: replace(found, findings=(), changes=(), extension=None), **evaluated}
    findings = (*found.findings, *_findings(remarks, tuples, at, found))
    return {**evaluated, name: replace(found, findings=findings)}, columns


def _findings(remarks: Sequence[Sequence[Remark]], tuples: Codes, at: Codes, found: Evaluated) -> Iterator[RowFinding]:
    """The remarks of all addresses, one finding for each code."""
    each = [(number, remark) for number, own in enumerate(remarks) for remark in own]
    for code, severity in sorted({(remark.code, remark.severity) for _, remark in each}):
        own = {number: remark for number, remark in each if (remark.code, remark.severity) == (code, severity)}
        all_of_them = [own.get(number, Remark(code, severity)) for number in range(len(remarks))]
        words, hints = [one.words for one in all_of_them], [one.hint for one in all_of_them]
        (finding,) = failures(code, words, hints, severity)
        here = finding.chosen[tuples]
        number_of_row = np.full(int(at.max()) + 1, -1, np.int64)
        number_of_row[at[here]] = tuples[here]
        for reference, rows in found.by_reference(np.unique(at[here])):
            yield RowFinding(rows, number_of_row[rows], finding, reference, 0)
