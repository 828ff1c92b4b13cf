"""The API's base URL, resolved from what the user wrote, and its key."""

import os
import re
import stat
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from importer.errors import UsageError
from importer.wording import nearest

KEY_VARIABLE = "WIZCOMMERCE_API_KEY"
TARGETS = {
    "production": "https://api.wizcommerce.com",  # the project's source document
    "staging": "https://api-staging.sourcerer.tech",  # the vendor's public API reference
}
DEFAULT_PORTS = {"http": 80, "https": 443}
HINT = "Use --api sandbox, staging, production, or a URL such as https://api.wizcommerce.com."
_HOST_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_][a-z0-9_-]{0,62})*")


def resolve_target(target: str) -> str:
    """``staging``, ``production``, or a URL → the base URL without ``/v1`` or a trailing slash.

    Raises :class:`UsageError` for anything else: plain http to a different machine, credentials, a query, or a path
    other than ``/v1``.
    """
    name = target.strip()
    if known := TARGETS.get(name.lower()):
        return known
    if not name.isascii() or not name.isprintable() or "\\" in name or " " in name:
        raise UsageError("the API's URL has characters that a URL cannot contain", HINT)
    try:
        parts = urlsplit(name)
        host, port = (parts.hostname or "").removesuffix("."), parts.port  # a trailing dot does not change the host
    except ValueError:
        raise UsageError("the API's URL is not valid", HINT) from None
    if "@" in parts.netloc:
        raise UsageError(
            "the API's URL contains a user name or password",
            "Leave it out; the key comes from WIZCOMMERCE_API_KEY or --api-key-file.",
        )
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS or not host:
        guess = "".join(f"Did you mean {near}? " for near in nearest(name.lower(), ("sandbox", *TARGETS)))
        raise UsageError(f"the API is neither a known name nor an http(s) URL: {name}", guess + HINT)
    if not (_is_address(host) or _HOST_NAME.fullmatch(host)) or port == 0:
        raise UsageError(f"the API's URL has no valid host: {name}", HINT)
    if "?" in name or "#" in name or parts.path.rstrip("/") not in {"", "/v1"}:
        raise UsageError(f"the API's URL has more than a host: {name}", "Only /v1 may follow the host.")
    if scheme == "http" and not is_loopback(host):
        raise UsageError(f"plain http would expose the key to the network: {name}", "Use https.")
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


def read_key(environment: Mapping[str, str], key_file: Path | None) -> str:
    """The API key from the file if there is one, otherwise from the environment; never from an argument.

    Raises :class:`UsageError` if there is no key, or if users other than its owner can read the file.
    """
    if key_file is not None:
        key = read_private(key_file, "the API key", "--api-key-file").strip()
        if not key:
            raise UsageError(f"{key_file}: the API key file is empty")
        return key
    key = environment.get(KEY_VARIABLE, "").strip()
    if not key:
        raise UsageError(
            "there is no API key",
            f"Set the environment variable {KEY_VARIABLE}, or specify a file with --api-key-file. "
            "The local test API needs no key: --api sandbox.",
        )
    return key


def read_private(path: Path, what: str, option: str) -> str:
    """The text of the file that ``option`` specifies; ``what`` names its content in messages.

    Raises :class:`UsageError` if the file cannot be read, or if other users can read it.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file", f"Check {option}.") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UsageError(f"{path}: the file with {what} cannot be read: {reason}") from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(f"other users can read {what} in {path}", f"Run: chmod 600 {path}")
    return text
