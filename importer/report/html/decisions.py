"""The values that somebody has to agree to: what stands in the source, and what is sent for it."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from importer.report.html.customers import cut_all
from importer.report.model import ReportInput
from importer.report.words import DECISIONS, Decision, summed

__all__ = ["inventory"]

VALUES = 100  # of a field


def inventory(report: ReportInput) -> list[dict[str, Any]]:
    """The distinct words of these fields with what is sent for them, and how many customers or addresses have them.

    ``values``: (words of the source, what is sent: None for nothing, ``""`` for the words themselves, how many). All
    customers are counted, the rejected ones too.
    """
    parts = []
    for decision in DECISIONS:
        counts = report.word_counts.get(decision.field)
        if counts is None:
            continue
        blank = pc.sum(counts.filter(pc.is_null(counts["words"]))["count"]).as_py() or 0
        found = _ranked(counts.filter(pc.is_valid(counts["words"])))
        if len(found):
            values = [(line["words"], line["sent"], line["count"]) for line in found.slice(0, VALUES).to_pylist()]
            parts.append(
                {
                    "title": decision.title,
                    "field": decision.field,
                    "of": decision.plural,
                    "columns": list(_columns(report, decision)),
                    "values": values,
                    "more": max(len(found) - VALUES, 0),
                    "blank": blank,
                    "translated": any(text != "" for _, text, _ in values),
                }
            )
    return parts


def _ranked(counts: pa.Table) -> pa.Table:
    """The counts of words as long as the page can bear, the most frequent first."""
    shown = [cut_all(counts[name]) for name in ("words", "sent")]
    found = summed(pa.table([*shown, counts["count"]], names=["words", "sent", "count"]))
    keys = found.set_column(1, "sent", pc.fill_null(found["sent"], ""))
    return found.take(pc.sort_indices(keys, [("count", "descending"), ("words", "ascending"), ("sent", "ascending")]))


def _columns(report: ReportInput, decision: Decision) -> Iterator[str]:
    entries = [
        entry for entry in report.tables.entries if entry.entity == decision.entity and decision.field in entry.fields
    ]
    yield from dict.fromkeys(column for entry in entries for column in entry.fields[decision.field].columns)
