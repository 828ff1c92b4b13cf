"""Every test of the ledger that asks for ``place`` runs on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import database


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a new ledger is kept."""
    if request.param == "sqlite":
        yield str(tmp_path / "ledger.db")
    else:
        with database() as url:
            yield url
