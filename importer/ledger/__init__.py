"""The ledger: accounts, what was planned and sent for them, and the outcomes. The only package with SQL."""

from importer.ledger.after_run import LedgerCustomer, RemovedCustomer
from importer.ledger.ledger import Ledger, open_ledger
from importer.ledger.ledger_schema import NOT_SENT, State, WriteState
from importer.ledger.runs import Run
from importer.ledger.send_states import Accepted, Attempt, Base, Item, LedgerStep
from importer.ledger.writes import Write

__all__ = [
    "NOT_SENT",
    "Accepted",
    "Attempt",
    "Base",
    "Item",
    "Ledger",
    "LedgerCustomer",
    "LedgerStep",
    "RemovedCustomer",
    "Run",
    "State",
    "Write",
    "WriteState",
    "open_ledger",
]
