"""What of WizCommerce a word of the source means: certainly, perhaps, or what there is to choose from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from importer.cell_text import fold
from importer.did_you_mean import nearest
from importer.mapping.language.mapping_rules import TYPES
from importer.mapping.source_words import KindWords
from importer.mapping.word_table import KINDS, SEPARATOR, TYPE_KIND, WordTable, split_kind
from importer.report.word_workbook import WordRow
from importer.tables import ATTRIBUTE_PREFIX
from importer.validation import AttributeDefinition
from importer.workflow.directory import Directory
from importer.workflow.word_files import LOOKED_UP


@dataclass(frozen=True)
class Choices:
    """What exists for one kind of words: its ``names``, as WizCommerce shows them.

    ``directory`` and ``lookup``: where names are looked up, if they are. ``attribute``: whose options the names are.
    """

    names: Sequence[str]
    directory: Directory = field(default_factory=Directory)
    lookup: str | None = None
    attribute: AttributeDefinition | None = None

    def certain(self, word: str) -> str | None:
        """The one name that the word is: the same but for case and spaces, or found by a lookup."""
        if self.lookup is not None and len(found := self.directory.find(self.lookup, word)) == 1:
            return _shown(self.directory, self.lookup, found[0].id)
        if self.attribute is not None and self.attribute.choose(word)[1] is None:
            return word  # an option's value instead of its label, or several options
        same = [name for name in self.names if _squeezed(name) == _squeezed(word)]
        return same[0] if len(same) == 1 else None

    def near(self, word: str) -> str | None:
        """The name that is most like the word, if any is."""
        if self.lookup is not None:
            return next(iter(self.directory.nearest(self.lookup, word)), None)
        names = {fold(name): name for name in self.names}
        return next((names[found] for found in nearest(fold(word), names)), None)


def _squeezed(text: str) -> str:
    return fold(text).replace(" ", "")


def _shown(directory: Directory, lookup: str, one: str) -> str:
    """How a table names a sales rep or a price list: by name, or where several have that name by what differs."""
    known = next(known for known in directory.known[lookup] if known.id == one)
    alone = bool(known.name) and len(directory.find(lookup, known.name)) == 1
    return known.name if alone else known.key or known.id


def choices_of(kind: str, words: KindWords, directory: Directory | None) -> Choices | None:
    """What exists for a kind of words; None for a kind that needs no table: an attribute without options.

    Without a directory, what WizCommerce has is not known. Of terms, modes, and methods, which WizCommerce does not
    list, the texts that the mapping itself gives are what exists.
    """
    lookup = LOOKED_UP.get(kind) if words.looked_up else None
    if kind in LOOKED_UP:
        if lookup is None or directory is None or lookup not in directory.known:
            return Choices(())
        names = (_shown(directory, lookup, one.id) for one in directory.known[lookup] if one.active)
        return Choices(tuple(dict.fromkeys(names)), directory, lookup)
    if kind in KINDS:
        return Choices(TYPES if kind == TYPE_KIND else tuple(words.targets))
    entity, name = split_kind(kind)
    definitions = {} if directory is None else directory.attributes.get(entity, {})
    definition = definitions.get(name.removeprefix(ATTRIBUTE_PREFIX))
    if definition is None or not definition.has_options:
        return None
    return Choices(definition.shown_options, attribute=definition)


def matched(
    found: Mapping[str, KindWords], directory: Directory | None, decided: WordTable
) -> tuple[list[WordRow], dict[str, Sequence[str]]]:
    """A row for each word of the source, and kind → what exists.

    A value is that of ``decided``, else the mapping's own, else the one that the word certainly is; where there is
    none, the nearest is proposed.
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


def _value(word: str, words: KindWords, choices: Choices) -> str | None:
    own = words.value_of(word)
    if own is None or choices.lookup is None:
        return own or choices.certain(word)
    parts = [choices.certain(part) for part in own.split(SEPARATOR)]  # the mapping's own value may be misspelt
    return f"{SEPARATOR} ".join(part for part in parts if part) if all(parts) else None


def merged(rows: Sequence[WordRow], decided: WordTable) -> tuple[list[WordRow], dict[str, int]]:
    """The rows together with those of an earlier table, and what became of both, counted.

    Words that the source no longer has are kept if they have a value.
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
