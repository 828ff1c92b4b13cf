"""One field of a mapping over all rows of a table: from → split → as → take/join → then → values → else → default."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.did_you_mean import nearest
from importer.mapping.columns import Codes, Column, Mask, combine, first_of, nth, pick
from importer.mapping.language.mapping_rules import NUMBER, FieldRule, Otherwise
from importer.mapping.table_rows import TableData, holds
from importer.mapping.transform_results import Finding, RowChange, RowFinding, failures, rewriting
from importer.mapping.transforms.registry import TRANSFORMS, Step, run_step
from importer.mapping.transforms.text_forms import comparable
from importer.records import Severity
from importer.tables import ADDRESS_FIELDS, CONTACT_FIELDS, CUSTOMER_FIELDS, FieldOrigin

LIST_SEPARATOR = "\x1f"  # between the items of a list in one text: the "unit separator" occurs in no export
IMPLIED = {"phone": "phone", "email": "email", "country": "country", "state": "state", "is_default": "flag"}
ONE_LINE = frozenset({*CUSTOMER_FIELDS, *ADDRESS_FIELDS, *CONTACT_FIELDS}) - {"reference_id", "type"}
FORMER = "former id"  # a key or id as earlier versions compared it
_EXACT = frozenset({"key", "reference_id"})
_OF_CELLS = frozenset({"blank_text", "key_tidied"})  # changes of cells, whatever becomes of the value
_TYPES = frozenset({"billing", "shipping"})
_MOST_PARTS = 50


@dataclass(frozen=True)
class Context:
    """What steps may look at besides the text: each row's countries (``"GB|US"``) and the mapping's folder."""

    countries: Column
    folder: Path


@dataclass(frozen=True)
class Evaluated:
    """A field over all rows.

    ``filled``: its cells are not all blank; ``references``: its columns; ``chosen``: the number of the one that each
    row's value was taken from (the first where there is none, or where several were joined). ``changes``: what the
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

    def only(self, rows: Mask) -> "Evaluated":
        """The field on fewer rows; the others give nothing."""
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
        """True on rows where an error was found: these are not blank."""
        wrong = np.zeros(len(self.column), bool)
        for finding in self.findings:
            if finding.finding.severity is Severity.ERROR:
                wrong[finding.at] = True
        return wrong


@dataclass(frozen=True)
class _Part:
    """One candidate value: a source column, or one piece of a split one. ``there``: rows whose cell has that piece."""

    column: Column
    reference: str
    findings: tuple[RowFinding, ...] = ()
    extension: Column | None = None
    changes: tuple[RowChange, ...] = ()
    there: Mask | None = None


def evaluate(name: str, rule: FieldRule, table: TableData, number: str, context: Context) -> Evaluated:
    """Evaluate a field's rule; ``number`` fills in ``{n}`` of a repeated group.

    With ``take: "{n}"`` a row counts as filled where the part with that number is. ``is_default`` is ``true`` or
    ``false``; ``Billing`` is ``billing``; a list of sales reps names each once.
    """
    found = _evaluate(name, rule, table, number, context)
    column = found.column
    if name == "is_default":  # also where the mapping's own words or a transform say it otherwise
        result = run_step(Step("flag"), column.values, pa.nulls(len(column.values), pa.string()), Path())
        findings = (*found.findings, *_by_column(found, result.findings))
        return replace(found, column=column.replaced(result.values), findings=findings)
    if name == "assigned_sales_rep_ids":
        return replace(found, column=_each_once(column))
    if name == "type":
        small = [text.lower() if text.lower() in _TYPES else text for text in column.values.to_pylist()]
        return replace(found, column=column.replaced(pa.array(small, pa.string())))
    return found


def _evaluate(name: str, rule: FieldRule, table: TableData, number: str, context: Context) -> Evaluated:
    if rule.constant is not None:
        found = _constant(rule, len(table))
    elif rule.flags is not None:
        found = _flags(rule, table, number)
    else:
        found = _from_columns(name, rule, table, number, context)
    if rule.when is not None:
        found = found.only(holds(rule.when.numbered(number), table, frozenset()))
    if rule.else_ is not None:
        found = _or_else(found, evaluate(name, rule.else_, table, number, context))
    if rule.default is not None:
        found = replace(found, column=found.column.filled_up(rule.default, but=found.wrong()))
    return found


def _constant(rule: FieldRule, length: int) -> Evaluated:
    constant = Column.constant(LIST_SEPARATOR.join(rule.constant or ()), length)
    origin, first = FieldOrigin((), lookup=rule.lookup), np.zeros(length, np.int64)
    return Evaluated(constant, (), origin, np.zeros(length, bool), chosen=first)


def _from_columns(name: str, rule: FieldRule, table: TableData, number: str, context: Context) -> Evaluated:
    references = [reference.replace(NUMBER, number) for reference in rule.from_ or ()]
    sources, blanked = _sources(name, rule, table, references)
    filled = np.logical_or.reduce([part.column.filled for part in sources])
    columns = tuple(header for reference in references for header in table.names(reference))
    origin = FieldOrigin(columns, rule.invalid == "blank", rule.lookup, bool(rule.clear_when_blank))
    nothing, first = Column.blank(len(table)), np.zeros(len(table), np.int64)
    found = Evaluated(nothing, (), origin, filled, None, tuple(references), (), first)
    steps, listed = _steps(name, rule), _listed(rule)
    if rule.take == NUMBER:
        found = _part_of(found, sources, rule, max(int(number), 1))
        column = _filled(found.column, name, rule, table)
        found = _transformed(replace(found, column=column, filled=column.filled), steps, context, listed)
    else:
        parts = sources
        if rule.split:
            pieces = _split(sources, rule.split)
            parts = [replace(piece, column=_filled(piece.column, name, rule, table)) for piece in pieces]
        parts = [_transform(part, number_, steps, context, listed) for number_, part in enumerate(parts)]
        found = _choose(found, rule, parts, is_list=name == "assigned_sales_rep_ids")
    found = replace(found, changes=(*found.changes, *blanked))
    if rule.then:
        found = _transformed(found, rule.then, context, listed)
    return found if rule.values is None else _look_up(found, rule)


def _sources(
    name: str, rule: FieldRule, table: TableData, references: Sequence[str]
) -> tuple[list[_Part], list[RowChange]]:
    """The columns of a field without text that stands for nothing, or of a key as it is compared; what that changed."""
    parts, blanked = [], []
    for reference in references:
        whole = table.column(reference)
        column, change = without_blanks(whole, reference, _stand_in(whole, name, rule, table))
        blanked += change
        if name in _EXACT:
            plain = comparable(column.values)
            if reference in table.numbered:
                plain = pc.replace_substring_regex(plain, r"\.0+$", "")
            told = np.zeros(len(plain), bool)
            blanked += rewriting("key_tidied", reference, column.codes, column.values, plain, told)
            column = column if plain is column.values else column.replaced(plain)
        parts.append(_Part(column, reference))
    return parts, blanked


def _filled(column: Column, name: str, rule: FieldRule, table: TableData) -> Column:
    """The column without text that stands for nothing."""
    return without_blanks(column, "", _stand_in(column, name, rule, table))[0]


def _stand_in(column: Column, name: str, rule: FieldRule, table: TableData) -> Mask:
    return table.blanks.among(column.values, name, _meant(name, rule))


def _meant(name: str, rule: FieldRule) -> frozenset[str]:
    """What stands for nothing elsewhere, and not in this field: its ``values``, and the dash of a flag, which is no."""
    steps = _steps(name, rule)
    dash = ("-",) if rule.flags is not None or Step("flag") in steps or Step("not_flag") in steps else ()
    return frozenset({*(text.strip().lower() for text in rule.values or ()), *dash})


def without_blanks(column: Column, reference: str, stand_in: Mask) -> tuple[Column, list[RowChange]]:
    """The column without the distinct values that stand for nothing, and what is reported about them."""
    if not stand_in.any():
        return column, []
    nothing = pa.nulls(len(column.values), pa.string())
    values = pc.if_else(pa.array(stand_in), nothing, column.values)
    return column.replaced(values), [RowChange("blank_text", reference, column.codes, stand_in, column.values, nothing)]


def _listed(rule: FieldRule) -> frozenset[str]:
    """The texts of the source that ``values`` translates: they go through no transform before."""
    return frozenset(text.strip().casefold() for text in rule.values or ())


def _part_of(found: Evaluated, sources: Sequence[_Part], rule: FieldRule, number: int) -> Evaluated:
    """The part with this number of each row's cells, as it is in the file; blank parts count."""
    parts = _split(sources, rule.split, number) if rule.split else sources
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


def _part_counts(sources: Sequence[_Part], separators: Sequence[str]) -> Codes:
    """How many parts each row's cells have."""
    pattern = _separator(separators)
    counts = np.zeros(len(sources[0].column), np.int64)
    for part in sources:
        own = [len(pattern.split(text)) for text in part.column.values.to_pylist()]
        counts += np.array([*own, 0], np.int64)[part.column.codes]
    return counts


def _transformed(found: Evaluated, steps: Sequence[Step], context: Context, listed: frozenset[str]) -> Evaluated:
    """The values after further transforms; what these find is reported at the column that each value came from."""
    part = _transform(_Part(found.column, ""), 0, steps, context, listed)
    findings = (own for finding in part.findings for own in found.at_columns(finding))
    changes = (
        replace(change.only(found.chosen == number), reference=reference)
        for number, reference in enumerate(found.references)
        for change in part.changes
    )
    return replace(
        found,
        column=part.column,
        findings=(*found.findings, *findings),
        changes=(*found.changes, *changes),
        extension=found.extension if part.extension is None else part.extension,
    )


def _or_else(found: Evaluated, other: Evaluated) -> Evaluated:
    """``other`` on the rows where ``found`` gives nothing and has nothing wrong."""
    used = ~found.column.filled & ~found.wrong()
    extensions = [one.extension or Column.blank(len(used)) for one in (found, other)]
    some = found.extension is not None or other.extension is not None
    further = [finding.only(used) for finding in other.findings]
    columns = tuple(dict.fromkeys((*found.origin.columns, *other.origin.columns)))
    rank = 1 if other.rank is None else other.rank + 1
    return replace(
        found,
        column=first_of([found.column, other.column.where(used)])[0],
        findings=(*found.findings, *(finding for finding in further if len(finding.at))),
        origin=replace(found.origin, columns=columns),
        filled=found.filled | other.filled,
        extension=first_of([extensions[0], extensions[1].where(used)])[0] if some else None,
        references=(*found.references, *other.references),
        changes=(*found.changes, *(one if one.code in _OF_CELLS else one.only(used) for one in other.changes)),
        chosen=np.where(used & other.filled, other.chosen + len(found.references), found.chosen),
        rank=np.where(used & other.column.filled, rank, 0).astype(np.int64),
    )


def _steps(name: str, rule: FieldRule) -> list[Step]:
    """A rule's transforms, and before them what all text goes through but keys, ids, and text to be left alone."""
    steps = _implied(name) if rule.as_ is None else rule.as_
    if name in _EXACT or name == FORMER or steps == [Step("text")]:
        return steps
    # The value of an attribute may be a web page.
    return [Step("unescape" if name.startswith("attributes.") else "decode"), Step("tidy"), *steps]


def _implied(name: str) -> list[Step]:
    """What a field goes through when its rule names no transform; keys and attributes stay as they are."""
    if name in IMPLIED:
        return [Step(IMPLIED[name])]
    if name in {"address_line_1", "address_line_2"}:
        return [Step("one_line", ", ")]
    steps = [Step("one_line", " ")] if name in ONE_LINE else []
    return [*steps, Step("unquote"), Step("postcode")] if name == "zip_code" else steps


def _flags(rule: FieldRule, table: TableData, number: str) -> Evaluated:
    """``type: {flags: {billing: Column, …}}``: every flagged type, else the default one."""
    assert rule.flags is not None
    parts: list[Column] = []
    findings: list[RowFinding] = []
    names: list[str] = []
    context = Context(Column.blank(len(table)), Path())
    for index, (target, template) in enumerate(rule.flags.items()):
        reference = template.replace(NUMBER, number)
        cells = _filled(table.column(reference), "type", rule, table)
        part = _transform(_Part(cells, reference), index, [Step("flag")], context)
        findings += part.findings
        names += table.names(reference)
        answers = [target if answer == "true" else None for answer in part.column.values.to_pylist()]
        parts.append(part.column.replaced(pa.array(answers, pa.string())))
    column, nothing = _joined(parts, LIST_SEPARATOR), np.zeros(len(table), bool)
    return Evaluated(column, tuple(findings), FieldOrigin(tuple(names)), nothing, chosen=np.zeros(len(table), np.int64))


def _separator(separators: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(separator) for separator in sorted(separators, key=len, reverse=True)))


def _split(sources: Sequence[_Part], separators: Sequence[str], most: int | None = None) -> list[_Part]:
    """The pieces of cells: those that are filled, the last one with all that is too many; or the first ``most``."""
    pattern = _separator(separators)
    parts = []
    for source in sources:
        pieces: list[list[str]] = []
        for value in source.column.values.to_pylist():
            own = [piece.strip() for piece in pattern.split(value)]
            if most is None:
                own = [piece for piece in own if piece]
                rest = own[_MOST_PARTS - 1 :]
                own = [*own[: _MOST_PARTS - 1], separators[0].join(rest)] if rest else own
            pieces.append(own[:most])
        texts = [pa.array(own, pa.string()) for own in zip_longest(*pieces)] or [pa.nulls(len(pieces), pa.string())]
        for column in texts:
            there = source.column.rows_with(column.is_valid().to_numpy(zero_copy_only=False))
            parts.append(_Part(source.column.replaced(column), source.reference, there=there))
    return parts


def _transform(
    part: _Part, number: int, steps: Sequence[Step], context: Context, listed: frozenset[str] = frozenset()
) -> _Part:
    """The part after its transforms. Texts that are ``listed`` go through none."""
    if listed:
        known = np.array([text.casefold() in listed for text in part.column.values.to_pylist()], bool)
        kept = part.column.rows_with(known)
        if kept.any():
            rest = _transform(replace(part, column=part.column.where(~kept)), number, steps, context)
            return replace(rest, column=first_of([part.column.where(kept), rest.column])[0])
    column, findings, changes, extension = part.column, list(part.findings), list(part.changes), part.extension
    for step in steps:
        if not len(column.values):
            break
        codes, texts, countries = _given(column, step, context)
        result = run_step(step, texts, countries, context.folder)
        told = np.zeros(len(texts), bool)
        for finding in result.findings:
            at = np.flatnonzero(np.append(finding.chosen, False)[codes])
            if len(at):
                findings.append(RowFinding(at.astype(np.int64), codes[at], finding, part.reference, number))
            if finding.severity is not Severity.WARNING or finding.replaces:
                told |= finding.chosen
        changes += rewriting(
            TRANSFORMS[step.name].code or "text_rewritten", part.reference, codes, texts, result.values, told
        )
        if codes is not column.codes or not result.values.equals(column.values):
            column = Column.keyed(codes, result.values)
        if result.extensions is not None:
            extension = Column.keyed(codes, result.extensions)
    return _Part(column, part.reference, tuple(findings), extension, tuple(changes))


def _given(column: Column, step: Step, context: Context) -> tuple[Codes, pa.Array, pa.Array]:
    """What a step is run on: each row's number, and by it the distinct texts, with their countries if it asks."""
    if not TRANSFORMS[step.name].by_country:
        return column.codes, column.values, pa.nulls(len(column.values), pa.string())
    tuples, (texts, countries) = combine([column, context.countries])
    given = texts.filled
    place = np.full(len(given) + 1, -1, np.int64)
    place[:-1][given] = np.arange(given.sum())
    kept = pa.array(given)
    return place[tuples], texts.to_arrow().filter(kept), countries.to_arrow().filter(kept)


def _choose(found: Evaluated, rule: FieldRule, parts: Sequence[_Part], *, is_list: bool) -> Evaluated:
    """Join the parts, or take one of them on each row."""
    findings = tuple(finding for part in parts for finding in part.findings)
    changes = tuple(change for part in parts for change in part.changes)
    columns = [part.column for part in parts]
    if rule.join is not None or (is_list and rule.take in {None, "all"}):
        separator = LIST_SEPARATOR if rule.join is None else rule.join
        return replace(found, column=_joined(columns, separator), findings=findings, changes=changes)
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


def _passed_over(parts: Sequence[_Part], taken: Column, chosen: Codes) -> Iterator[RowChange]:
    """Values of other columns than the one that was taken, where they say something else."""
    reference = [part.reference for part in parts]
    for part in parts:
        own = np.array([name == part.reference for name in [*reference, part.reference]])
        other = part.column.filled & taken.filled & ~own[chosen]
        if other.any():
            tuples, (mine, instead) = combine([part.column.where(other), taken.where(other)])
            before, after = mine.to_arrow(), instead.to_arrow()
            differs = pc.fill_null(pc.not_equal(before, after), False).to_numpy(zero_copy_only=False)
            yield RowChange("value_passed_over", part.reference, tuples, differs, before, after)


def _others(parts: Sequence[_Part], taken: Column, chosen: Codes) -> Iterator[RowFinding]:
    """An info where a cell that was split contained more than the value that was taken."""
    for reference in dict.fromkeys(part.reference for part in parts):
        numbers = [number for number, part in enumerate(parts) if part.reference == reference]
        if len(numbers) == 1:
            continue
        several = np.sum([parts[number].column.filled for number in numbers], axis=0) > 1
        at = np.flatnonzero(several & np.isin(chosen, numbers)).astype(np.int64)
        if len(at):
            said = [f"contains several values; {text!r} is taken" for text in taken.values.to_pylist()]
            every = np.ones(len(said), bool)
            yield RowFinding(at, taken.codes[at], Finding(every, Severity.INFO, "value_not_taken", said), reference, 0)


def _after_choice(findings: Sequence[RowFinding], chosen: Codes) -> tuple[RowFinding, ...]:
    """What was found about the candidate that was taken; a wrong one is a warning where another one was taken.

    Where none was, the first wrong one counts.
    """
    out = []
    told = np.zeros(len(chosen), bool)
    for finding in findings:
        taken = finding.only(chosen == finding.part)
        if len(taken.at):
            out.append(taken)
        passed = finding.only((chosen >= 0) & (chosen != finding.part))
        if len(passed.at) and finding.finding.severity is not Severity.INFO:
            eased = replace(finding.finding, severity=Severity.WARNING, hint="Another value was taken.")
            out.append(replace(passed, finding=eased))
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


def _each_once(column: Column) -> Column:
    """Lists without what they have already; case does not count."""
    once = []
    for text in column.values.to_pylist():
        items: dict[str, str] = {}
        for item in text.split(LIST_SEPARATOR):
            items.setdefault(item.casefold(), item)
        once.append(LIST_SEPARATOR.join(items.values()))
    return column.replaced(pa.array(once, pa.string()))


def _look_up(found: Evaluated, rule: FieldRule) -> Evaluated:
    assert rule.values is not None
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
    changes = (
        change.only(found.chosen == number)
        for number, reference in enumerate(found.references)
        for change in rewriting("value_translated", reference, column.codes, column.values, new, unlisted)
    )
    return replace(
        found,
        column=column.replaced(new),
        findings=(*found.findings, *_by_column(found, findings)),
        changes=(*found.changes, *changes),
    )


def _by_column(found: Evaluated, findings: Iterable[Finding]) -> Iterator[RowFinding]:
    """Findings about a field's values, each at the column that the row's value was taken from."""
    for finding in findings:
        at = np.flatnonzero(found.column.rows_with(finding.chosen)).astype(np.int64)
        for reference, own in found.by_reference(at):
            yield RowFinding(own, found.column.codes[own], finding, reference, 0)
