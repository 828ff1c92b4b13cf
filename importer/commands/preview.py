"""``preview``: what each rule of a mapping does to the rows of a file, step by step. Nothing is sent or written.

The object that it returns, and that ``--json`` prints, has

- ``command``, ``mapping``, ``sources`` (their names), and ``exit_code`` (0);
- ``fields``: entity → its ``records``, and its ``fields``, each with ``field``, ``filled``, and ``columns``;
  ``unused``: columns that the mapping does not mention, each with ``source``, ``column``, and ``filled``. Both are
  null with ``customer`` or ``row``;
- ``row``: null, or the ``source`` and ``row`` that was asked for, its ``state`` (``used``, ``skipped``,
  ``rejected``, ``no_data``), the ``reason`` (why it was skipped, or what it is instead, such as ``header``), and
  ``problems`` (of a row that was rejected alone);
- ``customers``: each with ``reference_id``, ``company_name``, ``why`` (it is shown), ``status`` (``valid`` or
  ``rejected``), ``rows``, ``records``, ``problems`` (of no record), ``other_cells`` (filled cells that no record
  has, each with its ``category`` as in reports), and ``body`` (null if it is rejected);
- a record: ``entity``, ``number`` (from 1; null for the customer itself), its ``rows``, ``left_out`` (by a rule),
  ``problems``, and ``fields``;
- a field: ``field``, its source ``cells`` (``source``, ``row``, ``column``, ``text``), the ``steps`` that changed
  something (``step``, ``row``, ``column``, ``before``, ``after``; text, a list of texts, or null), the ``value``
  in the body, and ``problems`` (``severity``, ``code``, ``message``, ``hint``, ``source``, ``row``, ``column``).
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from importer.errors import UsageError
from importer.partitions.prepared_sources import prepared
from importer.records import Severity
from importer.run_folder import Stage
from importer.settings import Options
from importer.tables import CELL_CATEGORIES, CHILD_ENTITIES, ENTITIES, Entity, Positions, SourceTable, plain_lines
from importer.wording import nearest
from importer.workflow.customer_steps import customer_steps
from importer.workflow.directory import load_lookups
from importer.workflow.open_sources import with_dates
from importer.workflow.timings import Timings, utc_now

_EXAMPLE = "Use a file and a row number, such as customers.csv:5, or book.xlsx!Sheet1:5."
_SHOWN = 3  # customers


def preview(
    options: Options,
    customer: str | None = None,
    row: str | None = None,
    *,
    began: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Load, map, and validate as a check does; show what the rules did to some customers. Nothing is written.

    ``customer``: a reference ID. ``row``: a source row, as ``FILE:N`` or ``FILE!SHEET:N``. Without either, the result
    has three customers, and how many records have each field. The module's docstring describes the result.

    Raises :class:`importer.errors.InputError` if a source or the mapping cannot be used, or if there is no such
    customer or row.
    """
    if customer is not None and row is not None:
        raise UsageError("--customer and --row cannot be combined", "Use one of them.")
    asked = None if row is None else _parsed(row)
    options = with_dates(options, utc_now())
    lookups = None if options.lookups is None else load_lookups(options.lookups)
    timings = Timings(began=began)
    with prepared(options, timings, hashed=False) as work:
        stage = work.validate(None if lookups is None else lookups.directory)
        about = None if asked is None else _row(stage, *asked)
        if about is not None:
            chosen = dict.fromkeys(about.pop("customers"), f"because it includes row {about['row']}")
        elif customer is not None:
            chosen = dict.fromkeys(_with_id(stage, customer), "")
        else:
            chosen = _typical_customers(stage)
        found = customer_steps(work, stage, chosen)
        shown = [{**one, "why": why or None} for one, why in zip(found, chosen.values(), strict=True)]
        if about is not None:
            place = {name: about[name] for name in ("source", "row")}
            for one in shown:
                one["records"] = [own for own in one["records"] if own["number"] is None or place in own["rows"]]
                one["other_cells"] = [cell for cell in one["other_cells"] if place.items() <= cell.items()]
        whole = customer is None and row is None
        return {
            "command": "preview",
            "mapping": work.loaded.name,
            "sources": [table.name for table in stage.sources.tables],
            "fields": _filled_fields(stage) if whole else None,
            "unused": _unused_columns(stage) if whole else None,
            "row": about,
            "customers": shown,
            "exit_code": 0,
        }


def _parsed(row: str) -> tuple[str, int]:
    """The source and the number in the text for a row. Raises :class:`UsageError`."""
    name, colon, number = row.rpartition(":")
    if not name or not colon or not number.isascii() or not number.isdecimal() or not int(number):
        raise UsageError(f"--row: {row!r} is not a row of a file", _EXAMPLE)
    return name, int(number)


def _with_id(stage: Stage, wanted: str) -> list[int]:
    """The positions of the customers with this reference ID. Raises :class:`UsageError` if there are none."""
    ids = stage.tables.customers["reference_id"]
    found = np.flatnonzero((ids == wanted.strip()).fillna(False).to_numpy(np.bool_)).tolist()
    if found:
        return found
    near = nearest(wanted, ids.dropna().tolist())
    guess = f"Did you mean {near[0]!r}? " if near else ""
    raise UsageError(
        f"--customer: the files have no customer {wanted!r}",
        f"{guess}Use a reference ID from the results.csv of `importer check`, or a row with --row.",
    )


def _row(stage: Stage, name: str, number: int) -> dict[str, Any]:
    """What became of a source row, and the positions of its ``customers``. Raises :class:`UsageError` if not found."""
    at = _table(stage.sources.tables, name)
    table = stage.sources.tables[at]
    about = {"source": table.name, "row": number, "reason": None, "problems": [], "customers": []}
    other = table.skipped[(table.skipped["row"] == number).to_numpy(np.bool_)]
    if len(other):
        return {**about, "state": "no_data", "reason": str(other["reason"].iloc[0])}
    place = np.flatnonzero(table.row_numbers == number)
    if not len(place):
        known = [*table.row_numbers[[0, -1]].tolist()] if len(table) else []
        rows = f"its data rows are {known[0]} to {known[1]}" if known else "it has no data rows"
        raise UsageError(f"--row: {table.name} has no row {number}", f"Check the number: {rows}.")
    position = int(stage.sources.offsets[at] + place[0])
    status = stage.tables.rows.iloc[position]
    if isinstance(status["skipped"], str):
        return {**about, "state": "skipped", "reason": status["skipped"]}
    if status["customer"] >= 0:
        return {**about, "state": "used", "customers": [int(status["customer"])]}
    return {**about, "state": "rejected", "problems": [*_row_problems(stage, table, number, position)]}


def _row_problems(stage: Stage, table: SourceTable, number: int, position: int) -> Iterable[dict[str, Any]]:
    """Why a row was rejected alone: by the mapping, or because it could not be read."""
    place = {"source": table.name, "row": number}
    frame = stage.problems.frame
    own = frame.loc[(frame["row"] == position).to_numpy(np.bool_), ["severity", "code", "message", "hint", "column"]]
    yield from ({**line, **place} for line in plain_lines(own))
    for one in stage.sources.problems:
        where = one.location
        if where is not None and (where.file, where.sheet, where.row) == (table.file, table.sheet, number):
            described = {"severity": str(one.severity), "code": one.code, "message": one.message, "hint": one.hint}
            yield {**described, "column": where.column, **place}


def _table(tables: tuple[SourceTable, ...], name: str) -> int:
    """The index of the source table whose name in reports is ``name`` or the end of it. Raises :class:`UsageError`."""
    found = [at for at, table in enumerate(tables) if name == table.name or name.endswith(f"/{table.name}")]
    found = found or [at for at, table in enumerate(tables) if name == table.file or name.endswith(f"/{table.file}")]
    if len(found) == 1:
        return found[0]
    names = [table.name for table in tables]
    if found:
        raise UsageError(f"--row: {name} has several sheets", f"Specify one: {', '.join(names[at] for at in found)}.")
    near = nearest(name, names, cutoff=0)
    raise UsageError(f"--row: there is no source {name!r}", f"Did you mean {near[0]!r}? {_EXAMPLE}")


def _filled_fields(stage: Stage) -> dict[Entity, dict[str, Any]]:
    """For each entity: the number of ``records``, and for each of its ``fields``, how many have it and its columns.

    A field without columns is a constant in the mapping, or is generated.
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


def _unused_columns(stage: Stage) -> list[dict[str, Any]]:
    """The columns that the mapping does not mention, by source, each with its number of filled cells in data rows."""
    cells = stage.tables.cells
    sums = cells[list(CELL_CATEGORIES)].sum(axis=1)
    counts = dict(zip(zip(cells["table"], cells["column"], strict=True), sums, strict=True))
    return [
        {"source": table.name, "column": column, "filled": int(counts.get((number, column), 0))}
        for number, table in enumerate(stage.sources.tables)
        for column in stage.tables.unused_columns.get(table.name, ())
    ]


def _typical_customers(stage: Stage) -> dict[int, str]:
    """Up to three customers that differ from each other: position → why the customer is shown.

    They are one with the most addresses and contacts, one with the fewest, and one that is rejected or has problems.
    """
    count = len(stage.tables.customers)
    customers = {entity: stage.tables.frame(entity)["_customer"] for entity in CHILD_ENTITIES.values()}
    sizes = {entity: np.bincount(own.to_numpy(np.int64), minlength=count) for entity, own in customers.items()}
    total = sum(sizes.values(), np.zeros(count, np.int64))
    chosen: dict[int, str] = {}
    for customer, why in _wanted(stage, total):
        if customer not in chosen:
            chosen[customer] = why.format(address=sizes["address"][customer], contact=sizes["contact"][customer])
        if len(chosen) == _SHOWN:
            break
    return chosen


def _wanted(stage: Stage, total: Positions) -> Iterator[tuple[int, str]]:
    """Customers and why to show them, the most informative first. Customers may be repeated."""
    has = " (addresses: {address}, contacts: {contact})" if total.any() else ""
    serious = _most_serious(stage)
    valid = np.flatnonzero(~stage.rejected)
    if len(valid):
        most = int(valid[np.argmax(total[valid])])
        yield most, f"because it has the most addresses and contacts{has}" if total[most] else "as an example"
        fewest = [int(at) for at in valid[np.argsort(total[valid], kind="stable")] if at not in serious]
        if total[valid].min() < total[valid].max():
            yield from ((at, f"because it has the fewest addresses and contacts{has}") for at in fewest[:1])
    yield from serious.items()
    yield from ((int(at), f"as another example{has}") for at in np.argsort(total, kind="stable")[: 2 * _SHOWN])


def _most_serious(stage: Stage) -> dict[int, str]:
    """The customer with the most serious problems, and words for these problems."""
    frame = stage.problems.frame
    owner, severities = frame["customer"].to_numpy(np.int64), frame["severity"].to_numpy()
    for severity, words in (
        (Severity.ERROR, "because it is rejected (errors: {count})"),
        (Severity.WARNING, "because it has warnings ({count})"),
        (Severity.INFO, "because it has values that were changed or left out (notes: {count})"),
    ):
        own = owner[(owner >= 0) & (severities == str(severity))]
        if len(own):
            counts = np.bincount(own)
            return {int(np.argmax(counts)): words.format(count=int(counts.max()))}
    return {}
