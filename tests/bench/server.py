"""A server that costs next to nothing: it creates and lists customers, and can have a limit and a latency.

As a separate process, it prints its port and serves until it is terminated. It has only what the benchmarks need: of a
body it reads only the reference ID, which must come first.
"""

import argparse
import asyncio
import subprocess
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import orjson
import uvloop

from importer.sandbox.fixtures import load_fixtures
from tests.bench.measure import module, pin

__all__ = ["Server", "serving"]

_END = b"\r\n\r\n"
_LENGTH = b"content-length: "
_ID = b'{"reference_id":"'
_REASONS = {200: b"OK", 201: b"Created", 429: b"Too Many Requests"}


class Server:
    """The API at ``url``, from outside."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def statistics(self) -> dict[str, Any]:
        """What it did: ``created``, ``again`` (POSTs of an existing customer), ``throttled``, ``cpu`` (seconds)."""
        with urlopen(f"{self.url}/statistics") as answer:
            found: dict[str, Any] = orjson.loads(answer.read())
        return found


@contextmanager
def serving(*, limit: int = 0, latency: float = 0.0) -> Iterator[Server]:
    """A server process for the block: ``limit`` requests per second (0: no limit), answered after ``latency`` s."""
    command = module("tests.bench.server", "--limit", limit, "--latency", latency)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Server(int(process.stdout.readline()))
        finally:
            process.terminate()


class _Store:
    """Shared by all connections."""

    def __init__(self, limit: int, latency: float) -> None:
        self.limit = limit
        self.latency = latency
        self.ids: dict[str, str] = {}
        self.again = 0
        self.throttled = 0
        self._recent: deque[float] = deque()
        known = load_fixtures(None)
        self._lists = {"/v1/sales-reps": known.sales_reps, "/v1/price-lists": known.price_lists}

    def answer(self, method: bytes, target: bytes, body: bytes) -> bytes:
        """One request → the complete answer."""
        path = urlsplit(target.decode("ascii"))
        if path.path == "/statistics":
            told = {"created": len(self.ids), "again": self.again, "throttled": self.throttled}
            return _reply(200, orjson.dumps({**told, "cpu": time.process_time()}))
        if self.limit and not self._within_limit():
            self.throttled += 1
            return _reply(429, b'{"code":"RATE_LIMITED","message":"too many requests"}')
        if method == b"POST":
            return self._create(body)
        if path.path != "/v1/customers":
            return _reply(200, orjson.dumps({"data": self._lists.get(path.path, ())}))
        asked = parse_qs(path.query).get("reference_ids", [""])[0].split(",")
        return _reply(200, orjson.dumps({"data": self._held(asked, path.query)}))

    def _create(self, body: bytes) -> bytes:
        assert body.startswith(_ID)
        name = body[len(_ID) : body.index(b'"', len(_ID))].decode()
        self.again += name in self.ids
        made = self.ids[name] = f"00000000-0000-4000-8000-{len(self.ids) + self.again:012d}"
        return _reply(201, f'{{"data":{{"id":"{made}","reference_id":"{name}"}}}}'.encode())

    def _held(self, asked: list[str], query: str) -> list[dict[str, str]]:
        if "status=inactive" in query:
            return []
        return [{"id": self.ids[name], "reference_id": name, "status": "active"} for name in asked if name in self.ids]

    def _within_limit(self) -> bool:
        now = time.monotonic()
        while self._recent and self._recent[0] <= now - 1.0:
            self._recent.popleft()
        if len(self._recent) >= self.limit:
            return False
        self._recent.append(now)
        return True


def _reply(status: int, body: bytes) -> bytes:
    head = b"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % (status, _REASONS[status], len(body)) + body


class _Connection(asyncio.Protocol):
    """Requests one after the other on one connection."""

    def __init__(self, store: _Store) -> None:
        self._store = store
        self._loop = asyncio.get_running_loop()
        self._come = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._come += data
        while (end := self._come.find(_END)) >= 0:
            head = self._come[:end]
            at = head.lower().find(_LENGTH)
            length = int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            rest = end + len(_END)
            if len(self._come) < rest + length:
                return
            method, target, _ = head.split(b" ", 2)
            reply = self._store.answer(method, target, self._come[rest : rest + length])
            self._come = self._come[rest + length :]
            if self._store.latency:
                self._loop.call_later(self._store.latency, self._transport.write, reply)
            else:
                self._transport.write(reply)


async def _serve(store: _Store) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(store), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0)
    given = parser.parse_args()
    pin(-1)
    uvloop.run(_serve(_Store(given.limit, given.latency)))


if __name__ == "__main__":
    main()
