"""The counts of a run, which always add up: every row and every customer is dealt with exactly once."""

from collections import Counter

import numpy as np
import numpy.typing as npt
import pandas as pd

from importer.errors import InternalError
from importer.records import OutcomeKind, Totals
from importer.tables import TEXT, EntityTables, Sources

__all__ = ["loose_rows", "rejected_rows", "totals"]

Mask = npt.NDArray[np.bool_]


def totals(sources: Sources, tables: EntityTables, rejected: Mask, outcomes: pd.DataFrame) -> Totals:
    """Count rows and customers, and check both sums.

    Rows read are all physical records. A row is rejected when its customer is, when it was rejected alone, or when the
    loader could not read it; it is skipped when the loader or the mapping says so, with the reason; else it is used.
    Raises :class:`InternalError` when a row or a customer has no end, or more than one.
    """
    refused = rejected_rows(sources, tables, rejected)
    used = (_owners(tables) >= 0) & ~refused
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
    owner = _owners(tables)
    owned: Mask = np.append(customers, False)[owner]  # -1, no customer, is the last item
    broken = np.concatenate([np.empty(0, np.bool_), *(table.broken for table in sources.tables)])
    alone: Mask = tables.rows["rejected"].to_numpy(np.bool_)
    ends: Mask = owned | alone | broken
    return ends


def loose_rows(sources: Sources, tables: EntityTables) -> int:
    """How many rows were rejected without belonging to a customer."""
    alone = rejected_rows(sources, tables, np.zeros(len(tables.customers), dtype=np.bool_))
    return int((alone & (_owners(tables) < 0)).sum())


def _owners(tables: EntityTables) -> npt.NDArray[np.int64]:
    return tables.rows["customer"].to_numpy(np.int64)


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
