"""All problems of a run with their places, in the order of ``errors.csv``.

A dirty file has millions of problems. What they are sorted and grouped by is in memory. Their texts stay in the columns
of the tables, which are on disk for a large source, and are read only for the lines that are needed.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.catalogue.field_names import name_with_article
from importer.records import Location, Severity
from importer.report.ranges import lookup, take_text
from importer.report.report_files import BLOCK
from importer.tables import TEXT, EntityTables, Mask, Positions, ProblemTable, Sources, chunked
from importer.wording import counted, shortened

ERROR_COLUMNS: tuple[str, ...] = (
    *("severity", "code", "reference_id", "entity", "field", "value", "message", "hint"),
    *("source", "sheet", "row", "column"),
)
_KINDS = ("severity", "code", "entity", "column")
_TEXTS = ("field", "value", "message", "hint")
_NUMBER = pd.ArrowDtype(pa.int64())
_RANKS = {str(severity): rank for rank, severity in enumerate(Severity)}
_INVISIBLE = re.compile(r"\r\n|[^\S ]|[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_CONTROLS = {
    "\t": "tab", "\r\n": "line break", "\n": "line break", "\r": "line break", "\ufeff": "byte order mark",
}  # fmt: skip
_DAMAGE = ("control_character", "replacement_character")
_LONGEST_EXAMPLE = 60  # characters


@dataclass(frozen=True)
class ProblemGroup:
    """The problems with the same severity and code: their positions among all problems, ascending."""

    severity: str
    code: str
    at: Positions


@dataclass(frozen=True)
class Located:
    """Every problem of a run, including the loader's.

    Problems are in the order of source, row, and severity, then in the order in which they were found. Those without a
    place come first. A problem of a whole customer is placed at its first row. ``kinds``: a line per problem, with
    ``severity, code, entity, column`` as categories, ``_customer`` (customer position), ``_row`` (row position),
    ``_place`` (index into ``places``: file and sheet), and ``_number`` (the row as a spreadsheet counts), -1 for none.
    ``origin``: the index of each problem's ``texts``.
    """

    kinds: pd.DataFrame
    origin: npt.NDArray[np.int32]
    texts: dict[str, "pd.Series[Any]"]
    places: Sequence[tuple[str, str | None]]
    tables: EntityTables

    def __len__(self) -> int:
        return len(self.kinds)

    def of(self, *severities: Severity) -> Mask:
        """Which problems have one of these severities."""
        found: Mask = self.kinds["severity"].isin(list(map(str, severities))).to_numpy(np.bool_)
        return found

    def groups(self, at: Positions) -> list[ProblemGroup]:
        """The problems at these positions by severity and code: errors first, then the most frequent, then by code."""
        codes = self.kinds["code"].cat
        ranks = self.kinds["severity"].cat.codes.to_numpy(np.int64)[at]
        keys = ranks * len(codes.categories) + codes.codes.to_numpy(np.int64)[at]
        order = np.argsort(keys, kind="stable")
        found, starts = np.unique(keys[order], return_index=True)
        groups = [
            ProblemGroup(str(self.kinds["severity"].iloc[own[0]]), str(self.kinds["code"].iloc[own[0]]), own)
            for own in np.split(at[order], starts[1:])[: len(found)]
        ]
        return sorted(groups, key=lambda group: (_RANKS[group.severity], -len(group.at), group.code))

    def lines(self, at: Positions, names: Sequence[str] = ERROR_COLUMNS) -> pd.DataFrame:
        """The problems at these positions with their texts and places, under the column names of ``errors.csv``.

        Text columns are ``TEXT``, ``row`` is a nullable integer (as a spreadsheet counts).
        """
        return pd.DataFrame({name: self._column(name, at) for name in names})

    def _column(self, name: str, at: Positions) -> "pd.Series[Any]":
        if name in _KINDS:
            return pd.Series(pd.array(pa.array(self.kinds[name].take(at)).cast(pa.string()), dtype=TEXT))
        if name in _TEXTS:
            texts = take_text(self.texts[name], self.origin[at].astype(np.int64))
            return _capitalized(texts) if name == "message" else texts
        if name == "reference_id":
            return take_text(self.tables.customers["reference_id"], self.kinds["_customer"].to_numpy(np.int64)[at])
        if name == "row":
            numbers = self.kinds["_number"].to_numpy(np.int64)[at]
            return pd.Series(pd.array(pa.array(numbers, mask=numbers < 0), dtype=_NUMBER))
        names = pd.Series([place[name == "sheet"] for place in self.places], dtype=TEXT)
        return take_text(names, self.kinds["_place"].to_numpy(np.int64)[at])

    def blocks(self) -> Iterator[pd.DataFrame]:
        """All problems, in blocks of lines."""
        for start in range(0, max(len(self), 1), BLOCK):
            yield self.lines(np.arange(start, min(start + BLOCK, len(self))))


def place_of(line: Mapping[str, Any]) -> str | None:
    """The place of a line of :meth:`Located.lines`, as :class:`Location` writes it; None without a file."""
    if line["source"] is None:
        return None
    return str(Location(line["source"], line["sheet"], line["row"], line["column"]))


def locate(problems: ProblemTable, sources: Sources, tables: EntityTables) -> Located:
    places, ranks = _places(sources)
    row, customer = _positions(problems.frame, tables)
    own = problems.frame.assign(**_at(sources, row), _customer=customer)
    own = _of_corrected(sources, own)
    loader = _of_loader(sources, places)
    loader["_customer"] = lookup(tables.row_customers, loader["_row"].to_numpy(np.int64))
    changes = _of_changes(sources, tables.changes)
    frames = [loader, own, changes]
    kinds = pd.DataFrame({name: _categories([frame[name] for frame in frames]) for name in _KINDS})
    for name in ("_row", "_customer", "_place", "_number"):
        kinds[name] = np.concatenate([frame[name].to_numpy(np.int32) for frame in frames])
    texts = {name: pd.concat([frame[name] for frame in frames], ignore_index=True) for name in _TEXTS}
    kept = _without_repeats(kinds)
    severities = kinds["severity"].cat.set_categories(list(map(str, Severity))).cat.codes.to_numpy()
    rank = np.append(ranks, -1)[kinds["_place"].to_numpy()]
    keys = (severities, kinds["_number"].to_numpy(), rank)
    origin = kept[np.lexsort([key[kept] for key in keys])].astype(np.int32)
    return Located(kinds.take(origin).reset_index(drop=True), origin, texts, places, tables)


def _capitalized(texts: "pd.Series[Any]") -> "pd.Series[Any]":
    """The messages with a capital first letter. A message that begins with a quoted value does not change."""
    data = pa.array(texts)
    first = pc.utf8_upper(pc.utf8_slice_codeunits(data, 0, 1))
    return pd.Series(pd.array(pc.binary_join_element_wise(first, pc.utf8_slice_codeunits(data, 1), ""), dtype=TEXT))


def _of_corrected(sources: Sources, own: pd.DataFrame) -> pd.DataFrame:
    """Add to the messages about corrected cells what the source has: the place alone would be misleading."""
    lines = None if sources.corrections is None else sources.corrections.applied
    if lines is None or not len(lines):
        return own
    before = dict(zip(zip(lines["row"], lines["column"], strict=True), lines["old"], strict=True))
    here = np.flatnonzero(own["_row"].isin(lines["row"]).to_numpy(np.bool_))
    messages = own["message"].tolist()
    for at in here.tolist():
        old = before.get((int(own["_row"].iloc[at]), own["column"].iloc[at]))
        if old is not None:
            messages[at] = f"{messages[at]} (corrected; the source has {_short(old)})"
    return own.assign(message=pd.Series(messages, index=own.index, dtype=TEXT)) if len(here) else own


def _categories(columns: "list[pd.Series[Any]]") -> "pd.Series[Any]":
    """Concatenate text columns that have few distinct values."""
    chunks = [chunk for column in columns for chunk in chunked(column).cast(pa.string()).chunks]
    encoded = pa.chunked_array(chunks, pa.string()).dictionary_encode().unify_dictionaries().combine_chunks()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return pd.Series(pd.Categorical.from_codes(codes, encoded.dictionary.to_pylist()))


def _without_repeats(kinds: pd.DataFrame) -> Positions:
    """The problems to keep: all except the loader's about a damaged cell if a problem of a field says the same."""
    loader = (kinds["code"] == "damaged_text").to_numpy(np.bool_)
    fields = kinds[kinds["code"].isin(_DAMAGE).to_numpy(np.bool_)]
    known = set(zip(fields["_row"], fields["column"], strict=True))
    own = kinds[loader]
    keep = ~loader
    keep[loader] = [cell not in known for cell in zip(own["_row"], own["column"], strict=True)]
    return np.flatnonzero(keep)


def _positions(problems: pd.DataFrame, tables: EntityTables) -> tuple[Positions, Positions]:
    """The row and the customer of each problem. If only one of the two is known, the other is derived from it."""
    row, customer = problems["row"].to_numpy(np.int64), problems["customer"].to_numpy(np.int64)
    customer = np.where(customer < 0, lookup(tables.row_customers, row), customer)
    return np.where(row < 0, lookup(tables.customers["_row"].to_numpy(np.int64), customer), row), customer


def _at(sources: Sources, row: Positions) -> dict[str, Positions]:
    """The columns that place problems at row positions; -1 for no place."""
    place = np.where(row < 0, -1, sources.split(np.maximum(row, 0))[0]) if sources.row_count else row
    return {"_row": row, "_place": place, "_number": sources.row_numbers(row)}


def _of_changes(sources: Sources, changes: pd.DataFrame) -> pd.DataFrame:
    """An info problem for each line of ``EntityTables.changes``, at its first cell and without a customer."""
    columns = ["code", "entity", "field", "count", "before", "after"]
    texts = [_changed(*line) for line in changes[columns].itertuples(index=False)]
    return changes.assign(
        severity=pd.Series([str(Severity.INFO)] * len(changes), dtype=TEXT),
        value=changes["before"],
        message=pd.Series(texts, dtype=TEXT),
        hint=pd.Series([None] * len(changes), dtype=TEXT),
        _customer=np.full(len(changes), -1, np.int64),
        **_at(sources, changes["row"].to_numpy(np.int64)),
    )


def _changed(code: str, entity: str, field: str, count: int, before: str, after: str | None) -> str:
    were = counted(count, "cell was", "cells were")
    lead = ":" if count == 1 else ". Example:"
    if code == "value_passed_over":
        use = f"not used for {name_with_article(entity, field)}"
        return f"{were} {use}{lead} {_short(before)}, because {_short(after or '')} was used"
    if code == "blank_text":
        return f"{were} read as blank{lead} {_short(before)} is a placeholder"
    if not isinstance(after, str) or not after:
        return f"{were} left out of {name_with_article(entity, field)}{lead} {_short(before)}"
    return f"{were} rewritten{lead} {_short(visible(before))} → {_short(visible(after))}"


def visible(text: str) -> str:
    """The text with names in place of characters that look like a space or are invisible: ``a[no-break space]b``."""
    return _INVISIBLE.sub(lambda found: f"[{_invisible_name(found[0])}]", text)


def _invisible_name(character: str) -> str:
    return _CONTROLS.get(character) or unicodedata.name(character, f"U+{ord(character):04X}").lower()


def _short(text: str) -> str:
    plain = " ".join(text.split()) if "\n" in text else text
    return f"'{shortened(plain, _LONGEST_EXAMPLE)}'"


def _places(sources: Sources) -> tuple[list[tuple[str, str | None]], Positions]:
    """All files and sheets, those of ``sources.tables`` first, then others that have problems; and their sort keys."""
    places = [(table.file, table.sheet) for table in sources.tables]
    first: dict[str, int] = {}
    for rank, (file, _) in enumerate(places):
        first.setdefault(file, rank)
    found = {(problem.location.file, problem.location.sheet) for problem in sources.problems if problem.location}
    others = sorted(found - set(places), key=lambda place: (place[0], place[1] or ""))
    ranks = [*range(len(places))]
    for rank, (file, sheet) in enumerate(others, start=len(places)):
        ranks.append(first.get(file, rank) if sheet is None else rank)  # a whole workbook is before its first sheet
    return [*places, *others], np.array(ranks, dtype=np.int64)


def _of_loader(sources: Sources, places: Sequence[tuple[str, str | None]]) -> pd.DataFrame:
    """The loader's problems, with the same columns as the others. A skipped row has a number but no position."""
    index = {place: number for number, place in reversed(list(enumerate(places)))}
    nowhere = Location("")
    at = [problem.location or nowhere for problem in sources.problems]
    place = np.array([index.get((one.file, one.sheet), -1) for one in at], dtype=np.int64)
    number = np.array([one.row or -1 for one in at], dtype=np.int64)
    row = np.full(len(at), -1, dtype=np.int64)
    for table in np.unique(place[(place >= 0) & (place < len(sources.tables))]).tolist():
        here = np.flatnonzero((place == table) & (number >= 0))
        numbers = sources.tables[table].row_numbers
        local = np.searchsorted(numbers, number[here])
        found = (local < len(numbers)) & (lookup(numbers, np.minimum(local, len(numbers) - 1)) == number[here])
        row[here[found]] = sources.offsets[table] + local[found]
    columns = {
        name: pd.Series([getattr(problem, name) for problem in sources.problems], dtype=TEXT)
        for name in ("severity", "code", "entity", *_TEXTS)
    }
    columns["column"] = pd.Series([one.column for one in at], dtype=TEXT)
    return pd.DataFrame({**columns, "_row": row, "_place": place, "_number": number})
