"""Deleting the folders of old runs, checks, and plans (``--keep``)."""

import json
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from importer.errors import ImporterError
from importer.run_folder import RunFolder

if TYPE_CHECKING:  # a check needs no ledger
    from importer.ledger import Ledger, Run

Notify = Callable[[str], None]


def prune(ledger: "Ledger", ended: "Run", keep: int, notify: Notify) -> None:
    """Delete the folders of a tenant's runs, except the latest ``keep`` of them. The tenant's lock must be held.

    The run ``ended`` keeps its folder, and so do runs that can be resumed and runs whose folders contain files that are
    not the importer's. The history keeps all runs. A folder that cannot be deleted is only reported, because the run
    itself succeeded. Next to ``ended``, the folders of the tenant's plans and of checks with the same mapping are
    deleted in the same way.
    """
    runs = [run for run in ledger.runs(ended.tenant) if run.out.name == run.id and run.out.is_dir()]
    runs = [run for run in runs if not run.out.is_symlink()]
    for run in runs[keep:]:
        if run.id == ended.id:
            continue
        folder = RunFolder(run.out)
        try:
            planned = bool(ledger.counts(run.id))
            if ledger.has_open_ends(run) if planned else folder.load_bodies() is not None:
                continue
            why = _removed(folder, (run.summary or {}).get("files", ()), partial(ledger.erase_values, run))
        except ImporterError as error:
            why = error.message
        _report(f"run {run.id}", why, notify)
    prune_plans(ended.out, ended.tenant, keep, notify)
    prune_checks(ended.out, ended.mapping, keep, notify)


def prune_checks(ended: Path, mapping: str, keep: int, notify: Notify) -> None:
    """Delete the folders of checks with a mapping next to ``ended``, except that one and the latest ``keep``."""
    _prune(ended, "check", lambda summary, _: summary["mapping"]["name"] == mapping, keep, notify)


def prune_plans(ended: Path, tenant: str, keep: int, notify: Notify) -> None:
    """Delete the folders of a tenant's plans next to ``ended``, except that one and the latest ``keep``.

    This includes plans that were applied.
    """
    _prune(ended, "plan", lambda _, folder: planned_for(folder) == tenant, keep, notify)


def planned_for(folder: RunFolder) -> str | None:
    """The tenant of a saved plan; None if the folder has no plan."""
    try:
        saved = folder.load_plan()
    except ImporterError:
        return None
    return None if saved is None else str(saved[1].get("tenant"))


def dry_folders(out: Path) -> Iterator[tuple[RunFolder, dict[str, Any]]]:
    """The folders of checks and plans in ``out`` with their summaries, newest first."""
    found = []
    for path in out.iterdir() if out.is_dir() else ():
        try:
            summary = None if path.is_symlink() else json.loads((path / "summary.json").read_bytes())
            if summary and summary["run_id"] == path.name and summary["command"] in {"check", "plan"}:
                written = (path / "summary.json").stat().st_mtime_ns  # several may begin in the same second
                found.append((summary["started"], written, path, summary))
        except (OSError, ValueError, KeyError, TypeError):  # not a folder of the importer
            continue
    for _, _, path, summary in sorted(found, key=lambda one: one[:2], reverse=True):
        yield RunFolder(path), summary


def unfinished_folders(out: Path) -> list[Path]:
    """The folders in ``out`` of runs, checks, and plans without a summary: they are still running, or were killed."""
    found = out.glob("*/payloads.jsonl")
    return sorted(path.parent for path in found if not path.with_name("summary.json").exists())


def _prune(
    ended: Path, command: str, wanted: Callable[[dict[str, Any], RunFolder], bool], keep: int, notify: Notify
) -> None:
    found = ((folder, summary) for folder, summary in dry_folders(ended.parent) if summary["command"] == command)
    for folder, summary in [one for one in found if wanted(one[1], one[0])][keep:]:
        if folder.path == ended:  # others began later but ended before it
            continue
        _report(f"{command} {folder.run_id}", _removed(folder, summary["files"]), notify)


def _removed(folder: RunFolder, files: Any, before: Callable[[], None] = lambda: None) -> str:
    """Delete a folder. Returns why not, if it cannot be deleted. ``before`` is called first, so it can be repeated."""
    try:
        unexpected = folder.unexpected_files(files)
        if unexpected:
            return f"it contains {', '.join(unexpected[:3])}, which the importer did not create"
        before()
        shutil.rmtree(folder.path)  # links in it are not followed
    except OSError as error:
        return f"{error.strerror}: {error.filename}"
    return ""


def _report(what: str, why: str, notify: Notify) -> None:
    notify(f"--keep: the folder of {what} " + (f"was not deleted: {why}" if why else "was deleted"))
