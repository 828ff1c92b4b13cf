"""Waits that the API asks for: announced once, limited by --max-wait, and cut short by a stop."""

import asyncio
import logging
import math
from datetime import UTC, datetime

import anyio
import pytest

from importer.api.limiter import Limiter, Turns
from importer.api.pace import Grant
from importer.api.waits import in_words
from importer.errors import ApiUnavailableError
from tests.api.virtual import VIRTUALLY, now, virtual_limiter

pytestmark = pytest.mark.anyio
NOON = datetime(2030, 1, 1, 12, 0, 0, tzinfo=UTC).timestamp()
USED_UP = 60.0


@pytest.fixture
def anyio_backend():
    return VIRTUALLY


def announcing(said: list[str], ceiling: float | None = 100.0, **options) -> Limiter:
    return virtual_limiter(ceiling, announce=said.append, wall=lambda: NOON + now(), **options)


async def refused(limiter: Limiter, message: str) -> float:
    """Seconds until ``acquire`` fails with ``message``."""
    began = now()
    with pytest.raises(ApiUnavailableError) as caught:
        await limiter.acquire()
    assert caught.value.message == message
    assert caught.value.hint == "Nothing is lost. Run `importer resume` later, or allow a longer wait with --max-wait."
    return now() - began


async def test_wait_is_announced_once_for_all_requests_in_flight(caplog) -> None:
    said: list[str] = []
    with caplog.at_level(logging.INFO, "importer"):
        limiter = announcing(said)
        grants = [await limiter.acquire() for _ in range(64)]
        await asyncio.sleep(10 - now())
        for number, grant in enumerate(grants):
            limiter.throttled(80.0 + number / 100, grant)
            await asyncio.sleep(0.01)
        assert (await limiter.acquire()).at >= 90.0
    assert said == [
        "The API asks the importer to wait until 12:01:30 UTC (HTTP 429 with Retry-After). Then it continues."
    ]
    waits = [record.fields for record in caplog.records if record.message == "wait"]
    assert waits == [{"seconds": 80.0, "until": "2030-01-01T12:01:30+00:00", "cause": "HTTP 429 with Retry-After"}]


async def test_new_and_noticeably_longer_waits_are_announced() -> None:
    said: list[str] = []
    limiter = announcing(said)
    limiter.throttled(60.0, Grant(now(), 1))
    limiter.throttled(64.0, Grant(now(), 1))
    limiter.throttled(70.0, Grant(now(), 1))
    limiter.throttled(30.0, Grant(now(), 1))
    await limiter.acquire()
    limiter.answered(0.1)
    limiter.throttled(60.0, Grant(now(), 1))
    assert (await limiter.acquire()).at >= 130
    assert [text[40:48] for text in said] == ["12:01:00", "12:01:10", "12:02:10"]


async def test_short_waits_are_only_logged(caplog) -> None:
    said: list[str] = []
    with caplog.at_level(logging.INFO, "importer"):
        limiter = announcing(said)
        for _ in range(3):
            limiter.throttled(4.9, Grant(now(), 1))
            await limiter.acquire()
    assert said == []
    assert [record.fields["seconds"] for record in caplog.records if record.message == "wait"] == [4.9] * 3


@pytest.mark.parametrize(
    ("ask", "cause"),
    [
        (lambda limiter: limiter.throttled(60.0, Grant(now(), 1)), "HTTP 429 with Retry-After"),
        (lambda limiter: limiter.throttled(60.0, Grant(now(), 1), status=403), "HTTP 403 with Retry-After"),
        (lambda limiter: limiter.throttled(None, Grant(now(), 1), quota=USED_UP), "the quota is used up"),
        (lambda limiter: limiter.throttled(5.0, Grant(now(), 1), quota=USED_UP), "the quota is used up"),
        (lambda limiter: limiter.hold(60.0), "HTTP 503 with Retry-After"),
        (lambda limiter: limiter.hold(quota=USED_UP), "the quota is used up"),
        (lambda limiter: limiter.answered(0.1, USED_UP), "the quota is used up"),
    ],
)
async def test_all_wait_requests_follow_the_same_rule(ask, cause) -> None:
    said: list[str] = []
    limiter = announcing(said)
    ask(limiter)
    first = (await limiter.acquire()).at
    strict = announcing([], max_wait=59.0)
    ask(strict)
    await refused(strict, f"the API asks the importer to wait 1 min ({cause}), longer than --max-wait allows (59 s)")
    assert first == pytest.approx(60.0)
    assert said == [f"The API asks the importer to wait until 12:01:00 UTC ({cause}). Then it continues."]


async def test_long_wait_is_announced_with_its_date() -> None:
    said: list[str] = []
    announcing(said, max_wait=1e9).hold(86_400.0)
    until = "2030-01-02 12:00:00 UTC"
    assert said == [f"The API asks the importer to wait until {until} (HTTP 503 with Retry-After). Then it continues."]


async def test_nothing_waits_longer_than_allowed() -> None:
    """Neither requests that already wait nor later ones; answers to other requests change nothing."""
    message = (
        "the API asks the importer to wait 24 h (HTTP 503 with Retry-After), longer than --max-wait allows (15 min)"
    )
    said: list[str] = []
    limiter = announcing(said)
    limiter.throttled(600.0, Grant(now(), 1))
    waiting = [asyncio.create_task(refused(limiter, message)) for _ in range(5)]
    await asyncio.sleep(30.0)
    limiter.hold(86_400.0)
    limiter.answered(0.1)
    spent = await asyncio.gather(*waiting)
    limiter.throttled(60.0, Grant(now(), 1))
    assert (now(), spent, await refused(limiter, message)) == (30.0, [30.0] * 5, 0.0)
    assert len(said) == 1  # the wait that was allowed


async def test_consecutive_waits_add_up() -> None:
    limiter = announcing([])
    for _ in range(2):
        limiter.throttled(400.0, await limiter.acquire())
    grant = await limiter.acquire()
    limiter.throttled(400.0, grant)
    message = (
        "the API keeps asking the importer to wait, 20 min in total (HTTP 429 with Retry-After), "
        "longer than --max-wait allows (15 min)"
    )
    assert await refused(limiter, message) == 0.0


async def test_accepted_request_resets_the_wait_total() -> None:
    limiter = announcing([])
    for _ in range(10):
        grant = await limiter.acquire()
        limiter.answered(0.1)
        limiter.throttled(400.0, grant)
    assert (await limiter.acquire()).at == pytest.approx(4000.0, abs=1.0)


async def test_waits_far_apart_do_not_add_up() -> None:
    limiter = announcing([])
    for _ in range(5):
        limiter.throttled(400.0, await limiter.acquire())
        await asyncio.sleep(1000.0)
    assert (await limiter.acquire()).at == pytest.approx(5000.0)


async def test_api_that_refuses_everything_without_a_pause_is_given_up() -> None:
    limiter = announcing([])

    async def send_in_vain(limiter: Limiter) -> None:
        while True:
            limiter.throttled(None, await limiter.acquire())
            await asyncio.sleep(60.0)

    with pytest.raises(
        ApiUnavailableError, match=r"the API keeps asking the importer to wait, 16 min in total \(HTTP 429\), longer"
    ):
        await send_in_vain(limiter)
    assert 900.0 < now() <= 1020.0


@pytest.mark.parametrize("odd", [-1.0, -math.inf, math.nan, 0.0])
@pytest.mark.parametrize(
    "ask", [lambda limiter, odd: limiter.throttled(odd, Grant(now(), 1)), lambda limiter, odd: limiter.hold(odd)]
)
async def test_invalid_pauses_are_ignored(odd, ask) -> None:
    said: list[str] = []
    limiter = announcing(said)
    ask(limiter, odd)
    limiter.answered(0.1, odd)
    assert [(await limiter.acquire()).at for _ in range(10)][-1] < 1.0
    assert said == []


@pytest.mark.parametrize("endless", [1e20, 1e308, math.inf])
@pytest.mark.parametrize("longest", [900.0, 1e308, math.inf])
async def test_endless_pauses_do_not_crash_or_hang(endless, longest) -> None:
    said: list[str] = []
    limiter = announcing(said, max_wait=longest)
    limiter.throttled(endless, Grant(now(), 1))
    with anyio.move_on_after(3600.0) as scope:
        with pytest.raises(ApiUnavailableError, match=r"the API asks the importer to wait 8,784 h \("):
            await limiter.acquire()
    assert scope.cancelled_caught == (longest != 900.0)
    assert [text[40:60] for text in said] == ([] if longest == 900.0 else ["2031-01-02 12:00:00 "])


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (86_400.0, "24 h"),
        (900.0, "15 min"),
        (90.0, "1 min 30 s"),
        (45.4, "45 s"),
        (0.5, "0.5 s"),
        (3600.0 * 2 + 61, "2 h 1 min"),
        (3599.7, "1 h"),
        (math.inf, "8,784 h"),
    ],
)
def test_durations_are_shown_in_words(seconds, words) -> None:
    assert in_words(seconds) == words


async def test_stop_ends_all_waits_at_once_and_uses_no_turns() -> None:
    limiter, turns = virtual_limiter(1.0), Turns()
    await limiter.acquire()
    ends = []

    async def wait(whose: Turns) -> None:
        with whose.waiting() as scope:
            await limiter.acquire()
        ends.append((scope.cancelled_caught, now()))

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(wait, turns)
        group.start_soon(wait, Turns())
        await anyio.sleep(0.5)
        assert not turns.canceled
        turns.cancel()
    assert turns.canceled
    await wait(turns)
    assert ends[:5] == [(True, 0.5)] * 5
    assert ends[5] == (False, pytest.approx(1 / 0.98))
    assert ends[6] == (True, pytest.approx(1 / 0.98))
    assert limiter.statistics.requests == 2


async def test_stop_ends_a_wait_requested_by_the_api() -> None:
    limiter, turns = virtual_limiter(10.0), Turns()
    limiter.throttled(600.0, Grant(now(), 1))
    asyncio.get_running_loop().call_later(5.0, turns.cancel)
    with turns.waiting() as scope:
        await limiter.acquire()
    assert (scope.cancelled_caught, now()) == (True, 5.0)
