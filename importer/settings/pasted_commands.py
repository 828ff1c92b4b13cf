"""Commands for the user to paste. Each repeats the options in effect that it needs, quoted for a shell."""

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from importer.errors import ImporterError
from importer.settings.config_file import default_ledger
from importer.settings.options import GUARDS, PACE, READER, Options

IN_MEMORY = "importer-in-memory"  # in the name of a source or a mapping that only its own process can read

_ACCOUNT = ("ledger", "tenant", "api_key_file")
_SENDING = (*PACE, "batch_size", "settle", "keep")
_TEXTS = ("country", "values", "corrections", "sheet", "encoding", "delimiter", "partial")
_READING = ("invalid", *_TEXTS)
_RESULTS = ("dedupe", "out", *READER)
_TARGET = ("mapping", "api", "mode", "only")
# The options that a repeated command needs. These do not include options that limit a call (--limit, --deadline,
# --max-failed) or change how the work is done (--memory, --engine).
_TAKES: Mapping[str, tuple[str, ...]] = {
    "suggest": ("country", "sheet", "encoding", "delimiter"),
    "preview": ("mapping", "lookups", *_READING),
    "values": ("mapping", "api", "lookups", *_TEXTS, *_ACCOUNT),
    "check": ("mapping", "lookups", *_READING, *_RESULTS),
    "plan": (*_TARGET, *_READING, *_RESULTS, *_ACCOUNT, *PACE),
    "run": (*_TARGET, "on_conflict", *GUARDS, *_READING, *_RESULTS, *_ACCOUNT, *_SENDING),
    "adopt": ("mapping", "api", "only", *_READING, "dedupe", "out", *_ACCOUNT, *PACE),
    "resume": (*_ACCOUNT, *_SENDING),
    "retry": (*_ACCOUNT, *_SENDING),
    "undo": (*_ACCOUNT, *PACE, "settle"),
    "verify": (*_ACCOUNT, *PACE),
    "report": ("ledger", "tenant", *READER),
    "runs": ("ledger", "tenant"),
    "ids": ("ledger", "tenant"),
}
_WITH_SOURCES = frozenset({"suggest", "preview", "values", "check", "plan", "run", "adopt"})
_OF_A_RUN = frozenset({"resume", "retry", "undo", "verify", "report"})
# These describe the sources and what to expect of them, so they do not apply to other sources.
_ABOUT_SOURCES = frozenset({"sheet", "encoding", "delimiter", "only", "limit", *GUARDS})
_PLANNED = frozenset({*_TARGET, *_READING})  # a saved plan contains these
_TO_FILL_IN = frozenset({"…", "CODE", "FILE", "ID", "MAPPING", "NAME", "PLAN", "RUN", "SOURCE…", "TARGET"})
_COMMAND = re.compile(r"`importer ([^`]+)`|(?:^|(?<=: ))importer (.+)$")
_PASSWORD = re.compile(r"(?<=://)([^/@:]*):[^/@]*(?=@)|(?<=[?&])\w*password=[^&#]*&?")


@dataclass(frozen=True)
class Commands:
    """A builder of commands. ``values``: the options in effect that differ from their defaults, as plain values.

    ``config``: the config file, which sets the options ``configured``. ``run``: the run that the commands are about.
    """

    values: Mapping[str, Any]
    config: Path | None = None
    configured: frozenset[str] = frozenset()
    run: str | None = None

    @classmethod
    def of(
        cls, options: Options, *, run: str | None = None, out: Path | None = None, kept: Mapping[str, Any] | None = None
    ) -> "Commands":
        """Commands to paste after a call with ``options``.

        For a call about an earlier ``run``, ``out`` is the parent of its folder, and ``kept`` are the options that the
        run started with, which apply unless the call has different ones.
        """
        defaults = Options().plain()
        own = {name: value for name, value in options.plain().items() if value != defaults[name]}
        if own.get("ledger") == default_ledger(os.environ):
            del own["ledger"]
        if kept is None:
            return cls(own, options.config, options.configured)
        started = {name: value for name, value in kept.items() if value not in (defaults.get(name, value), "auto")}
        if out is not None and out != Path(defaults["out"]).absolute():
            started["out"] = str(out)
        return cls({**started, **own, "tenant": started.get("tenant")}, options.config, options.configured, run)

    def line(self, command: str, *words: str) -> str:
        """``importer command`` with ``words`` (arguments, then options) and the options that it needs.

        If ``words`` has no sources or no run ID, the command gets those in effect.
        """
        bare = not words or words[0].startswith("-")
        left_out = {word.lstrip("-").replace("-", "_") for word in words if word.startswith("-")}
        left_out |= {"for_"} if "for" in left_out else set()
        left_out |= {"mapping"} if "m" in left_out else set()
        left_out |= _PLANNED if "plan" in left_out else set()
        if command == "values":
            left_out |= {"values"} if self.values.get("values") in words else set()  # it continues its own table
            left_out |= {"api"} if self.values.get("lookups") else set()  # the saved lookups replace the API
        config, configured = self.config, self.configured
        if command in _WITH_SOURCES and not bare:
            left_out |= _ABOUT_SOURCES
            if configured & _ABOUT_SOURCES:  # the file cannot be used without these options
                config, configured = None, frozenset()
        arguments: list[str] = []
        if bare and command in _WITH_SOURCES and not {"plan", "sources"} & {*left_out, *configured}:
            arguments = [_argument(source) for source in self.values.get("sources", ())]
        elif bare and command in _OF_A_RUN and self.run:
            arguments = [self.run]
        names = [name for name in _TAKES[command] if name not in left_out | configured]
        given = [word for name in names for word in _given(name, self.values.get(name))]
        last = [] if config is None or "config" in left_out else ["--config", str(config)]
        return shlex.join(["importer", command, *arguments, *words, *given, *last])

    def completed(self, text: str) -> str:
        """Add the options that they need to the commands in ``text``, which are in backticks or after the last colon.

        A command with a placeholder that the user must replace does not change.
        """
        return _COMMAND.sub(self._completed, text)

    def _completed(self, found: "re.Match[str]") -> str:
        try:
            command, *words = shlex.split(found[1] or found[2])
        except ValueError:  # an apostrophe: words of a sentence
            return found[0]
        sources = self.values.get("sources") or "sources" in self.configured or "--plan" in words
        known = command not in _WITH_SOURCES or sources or (words and not words[0].startswith("-"))
        if command not in _TAKES or not known or _TO_FILL_IN & {*words}:
            return found[0]
        line = self.line(command, *words)
        return f"`{line}`" if found[1] else line

    @contextmanager
    def completing_hints(self) -> Iterator[None]:
        """Complete the commands in the hints of errors that the block raises."""
        try:
            yield
        except ImporterError as error:
            error.hint = self.completed(error.hint)
            raise


def _argument(source: str) -> str:
    """A source as an argument; a placeholder for a source in memory, or a URL that may contain a secret."""
    if "://" in source and re.search(f"[@?#]|{IN_MEMORY}", source):
        return "SOURCE"
    return f"./{source}" if source.startswith("-") else source


def _given(name: str, value: Any) -> Iterator[str]:
    """An option as words of a command line; none if it has no value."""
    if name == "api":
        value = value or Options.api  # on the command line, it has no default
    if name == "mapping" and IN_MEMORY in str(value):
        value = "MAPPING"
    if name == "only" and value:
        value = "ID"  # commands are logged and mailed, and in some systems, reference IDs are names
    flag = "-m" if name == "mapping" else f"--{name.rstrip('_').replace('_', '-')}"
    for item in value if isinstance(value, list) else [value]:
        if item is None or item is False or item == "":
            continue
        yield flag
        if isinstance(item, float):
            yield f"{item:.15g}"
        elif item is not True:
            yield {"\t": "tab"}.get(str(item), _PASSWORD.sub(r"\1", str(item)))
