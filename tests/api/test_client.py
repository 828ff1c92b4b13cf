"""Which answers the client trusts, how it handles limits and stops, and where the key appears."""

import logging
import random
from email.utils import formatdate

import anyio
import orjson
import pytest

from importer import __version__
from importer.api import AnswerKind, Client, Limiter, NoListError, Turns
from importer.errors import ApiUnavailableError, InternalError, KeyRefusedError, UsageError
from importer.records import Refusal
from tests.api.server import always, http, http_json, in_turn, raw_server
from tests.api.support import BODY, CREATED, KEY, Naps, create, make_client

pytestmark = pytest.mark.anyio

HTML = b"<html><head><title>502 Bad\x07 Gateway</title></head><body>" + b"x" * 5000 + b"</body></html>"


async def created_by(answer):
    """What the client makes of ``answer`` to one POST."""
    async with raw_server(always(answer)) as server, make_client(server.url) as client:
        got = await create(client)
        assert len(server.requests) == 1
        return got


# what is sent, and which answers are trusted


async def test_each_call_sends_its_method_path_and_body() -> None:
    ok = http_json(200, {"data": {"id": "b", "reference_id": "A-1"}})
    async with raw_server(in_turn(CREATED, ok)) as server, make_client(server.url + "/") as client:
        answers = [
            await create(client),
            await client.get("b"),
            await client.patch("b", BODY),
            await client.delete("b"),
            await client.get_child("c", "addresses", "b"),
            await client.create_child("c", "addresses", BODY, "A-1"),
            await client.replace_child("c", "contacts", "b", BODY),
            await client.delete_child("c", "contacts", "b"),
        ]
        assert server.connections == 1
    assert [(seen.method, seen.target, seen.body) for seen in server.requests] == [
        ("POST", "/v1/customers", BODY),
        ("GET", "/v1/customers/b", b""),
        ("PATCH", "/v1/customers/b", BODY),
        ("DELETE", "/v1/customers/b", b""),
        ("GET", "/v1/customers/c/addresses/b", b""),
        ("POST", "/v1/customers/c/addresses", BODY),
        ("PUT", "/v1/customers/c/contacts/b", BODY),
        ("DELETE", "/v1/customers/c/contacts/b", b""),
    ]
    for seen in server.requests:
        assert seen.headers == {
            "host": server.url.removeprefix("http://"),
            "x-api-key": KEY,
            "content-type": "application/json",
            "content-length": str(len(seen.body)),
            "accept": "application/json",
            "accept-encoding": "identity",
            "user-agent": f"importer/{__version__}",
        }
    assert [(answer.kind, answer.sent) for answer in answers] == [(AnswerKind.OK, True)] * 8
    assert [answer.data["id"] for answer in answers] == ["id-1"] + ["b"] * 7


@pytest.mark.parametrize(
    "answer",
    [
        http(201, HTML, "Content-Type: text/html"),
        http(201, b""),
        http(204, b""),
        http_json(201, []),
        http_json(201, {"id": "id-1"}),
        http_json(201, {"data": {"reference_id": "C-1"}}),
        http_json(201, {"data": {"id": "id-1"}}),
        http_json(201, {"data": {"id": "id-1", "reference_id": None}}),
        http_json(201, {"data": {"id": "id-1", "reference_id": "c-1"}}),
        http_json(201, {"data": {"id": "id-1", "reference_id": "C-10"}}),
        *(
            http_json(201, {"data": {"id": odd, "reference_id": "C-1"}})
            for odd in ("", None, 7, "..", "a/b", "a b", "a?b", "\u00e4", "x" * 256, "id-1\n")
        ),
        http_json(201, {"data": [{"id": "id-1", "reference_id": "C-1"}]}),
        http(201, b'{"data": {"id": "id-1"}'),
        *(http(status, HTML) for status in (408, 425, 500, 502, 503, 504, 599)),
    ],
)
async def test_post_without_plausible_answer_is_unknown(answer) -> None:
    assert (await created_by(answer)).kind is AnswerKind.UNKNOWN
    async with raw_server(always(answer)) as server, make_client(server.url) as client:
        assert (await client.create_child("a", "contacts", BODY, "C-1")).kind is AnswerKind.UNKNOWN
        assert len(server.requests) == 1


async def test_same_foreign_answer_to_three_posts_creates_nothing() -> None:
    foreign = http_json(201, {"data": {"id": "id-9", "reference_id": "C-9"}})
    async with raw_server(always(foreign)) as server, make_client(server.url) as client:
        answers = [await client.create(BODY, f"C-{number}") for number in range(3)]
    assert {(answer.kind, answer.message) for answer in answers} == {
        (AnswerKind.UNKNOWN, "HTTP 201, but the response has another reference ID")
    }


async def test_answer_about_another_record_is_unknown() -> None:
    other = http_json(200, {"data": {"id": "other", "reference_id": "C-1"}})
    async with raw_server(always(other)) as server, make_client(server.url) as client:
        answers = [
            await client.get("a"),
            await client.patch("a", BODY),
            await client.delete("a"),
            await client.get_child("other", "contacts", "a"),
            await client.replace_child("a", "contacts", "b", BODY),
            await client.delete_child("a", "contacts", "b"),
        ]
    assert {(answer.kind, answer.message) for answer in answers} == {
        (AnswerKind.UNKNOWN, "HTTP 200, but the response is for a different ID")
    }


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_key_answer_has_code_and_masked_message(status) -> None:
    answer = await created_by(http_json(status, {"code": "bad_key", "message": f"the key {KEY} is unknown"}))
    assert (answer.kind, answer.code, answer.message) == (
        AnswerKind.KEY_REFUSED,
        "bad_key",
        "the key [key] is unknown",
    )


async def test_refusal_reasons_are_parsed() -> None:
    details = [{"field": "addresses[1].zip_code", "reason": "too\nlong"}, {"field": "phone"}, "odd", 7, None, {}]
    answer = await created_by(http_json(422, {"code": "invalid", "message": "no\x00 good", "details": details}))
    assert (answer.kind, answer.status, answer.code, answer.message) == (AnswerKind.REFUSED, 422, "invalid", "no good")
    assert answer.refusals == (
        Refusal("addresses[1].zip_code", "too long"),
        Refusal("phone", "refused"),
        Refusal("", "odd"),
        Refusal("", "7"),
    )


@pytest.mark.parametrize(
    ("body", "code", "message", "refusals"),
    [
        (HTML, None, "502 Bad Gateway", ()),
        (b"", None, "HTTP 400", ()),
        (b"just text", None, "just text", ()),
        (b"\xff\xfe\x00", None, "\ufffd\ufffd", ()),
        (b'"quoted"', None, "quoted", ()),
        (b"[1, 2]", None, "HTTP 400", ()),
        (b"null", None, "HTTP 400", ()),
        (b'{"error": "why"}', None, "why", ()),
        (b'{"error": {"code": 12, "message": "why"}}', "12", "why", ()),
        (b'{"message": ["a", "b"]}', None, "a; b", (Refusal("", "a"), Refusal("", "b"))),
        (b'{"detail": [{"loc": ["body", 0, "city"], "msg": "long"}]}', None, "long", (Refusal("body.0.city", "long"),)),
        (b'{"details": {"field": "x"}, "code": {}, "message": false}', None, "HTTP 400", ()),
        (b"[" * 100_000, None, "[" * 499 + "\u2026", ()),
        (orjson.dumps({"message": "m" * 9000}), None, "m" * 499 + "\u2026", ()),
    ],
)
async def test_malformed_refusals_are_parsed(body, code, message, refusals) -> None:
    answer = await created_by(http(400, body))
    assert (answer.kind, answer.code, answer.message, answer.refusals) == (
        AnswerKind.REFUSED,
        code,
        message,
        refusals,
    )


@pytest.mark.parametrize("status", [400, 404, 409, 410, 413, 418])
async def test_other_client_errors_of_post_are_refusals(status) -> None:
    assert (await created_by(http(status, b"{}"))).kind is AnswerKind.REFUSED


async def test_404_means_gone_except_for_post() -> None:
    async with raw_server(always(http_json(404, {"code": "not_found"}))) as server:
        async with make_client(server.url) as client:
            answers = [
                await client.get("a"),
                await client.delete("a"),
                await client.patch("a", BODY),
                await client.get_child("a", "addresses", "b"),
                await client.replace_child("a", "addresses", "b", BODY),
                await client.delete_child("a", "addresses", "b"),
            ]
            post = await client.create_child("a", "addresses", BODY, "C-1")
        assert {(answer.kind, answer.status) for answer in answers} == {(AnswerKind.GONE, 404)}
        assert (post.kind, post.status) == (AnswerKind.REFUSED, 404)
        assert len(server.requests) == 7


@pytest.mark.parametrize("answer", [http(204), http_json(200, {"data": None}), http_json(201, {"data": {"id": "a"}})])
async def test_any_2xx_for_patch_and_delete_is_success(answer) -> None:
    async with raw_server(always(answer)) as server, make_client(server.url) as client:
        assert (await client.patch("a", BODY)).kind is AnswerKind.OK
        assert (await client.delete("a")).kind is AnswerKind.OK
        assert (await client.replace_child("a", "contacts", "b", BODY)).kind is AnswerKind.OK
        assert (await client.delete_child("a", "contacts", "b")).kind is AnswerKind.OK


async def test_html_is_not_success_for_patch_get_or_delete() -> None:
    async with raw_server(always(http(200, HTML))) as server, make_client(server.url) as client:
        kinds = {(await client.patch("a", BODY)).kind, (await client.delete("a")).kind, (await client.get("a")).kind}
    assert kinds == {AnswerKind.UNKNOWN}


async def test_get_requires_a_customer() -> None:
    async with raw_server(always(http_json(200, {"data": []}))) as server, make_client(server.url) as client:
        assert (await client.get("a")).kind is AnswerKind.UNKNOWN


@pytest.mark.parametrize("odd", ["", "..", ".", "a/b", "a?b", "\u00e4", "a b", "a\n", "x" * 256])
async def test_odd_id_is_refused_without_a_request(odd) -> None:
    async with raw_server(always(CREATED)) as server, make_client(server.url) as client:
        answers = [
            await client.get(odd),
            await client.patch(odd, BODY),
            await client.delete(odd),
            await client.get_child("a", "contacts", odd),
            await client.get_child(odd, "contacts", "a"),
            await client.create_child(odd, "contacts", BODY, "C-1"),
            await client.replace_child("a", "contacts", odd, BODY),
            await client.delete_child("a", "contacts", odd),
        ]
        assert {(answer.kind, answer.status, answer.code, answer.sent) for answer in answers} == {
            (AnswerKind.REFUSED, None, "odd_id", False)
        }
        with pytest.raises(NoListError):
            await client.children(odd, "contacts")
    assert server.requests == []


# limits


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (["Retry-After: 7"], 7.0),
        (["Retry-After: 1.5"], 1.5),
        (["Date: Wed, 01 Jan 2025 00:00:10 GMT", "Retry-After: Wed, 01 Jan 2025 00:01:10 GMT"], 60.0),
        ([f"Retry-After: {formatdate(1_750_000_000 + 1000 + 30, usegmt=True)}"], 30.0),
    ],
)
async def test_429_waits_exactly_as_asked_and_is_not_an_attempt(headers, seconds) -> None:
    naps = Naps()
    async with raw_server(in_turn(http(429, b"", *headers), CREATED)) as server:
        async with make_client(server.url, naps) as client:
            answer = await create(client)
        assert (answer.kind, len(server.requests)) == (AnswerKind.OK, 2)
        assert naps.now == pytest.approx(1000 + seconds, abs=1e-6)
        assert naps.now >= 1000 + seconds
        assert client.limiter.statistics.throttled == 1


async def test_429_without_retry_after_doubles_the_wait() -> None:
    class Longest(random.Random):
        def uniform(self, a: float, b: float) -> float:
            return b

    naps = Naps()
    async with raw_server(in_turn(http(429), http(429), http(429), CREATED)) as server:
        async with make_client(server.url, naps, rng=Longest()) as client:
            assert (await create(client)).kind is AnswerKind.OK
        assert len(server.requests) == 4
    assert [seconds for seconds in naps.asked if seconds > 0.4] == [0.5, 1.0, 2.0]


@pytest.mark.parametrize(
    "refusal",
    [
        http_json(403, {"code": "RATE_LIMIT_EXCEEDED"}),
        http_json(403, {"message": "Too many requests, slow down"}),
        http_json(403, {"error": {"message": "You are being throttled."}}),
        http_json(403, {"message": "daily quota used up"}),
        http(403, b"<html><title>Rate limit</title></html>"),
        http(403, b"no", "Retry-After: 7"),
        http(403, b"no", "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 7"),
    ],
)
async def test_rate_limit_403_is_waited_for(refusal) -> None:
    naps = Naps()
    async with raw_server(in_turn(refusal, CREATED)) as server, make_client(server.url, naps) as client:
        assert (await create(client)).kind is AnswerKind.OK
        assert len(server.requests) == 2
        assert client.limiter.statistics.throttled == 1
    assert naps.now > 1000


@pytest.mark.parametrize("status", [400, 402, 404])
async def test_other_refusals_that_mention_a_limit_are_not_waited_for(status) -> None:
    refusal = http_json(status, {"message": "Too many requests, slow down"})
    async with raw_server(in_turn(refusal, CREATED)) as server, make_client(server.url) as client:
        assert (await create(client)).status == status
        assert len(server.requests) == 1
        assert client.limiter.statistics.throttled == 0


async def test_used_up_quota_of_a_success_delays_the_next_request() -> None:
    naps, body = Naps(), b'{"data": {"id": "id-1", "reference_id": "C-1"}}'
    last = http(201, body, "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 7")
    async with raw_server(in_turn(last, CREATED)) as server, make_client(server.url, naps) as client:
        assert (await create(client)).kind is AnswerKind.OK
        began = naps.now
        assert (await create(client)).kind is AnswerKind.OK
    assert naps.now - began >= 7


async def test_rate_limits_that_last_too_long_end_the_run() -> None:
    async with raw_server(always(http(429, b"", "Retry-After: 50"))) as server, make_client(server.url) as client:
        with pytest.raises(ApiUnavailableError, match="429") as caught:
            await create(client)
        assert "resume" in str(caught.value).lower()
        assert len(server.requests) == 19  # 900 s at most, 50 s at a time


async def test_rate_limits_without_retry_after_end_the_run_eventually() -> None:
    naps = Naps()
    async with raw_server(always(http(429))) as server, make_client(server.url, naps, max_wait=60.0) as client:
        with pytest.raises(ApiUnavailableError, match="keeps asking the importer to wait"):
            await client.get("a")
    assert 1060 < naps.now <= 1090


@pytest.mark.parametrize(
    "answer",
    [
        http(429, b"", "Retry-After: 86400"),
        http(403, b"", "Retry-After: 86400"),
        http(503, b"", "Retry-After: 86400"),
        http_json(201, {}, "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 3600"),
    ],
)
async def test_pause_of_hours_is_not_waited_for(answer) -> None:
    async with raw_server(always(answer)) as server, make_client(server.url) as client:
        if b"HTTP/1.1 503" in answer or b"HTTP/1.1 201" in answer:
            assert (await create(client)).kind is AnswerKind.UNKNOWN
        with pytest.raises(ApiUnavailableError):
            await create(client)
        assert len(server.requests) == 1


async def test_503_with_retry_after_delays_the_next_request() -> None:
    naps = Naps()
    answers = in_turn(http(503, b"", "Retry-After: 20"), CREATED)
    async with raw_server(answers) as server, make_client(server.url, naps) as client:
        assert (await create(client)).kind is AnswerKind.UNKNOWN
        assert (await create(client)).kind is AnswerKind.OK
    assert naps.now >= 1020


async def test_used_up_quota_delays_the_next_request_until_reset() -> None:
    naps = Naps()
    spent = http_json(201, {"data": {"id": "a"}}, "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 12")
    async with raw_server(in_turn(spent, CREATED)) as server, make_client(server.url, naps) as client:
        await create(client)
        assert naps.now < 1001
        await create(client)
    assert naps.now >= 1012


# stopping


async def test_stop_ends_waits_but_not_requests_in_flight() -> None:
    arrived, go_on = anyio.Event(), anyio.Event()

    async def slow(seen, writer):
        arrived.set()
        await go_on.wait()
        return CREATED

    async def sleep(seconds: float) -> None:
        await anyio.sleep_forever()

    turns, answers, naps = Turns(), {}, Naps()
    async with raw_server(slow) as server, make_client(server.url, naps, ceiling=1, sleep=sleep) as client:
        stoppable = client.with_turns(turns)
        assert stoppable.limiter is client.limiter

        async def call(name, coroutine) -> None:
            answers[name] = await coroutine

        with anyio.fail_after(60):
            async with anyio.create_task_group() as group:
                group.start_soon(call, "on its way", create(stoppable))
                await arrived.wait()
                group.start_soon(call, "waiting", create(stoppable))
                group.start_soon(call, "reading", stoppable.get("a"))
                await anyio.wait_all_tasks_blocked()
                turns.cancel()
                await anyio.wait_all_tasks_blocked()
                assert set(answers) == {"waiting", "reading"}
                go_on.set()
            answers["later"] = await create(stoppable)
        assert len(server.requests) == 1
        assert answers.pop("on its way").kind is AnswerKind.OK
        assert {(answer.kind, answer.sent, answer.message) for answer in answers.values()} == {
            (AnswerKind.NOT_SENT, False, "stopped before it was sent")
        }
        naps.now += 60
        assert (await create(client)).kind is AnswerKind.OK  # the original client still works


@pytest.mark.parametrize(
    ("fault", "kind", "sent"),
    [(None, AnswerKind.UNKNOWN, True), (http(500), AnswerKind.UNKNOWN, True), (http(429), AnswerKind.NOT_SENT, False)],
)
async def test_stop_between_attempts_ends_the_request(fault, kind, sent) -> None:
    turns = Turns()

    async def sleep(seconds: float) -> None:
        turns.cancel()
        await anyio.sleep_forever()

    async with raw_server(always(fault)) as server, make_client(server.url, sleep=sleep) as client:
        with anyio.fail_after(60):
            answer = await client.with_turns(turns).delete("a")
    assert (answer.kind, answer.sent, answer.message) == (kind, sent, "stopped before it was sent")
    assert len(server.requests) == 1


async def test_list_request_after_a_stop_is_not_sent() -> None:
    turns = Turns()
    turns.cancel()
    async with raw_server(always(CREATED)) as server, make_client(server.url) as client:
        with pytest.raises(ApiUnavailableError, match="stopped"):
            await client.with_turns(turns).find(["C-1"])
    assert server.requests == []


# the key


@pytest.mark.parametrize("key", ["", "ab\ncd-secret", "schlüssel-secret", " secret", "secret\x7f"])
def test_key_invalid_in_a_header_is_refused_without_showing_it(key) -> None:
    with pytest.raises(UsageError) as caught:
        Client("http://127.0.0.1", key, limiter=Limiter(ceiling=1), rng=random.Random(1))
    assert "secret" not in str(caught.value)


async def test_key_is_never_shown(caplog) -> None:
    caplog.set_level(logging.DEBUG)
    texts = []
    echo = http_json(400, {"code": KEY, "message": KEY, "details": [{"field": KEY, "reason": KEY}]})
    redirect = http(302, b"", f"Location: https://example.com/?key={KEY}")
    broken = b"HTTP/1.1 201 Created\r\nContent-Length: " + KEY.encode() + b"\r\n\r\n"
    for answer in (echo, redirect, broken, http(500, KEY.encode()), None):
        async with raw_server(always(answer)) as server, make_client(server.url) as client:
            texts += [repr(await create(client)), repr(client), str(client.limiter), repr(vars(client).keys())]
    async with raw_server(always(http_json(401, {"message": KEY}))) as server, make_client(server.url) as client:
        with pytest.raises(KeyRefusedError) as caught:
            await client.find(["C-1"])
        texts += [str(caught.value), repr(caught.value), repr(caught.value.__cause__)]
    assert KEY not in "".join([*texts, caplog.text, *(repr(vars(record)) for record in caplog.records)])


async def test_key_echoed_in_data_is_masked() -> None:
    data = {"id": "a", "name": f"x {KEY} y", KEY: [{"value": KEY}, 7, None, True]}
    escaped = orjson.dumps({"data": data}).replace(KEY.encode(), "".join(f"\\u{ord(c):04x}" for c in KEY).encode())
    for body in (orjson.dumps({"data": data}), escaped):
        async with raw_server(always(http(200, body))) as server, make_client(server.url) as client:
            answer = await client.get("a")
        assert answer.data == {"id": "a", "name": "x [key] y", "[key]": [{"value": "[key]"}, 7, None, True]}
    listed = http_json(200, [{"id": "a", "name": KEY}])
    async with raw_server(always(listed)) as server, make_client(server.url) as client:
        assert await client.sales_reps() == [{"id": "a", "name": "[key]"}]


async def test_short_key_does_not_mask_data() -> None:
    options = {"limiter": Limiter(ceiling=1000), "rng": random.Random(1)}
    there = http_json(200, {"data": {"id": "a", "name": "Test Ltd"}})
    async with raw_server(always(there)) as server, Client(server.url, "Test", **options) as client:
        assert (await client.get("a")).data["name"] == "Test Ltd"


async def test_client_outside_its_context_is_an_internal_error() -> None:
    with pytest.raises(InternalError):
        await create(make_client("http://127.0.0.1"))
