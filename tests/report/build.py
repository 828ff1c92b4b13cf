"""A small handmade run: two tables, five customers, every kind of row."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from importer.records import Location, Problem, Severity
from importer.report.report_input import ReportInput
from importer.tables import TEXT, EntityTables, ProblemTable, Sources, SourceTable


def text(values: list[str | None]) -> "pd.Series[Any]":
    return pd.Series(values, dtype=TEXT)


def table(file: str, sheet: str | None, columns: dict[str, list[str]], numbers: list[int], **more: Any) -> SourceTable:
    frame = pd.DataFrame({name: text(list(cells)) for name, cells in columns.items()})
    skipped = more.pop("skipped", [])
    return SourceTable(
        file=file,
        sheet=sheet,
        frame=frame,
        row_numbers=np.array(numbers, dtype=np.int64),
        skipped=pd.DataFrame(
            {
                "row": np.array([row for row, _ in skipped], dtype=np.int64),
                "reason": pd.Series([reason for _, reason in skipped], dtype=TEXT),
            }
        ),
        broken=np.array(more.pop("broken", [False] * len(numbers)), dtype=np.bool_),
        **more,
    )


def rows(customer: list[int], skipped: dict[int, str] | None = None, rejected: tuple[int, ...] = ()) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer": np.array(customer, dtype=np.int64),
            "skipped": text([(skipped or {}).get(row) for row in range(len(customer))]),
            "rejected": np.isin(np.arange(len(customer)), rejected),
        }
    )


def outcomes(*lines: tuple[Any, ...]) -> pd.DataFrame:
    names = ["reference_id", "action", "outcome", "customer_id", "display_id", "http_status", "attempts", "error_code"]
    return pd.DataFrame(list(lines), columns=[*names, "error_message", "seconds"])


def small_run() -> ReportInput:
    """Customers A (created), B (rejected), C (refused by the API), D (lost a contact), E (created).

    Row positions 0 to 8 are the table ``list.csv`` (rows 3 to 12 without 7), 9 to 12 the sheet ``People`` (2 to 5).
    """
    main = table(
        "list.csv",
        None,
        {
            "Id": ["A", "A", "B", "B", "x", "C", "D", "", "E"],
            "Name": ["Ann & Co", "Ann & Co", "Bob, Inc", "Bob, Inc", "Supplier", "Cäsar", '"D"', "lost", "E\nLtd"],
            "Phone": ["1", "", "=2+2", "555", "", "+15555550103", "'-4", "", "007"],
        },
        [3, 4, 5, 6, 8, 9, 10, 11, 12],
        skipped=[(1, "title"), (2, "header"), (7, "blank"), (13, "total")],
        details={"sha256": "ab12", "bytes": 210, "encoding": "utf-8", "delimiter": ","},
    )
    people = table(
        "staff.xlsx",
        "People",
        {"Customer": ["A", "B", "D", "D"], "Mail": ["a@example.com", "b@", "d@example.com", "bad"]},
        [2, 3, 4, 5],
        skipped=[(1, "header")],
        broken=[False, False, False, False],
        details={"sha256": "cd34", "bytes": 4096},
    )
    customers = pd.DataFrame(
        {
            "reference_id": text(["A", "B", "C", "D", "E"]),
            "company_name": text(["Ann & Co", "Bob, Inc", "Cäsar", '"D"', "E\nLtd"]),
            "_row": np.array([0, 2, 5, 6, 8], dtype=np.int64),
            "_entry": np.zeros(5, dtype=np.int64),
        }
    )
    child = pd.DataFrame({"_row": np.array([9, 11]), "_customer": np.array([0, 3]), "_entry": np.array([1, 1])})
    tables = EntityTables(
        customers,
        child.iloc[:0],
        child,
        (),
        rows([0, 0, 1, 1, -1, 2, 3, -1, 4, 0, 1, 3, 3], {4: "supplier"}, rejected=(7,)),
        unused_columns={"staff.xlsx!People": ("Fax",), "list.csv": ()},
    )
    error, warning, info = Severity.ERROR, Severity.WARNING, Severity.INFO
    mail = {"entity": "contact", "field": "email", "column": "Mail"}
    phone = {"entity": "customer", "field": "phone", "column": "Phone", "hint": "Write +15555550100"}
    lines: list[dict[str, Any]] = [
        {**mail, "severity": error, "code": "invalid_email", "customer": 1, "record": 1, "row": 10, "value": "b@",
         "message": "b@ is no e-mail address", "hint": "Mend it"},
        {**phone, "severity": error, "code": "invalid_phone", "customer": 1, "record": 1, "row": 2, "value": "=2+2",
         "message": "not a phone number"},
        {**mail, "severity": warning, "code": "invalid_email", "customer": 3, "record": 2, "row": 12, "value": "bad",
         "message": "bad is no e-mail address", "hint": "the contact was left out"},
        {"severity": info, "code": "no_address", "customer": 4, "message": "E has no address"},
        {"severity": error, "code": "blank_key", "row": 7, "column": "Id", "value": "", "message": "the key is blank"},
    ]  # fmt: skip
    problems = ProblemTable.concat([ProblemTable.build(1, **line) for line in lines])
    sources = Sources(
        (main, people),
        (
            Problem(Severity.WARNING, "mixed_encoding", "odd bytes", location=Location("list.csv")),
            Problem(Severity.INFO, "footer", "a total was left out", location=Location("list.csv", None, 13)),
            Problem(Severity.WARNING, "odd_cell", "odd", "Look", Location("staff.xlsx", "People", 3, "Mail")),
        ),
    )
    ends = outcomes(
        ("A", "create", "created", "c-1", "WC-1", 201, 1, None, None, 0.12345),
        ("B", "none", "rejected", None, None, None, None, None, None, None),
        ("C", "create", "failed", None, None, 422, 1, "validation_error", "state: unknown", 0.5),
        ("D", "create", "created", "c-2", None, 201, 2, None, None, 1.0),
        ("E", "create", "created", "c-3", None, 201, 1, None, None, 0.25),
    )
    mask = np.arange(5)
    return ReportInput(sources, tables, problems, mask == 1, mask == 3, mask == 2, ends)


def without_problems(report: ReportInput) -> ReportInput:
    return replace(report, problems=ProblemTable.empty(), sources=Sources(report.sources.tables))
