"""The value table, in which people decide once what the source's words are in WizCommerce, and its use on values.

A *kind* is a field whose words are decided in the table: ``payment_term``, ``attributes.Color``, ``address type``.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import cast

import numpy as np
import pyarrow as pa

from importer.cell_text import fold
from importer.errors import UsageError
from importer.mapping.columns import Column, Mask, first_of
from importer.mapping.field_parts import LIST_SEPARATOR, Evaluated
from importer.mapping.language.mapping_rules import TYPES, FieldRule, Otherwise
from importer.mapping.transform_results import ValueFinding, failures, rewriting
from importer.records import Severity
from importer.tables import ATTRIBUTE_PREFIX, CHILD_ENTITIES, Entity
from importer.wording import first_few, nearest

LEAVE_OUT = "leave out"  # instead of a value: nothing is sent for the word
SEPARATOR = ";"  # between several values of one word
# WizCommerce has no list of the valid values of these fields.
FREE_KINDS = ("payment_term", "payment_mode", "freight_term", "shipping_method")
TYPE_KIND = "address type"
KINDS = ("assigned_sales_rep_ids", "assigned_price_list_id", *FREE_KINDS, TYPE_KIND)
_SEVERAL = frozenset({"assigned_sales_rep_ids", TYPE_KIND})  # kinds whose words may mean several values
_LEFT_OUT = frozenset({fold(LEAVE_OUT)})
_MOST_NAMED = 20  # wrong lines in a message
RecordStep = Callable[[str, Column, Column], None]  # records what a step made of a column


def kind_of(entity: Entity, name: str) -> str:
    """The kind of an entity's field."""
    return name if entity == "customer" else f"{entity} {name}"


def split_kind(kind: str) -> tuple[Entity, str]:
    """The entity and the field of a kind."""
    owner, _, name = kind.partition(" ")
    return (cast("Entity", owner), name) if owner in CHILD_ENTITIES.values() and name else ("customer", kind)


def has_words(kind: str) -> bool:
    """Whether the words of a field are decided in a table."""
    name = split_kind(kind)[1]
    return kind in KINDS or (name.startswith(ATTRIBUTE_PREFIX) and name != ATTRIBUTE_PREFIX)


def values_in(kind: str, text: str) -> list[str]:
    """The values that the text of a table's cell names."""
    parts = text.split(SEPARATOR) if kind in _SEVERAL else [text]
    own = (part.strip().lower() if kind == TYPE_KIND else part.strip() for part in parts)
    return [part for part in own if part]


@dataclass(frozen=True)
class WordLine:
    """A line of the table. ``value``: its cell; ``""``: not decided. ``place``: ``file:row``, as in messages."""

    kind: str
    word: str
    value: str
    place: str

    @property
    def left_out(self) -> bool:
        """Whether nothing is sent for the word."""
        return fold(self.value) in _LEFT_OUT

    @property
    def values(self) -> list[str]:
        """What is sent for the word; empty for a word that is left out or not decided."""
        return [] if self.left_out else values_in(self.kind, self.value)


@dataclass(frozen=True)
class FieldWords:
    """The table's lines about one field, by their folded words.

    ``table``: the table's name in messages. ``free``: WizCommerce has no list of valid values for the field.
    """

    table: str
    lines: Mapping[str, WordLine]
    free: bool = False

    def decide(self, text: str) -> tuple[str | None, bool]:
        """Returns what takes the text's place (None: nothing), and whether the table says anything about it."""
        items = text.split(LIST_SEPARATOR)
        found = [self.lines.get(fold(item)) for item in items]
        if not any(line is not None and line.value for line in found):
            return text, False
        values = [
            value
            for item, line in zip(items, found, strict=True)
            for value in ([item] if line is None or not line.value else line.values)
        ]
        return LIST_SEPARATOR.join(dict.fromkeys(values)) or None, True

    def findings(self, texts: Sequence[str], listed: Collection[str]) -> tuple[ValueFinding, ...]:
        """What is reported about these texts: words that are left out, and words that are not in the table.

        ``listed``: texts that the mapping's own ``values`` translate, without case.
        """
        out = [self._left_out(text) for text in texts]
        gone = [f"is left out, as {self.table} says" if words else None for words in out]
        choose = f"no action is needed if that is right. Otherwise, choose a value for it in {self.table}."
        new = [text.casefold() not in listed and self._lacks(text) for text in texts]
        absent = [f"is not in {self.table}; it is sent unchanged" if lacking else None for lacking in new]
        add = "run `importer values` again, which adds it to the table, and choose its value."
        return (
            *failures("word_left_out", gone, [f"{words}: {choose}" for words in out], Severity.INFO),
            *failures("word_not_in_table", absent, [f"{text!r}: {add}" for text in texts], Severity.WARNING),
        )

    def _left_out(self, text: str) -> str:
        found = ((item, self.lines.get(fold(item))) for item in text.split(LIST_SEPARATOR))
        return ", ".join(repr(item) for item, line in found if line is not None and line.left_out)

    def _lacks(self, text: str) -> bool:
        """Whether the field is free and the text is neither a word nor a value of the table."""
        return self.free and fold(text) not in self.lines and fold(text) not in self._values

    @cached_property
    def _values(self) -> frozenset[str]:
        return frozenset(fold(value) for line in self.lines.values() for value in line.values)

    def replaced(self, values: pa.Array) -> tuple[pa.Array, Mask]:
        """The distinct texts with the table's values in their place, and True for those that the table decides."""
        decided = [self.decide(text) for text in values.to_pylist()]
        texts = pa.array([text for text, _ in decided], pa.string())
        return texts, np.array([own for _, own in decided], bool)


@dataclass(frozen=True)
class WordTable:
    """A whole table: kind → folded word → its line. ``name``: the file, as messages name it."""

    name: str = ""
    lines: Mapping[str, Mapping[str, WordLine]] = field(default_factory=dict)

    def of(self, entity: Entity) -> dict[str, FieldWords]:
        """Field of the entity → what the table says about it."""
        return {
            split_kind(kind)[1]: FieldWords(self.name, own, kind in FREE_KINDS)
            for kind, own in self.lines.items()
            if split_kind(kind)[0] == entity
        }

    def every_line(self) -> list[WordLine]:
        """All lines, in order."""
        return [line for lines in self.lines.values() for line in lines.values()]

    @property
    def sha256(self) -> str:
        """A digest of what the table decides; ``""`` if there is no table."""
        decided = sorted((line.kind, fold(line.word), line.value) for line in self.every_line() if line.value)
        return hashlib.sha256(repr(decided).encode()).hexdigest() if self.name else ""


def word_table(name: str, lines: Iterable[WordLine]) -> WordTable:
    """The table with these lines. A word may be listed again with the same value, or without a value.

    Raises :class:`UsageError` that names every invalid line: an unknown kind, a missing word, two values for one word,
    or an invalid address type.
    """
    wrong: list[str] = []
    table: dict[str, dict[str, WordLine]] = {}
    for line in lines:
        fault = _fault(line)
        own = table.setdefault(line.kind, {})
        before = own.get(fold(line.word))
        if fault is None and before is not None and {before.value, line.value} - {""} != {before.value or line.value}:
            values = f"{before.value!r} (line {_row(before)}) and {line.value!r}"
            fault = f"the word {line.word!r} is listed with two values, {values}"
        if fault is not None:
            wrong.append(f"{line.place}: {fault}")
        elif before is None or not before.value:
            own[fold(line.word)] = line
    if wrong:
        raise UsageError(first_few(wrong, _MOST_NAMED, "\n"), "Correct the table, and run the command again.")
    return WordTable(name, {kind: own for kind, own in table.items() if own})


def _row(line: WordLine) -> str:
    return line.place.rpartition(":")[2]


def _fault(line: WordLine) -> str | None:
    """What is wrong with a line by itself."""
    if not has_words(line.kind):
        near = nearest(line.kind, KINDS)
        guess = f"did you mean {near[0]!r}?" if near else f"valid kinds: {', '.join(KINDS)}, and attributes.NAME"
        return f"there is no kind {line.kind!r}; {guess}" if line.kind else "the cell in the `kind` column is blank"
    if not line.word.strip():
        return "the cell in the `word` column is blank"
    bad = [value for value in line.values if line.kind == TYPE_KIND and value not in TYPES]
    return f"an address type must be billing or shipping, not {bad[0]!r}" if bad else None


def listed(rule: FieldRule) -> frozenset[str]:
    """The source's texts that ``values`` translates, in lowercase; no transform is applied to them first."""
    return frozenset(text.strip().casefold() for text in rule.values or ())


def decide(found: Evaluated, rule: FieldRule, words: FieldWords, record_step: RecordStep) -> Evaluated:
    """Apply the value table, and the mapping's own ``values`` to words without a value in the table."""
    column = found.column
    new, decided = words.replaced(column.values)
    validated = column.rows_with(decided)
    findings = words.findings(column.values.to_pylist(), listed(rule))
    reported = np.logical_or.reduce([np.zeros(len(decided), bool), *(finding.chosen for finding in findings)])
    own = column.replaced(new).where(validated)
    record_step("values table", column.where(validated), own)
    left = look_up(replace(found, column=column.where(~validated)), rule, record_step)
    changes = rewriting("value_translated", "", column.codes, column.values, new, reported | ~decided)
    return replace(
        left,
        column=first_of([own, left.column])[0],
        findings=(*left.findings, *found.by_column(findings)),
        changes=(*left.changes, *found.changed(changes)),
    )


def look_up(found: Evaluated, rule: FieldRule, record_step: RecordStep) -> Evaluated:
    """Apply the mapping's own ``values``; ``otherwise`` says what happens to texts that are not listed there."""
    if rule.values is None:
        return found
    table = {key.strip().casefold(): LIST_SEPARATOR.join(value) for key, value in rule.values.items()}
    column = found.column
    texts = column.values.to_pylist()
    out = [table.get(text.casefold()) for text in texts]
    reasons: list[str | None] = [None] * len(texts)
    hints = [""] * len(texts)
    for number, text in enumerate(texts):
        if out[number] is not None or rule.otherwise == "blank":
            continue
        if isinstance(rule.otherwise, Otherwise):
            out[number] = rule.otherwise.constant
        elif rule.otherwise == "keep":
            out[number] = text
        else:
            near = nearest(text.casefold(), table)
            reasons[number] = "is not in the mapping's list of values"
            hints[number] = f"Did you mean {near[0]!r}? " if near else ""
            hints[number] += "Fix the cell, or add the value to `values` in the mapping."
    new = pa.array(out, pa.string())
    findings = failures("value_unlisted", reasons, hints)
    unlisted = np.logical_or.reduce([np.zeros(len(texts), bool), *(finding.chosen for finding in findings)])
    translated = column.replaced(new)
    changes = rewriting("value_translated", "", column.codes, column.values, new, unlisted)
    record_step("values", column, translated)
    return replace(
        found,
        column=translated,
        findings=(*found.findings, *found.by_column(findings)),
        changes=(*found.changes, *found.changed(changes)),
    )
