"""Each fault as a client sees it, and what the sandbox has done by then."""

import http.client
import json
import re
import threading
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import quote

import anyio
import pytest

from importer.sandbox import Clock, SandboxConfig, parse_faults
from importer.sandbox.faults import AFTER, BEFORE, FaultPlan
from tests.running_sandbox import RunningSandbox, running
from tests.sandbox.support import HandClock, address, client, contact, customer


@dataclass
class Received:
    """What a client saw. ``status`` is 0 if there was no answer; ``body`` is what arrived before it broke off."""

    status: int
    headers: dict[str, str]
    body: bytes
    broke_off: bool = False


def asked(sandbox: RunningSandbox, reference_id: str) -> http.client.HTTPConnection:
    """A connection on which the request has been sent."""
    connection = http.client.HTTPConnection(sandbox.url.removeprefix("http://"), timeout=60)
    headers = {"Content-Type": "application/json", "X-API-Key": "k"}
    connection.request("POST", "/v1/customers", json.dumps(customer(reference_id)), headers)
    return connection


def post(sandbox: RunningSandbox, reference_id: str = "C1") -> Received:
    with closing(asked(sandbox, reference_id)) as connection:
        try:
            answer = connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionResetError):
            return Received(0, {}, b"")
        with answer:
            try:
                return Received(answer.status, dict(answer.headers), answer.read())
            except http.client.IncompleteRead as cut:
                return Received(answer.status, dict(answer.headers), cut.partial, broke_off=True)


def is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


STATUS = {
    "drop-before": 0,
    "drop-after": 0,
    "redirect": 307,
    "429": 429,
    "503-html": 503,
    "wait-503": 503,
    "forbidden-limit": 403,
    "502-html": 502,
    "500-before": 500,
    "500-after": 500,
    "cut": 201,
    "malformed": 201,
    "slow": 201,
    "foreign": 201,
    "foreign-id": 201,
    "odd-id": 201,
    "quota": 201,
}
JSON = (
    "500-before",
    "500-after",
    "429",
    "wait-503",
    "forbidden-limit",
    "slow",
    "foreign",
    "foreign-id",
    "odd-id",
    "quota",
)
OWN = ("slow", "malformed", "cut", "foreign-id", "odd-id", "quota")
WAIT = {"429": "1", "forbidden-limit": "1", "wait-503": "86400"}


@pytest.mark.parametrize("fault", [*BEFORE, *AFTER])
def test_each_fault_is_visible_and_has_its_effect(fault: str) -> None:
    hand = HandClock()
    with running(SandboxConfig(faults=f"{fault}=100%", slow_seconds=75), clock=hand.clock()) as sandbox:
        met = post(sandbox)
        assert met.status == STATUS[fault]
        assert met.broke_off == (fault == "cut")
        assert is_json(met.body) == (fault in JSON)
        assert (b'"reference_id":"C1"' in met.body) == (fault in OWN)
        assert met.body.startswith(b"<html>") == fault.endswith("-html")
        assert ("text/html" in met.headers.get("content-type", "")) == fault.endswith("-html")
        assert met.headers.get("location") == ("/moved" if fault == "redirect" else None)
        assert met.headers.get("retry-after") == WAIT.get(fault)
        assert (b'"code":"rate_limited"' in met.body) == (fault in ("429", "forbidden-limit"))
        assert met.headers.get("x-ratelimit-remaining") == ("0" if fault == "quota" else None)
        assert met.headers.get("x-ratelimit-reset") == ("3600" if fault == "quota" else None)
        assert hand.slept == ([75] if fault == "slow" else [])
        assert len(sandbox.customers()) == (1 if fault in AFTER else 0)
        (seen,) = sandbox.requests()
        assert (seen.fault, seen.status, seen.reference_ids) == (fault, met.status, ("C1",))


def test_slow_answer_ends_when_the_client_disconnects() -> None:
    began, ended = threading.Event(), threading.Event()

    async def sleep(seconds: float) -> None:
        began.set()
        try:
            await anyio.sleep(seconds)
        finally:
            ended.set()

    config = SandboxConfig(faults="slow=100%", slow_seconds=3600)
    with running(config, clock=Clock(sleep=sleep)) as sandbox:
        with closing(asked(sandbox, "C1")):
            assert began.wait(60)
        assert ended.wait(60)
        assert len(sandbox.customers()) == 1


def test_foreign_answers_have_the_ids_of_another_customer() -> None:
    with running(SandboxConfig(fault_reads=True)) as sandbox, client(sandbox) as api:
        other = api.post("/v1/customers", json=customer("C1", addresses=[address("A1")])).json()["data"]
        sandbox.set_faults(aimed={"C2": ["foreign", "foreign-id"], "A2": ["foreign", "foreign-id"]})
        answer = api.post("/v1/customers", json=customer("C2")).json()["data"]
        assert (answer["id"], answer["reference_id"], answer["name"]) == (other["id"], "C1", "Company C2")
        own = sandbox.customers()[1]["id"]
        answer = api.get(f"/v1/customers/{own}").json()["data"]
        assert (answer["id"], answer["reference_id"]) == (other["id"], "C2")
        addresses = f"/v1/customers/{own}/addresses"
        answer = api.post(addresses, json=address("A2")).json()["data"]
        assert (answer["id"], answer["reference_id"]) == (other["id"], "C1")
        (added,) = sandbox.customers()[1]["addresses"]
        answer = api.put(f"{addresses}/{added['id']}", json=address("A2", city="Elsewhere")).json()["data"]
        assert (answer["id"], answer["reference_id"], answer["city"]) == (other["id"], "A2", "Elsewhere")
        sandbox.set_faults("foreign=100%")
        assert [one["id"] for one in api.get(addresses).json()["data"]] == [added["id"]]
        assert api.get("/v1/customers", params={"reference_ids": "C2"}).json()["data"][0]["id"] == own
    with running(SandboxConfig(fault_reads=True, bare_lists=True)) as sandbox, client(sandbox) as api:
        made = api.post("/v1/customers", json=customer("C1")).json()["data"]
        sandbox.set_faults("foreign=100%")
        assert api.get(f"/v1/customers/{made['id']}/addresses").json() == []


def test_odd_id_is_kept_and_can_be_requested() -> None:
    with running(SandboxConfig(faults="odd-id=100%")) as sandbox, client(sandbox) as api:
        made = api.post("/v1/customers", json=customer(contacts=[contact()])).json()["data"]
        assert re.fullmatch(r"odd [0-9a-f-]{36}/1", made["id"])
        one = f"/v1/customers/{quote(made['id'], safe='')}"
        assert api.get(one).json()["data"] == made
        assert [item["id"] for item in api.get("/v1/customers").json()["data"]] == [made["id"]]
        assert api.patch(one, json={"display_name": "Odd"}).json()["data"]["id"] == made["id"]
        child = api.post(f"{one}/addresses", json=address()).json()["data"]
        assert re.fullmatch(r"odd [0-9a-f-]{36}/1", child["id"])
        assert child["customer_id"] == made["id"]
        path = f"{one}/addresses/{quote(child['id'], safe='')}"
        assert api.put(path, json=address(city="Elsewhere")).json()["data"]["id"] == child["id"]
        assert api.get(path).json()["data"]["city"] == "Elsewhere"
        assert api.delete(path).status_code == 200
        assert api.delete(one).status_code == 200
        assert sandbox.customers() == []


def test_aimed_faults_hit_a_child_before_its_customer() -> None:
    with running(SandboxConfig()) as sandbox, client(sandbox) as api:
        made = api.post("/v1/customers", json=customer("C1", contacts=[contact("P1")])).json()["data"]
        contacts, known = f"/v1/customers/{made['id']}/contacts", made["contacts"][0]["id"]
        sandbox.set_faults(aimed={"C1": ("429", "500-before"), "P1": ("503-html",), "P2": ("502-html", "503-html")})
        body = contact("P2")
        assert [api.post(contacts, json=body).status_code for _ in range(4)] == [502, 503, 429, 500]
        assert [child["reference_id"] for child in sandbox.customers()[0]["contacts"]] == ["P1", "P2"]
        assert [api.delete(f"{contacts}/{known}").status_code for _ in range(3)] == [503, 200, 404]
        assert [entry.reference_ids for entry in sandbox.requests()[-4:]] == [
            ("P2", "C1"),
            ("P1", "C1"),
            ("P1", "C1"),
            ("C1",),
        ]


def test_fault_after_a_refusal_keeps_the_refusal() -> None:
    with running(SandboxConfig(faults="cut=100%")) as sandbox, client(sandbox) as api:
        assert api.post("/v1/customers", json={}).status_code == 422


def test_aimed_faults_hit_their_customers_once_each_in_order() -> None:
    config = SandboxConfig(aimed={"C2": ("429", "500-after")}, fault_reads=True)
    with running(config) as sandbox, client(sandbox) as api:
        assert [post(sandbox, name).status for name in ("C1", "C2", "C2", "C2", "C3")] == [201, 429, 500, 409, 201]
        sandbox.set_faults(aimed={"C3": ["502-html"]})
        assert api.get("/v1/customers", params={"reference_ids": "C1,C3"}).status_code == 502
        made = api.get("/v1/customers", params={"reference_ids": "C1,C3"}).json()["data"]
        sandbox.set_faults(aimed={"C3": ["500-before"]})
        named = {one["reference_id"]: one["id"] for one in made}
        assert api.delete(f"/v1/customers/{named['C1']}").status_code == 200
        assert api.delete(f"/v1/customers/{named['C3']}").status_code == 500
        assert api.delete(f"/v1/customers/{named['C3']}").status_code == 200


def test_reads_have_faults_only_on_request() -> None:
    with running(SandboxConfig(faults="500-before=100%")) as sandbox, client(sandbox) as api:
        assert api.get("/v1/customers").status_code == 200
        assert api.post("/v1/customers", json=customer()).status_code == 500
        assert sandbox.counts()["faults"] == {"500-before": 1}


def picked(seed: int) -> list[str | None]:
    plan = FaultPlan("drop-after=10%,429=0.2", seed=seed, reads=False, aimed={})
    return [plan.pick((), write=True) for _ in range(2000)]


def test_same_seed_gives_the_same_faults_in_the_given_shares() -> None:
    assert picked(1) == picked(1) != picked(2)
    counts = Counter(picked(1))
    assert 150 < counts["drop-after"] < 250
    assert 330 < counts["429"] < 470
    assert counts.keys() == {"drop-after", "429", None}


def test_fault_plans_are_parsed() -> None:
    assert parse_faults("") == {}
    assert parse_faults(" drop-after = 2% , 429=0.5,") == {"drop-after": 0.02, "429": 0.5}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("drop=2%", "'drop' is not a fault; the faults are drop-before"),
        ("429", "'429' has no share; write it as 429=2%"),
        ("429=x", "'429=x': the share must be between"),
        ("429=101%", "'429=101%': the share must"),
        ("429=-1%", "'429=-1%': the share must"),
        ("429=nan", "'429=nan': the share must"),
        ("429=1%,429=1%", "'429' appears twice"),
        ("429=60%,cut=50%", "add up to more than 100%"),
    ],
)
def test_wrong_fault_plans_are_reported(text: str, named: str) -> None:
    with pytest.raises(ValueError) as wrong:
        SandboxConfig(faults=text)
    assert named in str(wrong.value)
