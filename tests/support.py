"""Builders shared by the tests of several packages."""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from importer.tables import (
    BOOLEAN,
    DEFAULT_STATED,
    ENTITIES,
    TEXT,
    TEXT_LIST,
    Entity,
    EntityTables,
    Entry,
    FieldOrigin,
    ProblemTable,
    Sources,
    SourceTable,
    arrow,
)
from importer.validation.contract import validate
from importer.validation.field_places import row_texts
from importer.validation.record_comparisons import OtherRecords, company_addresses, find_duplicates, same_ids

Record = Mapping[str, Any]


@cache
def api_document() -> dict[str, Any]:
    """The API's OpenAPI document."""
    path = Path(__file__).parents[1] / "importer/sandbox/openapi.yaml"
    document: dict[str, Any] = read_yaml(path)
    return document


def read_yaml(path: Path) -> Any:
    """The content of one of our own YAML files, read by the C loader if there is one."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def make_tables(
    customers: Sequence[Record],
    addresses: Sequence[Record] = (),
    contacts: Sequence[Record] = (),
    *,
    blank: Collection[str] = (),
    drop: Collection[str] = (),
    lookups: Mapping[str, str] | None = None,
    constants: Collection[str] = (),
    sheet: str | None = None,
) -> tuple[Sources, EntityTables]:
    """Sources and entity tables that belong together, one source row (from row 2 on) per record.

    A record's keys are the API's fields. Children give their customer's position as ``customer`` (default 0) and must
    be in that order. The source ``customers.csv`` has a column ``<entity> <field>`` for every field. Its cells are the
    record's values unless the record's ``cells`` say otherwise. ``blank``, ``constants`` (``<entity> <field>``), and
    ``drop`` (entities) set the policies; ``lookups`` maps field → kind.
    """
    given: dict[Entity, Sequence[Record]] = {"customer": customers, "address": addresses, "contact": contacts}
    cells: list[dict[str, str]] = []
    frames: dict[Entity, pd.DataFrame] = {}
    entries: list[Entry] = []
    for number, (entity, records) in enumerate(given.items()):
        fields = list(dict.fromkeys(key for record in records for key in record if key not in {"customer", "cells"}))
        columns: dict[str, Any] = {field: _column(field, [record.get(field) for record in records]) for field in fields}
        columns["_row"] = np.arange(len(records), dtype=np.int64) + len(cells)
        columns["_entry"] = np.full(len(records), number, dtype=np.int64)
        if entity != "customer":
            columns["_customer"] = np.array([record.get("customer", 0) for record in records], dtype=np.int64)
            columns[DEFAULT_STATED] = pd.Series(
                [record.get("is_default") is not None for record in records], dtype=BOOLEAN
            )
        frames[entity] = pd.DataFrame(columns, index=pd.RangeIndex(len(records)))
        for record in records:
            own = {**{field: record.get(field) for field in fields}, **record.get("cells", {})}
            cells.append({f"{entity} {field}": _cell(value) for field, value in own.items()})
        origins = {
            field: FieldOrigin(
                columns=() if f"{entity} {field}" in constants else (f"{entity} {field}",),
                blank_when_invalid=f"{entity} {field}" in blank,
                lookup=(lookups or {}).get(field),
            )
            for field in fields
        }
        entries.append(Entry(entity, entity, origins, drop_when_wrong=entity in drop))
    source = make_source("customers.csv", cells, sheet=sheet)
    owners = [*range(len(customers)), *(record.get("customer", 0) for record in (*addresses, *contacts))]
    rows = pd.DataFrame(
        {
            "customer": np.array(owners, dtype=np.int64),
            "skipped": pd.Series([None] * len(owners), dtype=TEXT),
            "rejected": np.zeros(len(owners), dtype=np.bool_),
        }
    )
    tables = EntityTables(frames["customer"], frames["address"], frames["contact"], tuple(entries), rows)
    return Sources((source,)), tables


def validate_all(tables: EntityTables, sources: Sources, **options: Any) -> ProblemTable:
    """What ``validate`` finds if the tables contain all customers."""
    found: dict[tuple[str, Entity], np.ndarray] = {}
    for entity in ENTITIES:
        if "reference_id" in tables.frame(entity):
            own = same_ids(arrow(tables.frame(entity)["reference_id"]))
            found |= {(code, entity): others for code, others in own.items()}
    found["customer_alike", "customer"] = find_duplicates(company_addresses(tables), len(tables.customers))
    shared = {}
    for (code, entity), others in found.items():
        records, frame = np.flatnonzero(others >= 0), tables.frame(entity)
        if len(records):
            places = row_texts(sources, frame["_row"].to_numpy()[others[records]])
            ids = arrow(frame["reference_id"].iloc[others[records]])
            shared[code, entity] = OtherRecords(records, places, ids)
    return validate(tables, sources, shared, **options)


def make_source(file: str, cells: Sequence[Mapping[str, str]], *, sheet: str | None = None) -> SourceTable:
    """A source table with these rows below one header row; cells that a row lacks are blank."""
    names = list(dict.fromkeys(name for row in cells for name in row))
    frame = pd.DataFrame({name: pd.Series([row.get(name, "") for row in cells], dtype=TEXT) for name in names})
    return SourceTable(
        file=file,
        sheet=sheet,
        frame=frame,
        row_numbers=np.arange(2, len(cells) + 2, dtype=np.int64),
        skipped=pd.DataFrame({"row": np.array([1], dtype=np.int64), "reason": ["header"]}),
        broken=np.zeros(len(cells), dtype=np.bool_),
    )


def _column(field: str, values: Sequence[Any]) -> "pd.Series[Any]":
    return pd.Series(values, dtype={"is_default": BOOLEAN, "assigned_sales_rep_ids": TEXT_LIST}.get(field, TEXT))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return ", ".join(value) if isinstance(value, list) else str(value)
