"""A run that was really sent to a sandbox, and what undo and verify make of it."""

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from importer.api import Client, Limiter, RetryPolicy
from importer.sandbox import SandboxConfig, running
from importer.sender import SendOptions, send
from importer.sender.findings import Finding
from importer.sender.undo import undo
from importer.sender.verify import verify
from tests.sandbox.support import client as raw_client
from tests.sender.support import fresh_ledger, plan_run

QUICK = RetryPolicy(attempts=3, first=0.001, longest=0.002, deadline=5)


def api_client(url: str, key: str = "k") -> Client:
    limiter = Limiter(ceiling=5000, max_concurrency=16)
    return Client(url, key, limiter=limiter, timeout=2, connections=16, retry=QUICK, rng=random.Random(1))


class Scene:
    """A ledger, a sandbox, and runs between them."""

    def __init__(self, folder: Any, box: Any) -> None:
        self.folder, self.box = folder, box
        self.ledger = fresh_ledger(folder)
        self.http = raw_client(box)

    def plan(self, names: Sequence[str], found: dict[str, str] | None = None, content: str = "Ex") -> Any:
        return plan_run(self.ledger, self.folder, names, found, content)

    def send(self, names: Sequence[str], found: dict[str, str] | None = None, *, settle: float = 0.0) -> Any:
        run, bodies = self.plan(names, found)

        async def work() -> None:
            async with api_client(self.box.url) as api:
                await send(
                    self.ledger,
                    api,
                    run,
                    bodies,
                    options=SendOptions(concurrency=8, settle=settle, retry=QUICK),
                    rng=random.Random(1),
                    progress=lambda _counts: None,
                    stop=asyncio.Event(),
                )

        asyncio.run(work())
        return run, bodies

    def undo(self, sent: Any, *, after: Callable[[Any, list[Finding]], None] | None = None, **more: Any) -> Any:
        """Reference id → (result, details). ``after`` is told the stop event and what was found so far."""
        run, bodies = sent
        findings: list[Finding] = []
        values = {"force": False, "concurrency": 8, "settle": 60.0, **more}
        later, key = values.pop("later", 0.0), values.pop("key", "k")

        async def work() -> None:
            stop = asyncio.Event()

            def found(group: Sequence[Finding]) -> None:
                findings.extend(group)
                if after:
                    after(stop, findings)

            async with api_client(self.box.url, key) as api:
                now = lambda: datetime.now(UTC) + timedelta(seconds=later)  # noqa: E731 - a clock set forward
                await undo(self.ledger, api, run, bodies, now=now, found=found, stop=stop, **values)

        try:
            asyncio.run(work())
        finally:
            self.last = {one.reference_id: one for one in findings}
        assert len(self.last) == len(findings)
        return {name: str(one.result) for name, one in self.last.items()}

    def verify(self, sent: Any) -> Any:
        findings: list[Finding] = []

        async def work() -> None:
            async with api_client(self.box.url) as api:
                await verify(self.ledger, api, sent[0], concurrency=8, found=findings.extend, stop=asyncio.Event())

        asyncio.run(work())
        self.last = {one.reference_id: one for one in findings}
        assert len(self.last) == len(findings)
        return {name: str(one.result) for name, one in self.last.items()}

    def id_of(self, name: str) -> str:
        return next(one["id"] for one in self.box.customers() if one["reference_id"] == name)

    def names(self) -> list[str]:
        return [one["reference_id"] for one in self.box.customers() if one["status"] == "active"]

    def patch(self, name: str, **fields: Any) -> None:
        assert self.http.patch(f"/v1/customers/{self.id_of(name)}", json=fields).is_success

    def post(self, name: str) -> str:
        made = self.http.post("/v1/customers", json={"reference_id": name, "company_name": "By hand"})
        return str(made.json()["data"]["id"])

    def delete(self, name: str) -> None:
        assert self.http.delete(f"/v1/customers/{self.id_of(name)}").is_success

    def states(self, *names: str) -> dict[str, str]:
        known = self.ledger.known("acme", names)
        return dict(zip(known["reference_id"], known["state"], strict=True))


@contextmanager
def scene(folder: Any, **config: Any) -> Any:
    with running(SandboxConfig(**config)) as box:
        made = Scene(folder, box)
        try:
            yield made
        finally:
            made.http.close()
            made.ledger.close()
