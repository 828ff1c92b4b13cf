"""Who hears of a run, and of which ends: the ``[notify]`` table of a config file, and the environment before it."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from importer.errors import UsageError
from importer.settings.api_key import read_private
from importer.settings.config_file import placed, read_toml

__all__ = ["ENDS", "Notices", "read_notices"]

# How a run can end: exit code 0; 1; 3 by a guard; 2, or 3 for any other reason.
ENDS = ("success", "rejected", "guard", "failure")
KEYS = ("urls", "urls-file", "on", "healthcheck")
URLS, FILE, ON, CHECK = ("IMPORTER_NOTIFY_" + name for name in ("URLS", "URLS_FILE", "ON", "HEALTHCHECK"))


@dataclass(frozen=True)
class Notices:
    """``urls``: where Apprise sends to. ``on``: after which ends. ``healthcheck``: pinged at start and end.

    URLs hold secrets: they stand in no report, log or message.
    """

    urls: tuple[str, ...] = field(default=(), repr=False)
    on: frozenset[str] = frozenset({"rejected", "guard", "failure"})
    healthcheck: str | None = field(default=None, repr=False)
    name: str = ""

    def __post_init__(self) -> None:
        wrong = sorted(self.on - set(ENDS))
        if wrong:
            raise UsageError(f"[notify] on: there is no {', '.join(map(repr, wrong))}", f"There are {', '.join(ENDS)}.")
        if self.healthcheck and not _private(self.healthcheck):
            raise UsageError("[notify] healthcheck: it is no https address", "Plain http is for this machine only.")


def read_notices(path: Path | None, environment: Mapping[str, str]) -> Notices:
    """Who is to hear, by the file of ``--config`` (if it is one) and the environment, which goes before it.

    Raises :class:`UsageError`: an unknown key, a wrong value, or a file with URLs that others can read.
    """
    table = _table(path) if path is not None and path.is_file() else {}
    file = environment.get(FILE) or table.get("urls-file")
    if URLS in environment:
        urls = environment[URLS].split()
    else:
        urls = [*table.get("urls", ()), *(_listed(Path(file)) if file else ())]
    on = environment[ON].split() if ON in environment else table.get("on", Notices.on)
    healthcheck = environment.get(CHECK, table.get("healthcheck")) or None
    return Notices(tuple(urls), frozenset(on), healthcheck, path.stem if path else "")


def _listed(path: Path) -> list[str]:
    lines = (line.strip() for line in read_private(path, "the notification URLs").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _table(path: Path) -> dict[str, Any]:
    table = read_toml(path).get("notify", {})
    if not isinstance(table, dict):
        raise UsageError(f"{path}: notify is a table", "Write it like [notify] and, in the next line, urls = […].")
    table = {name.replace("_", "-"): value for name, value in table.items()}
    for name, value in table.items():
        if name not in KEYS:
            near = difflib.get_close_matches(name, KEYS, n=1)
            guess = f" (did you mean {near[0]}?)" if near else ""
            raise UsageError(f"{path}: [notify] has no {name!r}{guess}", f"There are: {', '.join(KEYS)}.")
        texts = value if name in {"urls", "on"} and isinstance(value, list) else [value]
        if not all(isinstance(text, str) for text in texts) or (texts is not value and name in {"urls", "on"}):
            raise UsageError(
                f"{path}: [notify] {name}: a value of the wrong kind", "URLs are texts; so is what on lists."
            )
    if table.get("urls"):
        read_private(path, "the notification URLs")
    if "urls-file" in table:
        table["urls-file"] = placed({"log": table["urls-file"]}, path.parent)["log"]
    return table


def _private(url: str) -> bool:
    """Whether an address is encrypted, or of this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        local = host == "localhost" or (parts.scheme == "http" and ip_address(host).is_loopback)
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and local))
