"""The ledger: who imports, what was planned, what was sent, and what came of it. The only owner of SQL."""

from importer.ledger.aftermath import Held, Removed
from importer.ledger.care import Forgotten
from importer.ledger.ledger import Ledger, open_ledger
from importer.ledger.runs import Run
from importer.ledger.schema import State
from importer.ledger.sending import Accepted, Attempt, Base, Item, Step

__all__ = [
    "Accepted",
    "Attempt",
    "Base",
    "Forgotten",
    "Held",
    "Item",
    "Ledger",
    "Removed",
    "Run",
    "State",
    "Step",
    "open_ledger",
]
