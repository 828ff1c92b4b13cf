"""Reading the value table, in a workbook or a CSV file, and holding it against what WizCommerce has."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from importer.cell_text import header_key, unmark_formulas
from importer.errors import InputError, UsageError
from importer.loader import LoadOptions, load
from importer.mapping import LoadedMapping
from importer.mapping.word_table import TYPE_KIND, WordLine, WordTable, split_kind, word_table
from importer.records import Severity
from importer.tables import ATTRIBUTE_PREFIX, SourceTable
from importer.workflow.directory import Directory

COLUMNS = ("kind", "word", "value")
LOOKED_UP = {"assigned_sales_rep_ids": "sales_rep", "assigned_price_list_id": "price_list"}
HINT = "It is a table that `importer values` writes, with the columns kind, word, and value."
_MOST_NAMED = 20  # wrong lines in a message


def with_words(loaded: LoadedMapping, file: Path | None, *, may_be_absent: bool = False) -> LoadedMapping:
    """The mapping with the value table in ``file``, or else with the one that it names itself.

    ``may_be_absent``: the one that it names need not be there yet. Raises :class:`UsageError` for a table that cannot
    be used, with each of its wrong lines.
    """
    named = loaded.mapping.word_table
    if file is None and named is not None:
        file = loaded.folder / Path(named).expanduser()
        if may_be_absent and not file.exists():
            return loaded
    return loaded if file is None else replace(loaded, words=read_words(file))


def read_words(path: Path) -> WordTable:
    """The value table in a file. Raises :class:`UsageError` that names the file and each wrong line."""
    if not path.is_file():
        raise UsageError(f"{path}: there is no such value table", HINT)
    options = LoadOptions(columns=(frozenset(COLUMNS),), allowed=frozenset(COLUMNS), partial=True)
    try:
        sources = load([str(path)], options)
    except InputError as error:
        raise UsageError(f"the value table cannot be read: {error.message}", f"{error.hint} {HINT}") from error
    tables = [table for table in sources.tables if set(COLUMNS) <= {header_key(name) for name in table.frame.columns}]
    if len(tables) != 1:
        what = "has more than one sheet with a value table" if tables else "is not a value table"
        raise UsageError(f"{path} {what}", HINT)
    wrong = [problem for problem in sources.problems if problem.severity is Severity.ERROR]
    if wrong:
        lines = "\n".join(f"{problem.location}: {problem.message}" for problem in wrong[:_MOST_NAMED])
        raise UsageError(lines, "Correct the value table, and run the command again.")
    return word_table(path.name, _lines(tables[0]))


def _lines(table: SourceTable) -> Iterator[WordLine]:
    """The lines of the table; rows without kind, word, and value are no lines."""
    names = {header_key(name): name for name in table.frame.columns}
    columns = [unmark_formulas(table.column(names[key])).to_pylist() for key in COLUMNS]
    for number, *cells in zip(table.row_numbers.tolist(), *columns, strict=True):
        kind, word, value = (cell.strip() for cell in cells)
        if kind or word or value:
            yield WordLine(kind, word, value, f"{table.name}:{number}")


def names_by_field(directory: Directory) -> dict[str, list[str]]:
    """Field → the active sales reps or price lists, by name."""
    return {
        field: [one.name or one.key or one.id for one in directory.known[kind] if one.active]
        for field, kind in LOOKED_UP.items()
        if kind in directory.known
    }


def refuse_unknown_values(words: WordTable, directory: Directory) -> None:
    """Raise :class:`UsageError` that names each line whose value WizCommerce does not have, where that is known."""
    found = [f"{line.place}: {fault}" for line in words.every_line() if (fault := _unknown(line, directory))]
    if found:
        more = [f"and {len(found) - _MOST_NAMED:,} more"] if len(found) > _MOST_NAMED else []
        raise UsageError(
            "\n".join([*found[:_MOST_NAMED], *more]),
            "Correct the value table, or create the value in WizCommerce first. Nothing was sent.",
        )


def _unknown(line: WordLine, directory: Directory) -> str | None:
    """What is wrong with the values of a line, as far as the directory knows."""
    kind = LOOKED_UP.get(line.kind)
    entity, name = split_kind(line.kind)
    if kind is not None:
        if kind not in directory.known:
            return None
        for value in line.values:
            meant = directory.find(kind, value)
            if len(meant) != 1:
                near = " or ".join(repr(other) for other in directory.nearest(kind, value) if not meant)
                several = f"{len(meant)} have that name" if meant else "WizCommerce does not have it"
                return f"{value!r} cannot be used: {several}{f'; did you mean {near}?' if near else ''}"
    elif line.kind != TYPE_KIND and name.startswith(ATTRIBUTE_PREFIX):
        definition = directory.attributes.get(entity, {}).get(name.removeprefix(ATTRIBUTE_PREFIX))
        if definition is not None and definition.has_options:
            wrong = [part for value in line.values if (part := definition.choose(value)[1]) is not None]
            if wrong:
                return f"{wrong[0]!r} is not an option of the attribute {definition.name!r}"
    return None
