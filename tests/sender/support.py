"""A run to send, virtual time, and a scripted API that fails in ways that a real server cannot be made to."""

import asyncio
import hashlib
import itertools
import random
import selectors
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import anyio
import orjson
import pandas as pd

from importer.api import Answer, AnswerKind, CustomerRef, RetryPolicy, Turns
from importer.errors import ApiUnavailableError, KeyRefusedError
from importer.ledger import Ledger, Run, open_ledger
from importer.planner import ids_to_look_up, plan
from importer.records import Refusal
from importer.run_folder import PayloadFile
from importer.sender import Sender, SendOptions
from importer.sender.concurrency import LedgerThread
from importer.tables import TEXT
from tests.api.virtual import VirtualLoop as WarpLoop

TENANT = "acme"
NOTHING_DONE = {
    "invalid": Answer(AnswerKind.REFUSED, 422, None, "VALIDATION", "wrong", (Refusal("company_name", "is too odd"),)),
    "key": Answer(AnswerKind.KEY_REFUSED, 401, message="no such key"),
    "lost": Answer(AnswerKind.UNKNOWN, message="no readable response"),
}


class _WarpSelector(selectors.DefaultSelector):
    now = 0.0
    threads = 0

    def select(self, timeout=None):
        if self.threads:  # time stands still while the ledger's thread works
            return super().select(0 if timeout == 0 else 1)
        if timeout:
            self.now += timeout
        return super().select(0)


class VirtualLoop(WarpLoop):
    """A loop whose clock jumps to the next timer once there is nothing else to do."""

    selector = _WarpSelector


class CountedThread(LedgerThread):
    """Time stands still while the ledger's thread works."""

    async def __call__(self, function, *args, **kwargs):
        warp = asyncio.get_running_loop().warp
        warp.threads += 1
        try:
            return await super().__call__(function, *args, **kwargs)
        finally:
            warp.threads -= 1


FASTER = 100.0


class _FastSelector(selectors.DefaultSelector):
    def select(self, timeout=None):
        return super().select(timeout if timeout is None else timeout / FASTER)


class FastLoop(asyncio.SelectorEventLoop):
    """A loop whose clock runs ``FASTER`` times as fast, to save time with real servers."""

    def __init__(self) -> None:
        super().__init__(_FastSelector())

    def time(self) -> float:
        return super().time() * FASTER


def run_fast(main: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=FastLoop) as runner:
        return runner.run(main)


def run_virtually(main: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def clock() -> float:
    return asyncio.get_running_loop().time()


def now() -> datetime:
    return datetime(2030, 1, 1, tzinfo=UTC) + timedelta(seconds=clock())


def body_of(reference_id: str, content: str = "Example Ltd") -> bytes:
    return orjson.dumps({"reference_id": reference_id, "company_name": content})


def bodies_in(path: Path, bodies: Mapping[str, bytes]) -> pd.DataFrame:
    path.write_bytes(b"".join(body + b"\n" for body in bodies.values()))
    return pd.DataFrame(
        {
            "position": range(len(bodies)),
            "reference_id": pd.Series(list(bodies), dtype=TEXT),
            "hash": pd.Series([hashlib.sha256(body).hexdigest() for body in bodies.values()], dtype=TEXT),
            "offset": [0, *itertools.accumulate(len(body) + 1 for body in bodies.values())][:-1],
            "length": [len(body) for body in bodies.values()],
        }
    )


def found_frame(found: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "reference_id": pd.Series(list(found), dtype=TEXT),
            "customer_id": pd.Series(list(found.values()), dtype=TEXT),
        }
    )


def plan_bodies(
    ledger: Ledger,
    folder: Path,
    bodies: Mapping[str, bytes],
    found: Mapping[str, str],
    *,
    tenant: str = TENANT,
    mode: Literal["create", "upsert"] = "create",
) -> tuple[Run, PayloadFile]:
    """What the pipeline does before it sends."""
    ledger.tenant(tenant)
    run = ledger.start_run(tenant, "run", out=folder, mapping="example")
    path = folder / f"{run.id}.jsonl"
    frame = bodies_in(path, bodies)
    known = ledger.known(tenant, frame["reference_id"])
    asked = ids_to_look_up(frame, known)
    there = found_frame({name: number for name, number in found.items() if name in asked})
    ledger.record_lookup(tenant, asked, there)
    ledger.plan_run(run.id, plan(frame, known, there, mode=mode))
    return run, PayloadFile(path)


def plan_run(
    ledger: Ledger, folder: Path, reference_ids: Sequence[str], found: dict[str, str] | None = None, content: str = "Ex"
) -> tuple[Run, PayloadFile]:
    return plan_bodies(ledger, folder, {name: body_of(name, content) for name in reference_ids}, found or {})


@dataclass
class FakePace:
    concurrency: int = 8


@dataclass
class FakeApi:
    """``script``: what happens to the next POSTs, in order; after that, everything succeeds.

    ``ok``, ``slow``, ``lost`` (not done, no answer), ``dropped`` (done, no answer), ``late`` (done, no answer, listed
    only seconds later), ``not_sent``, ``invalid`` (422), or ``key`` (401). ``lag``: seconds until the list shows a
    customer. ``find_script``: True for a lookup that fails.
    """

    script: Sequence[str] = ()
    find_script: Sequence[bool] = ()
    refuse_duplicates: bool = True
    lag: float = 0.0
    late: float = 20.0
    latency: float = 0.1
    time: Callable[[], float] = clock
    limiter: FakePace = field(default_factory=FakePace)
    customers: list[tuple[str, str, float]] = field(default_factory=list)  # reference ID, ID, when it is first listed
    posts: list[tuple[float, str]] = field(default_factory=list)
    finds: list[tuple[float, tuple[str, ...]]] = field(default_factory=list)
    unanswered: set[str] = field(default_factory=set)
    on_post: Callable[[int], None] = lambda _number: None

    def ids(self, reference_id: str) -> list[str]:
        return [identity for name, identity, _ in self.customers if name == reference_id]

    def add(self, reference_id: str, delay: float = 0.0) -> str:
        identity = f"id-{len(self.customers)}-{reference_id}"
        self.customers.append((reference_id, identity, self.time() + delay + self.lag))
        return identity

    def with_turns(self, _turns: Turns) -> "FakeApi":
        return self

    async def get(self, customer_id: str) -> Answer:
        await asyncio.sleep(0.05)
        names = [name for name, identity, _ in self.customers if identity == customer_id]
        if not names:
            return Answer(AnswerKind.GONE, 404, message="no such customer")
        return Answer(AnswerKind.OK, 200, {"id": customer_id, "reference_id": names[0]})

    async def create(self, body: bytes, reference_id: str) -> Answer:
        assert orjson.loads(body)["reference_id"] == reference_id
        fault = self.script[len(self.posts)] if len(self.posts) < len(self.script) else "ok"
        self.posts.append((self.time(), reference_id))
        self.on_post(len(self.posts))
        if fault in ("lost", "dropped", "late"):
            self.unanswered.add(reference_id)
        if fault == "not_sent":
            await asyncio.sleep(0.01)
            return Answer(AnswerKind.NOT_SENT, message="no connection", seconds=0.01, sent=False)
        if fault in NOTHING_DONE:
            await asyncio.sleep(self.latency)
            return replace(NOTHING_DONE[fault], seconds=self.latency)
        if self.refuse_duplicates and self.ids(reference_id):
            await asyncio.sleep(self.latency)
            return Answer(AnswerKind.REFUSED, 409, None, "CONFLICT", "reference_id is taken", (), self.latency)
        identity = self.add(reference_id, self.latency + self.late if fault == "late" else 0.0)
        seconds = 5.0 if fault == "slow" else self.latency
        await asyncio.sleep(seconds)
        if fault in ("dropped", "late"):
            return Answer(AnswerKind.UNKNOWN, 502, message="bad gateway", seconds=seconds)
        return Answer(AnswerKind.OK, 201, {"id": identity, "reference_id": reference_id}, seconds=seconds)

    async def find(
        self, reference_ids: Sequence[str], *, since: datetime | None = None
    ) -> dict[str, list[CustomerRef]]:
        number = len(self.finds)
        self.finds.append((self.time(), tuple(reference_ids)))
        moment = self.time()
        await asyncio.sleep(0.05)
        if number < len(self.find_script) and self.find_script[number]:
            raise ApiUnavailableError("the API gave no list")
        if "key" in self.script[: len(self.posts)]:
            raise KeyRefusedError("the API refused the key")
        return {
            name: [
                CustomerRef(i, name, "", "active") for n, i, since in self.customers if n == name and since <= moment
            ]
            for name in reference_ids
        }


def options(**changes: Any) -> SendOptions:
    values: dict[str, Any] = {"concurrency": 8, "batch_size": 10, "retry": RetryPolicy(deadline=3600.0)}
    return SendOptions(**{**values, **changes})


async def send_virtually(ledger: Any, api: Any, run: Run, bodies: Any, **changes: Any) -> Any:
    """The sender on the running virtual loop."""
    stop = changes.pop("stop", None) or anyio.Event()
    progress = changes.pop("progress", lambda _counts: None)
    return await Sender(
        ledger,
        api,
        run,
        bodies,
        options=options(**changes),
        rng=random.Random(3),
        progress=progress,
        stop=stop,
        now=now,
        thread=CountedThread(),
    ).send()


def fresh_ledger(folder: Path) -> Ledger:
    return open_ledger(folder / "ledger.db", busy_seconds=0.1)


def outcomes(ledger: Ledger, run: Run) -> dict[str, Any]:
    """Reference ID → its line of the outcomes."""
    frame = ledger.outcomes(run.id).astype(object)
    return {row.reference_id: row for row in frame.itertuples()}
