"""The sandbox as a server: in the foreground, or in a separate process that ends with this process."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from importer.sandbox.asgi_app import create_app
from importer.sandbox.sandbox_config import SandboxConfig
from importer.sandbox.sandbox_state import Sandbox

HOST = "127.0.0.1"
_LONGEST_HEAD = 1_000_000  # most bytes of a request's head that are read; max_target refuses earlier, with a message


class PortTakenError(OSError):
    """The port cannot be listened on; the message says which and why."""


class Server(uvicorn.Server):
    """uvicorn with a callback when it is ready, and with signals that end the server but not the process."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._on_ready()

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


def bind(port: int) -> socket.socket:
    """A listening socket, only on this machine's loopback address; port 0 means any free port.

    Raises PortTakenError.
    """
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        raise PortTakenError(f"the sandbox cannot listen on {HOST} port {port}: {reason}") from error
    return listener


def url_of(listener: socket.socket) -> str:
    return f"http://{HOST}:{listener.getsockname()[1]}"


def quiet_config(app: ASGIApp, **more: Any) -> uvicorn.Config:
    """The configuration for serving an application that prints nothing, and ends within a second."""
    quiet: dict[str, Any] = {"log_config": None, "log_level": "critical", "access_log": False}
    return uvicorn.Config(app, lifespan="off", timeout_graceful_shutdown=1, **quiet, **more)


def server_config(app: Starlette) -> uvicorn.Config:
    """The configuration for serving ``app``. The sandbox knows its connections, so that faults can close them."""
    config = quiet_config(app, timeout_keep_alive=30, h11_max_incomplete_event_size=_LONGEST_HEAD)
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
    return config


def serve(config: SandboxConfig, *, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve in the foreground until SIGINT or SIGTERM; ``on_ready`` gets the URL once requests are answered.

    Raises PortTakenError, DataFileError, and ValueError for unreadable fixtures.
    """
    with bind(port) as listener:
        app = create_app(config)
        url = url_of(listener)
        server = Server(server_config(app), lambda: on_ready(url))
        try:
            server.run([listener])
        finally:
            app.state.sandbox.store.close()


_PACKAGES = str(Path(__file__).resolve().parents[2])
_PATIENCE = 30  # seconds


class SandboxStartError(OSError):
    """The sandbox's process did not begin to serve; the message says why."""


@contextlib.contextmanager
def spawned(config: SandboxConfig) -> Iterator[str]:
    """The URL of a sandbox in a separate process, ``python -m importer.sandbox``, which ends when the block is left.

    The options, including keys, are passed only through the pipe on the child's standard input, never as arguments or
    in the environment. The child ends when that pipe is closed, at the end of the block or when this process dies for
    any reason. Then requests in progress are answered within a second, and committed data is kept. Raises
    SandboxStartError.
    """
    path = os.pathsep.join(filter(None, (_PACKAGES, os.environ.get("PYTHONPATH"))))
    with subprocess.Popen(
        [sys.executable, "-m", "importer.sandbox"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
        start_new_session=True,  # this process handles the terminal's Ctrl-C and hang-up
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        late = threading.Timer(_PATIENCE, process.kill)
        late.start()
        try:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(config.to_json() + b"\n")
                process.stdin.flush()
            line = process.stdout.readline()
            late.cancel()
            answer = json.loads(line) if line else {"error": f"it said nothing within {_PATIENCE:g} seconds, or died"}
            if "error" in answer:
                raise SandboxStartError(f"the sandbox did not start: {answer['error']}")
            yield answer["url"]
        finally:
            late.cancel()
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()
