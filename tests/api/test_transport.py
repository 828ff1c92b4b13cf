"""What lies between a request and the wire: TLS, proxies, cookies, and malformed answers."""

import asyncio
import gc
import gzip
import itertools
import json
import ssl
import subprocess
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import anyio
import orjson
import pytest

from importer.api import AnswerKind
from importer.api.transport import LARGEST, SendTracker
from importer.errors import ApiUnavailableError, UsageError
from tests.api.server import RawServer, always, http, http_json, in_turn, raw_server, unused_port
from tests.api.support import BODY, CREATED, KEY, create, make_client

pytestmark = pytest.mark.anyio

OPENSSL = "openssl req -x509 -nodes -days 2 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1"


@pytest.fixture
def certificate(tmp_path):
    """A file with a key and a self-signed certificate for api.example.com."""
    path = tmp_path / "certificate.pem"
    names = ["-subj", "/CN=api.example.com", "-addext", "subjectAltName=DNS:api.example.com,IP:127.0.0.1"]
    subprocess.run([*OPENSSL.split(), *names, "-keyout", path, "-out", path.with_suffix(".crt")], check=True)
    path.write_bytes(path.read_bytes() + path.with_suffix(".crt").read_bytes())
    return path


@pytest.fixture
def through_proxy(monkeypatch):
    """Sets the address of the proxy."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    return lambda address: monkeypatch.setenv("HTTPS_PROXY", address)


@asynccontextmanager
async def tls_server(certificate):
    """A server that speaks TLS, and the port on which it listens."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = RawServer(always(CREATED))
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server, listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        for writer in server.writers:
            writer.close()


@contextmanager
def at_most(megabytes: float) -> Iterator[None]:
    """Python's allocations in the block, including the server's, must stay below this."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < megabytes * 2**20
    finally:
        tracemalloc.stop()


# TLS


async def test_only_servers_with_trusted_certificates_get_data(certificate, monkeypatch) -> None:
    async with tls_server(certificate) as (server, port):
        async with make_client(f"https://127.0.0.1:{port}") as client:
            answer = await create(client)
        assert (answer.kind, server.requests) == (AnswerKind.NOT_SENT, [])
        assert "certificate verify failed: self" in answer.message
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        async with make_client(f"https://127.0.0.1:{port}") as client:
            assert (await create(client)).kind is AnswerKind.OK
        async with make_client(f"https://localhost:{port}") as client:
            answer = await create(client)
        assert answer.kind is AnswerKind.NOT_SENT
        assert "mismatch" in answer.message
        assert [seen.body for seen in server.requests] == [BODY]


@pytest.mark.parametrize(
    ("name", "there"), [("SSL_CERT_FILE", False), ("SSL_CERT_FILE", True), ("SSL_CERT_DIR", False)]
)
async def test_unreadable_certificates_are_a_usage_error(name, there, monkeypatch, tmp_path) -> None:
    path = tmp_path / "none.pem"
    if there:
        path.write_text("no certificate")
    for one in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(one, raising=False)
    monkeypatch.setenv(name, str(path))
    with pytest.raises(UsageError, match=r"none\.pem") as caught:
        async with make_client("https://api.example.com"):
            pass
    assert name in str(caught.value)
    async with raw_server(always(CREATED)) as server, make_client(server.url) as client:
        assert (await create(client)).kind is AnswerKind.OK  # plain http needs none


async def test_server_without_tls_gets_no_data() -> None:
    heard = []

    async def plain(reader, writer):
        heard.append(await reader.read(1000))
        writer.write(http(400, b"plain http only"))
        writer.close()

    listener = await asyncio.start_server(plain, "127.0.0.1", 0)
    async with listener, make_client(f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}") as client:
        answer = await create(client)
    assert answer.kind is AnswerKind.NOT_SENT
    assert b"example" not in b"".join(heard).lower()


# proxies


async def test_proxy_tunnel_is_reused_and_hides_key_and_body(certificate, monkeypatch, through_proxy) -> None:
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
        through_proxy(f"http://us%40er:s%C3%A9cret@127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
        async with proxy, make_client(f"https://api.example.com:{port}") as client:
            kinds = [(await create(client)).kind for _ in range(3)]
        assert (kinds, server.connections) == ([AnswerKind.OK] * 3, 1)
        assert {seen.headers["x-api-key"] for seen in server.requests} == {KEY}
        assert not any("proxy-authorization" in seen.headers for seen in server.requests)
        wire = b"".join(passed)
        assert b"proxy-authorization: Basic dXNAZXI6c8OpY3JldA==\r\n" in wire
        assert KEY.encode() not in wire
        assert BODY not in wire


@pytest.mark.parametrize(
    "answer",
    [http(403, b"no"), http(407, b""), http(200, b"a page", length=500), b"HTTP/1.1 2", b"nonsense\r\n\r\n", None],
)
async def test_proxy_that_refuses_a_tunnel_sees_no_key_or_customer(answer, through_proxy) -> None:
    async def respond(seen, writer):
        writer.write(answer or b"")

    async with raw_server(respond) as proxy:
        through_proxy(proxy.url.replace("http://", "http://user:secret@"))
        async with make_client("https://api.example.com", timeout=1.0) as client:
            got = await create(client)
        assert (got.kind, got.sent) == (AnswerKind.NOT_SENT, False)
        assert "secret" not in str(got)
        (seen,) = proxy.requests
        assert (seen.method, seen.target, seen.body) == ("CONNECT", "api.example.com:443", b"")
        assert seen.headers["proxy-authorization"] == "Basic dXNlcjpzZWNyZXQ="
        assert "x-api-key" not in seen.headers


async def test_request_through_an_unreachable_proxy_is_not_sent(through_proxy) -> None:
    through_proxy(f"127.0.0.1:{unused_port()}")
    async with make_client("https://api.example.com") as client:
        answer = await create(client)
    assert (answer.kind, answer.message) == (AnswerKind.NOT_SENT, "no connection (Connection refused)")


@pytest.mark.parametrize("address", ["socks5://user:secret@127.0.0.1:1080", "http://user:secret@proxy:port", "http://"])
async def test_unusable_proxy_is_a_usage_error(address, through_proxy) -> None:
    through_proxy(address)
    with pytest.raises(UsageError, match="HTTPS_PROXY") as caught:
        async with make_client("https://api.example.com"):
            pass
    assert "secret" not in str(caught.value)


async def test_proxy_is_not_used_for_loopback_and_no_proxy_hosts(certificate, monkeypatch, through_proxy) -> None:
    through_proxy(f"http://127.0.0.1:{unused_port()}")
    for name in ("HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{unused_port()}")
    async with raw_server(always(CREATED)) as server, make_client(server.url) as client:
        assert (await create(client)).kind is AnswerKind.OK
    monkeypatch.setenv("NO_PROXY", "no-such-host.invalid")
    async with make_client("https://no-such-host.invalid") as client:
        assert "refused" not in (await create(client)).message


# what an answer may contain


async def test_interim_responses_are_not_mistaken_for_the_answer() -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + CREATED
    async with raw_server(always(early)) as server, make_client(server.url) as client:
        answers = [await create(client), await create(client)]
    assert [(answer.kind, answer.status) for answer in answers] == [(AnswerKind.OK, 201)] * 2
    assert server.connections == 1


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 100])
async def test_unrequested_answer_is_not_used_for_the_next_request(turns) -> None:
    """Gateways may write to an idle connection before closing it; here the answer is about another customer."""
    async with raw_server(always(CREATED)) as server, make_client(server.url) as client:
        assert (await create(client)).kind is AnswerKind.OK
        server.writers[0].write(http_json(201, {"data": {"id": "another's", "reference_id": "C-0"}}))
        for _ in range(turns):  # of the event loop; the answer arrives meanwhile
            await asyncio.sleep(0)
        answers = [await create(client) for _ in range(5)]
    assert [answer for answer in answers if answer.kind is AnswerKind.OK and answer.data["id"] != "id-1"] == []
    assert answers[-1].kind is AnswerKind.OK
    assert len(server.requests) == 1 + sum(answer.sent for answer in answers)


@pytest.mark.parametrize("status", [201, 400, 401, 408, 503])
async def test_nothing_is_sent_on_a_connection_with_pending_data(status) -> None:
    async with raw_server(always(CREATED)) as server, make_client(server.url) as client:
        assert (await create(client)).kind is AnswerKind.OK
        server.writers[0].write(http_json(status, {"data": {"id": "id-1", "reference_id": "C-1"}}))
        for _ in range(100):
            await asyncio.sleep(0)
        answers = [await create(client) for _ in range(2)]
    assert [(answer.kind, answer.sent) for answer in answers] == [(AnswerKind.NOT_SENT, False), (AnswerKind.OK, True)]
    assert len(server.requests) == 2


async def test_request_counted_as_not_sent_is_never_sent() -> None:
    tracker = SendTracker(BODY, lambda: None)
    pieces = aiter(tracker)
    assert tracker.close() is False
    with pytest.raises(ConnectionAbortedError):
        await anext(pieces)
    tracker = SendTracker(BODY, lambda: None)
    assert [piece async for piece in tracker] == [BODY]
    assert tracker.close() is True


async def test_cookies_are_not_kept_or_sent() -> None:
    cookie = http_json(201, {"data": {"id": "id-1", "reference_id": "C-1"}}, "Set-Cookie: session=x; Path=/")
    async with raw_server(always(cookie)) as server:
        # By host name, because cookies from bare IP addresses are never kept.
        async with make_client(server.url.replace("127.0.0.1", "localhost")) as client:
            answers = [await create(client), await create(client), await client.get("id-1")]
            assert list(client._http.cookies.jar) == []
        assert [answer.kind for answer in answers] == [AnswerKind.OK] * 3
        assert [seen.headers.get("cookie") for seen in server.requests] == [None] * 3


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("place", ["{}/v1/customers", "https://[::1", ""])
async def test_redirects_are_not_followed(status, place) -> None:
    async with raw_server(always(CREATED)) as other:
        redirect = http(status, b"", f"Location: {place.format(other.url)}")
        async with raw_server(always(redirect)) as server, make_client(server.url) as client:
            answers = [await create(client), await client.get("id-1"), await client.delete("id-1")]
            with pytest.raises(ApiUnavailableError):
                await client.find(["C-1"])
        assert [answer.kind for answer in answers] == [AnswerKind.UNKNOWN] * 3
        assert other.requests == []
        assert "redirect" in answers[0].message or "cut off or malformed" in answers[0].message


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 20", id="cut-status-line"),
        pytest.param(b"HTTP/1.1 201 Created\r\nContent-", id="cut-headers"),
        pytest.param(http(201, b'{"data": {"id": "id-1"', length=500), id="cut-body"),
        pytest.param(b'HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"dat', id="cut-chunk"),
        pytest.param(b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nmany\r\n{}", id="broken-chunk"),
        pytest.param(b"nonsense\r\n\r\n", id="not-http"),
        pytest.param(b"HTTP/1.1 201 Created\r\nContent-Length: many\r\n\r\n{}", id="broken-length"),
        pytest.param(b"HTTP/1.1 201 Created\r\nContent-Length: -5\r\n\r\n{}", id="negative-length"),
        pytest.param(b"HTTP/1.1 201 OK\r\nContent-Length: 2\r\nContent-Length: 30\r\n\r\n" + CREATED, id="two-lengths"),
        pytest.param(http(201, b"{}", length=10**17), id="huge-length"),
        pytest.param(b"HTTP/1.1 201 Created\r\n" + b"X: 1\r\n" * 100_000 + b"\r\n", id="many-headers"),
        pytest.param(b"HTTP/1.1 201 Created\r\nX: " + b"x" * 10**6 + b"\r\n\r\n", id="long-header"),
        pytest.param(http(201, gzip.compress(bytes(10**8)), "Content-Encoding: gzip"), id="gzip-bomb"),
        pytest.param(http(201, CREATED.split(b"\r\n\r\n")[1], "Content-Encoding: x-own"), id="odd-encoding"),
        pytest.param(http(101, b"", "Upgrade: websocket"), id="other-protocol"),
        pytest.param(http(201, b'{"data":[' + b"{}," * 2_000_000 + b"{}]}"), id="many-values"),
        pytest.param(http(201, b"[" + b"[[[[]]]]," * 600_000 + b"1]"), id="many-nested-values"),
        pytest.param(http(201, b"[" * 200_000), id="deep-json"),
        pytest.param(http(201, b'{"data":' + b"[" * 500 + b"]" * 500 + b"}"), id="rather-deep-json"),
    ],
)
async def test_unreadable_answer_is_unknown(answer) -> None:
    async def respond(seen, writer):
        writer.write(answer)
        await writer.drain()

    async with raw_server(respond) as server, make_client(server.url) as client:
        with at_most(20):
            got = await create(client)
        assert (got.kind, got.sent) == (AnswerKind.UNKNOWN, True)
        assert len(server.requests) == 1
        assert not any(piece in got.message for piece in ("nonsense", "id-1", "many", "b'"))  # parts of the raw answer
        assert len(got.message) < 150


async def test_data_after_an_answer_is_not_mistaken_for_another_answer() -> None:
    body = CREATED.split(b"\r\n\r\n")[1]
    longer = in_turn(http(201, body + b'{"data": {"id": "no"}}', length=len(body)), CREATED)
    async with raw_server(longer) as server, make_client(server.url) as client:
        answers = [await create(client) for _ in range(3)]
    assert {answer.data["id"] for answer in answers if answer.kind is AnswerKind.OK} == {"id-1"}
    assert answers[-1].kind is AnswerKind.OK


# endless answers


def endless(head: bytes, piece: bytes, *, each: Callable[[], None] = lambda: None):
    """A head, and the same piece over and over, as fast as the client reads it. ``each`` is called after each piece."""

    async def respond(seen, writer):
        writer.write(head)
        while True:
            writer.write(piece)
            await writer.drain()
            each()

    return respond


CHUNKED = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "piece", "many"),
    [
        pytest.param(b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 500, 100, id="announcements"),
        pytest.param(b"HTTP/1.1 201 Created\r\n\r\n", b"x" * 65_536, 2000, id="body"),
        pytest.param(CHUNKED, b"10000\r\n" + b"x" * 65_536 + b"\r\n", 2000, id="chunks"),
        pytest.param(CHUNKED, b"1\r\nx\r\n" * 5000, 100, id="tiny-chunks"),
        pytest.param(CHUNKED, b"1;" + b"x" * 60_000, 2000, id="chunk-extension"),
        pytest.param(CHUNKED + b"0\r\n", b"X: x\r\n" * 5000, 2000, id="trailers"),
        pytest.param(b"HTTP/1.1 201 Created\r\n", b"X: x\r\n" * 5000, 2000, id="headers"),
        pytest.param(http(201, b'{"data": [', length=2 * 10**8), b'{"id": "id-1"}, ' * 5000, 2000, id="200-megabytes"),
    ],
)
async def test_endless_answer_ends_in_time_with_bounded_memory(head, piece, many, monkeypatch) -> None:
    """An answer that is not too large ends when its time is up: after ``many`` pieces, on any machine."""
    loop, pieces = asyncio.get_running_loop(), itertools.count()
    usual = loop.time
    monkeypatch.setattr(loop, "time", lambda: usual() + (1000.0 if passed else 0.0))
    passed = False

    def each() -> None:
        nonlocal passed
        number = next(pieces)
        passed = passed or number >= many
        if number >= 10 * many:
            raise ConnectionAbortedError("the client went on reading when its time was up")

    respond = endless(head, piece, each=each)
    async with raw_server(respond) as server, make_client(server.url, timeout=900.0) as client:
        with at_most(60):
            answers = []

            async def one() -> None:
                answers.append(await create(client))

            async with anyio.create_task_group() as group:
                for _ in range(4):
                    group.start_soon(one)
    assert [(answer.kind, answer.sent) for answer in answers] == [(AnswerKind.UNKNOWN, True)] * 4


async def test_many_large_answers_need_little_memory() -> None:
    respond = endless(CHUNKED, b"10000\r\n" + b"x" * 65_536 + b"\r\n")
    async with raw_server(respond) as server, make_client(server.url, timeout=5.0) as client:
        with at_most(30):
            async with anyio.create_task_group() as group:
                for _ in range(16):
                    group.start_soon(create, client)
    assert len(server.requests) == 16


async def test_large_answers_are_freed_without_garbage_collection() -> None:
    there = http(200, b'{"data":{"id":"a","name":"' + b"x" * 5_000_000 + b'"}}')
    async with raw_server(always(there)) as server, make_client(server.url) as client:
        gc.disable()
        try:
            with at_most(100):  # most of it briefly, in orjson
                for _ in range(20):
                    assert (await client.get("a")).kind is AnswerKind.OK
        finally:
            gc.enable()


async def test_answer_may_be_large_but_not_too_large() -> None:
    item = {"id": "id", "reference_id": "C-1", "note": "x" * 2000}
    page = orjson.dumps({"data": [{**item, "id": f"id-{number}"} for number in range(2500)]})
    assert LARGEST / 2 < len(page) < LARGEST
    async with raw_server(always(http(200, page))) as server, make_client(server.url) as client:
        async with anyio.create_task_group() as group:
            for _ in range(8):
                group.start_soon(client.price_lists)
        assert len(server.requests) >= 16
        server.respond = always(http(200, json.dumps([item] * 6000).encode()))
        with pytest.raises(ApiUnavailableError, match="larger than 8 MB"):
            await client.sales_reps()


async def test_endless_list_is_given_up() -> None:
    async def respond(seen, writer):
        items = [{"id": f"{seen.query['page']}-{number}", "note": "x" * 20_000} for number in range(100)]
        return http_json(200, {"data": items, "pagination": {"total_pages": 10**6}})

    async with raw_server(respond) as server, make_client(server.url) as client:
        with pytest.raises(ApiUnavailableError, match="larger than 32 MB"):
            await client.sales_reps()
        assert len(server.requests) < 20
