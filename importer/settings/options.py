"""Options of a run, checked once, wherever they came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from importer.errors import OptionError
from importer.settings.option_values import (
    Reader,
    Share,
    choice,
    duration,
    flag,
    number,
    path,
    pattern,
    size,
    text,
    texts,
    whole,
    word_for_none,
)

__all__ = ["SANDBOX", "Options"]

SANDBOX = "sandbox"
# Options that say nothing of what a run does, and the sources, which a report names itself.
_UNREPORTED = frozenset({
    *("sources", "mapping", "out", "ledger", "accept_key", "api_key_file", "memory", "engine", "yes"),
    *("parallel", "log", "log_level", "config", "configured"),
})  # fmt: skip
_MANY = 1_000_000_000
_DAY = 86_400.0


def _country(given: str) -> str:
    return given.strip().upper()


def _delimiter(given: str) -> str:
    return {"\\t": "\t", "tab": "\t"}.get(given.lower(), given)


_READERS: Mapping[str, Reader] = {
    "sources": texts,
    "mapping": text,
    "api": text,
    "out": path,
    "ledger": text,
    "tenant": text,
    "accept_key": flag,
    "api_key_file": path,
    "mode": choice("create", "upsert"),
    "on_conflict": choice("report", "skip", "overwrite"),
    "plan": text,
    "lookups": path,
    "rate": word_for_none("auto", number(100_000, "requests a second")),
    "concurrency": whole(10_000),
    "batch_size": whole(1_000_000),
    "timeout": number(_DAY, "seconds"),
    "max_wait": duration,
    "settle": number(_DAY, "seconds", zero=True),
    "limit": whole(_MANY),
    "only": lambda given: frozenset(texts(given)),
    "max_failed": whole(_MANY),
    "max_rejected": Share.parse,
    "max_fewer": Share.parse,
    "max_changed": Share.parse,
    "max_age": number(_MANY, "hours"),
    "new_file": flag,
    "same_layout": flag,
    "strict": flag,
    "deadline": duration,
    "keep": whole(_MANY),
    "memory": word_for_none("auto", size),
    "engine": pattern(r"dask|dask://[^/\s]+:\d+", "Give dask or dask://host:port."),
    "dedupe": choice("off", "warn", "reject"),
    "partial": flag,
    "country": pattern("[A-Z]{2}", "Give the two-letter code of a country, such as US or GB.", _country),
    "sheet": text,
    "encoding": text,
    "delimiter": pattern(r"(?s:.)", r"Give one character; a tab is written as \t.", _delimiter),
    "yes": flag,
    "parallel": whole(1_000),
    "log": text,
    "log_level": choice("debug", "info", "warning", "error"),
    "config": path,
    "configured": lambda given: frozenset(texts(given)),
}


@dataclass(frozen=True)
class Options:
    """The options of a command. Times are seconds, ``rate`` is per second (None: find the pace).

    Each value is read as :mod:`importer.settings.option_values` says, from text or from what it stands for. Raises
    :class:`OptionError` for one that cannot be. ``config``: the config file. ``configured``: the options that it gave.
    """

    sources: tuple[str, ...] = ()
    mapping: str = ""
    api: str = SANDBOX
    out: Path = Path("results")
    ledger: str = ""
    tenant: str | None = None
    accept_key: bool = False
    api_key_file: Path | None = None
    mode: str = "create"
    on_conflict: str = "report"
    plan: str | None = None
    lookups: Path | None = None
    rate: float | None = None
    concurrency: int = 256
    batch_size: int = 500
    timeout: float = 30.0
    max_wait: float = 900.0
    settle: float = 60.0
    limit: int | None = None
    only: frozenset[str] = field(default_factory=frozenset)
    max_failed: int | None = None
    max_rejected: Share | None = None
    max_fewer: Share | None = None
    max_changed: Share | None = None
    max_age: float | None = None
    new_file: bool = False
    same_layout: bool = False
    strict: bool = False
    deadline: float | None = None
    keep: int | None = None
    memory: int | None = None
    engine: str | None = None
    dedupe: str = "warn"
    partial: bool = False
    country: str | None = None
    sheet: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    yes: bool = False
    parallel: int = 2
    log: str | None = None
    log_level: str = "info"
    config: Path | None = None
    configured: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if value is None and item.default is None:
                continue
            try:
                object.__setattr__(self, item.name, _READERS[item.name](value))
            except (TypeError, ValueError) as error:
                raise OptionError(item.name, value, str(error)) from None

    def kept(self, values: Mapping[str, Any], place: str) -> "Options":
        """These options with values that a plan or a run keeps at ``place``. Raises :class:`OptionError` naming it."""
        try:
            return replace(self, **values)
        except OptionError as error:
            raise error.found_in(f"{place}: {error.option.replace('_', '-')}") from None

    def plain(self) -> dict[str, Any]:
        """Every option as JSON and a command line can say it; None: not given. Readers take all of it again."""
        return {item.name: _plain(getattr(self, item.name)) for item in fields(self)}

    def public(self) -> dict[str, Any]:
        """The options as reports show them. None of them is a secret: the key is never an option."""
        values = {name: value for name, value in self.plain().items() if name not in _UNREPORTED}
        values["rate"] = values["rate"] or "auto"
        if self.mode != "upsert":
            del values["on_conflict"]
        return {
            name: value for name, value in values.items() if value is not None and value is not False and value != []
        }


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | frozenset):
        return sorted(value) if isinstance(value, frozenset) else list(value)
    return str(value) if isinstance(value, Path | Share) else value
