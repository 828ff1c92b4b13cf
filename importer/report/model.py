"""What a report is made from."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from importer.records import Totals
from importer.report.companions import companions
from importer.report.counts import totals
from importer.report.located import Located, locate
from importer.report.places import CustomerRows
from importer.report.words import WordCounts, word_counts
from importer.tables import EntityTables, ProblemTable, Sources

__all__ = ["ReportInput"]


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
