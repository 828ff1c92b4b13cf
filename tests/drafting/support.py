"""Small tables, and the proposals for their columns."""

from collections.abc import Callable, Mapping
from typing import Any

from importer.drafting.draft import Draft, draft_sources
from importer.tables import Sources
from tests.support import make_source

Row = Mapping[str, str]
TOWNS = ("Bath", "Leeds", "York", "Kent")


def plain(number: int, **more: str) -> dict[str, str]:
    """A row of an unambiguous list."""
    return {
        "Customer Number": f"{100 + number}",
        "Company Name": f"Firm {number} Ltd",
        "City": TOWNS[number % 4],
    } | more


def draft(row: Callable[[int], Row], count: int = 8, country: str | None = None, **answers: str) -> Draft:
    """The draft for a table with these rows, without looking for an existing mapping."""
    return drafted([[row(number) for number in range(count)]], country, answers)


def drafted(tables: list[list[Row]], country: str | None = None, answers: Mapping[str, str] | None = None) -> Draft:
    sources = Sources(tuple(make_source(f"file {at}.csv", rows) for at, rows in enumerate(tables)))
    return draft_sources(sources, country, answers or {}, recognize=False)


def targets(draft: Draft) -> dict[str, list[str]]:
    """What each column is proposed for, without the ignored ones."""
    return {one.header: one.targets for one in draft.columns if set(one.targets) - {"ignore"}}


def written(draft: Draft, tmp_path: Any) -> Any:
    """Write the draft's mapping; returns its path."""
    path = tmp_path / "draft.yaml"
    path.write_text(draft.mapping, encoding="utf-8")
    return path
