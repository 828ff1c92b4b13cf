"""What a transform returns: new distinct values, what it found, and on which rows it changed something."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.mapping.columns import Codes, Mask
from importer.records import Severity

OF_CELLS = frozenset({"blank_text", "key_tidied"})  # changes of cells, whatever becomes of the value


@dataclass(frozen=True)
class ValueFinding:
    """Something about some of the distinct values: ``chosen`` marks them; texts are one for all or one by number.

    ``replaces``: a warning that also says what became of the value.
    """

    chosen: Mask
    severity: Severity
    code: str
    message: str | Sequence[str]
    hint: str | Sequence[str] = ""
    replaces: bool = False

    def texts(self, number: int) -> tuple[str, str]:
        """(message, hint) for one distinct value."""
        message = self.message if isinstance(self.message, str) else self.message[number]
        return message, self.hint if isinstance(self.hint, str) else self.hint[number]

    def among(self, at: Codes, count: int) -> "ValueFinding":
        """The same about the values at some places among ``count`` values."""
        chosen = np.zeros(count, bool)
        chosen[at[self.chosen]] = True
        message, hint = (
            texts
            if isinstance(texts, str)
            else pd.Series(texts, index=at).reindex(range(count), fill_value="").tolist()
            for texts in (self.message, self.hint)
        )
        return replace(self, chosen=chosen, message=message, hint=hint)


@dataclass(frozen=True)
class TransformResult:
    """``values``: one (nullable) text for each distinct value given; ``extensions``: phone extensions, likewise."""

    values: pa.Array
    findings: tuple[ValueFinding, ...] = ()
    extensions: pa.Array | None = None

    def among(self, at: Codes, whole: "TransformResult") -> "TransformResult":
        """What was made of the values at some places, among the ``whole``, which is settled but for those."""
        mask = np.zeros(len(whole.values), bool)
        mask[at] = True
        findings = tuple(finding.among(at, len(mask)) for finding in self.findings)
        values = pc.replace_with_mask(whole.values, pa.array(mask), self.values)
        if whole.extensions is None:
            return TransformResult(values, findings)
        return TransformResult(
            values, findings, pc.replace_with_mask(whole.extensions, pa.array(mask), self.extensions)
        )


def failures(
    code: str,
    reasons: Sequence[str | None],
    hint: str | Sequence[str],
    severity: Severity = Severity.ERROR,
    *,
    replaces: bool = False,
) -> tuple[ValueFinding, ...]:
    """A finding, an error unless said otherwise, for each distinct value that has a reason; nothing when none has."""
    chosen = pa.array(reasons, pa.string()).is_valid().to_numpy(zero_copy_only=False)
    if not chosen.any():
        return ()
    return (ValueFinding(chosen, severity, code, [reason or "" for reason in reasons], hint, replaces),)


def read_each(
    values: pa.Array, read: Callable[[str], tuple[str | None, str | None]], code: str, hint: str
) -> TransformResult:
    """Read each value to its new text and, or None, what is wrong with it."""
    pairs = [read(value) for value in values.to_pylist()]
    findings = failures(code, [reason for _, reason in pairs], hint)
    return TransformResult(pa.array([text for text, _ in pairs], pa.string()), findings)


@dataclass(frozen=True)
class RowFinding:
    """Something about the rows ``at``: ``numbers`` picks each row's texts in ``finding``; ``reference``: its column."""

    at: Codes
    numbers: Codes
    finding: ValueFinding
    reference: str
    part: int

    def only(self, chosen: Mask) -> "RowFinding":
        kept = chosen[self.at]
        return replace(self, at=self.at[kept], numbers=self.numbers[kept])


@dataclass(frozen=True)
class RowChange:
    """What one step did to a column: on row ``i``, where ``chosen[codes[i]]``, ``before`` became ``after``.

    ``codes`` (-1: blank) index ``chosen``, ``before`` and ``after``; ``reference`` names the column. ``after`` is null
    where the value was left out.
    """

    code: str
    reference: str
    codes: Codes
    chosen: Mask
    before: pa.Array
    after: pa.Array

    def only(self, rows: Mask) -> "RowChange":
        return replace(self, codes=np.where(rows, self.codes, -1))

    def take(self, rows: Codes) -> "RowChange":
        """The change on the rows at these indices; only the first of repeated indices counts."""
        first = np.full(len(self.codes) + 1, -1, np.int64)
        first[rows[::-1]] = np.arange(len(rows) - 1, -1, -1)
        fresh = first[rows] == np.arange(len(rows))
        return replace(self, codes=np.where(fresh, np.append(self.codes, -1)[rows], -1))

    def hits(self) -> Mask:
        """True on the rows that were changed."""
        rows: Mask = np.append(self.chosen, False)[self.codes]
        return rows


def rewriting(
    code: str, reference: str, codes: Codes, before: pa.Array, after: pa.Array, reported: Mask
) -> Iterator[RowChange]:
    """What became of distinct values, apart from those ``reported`` in findings: rewritten ones, and ones left out."""
    if after is before:
        return
    blank = pc.fill_null(pc.equal(after, ""), True).to_numpy(zero_copy_only=False)
    differs = pc.fill_null(pc.not_equal(before, after), True).to_numpy(zero_copy_only=False) & ~reported
    if (differs & ~blank).any():
        yield RowChange(code, reference, codes, differs & ~blank, before, after)
    if (differs & blank).any():
        yield RowChange("value_left_out", reference, codes, differs & blank, before, after)
