"""Writing a run's reports from its stage tables and its outcomes."""

import platform
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

import importer
from importer.errors import OutputError
from importer.partitions.helper import Alone, Helper
from importer.records import OutcomeKind
from importer.report import (
    ReportInput,
    RunFacts,
    Workbook,
    build_summary,
    import_command,
    loose_rows,
    write_errors,
    write_html,
    write_rejected,
    write_results,
    write_summary,
    write_workbook,
)
from importer.report.report_files import write_csv
from importer.run_folder import RunFolder, Stage
from importer.settings import Commands
from importer.tables import TEXT, unmark_formulas

__all__ = ["Ending", "exit_code", "read_report", "unsent_outcomes", "versions", "write_reports"]

ALONE = Alone()
NUMBERS = {"http_status": "Int64", "attempts": "Int64", "row": "Int64", "seconds": "Float64"}
LIBRARIES = ("pandas", "pandera", "pyarrow", "httpx", "anyio", "phonenumbers", "sqlalchemy")


@dataclass(frozen=True)
class Ending:
    """How a run ended: its exit code, why it stopped early if it did, the pace it reached if it sent.

    ``retryable``: failures that can pass. ``resumable``: whether `importer resume` can go on with it. ``plan``: what a
    run would do with how many customers, of a plan. ``adopted``: what was found, of an adoption. ``lookups``: which
    saved ones a check went by. ``children``: the ids of addresses and contacts, of a run that sends.
    """

    exit_code: int
    finished: datetime
    stopped: str | None = None
    pace: Mapping[str, Any] | None = None
    retryable: int = 0
    resumable: bool = False
    plan: Mapping[str, Any] | None = None
    adopted: Mapping[str, Any] | None = None
    lookups: Mapping[str, Any] | None = None
    children: pd.DataFrame | None = None


def versions() -> dict[str, str]:
    """The versions of the importer, Python and the libraries that shape the results."""
    found = {"importer": importer.__version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # an installation may leave package metadata out
            continue
    return found


def unsent_outcomes(stage: Stage, kind: OutcomeKind) -> pd.DataFrame:
    """Outcomes when nothing was sent: rejected, or ``kind`` (valid, pending) for every other customer."""
    count = len(stage.tables.customers)
    nothing = pd.Series(pd.arrays.ArrowExtensionArray(pa.nulls(count, pa.string())))
    rejected = pa.array(stage.rejected)
    action, outcome = pc.if_else(rejected, "none", "create"), pc.if_else(rejected, str(OutcomeKind.REJECTED), str(kind))
    frame = pd.DataFrame(
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
    return frame.reset_index(drop=True)


def exit_code(outcomes: pd.DataFrame, rows_rejected: int) -> int:
    """0 when every customer is where it should be, 1 when rows or customers were rejected or failed, 3 when in doubt.

    A pending customer is a remainder that was asked for (``--limit``, ``--only``); an early stop is 3 anyhow.
    """
    kinds = set(outcomes["outcome"].unique())
    if str(OutcomeKind.UNKNOWN) in kinds:
        return 3
    wrong = {str(OutcomeKind.REJECTED), str(OutcomeKind.FAILED)} & kinds
    return 1 if wrong or rows_rejected else 0


def write_reports(
    folder: RunFolder,
    stage: Stage,
    outcomes: pd.DataFrame,
    refused: npt.NDArray[np.bool_],
    ending: Ending,
    commands: Commands,
    helper: Helper = ALONE,
) -> dict[str, Any]:
    """Write results, errors, rejected rows and the summary. Returns the summary.

    Its timings end with ``reports``: everything here but the summary's own file. ``commands`` completes those that
    the reports advise. ``helper`` saves the workbook, and what it has begun before, while others are written. Raises
    :class:`OutputError`.
    """
    began = time.monotonic()
    report = ReportInput(
        stage.sources, stage.tables, stage.problems, stage.rejected, stage.lost_child, refused, outcomes, stage.words
    )
    facts = stage.facts
    alone = loose_rows(stage.sources, stage.tables) > 0
    again = commands.completed(import_command(facts["command"], folder.workbook.name, upsert=alone))
    workbook = write_workbook(folder.workbook, report, command=again, begin=helper.begin)
    rejected = write_rejected(folder.rejected, report)
    write_results(folder.file("results.csv"), report)
    if ending.children is not None:
        write_csv(folder.file("children.csv"), ending.children)
    write_errors(folder.file("errors.csv"), report.located)
    helper.finish()
    names = ["results.csv", "children.csv"] if ending.children is not None else ["results.csv"]
    names += ["errors.csv", *(f"rejected/{path.name}" for path in rejected)]
    names += [folder.workbook.name] if workbook is not None else []
    names += ["report.html", "summary.json"]
    names += [name for name in ("changes.csv", "payloads.jsonl") if folder.file(name).exists()]
    summary = build_summary(report, _facts(folder, stage.facts, ending, names, workbook))
    summary["next"] = [commands.completed(step) for step in summary["next"]]
    write_html(folder.file("report.html"), report, summary, folder.payloads, folder.file("changes.csv"))
    summary["timings"]["reports"] = round(time.monotonic() - began, 3)
    write_summary(folder.file("summary.json"), summary)
    return summary


def read_report(path: Path) -> pd.DataFrame:
    """A CSV file of a run's folder as it was before formulas were marked: text (null where blank) and numbers.

    Raises :class:`OutputError` when it is gone or was changed.
    """
    kinds: Any = defaultdict(lambda: TEXT, NUMBERS)
    try:
        frame = pd.read_csv(path, dtype=kinds, keep_default_na=False, na_values=[""], encoding="utf-8")
    except (OSError, ValueError) as error:
        raise OutputError(f"{path} is not as the run left it: {error}", "Move it away.") from error
    texts = {
        str(name): pd.arrays.ArrowExtensionArray(unmark_formulas(pa.chunked_array(pa.array(column))))
        for name, column in frame.items()
        if column.dtype == TEXT
    }
    return frame.assign(**texts)


def _facts(
    folder: RunFolder, facts: Mapping[str, Any], ending: Ending, files: Sequence[str], workbook: Workbook | None
) -> RunFacts:
    """What the summary says of a run besides its data; ``facts``: those of its stage."""
    return RunFacts(
        command=facts["command"],
        run_id=folder.run_id,
        started=datetime.fromisoformat(facts["started"]),
        finished=ending.finished,
        exit_code=ending.exit_code,
        mapping=facts["mapping"],
        mapping_sha256=facts["mapping_sha256"],
        folder=str(folder.path),
        files=files,
        options=facts["options"],
        timings=facts["timings"],
        versions=versions(),
        pace=ending.pace,
        stopped=ending.stopped,
        retryable=ending.retryable,
        resumable=ending.resumable,
        workbook=workbook,
        plan=ending.plan,
        adopted=ending.adopted,
        lookups=ending.lookups,
    )
