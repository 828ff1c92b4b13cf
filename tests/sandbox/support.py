"""Shared by the sandbox's tests: the API document, bodies, a client, and a clock set by hand."""

import asyncio
from typing import Any

import httpx
from openapi_schema_validator import OAS30Validator, oas30_format_checker

from importer.sandbox import Clock
from tests.running_sandbox import RunningSandbox
from tests.support import api_document

DOCUMENT = api_document()


def validator(schema: dict[str, Any], document: dict[str, Any] = DOCUMENT) -> OAS30Validator:
    whole = {**schema, "components": document["components"]}
    return OAS30Validator(whole, format_checker=oas30_format_checker)


def assert_documented(answer: httpx.Response, method: str, path: str) -> Any:
    """The answer's value, after a check of status and body against the document."""
    responses = DOCUMENT["paths"][path][method]["responses"]
    documented = responses.get(str(answer.status_code))
    if documented is None:
        assert answer.status_code >= 400, f"{answer.status_code} is not documented for {method} {path}"
        documented = DOCUMENT["components"]["responses"]["Error"]
    assert answer.headers["content-type"] == "application/json"
    if "content" in documented:
        validator(documented["content"]["application/json"]["schema"]).validate(answer.json())
    return answer.json()


def address(reference_id: str = "A1", **fields: Any) -> dict[str, Any]:
    place = {"address_line_1": "12 Main Street", "city": "Anytown", "state": "CA", "country": "US", "zip_code": "02138"}
    return {"reference_id": reference_id, "type": "billing", **place, **fields}


def contact(reference_id: str = "P1", **fields: Any) -> dict[str, Any]:
    return {"reference_id": reference_id, "first_name": "Ann", "email": "ann@example.com", **fields}


def customer(reference_id: str = "C1", **fields: Any) -> dict[str, Any]:
    return {"reference_id": reference_id, "company_name": f"Company {reference_id}", **fields}


def client(sandbox: RunningSandbox | str, key: str = "k") -> httpx.Client:
    url = sandbox if isinstance(sandbox, str) else sandbox.url
    return httpx.Client(base_url=url, headers={"X-API-Key": key} if key else {}, trust_env=False, timeout=60)


class HandClock:
    """A clock that stands still until it is moved; sleeps are recorded and end at once."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.slept: list[float] = []

    def clock(self) -> Clock:
        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)
            await asyncio.sleep(0)

        return Clock(wall=lambda: self.now, ticks=lambda: self.now, sleep=sleep)
