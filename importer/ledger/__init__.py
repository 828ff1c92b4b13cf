"""The ledger: who imports, what was planned, what was sent, and what came of it. The only owner of SQL."""

from importer.ledger.after_run import LedgerCustomer, Removed
from importer.ledger.ledger import Ledger, open_ledger
from importer.ledger.ledger_schema import State, WriteState
from importer.ledger.maintenance import Forgotten
from importer.ledger.runs import Run
from importer.ledger.send_states import Accepted, Attempt, Base, Item, Step
from importer.ledger.writes import Write

__all__ = [
    "Accepted",
    "Attempt",
    "Base",
    "Forgotten",
    "Item",
    "Ledger",
    "LedgerCustomer",
    "Removed",
    "Run",
    "State",
    "Step",
    "Write",
    "WriteState",
    "open_ledger",
]
