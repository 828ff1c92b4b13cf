"""Runs that were really sent to a sandbox, for undo and verify.

The scene sends customers itself, in the same steps as the sender, so that a test can leave a run at any point.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import orjson

from importer.api import Client, Limiter, RetryPolicy
from importer.commands.verify import compare_run as verify
from importer.ledger import Accepted, Ledger, LedgerStep, Run, State, Write, WriteState, open_ledger
from importer.planner.compare import body_of, previous, replacement
from importer.records import OutcomeKind
from importer.run_folder import PayloadFile
from importer.sandbox import SandboxConfig
from importer.sender.customer_rounds import CustomerFinding
from importer.sender.undo import Undo
from tests.running_sandbox import running
from tests.sandbox.support import client as raw_client
from tests.sender.support import TENANT, plan_bodies

QUICK = RetryPolicy(attempts=3, first=0.001, longest=0.002, deadline=60)
KINDS = {"address": "addresses", "contact": "contacts"}
Body = dict[str, Any]


class KilledError(BaseException):
    """The process ended here."""


class Mortal:
    """The ledger or the client of a process that is killed after some number of steps."""

    def __init__(self, inner: Any, steps: "Steps") -> None:
        self._inner = inner
        self._steps = steps

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self._inner, name)
        if not callable(inner):
            return inner
        if name not in CLIENT_CALLS:
            return lambda *args, **more: self._steps.call(inner, *args, **more)

        async def call(*args: Any, **more: Any) -> Any:
            return await self._steps.wait_for(inner, *args, **more)

        return call


CLIENT_CALLS = frozenset({"get", "delete", "find", "patch", "children", "get_child", "replace_child", "delete_child"})


class Steps:
    """Counts the calls of a process and kills it at call number ``at``; after that, no call gets through.

    ``late``: this call is still carried out.
    """

    def __init__(self, at: int, *, late: bool) -> None:
        self.at, self.late, self.count = at, late, 0

    @property
    def killed(self) -> bool:
        return self.count >= self.at

    def call(self, inner: Callable[..., Any], *args: Any, **more: Any) -> Any:
        self._before()
        result = inner(*args, **more)
        self._after()
        return result

    async def wait_for(self, inner: Callable[..., Any], *args: Any, **more: Any) -> Any:
        self._before()
        result = await inner(*args, **more)
        self._after()
        return result

    def _before(self) -> None:
        if self.killed:
            raise KilledError
        self.count += 1
        if self.killed and not self.late:
            raise KilledError

    def _after(self) -> None:
        if self.killed:
            raise KilledError


def api_client(url: str, key: str = "k") -> Client:
    limiter = Limiter(ceiling=5000, max_concurrency=16)
    return Client(url, key, limiter=limiter, timeout=60, connections=16, retry=QUICK, rng=random.Random(1))


def company(name: str, **fields: Any) -> Body:
    return {"reference_id": name, "company_name": "Ex", **fields}


class Scene:
    """A ledger, a sandbox, and runs between them."""

    def __init__(self, folder: Path, box: Any) -> None:
        self.folder, self.box = folder, box
        self.ledger: Ledger = open_ledger(folder / "ledger.db", busy_seconds=30)
        self.http = raw_client(box)
        self.last: dict[str, CustomerFinding] = {}
        self.bodies: Mapping[str, Body] = {}  # of the last update's plan

    def plan(
        self, bodies: Sequence[str] | Mapping[str, Body], found: Mapping[str, str] | None = None, mode: Any = "create"
    ) -> tuple[Run, PayloadFile]:
        """What the pipeline does before it sends. ``bodies``: reference IDs, or reference ID → body."""
        whole = bodies if isinstance(bodies, Mapping) else {name: company(name) for name in bodies}
        lines = {name: orjson.dumps(body) for name, body in whole.items()}
        return plan_bodies(self.ledger, self.folder, lines, found or {}, mode=mode)

    def send(self, bodies: Sequence[str] | Mapping[str, Body], found: Mapping[str, str] | None = None) -> Any:
        """Send a run that creates customers."""
        run, payloads = self.plan(bodies, found)
        items = self.ledger.pending(run, after=-1, count=9_999)
        self.ledger.mark_sending(run, items)
        self.ledger.record(run, [self._create(*one) for one in zip(items, payloads(items), strict=True)])
        return run, payloads

    def _create(self, item: Any, body: bytes) -> LedgerStep:
        made = self.ask("POST", "/v1/customers", orjson.loads(body))
        accepted = Accepted(body, None, made["updated_at"])
        return _step(item, State.CREATED, OutcomeKind.CREATED, made["id"], accepted)

    def update(self, changes: Mapping[str, "Change"], *, end: str = "done") -> Any:
        """Send a run that updates customers, and creates missing ones.

        ``end``: updates end ``done``, ``unanswered`` (they arrived), or ``lost`` (they did not).
        """
        bodies = {name: company(name, company_name=f"By {change!r}"[:250]) for name, change in changes.items()}
        self.bodies = bodies
        there = {one["reference_id"]: one["id"] for one in self.box.customers()}
        run, payloads = self.plan(bodies, there, "upsert")
        items = self.ledger.pending(run, after=-1, count=9_999)
        assert len(items) == len(changes)
        self.ledger.mark_sending(run, items)
        steps = []
        for item, body in zip(items, payloads(items), strict=True):
            name = item.reference_id
            if item.action == "create":
                steps.append(self._create(item, body))
                continue
            for write in self.ledger.announce_writes(run, changes[name].writes(self.whole(name))):
                child_id = self._carry_out(there[name], write) if end != "lost" else None
                if end == "done":
                    done = replace(write, state=WriteState.DONE, child_id=write.child_id or child_id)
                    self.ledger.settle_writes(run, [done])
            customer = self.whole(name)
            accepted = Accepted(orjson.dumps(body_of(customer)), None, customer["updated_at"])
            steps.append(_step(item, State.UPDATED, OutcomeKind.UPDATED, there[name], accepted))
        if end == "done":
            self.ledger.record(run, steps)
        return run, payloads

    def _carry_out(self, customer_id: str, write: Write) -> str | None:
        """Send one write as the sender does. Returns the ID of an added child."""
        path, after = f"/v1/customers/{customer_id}", dict(write.after or {})
        if write.method == "PATCH":
            if values := after.pop("attributes", None):
                shown = {one["name"]: one["value"] for one in self.ask("GET", path)["attributes"]}
                after["attributes"] = [{"name": name, "value": value} for name, value in (shown | values).items()]
            self.ask("PATCH", path, after)
            return None
        path = f"{path}/{KINDS[write.entity]}"
        if write.method == "POST":
            return str(self.ask("POST", path, after)["id"])
        path = f"{path}/{write.child_id}"
        self.ask("PUT", path, replacement(KINDS[write.entity], self.ask("GET", path), after))
        return None

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The ``data`` of an answer."""
        answer = self.http.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()["data"]

    def undo(self, sent: Any, *, after: Callable[[Any, list[CustomerFinding]], None] | None = None, **more: Any) -> Any:
        """Reference ID → result.

        ``after`` gets the stop event and the findings so far. ``steps`` may kill it. ``wrap`` makes its client from the
        stop event and the scope that cancels it.
        """
        run, bodies = sent
        findings: list[CustomerFinding] = []
        values = {"force": False, "concurrency": 8, "settle": 60.0, **more}
        later, key, steps = values.pop("later", 0.0), values.pop("key", "k"), values.pop("steps", None)
        wrap = values.pop("wrap", lambda client, _stop, _scope: client)

        async def work() -> None:
            stop = anyio.Event()

            def found(group: Sequence[CustomerFinding]) -> None:
                findings.extend(group)
                if after:
                    after(stop, findings)

            async with api_client(self.box.url, key) as api:
                now = lambda: datetime.now(UTC) + timedelta(seconds=later)  # noqa: E731 - a clock set forward
                with anyio.CancelScope() as scope:
                    ledger, client = self.ledger, wrap(api, stop, scope)
                    if steps:
                        ledger, client = Mortal(ledger, steps), Mortal(client, steps)
                    await Undo(ledger, client, run, bodies, now=now, found=found, stop=stop, **values).undo_run()

        try:
            anyio.run(work)
        finally:
            self.last = {one.reference_id: one for one in findings}
        assert len(self.last) == len(findings)
        return {name: str(one.result) for name, one in self.last.items()}

    def verify(self, sent: Any) -> Any:
        findings: list[CustomerFinding] = []

        async def work() -> None:
            async with api_client(self.box.url) as api:
                await verify(self.ledger, api, sent[0], concurrency=8, found=findings.extend, stop=anyio.Event())

        anyio.run(work)
        self.last = {one.reference_id: one for one in findings}
        assert len(self.last) == len(findings)
        return {name: str(one.result) for name, one in self.last.items()}

    def id_of(self, name: str) -> str:
        return next(one["id"] for one in self.box.customers() if one["reference_id"] == name)

    def whole(self, name: str) -> Body:
        return dict(self.ask("GET", f"/v1/customers/{self.id_of(name)}"))

    def names(self) -> list[str]:
        return [one["reference_id"] for one in self.box.customers() if one["status"] == "active"]

    def patch(self, name: str, **fields: Any) -> None:
        self.ask("PATCH", f"/v1/customers/{self.id_of(name)}", fields)

    def post(self, name: str, **fields: Any) -> str:
        return str(self.ask("POST", "/v1/customers", company(name, **{"company_name": "By hand"} | fields))["id"])

    def delete(self, name: str) -> None:
        self.ask("DELETE", f"/v1/customers/{self.id_of(name)}")

    def states(self, *names: str) -> dict[str, str]:
        known = self.ledger.known(TENANT, names)
        return dict(zip(known["reference_id"], known["state"], strict=True))

    def outcomes(self, run: Run) -> dict[str, str]:
        frame = self.ledger.outcomes(run.id)
        return dict(zip(frame["reference_id"], frame["outcome"], strict=True))


@dataclass(frozen=True)
class Change:
    """What a run changes in one customer.

    ``patch``: its own fields, with attributes as ``{"attributes": {name: value}}``. ``put``: the same for children, by
    reference ID. ``post``: new children, by ``addresses`` or ``contacts``.
    """

    patch: Body = field(default_factory=dict)
    put: Mapping[str, Body] = field(default_factory=dict)
    post: Mapping[str, Body] = field(default_factory=dict)

    def writes(self, customer: Body) -> list[Write]:
        name, made = customer["reference_id"], []
        if self.patch:
            before = {path: body_of(customer).get(path) for path in self.patch if path != "attributes"}
            if "attributes" in self.patch:
                shown = {one["name"]: one["value"] for one in customer["attributes"]}
                before["attributes"] = {path: shown.get(path) for path in self.patch["attributes"]}
            made.append(Write(name, "PATCH", "customer", None, None, before, self.patch))
        for entity, kind in KINDS.items():
            for child in customer[kind]:
                if values := self.put.get(child["reference_id"]):
                    before = previous(kind, child, values)
                    made.append(Write(name, "PUT", entity, child["id"], child["reference_id"], before, values))
            if kind in self.post:
                body = self.post[kind]
                made.append(Write(name, "POST", entity, None, body["reference_id"], None, body))
        return made


def _step(item: Any, state: State, outcome: OutcomeKind, customer_id: str, accepted: Accepted) -> LedgerStep:
    return LedgerStep(
        item.position, item.reference_id, state, outcome, 1, customer_id, accepted=accepted, hash=item.hash
    )


@contextmanager
def scene(folder: Path, **config: Any) -> Iterator[Scene]:
    with running(SandboxConfig(**config)) as box:
        made = Scene(folder, box)
        try:
            yield made
        finally:
            made.http.close()
            made.ledger.close()
