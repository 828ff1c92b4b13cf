"""The parts' frames as those of the whole: texts stay where they lie on disk, numbers count over all parts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from importer.mapping.apply import in_order
from importer.partitions.partition import Part
from importer.partitions.scratch import read_frame
from importer.partitions.worker import Made, field_rows
from importer.tables import CHANGE_DTYPES, ENTITIES, Entity, Entry, FieldOrigin, Sources

__all__ = ["merged_changes", "merged_columns", "merged_entries", "merged_field_rows", "merged_frame", "merged_problems"]

Positions = npt.NDArray[np.int64]
Ordering = Mapping[int, Mapping[str, Sequence[str]]]
_KEY = ["code", "entity", "field", "table", "column"]


def merged_columns(made: Sequence[Made]) -> dict[Entity, tuple[tuple[str, Any], ...]]:
    """The columns that each entity's frame has in any part, as they stand in the whole, with their types."""
    found: dict[Entity, tuple[tuple[str, Any], ...]] = {}
    for entity in ENTITIES:
        kinds = {name: kind for one in made for name, kind in one.columns[entity]}
        found[entity] = tuple((name, kinds[name]) for name in in_order(entity, kinds))
    return found


def merged_entries(made: Sequence[Made], orders: Ordering) -> tuple[Entry, ...]:
    """The entries with all fields and columns that they have in any part.

    ``orders``: number of an entry → field → the order of its columns, where not every part knows all of them.
    """
    return tuple(
        _entry([one.entries[number] for one in made], orders.get(number, {})) for number in range(len(made[0].entries))
    )


def _entry(entries: Sequence[Entry], orders: Mapping[str, Sequence[str]]) -> Entry:
    names = dict.fromkeys(name for entry in entries for name in entry.fields)
    busy = {name: [e.fields[name] for e in entries if name in e.fields and name not in e.idle] for name in names}
    idle = {name: [e.fields[name] for e in entries if name in e.fields] for name in names if not busy[name]}
    fields = {name: _origin((busy | idle)[name], orders.get(name, ())) for name in names}
    return replace(entries[0], fields=fields, idle=tuple(name for name in entries[0].idle if name in idle))


def _origin(origins: Sequence[FieldOrigin], order: Sequence[str]) -> FieldOrigin:
    if all(origin == origins[0] for origin in origins):
        return origins[0]
    columns = dict.fromkeys(column for origin in origins for column in origin.columns)
    ordered = [column for column in order if column in columns]
    return replace(origins[0], columns=tuple(dict.fromkeys((*ordered, *columns))))


def merged_field_rows(parts: Sequence[Part], made: Sequence[Made]) -> dict[str, Positions]:
    """Where customer fields stand that do not always stand in the first row; by row positions of the whole."""
    names = dict.fromkeys(name for one in made for name in one.field_rows)
    if not names:
        return {}
    found: dict[str, list[Positions]] = {name: [] for name in names}
    for part in parts:
        own, rows = field_rows(part), part.share.rows
        start = None
        for name, positions in found.items():
            if name not in own and start is None:
                start = read_frame(part.path("customer.made"))["_row"].to_numpy()
            positions.append(rows[own.get(name, start)])
    return {name: np.concatenate(positions) for name, positions in found.items()}


def merged_frame(parts: Sequence[Part], entity: Entity, suffix: str) -> pd.DataFrame:
    """An entity's frame over all parts."""
    frames = [read_frame(part.path(f"{entity}.{suffix}"), numbers=False) for part in parts]
    return pd.concat(frames, ignore_index=True)


def merged_problems(parts: Sequence[Part], counts: Sequence[Mapping[Entity, int]], suffix: str) -> pd.DataFrame:
    """The problems of all parts, in their order. ``counts``: the rows of each part's frames."""
    frames = []
    before = dict.fromkeys(ENTITIES, 0)
    for part, own in zip(parts, counts, strict=True):
        frame = read_frame(part.path(f"problems.{suffix}"))
        records, entity = frame["record"].to_numpy(), frame["entity"]
        shift = np.zeros(len(frame), np.int64)
        for name in ENTITIES:
            shift[(entity == name).fillna(False).to_numpy(np.bool_)] = before[name]
            before[name] += own[name]
        frames.append(frame.assign(record=np.where(records < 0, -1, records + shift)))
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
