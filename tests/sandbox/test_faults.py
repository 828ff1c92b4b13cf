"""Each fault as a client meets it, and what the sandbox has done by then."""

import http.client
import json
from collections import Counter
from contextlib import closing
from dataclasses import dataclass

import pytest

from importer.sandbox import RunningSandbox, SandboxConfig, parse_faults, running
from importer.sandbox.faults import AFTER, BEFORE, FaultPlan
from tests.sandbox.support import HandClock, client, customer


@dataclass
class Met:
    """What a client met: 0 where no answer came; a body that broke off is what came of it."""

    status: int
    headers: dict[str, str]
    body: bytes
    broke_off: bool = False


def post(sandbox: RunningSandbox, reference_id: str = "C1", *, wait: float = 10) -> Met:
    with closing(http.client.HTTPConnection(sandbox.url.removeprefix("http://"), timeout=wait)) as connection:
        headers = {"Content-Type": "application/json", "X-API-Key": "k"}
        connection.request("POST", "/v1/customers", json.dumps(customer(reference_id)), headers)
        try:
            answer = connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionResetError):
            return Met(0, {}, b"")
        with answer:
            try:
                return Met(answer.status, dict(answer.headers), answer.read())
            except http.client.IncompleteRead as cut:
                return Met(answer.status, dict(answer.headers), cut.partial, broke_off=True)


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
    "502-html": 502,
    "500-before": 500,
    "500-after": 500,
    "cut": 201,
    "malformed": 201,
    "slow": 201,
}


@pytest.mark.parametrize("fault", [*BEFORE, *AFTER])
def test_each_fault_is_seen_and_leaves_what_it_says(fault: str) -> None:
    hand = HandClock()
    with running(SandboxConfig(faults=f"{fault}=100%", slow_seconds=75), clock=hand.clock()) as sandbox:
        met = post(sandbox)
        assert met.status == STATUS[fault]
        assert met.broke_off == (fault == "cut")
        assert is_json(met.body) == (fault in ("500-before", "500-after", "429", "slow"))
        assert (b'"reference_id":"C1"' in met.body) == (fault in ("slow", "malformed", "cut"))
        assert met.body.startswith(b"<html>") == fault.endswith("-html")
        assert ("text/html" in met.headers.get("content-type", "")) == fault.endswith("-html")
        assert met.headers.get("location") == ("/moved" if fault == "redirect" else None)
        assert met.headers.get("retry-after") == ("1" if fault == "429" else None)
        assert hand.slept == ([75] if fault == "slow" else [])
        assert len(sandbox.customers()) == (1 if fault in AFTER else 0)
        (seen,) = sandbox.requests()
        assert (seen.fault, seen.status, seen.reference_ids) == (fault, met.status, ("C1",))


def test_slow_answer_ends_when_the_client_leaves() -> None:
    with running(SandboxConfig(faults="slow=100%", slow_seconds=3600)) as sandbox:
        with pytest.raises(TimeoutError):
            post(sandbox, wait=0.3)
        assert len(sandbox.customers()) == 1


def test_fault_after_a_refusal_leaves_the_refusal() -> None:
    with running(SandboxConfig(faults="cut=100%")) as sandbox, client(sandbox) as api:
        assert api.post("/v1/customers", json={}).status_code == 422


def test_aimed_faults_strike_their_customers_once_each_in_order() -> None:
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


def test_reads_meet_faults_only_when_asked() -> None:
    with running(SandboxConfig(faults="500-before=100%")) as sandbox, client(sandbox) as api:
        assert api.get("/v1/customers").status_code == 200
        assert api.post("/v1/customers", json=customer()).status_code == 500
        assert sandbox.counts()["faults"] == {"500-before": 1}


def picked(seed: int) -> list[str | None]:
    plan = FaultPlan("drop-after=10%,429=0.2", seed=seed, reads=False, aimed={})
    return [plan.pick((), write=True) for _ in range(2000)]


def test_same_seed_deals_the_same_faults_in_their_shares() -> None:
    assert picked(1) == picked(1) != picked(2)
    counts = Counter(picked(1))
    assert 150 < counts["drop-after"] < 250
    assert 330 < counts["429"] < 470
    assert counts.keys() == {"drop-after", "429", None}


def test_plans_are_read() -> None:
    assert parse_faults("") == {}
    assert parse_faults(" drop-after = 2% , 429=0.5,") == {"drop-after": 0.02, "429": 0.5}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("drop=2%", "'drop' is no fault; the faults are drop-before"),
        ("429", "'429' has no share; write it as 429=2%"),
        ("429=x", "'429=x': the share must be between"),
        ("429=101%", "'429=101%': the share must"),
        ("429=-1%", "'429=-1%': the share must"),
        ("429=nan", "'429=nan': the share must"),
        ("429=1%,429=1%", "'429' stands twice"),
        ("429=60%,cut=50%", "add up to more than 100%"),
    ],
)
def test_wrong_plans_are_named(text: str, named: str) -> None:
    with pytest.raises(ValueError) as wrong:
        SandboxConfig(faults=text)
    assert named in str(wrong.value)
