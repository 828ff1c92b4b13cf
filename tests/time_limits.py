"""A pytest plugin for ``tests.mutate`` that ends the process if a test takes much longer than before.

``-p tests.time_limits --seconds-in FILE`` reads what ``tests.executed_lines`` wrote.
"""

import faulthandler
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PATIENCE, FACTOR = 20.0, 4  # seconds, added to FACTOR times what the test took


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seconds-in", type=Path)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    seconds = json.loads(item.config.getoption("seconds_in").read_bytes())[item.nodeid]["seconds"]
    faulthandler.dump_traceback_later(PATIENCE + FACTOR * seconds, exit=True, file=sys.__stderr__)
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()
