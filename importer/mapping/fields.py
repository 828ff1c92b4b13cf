"""One field of a mapping over all rows of a table: from → split → as → take/join → values → else → default."""

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
from importer.mapping.table_rows import TableData
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
    steps rewrote.
    """

    column: Column
    findings: tuple[RowFinding, ...]
    origin: FieldOrigin
    filled: Mask
    extension: Column | None = None
    references: tuple[str, ...] = ()
    changes: tuple[RowChange, ...] = ()
    chosen: Codes = field(default_factory=lambda: np.empty(0, np.int64))

    def by_reference(self, at: Codes) -> Iterator[tuple[str, Codes]]:
        """The rows ``at`` by the column that their values were taken from."""
        for number, reference in enumerate(self.references):
            own = at[self.chosen[at] == number]
            if len(own):
                yield reference, own

    def wrong(self) -> Mask:
        """True on rows where an error was found: these are not blank."""
        wrong = np.zeros(len(self.column), bool)
        for finding in self.findings:
            if finding.finding.severity is Severity.ERROR:
                wrong[finding.at] = True
        return wrong


@dataclass(frozen=True)
class _Part:
    """One candidate value: a source column, or one piece of a split one."""

    column: Column
    reference: str
    findings: tuple[RowFinding, ...] = ()
    extension: Column | None = None
    changes: tuple[RowChange, ...] = ()


def evaluate(name: str, rule: FieldRule, table: TableData, number: str, context: Context) -> Evaluated:
    """Evaluate a field's rule; ``number`` fills in ``{n}`` of a repeated group.

    With ``take: "{n}"`` a row counts as filled where its cells have that many parts. ``is_default`` is ``true`` or
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
    length = len(table)
    if rule.constant is not None:
        constant = Column.constant(LIST_SEPARATOR.join(rule.constant), length)
        return Evaluated(constant, (), FieldOrigin((), lookup=rule.lookup), np.zeros(length, bool))
    if rule.flags is not None:
        return _flags(rule, table, number)
    references = [reference.replace(NUMBER, number) for reference in rule.from_ or ()]
    sources, blanked = _sources(name, rule, table, references)
    filled = np.logical_or.reduce([part.column.filled for part in sources])
    parts = sources
    if rule.split:
        pieces = _split(sources, rule.split)
        parts = [_Part(_filled(piece.column, name, rule, table), piece.reference) for piece in pieces]
    if rule.take == NUMBER:
        filled = np.sum([part.column.filled for part in parts], axis=0) >= max(int(number), 1)
    steps = _steps(name, rule)
    parts = [_transform(part, number_, steps, context) for number_, part in enumerate(parts)]
    columns = tuple(header for reference in references for header in table.names(reference))
    origin = FieldOrigin(columns, rule.invalid == "blank", rule.lookup, bool(rule.clear_when_blank))
    nothing, first = Column.blank(length), np.zeros(length, np.int64)
    found = Evaluated(nothing, (), origin, filled, None, tuple(references), (), first)
    found = _choose(found, rule, parts, number, is_list=name == "assigned_sales_rep_ids")
    found = replace(found, changes=(*found.changes, *blanked))
    if rule.values is not None:
        found = _look_up(found, rule)
    if rule.else_ is not None:
        found = _or_else(found, evaluate(name, rule.else_, table, number, context))
    if rule.default is not None:
        found = replace(found, column=found.column.filled_up(rule.default, but=found.wrong()))
    return found


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
        changes=(*found.changes, *(one if one.code in _OF_CELLS else one.only(used) for one in other.changes)),
        chosen=np.where(used & other.filled, other.chosen + len(found.references), found.chosen),
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
    found = Evaluated(column, tuple(findings), FieldOrigin(tuple(names)), nothing)
    return found if rule.default is None else replace(found, column=column.filled_up(rule.default, found.wrong()))


def _split(sources: Sequence[_Part], separators: Sequence[str]) -> list[_Part]:
    pattern = re.compile("|".join(re.escape(separator) for separator in sorted(separators, key=len, reverse=True)))
    parts = []
    for source in sources:
        pieces: list[list[str]] = []
        for value in source.column.values.to_pylist():
            own = [piece.strip() for piece in pattern.split(value) if piece.strip()]
            rest = own[_MOST_PARTS - 1 :]
            pieces.append([*own[: _MOST_PARTS - 1], separators[0].join(rest)] if rest else own)
        texts = [pa.array(own, pa.string()) for own in zip_longest(*pieces)] or [pa.nulls(len(pieces), pa.string())]
        parts += [_Part(source.column.replaced(column), source.reference) for column in texts]
    return parts


def _transform(part: _Part, number: int, steps: Sequence[Step], context: Context) -> _Part:
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


def _choose(found: Evaluated, rule: FieldRule, parts: Sequence[_Part], number: str, *, is_list: bool) -> Evaluated:
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
    take = int(number) if rule.take == NUMBER else rule.take
    wanted = take if isinstance(take, int) else -1 if take == "last" else 1
    chosen = nth(columns, wanted)
    extensions = None
    if any(part.extension is not None for part in parts):
        extensions = pick([part.extension or Column.blank(len(chosen)) for part in parts], chosen)
    reference = np.array([*(found.references.index(part.reference) for part in parts), 0], np.int64)
    taken = pick(columns, chosen)
    changes = tuple(c.only(chosen == place) for place, part in enumerate(parts) for c in part.changes)
    left = () if rule.take == NUMBER else _others(parts, taken, chosen)  # other numbers take the others
    return replace(
        found,
        column=taken,
        findings=(*_after_choice(findings, chosen), *left),
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
