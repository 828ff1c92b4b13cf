"""A sandbox with default settings, and a client for it."""

from collections.abc import Iterator

import httpx
import pytest

from importer.sandbox import SandboxConfig
from tests.running_sandbox import RunningSandbox, running
from tests.sandbox.support import client


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running(SandboxConfig()) as sandbox:
        yield sandbox


@pytest.fixture
def api(sandbox: RunningSandbox) -> Iterator[httpx.Client]:
    with client(sandbox) as api:
        yield api
