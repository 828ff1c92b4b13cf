"""A sandbox in a process of its own, which ends with the process that started it."""

import contextlib
import http.client
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from importer.sandbox.sandbox_config import SandboxConfig

__all__ = ["SandboxProcess", "SandboxStartError", "spawned"]

_PACKAGES = str(Path(__file__).resolve().parents[2])


class SandboxStartError(OSError):
    """The sandbox's process did not begin to serve; the message says why."""


class SandboxProcess:
    """Starts ``python -m importer.sandbox``; ``url`` is where it serves.

    Its options, keys included, go through the pipe on its standard input, never through arguments or the environment.
    The child ends when that pipe is closed: by :meth:`stop`, or by the death of this process, whatever kills it.
    Raises SandboxStartError when the child cannot serve.
    """

    def __init__(self, config: SandboxConfig, *, host: str = "127.0.0.1", port: int = 0, timeout: float = 30) -> None:
        self._key = config.keys[0] if config.keys else "any"
        path = os.pathsep.join(filter(None, (_PACKAGES, os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "importer.sandbox"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,  # the terminal's Ctrl-C and hang-up are this process's to handle
        )
        try:
            self.url = self._begin({"config": config.to_json(), "host": host, "port": port}, timeout)
        except BaseException:
            self.kill()
            raise

    def _begin(self, order: Mapping[str, Any], timeout: float) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        late = threading.Timer(timeout, self._process.kill)
        late.start()
        try:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(json.dumps(order).encode() + b"\n")
                self._process.stdin.flush()
            line = self._process.stdout.readline()
        finally:
            late.cancel()
        answer = json.loads(line) if line else {"error": f"it said nothing within {timeout:g} seconds, or died"}
        if "error" in answer:
            raise SandboxStartError(f"the sandbox did not start: {answer['error']}")
        url: str = answer["url"]
        return url

    @property
    def pid(self) -> int:
        return self._process.pid

    def customers(self) -> list[dict[str, Any]]:
        """All customers, whole, in the order they were created."""
        customers: list[dict[str, Any]] = self._ask("GET", "customers")["data"]
        return customers

    def requests(self) -> list[dict[str, Any]]:
        """The requests in the order they came, with the fields of :class:`importer.sandbox.LoggedRequest`."""
        requests: list[dict[str, Any]] = self._ask("GET", "requests")["data"]
        return requests

    def counts(self) -> dict[str, Any]:
        """Customers, active and inactive ones, requests by status and by fault."""
        counts: dict[str, Any] = self._ask("GET", "counts")
        return counts

    def set_faults(self, faults: str = "", aimed: Mapping[str, Iterable[str]] | None = None) -> None:
        """Put another fault plan in place; without arguments, none."""
        plan = {"faults": faults, "aimed": {name: list(names) for name, names in (aimed or {}).items()}}
        self._ask("PUT", "faults", plan)

    def reset(self) -> None:
        """Forget customers and requests, and take up the configured fault plan from its beginning."""
        self._ask("POST", "reset")

    def _ask(self, method: str, name: str, body: object = None) -> Any:
        place = urlsplit(self.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
        try:
            connection.request(method, f"/_sandbox/{name}", json.dumps(body), {"X-API-Key": self._key})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status >= 400:
            raise ValueError(f"the sandbox refused {method} {name}: {json.loads(content)['message']}")
        return json.loads(content) if content else None

    def stop(self, timeout: float = 5) -> None:
        """End it: requests under way are answered within a second, and what was committed is kept."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)
        self.kill()

    def kill(self) -> None:
        """End it at once, as a crash would; what was committed is kept in the data file."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()


@contextlib.contextmanager
def spawned(config: SandboxConfig, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[SandboxProcess]:
    """A sandbox in a process of its own, ended when the block is left. Raises SandboxStartError."""
    with SandboxProcess(config, host=host, port=port) as process:
        yield process
