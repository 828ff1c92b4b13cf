"""Writing a run's reports from its stage tables and its outcomes."""

import json
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

import importer
from importer.corrections.original_rows import save_originals
from importer.loader import public_source
from importer.mapping.language.mapping_files import LoadedMapping
from importer.partitions.executors import InlineExecutor, start
from importer.payload import record_of
from importer.records import TEMPORARY_STATUSES, OutcomeKind, Severity
from importer.report.advice import import_command
from importer.report.correction_list import write_correction_list
from importer.report.html.page import write_html
from importer.report.rejected import write_rejected
from importer.report.rejected_workbook import Workbook, choose_rows, write_workbook
from importer.report.report_files import write_blocks, write_csv
from importer.report.report_input import ReportInput, loose_rows, totals
from importer.report.results import results
from importer.report.summary import RunEnd, RunFacts, build_summary, write_summary
from importer.run_folder import RunFolder, Stage
from importer.settings import IN_MEMORY, Commands, Options
from importer.tables import ENTITIES, TEXT, Entity, Mask, ProblemTable
from importer.validation.field_places import locate
from importer.workflow.sign_off_facts import save_sign_off
from importer.workflow.since_last_run import imported_before, run_to_compare, since_last_run
from importer.workflow.timings import Timings

if TYPE_CHECKING:  # a check needs no ledger
    from importer.ledger import Ledger

INLINE = InlineExecutor()
LIBRARIES = ("pandas", "pandera", "pyarrow", "httpx", "anyio", "phonenumbers", "sqlalchemy")
COLUMNS = (
    *("action", "outcome", "customer_id", "display_id", "http_status", "attempts"),
    *("error_code", "error_message", "seconds"),
)
UNSENT = ("check", "plan")
AT_A_CELL = "Fix the cell, then run again: what was refused is sent again."
AT_NO_CELL = "WizCommerce did not say which cell is wrong. Fix what its message says, then run again."
NOTES = {
    "changed_in_api": "Decide which version is right. --on-conflict overwrite sends the source's version.",
    "differs_in_api": "A run with --mode upsert sends the source's version. changes.csv has both values.",
    "child_not_in_source": "Nothing is deleted. If it is no longer needed, delete it in WizCommerce.",
    "child_left_alone": "Compare the customer in WizCommerce with the source, and change it there.",
    "lost_in_api": "Was it deleted on purpose? If not, adopt it again (--only). Then the next run creates it.",
}


def versions() -> dict[str, str]:
    """The versions of the importer, of Python, and of the libraries that influence the results."""
    found = {"importer": importer.__version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # an installation may lack the metadata of packages
            continue
    return found


def with_facts(
    stage: Stage, command: str, started: datetime, loaded: LoadedMapping, options: Options, timings: Timings
) -> Stage:
    """The stage with the facts that its reports need about the run, as JSON values."""
    return replace(
        stage,
        facts={
            "command": command,
            "started": started.isoformat(),
            "mapping": loaded.name,
            "mapping_sha256": loaded.sha256,
            "options": {
                "sources": [public_source(source) for source in options.sources],
                "mapping": loaded.name if IN_MEMORY in options.mapping else options.mapping,
                **options.public(dry=command == "check"),
            },
            "timings": dict(timings.seconds),
        },
    )


def unsent_outcomes(stage: Stage, kind: OutcomeKind) -> pd.DataFrame:
    """The outcomes if nothing was sent: rejected, or ``kind`` (valid or pending) for all other customers."""
    count = len(stage.tables.customers)
    nothing = pd.Series(None, index=range(count), dtype=TEXT)
    rejected = pa.array(stage.rejected)
    action, outcome = pc.if_else(rejected, "none", "create"), pc.if_else(rejected, str(OutcomeKind.REJECTED), str(kind))
    return pd.DataFrame(
        {
            "reference_id": stage.tables.customers["reference_id"],
            "action": pd.Series(pd.arrays.ArrowExtensionArray(action)),
            "outcome": pd.Series(pd.arrays.ArrowExtensionArray(outcome)),
            "customer_id": nothing,
            "display_id": nothing,
            "http_status": pd.Series(pd.NA, index=range(count), dtype="Int64"),
            "attempts": pd.Series(0, index=range(count), dtype="Int64"),
            "error_code": nothing,
            "error_message": nothing,
            "seconds": pd.Series(pd.NA, index=range(count), dtype="Float64"),
        }
    )


def exit_code(stage: Stage, outcomes: pd.DataFrame) -> int:
    """3 if an outcome is unknown, 1 if rows or customers were rejected or failed, and 0 otherwise.

    Pending customers do not matter: they were excluded on purpose (``--limit``, ``--only``), or the run stopped early,
    and then the caller uses 3 anyway.
    """
    kinds = set(outcomes["outcome"].unique())
    if str(OutcomeKind.UNKNOWN) in kinds:
        return 3
    wrong = {str(OutcomeKind.REJECTED), str(OutcomeKind.FAILED)} & kinds
    return 1 if wrong or totals(stage.sources, stage.tables, stage.rejected, outcomes).rows_rejected else 0


def write_reports(
    folder: RunFolder,
    stage: Stage,
    outcomes: pd.DataFrame,
    refused: Mask | None,
    end: RunEnd,
    commands: Commands,
    executor: Executor = INLINE,
) -> dict[str, Any]:
    """Write results, errors, rejected rows, and the summary. Returns the summary.

    Its timings end with ``reports``: the time spent here, without the summary's own file. ``commands`` completes the
    commands that the reports suggest. ``executor`` saves the workbook while the other files are written. Raises
    :class:`OutputError`.
    """
    began = time.monotonic()
    refused = np.zeros(len(stage.rejected), np.bool_) if refused is None else refused
    decided = (stage.problems, stage.rejected, stage.lost_child, refused, outcomes)
    report = ReportInput(stage.sources, stage.tables, *decided, words=stage.words, choices=stage.choices)
    fixable = folder.file("rejected.xlsx")  # not in rejected/: importing that folder again would read the rows twice
    alone = loose_rows(stage.sources, stage.tables) > 0
    again = commands.completed(import_command(stage.facts["command"], fixable.name, upsert=alone))
    with ExitStack() as saving:

        def begin(work: Callable[..., object], *arguments: object) -> None:
            saving.callback(start(executor, work, *arguments))

        chosen = choose_rows(report)
        workbook = write_workbook(
            fixable, report, chosen, command=again, run=folder.run_id, reader=end.reader, begin=begin
        )
        rejected = write_rejected(folder.file("rejected"), report)
        write_blocks(folder.file("results.csv"), results(report))
        if end.children is not None:
            write_csv(folder.file("children.csv"), end.children)
        write_blocks(folder.file("errors.csv"), report.located.blocks())
        corrected = write_correction_list(folder.file("corrections.csv"), report)
        save_originals(folder.work, report, chosen.rows)
    signed = end.fingerprint is not None or (end.reader.is_owner and stage.facts["command"] in UNSENT)
    others = [fixable.name] * (workbook is not None) + ["corrections.csv"] * corrected + ["sign-off.xlsx"] * signed
    names = _names(folder, end, [f"rejected/{path.name}" for path in rejected], others)
    about = _facts(folder, stage.facts, end, names, workbook)
    summary = build_summary(report, replace(about, since=since_last_run(report, end.last)))
    summary["next"] = [commands.completed(step) for step in summary["next"]]
    if signed:
        save_sign_off(folder, report, summary, end.fingerprint, end.reader)
    write_html(folder.file("report.html"), report, summary, folder.payloads, folder.file("changes.csv"), end.reader)
    summary["timings"]["reports"] = round(time.monotonic() - began, 3)
    write_summary(folder.file("summary.json"), summary)
    return summary


def _names(folder: RunFolder, end: RunEnd, rejected: Sequence[str], others: Sequence[str]) -> list[str]:
    """The files of the report for the list in the summary."""
    names = ["results.csv", "children.csv"] if end.children is not None else ["results.csv"]
    names += ["errors.csv", *rejected, *others, "report.html", "summary.json"]
    return names + [name for name in ("changes.csv", "payloads.jsonl") if folder.file(name).exists()]


def _facts(
    folder: RunFolder, facts: Mapping[str, Any], end: RunEnd, files: Sequence[str], workbook: Workbook | None
) -> RunFacts:
    """What the summary says about a run besides its data. ``facts``: those of its stage."""
    return RunFacts(
        command=facts["command"],
        run_id=folder.run_id,
        started=datetime.fromisoformat(facts["started"]),
        mapping=facts["mapping"],
        mapping_sha256=facts["mapping_sha256"],
        folder=str(folder.path),
        files=files,
        options=facts["options"],
        timings=facts["timings"],
        versions=versions(),
        workbook=workbook,
        **vars(end),
    )


def report_run(
    ledger: "Ledger", run_id: str, folder: RunFolder, stage: Stage, code: int | None, commands: Commands, **more: Any
) -> dict[str, Any]:
    """Write the reports of a run that sends, from its outcomes in the ledger. Returns the summary.

    ``code``: its exit code; if it is None, the outcomes decide. ``more``: other fields of :class:`RunEnd`. The reasons
    why the API refused customers become problems at the cells that they are about. Raises :class:`OutputError`.
    """
    from importer.workflow.changes_file import write_run_changes  # noqa: PLC0415 - a check needs no ledger

    known = ledger.outcomes(run_id)
    outcomes = with_columns(unsent_outcomes(stage, OutcomeKind.PENDING), known, COLUMNS)
    failed = known["outcome"].eq(str(OutcomeKind.FAILED)).to_numpy(dtype=np.bool_)
    status = known["http_status"].fillna(0).to_numpy(dtype=np.int64)
    final = failed & (status >= 400) & (status < 500) & ~np.isin(status, TEMPORARY_STATUSES)
    refused = np.zeros(len(outcomes), dtype=np.bool_)
    refused[known["position"].to_numpy()[final]] = True
    reasons = known[final & known["refusals"].notna().to_numpy()]
    problems = [stage.problems, _problems(stage, reasons), _notes(stage, known)]
    stage = replace(stage, problems=ProblemTable.concat(problems))
    twice = known["error_code"].eq("duplicate_in_api").fillna(value=False).to_numpy(dtype=np.bool_)
    run = ledger.run(run_id)
    write_run_changes(folder, stage, ledger, run)
    end = RunEnd(
        exit_code(stage, outcomes) if code is None else code,
        retryable=int((failed & ~final & ~twice).sum()),
        resumable=folder.load_bodies() is not None,
        children=ledger.children_of(run_id),
        imported_before=imported_before(ledger, run.tenant, stage, before=run.started_at),
        last=run_to_compare(ledger, run, stage),
        **more,
    )
    return write_reports(folder, stage, outcomes, refused, end, commands)


def with_columns(outcomes: pd.DataFrame, known: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The outcomes, with these columns of ``known`` at the customer positions in ``known``."""
    at = known["position"].to_numpy()
    for name in names:
        column = outcomes[name].copy()
        column.iloc[at] = known[name].array
        outcomes = outcomes.assign(**{name: column})
    return outcomes


def _notes(stage: Stage, known: pd.DataFrame) -> ProblemTable:
    """Warnings about customers that were updated or left alone. None of these customers failed."""
    found = []
    for code, hint in NOTES.items():
        noted = known[known["error_code"].eq(code).fillna(value=False).to_numpy(dtype=np.bool_)]
        positions = noted["position"].to_numpy(dtype=np.int64)
        places = locate(stage.tables, stage.sources, "customer", "reference_id", positions)
        found.append(
            ProblemTable.build(
                len(noted),
                severity=Severity.WARNING,
                code=code,
                customer=positions,
                entity="customer",
                record=positions,
                row=places.rows,
                message=noted["error_message"].array,
                hint=hint,
            )
        )
    return ProblemTable.concat(found)


def _problems(stage: Stage, refusals: pd.DataFrame) -> ProblemTable:
    """An error for each ``details[]`` of a refusal, at its record, or at the customer if the field is unknown."""
    found: dict[Entity, list[tuple[int, int, str | None, str]]] = {entity: [] for entity in ENTITIES}
    for position, text in zip(refusals["position"], refusals["refusals"], strict=True):
        for item in json.loads(text):
            reason = f"{item['field']}: {item['reason']}" if item["field"] else item["reason"]
            entity, record, field = record_of(stage.tables, position, item["field"]) or ("customer", position, None)
            found[entity].append((position, record, field, reason))
    tables = [_located(stage, entity, items) for entity, items in found.items() if items]
    return ProblemTable.concat(tables)


def _located(stage: Stage, entity: Entity, items: list[tuple[int, int, str | None, str]]) -> ProblemTable:
    positions, records, fields, reasons = (list(column) for column in zip(*items, strict=True))
    rows = stage.tables.frame(entity)["_row"].to_numpy()[np.array(records, np.int64)].copy()
    columns: list[Any] = [None] * len(items)
    values: list[Any] = [None] * len(items)
    for name in {field for field in fields if field is not None}:
        chosen = np.flatnonzero(np.array([field == name for field in fields]))
        places = locate(stage.tables, stage.sources, entity, name, np.array(records, np.int64)[chosen])
        for index, row, column, cell in zip(
            chosen, places.rows, places.columns.to_pylist(), places.cells.to_pylist(), strict=True
        ):
            rows[index], columns[index], values[index] = row, column, cell
    return ProblemTable.build(
        len(items),
        severity=Severity.ERROR,
        code="api_refused",
        customer=np.array(positions, np.int64),
        entity=entity,
        record=np.array(records, np.int64),
        field=fields,
        row=rows,
        column=columns,
        value=values,
        message=[f"WizCommerce refused it: {reason}" for reason in reasons],
        hint=[AT_A_CELL if column is not None else AT_NO_CELL for column in columns],
    )
