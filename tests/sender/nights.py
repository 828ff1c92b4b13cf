"""Customers that change from night to night, and an API in virtual time that fails while it changes them."""

import asyncio
import copy
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from importer.api import Answer, AnswerKind, CustomerRef, NoListError, Turns
from importer.ledger import Ledger
from importer.planner import Merger
from importer.planner.compare import body_of
from tests.sender.support import TENANT, FakePace, now, plan_bodies

Body = dict[str, Any]
KINDS = ("addresses", "contacts")
MERGER = Merger()


def plan_night(ledger: Ledger, folder: Path, bodies: Mapping[str, Body], tenant: str = TENANT) -> Any:
    """What the pipeline does before it sends with ``--mode upsert``, if lookups find no customer."""
    lines = {name: orjson.dumps(body) for name, body in bodies.items()}
    return plan_bodies(ledger, folder, lines, {}, tenant=tenant, mode="upsert")


@dataclass
class NightApi:
    """``script``: what happens to the next writes; ``reads``: to the next GETs. After that, everything succeeds.

    Writes: ``ok``, ``slow``, ``lost`` (not done, no answer), ``dropped`` (done, no answer), ``late`` (no answer, done
    seconds later), ``not_sent``, or ``refused`` (422). Reads: True if it is lost. ``replaces``: whether a list in a
    PATCH replaces the old list. ``moments``: whether answers contain the time of a customer's last change.
    """

    script: Sequence[str] = ()
    reads: Sequence[bool] = ()
    replaces: bool = False
    moments: bool = True
    latency: float = 0.1
    late: float = 20.0
    limiter: FakePace = field(default_factory=FakePace)
    customers: dict[str, Body] = field(default_factory=dict)  # API ID → customer
    patches: list[tuple[str, Body]] = field(default_factory=list)
    writes: int = 0
    got: int = 0
    unanswered: set[str] = field(default_factory=set)  # reference IDs
    ids: Callable[[], int] = field(default_factory=lambda: itertools.count(1).__next__)

    def held(self) -> dict[str, Body]:
        """Reference ID → customer."""
        return {customer["reference_id"]: customer for customer in self.customers.values()}

    def with_turns(self, _turns: Turns) -> "NightApi":
        return self

    async def create(self, body: bytes, reference_id: str) -> Answer:
        made: Body = {}

        def do() -> None:
            made.update(orjson.loads(body), id=f"id-{self.ids()}", status="active")
            made["name"] = made.pop("company_name")
            for kind in KINDS:
                made[kind] = [{**child, "id": f"child-{self.ids()}"} for child in made.get(kind, ())]
            made.setdefault("attributes", [])
            self.customers[made["id"]] = made
            self.touch(made)

        return await self._write(reference_id, do, made)

    async def patch(self, customer_id: str, body: bytes) -> Answer:
        change, customer = orjson.loads(body), self.customers.get(customer_id)
        if customer is None:
            return Answer(AnswerKind.GONE, 404, message="no such customer")
        assert not {*KINDS} & change.keys(), "children have their own paths"

        def do() -> None:
            self.patches.append((customer["reference_id"], change))
            self.change(customer, change)
            self.touch(customer)

        return await self._write(customer["reference_id"], do, customer)

    def change(self, customer: Body, change: Body) -> None:
        for name, value in change.items():
            if name == "attributes":
                known = {} if self.replaces else {item["name"]: item for item in customer["attributes"]}
                customer[name] = list((known | {item["name"]: item for item in value}).values())
            else:
                customer["name" if name == "company_name" else name] = value

    async def children(self, customer_id: str, kind: str) -> list[Body]:
        await asyncio.sleep(0.05)
        customer = self.customers.get(customer_id)
        if customer is None:
            raise NoListError(f"no list of {kind}")
        return copy.deepcopy(customer[kind])

    def child(self, customer_id: str, kind: str, child_id: str) -> Body | None:
        customer = self.customers.get(customer_id) or {kind: []}
        return next((child for child in customer[kind] if child["id"] == child_id), None)

    async def get_child(self, customer_id: str, kind: str, child_id: str) -> Answer:
        await asyncio.sleep(0.05)
        found = copy.deepcopy(self.child(customer_id, kind, child_id))
        if found is None:
            return Answer(AnswerKind.GONE, 404, message="no such child")
        return Answer(AnswerKind.OK, 200, found)

    async def create_child(self, customer_id: str, kind: str, body: bytes, reference_id: str) -> Answer:
        customer, made = self.customers[customer_id], orjson.loads(body)
        assert made["reference_id"] == reference_id

        def do() -> None:
            made["id"] = f"child-{self.ids()}"
            customer[kind].append(made)
            self.patches.append((customer["reference_id"], {kind: [made]}))
            self.touch(customer)

        return await self._write(customer["reference_id"], do, made)

    async def replace_child(self, customer_id: str, kind: str, child_id: str, body: bytes) -> Answer:
        customer, child = self.customers[customer_id], self.child(customer_id, kind, child_id)
        assert child is not None

        def do() -> None:
            child.clear()
            child.update(orjson.loads(body), id=child_id)
            self.patches.append((customer["reference_id"], {kind: [dict(child)]}))
            self.touch(customer)

        return await self._write(customer["reference_id"], do, child)

    async def delete_child(self, customer_id: str, kind: str, child_id: str) -> Answer:
        await asyncio.sleep(self.latency)
        self.customers[customer_id][kind] = [
            child for child in self.customers[customer_id][kind] if child["id"] != child_id
        ]
        return Answer(AnswerKind.OK, 200, seconds=self.latency)

    def touch(self, customer: Body) -> None:
        customer["updated_at"] = now().isoformat() if self.moments else None

    async def _write(self, name: str, do: Callable[[], None], customer: Body) -> Answer:
        fault = self.script[self.writes] if self.writes < len(self.script) else "ok"
        self.writes += 1
        if fault == "not_sent":
            await asyncio.sleep(0.01)
            return Answer(AnswerKind.NOT_SENT, message="no connection", seconds=0.01, sent=False)
        if fault in ("lost", "dropped", "late"):
            self.unanswered.add(name)
        if fault == "late":
            asyncio.get_running_loop().call_later(self.latency + self.late, do)
        elif fault not in ("lost", "refused"):
            do()
        seconds = 5.0 if fault == "slow" else self.latency
        await asyncio.sleep(seconds)
        if fault == "refused":
            return Answer(AnswerKind.REFUSED, 422, None, "VALIDATION", "wrong", (), seconds)
        if fault in ("lost", "dropped", "late"):
            return Answer(AnswerKind.UNKNOWN, 502, message="bad gateway", seconds=seconds)
        return Answer(AnswerKind.OK, 201, copy.deepcopy(customer), seconds=seconds)

    async def get(self, customer_id: str) -> Answer:
        number = self.got
        self.got += 1
        found = copy.deepcopy(self.customers.get(customer_id))
        await asyncio.sleep(0.05)
        if number < len(self.reads) and self.reads[number]:
            return Answer(AnswerKind.UNKNOWN, 502, message="bad gateway", seconds=0.05)
        if found is None:
            return Answer(AnswerKind.GONE, 404, message="no such customer", seconds=0.05)
        return Answer(AnswerKind.OK, 200, found, seconds=0.05)

    async def delete(self, customer_id: str) -> Answer:
        await asyncio.sleep(self.latency)
        self.customers.pop(customer_id, None)
        return Answer(AnswerKind.OK, 200, seconds=self.latency)

    async def find(
        self,
        reference_ids: Sequence[str],
        *,
        since: datetime | None = None,
    ) -> dict[str, list[CustomerRef]]:
        there = [(customer["reference_id"], customer["id"]) for customer in self.customers.values()]
        await asyncio.sleep(0.05)
        return {name: [CustomerRef(i, name, "", "active") for n, i in there if n == name] for name in reference_ids}


def faults(api: Any, nights: Sequence[Mapping[str, Body]], by_hand: Mapping[str, str]) -> list[str]:
    """What is wrong in the API after these nights; empty if each customer agrees with the last night's.

    ``by_hand``: reference ID → the ID of an address that was added by hand.
    """
    wrong = []
    held = list(api.customers.values())
    names = [customer["reference_id"] for customer in held]
    wrong += [f"{name} is there {names.count(name)} times" for name in set(names) if names.count(name) > 1]
    wrong += [f"{name} is not there" for name in nights[-1] if name not in names]
    for customer in held:
        name = customer["reference_id"]
        own = [night[name] for night in nights if name in night]
        if name in nights[-1]:
            changes = MERGER.changes(body_of(customer), own[-1])
            wrong += [f"{name}: {change.path} is {change.before}, not {change.after}" for change in changes]
        for kind in KINDS:
            children = [child.get("reference_id") or child["id"] for child in customer[kind]]
            known = {child["reference_id"] for body in own for child in body.get(kind, ())}
            known |= {by_hand[name]} if name in by_hand and kind == "addresses" else set()
            wrong += [f"{name}: {kind} {child} is unexpected" for child in children if child not in known]
            wrong += [f"{name}: {kind} {child} twice" for child in children if children.count(child) > 1]
        if name in by_hand and by_hand[name] not in [child["id"] for child in customer["addresses"]]:
            wrong.append(f"{name}: the address made by hand is gone")
        if name in by_hand and customer.get("freight_term") != "by hand":
            wrong.append(f"{name}: the field set by hand is gone")
    return wrong


def add_by_hand(api: NightApi, name: str) -> str:
    """Add an address and a field to a customer by hand, at a time that no answer shows. Returns the address's ID."""
    child = {"id": f"hand-{name}", "type": "shipping", "address_line_1": "Dock 4", "city": "Elsewhere"}
    customer = api.held()[name]
    customer["addresses"].append(child)
    customer["freight_term"] = "by hand"
    return str(child["id"])
