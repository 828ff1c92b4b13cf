"""What a report is made from."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from importer.records import Totals
from importer.report.counts import totals
from importer.report.problem_list import Located, locate
from importer.report.ranges import CustomerRows
from importer.report.word_counts import WordCounts, word_counts
from importer.tables import EntityTables, ProblemTable, Sources

__all__ = ["ReportInput", "companions"]

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ReportInput:
    """Everything the reports of one run are made from; arrays and ``outcomes`` are by customer position.

    ``tables`` are final (children that were left out are gone), ``problems`` have their final severities.
    ``rejected``: customers that may not be sent. ``lost_child``: customers of which a wrong child was left out.
    ``refused``: customers that the API refused. ``outcomes``: columns ``reference_id, action, outcome, customer_id,
    display_id, http_status, attempts, error_code, error_message, seconds``, nulls allowed. ``words``: where they are
    counted already.
    """

    sources: Sources
    tables: EntityTables
    problems: ProblemTable
    rejected: npt.NDArray[np.bool_]
    lost_child: npt.NDArray[np.bool_]
    refused: npt.NDArray[np.bool_]
    outcomes: pd.DataFrame
    words: WordCounts | None = None

    @cached_property
    def located(self) -> Located:
        """All problems with their places."""
        return locate(self.problems, self.sources, self.tables)

    @cached_property
    def companions(self) -> npt.NDArray[np.int64]:
        """For each customer of whom all is well the row that may be its own, though it is rejected alone (-1: none)."""
        whole = ~(self.rejected | self.refused | self.lost_child)
        return np.where(whole, companions(self.sources, self.tables, self.problems), -1)

    @cached_property
    def word_counts(self) -> WordCounts:
        """See ``words.word_counts``."""
        return word_counts(self.sources, self.tables) if self.words is None else self.words

    @cached_property
    def rows(self) -> CustomerRows:
        """Which rows each customer has."""
        return CustomerRows.of(self.sources, self.tables)

    @cached_property
    def totals(self) -> Totals:
        """The checked counts: see ``counts.totals``."""
        return totals(self.sources, self.tables, self.rejected, self.outcomes)


_MOST = 5_000  # rows without a customer: of more nobody mends each by hand


_SEVERAL = 1.2  # rows of a customer: with fewer, a row without one is more likely a customer of its own


def companions(sources: Sources, tables: EntityTables, problems: ProblemTable) -> Positions:
    """For each customer the first row without one (-1: none) that may be its own.

    A mended row is given back with the other rows to mend only, and what it belongs to may have nothing wrong. That is
    probably the customer that its message names, else one of those in the rows around it, in a table whose customers
    have several rows or that makes none.
    """
    owner = tables.rows["customer"].to_numpy(np.int64)
    broken = np.concatenate([np.empty(0, np.bool_), *(table.broken for table in sources.tables)])
    alone = np.flatnonzero((tables.rows["rejected"].to_numpy(np.bool_) | broken) & (owner < 0))
    found = np.full(len(tables.customers), -1, dtype=np.int64)
    if not 0 < len(alone) <= _MOST:
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
    """(row, customer) of the nearest row with a customer above and below each of these, in the same table."""
    owner = tables.rows["customer"].to_numpy(np.int64)
    firsts = tables.customers["_row"].to_numpy(np.int64)
    pairs = [(np.empty(0, np.int64), np.empty(0, np.int64))]
    for start, end in zip(sources.offsets, sources.offsets[1:], strict=False):
        own, here = owner[start:end], rows[(rows >= start) & (rows < end)]
        held = np.flatnonzero(own >= 0)
        several = len(held) > _SEVERAL * len(np.unique(own[held])) or not ((firsts >= start) & (firsts < end)).any()
        if not len(here) or not len(held) or not several:
            continue
        below = np.searchsorted(held, here - start)
        for at in (below - 1, below):
            inside = (at >= 0) & (at < len(held))
            pairs.append((here[inside], own[held[at[inside]]]))
    rows_, customers = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    return rows_, customers
