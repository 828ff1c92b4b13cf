"""Tests that are coroutines run in virtual time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from importer.ledger import Ledger
from tests.sender.scene import Scene, scene
from tests.sender.support import VirtualLoop, fresh_ledger


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with fresh_ledger(tmp_path) as opened:
        yield opened


@pytest.fixture
def s(tmp_path: Path) -> Iterator[Scene]:
    with scene(tmp_path) as made:
        yield made
