"""Customers as the mapping makes them: the cells, the steps that ran on them, the values, and the bodies.

Their rows are mapped once more, by the same functions, which record their steps. The values are those of the whole run.
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import orjson
import pandas as pd

from importer.mapping.apply import build, in_order
from importer.mapping.columns import Column
from importer.mapping.field_parts import LIST_SEPARATOR
from importer.mapping.grouping.row_assignment import owners_of
from importer.mapping.table_rows import find_column, source_reference
from importer.mapping.trace import READ, RESULT, Recorder, StepTrace
from importer.partitions.partition import Partition
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
    FieldOrigin,
    Positions,
    Sources,
    chunked,
)

_MOST_ROWS = 5  # of a field, if its problems are in other rows than its value
_BODY_KEYS = {entity: key for key, entity in CHILD_ENTITIES.items()}
_OWN_WORDS = {  # what becomes of a field's value apart from its steps; the first where it is made from several
    "reference_id": "made id",
    "type": "each type",
    "is_default": "chosen default",
}

Values = dict[str, Any]
Roles = Mapping[str, Mapping[str, CellCategory]]


@dataclass(frozen=True)
class _Retraced:
    """Some customers' rows, mapped by themselves.

    ``rows``: their positions among all sources; ``owners``: the customer of each row, numbered among these.
    ``lines``: the rows that each record comes from; ``used``: rows and columns that records have a value from.
    """

    sources: Sources
    tables: EntityTables
    recorder: Recorder
    rows: Positions
    owners: Positions
    lines: dict[tuple[Entity, int], set[int]]
    used: set[tuple[int, str]]


def customer_steps(work: PreparedSources, stage: Stage, customers: Iterable[int]) -> Iterator[dict[str, Any]]:
    """Yield what each rule made of some customers: items of ``customers`` as ``commands.preview.preview`` has them.

    ``customers``: their positions in ``stage``, which is what ``work`` was settled to.
    """
    wanted = np.array([*customers], np.int64)
    part = np.searchsorted([one.first for one in work.partitions], wanted, side="right") - 1
    found: dict[int, dict[str, Any]] = {}
    for number in np.unique(part).tolist():
        partition, own = work.partitions[number], np.unique(wanted[part == number])
        made = _retrace(work, partition, own - partition.first)
        for local, customer in enumerate(own.tolist()):
            steps = _CustomerSteps(stage, customer, made, local, _body(stage, customer, work))
            found[customer] = steps.plain(work.rules.roles)
    yield from (found[customer] for customer in wanted.tolist())


def _retrace(work: PreparedSources, partition: Partition, customers: Positions) -> _Retraced:
    share = partition.share.only(customers)
    sources, recorder = partition.sources_of(share.rows), Recorder()
    owners = owners_of(share, work.loaded.mapping, sources)
    tables, _, cells = build(work.loaded, owners, sources, country=work.options.country, recorder=recorder)
    lines: dict[tuple[Entity, int], set[int]] = {}
    used: set[tuple[int, str]] = set()
    for one in cells:
        for row, record, given in zip(one.rows.tolist(), one.records.tolist(), one.given.tolist(), strict=True):
            if record >= 0:
                lines.setdefault((one.entity, record), set()).add(row)
                used.update((row, reference) for reference in one.references if given)
    return _Retraced(sources, tables, recorder, share.rows, share.customers, lines, used)


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
class _CustomerSteps:
    stage: Stage
    customer: int
    made: _Retraced
    local: int
    body: Values | None

    def plain(self, roles: Roles) -> dict[str, Any]:
        """The customer as JSON has it. ``roles``: see ``CellRules``."""
        frame = self.stage.tables.customers.iloc[[self.customer]]
        records = [record for entity in ENTITIES for record in self.records(entity)]
        return {
            "reference_id": chunked(frame["reference_id"]).to_pylist()[0],
            "company_name": chunked(frame["company_name"]).to_pylist()[0] if "company_name" in frame else None,
            "status": "rejected" if self.stage.rejected[self.customer] else "valid",
            "rows": [self.place(row) for row in np.flatnonzero(self.made.owners == self.local).tolist()],
            "records": records,
            "problems": self.other_problems(records),
            "other_cells": self.other_cells(records, roles),
            "body": self.body,
        }

    @cached_property
    def problems(self) -> list[dict[str, Any]]:
        """The customer's problems; ``row`` is a position among its own rows, or -1."""
        frame = self.stage.problems.frame
        own = frame[(frame["customer"] == self.customer).to_numpy(np.bool_)]
        rows = own["row"].to_numpy(np.int64)
        local = np.searchsorted(self.made.rows, rows)
        inside = np.append(self.made.rows, -2)[local] == rows
        columns = {str(name): chunked(own[name]).to_pylist() for name in own}
        columns["row"] = np.where(inside, local, -1).tolist()
        return [dict(zip(columns, line, strict=True)) for line in zip(*columns.values(), strict=True)]

    def records(self, entity: Entity) -> Iterator[dict[str, Any]]:
        """The customer itself, its addresses or its contacts, in the order in which they are sent."""
        frame, final = self.made.tables.frame(entity), self.stage.tables.frame(entity)
        own = frame["_customer"].to_numpy(np.int64) == self.local if entity != "customer" else None
        records = [self.local] if own is None else np.flatnonzero(own).tolist()
        places = _final_places(self.stage.tables, self.customer, entity, frame.iloc[records], self.made.rows)
        kept = [place for place in places if place is not None]
        mapped, settled = _values(frame, records), dict(zip(kept, _values(final, kept), strict=True))
        sent = settled if self.body is None else dict(zip(kept, self._sent(entity, self.body), strict=True))
        for number, (record, place) in enumerate(zip(records, places, strict=True)):
            after = (None, None) if place is None else (settled[place], sent[place])
            entry, row = int(frame["_entry"].iloc[record]), int(frame["_row"].iloc[record])
            one = _Record(self, entity, record, -1 if place is None else place, entry, row, mapped[number], *after)
            yield one.plain(None if entity == "customer" else number + 1)

    def _sent(self, entity: Entity, body: Values) -> list[Values]:
        if entity == "customer":
            return [_flat(body)]
        return [_flat(one) for one in body.get(_BODY_KEYS[entity], [])]

    def cell(self, row: int, reference: str) -> dict[str, Any] | None:
        """The cell of a column in one of the customer's rows, if it is filled."""
        tables, local = self.made.sources.split(np.array([row]))
        table = self.made.sources.tables[int(tables[0])]
        header = find_column(source_reference(reference), table.frame.columns)
        if header is None:
            return None
        text = table.cells(header, local)[0].as_py()
        return {**self.place(row), "column": header, "text": text} if text and text.strip() else None

    def place(self, row: int) -> dict[str, Any]:
        """Where one of the customer's rows is."""
        at = np.array([row])
        table = self.made.sources.tables[int(self.made.sources.split(at)[0][0])]
        return {"source": table.name, "row": int(self.made.sources.row_numbers(at)[0])}

    def told(self, problem: dict[str, Any]) -> dict[str, Any]:
        """A problem as it is shown."""
        place = self.place(problem["row"]) if problem["row"] >= 0 else {"source": None, "row": None}
        return (
            {name: problem[name] for name in ("severity", "code", "message", "hint")}
            | place
            | {"column": problem["column"]}
        )

    def other_problems(self, records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The problems that no record and no field of a record shows."""
        shown = [_same(one) for record in records for one in record["problems"]]
        shown += [_same(one) for record in records for each in record["fields"] for one in each["problems"]]
        return [told for one in self.problems if _same(told := self.told(one)) not in shown]

    def other_cells(self, records: Sequence[dict[str, Any]], roles: Roles) -> list[dict[str, Any]]:
        """The filled cells of the customer's rows that no record has a value from, each with what it counts as."""
        fields = (each for record in records for each in record["fields"])
        shown = {(cell["source"], cell["row"], cell["column"]) for each in fields for cell in each["cells"]}
        found: list[dict[str, Any]] = []
        for row in np.flatnonzero(self.made.owners == self.local).tolist():
            table = self.made.sources.tables[int(self.made.sources.split(np.array([row]))[0][0])]
            headers = table.frame.columns
            used = {find_column(reference, headers) for at, reference in self.made.used if at == row}
            cells = filter(None, (self.cell(row, name) for name in headers if name not in used))
            rest = (cell for cell in cells if (cell["source"], cell["row"], cell["column"]) not in shown)
            found += [{**cell, "category": roles[table.name][cell["column"]]} for cell in rest]
        return found


@dataclass(frozen=True)
class _Record:
    """A record: its ``number`` when mapped again, its ``place`` in the final frame (-1: left out), its first ``row``.

    Its values: ``mapped`` by the steps; ``settled`` by validation and policies; ``sent`` in the body.
    """

    of: _CustomerSteps
    entity: Entity
    number: int
    place: int
    entry: int
    row: int
    mapped: Values
    settled: Values | None
    sent: Values | None

    def plain(self, number: int | None) -> dict[str, Any]:
        origins = self.of.made.tables.entries[self.entry].fields
        names = dict.fromkeys((*origins, *self.mapped, *(self.sent or {})))
        rows = sorted({self.row, *self.of.made.lines.get((self.entity, self.number), ())})
        return {
            "entity": self.entity,
            "number": number,
            "rows": [self.of.place(row) for row in rows],
            "left_out": self.settled is None,
            "fields": [self._field(name, origins.get(name)) for name in in_order(self.entity, names)],
            "problems": [self.of.told(one) for one in self.of.problems if self._is_about(one) and not one["field"]],
        }

    def _is_about(self, problem: dict[str, Any]) -> bool:
        return bool(problem["entity"] == self.entity and problem["record"] == self.place >= 0)

    def _field(self, name: str, origin: FieldOrigin | None) -> dict[str, Any]:
        own = [one for one in self.of.problems if one["entity"] == self.entity and one["field"] == name]
        value_rows = self.of.made.tables.customer_field_rows if self.entity == "customer" else {}
        row = int(value_rows[name][self.number]) if name in value_rows else self.row
        mine = [one for one in own if self._is_about(one)]
        rows = list(dict.fromkeys([row, *(one["row"] for one in mine if one["row"] >= 0)]))[:_MOST_ROWS]
        log = self._log(name)
        cells = [cell for at in rows for cell in self._cells(log, origin, at)]
        steps = [step for at in rows for step in self._steps(log, at)]
        shown = {(cell["row"], cell["column"]) for cell in cells}
        mine += [
            one for one in own
            if one not in mine and one["row"] >= 0 and (self.of.place(one["row"])["row"], one["column"]) in shown
        ]  # fmt: skip
        steps += self._afterwards(name, origin, self._given(log, row))
        return {
            "field": name,
            "cells": cells,
            "steps": steps,
            "value": (self.sent or {}).get(name),
            "problems": [self.of.told(one) for one in mine],
        }

    def _log(self, name: str) -> list[StepTrace]:
        """What the steps of a field did; of a customer's id those of its key, unless it has a rule of its own."""
        names = {name, "key"} if (self.entity, name) == ("customer", "reference_id") else {name}
        return [step for step in self.of.made.recorder.entries[self.entry][1] if step.field in names]

    def _index(self, row: int) -> int | None:
        """The place of a row in the table on which the record's fields were evaluated."""
        rows = self.of.made.recorder.entries[self.entry][0].rows
        at = int(np.searchsorted(rows, row))
        return at if at < len(rows) and rows[at] == row else None

    def _cells(self, log: Sequence[StepTrace], origin: FieldOrigin | None, row: int) -> Iterator[dict[str, Any]]:
        at = self._index(row)
        references: Iterable[str] = origin.columns if origin is not None and not log else ()
        if at is not None:
            references = [*references, *(one.reference for one in log if one.step == READ and one.after.filled[at])]
        found = (self.of.cell(row, reference) for reference in dict.fromkeys(map(source_reference, references)))
        yield from filter(None, found)

    def _steps(self, log: Sequence[StepTrace], row: int) -> Iterator[dict[str, Any]]:
        at = self._index(row)
        if at is None:  # a row of another table, where only a problem is
            return
        for one in log:
            before, after = _text(one.before, at), _text(one.after, at)
            same = isinstance(before, list) and before == [after] * len(before)
            if before != after and not same:
                cell = self.of.cell(row, one.reference) if one.reference else None
                column = None if cell is None else cell["column"]
                yield {"step": one.step, "row": self.of.place(row)["row"], "column": column} | _change(before, after)

    def _given(self, log: Sequence[StepTrace], row: int) -> Any:
        """What the steps gave in the row of the value."""
        at = self._index(row)
        results = [one for one in log if one.step != READ]
        parts = [one for one in log if one.step == RESULT] if any(one.field == "key" for one in log) else results[-1:]
        if at is None or not parts:
            return None
        texts = [_text(one.after, at) for one in parts]
        return texts[0] if len(texts) == 1 else texts

    def _afterwards(self, name: str, origin: FieldOrigin | None, given: Any) -> Iterator[dict[str, Any]]:
        """What became of the value of a field after its steps, as seen by what there was before and after."""
        mapped = _plain(self.mapped.get(name), given)
        if mapped != given:
            yield {"step": _OWN_WORDS.get(name, "merged"), "row": None, "column": None} | _change(given, mapped)
        if self.settled is None:
            return
        settled = _plain(self.settled.get(name), given)
        if settled != mapped:
            looked_up = origin is not None and origin.lookup is not None
            word = "lookup" if looked_up else _OWN_WORDS.get(name, "checked") if settled is not None else "left out"
            yield {"step": word, "row": None, "column": None} | _change(mapped, settled)
        sent = _plain((self.sent or {}).get(name), given)
        if self.of.body is not None and sent != settled:
            word = "company_name" if name == "display_name" else "lookup"
            yield {"step": word, "row": None, "column": None} | _change(settled, sent)


def _change(before: Any, after: Any) -> dict[str, Any]:
    return {"before": before, "after": after}


def _text(column: Column, at: int) -> Any:
    """The text of a column in one row; a list if it is one, null if it is blank."""
    code = int(column.codes[at])
    text = column.values[code].as_py() if code >= 0 else None
    return text.split(LIST_SEPARATOR) if text is not None and LIST_SEPARATOR in text else text


def _plain(value: Any, given: Any) -> Any:
    """A value as steps have it: flags as text, and a list of one text as that text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list) and len(value) == 1 and not isinstance(given, list):
        return value[0]
    return value


def _values(frame: pd.DataFrame, records: Sequence[int]) -> list[Values]:
    """The values of some records that are not blank."""
    lines = frame.iloc[list(records)]
    columns = {str(name): chunked(lines[name]).to_pylist() for name in frame if not str(name).startswith("_")}
    each = (zip(columns, line, strict=True) for line in zip(*columns.values(), strict=True))
    return [{name: value for name, value in line if value is not None} for line in each]


def _flat(body: Values) -> Values:
    """A record of a body by field, without those that belong to it."""
    own = {name: value for name, value in body.items() if name not in {*CHILD_ENTITIES, "attributes"}}
    return own | {f"{ATTRIBUTE_PREFIX}{one['name']}": one["value"] for one in body.get("attributes", [])}


def _final_places(
    tables: EntityTables, customer: int, entity: Entity, frame: pd.DataFrame, rows: Positions
) -> list[int | None]:
    """For each record of the customer mapped by itself its position in the final frame; None if it was left out."""
    if entity == "customer":
        return [customer]
    final = tables.frame(entity)
    first, last = np.searchsorted(final["_customer"].to_numpy(), [customer, customer + 1]).tolist()
    known = {key: first + number for number, key in enumerate(_keys(final.iloc[first:last], None))}
    return [known.get(key) for key in _keys(frame, rows)]


def _keys(frame: pd.DataFrame, rows: Positions | None) -> Iterator[tuple[Any, ...]]:
    """What tells a customer's children apart: the row and the entry that each is from, and its type."""
    first = frame["_row"].to_numpy(np.int64)
    kinds = chunked(frame["type"]).to_pylist() if "type" in frame else [None] * len(frame)
    return zip((first if rows is None else rows[first]).tolist(), frame["_entry"].tolist(), kinds, strict=True)


def _same(problem: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(problem[name] for name in ("code", "source", "row", "column", "message"))
