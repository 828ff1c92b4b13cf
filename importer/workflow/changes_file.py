"""``changes.csv``: what an update would change, field by field, each with its source cell."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from importer.planner import FieldChange
from importer.report.report_files import write_csv
from importer.run_folder import RunFolder, Stage
from importer.tables import ATTRIBUTE_PREFIX, CHILD_ENTITIES, TEXT, Entity
from importer.validation.field_places import locate

_CHILDREN: Mapping[str, Entity] = {str(kind): entity for kind, entity in CHILD_ENTITIES.items()}
MOST_EXAMPLES = 3  # customers
MOST_FIELDS = 4  # of each
Spot = tuple[Entity, int, str]  # entity, record, field


def write_changes(
    folder: RunFolder, stage: Stage, planned: pd.DataFrame, changes: Mapping[str, Sequence[FieldChange]]
) -> None:
    """Write one line per change, if there are any; customers in the order of ``changes``. Raises :class:`OutputError`.

    ``planned``: ``reference_id, position`` of these customers at least.
    """
    if not changes:
        return
    positions = dict(zip(planned["reference_id"].tolist(), planned["position"].tolist(), strict=True))
    lines: list[tuple[str, FieldChange]] = [(name, change) for name, found in changes.items() for change in found]
    spots = [spot for name, found in changes.items() for spot in _spots(stage, positions[name], found)]
    data = {
        "reference_id": [name for name, _ in lines],
        "field": [change.path for _, change in lines],
        "before": [_text(change.before) for _, change in lines],
        "after": [_text(change.after) for _, change in lines],
        "place": _places(stage, spots),
    }
    write_csv(folder.file("changes.csv"), pd.DataFrame(data, dtype=TEXT))


def examples(changes: Mapping[str, Sequence[FieldChange]]) -> list[dict[str, Any]]:
    """The first few customers with the fields that change; no values, because a summary may be passed on."""
    return [
        {
            "reference_id": name,
            "fields": [change.path for change in found[:MOST_FIELDS]],
            "more": max(0, len(found) - MOST_FIELDS),
        }
        for name, found in list(changes.items())[:MOST_EXAMPLES]
    ]


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return None if value is None else str(value)


def _spots(stage: Stage, position: int, changes: Iterable[FieldChange]) -> list[Spot]:
    """Where each change of one customer stands in the tables."""
    spots: list[Spot] = []
    for change in changes:
        kind, *rest = change.where
        entity = _CHILDREN.get(kind)
        if entity is None:
            spots.append(("customer", position, _field(change.where)))
            continue
        name = change.child or rest[0]
        spots.append((entity, _child(stage.tables.frame(entity), position, name), _field(rest[1:])))
    return spots


def _field(where: Sequence[str]) -> str:
    return ATTRIBUTE_PREFIX + where[1] if where[0] == "attributes" else where[0]


def _child(frame: pd.DataFrame, position: int, name: str) -> int:
    owner = frame["_customer"].to_numpy()
    first, last = np.searchsorted(owner, [position, position + 1]).tolist()
    own = frame["reference_id"].iloc[first:last].tolist()
    return int(first + own.index(name))


def _places(stage: Stage, spots: Sequence[Spot]) -> list[str | None]:
    """``file!sheet:7 [Phone]`` for each spot; null where a field comes from no column."""
    found: list[str | None] = [None] * len(spots)
    groups: dict[tuple[Entity, str], list[int]] = {}
    for index, (entity, _, field) in enumerate(spots):
        groups.setdefault((entity, field), []).append(index)
    for (entity, field), indexes in groups.items():
        records = np.array([spots[index][1] for index in indexes], dtype=np.int64)
        places = locate(stage.tables, stage.sources, entity, field, records)
        for index, row, column in zip(indexes, places.rows.tolist(), places.columns.to_pylist(), strict=True):
            if row >= 0:
                found[index] = str(stage.sources.location(row, column))
    return found
