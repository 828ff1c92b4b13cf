"""``runs``, ``ids``, and ``report``: the runs of a ledger, the IDs that it knows, and the reports of a run."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from importer.errors import UsageError
from importer.ledger import Ledger, Run, open_ledger
from importer.report.report_files import csv_bytes, read_csv, whole_file
from importer.report.report_input import Reader
from importer.report.summary import RunEnd
from importer.run_folder import RunFolder
from importer.settings import Commands, Options, default_ledger
from importer.workflow.report_writer import COLUMNS, UNSENT, report_run, write_reports


def known_ledger(options: Options) -> Ledger:
    """Open the ledger for a command about earlier runs. If the default ledger does not exist, it counts as empty.

    Raises :class:`NoLedgerError` if a different ledger was named and does not exist.
    """
    is_default = options.ledger == default_ledger(os.environ)
    return open_ledger(options.ledger, absent="empty" if is_default else "refuse")


def runs(options: Options) -> list[dict[str, Any]]:
    """The runs in the ledger (of ``options.tenant``, if there is one) as plain values, newest first."""
    with known_ledger(options) as ledger:
        undone = ledger.undone()
        return [_line(item, undone.get(item.id, 0)) for item in ledger.runs(options.tenant)]


def _line(item: Run, undone: int) -> dict[str, Any]:
    return {
        "run_id": item.id,
        "tenant": item.tenant,
        "command": item.command,
        "mapping": item.mapping,
        "started": item.started_at.isoformat(timespec="seconds"),
        "finished": item.finished_at.isoformat(timespec="seconds") if item.finished_at else None,
        "exit_code": item.exit_code,
        "folder": str(item.out),
        "folder_gone": bool(item.summary) and not item.out.is_dir(),
        "customers": dict((item.summary or {}).get("customers", {})),
        "undone": undone,
    }


def ids(options: Options, target: Path | None = None) -> bytes:
    """The IDs that WizCommerce gave to all customers of one tenant, and to their addresses and contacts, as CSV.

    Columns: ``reference_id, kind, child_reference_id, id, display_id``. Cells that a spreadsheet would run as a formula
    are marked. If ``target`` is given, the CSV is also written to that file, which only its owner can read.

    Raises :class:`UsageError` if the tenant is unknown, or if there are several and none is named, and
    :class:`OutputError` if the file cannot be written.
    """
    with known_ledger(options) as ledger:
        text = csv_bytes(ledger.ids(one_tenant(ledger, options.tenant)))
    if target is not None:
        with whole_file(target, "--output") as file:
            file.write(text)
    return text


def one_tenant(ledger: Ledger, named: str | None) -> str:
    """The tenant ``named``, or the only tenant. Otherwise, raises :class:`UsageError` that lists the known tenants."""
    known = ledger.tenants()
    if named in known or (named is None and len(known) == 1):
        return named or known[0]
    listed = ", ".join(known) or "none"
    wrong = f"has no account {named}" if named else f"has {len(known)} accounts"
    raise UsageError(
        f"the ledger {ledger.place} {wrong}; known accounts: {listed}", "Specify one of them with --tenant."
    )


def chosen_run(ledger: Ledger, options: Options, run_id: str | None) -> Run:
    """The run ``run_id``, or the latest one. Raises :class:`UsageError` if there is none, or it has another tenant."""
    run = ledger.run(run_id) if run_id else ledger.latest_run(options.tenant)
    if options.tenant not in {None, run.tenant}:
        raise UsageError(
            f"run {run.id} belongs to account {run.tenant}, not {options.tenant}",
            "Leave out --tenant, or specify another run (`importer runs` lists all runs).",
        )
    return run


def folder_of(ledger: Ledger, run: Run) -> RunFolder:
    """The folder of a run. Raises :class:`UsageError` if the run stopped before it made a plan."""
    folder = RunFolder(run.out)
    if not ledger.counts(run.id) and folder.load_bodies() is None:
        raise UsageError(
            f"run {run.id} stopped before it made a plan, so there is nothing to continue",
            "Run again with the same sources. Nothing was sent.",
        )
    return folder


def report(options: Options, run_id: str | None) -> dict[str, Any]:
    """Write the reports of a run, a check, or a plan again. Returns the summary.

    The reports of a run show the ledger's current outcomes. Raises :class:`UsageError` if there is no such run or it
    stopped before it had reports, and :class:`OutputError` if the files that the reports need are gone.
    """
    unsent = _unsent_folder(options.out, run_id) if run_id else None
    if unsent is not None:
        return _report_unsent(unsent, options)
    with known_ledger(options) as ledger:
        if run_id and all(run.id != run_id for run in ledger.runs()):
            raise UsageError(
                f"there is no run, plan, or check {run_id}",
                "`importer runs` lists the runs. For a check or plan, specify its folder with --out.",
            )
        run = chosen_run(ledger, options, run_id)
        folder = folder_of(ledger, run)
        if not folder.path.is_dir():
            raise UsageError(
                f"run {run.id}: its folder {folder.path} no longer exists",
                "The reports can be regenerated only from that folder.",
            )
        last = run.summary or {}
        stage = folder.load()
        stage = replace(stage, facts={**stage.facts, "timings": last.get("timings", stage.facts["timings"])})
        # The end that the run itself recorded, which is before its reports were written.
        finished = datetime.fromisoformat(last["finished"]) if last else run.finished_at or datetime.now(UTC)
        return report_run(
            ledger,
            run.id,
            folder,
            stage,
            run.exit_code,
            Commands.of(options, run=run.id, out=run.out.parent, kept=stage.facts["options"]),
            finished=finished,
            stopped=last.get("stopped"),
            pace=last.get("pace"),
            adopted=last.get("adopted"),
            reader=Reader(options.for_, options.contact),
        )


def _unsent_folder(out: Path, name: str) -> RunFolder | None:
    """The folder of a check or plan: ``name`` is its ID below ``out``, or its path. None if there is no such folder."""
    for folder in (RunFolder(path) for path in (out / name, Path(name))):
        try:
            command = json.loads(folder.file("summary.json").read_bytes())["command"]
        except (OSError, ValueError, KeyError):
            continue
        return folder if command in UNSENT else None
    return None


def _report_unsent(folder: RunFolder, options: Options) -> dict[str, Any]:
    """Write the reports of a check or a plan again. Returns the summary.

    Raises :class:`OutputError` if the files that the reports need are gone.
    """
    stage, last = folder.load(), json.loads(folder.file("summary.json").read_bytes())
    stage = replace(stage, facts={**stage.facts, "timings": last["timings"]})
    saved = folder.load_plan()
    end = RunEnd(
        last["exit_code"],
        datetime.fromisoformat(last["finished"]),
        plan=last["plan"],
        lookups=last["lookups"],
        imported_before=last["imported_before"],
        reader=Reader(options.for_, options.contact),
        fingerprint=None if saved is None else saved[1].get("fingerprint"),
    )
    kept = stage.facts["options"]
    commands = Commands.of(options, run=folder.run_id, out=folder.path.parent.absolute(), kept=kept)
    outcomes = read_csv(folder.file("results.csv"))[["reference_id", *COLUMNS]]
    return write_reports(folder, stage, outcomes, None, end, commands)
