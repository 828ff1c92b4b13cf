"""One field of a mapping over all rows of a table: from → split → as → take/join → then → values → else → default."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.mapping.columns import Codes, Column, Mask, combine, first_of
from importer.mapping.field_parts import LIST_SEPARATOR, Evaluated, FieldPart, choose, joined, part_of, split_parts
from importer.mapping.language.mapping_rules import NUMBER, FieldRule
from importer.mapping.table_rows import TableData, holds, source_reference
from importer.mapping.trace import READ, RESULT, Trace
from importer.mapping.transform_results import OF_CELLS, RowChange, RowFinding, rewriting
from importer.mapping.transforms.registry import TRANSFORMS, TransformStep, run_step
from importer.mapping.transforms.text_forms import comparable_keys, whole_numbers
from importer.mapping.word_table import FieldWords, decide, listed, look_up
from importer.records import Severity
from importer.tables import ADDRESS_FIELDS, CONTACT_FIELDS, CUSTOMER_FIELDS, FieldOrigin

IMPLIED = {"phone": "phone", "email": "email", "country": "country", "state": "state", "is_default": "flag"}
ONE_LINE = frozenset({*CUSTOMER_FIELDS, *ADDRESS_FIELDS, *CONTACT_FIELDS}) - {"reference_id", "type"}
_FORMER = "former id"  # the name of a key or id as earlier versions compared it
_EXACT = frozenset({"key", "reference_id"})
_TYPES = frozenset({"billing", "shipping"})


@dataclass(frozen=True)
class Context:
    """What steps may look at besides the text.

    ``countries``: of each row (``"GB|US"``). ``folder``: the mapping's. ``words``: field → what a table says.
    ``trace``: where they record what they do, or None.
    """

    countries: Column
    folder: Path
    words: Mapping[str, FieldWords] = field(default_factory=dict)
    trace: Trace | None = None

    def record_step(self, step: str, before: Column, after: Column, reference: str = "") -> None:
        """Record what a step did, if there is a trace."""
        if self.trace is not None:
            self.trace.add(step, before, after, reference)

    def record_choice(self, step: str, parts: Sequence[FieldPart], after: Column) -> None:
        """Record which of several values was chosen, if there is a trace."""
        if self.trace is not None:
            self.trace.add(step, joined([part.column for part in parts], LIST_SEPARATOR), after)

    def traced(self, **changes: Any) -> "Context":
        """The same with another trace: one with these attributes changed."""
        return self if self.trace is None else replace(self, trace=replace(self.trace, **changes))

    def unwatched(self) -> "Context":
        """The same without a trace, for a field that is evaluated again for a different purpose."""
        return self if self.trace is None else replace(self, trace=None)


def evaluate(name: str, rule: FieldRule, table: TableData, number: str, context: Context) -> Evaluated:
    """Evaluate a field's rule; ``number`` fills in ``{n}`` of a repeated group.

    With ``take: "{n}"`` a row counts as filled if the part with that number is. ``is_default`` is ``true`` or
    ``false``; ``Billing`` is ``billing``; a list of sales reps names each once.
    """
    context = context.traced(field=name)
    found = _evaluate(name, rule, table, number, context)
    column = found.column
    if name == "is_default":  # also if the mapping's own words or a transform write it differently
        result = run_step(TransformStep("flag"), column.values, pa.nulls(len(column.values), pa.string()), Path())
        findings = (*found.findings, *found.by_column(result.findings))
        found = replace(found, column=column.replaced(result.values), findings=findings)
        context.record_step("flag", column, found.column)
    elif name == "assigned_sales_rep_ids":
        found = replace(found, column=_each_once(column))
        context.record_step("each once", column, found.column)
    elif name == "type":
        small = [text.lower() if text.lower() in _TYPES else text for text in column.values.to_pylist()]
        found = replace(found, column=column.replaced(pa.array(small, pa.string())))
        context.record_step("lower", column, found.column)
    context.record_step(RESULT, found.column, found.column)
    return found


def extension_field(name: str, phone: Evaluated, context: Context) -> Evaluated:
    """The attribute ``name``, which gets the extensions of phone numbers on rows with a phone number."""
    nothing = Column.blank(len(phone.column))
    extension = (phone.extension or nothing).where(phone.column.filled)
    context.traced(field=name).record_step("extension", nothing, extension)
    return replace(phone, column=extension, findings=(), changes=(), extension=None)


def evaluate_former(rule: FieldRule, table: TableData, number: str, now: Evaluated, context: Context) -> Column | None:
    """A key or an id as earlier versions made it; None if that is certainly what it is ``now``."""
    before = table.as_before(reference.replace(NUMBER, number) for reference, _ in rule.references(optional=True))
    if before is table and all(change.code != "key_tidied" for change in now.changes):
        return None
    return evaluate(_FORMER, rule, before, number, context.unwatched()).column


def _evaluate(name: str, rule: FieldRule, table: TableData, number: str, context: Context) -> Evaluated:
    if rule.constant is not None:
        found = _constant(rule, len(table))
        context.record_step("constant", Column.blank(len(table)), found.column)
    elif rule.flags is not None:
        found = _flags(rule, table, number, context)
    else:
        found = _from_columns(name, rule, table, number, context)
    if rule.when is not None:
        before, found = found.column, found.only(holds(rule.when.numbered(number), table, frozenset()))
        context.record_step("when", before, found.column)
    if rule.else_ is not None:
        inner = context.traced(steps=[])
        before, other = found.column, evaluate(name, rule.else_, table, number, inner)
        if context.trace is not None and inner.trace is not None:
            used = _gives_nothing(found)
            context.trace.steps.extend(step.only(used) for step in inner.trace.steps)
        found = _or_else(found, other)
        context.record_step("else", before, found.column)
    if rule.default is not None:
        before, found = found.column, replace(found, column=found.column.filled_up(rule.default, but=found.wrong()))
        context.record_step("default", before, found.column)
    return found


def _constant(rule: FieldRule, length: int) -> Evaluated:
    constant = Column.constant(LIST_SEPARATOR.join(rule.constant or ()), length)
    origin, first = FieldOrigin((), lookup=rule.lookup), np.zeros(length, np.int64)
    return Evaluated(constant, (), origin, np.zeros(length, bool), chosen=first)


def _from_columns(name: str, rule: FieldRule, table: TableData, number: str, context: Context) -> Evaluated:
    references = [reference.replace(NUMBER, number) for reference in rule.from_ or ()]
    sources, blanked = _sources(name, rule, table, references, context)
    filled = np.logical_or.reduce([part.column.filled for part in sources])
    columns = tuple(header for reference in references for header in table.names(reference))
    origin = FieldOrigin(columns, rule.invalid == "blank", rule.lookup, bool(rule.clear_when_blank))
    nothing, first = Column.blank(len(table)), np.zeros(len(table), np.int64)
    found = Evaluated(nothing, (), origin, filled, None, tuple(references), (), first)
    steps, alone = _steps(name, rule), listed(rule)
    if rule.take == NUMBER:
        found = part_of(found, sources, rule, max(int(number), 1))
        context.record_choice(f"take {number}", sources, found.column)
        column, _ = _without_blanks(found.column, "", name, rule, table)
        context.record_step("blanks", found.column, column)
        found = _transformed(replace(found, column=column, filled=column.filled), steps, context, alone)
    else:
        parts = sources
        if rule.split:
            pieces = split_parts(sources, rule.split)
            parts = [replace(piece, column=_without_blanks(piece.column, "", name, rule, table)[0]) for piece in pieces]
            _trace_pieces(sources, pieces, parts, context)
        parts = [_transform(part, number_, steps, context, alone) for number_, part in enumerate(parts)]
        found = choose(found, rule, parts, is_list=name == "assigned_sales_rep_ids")
        context.record_choice(f"take {rule.take or 'first'}" if rule.join is None else "join", parts, found.column)
    found = replace(found, changes=(*found.changes, *blanked))
    if rule.then:
        found = _transformed(found, rule.then, context.traced(prefix="then "), alone)
    words = context.words.get(name)
    return (
        look_up(found, rule, context.record_step) if words is None else decide(found, rule, words, context.record_step)
    )


def _trace_pieces(
    sources: Sequence[FieldPart], pieces: Sequence[FieldPart], parts: Sequence[FieldPart], context: Context
) -> None:
    """Record what ``split`` made of each cell, and which pieces count as blank."""
    whole = {source.reference: source.column for source in sources if context.trace is not None}
    for piece, part in zip(pieces, parts, strict=True) if whole else ():
        before = whole[piece.reference].where(piece.column.filled)
        context.record_step("split", before, piece.column, piece.reference)
        context.record_step("blanks", piece.column, part.column, piece.reference)


def _sources(
    name: str, rule: FieldRule, table: TableData, references: Sequence[str], context: Context
) -> tuple[list[FieldPart], list[RowChange]]:
    """The columns of a field without text that counts as blank, or of a key as it is compared; what that changed."""
    parts, blanked = [], []
    for reference in references:
        whole = table.column(reference)
        context.record_step(READ, whole, whole, reference)
        cell = source_reference(reference)
        if context.trace is not None and cell != reference:
            context.record_step("split into its parts", table.column(cell).where(whole.filled), whole, reference)
        column, change = _without_blanks(whole, reference, name, rule, table)
        context.record_step("blanks", whole, column, reference)
        blanked += change
        if name in _EXACT or (name == "parent" and reference in table.numbered):
            plain = comparable_keys(column.values)
            if reference in table.numbered:
                plain = pc.coalesce(whole_numbers(plain), plain)
            reported = np.zeros(len(plain), bool)
            blanked += rewriting("key_tidied", reference, column.codes, column.values, plain, reported)
            before, column = column, column if plain is column.values else column.replaced(plain)
            context.record_step("key", before, column, reference)
        parts.append(FieldPart(column, reference))
    return parts, blanked


def _without_blanks(
    column: Column, reference: str, name: str, rule: FieldRule, table: TableData
) -> tuple[Column, list[RowChange]]:
    """The column without text that counts as blank in this field, and what is reported about that.

    Its ``values`` mean something, and so does the dash of a flag, which is no.
    """
    meant = {text.strip().lower() for text in rule.values or ()}
    if rule.flags is not None or {"flag", "not_flag"} & {step.name for step in _steps(name, rule)}:
        meant.add("-")
    return without_blanks(column, reference, table.blanks.among(column.values, name, meant))


def without_blanks(column: Column, reference: str, stand_in: Mask) -> tuple[Column, list[RowChange]]:
    """The column without the distinct values that count as blank, and what is reported about them."""
    if not stand_in.any():
        return column, []
    nothing = pa.nulls(len(column.values), pa.string())
    values = pc.if_else(pa.array(stand_in), nothing, column.values)
    return column.replaced(values), [RowChange("blank_text", reference, column.codes, stand_in, column.values, nothing)]


def _transformed(
    found: Evaluated, steps: Sequence[TransformStep], context: Context, alone: frozenset[str]
) -> Evaluated:
    """The values after further transforms; what these find is reported at the column that each value came from."""
    part = _transform(FieldPart(found.column, ""), 0, steps, context, alone)
    findings = (own for finding in part.findings for own in found.at_columns(finding))
    return replace(
        found,
        column=part.column,
        findings=(*found.findings, *findings),
        changes=(*found.changes, *found.changed(part.changes)),
        extension=found.extension if part.extension is None else part.extension,
    )


def _or_else(found: Evaluated, other: Evaluated) -> Evaluated:
    """``found``, with ``other`` on the rows where ``found`` has neither a value nor an error."""
    used = _gives_nothing(found)
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
        changes=(*found.changes, *(one if one.code in OF_CELLS else one.only(used) for one in other.changes)),
        chosen=np.where(used & other.filled, other.chosen + len(found.references), found.chosen),
        rank=np.where(used & other.column.filled, rank, 0).astype(np.int64),
    )


def _gives_nothing(found: Evaluated) -> Mask:
    """True on rows where a rule has neither a valid nor an invalid value, so that ``else`` applies."""
    return ~found.column.filled & ~found.wrong()


def _steps(name: str, rule: FieldRule) -> list[TransformStep]:
    """A rule's transforms, and before them what all text goes through but keys, ids, and text to be left alone."""
    steps = _implied(name) if rule.as_ is None else rule.as_
    if name in _EXACT or name == _FORMER or steps == [TransformStep("text")]:
        return steps
    # The value of an attribute may be a web page.
    return [TransformStep("unescape" if name.startswith("attributes.") else "decode"), TransformStep("tidy"), *steps]


def _implied(name: str) -> list[TransformStep]:
    """What a field goes through when its rule names no transform; keys and attributes stay as they are."""
    if name in IMPLIED:
        return [TransformStep(IMPLIED[name])]
    if name in {"address_line_1", "address_line_2"}:
        return [TransformStep("one_line", ", ")]
    steps = [TransformStep("one_line", " ")] if name in ONE_LINE else []
    return [*steps, TransformStep("unquote"), TransformStep("postcode")] if name == "zip_code" else steps


def _flags(rule: FieldRule, table: TableData, number: str, context: Context) -> Evaluated:
    """``type: {flags: {billing: Column, …}}``: every flagged type, or the default type if none is flagged."""
    assert rule.flags is not None
    parts: list[Column] = []
    findings: list[RowFinding] = []
    names: list[str] = []
    for index, (target, template) in enumerate(rule.flags.items()):
        (cells,), _ = _sources("type", rule, table, [template.replace(NUMBER, number)], context)
        part = _transform(cells, index, [TransformStep("flag")], context)
        findings += part.findings
        names += table.names(part.reference)
        answers = [target if answer == "true" else None for answer in part.column.values.to_pylist()]
        parts.append(part.column.replaced(pa.array(answers, pa.string())))
    column, nothing = joined(parts, LIST_SEPARATOR), np.zeros(len(table), bool)
    context.record_step("flags", Column.blank(len(table)), column)
    return Evaluated(column, tuple(findings), FieldOrigin(tuple(names)), nothing, chosen=np.zeros(len(table), np.int64))


def _transform(
    part: FieldPart, number: int, steps: Sequence[TransformStep], context: Context, alone: frozenset[str] = frozenset()
) -> FieldPart:
    """The part after its transforms. Texts to be left ``alone`` (without case) go through none."""
    if alone:
        known = np.array([text.casefold() in alone for text in part.column.values.to_pylist()], bool)
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
        reported = np.zeros(len(texts), bool)
        for finding in result.findings:
            at = np.flatnonzero(np.append(finding.chosen, False)[codes])
            if len(at):
                findings.append(RowFinding(at, codes[at], finding, part.reference, number))
            if finding.severity is not Severity.WARNING or finding.replaces:
                reported |= finding.chosen
        changes += rewriting(
            TRANSFORMS[step.name].code or "text_rewritten", part.reference, codes, texts, result.values, reported
        )
        before = column
        if codes is not column.codes or not result.values.equals(column.values):
            column = Column.keyed(codes, result.values)
        context.record_step(step.name, before, column, part.reference)
        if result.extensions is not None:
            extension = Column.keyed(codes, result.extensions)
    return FieldPart(column, part.reference, tuple(findings), extension, tuple(changes))


def _given(column: Column, step: TransformStep, context: Context) -> tuple[Codes, pa.Array, pa.Array]:
    """What a step is run on: each row's number, and by it the distinct texts, with their countries if it asks."""
    if not TRANSFORMS[step.name].by_country:
        return column.codes, column.values, pa.nulls(len(column.values), pa.string())
    tuples, (texts, countries) = combine([column, context.countries])
    given = texts.filled
    place = np.full(len(given) + 1, -1, np.int64)
    place[:-1][given] = np.arange(given.sum())
    kept = pa.array(given)
    return place[tuples], texts.to_arrow().filter(kept), countries.to_arrow().filter(kept)


def _each_once(column: Column) -> Column:
    """Lists without repeated items, ignoring case."""
    once = []
    for text in column.values.to_pylist():
        items: dict[str, str] = {}
        for item in text.split(LIST_SEPARATOR):
            items.setdefault(item.casefold(), item)
        once.append(LIST_SEPARATOR.join(items.values()))
    return column.replaced(pa.array(once, pa.string()))
