"""The page's server as a separate process, and a browser; checks what both leave behind."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page

from tests.report.test_html_browser import CHROMIUM, browser

__all__ = ["browser"]

ROOT = Path(__file__).parents[2]
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: the page was not opened")


@dataclass
class Served:
    """A running server. ``home``: its working folder, with everything that it and its child processes write."""

    process: subprocess.Popen[str]
    address: str
    home: Path

    @property
    def base(self) -> str:
        """The page's address without the token."""
        return self.address.partition("/?")[0]

    @property
    def authority(self) -> str:
        return self.base.removeprefix("http://")

    @contextmanager
    def client(self) -> Iterator[httpx.Client]:
        """A client that has already exchanged the token for a cookie."""
        with httpx.Client(base_url=self.base, follow_redirects=False, timeout=120) as made:
            assert made.get(self.address).status_code == 303
            yield made

    def post(self, client: httpx.Client, path: str, form: Mapping[str, str | list[str]]) -> httpx.Response:
        """Send a form as the page does."""
        return client.post(path, data=dict(form), headers={"Origin": self.base})

    def kill(self) -> None:
        """Kill the server; the processes that it started continue."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextmanager
def serving(home: Path, *words: str, environment: Mapping[str, str] | None = None) -> Iterator[Served]:
    """``importer open --no-browser`` with these words; it must end without an error when terminated."""
    said = home / f"stderr-{time.monotonic_ns()}"
    own = {"XDG_STATE_HOME": str(home / "state"), "PYTHONPATH": str(ROOT), "HOME": str(home), **(environment or {})}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("WIZCOMMERCE", "IMPORTER"))}
    command = [sys.executable, "-m", "importer", "open", "--no-browser", *words]
    with said.open("w") as file:
        process = subprocess.Popen(command, cwd=home, env={**inherited, **own}, stderr=file, stdout=file, text=True)
    try:
        while (found := re.search(r"http://\S+", said.read_text())) is None:
            assert process.poll() is None, said.read_text()
            time.sleep(0.05)  # until the other process is ready
        yield Served(process, found[0], home)
    finally:
        if process.poll() is None:
            process.terminate()
            assert process.wait(timeout=120) == 0, said.read_text()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("page")) as found:
        yield found


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that may request only its own server, and must not log anything."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    made = context.new_page()
    made.set_default_timeout(60_000)
    complaints: list[str] = []
    asked: list[str] = []
    made.on("console", lambda message: complaints.append(message.text))
    made.on("pageerror", lambda error: complaints.append(str(error)))
    made.on("dialog", lambda dialog: complaints.append(dialog.message))
    made.on("request", lambda request: asked.append(request.url))
    yield made
    assert [line for line in complaints if "ERR_CONNECTION_REFUSED" not in line] == []  # that is a killed server
    assert [url for url in asked if not url.startswith("http://127.0.0.1:")] == []
    context.close()
