"""URLs as sources."""

import asyncio
import functools
import http.server
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fsspec
import pytest

from importer.errors import SourceError
from importer.loader import LoadOptions, load
from importer.loader import locations as places
from importer.loader.locations import public_source
from tests.loader.support import write

CSV = b"Id,Name\n1,Acme\n"


def names(*given: str) -> list[str]:
    return [table.name for table in load(list(given), LoadOptions()).tables]


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    system = fsspec.filesystem("memory")
    for name in ("/in/a.csv", "/in/b.csv", "/in/.hidden", "/in/deep/c.csv"):
        system.pipe_file(name, CSV)
    yield system
    system.rm("/in", recursive=True)


def test_file_folder_and_pattern_are_read(memory: fsspec.AbstractFileSystem) -> None:
    assert names("memory://in/a.csv") == ["a.csv"]
    assert names("memory://in") == ["a.csv", "b.csv"]
    assert names("memory://in/*.csv", "memory://in/a.csv") == ["a.csv", "b.csv"]
    assert names("memory://in/deep/?.csv", "memory://in/a.csv") == ["a.csv", "c.csv"]


def test_file_url_and_path_are_the_same_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a b.csv", CSV)
    assert names(f"file://{path}", str(path), f"file://{tmp_path}/*.csv") == ["a b.csv"]


def test_member_of_an_archive_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("in/a.csv", CSV)
        archive.writestr("b.csv", CSV)
    assert names(f"zip://in/a.csv::file://{tmp_path}/all.zip") == ["a.csv"]
    assert names(f"zip://*.csv::file://{tmp_path}/all.zip") == ["b.csv"]


@contextmanager
def served(folder: Path, redirects: Mapping[str, str] | None = None) -> Iterator[tuple[str, list[str]]]:
    """A server for a folder's files; ``redirects``: path → where it redirects to."""
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            asked.append(f"{self.command} {self.path}")

        def send_head(self) -> Any:
            if self.path not in (redirects or {}):
                return super().send_head()
            self.send_response(307)
            self.send_header("Location", (redirects or {})[self.path])
            self.end_headers()
            return None

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_url_is_read_once_and_its_credentials_are_not_shown(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", CSV)
    with served(tmp_path) as (host, asked):
        assert names(f"http://u:secret@{host}/a.csv?sig=hidden") == ["a.csv"]
        assert asked == ["GET /a.csv?sig=hidden"]
        with pytest.raises(SourceError, match="no such file") as caught:
            names(f"http://u:secret@{host}/none.csv?sig=hidden")
    assert f"http://{host}/none.csv" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_two_downloads_from_one_url_have_different_names(tmp_path: Path) -> None:
    write(tmp_path / "export", CSV)
    with served(tmp_path) as (host, _):
        assert names(f"http://{host}/export?list=1", f"http://{host}/export?list=2") == ["export", "export (2)"]


def port(host: str) -> str:
    return host.rpartition(":")[2]


@pytest.mark.parametrize("source", ["http://{0}/go", "simplecache::http://{0}/go"])
def test_local_redirect_is_followed(source: str, tmp_path: Path) -> None:
    write(tmp_path / "a.csv", CSV)
    with served(tmp_path) as (other, asked):
        sent_on = {"/go": "/again", "/again": f"http://localhost:{port(other)}/a.csv"}
        with served(tmp_path, sent_on) as (host, _):
            assert len(names(source.format(host))) == 1
        assert "GET /a.csv" in asked


# 0.0.0.0 also leads to this machine but is not a loopback address; a request that is not refused would arrive.
@pytest.mark.parametrize("path", ["/go", "/twice", "/credentials"])
@pytest.mark.parametrize("source", ["http://{0}{1}", "zip://a.csv::http://{0}{1}", "simplecache::http://{0}{1}"])
def test_redirect_to_plain_http_elsewhere_is_refused_before_following(path: str, source: str, tmp_path: Path) -> None:
    write(tmp_path / "a.csv", CSV)
    with served(tmp_path) as (other, asked):
        outside = f"http://0.0.0.0:{port(other)}/a.csv"
        sent_on = {
            "/go": outside,
            "/twice": "/go",
            "/credentials": outside.replace("//", "//u:secret@") + "?sig=secret",
        }
        with served(tmp_path, sent_on) as (host, _), pytest.raises(SourceError) as caught:
            names(source.format(host, path))
    assert asked == []
    shown = source.format(host, path)
    assert caught.value.message == (
        f"{shown} redirects: {outside}: customer data is not fetched over http, which is not encrypted"
    )
    assert caught.value.hint


def test_link_on_an_index_page_is_refused_like_a_redirect(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", CSV)
    with served(tmp_path) as (other, asked):
        with served(tmp_path, {"/in/": f"http://0.0.0.0:{port(other)}/"}) as (host, _):
            for source in (f"http://{host}/in/*.csv", f"http://{host}/in/"):
                with pytest.raises(SourceError, match=r"redirects: http://0\.0\.0\.0"):
                    names(source)
        assert asked == []


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/a.csv", "gopher://127.0.0.1/", "data:,Id"])
def test_redirect_to_another_url_scheme_is_not_followed(target: str, tmp_path: Path) -> None:
    with served(tmp_path, {"/go": target}) as (host, _), pytest.raises(SourceError, match="cannot be read") as caught:
        names(f"http://{host}/go")
    assert "Redirect" in caught.value.message


@pytest.mark.parametrize(
    ("target", "fault"),
    [
        ("https://example.com/b.csv", None),
        ("https://other.example.com/b.csv", None),
        (
            "http://example.com/b.csv",
            "redirects: http://example.com/b.csv: customer data is not fetched over http",
        ),
        ("http://127.0.0.1/b.csv", "redirects to http://127.0.0.1/b.csv, which is this machine"),
        ("https://localhost/b.csv", "redirects to https://localhost/b.csv, which is this machine"),
        ("https://u:secret@[::1]/b.csv?k=secret", r"redirects to https://\[::1\]/b.csv, which is this machine"),
    ],
)
def test_only_safe_redirects_from_another_host_are_followed(target: str, fault: str | None) -> None:
    """Calls the check itself, because the tests have no certificate for another host."""
    options = places._checks("zip://a.csv::https://u:secret@example.com/a.zip")
    (check,) = options["https"]["client_kwargs"]["middlewares"]

    async def handler(request: Any) -> str:
        return f"answer to {request.url}"

    outcome = check(SimpleNamespace(url=target), handler)
    if fault is None:
        assert asyncio.run(outcome) == f"answer to {target}"
    else:
        with pytest.raises(SourceError, match=f"^zip://a.csv::https://example.com/a.zip {fault}"):
            asyncio.run(outcome)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("http://example.com/a.csv", "not fetched over http"),
        ("zip://a.csv::http://example.com/a.zip", "not fetched over http"),
        ("ftp://u:secret@example.com/a.csv", "ftp://example.com/a.csv: customer data is not fetched over ftp"),
        (
            "nosuch://u:secret@example.com/a.csv?k=secret",
            "nosuch://example.com/a.csv: this kind of source is not supported",
        ),
        ("memory://none/a.csv", "memory://none/a.csv: no such file"),
        ("memory://none/*.csv", "no file matches"),
        ("file:///none/a.csv", "no such file"),
        ("http://127.0.0.1:1/a.csv", "the source cannot be read"),
        ("http://u:secret@[2001:db8::1]/a.csv?k=secret", "not fetched over http"),
        ("https://[::1]/a.csv?k=secret", "the source cannot be read"),
        ("https://[a.csv", "the source cannot be read"),
        ("zip://a.csv::file:///none.zip", "no such file"),
    ],
)
def test_unreadable_source_error_says_what_where_and_what_to_do(source: str, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        names(source)
    assert "secret" not in str(caught.value)
    assert caught.value.hint


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", refuse)  # whether or not s3fs is installed
    with pytest.raises(SourceError, match=r"s3://bucket/a\.csv: .* not installed\n.*importer\[remote\]"):
        names("s3://bucket/a.csv")


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("exports/a?b#c@d.csv", "exports/a?b#c@d.csv"),
        ("https://u:p@example.com:8443/x/a@b.csv?sig=1#x", "https://example.com:8443/x/a@b.csv"),
        ("sftp://u:p/w@example.com/a.csv", "sftp://example.com/a.csv"),
        ("s3://bucket/key.csv", "s3://bucket/key.csv"),
        ("https://u:p@[2001:db8::1]:8443/a.csv?k=1", "https://[2001:db8::1]:8443/a.csv"),
        ("zip://a.csv::https://u:p@[::1]/a.zip?k=1", "zip://a.csv::https://[::1]/a.zip"),
        ("zip://a.csv::https://u:p@example.com/a.zip?k=1", "zip://a.csv::https://example.com/a.zip"),
        ("simplecache::https://token@example.com/a.csv", "simplecache::https://example.com/a.csv"),
        ("memory://in/a?.csv", "memory://in/a?.csv"),
    ],
)
def test_source_is_shown_without_secrets(source: str, shown: str) -> None:
    assert public_source(source) == shown
