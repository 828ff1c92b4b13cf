"""The values to choose from for a cell if the mapping expects certain values: words, names, options, or places."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.cell_text import fold
from importer.mapping.language.mapping_files import LoadedMapping
from importer.mapping.language.mapping_rules import FieldRule
from importer.mapping.source_words import KindWords
from importer.mapping.transforms.country_names import countries_to_choose, states_to_choose
from importer.mapping.word_table import FREE_KINDS, has_words, kind_of
from importer.report.word_counts import WordCounts
from importer.tables import Entity, EntityTables, Sources
from importer.workflow.directory import Directory
from importer.workflow.word_files import choices_of

Choices = Mapping[str, tuple[str, ...]]
# Steps after which a cell is still the whole value.
_WHOLE = frozenset({"text", "decode", "unescape", "tidy", "upper", "lower", "title", "collapse", "country", "state"})
_PLACES = ("country", "state")
_MOST_USED = 100  # words of the file that are offered
_MOST_COUNTRIES = 5  # countries whose states are listed
_SAMPLED = 1_000  # rows read to see whether a column has codes or names
_CODE = 3  # maximum length of a code


def cell_choices(
    loaded: LoadedMapping, directory: Directory | None, sources: Sources, tables: EntityTables, words: WordCounts
) -> Choices:
    """``address country`` → the values that a cell of that field can have, in the order of a drop-down list.

    Only fields whose cells hold the whole value have such a list. ``part country`` and ``part state`` are for parts of
    addresses that are split. ``directory``: what WizCommerce has, if known. ``words``: those of the file.
    """
    rules: dict[tuple[Entity, str], list[FieldRule]] = {}
    for entity, section in loaded.mapping.sections():
        for name, rule in section.fields().items():
            if has_words(kind_of(entity, name)) or name in _PLACES:
                rules.setdefault((entity, name), []).append(rule)
    places = _places(loaded, sources, tables)
    found: dict[str, tuple[str, ...]] = {f"part {name}": places[name] for name in _PLACES}
    for (entity, name), own in rules.items():
        if not all(map(_whole_value, own)):
            continue
        texts = [text for rule in own for text in rule.values or ()]
        only_these = all(rule.values is not None and rule.otherwise == "error" for rule in own)
        if name in _PLACES:
            texts += [] if only_these else places[name]
        else:
            texts += _words(loaded, kind_of(entity, name), own, directory, words, only_these=only_these)
        found[f"{entity} {name}"] = _once(texts)
    return {kind: names for kind, names in found.items() if names}


def _whole_value(rule: FieldRule) -> bool:
    """Whether a cell that the rule reads holds whole values (one or several)."""
    steps = {step.name for step in (*(rule.as_ or ()), *(rule.then or ()))}
    plain = rule.flags is None and rule.join is None and not isinstance(rule.take, int) and steps <= _WHOLE
    return plain and (rule.else_ is None or _whole_value(rule.else_))


def _words(
    loaded: LoadedMapping,
    kind: str,
    rules: list[FieldRule],
    directory: Directory | None,
    words: WordCounts,
    *,
    only_these: bool,
) -> list[str]:
    """The words of the value table. Unless ``only_these`` (the mapping's own) are valid, also what exists."""
    known = KindWords()
    for rule in rules:
        known.know(rule)
    choices = choices_of(kind, known, directory)
    texts = [line.word for line in loaded.words.lines.get(kind, {}).values() if line.value]
    if choices is not None and not only_these:
        texts = [*choices.names, *texts]
    if kind in FREE_KINDS and kind in words and not only_these:
        counts = words[kind].filter(pc.is_valid(words[kind]["sent"])).sort_by([("count", "descending")])
        texts += [text for text in counts["words"].to_pylist()[:_MOST_USED] if text]
    return texts


def _places(loaded: LoadedMapping, sources: Sources, tables: EntityTables) -> dict[str, tuple[str, ...]]:
    """Countries, and the states of the countries of the addresses; as codes if the columns have codes."""
    frame = tables.addresses
    found = frame["country"].value_counts().index[:_MOST_COUNTRIES].tolist() if "country" in frame else []
    home = [loaded.mapping.country] if loaded.mapping.country else []
    countries = list(dict.fromkeys([*home, *map(str, found)])) or ["US"]
    codes = {name: _has_codes(sources, tables, name) for name in _PLACES}
    return {
        "country": countries_to_choose(codes=codes["country"]),
        "state": tuple(text for one in countries for text in states_to_choose(one, codes=codes["state"])),
    }


def _has_codes(sources: Sources, tables: EntityTables, name: str) -> bool:
    """Whether most of the first filled cells in the columns of ``name`` (country or state) are codes."""
    columns = {
        column
        for entry in tables.entries
        if entry.entity == "address" and name in entry.fields and name not in entry.taken_apart
        for column in entry.fields[name].columns
    }
    lengths = [
        pc.utf8_length(pc.utf8_trim_whitespace(table.column(column).slice(0, _SAMPLED).combine_chunks()))
        for table in sources.tables
        for column in columns & set(table.headers)
    ]
    known = np.concatenate([np.empty(0, np.int64), *(pa.array(own).to_numpy(zero_copy_only=False) for own in lengths)])
    known = known[known > 0]
    return bool(len(known)) and float((known <= _CODE).mean()) > 0.5


def _once(texts: list[str]) -> tuple[str, ...]:
    """The texts without repeats, each in its first spelling."""
    kept: dict[str, str] = {}
    for text in texts:
        kept.setdefault(fold(text), text.strip())
    return tuple(text for text in kept.values() if text)
