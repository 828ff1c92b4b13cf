"""Applying corrections to the text of the source tables, before anything is mapped."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.catalogue.field_names import is_part_column
from importer.cell_text import header_key
from importer.corrections.corrections_file import Correction, CorrectionFile
from importer.corrections.row_identity import KeyedRows, cells_of, key_texts, key_with, matching, rows_by_key
from importer.tables import CORRECTION_DTYPES, Corrections, CorrectionStatus, Positions, Sources, SourceTable
from importer.wording import shortened

_ABSENT = "no "  # the start of the reasons that say that there is nothing to correct
_LONGEST = 40  # characters of a cell that a reason repeats


@dataclass(frozen=True)
class CorrectionDecision:
    """What happens to a correction. ``rows``: the row positions that it matches."""

    correction: Correction
    status: CorrectionStatus
    reason: str
    rows: tuple[int, ...] = ()


def _stale(correction: Correction, reason: str, *rows: int) -> CorrectionDecision:
    return CorrectionDecision(correction, "stale", reason, rows)


def corrected(sources: Sources, file: CorrectionFile, *, partial: bool = False) -> Sources:
    """The sources after applying corrections, and what happened to each correction.

    A correction is applied if exactly the rows for which it was recorded match it and still have the old text. It is
    removable if the row already has the new text; otherwise, it is stale and changes nothing. ``partial``: the sources
    are only a part of the export, so corrections of missing rows are not mentioned.
    """
    decisions = _without_conflicts(_decisions(sources, file))
    decisions = [one for one in decisions if not (partial and one.reason.startswith(_ABSENT))]
    lines = [line for decision in decisions for line in _lines(decision)]
    frame = pd.DataFrame(lines, columns=list(CORRECTION_DTYPES)).astype(CORRECTION_DTYPES)
    found = Corrections(str(file.path), file.sha256, frame)
    tables = []
    for number, table in enumerate(sources.tables):
        start, end = sources.offsets[number : number + 2].tolist()
        changes: dict[str, dict[int, str]] = {}
        for decision in decisions:
            if decision.status == "applied" and not decision.correction.leaves_out:
                for row in decision.rows:
                    if start <= row < end:
                        own = decision.correction
                        header = _header(table, own.identity.column) or own.column
                        changes.setdefault(header, {})[row - start] = own.new
        tables.append(with_cells(table, changes))
    return replace(sources, tables=tuple(tables), corrections=found)


def uncorrected(sources: Sources) -> Mapping[tuple[int, str], tuple[str, str]]:
    """(row position, column) → the source's text and the corrected text, for corrected cells."""
    if sources.corrections is None:
        return {}
    lines = sources.corrections.applied
    return {
        (row, column): (old, new)
        for row, column, old, new in zip(lines["row"], lines["column"], lines["old"], lines["new"], strict=True)
    }


def with_cells(table: SourceTable, changes: Mapping[str, Mapping[int, str]]) -> SourceTable:
    """The table with new texts in some cells. ``changes``: column → position of the row in the table → the new text.

    A column that the table does not have is added, with blank cells.
    """
    if not changes:
        return table
    frame = table.frame
    for name, texts in changes.items():
        blank = pa.chunked_array([pa.array([""] * len(table), pa.string())])
        column = _with_texts(table.column(name) if name in frame else blank, texts)
        frame = frame.assign(**{name: pd.Series(pd.arrays.ArrowExtensionArray(column), index=frame.index)})
    return replace(table, frame=frame, stored=None)


def _with_texts(column: pa.ChunkedArray, texts: Mapping[int, str]) -> pa.ChunkedArray:
    """A column with new texts at some places; chunks without changes are not copied."""
    chunks, start = [], 0
    for chunk in column.chunks:
        own = {at - start: text for at, text in sorted(texts.items()) if start <= at < start + len(chunk)}
        start += len(chunk)
        if own:
            mask = np.zeros(len(chunk), np.bool_)
            mask[list(own)] = True
            chunk = pc.replace_with_mask(chunk, pa.array(mask), pa.array(list(own.values()), pa.string()))  # noqa: PLW2901
        chunks.append(chunk)
    return pa.chunked_array(chunks, column.type)


def _header(table: SourceTable, column: str) -> str | None:
    return next((name for name in table.headers if header_key(name) == column), None)


def _without_column(one: Correction, tables: Iterable[SourceTable]) -> str:
    """Why no table can have the corrected cell; ``""`` if one can. A column for a part of an address can be added."""
    there = any(
        _header(table, one.identity.column) is not None or is_part_column(one.column, table.headers) for table in tables
    )
    return "" if there or one.leaves_out else f"the source has no column {one.column!r}"


def _decisions(sources: Sources, file: CorrectionFile) -> list[CorrectionDecision]:
    """What happens to each correction by itself, in the order of the file."""
    by_table: dict[str, list[int]] = {}
    for number, table in enumerate(sources.tables):
        by_table.setdefault(str(table.details.get("table")), []).append(number)
    found: dict[int, CorrectionDecision] = {}
    for name in dict.fromkeys(one.identity.table for one in file.corrections):
        own = [(place, one) for place, one in enumerate(file.corrections) if one.identity.table == name]
        if name not in by_table:
            found |= {place: _stale(one, f"{_ABSENT}source file for table {name!r}") for place, one in own}
            continue
        corrections = [one for _, one in own]
        decided = _of_table(sources, by_table[name], corrections, file)
        found |= {place: decision for (place, _), decision in zip(own, decided, strict=True)}
    return [found[place] for place in sorted(found)]


def _of_table(
    sources: Sources, numbers: Sequence[int], corrections: Sequence[Correction], file: CorrectionFile
) -> Iterator[CorrectionDecision]:
    keys = {number: key_texts(sources.tables[number]) for number in numbers}
    others = {one: _corrected_keys(one, file, sources.tables[numbers[0]]) for one in corrections}
    wanted = {one.identity.key for one in corrections}.union(*others.values())
    places = {number: rows_by_key(keys[number], wanted) for number in numbers}
    known: dict[tuple[str, str], KeyedRows] = {}
    texts = {other.identity.old for other in corrections} | {other.new for other in corrections}
    for one in corrections:
        own = one.identity
        if without := _without_column(one, [sources.tables[number] for number in numbers]):
            yield _stale(one, without)
            continue
        for key in (own.key, *others[one]):
            group = (key, "" if key else own.column)
            if group not in known:
                known[group] = _keyed(sources, places, key, own.column, texts)
        decision = _decided(one, known[own.key, "" if own.key else own.column], file, sources)
        corrected = (_corrected(one, known[key, ""], file) for key in others[one] if key)
        yield next(filter(None, corrected), decision) if decision.status == "stale" else decision


def _corrected_keys(one: Correction, file: CorrectionFile, table: SourceTable) -> list[str]:
    """The keys that a correction's row can have if corrections of its key were made in the source."""
    headers = list(map(header_key, table.details.get("key", ())))
    new = [one.sibling, *file.siblings(one)]
    found = (key_with(one.identity.key, headers, other.column, other.new) for other in new)
    return list(dict.fromkeys(key for key in found if key))


def _corrected(one: Correction, keyed: KeyedRows, file: CorrectionFile) -> CorrectionDecision | None:
    """The decision that a correction is removable if its row has a corrected key and the new text; otherwise None."""
    places = matching(one.identity, file.siblings(one), keyed, certain=False)
    rows = tuple(int(keyed.at[place]) for place in places if keyed.rows[place].get(one.identity.column, "") == one.new)
    return (
        CorrectionDecision(one, "removable", "the source already has the corrected value", rows)
        if rows and one.column
        else None
    )


def _keyed(
    sources: Sources, places: Mapping[int, Mapping[str, Positions]], key: str, column: str, texts: set[str]
) -> KeyedRows:
    """The rows with a key. A blank ``key`` may have many rows, so only rows with one of ``texts`` are included."""
    rows, cells, headers, total = [], [], tuple[str, ...](), 0
    for number, found in places.items():
        table, at = sources.tables[number], found.get(key, np.zeros(0, np.int64))
        total += len(at)
        header = _header(table, column)
        if not key and header is not None and len(at):
            at = at[pc.is_in(table.cells(header, at), pa.array(sorted(texts), pa.string())).to_numpy(False)]
        at = at[~table.broken[at]]
        headers = headers or tuple(map(header_key, table.details.get("key", ())))
        rows.append(at + sources.offsets[number])
        cells += cells_of(table, at)
    return KeyedRows(np.concatenate(rows), cells, headers, total)


def _decided(one: Correction, keyed: KeyedRows, file: CorrectionFile, sources: Sources) -> CorrectionDecision:
    own = one.identity
    found = matching(own, file.siblings(one), keyed)
    rows = [int(keyed.at[place]) for place in found]
    texts = [keyed.rows[place].get(own.column, "") for place in found]
    old = tuple(row for row, text in zip(rows, texts, strict=True) if text == own.old)
    new = tuple(row for row, text in zip(rows, texts, strict=True) if text == one.new)
    if 0 < len(old) <= own.rows:
        tables = [sources.tables[number] for number in set(sources.split(np.array(old, np.int64))[0].tolist())]
        lost = _continued(one, old, sources) or _without_column(one, tables)
        return _stale(one, lost) if lost else CorrectionDecision(one, "applied", "", old)
    if len(old) > own.rows:
        return _stale(one, f"{len(old)} rows are identical, but the correction was recorded for {own.rows}")
    if len(new) > one.peers and one.column:
        return CorrectionDecision(one, "removable", "the source already has the corrected value", new)
    if len(rows) == 1:
        shown = shortened(texts[0], _LONGEST)
        return _stale(one, f"the cell has another value now: {shown!r}", *rows)
    if not keyed.count:
        return _stale(one, _ABSENT + ("row has this key" if own.key else "row without a key has this value"))
    return _stale(one, "the rows with this key have changed: cannot tell which one the correction is for")


def _continued(one: Correction, rows: Sequence[int], sources: Sources) -> str:
    """Why a row cannot be left out (rows without a key follow, which belong to it); ``""`` if it can."""
    if not one.leaves_out:
        return ""
    for row in rows:
        numbers, locals_ = sources.split(np.array([row], np.int64))
        table, at = sources.tables[int(numbers[0])], int(locals_[0])
        if table.details.get("continued") and at + 1 < len(table):
            own, following = table.details.get("key", ()), np.array([at, at + 1], np.int64)
            blank = [not any(table.cells(name, following)[n].as_py().strip() for name in own) for n in (0, 1)]
            if blank == [False, True]:
                return "the rows below it belong to the same customer"
    return ""


def _without_conflicts(decisions: list[CorrectionDecision]) -> list[CorrectionDecision]:
    """The decisions, but corrections are stale if they contradict each other or are in a row that is left out."""
    taken: dict[tuple[int, str], set[str]] = {}
    for one in decisions:
        for row in one.rows if one.status == "applied" else ():
            taken.setdefault((row, one.correction.identity.column), set()).add(one.correction.new)
    kept = []
    for one in decisions:
        cells = [(row, one.correction.identity.column) for row in one.rows] if one.status == "applied" else []
        if any(len(taken[cell]) > 1 for cell in cells):
            kept.append(_stale(one.correction, "another correction gives the cell another value"))
        elif one.correction.column and any((row, "") in taken for row, _ in cells):
            kept.append(_stale(one.correction, "the row is left out by another correction"))
        else:
            kept.append(one)
    return kept


def _lines(decision: CorrectionDecision) -> Iterator[tuple[object, ...]]:
    """A line for each cell to which a correction is applied, or one line for a correction that is not applied."""
    one, own = decision.correction, decision.correction.identity
    rows = decision.rows if decision.status == "applied" else (decision.rows or (-1,))[:1]
    for row in rows:
        named = (one.reference_id, own.table, own.key, one.column, own.old, one.new)
        yield (decision.status, decision.reason, *named, row)
