"""A second, independent server: it knows only the API's document, and refuses what that does not allow.

It uses nothing from the sandbox, so that a misunderstanding shared by the sandbox and the sender would show here.
"""

import json
import re
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pycountry
from openapi_schema_validator import OAS30Validator, oas30_format_checker

from tests.support import api_document
from tests.workflow.desk import KEY

DOCUMENT = api_document()
REP = {"id": str(uuid.UUID(int=1)), "email": "vale@example.com", "first_name": "Robin", "last_name": "Vale"}
PRICE_LIST = {"id": str(uuid.UUID(int=2)), "reference_id": "PRC-1", "name": "Wholesale"}
COUNTRIES = {country.alpha_2 for country in pycountry.countries}


def schema(value: Mapping[str, Any]) -> OAS30Validator:
    return OAS30Validator({**value, "components": DOCUMENT["components"]}, format_checker=oas30_format_checker)


BODY = schema(DOCUMENT["components"]["schemas"]["CustomerCreate"])
CHILD = {
    kind: schema(DOCUMENT["components"]["schemas"][name])
    for kind, name in (("addresses", "AddressCreate"), ("contacts", "ContactCreate"))
}
CHANGE = schema(
    {**DOCUMENT["components"]["schemas"]["CustomerCreate"], "required": []}
    | {
        "properties": {
            **DOCUMENT["components"]["schemas"]["CustomerCreate"]["properties"],
            **DOCUMENT["components"]["schemas"]["CustomerUpdate"]["properties"],
        }
    }
)


class RefusedError(Exception):
    """An error answer."""

    def __init__(self, status: int, code: str, message: str, details: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"code": code, "message": message, "details": [{"field": f, "reason": r} for f, r in details]}


@dataclass
class StrictApi:
    """``aimed``: reference ID → the details with which its creation is refused. ``bodies``: accepted bodies as bytes.

    ``patches``: reference ID → the bodies that changed it. ``children``: whether lists of children ``merge`` or
    ``replace``, or double (``twice``) because their IDs are ignored. ``broken``: descriptions of requests that the
    document does not allow. ``missing``: treat every key as missing, as behind a proxy that drops the header.
    ``read_only``: every request that would change something counts as broken.
    """

    keys: tuple[str, ...] = (KEY,)
    read_only: bool = False
    missing: bool = False
    aimed: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    sales_reps: list[dict[str, Any]] = field(default_factory=lambda: [REP])
    price_lists: list[dict[str, Any]] = field(default_factory=lambda: [PRICE_LIST])
    attributes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)
    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    patches: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    children: str = "merge"
    ticks: int = 0
    broken: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, method: str, target: str, headers: Mapping[str, list[str]], body: bytes) -> tuple[int, Any]:
        place = urlsplit(target)
        self.seen.append(f"{method} {place.path}")
        customer_id, kind, child_id = [*place.path.removeprefix("/v1/customers").strip("/").split("/"), "", ""][:3]
        if not place.path.startswith("/v1/customers"):
            customer_id = kind = ""
        path = place.path
        if customer_id:
            name = {"addresses": "{address_id}", "contacts": "{contact_id}"}.get(kind, "")
            path = "/".join(["/v1/customers/{id}", *([kind] if kind else []), *([name] if child_id else [])])
        operation = DOCUMENT["paths"].get(path, {}).get(method.lower())
        if self.read_only and method != "GET":
            raise self._wrong(500, f"{method} {place.path} changes something")
        if operation is None:
            raise self._wrong(404, f"{method} {place.path} is not documented")
        if self.missing or headers.get("x-api-key") is None:
            raise RefusedError(401, "unauthorized", "no X-API-Key")
        if tuple(headers["x-api-key"]) not in {(key,) for key in self.keys}:
            raise RefusedError(403, "forbidden", "unknown key")
        query = parse_qsl(place.query, keep_blank_values=True, strict_parsing=bool(place.query))
        self._check_query(operation, query)
        if kind:
            return self._of_child(method, customer_id, kind, child_id, body, dict(query))
        if method in {"POST", "PATCH"}:
            return 201, {"data": self._create(headers, body) if method == "POST" else self._change(customer_id, body)}
        if body:
            raise self._wrong(400, f"{method} with a body")
        if customer_id:
            return 200, {"data": self._customer(customer_id)}
        if place.path == "/v1/customers":
            return 200, self._list(dict(query))
        if place.path == "/v1/attributes":
            return 200, {"data": self.attributes.get(dict(query)["entity"], [])}
        records = {"/v1/sales-reps": self.sales_reps, "/v1/price-lists": self.price_lists}[place.path]
        return 200, _page(records, dict(query))

    def _wrong(self, status: int, text: str) -> RefusedError:
        self.broken.append(text)
        return RefusedError(status, "not_documented", text)

    def _customer(self, customer_id: str) -> dict[str, Any]:
        for customer in self.customers.values():
            if customer["id"] == customer_id:
                return customer
        raise RefusedError(404, "not_found", "no such customer")

    def _check_query(self, operation: Mapping[str, Any], query: list[tuple[str, str]]) -> None:
        known = {item["name"]: item["schema"] for item in operation.get("parameters", ())}
        if len(dict(query)) < len(query):
            raise self._wrong(400, f"a parameter stands twice: {query}")
        for name, text in query:
            if name not in known:
                raise self._wrong(400, f"no parameter is called {name}")
            value = int(text) if known[name]["type"] == "integer" and re.fullmatch("[0-9]+", text) else text
            if not schema(known[name]).is_valid(value):
                raise self._wrong(400, f"{name}={text}")

    def _create(self, headers: Mapping[str, list[str]], body: bytes) -> dict[str, Any]:
        if [text.split(";")[0].strip() for text in headers.get("content-type", [])] != ["application/json"]:
            raise self._wrong(415, f"content type {headers.get('content-type')}")
        customer = json.loads(body)
        for error in BODY.iter_errors(customer):
            raise self._wrong(422, f"{error.json_path}: {error.message}")
        for rep in customer.get("assigned_sales_rep_ids", ()):
            if rep not in {known["id"] for known in self.sales_reps}:
                raise self._wrong(422, f"unknown sales rep {rep}")
        if customer.get("assigned_price_list_id", PRICE_LIST["id"]) not in {known["id"] for known in self.price_lists}:
            raise self._wrong(422, "unknown price list")
        for address in customer.get("addresses", ()):
            if address.get("country", "US") not in COUNTRIES:
                raise self._wrong(422, f"country {address['country']} is not alpha-2")
        reference_id = customer["reference_id"]
        if reference_id in self.aimed:
            raise RefusedError(422, "validation_failed", "refused on purpose", self.aimed[reference_id])
        if reference_id in self.customers:
            raise self._wrong(409, f"{reference_id} is sent twice")
        self.bodies[reference_id] = body
        whole = {"id": str(uuid.uuid4()), **customer, "name": customer["company_name"], "status": "active"}
        for kind in ("addresses", "contacts"):
            whole[kind] = [{"id": str(uuid.uuid4()), **child} for child in customer.get(kind, ())]
        self.customers[reference_id] = whole
        self.touch(reference_id)
        return whole

    def _of_child(
        self, method: str, customer_id: str, kind: str, child_id: str, body: bytes, query: Mapping[str, str]
    ) -> tuple[int, Any]:
        customer = self._customer(customer_id)
        children = customer[kind]
        if not child_id and method == "GET":
            wanted = query.get("status", "active")
            return 200, _page([one for one in children if one.get("status", "active") == wanted], query)
        child = next((one for one in children if one["id"] == child_id), None)
        if child_id and child is None:
            raise RefusedError(404, "not_found", "no such child")
        if method == "GET":
            return 200, {"data": child}
        reference_id = customer["reference_id"]
        given = json.loads(body)
        for error in CHILD[kind].iter_errors(given):
            raise self._wrong(422, f"{error.json_path}: {error.message}")
        if reference_id in self.aimed:
            raise RefusedError(422, "validation_failed", "refused on purpose", self.aimed[reference_id])
        self.patches.setdefault(reference_id, []).append({kind: [given]})
        made = {"id": child_id or str(uuid.uuid4()), **given}
        if self.children == "twice":
            children.append({**made, "id": str(uuid.uuid4())})
        if child is None:
            children.append(made)
        else:
            children[children.index(child)] = made
        if self.children == "forget":
            customer[kind] = []
        self.touch(reference_id)
        return 200 if child_id else 201, {"data": made}

    def touch(self, reference_id: str) -> None:
        """Set the customer's time of change to now; every change has a different time."""
        self.ticks += 1
        self.customers[reference_id]["updated_at"] = f"2030-01-01T00:{self.ticks // 60:02}:{self.ticks % 60:02}Z"

    def _change(self, customer_id: str, body: bytes) -> dict[str, Any]:
        change = json.loads(body)
        customer = self._customer(customer_id)
        reference_id = customer["reference_id"]
        for error in CHANGE.iter_errors(change):
            raise self._wrong(422, f"{error.json_path}: {error.message}")
        if not change or any(value in (None, "", []) for value in change.values()):
            raise self._wrong(422, f"a change without a value: {change}")
        if reference_id in self.aimed:
            raise RefusedError(422, "validation_failed", "refused on purpose", self.aimed[reference_id])
        self.patches.setdefault(reference_id, []).append(change)
        for name, value in change.items():
            if name in ("addresses", "contacts"):
                raise self._wrong(422, f"{name} have paths of their own")
            if name == "attributes":
                customer[name] = value if self.children == "replace" else self._attributes(customer, value)
            else:
                customer["name" if name == "company_name" else name] = value
        self.touch(reference_id)
        return customer

    def _attributes(self, customer: Mapping[str, Any], given: list[dict[str, Any]]) -> list[dict[str, Any]]:
        values = {item["name"]: item for item in [*customer.get("attributes", ()), *given]}
        return list(values.values())

    def _list(self, query: Mapping[str, str]) -> dict[str, Any]:
        wanted = query.get("reference_ids")
        found = [
            {name: value for name, value in customer.items() if name not in {"addresses", "contacts", "attributes"}}
            for customer in self.customers.values()
            if customer["status"] == query.get("status", "active")
            and (wanted is None or customer["reference_id"] in wanted.split(","))
        ]
        return _page(found, query)


def _page(records: Sequence[Any], query: Mapping[str, str]) -> dict[str, Any]:
    page, size = int(query.get("page", 1)), int(query.get("page_size", 20))
    pages = -(-len(records) // size)
    return {
        "data": records[(page - 1) * size : page * size],
        "pagination": {
            "total_records": len(records),
            "total_pages": pages,
            "current_page": page,
            "page_size": size,
            **({"next_page": page + 1} if page < pages else {}),
        },
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    api: StrictApi

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): self.headers.get_all(name) or [] for name in self.headers}
        with self.api.lock:
            try:
                status, value = self.api.answer(self.command, self.path, headers, body)
            except RefusedError as refused:
                status, value = refused.status, refused.body
            self.api.statuses.append(status)
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = do_HEAD = answer  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Print no log."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 512  # a run may open this many connections at once
    block_on_close = False


@contextmanager
def strict_api(**more: Any) -> Iterator[StrictApi]:
    """A strict server on a free local port, in threads of this process."""
    api = StrictApi(**more)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"api": api}))
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
