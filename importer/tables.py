"""The tables that stages pass on: source text with its places, the three entity tables, and problems in columns.

A *row position* numbers the data rows of all source tables of a run from 0, in order. Everything downstream refers to
source rows by it. ``Sources`` turns it into file, sheet, and row number.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from importer.records import Location, Problem, Severity

Entity = Literal["customer", "address", "contact"]
ChildKind = Literal["addresses", "contacts"]  # as in the API's bodies and paths
CHILD_ENTITIES: Mapping[ChildKind, Entity] = {"addresses": "address", "contacts": "contact"}
ENTITIES: tuple[Entity, ...] = ("customer", "address", "contact")
PLURALS: Mapping[Entity, str] = {"customer": "customers", "address": "addresses", "contact": "contacts"}

TEXT = pd.ArrowDtype(pa.string())
BOOLEAN = pd.ArrowDtype(pa.bool_())
TEXT_LIST = pd.ArrowDtype(pa.list_(pa.string()))

# The order is that of the API's own example, and bodies are written in it.
CUSTOMER_FIELDS: tuple[str, ...] = (
    "reference_id",
    "assigned_sales_rep_ids",
    "assigned_price_list_id",
    "company_name",
    "display_id",
    "display_name",
    "freight_term",
    "shipping_method",
    "payment_mode",
    "payment_term",
    "first_name",
    "last_name",
    "phone",
    "email",
)
ADDRESS_FIELDS: tuple[str, ...] = (
    "reference_id",
    "address_line_1",
    "city",
    "type",
    "first_name",
    "last_name",
    "phone",
    "email",
    "address_line_2",
    "state",
    "country",
    "zip_code",
    "is_default",
)
CONTACT_FIELDS: tuple[str, ...] = (
    "reference_id",
    "first_name",
    "last_name",
    "email",
    "phone",
    "designation",
    "is_default",
)
FIELDS: Mapping[Entity, tuple[str, ...]] = {
    "customer": CUSTOMER_FIELDS,
    "address": ADDRESS_FIELDS,
    "contact": CONTACT_FIELDS,
}
ATTRIBUTE_PREFIX = "attributes."
DEFAULT_STATED = "_default_stated"  # of addresses and contacts: is_default comes from the source
FORMER_ID = "_former_id"  # the reference ID that earlier versions made from the same cells, null if it is the same
SERVES_BOTH = "_serves_both"  # of addresses, until defaults are set: the same cells are an address of another type, too

# What happens to a filled cell; the first category that applies counts.
CellCategory = Literal[
    "skipped_row",
    "rejected_row",
    "sensitive",
    "blank_text",
    "used",
    "rule",
    "left_out",
    "passed_over",
    "unclaimed",
    "ignored",
    "unused",
]
CELL_CATEGORIES: tuple[CellCategory, ...] = get_args(CellCategory)

# The report and the loader agree on these, so that rejected rows can be fixed and imported again: the column that says
# what is wrong, and the workbook's sheet that explains how to fix it. That sheet is recognized by its title, in
# whichever cell it is. Under ``GUIDE_COLUMNS``, it lists the file and sheet that each other sheet's rows came from. In
# these constants, the second item is from old workbooks.
IMPORT_ERRORS = "import_errors"
GUIDE_TITLE = "How to fix this workbook (this sheet is never imported)"
GUIDE_TITLES = frozenset({GUIDE_TITLE, "How to mend this workbook (this sheet is never imported)"})
GUIDE_COLUMNS = (
    ("Sheet in this workbook", "File it came from", "Sheet it came from"),
    ("Sheet here", "File it came from", "Sheet it came from"),
)
# The text in a cell of that sheet before the ID of the run, plan, or check that wrote it.
GUIDE_RUNS = ("These rows are from the results folder ", "These rows were rejected by run ")
LISTS_TITLE = "What the drop-down lists offer (this sheet is never imported)"

Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def numbers_as_numpy(kind: pa.DataType) -> pd.ArrowDtype | None:
    """The type of a column from Arrow data: None (numpy's own type) for integers, as documented; otherwise Arrow's."""
    return None if pa.types.is_integer(kind) else pd.ArrowDtype(kind)


def no_lines(kinds: Mapping[str, Any]) -> pd.DataFrame:
    """A frame with these columns and no lines."""
    return pd.DataFrame({name: pd.array([], dtype=kind) for name, kind in kinds.items()})


def chunked(column: "pd.Series[Any]") -> pa.ChunkedArray:
    """A column as an Arrow array in chunks; Arrow's own columns are not copied."""
    data = pa.array(column)
    return data if isinstance(data, pa.ChunkedArray) else pa.chunked_array([data])


def arrow(column: "pd.Series[Any]") -> pa.Array:
    """A column as a single Arrow array."""
    return chunked(column).combine_chunks()


def plain_lines(frame: pd.DataFrame, blank: str | None = None) -> list[dict[str, Any]]:
    """The lines of a frame as plain values, with ``blank`` in place of nulls."""
    plain = frame.astype("object").where(frame.notna(), blank)
    return [dict(zip(plain.columns, line, strict=True)) for line in plain.itertuples(index=False, name=None)]


def take_rows(column: pa.ChunkedArray, at: Positions) -> pa.Array:
    """``column[at]`` as one array. Only the chunks that hold these cells are read, and chunks are not joined first."""
    ascending = bool((np.diff(at) >= 0).all())
    wanted, places = (at, None) if ascending else np.unique(at, return_inverse=True)
    pieces, start, low = [], 0, 0
    for chunk in column.chunks:
        high = low + int(np.searchsorted(wanted[low:], start + len(chunk)))
        if high > low:
            own = wanted[low:high] - start
            following = own[-1] - own[0] == high - low - 1 and bool((np.diff(own) == 1).all())
            pieces.append(chunk.slice(own[0], len(own)) if following else chunk.take(pa.array(own)))
        start, low = start + len(chunk), high
    found = pa.concat_arrays(pieces) if pieces else pa.array([], column.type)
    return found if places is None else found.take(pa.array(places))


@dataclass(frozen=True)
class SourceTable:
    """The data rows of one sheet or delimited file, as text.

    ``frame``: one ``TEXT`` column per source column, never null (a blank cell is ``""``), with nothing trimmed or
    inferred. A header that occurs twice becomes ``Phone`` and ``Phone#2``; a column without a header, ``Column 5`` (its
    position).
    ``row_numbers``: the 1-based number of each row as a spreadsheet shows it.
    ``skipped``: the records that are not data, with columns ``row`` (int64) and ``reason`` (str: ``title``, ``header``,
    ``blank``, ``total``, ``footer``, …).
    ``broken``: True for data rows that the loader rejects (each has a :class:`Problem` in ``Sources.problems``);
    they stay in ``frame`` so that they can be written back.
    ``secrets``: columns whose cells were emptied because such data must never leave the source; ``emptied``: for each
    such column, True for the rows whose cell was filled.
    ``details``: how the file was read (``encoding``, ``delimiter``, ``sha256``, ``bytes``, ``header_row`` …). For a
    sheet of fixed rows that was returned, also ``stands_for``, the file and sheet that they came from, and ``run``, the
    run that rejected them. With a mapping, also ``table``, the mapping's name for the table, ``key``, the headers of
    its key, and ``continued``, whether a row with a blank key belongs to the row above.
    ``stored``: an Arrow file that holds exactly ``frame``, if there is one.
    """

    file: str
    sheet: str | None
    frame: pd.DataFrame
    row_numbers: Positions
    skipped: pd.DataFrame
    broken: npt.NDArray[np.bool_]
    secrets: frozenset[str] = frozenset()
    details: Mapping[str, Any] = field(default_factory=dict)
    stored: Path | None = None
    emptied: Mapping[str, npt.NDArray[np.bool_]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.row_numbers)

    @property
    def name(self) -> str:
        """The table as reports name it: ``file`` or ``file!sheet``."""
        return self.file if self.sheet is None else f"{self.file}!{self.sheet}"

    @cached_property
    def headers(self) -> tuple[str, ...]:
        """The names of the columns, cached: reading them from the frame takes milliseconds if there are thousands."""
        return tuple(self.frame.columns)

    def column(self, name: str) -> pa.ChunkedArray:
        """The cells of a column."""
        return chunked(self.frame[name])

    def cells(self, name: str, rows: Positions) -> pa.Array:
        """The cells of a column in some of the table's rows, in any order."""
        return take_rows(self.column(name), rows)

    @property
    def records(self) -> int:
        """The number of physical records in the source: data rows and skipped records."""
        return len(self) + len(self.skipped)


CorrectionStatus = Literal["applied", "removable", "stale"]
CORRECTION_STATUSES: tuple[CorrectionStatus, ...] = get_args(CorrectionStatus)
CORRECTION_DTYPES: dict[str, Any] = {
    **dict.fromkeys(("status", "reason", "reference_id", "table", "key", "column", "old", "new"), TEXT),
    "row": np.dtype("int64"),
}


@dataclass(frozen=True)
class Corrections:
    """What happened to the corrections in ``file``, whose content has the digest ``sha256``.

    ``lines``: one line for each corrected cell, and for each correction that is not applied, with the columns of
    ``CORRECTION_DTYPES``. ``row`` is the row position, or -1 if the correction no longer matches a row. A correction
    with a blank ``column`` leaves the whole row out.
    """

    file: str
    sha256: str
    lines: pd.DataFrame

    @property
    def applied(self) -> pd.DataFrame:
        """The lines of corrected cells."""
        return self.lines[(self.lines["status"] == "applied").to_numpy(np.bool_) & (self.lines["column"] != "")]

    @property
    def left_out(self) -> Positions:
        """The row positions of rows that are left out."""
        gone = (self.lines["status"] == "applied").to_numpy(np.bool_) & (self.lines["column"] == "").to_numpy(np.bool_)
        return self.lines["row"].to_numpy(np.int64)[gone]


@dataclass(frozen=True)
class Sources:
    """All source tables of a run, in the order of their names, and the problems that the loader found.

    ``corrections``: what happened to the corrections, if there is a corrections file.
    """

    tables: tuple[SourceTable, ...]
    problems: tuple[Problem, ...] = ()
    corrections: Corrections | None = None

    @cached_property
    def offsets(self) -> Positions:
        """The row position of each table's first data row, and the total as the last item."""
        return np.cumsum([0, *map(len, self.tables)], dtype=np.int64)

    @property
    def row_count(self) -> int:
        """The total number of data rows, without the skipped records."""
        return int(self.offsets[-1])

    @property
    def record_count(self) -> int:
        """The total number of physical records, which reports call "rows read"."""
        return sum(table.records for table in self.tables)

    def split(self, rows: Positions) -> tuple[Positions, Positions]:
        """Row positions → (index into ``tables``, position within that table's frame)."""
        table = np.searchsorted(self.offsets, rows, side="right") - 1
        return table.astype(np.int64), rows - self.offsets[table]

    def row_numbers(self, rows: Positions) -> Positions:
        """Row positions → row numbers as a spreadsheet shows them; -1 stays -1."""
        known = rows >= 0
        if known.all():
            return self._numbers[rows]
        out = np.full(len(rows), -1, dtype=np.int64)
        out[known] = self._numbers[rows[known]]
        return out

    @cached_property
    def _numbers(self) -> Positions:
        """The row numbers of all tables."""
        numbers = [table.row_numbers for table in self.tables]
        return numbers[0] if len(numbers) == 1 else np.concatenate([np.empty(0, np.int64), *numbers])

    def table_of(self, row: int) -> tuple[SourceTable, int]:
        """The table of one row position, and the position within that table's frame."""
        tables, places = self.split(np.array([row], dtype=np.int64))
        return self.tables[int(tables[0])], int(places[0])

    def location(self, row: int, column: str | None = None) -> Location:
        """The place of a row (and column), for messages. ``row``: a row position."""
        table, place = self.table_of(row)
        return Location(table.file, table.sheet, int(table.row_numbers[place]), column)


@dataclass(frozen=True)
class FieldOrigin:
    """Where a field comes from: the source columns in the order in which they are tried; none for a constant.

    ``clears``: in an update, a blank in the source empties the field.
    """

    columns: tuple[str, ...] = ()
    blank_when_invalid: bool = False
    lookup: str | None = None
    clears: bool = False


@dataclass(frozen=True)
class Entry:
    """One item of a mapping's ``customer``, ``addresses``, or ``contacts``, for one number of a repeated group.

    ``tables``: the names of the source tables that it reads; empty if an earlier version did not record them.
    ``idle``: fields for which no address that was split has a part; in another partition, they may have a column.
    ``taken_apart``: fields whose text is a part of a split address; if it is invalid, the address is left out.
    """

    entity: Entity
    label: str
    fields: Mapping[str, FieldOrigin]
    drop_when_wrong: bool = False
    idle: tuple[str, ...] = ()
    taken_apart: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()

    def with_blank(self, names: Collection[str]) -> "Entry":
        """The entry, changed so that these fields are left blank if they are invalid."""
        fields = {name: replace(own, blank_when_invalid=True) for name, own in self.fields.items() if name in names}
        return replace(self, fields={**self.fields, **fields})


CHANGE_DTYPES: dict[str, Any] = {
    "code": TEXT,
    "entity": TEXT,
    "field": TEXT,
    "column": TEXT,
    "count": np.dtype("int64"),
    "row": np.dtype("int64"),
    "before": TEXT,
    "after": TEXT,
}
CELL_DTYPES: dict[str, Any] = {
    "table": np.dtype("int64"),
    "column": TEXT,
    **dict.fromkeys(CELL_CATEGORIES, np.dtype("int64")),
}


@dataclass(frozen=True)
class EntityTables:
    """Customers, addresses, and contacts in three frames with a RangeIndex each.

    ``customers`` are in the order of their first rows; their index is the *customer position*. Columns have the API's
    names, and exist only if the mapping fills them. They are ``TEXT``, except that ``is_default`` is ``BOOLEAN`` and
    ``assigned_sales_rep_ids`` is ``TEXT_LIST``. Custom attributes are ``attributes.<name>``. A missing value is null,
    never ``""``. Bookkeeping columns: ``_row`` (int64, row position of the record's first row), ``_entry`` (int64,
    index into ``entries``), and, for children, ``_customer`` (int64, customer position) and ``_default_stated``
    (``BOOLEAN``, never null: True if ``is_default`` comes from a cell of the source, False if the mapping or the
    program chose it). ``_former_id`` (TEXT) exists only if some IDs are now made differently: it is the ID that earlier
    versions made, null if it is the same. Children are sorted by ``_customer``, and then in the order in which they
    are sent.

    ``rows``: one line per row position: ``customer`` (int64, -1 if none), ``skipped`` (``TEXT``, the reason or null),
    ``rejected`` (bool: rejected by itself, without a customer).
    ``customer_field_rows``: for customer fields whose value is not always in the first row: field → the row position
    of each customer's value.
    ``unused_columns``: source table name → columns that the mapping does not mention.
    ``changes``: routine changes of values, one line per source table, column, field, and kind: ``code, entity, field,
    column`` (TEXT), ``count`` (cells), ``row`` (row position of the first), ``before, after`` (TEXT: the texts of the
    first; ``after`` is null if a value was left out).
    ``cells``: one line per source table (its index) and column that has filled cells in data rows, with the number of
    these cells in each category.
    """

    customers: pd.DataFrame
    addresses: pd.DataFrame
    contacts: pd.DataFrame
    entries: tuple[Entry, ...]
    rows: pd.DataFrame
    customer_field_rows: Mapping[str, Positions] = field(default_factory=dict)
    unused_columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    changes: pd.DataFrame = field(default_factory=lambda: no_lines(CHANGE_DTYPES))

    cells: pd.DataFrame = field(default_factory=lambda: no_lines(CELL_DTYPES))

    @property
    def row_customers(self) -> Positions:
        """The customer position of each row, -1 for none."""
        return self.rows["customer"].to_numpy(np.int64)

    def frame(self, entity: str) -> pd.DataFrame:
        """The frame of ``customer``, ``address``, or ``contact``."""
        return {"customer": self.customers, "address": self.addresses, "contact": self.contacts}[entity]


PROBLEM_DTYPES: dict[str, Any] = {
    "severity": TEXT,
    "code": TEXT,
    "customer": np.dtype("int64"),
    "entity": TEXT,
    "record": np.dtype("int64"),
    "field": TEXT,
    "row": np.dtype("int64"),
    "column": TEXT,
    "value": TEXT,
    "message": TEXT,
    "hint": TEXT,
}


@dataclass(frozen=True)
class ProblemTable:
    """Problems in columns, because a dirty file can have millions.

    ``frame`` columns: ``severity, code`` (TEXT), ``customer`` (customer position or -1), ``entity`` (TEXT), ``record``
    (position in that entity's frame or -1; for an orphan, the customer for which it was probably meant), ``field``
    (TEXT: the API's field or null), ``row`` (row position or -1), ``column`` (TEXT: source column or null), ``value``
    (TEXT: as it is in the file), ``message``, ``hint`` (TEXT).
    """

    frame: pd.DataFrame

    def __len__(self) -> int:
        return len(self.frame)

    @classmethod
    def empty(cls) -> "ProblemTable":
        """No problems."""
        return cls(no_lines(PROBLEM_DTYPES))

    @classmethod
    def build(cls, count: int, *, severity: Severity, code: str, **columns: Any) -> "ProblemTable":
        """``count`` problems of one code; every other column is a scalar, an array of that length, or left out.

        Raises ``TypeError`` for a column that the table does not have.
        """
        unknown = columns.keys() - PROBLEM_DTYPES.keys()
        if unknown:
            raise TypeError(f"no such problem columns: {sorted(unknown)}")
        given: dict[str, Any] = {"severity": str(severity), "code": code, **columns}
        data = {
            name: _texts(given.get(name), count) if dtype == TEXT else _numbers(given.get(name, -1), count)
            for name, dtype in PROBLEM_DTYPES.items()
        }
        return cls(pd.DataFrame(data, index=pd.RangeIndex(count)))

    @classmethod
    def concat(cls, tables: Iterable["ProblemTable"]) -> "ProblemTable":
        """All problems of several tables, in that order."""
        frames = [table.frame for table in tables if len(table)]
        return cls(pd.concat(frames, ignore_index=True)) if frames else cls.empty()

    @property
    def errors(self) -> pd.DataFrame:
        """The problems that reject something."""
        return self.frame[self.frame["severity"] == str(Severity.ERROR)]


def _texts(value: Any, count: int) -> Any:
    """An array of ``count`` texts, from one text (or null) for all of them, or from one text each."""
    if value is None or isinstance(value, str):
        return pd.arrays.ArrowExtensionArray(pa.repeat(pa.scalar(value, pa.string()), count))
    return pd.Series(value.array if isinstance(value, pd.Series) else value, dtype=TEXT).array


def _numbers(value: Any, count: int) -> Positions:
    return np.full(count, value, np.int64) if np.isscalar(value) else np.asarray(value, np.int64)
