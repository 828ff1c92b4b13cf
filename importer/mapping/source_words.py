"""The distinct words of a source in fields whose values people decide, before any value is replaced."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from importer.cell_text import fold
from importer.mapping.apply import entry_candidates, find_tables, prepared_entries
from importer.mapping.columns import Codes, Column
from importer.mapping.field_parts import LIST_SEPARATOR
from importer.mapping.fields import Context, evaluate
from importer.mapping.grouping.row_assignment import assign_rows
from importer.mapping.language.mapping_files import LoadedMapping
from importer.mapping.language.mapping_model import Mapping
from importer.mapping.language.mapping_rules import FieldRule
from importer.mapping.word_table import SEPARATOR, WordTable, has_words, kind_of
from importer.tables import Entity, Sources


@dataclass
class KindWords:
    """What a source and a mapping say about one kind of words.

    ``counts``: folded word → spelling → how many records have it. ``values``: folded word → what the mapping's own
    ``values`` make of it. ``targets``: every text that the mapping itself gives the field. ``looked_up``: whether its
    texts are looked up.
    """

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    values: dict[str, set[str]] = field(default_factory=dict)
    targets: dict[str, None] = field(default_factory=dict)
    looked_up: bool = False

    def words(self) -> list[tuple[str, int]]:
        """Each word in its most frequent spelling, with its count; the most frequent word first."""
        found = [(min(own, key=lambda text: (-own[text], text)), own.total()) for own in self.counts.values()]
        return sorted(found, key=lambda word: (-word[1], word[0]))

    def value_of(self, word: str) -> str | None:
        """The value that the mapping gives the word, or None if there is none."""
        own = self.values.get(fold(word), set())
        return next(iter(own)) if len(own) == 1 else None

    def know(self, rule: FieldRule) -> None:
        """Add what a rule of the mapping says about its words."""
        self.targets |= dict.fromkeys(rule.targets())
        for each in _with_others(rule):
            self.looked_up |= each.lookup is not None
            for text, own in (each.values or {}).items():
                self.values.setdefault(fold(text), set()).add(f"{SEPARATOR} ".join(own))

    def count(self, column: Column, records: Codes) -> None:
        """Count the words of a column. ``records``: the record of each row, or -1."""
        there = np.flatnonzero((records >= 0) & column.filled)
        pairs = pd.DataFrame({"record": records[there], "text": column.codes[there]}).drop_duplicates()
        for number, count in Counter(pairs["text"].tolist()).items():
            for word in column.values[number].as_py().split(LIST_SEPARATOR):
                self.counts.setdefault(fold(word), Counter())[word] += count


def source_words(loaded: LoadedMapping, sources: Sources, country: str | None) -> dict[str, KindWords]:
    """The words of each kind that the mapping reads from columns, in the order of the mapping's fields.

    ``country``: the default country (alpha-2); it overrides the mapping's own. Raises :class:`MappingError` when the
    mapping does not fit the sources.
    """
    found: dict[str, KindWords] = {}
    for entity, section in loaded.mapping.sections():
        for name, rule in _worded(entity, section.fields()):
            found.setdefault(kind_of(entity, name), KindWords()).know(rule)
    plain = replace(loaded, mapping=_as_in_the_source(loaded.mapping), words=WordTable())
    assignment = assign_rows(plain.mapping, find_tables(plain.mapping, sources), sources, plain)
    main = assignment.main
    nowhere = Context(Column.blank(len(main.rows)), plain.folder)
    for name, rule in _worded("customer", plain.mapping.customer.fields()):
        found[name].count(evaluate(name, rule, main.rows, "", nowhere).column, main.customers)
    country = country or plain.mapping.country
    for entity, entries in prepared_entries(plain, assignment, country).items():
        for one in entries:
            names = [name for name, _ in _worded(entity, one.entry.fields())]
            if names:
                made = entry_candidates(plain, entity, one, Column.blank(len(assignment.ids)), country)
                records = np.full(len(made.table), -1, np.int64)
                records[made.at] = made.at
                for name in names:
                    found[kind_of(entity, name)].count(made.evaluated[name].column, records)
    return found


def _worded(entity: Entity, rules: dict[str, FieldRule]) -> Iterator[tuple[str, FieldRule]]:
    """The fields that have words, and take them from columns."""
    return (
        (name, rule)
        for name, rule in rules.items()
        if has_words(kind_of(entity, name)) and any(each.from_ for each in _with_others(rule))
    )


def _with_others(rule: FieldRule) -> Iterator[FieldRule]:
    """The rule and those under ``else``."""
    yield rule
    if rule.else_ is not None:
        yield from _with_others(rule.else_)


def _as_in_the_source(mapping: Mapping) -> Mapping:
    """The mapping without the values that it puts in itself, for the fields that have words."""
    changes = {
        "customer": _section(mapping.customer, "customer"),
        "addresses": [_section(entry, "address") for entry in mapping.addresses],
        "contacts": [_section(entry, "contact") for entry in mapping.contacts],
    }
    return mapping.model_copy(update=changes)


def _section(section: Any, entity: Entity) -> Any:
    own = {name: _plain(rule) for name, rule in _worded(entity, section.fields())}
    attributes = {name: own.get(f"attributes.{name}", rule) for name, rule in section.attributes.items()}
    fields = {name: rule for name, rule in own.items() if "." not in name}
    return section.model_copy(update={**fields, "attributes": attributes})


def _plain(rule: FieldRule) -> FieldRule:
    """The rule with each text of its ``values`` as its own value: that text still goes through no transform."""
    values = None if rule.values is None else {text: [text] for text in rule.values}
    other = None if rule.else_ is None else _plain(rule.else_)
    return rule.model_copy(update={"values": values, "otherwise": "keep", "default": None, "else_": other})
