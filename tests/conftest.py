"""How many processes run the tests."""

import os

import pytest


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Half as many again as processors: tests of whole commands wait for processes most of the time."""
    return max(2, (os.cpu_count() or 1) * 3 // 2)
