"""All problems of a run with their places, in the order of ``errors.csv``.

A dirty file has millions. What they are told apart by is in memory; their texts stay where the tables have them, which
of a large source is on disk, and are put together for the lines that somebody asks for.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from importer.records import Problem, Severity
from importer.report.ranges import lookup, take_text
from importer.report.report_files import BLOCK
from importer.tables import TEXT, EntityTables, ProblemTable, Sources, chunked, taken

__all__ = ["ERROR_COLUMNS", "Located", "locate"]

Positions = npt.NDArray[np.int64]

ERROR_COLUMNS: tuple[str, ...] = (
    *("severity", "code", "reference_id", "entity", "field", "value", "message", "hint"),
    *("source", "sheet", "row", "column"),
)
_TEXTS = frozenset({"field", "value", "message", "hint"})
_KINDS = ("severity", "code", "entity", "column")
NUMBER = pd.ArrowDtype(pa.int64())
_RANKS = {str(severity): rank for rank, severity in enumerate(Severity)}
_DAMAGE = ("control_character", "replacement_character")
_SHOWN = 60  # characters of an example


@dataclass(frozen=True)
class Group:
    """Problems of one severity and code: their places among all, in order."""

    severity: str
    code: str
    at: Positions


@dataclass(frozen=True)
class Located:
    """Every problem of a run, the loader's included.

    The order is by source, row and severity, then as found; what has no place comes first. A problem of a customer as a
    whole stands at its first row. ``kinds``: a line each, with ``severity, code, entity, column`` as categories and
    ``_customer`` (customer position) and ``_row`` (row position), -1 for none. ``origin``: where each stands among
    the first of ``few`` (``before``: so many), ``problems``, and the rest of ``few``.
    """

    kinds: pd.DataFrame
    origin: npt.NDArray[np.int32]
    before: int
    few: pd.DataFrame
    problems: ProblemTable
    sources: Sources
    tables: EntityTables

    def __len__(self) -> int:
        return len(self.kinds)

    def groups(self, at: Positions) -> list["Group"]:
        """These problems by severity and code: errors first, then those that are many, then by code."""
        codes = self.kinds["code"].cat
        ranks = self.kinds["severity"].cat.codes.to_numpy(np.int64)[at]
        keys = ranks * len(codes.categories) + codes.codes.to_numpy(np.int64)[at]
        order = np.argsort(keys, kind="stable")
        found, starts = np.unique(keys[order], return_index=True)
        groups = [
            Group(str(self.kinds["severity"].iloc[own[0]]), str(self.kinds["code"].iloc[own[0]]), own)
            for own in np.split(at[order], starts[1:])[: len(found)]
        ]
        return sorted(groups, key=lambda group: (_RANKS[group.severity], -len(group.at), group.code))

    def lines(self, at: Positions, names: Sequence[str] = ERROR_COLUMNS) -> pd.DataFrame:
        """Some of them with their texts and places, under the names that ``errors.csv`` has for them.

        Text columns are ``TEXT``, ``row`` is a nullable integer (as a spreadsheet counts).
        """
        kinds = {name: pa.array(self.kinds[name].take(at)).cast(pa.string()) for name in names if name in _KINDS}
        found = {name: pd.Series(pd.array(column, dtype=TEXT)) for name, column in kinds.items()}
        found |= self._told(at, [name for name in names if name not in _KINDS])
        return pd.DataFrame(found)[list(names)]

    def _told(self, at: Positions, names: list[str]) -> "dict[str, pd.Series[Any]]":
        """What ``kinds`` does not have: of the problems where they lie, of the few others ready-made."""
        origin = self.origin[at].astype(np.int64) - self.before
        own = (origin >= 0) & (origin < len(self.problems))
        lines = self._of_problems(at[own], origin[own], names)
        if own.all():
            return lines
        few = np.where(origin < 0, origin + self.before, origin + self.before - len(self.problems))
        places = np.where(own, len(self.few) + np.cumsum(own) - 1, few)
        whole = pd.concat([self.few[names], pd.DataFrame(lines)], ignore_index=True)
        whole = whole.take(places).reset_index(drop=True)
        return {name: whole[name] for name in names}

    def _of_problems(self, at: Positions, origin: Positions, names: list[str]) -> "dict[str, pd.Series[Any]]":
        row, customer = (self.kinds[name].to_numpy(np.int64)[at] for name in ("_row", "_customer"))
        wanted, places = np.unique(origin, return_inverse=True)
        back = None if len(wanted) == len(origin) and (wanted == origin).all() else pa.array(places)
        found: dict[str, pd.Series[Any]] = {}
        for name in _TEXTS.intersection(names):
            texts = taken(chunked(self.problems.frame[name]), wanted)
            found[name] = pd.Series(pd.array(texts if back is None else texts.take(back), dtype=TEXT))
        if "reference_id" in names:
            found["reference_id"] = take_text(self.tables.customers["reference_id"], customer)
        return found | {name: column for name, column in _places(self.sources, row).items() if name in names}

    def blocks(self) -> Iterator[pd.DataFrame]:
        """All of them, some at a time."""
        for start in range(0, max(len(self), 1), BLOCK):
            yield self.lines(np.arange(start, min(start + BLOCK, len(self))))


def locate(problems: ProblemTable, sources: Sources, tables: EntityTables) -> Located:
    """Where all problems are."""
    before = [_of_loader(sources, tables)] if sources.problems else []
    after = [_of_changes(sources, tables.changes)] if len(tables.changes) else []
    row, customer = _positions(problems.frame, tables)
    own = pd.DataFrame({"row": sources.row_numbers(row), "_row": row, "_customer": customer})
    own["_table"] = _table_of(sources, row)
    numbers = [one[list(own)].fillna({"row": -1}).astype(np.int32) for one in (*before, own, *after)]
    whole = pd.concat(numbers, ignore_index=True)
    frames = [*before, problems.frame, *after]
    kinds = pd.DataFrame({name: _categories([frame[name] for frame in frames]) for name in _KINDS})
    kinds[["_row", "_customer"]] = whole[["_row", "_customer"]]
    kept = _without_repeats(kinds)
    ranks = kinds["severity"].cat.set_categories(list(map(str, Severity))).cat.codes
    keys = (ranks, whole["row"], whole["_table"])
    origin = kept[np.lexsort([key.to_numpy()[kept] for key in keys])].astype(np.int32)
    few = pd.concat([*before, *after], ignore_index=True) if before or after else pd.DataFrame()
    kinds = kinds.take(origin).reset_index(drop=True)
    return Located(kinds, origin, sum(map(len, before)), few, problems, sources, tables)


def _categories(columns: "list[pd.Series[Any]]") -> "pd.Series[Any]":
    """Columns of text that has few distinct values, below one another."""
    chunks = [chunk for column in columns for chunk in chunked(column).cast(pa.string()).chunks]
    encoded = pa.chunked_array(chunks, pa.string()).dictionary_encode().unify_dictionaries().combine_chunks()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return pd.Series(pd.Categorical.from_codes(codes, encoded.dictionary.to_pylist()))


def _without_repeats(kinds: pd.DataFrame) -> Positions:
    """Which to keep: without what the loader said of a damaged cell of which a field's own problem says the same."""
    loader = (kinds["code"] == "damaged_text").to_numpy(np.bool_)
    if not loader.any():
        return np.arange(len(kinds))
    fields = kinds[kinds["code"].isin(_DAMAGE).to_numpy(np.bool_)]
    there = set(zip(fields["_row"], fields["column"], strict=True))
    own = kinds[loader]
    again = [cell in there for cell in zip(own["_row"], own["column"], strict=True)]
    keep = ~loader
    keep[loader] = ~np.array(again, dtype=np.bool_)
    return np.flatnonzero(keep)


def _positions(problems: pd.DataFrame, tables: EntityTables) -> tuple[Positions, Positions]:
    """The row and the customer of each problem; each is known by the other where only one is told."""
    row, customer = problems["row"].to_numpy(np.int64), problems["customer"].to_numpy(np.int64)
    customer = np.where(customer < 0, lookup(tables.rows["customer"].to_numpy(np.int64), row), customer)
    return np.where(row < 0, lookup(tables.customers["_row"].to_numpy(np.int64), customer), row), customer


def _table_of(sources: Sources, row: Positions) -> Positions:
    return np.where(row < 0, -1, sources.split(np.maximum(row, 0))[0]) if sources.row_count else row


def _places(sources: Sources, row: Positions) -> dict[str, Any]:
    """The columns that say where row positions are; -1 is nowhere."""
    table = _table_of(sources, row)
    numbers = sources.row_numbers(row)
    return {
        "source": take_text(pd.Series([item.file for item in sources.tables], dtype=TEXT), table),
        "sheet": take_text(pd.Series([item.sheet for item in sources.tables], dtype=TEXT), table),
        "row": pd.Series(pd.array(pa.array(numbers, mask=numbers < 0), dtype=NUMBER)),
        "_row": row,
        "_table": table,
    }


def _of_changes(sources: Sources, changes: pd.DataFrame) -> pd.DataFrame:
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


def _of_loader(sources: Sources, tables: EntityTables) -> pd.DataFrame:
    problems = sources.problems
    table, row = _loader_rows(problems, sources)
    customer = lookup(tables.rows["customer"].to_numpy(np.int64), row)
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
        found = (local < len(numbers)) & (lookup(numbers, np.minimum(local, len(numbers) - 1)) == number[here])
        row[here[found]] = sources.offsets[index] + local[found]
    return table, row
