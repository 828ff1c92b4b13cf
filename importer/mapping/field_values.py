"""What the mapping's ``values`` and the value table put in the place of a field's values."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa

from importer.mapping.columns import Column, Mask, first_of
from importer.mapping.field_parts import LIST_SEPARATOR, Evaluated
from importer.mapping.language.mapping_rules import FieldRule, Otherwise
from importer.mapping.transform_results import RowChange, failures, rewriting
from importer.mapping.word_table import FieldWords
from importer.wording import nearest

Did = Callable[[str, Column, Column], None]  # records what a step made of a column


def listed(rule: FieldRule) -> frozenset[str]:
    """The texts of the source that ``values`` translates: they go through no transform before."""
    return frozenset(text.strip().casefold() for text in rule.values or ())


def decide(found: Evaluated, rule: FieldRule, words: FieldWords, did: Did) -> Evaluated:
    """The values that the value table has; the mapping's own ``values`` are for words without one."""
    column = found.column
    new, decided = words.replaced(column.values)
    settled = column.rows_with(decided)
    findings = words.findings(column.values.to_pylist(), listed(rule))
    told = np.logical_or.reduce([np.zeros(len(decided), bool), *(finding.chosen for finding in findings)])
    own = column.replaced(new).where(settled)
    did("values table", column.where(settled), own)
    left = look_up(replace(found, column=column.where(~settled)), rule, did)
    changes = _translated(found, column, new, told | ~decided)
    return replace(
        left,
        column=first_of([own, left.column])[0],
        findings=(*left.findings, *found.by_column(findings)),
        changes=(*left.changes, *changes),
    )


def look_up(found: Evaluated, rule: FieldRule, did: Did) -> Evaluated:
    """The values that the mapping's own ``values`` translate; ``otherwise`` says what becomes of others."""
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
    did("values", column, translated)
    return replace(
        found,
        column=translated,
        findings=(*found.findings, *found.by_column(findings)),
        changes=(*found.changes, *_translated(found, column, new, unlisted)),
    )


def _translated(found: Evaluated, column: Column, new: pa.Array, told: Mask) -> Iterator[RowChange]:
    """What a table made of a field's values, at each one's column; not of those ``told`` elsewhere."""
    for number, reference in enumerate(found.references):
        for change in rewriting("value_translated", reference, column.codes, column.values, new, told):
            yield change.only(found.chosen == number)
