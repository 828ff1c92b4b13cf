"""Requests over aiohttp's connections, made to tell exactly whether one may have left this machine.

The pool, TLS, proxies and the reading of answers are aiohttp's. Its session is passed by: it takes twice as long for a
request as all the rest, and sends some a second time by itself when a kept-alive connection turns out to be dead.
"""

import asyncio
import base64
import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import certifi
from aiohttp.http import HttpProcessingError
from yarl import URL

from importer.api.target import is_loopback
from importer.errors import UsageError

__all__ = ["FAULTS", "Departure", "Proxy", "Received", "Transport", "proxy_for", "trusted_authorities"]

# Servers commonly close idle connections after 5 s (uvicorn, Node.js) or later. Giving them up before that means that
# a POST hardly ever meets a connection that is being closed, which would leave its outcome unknown.
KEEPALIVE_SECONDS = 4.0
FAULTS = (aiohttp.ClientError, HttpProcessingError, OSError, ValueError, EOFError)  # what an exchange can raise
_NO_TIME_OUT = aiohttp.ClientTimeout()  # whoever asks has one for the whole exchange


@dataclass(slots=True)
class Departure:
    """Whether a request was handed to a connection. ``notice`` is called right before."""

    notice: Callable[[], None]
    begun: bool = False

    def begin(self) -> None:
        """The request is about to be written."""
        self.notice()
        self.begun = True


@dataclass(frozen=True, slots=True)
class Received:
    """An answer as it came; the names of ``headers`` are found in any case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Proxy:
    """The address of a proxy, and the headers that are meant for it alone."""

    url: str
    headers: Mapping[str, str]


class Transport:
    """At most ``connections`` to ``base_url`` at a time, kept alive: an async context manager.

    TLS is verified, and proxies are taken from the environment.
    """

    def __init__(self, base_url: str, connections: int) -> None:
        self._url = URL(base_url)
        self._connections = connections
        self._proxy = proxy_for(base_url)
        self._context = trusted_authorities() if self._url.scheme == "https" else True

    async def __aenter__(self) -> Self:
        self._connector = aiohttp.TCPConnector(
            limit=self._connections, ssl=self._context, keepalive_timeout=KEEPALIVE_SECONDS
        )
        self._direct = self._new_route()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._connector.close()

    async def exchange(self, request: bytes, departure: Departure) -> Received:
        """Write one whole request to a connection, and read its answer.

        ``departure`` tells afterwards, whatever was raised (one of ``FAULTS``, or a cancellation), whether any of it
        may have left. Redirects are answers, and nothing is sent twice.
        """
        route = self._direct if self._proxy is None else self._new_route()  # aiohttp writes into one with a proxy
        connection = await self._connector.connect(route, [], _NO_TIME_OUT)
        try:
            received = await _converse(connection, request, departure)
        except BaseException:
            connection.close()
            raise
        connection.release()
        return received

    def _new_route(self) -> aiohttp.ClientRequest:
        """What aiohttp needs to know to connect, in the form in which it wants to be told."""
        proxy = self._proxy
        return aiohttp.ClientRequest(
            "GET",
            self._url,
            loop=asyncio.get_running_loop(),
            proxy=URL(proxy.url) if proxy else None,
            proxy_headers=dict(proxy.headers) if proxy else None,
        )


async def _converse(connection: aiohttp.connector.Connection, request: bytes, departure: Departure) -> Received:
    protocol, transport = connection.protocol, connection.transport
    if protocol is None or transport is None or transport.is_closing() or protocol.should_close:
        # Closed, or something came that nobody asked for, and must not be taken for the answer to this.
        raise ConnectionResetError("the kept-alive connection came to its end before anything was written")
    protocol.set_response_params(read_until_eof=True)
    departure.begin()
    transport.write(request)
    message, payload = await protocol.read()
    while message.code < 200 and message.code != HTTPStatus.SWITCHING_PROTOCOLS:  # an announcement; more follows
        message, payload = await protocol.read()
    return Received(message.code, message.headers, await payload.read())


def trusted_authorities() -> ssl.SSLContext:
    """TLS that is verified against ``SSL_CERT_FILE`` or ``SSL_CERT_DIR``, else against the authorities of certifi.

    Raises :class:`UsageError` when the file holds none.
    """
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if folder and not file:
        return ssl.create_default_context(capath=folder)
    try:
        return ssl.create_default_context(cafile=file or certifi.where())
    except OSError as error:
        raise UsageError(
            f"no certificates can be read from {file or certifi.where()} ({error.strerror or error})",
            "SSL_CERT_FILE, if set, names a file of certificates in PEM form.",
        ) from None


def proxy_for(base_url: str) -> Proxy | None:
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
    return Proxy(f"{proxy.scheme}://{proxy.netloc.rpartition('@')[2]}", headers)
