"""The commands as Python functions: :func:`check`, :func:`plan`, :func:`run`, :func:`resume`, and so on.

**Sources** are a path, a glob, a folder or a URL, a list of them, or a dictionary of pandas frames: ``{"customers":
frame}``. The columns of a frame hold text only, because numbers have lost their leading zeros. Reports name a frame's
cells as those of a file: its first row is row 2 of ``customers``. A **mapping** is a name, a path, or a dictionary with
the content of a mapping file; the ledger knows it by its ``title``. Neither leaves a copy on the disk, so a plan of
them cannot be applied later: ``run`` with ``plan=`` needs files.

**Options** are those of the command line, with underscores, and are checked in the same way. Everything that ends in
no report is raised as one of :mod:`importer.errors`; :class:`importer.errors.UsageError` names a wrong option. A run
that stopped early returns normally: ``exit_code`` is 3, and ``stopped`` says why.

Nothing is printed or asked. ``progress`` is called with each message; ``confirm`` is called with the question that the
command line asks, and returns whether to go on; ``yes=True`` answers it beforehand. The logger ``importer`` gets what
``--log`` writes. ``stop`` is a :class:`threading.Event`: once another thread sets it, requests in flight finish, and
the run ends as after Ctrl-C. In the main thread, SIGINT and SIGTERM do the same while a function works.

Every function also works in a thread, and where an event loop runs, which it blocks; ``await arun(…)`` does not.
A task of a scheduler returns ``sent.summary``: plain values, as in ``summary.json``.
"""

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
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Unpack

import anyio
import anyio.to_thread
import orjson
import pandas as pd
import yaml

from importer.call_options import (
    AfterOptions,
    CheckOptions,
    HistoryOptions,
    PathLike,
    PlanOptions,
    PreviewOptions,
    ReadOptions,
    ReportOptions,
    ResumeOptions,
    RetryOptions,
    RunOptions,
    SuggestOptions,
    UndoOptions,
    ValuesOptions,
)
from importer.commands import check as checking
from importer.commands import correct as correcting
from importer.commands import history
from importer.commands import lookups as lookup_saving
from importer.commands import plan as planning
from importer.commands import preview as previewing
from importer.commands import resume as resuming
from importer.commands import run as running
from importer.commands import suggest as suggesting
from importer.commands import undo as undoing
from importer.commands import values as word_values
from importer.commands import verify as verifying
from importer.commands.correct import CorrectResult as CorrectResult  # noqa: PLC0414 - the package offers it
from importer.drafting.column_choices import Choices
from importer.drafting.draft import Draft as Draft  # noqa: PLC0414 - the package offers it
from importer.errors import MappingError, OptionError, UsageError
from importer.mapping.language.mapping_files import list_mappings, load_mapping
from importer.report.report_files import read_csv
from importer.settings import IN_MEMORY, KEY_VARIABLE, SANDBOX, Options, default_ledger
from importer.tables import Sources as SourceTables
from importer.wording import nearest
from importer.workflow.open_sources import Timings, open_sources, open_unmapped
from importer.workflow.supervision import Deadline, Watch, supervise
from importer.workflow.targets import resolve

Sources = str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Mapping[str, pd.DataFrame]
MappingFile = str | os.PathLike[str] | Mapping[str, Any]
_COUNTER = itertools.count(1)
_TABLE_NAME = re.compile(r"\w[\w .()-]*")


@dataclass(frozen=True)
class Target:
    """An API: ``sandbox``, ``staging``, ``production`` or a URL, and the key for it, which no repr shows.

    Without a key, the option ``api_key_file`` or the environment variable ``WIZCOMMERCE_API_KEY`` gives it.
    """

    api: str
    key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, repr=False)
class Result:
    """How a command ended. ``summary``: plain values, as in ``summary.json`` (of undo and verify: as with ``--json``).

    Tables are read from the run's folder when they are first asked for, and hold text, whole numbers and ``seconds``.
    They raise :class:`importer.errors.OutputError` when their file is gone.
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
        """Whether every customer is where it should be."""
        return self.exit_code == 0

    @property
    def stopped(self) -> str | None:
        """Why it ended early, if it did."""
        stopped: str | None = self.summary["stopped"]
        return stopped

    @property
    def run_id(self) -> str:
        """The run's id, for :func:`resume`, :func:`undo`, and ``run(plan=…)``."""
        return str(self.summary["run_id"])

    @property
    def folder(self) -> Path:
        """Where the reports are."""
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
        """Each field that a planned update would change: ``changes.csv``; None where there is none."""
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
        """One line per customer, with its outcome and its id in WizCommerce: ``results.csv``."""
        return self.customers

    @cached_property
    def children(self) -> pd.DataFrame:
        """One line per address and contact, with its id in WizCommerce: ``children.csv``."""
        return read_csv(self.folder / "children.csv")


def read(sources: Sources, mapping: MappingFile | None = None, **options: Unpack[ReadOptions]) -> SourceTables:
    """The sources as tables of text, with their rows' numbers, what was skipped, and how they were read.

    With a mapping as :func:`check` reads them, else as :func:`suggest` does.

    ::

        for table in importer.read("customers.xlsx").tables:
            print(table.name, table.details.get("header_row"), len(table), table.frame.columns)
    """
    with _inputs(sources, mapping) as inputs:
        call = _Call.of("read", ReadOptions, options, inputs)
        return open_unmapped(call.options) if mapping is None else open_sources(call.options, Timings())[1]


def suggest(sources: Sources | SourceTables, **options: Unpack[SuggestOptions]) -> Draft:
    """A draft mapping for sources that nobody has mapped: what each column gives, and what is not certain.

    ``sources`` may be what :func:`read` returned. ``answers``: the id of a question → the choice; ``from_scratch``: do
    not look for a mapping that fits. ``targets``: the name of a column → what it gives; ``skip``: the name of a column
    → the texts whose rows are left out. Both override what is suggested.

    ::

        draft = importer.suggest("customers.csv", country="US")
        for question in draft.open:
            print(question.text, question.choices, question.proposed)
        Path("customers.yaml").write_text(draft.mapping, encoding="utf-8")
    """
    tables = sources if isinstance(sources, SourceTables) else None
    with _inputs(None if isinstance(sources, SourceTables) else sources, None) as inputs:
        call = _Call.of("suggest", SuggestOptions, options, inputs)
        choices = Choices(options.get("targets", {}), options.get("skip", {}))
        scratch = options.get("from_scratch", False)
        return suggesting.suggest(
            call.options, options.get("answers"), sources=tables, from_scratch=scratch, choices=choices
        )


def preview(
    sources: Sources,
    mapping: MappingFile,
    *,
    customer: str | None = None,
    row: str | None = None,
    **options: Unpack[PreviewOptions],
) -> dict[str, Any]:
    """What each rule does to some customers, step by step: as ``importer preview --json`` prints it.

    ``customer``: a reference id; ``row``: a source row, such as ``"customers.csv:5"``. Writes nothing.
    """
    with _inputs(sources, mapping) as inputs:
        call = _Call.of("preview", PreviewOptions, options, inputs)
        return call.carry_out(lambda watch: previewing.preview(call.options, customer, row, began=watch.stage))


def values(
    sources: Sources,
    mapping: MappingFile,
    api: str | Target | None = None,
    *,
    output: PathLike | None = None,
    **options: Unpack[ValuesOptions],
) -> dict[str, Any]:
    """The sources' words for reps, price lists, terms and options, with their values: as ``importer values --json``.

    With ``api`` or ``lookups``, it is known what ``exists`` in WizCommerce. ``output``: a table to write, .xlsx or
    .csv; what it has is kept. ``decided`` overrides it.
    """
    with _inputs(sources, mapping) as inputs:
        call = _Call.of("values", ValuesOptions, options, inputs, api)
        target = None if output is None else Path(output)
        return call.apart(
            lambda watch: word_values.values(
                call.options,
                call.environment,
                target,
                online=api is not None,
                watch=watch,
                decided=options.get("decided"),
            )
        )


def account(api: str | Target, **options: Unpack[AfterOptions]) -> str:
    """The name of the account that a run with this API and key would send to, as the history knows it."""
    call = _Call.of("account", AfterOptions, options, None, api)
    target = resolve(call.options, call.environment)
    return call.options.tenant or SANDBOX if target is None else target.tenant


def save_lookups(api: str | Target, to: PathLike, **options: Unpack[AfterOptions]) -> dict[str, Any]:
    """Save sales reps, price lists and attributes of WizCommerce, for ``lookups=``. Returns how many of each."""
    call = _Call.of("lookups", AfterOptions, options, None, api)
    return call.apart(lambda watch: lookup_saving.save_lookups(call.options, call.environment, Path(to), watch=watch))


def runs(**options: Unpack[HistoryOptions]) -> list[dict[str, Any]]:
    """The runs that the ledger knows, newest first: as ``importer runs --json`` prints them."""
    return history.runs(_Call.of("runs", HistoryOptions, options).options)


def write_report(run: str | None = None, **options: Unpack[ReportOptions]) -> RunResult:
    """Write the reports of a run, a check, or a plan again, for the owner of the data or for the operator.

    ``contact``: who gets the corrected workbook back.
    """
    return RunResult(history.report(_Call.of("report", ReportOptions, options).options, run))


def mappings() -> dict[str, str]:
    """The included mappings: name → title."""
    return {name: load_mapping(name).mapping.title for name in list_mappings()}


def write_mapping(text: str, path: PathLike, *, replace: bool = False) -> None:
    """Write the text of a mapping to a file, completely or not at all; ``replace``: one that is there already."""
    suggesting.write_mapping(text, Path(path), replace=replace)


def check(sources: Sources, mapping: MappingFile, **options: Unpack[CheckOptions]) -> CheckResult:
    """Dry run: what would be sent and what is wrong, in which cell. Does not contact WizCommerce; needs no key.

    ::

        checked = importer.check({"customers": frame}, "netsuite", country="US")
        checked.problems[["severity", "code", "row", "column", "message"]]
        next(checked.bodies())
    """
    with _inputs(sources, mapping) as inputs:
        call = _Call.of("check", CheckOptions, options, inputs)
        return CheckResult(
            call.carry_out(lambda watch: checking.check(call.options, began=watch.stage, notify=watch.phase))
        )


def plan(sources: Sources, mapping: MappingFile, api: str | Target, **options: Unpack[PlanOptions]) -> CheckResult:
    """What a run would create, update, leave alone, and reject, by ledger and API. Sends nothing.

    ::

        planned = importer.plan("customers.csv", "netsuite", "staging", mode="upsert")
        importer.run(plan=planned.run_id)  # sends exactly that
    """
    with _inputs(sources, mapping) as inputs:
        call = _Call.of("plan", PlanOptions, options, inputs, api)
        recheck = options.get("recheck", False)
        return CheckResult(
            call.carry_out(lambda watch: planning.plan(call.options, call.environment, recheck=recheck, watch=watch))
        )


def run(
    sources: Sources | None = None,
    mapping: MappingFile | None = None,
    api: str | Target | None = None,
    **options: Unpack[RunOptions],
) -> RunResult:
    """Check, plan, send, report. What was sent before is not sent again; with ``mode="upsert"``, what changed is.

    ::

        sent = importer.run("customers.csv", "netsuite", importer.Target("production", key=key), yes=True)
        if not sent.ok:
            print(sent.stopped, sent.results[sent.results["outcome"] == "failed"])
    """
    with _inputs(sources, mapping) as inputs:
        call = _Call.of("run", RunOptions, options, inputs, api or "")
        confirm = options.get("confirm")
        return RunResult(
            call.carry_out(lambda watch: running.run(call.options, call.environment, confirm=confirm, watch=watch))
        )


def correct(
    files: PathLike | Sequence[PathLike],
    to: PathLike,
    *,
    run: PathLike | None = None,
    out: PathLike = "results",
    replace: bool = False,
    removed: bool = False,
    answers: Mapping[str, str] | None = None,
    yes: bool = False,
) -> CorrectResult:
    """Record what somebody fixed in rejected rows, for the option ``corrections`` of later calls.

    ``files``: ``rejected.xlsx`` or files of ``rejected/``. ``run``: the id or folder of the run that wrote them; by
    default what they say themselves. ``replace``: the later one of two that contradict each other counts. ``removed``:
    rows that are missing in the files are left out. ``answers``: question → choice; ``yes``: what is proposed counts.
    Raises :class:`importer.errors.UsageError`, for a contradiction with both corrections.

    ::

        done = importer.correct("fixed.xlsx", "corrections.csv")
        for question in done.open:
            print(question.id, question.text, question.choices)
        importer.check("customers.csv", "netsuite", corrections="corrections.csv")
    """
    paths = [Path(path) for path in ([files] if isinstance(files, str | os.PathLike) else files)]
    how: dict[str, Any] = {"replace": replace, "removed": removed, "answers": answers, "yes": yes}
    return correcting.correct(paths, Path(to), run=None if run is None else str(run), out=Path(out), **how)


def correct_cells(
    run: PathLike,
    cells: Sequence[tuple[str, int, str, str]],
    to: PathLike,
    *,
    out: PathLike = "results",
    replace: bool = False,
) -> CorrectResult:
    """Record single cells of a run: source table (as reports name it), row number there, column, and new text.

    Of rows that the run rejected or has a problem with. ``run``: its id or folder. Raises as :func:`correct`.

    ::

        importer.correct_cells(checked.folder, [("customers.csv", 7, "Phone", "+14155550132")], "corrections.csv")
    """
    return correcting.record_cells(str(run), cells, Path(to), out=Path(out), replace=replace)


def corrections_in(path: PathLike) -> list[dict[str, Any]]:
    """The corrections of a file, a line each: ``line``, ``table``, ``key``, ``column``, ``old``, ``new``, and more.

    A blank ``column`` leaves the whole row out. Raises :class:`importer.errors.UsageError` for a damaged file.
    """
    return correcting.corrections_in(Path(path))


def remove_correction(path: PathLike, line: int) -> None:
    """Take a correction out of a file, by its line in :func:`corrections_in`."""
    correcting.remove_correction(Path(path), line)


async def arun(
    sources: Sources | None = None,
    mapping: MappingFile | None = None,
    api: str | Target | None = None,
    **options: Unpack[RunOptions],
) -> RunResult:
    """As :func:`run`, in a thread, so that the event loop goes on. Cancelled, it stops as after Ctrl-C.

    ::

        sent = await importer.arun("customers.csv", "netsuite", "sandbox")
    """
    stop = options.setdefault("stop", threading.Event())
    failed: Exception | None = None

    async def stop_when_cancelled() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            stop.set()

    async with anyio.create_task_group() as group:
        group.start_soon(stop_when_cancelled)
        try:
            result = await anyio.to_thread.run_sync(partial(run, sources, mapping, api, **options))
        except Exception as error:  # noqa: BLE001 - raised again below: the group would wrap it
            failed = error
        group.cancel_scope.cancel()
    if failed is not None:
        raise failed
    return result


def resume(run: str | None = None, **options: Unpack[ResumeOptions]) -> RunResult:
    """Go on with a run that stopped early: by its id, by default the latest that got as far as planning.

    ::

        sent = importer.resume(sent.run_id, key=key, ledger="sqlite:///acme.db")
    """
    confirm = options.get("confirm")
    return RunResult(_after_run("resume", ResumeOptions, options, resuming.resume, run, confirm=confirm))


def retry(run: str | None = None, **options: Unpack[RetryOptions]) -> RunResult:
    """Send again what failed in a run for reasons that can pass; ``include_refused``: also what the API refused."""
    more = {"include_refused": options.get("include_refused", False), "confirm": options.get("confirm")}
    return RunResult(_after_run("retry", RetryOptions, options, resuming.retry, run, **more))


def undo(run: str | None = None, **options: Unpack[UndoOptions]) -> Result:
    """Take back what a run created and updated. What was changed in WizCommerce since is left, unless ``force``.

    ::

        undone = importer.undo(sent.run_id, yes=True)
        undone.customers[["reference_id", "result", "details"]]
    """
    more = {"force": options.get("force", False), "confirm": options.get("confirm")}
    return Result(_after_run("undo", UndoOptions, options, undoing.undo, run, **more), "undo.csv")


def verify(run: str | None = None, **options: Unpack[AfterOptions]) -> Result:
    """Compare the ledger with what WizCommerce has: what is missing, there twice, or changed. Changes nothing."""
    return Result(_after_run("verify", AfterOptions, options, verifying.verify, run), "verify.csv")


def _after_run(
    command: str,
    known: type[Any],
    given: Mapping[str, Any],
    work: Callable[..., dict[str, Any]],
    run: str | None,
    **more: Any,
) -> dict[str, Any]:
    call = _Call.of(command, known, given)
    return call.carry_out(lambda watch: work(call.options, call.environment, run, watch=watch, **more))


@dataclass(frozen=True)
class _Call:
    """One call of a function above."""

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
    ) -> "_Call":
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
        """Do the work of a command that has an exit code, and log its course. Returns the summary."""
        return self.apart(lambda watch: supervise(self.command, self.options, watch, work))

    def apart(self, work: Callable[[Watch], dict[str, Any]]) -> dict[str, Any]:
        """Do the work here, or in a thread of its own where an event loop runs in this one. Returns what it returns."""
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
def _inputs(sources: Sources | None, mapping: MappingFile | None) -> Iterator[dict[str, Any]]:
    """The sources and the mapping as options, for as long as the block lasts."""
    with ExitStack() as stack:
        given: dict[str, Any] = {"sources": sources, "mapping": mapping}
        if isinstance(given["sources"], pd.DataFrame):
            raise UsageError("a table has no name", 'Give it one, such as {"customers": frame}.')
        if isinstance(sources, Mapping):
            given["sources"] = stack.enter_context(_in_memory(sources))
        if isinstance(mapping, Mapping):
            given["mapping"] = stack.enter_context(_mapping_file(mapping))
        yield {name: value for name, value in given.items() if value is not None}


@contextmanager
def _in_memory(frames: Mapping[str, pd.DataFrame]) -> Iterator[list[str]]:
    """The URLs of frames as CSV files in this process's memory, where the loader finds them as any other source."""
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
                f"table {name!r}: column {column!r} does not hold text only",
                "Read it as text (dtype=str): a number has lost its leading zeros, a date its format.",
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
