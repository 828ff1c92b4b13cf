"""What lies between a request and the wire: TLS, proxies, and answers that belong to no request or come in parts."""

import asyncio
import ssl
import subprocess
from contextlib import asynccontextmanager

import pytest

from importer.api import AnswerKind
from importer.errors import UsageError
from tests.api.server import RawServer, http_json, raw_server
from tests.api.support import BODY, make_client

pytestmark = pytest.mark.anyio

CREATED = http_json(201, {"data": {"id": "id-1", "reference_id": "C-1"}})
OPENSSL = "openssl req -x509 -nodes -days 2 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1"


async def created(seen, writer):
    return CREATED


@pytest.fixture
def certificate(tmp_path):
    """A file with a key and a certificate for api.example.com that nobody vouches for."""
    path = tmp_path / "certificate.pem"
    names = ["-subj", "/CN=api.example.com", "-addext", "subjectAltName=DNS:api.example.com,IP:127.0.0.1"]
    subprocess.run([*OPENSSL.split(), *names, "-keyout", path, "-out", path.with_suffix(".crt")], check=True)
    path.write_bytes(path.read_bytes() + path.with_suffix(".crt").read_bytes())
    return path


@asynccontextmanager
async def tls_server(certificate):
    """A server that speaks TLS, and the port on which it listens."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = RawServer(created)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server, listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        for writer in server.writers:
            writer.close()


async def test_only_who_is_vouched_for_gets_anything(certificate, monkeypatch) -> None:
    async with tls_server(certificate) as (server, port):
        async with make_client(f"https://127.0.0.1:{port}") as client:
            answer = await client.create(BODY)
        assert (answer.kind, server.requests) == (AnswerKind.NOT_SENT, [])
        assert "certificate" in answer.message
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        async with make_client(f"https://127.0.0.1:{port}") as client:
            assert (await client.create(BODY)).kind is AnswerKind.OK
        assert [seen.body for seen in server.requests] == [BODY]


async def test_a_file_of_certificates_that_is_not_there(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(UsageError, match=r"none\.pem"):
        async with make_client("https://api.example.com"):
            pass


async def test_a_tunnel_through_a_proxy_is_kept_and_shows_the_proxy_nothing(certificate, monkeypatch) -> None:
    passed: list[bytes] = []

    async def pipe(reader, writer):
        while some := await reader.read(65_536):
            passed.append(some)
            writer.write(some)
        writer.close()

    async def tunnel(reader, writer):
        passed.append(await reader.readuntil(b"\r\n\r\n"))
        inner = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(pipe(reader, inner[1]), pipe(inner[0], writer))

    async with tls_server(certificate) as (server, port):
        proxy = await asyncio.start_server(tunnel, "127.0.0.1", 0)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:secret@127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        async with proxy, make_client(f"https://api.example.com:{port}") as client:
            kinds = [(await client.create(BODY)).kind for _ in range(3)]
        assert (kinds, server.connections) == ([AnswerKind.OK] * 3, 1)
        assert {seen.headers["x-api-key"] for seen in server.requests} == {"key-that-must-not-show"}
        assert "proxy-authorization" not in server.requests[0].headers
        wire = b"".join(passed)
        assert b"Proxy-Authorization: Basic" in wire
        assert b"key-that-must-not-show" not in wire
        assert BODY not in wire


async def test_an_announcement_is_not_taken_for_the_answer() -> None:
    async def early(seen, writer):
        return b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + CREATED

    async with raw_server(early) as server, make_client(server.url) as client:
        answers = [await client.create(BODY), await client.create(BODY)]
    assert [(answer.kind, answer.status) for answer in answers] == [(AnswerKind.OK, 201)] * 2
    assert server.connections == 1


async def test_what_nobody_asked_for_is_not_taken_for_the_next_answer() -> None:
    """A gateway says 408 on an idle connection before it closes it."""
    async with raw_server(created) as server, make_client(server.url) as client:
        assert (await client.create(BODY)).kind is AnswerKind.OK
        server.writers[0].write(http_json(201, {"data": {"id": "another's", "reference_id": "C-0"}}))
        await server.writers[0].drain()
        for _ in range(100):  # turns of the loop, in which it arrives
            await asyncio.sleep(0)
        answers = [await client.create(BODY) for _ in range(2)]
    assert [(answer.kind, answer.sent, answer.data) for answer in answers] == [
        (AnswerKind.NOT_SENT, False, None),
        (AnswerKind.OK, True, {"id": "id-1", "reference_id": "C-1"}),
    ]
    assert len(server.requests) == 2
