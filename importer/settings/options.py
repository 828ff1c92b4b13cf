"""Options of a run, checked once, wherever they came from."""

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from importer.errors import UsageError

__all__ = ["SANDBOX", "Options", "Share", "read_duration", "read_size"]

SANDBOX = "sandbox"
ENGINE = re.compile(r"dask|dask://[^/\s]+:\d+")
DEDUPE = ("off", "warn", "reject")
ON_CONFLICT = ("report", "skip", "overwrite")


@dataclass(frozen=True)
class Share:
    """A limit given as a number of customers (``20``) or as a share of them (``5%``)."""

    number: float
    percent: bool

    @classmethod
    def parse(cls, text: str) -> "Share":
        """Read ``"20"`` or ``"5%"``. Raises :class:`UsageError`."""
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(%?)\s*", text)
        if match is None or (not match[2] and "." in match[1]) or (match[2] and float(match[1]) > 100):
            raise UsageError(f"{text!r} is neither a number nor a share", "Write it like 20 or 5%.")
        return cls(float(match[1]), bool(match[2]))

    def passed_by(self, count: int, total: int) -> bool:
        """True when ``count`` of ``total`` is more than the limit allows."""
        return count > (self.number / 100 * total if self.percent else self.number)

    def __str__(self) -> str:
        return f"{self.number:g}{'%' if self.percent else ''}"


UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}


def read_duration(text: str) -> float:
    """``"90m"``, ``"2h"``, ``"1h30m"`` or a number of seconds → seconds. Raises :class:`UsageError`."""
    match = re.fullmatch(r"\s*(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?\s*", text.lower())
    if match is None or not any(match.groups()):
        raise UsageError(f"{text!r} is no length of time", "Write it like 90m, 2h, 1h30m or 5400 (seconds).")
    return sum(float(number) * unit for number, unit in zip(match.groups(), UNITS.values(), strict=True) if number)


def read_size(text: str) -> int:
    """``"1GiB"``, ``"800 MB"`` or a number of bytes → bytes. Raises :class:`UsageError`."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?)b?|b)?\s*", text.lower())
    if match is None or not float(match[1]):
        raise UsageError(f"{text!r} is no size of memory", "Write it like 1GiB, 800MB or 1500000000 (bytes).")
    base = 1024 if match[3] else 1000
    return int(float(match[1]) * base ** (" kmgt".index(match[2] or " ")))


@dataclass(frozen=True)
class Options:
    """Everything a command was told. Times are seconds, ``rate`` is per second (None: find the pace)."""

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

    def __post_init__(self) -> None:
        positive = {
            "concurrency": self.concurrency, "batch-size": self.batch_size, "timeout": self.timeout, "rate": self.rate,
            "limit": self.limit, "max-failed": self.max_failed, "max-age": self.max_age,
            "deadline": self.deadline, "keep": self.keep,
        }  # fmt: skip
        for name, number in positive.items():
            if number is not None and not 0 < number < math.inf:
                raise UsageError(f"--{name} is {number:g}; it must be a number above 0")
        if not 0 <= self.settle < math.inf:
            raise UsageError(f"--settle is {self.settle:g}; it is a number of seconds, 0 or more")
        if self.engine is not None and not ENGINE.fullmatch(self.engine):
            raise UsageError(f"--engine is {self.engine!r}", "It is dask or dask://host:port.")
        if self.dedupe not in DEDUPE:
            raise UsageError(f"--dedupe is {self.dedupe!r}", f"It is one of {', '.join(DEDUPE)}.")
        if self.on_conflict not in ON_CONFLICT:
            raise UsageError(f"--on-conflict is {self.on_conflict!r}", f"It is one of {', '.join(ON_CONFLICT)}.")
        if self.country is not None and not re.fullmatch("[A-Z]{2}", self.country):
            raise UsageError(
                f"--country is {self.country!r}", "Give the two-letter code of a country, such as US or GB."
            )
        if self.delimiter is not None and len(self.delimiter) != 1:
            raise UsageError(f"--delimiter is {self.delimiter!r}; it is one character", "A tab is written as '\\t'.")

    def public(self) -> dict[str, Any]:
        """The options as reports show them. None of them is a secret: the key is never an option."""
        values = {
            "api": self.api, "mode": self.mode,
            "on_conflict": self.on_conflict if self.mode == "upsert" else None,
            "rate": self.rate if self.rate is not None else "auto",
            "concurrency": self.concurrency, "batch_size": self.batch_size, "timeout": self.timeout,
            "settle": self.settle, "limit": self.limit, "only": sorted(self.only),
            "max_failed": self.max_failed,
            "max_rejected": None if self.max_rejected is None else str(self.max_rejected), "strict": self.strict,
            "max_fewer": None if self.max_fewer is None else str(self.max_fewer),
            "max_changed": None if self.max_changed is None else str(self.max_changed),
            "max_age": self.max_age, "new_file": self.new_file, "same_layout": self.same_layout,
            "deadline": self.deadline, "keep": self.keep, "dedupe": self.dedupe,
            "partial": self.partial, "country": self.country, "sheet": self.sheet, "encoding": self.encoding,
            "delimiter": self.delimiter, "tenant": self.tenant, "plan": self.plan,
            "lookups": None if self.lookups is None else str(self.lookups),
        }  # fmt: skip
        return {name: value for name, value in values.items() if value not in (None, [], False)}
