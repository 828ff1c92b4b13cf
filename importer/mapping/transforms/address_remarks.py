"""Reads several parts of an address together: their new values, and remarks about one of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from importer.mapping.columns import Codes, Column, combine
from importer.mapping.field_parts import Evaluated
from importer.mapping.transform_results import RowFinding, failures
from importer.records import Severity


@dataclass(frozen=True)
class Remark:
    """What is reported about a part of an address. The words follow the cell's text."""

    code: str
    severity: Severity
    words: str | None = None
    hint: str = ""


def read_together(
    name: str,
    fields: Sequence[str],
    read: Callable[..., Any],
    evaluated: dict[str, Evaluated],
    columns: dict[str, Column],
    at: Codes,
    defaults: Column,
) -> tuple[dict[str, Evaluated], dict[str, Column]]:
    """The ``fields`` as ``read`` settles them, with its remarks at the cells of the field ``name``.

    ``columns`` are by candidate, ``at`` is each candidate's row. ``read`` takes the texts of the fields and of
    ``defaults``: the address's country or, if it has none, the default one (``"GB"`` or ``"GB|US"``). What it
    returns has the fields and ``remarks`` as attributes; without a remark nothing is changed.
    """
    found = evaluated.get(name)
    if found is None or not found.references or not len(at):
        return evaluated, columns
    blank = Column.blank(len(at))
    tuples, distinct = combine([*(columns.get(field, blank) for field in fields), defaults])
    texts = zip(*(column.to_arrow().to_pylist() for column in distinct), strict=True)
    addresses = [read(*own) for own in texts]
    remarks = [address.remarks for address in addresses]
    if not any(remarks):
        return evaluated, columns
    for field in fields:
        parts = [getattr(address, field) or None for address in addresses]
        column = Column.keyed(tuples, pa.array(parts, pa.string()))
        if field in columns or column.filled.any():
            columns = {**columns, field: column}
            evaluated = {field: replace(found, findings=(), changes=(), extension=None), **evaluated}
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
        yield from found.at_columns(RowFinding(at[here], tuples[here], finding, "", 0))
