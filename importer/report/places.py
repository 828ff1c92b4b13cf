"""Places for people: each problem's file, sheet and row, and each customer's rows."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.records import Problem, Severity
from importer.tables import TEXT, EntityTables, ProblemTable, Sources

__all__ = [
    "ERROR_COLUMNS",
    "join_ranges",
    "locate_problems",
    "locate_with_positions",
    "one_array",
    "rows_text",
    "table_names",
    "take_text",
]

Positions = npt.NDArray[np.int64]

ERROR_COLUMNS: tuple[str, ...] = (
    *("severity", "code", "reference_id", "entity", "field", "value", "message", "hint"),
    *("source", "sheet", "row", "column"),
)
_COPIED = ("severity", "code", "entity", "field", "value", "message", "hint", "column")
_SEVERITIES = pa.array([str(severity) for severity in Severity])
NUMBER = pd.ArrowDtype(pa.int64())
_DAMAGE = pa.array(["control_character", "replacement_character"])
_SHOWN = 60  # characters of an example


def locate_problems(problems: ProblemTable, sources: Sources, tables: EntityTables) -> pd.DataFrame:
    """Every problem of a run, the loader's included, with its place: the columns of ``errors.csv``.

    Text columns are ``TEXT``, ``row`` is a nullable integer (as a spreadsheet counts). The order is by source, row and
    severity, then as found; what has no place comes first. A problem of a customer as a whole stands at its first row.
    """
    return locate_with_positions(problems, sources, tables)[list(ERROR_COLUMNS)]


def locate_with_positions(problems: ProblemTable, sources: Sources, tables: EntityTables) -> pd.DataFrame:
    """As :func:`locate_problems`, with ``_customer`` (customer position) and ``_row`` (row position), -1 for none."""
    parts = [_located_table(problems.frame, sources, tables)]
    if sources.problems:
        parts.insert(0, _located_loader(sources, tables))
    if len(tables.changes):
        parts.append(_located_changes(sources, tables.changes))
    frame = _without_repeats(pd.concat(parts, ignore_index=True))
    severity = pc.index_in(pa.array(frame["severity"]), value_set=_SEVERITIES).to_numpy(zero_copy_only=False)
    number = frame["row"].fillna(-1).to_numpy(np.int64)
    order = np.lexsort((severity, number, frame["_table"].to_numpy()))
    return frame.take(order).reset_index(drop=True)


def _without_repeats(frame: pd.DataFrame) -> pd.DataFrame:
    """Without what the loader said of a damaged cell of which a field's own problem says the same."""
    loader = pc.equal(pa.array(frame["code"]), "damaged_text").to_numpy(zero_copy_only=False)
    if not loader.any():
        return frame
    fields = pc.is_in(pa.array(frame["code"]), value_set=_DAMAGE).to_numpy(zero_copy_only=False)
    there = set(zip(frame["_row"][fields], frame["column"][fields], strict=True))
    own = frame[loader]
    again = [cell in there for cell in zip(own["_row"], own["column"], strict=True)]
    keep = ~loader
    keep[loader] = ~np.array(again, dtype=np.bool_)
    return frame.take(np.flatnonzero(keep)).reset_index(drop=True)


def _located_table(problems: pd.DataFrame, sources: Sources, tables: EntityTables) -> pd.DataFrame:
    row = problems["row"].to_numpy(np.int64)
    customer = problems["customer"].to_numpy(np.int64)
    customer = np.where(customer < 0, _lookup(tables.rows["customer"].to_numpy(np.int64), row), customer)
    row = np.where(row < 0, _lookup(tables.customers["_row"].to_numpy(np.int64), customer), row)
    return pd.DataFrame(
        {
            **{name: problems[name] for name in _COPIED},
            "reference_id": take_text(tables.customers["reference_id"], customer),
            **_places(sources, row),
            "_customer": customer,
        }
    )


def _places(sources: Sources, row: Positions) -> dict[str, Any]:
    """The columns that say where row positions are; -1 is nowhere."""
    table = np.where(row < 0, -1, sources.split(np.maximum(row, 0))[0]) if sources.row_count else row
    numbers = sources.row_numbers(row)
    return {
        "source": take_text(pd.Series([item.file for item in sources.tables], dtype=TEXT), table),
        "sheet": take_text(pd.Series([item.sheet for item in sources.tables], dtype=TEXT), table),
        "row": pd.Series(pd.array(pa.array(numbers, mask=numbers < 0), dtype=NUMBER)),
        "_row": row,
        "_table": table,
    }


def _located_changes(sources: Sources, changes: pd.DataFrame) -> pd.DataFrame:
    """An info line for each line of ``EntityTables.changes``, at its first cell; it is no customer's own."""
    row = changes["row"].to_numpy(np.int64)
    said = [_changed(*line) for line in changes[["code", "count", "before", "after"]].itertuples(index=False)]
    return pd.DataFrame(
        {
            **{name: changes[name] for name in ("code", "entity", "field", "column")},
            "severity": pd.Series([str(Severity.INFO)] * len(changes), dtype=TEXT),
            "value": changes["before"],
            "message": pd.Series(said, dtype=TEXT),
            **{name: pd.Series([None] * len(changes), dtype=TEXT) for name in ("hint", "reference_id")},
            **_places(sources, row),
            "_customer": np.full(len(changes), -1, np.int64),
        }
    )


def _changed(code: str, count: int, before: str, after: str | None) -> str:
    cells = "1 cell" if count == 1 else f"{count:,} cells"
    such = "" if count == 1 else ", such as this one"
    if code == "value_passed_over":
        return f"{cells} not used{such}: {_short(before)}, because {_short(after or '')} was taken"
    if after is None or pd.isna(after):
        return f"{cells} left out{such}: {_short(before)}"
    return f"{cells} rewritten{such}: {_short(before)} → {_short(after or '')}"


def _short(text: str) -> str:
    plain = " ".join(text.split()) if "\n" in text else text
    return f"'{plain}'" if len(plain) <= _SHOWN else f"'{plain[: _SHOWN - 1]}…'"


def _located_loader(sources: Sources, tables: EntityTables) -> pd.DataFrame:
    problems = sources.problems
    table, row = _loader_rows(problems, sources)
    customer = _lookup(tables.rows["customer"].to_numpy(np.int64), row)
    known = take_text(tables.customers["reference_id"], customer)
    places = [problem.location for problem in problems]
    columns: dict[str, Any] = {
        name: pd.Series([_text(getattr(problem, name)) for problem in problems], dtype=TEXT)
        for name in ("severity", "code", "reference_id", "entity", "field", "value", "message", "hint")
    }
    for name, attribute in (("source", "file"), ("sheet", "sheet"), ("column", "column")):
        columns[name] = pd.Series([getattr(place, attribute, None) for place in places], dtype=TEXT)
    columns["row"] = pd.Series([getattr(place, "row", None) for place in places], dtype=NUMBER)
    columns["reference_id"] = columns["reference_id"].fillna(known)
    return pd.DataFrame({**columns, "_customer": customer, "_row": row, "_table": table})


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _loader_rows(problems: tuple[Problem, ...], sources: Sources) -> tuple[Positions, Positions]:
    """For each of the loader's problems its table's rank (-1 without a place) and its row position (-1 if skipped)."""
    ranks: dict[tuple[str, str | None], int] = {}
    for index, item in enumerate(sources.tables):
        ranks.setdefault((item.file, item.sheet), index)
        ranks.setdefault((item.file, None), index)  # of a workbook as a whole: before its first sheet
    places = [(p.location.file, p.location.sheet) if p.location else None for p in problems]
    unread = sorted({place for place in places if place and place not in ranks}, key=lambda p: (p[0], p[1] or ""))
    ranks.update({place: len(sources.tables) + number for number, place in enumerate(unread)})
    table = np.array([-1 if place is None else ranks[place] for place in places], dtype=np.int64)
    number = np.array([(p.location.row if p.location else None) or -1 for p in problems], dtype=np.int64)
    row = np.full(len(problems), -1, dtype=np.int64)
    for index in np.unique(table[(table >= 0) & (table < len(sources.tables))]):
        here = np.flatnonzero((table == index) & (number >= 0))
        numbers = sources.tables[index].row_numbers
        local = np.searchsorted(numbers, number[here])
        found = (local < len(numbers)) & (_lookup(numbers, np.minimum(local, len(numbers) - 1)) == number[here])
        row[here[found]] = sources.offsets[index] + local[found]
    return table, row


def _lookup(values: Positions, at: Positions) -> Positions:
    """``values[at]``, and -1 where ``at`` is -1."""
    if not len(values):
        return np.full(len(at), -1, dtype=np.int64)
    return np.where(at < 0, -1, values[np.maximum(at, 0)])


def take_text(values: "pd.Series[Any]", at: Positions) -> "pd.Series[Any]":
    """``values[at]`` as ``TEXT``, null where ``at`` is outside."""
    inside = (at >= 0) & (at < len(values))
    taken = pc.take(pa.array(values), pa.array(at, mask=~inside))
    return pd.Series(pd.array(taken, dtype=TEXT))


def one_array(column: "pd.Series[Any]") -> pa.Array:
    """The text of a column as one Arrow array."""
    array = pa.array(column).cast(pa.string())
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def table_names(sources: Sources) -> "pd.Series[Any]":
    """``file`` or ``file!sheet`` of each source table, ``TEXT``."""
    return pd.Series([table.name for table in sources.tables], dtype=TEXT)


def rows_text(sources: Sources, tables: EntityTables) -> "pd.Series[Any]":
    """Each customer's rows as ``file!sheet:2-7,9``, several sources joined by ``; `` (``TEXT``, by customer position).

    Rows without a customer appear nowhere; a customer without rows gets ``""``.
    """
    owner = tables.rows["customer"].to_numpy(np.int64)
    count = len(tables.customers)
    rows = np.argsort(owner, kind="stable")
    rows = rows[owner[rows] >= 0]
    if not len(rows):
        return pd.Series([""] * count, dtype=TEXT)
    customer, numbers, table = owner[rows], sources.row_numbers(rows), sources.split(rows)[0]
    new_group = np.r_[True, (np.diff(customer) != 0) | (np.diff(table) != 0)]
    starts = np.flatnonzero(new_group | np.r_[True, np.diff(numbers) != 1])
    ends = np.r_[starts[1:], len(rows)] - 1
    first, last = (pc.cast(pa.array(numbers[at]), pa.string()) for at in (starts, ends))
    spans = pc.if_else(pa.array(starts == ends), first, pc.binary_join_element_wise(first, last, "-"))
    groups = np.flatnonzero(new_group)
    within = join_ranges(spans, np.searchsorted(starts, np.append(groups, len(rows))), ",")
    names = pa.array(table_names(sources)).take(pa.array(table[groups]))
    texts = pc.binary_join_element_wise(names, within, ":")
    edges = np.searchsorted(customer[groups], np.arange(count + 1))
    return pd.Series(pd.array(join_ranges(texts, edges, "; "), dtype=TEXT))


def join_ranges(texts: pa.Array, edges: npt.NDArray[Any], separator: str) -> pa.Array:
    """Join ``texts[edges[i]:edges[i + 1]]`` for each i; ``""`` for an empty range."""
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(edges, pa.int32()), texts), separator)
