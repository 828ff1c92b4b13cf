"""One value from several columns or from the parts of a cell (split, take, and join), and what is passed over."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.mapping.columns import Codes, Column, Mask, combine, nth, pick
from importer.mapping.language.mapping_rules import FieldRule
from importer.mapping.transform_results import RowChange, RowFinding, ValueFinding
from importer.records import Severity
from importer.tables import FieldOrigin

LIST_SEPARATOR = "\x1f"  # between the items of a list in one text: the "unit separator" occurs in no export
_MOST_PARTS = 50
_INSTEAD = "; another value was used instead"


@dataclass(frozen=True)
class Evaluated:
    """A field over all rows.

    ``filled``: its cells are not all blank; ``references``: its columns; ``chosen``: the number of the one that each
    row's value was taken from (the first if there is none, or if several were joined). ``changes``: what the
    steps rewrote. ``parts``: with ``take: "{n}"``, how many parts each row's cells have.
    ``rank``: with ``else``, the number of the rule that gave each row's value: 0 for the field's own.
    """

    column: Column
    findings: tuple[RowFinding, ...]
    origin: FieldOrigin
    filled: Mask
    extension: Column | None = None
    references: tuple[str, ...] = ()
    changes: tuple[RowChange, ...] = ()
    chosen: Codes = field(default_factory=lambda: np.empty(0, np.int64))
    parts: Codes | None = None
    rank: Codes | None = None

    def by_reference(self, at: Codes) -> Iterator[tuple[str, Codes]]:
        """The rows ``at`` by the column that their values were taken from."""
        for number, reference in enumerate(self.references):
            own = at[self.chosen[at] == number]
            if len(own):
                yield reference, own

    def at_columns(self, finding: RowFinding) -> Iterator[RowFinding]:
        """Yield the finding once for each column that the values of its rows were taken from."""
        for number, reference in enumerate(self.references):
            own = finding.only(self.chosen == number)
            if len(own.at):
                yield replace(own, reference=reference)

    def by_column(self, findings: Iterable[ValueFinding]) -> Iterator[RowFinding]:
        """Yield findings about the field's values at the columns that the rows' values were taken from."""
        for finding in findings:
            at = np.flatnonzero(self.column.rows_with(finding.chosen))
            yield from self.at_columns(RowFinding(at, self.column.codes[at], finding, "", 0))

    def changed(self, changes: Iterable[RowChange]) -> Iterator[RowChange]:
        """Yield changes of the field's values at the columns that the rows' values were taken from."""
        every = [*changes]
        for number, reference in enumerate(self.references):
            yield from (replace(change.only(self.chosen == number), reference=reference) for change in every)

    def only(self, rows: Mask) -> "Evaluated":
        """The field on only some rows; all other rows have no value."""
        findings = tuple(finding.only(rows) for finding in self.findings)
        return replace(
            self,
            column=self.column.where(rows),
            findings=tuple(finding for finding in findings if len(finding.at)),
            filled=self.filled & rows,
            extension=None if self.extension is None else self.extension.where(rows),
            changes=tuple(change.only(rows) for change in self.changes),
            parts=None if self.parts is None else self.parts * rows,
        )

    def wrong(self) -> Mask:
        """True on rows with an error, or with a word that was left out on purpose: no other value takes its place."""
        wrong = np.zeros(len(self.column), bool)
        for finding in self.findings:
            if finding.finding.severity is Severity.ERROR or finding.finding.code == "word_left_out":
                wrong[finding.at] = True
        return wrong


@dataclass(frozen=True)
class FieldPart:
    """One candidate value: a source column, or one piece of a split one. ``there``: rows whose cell has that piece."""

    column: Column
    reference: str
    findings: tuple[RowFinding, ...] = ()
    extension: Column | None = None
    changes: tuple[RowChange, ...] = ()
    there: Mask | None = None


def part_of(found: Evaluated, sources: Sequence[FieldPart], rule: FieldRule, number: int) -> Evaluated:
    """The part with this number of each row's cells, as it is in the file; blank parts count."""
    parts = split_parts(sources, rule.split, number) if rule.split else sources
    there = [part.column.filled if part.there is None else part.there for part in parts]
    if not rule.split:  # the columns themselves are the parts
        there = [np.ones(len(found.column), bool)] * len(parts)
    chosen = nth(there, number)
    column = pick([part.column for part in parts], chosen)
    reference = np.array([*(found.references.index(part.reference) for part in parts), 0], np.int64)
    return replace(
        found,
        column=column,
        filled=column.filled,
        chosen=reference[chosen],
        parts=_part_counts(sources, rule.split) if rule.split else None,
    )


def _part_counts(sources: Sequence[FieldPart], separators: Sequence[str]) -> Codes:
    """How many parts each row's cells have."""
    pattern = _separator(separators)
    counts = np.zeros(len(sources[0].column), np.int64)
    for part in sources:
        own = [len(pattern.split(text)) for text in part.column.values.to_pylist()]
        counts += np.array([*own, 0], np.int64)[part.column.codes]
    return counts


def _separator(separators: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(separator) for separator in sorted(separators, key=len, reverse=True)))


def split_parts(sources: Sequence[FieldPart], separators: Sequence[str], most: int | None = None) -> list[FieldPart]:
    """The pieces of cells: those that are filled, the last one with all that is too many; or the first ``most``."""
    pattern = _separator(separators)
    parts = []
    for source in sources:
        values = source.column.values
        # Most cells are one piece, with nothing to strip.
        other = pc.match_substring_regex(values, rf"{pattern.pattern}|\A[^!-~]|[^!-~]\z")
        pieces: list[list[str]] = []
        for value in values.filter(other).to_pylist():
            own = [piece.strip() for piece in pattern.split(value)]
            if most is None:
                own = [piece for piece in own if piece]
                rest = own[_MOST_PARTS - 1 :]
                own = [*own[: _MOST_PARTS - 1], separators[0].join(rest)] if rest else own
            pieces.append(own[:most])
        texts = [pa.array(own, pa.string()) for own in zip_longest(*pieces)] or [pa.nulls(len(pieces), pa.string())]
        for number, own_texts in enumerate(texts):
            whole = pa.nulls(len(values), pa.string()) if number else values
            column = pc.replace_with_mask(whole, other, own_texts)
            there = source.column.rows_with(column.is_valid().to_numpy(zero_copy_only=False))
            parts.append(FieldPart(source.column.replaced(column), source.reference, there=there))
    return parts


def choose(found: Evaluated, rule: FieldRule, parts: Sequence[FieldPart], *, is_list: bool) -> Evaluated:
    """Join the parts, or take one of them on each row."""
    findings = tuple(finding for part in parts for finding in part.findings)
    changes = tuple(change for part in parts for change in part.changes)
    columns = [part.column for part in parts]
    if rule.join is not None or (is_list and rule.take in {None, "all"}):
        separator = LIST_SEPARATOR if rule.join is None else rule.join
        return replace(found, column=joined(columns, separator), findings=findings, changes=changes)
    if len(parts) == 1 and not rule.split and rule.take in (None, "first", "last", 1, -1):
        extension = parts[0].extension
        return replace(found, column=parts[0].column, findings=findings, changes=changes, extension=extension)
    wanted = rule.take if isinstance(rule.take, int) else -1 if rule.take == "last" else 1
    chosen = nth([column.filled for column in columns], wanted)
    extensions = None
    if any(part.extension is not None for part in parts):
        extensions = pick([part.extension or Column.blank(len(chosen)) for part in parts], chosen)
    reference = np.array([*(found.references.index(part.reference) for part in parts), 0], np.int64)
    taken = pick(columns, chosen)
    changes = tuple(c.only(chosen == place) for place, part in enumerate(parts) for c in part.changes)
    return replace(
        found,
        column=taken,
        findings=(*_after_choice(findings, chosen), *_others(parts, taken, chosen)),
        changes=(*changes, *_passed_over(parts, taken, chosen)),
        extension=extensions,
        chosen=reference[chosen],
    )


def _passed_over(parts: Sequence[FieldPart], taken: Column, chosen: Codes) -> Iterator[RowChange]:
    """Values of columns that were not taken and differ from the one that was taken."""
    reference = [part.reference for part in parts]
    for part in parts:
        own = np.array([name == part.reference for name in [*reference, part.reference]])
        other = part.column.filled & taken.filled & ~own[chosen]
        if other.any():
            tuples, (written, instead) = combine([part.column.where(other), taken.where(other)])
            before, after = written.to_arrow(), instead.to_arrow()
            differs = pc.fill_null(pc.not_equal(before, after), False).to_numpy(zero_copy_only=False)
            yield RowChange("value_passed_over", part.reference, tuples, differs, before, after)


def _others(parts: Sequence[FieldPart], taken: Column, chosen: Codes) -> Iterator[RowFinding]:
    """An info if a cell that was split contained more than the value that was taken."""
    for reference in dict.fromkeys(part.reference for part in parts):
        numbers = [number for number, part in enumerate(parts) if part.reference == reference]
        if len(numbers) == 1:
            continue
        several = np.sum([parts[number].column.filled for number in numbers], axis=0) > 1
        at = np.flatnonzero(several & np.isin(chosen, numbers))
        if len(at):
            said = [f"contains several values; {text!r} is used" for text in taken.values.to_pylist()]
            every = np.ones(len(said), bool)
            yield RowFinding(
                at, taken.codes[at], ValueFinding(every, Severity.INFO, "value_not_taken", said), reference, 0
            )


def _after_choice(findings: Sequence[RowFinding], chosen: Codes) -> tuple[RowFinding, ...]:
    """The findings about the candidate that was taken; an invalid one is a warning if a different one was taken.

    Where none was, the first wrong one counts.
    """
    out = []
    reported = np.zeros(len(chosen), bool)
    for finding in findings:
        taken = finding.only(chosen == finding.part)
        if len(taken.at):
            out.append(taken)
        passed = finding.only((chosen >= 0) & (chosen != finding.part))
        if len(passed.at) and finding.finding.severity is not Severity.INFO:
            said = finding.finding.message
            said = f"{said}{_INSTEAD}" if isinstance(said, str) else [text and f"{text}{_INSTEAD}" for text in said]
            eased = replace(finding.finding, severity=Severity.WARNING, message=said, hint="")
            out.append(replace(passed, finding=eased))
        failed = finding.only((chosen < 0) & ~reported)
        if len(failed.at):
            out.append(failed)
            reported[failed.at] = True
    return tuple(out)


def joined(columns: Sequence[Column], separator: str) -> Column:
    if len(columns) == 1:
        return columns[0]
    tuples, parts = combine(columns)
    some = np.logical_or.reduce([part.filled for part in parts])
    at = np.flatnonzero(some)
    # Only tuples with something in them: pyarrow 26 leaves all-null lines out of a join that skips nulls.
    text = pc.binary_join_element_wise(*(part.take(at).to_arrow() for part in parts), separator, null_handling="skip")
    place = np.full(len(some), -1, np.int64)
    place[at] = np.arange(len(at))
    return Column.keyed(place[tuples], text)
