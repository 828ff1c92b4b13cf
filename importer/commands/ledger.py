"""``ledger``: check, copy, and shrink the ledger, and erase the personal data of customers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from importer.commands.history import one_tenant
from importer.corrections.corrections_file import changing, without
from importer.errors import InputError, OutputError
from importer.ledger import open_ledger
from importer.report.report_files import read_csv
from importer.run_folder import RunFolder
from importer.settings import Options
from importer.settings.options import PERSONAL_FILES
from importer.workflow.old_folders import dry_folders, unfinished_folders


def ledger_faults(options: Options) -> list[str]:
    """What is wrong with the ledger, in sentences; empty if it is intact."""
    with open_ledger(options.ledger, absent="refuse") as ledger:
        return ledger.faults()


def backup_ledger(options: Options, target: Path) -> int:
    """Write a copy of the ledger to a new file. Returns its size in bytes.

    Raises :class:`UsageError`, :class:`LedgerError`.
    """
    with open_ledger(options.ledger, absent="refuse") as ledger:
        ledger.backup(target)
    return target.stat().st_size


def vacuum_ledger(options: Options) -> tuple[int, int]:
    """Free unused disk space. Returns the size in bytes before and after."""
    with open_ledger(options.ledger, absent="refuse") as ledger:
        return ledger.vacuum()


@dataclass(frozen=True)
class Forgotten:
    """What was erased. ``customers``: how many customers of the ledger. ``corrections``: how many corrections.

    ``left``: the folders and files that may still contain their data.
    """

    customers: int
    corrections: int
    left: tuple[Path, ...]


def forget(options: Options, reference_ids: Sequence[str]) -> Forgotten:
    """Erase the personal data of customers of one tenant, which must be named if there are several.

    The data is erased in the ledger and in the corrections files that the tenant's runs used. Value tables, run
    folders, and the folders of checks and plans next to them are only named in the result. Raises
    :class:`UsageError`, and :class:`LedgerError` if the outcome of one of the customers is still unknown.
    """
    with open_ledger(options.ledger, absent="refuse") as ledger:
        tenant = one_tenant(ledger, options.tenant)
        with ledger.lock(tenant, "forget"):
            known, folders = ledger.forget(tenant, reference_ids)
            runs = ledger.runs(tenant)
    outs = dict.fromkeys([*(run.out.parent for run in runs), options.out.absolute()])
    dry = [one for out in outs for one in dry_folders(out)]
    used = [run.options for run in runs] + [summary["options"] for _, summary in dry]
    files = {
        name: dict.fromkeys(path for one in used if name in one and (path := Path(one[name]).absolute()).is_file())
        for name in PERSONAL_FILES
    }
    erased, doubtful = _erased(files["corrections"], reference_ids)
    others = [RunFolder(run.out) for run in runs if run.out.exists()]  # they may have rejected a customer
    found = [folder.path for folder in (*others, *(one for one, _ in dry)) if _has(folder, reference_ids)]
    found += [path for out in outs for path in unfinished_folders(out)]
    return Forgotten(known, erased, tuple(dict.fromkeys([*folders, *found, *doubtful, *files["values"]])))


def _erased(files: Iterable[Path], reference_ids: Sequence[str]) -> tuple[int, list[Path]]:
    """Erase the corrections of customers. Returns how many were erased, and the files that may still have some."""
    count, doubtful = 0, []
    for path in files:
        try:
            with changing(path) as file:
                kept = without(file, reference_ids)
                if len(kept.corrections) < len(file.corrections):
                    kept.write()
            count += len(file.corrections) - len(kept.corrections)
            if any(not one.reference_id for one in kept.corrections):  # corrections of rows without a customer
                doubtful.append(path)
        except InputError:
            doubtful.append(path)
    return count, doubtful


def _has(folder: RunFolder, reference_ids: Sequence[str]) -> bool:
    """Whether any of the customers is, or may be, among the results in a folder."""
    try:
        return bool(read_csv(folder.file("results.csv"))["reference_id"].isin(list(reference_ids)).any())
    except (OutputError, KeyError):
        return True
