"""The options of a run: which values each option accepts, checked once, wherever they come from.

A value is text from a flag or a variable, a TOML value from a config file, JSON from a plan or a ledger, or what a
Python caller passes. ``importer.cli.given_options`` decides which of several values counts. Each option has a reader
that converts all of these to the same form, and also accepts that form. A reader raises :class:`ValueError` or
:class:`TypeError` with a sentence that says what is valid.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from importer.errors import OptionError
from importer.wording import listed

SANDBOX = "sandbox"
# Options that do not affect the result of a run, and the sources and others that reports show in different places.
_UNREPORTED = frozenset({
    *("sources", "mapping", "out", "ledger", "accept_key", "api_key_file", "memory", "engine", "yes"),
    *("parallel", "log", "log_level", "config", "configured", "for_", "contact"),
})  # fmt: skip
# The reported options that matter for a dry run. It sends nothing, so the others do not affect it.
_OF_A_DRY_RUN = frozenset({
    *("country", "invalid", "dedupe", "lookups", "values", "corrections"),
    *("sheet", "encoding", "delimiter", "partial", "keep"),
})  # fmt: skip
PERSONAL_FILES = ("corrections", "values")  # options that name a file with data about customers
PACE = ("rate", "concurrency", "timeout", "max_wait")
GUARDS = ("max_rejected", "max_fewer", "max_changed", "max_age", "new_file", "same_layout", "strict", "complete")
READER = ("for_", "contact")
_MANY = 1_000_000_000
_DAY = 86_400.0
_DURATION = re.compile(r"\s*(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?\s*", re.ASCII)

OptionReader = Callable[[Any], Any]


@dataclass(frozen=True)
class Share:
    """A limit: a number of customers (``20``) or a share of them (``5%``)."""

    number: float
    percent: bool

    @classmethod
    def parse(cls, given: Any) -> "Share":
        """Read ``"20"`` or ``"5%"``. Raises :class:`ValueError`."""
        if isinstance(given, Share):
            return given
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(%?)\s*", _as_text(given), re.ASCII)
        if match is None or (not match[2] and "." in match[1]) or (match[2] and float(match[1]) > 100):
            raise ValueError("Enter a whole number or a percentage up to 100%, such as 20 or 5%.")
        return cls(float(match[1]), bool(match[2]))

    def passed_by(self, count: int, total: int) -> bool:
        """Whether ``count`` of ``total`` is more than the limit allows."""
        return count > (self.number / 100 * total if self.percent else self.number)

    def __str__(self) -> str:
        return f"{self.number:g}{'%' if self.percent else ''}"


def _as_text(given: Any) -> str:
    """A number or a text as text; ``""`` for anything else, including true and false."""
    return str(given) if isinstance(given, int | float | str) and not isinstance(given, bool) else ""


def _country(given: Any) -> str:
    """A two-letter code in capitals, or a different text unchanged. It is checked when the sources are opened."""
    text = _text(given).strip()
    return text.upper() if len(text) == 2 else text


def _whole(most: int) -> OptionReader:
    """A whole number from 1 to ``most``."""

    def read(given: Any) -> int:
        match = re.fullmatch(r"\s*\+?(\d{1,18})\s*", _as_text(given), re.ASCII)
        if match is None or not 1 <= int(match[1]) <= most:
            raise ValueError(f"Enter a whole number from 1 to {most:,}.")
        return int(match[1])

    return read


def _number(most: float, unit: str, *, zero: bool = False) -> OptionReader:
    """A number above 0, or with ``zero``, from 0, up to ``most``."""

    def read(given: Any) -> float:
        try:
            found = float(_as_text(given))
        except ValueError:
            found = math.nan
        if not (0 < found <= most or (zero and found == 0)):
            raise ValueError(f"Enter a number of {unit} {'from 0' if zero else 'above 0, up'} to {most:,.0f}.")
        return found

    return read


def _duration(given: Any) -> float:
    """``"90m"``, ``"2h"``, ``"1h30m"``, or a number of seconds → seconds."""
    match = _DURATION.fullmatch(_as_text(given).lower())
    parts = zip(match.groups(), (3600.0, 60.0, 1.0), strict=True) if match else ()
    seconds = sum(float(amount) * unit for amount, unit in parts if amount)
    if not 0 < seconds <= 365 * _DAY:
        raise ValueError("Enter a length of time, such as 90m, 2h, 1h30m, or 5400 (seconds), up to a year.")
    return seconds


def _size(given: Any) -> int:
    """``"1GiB"``, ``"800 MB"``, or a number of bytes → bytes."""
    match = re.fullmatch(r"\s*(\d{1,18}(?:\.\d+)?)\s*(?:([kmgt])(i?)b?|b)?\s*", _as_text(given).lower(), re.ASCII)
    if match is None or not float(match[1]):
        raise ValueError("Enter a memory size, such as 1GiB, 800MB, or 1500000000 (bytes).")
    base = 1024 if match[3] else 1000
    return int(float(match[1]) * base ** (" kmgt".index(match[2] or " ")))


def _auto_or(reader: OptionReader) -> OptionReader:
    """What ``reader`` accepts, or the word ``auto``, which becomes None."""

    def read(given: Any) -> Any:
        if isinstance(given, str) and given.strip().lower() == "auto":
            return None
        try:
            return reader(given)
        except ValueError as error:
            raise ValueError(f"{str(error).rstrip('.')}, or auto.") from None

    return read


def _text(given: Any) -> str:
    found = _as_text(given)
    if (not found and given != "") or "\0" in found:
        raise ValueError("Enter text.")
    return found


def _texts(given: Any) -> tuple[str, ...]:
    if isinstance(given, str):
        return (_text(given),)
    if not isinstance(given, list | tuple | set | frozenset):
        raise TypeError("Use a list of strings.")
    return tuple(map(_text, given))


def _invalid(given: Any) -> str:
    """``"blank"`` or ``"blank=phone,email"``; the fields are sorted, without repeats."""
    policy, equals, names = _as_text(given).replace(" ", "").partition("=")
    found = sorted({name.lower() for name in names.split(",") if name})
    if policy != "blank" or bool(found) != bool(equals):
        raise ValueError("Use blank=FIELD,FIELD, such as blank=phone,email, or blank for all optional fields.")
    return f"blank={','.join(found)}" if found else policy


def _path(given: Any) -> Path:
    return given if isinstance(given, Path) else Path(_text(given))


def _flag(given: Any) -> bool:
    if not isinstance(given, bool):
        raise TypeError("Use true or false.")
    return given


def _choice(*words: str) -> OptionReader:
    def read(given: Any) -> str:
        word = _as_text(given).strip().lower()
        if word not in words:
            raise ValueError(f"Use {listed(words, 'or')}.")
        return word

    return read


def _pattern(form: str, hint: str, change: Callable[[str], str] = str) -> OptionReader:
    """A text that, after ``change``, matches the regular expression ``form``."""

    def read(given: Any) -> str:
        found = change(given) if isinstance(given, str) else ""
        if not re.fullmatch(form, found, re.ASCII):
            raise ValueError(hint)
        return found

    return read


@dataclass(frozen=True)
class Options:
    """The options of a command. Times are in seconds. ``rate`` is per second (None: find the pace).

    Raises :class:`OptionError` for a value that an option cannot have. ``config``: the config file. ``configured``:
    the options whose values come from it.
    """

    sources: Annotated[tuple[str, ...], _texts] = ()
    mapping: Annotated[str, _text] = ""
    api: Annotated[str, _text] = SANDBOX
    out: Annotated[Path, _path] = Path("results")
    ledger: Annotated[str, _text] = ""
    tenant: Annotated[str | None, _text] = None
    accept_key: Annotated[bool, _flag] = False
    api_key_file: Annotated[Path | None, _path] = None
    mode: Annotated[str, _choice("create", "upsert")] = "create"
    on_conflict: Annotated[str, _choice("report", "skip", "overwrite")] = "report"
    plan: Annotated[str | None, _text] = None
    lookups: Annotated[Path | None, _path] = None
    values: Annotated[Path | None, _path] = None
    corrections: Annotated[Path | None, _path] = None
    rate: Annotated[float | None, _auto_or(_number(100_000, "requests a second"))] = None
    concurrency: Annotated[int, _whole(10_000)] = 256
    batch_size: Annotated[int, _whole(1_000_000)] = 500
    timeout: Annotated[float, _number(_DAY, "seconds")] = 30.0
    max_wait: Annotated[float, _duration] = 900.0
    settle: Annotated[float, _number(_DAY, "seconds", zero=True)] = 60.0
    limit: Annotated[int | None, _whole(_MANY)] = None
    only: Annotated[frozenset[str], lambda given: frozenset(_texts(given))] = frozenset()
    max_failed: Annotated[int | None, _whole(_MANY)] = None
    max_rejected: Annotated[Share | None, Share.parse] = None
    max_fewer: Annotated[Share | None, Share.parse] = None
    max_changed: Annotated[Share | None, Share.parse] = None
    max_age: Annotated[float | None, _number(_MANY, "hours")] = None
    new_file: Annotated[bool, _flag] = False
    same_layout: Annotated[bool, _flag] = False
    strict: Annotated[bool, _flag] = False
    complete: Annotated[bool, _flag] = False
    deadline: Annotated[float | None, _duration] = None
    keep: Annotated[int | None, _whole(_MANY)] = None
    memory: Annotated[int | None, _auto_or(_size)] = None
    engine: Annotated[str | None, _pattern(r"dask|dask://[^/\s]+:\d+", "Use dask or dask://host:port.")] = None
    dedupe: Annotated[str, _choice("off", "warn", "reject")] = "warn"
    partial: Annotated[bool, _flag] = False
    country: Annotated[str | None, _country] = None
    invalid: Annotated[str | None, _invalid] = None
    sheet: Annotated[str | None, _text] = None
    encoding: Annotated[str | None, _text] = None
    delimiter: Annotated[
        str | None,
        _pattern(
            r"(?s:.)",
            r"Enter one character; a tab is written as \t.",
            lambda text: {"\\t": "\t", "tab": "\t"}.get(text.lower(), text),
        ),
    ] = None
    for_: Annotated[str, _choice("owner", "operator")] = "operator"
    contact: Annotated[str | None, _text] = None
    yes: Annotated[bool, _flag] = False
    parallel: Annotated[int, _whole(1_000)] = 2
    log: Annotated[str | None, _text] = None
    log_level: Annotated[str, _choice("debug", "info", "warning", "error")] = "info"
    config: Annotated[Path | None, _path] = None
    configured: Annotated[frozenset[str], lambda given: frozenset(_texts(given))] = frozenset()

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
        """These options, with the values saved in a plan or a run. Raises :class:`OptionError` that names ``place``."""
        try:
            return replace(self, **values)
        except OptionError as error:
            raise error.found_in(f"{place}: {error.option.rstrip('_').replace('_', '-')}") from None

    def plain(self) -> dict[str, Any]:
        """Every option as a JSON value that its reader accepts; None if it has no value."""
        return {item.name: _plain(getattr(self, item.name)) for item in fields(self)}

    def recorded(self) -> dict[str, Any]:
        """The options as the ledger stores them: as :meth:`public`, but with full paths of files with personal data."""
        files = {name: getattr(self, name) for name in PERSONAL_FILES}
        return self.public() | {name: str(path.absolute()) for name, path in files.items() if path is not None}

    def public(self, *, dry: bool = False) -> dict[str, Any]:
        """The options as reports show them. None of them is a secret: the key is never an option.

        ``dry``: only those that matter for a dry run.
        """
        values = {name: value for name, value in self.plain().items() if name not in _UNREPORTED}
        values["rate"] = values["rate"] or "auto"
        if self.mode != "upsert":
            del values["on_conflict"]
        return {
            name: value
            for name, value in values.items()
            if value is not None and value is not False and value != [] and (name in _OF_A_DRY_RUN or not dry)
        }


_READERS: Mapping[str, OptionReader] = {
    name: hint.__metadata__[0] for name, hint in get_type_hints(Options, include_extras=True).items()
}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | frozenset):
        return sorted(value) if isinstance(value, frozenset) else list(value)
    return str(value) if isinstance(value, Path | Share) else value
