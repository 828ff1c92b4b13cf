"""How its steps made a record: the source cells of each field, what each step did, the value, and the problems."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from importer.mapping.apply import in_api_order
from importer.mapping.columns import Column
from importer.mapping.field_parts import LIST_SEPARATOR
from importer.mapping.table_rows import find_column, source_reference
from importer.mapping.trace import READ, RESULT, StepTrace, TraceRecorder
from importer.run_folder import Stage
from importer.tables import Entity, EntityTables, FieldOrigin, Positions, Sources, plain_lines

_MOST_ROWS = 5  # per field, if its problems are in different rows than its value
_MADE = {"reference_id": "made id", "type": "each type"}  # what changes a field besides the steps of a row
_CHOSEN = {"is_default": "chosen default"}  # the same for changes during validation
Values = dict[str, Any]


@dataclass(frozen=True)
class Retraced:
    """The rows of some customers, mapped again without the other rows.

    ``rows``: their positions among all rows. ``row_customers``: each row's customer, numbered among these customers.
    ``lines``: the rows that each record comes from. ``used``: by row, the columns that records have a value from.
    """

    sources: Sources
    tables: EntityTables
    recorder: TraceRecorder
    rows: Positions
    row_customers: Positions
    lines: dict[tuple[Entity, int], set[int]]
    used: dict[int, set[str]]


@dataclass(frozen=True)
class TracedCustomer:
    """A customer that was mapped again: its position in ``stage``, and its ``body`` if it is valid."""

    stage: Stage
    customer: int
    made: Retraced
    body: Values | None

    @cached_property
    def problems(self) -> list[dict[str, Any]]:
        """The customer's problems. ``row`` is a position among the rows that were mapped again, or -1."""
        frame = self.stage.problems.frame
        own = frame[(frame["customer"] == self.customer).to_numpy(np.bool_)]
        rows = own["row"].to_numpy(np.int64)
        local = np.searchsorted(self.made.rows, rows)
        inside = np.append(self.made.rows, -2)[local] == rows
        return plain_lines(own.assign(row=np.where(inside, local, -1)))

    def cell(self, row: int, reference: str) -> dict[str, Any] | None:
        """The cell of a column in one of the customer's rows, if it is filled."""
        table, place = self.made.sources.table_of(row)
        header = find_column(source_reference(reference), table.frame.columns)
        if header is None:
            return None
        text = table.cells(header, np.array([place]))[0].as_py()
        return {**self.place(row), "column": header, "text": text} if text and text.strip() else None

    def place(self, row: int) -> dict[str, Any]:
        table, place = self.made.sources.table_of(row)
        return {"source": table.name, "row": int(table.row_numbers[place])}

    def described(self, problem: dict[str, Any]) -> dict[str, Any]:
        place = self.place(problem["row"]) if problem["row"] >= 0 else {"source": None, "row": None}
        return (
            {name: problem[name] for name in ("severity", "code", "message", "hint")}
            | place
            | {"column": problem["column"]}
        )


@dataclass(frozen=True)
class Record:
    """A record: its ``number`` when mapped again, its ``place`` in the final frame (-1: left out), its first ``row``.

    Its values: ``mapped``, as the steps made them; ``validated``, after validation and policies; ``sent``, in the body.
    """

    of: TracedCustomer
    entity: Entity
    number: int
    place: int
    entry: int
    row: int
    mapped: Values
    validated: Values | None
    sent: Values | None

    def plain(self, number: int | None) -> dict[str, Any]:
        """The record as JSON values. ``number``: its number among the customer's records of this kind."""
        origins = self.of.made.tables.entries[self.entry].fields
        names = dict.fromkeys((*origins, *self.mapped, *(self.sent or {})))
        rows = sorted({self.row, *self.of.made.lines.get((self.entity, self.number), ())})
        return {
            "entity": self.entity,
            "number": number,
            "rows": [self.of.place(row) for row in rows],
            "left_out": self.validated is None,
            "fields": [self._field(name, origins.get(name)) for name in in_api_order(self.entity, names)],
            "problems": [
                self.of.described(one) for one in self.of.problems if self._is_about(one) and not one["field"]
            ],
        }

    def _is_about(self, problem: dict[str, Any]) -> bool:
        return bool(problem["entity"] == self.entity and problem["record"] == self.place >= 0)

    def _field(self, name: str, origin: FieldOrigin | None) -> dict[str, Any]:
        own = [one for one in self.of.problems if one["entity"] == self.entity and one["field"] == name]
        value_rows = self.of.made.tables.customer_field_rows if self.entity == "customer" else {}
        row = int(value_rows[name][self.number]) if name in value_rows else self.row
        about_it = [one for one in own if self._is_about(one)]
        rows = list(dict.fromkeys([row, *(one["row"] for one in about_it if one["row"] >= 0)]))[:_MOST_ROWS]
        log = self._log(name)
        cells = [cell for at in rows for cell in self._cells(log, origin, at)]
        steps = [step for at in rows for step in self._steps(log, at)]
        columns = {*(origin.columns if origin is not None else ()), *(cell["column"] for cell in cells)}
        about_it += [
            one for one in own
            if one not in about_it and one["row"] in rows and one["column"] in columns
        ]  # fmt: skip
        steps += self._later_changes(name, origin, self._given(log, row))
        return {
            "field": name,
            "cells": cells,
            "steps": steps,
            "value": (self.sent or {}).get(name),
            "problems": [self.of.described(one) for one in about_it],
        }

    def _log(self, name: str) -> list[StepTrace]:
        """What the steps of a field did. For a customer's reference ID, this includes the steps of its key."""
        names = {name, "key"} if (self.entity, name) == ("customer", "reference_id") else {name}
        return [step for step in self.of.made.recorder.entries[self.entry][1] if step.field in names]

    def _index(self, row: int) -> int | None:
        """The index of a row in the table for which the record's fields were evaluated."""
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
        if at is None:  # a row of a different table that has only a problem
            return
        for one in log:
            before, after = _text(one.before, at), _text(one.after, at)
            same = isinstance(before, list) and before == [after] * len(before)
            if before != after and not same:
                cell = self.of.cell(row, one.reference) if one.reference else None
                column = None if cell is None else cell["column"]
                yield {"step": one.step, "row": self.of.place(row)["row"], "column": column} | _change(before, after)

    def _given(self, log: Sequence[StepTrace], row: int) -> Any:
        """The result of the steps in the row of the value."""
        at = self._index(row)
        results = [one for one in log if one.step != READ]
        parts = [one for one in log if one.step == RESULT] if any(one.field == "key" for one in log) else results[-1:]
        if at is None or not parts:
            return None
        texts = [_text(one.after, at) for one in parts]
        return texts[0] if len(texts) == 1 else texts

    def _later_changes(self, name: str, origin: FieldOrigin | None, given: Any) -> Iterator[dict[str, Any]]:
        """What changed the value of a field after its steps, deduced from the values before and after."""
        mapped = _plain(self.mapped.get(name), given)
        if mapped != given:
            yield {"step": _MADE.get(name, "merged"), "row": None, "column": None} | _change(given, mapped)
        if self.validated is None:
            return
        validated = _plain(self.validated.get(name), given)
        if validated != mapped:
            looked_up = origin is not None and origin.lookup is not None
            word = "lookup" if looked_up else _CHOSEN.get(name, "checked") if validated is not None else "left out"
            yield {"step": word, "row": None, "column": None} | _change(mapped, validated)
        sent = _plain((self.sent or {}).get(name), given)
        if self.of.body is not None and sent != validated:
            word = "company_name" if name == "display_name" else "lookup"
            yield {"step": word, "row": None, "column": None} | _change(validated, sent)


def _change(before: Any, after: Any) -> dict[str, Any]:
    return {"before": before, "after": after}


def _text(column: Column, at: int) -> Any:
    """The text of a column in a row: a list if there are several, None if it is blank."""
    code = int(column.codes[at])
    text = column.values[code].as_py() if code >= 0 else None
    return text.split(LIST_SEPARATOR) if text is not None and LIST_SEPARATOR in text else text


def _plain(value: Any, given: Any) -> Any:
    """A value in the form that steps use: flags as text, and a list of one text as that text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list) and len(value) == 1 and not isinstance(given, list):
        return value[0]
    return value
