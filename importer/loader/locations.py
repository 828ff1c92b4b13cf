"""Sources behind URLs that fsspec can open: which are allowed, how they are read, and how they are shown."""

import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

from importer.errors import NoSourceError, SourceError
from importer.loader.content import is_clutter
from importer.settings.api_access import is_loopback

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?:::|://)")
_WEB = frozenset({"http", "https"})
_PLAIN = frozenset({"http", "ftp"})  # not encrypted
_LOCAL = frozenset({"file", "local", "memory", "zip", "tar"})
_CREDENTIALS = re.compile(r"^(?:[^@/]*|[^@/:]*:(?!\d+/)[^@]*)@")


@dataclass(frozen=True)
class RemoteFile:
    """A file behind a URL. ``url``: without credentials, as messages and reports show it."""

    url: str = field(compare=False)
    path: str = field(repr=False)  # may contain credentials, like the file system
    system: Any = field(repr=False)

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the file's folders, followed by its own name."""
        names = [part for part in re.split(r"/|::", self.url.split("://", 1)[-1]) if part]
        if "::" in self.url:  # zip://b.csv::https://…/a.zip: b.csv within a.zip
            inner, outer = self.url.split("::", 1)
            names = [*RemoteFile(outer, "", None).parts, *RemoteFile(inner, "", None).parts]
        return tuple(unquote(name) for name in names)

    def read(self) -> bytes:
        """Its bytes. Raises :class:`SourceError`."""
        with _explained(self.url):
            content: bytes = self.system.cat_file(self.path)
            return content


def is_url(source: str) -> bool:
    """Whether a source is a URL, or a chain of URLs, and not a path."""
    return bool(_URL.match(source)) and "://" in source


def local_path(source: str) -> str | None:
    """The path of a ``file://`` URL; None for others."""
    scheme, _, rest = source.partition("://")
    if scheme.casefold() not in {"file", "local"}:
        return None
    return rest.removeprefix("localhost") if rest.startswith("localhost/") else rest


def public_source(source: str) -> str:
    """A source as messages and reports may show it: without user, password and query."""
    return "::".join(_public(part) for part in _parts(source)) if is_url(source) else source


def _parts(source: str) -> list[str]:
    """The URLs of a chain. The two colons of an IPv6 address in brackets do not separate."""
    return re.split(r"::(?![0-9A-Fa-f:.]*\])", source)


def _public(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.casefold() in _LOCAL:
        return url
    return f"{scheme}://{re.split(r'[?#]', _CREDENTIALS.sub('', rest, count=1), maxsplit=1)[0]}"


def find_remote(source: str) -> list[RemoteFile]:
    """The files of a URL: one file, the files of a folder, or all that match a pattern.

    Raises :class:`SourceError` for an unknown kind of URL, one whose packages are not installed, plain http and ftp to
    other machines, and if there is no such file. Redirects and links are checked in the same way when followed.
    """
    shown = public_source(source)
    from fsspec.core import url_to_fs  # noqa: PLC0415 - seldom needed, and slow to import

    with _explained(shown):
        for part in _parts(source):
            _refuse_plain(part)
        system, path = url_to_fs(source, **_checks(source))
    web = _scheme(source) in _WEB
    pattern = re.split(r"[?#]", path, maxsplit=1)[0] if web else path
    with _explained(shown):
        if re.search(r"[*\[]" if web else r"[*?\[]", pattern):
            found = [name for name in system.glob(path) if web or not system.isdir(name)]
        elif not web and system.isdir(path):
            found = [name for name in system.ls(path, detail=False) if not system.isdir(name)]
        else:
            return [RemoteFile(shown, path, system)]
    names = sorted(name for name in found if not is_clutter(name))
    if not names:
        raise NoSourceError(f"{shown}: no file matches", "Check the address; hidden files are not read.")
    chain = shown.partition("::")[1:]
    return [RemoteFile(public_source(system.unstrip_protocol(name)) + "".join(chain), name, system) for name in names]


def _refuse_plain(url: str) -> None:
    scheme = _scheme(url)
    if scheme in _PLAIN and not is_loopback(urlsplit(url).hostname or ""):
        raise SourceError(
            f"{_public(url)}: customer data is not fetched over {scheme}, which is not encrypted",
            "Use https or sftp, or download the file yourself and import it.",
        )


def _checks(source: str) -> dict[str, Any]:
    """Options that make the file systems of web addresses check every request before they connect."""
    web = [part for part in _parts(source) if _scheme(part) in _WEB]
    local = all(is_loopback(urlsplit(part).hostname or "") for part in web)
    check = partial(_check_request, source=public_source(source), local=local)
    return {part.split("://", 1)[0]: {"client_kwargs": {"middlewares": (check,)}} for part in web}


async def _check_request(request: Any, handler: Callable[[Any], Awaitable[Any]], *, source: str, local: bool) -> Any:
    """A middleware of aiohttp: refuse what is refused as a source, and this machine if the source is remote.

    ``request``: aiohttp's, including those that follow a redirect; ``local``: the source is on this machine.
    """
    url = str(request.url)
    try:
        _refuse_plain(url)
    except SourceError as error:
        raise SourceError(f"{source} redirects: {error.message}", error.hint) from None
    if not local and is_loopback(urlsplit(url).hostname or ""):
        raise SourceError(
            f"{source} redirects to {_public(url)}, which is this machine", "Use the address of the file itself."
        )
    return await handler(request)


def _scheme(url: str) -> str:
    return url.split("://", 1)[0].casefold() if "://" in url else ""


@contextmanager
def _explained(shown: str) -> Iterator[None]:
    """Turn any error of a file system into a :class:`SourceError` without its text, which may contain credentials."""
    try:
        yield
    except SourceError:
        raise
    except FileNotFoundError as error:
        if isinstance(error.__cause__, SourceError):  # fsspec treats whatever stops a request as a missing file
            raise error.__cause__ from None
        raise NoSourceError(f"{shown}: no such file", "Check the address.") from error
    except ImportError as error:
        raise SourceError(
            f"{shown}: the packages that read such sources are not installed",
            "Install them with: pip install 'wizcommerce-importer[remote]'. Or download the file and import it.",
        ) from error
    except Exception as error:  # noqa: BLE001  # each file system has exceptions of its own
        if isinstance(error, ValueError) and "Protocol not known" in str(error):
            known = "file, https, s3, gs, abfs, sftp, and memory"
            raise SourceError(
                f"{shown}: this kind of source is not supported", f"These are supported: {known}."
            ) from None
        status = getattr(error, "status", None) or getattr(error, "strerror", None)
        detail = f"{type(error).__name__} {status}" if status else type(error).__name__
        raise SourceError(
            f"{shown}: the source cannot be read ({detail})",
            "Check the address and the credentials, or download the file and import it.",
        ) from None
