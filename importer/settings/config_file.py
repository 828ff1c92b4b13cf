"""The config file: its options, and its ``[notify]`` table, which variables override. Also the default ledger path."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from importer.errors import UsageError
from importer.settings.api_access import is_loopback, read_private
from importer.wording import nearest

PATHS = frozenset(
    {"sources", "mapping", "out", "ledger", "api_key_file", "lookups", "values", "corrections", "log", "urls-file"}
)
# How a run can end, by exit code: 0; 1; 3 if a guard stopped it; 2, or 3 for any other reason.
ENDS = ("success", "rejected", "guard", "failure")
_LISTS = ("urls", "on")
_KEYS = (*_LISTS, "urls-file", "healthcheck")
URLS, FILE, ON, CHECK = ("IMPORTER_NOTIFY_" + name for name in ("URLS", "URLS_FILE", "ON", "HEALTHCHECK"))


def default_ledger(environment: Mapping[str, str]) -> str:
    """``$XDG_STATE_HOME/importer/ledger.db``. If unset, it is ``~/.local/state`` (XDG base directory specification)."""
    home = environment.get("XDG_STATE_HOME") or "~/.local/state"
    return str(Path(home).expanduser() / "importer" / "ledger.db")


def read_config(path: Path, known: Iterable[str]) -> dict[str, Any]:
    """Read a TOML file of options, named as on the command line (or ``batch_size``), without its ``[notify]`` table.

    Raises :class:`UsageError` that names the file if it is unreadable, not TOML, or has an unknown option.
    """
    options = {name.rstrip("_").replace("_", "-"): name for name in known}  # ``for`` is a keyword in Python
    names = sorted(options)
    config = {name.replace("_", "-"): value for name, value in _read_toml(path).items() if name != "notify"}
    unknown = sorted(config.keys() - options.keys())
    if unknown:
        guesses = [_guess(name, names) for name in unknown]
        called = ", ".join(f"{name!r}{guess}" for name, guess in zip(unknown, guesses, strict=True))
        raise UsageError(f"{path}: unknown option {called}", "" if all(guesses) else f"Options: {', '.join(names)}.")
    return {options[name]: value for name, value in config.items()}


def placed(config: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The options of a config file, with relative paths resolved against ``folder``.

    URLs, ``-``, and the names of included mappings are not paths.
    """
    return {name: _placed(name, value, folder) if name in PATHS else value for name, value in config.items()}


def _placed(name: str, value: Any, folder: Path) -> Any:
    if isinstance(value, list):
        return [_placed(name, item, folder) for item in value]
    if not isinstance(value, str) or "://" in value or value in {"", "-"}:
        return value
    if name == "mapping" and Path(value).suffix not in {".yaml", ".yml"} and Path(value).name == value:
        return value
    return str(folder / Path(value).expanduser())


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file", "Check --config.") from None
    except OSError as error:
        raise UsageError(f"{path}: the config file cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from error


def _guess(name: str, names: Iterable[str]) -> str:
    return "".join(f" (did you mean {near}?)" for near in nearest(name, names))


@dataclass(frozen=True)
class Notices:
    """Which notifications to send. ``urls``: where Apprise sends them. ``on``: the ``ENDS`` to report.

    ``healthcheck``: a URL to ping at the start and at the end. URLs contain secrets, so no report, log, or message
    shows them.
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
    """The settings of notifications from the config file (if any) and from the environment, which overrides it.

    Raises :class:`UsageError` for an unknown key, a wrong value, or a file with URLs that other users can read.
    """
    table = _notify_table(path) if path is not None and path.is_file() else {}
    file = environment.get(FILE) or table.get("urls-file")
    if URLS in environment:
        urls = environment[URLS].split()
    else:
        lines = read_private(Path(file), "the notification URLs", "urls-file in [notify]").splitlines() if file else []
        stripped = [line.strip() for line in lines]
        urls = [*table.get("urls", ()), *(line for line in stripped if line and not line.startswith("#"))]
    on = environment[ON].split() if ON in environment else table.get("on", Notices.on)
    healthcheck = environment.get(CHECK, table.get("healthcheck")) or None
    return Notices(tuple(urls), frozenset(on), healthcheck, path.stem if path else "")


def _notify_table(path: Path) -> dict[str, Any]:
    table = _read_toml(path).get("notify", {})
    if not isinstance(table, dict):
        raise UsageError(f"{path}: notify is not a table", "Write it as [notify] and, on the next line, urls = […].")
    table = {name.replace("_", "-"): value for name, value in table.items()}
    for name, value in table.items():
        if name not in _KEYS:
            raise UsageError(f"{path}: [notify] has no {name!r}{_guess(name, _KEYS)}", f"Keys: {', '.join(_KEYS)}.")
        texts = value if name in _LISTS else [value]
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            expected = "a list of strings" if name in _LISTS else "text"
            raise UsageError(f"{path}: [notify] {name}: the value has the wrong type", f"Use {expected}.")
    if table.get("urls"):
        read_private(path, "the notification URLs", "--config")
    return placed(table, path.parent)


def _is_private(url: str) -> bool:
    """Whether a URL is encrypted or on this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    host = parts.hostname or ""
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))
