"""A call of the Python API (its checked options, frames as files, callbacks) and the results that calls return."""

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
from functools import cached_property
from pathlib import Path
from typing import Any

import anyio
import orjson
import pandas as pd
import yaml

from importer.call_options import Callbacks
from importer.errors import MappingError, OptionError, UsageError
from importer.report.report_files import read_csv
from importer.settings import IN_MEMORY, KEY_VARIABLE, Options, default_ledger
from importer.wording import nearest
from importer.workflow.supervision import Deadline, Watch, supervise

Sources = str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Mapping[str, pd.DataFrame]
MappingFile = str | os.PathLike[str] | Mapping[str, Any]
_COUNTER = itertools.count(1)
_TABLE_NAME = re.compile(r"\w[\w .()-]*")


@dataclass(frozen=True)
class Target:
    """An API (``sandbox``, ``staging``, ``production``, or a URL) and the key for it, which ``repr()`` never shows.

    Without a key, it is read as the option ``api_key_file`` or the environment variable ``WIZCOMMERCE_API_KEY`` says.
    """

    api: str
    key: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class CommandCall:
    """One call of a function: its options, and the :class:`Callbacks` that were passed."""

    command: str
    options: Options
    environment: Mapping[str, str]
    callbacks: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        command: str,
        known: type[Any],
        given: Mapping[str, Any],
        inputs: Mapping[str, Any] | None = None,
        api: str | Target | None = None,
    ) -> "CommandCall":
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
        callbacks = {name: given[name] for name in Callbacks.__optional_keys__ if given.get(name) is not None}
        return cls(command, options, environment, callbacks)

    def carry_out(self, work: Callable[[Watch], dict[str, Any]]) -> dict[str, Any]:
        """Do the work of a command that has an exit code, and log its progress. Returns the summary."""
        return self.apart(lambda watch: supervise(self.command, self.options, watch, work))

    def apart(self, work: Callable[[Watch], dict[str, Any]]) -> dict[str, Any]:
        """Do the work in this thread, or in a new one if an event loop is running in this one. Returns its result."""
        stop = self.callbacks.get("stop") or threading.Event()
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
        """The object through which the work calls the callbacks and is stopped."""
        names = {"phase": "progress", "run": "began", "stage": "stage"}
        watch = Watch(
            requested=stop, **{own: self.callbacks[name] for own, name in names.items() if name in self.callbacks}
        )
        if (counts := self.callbacks.get("counts")) is not None:
            watch.counts = lambda numbers: counts({str(kind): number for kind, number in numbers.items()})
        if self.options.deadline is not None:
            watch.deadline = Deadline(self.options.deadline)
        return watch


def _plain(value: Any) -> Any:
    """Paths as text, which every option accepts."""
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
    """Write frames as CSV files to this process's memory, and yield their URLs, which the loader reads like others."""
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
    """Write a dictionary to a mapping file named after its title, in a folder that is removed when the block ends."""
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


@dataclass(frozen=True, repr=False)
class Result:
    """How a command ended. ``summary``: plain values, as in ``summary.json`` (for undo and verify: as with ``--json``).

    Tables are read from the run's folder when first accessed, and contain text, whole numbers, and ``seconds``.
    Accessing a table raises :class:`importer.errors.OutputError` if its file is gone.
    """

    summary: dict[str, Any]
    _table: str = "results.csv"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.run_id}, exit code {self.exit_code}>"

    @property
    def exit_code(self) -> int:
        """0: success; 1: something was rejected or failed; 3: stopped early, or an outcome is unknown."""
        return int(self.summary["exit_code"])

    @property
    def ok(self) -> bool:
        """Whether the exit code is 0: every customer is where it should be."""
        return self.exit_code == 0

    @property
    def stopped(self) -> str | None:
        """Why the command ended early, if it did."""
        stopped: str | None = self.summary["stopped"]
        return stopped

    @property
    def run_id(self) -> str:
        """The run's ID, for :func:`resume`, :func:`undo`, and ``run(plan=…)``."""
        return str(self.summary["run_id"])

    @property
    def folder(self) -> Path:
        """The folder with the reports."""
        return Path(self.summary["folder"])

    @cached_property
    def customers(self) -> pd.DataFrame:
        """One line per customer: ``results.csv``, or after undo and verify ``undo.csv`` or ``verify.csv``."""
        return read_csv(self.folder / self._table)


class CheckResult(Result):
    """How a check or a plan ended."""

    @cached_property
    def problems(self) -> pd.DataFrame:
        """One line per problem, with its place: ``errors.csv``."""
        return read_csv(self.folder / "errors.csv")

    @cached_property
    def changes(self) -> pd.DataFrame | None:
        """Each field that a planned update would change: ``changes.csv``; None if there is no such file."""
        return read_csv(self.folder / "changes.csv") if "changes.csv" in self.summary["files"] else None

    def bodies(self) -> Iterator[dict[str, Any]]:
        """The bodies that would be sent, or were sent, one per customer that is not rejected."""
        with (self.folder / "payloads.jsonl").open("rb") as file:
            for line in file:
                yield orjson.loads(line)


class RunResult(CheckResult):
    """How a run ended."""

    @property
    def results(self) -> pd.DataFrame:
        """One line per customer, with its outcome and its ID in WizCommerce: ``results.csv``."""
        return self.customers

    @cached_property
    def children(self) -> pd.DataFrame:
        """One line per address and contact, with its ID in WizCommerce: ``children.csv``."""
        return read_csv(self.folder / "children.csv")
