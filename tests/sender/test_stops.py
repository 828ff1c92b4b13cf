"""What ends a run early, and what is left behind."""

import asyncio
import itertools
import random
import sqlite3
from dataclasses import replace

import anyio
import pytest
from sqlalchemy import event

from importer.api import Answer, AnswerKind, RetryPolicy
from importer.errors import (
    ApiUnavailableError,
    GuardError,
    InternalError,
    InterruptedRunError,
    KeyRefusedError,
    LedgerError,
    OutputError,
)
from importer.records import OutcomeKind
from importer.sender.concurrency import Breaker
from importer.sender.customer_task import changed_since
from tests.sender.support import FakeApi, FakePace, clock, outcomes, plan_run
from tests.sender.support import send_virtually as send

pytestmark = pytest.mark.anyio
NAMES = [f"CUS-{number}" for number in range(40)]


async def send_exactly_once(ledger, api, run, bodies, **options):
    """Start or continue sending; afterward, each customer is there once."""
    await send(ledger, api, run, bodies, **options)
    lines = outcomes(ledger, run)
    assert ledger.counts(run.id) == {OutcomeKind.CREATED: len(lines)}
    assert all(api.ids(name) == [line.customer_id] for name, line in lines.items())
    assert len(api.customers) == len(lines)


async def test_refused_key_stops_immediately_and_a_good_one_resumes(ledger, tmp_path):
    run, bodies = plan_run(ledger, tmp_path, NAMES)
    api = FakeApi(["ok"] * 9 + ["key"] * 30, limiter=FakePace(4))
    with pytest.raises(KeyRefusedError, match="401"):
        await send(ledger, api, run, bodies)
    assert len(api.posts) <= 9 + 4
    assert ledger.counts(run.id) == {OutcomeKind.CREATED: 9, OutcomeKind.PENDING: 31}
    assert sum(line.attempts for line in outcomes(ledger, run).values()) == len(api.posts)
    api.script = []
    await send_exactly_once(ledger, api, run, bodies)


@pytest.mark.parametrize("fault", ["not_sent", "lost", "dropped"])
async def test_unreachable_api_ends_the_run(ledger, tmp_path, fault):
    run, bodies = plan_run(ledger, tmp_path, NAMES)
    api = FakeApi(["ok"] * 5 + [fault] * 1000)
    with pytest.raises(ApiUnavailableError, match="60 s"):
        await send(ledger, api, run, bodies)
    assert 60 <= clock() < 400
    assert len(api.posts) < 60  # pauses get longer
    counts = ledger.counts(run.id)
    assert not counts.get(OutcomeKind.UNKNOWN)  # lists still worked
    assert counts[OutcomeKind.CREATED] == len(api.customers)
    api.script = []
    await send_exactly_once(ledger, api, run, bodies)


async def test_unreachable_lookups_leave_outcomes_unknown(ledger, tmp_path):
    run, bodies = plan_run(ledger, tmp_path, NAMES)
    api = FakeApi(["ok"] * 5 + ["dropped"] * 1000, [True] * 1000)
    with pytest.raises(ApiUnavailableError):
        await send(ledger, api, run, bodies)
    counts = ledger.counts(run.id)
    assert counts[OutcomeKind.CREATED] == 5
    assert counts[OutcomeKind.UNKNOWN] == len(api.customers) - 5
    api.script, api.find_script = [], []
    await send_exactly_once(ledger, api, run, bodies)


async def test_lookups_without_an_answer_end_in_unknown(ledger, tmp_path):
    run, bodies = plan_run(ledger, tmp_path, NAMES)
    api = FakeApi(["dropped"], [True] * 1000)
    retry = RetryPolicy(deadline=100.0)
    assert (await send(ledger, api, run, bodies, retry=retry))[OutcomeKind.UNKNOWN] == 1
    assert 100 <= clock() < 200
    assert len(api.posts) == len(NAMES)
    assert outcomes(ledger, run)["CUS-0"].error_message == "bad gateway"


async def test_interrupt_lets_requests_finish(ledger, tmp_path):
    run, bodies = plan_run(ledger, tmp_path, NAMES)
    stop = anyio.Event()
    api = FakeApi(["slow"] * 40, limiter=FakePace(4))
    asyncio.get_running_loop().call_later(7.0, stop.set)
    with pytest.raises(InterruptedRunError):
        await send(ledger, api, run, bodies, stop=stop)
    assert clock() < 11
    assert ledger.counts(run.id) == {OutcomeKind.CREATED: 8, OutcomeKind.PENDING: 32}
    await send_exactly_once(ledger, api, run, bodies)
    assert not api.finds


async def test_interrupt_waits_for_requests_only_for_a_limited_time(ledger, tmp_path):
    run, bodies = plan_run(ledger, tmp_path, NAMES)
    stop = anyio.Event()
    api = FakeApi(limiter=FakePace(4), latency=100.0)
    asyncio.get_running_loop().call_later(1.0, stop.set)
    with pytest.raises(InterruptedRunError):
        await send(ledger, api, run, bodies, stop=stop, grace=10.0)
    assert clock() == pytest.approx(11, abs=0.5)
    assert ledger.counts(run.id) == {OutcomeKind.UNKNOWN: 4, OutcomeKind.PENDING: 36}
    api.latency = 0.1
    await send_exactly_once(ledger, api, run, bodies)


async def test_canceling_keeps_received_answers(ledger, tmp_path):
    run, bodies = plan_run(ledger, tmp_path, NAMES)
    api = FakeApi(["ok"] * 4 + ["slow"] * 4, limiter=FakePace(4))
    task = asyncio.create_task(send(ledger, api, run, bodies))
    await asyncio.sleep(0.11)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ledger.counts(run.id) == {OutcomeKind.CREATED: 4, OutcomeKind.UNKNOWN: 4, OutcomeKind.PENDING: 32}
    await send_exactly_once(ledger, api, run, bodies)


async def test_limit_leaves_the_rest_pending(ledger, tmp_path):
    run, bodies = plan_run(ledger, tmp_path, NAMES)
    api = FakeApi(["dropped"])
    counts = await send(ledger, api, run, bodies, limit=3)
    assert [name for _, name in api.posts] == NAMES[:3]
    assert counts == {OutcomeKind.CREATED: 3, OutcomeKind.PENDING: 37, OutcomeKind.UNKNOWN: 0}
    await send_exactly_once(ledger, api, run, bodies)


async def test_too_many_failures_stop_the_run(ledger, tmp_path):
    run, bodies = plan_run(ledger, tmp_path, NAMES)
    with pytest.raises(GuardError, match="--max-failed allows only 5"):
        await send(ledger, FakeApi(["invalid"] * 40, limiter=FakePace(1)), run, bodies, max_failed=5)
    counts = ledger.counts(run.id)
    assert 6 <= counts[OutcomeKind.FAILED] <= 8
    assert counts[OutcomeKind.PENDING] == 40 - counts[OutcomeKind.FAILED]


async def test_bodies_changed_since_the_plan_are_not_sent(ledger, tmp_path):
    run, _ = plan_run(ledger, tmp_path, NAMES)
    api = FakeApi()
    with pytest.raises(OutputError, match="CUS-0 was changed after the plan was made"):
        await send(ledger, api, run, lambda items: [b"{}"] * len(items))
    assert not api.posts


async def test_wait_limit_in_the_client_leaves_the_customer_planned(ledger, tmp_path):
    class Flooded(FakeApi):
        async def create(self, body, reference_id):
            if len(self.posts) >= 3:
                raise ApiUnavailableError("the API answers 429 since 900 s")
            return await super().create(body, reference_id)

    run, bodies = plan_run(ledger, tmp_path, NAMES)
    with pytest.raises(ApiUnavailableError, match="429"):
        await send(ledger, Flooded(limiter=FakePace(1)), run, bodies)
    assert ledger.counts(run.id) == {OutcomeKind.CREATED: 3, OutcomeKind.PENDING: 37}


async def test_internal_error_in_a_request_stops_and_leaves_it_unknown(ledger, tmp_path):
    class Broken(FakeApi):
        async def create(self, body, reference_id):
            if len(self.posts) == 3:
                raise InternalError("a defect")
            return await super().create(body, reference_id)

    run, bodies = plan_run(ledger, tmp_path, NAMES)
    with pytest.raises(InternalError, match="a defect"):
        await send(ledger, Broken(limiter=FakePace(1)), run, bodies)
    assert ledger.counts(run.id)[OutcomeKind.UNKNOWN] >= 1


async def test_locked_ledger_stops_sending_and_the_run_can_be_resumed(ledger, tmp_path):
    """Another connection really locks the ledger: nothing more is announced, and what was sent is looked up later."""
    other = sqlite3.connect(ledger.path, isolation_level=None)

    def lock(number):
        if number == 5:
            other.execute("BEGIN IMMEDIATE")

    run, bodies = plan_run(ledger, tmp_path, NAMES)
    api = FakeApi(limiter=FakePace(1), on_post=lock)
    with pytest.raises(LedgerError, match="locked") as caught:
        await send(ledger, api, run, bodies, batch_size=4)
    assert "resume" in caught.value.hint
    other.execute("ROLLBACK")
    other.close()
    assert 5 <= len(api.posts) <= 8  # those that were announced durably
    api.on_post = lambda _number: None
    await send_exactly_once(ledger, api, run, bodies)


async def test_full_disk_stops_sending_and_the_run_can_be_resumed(ledger, tmp_path):
    """The database is really full: its number of pages is limited."""
    run, bodies = plan_run(ledger, tmp_path, NAMES, content="x" * 3000)
    api = FakeApi(limiter=FakePace(1))
    ledger._store.engine.dispose()

    @event.listens_for(ledger._store.engine, "connect")
    def cap(connection, _record):
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {max(pages, capped[0])}")

    capped = [ledger_pages(ledger) + 4]
    with pytest.raises(LedgerError, match="disk is full"):
        await send(ledger, api, run, bodies, batch_size=4)
    assert len(api.posts) < 40
    unknown = ledger.counts(run.id)[OutcomeKind.UNKNOWN]
    assert unknown >= 1
    capped[0] = 1_000_000
    ledger._store.engine.dispose()
    await send_exactly_once(ledger, api, run, bodies)


def ledger_pages(ledger):
    with sqlite3.connect(ledger.path) as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.close()
    return pages


class Odd(FakeApi):
    """Answers the first POST with ``first``."""

    first: Answer

    async def create(self, body, reference_id):
        if self.posts:
            return await super().create(body, reference_id)
        self.posts.append((clock(), "CUS-0"))
        return self.first


@pytest.mark.parametrize(
    "first",
    [
        Answer(AnswerKind.REFUSED, 409, None, "CONFLICT", "no"),
        Answer(AnswerKind.REFUSED, 422, None, None, "customer already exists"),
        Answer(AnswerKind.REFUSED, 400, None, "DUPLICATE_REFERENCE_ID", None),
    ],
)
async def test_id_in_use_without_an_unanswered_request_is_not_ours(ledger, tmp_path, first):
    run, bodies = plan_run(ledger, tmp_path, NAMES[:3])
    api = Odd(lag=10.0)
    api.first = first
    theirs = api.add("CUS-0")
    assert (await send(ledger, api, run, bodies))[OutcomeKind.EXISTS] == 1
    line = outcomes(ledger, run)["CUS-0"]
    assert (line.outcome, line.customer_id) == ("exists", theirs)


async def test_id_in_use_but_never_listed_fails_with_the_reason(ledger, tmp_path):
    run, bodies = plan_run(ledger, tmp_path, NAMES[:3])
    api = Odd()
    api.first = Answer(AnswerKind.REFUSED, 409, None, "CONFLICT", "reference_id is taken")
    assert (await send(ledger, api, run, bodies))[OutcomeKind.FAILED] == 1
    line = outcomes(ledger, run)["CUS-0"]
    assert (line.http_status, line.error_code, line.error_message) == (409, "CONFLICT", "reference_id is taken")
    assert clock() >= 60
    assert len(api.posts) == 3


async def test_customer_found_twice_fails_until_one_is_removed(ledger, tmp_path):
    run, bodies = plan_run(ledger, tmp_path, NAMES[:3])
    api = FakeApi(["dropped"], refuse_duplicates=False)
    extra = api.add("CUS-0")
    assert (await send(ledger, api, run, bodies))[OutcomeKind.FAILED] == 1
    line = outcomes(ledger, run)["CUS-0"]
    assert line.error_code == "duplicate_in_api"
    assert all(identity in line.error_message for identity in api.ids("CUS-0"))
    assert len(api.ids("CUS-0")) == 2
    api.customers = [customer for customer in api.customers if customer[1] != extra]
    again, bodies = plan_run(ledger, tmp_path, NAMES[:3])
    assert (await send(ledger, api, again, bodies))[OutcomeKind.UNCHANGED] == 3
    assert len(api.posts) == 3


async def test_absence_is_trusted_only_after_the_settling_time(ledger, tmp_path):
    run, bodies = plan_run(ledger, tmp_path, NAMES[:1])
    api = FakeApi(["lost", "lost"])
    assert await send(ledger, api, run, bodies, settle=60.0)
    times = [moment for moment, _ in api.posts]
    assert len(times) == 3
    assert all(60.0 <= later - earlier < 100.0 for earlier, later in itertools.pairwise(times))
    line = outcomes(ledger, run)["CUS-0"]
    assert (line.outcome, line.attempts) == ("created", 3)
    assert line.seconds > 120


async def test_lookup_that_started_too_early_proves_nothing(ledger, tmp_path):
    """It ends after the settling time, but its data is older; the customer appears in between."""

    class SlowList(FakeApi):
        async def find(self, reference_ids, *, since=None):
            found = await super().find(reference_ids, since=since)
            await asyncio.sleep(40.0)
            return found

    run, bodies = plan_run(ledger, tmp_path, NAMES[:1])
    api = SlowList(["late"], late=45.0, refuse_duplicates=False)
    await send_exactly_once(ledger, api, run, bodies, settle=60.0)
    assert len(api.posts) == 1


async def test_outcome_unknown_at_the_start_is_not_sent_twice(ledger, tmp_path):
    """It is found absent, and therefore pending, long before its turn among those that were never sent."""
    run, bodies = plan_run(ledger, tmp_path, NAMES)
    ledger.mark_sending(run, ledger.pending(run, after=-1, count=40)[3::3])  # then the process was killed
    api = FakeApi(latency=1.0, limiter=FakePace(1))
    slowly = RetryPolicy(first=20.0, deadline=3600.0)
    await send_exactly_once(ledger, api, run, bodies, batch_size=2, concurrency=1, settle=3.0, retry=slowly)
    assert len(api.posts) == len(NAMES)


async def test_unknown_outcome_delays_no_other_customer(ledger, tmp_path):
    run, bodies = plan_run(ledger, tmp_path, NAMES)
    api = FakeApi(["lost"], limiter=FakePace(1))
    await send(ledger, api, run, bodies)
    order = [name for _, name in api.posts]
    assert order == [*NAMES, "CUS-0"]
    assert api.posts[len(NAMES) - 1][0] < 60


async def test_attempts_are_limited(ledger, tmp_path):
    run, bodies = plan_run(ledger, tmp_path, NAMES[:1])
    api = FakeApi(["lost"] * 9)
    assert (await send(ledger, api, run, bodies, retry=RetryPolicy(attempts=3, deadline=9e9)))[OutcomeKind.FAILED]
    line = outcomes(ledger, run)["CUS-0"]
    assert (line.error_code, line.attempts) == ("no_answer", 3)
    assert line.error_message == "not in WizCommerce after 3 attempts; last response: no readable response"


async def test_refusal_keeps_its_reasons(ledger, tmp_path, caplog):
    run, bodies = plan_run(ledger, tmp_path, NAMES[:1])
    api = FakeApi(["invalid"])
    await send(ledger, api, run, bodies)
    assert api.finds == []
    line = outcomes(ledger, run)["CUS-0"]
    assert (line.outcome, line.http_status, line.error_code) == ("failed", 422, "VALIDATION")
    assert line.refusals == '[{"field":"company_name","reason":"is too odd"}]'
    (logged,) = (record for record in caplog.records if record.msg == "failed")
    assert logged.fields["customer"] == 1, "the first line of results.csv"


async def test_changed_content_does_not_affect_an_unsettled_request(ledger, tmp_path):
    """The first run's request counts; the second run has other content and leaves the customer alone."""
    first, bodies = plan_run(ledger, tmp_path, NAMES[:1])
    api = FakeApi(["dropped"], [True] * 99)
    await send(ledger, api, first, bodies, retry=RetryPolicy(deadline=1.0))
    api.find_script = []
    second, bodies = plan_run(ledger, tmp_path, NAMES[:1], content="Other")
    await send(ledger, api, second, bodies)
    assert outcomes(ledger, second)["CUS-0"].outcome == "exists"
    await send(ledger, api, first, bodies)
    assert outcomes(ledger, first)["CUS-0"].outcome == "created"
    assert len(api.posts) == 1


async def test_id_in_use_after_an_unanswered_request_is_ours(ledger, tmp_path):
    """The list lags for longer than stated; the API's refusal keeps the second request from creating a duplicate."""
    run, bodies = plan_run(ledger, tmp_path, NAMES[:1])
    api = FakeApi(["late"], late=90.0)
    await send_exactly_once(ledger, api, run, bodies)
    assert len(api.posts) == 2
    line = outcomes(ledger, run)["CUS-0"]
    assert (line.outcome, line.attempts) == ("created", 2)


async def test_ten_consecutive_failures_pause_the_others():
    breaker = Breaker(RetryPolicy(), 60.0, random.Random(1))
    for _ in range(2):
        for _ in range(9):
            breaker.failed(0)
        assert not breaker.probing
        breaker.passed()
    for _ in range(10):
        breaker.failed(0)
    assert (breaker.probing, breaker.round) == (True, 1)


async def test_failed_connection_is_not_an_attempt(ledger, tmp_path):
    """Nor does it reset the attempts before it."""
    run, bodies = plan_run(ledger, tmp_path, NAMES[:1])
    api = FakeApi(script=["not_sent", "lost", "not_sent", "lost"])
    await send(ledger, api, run, bodies, retry=RetryPolicy(attempts=2, deadline=9e9))
    line = outcomes(ledger, run)[NAMES[0]]
    assert (line.error_code, line.attempts, len(api.posts)) == ("no_answer", 2, 4)


async def test_waits_for_a_connection_get_longer(ledger, tmp_path):
    run, bodies = plan_run(ledger, tmp_path, NAMES[:1])
    api = FakeApi(script=["not_sent"] * 6)
    await send(ledger, api, run, bodies)
    (first, _), *_, (last, _) = api.posts
    assert last - first > 6 * 1.0, "the first wait is at most half a second"


async def test_repeated_customers_count_once_against_the_limit(ledger, tmp_path):
    run, bodies = plan_run(ledger, tmp_path, NAMES)
    api = FakeApi(script=["not_sent"])
    await send(ledger, api, run, bodies, limit=20, batch_size=1, concurrency=1)
    assert ledger.counts(run.id) == {OutcomeKind.CREATED: 20, OutcomeKind.PENDING: 20}


async def test_nothing_new_is_started_while_many_are_unsettled(ledger, tmp_path, monkeypatch):
    monkeypatch.setattr("importer.sender.engine.MOST_UNSETTLED", 16)
    run, bodies = plan_run(ledger, tmp_path, NAMES)
    api = FakeApi(script=["lost", "not_sent", "ok"] * 20)
    retry = RetryPolicy(first=9000, longest=9000, deadline=9e9)
    await send(ledger, api, run, bodies, batch_size=1, concurrency=1, retry=retry)
    assert 24 <= sum(moment < 5 for moment, _ in api.posts) <= 26, "two of three are unsettled"


@pytest.mark.parametrize("at_once", [1, 8], ids=["one after the other", "together"])
@pytest.mark.parametrize("listed", [True, False], ids=["listed with its own ID", "listed with the other's ID"])
async def test_id_of_another_customer_is_not_trusted(ledger, tmp_path, listed, at_once):
    (other, name), api = NAMES[:2], FakeApi()
    run, bodies = plan_run(ledger, tmp_path, [other, name])
    create = api.create

    async def stray(body, reference_id):
        answer = await create(body, reference_id)
        (theirs,) = api.ids(other)
        if reference_id == other:
            return answer
        if not listed:
            api.customers = [(other, theirs, 0.0), (name, theirs, 0.0)]
        return replace(answer, data={**answer.data, "id": theirs})

    api.create = stray

    await send(ledger, api, run, bodies, concurrency=at_once, batch_size=at_once)
    line = outcomes(ledger, run)[name]
    if listed:
        assert (line.outcome, line.customer_id) == ("created", *api.ids(name))
    else:
        assert (line.outcome, line.error_code) == ("failed", "id_of_another")
        assert f"another customer ({other})" in line.error_message
    assert outcomes(ledger, run)[other].outcome == "created"


async def test_unanswered_request_is_looked_up_soon_and_repeated_after_settling(ledger, tmp_path):
    run, bodies = plan_run(ledger, tmp_path, NAMES[:1])
    api = FakeApi(["lost"])
    await send(ledger, api, run, bodies)
    (first, _), (second, _) = api.posts
    assert 1 <= api.finds[0][0] - first < 2
    assert 60 <= second - first < 62
    assert len(api.finds) < 10, "ever more rarely"


async def test_failed_lookups_are_repeated_past_the_settling_time(ledger, tmp_path):
    run, bodies = plan_run(ledger, tmp_path, NAMES[:1])
    api = FakeApi(["dropped"])
    find = api.find

    async def fail_for_a_while(*args, **options):
        if clock() < 90:
            raise ApiUnavailableError("the API gave no list")
        return await find(*args, **options)

    api.find = fail_for_a_while

    await send(ledger, api, run, bodies, retry=RetryPolicy(deadline=1.0))
    assert outcomes(ledger, run)[NAMES[0]].outcome == "created"


def test_times_with_and_without_zone_are_not_compared():
    naive, aware = "2030-01-01T12:00:00", "2030-01-02T12:00:00Z"
    assert (changed_since(naive, aware), changed_since(aware, naive)) == (None, None)
    assert (changed_since(naive, naive), changed_since("2030-01-01T12:00:00Z", aware)) == (False, True)
