"""The sandbox as a server: in a thread, in the foreground, or in a process of its own that ends with this one."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any, Self

import anyio
import httpx
import uvicorn
from starlette.applications import Starlette

from importer.sandbox.asgi_app import create_app
from importer.sandbox.sandbox_config import Clock, SandboxConfig, check_host
from importer.sandbox.sandbox_state import LoggedRequest, Sandbox

_LONGEST_HEAD = 1_000_000  # bytes of a request's head that are read at all; max_target refuses earlier, and says so


class PortTakenError(OSError):
    """The port cannot be listened on; the message says which and why."""


class Server(uvicorn.Server):
    """uvicorn with a call when it is ready, and signals that end it without ending the process."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._on_ready()

    async def main_loop(self) -> None:
        """As uvicorn does it, which looks only ten times a second whether it should end."""
        ticks = count()
        while not await self.on_tick(next(ticks)):  # noqa: ASYNC110 - signals and other threads set what it looks at
            await anyio.sleep(0.02)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does it, which waits for a tenth of a second even if no connection is open."""
        if self.server_state.connections:
            await super().shutdown(sockets=sockets)
            return
        for listening in (*self.servers, *(sockets or ())):
            listening.close()

    def stop(self) -> None:
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(_number: int, _frame: FrameType | None) -> None:
            self.stop()

        stopping = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) != signal.SIG_IGN]
        before = {number: signal.signal(number, stop) for number in stopping}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket on this machine's loopback; port 0 takes any that is free.

    Raises PortTakenError, and ValueError for a host that others could reach.
    """
    check_host(host)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        raise PortTakenError(f"the sandbox cannot listen on {host} port {port}: {reason}") from error
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def make_server(app: Starlette, on_ready: Callable[[], None]) -> Server:
    """A server for ``app`` that registers each connection with the sandbox, so that faults can close it."""
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="critical",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
        timeout_keep_alive=30,
        h11_max_incomplete_event_size=_LONGEST_HEAD,
    )
    config.load()
    sandbox: Sandbox = app.state.sandbox
    protocol: Any = config.http_protocol_class

    class Tracked(protocol):  # type: ignore[misc]  # whichever of uvicorn's protocols is installed
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            sandbox.connections[self.client] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            sandbox.connections.pop(self.client, None)
            super().connection_lost(exc)

    config.http_protocol_class = Tracked
    return Server(config, on_ready)


class RunningSandbox:
    """A sandbox that serves at ``url`` from a thread of this process, and what tests ask of it."""

    def __init__(self, url: str, sandbox: Sandbox) -> None:
        self.url = url
        self.customers = sandbox.customers
        self.counts = sandbox.counts
        self.reset = sandbox.reset
        self.set_faults = sandbox.set_faults
        self._log = sandbox.log

    def requests(self) -> list[LoggedRequest]:
        """The requests in the order they came (the latest 200,000)."""
        return list(self._log)


@contextlib.contextmanager
def running(
    config: SandboxConfig | None = None, *, host: str = "127.0.0.1", port: int = 0, clock: Clock | None = None
) -> Iterator[RunningSandbox]:
    """A sandbox in a thread of this process. Raises PortTakenError, DataFileError, ValueError as its parts do."""
    listener = bind(host, port)
    try:
        app = create_app(config or SandboxConfig(), clock)
    except BaseException:
        listener.close()
        raise
    url, ready = _url(listener), threading.Event()
    server = make_server(app, ready.set)
    thread = threading.Thread(target=server.run, args=([listener],), name="sandbox", daemon=True)
    thread.start()
    try:
        while not ready.wait(0.1):
            if not thread.is_alive():
                raise RuntimeError("the sandbox ended before it served")
        yield RunningSandbox(url, app.state.sandbox)
    finally:
        server.stop()
        thread.join()
        app.state.sandbox.store.close()


def serve(config: SandboxConfig, *, host: str, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve in the foreground until SIGINT or SIGTERM; ``on_ready`` gets the URL once requests are answered.

    Raises PortTakenError, DataFileError, and ValueError for a host that is not loopback or unreadable fixtures.
    """
    with bind(host, port) as listener:
        app = create_app(config)
        url = _url(listener)
        server = make_server(app, lambda: on_ready(url))
        try:
            server.run([listener])
        finally:
            app.state.sandbox.store.close()


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
        with httpx.Client(base_url=self.url, trust_env=False, timeout=30, headers={"X-API-Key": self._key}) as client:
            answer = client.request(method, f"/_sandbox/{name}", json=body)
        if answer.is_error:
            raise ValueError(f"the sandbox refused {method} {name}: {answer.json()['message']}")
        return answer.json() if answer.content else None

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
