"""``[notify]``: who is notified of a run's end, with which text, and what happens if that fails."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from importer.errors import UsageError
from importer.notify import Announcer
from importer.settings import Notices, read_notices
from tests.workflow.desk import PATIENCE

# Apprise imports a module that Python has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


class Hook:
    """A real server that records what it gets and answers with ``status``."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.status = 200
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
                hook.seen.append((self.path, body))
                self.send_response(hook.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    @property
    def pings(self) -> list[str]:
        return [path for path, _ in self.seen if path.startswith("/ping")]

    @property
    def notes(self) -> list[dict]:
        return [json.loads(body) for path, body in self.seen if path.startswith("/note")]


@contextmanager
def listening() -> Iterator[Hook]:
    hook = Hook()
    thread = threading.Thread(target=hook.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hook
    finally:
        hook.server.shutdown()
        hook.server.server_close()
        thread.join()


@pytest.fixture
def hook():
    with listening() as made:
        yield made


SECRET = "hook-secret-0815"


def job(desk, box, hook, *lines: str, count: int = 3) -> str:
    desk.small(count)
    own = ['sources = ["small.csv"]', 'mapping = "small.yaml"', f'api = "{box.url}"', "rate = 5000", 'log = "log"']
    note = ["[notify]", f'urls = ["json://127.0.0.1:{hook.port}/note/{SECRET}"]']
    ping = [f'healthcheck = "http://127.0.0.1:{hook.port}/ping/{SECRET}?create=1"']
    desk.write("acme.toml", "\n".join([*own, *note, *ping, *lines])).chmod(0o600)
    return "acme.toml"


def test_success_is_pinged_and_notified_only_on_request(desk, box, hook) -> None:
    said = desk.do("run", "--config", job(desk, box, hook))
    assert (said.code, hook.notes) == (0, [])
    assert hook.pings == [f"/ping/{SECRET}/start?create=1", f"/ping/{SECRET}?create=1"]
    said = desk.do("run", "--config", job(desk, box, hook, 'on = ["success"]'))
    (note,) = hook.notes
    assert note["title"] == "importer acme: run ended well"
    assert note["type"] == "success"
    assert "All 3 customers were unchanged." in note["message"]
    assert "Exit code 0, on " in note["message"]


def test_guard_and_failure_are_notified(desk, box, hook) -> None:
    config = job(desk, box, hook)
    assert desk.do("run", "--config", config).code == 0
    assert desk.do("run", "--config", config, "--new-file").code == 3
    assert desk.do("run", "gone.csv", "--config", config).code == 2
    guard, failure = hook.notes
    assert (guard["title"], guard["type"]) == ("importer acme: run was stopped by a guard", "warning")
    assert "--new-file: the files are identical to those of run" in guard["message"]
    assert (failure["title"], failure["type"]) == ("importer acme: run could not start", "failure")
    assert "gone.csv: no such file" in failure["message"]
    assert [path.split("/")[-1] for path in hook.pings[-1:]] == ["fail?create=1"]


def test_rejections_are_notified_as_counts_without_names(desk, box, hook) -> None:
    config = job(desk, box, hook)
    desk.write(
        "small.csv", "Id,Name,Phone,Mail,Street,Town\nAnna Berg,Berg Ltd,,no-mail,,\nC2,Dahl Ltd,,d@example.com,,\n"
    )
    assert desk.do("run", "--config", config).code == 1
    (note,) = hook.notes
    assert (note["title"], note["type"]) == (
        "importer acme: run ended, but something was rejected or failed",
        "warning",
    )
    assert "1 customer was rejected" in note["message"] or "rejected" in note["message"]
    for name in ("Berg", "no-mail", "Dahl", "d@example.com"):
        assert name not in note["message"]
    assert hook.pings[-1] == f"/ping/{SECRET}?create=1"  # the run finished
    # The error's text names a customer, so it is left out.
    desk.write("bare.csv", "Anna Berg,1\nCarl Dahl,2\n")
    assert desk.do("run", "bare.csv", "--config", config).code == 2
    assert "The mapping file is wrong, or does not fit the source." in hook.notes[-1]["message"]
    assert desk.do("run", "--config", config, "--only", "Anna Bergg").code == 2
    assert "Anna" not in json.dumps(hook.notes)


def test_failed_notification_is_reported_and_changes_nothing(desk, box, hook) -> None:
    hook.status = 500
    said = desk.do("run", "--config", job(desk, box, hook, 'on = ["success"]'), "--quiet", "--json")
    assert said.code == said.summary["exit_code"] == 0
    assert said.err.splitlines() == [
        "importer: the healthcheck could not be pinged (start): HTTP 500",
        "importer: the healthcheck could not be pinged: HTTP 500",
        "importer: no notification could be sent through JSON",
    ]
    log = (desk.path / "log").read_text(encoding="utf-8")
    assert log.count('"not_notified"') == 3
    hook.server.server_close()
    said = desk.do("run", "--config", "acme.toml")
    assert said.code == 0
    assert "could not be pinged (start): ConnectError" in said.err


def test_notification_urls_are_never_shown_or_stored(desk, box, hook) -> None:
    said = desk.do("run", "--config", job(desk, box, hook, 'on = ["success"]'), "--json", "--log-level", "debug")
    assert len(hook.notes) == 1
    assert SECRET not in said.out + said.err + json.dumps(hook.notes)
    found = [path for path in desk.files() if SECRET.encode() in path.read_bytes()]
    assert found == [desk.path / "acme.toml"]


def test_resume_and_retry_are_notified_but_check_is_not(desk, box, hook) -> None:
    config = job(desk, box, hook, 'on = ["success"]')
    assert desk.do("check", "--config", config).code == 0
    assert hook.seen == []
    desk.do("run", "--config", config, "--limit", 1)
    desk.do("resume", "--config", config)
    assert [note["title"] for note in hook.notes] == [
        "importer acme: run ended well",
        "importer acme: resume ended well",
    ]


def test_environment_overrides_the_notify_table(desk, box, hook) -> None:
    config = job(desk, box, hook)
    with listening() as other:
        desk.environment = {
            "IMPORTER_NOTIFY_URLS": f"json://127.0.0.1:{other.port}/note",
            "IMPORTER_NOTIFY_ON": "success guard",
            "IMPORTER_NOTIFY_HEALTHCHECK": "",
        }
        assert desk.do("run", "--config", config).code == 0
        assert (len(other.notes), other.pings, hook.seen) == (1, [], [])


def test_notification_urls_may_be_in_a_separate_file(tmp_path) -> None:
    config = tmp_path / "acme.toml"
    config.write_text('[notify]\nurls-file = "urls"\non = ["guard"]\n')
    config.chmod(0o644)
    listed = tmp_path / "urls"
    listed.write_text("# who hears\njson://127.0.0.1/a\n\njson://127.0.0.1/b\n")
    listed.chmod(0o600)
    notices = read_notices(config, {})
    assert notices == Notices(("json://127.0.0.1/a", "json://127.0.0.1/b"), frozenset({"guard"}), None, "acme")
    assert "127.0.0.1" not in repr(notices)
    listed.chmod(0o640)
    with pytest.raises(UsageError, match="other users can read the notification URLs"):
        read_notices(config, {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('notify = "mail"\n', "notify is not a table"),
        ("[notify]\nurl = 1\n", r"has no 'url' \(did you mean urls\?\)"),
        ('[notify]\nurls = "json://a"\n', "wrong type"),
        ("[notify]\non = [1]\n", "wrong type"),
        ("[notify]\nhealthcheck = 5\n", "wrong type"),
        ('[notify]\non = ["succes"]\n', "unknown event 'succes'"),
        ('[notify]\nhealthcheck = "http://example.com/ping"\n', "not an https URL"),
        ('[notify]\nhealthcheck = "ping"\n', "not an https URL"),
        ('[notify]\nurls-file = "absent"\n', "absent: no such file"),
    ],
)
def test_wrong_notify_table_is_a_usage_error(tmp_path, text, said) -> None:
    path = tmp_path / "job.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=said):
        read_notices(path, {})


@pytest.mark.parametrize(
    "url", ["https://hc-ping.com/uuid", "http://127.0.0.1:8000/x", "http://[::1]/x", "http://localhost/x"]
)
def test_healthcheck_url_is_https_or_local(url) -> None:
    assert Notices(healthcheck=url).healthcheck == url


def test_notification_urls_others_can_read_are_refused_before_sending(desk, box, hook) -> None:
    config = job(desk, box, hook)
    (desk.path / config).chmod(0o644)
    said = desk.do("run", "--config", config)
    assert said.code == 2
    assert "chmod 600 acme.toml" in said.err
    assert box.counts()["customers"] == 0


def test_unknown_notification_url_is_refused_by_number(monkeypatch) -> None:
    with pytest.raises(UsageError, match="number 2 is not a URL") as caught:
        Announcer(Notices(("json://127.0.0.1", f"nonsense://{SECRET}")))
    assert SECRET not in str(caught.value)
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(UsageError) as caught:
        Announcer(Notices(("json://127.0.0.1",)))
    assert "wizcommerce-importer[notify]" in caught.value.hint


@contextmanager
def dripping(head: bytes) -> Iterator[int]:
    """The port of a server that answers with a head and then one byte at a time, endlessly."""
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection:
            connection.recv(65_536)
            connection.sendall(head)
            while not over.wait(0.02):
                try:
                    connection.sendall(b"X")
                except OSError:
                    return

    def serve() -> None:
        while not over.is_set():
            try:
                threading.Thread(target=drip, args=[listener.accept()[0]], daemon=True).start()
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)


# In a separate process, which must not wait at exit for a thread that it gave up on. No single read takes too long.
SEND = """
from importer import notify
from importer.settings import Notices
at_once = notify._at_once
notify.PING, notify.NOTIFY = 600, 0.5
notify._at_once = lambda actions, seconds: at_once(actions, min(seconds, {longest}))
urls = ("json://127.0.0.1:{port}/a", "json://127.0.0.1:{port}/b")
announcer = notify.Announcer(Notices(urls, frozenset({{"failure"}}), "http://127.0.0.1:{port}/ping"))
print(*announcer.began(), *announcer.ended("failure", "title", "text"), sep="\\n")
"""


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 500 No\r\nContent-Length: 1000000000\r\n\r\n"])
def test_slow_notification_answer_does_not_block(head) -> None:
    with dripping(head) as port:
        code = SEND.format(port=port, longest=600 if head else 0.5)
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE
        )
    reason = "HTTP 500" if head else "timed out"
    assert done.stdout.splitlines() == [
        f"the healthcheck could not be pinged (start): {reason}",
        f"the healthcheck could not be pinged (fail): {reason}",
        "no notification could be sent through JSON (timed out), JSON (timed out)",
    ]


def test_local_ping_uses_no_proxy(desk, box, hook, monkeypatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    announcer = Announcer(Notices(healthcheck=f"http://127.0.0.1:{hook.port}/ping"))
    assert (announcer.began(), hook.pings) == ([], ["/ping/start"])
