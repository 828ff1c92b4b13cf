"""A desk and an API for each test."""

from collections.abc import Iterator

import pytest

from tests.workflow.desk import box, desk
from tests.workflow.strict_api import StrictApi, strict_api

__all__ = ["box", "desk"]


@pytest.fixture
def api() -> Iterator[StrictApi]:
    with strict_api() as made:
        yield made
