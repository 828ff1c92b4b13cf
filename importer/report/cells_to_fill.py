"""What rejected rows offer to fill in: a list of valid values, and columns for the parts of an address.

In ``rejected.xlsx`` and ``rejected/``, these columns are beside the one with the whole address. The mapping reads them
first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from importer.catalogue.field_names import ADDRESS_PARTS, full_field_name, part_column
from importer.report.report_input import ReportInput
from importer.tables import Entry, Positions
from importer.wording import first_few, shortened

# Any text is valid in these fields; the values from the file or the mapping are suggestions.
_FREE = frozenset(f"customer {name}" for name in ("payment_term", "payment_mode", "freight_term", "shipping_method"))
_MOST_NAMED = 8  # of a list, in a note
_LONGEST_NAME = 40  # characters of each


@dataclass(frozen=True)
class PartColumns:
    """The columns to fill in beside ``column``: field → header. ``rows``: the row positions that need them."""

    column: str
    headers: dict[str, str]
    rows: Positions


def parts_to_fill(report: ReportInput) -> list[list[PartColumns]]:
    """For each source table, the columns to add; none if every address could be split into its parts.

    A column that the source already has is not added again.
    """
    found: list[list[PartColumns]] = [[] for _ in report.sources.tables]
    lost = _lost_addresses(report)
    for column, (fields, rows) in lost.items():
        table_of = report.sources.split(rows)[0]
        for number, table in enumerate(report.sources.tables):
            headers = {name: part_column(column, name) for name in ADDRESS_PARTS if name in fields}
            new = {name: header for name, header in headers.items() if header not in table.frame.columns}
            own = rows[table_of == number]
            if len(own) and new and column in table.frame.columns:
                found[number].append(PartColumns(column, new, own))
    return found


def _lost_addresses(report: ReportInput) -> dict[str, tuple[set[str], Positions]]:
    """Column with whole addresses → the fields that it gives, and the rows whose address is left out."""
    frame = report.problems.frame
    left_out = (frame["entity"] == "address").fillna(False).to_numpy(np.bool_)
    left_out &= (frame["record"].to_numpy() < 0) & (frame["customer"].to_numpy() >= 0) & (frame["row"].to_numpy() >= 0)
    problems = frame[left_out]
    columns, fields = (pa.array(problems[name]).to_pylist() for name in ("column", "field"))
    rows = problems["row"].to_numpy(np.int64)
    found: dict[str, tuple[set[str], Positions]] = {}
    for entry in report.tables.entries:
        home, own = _whole_columns(entry)
        if home is None:
            continue
        pairs = zip(columns, fields, strict=True)
        concerned = np.array([column in own and field in entry.taken_apart for column, field in pairs], bool)
        if concerned.any():
            known, before = found.get(home, (set(), np.empty(0, np.int64)))
            found[home] = known | set(entry.taken_apart), np.union1d(before, rows[concerned])
    return found


def _whole_columns(entry: Entry) -> tuple[str | None, set[str]]:
    """The first column whose whole addresses an entry splits (or None), and all columns that have parts of them."""
    columns: list[str] = []
    for name in ADDRESS_PARTS:
        if name in entry.taken_apart:
            columns += entry.fields[name].columns
    parts = {part_column(column, name) for column in columns for name in ADDRESS_PARTS}
    whole = [column for column in columns if column not in parts]
    return (whole[0] if whole else None), set(columns)


def with_parts(columns: Sequence[str], added: Sequence[PartColumns]) -> list[str]:
    """The columns, each followed by the columns to fill in for its parts."""
    beside = {parts.column: list(parts.headers.values()) for parts in added}
    return [name for column in columns for name in (column, *beside.get(column, ()))]


@dataclass(frozen=True)
class CellList:
    """A list of values that cells offer. ``open``: any other text is valid too, and is accepted without a question."""

    title: str
    names: Sequence[str]
    open: bool

    @property
    def hint(self) -> str:
        shown = first_few(self.names, _MOST_NAMED, text=lambda name: shortened(name, _LONGEST_NAME))
        rest = ". See the cell's drop-down list" if len(self.names) > _MOST_NAMED else ""
        return f"{'Used so far' if self.open else 'Valid'}: {shown}{rest}."


def cell_lists(report: ReportInput) -> dict[str, CellList]:
    """The lists by field: ``address country``."""
    return {
        kind: CellList(full_field_name(*kind.split(" ", 1)), names, kind in _FREE)
        for kind, names in report.choices.items()
        if names
    }


def listed_columns(report: ReportInput, lists: dict[str, CellList], parts: Sequence[PartColumns]) -> dict[str, str]:
    """Column → the field whose list its cells offer. ``parts``: the columns that are added for parts of addresses.

    A column that gives several fields with lists offers none of them.
    """
    found: dict[str, set[str]] = {}
    for entry in report.tables.entries:
        for name, origin in entry.fields.items():
            kind = f"{entry.entity} {name}"
            if kind in report.choices and name not in entry.taken_apart:
                for column in origin.columns:
                    found.setdefault(column, set()).add(kind)
            elif name in entry.taken_apart and name in ADDRESS_PARTS:
                for column in origin.columns:
                    found.setdefault(part_column(column, name), set()).add(f"part {name}")
    for added in parts:
        for name, header in added.headers.items():
            found.setdefault(header, set()).add(f"part {name}")
    return {column: kinds.pop() for column, kinds in found.items() if len(kinds) == 1 and kinds <= lists.keys()}
