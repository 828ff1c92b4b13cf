"""The API's address from what the user wrote."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from importer.errors import UsageError

__all__ = ["is_loopback", "resolve_target"]

TARGETS = {
    "production": "https://api.wizcommerce.com",  # the project's source document
    "staging": "https://api-staging.sourcerer.tech",  # the vendor's public API reference
}
DEFAULT_PORTS = {"http": 80, "https": 443}
HINT = "Give --api staging, production, or a URL such as https://api.wizcommerce.com."
_HOST_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_][a-z0-9_-]{0,62})*")


def resolve_target(target: str) -> str:
    """``staging``, ``production`` or a URL (with or without ``/v1``) → the base URL, without ``/v1`` or a final slash.

    Raises :class:`UsageError` for anything else: plain http to another machine, credentials, a query, another path.
    """
    name = target.strip()
    if known := TARGETS.get(name.lower()):
        return known
    if not name.isascii() or not name.isprintable() or "\\" in name or " " in name:
        raise UsageError("the API's address holds characters that no URL has", HINT)
    try:
        parts = urlsplit(name)
        host, port = (parts.hostname or "").removesuffix("."), parts.port  # with a final dot it is the same host
    except ValueError:
        raise UsageError("the API's address is not a URL", HINT) from None
    if "@" in parts.netloc:
        raise UsageError(
            "the API's address holds a user name or password",
            "Leave it out; the key comes from WIZCOMMERCE_API_KEY or --api-key-file.",
        )
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS or not host:
        raise UsageError(f"the API's address is neither a known name nor an http(s) URL: {name}", HINT)
    if not (_is_address(host) or _HOST_NAME.fullmatch(host)) or port == 0:
        raise UsageError(f"the API's address has no valid host: {name}", HINT)
    if "?" in name or "#" in name or parts.path.rstrip("/") not in {"", "/v1"}:
        raise UsageError(f"the API's address goes beyond the host: {name}", "Only /v1 may follow the host.")
    if scheme == "http" and not is_loopback(host):
        raise UsageError(f"plain http would show the key to the network: {name}", "Use https.")
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}" if port in {None, DEFAULT_PORTS[scheme]} else f"{scheme}://{shown}:{port}"


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine: ``localhost`` or a loopback address."""
    return host == "localhost" or (_is_address(host) and ip_address(host).is_loopback)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
