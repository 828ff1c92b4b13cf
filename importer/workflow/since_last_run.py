"""What a run says in comparison with earlier ones: what is new since the last run, and what was imported before.

A job that runs every night, with corrections or a value table, has the same problems every night, and people want to
see what is new. Problems are the same if they agree in code, customer, field, column, and text. Rows may move.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from importer.errors import OutputError
from importer.records import Severity
from importer.report.report_files import read_csv
from importer.report.report_input import ReportInput
from importer.report.summary import problem_counts
from importer.run_folder import Stage
from importer.tables import Mask
from importer.validation.word_problems import ONE_PER_WORD

if TYPE_CHECKING:  # a check needs no ledger
    from importer.ledger import Ledger, Run

_SAME = ("severity", "code", "reference_id", "entity", "field", "value", "column")
_WORDS = ONE_PER_WORD | {"word_unknown"}  # reported only once, at any of the customers that have the word
_SAME_CORRECTION = ("table", "key", "column", "old", "new")


def last_run(ledger: "Ledger", run: "Run", mapping: str) -> "Run | None":
    """The last complete run before this one, of the same tenant and mapping, that had all customers."""
    for other in ledger.runs(run.tenant):
        whole = not any(other.options.get(name) for name in ("partial", "limit", "only"))
        complete = other.command == "run" and other.exit_code in (0, 1) and other.summary and whole
        earlier = (other.started_at, other.id) < (run.started_at, run.id) and other.id != run.id
        if complete and earlier and other.mapping == mapping:
            return other
    return None


def run_to_compare(ledger: "Ledger", run: "Run", stage: Stage) -> tuple[str, Path] | None:
    """The ID and the folder of the run to compare with; None for a run without corrections or a value table."""
    if not any(stage.facts["options"].get(name) for name in ("corrections", "values")):
        return None
    found = last_run(ledger, run, run.mapping)
    return None if found is None else (found.id, found.out)


def imported_before(
    ledger: "Ledger", tenant: str, stage: Stage, *, before: datetime | None = None
) -> dict[str, Any] | None:
    """How many of the rejected customers earlier runs imported, and the times of the first and the last; or None.

    ``before``: the start of the run whose reports are written. What was imported later does not count.
    """
    rejected = stage.tables.customers["reference_id"][stage.rejected].tolist()
    found = map(datetime.fromisoformat, ledger.imported_at(tenant, rejected)) if rejected else ()
    moments = [moment for moment in found if before is None or moment < before]
    if not moments:
        return None
    first, last = (f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for moment in (min(moments), max(moments)))
    return {"customers": len(moments), "first": first, "last": last}


def since_last_run(report: ReportInput, last: tuple[str, Path] | None) -> dict[str, Any] | None:
    """What is new, as plain values for the summary; None if there is no last run, or if its reports are gone."""
    if last is None:
        return None
    name, folder = last
    try:
        earlier = read_csv(folder / "errors.csv")
        corrections = read_csv(folder / "corrections.csv") if (folder / "corrections.csv").exists() else None
    except OutputError:
        return None
    serious = np.flatnonzero((report.located.kinds["severity"] != str(Severity.INFO)).to_numpy(np.bool_))
    lines = report.located.lines(serious, _SAME)
    new = serious[_beyond(_named(lines), _named(earlier))]
    return {
        "run_id": name,
        "problems": problem_counts(report.located, new),
        "stale": _newly_stale(report, corrections),
    }


def _named(lines: pd.DataFrame) -> "pd.Series[Any]":
    """A text for each problem, which is equal for problems that count as the same."""
    texts = lines[list(_SAME)].astype("object").where(lines[list(_SAME)].notna(), "")
    texts.loc[texts["code"].isin(_WORDS), "reference_id"] = ""
    return texts.agg("\0".join, axis=1) if len(texts) else pd.Series([], dtype="object")


def _beyond(now: "pd.Series[Any]", then: "pd.Series[Any]") -> Mask:
    """True for the problems of ``now`` in excess of those in ``then``."""
    known: Mapping[Any, int] = then.value_counts().to_dict()
    times = now.groupby(now).cumcount() if len(now) else now
    return np.array([time >= known.get(name, 0) for name, time in zip(now, times, strict=True)], np.bool_)


def _newly_stale(report: ReportInput, earlier: pd.DataFrame | None) -> int:
    corrections = report.sources.corrections
    if corrections is None:
        return 0
    then = set() if earlier is None else _stale(earlier)
    return len(_stale(corrections.lines) - then)


def _stale(lines: pd.DataFrame) -> set[tuple[str, ...]]:
    own = lines.loc[lines["status"].eq("stale").to_numpy(np.bool_), list(_SAME_CORRECTION)]
    return set(own.astype("object").where(own.notna(), "").itertuples(index=False, name=None))
