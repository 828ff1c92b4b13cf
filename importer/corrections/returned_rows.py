"""Compare a returned file of rejected rows with the original rows, to find the changed cells."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from importer.cell_text import header_key
from importer.corrections.original_rows import Originals, OriginalTable
from importer.errors import UsageError
from importer.loader import LoadOptions, load
from importer.tables import IMPORT_ERRORS, SourceTable

_NUMBER = re.compile(r"\s*row (\d+)\b")
_SAME = 0.5  # at least this share of a row's filled cells must be unchanged; otherwise, it is a different row


@dataclass(frozen=True)
class CellChange:
    """A changed cell. ``row``: the position of its row in the table; ``place``: where it is in the returned file."""

    table: OriginalTable
    row: int
    column: str
    before: str
    after: str
    place: str

    @property
    def where(self) -> str:
        return f"{self.table.source}:{int(self.table.numbers[self.row])} [{self.column}]"


@dataclass
class Returned:
    """The content of returned files.

    ``unknown``: rows and columns that cannot be matched to the run's, each as place and reason. ``rows``: table number
    → the rows that were returned. ``products``: the returned files, as ``in_workbook`` or ``in_list`` and the table.
    """

    changes: list[CellChange] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    rows: "defaultdict[int, set[int]]" = field(default_factory=lambda: defaultdict(set))
    products: set[tuple[str, int]] = field(default_factory=set)

    def missing(self, originals: Originals) -> Iterator[tuple[OriginalTable, int]]:
        """The rows that were in the files when the run wrote them, but were not returned."""
        for number, table in enumerate(originals.tables):
            for product in ("in_workbook", "in_list"):
                if (product, number) in self.products:
                    for row in table.rows.index[table.rows[product].astype(bool)].tolist():
                        if row not in self.rows[number]:
                            yield table, row


def run_of(path: Path) -> str | None:
    """The run that wrote a workbook of rejected rows, as the workbook itself says; None if it does not."""
    if path.suffix.lower() != ".xlsx" or not path.is_file():
        return None
    tables = load([str(path)], LoadOptions(partial=True)).tables
    return next((str(table.details["run"]) for table in tables if "run" in table.details), None)


def read_returned(files: Sequence[Path], originals: Originals) -> Returned:
    """The changes in these files. Raises :class:`InputError` for a file that is not one of the run's."""
    found = Returned()
    for path in files:
        columns = tuple(frozenset(table.cells.columns) for table in originals.tables)
        allowed = frozenset(header_key(name) for names in columns for name in names)
        for table in load([str(path)], LoadOptions(columns=columns, allowed=allowed, partial=True, notes=True)).tables:
            if len(table.headers) and (len(table) or table.sheet is None):
                _compare(path, table, originals, found)
    return found


def _compare(path: Path, table: SourceTable, originals: Originals, found: Returned) -> None:
    first = table.headers[0]
    if header_key(first) != IMPORT_ERRORS:
        raise UsageError(
            f"{table.name} is not a file of rejected rows: its first column is not {IMPORT_ERRORS}",
            "Use the corrected rejected.xlsx of a run, or a file from its folder rejected/.",
        )
    number = _number_of(path, table, originals)
    original = originals.tables[number]
    workbook = "stands_for" in table.details or table.sheet is not None
    found.products |= (
        {("in_workbook", place) for place in range(len(originals.tables))} if workbook else {("in_list", number)}
    )
    columns = {name: table.column(name).to_pylist() for name in table.headers}
    known = {header_key(name): name for name in original.cells.columns}
    pairs = {name: known.get(header_key(name), name) for name in table.headers[1:]}
    pairs = {name: own for name, own in pairs.items() if original.can_correct(own)}
    found.unknown += [
        f"{table.name} [{name}]: not a column of the source"
        for name in table.headers[1:]
        if name not in pairs and any(text.strip() for text in columns[name])
    ]
    # Cells with data that must never leave the source were emptied, so whatever is in them now is not recorded.
    pairs = {name: own for name, own in pairs.items() if own not in original.secrets and name not in table.secrets}
    rows = [{pairs[name]: columns[name][at] for name in pairs} for at in range(len(table))]
    matched = _matched(original, rows, columns[first])
    for at, (cells, row) in enumerate(zip(rows, matched, strict=True)):
        place = f"{table.name}:{int(table.row_numbers[at])}"
        if isinstance(row, str):
            found.unknown.append(f"{place}: {row}")
            continue
        found.rows[number].add(row)
        before = ((name, original.text(row, name), text) for name, text in cells.items())
        found.changes += [CellChange(original, row, *one, place) for one in before if one[1] != one[2]]


def _number_of(path: Path, table: SourceTable, originals: Originals) -> int:
    """The number of the run's table whose rows a returned table has. Raises :class:`UsageError`."""
    headers = set(map(header_key, table.headers))
    shared = {
        number: len(headers & set(map(header_key, one.cells.columns))) for number, one in enumerate(originals.tables)
    }
    fitting = [number for number, count in shared.items() if 2 * count > len(originals.tables[number].cells.columns)]
    stands_for = tuple(table.details.get("stands_for") or ())
    named = [
        number
        for number in fitting
        if originals.tables[number].stands_for == stands_for
        or (not stands_for and originals.tables[number].sheet == table.sheet)
        or (table.sheet is None and originals.tables[number].list == path.name)
    ]
    if len(named or fitting) != 1:
        what = "several tables" if fitting else "no table"
        raise UsageError(
            f"{table.name}: its columns match {what} of run {originals.run}",
            "Specify the run that wrote the file with --run, and use the file's original name.",
        )
    return (named or fitting)[0]


def _matched(original: OriginalTable, rows: Sequence[Mapping[str, str]], notes: Sequence[str]) -> list[int | str]:
    """For each returned row, its position in the original table, or why it has none.

    If the first column has a row number, that row counts if the returned row is still similar to it. Otherwise, a row
    with the same text in all cells counts, or else the only row with the same key.
    """
    at_number = {number: place for place, number in enumerate(original.numbers.tolist())}
    claimed: list[int | str] = []
    for cells, note in zip(rows, notes, strict=True):
        match = _NUMBER.match(note)
        place = at_number.get(int(match[1])) if match else None
        if match and place is None:
            claimed.append(f"row {match[1]} was not rejected in that run")
        elif match and place is not None and not _is_same_row(original, place, cells):
            claimed.append(f"it says row {match[1]}, but its cells are not those of row {match[1]}")
        else:
            claimed.append(-1 if place is None else place)
    if -1 in claimed:
        claimed = _by_content(original, rows, claimed)
    counts = Counter(place for place in claimed if isinstance(place, int))
    return [
        _doubled(original, place, rows, claimed, at) if isinstance(place, int) and counts[place] > 1 else place
        for at, place in enumerate(claimed)
    ]


def _doubled(
    original: OriginalTable, place: int, rows: Sequence[Mapping[str, str]], claimed: Sequence[int | str], at: int
) -> int | str:
    """The position of a row that was returned several times, if all copies are the same; otherwise, an error text."""
    copies = [rows[other] for other, claim in enumerate(claimed) if claim == place]
    if all(copy == rows[at] for copy in copies):
        return place
    return f"row {int(original.numbers[place])} appears {len(copies)} times with different values"


def _is_same_row(original: OriginalTable, place: int, cells: Mapping[str, str]) -> bool:
    before = {name: original.text(place, name) for name in cells}
    filled = [name for name, text in before.items() if text.strip()]
    same = sum(_plain(cells[name]) == _plain(before[name]) for name in filled)
    return same >= _SAME * len(filled) or same >= len(filled) - 1


def _plain(text: str) -> str:
    """A text without the characters that a spreadsheet may change on its own, for recognizing rows."""
    return re.sub(r"[\s,.']|^[+0]+", "", text).casefold()


def _by_content(
    original: OriginalTable, rows: Sequence[Mapping[str, str]], claimed: Sequence[int | str]
) -> list[int | str]:
    """Also find the positions of rows without a number, by all of their cells or by a key that only one row has."""
    names = list(rows[0]) if rows else []
    every = [tuple(original.text(place, name) for name in names) for place in range(len(original.rows))]
    taken = {place for place in claimed if isinstance(place, int) and place >= 0}
    exact: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    keyed: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, texts in enumerate(every):
        if place not in taken:
            exact[texts].append(place)
            keyed[_key(original, dict(zip(names, texts, strict=True)))].append(place)
    found: list[int | str] = []
    for cells, claim in zip(rows, claimed, strict=True):
        if claim != -1:
            found.append(claim)
            continue
        same = exact.get(tuple(cells[name] for name in names), [])
        key = _key(original, cells)
        own = keyed.get(key, []) if any(key) else []
        if same:
            found.append(same.pop(0) if len(same) > 1 else same[0])
        elif len(own) == 1 and _is_same_row(original, own[0], cells):
            found.append(own[0])
        else:
            found.append(
                "cannot tell which row of the source it is: import_errors has no number, and its key is not unique"
            )
    return found


def _key(original: OriginalTable, cells: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(cells.get(name, "").strip() for name in original.key)
