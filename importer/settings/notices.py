"""The notifications of a job: the config file's ``[notify]`` table, and variables, which override it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from importer.errors import UsageError
from importer.settings.api_access import is_loopback, read_private
from importer.settings.config_file import guess, placed, read_toml

# How a run can end: exit code 0; 1; 3 by a guard; 2, or 3 for any other reason.
ENDS = ("success", "rejected", "guard", "failure")
_LISTS = ("urls", "on")
_KEYS = (*_LISTS, "urls-file", "healthcheck")
URLS, FILE, ON, CHECK = ("IMPORTER_NOTIFY_" + name for name in ("URLS", "URLS_FILE", "ON", "HEALTHCHECK"))


@dataclass(frozen=True)
class Notices:
    """``urls``: where Apprise sends to. ``on``: after which ends. ``healthcheck``: pinged at start and end.

    URLs hold secrets: no report, log or message shows them.
    """

    urls: tuple[str, ...] = field(default=(), repr=False)
    on: frozenset[str] = frozenset({"rejected", "guard", "failure"})
    healthcheck: str | None = field(default=None, repr=False)
    name: str = ""

    def __post_init__(self) -> None:
        wrong = sorted(self.on - set(ENDS))
        if wrong:
            raise UsageError(f"[notify] on: unknown event {', '.join(map(repr, wrong))}", f"Events: {', '.join(ENDS)}.")
        if self.healthcheck and not _is_private(self.healthcheck):
            raise UsageError("[notify] healthcheck is not an https URL", "Plain http is allowed only for this machine.")


def read_notices(path: Path | None, environment: Mapping[str, str]) -> Notices:
    """The notifications from the config file (if there is one) and from the environment, which overrides it.

    Raises :class:`UsageError`: an unknown key, a wrong value, or a file with URLs that others can read.
    """
    table = _notify_table(path) if path is not None and path.is_file() else {}
    file = environment.get(FILE) or table.get("urls-file")
    if URLS in environment:
        urls = environment[URLS].split()
    else:
        lines = read_private(Path(file), "the notification URLs").splitlines() if file else []
        stripped = [line.strip() for line in lines]
        urls = [*table.get("urls", ()), *(line for line in stripped if line and not line.startswith("#"))]
    on = environment[ON].split() if ON in environment else table.get("on", Notices.on)
    healthcheck = environment.get(CHECK, table.get("healthcheck")) or None
    return Notices(tuple(urls), frozenset(on), healthcheck, path.stem if path else "")


def _notify_table(path: Path) -> dict[str, Any]:
    table = read_toml(path).get("notify", {})
    if not isinstance(table, dict):
        raise UsageError(f"{path}: notify is not a table", "Write it as [notify] and, on the next line, urls = […].")
    table = {name.replace("_", "-"): value for name, value in table.items()}
    for name, value in table.items():
        if name not in _KEYS:
            raise UsageError(f"{path}: [notify] has no {name!r}{guess(name, _KEYS)}", f"Keys: {', '.join(_KEYS)}.")
        texts = value if name in _LISTS else [value]
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            expected = "a list of strings" if name in _LISTS else "text"
            raise UsageError(f"{path}: [notify] {name}: the value has the wrong type", f"Use {expected}.")
    if table.get("urls"):
        read_private(path, "the notification URLs")
    return placed(table, path.parent)


def _is_private(url: str) -> bool:
    """Whether an address is encrypted, or on this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    host = parts.hostname or ""
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))
