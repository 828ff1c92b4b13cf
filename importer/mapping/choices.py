"""One of several candidate values on each row, and what is reported about the others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow.compute as pc

from importer.mapping.columns import Codes, Column, combine, concat
from importer.mapping.transform_results import Finding, RowChange, RowFinding
from importer.records import Severity


@dataclass(frozen=True)
class Part:
    """One candidate value: a source column, or one piece of a split one."""

    column: Column
    reference: str
    findings: tuple[RowFinding, ...] = ()
    extension: Column | None = None
    changes: tuple[RowChange, ...] = ()


def of_chosen(parts: Sequence[Part], chosen: Codes) -> Iterator[RowChange]:
    """What was rewritten in the parts that were taken."""
    for number, part in enumerate(parts):
        for change in part.changes:
            yield change.only(chosen == number)


def passed_over(parts: Sequence[Part], taken: Column, chosen: Codes) -> Iterator[RowChange]:
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


def others(parts: Sequence[Part], taken: Column, chosen: Codes) -> Iterator[RowFinding]:
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


def nth(columns: Sequence[Column], wanted: int) -> Codes:
    """Row by row the number of the ``wanted``-th filled column (1 is the first, -1 the last), or -1."""
    filled = np.stack([column.filled for column in columns])
    if wanted < 0:
        filled = filled[::-1]
    hit = filled if abs(wanted) == 1 else filled & (np.cumsum(filled, axis=0) == abs(wanted))
    number = np.where(hit.any(axis=0), hit.argmax(axis=0), -1)
    if wanted < 0:
        number = np.where(number >= 0, len(columns) - 1 - number, -1)
    return number.astype(np.int64)


def pick(columns: Sequence[Column], chosen: Codes) -> Column:
    """Row by row the value of the chosen column; blank where none is."""
    used = np.flatnonzero(np.bincount(chosen + 1, minlength=1)[1:])
    if len(used) < 2:  # as where a second column is for the few that lack the first
        only = int(used[0]) if len(used) else 0
        return columns[only].where(chosen == only)
    stacked = concat(columns)
    codes = stacked.codes.reshape(len(columns), -1)[chosen, np.arange(len(chosen))]
    return Column(np.where(chosen >= 0, codes, -1), stacked.values)


def after_choice(findings: Sequence[RowFinding], chosen: Codes) -> tuple[RowFinding, ...]:
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
