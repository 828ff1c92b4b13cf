"""What a run does with each customer, from what the ledger and the API know of it. Nothing here reads or writes."""

from importer.planner.actions import LOST, Mode, drift, ids_to_look_up, plan
from importer.planner.merger import Clears, Merger
from importer.planner.updates import Change, ChildChange, CustomerUpdate

__all__ = [
    "LOST",
    "Change",
    "ChildChange",
    "Clears",
    "CustomerUpdate",
    "Merger",
    "Mode",
    "drift",
    "ids_to_look_up",
    "plan",
]
