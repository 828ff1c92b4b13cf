"""How the mapping makes customers: the cells, the steps that ran on them, the values, and the bodies.

The same functions map their rows again and record their steps. The values are those of the whole run.
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pandas as pd

from importer.mapping.apply import build
from importer.mapping.table_rows import find_column
from importer.mapping.trace import TraceRecorder
from importer.partitions.partition import Partition, share_assignment
from importer.partitions.prepared_sources import PreparedSources
from importer.payload import write_payloads
from importer.run_folder import Stage
from importer.tables import (
    ATTRIBUTE_PREFIX,
    CHILD_ENTITIES,
    ENTITIES,
    CellCategory,
    Entity,
    EntityTables,
    Positions,
    chunked,
)
from importer.workflow.record_steps import Record, Retraced, TracedCustomer, Values

_BODY_KEYS = {entity: key for key, entity in CHILD_ENTITIES.items()}
Roles = Mapping[str, Mapping[str, CellCategory]]


def customer_steps(work: PreparedSources, stage: Stage, customers: Iterable[int]) -> Iterator[dict[str, Any]]:
    """Yield what each rule did for some customers: items for ``customers`` in the result of ``preview``.

    ``customers``: their positions in ``stage``, which is ``work`` after it was validated.
    """
    wanted = np.array([*customers], np.int64)
    part = np.searchsorted([one.first for one in work.partitions], wanted, side="right") - 1
    found: dict[int, dict[str, Any]] = {}
    for number in np.unique(part).tolist():
        partition, own = work.partitions[number], np.unique(wanted[part == number])
        made = _retrace(work, partition, own - partition.first)
        for local, customer in enumerate(own.tolist()):
            steps = _CustomerSteps(stage, customer, made, _body(stage, customer, work), local)
            found[customer] = steps.plain(work.rules.roles)
    yield from (found[customer] for customer in wanted.tolist())


def _retrace(work: PreparedSources, partition: Partition, customers: Positions) -> Retraced:
    share = partition.share.only(customers)
    sources, recorder = partition.sources(share.rows), TraceRecorder()
    assignment = share_assignment(share, work.loaded.mapping, sources)
    tables, _, cells = build(work.loaded, assignment, sources, country=work.options.country, recorder=recorder)
    lines: dict[tuple[Entity, int], set[int]] = {}
    used: dict[int, set[str]] = {}
    for one, source in ((entry, source) for entry in cells for source in entry.fields):
        for row, record, given in zip(one.rows.tolist(), one.records.tolist(), source.given.tolist(), strict=True):
            if record >= 0:
                lines.setdefault((one.entity, record), set()).add(row)
                used.setdefault(row, set()).update(source.references if given else ())
    return Retraced(sources, tables, recorder, share.rows, share.customers, lines, used)


def _body(stage: Stage, customer: int, work: PreparedSources) -> Values | None:
    """The customer's body as it would be sent; None if it is rejected."""
    if stage.rejected[customer]:
        return None
    keep = np.zeros(len(stage.rejected), np.bool_)
    keep[customer] = True
    file = io.BytesIO()
    write_payloads(stage.tables, keep, file, unresolved_lookups=work.options.lookups is None, hashed=False)
    body: Values = orjson.loads(file.getvalue())
    return body


@dataclass(frozen=True)
class _CustomerSteps(TracedCustomer):
    """``local``: the customer's number among the customers that were mapped again together."""

    local: int

    def plain(self, roles: Roles) -> dict[str, Any]:
        """The customer as JSON values. ``roles``: see ``CellRules``."""
        frame = self.stage.tables.customers.iloc[[self.customer]]
        records = [record for entity in ENTITIES for record in self.records(entity)]
        return {
            "reference_id": chunked(frame["reference_id"]).to_pylist()[0],
            "company_name": chunked(frame["company_name"]).to_pylist()[0] if "company_name" in frame else None,
            "status": "rejected" if self.stage.rejected[self.customer] else "valid",
            "rows": [self.place(row) for row in np.flatnonzero(self.made.row_customers == self.local).tolist()],
            "records": records,
            "problems": self.other_problems(records),
            "other_cells": self.other_cells(records, roles),
            "body": self.body,
        }

    def records(self, entity: Entity) -> Iterator[dict[str, Any]]:
        """The customer itself, its addresses, or its contacts, in the order in which they are sent."""
        frame, final = self.made.tables.frame(entity), self.stage.tables.frame(entity)
        own = frame["_customer"].to_numpy(np.int64) == self.local if entity != "customer" else None
        records = [self.local] if own is None else np.flatnonzero(own).tolist()
        places = _final_places(self.stage.tables, self.customer, entity, frame.iloc[records], self.made.rows)
        kept = [place for place in places if place is not None]
        mapped, validated = _values(frame, records), dict(zip(kept, _values(final, kept), strict=True))
        sent = validated
        if self.body is not None:
            bodies = [self.body] if entity == "customer" else self.body.get(_BODY_KEYS[entity], [])
            sent = dict(zip(kept, map(_flat, bodies), strict=True))
        for number, (record, place) in enumerate(zip(records, places, strict=True)):
            after = (None, None) if place is None else (validated[place], sent[place])
            entry, row = int(frame["_entry"].iloc[record]), int(frame["_row"].iloc[record])
            one = Record(self, entity, record, -1 if place is None else place, entry, row, mapped[number], *after)
            yield one.plain(None if entity == "customer" else number + 1)

    def other_problems(self, records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The problems that neither a record nor a field of a record shows."""
        places = (each for record in records for each in (record, *record["fields"]))
        shown = [_same(one) for each in places for one in each["problems"]]
        return [described for one in self.problems if _same(described := self.described(one)) not in shown]

    def other_cells(self, records: Sequence[dict[str, Any]], roles: Roles) -> list[dict[str, Any]]:
        """The filled cells of the customer's rows that no record has a value from, each with its category."""
        fields = (each for record in records for each in record["fields"])
        shown = {(cell["source"], cell["row"], cell["column"]) for each in fields for cell in each["cells"]}
        found: list[dict[str, Any]] = []
        for row in np.flatnonzero(self.made.row_customers == self.local).tolist():
            table, _ = self.made.sources.table_of(row)
            headers = table.frame.columns
            used = {find_column(reference, headers) for reference in self.made.used.get(row, ())}
            cells = filter(None, (self.cell(row, name) for name in headers if name not in used))
            rest = (cell for cell in cells if (cell["source"], cell["row"], cell["column"]) not in shown)
            found += [{**cell, "category": roles[table.name][cell["column"]]} for cell in rest]
        return found


def _values(frame: pd.DataFrame, records: Sequence[int]) -> list[Values]:
    """The values of these records, without blanks."""
    lines = frame.iloc[list(records)]
    columns = {str(name): chunked(lines[name]).to_pylist() for name in frame if not str(name).startswith("_")}
    each = (zip(columns, line, strict=True) for line in zip(*columns.values(), strict=True))
    return [{name: value for name, value in line if value is not None} for line in each]


def _flat(body: Values) -> Values:
    """The fields of a record of a body, without the records that belong to it."""
    own = {name: value for name, value in body.items() if name not in {*CHILD_ENTITIES, "attributes"}}
    return own | {f"{ATTRIBUTE_PREFIX}{one['name']}": one["value"] for one in body.get("attributes", [])}


def _final_places(
    tables: EntityTables, customer: int, entity: Entity, frame: pd.DataFrame, rows: Positions
) -> list[int | None]:
    """The position in the final frame of each record that was mapped again; None if it was left out."""
    if entity == "customer":
        return [customer]
    final = tables.frame(entity)
    first, last = np.searchsorted(final["_customer"].to_numpy(), [customer, customer + 1]).tolist()
    known = {key: first + number for number, key in enumerate(_keys(final.iloc[first:last], None))}
    return [known.get(key) for key in _keys(frame, rows)]


def _keys(frame: pd.DataFrame, rows: Positions | None) -> Iterator[tuple[Any, ...]]:
    """What distinguishes a customer's children: the row and the entry that each comes from, and its type."""
    first = frame["_row"].to_numpy(np.int64)
    kinds = chunked(frame["type"]).to_pylist() if "type" in frame else [None] * len(frame)
    return zip((first if rows is None else rows[first]).tolist(), frame["_entry"].tolist(), kinds, strict=True)


def _same(problem: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(problem[name] for name in ("code", "source", "row", "column", "message"))
