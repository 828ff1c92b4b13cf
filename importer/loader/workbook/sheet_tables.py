"""Makes tables from the sheets of any kind of file: header, records, and the problems to report."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from importer.cell_text import filled_cells, fold, header_key
from importer.errors import NoSourceError, SourceError, UsageError
from importer.loader.assemble import Origin, RawTable, RecordFault
from importer.loader.layout import HEAD_RECORDS, Header, LoadOptions, find_header, header_score
from importer.loader.text.column_store import Body
from importer.loader.workbook.sheet_cells import UNSEEN, Grid, SheetCells
from importer.records import Problem, Severity
from importer.tables import GUIDE_COLUMNS, GUIDE_RUNS, GUIDE_TITLES, LISTS_TITLE, SourceTable
from importer.wording import counted

_MAX_LISTED = 12
_MAX_SHEETS = 1000


@dataclass(frozen=True)
class SourceSheet:
    """One sheet: its cells in columns of text, and what else was found in it."""

    origin: Origin
    grid: Grid
    cells: SheetCells

    def raw_table(self, options: LoadOptions) -> RawTable:
        rows = self.grid.rows + 1
        header = find_header(self.grid.head(HEAD_RECORDS), options, self.origin.file, self.origin.sheet or "")
        start = header.row if header else 0
        columns = [column.slice(start) for column in self.grid.columns]
        body = Body(columns, np.full(len(rows) - start, len(columns), np.int64), rows[start:])
        unread = self._left_out() if self.cells.hidden and options.sheet is None else None
        if header is not None:
            header = _renumbered(header, rows.tolist())
        faults, unused = self._uncalculated(header, start, options)
        more = partial(self._problems, unused)
        return RawTable(self.origin, header, body, faults, known=unread is None, more_problems=more, unread=unread)

    def _left_out(self) -> Problem:
        message = f"the sheet is hidden: none of its {len(self.grid.rows):,} rows was read"
        hint = f"To read it, unhide it, or use --sheet {self.origin.sheet!r}."
        return Problem(Severity.WARNING, "sheet_hidden", message, hint, location=self.origin.at(None))

    def _uncalculated(
        self, header: Header | None, start: int, options: LoadOptions
    ) -> tuple[list[RecordFault], Counter[str]]:
        """Formulas without a value: faults in columns that the mapping uses, and counts by column in other columns."""
        names = _column_names(header.cells if header else [""] * len(self.grid.columns))
        message = "the cell has a formula that was never calculated: the program that wrote the file left out the value"
        hint = "Open the file in Excel or LibreOffice, save it, and import it again."
        faults: list[RecordFault] = []
        unused: Counter[str] = Counter()
        for row, column in self.grid.indices(self.cells.uncalculated) if self.cells.uncalculated else ():
            if row < start:
                continue
            if not any(options.keys) or any(header_key(names[column]) in keys for keys in options.keys):
                faults.append(RecordFault(row - start, "formula_without_value", message, hint, names[column]))
            else:
                unused[names[column]] += 1
        return faults, unused

    def _problems(self, unused: Counter[str], table: SourceTable) -> Iterator[Problem]:
        """Problems of the whole sheet, one of each kind at its first place."""
        header = table.details["header_row"]
        for name, count in unused.items():
            were = "was" if count == 1 else "were"
            message = f"{counted(count, 'formula')} in a column that the mapping does not use {were} never calculated"
            place = self.origin.at(header, name)
            yield Problem(Severity.INFO, "formula_without_value", message, "No action is needed.", location=place)
        names = [str(name) for name in table.frame.columns]
        if header:
            at = int(np.searchsorted(self.grid.rows, header - 1))
            names = _column_names([column[at].as_py() for column in self.grid.columns])
        yield from self._rounded(header, names)
        for note in self.cells.notes:
            yield Problem(Severity.WARNING, *note, location=self.origin.at(None))
        for what, count in self.cells.invisible.items():
            message = (
                f"{counted(count, what[:-1])} that the page does not show {'is' if count == 1 else 'are'} left out"
            )
            hint = "To import them, make them visible in the page, or export the table again."
            yield Problem(Severity.WARNING, "invisible_cells", message, hint, location=self.origin.at(None))
        self.cells.mark(UNSEEN, self._covered())
        yield from self._marked(header)
        yield from self._hidden_and_merged(header, names)

    def _covered(self) -> Iterator[int]:
        """The rows of filled cells that the first cell of a merged block covers."""
        filled = [filled_cells(column) for column in self.grid.columns if self.cells.merged]
        for top, left, bottom, right in self.cells.merged:
            rows = slice(*np.searchsorted(self.grid.rows, (top, bottom + 1)))
            for place in range(*np.searchsorted(self.grid.places, (left, right + 1))):
                covered = self.grid.rows[rows][filled[place][rows]].tolist()
                yield from (row for row in covered if (row, self.grid.places[place]) != (top, left))

    def _marked(self, header: int) -> Iterator[Problem]:
        """A warning for each way in which cells are crossed out or not shown."""
        for how, marked in self.cells.marked.items():
            rows = sorted({row + 1 for row in marked if row >= header})
            if rows:
                has, was = ("has", "was") if len(rows) == 1 else ("have", "were")
                message = f"{counted(len(rows), 'row')} {has} {how} and {was} read like the others: {_listed(rows)}"
                hint = "If they should not be imported, delete them, or leave them out with a `skip` rule."
                yield Problem(Severity.WARNING, "row_marked", message, hint, location=self.origin.at(rows[0]))

    def _rounded(self, header: int, names: list[str]) -> Iterator[Problem]:
        """Numbers whose digits are gone: one problem for each column."""
        found: dict[int, list[int]] = {}
        for row, column in self.cells.rounded:
            if row >= header and column < len(names):
                found.setdefault(column, []).append(row)
        for column, rows in found.items():
            some = counted(len(rows), "number has", "numbers have")
            message = f"{some} more digits than a spreadsheet keeps: all after the 15th are lost"
            hint = "Export again with the column formatted as text."
            place = self.origin.at(rows[0] + 1, names[column])
            yield Problem(Severity.WARNING, "digits_lost", message, hint, location=place)

    def _hidden_and_merged(self, header: int, names: list[str]) -> Iterator[Problem]:
        last = int(self.grid.rows[-1]) + 1
        rows = [
            row + 1 for span in self.cells.hidden_rows for row in range(max(span.start, header), min(span.stop, last))
        ]
        hidden = {
            place for span in self.cells.hidden_columns for place in range(span.start, min(span.stop, len(names)))
        }
        columns = [names[place] for place in sorted(hidden)]
        merged = [(top + 1, bottom + 1) for top, _, bottom, _ in sorted(self.cells.merged) if header <= top < last]
        if rows:
            message = f"{_were(len(rows), 'hidden row')} read like the others: {_listed(rows)}"
            hint = "If they should not be imported, delete them, or leave them out with a `skip` rule."
            yield Problem(Severity.WARNING, "hidden_rows", message, hint, location=self.origin.at(rows[0]))
        if columns:
            message = f"{_were(len(columns), 'hidden column')} read like the others: {_listed(columns)}"
            place = self.origin.at(header, columns[0])
            yield Problem(Severity.INFO, "hidden_columns", message, "No action is needed.", location=place)
        if merged:
            blocks = [f"row {top}" if top == bottom else f"rows {top}-{bottom}" for top, bottom in merged]
            has = "it has" if len(merged) == 1 else "each has"
            message = (
                f"{counted(len(merged), 'merged block')} of cells: {_listed(blocks)}; {has} one value in its first cell"
            )
            hint = (
                "Unmerge the cells, and fill in each row. Or, if a customer's cells are merged across several rows, "
                "use a mapping with `blank_key: above`."
            )
            yield Problem(Severity.WARNING, "merged_cells", message, hint, location=self.origin.at(merged[0][0]))


def _were(count: int, noun: str) -> str:
    return f"{counted(count, noun)} {'was' if count == 1 else 'were'}"


def sheet_tables(found: Sequence[SheetCells], origin: Origin, options: LoadOptions) -> list[RawTable]:
    """The tables of the sheets that have cells, or only of the one that ``options`` name.

    Raises :class:`SourceError` for a workbook that is empty, and for two sheets of one name; :class:`UsageError` for an
    unknown sheet.
    """
    file = origin.file
    names = [cells.name for cells in found]
    doubled = next((name for name, count in Counter(names).items() if count > 1), None)
    if doubled is not None:
        raise SourceError(f"{file}: two sheets are named {doubled!r}", "Rename one of them.")
    if not any(wanted(options, name) for name in names):
        listed = ", ".join(repr(name) for name in names if name)
        raise UsageError(f"{file}: the workbook has no sheet {options.sheet!r}", f"Its sheets: {listed}.")
    if len(found) > _MAX_SHEETS:
        raise SourceError(
            f"{file}: {len(found):,} sheets or tables are too many",
            "Normal exports do not look like this. Reduce the number of sheets.",
        )
    grids = [(cells, cells.finish()) for cells in found]
    sheets = [
        SourceSheet(replace(origin, sheet=cells.name or None), grid, cells) for cells, grid in grids if len(grid.rows)
    ]
    sheets = list(_without_guide(sheets))
    hidden = [sheet.origin.sheet for sheet in sheets if sheet.cells.hidden and options.sheet is None]
    if not sheets:
        raise NoSourceError(f"{file}: the workbook is empty", "Export the table again, with its header and rows.")
    if len(hidden) == len(sheets):
        raise NoSourceError(
            f"{file}: all sheets with cells are hidden: {_listed(hidden)}",
            "Unhide the sheet, or specify it with --sheet.",
        )
    tables = [sheet.raw_table(options) for sheet in sheets]
    unread = [
        raw.origin.sheet for raw in tables if raw.unread and raw.header and header_score(raw.header.cells, options)
    ]
    if unread and not any(raw.matches(options) for raw in tables):
        raise NoSourceError(
            f"{file}: only hidden sheets have columns of the mapping: {_listed(unread)}",
            f"Unhide the sheet, or specify it: --sheet {unread[0]!r}.",
        )
    return tables


def wanted(options: LoadOptions, name: str) -> bool:
    """Whether a sheet is to be read. As in a spreadsheet, uppercase and lowercase letters are the same."""
    return options.sheet is None or fold(options.sheet) == fold(name)


def _renumbered(header: Header, rows: list[int]) -> Header:
    """A header found in the first rows, with the sheet's row numbers."""
    return replace(
        header,
        row=rows[header.row - 1] if header.row else 0,  # 0: a file without a header
        above=[(rows[index - 1], reason) for index, reason in header.above],
        instructions=tuple(rows[index - 1] for index in header.instructions),
    )


def _without_guide(sheets: Sequence[SourceSheet]) -> Iterator[SourceSheet]:
    """The sheets without those that explain a workbook of rejected rows and feed its drop-down lists (never data).

    The first lists the file and sheet of origin of the rows in the others, and names the run; their details get both,
    as ``stands_for`` and ``run``.
    """
    origins: dict[str | None, list[str]] = {}
    others, run = [], ""
    for sheet in sheets:
        titles = {cell.strip() for row in sheet.grid.head(HEAD_RECORDS) for cell in row}
        if LISTS_TITLE in titles:
            continue
        if GUIDE_TITLES.isdisjoint(titles):
            others.append(sheet)
            continue
        rows = [[cell.strip() for cell in row] for row in sheet.grid.head()]
        named = (cell for row in rows for cell in row if cell.startswith(GUIDE_RUNS))
        run = next(named, "").rpartition(" ")[2].strip(".")
        heads = ((at, head) for at, row in enumerate(rows) for head in GUIDE_COLUMNS if set(head) <= set(row))
        start, columns = next(heads, (len(rows), ()))
        for row in rows[start + 1 :]:
            name, *source = (row[rows[start].index(column)] for column in columns)
            if not name:
                break
            origins[name] = source
    for sheet in others:
        source = origins.get(sheet.origin.sheet, [])
        details = {**sheet.origin.details, "stands_for": source} if source else sheet.origin.details
        details = {**details, "run": run} if run else details
        yield replace(sheet, origin=replace(sheet.origin, details=details))


def _column_names(cells: Sequence[str]) -> list[str]:
    return [cell.strip() or f"Column {place}" for place, cell in enumerate(cells, start=1)]


def _listed(items: Sequence[object]) -> str:
    return ", ".join(map(str, items[:_MAX_LISTED])) + (", and more" if len(items) > _MAX_LISTED else "")
