"""Keys, rate limits, lag, and sizes; time is set by hand."""

from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from importer.sandbox import SandboxConfig, create_app
from tests.running_sandbox import running
from tests.sandbox.support import HandClock, assert_documented, client, customer


def test_key_is_required_and_checked() -> None:
    with running(SandboxConfig(keys=("right", "other"))) as sandbox:
        for key, status in (("", 401), ("wrong", 403), ("right", 200), ("other", 200)):
            with client(sandbox, key) as api:
                answer = api.get("/v1/customers")
                assert_documented(answer, "get", "/v1/customers")
                assert (key, answer.status_code) == (key, status)


def test_any_key_is_accepted_if_none_is_configured() -> None:
    with running(SandboxConfig()) as sandbox:
        for key, status in (("", 401), ("whatever", 200)):
            with client(sandbox, key) as api:
                assert api.get("/v1/customers").status_code == status


def test_key_is_not_stored_where_it_can_be_read() -> None:
    config = SandboxConfig(keys=("secret-key",))
    assert "secret-key" not in repr(config)
    with running(config) as sandbox, client(sandbox, "secret-key") as api:
        api.post("/v1/customers", json=customer())
        assert "secret-key" not in repr([sandbox.counts(), sandbox.customers(), sandbox.requests()])


def test_rate_limit_applies_to_any_second() -> None:
    hand = HandClock()
    with running(SandboxConfig(rate=3, rate_headers=True), clock=hand.clock()) as sandbox, client(sandbox) as api:

        def ask(seconds_later: float) -> int:
            hand.now += seconds_later
            return api.get("/v1/customers").status_code

        assert [ask(wait) for wait in (0, 0.4, 0.4)] == [200, 200, 200]
        refused = api.get("/v1/customers")
        assert_documented(refused, "get", "/v1/customers")
        assert refused.status_code == 429
        names = ("retry-after", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")
        assert [refused.headers[name] for name in names] == ["1", "3", "0", "1"]
        # Requests at 0.0 and 0.4 leave the window at 1.0 and 1.4: one passes each time, and refusals do not count.
        assert [ask(wait) for wait in (0.1, 0.1, 0, 0.39, 0.01, 0)] == [429, 200, 429, 429, 200, 429]


def test_wait_is_given_as_a_date_or_omitted() -> None:
    hand = HandClock()
    hand.now = 1_800_000_000.25
    with running(SandboxConfig(rate=1, retry_after="date"), clock=hand.clock()) as sandbox, client(sandbox) as api:
        api.get("/v1/customers")
        given = api.get("/v1/customers").headers["Retry-After"]
        assert parsedate_to_datetime(given).timestamp() == 1_800_000_002
    with running(SandboxConfig(faults="429=1", retry_after="none")) as sandbox, client(sandbox) as api:
        assert "Retry-After" not in api.post("/v1/customers", json=customer()).headers


def test_created_customer_is_listed_after_the_lag() -> None:
    hand = HandClock()
    with running(SandboxConfig(list_lag=30), clock=hand.clock()) as sandbox, client(sandbox) as api:
        made = api.post("/v1/customers", json=customer()).json()["data"]

        def listed() -> list[int]:
            return [
                len(api.get("/v1/customers", params=query).json()["data"]) for query in ({}, {"reference_ids": "C1"})
            ]

        hand.now += 29
        assert listed() == [0, 0]
        assert api.get(f"/v1/customers/{made['id']}").status_code == 200
        assert api.post("/v1/customers", json=customer()).status_code == 409
        hand.now += 1.5
        assert listed() == [1, 1]


def test_latency_precedes_every_answer() -> None:
    hand = HandClock()
    with running(SandboxConfig(latency=0.05), clock=hand.clock()) as sandbox, client(sandbox) as api:
        api.post("/v1/customers", json=customer())
        api.get("/v1/customers")
    assert hand.slept == [0.05, 0.05]


def test_sizes_are_limited() -> None:
    with running(SandboxConfig(max_body=300, max_target=200)) as sandbox, client(sandbox) as api:
        assert api.post("/v1/customers", json=customer()).status_code == 201
        answer = api.post("/v1/customers", json=customer("C2", display_name="x" * 300))
        assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")
        answer = api.get("/v1/customers", params={"reference_ids": "x" * 200})
        assert (answer.status_code, answer.json()["code"]) == (414, "uri_too_long")


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate": 0},
        {"latency": -1},
        {"keys": ("",)},
        {"duplicates": "maybe"},
        {"aimed": {"C1": ("boom",)}},
        {"missing_status": 500},
        {"child_lists": "none"},
        {"default_siblings": "x"},
        {"child_duplicates": "x"},
        {"known_terms": {"phone": ()}},
    ],
)
def test_wrong_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        SandboxConfig(**wrong)


def test_config_is_serialized_and_read_back() -> None:
    config = SandboxConfig(keys=("k",), faults="429=1%", aimed={"C1": ("cut",)}, rate=5, child_endpoints=False)
    assert SandboxConfig.from_json(config.to_json()) == config


def test_app_can_be_created_directly() -> None:
    assert len(create_app(SandboxConfig()).state.sandbox.store) == 0
