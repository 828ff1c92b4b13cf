"""Answers that can be read, what 429 does, and where the key is."""

import logging
import random
from email.utils import formatdate

import orjson
import pytest

from importer import __version__
from importer.api import AnswerKind, Client, Limiter
from importer.errors import ApiUnavailableError, InternalError, KeyRefusedError, UsageError
from importer.records import Refusal
from tests.api.server import http, http_json, raw_server
from tests.api.support import BODY, KEY, Naps, make_client

pytestmark = pytest.mark.anyio

CREATED = http_json(201, {"data": {"id": "id-1", "reference_id": "C-1"}})
HTML = b"<html><head><title>502 Bad\x07 Gateway</title></head><body>" + b"x" * 5000 + b"</body></html>"


def always(answer):
    async def respond(seen, writer):
        return answer

    return respond


async def create(answer):
    async with raw_server(always(answer)) as server, make_client(server.url) as client:
        got = await client.create(BODY)
        assert len(server.requests) == 1
        return got


async def test_what_is_sent() -> None:
    async with raw_server(always(CREATED)) as server, make_client(server.url + "/") as client:
        answer = await client.create(BODY)
    (seen,) = server.requests
    assert (seen.method, seen.target, seen.body) == ("POST", "/v1/customers", BODY)
    assert seen.headers["x-api-key"] == KEY
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["user-agent"] == f"importer/{__version__}"
    assert (answer.kind, answer.status, answer.data["id"], answer.sent) == (AnswerKind.OK, 201, "id-1", True)


@pytest.mark.parametrize(
    "answer",
    [
        http(201, HTML, "Content-Type: text/html"),
        http(201, b""),
        http(204, b""),
        http_json(201, []),
        http_json(201, {"id": "id-1"}),
        http_json(201, {"data": {"reference_id": "C-1"}}),
        http_json(201, {"data": {"id": ""}}),
        http_json(201, {"data": [{"id": "id-1"}]}),
        http(201, b'{"data": {"id": "id-1"}'),
        *(http(status, HTML) for status in (408, 425, 500, 502, 503, 504, 599)),
    ],
)
async def test_a_post_without_a_believable_answer_is_unknown(answer) -> None:
    assert (await create(answer)).kind is AnswerKind.UNKNOWN


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key(status) -> None:
    answer = await create(http_json(status, {"code": "bad_key", "message": f"the key {KEY} is unknown"}))
    assert (answer.kind, answer.code, answer.message) == (
        AnswerKind.KEY_REFUSED,
        "bad_key",
        "the key [key] is unknown",
    )


async def test_the_reasons_of_a_refusal() -> None:
    details = [{"field": "addresses[1].zip_code", "reason": "too\nlong"}, {"field": "phone"}, "odd", 7, None, {}]
    answer = await create(http_json(422, {"code": "invalid", "message": "no\x00 good", "details": details}))
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
async def test_refusals_of_any_shape(body, code, message, refusals) -> None:
    answer = await create(http(400, body))
    assert (answer.kind, answer.code, answer.message, answer.refusals) == (
        AnswerKind.REFUSED,
        code,
        message,
        refusals,
    )


@pytest.mark.parametrize("status", [400, 404, 409, 410, 413, 418])
async def test_other_client_errors_of_a_post_are_refusals(status) -> None:
    assert (await create(http(status, b"{}"))).kind is AnswerKind.REFUSED


async def test_gone() -> None:
    async with raw_server(always(http_json(404, {"code": "not_found"}))) as server:
        async with make_client(server.url) as client:
            answers = [await client.get("a"), await client.delete("a"), await client.patch("a", BODY)]
        assert [answer.kind for answer in answers] == [AnswerKind.GONE] * 3
        assert [seen.method for seen in server.requests] == ["GET", "DELETE", "PATCH"]


@pytest.mark.parametrize("answer", [http(204), http_json(200, {"data": None}), http_json(201, {"data": {"id": "a"}})])
async def test_any_2xx_of_patch_and_delete_is_a_success(answer) -> None:
    async with raw_server(always(answer)) as server, make_client(server.url) as client:
        assert (await client.patch("a", BODY)).kind is AnswerKind.OK
        assert (await client.delete("a")).kind is AnswerKind.OK


async def test_html_is_no_success_of_patch_get_or_delete() -> None:
    async with raw_server(always(http(200, HTML))) as server, make_client(server.url) as client:
        kinds = {(await client.patch("a", BODY)).kind, (await client.delete("a")).kind, (await client.get("a")).kind}
    assert kinds == {AnswerKind.UNKNOWN}


async def test_get_needs_a_customer() -> None:
    async with raw_server(always(http_json(200, {"data": []}))) as server, make_client(server.url) as client:
        assert (await client.get("a")).kind is AnswerKind.UNKNOWN


@pytest.mark.parametrize("customer_id", ["", "..", ".", "a/b", "a?b", "ä", "a b"])
async def test_an_id_cannot_lead_elsewhere(customer_id) -> None:
    async with raw_server(always(CREATED)) as server, make_client(server.url) as client:
        with pytest.raises(InternalError):
            await client.delete(customer_id)
    assert server.requests == []


def first_then(*answers):
    """The answers in turn, the last one for ever."""
    queue = list(answers)

    async def respond(seen, writer):
        return queue.pop(0) if len(queue) > 1 else queue[0]

    return respond


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (["Retry-After: 7"], 7.0),
        (["Retry-After: 1.5"], 1.5),
        (["Date: Wed, 01 Jan 2025 00:00:10 GMT", "Retry-After: Wed, 01 Jan 2025 00:01:10 GMT"], 60.0),
        ([f"Retry-After: {formatdate(1_750_000_000 + 1000 + 30, usegmt=True)}"], 30.0),
    ],
)
async def test_429_waits_exactly_as_told_and_burns_no_attempt(headers, seconds) -> None:
    naps = Naps()
    async with raw_server(first_then(http(429, b"", *headers), CREATED)) as server:
        async with make_client(server.url, naps) as client:
            answer = await client.create(BODY)
        assert (answer.kind, len(server.requests)) == (AnswerKind.OK, 2)
        assert naps.now == pytest.approx(1000 + seconds, abs=1e-6)
        assert naps.now >= 1000 + seconds
        assert client.limiter.statistics.throttled == 1


async def test_429_without_advice_waits_with_jitter_and_slows_the_sender() -> None:
    naps = Naps()
    async with raw_server(first_then(http(429), http(429), http(429), CREATED)) as server:
        async with make_client(server.url, naps, ceiling=100) as client:
            assert (await client.create(BODY)).kind is AnswerKind.OK
        assert client.limiter.statistics.pace < 60
        assert naps.now > 1000


async def test_429_for_too_long_ends_the_run() -> None:
    async with raw_server(always(http(429, b"", "Retry-After: 50"))) as server, make_client(server.url) as client:
        with pytest.raises(ApiUnavailableError, match="429") as caught:
            await client.create(BODY)
        assert "resume" in str(caught.value).lower()
        assert len(server.requests) == 19  # 900 s of patience, 50 s at a time


async def test_429_that_asks_for_a_day_is_not_waited_for() -> None:
    async with raw_server(always(http(429, b"", "Retry-After: 86400"))) as server, make_client(server.url) as client:
        with pytest.raises(ApiUnavailableError):
            await client.create(BODY)
        assert len(server.requests) == 1


async def test_a_503_that_asks_for_a_pause_holds_back_the_next_request() -> None:
    naps = Naps()
    answers = first_then(http(503, b"", "Retry-After: 20"), CREATED)
    async with raw_server(answers) as server, make_client(server.url, naps) as client:
        assert (await client.create(BODY)).kind is AnswerKind.UNKNOWN
        assert (await client.create(BODY)).kind is AnswerKind.OK
    assert naps.now >= 1020


async def test_a_used_up_quota_holds_back_the_next_request() -> None:
    naps = Naps()
    spent = http_json(201, {"data": {"id": "a"}}, "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 12")
    async with raw_server(first_then(spent, CREATED)) as server, make_client(server.url, naps) as client:
        await client.create(BODY)
        assert naps.now < 1001
        await client.create(BODY)
    assert naps.now >= 1012


@pytest.mark.parametrize("key", ["", "ab\ncd-secret", "schlüssel-secret", " secret", "secret\x7f"])
def test_a_key_that_no_header_can_carry(key) -> None:
    with pytest.raises(UsageError) as caught:
        Client("http://127.0.0.1", key, limiter=Limiter(ceiling=1), rng=random.Random(1))
    assert "secret" not in str(caught.value)


async def test_the_key_shows_nowhere(caplog) -> None:
    caplog.set_level(logging.DEBUG)
    texts = []
    echo = http_json(400, {"code": KEY, "message": KEY, "details": [{"field": KEY, "reason": KEY}]})
    redirect = http(302, b"", f"Location: https://example.com/?key={KEY}")
    broken = b"HTTP/1.1 201 Created\r\nContent-Length: " + KEY.encode() + b"\r\n\r\n"
    for answer in (echo, redirect, broken, http(500, KEY.encode()), None):
        async with raw_server(always(answer)) as server, make_client(server.url) as client:
            texts += [repr(await client.create(BODY)), repr(client), str(client.limiter), repr(vars(client).keys())]
    async with raw_server(always(http_json(401, {"message": KEY}))) as server, make_client(server.url) as client:
        with pytest.raises(KeyRefusedError) as caught:
            await client.find(["C-1"])
        texts += [str(caught.value), repr(caught.value), repr(caught.value.__cause__)]
    assert KEY not in "".join([*texts, caplog.text, *(repr(vars(record)) for record in caplog.records)])


async def test_outside_its_context() -> None:
    with pytest.raises(InternalError):
        await make_client("http://127.0.0.1").create(BODY)
