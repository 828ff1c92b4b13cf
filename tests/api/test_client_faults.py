"""What is known after a fault: nothing was sent, or the outcome is unknown. One test per stage of a request."""

import asyncio
from contextlib import asynccontextmanager

import anyio
import orjson
import pytest

from importer.api import AnswerKind, RetryPolicy
from importer.errors import ApiUnavailableError
from tests.api.server import RawServer, always, http, http_json, in_turn, raw_server, reset, unused_port
from tests.api.support import BODY, CREATED, Naps, create, make_client

pytestmark = pytest.mark.anyio


def close(writer: asyncio.StreamWriter) -> None:
    writer.close()


HANG_UPS = pytest.mark.parametrize("hang_up", [close, reset], ids=["fin", "rst"])


@asynccontextmanager
async def listening(connected):
    """A server that only accepts connections. Yields its address, and the writers of its connections so far."""
    seen = []

    async def accept(reader, writer):
        seen.append(writer)
        await connected(reader, writer)

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with listener:
        yield f"127.0.0.1:{listener.sockets[0].getsockname()[1]}", seen
        for writer in seen:
            writer.close()


# nothing was sent


async def test_request_without_a_listening_server_is_not_sent() -> None:
    async with make_client(f"http://127.0.0.1:{unused_port()}") as client:
        answers = [await create(client), await client.get("a"), await client.patch("a", BODY), await client.delete("a")]
    assert [(answer.kind, answer.sent, answer.status) for answer in answers] == [(AnswerKind.NOT_SENT, False, None)] * 4
    assert {answer.message for answer in answers} == {"no connection (Connection refused)"}


async def test_request_to_an_unknown_host_name_is_not_sent() -> None:
    async with make_client("http://no-such-host.invalid") as client:
        answers = [await create(client), await client.get("a")]
    assert [(answer.kind, answer.sent) for answer in answers] == [(AnswerKind.NOT_SENT, False)] * 2


async def test_request_with_an_unfinished_tls_handshake_is_not_sent() -> None:
    async def swallow(reader, writer):
        await reader.read()

    async with listening(swallow) as (host, _), make_client(f"https://{host}", timeout=0.1) as client:
        answer = await create(client)
    assert (answer.kind, answer.message) == (AnswerKind.NOT_SENT, "no connection (timed out)")


async def test_request_without_a_free_connection_is_not_sent() -> None:
    taken, go_on = anyio.Event(), anyio.Event()

    async def wait(seen, writer):
        taken.set()
        await go_on.wait()
        return CREATED

    async with raw_server(wait) as server, make_client(server.url, connections=1) as client:
        answers = []

        async def first() -> None:
            answers.append(await create(client))

        async with anyio.create_task_group() as group:
            group.start_soon(first)
            await taken.wait()
            client.timeout = 0.1
            answers.append(await create(client))
            go_on.set()
    assert sorted(answer.kind for answer in answers) == [AnswerKind.NOT_SENT, AnswerKind.OK]
    assert len(server.requests) == 1


# the outcome is unknown


@HANG_UPS
async def test_hang_up_after_accepting_leaves_the_outcome_unknown(hang_up) -> None:
    async def accept(reader, writer):
        hang_up(writer)

    async with listening(accept) as (host, seen), make_client(f"http://{host}") as client:
        answer = await create(client)
    assert (answer.kind, len(seen)) == (AnswerKind.UNKNOWN, 1)


@HANG_UPS
@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 20", CREATED[:60], CREATED[:-5]], ids=["silent", "", "head", "body"])
@pytest.mark.parametrize("stage", [b"\r\n\r\n", BODY], ids=["head-read", "all-read"])
async def test_hang_up_after_reading_leaves_the_outcome_unknown(stage, said, hang_up) -> None:
    async def read(reader, writer):
        await reader.readuntil(stage)
        writer.write(said)
        await writer.drain()
        hang_up(writer)

    async with listening(read) as (host, seen), make_client(f"http://{host}") as client:
        answer = await create(client)
    assert (answer.kind, answer.sent, len(seen)) == (AnswerKind.UNKNOWN, True, 1)


@pytest.mark.parametrize("answer", [b"", http(201, b"{", length=10**6)], ids=["silence", "a-dripping-answer"])
async def test_one_deadline_covers_the_whole_request(answer) -> None:
    async def respond(seen, writer):
        writer.write(answer)
        while True:
            await asyncio.sleep(0.02)
            if answer:
                writer.write(b" ")

    async with raw_server(respond) as server:
        async with make_client(server.url, timeout=1.0) as client:
            got = await create(client)
        assert (got.kind, got.sent, len(server.requests)) == (AnswerKind.UNKNOWN, True, 1)
        assert got.message == "no readable response (timed out)"


@pytest.mark.parametrize("kept_alive", [True, False])
async def test_request_that_reached_the_server_counts_as_sent_after_any_timeout(kept_alive) -> None:
    """Timeouts at every moment around the writing of the request, each with a different customer."""
    never = anyio.Event()

    async def respond(seen, writer):
        if b'"warm"' in seen.body:
            return http_json(201, {"data": {"id": "id-1", "reference_id": "warm"}})
        await never.wait()
        return None

    answers = {}
    async with raw_server(respond) as server:
        for step in range(400):
            name = f"C-{step}"
            async with make_client(server.url) as client:
                if kept_alive:
                    assert (await client.create(b'{"reference_id":"warm"}', "warm")).kind is AnswerKind.OK
                client.timeout = step * 0.00001
                answers[name] = await client.create(orjson.dumps({"reference_id": name}), name)
        await anyio.wait_all_tasks_blocked()
        never.set()
        await anyio.wait_all_tasks_blocked()
    arrived = {orjson.loads(seen.body)["reference_id"] for seen in server.requests} - {"warm"}
    assert arrived
    assert all(answers[name].sent and answers[name].kind is AnswerKind.UNKNOWN for name in arrived)
    assert kept_alive or any(answer.kind is AnswerKind.NOT_SENT and not answer.sent for answer in answers.values())


async def test_client_works_after_a_canceled_request() -> None:
    hangs, over = True, anyio.Event()

    async def respond(seen, writer):
        if hangs:
            await over.wait()
        return CREATED

    async with raw_server(respond) as server, make_client(server.url, connections=2) as client:
        for _ in range(20):
            with anyio.move_on_after(0.005) as scope:
                await create(client)
            assert scope.cancelled_caught
        hangs = False
        answer = await create(client)
        over.set()
    assert answer.kind is AnswerKind.OK


# kept-alive connections


@HANG_UPS
@pytest.mark.parametrize("turns", range(4))
async def test_post_on_a_stale_connection_is_sent_once(hang_up, turns) -> None:
    """After one good exchange, the server closes the idle connection; the client sends soon, perhaps unaware."""
    async with raw_server(always(CREATED)) as server:
        async with make_client(server.url) as client:
            assert (await create(client)).kind is AnswerKind.OK
            hang_up(server.writers[0])
            for _ in range(turns):
                await asyncio.sleep(0)
            answer = await create(client)
        # Whether the client has noticed the closing depends on the kernel; what it reports must be true.
        assert (
            len(server.requests) - 1 == {AnswerKind.OK: 1, AnswerKind.NOT_SENT: 0, AnswerKind.UNKNOWN: 0}[answer.kind]
        )


@pytest.mark.parametrize("call", ["create", "patch", "delete", "replace_child", "delete_child", "create_child"])
async def test_write_lost_on_a_stale_connection_is_not_silently_repeated(call) -> None:
    """The server reads the second request from a kept-alive connection and closes it without an answer."""
    words = {
        "create": (BODY, "C-1"),
        "patch": ("a", BODY),
        "delete": ("a",),
        "replace_child": ("a", "addresses", "b", BODY),
        "delete_child": ("a", "addresses", "b"),
        "create_child": ("a", "contacts", BODY, "C-1"),
    }[call]
    async with raw_server(in_turn(CREATED, None)) as server:
        async with make_client(server.url, connections=1) as client:
            assert (await create(client)).kind is AnswerKind.OK
            answer = await getattr(client, call)(*words)
        again = 0 if "create" in call else 2
        assert (answer.kind, answer.sent, answer.repeated) == (AnswerKind.UNKNOWN, True, bool(again))
        assert len(server.requests) == 2 + again
        assert client.limiter.statistics.requests == 2 + again


async def test_reads_are_repeated_until_they_succeed() -> None:
    there = http_json(200, {"data": {"id": "id-1"}})
    async with raw_server(in_turn(there, None, http(200, b"<html>"), there)) as server:
        async with make_client(server.url, connections=1, timeout=1.0) as client:
            assert [(await client.get("id-1")).kind for _ in range(2)] == [AnswerKind.OK] * 2
        assert len(server.requests) == client.limiter.statistics.requests == 4


# how long requests are retried


async def test_list_is_retried_for_a_minute_and_get_for_a_few_attempts() -> None:
    naps = Naps()
    async with raw_server(always(None)) as server:
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


async def test_list_fails_soon_if_nothing_listens() -> None:
    naps = Naps()
    async with make_client(f"http://127.0.0.1:{unused_port()}", naps) as client:
        with pytest.raises(ApiUnavailableError, match="Connection refused"):
            await client.find(["C1"])
    assert len(naps.asked) == 2


async def test_patch_stays_unknown_if_its_retries_cannot_be_sent() -> None:
    async def vanish(seen, writer):
        listener.close()

    server = RawServer(vanish)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    async with make_client(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}") as client:
        answer = await client.patch("id-1", BODY)
    assert (answer.kind, answer.sent, len(server.requests)) == (AnswerKind.UNKNOWN, True, 1)


@pytest.mark.parametrize(
    ("answer", "kind"), [(http_json(200, {"data": {"id": "a"}}), AnswerKind.OK), (None, AnswerKind.UNKNOWN)]
)
async def test_patch_is_not_marked_repeated_if_the_first_was_not_sent(answer, kind) -> None:
    naps, server, port, listeners = Naps(), RawServer(always(answer)), unused_port(), []

    async def sleep(seconds):
        """The API comes up in the meantime."""
        await naps.sleep(seconds)
        if not listeners:
            listeners.append(await asyncio.start_server(server.serve, "127.0.0.1", port))

    async with make_client(f"http://127.0.0.1:{port}", naps, sleep=sleep, retry=RetryPolicy(attempts=2)) as client:
        found = await client.patch("a", BODY)
    listeners[0].close()
    assert (found.kind, found.sent, found.repeated, len(server.requests)) == (kind, True, False, 1)
