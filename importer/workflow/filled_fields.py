"""What a mapping makes of whole sources: how full each field is, which columns it leaves, customers to look at."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from importer.records import Severity
from importer.run_folder import Stage
from importer.tables import CELL_CATEGORIES, CHILD_ENTITIES, ENTITIES, Entity, Positions

_SHOWN = 3  # customers


def filled_fields(stage: Stage) -> dict[Entity, dict[str, Any]]:
    """For each entity its number of ``records``, and for each of its ``fields`` how many have it, from which columns.

    A field without columns is a constant of the mapping, or made by the program.
    """
    found: dict[Entity, dict[str, Any]] = {}
    for entity in ENTITIES:
        frame = stage.tables.frame(entity)
        origins = [entry.fields for entry in stage.tables.entries if entry.entity == entity]
        fields = []
        for name in (str(name) for name in frame.columns if not str(name).startswith("_")):
            columns = dict.fromkeys(column for own in origins if name in own for column in own[name].columns)
            filled = int(frame[name].notna().sum())
            fields.append({"field": name, "filled": filled, "columns": list(columns)})
        found[entity] = {"records": len(frame), "fields": fields}
    return found


def unused_columns(stage: Stage) -> list[dict[str, Any]]:
    """The columns that the mapping does not mention, by source, with how many cells of data rows are filled."""
    cells = stage.tables.cells
    sums = cells[list(CELL_CATEGORIES)].sum(axis=1)
    counts = dict(zip(zip(cells["table"], cells["column"], strict=True), sums, strict=True))
    return [
        {"source": table.name, "column": column, "filled": int(counts.get((number, column), 0))}
        for number, table in enumerate(stage.sources.tables)
        for column in stage.tables.unused_columns.get(table.name, ())
    ]


def typical_customers(stage: Stage) -> dict[int, str]:
    """Up to three customers of different shape, by position, and why each is shown.

    One with the most addresses and contacts, one with the fewest, and one that is rejected, or else has problems.
    """
    count = len(stage.tables.customers)
    sizes = {entity: _per_customer(stage, entity, count) for entity in CHILD_ENTITIES.values()}
    total = sum(sizes.values(), np.zeros(count, np.int64))
    chosen: dict[int, str] = {}
    for customer, why in _wanted(stage, total):
        if customer not in chosen:
            chosen[customer] = why.format(address=sizes["address"][customer], contact=sizes["contact"][customer])
        if len(chosen) == _SHOWN:
            break
    return chosen


def _per_customer(stage: Stage, entity: Entity, count: int) -> Positions:
    return np.bincount(stage.tables.frame(entity)["_customer"].to_numpy(np.int64), minlength=count).astype(np.int64)


def _wanted(stage: Stage, total: Positions) -> Iterator[tuple[int, str]]:
    """Customers and why to show them, the most telling first; the same one may come again."""
    has = "addresses: {address}, contacts: {contact}"
    troubled = _troubled(stage)
    valid = np.flatnonzero(~stage.rejected)
    if len(valid):
        yield int(valid[np.argmax(total[valid])]), f"the most addresses and contacts ({has})"
        fewest = [int(at) for at in valid[np.argsort(total[valid], kind="stable")] if at not in troubled]
        if total[valid].min() < total[valid].max():
            yield from ((at, f"the fewest addresses and contacts ({has})") for at in fewest[:1])
    yield from troubled.items()
    yield from ((int(at), f"one of the others ({has})") for at in np.argsort(total, kind="stable")[: 2 * _SHOWN])


def _troubled(stage: Stage) -> dict[int, str]:
    """The customer with the most serious problems, and which these are."""
    frame = stage.problems.frame
    owner, severities = frame["customer"].to_numpy(np.int64), frame["severity"].to_numpy()
    for severity, words in (
        (Severity.ERROR, "rejected (errors: {count})"),
        (Severity.WARNING, "has warnings ({count})"),
        (Severity.INFO, "has values that were changed or left out (notes: {count})"),
    ):
        own = owner[(owner >= 0) & (severities == str(severity))]
        if len(own):
            counts = np.bincount(own)
            return {int(np.argmax(counts)): words.format(count=int(counts.max()))}
    return {}
