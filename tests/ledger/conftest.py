"""Every ledger test that uses ``place`` runs on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import database


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The path or URL of a new ledger."""
    if request.param == "sqlite":
        yield str(tmp_path / "ledger.db")
    else:
        with database() as url:
            yield url
