"""The input for the reports, and the counts of a run, in which every row and every customer occurs exactly once."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from importer.errors import InternalError
from importer.records import OutcomeKind, Totals
from importer.report.problem_list import Located, locate
from importer.report.ranges import RowRanges
from importer.report.word_counts import WordCounts, word_counts
from importer.tables import TEXT, EntityTables, Mask, Positions, ProblemTable, Sources

_MOST_LOOSE = 5_000  # rows without a customer: no one fixes more of them by hand
_SEVERAL = 1.2  # rows per customer; with fewer, a row without a customer is more likely to be a separate customer


@dataclass(frozen=True)
class Reader:
    """Who reads the reports: the ``owner`` of the data, or the ``operator``, who runs the import.

    ``contact``: the name or address of the person who gets the corrected file back.
    """

    audience: str = "operator"
    contact: str | None = None

    @property
    def is_owner(self) -> bool:
        return self.audience == "owner"


OPERATOR = Reader()


@dataclass(frozen=True)
class ReportInput:
    """Everything that the reports of one run need; arrays and ``outcomes`` are by customer position.

    ``tables`` are final (without the children that were left out), and ``problems`` have their final severities.
    ``rejected``: customers that may not be sent. ``lost_child``: customers with an invalid child that was left out.
    ``refused``: customers that the API refused. ``outcomes``: columns ``reference_id, action, outcome, customer_id,
    display_id, http_status, attempts, error_code, error_message, seconds``, nulls allowed. ``words``: the counts, if
    they are already known. ``choices``: see ``Stage.choices``.
    """

    sources: Sources
    tables: EntityTables
    problems: ProblemTable
    rejected: Mask
    lost_child: Mask
    refused: Mask
    outcomes: pd.DataFrame
    words: WordCounts | None = None
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def located(self) -> Located:
        return locate(self.problems, self.sources, self.tables)

    @cached_property
    def related_rows(self) -> Positions:
        """For each customer that is not rejected: a row that was rejected alone but may belong to it (-1: none)."""
        fine = ~(self.rejected | self.refused | self.lost_child)
        return np.where(fine, _related_rows(self.sources, self.tables, self.problems), -1)

    @cached_property
    def word_counts(self) -> WordCounts:
        """See ``word_counts.word_counts``."""
        return word_counts(self.sources, self.tables, self.problems.frame) if self.words is None else self.words

    @cached_property
    def rows(self) -> RowRanges:
        return RowRanges.of(self.sources, self.tables)

    @cached_property
    def totals(self) -> Totals:
        """The checked counts: see :func:`totals`."""
        return totals(self.sources, self.tables, self.rejected, self.outcomes)


def totals(sources: Sources, tables: EntityTables, rejected: Mask, outcomes: pd.DataFrame) -> Totals:
    """Count rows and customers, and check both sums.

    Every physical record counts as read. A row is rejected if its customer is, if it was rejected alone, or if the
    loader could not read it. It is skipped if the loader or the mapping gave a reason. Otherwise, it is used.
    Raises :class:`InternalError` if a row or a customer does not have exactly one status.
    """
    refused = rejected_rows(sources, tables, rejected)
    used = (tables.row_customers >= 0) & ~refused
    reasons = tables.rows["skipped"]
    skipped = reasons.notna().to_numpy(np.bool_)
    ends = refused.astype(np.int8) + used + skipped
    if len(ends) != sources.row_count or (ends != 1).any():
        wrong = np.flatnonzero(ends != 1)
        where = f", the first is {sources.location(int(wrong[0]))}" if len(wrong) else ""
        raise InternalError(
            f"{len(wrong)} of {sources.row_count} rows are not exactly one of used, skipped and rejected{where}"
        )
    counts = Counter({str(reason): int(number) for reason, number in reasons[skipped].value_counts().items()})
    for table in sources.tables:
        counts.update({str(reason): int(number) for reason, number in table.skipped["reason"].value_counts().items()})
    result = Totals(
        rows_read=sources.record_count,
        rows_used=int(used.sum()),
        rows_rejected=int(refused.sum()),
        rows_skipped=dict(sorted(counts.items())),
        customers=len(tables.customers),
        outcomes=_outcome_counts(tables, rejected, outcomes),
    )
    result.check()
    return result


def rejected_rows(sources: Sources, tables: EntityTables, customers: Mask) -> Mask:
    """The row positions that belong to one of these customers, were rejected alone, or could not be read."""
    owner = tables.row_customers
    owned: Mask = np.append(customers, False)[owner]  # -1 (no customer) takes the last item
    rejected: Mask = owned | _rejected_alone(sources, tables)
    return rejected


def loose_rows(sources: Sources, tables: EntityTables) -> int:
    """How many rows were rejected without belonging to a customer."""
    return int((_rejected_alone(sources, tables) & (tables.row_customers < 0)).sum())


def _rejected_alone(sources: Sources, tables: EntityTables) -> Mask:
    """The row positions that were rejected alone, or could not be read."""
    broken = np.concatenate([np.empty(0, np.bool_), *(table.broken for table in sources.tables)])
    alone: Mask = tables.rows["rejected"].to_numpy(np.bool_) | broken
    return alone


def _outcome_counts(tables: EntityTables, rejected: Mask, outcomes: pd.DataFrame) -> dict[OutcomeKind, int]:
    """Customers by outcome, in the order of :class:`OutcomeKind`, without zeros."""
    kinds = outcomes["outcome"].astype(TEXT)
    if not len(kinds) == len(tables.customers) == len(rejected):
        raise InternalError(f"{len(tables.customers)} customers, but {len(kinds)} outcomes")
    wrong = np.flatnonzero((kinds == str(OutcomeKind.REJECTED)).to_numpy(np.bool_, na_value=False) != rejected)
    if len(wrong):
        raise InternalError(
            f"{len(wrong)} customers are rejected in one place only, the first is number {wrong[0] + 1}"
        )
    counts = kinds.value_counts()
    return {kind: int(counts[str(kind)]) for kind in OutcomeKind if str(kind) in counts.index}


def _related_rows(sources: Sources, tables: EntityTables, problems: ProblemTable) -> Positions:
    """For each customer, the first row without a customer that may belong to it (-1: none).

    When such a row is fixed, it is imported again with only the other rejected rows, and its customer may not be among
    them. Its customer is probably the one that its message names, or otherwise one of those that :func:`_around` finds.
    """
    alone = np.flatnonzero(_rejected_alone(sources, tables) & (tables.row_customers < 0))
    found = np.full(len(tables.customers), -1, dtype=np.int64)
    if not 0 < len(alone) <= _MOST_LOOSE:
        return found
    frame = problems.frame
    named = frame[(frame["code"] == "orphan_row").to_numpy(np.bool_) & (frame["record"] >= 0).to_numpy()]
    rows, customers = named["row"].to_numpy(np.int64), named["record"].to_numpy(np.int64)
    around, near = _around(sources, tables, np.setdiff1d(alone, rows))
    rows, customers = np.concatenate([rows, around]), np.concatenate([customers, near])
    order = np.argsort(-rows, kind="stable")
    found[customers[order]] = rows[order]  # the last assignment wins: the first row
    return found


def _around(sources: Sources, tables: EntityTables, rows: Positions) -> tuple[Positions, Positions]:
    """(row, customer): each of these rows, with the customers of the nearest rows above and below that have one.

    Both rows are in the same table, whose customers have several rows each, or in which no customer begins.
    """
    owner = tables.row_customers
    firsts = tables.customers["_row"].to_numpy(np.int64)
    pairs = [(np.empty(0, np.int64), np.empty(0, np.int64))]
    for start, end in zip(sources.offsets, sources.offsets[1:], strict=False):
        own, here = owner[start:end], rows[(rows >= start) & (rows < end)]
        used = np.flatnonzero(own >= 0)
        several = len(used) > _SEVERAL * len(np.unique(own[used])) or not ((firsts >= start) & (firsts < end)).any()
        if not len(here) or not len(used) or not several:
            continue
        below = np.searchsorted(used, here - start)
        for at in (below - 1, below):
            inside = (at >= 0) & (at < len(used))
            pairs.append((here[inside], own[used[at[inside]]]))
    rows_, customers = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    return rows_, customers
