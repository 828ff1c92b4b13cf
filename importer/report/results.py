"""``results.csv`` and ``errors.csv``."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.records import Severity
from importer.report.problem_list import ERROR_COLUMNS, Located
from importer.report.ranges import take_text
from importer.report.report_files import BLOCK, write_blocks
from importer.report.report_input import ReportInput
from importer.tables import TEXT

__all__ = ["RESULT_COLUMNS", "results", "write_errors", "write_results"]

Positions = npt.NDArray[np.int64]
RESULT_COLUMNS: tuple[str, ...] = (
    *("reference_id", "company_name", "action", "outcome", "customer_id", "display_id", "http_status", "attempts"),
    *("error_code", "error_message", "source", "rows", "seconds"),
)
_NUMBERS = {"http_status": pd.ArrowDtype(pa.int64()), "attempts": pd.ArrowDtype(pa.int64())}


def write_results(path: Path, report: ReportInput) -> None:
    """Write ``results.csv``: one line per customer (:func:`results`). Raises :class:`OutputError`."""
    write_blocks(path, results(report))


def write_errors(path: Path, located: Located) -> None:
    """Write ``errors.csv``: one line per problem. Raises :class:`OutputError`."""
    write_blocks(path, (lines[list(ERROR_COLUMNS)] for lines in located.blocks()))


def results(report: ReportInput) -> Iterator[pd.DataFrame]:
    """One line per customer in the order of their first rows: ``RESULT_COLUMNS``; some at a time, one block at least.

    A rejected customer's ``error_code`` and ``error_message`` are its first error's, with how many more there are.
    ``source`` is the file of its first row, ``rows`` are all its rows, ``seconds`` has three decimals.
    """
    errors = _first_errors(report)
    count = len(report.tables.customers)
    for start in range(0, max(count, 1), BLOCK):
        yield _lines(report, errors, start, min(start + BLOCK, count))


def _lines(report: ReportInput, errors: "_FirstErrors", start: int, stop: int) -> pd.DataFrame:
    customers, outcomes = (
        frame.iloc[start:stop].reset_index(drop=True) for frame in (report.tables.customers, report.outcomes)
    )
    first, _ = report.sources.split(customers["_row"].to_numpy(np.int64))
    columns: dict[str, Any] = {
        name: outcomes[name].astype(TEXT)
        for name in ("action", "outcome", "customer_id", "display_id", "error_code", "error_message")
    }
    columns |= {name: outcomes[name].astype(dtype) for name, dtype in _NUMBERS.items()}
    columns["seconds"] = outcomes["seconds"].astype(pd.ArrowDtype(pa.float64())).round(3)
    for name in ("reference_id", "company_name"):
        columns[name] = customers[name] if name in customers else pd.Series([None] * len(customers), dtype=TEXT)
    columns["source"] = take_text(pd.Series([table.file for table in report.sources.tables], dtype=TEXT), first)
    rows = report.rows.text(np.arange(start, stop))
    columns["rows"] = pd.Series(pd.arrays.ArrowExtensionArray(rows))
    codes, messages = errors.texts(start, stop)
    columns["error_code"] = codes.fillna(columns["error_code"])
    columns["error_message"] = messages.fillna(columns["error_message"])
    return pd.DataFrame(columns)[list(RESULT_COLUMNS)]


@dataclass(frozen=True)
class _FirstErrors:
    """For each rejected customer with errors: the first, by its place among all problems, and how many there are."""

    located: Located
    customers: Positions
    places: Positions
    counts: Positions

    def texts(self, start: int, stop: int) -> tuple["pd.Series[Any]", "pd.Series[Any]"]:
        """Code and message for each customer of a range; null for those without."""
        low, high = np.searchsorted(self.customers, [start, stop]).tolist()
        own = slice(low, high)
        lines, counts = self.located.lines(self.places[own], ("code", "message")), self.counts[own]
        at = np.full(stop - start, -1, dtype=np.int64)
        at[self.customers[own] - start] = np.arange(len(counts))
        message = pa.array(lines["message"])
        more = pc.binary_join_element_wise("; and ", pc.cast(pa.array(counts - 1), pa.string()), " more", "")
        message = pc.if_else(pa.array(counts > 1), pc.binary_join_element_wise(message, more, ""), message)
        return take_text(lines["code"], at), take_text(pd.Series(pd.array(message, dtype=TEXT)), at)


def _first_errors(report: ReportInput) -> _FirstErrors:
    kinds = report.located.kinds
    owner = kinds["_customer"].to_numpy(np.int64)
    wanted = (kinds["severity"] == str(Severity.ERROR)).to_numpy(np.bool_) & (owner >= 0)
    wanted &= np.append(report.rejected, False)[owner]
    at = np.flatnonzero(wanted)
    customers, firsts, counts = np.unique(owner[at], return_index=True, return_counts=True)
    return _FirstErrors(report.located, customers, at[firsts], counts)
