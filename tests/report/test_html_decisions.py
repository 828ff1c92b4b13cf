"""The page's sections with values to confirm and with the changes of an update."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from importer.report.html.figures import inventory
from importer.report.html.shown_customers import SHOWN, differences, read_changes, shown_customers
from importer.report.report_files import write_csv
from importer.report.report_input import ReportInput
from importer.tables import TEXT, ProblemTable
from tests.report.build import outcomes, small_run
from tests.support import make_tables

DANA, LEE = "4dc3b4e3-0a0e-4f6f-8d5f-3f1c1a2b3c4d", "5ec3b4e3-0a0e-4f6f-8d5f-3f1c1a2b3c4d"


def report_of(*customers: dict[str, Any], addresses: list[dict[str, Any]]) -> ReportInput:
    sources, tables = make_tables(customers, addresses)
    nobody = np.zeros(len(customers), dtype=np.bool_)
    ends = outcomes(*[(one["reference_id"], "create", "valid", *[None] * 7) for one in customers])
    return ReportInput(sources, tables, ProblemTable.empty(), nobody, nobody, nobody, ends)


def test_source_values_are_shown_with_what_is_sent() -> None:
    rep, country = "assigned_sales_rep_ids", "country"
    report = report_of(
        {"reference_id": "A", "payment_term": "NET30", rep: [DANA], "cells": {"payment_term": " Net 30", rep: "Dana"}},
        {
            "reference_id": "B",
            "payment_term": "NET30",
            rep: [DANA, LEE],
            "cells": {"payment_term": "net 30", rep: "D/L"},
        },
        {"reference_id": "C", "payment_term": "Cash", rep: [DANA], "cells": {rep: "Dana"}},
        {"reference_id": "D", "cells": {rep: "Nobody"}},
        {"reference_id": "E"},
        addresses=[
            {"customer": 0, country: "US", "cells": {country: "USA"}},
            {"customer": 1, country: "US", "cells": {country: "US"}},
            {"customer": 2, "cells": {country: "Narnia"}},
        ],
    )
    found = {part["field"]: part for part in inventory(report)}
    assert found["payment_term"]["values"] == [("Cash", "", 1), ("Net 30", "NET30", 1), ("net 30", "NET30", 1)]
    assert found[rep]["values"] == [("Dana", DANA, 2), ("D/L", f"{DANA}, {LEE}", 1), ("Nobody", None, 1)]
    assert found[country]["values"] == [("Narnia", None, 1), ("US", "", 1), ("USA", "US", 1)]
    assert [found[field]["blank"] for field in ("payment_term", rep, country)] == [2, 1, 0]
    assert [found[field]["translated"] for field in ("payment_term", rep, country)] == [True, True, True]
    assert found[rep]["columns"] == [f"customer {rep}"]
    for part in found.values():
        whole = len(report.tables.addresses if part["of"] == "addresses" else report.tables.customers)
        assert sum(count for _, _, count in part["values"]) + part["blank"] == whole


def changes(path: Path, lines: list[tuple[str, str, str | None, str | None, str | None]]) -> None:
    names = ("reference_id", "field", "before", "after", "place")
    data = {name: pd.Series([line[place] for line in lines], dtype=TEXT) for place, name in enumerate(names)}
    write_csv(path, pd.DataFrame(data))


def test_changes_file_is_read_back(tmp_path: Path) -> None:
    assert read_changes(tmp_path / "changes.csv") is None
    assert differences(None, ["A"]) == [([], 0)]
    changes(
        tmp_path / "changes.csv",
        [
            ("A", "phone", "+14155550132", None, "a.csv:2 [Phone]"),
            ("=B", "company_name", None, "=1+1\nInc", None),
            *(("A", f"attributes[{n}]", str(n), "x", None) for n in range(SHOWN)),
        ],
    )
    found = differences(read_changes(tmp_path / "changes.csv"), ["=B", "C", "A"])
    assert found[0] == ([["company_name", None, "=1+1\nInc", None]], 0)
    assert found[1] == ([], 0)
    assert found[2][0][0] == ["phone", "+14155550132", None, "a.csv:2 [Phone]"]
    assert (len(found[2][0]), found[2][1]) == (SHOWN, 1)


def test_customers_with_differences_come_first(tmp_path: Path) -> None:
    changes(tmp_path / "changes.csv", [("A", "phone", "1", "2", None)])
    given = read_changes(tmp_path / "changes.csv")
    plain, differing = (shown_customers(small_run(), tmp_path / "none", table) for table in (None, given))
    assert [shown.json.index('"A",') < shown.json.index('"E",') for shown in (plain, differing)] == [False, True]
