"""A sandbox in a thread of the process that runs the tests."""

import contextlib
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Any

import anyio

from importer.sandbox import Clock, SandboxConfig, create_app
from importer.sandbox.sandbox_state import LoggedRequest, Sandbox
from importer.sandbox.server import Server, bind, server_config, url_of


class QuickServer(Server):
    """Stops at once. uvicorn looks for a stop ten times a second, and many tests would mostly wait for that."""

    async def main_loop(self) -> None:
        ticks = count()
        while not await self.on_tick(next(ticks)):  # noqa: ASYNC110 - another thread sets what it looks at
            await anyio.sleep(0.02)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self.server_state.connections:
            await super().shutdown(sockets=sockets)
            return
        for listening in (*self.servers, *(sockets or ())):
            listening.close()


class RunningSandbox:
    """A sandbox that serves at ``url``, with what tests need to inspect it."""

    def __init__(self, url: str, sandbox: Sandbox) -> None:
        self.url = url
        self.set_faults = sandbox.set_faults
        self._sandbox = sandbox

    def customers(self) -> list[dict[str, Any]]:
        """All customers with all their data, in the order they were created."""
        return [row.customer() for row in sorted(self._sandbox.store, key=lambda row: row.number)]

    def requests(self) -> list[LoggedRequest]:
        """The requests in order of arrival (the latest 200,000)."""
        return list(self._sandbox.log)

    def counts(self) -> dict[str, Any]:
        """The number of customers, and of logged requests by status and by fault."""
        store, log = self._sandbox.store, self.requests()
        active = sum(row.active for row in store)
        return {
            "customers": len(store),
            "active": active,
            "inactive": len(store) - active,
            "requests": len(log),
            "statuses": dict(Counter(str(entry.status) for entry in log)),
            "faults": dict(Counter(entry.fault for entry in log if entry.fault is not None)),
        }


@contextlib.contextmanager
def running(
    config: SandboxConfig | None = None, *, port: int = 0, clock: Clock | None = None
) -> Iterator[RunningSandbox]:
    """A sandbox in a thread of this process; ``port`` 0 picks any free port.

    Raises PortTakenError, DataFileError, and ValueError.
    """
    app = create_app(config or SandboxConfig(), clock)
    listener = bind(port)
    ready = threading.Event()
    server = QuickServer(server_config(app), ready.set)
    thread = threading.Thread(target=server.run, args=([listener],), name="sandbox", daemon=True)
    thread.start()
    try:
        while not ready.wait(0.1):
            if not thread.is_alive():
                raise RuntimeError("the sandbox ended before it served")
        yield RunningSandbox(url_of(listener), app.state.sandbox)
    finally:
        server.stop()
        thread.join()
        app.state.sandbox.store.close()
