"""Requests over httpx, sent in a way that shows whether a request may have left this machine.

The exception of a failed request proves nothing: httpx-aiohttp raises ``ConnectTimeout`` even if the server has read
the whole request. The proof is the body. It is passed as a stream, and the transport reads the stream's first bytes
only once it has a connection. Until then, it does not send the headers either.
"""

import base64
import logging
import os
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import anyio.lowlevel
import httpx
from httpx_aiohttp import AiohttpTransport

from importer.errors import UsageError
from importer.settings.api_access import is_loopback

# Servers commonly close idle connections after 5 s (uvicorn, Node.js) or later. Closing them earlier means that a POST
# is hardly ever sent on a connection that is being closed, which would leave its outcome unknown.
KEEPALIVE_SECONDS = 4.0
LARGEST = 8 * 2**20  # bytes per response: 80 KB for each item of a full page
LARGE = 2**18  # bytes; larger responses are read one at a time, so that many connections use no more memory than one


def _is_unreported(record: logging.LogRecord) -> bool:
    """Drop asyncio's log entry about a lost connection: the importer reports it as an answer."""
    return not (record.exc_info and isinstance(record.exc_info[1], ConnectionError))


logging.getLogger("asyncio").addFilter(_is_unreported)


class UnreadableAnswerError(Exception):
    """The response is too large, has an unexpected encoding, or is for another request; the message says which."""


class SendTracker(httpx.AsyncByteStream):
    """The body of one request. ``on_send`` is called when its first bytes are requested, even if it is empty."""

    def __init__(self, body: bytes, on_send: Callable[[], None]) -> None:
        self._body = body
        self._on_send = on_send
        self._begun = self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        await anyio.lowlevel.checkpoint()  # a stray response that has already arrived is returned in the meantime
        if self._closed:
            raise ConnectionAbortedError("abandoned before it was sent")
        self._begun = True
        self._on_send()
        if self._body:
            yield self._body

    def close(self) -> bool:
        """Returns whether the request may have been sent. If not, it never will be."""
        self._closed = True
        return self._begun


class Transport(AiohttpTransport):
    """At most ``connections`` to ``base_url`` at a time, kept alive, with complete responses of limited size.

    Certificates and a proxy are taken from the environment. Raises :class:`UsageError` if they cannot be used.
    """

    def __init__(self, base_url: str, connections: int) -> None:
        super().__init__(
            verify=_ssl_context(base_url),
            trust_env=False,
            limits=httpx.Limits(max_connections=connections, keepalive_expiry=KEEPALIVE_SECONDS),
            proxy=_proxy(base_url),
        )
        self._large = anyio.Lock()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        async with aclosing(await super().handle_async_request(request)) as response:
            # No cookie of an answer goes into another request. Nothing else can run before this line.
            self.get_client().cookie_jar.clear()
            response.headers.pop("set-cookie", None)
            if response.headers.get("content-encoding", "identity").lower() != "identity":
                raise UnreadableAnswerError("the response is compressed, although the importer did not request that")
            content = await self._read(response)
            return httpx.Response(response.status_code, headers=response.headers, content=content)

    async def _read(self, response: httpx.Response) -> bytes:
        content = bytearray()
        async with AsyncExitStack() as stack:
            async for chunk in response.aiter_raw():
                if len(content) <= LARGE < len(content) + len(chunk):
                    await stack.enter_async_context(self._large)
                content += chunk
                if len(content) > LARGEST:
                    raise UnreadableAnswerError(f"the response is larger than {LARGEST // 2**20} MB")
        return bytes(content)


def _ssl_context(base_url: str) -> ssl.SSLContext:
    if urlsplit(base_url).scheme != "https":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # not used, and trusts no certificate
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if folder and not file and not Path(folder).is_dir():
        raise UsageError(
            f"SSL_CERT_DIR names a folder that does not exist: {folder}",
            "Set it to a folder of certificates in PEM form, or unset it.",
        )
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        raise UsageError(
            f"the certificates cannot be read from {file or folder or 'the package certifi'} "
            f"({error.strerror or type(error).__name__})",
            "Set SSL_CERT_FILE to a file of certificates in PEM form, or unset it.",
        ) from None


def _proxy(base_url: str) -> httpx.Proxy | None:
    """The environment's proxy for ``base_url``, with its password in a header that it alone gets; none for loopback."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    proxies = getproxies()
    address = proxies.get(parts.scheme) or proxies.get("all")
    if not address or is_loopback(host) or proxy_bypass(host):
        return None
    try:
        url = httpx.URL(address if "://" in address else f"http://{address}")
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in {"http", "https"} or not url.host:
        raise UsageError(
            "the proxy in HTTPS_PROXY or ALL_PROXY is not an http(s) URL",
            "Set it to a URL such as http://proxy.example.com:3128, or add the API's host to NO_PROXY.",
        )
    user = base64.b64encode(f"{url.username}:{url.password}".encode()).decode("ascii")
    headers = {"Proxy-Authorization": f"Basic {user}"} if url.username else {}
    return httpx.Proxy(url.copy_with(username=None, password=None), headers=headers)
