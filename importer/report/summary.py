"""``summary.json``: what a run did, how it ended, and what to do next."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd

from importer.catalogue import find
from importer.records import OutcomeKind, Severity
from importer.report.advice import next_steps
from importer.report.correction_list import correction_counts
from importer.report.problem_list import Located, place_of
from importer.report.rejected_workbook import Workbook
from importer.report.report_files import whole_file
from importer.report.report_input import OPERATOR, Reader, ReportInput, loose_rows
from importer.tables import CELL_CATEGORIES, Positions, Sources, SourceTable, plain_lines

_ONLY_OF_SOME = ("imported_before", "since", "lookups", "plan", "adopted", "pace")  # null in all other summaries
_CHANGE = ("code", "entity", "field", "column", "count")
_SECRET = re.compile(r"(?i)key|token|secret|password|credential")
_URL = re.compile(
    r"^(?P<scheme>[a-z][a-z0-9+.-]*://)(?:[^@/?#]*@)?(?P<rest>[^?#]*)(?P<query>[?#].*)?$", re.IGNORECASE | re.DOTALL
)
_FEWEST = 2  # customers: a single customer has no problem in common with others


@dataclass(frozen=True)
class RunEnd:
    """How a run ended: its exit code, why it stopped early (if it did), and the pace that it reached (if it sent).

    ``finished`` has a time zone. ``retryable``: how many customers failed for a temporary reason. ``resumable``:
    whether `importer resume` can continue the run. ``plan`` (of a plan): how many customers a run would create, update,
    and so on. ``adopted`` (of an adoption): what was found. ``lookups``: the saved lookups that a check used.
    ``imported_before``: the rejected customers that earlier runs imported. ``children`` (of a run that sends): the IDs
    of addresses and contacts. ``last``: the ID and the folder of the run to compare with. ``reader``: who the report is
    for. ``fingerprint``: a digest of what a plan would send.
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
    imported_before: Mapping[str, Any] | None = None
    children: pd.DataFrame | None = None
    last: tuple[str, Path] | None = None
    reader: Reader = OPERATOR
    fingerprint: str | None = None


@dataclass(frozen=True, kw_only=True)
class RunFacts(RunEnd):
    """What the command knows about a run, including its end.

    ``started`` has a time zone. ``options`` are those in effect. ``timings`` are seconds per stage, in order.
    ``folder`` is the run's folder as the user specified it, and ``files`` are the paths in it that were written.
    ``since``: what is new since the last run.
    """

    command: str
    run_id: str
    started: datetime
    mapping: str
    mapping_sha256: str
    folder: str
    files: Sequence[str] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    workbook: Workbook | None = None
    since: Mapping[str, Any] | None = None


def build_summary(report: ReportInput, facts: RunFacts) -> dict[str, Any]:
    """Everything that ``summary.json`` holds, as plain JSON values.

    Counts are checked (:class:`InternalError`). Options that could hold a secret are left out, and URLs lose their
    passwords and queries. ``problems`` are sorted by severity and count, each with its first place; ``changes`` are
    the lines of ``EntityTables.changes``.
    """
    no_change = ~report.located.kinds["code"].isin(report.tables.changes["code"]).to_numpy(np.bool_)
    summary: dict[str, Any] = {
        "command": facts.command,
        "run_id": facts.run_id,
        "started": _time(facts.started),
        "finished": _time(facts.finished),
        # A ledger may keep whole seconds.
        "seconds": round(max((facts.finished - facts.started).total_seconds(), 0.0), 3),
        "exit_code": facts.exit_code,
        "stopped": facts.stopped,
        "rows": _rows(report),
        "customers": _customers(report, facts.command),
        "refused": int(report.refused.sum()),
        "lost_child": int(report.lost_child.sum()),
        "missing_from_source": int((report.located.kinds["code"] == "missing_from_source").sum()),
        "retryable": facts.retryable,
        "resumable": facts.resumable,
        "addresses": len(report.tables.addresses),
        "contacts": len(report.tables.contacts),
        "causes": root_causes(report.located, report.totals.customers),
        "problems": problem_counts(report.located, np.flatnonzero(no_change)),
        "changes": _changes(report.sources, report.tables.changes),
        "sources": [_source(table) for table in report.sources.tables],
        "mapping": {"name": facts.mapping, "sha256": facts.mapping_sha256},
        "options": _public(facts.options),
        "cells": _cells(report.tables.cells),
        "columns": source_columns(report),
        "unused_columns": {name: list(columns) for name, columns in report.tables.unused_columns.items() if columns},
        "corrections": correction_counts(report.sources),
        **{name: None if (own := getattr(facts, name)) is None else dict(own) for name in _ONLY_OF_SOME},
        "timings": {stage: round(seconds, 3) for stage, seconds in facts.timings.items()},
        "versions": dict(facts.versions),
        "workbook": None if facts.workbook is None else asdict(facts.workbook),
        "folder": facts.folder,
        "files": list(facts.files),
    }
    return {**summary, "next": next_steps(summary)}


def write_summary(path: Path, summary: Mapping[str, Any]) -> None:
    """Write ``summary.json``: UTF-8, indented, with the keys in their order. Raises :class:`OutputError`."""
    with whole_file(path) as file:
        file.write(orjson.dumps(dict(summary), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _rows(report: ReportInput) -> dict[str, Any]:
    counts = report.totals
    return {
        "read": counts.rows_read,
        "used": counts.rows_used,
        "skipped": sum(counts.rows_skipped.values()),
        "skipped_by_reason": counts.rows_skipped,
        "rejected": counts.rows_rejected,
        "rejected_alone": loose_rows(report.sources, report.tables),
    }


def _customers(report: ReportInput, command: str) -> dict[str, int]:
    """Customers by outcome. ``check`` and ``plan`` have only valid and rejected; a run that sends has all but valid."""
    found = report.totals.outcomes
    dry = {OutcomeKind.VALID, OutcomeKind.REJECTED}
    kinds = (dry if command in {"check", "plan"} else set(OutcomeKind) - {OutcomeKind.VALID}) | set(found)
    return {
        "read": report.totals.customers,
        **{str(kind): found.get(kind, 0) for kind in OutcomeKind if kind in kinds},
    }


def _cells(cells: pd.DataFrame) -> dict[str, int]:
    """How many cells of data rows are filled, and how many are in each category."""
    counts: dict[str, int] = {name: int(cells[name].sum()) for name in CELL_CATEGORIES}
    return {"filled": sum(counts.values()), **counts}


def source_columns(report: ReportInput) -> list[dict[str, Any]]:
    """Each column with filled cells: the fields that it gives, and how many of its cells are in each category."""
    fields: dict[tuple[str, str], dict[str, None]] = {}
    names = [table.name for table in report.sources.tables]
    for entry in report.tables.entries:
        for name, origin in entry.fields.items():
            label = name if entry.entity == "customer" else f"{entry.entity} {name}"
            for key in product(entry.tables or names, origin.columns):
                fields.setdefault(key, {})[label] = None
    lines = []
    for line in report.tables.cells.to_dict("records"):
        counts = {name: int(line[name]) for name in CELL_CATEGORIES if line[name]}
        table = report.sources.tables[line["table"]]
        # A column that is used, but not by an entry of its table, is the key that joins its rows to their customers.
        known = list(fields.get((table.name, line["column"]), ["reference_id"] if "used" in counts else []))
        place = {"source": table.name, "column": line["column"], "fields": known}
        lines.append({**place, "filled": sum(counts.values()), "categories": counts})
    return lines


def _changes(sources: Sources, changes: pd.DataFrame) -> list[dict[str, Any]]:
    """What was rewritten, by column; without examples, because a summary is printed and may end up in a log."""
    places = [sources.location(row, column) for row, column in zip(changes["row"], changes["column"], strict=True)]
    return [
        {
            **dict(zip(_CHANGE, line, strict=True)),
            "source": str(replace(place, row=None, column=None)),
            "first": str(place),
        }
        for line, place in zip(changes[list(_CHANGE)].itertuples(index=False), places, strict=True)
    ]


def problem_counts(located: Located, at: Positions) -> list[dict[str, Any]]:
    """How often each code occurs among the problems at these positions, and the place where it occurs first."""
    groups = located.groups(at)
    firsts = plain_lines(located.lines(np.array([group.at[0] for group in groups], dtype=np.int64)))
    return [
        {"severity": group.severity, "code": group.code, "count": len(group.at), "first": place_of(first)}
        for group, first in zip(groups, firsts, strict=True)
    ]


def _source(table: SourceTable) -> dict[str, Any]:
    details = {name: table.details.get(name) for name in ("sha256", "bytes", "encoding", "delimiter")}
    secrets = sorted(table.secrets)
    columns = list(table.frame.columns)
    counts = {"rows": table.records, "data_rows": len(table.frame)}
    return {"name": table.name, **details, **counts, "columns": columns, "emptied": secrets}


def _public(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _public_value(value) for name, value in options.items() if not _SECRET.search(name)}


def _public_value(value: Any) -> Any:
    """The value as JSON; a URL loses its passwords and its query."""
    if isinstance(value, str | Path):
        found = _URL.match(str(value))
        return found["scheme"] + found["rest"] if found else str(value)
    if isinstance(value, Mapping):
        return _public(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_public_value(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def root_causes(located: Located, customers: int) -> list[str]:
    """A sentence for each error that more than half of the customers have (at least two), followed by how to fix it.

    Errors have the same cause if they have the same code and the same hint.
    """
    needed = max(_FEWEST, customers // 2 + 1)
    found = []
    for group in located.groups(np.flatnonzero(located.of(Severity.ERROR))):
        if len(group.at) < needed:
            continue
        lines = located.lines(group.at, ("hint", "column"))
        lines["customer"] = located.kinds["_customer"].to_numpy(np.int64)[group.at]
        for hint, own in lines.groupby("hint", sort=False):
            count = own.loc[own["customer"] >= 0, "customer"].nunique()
            if count >= needed:
                columns = ", ".join(own["column"].dropna().unique().tolist())
                code = find(group.code)
                title = code.title if code else group.code
                where = f" ({columns})" if columns else ""
                found.append(f"{count:,} of {customers:,} customers have the same problem: {title}{where}. {hint}")
    return found
