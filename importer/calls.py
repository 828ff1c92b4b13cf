"""One call of the Python API: its options are checked, frames and dictionaries become files, its work is watched."""

import csv
import itertools
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import anyio
import pandas as pd
import yaml

from importer.errors import MappingError, OptionError, UsageError
from importer.settings import IN_MEMORY, KEY_VARIABLE, Options, default_ledger
from importer.wording import nearest
from importer.workflow.supervision import Deadline, Watch, supervise

Sources = str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Mapping[str, pd.DataFrame]
MappingFile = str | os.PathLike[str] | Mapping[str, Any]
_COUNTER = itertools.count(1)
_TABLE_NAME = re.compile(r"\w[\w .()-]*")


@dataclass(frozen=True)
class Target:
    """An API: ``sandbox``, ``staging``, ``production`` or a URL, and the key for it, which ``repr()`` never shows.

    Without a key, the option ``api_key_file`` or the environment variable ``WIZCOMMERCE_API_KEY`` gives it.
    """

    api: str
    key: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Call:
    """One call of a function: its options, and where it reports."""

    command: str
    options: Options
    environment: Mapping[str, str]
    progress: Callable[[str], None] | None
    stop: threading.Event | None
    counts: Callable[[Mapping[str, int]], None] | None = None
    began: Callable[[str], None] | None = None
    stage: Callable[[str], None] | None = None

    @classmethod
    def of(
        cls,
        command: str,
        known: type[Any],
        given: Mapping[str, Any],
        inputs: Mapping[str, Any] | None = None,
        api: str | Target | None = None,
    ) -> "Call":
        """The call with its options checked. Raises :class:`UsageError`."""
        allowed = sorted(known.__optional_keys__)
        for name in given.keys() - {*allowed}:
            near = nearest(name, allowed)
            guess = f"Did you mean {near[0]}?" if near else f"Valid options: {', '.join(allowed)}."
            raise UsageError(f"importer.{command} has no option {name!r}", guess)
        environment = dict(os.environ)
        key = given.get("key")
        values = {"ledger": default_ledger(environment), **(inputs or {})}
        if isinstance(api, Target):
            values["api"], key = api.api, api.key
        elif api is not None:
            values["api"] = api
        if key is not None:
            if given.get("api_key_file") is not None:
                raise UsageError("two API keys are given", "Leave out key or api_key_file.")
            environment[KEY_VARIABLE] = key
        names = {item.name for item in fields(Options)}
        values |= {name: value for name, value in given.items() if name in names and value is not None}
        try:
            options = Options(**{name: _plain(value) for name, value in values.items()})
        except OptionError as error:
            raise error.found_in(error.option) from None
        calls = (given.get(name) for name in ("progress", "stop", "counts", "began", "stage"))
        return cls(command, options, environment, *calls)

    def carry_out(self, work: Callable[[Watch], dict[str, Any]]) -> dict[str, Any]:
        """Do the work of a command that has an exit code, and log its progress. Returns the summary."""
        return self.apart(lambda watch: supervise(self.command, self.options, watch, work))

    def apart(self, work: Callable[[Watch], dict[str, Any]]) -> dict[str, Any]:
        """Do the work here, or in another thread if an event loop is running in this one. Returns what it returns."""
        stop = self.stop or threading.Event()
        watch = self._watch(stop)
        try:
            anyio.get_current_task()
        except RuntimeError:  # there is no event loop
            return work(watch)
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(work, watch)
            try:
                return future.result()
            except KeyboardInterrupt:
                stop.set()
                return future.result()

    def _watch(self, stop: threading.Event) -> Watch:
        """Where the work reports, and what stops it."""
        watch = Watch(requested=stop)
        if self.progress is not None:
            watch.phase = self.progress
        if self.began is not None:
            watch.run = self.began
        if self.stage is not None:
            watch.stage = self.stage
        if self.counts is not None:
            counts = self.counts
            watch.counts = lambda numbers: counts({str(kind): number for kind, number in numbers.items()})
        if self.options.deadline is not None:
            watch.deadline = Deadline(self.options.deadline)
        return watch


def _plain(value: Any) -> Any:
    """A path as text, which every option takes."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


@contextmanager
def inputs(sources: Sources | None, mapping: MappingFile | None) -> Iterator[dict[str, Any]]:
    """The sources and the mapping as options, for as long as the block lasts."""
    with ExitStack() as stack:
        given: dict[str, Any] = {"sources": sources, "mapping": mapping}
        if isinstance(given["sources"], pd.DataFrame):
            raise UsageError("the table needs a name", 'Give it one, such as {"customers": frame}.')
        if isinstance(sources, Mapping):
            given["sources"] = stack.enter_context(_in_memory(sources))
        if isinstance(mapping, Mapping):
            given["mapping"] = stack.enter_context(_mapping_file(mapping))
        yield {name: value for name, value in given.items() if value is not None}


@contextmanager
def _in_memory(frames: Mapping[str, pd.DataFrame]) -> Iterator[list[str]]:
    """The URLs of frames as CSV files in this process's memory, where the loader finds them like any other source."""
    from fsspec.implementations.memory import MemoryFileSystem  # noqa: PLC0415 - slow to import

    files, folder = MemoryFileSystem(), f"/{IN_MEMORY}-{next(_COUNTER)}"
    contents = {name: _csv(name, frame) for name, frame in frames.items()}
    files.makedirs(folder)
    try:
        for name, content in contents.items():
            files.pipe_file(f"{folder}/{name}", content)
        yield [f"memory:/{folder}/{name}" for name in frames]
    finally:
        files.rm(folder, recursive=True)


def _csv(name: str, frame: pd.DataFrame) -> bytes:
    if not _TABLE_NAME.fullmatch(name):
        raise UsageError(f"a table cannot be called {name!r}", "Use letters, digits, spaces, and any of . _ - ( ).")
    columns: list[Any] = list(frame.columns)
    for number, column in enumerate(columns):
        values = frame.iloc[:, number].dropna()
        if not isinstance(column, str) or not all(isinstance(value, str) for value in values):
            raise UsageError(
                f"table {name!r}: column {column!r} contains values that are not text",
                "Read it as text (dtype=str). Otherwise, numbers lose their leading zeros, and dates their format.",
            )
    return frame.to_csv(index=False, quoting=csv.QUOTE_ALL).encode("utf-8-sig")


@contextmanager
def _mapping_file(mapping: Mapping[str, Any]) -> Iterator[str]:
    """A dictionary as a mapping file named after its title, in a folder that is gone when the block ends."""
    name = re.sub(r"\W+", "-", str(mapping.get("title", ""))).strip("-").lower() or "mapping"
    with tempfile.TemporaryDirectory(prefix=f"{IN_MEMORY}-") as folder:
        path = Path(folder, f"{name}.yaml")
        try:
            path.write_text(yaml.safe_dump(dict(mapping), allow_unicode=True, sort_keys=False), encoding="utf-8")
            yield str(path)
        except yaml.YAMLError as error:
            raise MappingError(f"the mapping has a value that a mapping file cannot have: {error}") from error
        except MappingError as error:  # the user does not know the file and its lines
            message = re.sub(rf"{re.escape(str(path))}(:\d+)?", "mapping", error.message)
            raise MappingError(message, error.hint) from error
