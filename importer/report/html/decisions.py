"""The values that somebody has to agree to: what stands in the source, and what is sent for it."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.report.html.customers import cut
from importer.report.model import ReportInput
from importer.report.taking import taken
from importer.tables import Entity, FieldOrigin

__all__ = ["inventory"]

VALUES = 100  # of a field
_DECISIONS: tuple[tuple[str, str, Entity, str], ...] = (
    ("payment_term", "Payment terms", "customer", "customers"),
    ("payment_mode", "Payment modes", "customer", "customers"),
    ("assigned_sales_rep_ids", "Sales reps", "customer", "customers"),
    ("assigned_price_list_id", "Price lists", "customer", "customers"),
    ("shipping_method", "Shipping methods", "customer", "customers"),
    ("freight_term", "Freight terms", "customer", "customers"),
    ("country", "Countries", "address", "addresses"),
)


def inventory(report: ReportInput) -> list[dict[str, Any]]:
    """The distinct words of these fields with what is sent for them, and how many customers or addresses have them.

    ``values``: (words of the source, what is sent: None for nothing, ``""`` for the words themselves, how many). All
    customers are counted, the rejected ones too.
    """
    parts = []
    for field, title, entity, plural in _DECISIONS:
        frame = report.tables.frame(entity)
        if field not in frame:
            continue
        sent = _sent(pa.array(frame[field]))
        words = pc.coalesce(_words(report, entity, field), sent)
        found, blank = _counted(words, sent)
        if found:
            parts.append(
                {
                    "title": title,
                    "field": field,
                    "of": plural,
                    "columns": list(_columns(report, entity, field)),
                    "values": found[:VALUES],
                    "more": max(len(found) - VALUES, 0),
                    "blank": blank,
                    "translated": any(text != "" for _, text, _ in found[:VALUES]),
                }
            )
    return parts


def _sent(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """What is sent for each record, in one text; null for nothing."""
    values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if not pa.types.is_list(values.type):
        return values.cast(pa.string())
    joined = pc.binary_join(values, ", ")
    return pc.if_else(pc.equal(joined, ""), None, joined)


def _counted(words: pa.Array, sent: pa.Array) -> tuple[list[tuple[str, str | None, int]], int]:
    """(words, what is sent, how many), the most frequent first; and how many records have neither."""
    pairs = pa.table({"words": words, "sent": sent}).group_by(["words", "sent"], use_threads=False)
    counts: Counter[tuple[str, str | None]] = Counter()
    blank = 0
    for line in pairs.aggregate([([], "count_all")]).to_pylist():
        if line["words"] is None:
            blank += line["count_all"]
            continue
        same = line["sent"] == line["words"]
        counts[cut(line["words"]), "" if same else line["sent"] and cut(line["sent"])] += line["count_all"]
    found = [(text, sent_, count) for (text, sent_), count in counts.items()]
    return sorted(found, key=lambda item: (-item[2], item[0], item[1] or "")), blank


def _words(report: ReportInput, entity: Entity, field: str) -> pa.Array:
    """What stands in the cells that each record's field comes from; null where they are blank, or none."""
    frame = report.tables.frame(entity)
    rows, entries = frame["_row"].to_numpy(np.int64), frame["_entry"].to_numpy(np.int64)
    if entity == "customer" and field in report.tables.customer_field_rows:
        own = report.tables.customer_field_rows[field]
        rows = np.where(own >= 0, own, rows)
    table, local = report.sources.split(np.maximum(rows, 0))
    group = np.where(rows < 0, -1, entries * len(report.sources.tables) + table)
    order = np.argsort(group, kind="stable")
    parts = [pa.nulls(0, pa.string())]
    for chosen in np.split(order, np.flatnonzero(np.diff(group[order])) + 1) if len(order) else []:
        cells = []
        if group[chosen[0]] >= 0:
            origin = report.tables.entries[int(entries[chosen[0]])].fields.get(field, FieldOrigin())
            source = report.sources.tables[int(table[chosen[0]])].frame
            names = [name for name in origin.columns if name in source.columns]
            cells = [pc.utf8_trim_whitespace(taken(source[name], local[chosen])) for name in names]
        parts.append(_joined(cells, len(chosen)))
    back = np.empty(len(order), dtype=np.int64)
    back[order] = np.arange(len(order))
    return pa.concat_arrays(parts).take(pa.array(back))


def _joined(cells: list[pa.Array], count: int) -> pa.Array:
    text = pa.array([""] * count, pa.string())
    for cell in cells:
        gap = pc.if_else(pc.or_(pc.equal(text, ""), pc.equal(cell, "")), "", ", ")
        text = pc.binary_join_element_wise(text, cell, gap)
    return pc.if_else(pc.equal(text, ""), None, text)


def _columns(report: ReportInput, entity: Entity, field: str) -> Iterator[str]:
    entries = [entry for entry in report.tables.entries if entry.entity == entity and field in entry.fields]
    yield from dict.fromkeys(column for entry in entries for column in entry.fields[field].columns)
