"""What undoing a run would do, as far as the ledger knows: the counts that the question states."""

from dataclasses import dataclass

from importer.ledger import Ledger, Run
from importer.sender.findings import BLOCK
from importer.sender.restoring import is_open, replaced_by

__all__ = ["Forecast", "forecast"]


@dataclass(frozen=True, slots=True)
class Forecast:
    """How many customers undo would delete and restore, and how many updates it cannot take back."""

    deleted: int
    restored: int
    kept: int


def forecast(ledger: Ledger, run: Run) -> Forecast:
    """What undoing ``run`` would do, as far as the ledger knows. Raises :class:`LedgerError`."""
    restored = kept = 0
    after = -1
    while block := ledger.updated_by(run, after=after, count=BLOCK):
        after = block[-1].item.position
        for writes in ledger.writes_of(run, [customer.item.reference_id for customer in block]).values():
            left = [replaced_by(write).restorable for write in writes if is_open(write)]
            restored += any(left)
            kept += not any(left) and bool(left or not writes)
    return Forecast(ledger.count_made(run), restored, kept)
