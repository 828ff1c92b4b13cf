"""A pytest plugin for ``tests.mutate`` that records which lines each test executes and how long it takes.

``-p tests.executed_lines --lines-of importer/planner --lines-to FILE`` writes JSON: for each test its ``seconds``,
its ``lines`` by file, and whether it starts ``processes``, whose lines are not recorded.
"""

import inspect
import json
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

MOST_CALLS = 300  # per function and test; tracing is slow, so after that many calls all its lines count as executed


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--lines-of", type=Path)
    parser.addoption("--lines-to", type=Path)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(ExecutedLines(config.getoption("lines_of"), config.getoption("lines_to")))


class ExecutedLines:
    def __init__(self, package: Path, target: Path) -> None:
        self._root = Path.cwd()
        self._package = str(self._root / package) + "/"
        self._target = target
        self._tests: dict[str, dict[str, object]] = {}
        self._lines: set[tuple[str, int]] = set()
        self._calls: Counter[tuple[str, int]] = Counter()
        self._processes = False
        sys.addaudithook(self._notice)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._lines, self._calls, self._processes = set(), Counter(), False
        started = time.monotonic()
        threading.settrace(self._enter)
        sys.settrace(self._enter)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            threading.settrace(None)  # type: ignore[arg-type]
            lines = defaultdict(list)
            for file, line in sorted(self._lines):
                lines[Path(file).relative_to(self._root).as_posix()].append(line)
            seconds = time.monotonic() - started
            self._tests[item.nodeid] = {"seconds": seconds, "processes": self._processes, "lines": lines}

    def pytest_sessionfinish(self) -> None:
        self._target.write_text(json.dumps(self._tests))

    def _enter(self, frame: FrameType, event: str, arg: object):
        code = frame.f_code
        # Code that runs on import would be attributed only to the first test.
        if code.co_flags & inspect.CO_OPTIMIZED and code.co_filename.startswith(self._package):
            place = (code.co_filename, code.co_firstlineno)
            self._lines.add(place)  # the decorator's line, if there is one
            self._calls[place] += 1
            if self._calls[place] <= MOST_CALLS:
                return self._step
            if self._calls[place] == MOST_CALLS + 1:
                self._lines.update((code.co_filename, line) for *_, line in code.co_lines() if line)
        return None

    def _step(self, frame: FrameType, event: str, arg: object):
        self._lines.add((frame.f_code.co_filename, frame.f_lineno))
        return self._step

    def _notice(self, event: str, arguments: tuple[object, ...]) -> None:
        if event in {"subprocess.Popen", "os.fork", "os.posix_spawn"}:
            self._processes = True
