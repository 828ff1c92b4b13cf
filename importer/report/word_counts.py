"""The values in the source that someone has to confirm, with what is sent for them, counted over all records.

The counts of the parts of a source add up to those of the whole source.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.tables import Entity, EntityTables, FieldOrigin, Sources

WordCounts = Mapping[str, pa.Table]
LOOKED_UP = ("assigned_sales_rep_ids", "assigned_price_list_id")  # names in the source, IDs in WizCommerce


@dataclass(frozen=True)
class WordDecision:
    """A field whose values someone has to confirm."""

    field: str
    title: str
    entity: Entity


DECISIONS = (
    WordDecision("payment_term", "Payment terms", "customer"),
    WordDecision("payment_mode", "Payment modes", "customer"),
    WordDecision("assigned_sales_rep_ids", "Sales reps", "customer"),
    WordDecision("assigned_price_list_id", "Price lists", "customer"),
    WordDecision("shipping_method", "Shipping methods", "customer"),
    WordDecision("freight_term", "Freight terms", "customer"),
    WordDecision("country", "Countries", "address"),
)


def word_counts(sources: Sources, tables: EntityTables, problems: pd.DataFrame) -> WordCounts:
    """For each field in ``DECISIONS`` that a frame has: ``words`` of the source, what is ``sent`` for them, ``count``.

    Null ``words``: the record's cells are blank, and nothing is sent. ``sent`` is null if nothing is sent, and ``""``
    if the words themselves are. ``problems``: a customer whose rows contradict each other in a field is not counted for
    that field.
    """
    conflicts = problems[problems["code"] == "customer_conflict"]
    found: dict[str, pa.Table] = {}
    for decision in DECISIONS:
        frame = tables.frame(decision.entity)
        if decision.field in frame:
            sent = _sent(pa.array(frame[decision.field]))
            words = pc.coalesce(_words(sources, tables, decision), sent)
            unsettled = conflicts.loc[conflicts["field"] == decision.field, "record"]
            validated = pa.array(~np.isin(np.arange(len(frame)), unsettled))
            found[decision.field] = _counted(words.filter(validated), sent.filter(validated))
    return found


def names_of_ids(counts: WordCounts) -> dict[str, str]:
    """What the source calls the sales reps and price lists that were looked up: ID → most frequent name."""
    found: dict[str, str] = {}
    for field in (field for field in LOOKED_UP if field in counts):
        for line in counts[field].sort_by([("count", "descending")]).to_pylist():
            if line["sent"] and line["words"] and ", " not in line["sent"]:
                found.setdefault(line["sent"], line["words"])
    return found


def added(parts: Sequence[WordCounts]) -> WordCounts:
    fields = [one.field for one in DECISIONS if any(one.field in part for part in parts)]
    return {field: summed(pa.concat_tables([part[field] for part in parts if field in part])) for field in fields}


def summed(counts: pa.Table) -> pa.Table:
    """Sum the counts of lines with the same ``words`` and ``sent``; the order is that of first occurrence."""
    sums = counts.group_by(["words", "sent"], use_threads=False).aggregate([("count", "sum")])
    return sums.rename_columns(["words", "sent", "count"])


def _counted(words: pa.Array, sent: pa.Array) -> pa.Table:
    pairs = pa.table({"words": words, "sent": sent}).group_by(["words", "sent"], use_threads=False)
    counts = pairs.aggregate([([], "count_all")])
    same = pc.fill_null(pc.equal(counts["words"], counts["sent"]), False)
    sent = pc.if_else(same, "", counts["sent"])
    return summed(pa.table({"words": counts["words"], "sent": sent, "count": counts["count_all"]}))


def _sent(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """What is sent for each record, as one text; null for nothing."""
    values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if not pa.types.is_list(values.type):
        return values.cast(pa.string())
    joined = pc.binary_join(values, ", ")
    return pc.if_else(pc.equal(joined, ""), None, joined)


def _words(sources: Sources, tables: EntityTables, decision: WordDecision) -> pa.Array:
    """The text of the cells that the field of each record comes from; null if they are blank or there are none."""
    frame = tables.frame(decision.entity)
    rows, entries = frame["_row"].to_numpy(np.int64), frame["_entry"].to_numpy(np.int64)
    if decision.entity == "customer" and decision.field in tables.customer_field_rows:
        own = tables.customer_field_rows[decision.field]
        rows = np.where(own >= 0, own, rows)
    table, local = sources.split(np.maximum(rows, 0))
    group = np.where(rows < 0, -1, entries * len(sources.tables) + table)
    order = np.argsort(group, kind="stable")
    parts = [pa.nulls(0, pa.string())]
    for chosen in np.split(order, np.flatnonzero(np.diff(group[order])) + 1) if len(order) else []:
        cells = []
        if group[chosen[0]] >= 0:
            entry = tables.entries[int(entries[chosen[0]])]
            origin = entry.fields.get(decision.field, FieldOrigin())
            if decision.field in entry.taken_apart:  # the cell is a whole address, not a word
                origin = FieldOrigin()
            source = sources.tables[int(table[chosen[0]])]
            names = [name for name in origin.columns if name in source.frame.columns]
            cells = [pc.utf8_trim_whitespace(source.cells(name, local[chosen])) for name in names]
        parts.append(_joined(cells, len(chosen)))
    back = np.empty(len(order), dtype=np.int64)
    back[order] = np.arange(len(order))
    return pa.concat_arrays(parts).take(pa.array(back))


def _joined(cells: list[pa.Array], count: int) -> pa.Array:
    """The filled cells of each record, joined to one text; null if all are blank."""
    text = cells[0] if cells else pa.array([""] * count, pa.string())
    for cell in cells[1:]:
        gap = pc.if_else(pc.or_(pc.equal(text, ""), pc.equal(cell, "")), "", ", ")
        text = pc.binary_join_element_wise(text, cell, gap)
    return pc.if_else(pc.equal(text, ""), None, text)
