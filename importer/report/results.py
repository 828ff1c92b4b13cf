"""``results.csv`` and ``errors.csv``."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.records import Severity
from importer.report.files import write_csv
from importer.report.model import ReportInput
from importer.report.places import ERROR_COLUMNS, take_text
from importer.tables import TEXT

__all__ = ["RESULT_COLUMNS", "results", "write_errors", "write_results"]

RESULT_COLUMNS: tuple[str, ...] = (
    *("reference_id", "company_name", "action", "outcome", "customer_id", "http_status", "attempts"),
    *("error_code", "error_message", "source", "rows", "seconds"),
)
_NUMBERS = {"http_status": pd.ArrowDtype(pa.int64()), "attempts": pd.ArrowDtype(pa.int64())}


def write_results(path: Path, report: ReportInput) -> None:
    """Write ``results.csv``: one line per customer (:func:`results`). Raises :class:`OutputError`."""
    write_csv(path, results(report))


def write_errors(path: Path, located: pd.DataFrame) -> None:
    """Write ``errors.csv``: one line per problem of :func:`locate_problems`. Raises :class:`OutputError`."""
    write_csv(path, located[list(ERROR_COLUMNS)])


def results(report: ReportInput) -> pd.DataFrame:
    """One line per customer in the order of their first rows: ``RESULT_COLUMNS``.

    A rejected customer's ``error_code`` and ``error_message`` are its first error's, with how many more there are.
    ``source`` is the file of its first row, ``rows`` are all its rows, ``seconds`` has three decimals.
    """
    customers, outcomes = report.tables.customers, report.outcomes
    count = len(customers)
    first, _ = report.sources.split(customers["_row"].to_numpy(np.int64))
    columns: dict[str, Any] = {
        name: outcomes[name].astype(TEXT)
        for name in ("action", "outcome", "customer_id", "error_code", "error_message")
    }
    columns |= {name: outcomes[name].astype(dtype) for name, dtype in _NUMBERS.items()}
    columns["seconds"] = outcomes["seconds"].astype(pd.ArrowDtype(pa.float64())).round(3)
    for name in ("reference_id", "company_name"):
        columns[name] = customers[name] if name in customers else pd.Series([None] * count, dtype=TEXT)
    columns["source"] = take_text(pd.Series([table.file for table in report.sources.tables], dtype=TEXT), first)
    columns["rows"] = report.rows
    codes, messages = _first_errors(report)
    columns["error_code"] = codes.fillna(columns["error_code"])
    columns["error_message"] = messages.fillna(columns["error_message"])
    return pd.DataFrame(columns)[list(RESULT_COLUMNS)]


def _first_errors(report: ReportInput) -> tuple["pd.Series[Any]", "pd.Series[Any]"]:
    """Code and message of each rejected customer's first error, null for all others."""
    located = report.located
    owner = located["_customer"].to_numpy(np.int64)
    concerned = (located["severity"] == str(Severity.ERROR)).to_numpy(np.bool_) & (owner >= 0)
    concerned &= np.append(report.rejected, False)[owner]
    errors = located[concerned]
    customers, firsts, counts = np.unique(owner[concerned], return_index=True, return_counts=True)
    line = np.full(len(report.rejected), -1, dtype=np.int64)
    line[customers] = np.arange(len(customers))
    message = pa.array(errors["message"].iloc[firsts])
    more = pc.binary_join_element_wise("; and ", pc.cast(pa.array(counts - 1), pa.string()), " more", "")
    message = pc.if_else(pa.array(counts > 1), pc.binary_join_element_wise(message, more, ""), message)
    return take_text(errors["code"].iloc[firsts], line), take_text(pd.Series(pd.array(message, dtype=TEXT)), line)
