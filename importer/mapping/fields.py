"""One field of a mapping over all rows of a table: from → split → as → take/join → values → else → default."""

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.mapping.columns import Codes, Column, Mask, combine, first_of
from importer.mapping.findings import Finding
from importer.mapping.rules import NUMBER, FieldRule, Otherwise
from importer.mapping.tabledata import TableData
from importer.mapping.transforms import TRANSFORMS, Step, run_step
from importer.records import Severity
from importer.tables import ADDRESS_FIELDS, CONTACT_FIELDS, CUSTOMER_FIELDS, FieldOrigin

__all__ = ["LIST_SEPARATOR", "Context", "Evaluated", "RowFinding", "evaluate", "filled_up"]

LIST_SEPARATOR = "\x1f"  # between the items of a list in one text: the "unit separator" occurs in no export
IMPLIED = {"phone": "phone", "email": "email", "country": "country", "state": "state", "is_default": "flag"}
ONE_LINE = frozenset({*CUSTOMER_FIELDS, *ADDRESS_FIELDS, *CONTACT_FIELDS}) - {"reference_id", "type"}
_MOST_PARTS = 50


@dataclass(frozen=True)
class Context:
    """What steps may look at besides the text: each row's countries (``"GB|US"``) and the mapping's folder."""

    countries: Column
    folder: Path


@dataclass(frozen=True)
class RowFinding:
    """Something about the rows ``at``: ``numbers`` picks each row's texts in ``finding``; ``reference``: its column."""

    at: Codes
    numbers: Codes
    finding: Finding
    reference: str
    part: int

    def only(self, chosen: Mask) -> "RowFinding":
        """The finding on fewer rows."""
        kept = chosen[self.at]
        return replace(self, at=self.at[kept], numbers=self.numbers[kept])


@dataclass(frozen=True)
class Evaluated:
    """A field over all rows.

    ``filled``: something stands in its cells; ``references``: its columns, of which ``chosen`` gives the one that each
    row's value was taken from (the first where there is none, or where several were joined).
    """

    column: Column
    findings: tuple[RowFinding, ...]
    origin: FieldOrigin
    filled: Mask
    extension: Column | None = None
    references: tuple[str, ...] = ()
    chosen: Codes = field(default_factory=lambda: np.empty(0, np.int64))

    def by_reference(self, at: Codes) -> Iterator[tuple[str, Codes]]:
        """The rows ``at`` by the column that their values were taken from."""
        for number, reference in enumerate(self.references):
            own = at[self.chosen[at] == number]
            if len(own):
                yield reference, own

    def wrong(self) -> Mask:
        """True on rows where an error was found."""
        return _wrong(self.findings, len(self.column))


@dataclass(frozen=True)
class _Part:
    """One candidate value: a source column, or one piece of a split one."""

    column: Column
    reference: str
    findings: tuple[RowFinding, ...] = ()
    extension: Column | None = None


def evaluate(name: str, rule: FieldRule, table: TableData, number: str, context: Context) -> Evaluated:
    """Evaluate a field's rule; ``number`` fills in ``{n}`` of a repeated group."""
    length = len(table)
    if rule.constant is not None:
        constant = Column.constant(LIST_SEPARATOR.join(rule.constant), length)
        return Evaluated(constant, (), FieldOrigin((), lookup=rule.lookup), np.zeros(length, bool))
    if rule.flags is not None:
        return _flags(rule, table, number)
    references = [reference.replace(NUMBER, number) for reference in rule.from_ or ()]
    sources = [_Part(table.column(reference), reference) for reference in references]
    filled = np.logical_or.reduce([part.column.filled for part in sources])
    parts = _split(sources, rule.split) if rule.split else sources
    steps = rule.as_ if rule.as_ is not None else _implied(name)
    parts = [_transform(part, number_, steps, context) for number_, part in enumerate(parts)]
    columns = tuple(header for reference in references for header in table.names(reference))
    origin = FieldOrigin(columns, rule.invalid == "blank", rule.lookup)
    found = Evaluated(Column.blank(length), (), origin, filled, None, tuple(references), np.zeros(length, np.int64))
    found = _choose(found, rule, parts, is_list=name == "assigned_sales_rep_ids")
    if rule.values is not None:
        found = _look_up(found, rule)
    if rule.else_ is not None:
        found = _or_else(found, evaluate(name, rule.else_, table, number, context))
    if rule.default is not None:
        found = replace(found, column=filled_up(found.column, rule.default, found.wrong()))
    return found


def _or_else(found: Evaluated, other: Evaluated) -> Evaluated:
    """``other`` on the rows where ``found`` gives nothing and has nothing wrong."""
    used = ~found.column.filled & ~found.wrong()
    extensions = [one.extension or Column.blank(len(used)) for one in (found, other)]
    some = found.extension is not None or other.extension is not None
    further = [finding.only(used) for finding in other.findings]
    columns = tuple(dict.fromkeys((*found.origin.columns, *other.origin.columns)))
    return replace(
        found,
        column=first_of([found.column, other.column.where(used)])[0],
        findings=(*found.findings, *(finding for finding in further if len(finding.at))),
        origin=replace(found.origin, columns=columns),
        filled=found.filled | other.filled,
        extension=first_of([extensions[0], extensions[1].where(used)])[0] if some else None,
        references=(*found.references, *other.references),
        chosen=np.where(used & other.filled, other.chosen + len(found.references), found.chosen),
    )


def _implied(name: str) -> list[Step]:
    """What a field goes through when its rule names no transform; keys and attributes stay as they are."""
    if name in IMPLIED:
        return [Step(IMPLIED[name])]
    if name in {"address_line_1", "address_line_2"}:
        return [Step("one_line", ", ")]
    return [Step("one_line", " ")] if name in ONE_LINE else []


def _flags(rule: FieldRule, table: TableData, number: str) -> Evaluated:
    """``type: {flags: {billing: Column, …}}``: every flagged type, else the default one."""
    assert rule.flags is not None
    parts: list[Column] = []
    findings: list[RowFinding] = []
    names: list[str] = []
    for index, (target, template) in enumerate(rule.flags.items()):
        reference = template.replace(NUMBER, number)
        context = Context(Column.blank(len(table)), Path())
        part = _transform(_Part(table.column(reference), reference), index, [Step("flag")], context)
        findings += part.findings
        names += table.names(reference)
        answers = [target if answer == "true" else None for answer in part.column.values.to_pylist()]
        parts.append(part.column.replaced(pa.array(answers, pa.string())))
    column = _joined(parts, LIST_SEPARATOR)
    if rule.default is not None:
        column = filled_up(column, rule.default, _wrong(findings, len(table)))
    return Evaluated(column, tuple(findings), FieldOrigin(tuple(names)), np.zeros(len(table), bool))


def _split(sources: Sequence[_Part], separators: Sequence[str]) -> list[_Part]:
    pattern = re.compile("|".join(re.escape(separator) for separator in sorted(separators, key=len, reverse=True)))
    parts = []
    for source in sources:
        pieces = [
            [piece.strip() for piece in pattern.split(value) if piece.strip()]
            for value in source.column.values.to_pylist()
        ]
        most = min(max(map(len, pieces), default=0), _MOST_PARTS)
        for index in range(max(most, 1)):
            last = index == _MOST_PARTS - 1
            texts = [
                None if index >= len(own) else separators[0].join(own[index:]) if last else own[index] for own in pieces
            ]
            parts.append(_Part(source.column.replaced(pa.array(texts, pa.string())), source.reference))
    return parts


def _transform(part: _Part, number: int, steps: Sequence[Step], context: Context) -> _Part:
    column, findings, extension = part.column, list(part.findings), part.extension
    for step in steps:
        if not len(column.values):
            break
        if TRANSFORMS[step.name].by_country:
            tuples, (texts, countries) = combine([column, context.countries])
            given = texts.filled
            result = run_step(
                step,
                texts.to_arrow().filter(pa.array(given)),
                countries.to_arrow().filter(pa.array(given)),
                context.folder,
            )
            place = np.full(len(given), -1, np.int64)
            place[given] = np.arange(given.sum())
            codes = place[tuples]
        else:
            codes = column.codes
            result = run_step(step, column.values, pa.nulls(len(column.values), pa.string()), context.folder)
        for finding in result.findings:
            at = np.flatnonzero(np.append(finding.chosen, False)[codes])
            if len(at):
                findings.append(RowFinding(at.astype(np.int64), codes[at], finding, part.reference, number))
        column = Column.keyed(codes, result.values)
        if result.extensions is not None:
            extension = Column.keyed(codes, result.extensions)
    return _Part(column, part.reference, tuple(findings), extension)


def _choose(found: Evaluated, rule: FieldRule, parts: Sequence[_Part], *, is_list: bool) -> Evaluated:
    """Join the parts, or take one of them on each row."""
    findings = tuple(finding for part in parts for finding in part.findings)
    columns = [part.column for part in parts]
    if rule.join is not None or (is_list and rule.take in {None, "all"}):
        separator = LIST_SEPARATOR if rule.join is None else rule.join
        return replace(found, column=_joined(columns, separator), findings=findings)
    if len(parts) == 1 and rule.take in (None, "first", "last", 1, -1):
        return replace(found, column=parts[0].column, findings=findings, extension=parts[0].extension)
    wanted = rule.take if isinstance(rule.take, int) else -1 if rule.take == "last" else 1
    chosen = _nth(columns, wanted)
    extensions = None
    if any(part.extension is not None for part in parts):
        extensions = _pick([part.extension or Column.blank(len(chosen)) for part in parts], chosen)
    reference = np.array([*(found.references.index(part.reference) for part in parts), 0], np.int64)
    return replace(
        found,
        column=_pick(columns, chosen),
        findings=_after_choice(findings, chosen),
        extension=extensions,
        chosen=reference[chosen],
    )


def _nth(columns: Sequence[Column], wanted: int) -> Codes:
    """Row by row the number of the ``wanted``-th filled column (1 is the first, -1 the last), or -1."""
    filled = np.stack([column.filled for column in columns])
    if wanted < 0:
        filled = filled[::-1]
    hit = filled & (np.cumsum(filled, axis=0) == abs(wanted))
    number = np.where(hit.any(axis=0), hit.argmax(axis=0), -1)
    if wanted < 0:
        number = np.where(number >= 0, len(columns) - 1 - number, -1)
    return number.astype(np.int64)


def _pick(columns: Sequence[Column], chosen: Codes) -> Column:
    kept = [column.where(chosen == number) for number, column in enumerate(columns)]
    return first_of(kept)[0]


def _after_choice(findings: Sequence[RowFinding], chosen: Codes) -> tuple[RowFinding, ...]:
    """A wrong candidate is a warning where another one was taken; where none was, the first wrong one counts."""
    out = []
    told = np.zeros(len(chosen), bool)
    for finding in findings:
        passed = finding.only(chosen >= 0)
        if len(passed.at):
            out.append(
                replace(
                    passed, finding=replace(finding.finding, severity=Severity.WARNING, hint="Another value was taken.")
                )
            )
        failed = finding.only((chosen < 0) & ~told)
        if len(failed.at):
            out.append(failed)
            told[failed.at] = True
    return tuple(out)


def _joined(columns: Sequence[Column], separator: str) -> Column:
    if len(columns) == 1:
        return columns[0]
    tuples, parts = combine(columns)
    some = np.logical_or.reduce([part.filled for part in parts])
    at = np.flatnonzero(some).astype(np.int64)
    # Only tuples with something in them: pyarrow 26 leaves all-null lines out of a join that skips nulls.
    text = pc.binary_join_element_wise(*(part.take(at).to_arrow() for part in parts), separator, null_handling="skip")
    place = np.full(len(some), -1, np.int64)
    place[at] = np.arange(len(at))
    return Column.keyed(place[tuples], text)


def _look_up(found: Evaluated, rule: FieldRule) -> Evaluated:
    assert rule.values is not None
    table = {key.strip().casefold(): LIST_SEPARATOR.join(value) for key, value in rule.values.items()}
    column = found.column
    texts = column.values.to_pylist()
    out: list[str | None] = []
    reasons: list[str] = []
    hints: list[str] = []
    unlisted = np.zeros(len(texts), bool)
    for number, text in enumerate(texts):
        known = table.get(text.casefold())
        reasons.append("")
        hints.append("")
        if known is not None or rule.otherwise == "blank":
            out.append(known)
        elif isinstance(rule.otherwise, Otherwise):
            out.append(rule.otherwise.constant)
        elif rule.otherwise == "keep":
            out.append(text)
        else:
            out.append(None)
            unlisted[number] = True
            reasons[number] = "is not in the mapping's list of values"
            near = difflib.get_close_matches(text.casefold(), table, n=1)
            hints[number] = f"Did you mean {near[0]!r}? " if near else ""
            hints[number] += "Mend the cell, or add the value to `values` in the mapping."
    finding = Finding(unlisted, Severity.ERROR, "value_unlisted", reasons, hints)
    at = np.flatnonzero(column.rows_with(unlisted)).astype(np.int64)
    findings = [RowFinding(own, column.codes[own], finding, reference, 0) for reference, own in found.by_reference(at)]
    return replace(found, column=column.replaced(pa.array(out, pa.string())), findings=(*found.findings, *findings))


def _wrong(findings: Iterable[RowFinding], length: int) -> Mask:
    wrong = np.zeros(length, bool)
    for finding in findings:
        if finding.finding.severity is Severity.ERROR:
            wrong[finding.at] = True
    return wrong


def filled_up(column: Column, default: str, wrong: Mask) -> Column:
    """Fill blanks with ``default``; where a cell was ``wrong`` it is not blank, so its error stands."""
    return first_of([column, Column.constant(default, len(column)).where(~wrong)])[0]
