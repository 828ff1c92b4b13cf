"""Whatever goes wrong during updates: afterward, customers agree with the source, and no child is duplicated."""

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from importer.api import Answer, AnswerKind, RetryPolicy
from importer.commands.verify import compare_run as verify
from importer.errors import GuardError, ImporterError, KeyRefusedError
from importer.ledger import Base, State
from importer.records import OutcomeKind
from importer.sender.customer_rounds import CustomerResult
from importer.sender.customer_task import CustomerTask
from importer.sender.undo import Undo
from importer.sender.updating import MOST_MISSES, Updating
from tests.sender.nights import MERGER, NightApi, add_by_hand, faults, plan_night
from tests.sender.support import (
    TENANT,
    CountedThread,
    FakePace,
    clock,
    fresh_ledger,
    now,
    options,
    outcomes,
    run_virtually,
)
from tests.sender.support import send_virtually as send
from tests.sender.test_properties import DyingLedger, KilledError, kill

pytestmark = pytest.mark.anyio
FAULTS = st.sampled_from(["ok", "ok", "slow", "lost", "dropped", "late", "not_sent"])
SLOW_DISK = settings(max_examples=10, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
PATIENT = RetryPolicy(attempts=50, deadline=9e9)  # all faults of a long script may hit one customer
TEXT = st.sampled_from(["one", "two", "three"])


def children(kind: str, text: str):
    child = st.fixed_dictionaries(
        {"reference_id": st.sampled_from([f"{kind}-1", f"{kind}-2", f"{kind}-3"]), text: TEXT},
        optional={"attributes": TEXT.map(lambda value: [{"name": "Gate", "value": value}])},
    )
    return st.lists(child, max_size=3, unique_by=lambda item: item["reference_id"])


ADDRESSES = children("A", "address_line_1").map(
    lambda found: [{**child, "type": "billing", "city": "Marlow"} for child in found]
)
BODY = st.fixed_dictionaries(
    {"company_name": TEXT},
    optional={
        "phone": TEXT,
        "addresses": ADDRESSES,
        "contacts": children("P", "first_name"),
        "attributes": TEXT.map(lambda value: [{"name": "Colour", "value": value}]),
    },
)


@st.composite
def nights(draw, most: int):
    """A first night and further ones: many customers stay as they are, some come, some go."""
    count = draw(st.integers(1, 8))
    names = [f"C{number}" for number in range(count)]
    first = {name: {"reference_id": name, **draw(BODY)} for name in names}
    found = [first]
    for _ in range(draw(st.integers(1, most))):
        night = dict(found[-1])
        for name in names:
            match draw(st.sampled_from(["same", "other", "other", "gone"])):
                case "other":
                    night[name] = {"reference_id": name, **draw(BODY)}
                case "gone" if len(night) > 1:
                    night.pop(name, None)
        found.append(night)
    return found


async def one_night(ledger, folder: Path, api: NightApi, bodies, **options):
    """Plan and send one night's customers. Returns the run."""
    run, payloads = plan_night(ledger, folder, bodies)
    await send(ledger, api, run, payloads, merge=MERGER, **options)
    return run


async def first_night(ledger, folder: Path, api: NightApi, bodies, by_hand: int = 0) -> dict[str, str]:
    script, api.script = api.script, ()
    await one_night(ledger, folder, api, bodies)
    api.script, api.writes, api.got = script, 0, 0
    return {name: add_by_hand(api, name) for name in list(bodies)[:by_hand]}


async def known(ledger, folder: Path, bodies, **options) -> NightApi:
    """An API that got these customers in a first night."""
    api = NightApi(**options)
    await first_night(ledger, folder, api, bodies)
    return api


async def agrees(ledger, api: NightApi, run, by_hand, spare=frozenset()) -> None:
    """The ledger agrees with the API, apart from what was added there by hand.

    ``spare``: children that an unanswered update may have added and that are no longer in the source.
    """
    api.reads = ()
    found = []
    await verify(ledger, api, run, concurrency=4, found=found.extend, stop=anyio.Event())
    for finding in found:
        others = {*spare, f"addresses[{by_hand.get(finding.reference_id)}]"}
        assert finding.result is CustomerResult.OK or set(finding.details.split(", ")) <= others, finding


async def send_to_the_end(ledger, api: NightApi, run, payloads, **options) -> None:
    for _ in range(6):
        try:
            await send(ledger, api, run, payloads, merge=MERGER, **options)
        except ImporterError:
            continue
        return


@SLOW_DISK
@given(
    found=nights(most=1),
    script=st.lists(FAULTS, max_size=40),
    reads=st.lists(st.booleans(), max_size=10).filter(lambda lost: sum(lost) < MOST_MISSES),
    replaces=st.booleans(),
    moments=st.booleans(),
    batch=st.integers(1, 12),
    workers=st.integers(1, 9),
    by_hand=st.integers(0, 2),
)
def test_updates_survive_any_faults(found, script, reads, replaces, moments, batch, workers, by_hand):
    async def main(folder: Path) -> None:
        api = NightApi(replaces=replaces, moments=moments, limiter=FakePace(workers))
        with fresh_ledger(folder) as ledger:
            hand = await first_night(ledger, folder, api, found[0], by_hand)
            if not moments:
                hand = dict.fromkeys(hand)  # without the time of a change, everything counts as changed by hand
            api.script, api.reads = script, reads
            run, payloads = plan_night(ledger, folder, found[1])
            await send_to_the_end(
                ledger,
                api,
                run,
                payloads,
                batch_size=batch,
                concurrency=workers,
                on_conflict="overwrite",
                retry=PATIENT,
            )
            ends = {name: OutcomeKind(line.outcome) for name, line in outcomes(ledger, run).items()}
            assert set(ends.values()) <= {OutcomeKind.CREATED, OutcomeKind.UPDATED, OutcomeKind.UNCHANGED}
            hand = {name: f"hand-{name}" for name in hand}
            assert faults(api, found, hand) == []
            touched = {name for name, _ in api.patches}
            same = {name for name in found[1] if found[0].get(name) == found[1][name]}
            assert not touched & same
            await agrees(ledger, api, run, hand)

    with tempfile.TemporaryDirectory() as folder:
        run_virtually(main(Path(folder)))


@SLOW_DISK
@given(
    found=nights(most=3),
    script=st.lists(FAULTS, max_size=40),
    replaces=st.booleans(),
    batch=st.integers(1, 12),
    kills=st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.floats(0.0, 130.0)), min_size=3, max_size=3),
    resume=st.booleans(),
    by_hand=st.integers(0, 2),
)
def test_updates_survive_any_kills(found, script, replaces, batch, kills, resume, by_hand):
    """Every night but the first is killed, and then either resumed or left to the next night."""

    async def main(folder: Path) -> None:
        api = NightApi(replaces=replaces)
        how = {"batch_size": batch, "on_conflict": "overwrite", "retry": PATIENT}
        with fresh_ledger(folder) as ledger:
            hand = await first_night(ledger, folder, api, found[0], by_hand)
            api.script = script
            for night, (writes, after, seconds) in zip(found[1:], kills, strict=False):
                await asyncio.sleep(2 * api.late)  # by the next night, every earlier request has arrived or never will
                run, payloads = plan_night(ledger, folder, night)
                dying = DyingLedger(ledger, writes, after)
                task = asyncio.create_task(send(dying, api, run, payloads, merge=MERGER, **how))
                asyncio.get_running_loop().call_later(seconds, kill, dying, task)
                (ended,) = await asyncio.gather(task, return_exceptions=True)
                assert not isinstance(ended, AssertionError), ended
                if resume:
                    await send_to_the_end(ledger, api, run, payloads, **how)
            await asyncio.sleep(2 * api.late)
            run, payloads = plan_night(ledger, folder, found[-1])
            await send_to_the_end(ledger, api, run, payloads, **how)
            assert faults(api, found, hand) == []
            known = ledger.known(TENANT, list(found[-1]))
            assert set(known["state"]) <= {str(State.CREATED), str(State.UPDATED)}
            spare = {
                f"{kind}[{kind[0].upper()}-{number}]" for kind in ("addresses", "contacts") for number in (1, 2, 3)
            }
            await agrees(ledger, api, run, hand, {text.replace("[C-", "[P-") for text in spare})

    with tempfile.TemporaryDirectory() as folder:
        run_virtually(main(Path(folder)))


def body(name: str = "C0", **fields) -> dict:
    return {"reference_id": name, "company_name": "Firm", **fields}


def address(name: str, line: str = "1 Main St") -> dict:
    return {"reference_id": name, "type": "billing", "city": "Marlow", "address_line_1": line}


class Killed:
    """A ledger whose process dies before the outcome of a request is recorded."""

    def __init__(self, ledger) -> None:
        self._ledger = ledger

    def __getattr__(self, name):
        if name == "record":
            raise KilledError
        return getattr(self._ledger, name)


@pytest.mark.parametrize("resumed", [True, False])
@pytest.mark.parametrize("replaces", [True, False])
async def test_update_survives_a_kill_before_it_is_recorded(ledger, tmp_path, replaces, resumed) -> None:
    """The third night's data equals the first's: the second night's update must not count as never done."""
    api = NightApi(replaces=replaces)
    first = {"C0": body(phone="one", addresses=[address("A-1")])}
    second = {"C0": body(phone="two", addresses=[address("A-1"), address("A-2")])}
    hand = await first_night(ledger, tmp_path, api, first, 1)
    run, payloads = plan_night(ledger, tmp_path, second)
    with pytest.raises(KilledError):
        await send(Killed(ledger), api, run, payloads, merge=MERGER)
    assert api.held()["C0"]["phone"] == "two"
    if resumed:
        await send(ledger, api, run, payloads, merge=MERGER)
        assert outcomes(ledger, run)["C0"].outcome == OutcomeKind.UPDATED
        assert len(api.patches) == 2  # a PATCH and a POST, each once
    run = await one_night(ledger, tmp_path, api, first)
    assert outcomes(ledger, run)["C0"].outcome == OutcomeKind.UPDATED
    assert api.held()["C0"]["phone"] == "one"
    assert faults(api, [first, second, first], hand) == []


async def test_run_continued_after_a_kill_reads_back_its_first_update(ledger, tmp_path) -> None:
    """The API loses children: the resumed run notices, and no other customer is updated that way."""
    api = NightApi()
    names = ["C0", "C1", "C2"]
    first = {name: body(name, addresses=[address("A-1"), address("A-2")]) for name in names}
    second = {name: body(name, addresses=[address("A-1", "9 New St"), address("A-2")]) for name in names}
    await first_night(ledger, tmp_path, api, first)
    api.replace_child = losing(api, api.replace_child)
    run, payloads = plan_night(ledger, tmp_path, second)
    with pytest.raises(KilledError):
        await send(Killed(ledger), api, run, payloads, merge=MERGER, concurrency=1, batch_size=1)
    assert len(api.patches) == 1
    with pytest.raises(GuardError, match=r"does not show what was sent: addresses\[A-2\]"):
        await send(ledger, api, run, payloads, merge=MERGER)
    ends = [line.outcome for line in outcomes(ledger, run).values()]
    assert ends.count("failed") == 1
    assert set(ends) <= {"failed", "pending", "updated"}
    assert len(api.patches) == 2, "one in each process"


def losing(api, replace_child):
    """A PUT that deletes all other children."""

    async def put(customer_id, kind, child_id, change):
        answer = await replace_child(customer_id, kind, child_id, change)
        api.customers[customer_id][kind] = [api.child(customer_id, kind, child_id)]
        return answer

    return put


async def test_children_missing_in_the_source_are_ours_after_an_overwrite(ledger, tmp_path) -> None:
    api = await known(
        ledger, tmp_path, {"C0": body(phone="one", addresses=[address("A-1"), address("A-2")])}, moments=False
    )
    api.held()["C0"]["phone"] = "by hand"
    run = await one_night(
        ledger, tmp_path, api, {"C0": body(phone="two", addresses=[address("A-1")])}, on_conflict="overwrite"
    )
    assert outcomes(ledger, run)["C0"].outcome == OutcomeKind.UPDATED
    assert [child["reference_id"] for child in api.held()["C0"]["addresses"]] == ["A-1", "A-2"]
    await agrees(ledger, api, run, {})


async def test_inactive_children_are_left_alone(ledger, tmp_path) -> None:
    api = await known(ledger, tmp_path, {"C0": body(addresses=[address("A-1"), address("A-2")])})
    idle = {"id": "idle", "status": "inactive", "type": "billing", "address_line_1": "Old", "city": "Gone"}
    api.held()["C0"]["addresses"].insert(0, dict(idle))
    await one_night(ledger, tmp_path, api, {"C0": body(addresses=[address("A-1", "9 New St"), address("A-2")])})
    assert [child["reference_id"] for child in api.patches[0][1]["addresses"]] == ["A-1"]
    held = {child["id"]: child for child in api.held()["C0"]["addresses"]}
    assert len(held) == 3
    assert held["idle"] == idle


async def test_api_that_loses_inactive_children_stops_the_run(ledger, tmp_path) -> None:
    api = await known(ledger, tmp_path, {"C0": body(addresses=[address("A-1")])})
    api.held()["C0"]["addresses"].append({"id": "idle", "status": "inactive", "city": "Gone"})
    api.replace_child = losing(api, api.replace_child)
    run, payloads = plan_night(ledger, tmp_path, {"C0": body(addresses=[address("A-1", "9 New St")])})
    with pytest.raises(GuardError, match=r"addresses\[idle\]"):
        await send(ledger, api, run, payloads, merge=MERGER)


async def test_late_own_request_is_not_a_conflict_the_next_night(ledger, tmp_path) -> None:
    """The first request was not answered but carried out last, so the time of change is later than the answer."""
    api = await known(ledger, tmp_path, {"C0": body(phone="one")})
    answer = api.patch

    async def twice(customer_id, change):
        done = await answer(customer_id, change)
        asyncio.get_running_loop().call_later(5, api.touch, api.customers[customer_id])
        return replace(done, repeated=True)

    api.patch = twice
    run = await one_night(ledger, tmp_path, api, {"C0": body(phone="two")})
    await asyncio.sleep(60)
    api.patch = answer
    run = await one_night(ledger, tmp_path, api, {"C0": body(phone="three")})
    assert outcomes(ledger, run)["C0"].outcome == OutcomeKind.UPDATED
    api.held()["C0"]["phone"] = "by hand"
    api.touch(api.held()["C0"])
    run = await one_night(ledger, tmp_path, api, {"C0": body(phone="four")})
    assert outcomes(ledger, run)["C0"].error_code == "changed_in_api"


async def test_customer_with_an_unknown_update_is_not_undone(ledger, tmp_path) -> None:
    """Undo of the run that created it reports this; once the later run is settled, undo works."""
    api = NightApi()
    both = {name: body(name, phone="one") for name in ("C0", "C1")}
    run, payloads = plan_night(ledger, tmp_path, both)
    await send(ledger, api, run, payloads, merge=MERGER)
    later, bodies = plan_night(ledger, tmp_path, {**both, "C1": body("C1", phone="two")})
    with pytest.raises(KilledError):
        await send(Killed(ledger), api, later, bodies, merge=MERGER)

    async def take_back() -> dict:
        found = []
        await Undo(
            ledger, api, run, payloads, force=False, concurrency=4, settle=60.0, now=now, found=found.extend,
            stop=anyio.Event(),
        ).undo_run()  # fmt: skip
        return {finding.reference_id: finding.result for finding in found}

    assert await take_back() == {"C0": CustomerResult.DELETED, "C1": CustomerResult.UNKNOWN}
    assert list(api.held()) == ["C1"]
    await send(ledger, api, later, bodies, merge=MERGER)
    assert await take_back() == {"C1": CustomerResult.DELETED}
    assert api.customers == {}


async def test_returning_customer_is_updated_only_in_what_changed(ledger, tmp_path) -> None:
    api = NightApi()
    both = {name: body(name, phone="one") for name in ("C0", "C1")}
    await first_night(ledger, tmp_path, api, both)
    run = await one_night(ledger, tmp_path, api, {"C0": both["C0"]})
    assert list(ledger.sent_with(TENANT, "example")["reference_id"]) == ["C0", "C1"]
    run = await one_night(ledger, tmp_path, api, {**both, "C1": body("C1", phone="two")})
    assert api.patches == [("C1", {"phone": "two"})]
    assert ledger.counts(run.id) == {OutcomeKind.UNCHANGED: 1, OutcomeKind.UPDATED: 1}


async def test_customer_with_another_reference_id_in_the_api_is_not_updated(ledger, tmp_path) -> None:
    """The ID in the ledger belongs to another customer: nothing is sent, whatever the policy is."""
    api = await known(ledger, tmp_path, {"C0": body(phone="one")})
    (customer,) = api.customers.values()
    customer["reference_id"] = "renamed"
    for policy in ("report", "overwrite"):
        run = await one_night(ledger, tmp_path, api, {"C0": body(phone="two")}, on_conflict=policy)
        line = outcomes(ledger, run)["C0"]
        assert (line.outcome, line.error_code) == ("failed", "other_customer")
    assert customer["phone"] == "one"
    assert not api.patches


async def test_new_child_not_yet_shown_by_its_customer_is_read_separately(ledger, tmp_path) -> None:
    api = await known(ledger, tmp_path, {"C0": body()})
    get = api.get

    async def without_addresses(customer_id):
        answer = await get(customer_id)
        return replace(answer, data={**answer.data, "addresses": []})

    api.get = without_addresses
    run = await one_night(ledger, tmp_path, api, {"C0": body(addresses=[address("A-1")])})
    line = outcomes(ledger, run)["C0"]
    assert (line.outcome, line.attempts) == (OutcomeKind.UPDATED, 1)
    (write,), (child,) = ledger.writes_of(run, ["C0"])["C0"], api.held()["C0"]["addresses"]
    assert write.child_id == child["id"]


async def test_first_of_many_children_missing_in_the_source_are_named(ledger, tmp_path) -> None:
    api = NightApi()
    many = [address(f"A-{number}", f"{number} Main St") for number in range(7)]
    await first_night(ledger, tmp_path, api, {"C0": body(phone="one", addresses=many)})
    run = await one_night(ledger, tmp_path, api, {"C0": body(phone="two")})
    line = outcomes(ledger, run)["C0"]
    assert (line.outcome, line.error_code) == (OutcomeKind.UPDATED, "child_not_in_source")
    assert line.error_message.endswith("addresses[A-4], and 2 more")


async def test_update_with_a_refused_key_stays_pending(ledger, tmp_path) -> None:
    api = await known(ledger, tmp_path, {"C0": body(phone="one")})

    async def refuse(customer_id, change):
        return Answer(AnswerKind.KEY_REFUSED, 401, message="no such key")

    api.patch = refuse
    run, payloads = plan_night(ledger, tmp_path, {"C0": body(phone="two")})
    with pytest.raises(KeyRefusedError):
        await send(ledger, api, run, payloads, merge=MERGER)
    assert outcomes(ledger, run)["C0"].outcome == OutcomeKind.PENDING


async def test_unreadable_customer_is_given_up_after_some_attempts(ledger, tmp_path) -> None:
    api = await known(ledger, tmp_path, {"C0": body(phone="one")})
    api.reads = [True] * 99
    run = await one_night(ledger, tmp_path, api, {"C0": body(phone="two")})
    assert outcomes(ledger, run)["C0"].error_code == "no_answer"
    assert api.got == MOST_MISSES


async def test_unreadable_customer_stays_unknown_if_others_are_readable(ledger, tmp_path) -> None:
    names = ("C0", "C1")
    api = await known(ledger, tmp_path, {name: body(name, phone="one") for name in names})
    there = {name: customer["id"] for name, customer in api.held().items()}
    del api.customers[there["C0"]]
    api.reads = [False, True] * 2
    run, _ = plan_night(ledger, tmp_path, {name: body(name, phone="two") for name in names})
    items = ledger.pending(run, after=-1, count=len(names))
    tasks = [
        CustomerTask(item, b"", 1, tries=1, base=Base(there[item.reference_id], State.EXISTS), abandoned=clock())
        for item in items
    ]
    own = options(merge=MERGER, retry=RetryPolicy(attempts=1), settle=60.0)
    updating = Updating(api, api, ledger, CountedThread(), run, own, now)
    assert (await updating.look_up(tasks))[1] is None, "its update may still arrive"
    await anyio.sleep(60.0)
    found = (await updating.look_up(tasks))[1]
    assert (found.step.outcome, found.step.error_code) == (OutcomeKind.UNKNOWN, "no_answer")
    assert found.step.error_message == "it could not be read: bad gateway"


async def test_only_the_first_update_of_fields_is_read_back(ledger, tmp_path) -> None:
    api = await known(ledger, tmp_path, {name: body(name, phone="one") for name in ("C0", "C1", "C2")})
    await one_night(
        ledger, tmp_path, api, {name: body(name, phone="two") for name in ("C0", "C1", "C2")}, concurrency=1
    )
    assert api.got == 3 + 1


async def test_new_child_refused_as_existing_is_ours(ledger, tmp_path) -> None:
    api = await known(ledger, tmp_path, {"C0": body()})
    create_child = api.create_child

    async def twice(*args):
        await create_child(*args)
        return Answer(AnswerKind.REFUSED, 409, None, "CONFLICT", "reference_id is taken")

    api.create_child = twice
    run = await one_night(ledger, tmp_path, api, {"C0": body(addresses=[address("A-1")])})
    assert outcomes(ledger, run)["C0"].outcome == OutcomeKind.UPDATED
    assert [child["reference_id"] for child in api.held()["C0"]["addresses"]] == ["A-1"]
