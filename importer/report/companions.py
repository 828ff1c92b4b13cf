"""Customers whose rows go with rows to mend that belong to nobody yet, so that these can be joined to them."""

import numpy as np
import numpy.typing as npt

from importer.tables import EntityTables, ProblemTable, Sources

__all__ = ["companions"]

_MOST = 5_000  # rows without a customer: of more nobody mends each by hand

_SEVERAL = 1.2  # rows of a customer: with fewer, a row without one is more likely a customer of its own

Positions = npt.NDArray[np.int64]


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
