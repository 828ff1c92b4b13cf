"""The question before sending to production: which account, where, how many; nothing is sent before the answer."""

import os
import pty
import re
import select
import subprocess
import sys
from contextlib import closing

import pytest

from importer.workflow import targets
from importer.workflow.targets import ApiTarget
from tests.workflow.desk import KEY, PATIENCE, ROOT

SILENCE = 20  # seconds; answers come within one unless the machine is busy

# Ctrl-C reaches only processes with this controlling terminal.
START = """
import fcntl, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
import importer.workflow.targets
importer.workflow.targets.PRODUCTION = "127.0.0.1"
from importer.cli import main
main()
"""


@pytest.fixture
def production(monkeypatch) -> None:
    """The real host must not be reached, so the loopback address stands in for it."""
    monkeypatch.setattr(targets, "PRODUCTION", "127.0.0.1")


def typing(desk, typed: str, *words: object) -> tuple[int, str]:
    """The exit code, and what a user sees who types this at a terminal."""
    said = desk.do(*words, typed=typed)
    return said.code, " ".join((said.out + said.err).split())


def at_a_terminal(desk, typed: bytes, *words: object, prompt: bytes = b"[y/N]: ") -> tuple[int, str]:
    """The same with a real terminal and a separate process. The text is typed once the question is shown.

    It is typed again after a silence, as a user would do: Python does not notice a Ctrl-C that comes just before it
    starts to wait for a line.
    """
    outer, inner = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", START, *map(str, words)],
        cwd=desk.path, stdin=inner, stdout=inner, stderr=inner, start_new_session=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **desk.variables},
    )  # fmt: skip
    os.close(inner)
    shown = b""
    with closing(os.fdopen(outer, "r+b", buffering=0)) as terminal:
        for _ in range(PATIENCE // SILENCE):
            while select.select([terminal], [], [], SILENCE)[0]:
                if not (chunk := read(terminal)):
                    return process.wait(timeout=PATIENCE), " ".join(shown.decode().split())
                shown += chunk
                if shown.endswith(prompt):
                    terminal.write(typed)
            if prompt in shown:
                terminal.write(typed)
    raise AssertionError(f"no end after {shown!r}")


def read(terminal) -> bytes:
    try:
        return terminal.read(4096)
    except OSError:  # the other end is closed
        return b""


def test_question_states_account_host_and_counts(desk, box, production) -> None:
    words = ("run", *desk.small(3), "--api", box.url, "--tenant", "acme")
    host = box.url.removeprefix("http://")
    first = typing(desk, "y\n", *words, "--only", "C0")
    assert first[0] == 0
    assert f"This sends to production ({host}, account acme): 1 new customer. Continue? [y/N]: " in first[1]
    assert "This sends" not in first[1].partition("Continue?")[2]
    text = (desk.path / "small.csv").read_text().replace("Company 0", "Firm 0")
    desk.write("small.csv", f"{text}C9,Wrong,,no address,,\nC8,Wrong,,no address,,\n")
    code, shown = typing(desk, "n\n", *words, "--mode", "upsert")
    assert code == 2
    assert (
        f"({host}, account acme): 2 new customers, 1 update; 2 rejected customers will not be sent. Continue?" in shown
    )
    assert "nothing was changed in WizCommerce" in shown
    assert [one["display_name"] for one in box.customers()] == ["Company 0"]
    code, shown = typing(desk, "yes\n", "resume", "--limit", 1)
    assert "2 new customers, 1 update (only the first will be sent); 2 rejected customers will not be sent" in shown
    assert code == 1


@pytest.mark.parametrize("typed", ["\n", "", "no\n", "yo\n"])
def test_anything_but_yes_sends_nothing(desk, box, production, typed) -> None:
    code, shown = typing(desk, typed, "run", *desk.small(), "--api", box.url)
    assert (code, box.counts()["customers"]) == (2, 0), shown


def test_ctrl_c_at_the_question_stops_immediately(desk, box) -> None:
    code, shown = at_a_terminal(desk, b"\x03", "run", *desk.small(), "--api", box.url)
    assert (code, box.counts()["customers"]) == (3, 0), shown
    assert "interrupted" in shown
    assert "Traceback" not in shown
    code, shown = at_a_terminal(desk, b"y\n", "resume")
    assert (code, box.counts()["customers"]) == (0, 3), shown


def test_no_question_is_asked_with_yes_or_nothing_to_send(desk, box, production) -> None:
    words = ("run", *desk.small(), "--api", box.url)
    for more in (("--yes",), ()):
        code, shown = typing(desk, "", *words, *more)
        assert code == 0
        assert "[y/N]" not in shown


def test_nothing_is_sent_without_a_terminal(desk, box, production) -> None:
    said = desk.do("run", *desk.small(), "--api", box.url)
    assert (said.code, said.out, box.requests()) == (2, "", [])
    assert "--yes" in said.err
    assert not (desk.path / "results").exists()
    assert desk.do("run", *desk.small(), "--api", box.url, "--limit", 1, "--yes").code == 0
    for command in ("resume", "retry"):
        before = len(box.requests())
        said = desk.do(command)
        assert (said.code, len(box.requests())) == (2, before)
        assert "--yes" in said.err
    assert desk.do("resume", "--yes").code == 0
    assert box.counts()["customers"] == 3


@pytest.mark.parametrize(
    "api", ["production", "https://api.wizcommerce.com.", "HTTPS://API.WizCommerce.com.:443/v1/", "https://api.wizcommerce.com:8443"]
)  # fmt: skip
def test_any_spelling_of_production_is_recognized(desk, api) -> None:
    said = desk.do("run", *desk.small(), "--api", api)
    assert (said.code, said.out) == (2, "")
    assert re.search("sends to production.*--yes", said.err, re.DOTALL)


@pytest.mark.parametrize("url", ["https://api-staging.sourcerer.tech", "https://api.wizcommerce.com.example.com"])
def test_other_hosts_are_not_production(url) -> None:
    assert not ApiTarget(url, KEY, "t").is_production
