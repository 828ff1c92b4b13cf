"""Turn entity tables into the JSON bodies that are sent, and trace a body's field back to its record."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any, BinaryIO

import numpy as np
import orjson
import pandas as pd

from importer.errors import InternalError
from importer.records import content_hash
from importer.tables import (
    ATTRIBUTE_PREFIX,
    CHILD_ENTITIES,
    FIELDS,
    TEXT,
    TEXT_LIST,
    Entity,
    EntityTables,
    Mask,
    Positions,
    chunked,
)

_PATH = re.compile(r"[^.\[\]/]+")


def write_payloads(
    tables: EntityTables,
    keep: Mask,
    file: BinaryIO,
    *,
    unresolved_lookups: bool,
    hashed: bool = True,
    block_records: int = 20_000,
) -> pd.DataFrame:
    """Write the bodies of the customers that ``keep`` marks, one per line, in the order of their positions.

    Returns one line per body with ``position`` (int64, the customer's), ``reference_id`` and ``hash`` (TEXT, see
    :func:`content_hash`), and ``offset`` and ``length`` (int64, bytes in ``file``, without the newline, counted from
    the first byte written). Empty fields are omitted; ``display_name`` defaults to the company name. With
    ``unresolved_lookups``, values that are still to be looked up are written as ``{"$lookup": {kind: text}}``.
    Without ``hashed``, the hashes are null, which saves time. ``block_records`` (customers, addresses, and contacts)
    limits memory and does not affect the output. Raises :class:`InternalError` if a record lacks a required field.
    """
    offset = 0
    parts = []
    for positions in _blocks(tables, keep, block_records):
        bodies = _bodies(tables, positions, unresolved_lookups)
        lines = [orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE) for body in bodies]
        file.writelines(lines)
        ends = np.cumsum([0, *map(len, lines)], dtype=np.int64)
        hashes = [content_hash(line[:-1]) if hashed else None for line in lines]
        ids = tables.customers["reference_id"].take(positions).array
        columns = {"position": positions, "reference_id": ids, "hash": pd.Series(hashes, dtype=TEXT).array}
        parts.append(pd.DataFrame({**columns, "offset": ends[:-1] + offset, "length": np.diff(ends) - 1}))
        offset += int(ends[-1])
    return pd.concat(parts, ignore_index=True)


def _blocks(tables: EntityTables, keep: Mask, size: int) -> Iterator[Positions]:
    """Customer positions in blocks of about ``size`` records; one empty block if there are none."""
    positions = np.flatnonzero(keep)
    weight = np.ones(len(keep), dtype=np.int64)
    for entity in CHILD_ENTITIES.values():
        weight += np.bincount(tables.frame(entity)["_customer"].to_numpy(), minlength=len(keep))
    number = (np.cumsum(weight[positions]) - 1) // size
    yield from np.split(positions, np.flatnonzero(np.diff(number)) + 1)


def _bodies(tables: EntityTables, positions: Positions, unresolved: bool) -> Iterator[dict[str, Any]]:
    """The bodies of these customers as plain values, created one at a time."""
    children = {}
    for key, entity in CHILD_ENTITIES.items():
        owner = tables.frame(entity)["_customer"].to_numpy()
        first, last = np.searchsorted(owner, positions), np.searchsorted(owner, positions, side="right")
        counts = last - first
        at = np.repeat(first - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
        children[str(key)] = _lists(_records(tables, entity, at, unresolved), counts)
    return _records(tables, "customer", positions, unresolved, children)


def _lists(records: Iterator[dict[str, Any]], counts: Positions) -> Iterator[list[dict[str, Any]] | None]:
    """For each count, a list of the next ``count`` records; None if the count is 0."""
    return (list(islice(records, count)) or None for count in counts.tolist())


def _records(
    tables: EntityTables,
    entity: Entity,
    at: Positions,
    unresolved: bool,
    children: Mapping[str, Iterator[Any]] | None = None,
) -> Iterator[dict[str, Any]]:
    """Records with the fields that are not empty, in the order of the API's own example, ``attributes`` last."""
    frame = tables.frame(entity).take(at)
    for field in ("reference_id", "company_name") if entity == "customer" else ("reference_id",):
        if len(frame) and (field not in frame or frame[field].isna().any()):
            raise InternalError(f"{entity} without {field} reached the payload writer")
    columns: dict[str, Iterable[Any]] = {}
    for field in FIELDS[entity]:
        if field in frame:
            columns[field] = _values(tables, frame, field, unresolved)
        if field == "display_name":
            own = columns.get(field, [None] * len(frame))
            pairs = zip(own, columns["company_name"], strict=True)
            columns[field] = [company if name is None else name for name, company in pairs]
    columns |= children or {}
    if attributes := [name for name in frame.columns if name.startswith(ATTRIBUTE_PREFIX)]:
        columns["attributes"] = _attributes(frame[attributes])
    return (
        {name: value for name, value in zip(columns, line, strict=True) if value is not None}
        for line in zip(*columns.values(), strict=True)
    )


def _values(tables: EntityTables, frame: pd.DataFrame, field: str, unresolved: bool) -> list[Any]:
    """A column as plain values, with None for an empty list. If ``unresolved``, names to look up are ``$lookup``s."""
    values: list[Any] = chunked(frame[field]).to_pylist()
    if frame[field].dtype == TEXT_LIST:
        values = [value or None for value in values]
    origins = [entry.fields.get(field) for entry in tables.entries]
    kinds = [origin.lookup if origin and unresolved else None for origin in origins]
    if not any(kinds):
        return values
    lookup = cache(lambda kind, text: {"$lookup": {kind: text}})
    pairs = zip(values, (kinds[entry] for entry in frame["_entry"].tolist()), strict=True)
    return [
        value
        if value is None or kind is None
        else [lookup(kind, text) for text in value]
        if isinstance(value, list)
        else lookup(kind, value)
        for value, kind in pairs
    ]


def _attributes(frame: pd.DataFrame) -> list[list[dict[str, str]] | None]:
    """The attributes of each record, in the order of the columns; None for a record without any."""
    columns = {str(name).removeprefix(ATTRIBUTE_PREFIX): chunked(frame[name]).to_pylist() for name in frame}
    return [
        [{"name": name, "value": text} for name, text in zip(columns, line, strict=True) if text is not None] or None
        for line in zip(*columns.values(), strict=True)
    ]


def record_of(tables: EntityTables, customer: int, path: str) -> tuple[Entity, int, str | None] | None:
    """Map a field that the API names in a refusal to its entity, record position, and field.

    ``path`` is ``phone``, ``addresses[1].zip_code``, ``contacts.0.email``, ``/attributes/2/value``, with or without
    a leading ``data.`` or ``body.``; numbers count from 0 in the body as it was sent. The field is None if the path
    ends at a record or names a field that the record does not have. Returns None if there is no such record.
    """
    steps = _PATH.findall(path)
    if steps and steps[0] in {"data", "body"}:
        steps = steps[1:]
    if not steps:
        return None
    for key, entity in CHILD_ENTITIES.items():
        if steps[0] == key and len(steps) > 1:
            owner = tables.frame(entity)["_customer"].to_numpy()
            first, last = np.searchsorted(owner, [customer, customer + 1]).tolist()
            if not steps[1].isdecimal() or int(steps[1]) >= last - first:
                return None
            record = first + int(steps[1])
            return entity, record, _field_of(tables.frame(entity), entity, record, steps[2:])
    if not 0 <= customer < len(tables.customers):
        return None
    return "customer", customer, _field_of(tables.customers, "customer", customer, steps)


def _field_of(frame: pd.DataFrame, entity: Entity, record: int, steps: list[str]) -> str | None:
    if not steps:
        return None
    if steps[0] == "attributes" and len(steps) > 1 and steps[1].isdecimal():
        names = [name for name in frame.columns if name.startswith(ATTRIBUTE_PREFIX)]
        sent = [name for name in names if not pd.isna(frame[name].iloc[record])]
        return sent[int(steps[1])] if int(steps[1]) < len(sent) else None
    # The API's responses call the company name `name`.
    field = "company_name" if (entity, steps[0]) == ("customer", "name") else steps[0]
    return field if field in FIELDS[entity] else None
