"""The commands as Python functions: :func:`check`, :func:`plan`, :func:`run`, :func:`resume`, and so on.

**Sources** are a path, a glob, a folder or a URL, a list of them, or a dictionary of pandas frames: ``{"customers":
frame}``. The columns of a frame hold text only, because numbers have lost their leading zeros. Reports name a frame's
cells as those of a file: its first row is row 2 of ``customers``. A **mapping** is a name, a path, or a dictionary with
the content of a mapping file; the ledger knows it by its ``title``. Neither leaves a copy on the disk, so a plan made
from them cannot be applied later: ``run`` with ``plan=`` needs files.

**Options** are those of the command line, with underscores, and are checked in the same way. A call that ends
without a report raises one of :mod:`importer.errors`; :class:`importer.errors.UsageError` names a wrong option. A run
that stopped early returns normally: ``exit_code`` is 3, and ``stopped`` says why.

Nothing is printed or asked. ``progress`` is called with each message; ``confirm`` is called with the question that the
command line asks, and returns whether to go on; ``yes=True`` answers it beforehand. The logger ``importer`` gets the
events that ``--log`` writes. ``stop`` is a :class:`threading.Event`: if it is set, requests in flight finish, and
the run ends as after Ctrl-C. In the main thread, SIGINT and SIGTERM do the same while a function works.

Every function also works in a thread, and in an event loop, which it blocks; ``await arun(…)`` does not block it.
A task of a scheduler returns ``sent.summary``: plain values, as in ``summary.json``.
"""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Unpack

import anyio
import anyio.to_thread

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
from importer.calls import CheckResult as CheckResult
from importer.calls import CommandCall, MappingFile, Sources, inputs
from importer.calls import Result as Result
from importer.calls import RunResult as RunResult
from importer.calls import Target as Target
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
from importer.commands.correct import CorrectResult as CorrectResult
from importer.drafting.column_choices import ColumnChoices
from importer.drafting.draft import Draft as Draft
from importer.mapping.language.mapping_files import list_mappings, load_mapping
from importer.settings import SANDBOX
from importer.tables import Sources as SourceTables
from importer.workflow.open_sources import open_sources, open_unmapped
from importer.workflow.targets import resolve
from importer.workflow.timings import Timings


def read(sources: Sources, mapping: MappingFile | None = None, **options: Unpack[ReadOptions]) -> SourceTables:
    """The sources as tables of text, with row numbers, the skipped records, and how the sources were read.

    With a mapping, they are read as by :func:`check`; otherwise, as by :func:`suggest`.

    ::

        for table in importer.read("customers.xlsx").tables:
            print(table.name, table.details.get("header_row"), len(table), table.frame.columns)
    """
    with inputs(sources, mapping) as given:
        call = CommandCall.of("read", ReadOptions, options, given)
        return open_unmapped(call.options) if mapping is None else open_sources(call.options, Timings())[1]


def suggest(sources: Sources | SourceTables, **options: Unpack[SuggestOptions]) -> Draft:
    """A draft of a mapping for sources without one: which field each column is for, and what is not certain.

    ``sources`` may be what :func:`read` returned. ``answers``: question ID → choice. ``from_scratch``: do not look for
    an included mapping that fits. ``targets``: column name → the field that it is for. ``skip``: column name → the
    texts whose rows are left out. Both override what is suggested.

    ::

        draft = importer.suggest("customers.csv", country="US")
        for question in draft.open:
            print(question.text, question.choices, question.proposed)
        Path("customers.yaml").write_text(draft.mapping, encoding="utf-8")
    """
    tables = sources if isinstance(sources, SourceTables) else None
    with inputs(None if isinstance(sources, SourceTables) else sources, None) as given:
        call = CommandCall.of("suggest", SuggestOptions, options, given)
        choices = ColumnChoices(options.get("targets", {}), options.get("skip", {}))
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
    """What each rule does to some customers, step by step, as ``importer preview --json`` prints it.

    ``customer``: a reference ID; ``row``: a source row, such as ``"customers.csv:5"``. Writes nothing.
    """
    with inputs(sources, mapping) as given:
        call = CommandCall.of("preview", PreviewOptions, options, given)
        return call.carry_out(lambda watch: previewing.preview(call.options, customer, row, began=watch.stage))


def values(
    sources: Sources,
    mapping: MappingFile,
    api: str | Target | None = None,
    *,
    output: PathLike | None = None,
    **options: Unpack[ValuesOptions],
) -> dict[str, Any]:
    """The sources' words for reps, price lists, terms, and options, with their values, as ``importer values --json``.

    With ``api`` or ``lookups``, ``exists`` says whether a value is in WizCommerce. ``output``: a table to write, .xlsx
    or .csv; decisions that it already has are kept, unless ``decided`` overrides them.
    """
    with inputs(sources, mapping) as given:
        call = CommandCall.of("values", ValuesOptions, options, given, api)
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
    """The name under which the ledger keeps the account that a run with this API and key would send to."""
    call = CommandCall.of("account", AfterOptions, options, None, api)
    target = resolve(call.options, call.environment)
    return call.options.tenant or SANDBOX if target is None else target.tenant


def save_lookups(api: str | Target, to: PathLike, **options: Unpack[AfterOptions]) -> dict[str, Any]:
    """Save WizCommerce's sales reps, price lists, and attributes, for ``lookups=``. Returns the number of each."""
    call = CommandCall.of("lookups", AfterOptions, options, None, api)
    return call.apart(lambda watch: lookup_saving.save_lookups(call.options, call.environment, Path(to), watch=watch))


def runs(**options: Unpack[HistoryOptions]) -> list[dict[str, Any]]:
    """The runs in the ledger, newest first, as ``importer runs --json`` prints them."""
    return history.runs(CommandCall.of("runs", HistoryOptions, options).options)


def write_report(run: str | None = None, **options: Unpack[ReportOptions]) -> RunResult:
    """Write the reports of a run, a check, or a plan again, for the owner of the data or for the operator.

    ``contact``: to whom the corrected workbook is returned.
    """
    return RunResult(history.report(CommandCall.of("report", ReportOptions, options).options, run))


def mappings() -> dict[str, str]:
    """The included mappings: name → title."""
    return {name: load_mapping(name).mapping.title for name in list_mappings()}


def write_mapping(text: str, path: PathLike, *, replace: bool = False) -> None:
    """Write the text of a mapping to a file, completely or not at all. ``replace``: overwrite an existing file."""
    suggesting.write_mapping(text, Path(path), replace=replace)


def check(sources: Sources, mapping: MappingFile, **options: Unpack[CheckOptions]) -> CheckResult:
    """Find out what would be sent, and what is wrong in which cell. Does not contact WizCommerce; needs no key.

    ::

        checked = importer.check({"customers": frame}, "netsuite", country="US")
        checked.problems[["severity", "code", "row", "column", "message"]]
        next(checked.bodies())
    """
    with inputs(sources, mapping) as given:
        call = CommandCall.of("check", CheckOptions, options, given)
        return CheckResult(
            call.carry_out(lambda watch: checking.check(call.options, began=watch.stage, notify=watch.phase))
        )


def plan(sources: Sources, mapping: MappingFile, api: str | Target, **options: Unpack[PlanOptions]) -> CheckResult:
    """Find out from the ledger and the API what a run would create, update, leave alone, and reject. Sends nothing.

    ::

        planned = importer.plan("customers.csv", "netsuite", "staging", mode="upsert")
        importer.run(plan=planned.run_id)  # sends exactly that
    """
    with inputs(sources, mapping) as given:
        call = CommandCall.of("plan", PlanOptions, options, given, api)
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
    """Check, plan, send, and report. Customers sent before are not sent again; ``mode="upsert"`` sends changed ones.

    ::

        sent = importer.run("customers.csv", "netsuite", importer.Target("production", key=key), yes=True)
        if not sent.ok:
            print(sent.stopped, sent.results[sent.results["outcome"] == "failed"])
    """
    with inputs(sources, mapping) as given:
        call = CommandCall.of("run", RunOptions, options, given, api or "")
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
    """Record the changes that someone made to rejected rows, for the ``corrections`` option of later calls.

    ``files``: ``rejected.xlsx`` or files of ``rejected/``. ``run``: the ID or folder of the run that wrote them; by
    default, what the files themselves say. ``replace``: the later of two contradicting corrections wins. ``removed``:
    rows that are missing from the files are left out. ``answers``: question ID → choice; ``yes``: use the suggested
    answers. Raises :class:`importer.errors.UsageError`; for a contradiction, it names both corrections.

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
    """Record corrections of individual cells: source table (as reports name it), row number, column, and new text.

    The cells must be in rows that the run rejected or that have a problem. ``run``: its ID or folder. Raises what
    :func:`correct` raises.

    ::

        importer.correct_cells(checked.folder, [("customers.csv", 7, "Phone", "+14155550132")], "corrections.csv")
    """
    return correcting.record_cells(str(run), cells, Path(to), out=Path(out), replace=replace)


def corrections_in(path: PathLike) -> list[dict[str, Any]]:
    """The corrections in a file, as ``line``, ``table``, ``key``, ``column``, ``old``, ``new``, and more.

    If ``column`` is blank, the whole row is left out. Raises :class:`importer.errors.UsageError` for a damaged file.
    """
    return correcting.corrections_in(Path(path))


def remove_correction(path: PathLike, line: int) -> None:
    """Remove a correction from a file. ``line``: as in :func:`corrections_in`."""
    correcting.remove_correction(Path(path), line)


async def arun(
    sources: Sources | None = None,
    mapping: MappingFile | None = None,
    api: str | Target | None = None,
    **options: Unpack[RunOptions],
) -> RunResult:
    """Do :func:`run` in a thread, so that the event loop continues. If canceled, the run stops as after Ctrl-C.

    ::

        sent = await importer.arun("customers.csv", "netsuite", "sandbox")
    """
    stop = options.setdefault("stop", threading.Event())
    failed: Exception | None = None

    async def stop_when_canceled() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            stop.set()

    async with anyio.create_task_group() as group:
        group.start_soon(stop_when_canceled)
        try:
            result = await anyio.to_thread.run_sync(partial(run, sources, mapping, api, **options))
        except Exception as error:  # noqa: BLE001 - raised again below: the group would wrap it
            failed = error
        group.cancel_scope.cancel()
    if failed is not None:
        raise failed
    return result


def resume(run: str | None = None, **options: Unpack[ResumeOptions]) -> RunResult:
    """Continue a run that stopped early, given its ID; by default, the latest one.

    ::

        sent = importer.resume(sent.run_id, key=key, ledger="sqlite:///acme.db")
    """
    confirm = options.get("confirm")
    return RunResult(_after_run("resume", ResumeOptions, options, resuming.resume, run, confirm=confirm))


def retry(run: str | None = None, **options: Unpack[RetryOptions]) -> RunResult:
    """Resend what failed in a run for temporary reasons, and with ``include_refused`` also what the API refused."""
    more = {"include_refused": options.get("include_refused", False), "confirm": options.get("confirm")}
    return RunResult(_after_run("retry", RetryOptions, options, resuming.retry, run, **more))


def undo(run: str | None = None, **options: Unpack[UndoOptions]) -> Result:
    """Undo what a run created and updated. Later changes in WizCommerce are kept, unless ``force``.

    ::

        undone = importer.undo(sent.run_id, yes=True)
        undone.customers[["reference_id", "result", "details"]]
    """
    more = {"force": options.get("force", False), "confirm": options.get("confirm")}
    return Result(_after_run("undo", UndoOptions, options, undoing.undo, run, **more), "undo.csv")


def verify(run: str | None = None, **options: Unpack[AfterOptions]) -> Result:
    """Compare the ledger with WizCommerce, and report what is missing, duplicated, or changed. Changes nothing."""
    return Result(_after_run("verify", AfterOptions, options, verifying.verify, run), "verify.csv")


def _after_run(
    command: str,
    known: type[Any],
    given: Mapping[str, Any],
    work: Callable[..., dict[str, Any]],
    run: str | None,
    **more: Any,
) -> dict[str, Any]:
    call = CommandCall.of(command, known, given)
    return call.carry_out(lambda watch: work(call.options, call.environment, run, watch=watch, **more))
