"""``--keep``: the folders of old runs go, once nothing is left to do in them."""

from collections.abc import Callable

from importer.errors import ImporterError
from importer.ledger import Ledger, Run
from importer.run_folder import RunFolder

__all__ = ["prune"]


def prune(ledger: Ledger, ended: Run, keep: int, tell: Callable[[str], None]) -> None:
    """Delete the folders of a tenant's runs but for the latest ``keep`` that have one. Its lock must be held.

    A run that can be gone on with keeps its folder, as do ``ended``, which calls for this, and one that holds what
    others put there; the history keeps all. What cannot be deleted is told and left: the run has ended well.
    """
    runs = [run for run in ledger.runs(ended.tenant) if run.out.name == run.id and RunFolder(run.out).exists]
    for run in runs[keep:]:
        if run.id == ended.id:
            continue
        try:
            if _unfinished(ledger, run):
                continue
            why = _remove(ledger, run)
        except OSError as error:
            why = f"{error.strerror}: {error.filename}"
        except ImporterError as error:
            why = error.message
        tell(f"--keep: the folder of run {run.id} " + (f"stays: {why}" if why else "was deleted"))


def _unfinished(ledger: Ledger, run: Run) -> bool:
    """Whether the run can be gone on with: customers are open, or it was stopped before its plan was entered."""
    if not ledger.counts(run.id):
        return RunFolder(run.out).load_bodies() is not None
    return ledger.has_open_ends(run)


def _remove(ledger: Ledger, run: Run) -> str:
    """Delete a run's folder, and the values from before its updates. Returns why not, or nothing."""
    folder = RunFolder(run.out)
    strangers = folder.unexpected_files((run.summary or {}).get("files", ()))
    if strangers:
        return f"it holds {', '.join(strangers[:3])}, which the importer did not put there"
    folder.remove()
    ledger.erase_values(run)
    return ""
