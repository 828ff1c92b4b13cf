"""Recording corrections: each changed cell becomes one line of the file; contradictions are errors."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from importer.cell_text import header_key
from importer.corrections.corrections_file import LEAVE_OUT, Correction, CorrectionFile
from importer.corrections.original_rows import OriginalTable
from importer.corrections.row_identity import Identity, KeyedRows, Row, cells_of, matching
from importer.errors import UsageError


@dataclass(frozen=True)
class Recorded:
    """A file after recording. ``added`` are new; ``unchanged`` were already there; ``replaced`` were removed.

    ``ambiguous``: corrections that were not recorded because another row has the same text in all cells.
    """

    file: CorrectionFile
    added: tuple[Correction, ...]
    unchanged: tuple[Correction, ...]
    replaced: tuple[Correction, ...]
    ambiguous: tuple[str, ...] = ()


@dataclass(frozen=True)
class NewCorrection:
    """A correction to be recorded. ``row``: its position in the table. A blank ``column`` leaves the whole row out.

    ``place``: where the correction was made, for messages.
    """

    table: OriginalTable
    row: int
    column: str
    new: str
    place: str


class _Rows:
    """The rows of an original table, by their keys."""

    def __init__(self, table: OriginalTable) -> None:
        self._table = table
        self._keys = table.rows["key"].tolist()
        self._headers = tuple(map(header_key, table.key))

    @cached_property
    def cells(self) -> list[Row]:
        """All cells as the source has them."""
        return [*cells_of(self._table.as_table(), np.arange(len(self._keys), dtype=np.int64))]

    @cached_property
    def _by_key(self) -> Mapping[str, list[int]]:
        found: dict[str, list[int]] = {}
        for place, key in enumerate(self._keys):
            found.setdefault(key, []).append(place)
        return found

    def identity(self, row: int, column: str) -> Identity:
        """The identity of a cell in one of the rows."""
        key = self._keys[row]
        others = [self.cells[place] for place in self._by_key[key] if place != row]
        return Identity.of(self._table.table, key, header_key(column), self.cells[row], others, self._headers)

    def same_rows(self, row: int) -> set[int]:
        """The rows that have the same text in all cells, including ``row`` itself."""
        return {place for place in self._by_key[self._keys[row]] if self.cells[place] == self.cells[row]}

    def count_equal(self, row: int, column: str, new: str) -> int:
        """How many rows with the same key equal this row after its correction (at most 9)."""
        wanted = {**self.cells[row], header_key(column): new} if column else {}
        return min(9, sum(self.cells[place] == wanted for place in self._by_key[self._keys[row]]))

    def is_about(self, correction: Correction, file: CorrectionFile, row: int) -> bool:
        """Whether an earlier correction is about this row."""
        own = correction.identity
        if own.table != self._table.table or own.key != self._keys[row]:
            return False
        places = self._by_key[own.key]
        cells = [self.cells[place] for place in places]
        keyed = KeyedRows(np.array(places, np.int64), cells, self._headers, len(places))
        found = matching(own, file.siblings(correction), keyed)
        return row in {places[place] for place in found}


def record(
    file: CorrectionFile, wanted: Sequence[NewCorrection], *, run: str, recorded: str, replace_earlier: bool = False
) -> Recorded:
    """The file with these corrections added; nothing is written.

    ``recorded``: the time (UTC, ISO 8601). A correction whose new text is the source's text only takes back an earlier
    correction. Unless ``replace_earlier``, raises :class:`UsageError` that names both sides of each contradiction.
    """
    work = _Recording(file, run, recorded, replace_earlier)
    same: defaultdict[tuple[str, str, str], set[int]] = defaultdict(set)
    for one in wanted:
        same[one.table.source, one.column, one.new].add(one.row)
    for one in wanted:
        work.add(one, same[one.table.source, one.column, one.new])
    if work.faults:
        raise UsageError("\n".join(work.faults), "With --replace, the later one wins. Nothing was recorded.")
    return work.result()


@dataclass
class _Recording:
    """The state of a recording. ``known``: (table, key, column) → the corrections so far."""

    file: CorrectionFile
    run: str
    recorded: str
    replace_earlier: bool
    faults: list[str] = field(default_factory=list)
    known: "defaultdict[tuple[str, ...], list[Correction]]" = field(default_factory=lambda: defaultdict(list))
    rows: dict[str, _Rows] = field(default_factory=dict)
    unchanged: dict[Correction, None] = field(default_factory=dict)
    ambiguous: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for one in self.file.corrections:
            self.known[_group(one.identity)].append(one)

    def add(self, one: NewCorrection, same: AbstractSet[int]) -> None:
        """Record one correction. ``same``: the rows whose cells in this column get the same text."""
        if not one.table.table:
            message = f"run {self.run} does not know the mapping's name for {one.table.source}"
            raise UsageError(message, "Check the sources again, and fix the rows of that run.")
        rows = self.rows.setdefault(one.table.source, _Rows(one.table))
        made = self._made(one, rows)
        if made.identity.rows > 1 and not rows.same_rows(one.row) <= same:
            self.ambiguous[f"{one.place}: {made.identity.rows} rows are identical; correct all of them, or none"] = None
            return
        own = self.known[_group(made.identity)]
        earlier = [other for other in own if self._same_cell(other, made, rows, one.row)]
        for other in earlier:
            if other.new == made.new:
                self.unchanged[other] = None
            elif not self.replace_earlier or (other.run == self.run and not other.line):
                self.faults.append(f"{one.place}: {made.describe()} contradicts {self._named(other)}")
            else:
                own.remove(other)
                if made.new != other.identity.old:
                    own.append(replace(other, new=made.new, recorded=self.recorded, run=self.run, line=0))
        if not earlier and (made.new != made.identity.old or made.leaves_out):
            own.append(made)

    def _made(self, one: NewCorrection, rows: _Rows) -> Correction:
        reference_id = one.table.rows["reference_id"].iloc[one.row]
        known = reference_id if isinstance(reference_id, str) else ""
        new = one.new if one.column else LEAVE_OUT
        peers = rows.count_equal(one.row, one.column, new)
        return Correction(rows.identity(one.row, one.column), one.column, new, known, self.recorded, self.run, peers)

    def _same_cell(self, other: Correction, made: Correction, rows: _Rows, row: int) -> bool:
        """Whether an earlier correction is for the same cell, which may have the corrected text by now."""
        if other.identity == made.identity:
            return True
        return made.identity.old in {other.identity.old, other.new} and rows.is_about(other, self.file, row)

    def _named(self, other: Correction) -> str:
        where = f"{self.file.path}:{other.line}" if other.line else "another row of the same files"
        return f"{where}: {other.describe()}"

    def result(self) -> Recorded:
        kept = sorted((one for own in self.known.values() for one in own), key=lambda one: (not one.line, one.line))
        before = set(self.file.corrections)
        added = tuple(one for one in kept if one not in before)
        gone = tuple(one for one in self.file.corrections if one not in set(kept))
        unchanged = tuple(one for one in self.unchanged if one in before)
        return Recorded(replace(self.file, corrections=tuple(kept)), added, unchanged, gone, tuple(self.ambiguous))


def _group(own: Identity) -> tuple[str, ...]:
    return own.table, own.key, own.column
