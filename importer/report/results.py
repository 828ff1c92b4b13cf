"""``results.csv``: what happened to each customer."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.records import Severity
from importer.report.problem_list import Located
from importer.report.ranges import take_text
from importer.report.report_files import BLOCK
from importer.report.report_input import ReportInput
from importer.tables import TEXT, Positions

RESULT_COLUMNS: tuple[str, ...] = (
    *("reference_id", "company_name", "action", "outcome", "customer_id", "display_id", "http_status", "attempts"),
    *("error_code", "error_message", "source", "rows", "seconds"),
)
_NUMBERS = {"http_status": pd.ArrowDtype(pa.int64()), "attempts": pd.ArrowDtype(pa.int64())}


def results(report: ReportInput) -> Iterator[pd.DataFrame]:
    """A line with the ``RESULT_COLUMNS`` for each customer, in the order of their first rows.

    Yields blocks of lines, at least one. The ``error_code`` and ``error_message`` of a rejected customer are those of
    its first error; the message also says how many more there are. ``source`` is the file of the customer's first row,
    ``rows`` are all its rows, and ``seconds`` has three decimals.
    """
    first, count = _first_errors(report)
    total = len(report.tables.customers)
    for start in range(0, max(total, 1), BLOCK):
        stop = min(start + BLOCK, total)
        yield _lines(report, _error_texts(report.located, first[start:stop], count[start:stop]), start, stop)


def _lines(report: ReportInput, errors: "tuple[pd.Series[Any], pd.Series[Any]]", start: int, stop: int) -> pd.DataFrame:
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
    for name, texts in zip(("error_code", "error_message"), errors, strict=True):
        columns[name] = texts.fillna(columns[name])
    return pd.DataFrame(columns)[list(RESULT_COLUMNS)]


def _first_errors(report: ReportInput) -> tuple[Positions, Positions]:
    """For each customer, if rejected: its first error, as a position among all problems (-1: none), and how many."""
    owner = report.located.kinds["_customer"].to_numpy(np.int64)
    wanted = report.located.of(Severity.ERROR) & (owner >= 0)
    at = np.flatnonzero(wanted & np.append(report.rejected, False)[owner])
    customers, firsts, numbers = np.unique(owner[at], return_index=True, return_counts=True)
    first, count = np.full(len(report.rejected), -1, dtype=np.int64), np.zeros(len(report.rejected), dtype=np.int64)
    first[customers], count[customers] = at[firsts], numbers
    return first, count


def _error_texts(located: Located, first: Positions, count: Positions) -> "tuple[pd.Series[Any], pd.Series[Any]]":
    """Code and message for each customer; null for those without an error."""
    known = first >= 0
    lines = located.lines(first[known], ("code", "message"))
    more = pc.binary_join_element_wise("; and ", pc.cast(pa.array(count[known] - 1), pa.string()), " more", "")
    message = pa.array(lines["message"])
    message = pc.if_else(pa.array(count[known] > 1), pc.binary_join_element_wise(message, more, ""), message)
    at = np.where(known, np.cumsum(known) - 1, -1)
    return take_text(lines["code"], at), take_text(pd.Series(pd.array(message, dtype=TEXT)), at)
