"""The limiter in virtual time: ceilings, pauses, and finding the pace of servers that do not state their limit."""

import asyncio
import random

import pytest

from importer.api.pace import Grant, PaceFinder
from tests.api.virtual import VIRTUALLY, SimulatedServer, busiest_second, drive, now, sluggish, virtual_limiter

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return VIRTUALLY


def busy(rng: random.Random):
    """A sleep that now and then takes up to 60 ms longer, as if other programs used the processor."""

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds + (rng.random() * 0.06 if rng.random() < 0.1 else 0.0))

    return sleep


@pytest.mark.parametrize("ceiling", [1.0, 7.0, 50.0, 500.0])
@pytest.mark.parametrize("latency", [0.02, 2.0])
@pytest.mark.parametrize("oversleep", [0.0, 0.003])
async def test_ceiling_is_reached_and_never_exceeded(ceiling, latency, oversleep) -> None:
    seconds = 9 if ceiling > 100 else 40
    limiter = virtual_limiter(ceiling, sleep=sluggish(1, oversleep))
    sent = await drive(limiter, SimulatedServer(10_000, lambda: latency), seconds)
    settled = [moment for moment in sent if moment >= 5]
    assert len(settled) / (seconds - 5) >= 0.97 * ceiling
    assert busiest_second(sent) <= ceiling
    assert limiter.statistics.peak_per_second == busiest_second(sent)
    assert limiter.statistics.requests == len(sent)


async def test_ceiling_is_not_exceeded_after_a_stall() -> None:
    """A stall of half a second, as from a suspended laptop or a busy disk, is not made up for."""
    stalls = iter([0.0] * 200 + [0.5] + [0.0] * 100_000)

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds + next(stalls))

    sent = await drive(virtual_limiter(50.0, sleep=sleep), SimulatedServer(10_000, lambda: 0.02), 20)
    assert busiest_second(sent) <= 50


async def test_few_workers_reach_thousands_per_second() -> None:
    limiter = virtual_limiter(4000.0, sleep=sluggish(2, 0.002))
    sent = []

    async def worker() -> None:
        while now() < 2:
            sent.append((await limiter.acquire()).at)
            await asyncio.sleep(0.001)

    await asyncio.gather(*(worker() for _ in range(16)))
    assert len(sent) >= 0.97 * 4000 * 2
    assert busiest_second(sent) <= 4000


async def test_first_come_first_served() -> None:
    limiter = virtual_limiter(10.0)
    order = []

    async def worker(number: int) -> None:
        await limiter.acquire()
        order.append(number)

    await asyncio.gather(*(worker(number) for number in range(30)))
    assert order == list(range(30))


async def test_canceled_wait_uses_no_turn() -> None:
    limiter = virtual_limiter(1.0)
    await limiter.acquire()
    waiting = [asyncio.create_task(limiter.acquire()) for _ in range(5)]
    await asyncio.sleep(0.5)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    grant = await limiter.acquire()
    moment, requests = grant.at, limiter.statistics.requests
    assert moment == pytest.approx(1 / 0.98)
    assert requests == 2


@pytest.mark.parametrize(
    ("limit", "latency", "climb", "seconds"),
    [
        (50, 0.02, 15, 120),
        (50, 1.0, 25, 120),
        (50, 2.0, 30, 120),
        (200, 0.02, 20, 45),
        (200, 1.0, 30, 60),
        (500, 0.02, 20, 30),
        (500, 2.0, 45, 80),
        (5, 0.2, 20, 300),
    ],
)
async def test_finds_the_pace(limit, latency, climb, seconds) -> None:
    limiter, server = virtual_limiter(None), SimulatedServer(limit, lambda: latency)
    await drive(limiter, server, seconds)
    assert server.rate(0, 2) <= 6  # it starts slowly
    assert server.rate(climb, seconds - 3) >= (0.95 if limit == 200 else 0.9) * limit
    assert server.share_refused() < 0.01
    unanswered = sum(moment > seconds - latency for moment in server.refused)
    assert limiter.statistics.throttled >= len(server.refused) - unanswered > 0


@pytest.mark.parametrize(("limit", "share", "seconds"), [(50, 0.9, 80), (200, 0.95, 50)])
@pytest.mark.parametrize(("latency", "seed"), [(0.02, 1), (1.0, 2)])
async def test_finds_the_pace_on_a_busy_machine(limit, share, seconds, latency, seed) -> None:
    """One timer in ten is up to 60 ms late, and the requests' travel times differ by up to 18 ms."""
    rng = random.Random(seed)
    server = SimulatedServer(limit, lambda: latency, way=lambda: rng.random() * min(latency / 2, 0.018))
    await drive(virtual_limiter(None, sleep=busy(rng)), server, seconds)
    assert server.rate(30, seconds - 3) >= share * limit
    assert server.share_refused() < 0.01


@pytest.mark.parametrize(("seed", "spread"), [(2, 0.6), (7, 0.6), (3, 0.9)])
async def test_finds_the_pace_despite_noise(seed, spread) -> None:
    """Answers take from 0.2 to several seconds, requests up to 20 ms to arrive, and timers are late."""
    rng = random.Random(seed)
    limiter = virtual_limiter(None, sleep=sluggish(seed, 0.002))
    server = SimulatedServer(50, lambda: rng.lognormvariate(0, spread), way=lambda: rng.random() * 0.02)
    await drive(limiter, server, 120)
    assert server.rate(30, 117) >= 0.9 * 50
    assert server.share_refused() < 0.01


@pytest.mark.parametrize(("latency", "retry_after"), [(0.2, 1.0), (0.2, 5.0), (1.0, 1.0), (2.0, 1.0)])
async def test_finds_the_pace_when_refusals_require_a_pause(latency, retry_after) -> None:
    server = SimulatedServer(50, lambda: latency, retry_after)
    await drive(virtual_limiter(None), server, 150)
    assert server.rate(30, 147) >= 0.9 * 50
    assert server.share_refused() < 0.01


@pytest.mark.parametrize("retry_after", [None, 10.0])
async def test_finds_the_pace_of_a_quota_per_minute(retry_after) -> None:
    """1,000 requests in any minute: a burst uses them up at first, then the pace settles at what the quota allows."""
    server = SimulatedServer(1000, lambda: 0.2, retry_after, period=60.0)
    await drive(virtual_limiter(None), server, 600)
    assert server.rate(180, 597) >= 0.8 * 1000 / 60
    assert server.share_refused(180) < 0.01


async def test_finds_the_pace_of_a_quota_that_resets_each_minute() -> None:
    class Minutes(SimulatedServer):
        def take(self) -> bool:
            self.retry_after = 60 - now() % 60
            while self.window and self.window[0] // 60 != now() // 60:
                self.window.popleft()
            return super().take()

    server = Minutes(1000, lambda: 0.2, period=60.0)
    await drive(virtual_limiter(None), server, 600)
    assert server.rate(180, 597) >= 0.8 * 1000 / 60
    assert server.share_refused(180) < 0.01


async def test_refusals_slow_down_a_fixed_ceiling() -> None:
    server = SimulatedServer(50, lambda: 0.1)
    await drive(virtual_limiter(100.0), server, 100)
    assert server.rate(5, 97) >= 0.9 * 50
    assert server.share_refused() < 0.02


async def test_raised_limit_is_noticed() -> None:
    server = SimulatedServer(10, lambda: 0.2)
    running = asyncio.create_task(drive(virtual_limiter(None), server, 300))
    await asyncio.sleep(100)
    server.limit = 50
    await running
    assert server.rate(60, 100) <= 10
    assert server.rate(160, 297) >= 0.9 * 50


@pytest.mark.parametrize("retry_after", [None, 1.0])
async def test_lowered_limit_is_respected(retry_after) -> None:
    server = SimulatedServer(50, lambda: 0.2, retry_after)
    running = asyncio.create_task(drive(virtual_limiter(None), server, 200))
    await asyncio.sleep(60)
    server.limit = 10
    await running
    assert sum(60 <= moment < 75 for moment in server.refused) < 100
    assert server.share_refused(75) < 0.01
    assert server.rate(110, 197) >= 0.9 * 10


async def test_long_pause_is_followed_by_the_same_pace_without_a_burst() -> None:
    limiter, server = virtual_limiter(None), SimulatedServer(50, lambda: 0.2)
    await drive(limiter, server, 60)
    await asyncio.sleep(3600)
    second = await drive(limiter, server, 60)
    assert busiest_second([moment for moment in second if moment < 3662]) <= 51
    assert server.rate(3662, 3715) >= 0.9 * 50
    assert server.share_refused(3660) < 0.01


async def test_server_that_slows_down_is_not_flooded() -> None:
    """It can do only 40 requests a second; it never says so, but its answers come later and later."""

    class Queue(SimulatedServer):
        free = 0.0
        worst = 0.0

        async def answer(self) -> bool:
            self.free = max(self.free, now()) + 1 / 40
            delay = 0.05 + self.free - now()
            if now() > 100:
                self.worst = max(self.worst, delay)
            self.accepted.append(now())
            await asyncio.sleep(delay)
            return True

    server = Queue(0, lambda: 0.0)
    await drive(virtual_limiter(None, max_concurrency=500), server, 200)
    assert server.rate(60, 195) >= 0.8 * 40
    assert server.worst < 2.5


async def test_slow_api_without_a_queue_is_used_at_full_pace() -> None:
    """Latency jumps from 50 ms to 3 s: after some caution, more requests are in flight and the pace recovers."""
    server = SimulatedServer(50, lambda: 0.05 if now() < 40 else 3.0)
    await drive(virtual_limiter(None), server, 220)
    assert server.rate(170, 215) >= 0.9 * 50
    assert server.share_refused() < 0.01


@pytest.mark.parametrize("seconds", [0.001, 3.0, 600.0])
async def test_retry_after_is_obeyed_exactly(seconds) -> None:
    limiter = virtual_limiter(1000.0)
    grant = await limiter.acquire()
    await asyncio.sleep(0.3)
    limiter.throttled(seconds, grant)
    limiter.throttled(seconds / 2, grant)
    asked, moments = now(), [(await limiter.acquire()).at for _ in range(20)]
    assert moments[0] >= asked + seconds
    assert moments[0] <= asked + seconds + 0.01
    assert busiest_second(moments[:2]) == 2
    assert moments[19] - moments[0] >= 18 / 1000  # no burst after the pause


async def test_pause_applies_to_waiting_requests() -> None:
    limiter = virtual_limiter(1.0)
    await limiter.acquire()
    waiting = asyncio.create_task(limiter.acquire())
    await asyncio.sleep(0.5)
    limiter.throttled(10.0, Grant(now(), 1))
    assert (await waiting).at >= 10.5


async def test_one_cut_per_congestion_event() -> None:
    limiter = virtual_limiter(100.0)
    grants = [await limiter.acquire() for _ in range(200)]
    for grant in grants[:190]:
        limiter.answered(now() - grant.at)
    paces = []
    for grant in grants[190:]:
        limiter.throttled(None, grant)
        paces.append(limiter.statistics.pace)
    assert paces[0] == 98.0  # a single one may be stray
    assert len(set(paces[1:])) == 1
    assert 90 <= paces[1] <= 97


@pytest.mark.parametrize(("latency", "low", "high"), [(0.02, 4, 6), (1.0, 50, 75), (2.0, 100, 150), (20.0, 200, 200)])
async def test_concurrency_follows_pace_and_latency(latency, low, high) -> None:
    limiter = virtual_limiter(50.0, max_concurrency=200)
    await drive(limiter, SimulatedServer(10_000, lambda: latency), 100)
    assert low <= limiter.concurrency <= high


async def test_used_up_quota_is_waited_for() -> None:
    limiter = virtual_limiter(100.0)
    await limiter.acquire()
    limiter.answered(0.1, 30.0)
    assert (await limiter.acquire()).at >= 30


async def test_pace_does_not_grow_while_requests_fail() -> None:
    limiter = virtual_limiter(None)
    for _ in range(200):
        await limiter.acquire()
        limiter.hold()
    assert limiter.statistics.pace == 5.0


async def test_wait_seconds_are_counted_once_for_all_workers() -> None:
    limiter = virtual_limiter(10.0)
    await asyncio.gather(*(limiter.acquire() for _ in range(50)))
    waited, elapsed = limiter.statistics.waited_seconds, now()
    assert waited == pytest.approx(elapsed)


async def test_grant_has_the_number_of_requests_in_the_last_second() -> None:
    limiter = virtual_limiter(2.0)
    grants = [await limiter.acquire() for _ in range(4)]
    assert grants[0] == Grant(0.0, 1)
    assert [grant.load for grant in grants] == [1, 2, 2, 2]


async def test_busy_machine_reaches_but_does_not_exceed_the_ceiling() -> None:
    """One timer in ten is up to 60 ms late, as if other programs used the processor."""
    rng = random.Random(4)
    sent = await drive(virtual_limiter(50.0, sleep=busy(rng)), SimulatedServer(10_000, lambda: 0.02), 60)
    assert sum(5 <= moment < 60 for moment in sent) / 55 >= 0.97 * 50
    assert busiest_second(sent) <= 50


@pytest.mark.parametrize("connecting", [0.0, 0.04])
async def test_requests_that_bunch_up_in_transit_are_not_refused(connecting) -> None:
    """Some need a new connection first, timers are late, and travel times differ by up to 18 ms."""
    rng = random.Random(8)
    limiter = virtual_limiter(50.0, sleep=busy(rng))
    server = SimulatedServer(50, lambda: 0.05, way=lambda: rng.random() * 0.018)

    async def worker() -> None:
        while now() < 60:
            grant = await limiter.acquire()
            if rng.random() < connecting:
                await asyncio.sleep(0.05 + rng.random() * 0.1)
            limiter.left(grant)
            await server.answer()

    await asyncio.gather(*(worker() for _ in range(12)))
    assert server.refused == []
    assert server.rate(2, 58) >= 0.97 * 50
    assert limiter.statistics.peak_per_second <= 50


async def test_request_counts_from_when_it_left() -> None:
    limiter = virtual_limiter(2.0)
    first = await limiter.acquire()
    await asyncio.sleep(0.3)
    limiter.left(first)
    assert [(await limiter.acquire()).at for _ in range(2)] == pytest.approx([1 / 1.96, 0.3 + 1 / 0.98], abs=0.003)


def test_late_answers_count_as_queueing_until_slowing_down_can_help() -> None:
    finder, moment = PaceFinder(5.0, ceiling=100.0, now=0.0), 0.0

    def answers(latency: float, until: float) -> float:
        for number in range(int(moment * 5), int(until * 5)):
            finder.answered((number + 1) / 5, latency)
        return until

    moment = answers(0.1, 20.0)
    moment = answers(5.0, 24.0)
    assert finder.latency > finder.queueing_latency
    assert finder.pace < 5.0
    answers(5.0, 50.0)
    assert finder.latency < finder.queueing_latency


def slowed_down(pause: float) -> PaceFinder:
    """At 0.6 s, after two of five requests were refused: the limit is assumed to be 6 requests per second."""
    finder = PaceFinder(10.0, ceiling=100.0, now=0.0)
    for number in range(3):
        finder.answered(0.1 * (number + 1), 0.1)
    for moment in (0.5, 0.6):
        finder.throttled(moment, Grant(moment, 1), pause)
    assert finder.pace == pytest.approx(0.97 * 6.0)
    return finder


@pytest.mark.parametrize("refused_again", [False, True])
def test_pace_does_not_grow_in_a_second_with_a_refusal(refused_again) -> None:
    finder = slowed_down(pause=0.0)
    before = finder.pace
    for number in range(6):
        finder.answered(0.8 + number / 5, 0.05)
        if number == 2 and refused_again:
            assert not finder.throttled(1.3, Grant(1.3, 9), 0.0)
    assert (finder.pace == before) == refused_again


def test_pace_returns_to_the_limit_ten_minutes_after_a_long_pause() -> None:
    finder, paces = slowed_down(pause=600.0), []
    for number in range(5 * 660):
        finder.answered(1.0 + number / 5, 0.1)
        paces.append(finder.pace)
    assert paces[5 * 580] < 6.0 <= paces[5 * 640]
