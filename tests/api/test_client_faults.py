"""What is known after a fault: nothing was sent, or nobody can tell. One test per stage at which a server can fail."""

import asyncio
import socket
import ssl
import struct

import pytest

from importer.api import AnswerKind
from importer.errors import ApiUnavailableError
from tests.api.server import RawServer, http, http_json, raw_server
from tests.api.support import BODY, Naps, make_client

pytestmark = pytest.mark.anyio

CREATED = http_json(201, {"data": {"id": "id-1", "reference_id": "C-1"}})


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def created(seen, writer):
    return CREATED


async def hang(seen, writer):
    await asyncio.sleep(60)


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def test_nobody_listens() -> None:
    async with make_client(f"http://127.0.0.1:{unused_port()}") as client:
        answer = await client.create(BODY)
    assert (answer.kind, answer.sent, answer.status) == (AnswerKind.NOT_SENT, False, None)
    assert answer.message == "no connection (Connection refused)"


async def test_the_name_does_not_resolve() -> None:
    async with make_client("http://no-such-host.invalid") as client:
        assert (await client.create(BODY)).kind is AnswerKind.NOT_SENT


async def test_the_other_end_speaks_no_tls() -> None:
    heard = []

    async def plain(reader, writer):
        heard.append(await reader.read(1000))
        writer.write(http(400, b"plain http only"))
        writer.close()

    listener = await asyncio.start_server(plain, "127.0.0.1", 0)
    async with listener, make_client(f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}") as client:
        answer = await client.create(BODY)
    assert answer.kind is AnswerKind.NOT_SENT
    assert b"example" not in b"".join(heard).lower()


async def test_the_tls_handshake_never_ends() -> None:
    async def swallow(reader, writer):
        await reader.read()
        writer.close()

    listener = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with listener, make_client(f"https://127.0.0.1:{port}", timeout=0.1) as client:
        assert (await client.create(BODY)).kind is AnswerKind.NOT_SENT


async def test_certificates_are_verified() -> None:
    async with make_client("https://example.com") as client:
        context = client._transport._context
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


@pytest.mark.parametrize("hang_up", [lambda writer: writer.close(), reset], ids=["close", "reset"])
async def test_hangs_up_after_accepting(hang_up) -> None:
    accepted = 0

    async def accept(reader, writer):
        nonlocal accepted
        accepted += 1
        hang_up(writer)

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with listener, make_client(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}") as client:
        answer = await client.create(BODY)
    assert (answer.kind, accepted) == (AnswerKind.UNKNOWN, 1)


@pytest.mark.parametrize("stage", [b"\r\n\r\n", BODY], ids=["after-headers", "after-body"])
async def test_hangs_up_after_reading(stage) -> None:
    reads = 0

    async def read(reader, writer):
        nonlocal reads
        reads += 1
        await reader.readuntil(stage)
        writer.close()

    listener = await asyncio.start_server(read, "127.0.0.1", 0)
    async with listener, make_client(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}") as client:
        answer = await client.create(BODY)
    assert (answer.kind, answer.sent, reads) == (AnswerKind.UNKNOWN, True, 1)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 20", id="cut-status-line"),
        pytest.param(b"HTTP/1.1 201 Created\r\nContent-", id="cut-headers"),
        pytest.param(http(201, b'{"data": {"id": "id-1"', length=500), id="cut-body"),
        pytest.param(b'HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"dat', id="cut-chunk"),
        pytest.param(b"nonsense\r\n\r\n", id="no-http"),
        pytest.param(http(201, b"no gzip", "Content-Encoding: gzip"), id="broken-gzip"),
        pytest.param(b"HTTP/1.1 201 Created\r\nContent-Length: many\r\n\r\n{}", id="broken-length"),
    ],
)
async def test_unreadable_on_the_wire(answer) -> None:
    async def respond(seen, writer):
        writer.write(answer)
        await writer.drain()

    async with raw_server(respond) as server:
        async with make_client(server.url) as client:
            got = await client.create(BODY)
        assert (got.kind, got.sent) == (AnswerKind.UNKNOWN, True)
        assert len(server.requests) == 1
        assert not any(piece in got.message for piece in ("nonsense", "id-1", "many", "b'"))  # as it came
        assert len(got.message) < 150


@pytest.mark.parametrize("answer", [None, http(200, b"{", length=10)], ids=["silence", "a-dripping-answer"])
async def test_time_out(answer) -> None:
    async def respond(seen, writer):
        if answer:
            writer.write(answer)
        while True:
            await asyncio.sleep(0.02)
            if answer:
                writer.write(b" ")

    async with raw_server(respond) as server:
        async with make_client(server.url, timeout=0.15) as client:
            got = await client.create(BODY)
        assert (got.kind, got.sent, len(server.requests)) == (AnswerKind.UNKNOWN, True, 1)
        assert got.message == "no readable answer (timed out)"


async def closed_while_idle(server: RawServer, client, method: str, hang_up):
    """One good exchange, then the server closes the idle connection and the client sends at once, unaware."""
    assert (await client.create(BODY)).kind is AnswerKind.OK
    hang_up(server.writers[0])
    return await getattr(client, method)(*([BODY] if method == "create" else ["id-1"]))


@pytest.mark.parametrize("hang_up", [lambda writer: writer.close(), reset], ids=["close", "reset"])
async def test_a_post_on_a_stale_connection_is_sent_once(hang_up) -> None:
    async with raw_server(created) as server:
        async with make_client(server.url) as client:
            answer = await closed_while_idle(server, client, "create", hang_up)
        arrived = len(server.requests) - 1
        # Whether the client's end has heard of the closing depends on the kernel; what it claims must be true.
        expected = {AnswerKind.OK: 1, AnswerKind.NOT_SENT: 0, AnswerKind.UNKNOWN: 0}
        assert arrived == expected[answer.kind]


async def test_a_post_swallowed_by_a_stale_connection_is_unknown() -> None:
    """The server reads the second request from a kept-alive connection and closes without an answer."""

    async def once(seen, writer):
        return CREATED if len(server.requests) == 1 else None

    async with raw_server(once) as server:
        async with make_client(server.url) as client:
            first, second = await client.create(BODY), await client.create(BODY)
        assert (first.kind, second.kind) == (AnswerKind.OK, AnswerKind.UNKNOWN)
        assert (len(server.requests), server.connections) == (2, 1)


@pytest.mark.parametrize("method", ["get", "delete"])
async def test_what_is_repeated_passes_the_limiter_each_time(method) -> None:
    """aiohttp would send these again by itself on a new connection; here only the retry policy does."""

    async def flaky(seen, writer):
        return http_json(200, {"data": {"id": "id-1"}}) if len(server.requests) in {1, 4} else None

    async with raw_server(flaky) as server:
        async with make_client(server.url) as client:
            assert (await client.get("id-1")).kind is AnswerKind.OK
            assert (await getattr(client, method)("id-1")).kind is AnswerKind.OK
        assert len(server.requests) == 4
        assert client.limiter.statistics.requests == 4


async def test_a_list_is_given_up_after_a_minute_and_one_customer_after_the_attempts() -> None:
    async def never(seen, writer):
        return None

    naps = Naps()
    async with raw_server(never) as server:
        async with make_client(server.url, naps) as client:
            for call in (client.delete, client.get):
                server.requests.clear()
                naps.asked.clear()
                assert (await call("id-1")).kind is AnswerKind.UNKNOWN
                assert (len(server.requests), len(naps.asked)) == (3, 2)
            began = naps.clock()
            with pytest.raises(ApiUnavailableError):
                await client.find(["C1"])
        assert len(server.requests) > 3 + 5
        assert 20 < naps.clock() - began <= 60


async def test_patch_is_repeated_only_when_it_adds_no_child() -> None:
    async def never(seen, writer):
        return None

    async with raw_server(never) as server:
        async with make_client(server.url) as client:
            assert (await client.patch("id-1", BODY)).kind is AnswerKind.UNKNOWN
            assert len(server.requests) == 1
            assert (await client.patch("id-1", BODY, adds_child=False)).kind is AnswerKind.UNKNOWN
        assert len(server.requests) == 4


async def test_a_patch_that_may_have_left_stays_unknown_when_the_repeats_do_not_leave() -> None:
    async def vanish(seen, writer):
        listener.close()

    server = RawServer(vanish)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    async with make_client(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}") as client:
        answer = await client.patch("id-1", BODY, adds_child=False)
    assert (answer.kind, answer.sent, len(server.requests)) == (AnswerKind.UNKNOWN, True, 1)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(status) -> None:
    async def elsewhere(seen, writer):
        return http(status, b"", f"Location: {other.url}/v1/customers")

    async with raw_server(created) as other, raw_server(elsewhere) as server:
        async with make_client(server.url) as client:
            answer = await client.create(BODY)
        assert (answer.kind, answer.status) == (AnswerKind.UNKNOWN, status)
        assert "redirect" in answer.message
        assert other.requests == []


async def test_a_proxy_that_refuses_has_seen_neither_key_nor_customer(monkeypatch) -> None:
    async def refuse(seen, writer):
        return http(403, b"no")

    async with raw_server(refuse) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("http://", "http://user:secret@"))
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        async with make_client("https://api.example.com") as client:
            answer = await client.create(BODY)
        assert answer.kind is AnswerKind.NOT_SENT
        assert "secret" not in str(answer)
        (seen,) = proxy.requests
        assert (seen.method, seen.target) == ("CONNECT", "api.example.com:443")
        assert seen.headers["proxy-authorization"].startswith("Basic ")
        assert "x-api-key" not in seen.headers


async def test_no_proxy_for_loopback(monkeypatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{unused_port()}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{unused_port()}")
    async with raw_server(created) as server, make_client(server.url) as client:
        assert (await client.create(BODY)).kind is AnswerKind.OK
