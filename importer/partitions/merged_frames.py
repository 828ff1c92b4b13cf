"""The frames of all partitions as one: texts stay in their files, positions count over all partitions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from importer.mapping.apply import in_api_order
from importer.partitions.partition import Partition
from importer.partitions.scratch import read_frame
from importer.partitions.worker import Columns, Mapped
from importer.tables import CHANGE_DTYPES, ENTITIES, Entity, Entry, FieldOrigin, Positions, Sources

Ordering = Mapping[int, Mapping[str, Sequence[str]]]
_KEY = ["code", "entity", "field", "table", "column"]


def merged_columns(mapped: Sequence[Mapped]) -> Columns:
    """The columns that each entity's frame has in any partition, in their final order, with their types."""
    found = {}
    for entity in ENTITIES:
        kinds = {name: kind for one in mapped for name, kind in one.columns[entity].items()}
        found[entity] = {name: kinds[name] for name in in_api_order(entity, kinds)}
    return found


def merged_entries(mapped: Sequence[Mapped], orders: Ordering) -> tuple[Entry, ...]:
    """The entries with all fields and columns that they have in any partition.

    ``orders``: number of an entry → field → the order of its columns, where not every partition knows all of them.
    """
    by_entry = zip(*(one.entries for one in mapped), strict=True)
    return tuple(_merged_entry(own, orders.get(number, {})) for number, own in enumerate(by_entry))


def _merged_entry(entries: Sequence[Entry], orders: Mapping[str, Sequence[str]]) -> Entry:
    names = dict.fromkeys(name for entry in entries for name in entry.fields)
    busy = {name: [e.fields[name] for e in entries if name in e.fields and name not in e.idle] for name in names}
    idle = {name: [e.fields[name] for e in entries if name in e.fields] for name in names if not busy[name]}
    fields = {name: _merged_origin((busy | idle)[name], orders.get(name, ())) for name in names}
    return replace(entries[0], fields=fields, idle=tuple(name for name in entries[0].idle if name in idle))


def _merged_origin(origins: Sequence[FieldOrigin], order: Sequence[str]) -> FieldOrigin:
    if all(origin == origins[0] for origin in origins):
        return origins[0]
    columns = dict.fromkeys(column for origin in origins for column in origin.columns)
    ordered = [column for column in order if column in columns]
    return replace(origins[0], columns=tuple(dict.fromkeys((*ordered, *columns))))


def merged_field_rows(partitions: Sequence[Partition]) -> dict[str, Positions]:
    """The rows of customer fields that do not always come from the first row, by position among all rows."""
    known = [partition.read("field-rows") for partition in partitions]
    found: dict[str, list[Positions]] = {str(name): [] for own in known for name in own.columns}
    for partition, own in zip(partitions if found else (), known, strict=False):
        rows, first_rows = partition.share.rows, partition.read("customer.mapped")["_row"]
        for name, positions in found.items():
            positions.append(rows[own.get(name, first_rows).to_numpy()])
    return {name: np.concatenate(positions) for name, positions in found.items()}


def merged_frame(partitions: Sequence[Partition], name: str) -> pd.DataFrame:
    """A frame over all partitions."""
    return pd.concat([read_frame(one.path(name), numbers=False) for one in partitions], ignore_index=True)


def merged_problems(partitions: Sequence[Partition], counts: Sequence[Mapping[Entity, int]]) -> pd.DataFrame:
    """The final problems of all partitions, in their order. ``counts``: the records of each partition."""
    frames = []
    before = dict.fromkeys(ENTITIES, 0)
    for partition, own in zip(partitions, counts, strict=True):
        frame = partition.read("problems.final")
        records = frame["record"].to_numpy()
        shift = frame["entity"].map(before).fillna(0).to_numpy(np.int64)
        frames.append(frame.assign(record=np.where(records < 0, -1, records + shift)))
        before = {entity: before[entity] + own[entity] for entity in ENTITIES}
    return pd.concat(frames, ignore_index=True)


def merged_bodies(partitions: Sequence[Partition]) -> pd.DataFrame:
    """The place of each body in the file that has the bodies of all partitions."""
    frames, start = [], 0
    for partition in partitions:
        frame = partition.read("bodies")
        frames.append(frame.assign(position=frame["position"] + partition.first, offset=frame["offset"] + start))
        start += partition.path("payloads").stat().st_size
    return pd.concat(frames, ignore_index=True)


def merged_changes(frames: Iterable[pd.DataFrame], sources: Sources) -> pd.DataFrame:
    """One line for each source table, column, field and kind; each with its first cell, in the order of these."""
    lines = pd.concat(list(frames), ignore_index=True)
    lines["table"] = sources.split(lines["row"].to_numpy())[0]
    lines = lines.sort_values("row", kind="stable", ignore_index=True)
    lines["count"] = lines.groupby(_KEY, sort=False, dropna=False)["count"].transform("sum")
    lines = lines[~lines.duplicated(_KEY).to_numpy()]
    lines = lines.sort_values(["row", *_KEY], ignore_index=True)
    return lines[list(CHANGE_DTYPES)].astype(CHANGE_DTYPES)
