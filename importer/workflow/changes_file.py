"""``changes.csv``: what updates would change, or have changed, field by field, with the source cell of each change."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from importer.ledger import Ledger, Run, Write, WriteState
from importer.planner import FieldChange
from importer.planner.readback import sent_values
from importer.report.report_files import write_csv
from importer.run_folder import RunFolder, Stage
from importer.sender.restoring import KINDS, updated_customers
from importer.tables import ATTRIBUTE_PREFIX, CHILD_ENTITIES, TEXT, Entity
from importer.validation.field_places import locate

_TOOK_EFFECT = frozenset({WriteState.DONE, WriteState.RESTORED, WriteState.KEPT})  # even if undone later
_CHILDREN: Mapping[str, Entity] = {str(kind): entity for kind, entity in CHILD_ENTITIES.items()}
MOST_EXAMPLES = 3  # customers
MOST_FIELDS = 4  # per customer
Spot = tuple[Entity, int, str]  # entity, record, field


def write_changes(
    folder: RunFolder, stage: Stage, planned: pd.DataFrame, changes: Mapping[str, Sequence[FieldChange]]
) -> None:
    """Write a line per change, if there are any, in the order of ``changes``. Raises :class:`OutputError`.

    ``planned``: ``reference_id, position`` of at least these customers.
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


def write_run_changes(folder: RunFolder, stage: Stage, ledger: Ledger, run: Run) -> None:
    """Write what the updates of a run changed, if the ledger still has the values.

    Raises :class:`LedgerError`, :class:`OutputError`.
    """
    changes: dict[str, list[FieldChange]] = {}
    positions: dict[str, int] = {}
    for customer, writes in updated_customers(ledger, run):
        if found := [change for write in writes for change in _made_by(write)]:
            changes[customer.item.reference_id] = found
            positions[customer.item.reference_id] = customer.item.position
    planned = pd.DataFrame({"reference_id": list(positions), "position": list(positions.values())})
    write_changes(folder, stage, planned, changes)


def _made_by(write: Write) -> list[FieldChange]:
    """The fields that a write changed; none if it had no effect, or its values were erased."""
    if write.state not in _TOOK_EFFECT or write.after is None:
        return []
    name = write.child_reference_id or write.child_id or ""
    place = (str(KINDS[write.entity]), name) if write.entity in KINDS else ()
    before, after = sent_values(write.before or {}), sent_values(write.after)
    return [FieldChange((*place, *path), before.get(path), after.get(path), name) for path in after | before]


def examples(changes: Mapping[str, Sequence[FieldChange]]) -> list[dict[str, Any]]:
    """The first few customers with the fields that change; without values, because a summary may be passed on."""
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
    """The record and field of each change of a customer in the tables."""
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
    """The record of a customer's child; -1 if the source does not use WizCommerce's ID for it."""
    owner = frame["_customer"].to_numpy()
    first, last = np.searchsorted(owner, [position, position + 1]).tolist()
    own = frame["reference_id"].iloc[first:last].tolist()
    return int(first + own.index(name)) if name in own else -1


def _places(stage: Stage, spots: Sequence[Spot]) -> list[str | None]:
    """``file!sheet:7 [Phone]`` for each spot; None if the field does not come from a column."""
    found: list[str | None] = [None] * len(spots)
    groups: dict[tuple[Entity, str], list[int]] = {}
    for index, (entity, _, field) in enumerate(spots):
        if spots[index][1] >= 0:
            groups.setdefault((entity, field), []).append(index)
    for (entity, field), indexes in groups.items():
        records = np.array([spots[index][1] for index in indexes], dtype=np.int64)
        places = locate(stage.tables, stage.sources, entity, field, records)
        for index, row, column in zip(indexes, places.rows.tolist(), places.columns.to_pylist(), strict=True):
            if row >= 0:
                found[index] = str(stage.sources.location(row, column))
    return found
