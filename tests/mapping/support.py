"""Applies small mappings to small tables, and returns the results as plain Python."""

import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np

from importer.mapping.apply import build, find_tables, review_columns
from importer.mapping.cell_problems import count_changes
from importer.mapping.grouping.row_assignment import assign_rows
from importer.mapping.language.mapping_files import LoadedMapping, load_mapping
from importer.partitions.all_partitions import merged_changes
from importer.records import Problem
from importer.tables import DEFAULT_STATED, SERVES_BOTH, Entity, EntityTables, ProblemTable, Sources, SourceTable
from tests.support import make_source

BASE = """
title: Test
key: Id
customer:
  company_name: {from: Name, optional: true}
"""


@dataclass(frozen=True)
class Mapped:
    """The result of a mapping: the tables, problems of records and rows, and notes about entire files."""

    tables: EntityTables
    problems: ProblemTable
    notes: tuple[Problem, ...]


def apply_mapping(loaded: LoadedMapping, sources: Sources, *, country: str | None = None) -> Mapped:
    """Customers, addresses, and contacts of all rows at once; a run makes them in partitions."""
    tables = find_tables(loaded.mapping, sources)
    assignment = assign_rows(loaded.mapping, tables, sources, loaded)
    made, problems, _ = build(loaded, assignment, sources, country=country)
    changes = merged_changes([count_changes(sources, assignment.changes), made.changes], sources)
    unused, notes = review_columns(loaded.mapping, tables, partial=False)
    every_problem = ProblemTable.concat([*assignment.problems, problems])
    return Mapped(replace(made, unused_columns=unused, changes=changes), every_problem, notes)


def loaded(text: str, folder: Path | None = None) -> LoadedMapping:
    """The mapping with this text; it stays in ``folder`` if one is given."""
    return _alone(text) if folder is None else _in(folder, text)


@cache
def _alone(text: str) -> LoadedMapping:
    with tempfile.TemporaryDirectory() as folder:
        return _in(Path(folder), text)


def _in(folder: Path, text: str) -> LoadedMapping:
    path = folder / "test.yaml"
    path.write_text(dedent(text), encoding="utf-8")
    return load_mapping(str(path))


def sheet(text: str, file: str = "customers.csv", **more: Any) -> SourceTable:
    """A table written as lines of cells between ``|``; the header is row 1."""
    header, *rows = [[cell.strip() for cell in line.split("|")] for line in dedent(text).strip().splitlines()]
    made = make_source(file, [dict(zip(header, row, strict=True)) for row in rows or [[""] * len(header)]])
    if not rows:
        made = replace(
            made, frame=made.frame.iloc[:0], row_numbers=made.row_numbers[:0], broken=np.empty(0, dtype=np.bool_)
        )
    return replace(made, **more)


def apply(mapping: str, *tables: SourceTable | str, country: str | None = None, folder: Path | None = None) -> Mapped:
    made = tuple(sheet(table) if isinstance(table, str) else table for table in tables)
    return apply_mapping(loaded(mapping, folder), Sources(made), country=country)


def records(mapped: Mapped, entity: Entity = "customer") -> list[dict[str, Any]]:
    """The records of an entity without nulls and internal columns; children keep their ``_customer``."""
    frame = mapped.tables.frame(entity)
    kept = [name for name in frame.columns if name not in {"_row", "_entry", DEFAULT_STATED, SERVES_BOTH}]
    return [{name: value for name, value in row.items() if filled(value)} for row in frame[kept].to_dict("records")]


def filled(value: Any) -> bool:
    return isinstance(value, list | np.ndarray) or (value == value and value is not None)  # noqa: PLR0124 - NaN and NA


def column(mapped: Mapped, name: str, entity: Entity = "customer") -> list[Any]:
    return [record.get(name) for record in records(mapped, entity)]


def problems(mapped: Mapped, *names: str) -> list[tuple[Any, ...]]:
    """Every problem as these columns of the problem table; ``row`` is the file's row number (one table only)."""
    wanted = names or ("code", "row", "column")
    frame = mapped.problems.frame.assign(row=mapped.problems.frame["row"] + 2)
    return list(frame[list(wanted)].itertuples(index=False, name=None))


def field(rule: str, cells: str, *, name: str = "display_name", country: str | None = None) -> Mapped:
    """Apply one customer field's rule to a table, which must have the key column ``Id``."""
    return apply(f"{BASE}  {name}: {rule}\n", cells, country=country)
