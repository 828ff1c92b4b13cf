"""httpx over aiohttp's connections, made to tell exactly whether a request may have left this machine.

httpx's own pool looks through every connection for each request and gets slower with every worker; aiohttp's does not.
"""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from importer.api.target import is_loopback

__all__ = ["Departure", "build_transport", "departures", "proxy_for"]

# Servers commonly close idle connections after 5 s (uvicorn, Node.js) or later. Giving them up before that means that
# a POST hardly ever meets a connection that is being closed, which would leave its outcome unknown.
KEEPALIVE_SECONDS = 4.0


class Departure:
    """Whether a request was handed to a connection."""

    __slots__ = ("begun",)

    def __init__(self) -> None:
        self.begun = False


_departure: ContextVar[Departure] = ContextVar("departure")


@contextmanager
def departures() -> Iterator[Departure]:
    """Watch the one request that is sent inside the ``with`` block."""
    departure = Departure()
    token = _departure.set(departure)
    try:
        yield departure
    finally:
        _departure.reset(token)


class _WatchedRequest(aiohttp.ClientRequest):
    """Notes the moment at which a connection is there and the request is about to be written to it.

    aiohttp sends GET and DELETE a second time by itself when a kept-alive connection turns out to be dead; this would
    pass by the pacing, so that the second time is refused here and left to the client's own retries.
    """

    async def send(self, conn: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        departure = _departure.get()
        if departure.begun:
            raise httpx.ReadError("the connection was lost")
        if conn.transport is None or conn.transport.is_closing():
            raise httpx.ConnectError("the kept-alive connection was closed before anything was written")
        departure.begun = True
        return await super().send(conn)


def build_transport(base_url: str, connections: int) -> AiohttpTransport:
    """A transport for ``base_url``: verified TLS, at most ``connections`` at a time, proxies from the environment.

    To be called inside the running loop, and closed with ``aclose``.
    """
    context = httpx.create_ssl_context()
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, ssl=context, keepalive_timeout=KEEPALIVE_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        request_class=_WatchedRequest,
        trust_env=False,
    )
    return AiohttpTransport(verify=context, client=session, proxy=proxy_for(base_url))


def proxy_for(base_url: str) -> httpx.Proxy | None:
    """The proxy that ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` name for ``base_url``; never one for loopback."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if is_loopback(host) or proxy_bypass(host):
        return None
    proxies = getproxies()
    address = proxies.get(parts.scheme) or proxies.get("all")
    if not address:
        return None
    proxy = urlsplit(address if "://" in address else f"http://{address}")
    headers = {}
    if proxy.username:
        user = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        headers["Proxy-Authorization"] = "Basic " + base64.b64encode(user.encode()).decode("ascii")
    return httpx.Proxy(f"{proxy.scheme}://{proxy.netloc.rpartition('@')[2]}", headers=headers)
