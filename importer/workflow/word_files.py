"""Reading the value table from a workbook or a CSV file, and comparing it with what WizCommerce has."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from shlex import quote

from importer.cell_text import fold, header_key, unmark_formulas
from importer.errors import InputError, UsageError
from importer.loader import LoadOptions, load
from importer.mapping.language.mapping_files import LoadedMapping
from importer.mapping.language.mapping_rules import TYPES
from importer.mapping.source_words import KindWords
from importer.mapping.word_table import KINDS, SEPARATOR, TYPE_KIND, WordLine, WordTable, split_kind, word_table
from importer.records import Severity
from importer.report.word_workbook import WordRow
from importer.tables import ATTRIBUTE_PREFIX, SourceTable
from importer.validation.attributes import AttributeDefinition
from importer.wording import first_few, nearest
from importer.workflow.directory import Directory

COLUMNS = ("kind", "word", "value")
LOOKED_UP = {"assigned_sales_rep_ids": "sales_rep", "assigned_price_list_id": "price_list"}
_HINT = "A value table is a file that `importer values` writes, with the columns kind, word, and value."
_MOST_NAMED = 20  # wrong lines named in a message


def with_words(loaded: LoadedMapping, file: Path | None, *, may_be_absent: bool = False) -> LoadedMapping:
    """The mapping with the value table in ``file``, or otherwise with the table that the mapping names.

    ``may_be_absent``: the table that the mapping names may not exist yet. If a table cannot be used, raises
    :class:`UsageError` with its wrong lines.
    """
    named = loaded.mapping.word_table
    if file is None and named is not None:
        file = loaded.folder / Path(named).expanduser()
        if may_be_absent and not file.exists():
            return loaded
    return loaded if file is None else replace(loaded, words=read_words(file))


def read_words(path: Path) -> WordTable:
    """The value table in a file. Raises :class:`UsageError` that names the file and its wrong lines."""
    if not path.is_file():
        raise UsageError(
            f"{path}: there is no such value table", f"To create it: importer values -o {quote(str(path))}"
        )
    options = LoadOptions(columns=(frozenset(COLUMNS),), allowed=frozenset(COLUMNS), partial=True)
    try:
        sources = load([str(path)], options)
    except InputError as error:
        raise UsageError(f"the value table cannot be read: {error.message}", f"{error.hint} {_HINT}") from error
    tables = [table for table in sources.tables if set(COLUMNS) <= {header_key(name) for name in table.frame.columns}]
    if len(tables) != 1:
        what = "has more than one sheet with a value table" if tables else "is not a value table"
        raise UsageError(f"{path} {what}", _HINT)
    wrong = [problem for problem in sources.problems if problem.severity is Severity.ERROR]
    if wrong:
        lines = "\n".join(f"{problem.location}: {problem.message}" for problem in wrong[:_MOST_NAMED])
        raise UsageError(lines, "Correct the value table, and run the command again.")
    return word_table(path.name, _lines(tables[0]))


def _lines(table: SourceTable) -> Iterator[WordLine]:
    """The lines of the table. Rows in which kind, word, and value are all blank are ignored."""
    names = {header_key(name): name for name in table.frame.columns}
    columns = [unmark_formulas(table.column(names[key])).to_pylist() for key in COLUMNS]
    for number, *cells in zip(table.row_numbers.tolist(), *columns, strict=True):
        kind, word, value = (cell.strip() for cell in cells)
        if kind or word or value:
            yield WordLine(kind, word, value, f"{table.name}:{number}")


def names_by_field(directory: Directory) -> dict[str, list[str]]:
    """Field → the names of the active sales reps or price lists."""
    return {
        field: [one.name or one.key or one.id for one in directory.known[kind] if one.active]
        for field, kind in LOOKED_UP.items()
        if kind in directory.known
    }


def refuse_unknown_values(words: WordTable, directory: Directory) -> None:
    """Raise :class:`UsageError` that names the lines with values that WizCommerce does not have, if that is known."""
    found = [f"{line.place}: {fault}" for line in words.every_line() if (fault := _unknown(line, directory))]
    if found:
        raise UsageError(
            first_few(found, _MOST_NAMED, "\n"),
            "Correct the value table, or create the value in WizCommerce first. Nothing was sent.",
        )


def _unknown(line: WordLine, directory: Directory) -> str | None:
    """What is wrong with the values of a line; None if the directory shows nothing wrong."""
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


@dataclass(frozen=True)
class WordChoices:
    """What exists for a kind of words: ``names``, as WizCommerce shows them.

    ``directory`` and ``lookup``: where names are looked up, if they are. ``attribute``: the attribute whose options the
    names are, if any.
    """

    names: Sequence[str]
    directory: Directory = field(default_factory=Directory)
    lookup: str | None = None
    attribute: AttributeDefinition | None = None

    def certain(self, word: str) -> str | None:
        """The only name that the word can mean: it differs at most in case and spaces, or a lookup finds it."""
        if self.lookup is not None and len(found := self.directory.find(self.lookup, word)) == 1:
            return _shown(self.directory, self.lookup, found[0].id)
        if self.attribute is not None and self.attribute.choose(word)[1] is None:
            return word  # the value of an option instead of its label, or several options
        same = [name for name in self.names if _without_spaces(name) == _without_spaces(word)]
        return same[0] if len(same) == 1 else None

    def near(self, word: str) -> str | None:
        """The name that is most similar to the word; None if none is similar."""
        if self.lookup is not None:
            return next(iter(self.directory.nearest(self.lookup, word)), None)
        names = {fold(name): name for name in self.names}
        return next((names[found] for found in nearest(fold(word), names)), None)


def _without_spaces(text: str) -> str:
    return fold(text).replace(" ", "")


def _shown(directory: Directory, lookup: str, one: str) -> str:
    """How a table refers to a sales rep or a price list: by its name if that is unique, or by its key or ID."""
    known = next(known for known in directory.known[lookup] if known.id == one)
    alone = bool(known.name) and len(directory.find(lookup, known.name)) == 1
    return known.name if alone else known.key or known.id


def choices_of(kind: str, words: KindWords, directory: Directory | None) -> WordChoices | None:
    """What exists for a kind of words; None for an attribute without known options, which needs no table.

    Without a directory, it is not known what WizCommerce has. For terms, modes, and methods, which WizCommerce does not
    list, it is the texts that the mapping itself uses.
    """
    lookup = LOOKED_UP.get(kind) if words.looked_up else None
    if kind in LOOKED_UP:
        if lookup is None or directory is None or lookup not in directory.known:
            return WordChoices(())
        names = (_shown(directory, lookup, one.id) for one in directory.known[lookup] if one.active)
        return WordChoices(tuple(dict.fromkeys(names)), directory, lookup)
    if kind in KINDS:
        return WordChoices(TYPES if kind == TYPE_KIND else tuple(words.targets))
    entity, name = split_kind(kind)
    definitions = {} if directory is None else directory.attributes.get(entity, {})
    definition = definitions.get(name.removeprefix(ATTRIBUTE_PREFIX))
    if definition is None or not definition.has_options:
        return None
    return WordChoices(definition.shown_options, attribute=definition)


def matched(
    found: Mapping[str, KindWords], directory: Directory | None, decided: WordTable
) -> tuple[list[WordRow], dict[str, Sequence[str]]]:
    """A row for each word of the source, and kind → what exists.

    The value is that of ``decided``, or the mapping's own, or the one that the word certainly means. If there is none,
    the nearest is proposed.
    """
    rows: list[WordRow] = []
    exists: dict[str, Sequence[str]] = {}
    for kind, words in found.items():
        choices = choices_of(kind, words, directory)
        if choices is None:
            continue
        exists[kind] = tuple(choices.names)
        known = decided.lines.get(kind, {})
        for word, count in words.words():
            line = known.get(fold(word))
            value = line.value if line is not None and line.value else _value(word, words, choices)
            proposal = None if value else choices.near(word)
            rows.append(WordRow(kind, word, count, value or "", proposal or ""))
    return rows, exists


def _value(word: str, words: KindWords, choices: WordChoices) -> str | None:
    own = words.value_of(word)
    if own is None or choices.lookup is None:
        return own or choices.certain(word)
    parts = [choices.certain(part) for part in own.split(SEPARATOR)]  # the mapping's own value may be misspelled
    return f"{SEPARATOR} ".join(part for part in parts if part) if all(parts) else None


def merged(rows: Sequence[WordRow], decided: WordTable) -> tuple[list[WordRow], dict[str, int]]:
    """The rows together with those of an earlier table, and how many values were kept, added, and absent.

    Words that are no longer in the source are kept if they have a value.
    """
    here = {(row.kind, fold(row.word)) for row in rows}
    before = {(line.kind, fold(line.word)): line for line in decided.every_line()}
    absent = [
        WordRow(line.kind, line.word, 0, line.value, "")
        for key, line in before.items()
        if key not in here and line.value
    ]
    counts = {
        "kept": sum(bool(line.value) for line in before.values()),
        "added": len(here - before.keys()),
        "absent": len(absent),
    }
    order = {kind: number for number, kind in enumerate(dict.fromkeys(row.kind for row in (*rows, *absent)))}
    return sorted((*rows, *absent), key=lambda row: order[row.kind]), counts
