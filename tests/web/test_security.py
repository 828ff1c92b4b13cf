"""Who gets answers from the page's server, and which headers every answer has."""

import contextlib
import http.client
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from importer.web.private_state import safe_name
from tests.web.conftest import Served, serving

PATHS = ("/", "/open", "/match", "/static/page.js", "/open/part/found", "/runs/file/of?run=x&name=report.html")


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[httpx.Client]:
    with served.client() as made:
        yield made


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_served_without_the_cookie(served: Served, client: httpx.Client, path: str) -> None:
    for cookies in ({}, {next(iter(client.cookies)): "x" * 43}):
        answer = httpx.get(served.base + path, cookies=cookies)
        assert answer.status_code == 403
        assert "importer open" in answer.text
        assert "<" not in answer.text


def test_token_works_once_and_is_removed_from_the_url(served: Served, client: httpx.Client) -> None:
    assert httpx.get(served.address).status_code == 403  # the client has used the token
    assert httpx.get(served.base + "/?token=wrong").status_code == 403
    with serving(served.home) as other, httpx.Client() as fresh:
        assert fresh.head(other.address).status_code == 403  # link previews do not use it up
        answer = fresh.get(other.address)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert other.address.rpartition("=")[2] not in cookie


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/open", {"Host": "evil.example"}, 421),
        ("GET", "/open", {"Host": "localhost:{port}"}, 421),
        ("GET", "/open", {"Host": "127.0.0.1"}, 421),
        ("GET", "/open", {"Origin": "http://evil.example"}, 403),
        ("GET", "/open", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("GET", "/open", {"Sec-Fetch-Site": "same-site"}, 403),
        ("POST", "/open/path", {}, 403),
        ("POST", "/open/path", {"Origin": "null"}, 403),
        ("POST", "/open/path", {"Origin": "http://127.0.0.1"}, 403),
        ("POST", "/open/path", {"Origin": "https://127.0.0.1:{port}"}, 403),
        ("PUT", "/upload/a.csv", {"Origin": "http://evil.example"}, 403),
        ("PUT", "/upload/a.csv", {}, 403),
    ],
)
def test_foreign_hosts_and_origins_are_refused(
    served: Served, client: httpx.Client, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    port = served.authority.rpartition(":")[2]
    given = {name: value.format(port=port) for name, value in headers.items()}
    assert client.request(method, path, headers=given).status_code == status
    assert not [*served.home.rglob("a.csv")]


def test_two_host_headers_are_refused(served: Served, client: httpx.Client) -> None:
    connection = http.client.HTTPConnection(served.authority)
    connection.putrequest("GET", "/open", skip_host=True)
    connection.putheader("Host", served.authority)
    connection.putheader("Host", "evil.example")
    connection.putheader("Cookie", "; ".join(f"{name}={value}" for name, value in client.cookies.items()))
    connection.endheaders()
    with contextlib.closing(connection):
        assert connection.getresponse().status in (400, 421)


@pytest.mark.parametrize("path", [*PATHS, "/nothing"])
def test_every_response_has_a_strict_policy(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")
    assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("step", ["open", "match", "values", "fix", "review", "send", "runs"])
def test_pages_have_no_inline_script_or_style(client: httpx.Client, step: str) -> None:
    text = client.get(f"/{step}").text
    assert re.findall(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=|javascript:", text) == []


def test_uploads_are_private_and_deleted_at_the_end(tmp_path: Path) -> None:
    with serving(tmp_path) as own, own.client() as client:
        name = quote("../../<b>x</b> *[1].csv", safe="")
        answer = client.put(f"/upload/{name}", content=b"Id,Name\n1,A\n", headers={"Origin": own.base})
        assert answer.status_code == 201
        (path,) = tmp_path.rglob("*.csv")
        assert path.parent.name == "files"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert all(stat.S_IMODE(folder.stat().st_mode) == 0o700 for folder in (path.parent, path.parents[1]))
        assert "<b>" not in client.get("/open").text
        killed = path.parents[1]
        own.kill()
    assert killed.is_dir()
    with serving(tmp_path) as again, again.client() as client:
        assert not killed.exists()  # the folder of the killed server is removed
        client.put("/upload/b.csv", content=b"Id,Name\n1,A\n", headers={"Origin": again.base})
        page = client.get("/open").text
        version = re.search(r'name="version" value="(\d+)"', page)
        assert version is not None
        again.post(client, "/close", {"version": version[1]})
        assert again.process.wait(timeout=120) == 0
    assert not [*tmp_path.rglob("b.csv")]


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("customers.csv", "customers.csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\list.xlsx", "list.xlsx"),
        ("-rf.csv", "rf.csv"),
        (".hidden", "hidden"),
        ("a\0b\n*{date}.csv", "a_b___date_.csv"),
        ("...", "file"),
        ("Ltée 2024.csv", "Ltée 2024.csv"),
    ],
)
def test_upload_names_are_made_safe(given: str, safe: str) -> None:
    assert safe_name(given) == safe


def test_long_names_keep_their_ending() -> None:
    assert safe_name("x" * 500 + ".xlsx").endswith("x.xlsx")
    assert len(safe_name("x" * 500 + ".xlsx")) == 120


@pytest.mark.parametrize(("pieces", "status"), [(b"x" * 20_000_001, 413), ([b"x" * 1_000_000] * 25, 400)])
def test_form_sizes_are_limited(
    served: Served, client: httpx.Client, pieces: bytes | list[bytes], status: int
) -> None:  # with and without a Content-Length
    headers = {"Origin": served.base, "Content-Type": "application/x-www-form-urlencoded"}
    answer = client.post("/open/path", content=pieces if isinstance(pieces, bytes) else iter(pieces), headers=headers)
    assert answer.status_code == status


def test_outdated_page_changes_nothing(served: Served, client: httpx.Client) -> None:
    first, second = ({"version": "1", "path": name} for name in ("one.csv", "two.csv"))
    assert served.post(client, "/open/path", first).status_code == 303
    answer = served.post(client, "/open/path", second)
    assert answer.status_code == 409
    assert "another window changed something" in answer.text.lower()
    assert "two.csv" not in client.get("/open").text
