"""What the pipeline passes to the merger: the defaults that the source states."""

from types import SimpleNamespace
from typing import Any, cast

import pandas as pd

from importer.run_folder import Stage
from importer.tables import BOOLEAN, TEXT, EntityTables
from importer.workflow.api_state import merger_for

BODY: dict[str, Any] = {"reference_id": "C2", "company_name": "X"}


def children(stated: list[bool | None] | None) -> pd.DataFrame:
    frame = pd.DataFrame(
        {"reference_id": pd.Series(["A1", "A2", "A3"], dtype=TEXT), "_customer": [0, 1, 1]}, index=pd.RangeIndex(3)
    )
    return frame if stated is None else frame.assign(_default_stated=pd.Series(stated, dtype=BOOLEAN))


def stage(addresses: pd.DataFrame, contacts: pd.DataFrame) -> Stage:
    customers = pd.DataFrame({"reference_id": pd.Series(["C1", "C2", "C3"], dtype=TEXT)})
    rows = pd.DataFrame()
    tables = EntityTables(customers, addresses, contacts, (), rows)
    return cast("Stage", SimpleNamespace(tables=tables))


def test_stated_defaults_are_known_by_customer() -> None:
    stated = merger_for(stage(children([True, None, True]), children([False, True, False]))).stated_defaults
    assert dict(stated) == {
        "C1": {("addresses", "A1")},
        "C2": {("addresses", "A3"), ("contacts", "A2")},
        "C3": frozenset(),
    }
    assert stated.get("nobody", frozenset()) == frozenset()
    assert len(stated) == 3


def test_tables_without_the_column_state_no_defaults() -> None:
    merger = merger_for(stage(children(None), children(None)))
    accepted = {**BODY, "addresses": [{"reference_id": "A3", "is_default": True}]}
    new = {**BODY, "addresses": [{"reference_id": "A3", "is_default": False}]}
    assert merger.same(accepted, new)
    stating = merger_for(stage(children([False, False, True]), children(None)))
    assert [change.path for change in stating.changes(accepted, new)] == ["addresses[A3].is_default"]
